package inbox_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/inbox"
	"github.com/parleymail/parley/internal/throwaway"
)

// talk says lines over a connection, each after the reply to the one before, and hangs up.
func talk(t testing.TB, addr string, lines ...string) {
	t.Helper()
	texts := make([]string, len(lines))
	for i, line := range lines {
		texts[i] = line + "\r\n"
	}
	say(t, addr, texts...)
}

// say is talk with the texts as they are.
func say(t testing.TB, addr string, texts ...string) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(10 * time.Second))
	in := bufio.NewReader(c)
	for _, text := range append([]string{""}, texts...) {
		if _, err = io.WriteString(c, text); err != nil {
			return
		}
		for {
			reply, err := in.ReadString('\n')
			if err != nil {
				return
			}
			if len(reply) > 3 && reply[3] == ' ' {
				break
			}
		}
	}
}

// ended waits until so many sessions are over, and gives them, newest first.
func ended(t testing.TB, store *inbox.Store, n int) []inbox.Session {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	events, stop := store.Watch()
	defer stop()
	for {
		page, err := store.Sessions(ctx, inbox.Query{Text: "-is:open"})
		if err != nil {
			t.Fatal(err)
		}
		if page.Total >= n {
			return page.Items
		}
		select {
		case <-events:
		case <-ctx.Done():
			t.Fatalf("%d of %d sessions are over", page.Total, n)
		}
	}
}

func TestEveryFailedSessionIsKept(t *testing.T) {
	pair, err := throwaway.SelfSigned(time.Now().Add(time.Hour), "mx.example")
	if err != nil {
		t.Fatal(err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{pair}}
	for name, c := range map[string]struct {
		server   func(*inbox.Server) // nil: as it is
		implicit bool
		talk     func(t testing.TB, addr string)
		kind     diagnose.Kind
		why      string // a part of it
		stage    string
	}{
		"TLS on the plain port": {
			talk: func(t testing.TB, addr string) {
				if c, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true}); err == nil {
					c.Close()
					t.Error("TLS was spoken")
				}
			},
			kind: "wrong-port-or-tls-mode", why: "began with TLS",
		},
		"plain text on the TLS port": {
			implicit: true,
			talk: func(_ testing.TB, addr string) {
				if c, err := net.Dial("tcp", addr); err == nil {
					io.WriteString(c, "EHLO client.example\r\n")
					io.Copy(io.Discard, c)
					c.Close()
				}
			},
			kind: "wrong-port-or-tls-mode", why: "does not look like a TLS handshake",
		},
		"a certificate that is not trusted": {
			implicit: true,
			talk: func(t testing.TB, addr string) {
				if c, err := tls.Dial("tcp", addr, &tls.Config{ServerName: "mx.example"}); err == nil {
					c.Close()
					t.Error("the certificate is trusted")
				}
			},
			kind: "certificate", why: "remote error",
		},
		"old TLS": {
			implicit: true,
			talk: func(t testing.TB, addr string) {
				if c, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}); err == nil {
					c.Close()
					t.Error("TLS 1.1 was spoken")
				}
			},
			kind: "tls-handshake", why: "unsupported versions",
		},
		"HTTP": {
			talk: func(t testing.TB, addr string) { talk(t, addr, "GET / HTTP/1.1") },
			kind: "protocol-error", why: "HTTP",
		},
		"a command that there is not": {
			talk: func(t testing.TB, addr string) { talk(t, addr, "EHLO client.example", "FROB", "QUIT") },
			kind: "protocol-error",
		},
		"hung up in a mail": {
			talk: func(t testing.TB, addr string) {
				talk(t, addr, "EHLO client.example", "MAIL FROM:<a@example.com>", "RCPT TO:<b@example.net>", "DATA")
			},
			kind: "connection-lost", why: "hung up", stage: "data",
		},
		"no login": {
			server: func(s *inbox.Server) { s.Users, s.RequireAuth = map[string]string{"kim": "sesame"}, true },
			talk: func(t testing.TB, addr string) {
				talk(t, addr, "EHLO client.example", "MAIL FROM:<a@example.com>", "QUIT")
			},
			kind: "auth-required", stage: "mail",
		},
		"wrong password": {
			server: func(s *inbox.Server) { s.Users = map[string]string{"kim": "sesame"} },
			talk: func(t testing.TB, addr string) {
				talk(t, addr, "EHLO client.example", "AUTH PLAIN AGtpbQBhbGFkZGlu", "QUIT")
			},
			kind: "auth-bad-credential", stage: "auth",
		},
		"a bare LF": {
			talk: func(t testing.TB, addr string) {
				talk(t, addr, "EHLO client.example", "MAIL FROM:<a@example.com>", "RCPT TO:<b@example.net>", "DATA", "Subject: x\n\nbare\r\n.")
			},
			kind: "bare-lf",
		},
		"STARTTLS is wanted": {
			server: func(s *inbox.Server) { s.RequireTLS = true },
			talk: func(t testing.TB, addr string) {
				talk(t, addr, "EHLO client.example", "MAIL FROM:<a@example.com>", "QUIT")
			},
			kind: "tls-required", stage: "mail",
		},
	} {
		t.Run(name, func(t *testing.T) {
			store := open(t, inbox.Options{})
			server := &inbox.Server{Store: store, TLS: config, Hostname: "mx.example"}
			if c.server != nil {
				c.server(server)
			}
			c.talk(t, serveAs(t, server, c.implicit))
			s := ended(t, store, 1)[0]
			said, err := store.Transcript(t.Context(), s.ID)
			if err != nil {
				t.Fatal(err)
			}
			d := inbox.Diagnosis(s, said)
			if !s.Failed || d == nil || d.Kind != c.kind || !strings.Contains(s.Why, c.why) || c.stage != "" && d.Stage.String() != c.stage {
				t.Errorf("%+v\n%+v\n%s", s, d, said)
			}
			if d != nil && (d.Cause.En == "" || d.Cause.Zh == "" || d.Fix.En == "" || d.Fix.Zh == "") {
				t.Errorf("words are missing: %+v", d)
			}
			if page, err := store.Sessions(t.Context(), inbox.Query{Text: "is:failed"}); err != nil || page.Total != 1 {
				t.Errorf("is:failed: %+v, %v", page, err)
			}
			if s.Remote == "" || s.Local == "" {
				t.Errorf("the addresses are missing: %+v", s)
			}
		})
	}
}

// A session that is still going on is there, with what was said so far.
func TestOpenSession(t *testing.T) {
	stores(t, func(t *testing.T, o inbox.Options) {
		store := open(t, o)
		addr := serve(t, &inbox.Server{Store: store, Hostname: "mx.example"})
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		in := bufio.NewReader(c)
		in.ReadString('\n')
		io.WriteString(c, "HELO client.example\r\n")
		in.ReadString('\n')
		page, err := store.Sessions(t.Context(), inbox.Query{Text: "is:open client.example"})
		if err != nil || len(page.Items) != 1 || page.Items[0].Ended != nil || page.Items[0].Failed {
			t.Fatalf("%+v, %v", page, err)
		}
		said, err := store.Transcript(t.Context(), page.Items[0].ID)
		if err != nil || !strings.Contains(said.String(), "C: HELO client.example\nS: 250") {
			t.Errorf("%v\n%s", err, said)
		}
		if n, err := store.DeleteSessions(t.Context(), inbox.Query{}); err != nil || n != 0 {
			t.Errorf("%d, %v", n, err)
		}
		io.WriteString(c, "QUIT\r\n")
		if s := ended(t, store, 1)[0]; s.Failed || s.Hello != "client.example" {
			t.Errorf("%+v", s)
		}
	})
}

// What AUTH says is nowhere: in no table, no transcript, no session.
func TestNoSecretIsKept(t *testing.T) {
	stores(t, func(t *testing.T, o inbox.Options) {
		store := open(t, o)
		addr := serve(t, &inbox.Server{Store: store, Hostname: "mx.example"})
		talk(t, addr, "EHLO client.example", "AUTH PLAIN AGtpbQBvcGVuLXNlc2FtZQ==", "MAIL FROM:<a@example.com>", "RCPT TO:<b@example.net>", "DATA",
			"Subject: x\r\n\r\nx\r\n.", "QUIT")
		talk(t, addr, "EHLO client.example", "AUTH LOGIN", "a2lt", "b3Blbi1zZXNhbWU=", "QUIT")
		list := ended(t, store, 2)
		for _, s := range list {
			if s.User != "kim" || s.Mechanism == "" {
				t.Errorf("%+v", s)
			}
			said, err := store.Transcript(t.Context(), s.ID)
			if err != nil {
				t.Fatal(err)
			}
			mustNotHold(t, said.String())
		}
		if err := store.Close(); err != nil {
			t.Fatal(err)
		}
		if o.Path != "" {
			mustNotHold(t, readAll(t, o.Path))
		}
	})
}

func mustNotHold(t *testing.T, text string) {
	t.Helper()
	for _, secret := range []string{"open-sesame", "b3Blbi1zZXNhbWU", "AGtpbQBvcGVu"} {
		if strings.Contains(text, secret) {
			t.Errorf("%q is kept", secret)
		}
	}
}
