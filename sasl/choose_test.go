package sasl_test

import (
	"context"
	"crypto/tls"
	"errors"
	"strings"
	"testing"

	"github.com/parleymail/parley/sasl"
)

func TestChoice(t *testing.T) {
	over12, over13, clear := connect(t, tls.VersionTLS12, nil).client, connect(t, tls.VersionTLS13, nil).client, sasl.Channel{}
	all := "GSSAPI NTLM LOGIN PLAIN CRAM-MD5 DIGEST-MD5 SCRAM-SHA-1 SCRAM-SHA-1-PLUS SCRAM-SHA-256 SCRAM-SHA-256-PLUS XOAUTH2 OAUTHBEARER EXTERNAL"
	password, token := sasl.Password("kim", "x"), sasl.Token("kim", sasl.FixedToken("x"))
	for _, c := range []struct {
		creds   sasl.Credentials
		offered string
		ch      sasl.Channel
		want    string
	}{
		{password, all, over13, "SCRAM-SHA-256-PLUS"},
		{password, all, over12, "SCRAM-SHA-256-PLUS"},
		{password, all, clear, "SCRAM-SHA-256"},
		{password, "PLAIN SCRAM-SHA-1-PLUS SCRAM-SHA-1 SCRAM-SHA-256", over13, "SCRAM-SHA-256"},
		{password, "PLAIN SCRAM-SHA-1 SCRAM-SHA-1-PLUS", over13, "SCRAM-SHA-1-PLUS"},
		{password, "PLAIN SCRAM-SHA-1 SCRAM-SHA-1-PLUS", clear, "SCRAM-SHA-1"},
		{password, "LOGIN CRAM-MD5 PLAIN", over13, "PLAIN"},
		{password, "LOGIN CRAM-MD5 PLAIN", clear, "CRAM-MD5"},
		{password, "LOGIN CRAM-MD5", over13, "LOGIN"},
		{password, "LOGIN PLAIN", clear, "PLAIN"},
		{password, "CRAM-MD5", over13, "CRAM-MD5"},
		{password, "login", over13, "LOGIN"}, // Microsoft 365 has only that, and in some cases it has it in small letters
		{password, "GSSAPI NTLM login Xymcookie", clear, "LOGIN"},
		{sasl.Only("Login", password), all, over13, "LOGIN"},
		{sasl.Only("scram-sha-1-plus", password), all, over13, "SCRAM-SHA-1-PLUS"},
		{sasl.Bind("tls-server-end-point", sasl.Only("CRAM-MD5", password)), all, over13, "CRAM-MD5"},
		{sasl.Only("CRAM-MD5", sasl.Bind("tls-unique", password)), all, over13, "CRAM-MD5"},
		{sasl.Only("PLAIN", sasl.Only("plain", password)), all, over13, "PLAIN"},
		{sasl.Bind("tls-unique", password), all, over13, "SCRAM-SHA-256"}, // there is none over TLS 1.3
		{token, all, over13, "OAUTHBEARER"},
		{token, "LOGIN PLAIN xoauth2", over13, "XOAUTH2"},
		{sasl.Only("XOAUTH2", token), all, over13, "XOAUTH2"},
		{sasl.External(""), all, over13, "EXTERNAL"},
	} {
		m, err := c.creds.Choose(context.Background(), strings.Fields(c.offered), c.ch)
		if err != nil {
			t.Errorf("%v of %s: %v", c.creds, c.offered, err)
		} else if m.Name() != c.want {
			t.Errorf("%v of %s: %s, want %s", c.creds, c.offered, m.Name(), c.want)
		}
	}
}

func TestNothingFits(t *testing.T) {
	ch := connect(t, tls.VersionTLS13, nil).client
	for _, c := range []struct {
		creds   sasl.Credentials
		offered []string
		want    string
	}{
		{sasl.Password("kim", "x"), nil, "the server offers no mechanism; these credentials need SCRAM-SHA-256-PLUS, SCRAM-SHA-256, SCRAM-SHA-1-PLUS, SCRAM-SHA-1, PLAIN, LOGIN, CRAM-MD5"},
		{sasl.Token("kim", sasl.FixedToken("x")), []string{"plain", "Login", "PLAIN", ""}, "the server offers PLAIN, LOGIN; these credentials need OAUTHBEARER, XOAUTH2"},
		{sasl.External("kim"), []string{"PLAIN\x1b[2J"}, "the server offers PLAIN [2J; these credentials need EXTERNAL"},
		{sasl.Only("login", sasl.Password("kim", "x")), []string{"PLAIN"}, "the server offers PLAIN; these credentials need LOGIN"},
		{sasl.Only("XOAUTH2", sasl.Password("kim", "x")), []string{"XOAUTH2"}, "XOAUTH2 is not what these credentials can speak: they have SCRAM-SHA-256-PLUS, SCRAM-SHA-256, SCRAM-SHA-1-PLUS, SCRAM-SHA-1, PLAIN, LOGIN, CRAM-MD5"},
		{sasl.Only("PLAIN", sasl.Only("LOGIN", sasl.Password("kim", "x"))), []string{"LOGIN"}, "these credentials are held to two mechanisms at once, so that none is left"},
		{sasl.Only("PLAIN", nil), []string{"PLAIN"}, "there are no credentials to choose for"},
		{sasl.Only("SCRAM-SHA-1-PLUS", sasl.Password("kim", "x")), []string{"SCRAM-SHA-1-PLUS"}, ""},
		{sasl.Only("CUSTOM", custom{}), []string{"PLAIN"}, "the server offers PLAIN; these credentials need CUSTOM"},
	} {
		m, err := c.creds.Choose(context.Background(), c.offered, ch)
		if c.want == "" {
			if err != nil {
				t.Error(err)
			}
			continue
		}
		if err == nil || err.Error() != c.want {
			t.Errorf("%v of %q: %v, %v\nwant %s", c.creds, c.offered, m, err, c.want)
		}
	}
	_, err := sasl.Only("SCRAM-SHA-1-PLUS", sasl.Password("kim", "x")).Choose(context.Background(), []string{"SCRAM-SHA-1-PLUS"}, sasl.Channel{})
	if err == nil || !strings.Contains(err.Error(), "needs TLS") {
		t.Error(err)
	}
	_, err = sasl.Password("kim", "x").Choose(context.Background(), make([]string, 5000), ch)
	if offer, ok := errors.AsType[*sasl.OfferError](err); !ok || len(offer.Offered) != 0 || len(offer.Wanted) != 7 {
		t.Errorf("%#v", err)
	}
	long := strings.Repeat("A", 100)
	var many []string
	for i := range 1000 {
		many = append(many, long+strings.Repeat("B", i))
	}
	if _, err = sasl.External("").Choose(context.Background(), many, ch); err == nil || len(err.Error()) > 1200 {
		t.Errorf("a long offer makes an error of %d octets", len(err.Error()))
	}
}

// custom are credentials of somebody else's.
type custom struct{ secret string }

func (custom) Choose(_ context.Context, offered []string, _ sasl.Channel) (sasl.Mechanism, error) {
	return nil, errors.New("offered: " + strings.Join(offered, " "))
}

func TestOnlyOfOtherCredentials(t *testing.T) {
	_, err := sasl.Only("custom", custom{}).Choose(context.Background(), []string{"PLAIN", "Custom"}, sasl.Channel{})
	if err == nil || err.Error() != "offered: CUSTOM" {
		t.Error(err)
	}
}

// Bad input is named, and not shown.
func TestBadInput(t *testing.T) {
	source := func(token string) sasl.TokenSource { return sasl.FixedToken(token) }
	for _, c := range []struct {
		creds sasl.Credentials
		want  string
	}{
		{sasl.Password("", "hunter2"), "the user name is empty"},
		{sasl.Password("kim", ""), "the password is empty"},
		{sasl.Password("k\x00im", "hunter2"), "the user name holds a NUL"},
		{sasl.Password("kim", "hunter2\x00"), "the password holds a NUL"},
		{sasl.Password("kim", "hunter2\n"), "the password ends in a line break"},
		{sasl.Password("kim", "hunter2\r\n"), "the password ends in a line break"},
		{sasl.Password("kim\x01auth=", "hunter2"), "the user name holds a control character"},
		{sasl.Password("kim", "hunter2\x7f."), "the password holds a control character"},
		{sasl.Password("kim", "hunter2\u0085."), "the password holds a control character"},
		{sasl.Password("kim", "hunter2\xff"), "the password is not UTF-8"},
		{sasl.Token("", source("hunter2")), "the user name is empty"},
		{sasl.Token("k\x01im", source("hunter2")), "the user name holds a control character"},
		{sasl.Token("kim", nil), "there is no source of tokens"},
		{sasl.Token("kim", source("")), "the access token is empty"},
		{sasl.Token("kim", source("hunter2\x01")), "the access token holds"},
		{sasl.Token("kim", source("hunter2 x")), "the access token holds"},
		{sasl.Token("kim", source("hunter2\n")), "the access token holds"},
		{sasl.External("k\x00im"), "the identity holds a NUL"},
	} {
		_, err := c.creds.Choose(context.Background(), []string{"PLAIN", "XOAUTH2", "EXTERNAL"}, sasl.Channel{})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %s", err, c.want)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the secret stands in %q", err)
		}
	}
}
