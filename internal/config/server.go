package config

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/url"
	"path/filepath"
	"strings"
	"sync"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/sasl"
	"github.com/parleymail/parley/smtp"
)

// A Server is one that has a name.
type Server struct {
	Name   string
	User   string // to log in as; empty: nobody
	From   string // whose mail it is, where nothing else says so; empty: nobody's
	Secret Secret // where the password or token is

	url   string // without the password; made of the fields, where the file has those
	inURL bool   // the file's url has the password
	path  string // of the file
	line  int
}

// URL is where the server is, without any password.
func (s *Server) URL() string {
	shown, _ := withoutProxyPassword(s.url)
	return shown
}

// NeedsSecret reports whether it has a user, and nothing says what the password is.
func (s *Server) NeedsSecret() bool {
	return s.User != "" && s.Secret.Source == Nowhere && s.auth() != "EXTERNAL"
}

// With is the same server with a secret that was given otherwise.
func (s *Server) With(secret string) *Server {
	same := *s
	same.Secret = Secret{Source: Clear, Token: s.Secret.Token, value: secret}
	return &same
}

// Host is the host that it is on, or the path of a socket.
func (s *Server) Host() string {
	_, _, after := SplitURL(s.url)
	after, _, _ = strings.Cut(after, "?")
	if host, _, err := net.SplitHostPort(after); err == nil {
		return host
	}
	return strings.Trim(after, "[]")
}

// auth is the one mechanism that the URL asks for, in capitals; empty: any.
func (s *Server) auth() string {
	_, query, _ := strings.Cut(s.url, "?")
	values, _ := url.ParseQuery(query) // what is wrong with it is found when it is tried
	return strings.ToUpper(values.Get("auth"))
}

// Client is how mail is brought to the server, with its secret.
func (s *Server) Client(ctx context.Context, v *Vault) (*smtp.Client, error) {
	if s.NeedsSecret() {
		return nil, s.fault(fill(wordNoSecret, s.User, s.Name), nil)
	}
	secret := ""
	if s.Secret.Source != Nowhere {
		var err error
		if secret, err = v.Read(ctx, s); err != nil {
			return nil, err
		}
	}
	c, err := s.made(v, secret)
	if err != nil || !s.Secret.Token {
		return c, err
	}
	c.Auth = sasl.Token(s.User, &tokens{v: v, s: s, first: secret})
	if auth := s.auth(); auth != "" {
		c.Auth = sasl.Only(auth, c.Auth)
	}
	return c, nil
}

// tokens asks for a token each time that one is wanted: they do not live long, and a
// client may.
type tokens struct {
	v     *Vault
	s     *Server
	mu    sync.Mutex
	first string // got already, not yet used
}

func (t *tokens) Token(ctx context.Context) (string, error) {
	t.mu.Lock()
	token := t.first
	t.first = ""
	t.mu.Unlock()
	if token != "" {
		return token, nil
	}
	return t.v.Read(ctx, t.s)
}

// Bare is a client of the server without its secret, and without AUTH.
func (s *Server) Bare(v *Vault) (*smtp.Client, error) {
	c, err := s.made(v, "x")
	if err != nil {
		return nil, err
	}
	c.Auth = nil
	return c, nil
}

func (s *Server) made(v *Vault, secret string) (*smtp.Client, error) {
	c, err := s.client(secret, func(query url.Values) { s.wholeFiles(v, query) })
	if err != nil {
		return nil, s.fault(diagnose.Words{En: err.Error()}, nil)
	}
	return c, nil
}

// wholeFiles gives the files that parameters name their whole names.
func (s *Server) wholeFiles(v *Vault, query url.Values) {
	for _, key := range []string{"ca", "cert", "key"} {
		if name := query.Get(key); name != "" {
			query.Set(key, s.file(v, name))
		}
	}
}

// Params are the parameters of its URL, files by their whole names, and no password.
func (s *Server) Params(v *Vault) url.Values {
	_, query, _ := strings.Cut(s.URL(), "?")
	values, _ := url.ParseQuery(query) // it was read before
	s.wholeFiles(v, values)
	return values
}

// client makes one, with a secret if there is a user.
func (s *Server) client(secret string, change func(url.Values)) (*smtp.Client, error) {
	before, user, after := SplitURL(s.url)
	if where, query, ok := strings.Cut(after, "?"); ok {
		if values, err := url.ParseQuery(query); err == nil {
			change(values)
			if s.Secret.Token {
				values.Del("auth")
			}
			if after = where; len(values) > 0 {
				after += "?" + values.Encode()
			}
		}
	}
	if s.User != "" && secret != "" {
		user += ":" + Escape(secret)
	}
	if user != "" {
		user += "@"
	}
	return smtp.ParseURL(before + user + after)
}

// file is the whole name of a file: it is relative to the folder of the file that it
// stands in, and ~ is the user's.
func (s *Server) file(v *Vault, name string) string {
	if rest, ok := strings.CutPrefix(name, "~/"); ok {
		if home := Home(v.env); home != "" {
			return filepath.Join(home, rest)
		}
	}
	if filepath.IsAbs(name) || s.path == "" {
		return name
	}
	return filepath.Join(filepath.Dir(s.path), name)
}

func (s *Server) fault(w diagnose.Words, err error) *Fault {
	return &Fault{Path: s.path, Line: s.line, Server: s.Name, Words: w, Err: err}
}

// Format writes the server's name, by whatever verb: it may hold a secret.
func (s Server) Format(f fmt.State, _ rune) { io.WriteString(f, s.Name) }
