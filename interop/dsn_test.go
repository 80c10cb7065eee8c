package interop_test

import (
	"bytes"
	"crypto/rand"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/dsn"
	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtpd"
)

// envelopeIDs are how the servers' reports name an envelope ID of "a+b=c", which is said
// to them as "a+2Bb+3Dc" (xtext, RFC 3461 §4).
var envelopeIDs = map[string]string{
	"postfix":   "Original-Envelope-Id: a+b=c",
	"dovecot":   "Original-Envelope-Id: a+b=c",
	"exim":      "Original-Envelope-ID: a+2Bb+3Dc", // not decoded, against RFC 3464 §2.2.1
	"opensmtpd": "",                                // takes it, and leaves it out
}

// TestDSN asks each server that offers DSN for word of a delivery, and looks for it:
// what stands on MAIL and RCPT was understood as it was meant.
func TestDSN(t *testing.T) {
	each(t, func(t *testing.T, s server, p *peer, inbox maildir) {
		o, err := hear(t.Context(), p.addr("TLS"), implicitTLS, p.tls())
		if err != nil {
			t.Fatal(err)
		}
		if !o.has("DSN") {
			t.Skip("EHLO does not offer DSN")
		}
		client := p.client(implicitTLS, "PLAIN")
		defer client.Close()
		m := features[1].message("dsn")
		m.From.Address = strings.ToLower(rand.Text()) + "@example.net"
		m.Notify, m.Return, m.EnvelopeID = mail.NotifySuccess, mail.ReturnHeader, "a+b=c"
		if _, err := client.Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		var report delivered
		inbox.watch(t, func(d delivered) bool {
			if slices.Contains(d.recipients(), m.From.Address) {
				report = d
			}
			return report.file != ""
		})
		if report.file == "" {
			t.Fatal("no report came")
		}
		for _, want := range []string{envelopeIDs[s.name], "Final-Recipient: rfc822;", "Action: ", "Status: 2."} {
			if !bytes.Contains(report.body, []byte(want)) {
				t.Errorf("the report has no %q: %s", want, report.body)
			}
		}
		if bytes.Contains(report.body, []byte("the last line")) {
			t.Errorf("the report brings the content back, though RET=HDRS was asked for: %s", report.body)
		}
	})
}

// bouncing are the servers that bounce what the next hop refuses for good. OpenSMTPD takes any refusal
// by LMTP for a passing one, and the others hand nothing on.
var bouncing = []string{"postfix", "exim"}

// TestBounces has each server bounce a mail that the next hop refuses, reads the
// bounce, and matches it to the mail: by ENVID, by VERP, by ORCPT, by Message-ID.
func TestBounces(t *testing.T) {
	each(t, func(t *testing.T, s server, p *peer, inbox maildir) {
		if !slices.Contains(bouncing, s.name) {
			return
		}
		refuseAll(t, filepath.Join(p.state, "bounce.sock"))
		signer := &dsn.Signer{Key: []byte("a key of these tests alone")}
		base := mail.Path{Local: "bounces", Domain: "example.net"}
		token := strings.ToLower(rand.Text())[:13]
		sender, err := signer.Path(base, token)
		if err != nil {
			t.Fatal(err)
		}
		id := token + "@example.net"
		client := p.client(implicitTLS, "PLAIN")
		defer client.Close()
		_, err = client.Send(t.Context(), &mail.Raw{
			Env: mail.Envelope{
				ReversePath: sender, ID: token, Return: mail.ReturnHeader,
				Recipients: []mail.Recipient{
					{Path: mail.Path{Local: "gone", Domain: "bounce.example"}, Notify: mail.NotifyFailure, Original: "rfc822;kim@example.com"},
					{Path: mail.Path{Local: "full", Domain: "bounce.example"}, Notify: mail.NotifyFailure, Original: "rfc822;lee@example.com"},
				},
			},
			Data: []byte("From: bounces@example.net\r\nTo: kim@example.com\r\nSubject: to be refused\r\nMessage-ID: <" + id + ">\r\nDate: Mon, 23 Nov 2026 09:00:00 +0800\r\n\r\nx\r\n"),
		})
		if err != nil {
			t.Fatal(err)
		}
		found, file := map[mail.Path]dsn.Recipient{}, ""
		defer func() {
			if b, err := os.ReadFile(file); t.Failed() && err == nil {
				t.Logf("the bounce: %s", b)
			}
		}()
		inbox.watch(t, func(d delivered) bool {
			n := notice(t, d)
			if got := tokenIn(signer, base, n); got != token {
				return false
			}
			if n.Kind != dsn.Failure || n.Form != "rfc3464" || n.Original.MessageID != id || n.Original.Subject != "to be refused" {
				t.Errorf("it is %s by %s, about %+v", n.Kind, n.Form, n.Original)
			}
			if n.EnvelopeID != token || n.ReportingMTA == "" {
				t.Errorf("envelope ID %q, reported by %q", n.EnvelopeID, n.ReportingMTA)
			}
			file = d.file
			for _, r := range n.Recipients {
				found[r.Final] = r
			}
			return len(found) == 2
		})
		for local, said := range map[string]struct {
			reply string
			kind  diagnose.Kind
			orcpt string
		}{
			"gone": {"550 5.1.1 no such user", "recipient-unknown", "rfc822;kim@example.com"},
			"full": {"552 5.2.2 mailbox full", "mailbox-full", "rfc822;lee@example.com"},
		} {
			r, ok := found[mail.Path{Local: local, Domain: "bounce.example"}]
			if !ok {
				t.Errorf("no bounce tells of %s: %v", local, found)
				continue
			}
			if r.Action != dsn.Failed || r.Reply.String() != said.reply || r.Why.Kind != said.kind {
				t.Errorf("%s %s with %q (%s), which means %s", local, r.Action, r.Reply, r.Diagnostic, r.Why.Kind)
			}
			if r.Original != said.orcpt {
				t.Errorf("%s was first %q", local, r.Original)
			}
		}
	})
}

// refuseAll is a next hop that takes nothing.
func refuseAll(t *testing.T, socket string) {
	t.Helper()
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(socket, 0o666); err != nil {
		t.Fatal(err)
	}
	hop := &smtpd.Server{
		Hostname: "next.example", LMTP: true,
		Rcpt: func(_ *smtpd.Transaction, r mail.Recipient) smtp.Reply {
			if r.Path.Local == "full" {
				return smtpd.Reply("552 5.2.2 mailbox full")
			}
			return smtpd.Reply("550 5.1.1 no such user")
		},
	}
	go hop.Serve(l)
	t.Cleanup(func() { hop.Close() })
}

func notice(t *testing.T, d delivered) *dsn.Notice {
	t.Helper()
	f, err := os.Open(d.file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	n, err := dsn.Read(f)
	if err != nil {
		t.Fatalf("%s: %v", d.file, err)
	}
	return n
}

func tokenIn(s *dsn.Signer, base mail.Path, n *dsn.Notice) string {
	for _, p := range n.To {
		if token, ok := s.Token(base, p); ok {
			return token
		}
	}
	return ""
}
