package main

import (
	"context"
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/parleymail/parley/check"
	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/sasl"
	"github.com/parleymail/parley/smtp"
)

// A checked is a server that is to be looked at.
type checked struct {
	check    *check.Check
	shown    string // what it is called in what is printed: never with a password
	user     string // who logs in; empty for nobody
	provider *diagnose.Provider
	params   url.Values // of its URL
	best     string     // the URL that --all found
}

// offersAuth reports whether somebody could have logged in.
func (t *checked) offersAuth(r *check.Report) bool {
	s := r.Step("hello")
	return s != nil && len(s.Facts.Mechanisms) > 0
}

// checkTarget is what SERVER means, see resolve. Without a password nobody logs in, and the
// rest of the way is looked at.
func (u *ui) checkTarget(ctx context.Context, text string, f *checkFlags, in *stdin) (*checked, error) {
	w := wanted{
		text: text, flag: "SERVER", in: in, withoutPassword: true,
		passwordFile: f.passwordFile, passwordCommand: f.passwordCommand,
	}
	if f.user != "" {
		w.passwordFile, w.passwordCommand, w.bare = "", "", true
	}
	if _, info, _ := splitURL(text); strings.Contains(text, "://") && strings.Contains(info, ":") {
		u.warn(wordPasswordInArgument)
	}
	for flag, value := range map[string]string{"--from": f.from, "--to": f.to} {
		if _, err := mail.ParsePath(value); err != nil {
			return nil, &usageError{flag + ": " + err.Error()}
		}
	}
	s, err := u.resolve(ctx, w)
	if domain, ok := unknownDomain(text); err != nil && ok {
		// Its MX may tell whose it is. Nobody logs in at a server that was guessed.
		s, err = &server{client: &smtp.Client{Addr: domain}}, nil
	}
	if err != nil {
		return nil, err
	}
	if err := u.logIn(ctx, s, f, in); err != nil {
		return nil, err
	}
	t := &checked{check: &check.Check{Client: s.client, Timeout: f.timeout, Send: f.send}, shown: s.client.Addr, user: s.user, provider: s.provider}
	if s.client.Auth == nil {
		t.user = ""
	}
	if isLoopback(t.shown) {
		t.provider = nil // some provider's bridge is at 127.0.0.1 too
	}
	if s.name == "" && isBare(text) && s.provider == nil {
		s.client.Addr = hostOf(s.client.Addr) // it may be a mail domain: its MX are looked at too
	}
	if text == "" {
		text = u.env("SMTP_URL")
	}
	if _, query, ok := strings.Cut(text, "?"); ok && s.params == nil {
		s.params, _ = url.ParseQuery(query) // it was read before
	}
	t.params = s.params
	t.envelope(f, s.from)
	if f.send && t.check.From == "" {
		return nil, &usageError{u.say(wordSendFrom)}
	}
	return t, nil
}

// logIn is --user.
func (u *ui) logIn(ctx context.Context, s *server, f *checkFlags, in *stdin) error {
	if f.user == "" {
		return nil
	}
	if s.user != "" {
		return &usageError{u.say(wordUserInURL)}
	}
	password, err := u.given(ctx, &wanted{passwordFile: f.passwordFile, passwordCommand: f.passwordCommand, in: in}, true)
	if err != nil {
		return &usageError{err.Error()}
	}
	if s.user = f.user; password != "" {
		s.client.Auth = sasl.Password(f.user, password)
	}
	return nil
}

// unknownDomain is the domain of a mail address whose provider nobody knows.
func unknownDomain(text string) (string, bool) {
	path, err := mail.ParsePath(text)
	if err != nil || path.Domain == "" || strings.Contains(text, ":") {
		return "", false
	}
	_, known := diagnose.Default().Provider(text)
	return path.Domain, !known
}

// isBare reports whether a host was given alone.
func isBare(text string) bool {
	_, _, err := net.SplitHostPort(text)
	return text != "" && err != nil && !strings.ContainsAny(text, "/@")
}

// envelope settles who is asked for: those of the flags, or whoever logs in.
func (t *checked) envelope(f *checkFlags, from string) {
	t.check.From, t.check.To = f.from, f.to
	if from == "" && strings.Contains(t.user, "@") {
		from = t.user
	}
	if t.check.From == "" && t.check.Client.Auth != nil {
		t.check.From = from
	}
	if t.check.From == "" && f.to != "" {
		t.check.From = "<>"
	}
}

// urlShown is how a program reaches the server, with the password left to be filled in.
func (t *checked) urlShown(w check.Way) string {
	text := w.URL()
	if t.user != "" {
		scheme, rest, _ := strings.Cut(text, "://")
		text = scheme + "://" + url.PathEscape(t.user) + ":PASSWORD@" + rest
	}
	for _, name := range []string{"auth", "ca", "cert", "key", "fingerprint", "hello"} {
		if value := t.params.Get(name); value != "" {
			mark := "?"
			if strings.Contains(text, "?") {
				mark = "&"
			}
			text += mark + name + "=" + url.QueryEscape(value)
		}
	}
	return text
}

// wayOf is the way that a check has gone.
func wayOf(c *smtp.Client) check.Way {
	host, port, _ := net.SplitHostPort(c.Addr)
	w := check.Way{Host: host, Security: c.Security, Works: true}
	w.Port, _ = strconv.Atoi(port)
	if w.Security == smtp.Automatic {
		w.Security = smtp.StartTLS
		if w.Port == 465 {
			w.Security = smtp.ImplicitTLS
		}
	}
	return w
}
