package main

import (
	"errors"
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/parleymail/parley/check"
	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/smtp"
)

// A checked is a server that is to be looked at.
type checked struct {
	check    *check.Check
	shown    string // what it is called in what is printed: never with a password
	user     string // who logs in; empty for nobody
	provider *diagnose.Provider
	params   url.Values // of its URL
}

// offersAuth reports whether somebody could have logged in.
func (t *checked) offersAuth(r *check.Report) bool {
	s := r.Step("hello")
	return s != nil && len(s.Facts.Mechanisms) > 0
}

// checkTarget is what SERVER means: a URL, host, host:port, or a mail address, whose provider is
// looked for. Without one it is SMTP_URL.
func (u *ui) checkTarget(text string, f *checkFlags, in *stdin) (*checked, error) {
	from := "SERVER"
	if text == "" {
		text, from = u.env("SMTP_URL"), "SMTP_URL"
	}
	t := &checked{check: &check.Check{Timeout: f.timeout, Send: f.send}, user: f.user}
	sf := &sendFlags{passwordFile: f.passwordFile, passwordCommand: f.passwordCommand}
	bare := false
	switch {
	case text == "":
		return nil, &usageError{u.say(wordNoServerToCheck)}
	case !strings.Contains(text, "://"):
		var err error
		if text, bare, err = u.urlOfServer(t, text, sf, in); err != nil {
			return nil, &usageError{from + ": " + err.Error()}
		}
		sf = new(sendFlags) // the URL has the password now
	case f.user != "":
		return nil, &usageError{u.say(wordUserInURL)}
	default:
		if _, info, _ := splitURL(text); from == "SERVER" && strings.Contains(info, ":") {
			u.warn(wordPasswordInArgument)
		}
	}
	s, err := u.serverAt(text, from, sf, in)
	if err != nil {
		return nil, &usageError{from + ": " + err.Error()}
	}
	t.check.Client, t.shown = s.client, s.client.Addr
	if bare {
		// What has no port may be a mail domain: its MX are looked at too.
		s.client.Addr = hostOf(s.client.Addr)
	}
	if t.user == "" {
		t.user = s.user
	}
	if p, ok := diagnose.Default().Provider(hostOf(t.shown)); ok && t.provider == nil && !isLoopback(t.shown) {
		t.provider = p
	}
	if _, query, ok := strings.Cut(text, "?"); ok {
		t.params, _ = url.ParseQuery(query) // it was read before
	}
	t.envelope(f)
	if f.send && t.check.From == "" {
		return nil, &usageError{u.say(wordSendFrom)}
	}
	return t, nil
}

// urlOfServer makes a URL of a host, host:port or mail address, with the user and password from
// wherever they are.
func (u *ui) urlOfServer(t *checked, text string, f *sendFlags, in *stdin) (_ string, bare bool, err error) {
	host := text
	if strings.Contains(text, "@") {
		path, err := mail.ParsePath(text)
		if err != nil {
			return "", false, err
		}
		if t.user == "" {
			t.user = text
		}
		host = path.Domain
		p, ok := diagnose.Default().Provider(text)
		if ok && len(p.Hosts) > 0 {
			t.provider, host = p, p.Hosts[0].Name
		}
	}
	if strings.HasPrefix(host, "/") {
		return "", false, errors.New(u.say(wordSocketURL))
	}
	scheme, authority := "smtp://", host
	if _, port, err := net.SplitHostPort(host); err == nil {
		if port == "465" {
			scheme = "smtps://"
		}
	} else if p, ok := diagnose.Default().Provider(host); ok && takesImplicit(p, host) {
		scheme = "smtps://" // RFC 8314 §3.3: rather than STARTTLS
	} else {
		bare = true
	}
	if t.user == "" {
		if f.passwordFile != "" || f.passwordCommand != "" {
			return "", false, errors.New(u.say(wordPasswordWithoutUser))
		}
		return scheme + authority, bare, nil
	}
	// Without a password nobody logs in, and the rest of the way is looked at.
	password, err := u.password(f, in, true)
	if err == nil && password != "" {
		authority = url.PathEscape(t.user) + ":" + escape(password) + "@" + authority
	}
	return scheme + authority, bare, err
}

// takesImplicit reports whether a provider's server takes TLS from the first octet on port 465.
func takesImplicit(p *diagnose.Provider, host string) bool {
	for _, h := range p.Hosts {
		for _, port := range h.Ports {
			if strings.EqualFold(h.Name, host) && port.Number == 465 && port.Implicit {
				return true
			}
		}
	}
	return false
}

// envelope settles who is asked for: those of the flags, or whoever logs in.
func (t *checked) envelope(f *checkFlags) {
	t.check.From, t.check.To = f.from, f.to
	if t.check.From == "" && strings.Contains(t.user, "@") && t.check.Client.Auth != nil {
		t.check.From = t.user
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
