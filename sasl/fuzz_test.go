package sasl_test

import (
	"bytes"
	"context"
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/parleymail/parley/sasl"
)

// fuzzed are the mechanisms that a number chooses among.
var fuzzed = []string{"PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", "XOAUTH2", "OAUTHBEARER", "EXTERNAL"}

// costly are iteration counts that are agreed to, and would slow the fuzzer down.
var costly = regexp.MustCompile(`i=\+?0*[1-9][0-9]{4,6}`)

// FuzzChallenge has a server say anything, to each mechanism. NONCE stands for the
// client's nonce, which a fuzzer would not guess.
func FuzzChallenge(f *testing.F) {
	for i := range fuzzed {
		for _, seed := range [][2]string{
			{"", ""}, {"Username:", "Password:"}, {"User Name\x00", "Password\x00"}, {"密码", "用户名"},
			{"<1896.697170952@postoffice.reston.mci.net>", ""},
			{"r=NONCEx,s=c2FsdA==,i=4096", "v=rmF9pqV8S7suAoZWja4dJRkFsKQ="},
			{"r=NONCEx,s=c2FsdA==,i=4096,x=y", "e=invalid-proof"},
			{"r=NONCEx,s=,i=1000000000", "v="}, {"e=unknown-user", "x"}, {"m=x,r=NONCEx,s=c2FsdA==,i=4096", ""},
			{`{"status":"invalid_token","scope":"s","openid-configuration":"https://x"}`, ""},
			{`{"status":401,"scope":null}`, "x"}, {"{", "\xff\x00"},
		} {
			f.Add(uint8(i), []byte(seed[0]), []byte(seed[1]))
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, one, two []byte) {
		mechanism := fuzzed[int(which)%len(fuzzed)]
		one = costly.ReplaceAll(one, []byte("i=4096"))
		ctx := context.Background()
		m := choose(t, credsFor(mechanism, rightUser, rightSecret(mechanism)), mechanism, sasl.Channel{Host: "mx.example.org"})
		first := firstOf(t, m)
		var errs []error
		for _, challenge := range [][]byte{one, two, one} {
			if challenge == nil {
				challenge = []byte{}
			}
			challenge = bytes.ReplaceAll(challenge, []byte("NONCE"), []byte(nonceOf(first)))
			response, err := m.Next(ctx, challenge)
			errs = append(errs, err)
			if err != nil {
				break
			}
			if response == nil {
				t.Fatalf("%s: no response and no error to %q", mechanism, challenge)
			}
		}
		accepted := m.Outcome(true)
		if strings.HasPrefix(mechanism, "SCRAM") && accepted == nil {
			t.Errorf("%s believes %q, %q", mechanism, one, two)
		}
		for _, err := range append(errs, accepted, m.Outcome(false)) {
			if err != nil && (leaks(err.Error(), rightSecret(mechanism)) || strings.ContainsAny(err.Error(), "\x1b\r\n\x00") || len(err.Error()) > 1000) {
				t.Errorf("%s: %q", mechanism, err)
			}
		}
	})
}

// FuzzResponse has a client say anything, to each mechanism: nobody gets in who
// does not know the password.
func FuzzResponse(f *testing.F) {
	const pass = "0123456789 not to be guessed"
	accounts := sasl.Users(map[string]string{"kim": pass})
	accounts.ClearText = true
	accounts.Token = func(context.Context, string, string) error { return sasl.ErrRefused }
	for i := range fuzzed {
		for _, seed := range [][2]string{
			{"", ""}, {"\x00kim\x00x", ""}, {"kim\x00kim\x00x", ""}, {"root\x00kim\x00x", ""}, {"kim", "x"},
			{"kim b913a602c7eda7a495b4e6e7334d3890", ""},
			{"n,,n=kim,r=abc", "c=biws,r=NONCE,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts="},
			{"n,a=root,n=kim,r=abc", "c=biws,r=NONCE,p="}, {"y,,n=k=2Cim,r=", "c=biws"}, {"p=tls-unique,,n=kim,r=x", ""}, {"n,,n=kim,r=abc,x=y", "c=biws,r=NONCE,x=y,p=AAAA"},
			{"n,a=kim,\x01host=h\x01port=1\x01auth=Bearer x\x01\x01", "\x01"}, {"user=kim\x01auth=Bearer x\x01\x01", ""}, {"n,a=kim,\x01auth=\x01\x01", "\x01"},
		} {
			f.Add(uint8(i), []byte(seed[0]), []byte(seed[1]))
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, one, two []byte) {
		mechanism := fuzzed[int(which)%len(fuzzed)]
		ctx := context.Background()
		x, err := accounts.Start(mechanism, sasl.Channel{})
		if errors.Is(err, sasl.ErrUnsupported) {
			return // EXTERNAL
		}
		if err != nil {
			t.Fatal(err)
		}
		var challenge []byte
		for _, response := range [][]byte{nil, one, two, two} {
			if response == nil && mechanism != "LOGIN" && mechanism != "CRAM-MD5" {
				continue // the client speaks first
			}
			nonce, _, _ := strings.Cut(strings.TrimPrefix(string(challenge), "r="), ",")
			var done bool
			challenge, done, err = x.Next(ctx, bytes.ReplaceAll(response, []byte("NONCE"), []byte(nonce)))
			if x.User() != "" || done && err == nil {
				t.Fatalf("%s lets in %q by %q, %q", mechanism, x.User(), one, two)
			}
			if err != nil && !errors.Is(err, sasl.ErrRefused) && !errors.Is(err, sasl.ErrMalformed) {
				t.Fatalf("%s: %v", mechanism, err)
			}
			if err != nil && (leaks(err.Error(), pass) || strings.ContainsAny(err.Error(), "\x1b\r\n\x00") || len(err.Error()) > 300) {
				t.Errorf("%s: %q", mechanism, err)
			}
			if done != (err != nil) {
				t.Fatalf("%s: done %v with %v", mechanism, done, err)
			}
			if done {
				break
			}
			if challenge == nil {
				t.Fatalf("%s: neither a challenge nor a verdict", mechanism)
			}
		}
		if strings.ContainsAny(x.Claimed(), "\x00\r\n\x1b") {
			t.Errorf("%s: claimed %q", mechanism, x.Claimed())
		}
	})
}
