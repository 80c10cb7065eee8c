package config

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/pelletier/go-toml/v2"
	"github.com/zalando/go-keyring"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtptest"
)

const right = "open sesame:/?#%@"

// server is the one server of a file with a line about its secret.
func serverWith(t *testing.T, dir, line string) *Server {
	t.Helper()
	f, err := Parse(filepath.Join(dir, "config.toml"), []byte("[server.work]\nhost = 'smtp.example.com'\nuser = 'kim@example.com'\n"+line+"\n"))
	if err != nil {
		t.Fatal(err)
	}
	return f.Servers[0]
}

// TestEverySource gets the secret from each place where it can be, and logs in with it.
func TestEverySource(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the commands are for a Unix shell")
	}
	server := (&smtptest.Server{Security: smtp.StartTLS, Users: map[string]string{"kim@example.com": right}}).Start(t)
	dir := t.TempDir()
	for _, name := range []string{"beside", "home/mine", "credentials/mail"} {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(right+"\r\nmore\n"), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	keys := memory{"work": right}
	v := &Vault{Environ: []string{"HOME=" + filepath.Join(dir, "home"), "X=wrong", "X=" + right, "CREDENTIALS_DIRECTORY=" + filepath.Join(dir, "credentials"), "PATH=" + os.Getenv("PATH")}, Keys: keys}
	for _, line := range []string{
		"password = '" + right + "'", "password-env = 'X'", "password-file = 'beside'", "password-file = '~/mine'", "password-file = '" + filepath.Join(dir, "beside") + "'",
		`password-command = 'printf "%s\nnot this" "$X"'`, "password-keyring = 'work'", "password-credential = 'mail'",
	} {
		s := serverWith(t, dir, line)
		c, err := s.Client(t.Context(), v)
		if err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		c.Addr, c.TLS = server.Addr(), server.Client().TLS
		session, err := c.Open(t.Context())
		if err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		session.Close()
	}
}

// TestTokens: the token is asked for again for each login, since it does not live long.
func TestTokens(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the commands are for a Unix shell")
	}
	dir := t.TempDir()
	count := filepath.Join(dir, "count")
	s := serverWith(t, dir, "auth = 'xoauth2'\ntoken-command = 'echo x >> "+count+"; echo token'")
	c, err := s.Client(t.Context(), &Vault{})
	if err != nil {
		t.Fatal(err)
	}
	if c.Auth == nil || !s.Secret.Token {
		t.Fatalf("%v %v", c.Auth, s.Secret)
	}
	source := &tokens{v: &Vault{}, s: s, first: "first"}
	for i, want := range []string{"first", "token", "token"} {
		if got, err := source.Token(t.Context()); got != want || err != nil {
			t.Errorf("token %d: %q, %v", i, got, err)
		}
	}
	if data, _ := os.ReadFile(count); len(data) != len("x\n")*3 {
		t.Errorf("the command ran %d times", len(data)/2)
	}
}

// TestSecretsThatCannotBeHad: each says which, and none what.
func TestSecretsThatCannotBeHad(t *testing.T) {
	dir := t.TempDir()
	os.WriteFile(filepath.Join(dir, "empty"), []byte("\nsesame"), 0o600)
	os.WriteFile(filepath.Join(dir, "nul"), []byte("ses\x00ame"), 0o600)
	v := &Vault{Environ: []string{"EMPTY=", "PATH=" + os.Getenv("PATH")}, Keys: memory{}}
	for line, want := range map[string]string{
		"password-env = 'EMPTY'": "EMPTY: this variable of the environment is not set",
		"password-env = 'NONE'":  "NONE: this variable",
		"password-file = 'none'": "password-file: open ", "password-file = 'empty'": "its first line is empty", "password-file = 'nul'": "octet 0",
		"password-command = 'echo; echo sesame'":       "password-command echo; …: its first line is empty",
		"password-command = 'echo sesame >&2; exit 3'": "password-command echo …: exit status 3",
		"password-keyring = 'work'":                    "the keyring has nothing of this name: parley config set-password work",
		"password-credential = 'work'":                 "CREDENTIALS_DIRECTORY is not set", "": "says nowhere what the password is: parley config set-password work",
	} {
		s := serverWith(t, dir, line)
		_, err := s.Client(t.Context(), v)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "sesame") {
			t.Errorf("%s: %v", line, err)
		}
		if f, ok := errors.AsType[*Fault](err); !ok || f.Server != "work" || f.In(diagnose.Chinese) == f.Error() {
			t.Errorf("%s: %T", line, err)
		}
		if c, err := s.Bare(v); err != nil || c.Auth != nil {
			t.Errorf("%s: without it: %v", line, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := serverWith(t, dir, "password-command = 'sleep 60'").Client(ctx, v); err == nil {
		t.Error("a command outlives its context")
	}
}

// TestNothingShowsASecret prints everything by every verb and encoding.
func TestNothingShowsASecret(t *testing.T) {
	f, err := Parse("config.toml", []byte("[server.a]\nurl = 'smtps://kim:sesame@a.example?proxy=http://kim:sesame@p.example:1'\n[server.b]\nhost = 'b.example'\nuser = 'kim'\npassword = 'sesame'\n"))
	if err != nil {
		t.Fatal(err)
	}
	var logged bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&logged, nil))
	v := &Vault{Environ: []string{"X=sesame"}}
	for _, s := range f.Servers {
		for _, x := range []any{f, s, *s, s.Secret, &s.Secret, v, s.With("sesame"), s.With("sesame").Secret, s.URL()} {
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
				if text := fmt.Sprintf(verb, x); strings.Contains(text, "sesame") || strings.Contains(text, "736573616d65") {
					t.Errorf("%T by %s: %s", x, verb, text)
				}
			}
			log.Info("x", "x", x)
			if data, err := json.Marshal(x); err != nil || bytes.Contains(data, []byte("sesame")) {
				t.Errorf("%T as JSON: %s %v", x, data, err)
			}
			if data, _ := toml.Marshal(map[string]any{"x": x}); bytes.Contains(data, []byte("sesame")) {
				t.Errorf("%T as TOML: %s", x, data)
			}
		}
	}
	if strings.Contains(logged.String(), "sesame") {
		t.Errorf("in the log: %s", &logged)
	}
}

// TestSystemKeyring speaks to the library's own stand-in; the real one is spoken to by
// the command's tests.
func TestSystemKeyring(t *testing.T) {
	keyring.MockInit()
	k := systemKeys{env: func(name string) string {
		return map[string]string{"DBUS_SESSION_BUS_ADDRESS": "unix:path=/nowhere"}[name]
	}}
	if _, err := k.Get(t.Context(), "work"); !errors.Is(err, ErrNotInKeyring) {
		t.Error(err)
	}
	if err := k.Delete(t.Context(), "work"); !errors.Is(err, ErrNotInKeyring) {
		t.Error(err)
	}
	if err := k.Set(t.Context(), "work", right); err != nil {
		t.Error(err)
	}
	if got, err := k.Get(t.Context(), "work"); got != right || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if err := k.Delete(t.Context(), "work"); err != nil {
		t.Error(err)
	}
	keyring.MockInitWithError(errors.New("locked"))
	if _, err := k.Get(t.Context(), "work"); err == nil || err.Error() != "locked" {
		t.Error(err)
	}
	if runtime.GOOS != "linux" {
		return
	}
	if _, err := (systemKeys{env: func(string) string { return "" }}).Get(t.Context(), "work"); err != errNoBus {
		t.Error(err)
	}
}

// memory is a keyring.
type memory map[string]string

func (m memory) Get(_ context.Context, account string) (string, error) {
	if secret, ok := m[account]; ok {
		return secret, nil
	}
	return "", ErrNotInKeyring
}

func (m memory) Set(_ context.Context, account, secret string) error {
	m[account] = secret
	return nil
}

func (m memory) Delete(_ context.Context, account string) error {
	if _, ok := m[account]; !ok {
		return ErrNotInKeyring
	}
	delete(m, account)
	return nil
}

// TestProviderOfMX: each provider of the table is one that diagnose knows.
func TestProviderOfMX(t *testing.T) {
	for _, row := range byMX {
		if p, ok := diagnose.Default().Provider(row.provider); !ok || p.ID != row.provider {
			t.Errorf("%s: there is no provider %q", row.ending, row.provider)
		}
	}
	for host, want := range map[string]string{
		"mxbiz1.qq.com.": "exmail", "mx3.qq.com": "", "ASPMX.L.GOOGLE.COM.": "workspace", "alt1.aspmx.l.google.com": "workspace",
		"example-com.mail.protection.outlook.com": "microsoft365", "mxn.mxhichina.com": "aliyun-qiye", "notmigadu.com": "", "": "",
	} {
		if got := ProviderOfMX(host); got != want {
			t.Errorf("%s: %q, and not %q", host, got, want)
		}
	}
}

// FuzzParse: whatever stands in a file, it is read or refused, nothing of a secret is told,
// and what can be changed can be read again.
func FuzzParse(f *testing.F) {
	for _, name := range []string{"testdata/files.txt", "testdata/edits.txt"} {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for one := range strings.SplitSeq(string(data), "\n===\n") {
			text, _, _ := strings.Cut(one, "\n---\n")
			f.Add([]byte(text))
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		file, err := Parse("config.toml", text)
		if err != nil {
			if faults, ok := err.(Faults); !ok || len(faults) == 0 {
				t.Fatalf("%T: %v", err, err)
			}
			return
		}
		out, err := Add("config.toml", text, Entry{Name: "zz-new", URL: "smtps://smtp.example.com"})
		if err != nil {
			t.Skip(err)
		}
		for _, s := range file.Servers {
			Remove("config.toml", out, s.Name)
			SetSecret("config.toml", out, s.Name, Secret{Source: Env, Name: "X"})
		}
	})
}
