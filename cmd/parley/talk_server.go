package main

import (
	"errors"
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/smtp"
)

// talkServer is where a SERVER leads to: a URL, a host, host:port, or a mail address, whose
// provider is looked up. A password is not needed: it can be typed when it is time.
func (u *ui) talkServer(f *talkFlags, args []string) (*server, error) {
	text := u.env("SMTP_URL")
	if len(args) > 0 {
		text = args[0]
	}
	if text == "" {
		return nil, &usageError{u.say(wordTalkNoServer)}
	}
	s, err := u.talkServerAt(text, f, len(args) > 0)
	if err != nil {
		return nil, &usageError{err.Error()}
	}
	if s.client.LMTP && s.client.Security == smtp.Automatic {
		s.client.Security = smtp.Plaintext
	}
	return s, nil
}

func (u *ui) talkServerAt(text string, f *talkFlags, inArgument bool) (*server, error) {
	var user string
	if !strings.Contains(text, "://") {
		var err error
		if text, user, err = u.talkURL(text, f); err != nil {
			return nil, err
		}
	}
	before, info, after := splitURL(text)
	given := &sendFlags{passwordFile: f.passwordFile, passwordCommand: f.passwordCommand}
	name, password, has := strings.Cut(info, ":")
	if has && inArgument && password != "" {
		u.warn(wordPasswordInTalk)
	}
	if known, err := u.password(given, &stdin{r: strings.NewReader("")}, name != "" && !has); err != nil {
		return nil, err
	} else if !has && known == "" {
		// The name alone: the password is asked for.
		client, err := smtp.ParseURL(before + after)
		if err != nil {
			return nil, err
		}
		if user == "" {
			user = unescapeUser(name)
		}
		return &server{client: client, user: user}, nil
	}
	return u.serverAt(text, "SMTP_URL", given, &stdin{r: strings.NewReader("")})
}

// talkURL makes a URL of a host, host:port or mail address.
func (u *ui) talkURL(text string, f *talkFlags) (link, user string, err error) {
	host, port := text, ""
	if strings.Contains(text, "@") {
		path, err := mail.ParsePath(text)
		if err != nil {
			return "", "", err
		}
		p, ok := diagnose.Default().Provider(text)
		if !ok || len(p.Hosts) == 0 || strings.ContainsFunc(p.Hosts[0].Name, func(r rune) bool { return r >= 'A' && r <= 'Z' }) {
			return "", "", errors.New(u.say(wordTalkNoProvider, path.Domain))
		}
		user, host = text, p.Hosts[0].Name
		for _, o := range p.Hosts[0].Ports {
			if port == "" && (!f.plain || !o.Implicit) {
				scheme := "smtp://"
				if o.Implicit {
					scheme = "smtps://"
				}
				return scheme + escape(user) + "@" + net.JoinHostPort(host, strconv.Itoa(o.Number)), user, nil
			}
		}
	} else if h, p, err := net.SplitHostPort(text); err == nil {
		host, port = h, p
	}
	scheme := "smtp://"
	if f.tls || port == "465" && !f.plain {
		scheme = "smtps://"
	}
	if user != "" {
		scheme += escape(user) + "@"
	}
	if port != "" {
		return scheme + net.JoinHostPort(host, port), user, nil
	}
	return scheme + bracketed(host), user, nil
}

// bracketed is a host as it stands in a URL: an IPv6 address in brackets.
func bracketed(host string) string {
	if strings.Contains(host, ":") && !strings.HasPrefix(host, "[") {
		return "[" + host + "]"
	}
	return host
}

func unescapeUser(name string) string {
	if user, err := url.PathUnescape(name); err == nil {
		return user
	}
	return ""
}
