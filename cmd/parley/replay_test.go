package main

import (
	"context"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/gloss"
	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/replay"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/transcript"
)

// notReplayed are the failures that are none of a server's: what happens before it says anything, certificates, and
// what the mail itself or another library does.
func notReplayed(s *scenario, recorded transcript.Transcript) bool {
	said := false
	for _, e := range recorded {
		said = said || e.Did == smtp.Answer
	}
	return !said || strings.HasPrefix(s.name, "certificate-") || strings.HasPrefix(s.name, "tls-too-old")
}

// TestFailuresReplayed: each failure that people meet is recorded, kept as text, and played; our client fails by it as
// by the real one, the two conversations are the same, and the diagnosis is too.
func TestFailuresReplayed(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("what the system says of connections is Linux's")
	}
	var mu sync.Mutex
	played := 0
	t.Run("each", func(t *testing.T) {
		for _, s := range scenarios() {
			t.Run(s.name, func(t *testing.T) {
				t.Parallel()
				if s.replayed(t) {
					mu.Lock()
					played++
					mu.Unlock()
				}
			})
		}
	})
	if played < 40 {
		t.Errorf("only %d failures were played", played)
	}
}

// try sends a mail as a program does, and gives what was said, and what the error means.
func (s *scenario) try(t *testing.T, url string, change func(*smtp.Client)) (transcript.Transcript, diagnose.Diagnosis) {
	t.Helper()
	client, err := smtp.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	var r transcript.Recorder
	client.Trace, client.Hello = r.Trace, "shop.example"
	change(client)
	from, to := s.paths()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	_, err = client.Send(ctx, &mail.Message{From: mail.Address{Address: from}, To: mail.To(to), Subject: "Order 7", Text: s.text()})
	client.Close()
	return r.Transcript(), diagnose.Explain(err)
}

func (s *scenario) replayed(t *testing.T) bool {
	w := &world{t: t}
	url := withPassword(s.serve(w))
	recorded, meant := s.try(t, url, func(*smtp.Client) {})
	if notReplayed(s, recorded) {
		t.Log("no server says anything here: there is nothing to play")
		return false
	}
	kept, err := transcript.Parse(recorded.String())
	if err != nil {
		t.Fatal(err)
	}
	user, password := credentialsOf(url)
	server := &replay.Server{Transcript: kept, Users: map[string]string{user: password}}
	var departed []string
	server.Departed = func(d replay.Departure) { departed = append(departed, d.Words.En) }
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go server.Serve(l)
	again, meansNow := s.try(t, url, func(c *smtp.Client) {
		c.Addr, c.Fingerprint = l.Addr().String(), server.Fingerprint()
		if c.Security == smtp.Automatic && server.Speaks() == smtp.ImplicitTLS {
			c.Security = smtp.ImplicitTLS
		}
	})
	server.Close()
	if d := transcript.Diff(recorded, again).First(); d != nil {
		t.Errorf("%s\nrecorded\n%vreplayed\n%v", gloss.Contrasted(*d, "").Words.En, recorded, again)
	}
	if meant.Kind != meansNow.Kind || meant.Temporary != meansNow.Temporary {
		t.Errorf("it meant %s, and now %s\nrecorded\n%vreplayed\n%v", meant.Kind, meansNow.Kind, recorded, again)
	}
	if len(departed) > 0 {
		t.Errorf("the same client departs: %q", departed)
	}
	return true
}

// credentialsOf are the user and the password of a URL.
func credentialsOf(url string) (user, password string) {
	_, rest, _ := strings.Cut(url, "://")
	at := strings.LastIndexByte(rest, '@')
	if at < 0 {
		return "nobody", "nothing"
	}
	user, password, _ = strings.Cut(rest[:at], ":")
	return strings.ReplaceAll(user, "%40", "@"), password
}
