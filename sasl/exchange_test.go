package sasl_test

import (
	"context"
	"crypto/hmac"
	"crypto/md5"
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/parleymail/parley/sasl"
)

// withClientCert shows a certificate.
func withClientCert(c *tls.Config) {
	c.Certificates = []tls.Certificate{certificates().client}
}

// credsFor are credentials for one mechanism, right or wrong.
func credsFor(mechanism, user, secret string) sasl.Credentials {
	switch mechanism {
	case "XOAUTH2", "OAUTHBEARER":
		return sasl.Only(mechanism, sasl.Token(user, sasl.FixedToken(secret)))
	case "EXTERNAL":
		return sasl.External(user)
	}
	return sasl.Only(mechanism, sasl.Password(user, secret))
}

func rightSecret(mechanism string) string {
	if strings.Contains(mechanism, "OAUTH") {
		return rightToken
	}
	return rightPassword
}

var allMechanisms = append(slices.Clone(passwordMechanisms), "XOAUTH2", "OAUTHBEARER", "EXTERNAL")

var tlsVersions = []uint16{tls.VersionTLS12, tls.VersionTLS13}

func TestEveryMechanism(t *testing.T) {
	for _, version := range tlsVersions {
		l := connect(t, version, withClientCert)
		for _, mechanism := range allMechanisms {
			t.Run(fmt.Sprintf("%s/%s", tls.VersionName(version), mechanism), func(t *testing.T) {
				m, x := begin(t, credsFor(mechanism, rightUser, rightSecret(mechanism)), everybody(l), l.client, l.server)
				o := talk(t, m, x, nil)
				if o.client != nil || o.server != nil || o.user != rightUser {
					t.Fatalf("client: %v, server: %v, user %q", o.client, o.server, o.user)
				}
				if m.Name() != mechanism {
					t.Errorf("%s was spoken", m.Name())
				}
				if _, done, err := x.Next(context.Background(), []byte("more")); err == nil || !done {
					t.Errorf("the server goes on after the end: %v", err)
				}
			})
		}
	}
}

func TestWrongCredentials(t *testing.T) {
	l := connect(t, tls.VersionTLS13, withClientCert)
	for _, mechanism := range allMechanisms {
		for what, creds := range map[string]sasl.Credentials{
			"wrong secret": credsFor(mechanism, rightUser, "Tr0ub4dor"),
			"unknown user": credsFor(mechanism, "lee@example.org", rightSecret(mechanism)),
		} {
			if mechanism == "EXTERNAL" && what == "wrong secret" {
				continue // it has none
			}
			t.Run(mechanism+"/"+what, func(t *testing.T) {
				m, x := begin(t, creds, everybody(l), l.client, l.server)
				o := talk(t, m, x, nil)
				if !errors.Is(o.server, sasl.ErrRefused) || o.user != "" {
					t.Fatalf("server: %v, user %q", o.server, o.user)
				}
				if o.server.Error() != sasl.ErrRefused.Error() {
					t.Errorf("the refusal tells more than that it is one: %v", o.server)
				}
				if x.Claimed() == "" && mechanism != "EXTERNAL" {
					t.Error("nobody claimed to be anybody")
				}
				if strings.Contains(mechanism, "OAUTH") {
					var reason *sasl.TokenError
					if !errors.As(o.client, &reason) || reason.Status == "" {
						t.Errorf("client: %v", o.client)
					}
				}
				if err := m.Outcome(true); err == nil && strings.HasPrefix(mechanism, "SCRAM") {
					t.Error("the client believes a server that did not prove itself")
				}
			})
		}
	}
}

// The answer to an unknown user must be of the same words as that to a wrong
// password, each time the same.
func TestUnknownUserLooksKnown(t *testing.T) {
	a := sasl.Users(map[string]string{rightUser: rightPassword})
	stored := sasl.Accounts{SCRAM: func(_ context.Context, mechanism, user string) (sasl.Keys, error) {
		if user != rightUser {
			return sasl.Keys{}, sasl.ErrRefused
		}
		return sasl.MakeKeys(mechanism, rightPassword, []byte("0123456789abcdef"), 4096)
	}}
	first := func(a *sasl.Accounts, user string) string {
		x, err := a.Start("scram-sha-256", sasl.Channel{})
		if err != nil {
			t.Fatal(err)
		}
		challenge, done, err := x.Next(context.Background(), []byte("n,,n="+user+",r=abc"))
		if err != nil || done {
			t.Fatal(done, err)
		}
		_, tail, _ := strings.Cut(string(challenge), ",")
		return tail
	}
	for name, a := range map[string]*sasl.Accounts{"secret": a, "stored": &stored} {
		known, unknown := first(a, rightUser), first(a, "lee")
		if unknown != first(a, "lee") || known != first(a, rightUser) {
			t.Errorf("%s: the salt is another each time", name)
		}
		if unknown == first(a, "joe") {
			t.Errorf("%s: two unknown users share a salt", name)
		}
		if len(known) != len(unknown) || !strings.HasSuffix(unknown, ",i=4096") {
			t.Errorf("%s: %q of a user and %q of none", name, known, unknown)
		}
	}
	seeded := func() *sasl.Accounts { a := sasl.Users(nil); a.Seed = []byte("seed"); return a }
	if first(seeded(), "lee") != first(seeded(), "lee") {
		t.Error("Seed does not outlive a restart")
	}
}

// CVE-2023-27582: an authorization identity must not get past the password.
func TestActingAsAnother(t *testing.T) {
	l := connect(t, tls.VersionTLS13, nil)
	send := func(mechanism string, messages ...string) error {
		x, err := everybody(l).Start(mechanism, l.server)
		if err != nil {
			t.Fatal(err)
		}
		for _, message := range messages {
			_, done, err := x.Next(context.Background(), []byte(message))
			if done || err != nil {
				if err == nil && x.User() != rightUser {
					t.Errorf("%s: taken for %q", mechanism, x.User())
				}
				return err
			}
		}
		return errors.New("no verdict")
	}
	plain := func(identity string) string { return identity + "\x00" + rightUser + "\x00" + rightPassword }
	if err := send("PLAIN", plain("")); err != nil {
		t.Error(err)
	}
	if err := send("PLAIN", plain(rightUser)); err != nil {
		t.Error(err)
	}
	for _, identity := range []string{"root", "KIM@example.org", rightUser + " "} {
		if err := send("PLAIN", plain(identity)); !errors.Is(err, sasl.ErrRefused) {
			t.Errorf("PLAIN as %q: %v", identity, err)
		}
		if err := send("SCRAM-SHA-256", "n,a="+identity+",n="+rightUser+",r=abc"); !errors.Is(err, sasl.ErrRefused) {
			t.Errorf("SCRAM as %q: %v", identity, err)
		}
	}
	if err := send("PLAIN", "root\x00"+rightUser+"\x00wrong"); !errors.Is(err, sasl.ErrRefused) {
		t.Error(err)
	}
}

// Accounts that fail are no refusal: the client is told to try later.
func TestAccountsFail(t *testing.T) {
	broken := errors.New("the database is away")
	l := connect(t, tls.VersionTLS13, withClientCert)
	a := &sasl.Accounts{
		Password: func(context.Context, string, string) error { return broken },
		Secret:   func(context.Context, string) (string, error) { return "", broken },
		Token:    func(context.Context, string, string) error { return broken },
		External: func(context.Context, sasl.Channel, string) (string, error) { return "", broken },
	}
	stored := &sasl.Accounts{SCRAM: func(context.Context, string, string) (sasl.Keys, error) { return sasl.Keys{}, broken }}
	for _, mechanism := range allMechanisms {
		for _, a := range []*sasl.Accounts{a, stored} {
			if !slices.Contains(a.Offer(l.server), mechanism) {
				continue
			}
			m, x := begin(t, credsFor(mechanism, rightUser, rightSecret(mechanism)), a, l.client, l.server)
			if o := talk(t, m, x, nil); !errors.Is(o.server, broken) || errors.Is(o.server, sasl.ErrRefused) {
				t.Errorf("%s: %v", mechanism, o.server)
			}
		}
	}
	short := &sasl.Accounts{SCRAM: func(context.Context, string, string) (sasl.Keys, error) {
		return sasl.Keys{Salt: []byte("salt"), Iterations: 4096, StoredKey: []byte("short")}, nil
	}}
	m, x := begin(t, sasl.Password(rightUser, rightPassword), short, l.client, l.server)
	if o := talk(t, m, x, nil); o.server == nil || errors.Is(o.server, sasl.ErrRefused) || errors.Is(o.server, sasl.ErrMalformed) {
		t.Errorf("keys of the wrong length: %v", o.server)
	}
}

func TestMalformedResponses(t *testing.T) {
	l := connect(t, tls.VersionTLS13, withClientCert)
	long := strings.Repeat("x", 10000)
	for mechanism, all := range map[string][]string{
		"PLAIN":              {"", "kim", "\x00kim", "\x00\x00x", "\x00kim\x00", "\x00kim\x00a\x00b", "\x00k\nim\x00x", "\x00\xff\x00x", long},
		"SCRAM-SHA-256":      {"", "n,,", "x,,n=kim,r=a", "n,,n=,r=a", "n,,n=kim", "n,,n=k=im,r=a", "n,a,n=kim,r=a", "n,,m=1,n=kim,r=a", "p=tls-exporter,,n=kim,r=a", long},
		"SCRAM-SHA-256-PLUS": {"n,,n=kim,r=a", "y,,n=kim,r=a"},
		"XOAUTH2":            {"", "user=kim", "user=kim\x01", "user=kim\x01auth=Basic x\x01\x01", "user=\x01auth=Bearer x\x01\x01", "user=kim\x01auth=Bearer x\x01", "user=kim\x01auth=Bearer x y\x01\x01", "user=kim\x01auth=Bearer x\x01auth=Bearer y\x01\x01"},
		"OAUTHBEARER":        {"", "n,a=kim,", "p=tls-exporter,a=kim,\x01auth=Bearer x\x01\x01", "n,,\x01auth=Bearer x\x01\x01", "n,a=k=im,\x01auth=Bearer x\x01\x01", "n,a=kim,\x01host=h\x01\x01"},
		"EXTERNAL":           {"k\x00im", "\xff", "kim\n"},
		"CRAM-MD5":           {"kim 00000000000000000000000000000000"}, // an initial response: it has none
		"LOGIN":              {"", "k\x00im", long},
	} {
		for _, response := range all {
			x, err := everybody(l).Start(mechanism, l.server)
			if err != nil {
				t.Fatal(err)
			}
			_, done, err := x.Next(context.Background(), []byte(response))
			if !done || !errors.Is(err, sasl.ErrMalformed) || errors.Is(err, sasl.ErrRefused) {
				t.Errorf("%s to %.40q: %v", mechanism, response, err)
			}
			if x.User() != "" {
				t.Errorf("%s to %.40q: taken for %q", mechanism, response, x.User())
			}
		}
	}
}

func TestOfferOfAccounts(t *testing.T) {
	cert, bare := connect(t, tls.VersionTLS13, withClientCert), connect(t, tls.VersionTLS12, nil)
	clear := sasl.Channel{}
	scrams := "SCRAM-SHA-256 SCRAM-SHA-1"
	plus := "SCRAM-SHA-256-PLUS SCRAM-SHA-256 SCRAM-SHA-1-PLUS SCRAM-SHA-1"
	open := everybody(cert)
	open.ClearText = true
	without := everybody(cert)
	without.Without = []string{"login", "CRAM-MD5"}
	for _, c := range []struct {
		name     string
		accounts *sasl.Accounts
		ch       sasl.Channel
		want     string
	}{
		{"nobody", &sasl.Accounts{}, cert.server, ""},
		{"clear text", everybody(cert), clear, scrams + " CRAM-MD5"},
		{"clear text allowed", open, clear, scrams + " OAUTHBEARER XOAUTH2 CRAM-MD5 PLAIN LOGIN"},
		{"TLS", everybody(cert), bare.server, plus + " OAUTHBEARER XOAUTH2 CRAM-MD5 PLAIN LOGIN"},
		{"client certificate", everybody(cert), cert.server, "EXTERNAL " + plus + " OAUTHBEARER XOAUTH2 CRAM-MD5 PLAIN LOGIN"},
		{"without", without, bare.server, plus + " OAUTHBEARER XOAUTH2 PLAIN"},
		{"a handshake that is not complete", sasl.Users(nil), sasl.Channel{TLS: &tls.ConnectionState{}}, scrams + " CRAM-MD5 PLAIN LOGIN"},
	} {
		if got := strings.Join(c.accounts.Offer(c.ch), " "); got != c.want {
			t.Errorf("%s: %s\nwant %s", c.name, got, c.want)
		}
	}
	for mechanism, want := range map[string]error{
		"plain": sasl.ErrEncryption, "OAUTHBEARER": sasl.ErrEncryption, "GSSAPI": sasl.ErrUnsupported, "": sasl.ErrUnsupported, "EXTERNAL": sasl.ErrUnsupported, "cram-md5": nil,
	} {
		if _, err := everybody(cert).Start(mechanism, clear); err != want {
			t.Errorf("%s in clear text: %v", mechanism, err)
		}
	}
}

func TestContextEndsAnExchange(t *testing.T) {
	ctx, cancel := context.WithCancelCause(context.Background())
	why := errors.New("the server is going down")
	cancel(why)
	a := sasl.Users(map[string]string{rightUser: rightPassword})
	m, x := begin(t, sasl.Password(rightUser, rightPassword), a, sasl.Channel{}, sasl.Channel{})
	if _, err := m.Next(ctx, nil); !errors.Is(err, why) {
		t.Errorf("client: %v", err)
	}
	if _, done, err := x.Next(ctx, nil); !done || !errors.Is(err, why) {
		t.Errorf("server: %v", err)
	}
}

// LOGIN with the user name in the AUTH command, as some clients have it.
func TestLoginInitialResponse(t *testing.T) {
	a := sasl.Users(map[string]string{rightUser: rightPassword})
	a.ClearText = true
	x, err := a.Start("LOGIN", sasl.Channel{})
	if err != nil {
		t.Fatal(err)
	}
	challenge, _, err := x.Next(context.Background(), []byte(rightUser))
	if err != nil || string(challenge) != "Password:" {
		t.Fatalf("%q, %v", challenge, err)
	}
	if _, done, err := x.Next(context.Background(), []byte(rightPassword)); !done || err != nil || x.User() != rightUser {
		t.Error(done, err, x.User())
	}
}

// One exchange is one try.
func TestNoSecondTry(t *testing.T) {
	l := connect(t, tls.VersionTLS13, withClientCert)
	for mechanism, tries := range map[string][2]string{
		"PLAIN":    {"\x00" + rightUser + "\x00wrong", "\x00" + rightUser + "\x00" + rightPassword},
		"XOAUTH2":  {"user=x", "user=" + rightUser + "\x01auth=Bearer " + rightToken + "\x01\x01"},
		"EXTERNAL": {"root", rightUser},
	} {
		x, err := everybody(l).Start(mechanism, l.server)
		if err != nil {
			t.Fatal(err)
		}
		for _, response := range tries {
			if _, done, err := x.Next(context.Background(), []byte(response)); err == nil || !done || x.User() != "" {
				t.Errorf("%s: %v, user %q", mechanism, err, x.User())
			}
		}
	}
}

// Accounts are not asked about what is no token, and cannot let in nobody.
func TestAccountsAreNotMisled(t *testing.T) {
	l := connect(t, tls.VersionTLS13, withClientCert)
	a := &sasl.Accounts{
		Token:    func(_ context.Context, _, token string) error { t.Errorf("asked about %q", token); return nil },
		External: func(context.Context, sasl.Channel, string) (string, error) { return "", nil },
		Secret:   func(context.Context, string) (string, error) { return "", nil },
	}
	for mechanism, response := range map[string]string{
		"OAUTHBEARER": "n,a=kim,\x01host=h\x01auth=\x01\x01", "XOAUTH2": "user=kim\x01auth=\x01\x01", "EXTERNAL": "",
	} {
		x, err := a.Start(mechanism, l.server)
		if err != nil {
			t.Fatal(err)
		}
		_, done, err := x.Next(context.Background(), []byte(response))
		if !done {
			_, done, err = x.Next(context.Background(), []byte("\x01"))
		}
		if !done || !errors.Is(err, sasl.ErrRefused) {
			t.Errorf("%s: %v", mechanism, err)
		}
	}
	// An empty password is no password.
	mac := hmac.New(md5.New, nil)
	x, err := a.Start("CRAM-MD5", l.server)
	if err != nil {
		t.Fatal(err)
	}
	challenge, _, err := x.Next(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	mac.Write(challenge)
	if _, _, err := x.Next(context.Background(), fmt.Appendf(nil, "kim %x", mac.Sum(nil))); !errors.Is(err, sasl.ErrRefused) {
		t.Error(err)
	}
}

// What the caller does to the map later changes nobody's password.
func TestUsersAreCopied(t *testing.T) {
	passwords := map[string]string{rightUser: rightPassword}
	a := sasl.Users(passwords)
	passwords[rightUser] = "another"
	m, x := begin(t, sasl.Password(rightUser, rightPassword), a, sasl.Channel{}, sasl.Channel{})
	if o := talk(t, m, x, nil); o.server != nil {
		t.Error(o.server)
	}
}

// Anyone takes any password and any token, and offers nothing for which it would
// have to know them.
func TestAnyone(t *testing.T) {
	l := connect(t, tls.VersionTLS13, nil)
	a := sasl.Anyone()
	if got := strings.Join(a.Offer(l.server), " "); got != "OAUTHBEARER XOAUTH2 PLAIN LOGIN" {
		t.Errorf("it offers %s", got)
	}
	if got := a.Offer(sasl.Channel{}); len(got) > 0 {
		t.Errorf("it offers %v in clear text", got)
	}
	for _, mechanism := range a.Offer(l.server) {
		m, x := begin(t, credsFor(mechanism, "whoever@example.org", "what-you-like"), a, l.client, l.server)
		if o := talk(t, m, x, nil); o.client != nil || o.server != nil || o.user != "whoever@example.org" {
			t.Errorf("%s: client: %v, server: %v, user %q", mechanism, o.client, o.server, o.user)
		}
	}
}
