package sasl_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/parleymail/parley/sasl"
)

// shownAs is v by every way that programs print things.
func shownAs(t *testing.T, v any) map[string]string {
	t.Helper()
	shown := map[string]string{}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%p", "%t"} {
		shown[verb] = fmt.Sprintf(verb, v)
		// Held by an unexported field, where fmt calls no method.
		shown["inside "+verb] = fmt.Sprintf(verb, struct{ held any }{v})
		shown["in a list "+verb] = fmt.Sprintf(verb, []any{v})
	}
	data, err := json.Marshal(v)
	shown["json"] = fmt.Sprint(string(data), err)
	for name, handler := range map[string]func(*bytes.Buffer) slog.Handler{
		"slog json": func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) },
		"slog text": func(b *bytes.Buffer) slog.Handler { return slog.NewTextHandler(b, nil) },
	} {
		var b bytes.Buffer
		slog.New(handler(&b)).Info("x", "v", v, "in a list", []any{v})
		shown[name] = b.String()
	}
	return shown
}

// leaks reports a secret in text, as it is, in base64 or in hex.
func leaks(text string, secrets ...string) bool {
	for _, s := range secrets {
		for _, form := range []string{s, base64.StdEncoding.EncodeToString([]byte(s)), base64.RawURLEncoding.EncodeToString([]byte(s)), fmt.Sprintf("%x", s), fmt.Sprintf("%X", s), fmt.Sprint([]byte(s))} {
			if strings.Contains(text, strings.Trim(form, "[]")) {
				return true
			}
		}
	}
	return false
}

func TestNothingShowsASecret(t *testing.T) {
	l := connect(t, tlsVersions[1], withClientCert)
	printed := map[string]any{
		"Password": sasl.Password(rightUser, rightPassword), "Token": sasl.Token(rightUser, sasl.FixedToken(rightToken)),
		"FixedToken": sasl.FixedToken(rightToken), "External": sasl.External(rightUser),
		"Only": sasl.Only("PLAIN", sasl.Password(rightUser, rightPassword)), "Bind": sasl.Bind("tls-unique", sasl.Password(rightUser, rightPassword)),
		"Only of others": sasl.Only("PLAIN", custom{rightPassword}).(fmt.Stringer).String(),
	}
	keys, err := sasl.MakeKeys("SCRAM-SHA-256", rightPassword, []byte("0123456789abcdef"), 4096)
	if err != nil {
		t.Fatal(err)
	}
	for verb, text := range shownAs(t, keys) {
		// JSON is for storing them, and %p asks nobody.
		if !strings.HasSuffix(verb, "json") && !strings.HasSuffix(verb, "%p") && !strings.HasPrefix(verb, "inside") && leaks(text, string(keys.StoredKey), string(keys.ServerKey)) {
			t.Errorf("Keys by %s: %s", verb, text)
		}
	}
	for _, mechanism := range allMechanisms {
		m, x := begin(t, credsFor(mechanism, rightUser, rightSecret(mechanism)), everybody(l), l.client, l.server)
		talk(t, m, x, nil)
		printed[mechanism], printed[mechanism+" server"] = m, x
		m, _ = begin(t, credsFor(mechanism, rightUser, rightSecret(mechanism)), everybody(l), l.client, l.server)
		printed[mechanism+" unused"] = m
	}
	for name, v := range printed {
		for verb, text := range shownAs(t, v) {
			if leaks(text, rightPassword, rightToken) {
				t.Errorf("%s by %s: %s", name, verb, text)
			}
		}
	}
	if text := fmt.Sprintf("%v %+v %#v", printed["Password"], printed["Only"], printed["Bind"]); text != "password of kim@example.org password of kim@example.org, by PLAIN only password of kim@example.org, bound by tls-unique" {
		t.Error(text)
	}
}

// Secrets must hold, before a word is said, what smtp has to look for.
func TestSecrets(t *testing.T) {
	l := connect(t, tlsVersions[1], withClientCert)
	for _, mechanism := range allMechanisms {
		m, x := begin(t, credsFor(mechanism, rightUser, rightSecret(mechanism)), everybody(l), l.client, l.server)
		before := m.Secrets()
		if mechanism != "EXTERNAL" && !slices.Contains(before, rightSecret(mechanism)) {
			t.Errorf("%s: %q", mechanism, before)
		}
		o := talk(t, m, x, nil)
		after := m.Secrets()
		for i := 0; i < len(o.said); i += 2 { // what the client said
			if said := o.said[i]; said != "" && said != rightUser && !slices.Contains(after, said) {
				t.Errorf("%s said %q, which is no secret", mechanism, said)
			}
		}
		if slices.Contains(after, rightUser) || slices.Contains(after, "") {
			t.Errorf("%s: the user name is no secret: %q", mechanism, after)
		}
	}
}

// A server that says back what it was told, at every place: no error repeats it.
func TestErrorsRepeatNoSecret(t *testing.T) {
	l := connect(t, tlsVersions[1], withClientCert)
	wrongs := []string{"%s", "e=%s", "v=%s", "r=%s", "r=%s,s=%s,i=%s", `{"status":"%s","scope":"%s"}`, "m=%s", "\x00%s\xff"}
	for _, mechanism := range allMechanisms {
		secret := rightSecret(mechanism)
		for _, wrong := range wrongs {
			for at := 1; at <= 2; at++ {
				m, x := begin(t, credsFor(mechanism, rightUser, secret), everybody(l), l.client, l.server)
				o := talk(t, m, x, func(round int, challenge []byte) []byte {
					if round == at {
						return []byte(strings.ReplaceAll(wrong, "%s", secret+" "+base64.StdEncoding.EncodeToString([]byte(secret))))
					}
					return challenge
				})
				for _, err := range []error{o.client, o.server, m.Outcome(true), m.Outcome(false)} {
					if err != nil && (leaks(err.Error(), secret) || leaks(fmt.Sprintf("%+v %#v", err, err), secret)) {
						t.Errorf("%s, %q: %v", mechanism, wrong, err)
					}
				}
			}
		}
		// And the server's side, given the secret at the wrong place.
		for _, wrong := range append(wrongs, "n,,n=%s,r=%s", "n,a=%s,n=kim,r=x", "p=%s,,n=x,r=x", "n,a=kim,\x01auth=%s\x01\x01", "user=%s", "\x00\x00%s", "%s\x00kim\x00x") {
			x, err := everybody(l).Start(mechanism, l.server)
			if err != nil {
				t.Fatal(err)
			}
			for range 3 {
				if _, _, err := x.Next(context.Background(), []byte(strings.ReplaceAll(wrong, "%s", secret))); err != nil && leaks(err.Error(), secret) {
					t.Errorf("%s, %q: %v", mechanism, wrong, err)
				}
			}
		}
	}
}
