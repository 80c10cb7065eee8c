package main

import (
	"crypto/tls"
	"net"
	netsmtp "net/smtp"
	"runtime"
	"testing"

	"github.com/parleymail/parley/diagnose"
)

// programs fail as those do that send mail by Go's own package net/smtp.
var programs = []struct {
	name      string
	fail      func(w *world) error
	kind      diagnose.Kind
	temporary bool
	pasted    diagnose.Kind // what the words alone tell, and for good; empty: the same
}{
	{name: "net-smtp-password-in-clear", fail: func(w *world) error {
		p := bare
		p.clear = []string{"AUTH PLAIN LOGIN"}
		return w.dial(p.start(w)).Auth(netsmtp.PlainAuth("", "kim", secret, "mail.example.org"))
	}, kind: "tls-required"},
	{name: "net-smtp-other-host", fail: func(w *world) error {
		ca := w.issuer("Example Root CA", nil)
		p := postfix
		p.tls = ca.config(leaf{names: []string{"mail.example.org"}})
		c := w.dial(p.start(w))
		if err := c.StartTLS(&tls.Config{ServerName: "mail.example.org", RootCAs: ca.pool()}); err != nil {
			w.t.Fatal(err)
		}
		return c.Auth(netsmtp.PlainAuth("", "kim", secret, "smtp.example.org"))
	}, kind: "config-invalid"},
	{name: "net-smtp-no-auth", fail: func(w *world) error {
		return netsmtp.SendMail(bare.start(w), netsmtp.PlainAuth("", "kim", secret, "127.0.0.1"), "shop@example.com", []string{"kim@example.net"}, []byte("Subject: 7\r\n\r\n"))
	}, kind: "auth-mechanism"},
	{name: "net-smtp-tls-on-plain-port", fail: func(w *world) error {
		_, err := tls.Dial("tcp", bare.start(w), &tls.Config{ServerName: "mail.example.org"})
		return err
	}, kind: "wrong-port-or-tls-mode"},
	{name: "net-smtp-name-with-port", fail: func(w *world) error {
		ca := w.issuer("Example Root CA", nil)
		p := gmail
		p.tls = ca.config(leaf{names: []string{"mail.example.org"}})
		cfg := &tls.Config{ServerName: "mail.example.org:465", RootCAs: ca.pool()}
		_, err := tls.Dial("tcp", p.start(w), cfg)
		return err
	}, kind: "config-invalid"},
	{name: "net-smtp-unknown-ca", fail: func(w *world) error {
		return w.dial(w.secured(postfix).start(w)).StartTLS(&tls.Config{ServerName: "mail.example"})
	}, kind: "certificate"},
	{name: "net-smtp-idle", fail: func(w *world) error {
		c := w.dial(postfix.with("NOOP", hangsUp).start(w))
		c.Noop() // what a server does to a connection that is idle for too long
		return c.Mail("shop@example.com")
	}, kind: "connection-lost", temporary: true, pasted: "wrong-port-or-tls-mode"}, // a bare EOF is mostly heard before a greeting
}

// TestFailuresOfPrograms explains the errors of programs that do not use this library: as they
// are, and as they stand in a log.
func TestFailuresOfPrograms(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("what the system says of connections is Linux's, in the goldens")
	}
	for _, p := range programs {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			o := &ordeal{t: t, name: p.name}
			err := p.fail(&world{t: t})
			if err == nil {
				t.Fatal("nothing failed")
			}
			d := diagnose.Explain(err)
			o.add("library", diagnosed(err.Error(), &d))
			want := pastedResult{p.kind, p.temporary}
			if p.pasted != "" {
				want = pastedResult{p.pasted, false}
			}
			var pasted pastedResult
			o.runJSON(&pasted, "explain", err.Error())
			if d.Kind != p.kind || d.Temporary != p.temporary || pasted != want {
				t.Errorf("%v: %s, temporary: %v; as text %v; expected %s, %v, and %v", err, d.Kind, d.Temporary, pasted, p.kind, p.temporary, want)
			}
			for _, lang := range []string{"en", "zh"} {
				o.add("explain "+lang, o.run("explain", "--lang", lang, err.Error()))
			}
			o.compare()
		})
	}
}

// A pastedResult is what is expected of parley explain.
type pastedResult struct {
	Kind      diagnose.Kind
	Temporary bool
}

// dial connects as a program does that took the server's name from its settings.
func (w *world) dial(addr string) *netsmtp.Client {
	w.t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { conn.Close() })
	c, err := netsmtp.NewClient(conn, "mail.example.org")
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}
