package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os/exec"
	"strings"

	"github.com/parleymail/parley/smtp"
)

// A server is where the mail goes.
type server struct {
	client *smtp.Client
	user   string // of its URL
}

// server is what --server or SMTP_URL leads to, with the password from wherever
// it is. Nothing that is said of it shows the password.
func (u *ui) server(f *sendFlags, in *stdin) (*server, error) {
	text, from := f.server, "--server"
	if text == "" {
		text, from = u.env("SMTP_URL"), "SMTP_URL"
	}
	if text == "" {
		return nil, &usageError{u.say(wordNoServer)}
	}
	s, err := u.serverAt(text, from, f, in)
	if err != nil {
		return nil, &usageError{from + ": " + err.Error()}
	}
	if s.client.Security == smtp.Plaintext && s.client.Auth != nil && !isLoopback(s.client.Addr) {
		u.warn(wordPasswordInClear, hostOf(s.client.Addr))
	}
	return s, nil
}

func (u *ui) serverAt(text, from string, f *sendFlags, in *stdin) (*server, error) {
	before, info, after := splitURL(text)
	name, password, has := strings.Cut(info, ":")
	user, err := url.PathUnescape(name)
	if err != nil {
		user = ""
	}
	switch given, err := u.password(f, in, name != "" && !has); {
	case err != nil:
		return nil, err
	case given != "" && has:
		return nil, errors.New(u.say(wordTwoPasswords))
	case given != "" && name == "":
		return nil, errors.New(u.say(wordPasswordWithoutUser))
	case given != "":
		text = before + name + ":" + escape(given) + "@" + after
	case has && password != "" && from == "--server":
		u.warn(wordPasswordInFlag)
	}
	client, err := smtp.ParseURL(text)
	if err != nil {
		return nil, err
	}
	return &server{client: client, user: user}, nil
}

// splitURL finds user:password in an SMTP URL. They end at the last @ before the
// host, for a user name is often a mail address.
func splitURL(s string) (before, info, after string) {
	scheme, rest, ok := strings.Cut(s, "://")
	if !ok {
		return "", "", s
	}
	authority := rest
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		authority = rest[:i]
	}
	at := strings.LastIndexByte(authority, '@')
	if at < 0 {
		return scheme + "://", "", rest
	}
	return scheme + "://", rest[:at], rest[at+1:]
}

// escape writes a password as it stands in a URL.
func escape(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' {
			b.WriteByte(c)
		} else {
			b.WriteByte('%')
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
		}
	}
	return b.String()
}

// password is what was given outside of the URL. The environment's is asked only
// where the URL has a user and no password.
func (u *ui) password(f *sendFlags, in *stdin, wanted bool) (string, error) {
	switch {
	case f.passwordFile != "" && f.passwordCommand != "":
		return "", errors.New(u.say(wordTwoPasswords))
	case f.passwordFile != "":
		data, err := in.file("--password-file", f.passwordFile)
		return u.firstWord("--password-file", data, err)
	case f.passwordCommand != "":
		return u.passwordCommand(f.passwordCommand)
	case wanted:
		return u.env("PARLEY_PASSWORD"), nil
	}
	return "", nil
}

func (u *ui) passwordCommand(command string) (string, error) {
	cmd := exec.Command(shell[0], shell[1], command)
	cmd.Env = u.environ
	cmd.Stderr = u.err
	data, err := cmd.Output()
	return u.firstWord("--password-command", data, err)
}

// firstWord is the first line of what a file or a command gave.
func (u *ui) firstWord(flag string, data []byte, err error) (string, error) {
	if err != nil {
		return "", fmt.Errorf("%s: %w", flag, err)
	}
	line, _, _ := bytes.Cut(data, []byte("\n"))
	if line = bytes.TrimSuffix(line, []byte("\r")); len(line) == 0 {
		return "", fmt.Errorf("%s: %s", flag, u.say(wordEmptyPassword))
	}
	return string(line), nil
}

// hostOf is an address without its port; a socket's path as it is.
func hostOf(addr string) string {
	if host, _, err := net.SplitHostPort(addr); err == nil {
		return host
	}
	return addr
}

// isLoopback reports whether what is said to addr stays on this machine.
func isLoopback(addr string) bool {
	host := hostOf(addr)
	ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return strings.HasPrefix(addr, "/") || host == "localhost" || err == nil && ip.IsLoopback()
}
