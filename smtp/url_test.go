package smtp_test

import (
	"strings"
	"testing"
	"time"

	"github.com/parleymail/parley/smtp"
)

func TestParseURL(t *testing.T) {
	for _, test := range []struct {
		url  string
		want *smtp.Client
		auth bool
	}{
		{"smtps://u:p@h", &smtp.Client{Addr: "h:465", Security: smtp.ImplicitTLS}, true},
		{"smtps://u:p@h:994", &smtp.Client{Addr: "h:994", Security: smtp.ImplicitTLS}, true},
		{"smtp://u:p@h", &smtp.Client{Addr: "h:587", Security: smtp.StartTLS}, true},
		{"SMTP://h:25", &smtp.Client{Addr: "h:25", Security: smtp.StartTLS}, false},
		{"smtp://h/", &smtp.Client{Addr: "h:587", Security: smtp.StartTLS}, false},
		{"smtp://59419979@qq.com:code@smtp.qq.com", &smtp.Client{Addr: "smtp.qq.com:587", Security: smtp.StartTLS}, true},
		{"smtp://u:p%3Aa%2Fb@[::1]:25?tls=none", &smtp.Client{Addr: "[::1]:25", Security: smtp.Plaintext}, true},
		{"smtp://h?tls=opportunistic&hello=me.example&timeout=30s", &smtp.Client{Addr: "h:587", Security: smtp.Opportunistic, Hello: "me.example", Timeout: 30 * time.Second}, false},
		{"smtp://h?tls=required&proxy=socks5://p:1080", &smtp.Client{Addr: "h:587", Security: smtp.StartTLS, Proxy: "socks5://p:1080"}, false},
		{"lmtp://h:24?tls=none", &smtp.Client{Addr: "h:24", Security: smtp.Plaintext, LMTP: true}, false},
		{"lmtp:///run/lmtp.sock", &smtp.Client{Addr: "/run/lmtp.sock", LMTP: true}, false},
		{"smtps://u:p@h?auth=login", &smtp.Client{Addr: "h:465", Security: smtp.ImplicitTLS}, true},
		{"smtps://u:tok@h?auth=xoauth2", &smtp.Client{Addr: "h:465", Security: smtp.ImplicitTLS}, true},
		{"smtps://h?auth=external", &smtp.Client{Addr: "h:465", Security: smtp.ImplicitTLS}, true},
		{"smtps://h?fingerprint=" + strings.Repeat("ab", 32), &smtp.Client{Addr: "h:465", Security: smtp.ImplicitTLS, Fingerprint: strings.Repeat("ab", 32)}, false},
	} {
		c, err := smtp.ParseURL(test.url)
		if err != nil {
			t.Errorf("%s: %v", test.url, err)
			continue
		}
		w := test.want
		if c.Addr != w.Addr || c.Security != w.Security || c.LMTP != w.LMTP || c.Hello != w.Hello ||
			c.Timeout != w.Timeout || c.Proxy != w.Proxy || c.Fingerprint != w.Fingerprint || (c.Auth != nil) != test.auth {
			t.Errorf("%s: got %+v", test.url, c)
		}
	}
}

func TestParseURLRefuses(t *testing.T) {
	for url, text := range map[string]string{
		"":                                  "begins with smtps://",
		"smtp.qq.com:465":                   "begins with smtps://",
		"http://h":                          "is smtps, smtp or lmtp",
		"smtp://":                           "no host",
		"smtp://u:hunter2@":                 "no host",
		"smtp://u:hunter2/x@h":              "%2F",
		"smtp://u:hunter2?x@h":              "%3F",
		"smtp://u:hunter2#x@h":              "%23",
		"smtp://u:hunter2:x@h":              "%3A",
		"smtp://u:hunter2%zz@h":             "%25",
		"smtp://u:hunter2@h:port":           "host or host:port",
		"smtp://u:hunter2@h x":              "blank",
		"smtp://u@h":                        "a user and no password",
		"smtp://h/path":                     "no path",
		"user:hunter2@h?proxy=socks5://p:1": "is smtps, smtp or lmtp",
		"smtp://h?tls=maybe":                `"maybe" is not required, opportunistic or none`,
		"smtps://h?tls=none":                "TLS from the first byte",
		"smtp://h?tsl=none":                 `"tsl" is no parameter`,
		"smtp://h?tls=none&tls=required":    "stands twice",
		"smtp://h?timeout=fast":             "the parameter timeout",
		"smtp://h?timeout=-1s":              "must be positive",
		"smtp://h?ca=/no/such/file":         "the parameter ca",
		"smtp://h?cert=/no/such/file":       "cert and key",
		"smtp://h?fingerprint=12":           "SHA-256",
		"smtp://h?auth=plain":               "no user:password@",
		"smtp://u:hunter2@h?auth=ntlm":      `"NTLM" is no mechanism`,
		"lmtp://h":                          "host or host:port",
	} {
		c, err := smtp.ParseURL(url)
		if err == nil || !strings.Contains(err.Error(), text) || strings.Contains(err.Error(), "hunter") {
			t.Errorf("%s: %v, %v; want %q", url, c, err, text)
		}
		if err != nil && c != nil {
			t.Errorf("%s: an error and a client", url)
		}
	}
}

func FuzzParseURL(f *testing.F) {
	for _, s := range []string{"smtps://u:p@h", "smtp://59419979@qq.com:code@smtp.qq.com:587?tls=none", "lmtp:///run/lmtp.sock", "smtp://[::1]:25?auth=external&hello=x", "smtp://%", "://", "smtp://u:p%0d%0a@h"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if strings.Contains(s, "ca=") || strings.Contains(s, "cert=") || strings.Contains(s, "key=") {
			t.Skip("would open files")
		}
		c, err := smtp.ParseURL(s)
		if (c == nil) == (err == nil) {
			t.Fatalf("%q: %v, %v", s, c, err)
		}
		if err == nil && strings.ContainsAny(c.Addr+c.Hello, "\r\n\x00") {
			t.Fatalf("%q: a control character came through: %+v", s, c)
		}
	})
}
