package sasl_test

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/parleymail/parley/sasl"
)

// RFC 4616 §4, RFC 2195 §2 and RFC 4954 §4.1.
func TestPublishedExamples(t *testing.T) {
	clear := sasl.Channel{}
	if got := firstOf(t, choose(t, sasl.Password("tim", "tanstaaftanstaaf"), "PLAIN", clear)); got != "\x00tim\x00tanstaaftanstaaf" {
		t.Errorf("PLAIN: %q", got)
	}
	m := choose(t, sasl.Password("tim", "tanstaaftanstaaf"), "CRAM-MD5", clear)
	if first, err := m.Next(context.Background(), nil); first != nil || err != nil {
		t.Errorf("CRAM-MD5 begins with %q, %v", first, err)
	}
	got, err := m.Next(context.Background(), []byte("<1896.697170952@postoffice.reston.mci.net>"))
	if string(got) != "tim b913a602c7eda7a495b4e6e7334d3890" || err != nil {
		t.Errorf("CRAM-MD5: %q, %v", got, err)
	}
	// RFC 4954 §4.1: zero-length, and not absent.
	if first, err := choose(t, sasl.External(""), "EXTERNAL", clear).Next(context.Background(), nil); first == nil || len(first) != 0 || err != nil {
		t.Errorf("EXTERNAL: %q (nil: %v), %v", first, first == nil, err)
	}
	// RFC 7628 §4.1, over SMTP.
	const bearer = "bixhPXVzZXJAZXhhbXBsZS5jb20sAWhvc3Q9c2VydmVyLmV4YW1wbGUuY29tAXBvcnQ9NTg3AWF1dGg9QmVhcmVyIHZGOWRmdDRxbVRjMk52YjNSbGNrQmhiSFJoZG1semRHRXVZMjl0Q2c9PQEB"
	token := sasl.Token("user@example.com", sasl.FixedToken("vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg=="))
	first := firstOf(t, choose(t, token, "OAUTHBEARER", sasl.Channel{Host: "server.example.com", Port: 587}))
	if got := base64.StdEncoding.EncodeToString([]byte(first)); got != bearer {
		t.Errorf("OAUTHBEARER: %s\nwant %s", got, bearer)
	}
	// Google's documentation of XOAUTH2.
	const google = "dXNlcj1zb21ldXNlckBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciB5YTI5LnZGOWRmdDRxbVRjMk52YjNSbGNrQmhkSFJoZG1semRHRXVZMjl0Q2cBAQ=="
	token = sasl.Token("someuser@example.com", sasl.FixedToken("ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg"))
	if got := base64.StdEncoding.EncodeToString([]byte(firstOf(t, choose(t, token, "XOAUTH2", clear)))); got != google {
		t.Errorf("XOAUTH2: %s\nwant %s", got, google)
	}
}

// C15: LOGIN understands any question, for there is nobody who lays down the
// wording.
func TestLoginPrompts(t *testing.T) {
	for _, c := range []struct {
		first, second string
		order         string
	}{
		{"Username:", "Password:", "up"},
		{"User Name\x00", "Password\x00", "up"},
		{"用户名:", "密码:", "up"},
		{"", "", "up"},
		{"\x00", "\x00", "up"},
		{"Benutzername", "Kennwort", "up"},
		{"login", "secret", "up"},
		{"\xd3\xc3\xbb\xa7\xc3\xfb", "\xc3\xdc\xc2\xeb", "up"}, // GBK
		{"Username (not your password):", "", "up"},
		{"User (not the pass phrase)", "", "up"},
		{"Account name (no password)", "", "up"},
		{"Password:", "Username:", "pu"},
		{"PASSWORD", "", "pu"},
		{"Enter your passcode", "Account", "pu"},
		{"Username:", "Username:", "up"},
	} {
		m := choose(t, sasl.Password("kim", "hunter2"), "LOGIN", sasl.Channel{})
		if first, err := m.Next(context.Background(), nil); first != nil || err != nil {
			t.Fatalf("LOGIN begins with %q, %v", first, err)
		}
		order := ""
		for _, prompt := range []string{c.first, c.second} {
			response, err := m.Next(context.Background(), []byte(prompt))
			if err != nil {
				t.Fatalf("%q: %v", prompt, err)
			}
			order += map[string]string{"kim": "u", "hunter2": "p"}[string(response)]
		}
		if order != c.order {
			t.Errorf("%q, %q: answered %s, want %s", c.first, c.second, order, c.order)
		}
		if response, err := m.Next(context.Background(), []byte("PIN:")); err == nil {
			t.Errorf("a third question was answered by %q", response)
		}
	}
}

// A server that overlooks the initial response is told once more, and not twice.
func TestOverlookedInitialResponse(t *testing.T) {
	for _, mechanism := range []string{"PLAIN", "SCRAM-SHA-256", "XOAUTH2", "OAUTHBEARER", "EXTERNAL"} {
		m := choose(t, credsFor(mechanism, rightUser, rightSecret(mechanism)), mechanism, sasl.Channel{})
		first := firstOf(t, m)
		second, err := m.Next(context.Background(), []byte{})
		if err != nil || string(second) != first || second == nil {
			t.Errorf("%s: %q, %v", mechanism, second, err)
		}
		if third, err := m.Next(context.Background(), []byte{}); err == nil && string(third) == first && first != "" {
			t.Errorf("%s: said a third time", mechanism)
		}
	}
}

func TestOrderOfCalls(t *testing.T) {
	for _, mechanism := range allMechanisms {
		if strings.HasSuffix(mechanism, "-PLUS") {
			continue
		}
		m := choose(t, credsFor(mechanism, rightUser, rightSecret(mechanism)), mechanism, sasl.Channel{})
		if response, err := m.Next(context.Background(), []byte("too early")); err == nil {
			t.Errorf("%s: a challenge before the beginning was answered by %q", mechanism, response)
		}
		m = choose(t, credsFor(mechanism, rightUser, rightSecret(mechanism)), mechanism, sasl.Channel{})
		if _, err := m.Next(context.Background(), nil); err != nil {
			t.Fatal(err)
		}
		if response, err := m.Next(context.Background(), nil); err == nil {
			t.Errorf("%s: began twice, with %q", mechanism, response)
		}
	}
}

// A server may ask and ask; each mechanism has an end.
func TestEndlessChallenges(t *testing.T) {
	for _, mechanism := range allMechanisms {
		if strings.HasSuffix(mechanism, "-PLUS") {
			continue
		}
		for _, challenge := range []string{"", "x", "e=x", "{}"} {
			m := choose(t, credsFor(mechanism, rightUser, rightSecret(mechanism)), mechanism, sasl.Channel{})
			_, err := m.Next(context.Background(), nil)
			for range 5 {
				if err == nil {
					_, err = m.Next(context.Background(), []byte(challenge))
				}
			}
			if err == nil {
				t.Errorf("%s answers %q for ever", mechanism, challenge)
			}
		}
	}
}

func TestCRAMMD5EmptyChallenge(t *testing.T) {
	m := choose(t, sasl.Password("kim", "hunter2"), "CRAM-MD5", sasl.Channel{})
	if _, err := m.Next(context.Background(), nil); err != nil {
		t.Fatal(err)
	}
	if response, err := m.Next(context.Background(), []byte{}); err == nil {
		t.Errorf("an empty challenge was answered by %q", response)
	}
}

func TestCRAMMD5ChallengeIsNeverTheSame(t *testing.T) {
	seen := map[string]bool{}
	a := sasl.Users(nil)
	for range 100 {
		x, err := a.Start("CRAM-MD5", sasl.Channel{})
		if err != nil {
			t.Fatal(err)
		}
		challenge, _, err := x.Next(context.Background(), nil)
		if err != nil || seen[string(challenge)] || len(challenge) < 26 {
			t.Fatalf("%q, %v", challenge, err)
		}
		seen[string(challenge)] = true
	}
}

func TestTokenError(t *testing.T) {
	for _, c := range []struct {
		challenge     string
		status, scope string
		text          string
	}{
		{ // RFC 7628 §4.3
			`{"status":"invalid_token","scope":"example_scope","openid-configuration":"https://example.com/.well-known/openid-configuration"}`,
			"invalid_token", "example_scope", "the server refuses the token: invalid_token, it should be good for example_scope",
		},
		{`{"status":"400","schemes":"Bearer","scope":"https://mail.google.com/"}`, "400", "https://mail.google.com/", "the server refuses the token: 400, it should be good for https://mail.google.com/"},
		{`{"status":401}`, "401", "", "the server refuses the token: 401"},
		{`{"status":null,"scope":[1]}`, "", "", `the server refuses the token: "{\"status\":null,\"scope\":[1]}"`},
		{"token expired\x1b[2J", "", "", `the server refuses the token: "token expired [2J"`},
		{"you said " + rightToken + ", and " + base64.StdEncoding.EncodeToString([]byte(rightToken)), "", "", `the server refuses the token: "you said (secret), and (secret)"`},
		{`{"status":"\u0079a29.` + rightToken[5:] + `"}`, "(secret)", "", "the server refuses the token: (secret)"},
		{strings.Repeat("x", 60000), "", "", `the server refuses the token: "` + strings.Repeat("x", 200) + `..."`},
	} {
		for mechanism, farewell := range map[string]string{"XOAUTH2": "", "OAUTHBEARER": "\x01"} {
			m := choose(t, sasl.Token(rightUser, sasl.FixedToken(rightToken)), mechanism, sasl.Channel{})
			firstOf(t, m)
			response, err := m.Next(context.Background(), []byte(c.challenge))
			if err != nil || response == nil || string(response) != farewell {
				t.Fatalf("%s: %q, %v", mechanism, response, err)
			}
			reason, ok := errors.AsType[*sasl.TokenError](m.Outcome(false))
			if !ok || reason.Status != c.status || reason.Scope != c.scope || reason.Error() != c.text {
				t.Errorf("%s: %#v\n%v\nwant %s", mechanism, reason, reason, c.text)
			}
			if m.Outcome(true) != nil {
				t.Error("a server may think better of it")
			}
		}
	}
}

// The source is asked once for each exchange, and not where there will be none.
func TestTokenSourceIsAsked(t *testing.T) {
	asked := 0
	down := errors.New("the token endpoint is down")
	var answer error
	creds := sasl.Token(rightUser, sasl.TokenFunc(func(ctx context.Context) (string, error) {
		asked++
		return rightToken, answer
	}))
	if _, err := creds.Choose(context.Background(), []string{"PLAIN"}, sasl.Channel{}); err == nil || asked != 0 {
		t.Errorf("%v, asked %d times", err, asked)
	}
	for range 2 {
		choose(t, creds, "XOAUTH2", sasl.Channel{})
	}
	if asked != 2 {
		t.Errorf("asked %d times", asked)
	}
	answer = down
	if _, err := creds.Choose(context.Background(), []string{"XOAUTH2"}, sasl.Channel{}); !errors.Is(err, down) || !strings.Contains(err.Error(), "getting an access token") {
		t.Error(err)
	}
}

// Host and port go along only where they can be said.
func TestBearerHost(t *testing.T) {
	for host, want := range map[string]string{
		"mx.example.org": "n,a=kim,\x01host=mx.example.org\x01auth=",
		"":               "n,a=kim,\x01auth=",
		"例子.中国":          "n,a=kim,\x01auth=",
		"x\x01auth=y":    "n,a=kim,\x01auth=",
	} {
		if first := firstOf(t, choose(t, sasl.Token("kim", sasl.FixedToken("x")), "OAUTHBEARER", sasl.Channel{Host: host})); !strings.HasPrefix(first, want) {
			t.Errorf("%q: %q", host, first)
		}
	}
	if first := firstOf(t, choose(t, sasl.Token("a=b,c", sasl.FixedToken("x")), "OAUTHBEARER", sasl.Channel{})); !strings.HasPrefix(first, "n,a=a=3Db=2Cc,\x01") {
		t.Errorf("%q", first)
	}
}
