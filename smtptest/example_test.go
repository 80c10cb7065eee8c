package smtptest_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtptest"
)

// A test is a conversation: this server knows b and not c.
func ExamplePlay() {
	_ = func(t *testing.T) {
		client := smtptest.Play(t, `
A server that has no user c.

S: 220 mx.example ESMTP
C: EHLO localhost
S: 250 mx.example
C: MAIL FROM:<a@example.com>*
S: 250 2.1.0 ok
C: RCPT TO:<c@example.net>
S: 550 5.1.1 no such user
`)
		_, err := client.Send(context.Background(), &mail.Message{
			From: mail.Address{Address: "a@example.com"}, To: mail.To("c@example.net"), Text: "Hello.\n",
		})
		e, ok := errors.AsType[*smtp.Error](err)
		if !ok || e.Stage != smtp.StageRcpt || e.Temporary() {
			t.Errorf("got %v, want a refused recipient", err)
		}
	}
}

// The test of a program that sends mail: it is given the server's URL, and what came
// is looked at.
func ExampleServer() {
	_ = func(t *testing.T) {
		server := (&smtptest.Server{Users: map[string]string{"shop": "a secret"}}).Start(t)

		placeOrder(t, server.URL()) // the program

		m := server.Wait(t, 1)[0]
		message, err := m.Message()
		if err != nil {
			t.Fatal(err)
		}
		if m.User != "shop" || message.Subject != "Your order" || m.To()[0] != "kim@example.net" {
			t.Errorf("user %q sent %q to %v\n%s", m.User, message.Subject, m.To(), m.Transcript())
		}
	}
}

// A server that hangs up after it has taken a mail, once: whoever sends must not
// take that for a no.
func ExampleServer_Fault() {
	_ = func(t *testing.T) {
		server := smtptest.NewServer(t)
		server.Fault(smtptest.Fault{Stage: smtp.StageEnd, Mute: true, Then: smtptest.HangUp, Times: 1})

		_, err := server.Client().Send(context.Background(), order)
		if e, ok := errors.AsType[*smtp.Error](err); !ok || !e.Uncertain() {
			t.Errorf("got %v, want an uncertain error", err)
		}
	}
}

// A server that greylists, and is slow about it, in no time at all.
func ExampleServer_Refuse() {
	_ = func(t *testing.T) { // inside synctest.Test
		server := (&smtptest.Server{InMemory: true}).Start(t)
		server.Refuse(smtp.StageRcpt, "*@example.net>*", "451 4.7.1 greylisted, come back in five minutes")
		server.Fault(smtptest.Fault{Stage: smtp.StageEnd, Wait: 9 * time.Minute})

		_, err := server.Client().Send(context.Background(), order)
		if e, ok := errors.AsType[*smtp.Error](err); !ok || !e.Temporary() {
			t.Errorf("got %v, want a temporary error", err)
		}
	}
}

var order = &mail.Message{
	From: mail.Address{Address: "shop@example.com"}, To: mail.To("kim@example.net"),
	Subject: "Your order", Text: "It is on its way.\n",
}

func placeOrder(t *testing.T, url string) {
	client, err := smtp.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := client.Send(t.Context(), order); err != nil {
		t.Fatal(err)
	}
}

// TestExamples runs what the examples show.
func TestExamples(t *testing.T) {
	server := (&smtptest.Server{Users: map[string]string{"shop": "a secret"}}).Start(t)
	placeOrder(t, server.URL())
	m := server.Wait(t, 1)[0]
	message, err := m.Message()
	if err != nil || m.User != "shop" || message.Subject != "Your order" || message.Text != "It is on its way.\n" || m.To()[0] != "kim@example.net" {
		t.Errorf("user %q, message %+v, %v", m.User, message, err)
	}
}
