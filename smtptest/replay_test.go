package smtptest_test

import (
	"context"
	"errors"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/replay"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtptest"
	"github.com/parleymail/parley/transcript"
)

// What a customer's log has is kept as a file, and is a server in the test of what the program does about it.
func ExampleReplay() {
	_ = func(t *testing.T) {
		file, err := os.Open("testdata/customer.txt")
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		recorded, err := transcript.Read(file)
		if err != nil {
			t.Fatal(err)
		}
		server := smtptest.Replay(t, recorded)

		_, err = server.Client().Send(context.Background(), order) // or a program that is given server.URL()
		if e, ok := errors.AsType[*smtp.Error](err); !ok || diagnose.Explain(e).Kind != "sender-mismatch" {
			t.Errorf("got %v", err)
		}
	}
}

const customer = `
-- connected to smtp.163.com:465
-- TLS 1.3 started, TLS_AES_128_GCM_SHA256, certificate for *.163.com
S: 220 163.com Anti-spam GT for Coremail System
C: EHLO shop
S: 250-mail
S: 250-AUTH LOGIN PLAIN
S: 250 8BITMIME
C: AUTH PLAIN (secret)
S: 235 Authentication successful
C: MAIL FROM:<sales@example.cn>
S: 553 Mail from must equal authorized user
C: QUIT
S: 221 Bye
-- closed
`

func TestReplay(t *testing.T) {
	recorded, err := transcript.Parse(customer)
	if err != nil {
		t.Fatal(err)
	}
	server := smtptest.Replay(t, recorded)
	_, err = server.Client().Send(t.Context(), order)
	if d := diagnose.Explain(err); d.Kind != "sender-mismatch" {
		t.Errorf("%v: %s", err, d.Kind)
	}
	if list := server.Departures(); len(list) != 1 || list[0].Kind != replay.Other || list[0].Recorded != "MAIL FROM:<sales@example.cn>" {
		t.Errorf("%+v", list)
	}
	client, err := smtp.ParseURL(server.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	_, err = client.Send(t.Context(), order)
	if d := diagnose.Explain(err); d.Kind != "sender-mismatch" {
		t.Errorf("over loopback: %v: %s", err, d.Kind)
	}
}

// TestReplayTakesItsTime: a server that was slow is slow again, in no time at all.
func TestReplayTakesItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := smtptest.Replay(t, transcript.Transcript{
			{Did: smtp.Answer, Line: "220 mx", Took: 4 * time.Minute},
			{Did: smtp.Command, Line: "EHLO localhost"},
			{Did: smtp.Answer, Line: "250 mx", Took: time.Second},
			{Did: smtp.Command, Line: "MAIL FROM:<shop@example.com>"},
			{Did: smtp.Answer, Line: "451 later", Took: 2 * time.Minute},
		})
		server.Times = true
		began := time.Now()
		_, err := server.Client().Send(t.Context(), order)
		if took := time.Since(began); err == nil || took < 6*time.Minute+time.Second || took > 7*time.Minute {
			t.Errorf("%v, after %v", err, took)
		}
	})
}
