package sasl_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/parleymail/parley/sasl"
)

func choose(t testing.TB, creds sasl.Credentials, offered string, ch sasl.Channel) sasl.Mechanism {
	t.Helper()
	m, err := creds.Choose(context.Background(), strings.Fields(offered), ch)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// firstOf is what a mechanism says first.
func firstOf(t testing.TB, m sasl.Mechanism) string {
	t.Helper()
	first, err := m.Next(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return string(first)
}

// nonceOf is the nonce of a client's first message.
func nonceOf(first string) string {
	_, nonce, _ := strings.Cut(first, ",r=")
	return nonce
}

// A server's first message that would cost much is refused before a single
// iteration: a billion of them take minutes, and this test milliseconds.
func TestIterationBombs(t *testing.T) {
	for count, want := range map[string]string{
		"1000000000": "more than 1000000", "1000001": "more than 1000000", "99999999999999999999999": "more than 1000000",
		"4095": "fewer than 4096", "1": "fewer than 4096", "0": "fewer than 4096", "-5": "fewer than 4096",
		"": "no iteration count", "4096x": "no iteration count", "1e9": "no iteration count",
	} {
		m := choose(t, sasl.Password(rightUser, rightPassword), "SCRAM-SHA-256", sasl.Channel{})
		challenge := "r=" + nonceOf(firstOf(t, m)) + "xyz,s=c2FsdA==,i=" + count
		_, err := m.Next(context.Background(), []byte(challenge))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("i=%s: %v", count, err)
		}
		if m.Outcome(true) == nil {
			t.Errorf("i=%s: believed", count)
		}
	}
}

func TestMalformedServerFirst(t *testing.T) {
	for _, challenge := range []string{
		"x", ",", "r=NONCEx", "r=NONCEx,s=c2FsdA==", "s=c2FsdA==,r=NONCEx,i=4096", "r=NONCEx,s=***,i=4096",
		"r=NONCE,s=c2FsdA==,i=4096", "r=x,s=c2FsdA==,i=4096", "r=,s=c2FsdA==,i=4096", "m=ext,r=NONCEx,s=c2FsdA==,i=4096",
		"v=c2FsdA==", "\x00\xff", "r=NONCEx,c2FsdA==,i=4096", "r=NONCEx,s=c2FsdA==,4096",
	} {
		m := choose(t, sasl.Password(rightUser, rightPassword), "SCRAM-SHA-1", sasl.Channel{})
		challenge = strings.ReplaceAll(challenge, "NONCE", nonceOf(firstOf(t, m)))
		if response, err := m.Next(context.Background(), []byte(challenge)); err == nil {
			t.Errorf("%q was answered by %q", challenge, response)
		}
		if _, err := m.Next(context.Background(), []byte(challenge)); err == nil {
			t.Errorf("%q: the exchange goes on after an error", challenge)
		}
		if m.Outcome(true) == nil {
			t.Errorf("%q: believed", challenge)
		}
	}
}

// A server that says yes must have shown that it knows the password: one that
// forges its proof, or leaves it out, is not who it says.
func TestServerMustProveItself(t *testing.T) {
	a := sasl.Users(map[string]string{rightUser: rightPassword})
	forge := func(proof string) func(int, []byte) []byte {
		return func(_ int, challenge []byte) []byte {
			if strings.HasPrefix(string(challenge), "v=") {
				return []byte(proof)
			}
			return challenge
		}
	}
	for _, proof := range []string{
		"v=" + base64.StdEncoding.EncodeToString(make([]byte, 32)), "v=", "v=***", "", "x", "v",
	} {
		m, x := begin(t, sasl.Password(rightUser, rightPassword), a, sasl.Channel{}, sasl.Channel{})
		if o := talk(t, m, x, forge(proof)); o.client == nil || m.Outcome(true) == nil {
			t.Errorf("%q is believed", proof)
		} else if !strings.Contains(o.client.Error(), "does not know the password") {
			t.Errorf("%q: %v", proof, o.client)
		}
	}
	// Yes at once, after each thing that was said.
	m := choose(t, sasl.Password(rightUser, rightPassword), "SCRAM-SHA-256", sasl.Channel{})
	if m.Outcome(true) == nil {
		t.Error("believed before a word was said")
	}
	first := firstOf(t, m)
	if m.Outcome(true) == nil {
		t.Error("believed after the first message")
	}
	if _, err := m.Next(context.Background(), []byte("r="+nonceOf(first)+"x,s=c2FsdA==,i=4096")); err != nil {
		t.Fatal(err)
	}
	if err := m.Outcome(true); err == nil || !strings.Contains(err.Error(), "without having proved") {
		t.Errorf("after the final message: %v", err)
	}
	if m.Outcome(false) != nil {
		t.Error("a refusal without a reason has one")
	}
}

// What a server says of its reason is told, and is no proof.
func TestServerError(t *testing.T) {
	for round := 1; round <= 2; round++ {
		a := sasl.Users(map[string]string{rightUser: rightPassword})
		m, x := begin(t, sasl.Password(rightUser, rightPassword), a, sasl.Channel{}, sasl.Channel{})
		first := firstOf(t, m)
		if round == 2 {
			challenge, _, err := x.Next(context.Background(), []byte(first))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := m.Next(context.Background(), challenge); err != nil {
				t.Fatal(err)
			}
		}
		response, err := m.Next(context.Background(), []byte("e=other-error \x1b["+rightPassword))
		if err != nil || response == nil || len(response) != 0 {
			t.Fatalf("round %d: %q, %v", round, response, err)
		}
		err = m.Outcome(false)
		if err == nil || !strings.Contains(err.Error(), "other-error") || strings.ContainsAny(err.Error(), "\x1b") || strings.Contains(err.Error(), rightPassword) {
			t.Errorf("round %d: %v", round, err)
		}
		if m.Outcome(true) == nil {
			t.Errorf("round %d: believed", round)
		}
		// Past an error there is no way back, and none to a count that is not looked at.
		if _, err := m.Next(context.Background(), []byte("r="+nonceOf(first)+"x,s=c2FsdA==,i=1000000000")); err == nil {
			t.Errorf("round %d: it goes on", round)
		}
	}
}

// Channel binding on real connections: of the type that belongs to the version,
// and of the one that was asked for.
func TestChannelBinding(t *testing.T) {
	for _, version := range tlsVersions {
		l := connect(t, version, nil)
		standard := map[uint16]string{tls.VersionTLS12: "tls-unique", tls.VersionTLS13: "tls-exporter"}[version]
		for asked, want := range map[string]string{"": standard, "tls-exporter": "tls-exporter", "tls-server-end-point": "tls-server-end-point"} {
			t.Run(tls.VersionName(version)+"/"+asked, func(t *testing.T) {
				a := everybody(l)
				a.Certificate = func(sasl.Channel) *x509.Certificate { return l.cert }
				creds := sasl.Password(rightUser, rightPassword)
				if asked != "" {
					creds = sasl.Bind(asked, creds)
				}
				m, x := begin(t, creds, a, l.client, l.server)
				o := talk(t, m, x, nil)
				if o.client != nil || o.server != nil || m.Name() != "SCRAM-SHA-256-PLUS" {
					t.Fatalf("%s: client %v, server %v", m.Name(), o.client, o.server)
				}
				if flag := "p=" + want + ",,"; !strings.HasPrefix(o.said[0], flag) {
					t.Errorf("%q, want %q", o.said[0], flag)
				}
			})
		}
	}
}

// Somebody between two TLS connections passes all on, and it does them no good.
func TestManInTheMiddle(t *testing.T) {
	for _, version := range tlsVersions {
		near, far := connect(t, version, nil), connect(t, version, nil)
		m, x := begin(t, sasl.Password(rightUser, rightPassword), everybody(far), near.client, far.server)
		o := talk(t, m, x, nil)
		if !errors.Is(o.server, sasl.ErrRefused) || o.user != "" {
			t.Errorf("%s: %v", tls.VersionName(version), o.server)
		}
		if o.client == nil || !strings.Contains(o.client.Error(), "channel-bindings-dont-match") {
			t.Errorf("%s: %v", tls.VersionName(version), o.client)
		}
	}
}

// RFC 5802 §6: who takes -PLUS off the list is found out by the flag "y".
func TestDowngrade(t *testing.T) {
	l := connect(t, tls.VersionTLS13, nil)
	a := everybody(l)
	m := choose(t, sasl.Password(rightUser, rightPassword), "SCRAM-SHA-256 PLAIN", l.client)
	x, err := a.Start(m.Name(), l.server)
	if err != nil {
		t.Fatal(err)
	}
	o := talk(t, m, x, nil)
	if !errors.Is(o.server, sasl.ErrRefused) || o.client == nil || !strings.Contains(o.client.Error(), "server-does-support-channel-binding") {
		t.Errorf("client %v, server %v", o.client, o.server)
	}
	for _, c := range []struct {
		name    string
		creds   sasl.Credentials
		offered string
		ch      sasl.Channel
		flag    string
	}{
		{"the server has no -PLUS", sasl.Password(rightUser, rightPassword), "SCRAM-SHA-256", l.client, "y,,"},
		{"it has it for another hash", sasl.Password(rightUser, rightPassword), "SCRAM-SHA-256 SCRAM-SHA-1-PLUS", l.client, "y,,"},
		{"clear text", sasl.Password(rightUser, rightPassword), "SCRAM-SHA-256 SCRAM-SHA-256-PLUS", sasl.Channel{}, "n,,"},
		{"clear text, and it has none", sasl.Password(rightUser, rightPassword), "SCRAM-SHA-256", sasl.Channel{}, "n,,"},
		{"we did not want to", sasl.Only("scram-sha-256", sasl.Password(rightUser, rightPassword)), "SCRAM-SHA-256 SCRAM-SHA-256-PLUS", l.client, "n,,"},
		{"we did not want to, and it has none", sasl.Only("scram-sha-256", sasl.Password(rightUser, rightPassword)), "SCRAM-SHA-256", l.client, "y,,"},
	} {
		if first := firstOf(t, choose(t, c.creds, c.offered, c.ch)); !strings.HasPrefix(first, c.flag) {
			t.Errorf("%s: %q, want %q", c.name, first, c.flag)
		}
	}
	// And a server that has none takes "y" for what it is.
	a.Without = []string{"SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS"}
	m, x = begin(t, sasl.Password(rightUser, rightPassword), a, l.client, l.server)
	if o := talk(t, m, x, nil); o.client != nil || !strings.HasPrefix(o.said[0], "y,,") {
		t.Errorf("%v: %q", o.client, o.said[0])
	}
}

// Where the connection has nothing safe to bind to, -PLUS is passed over.
func TestNothingToBindTo(t *testing.T) {
	for _, version := range tlsVersions {
		l := connect(t, version, func(c *tls.Config) { c.Renegotiation = tls.RenegotiateOnceAsClient })
		m := choose(t, sasl.Password(rightUser, rightPassword), "SCRAM-SHA-256 SCRAM-SHA-256-PLUS", l.client)
		if first := firstOf(t, m); m.Name() != "SCRAM-SHA-256" || !strings.HasPrefix(first, "n,,") {
			t.Errorf("%s: %q", m.Name(), first)
		}
		creds := sasl.Only("SCRAM-SHA-256-PLUS", sasl.Password(rightUser, rightPassword))
		_, err := creds.Choose(context.Background(), []string{"SCRAM-SHA-256-PLUS"}, l.client)
		if err == nil || !strings.Contains(err.Error(), "nothing safe to bind to") {
			t.Error(err)
		}
	}
}

// A resumed connection binds to itself, and not to the one that it resumes.
func TestBindingOfResumedConnection(t *testing.T) {
	for _, version := range tlsVersions {
		cache := tls.NewLRUClientSessionCache(1)
		change := func(c *tls.Config) { c.ClientSessionCache = cache }
		connect(t, version, change)
		l := connect(t, version, change)
		m, x := begin(t, sasl.Password(rightUser, rightPassword), everybody(l), l.client, l.server)
		if o := talk(t, m, x, nil); o.client != nil || m.Name() != "SCRAM-SHA-256-PLUS" {
			t.Errorf("%s: %s, %v", tls.VersionName(version), m.Name(), o.client)
		}
	}
}

func TestUnknownBinding(t *testing.T) {
	l := connect(t, tls.VersionTLS13, nil)
	_, err := sasl.Bind("tls-exporterr", sasl.Password("kim", "x")).Choose(context.Background(), []string{"PLAIN"}, l.client)
	if err == nil || !strings.Contains(err.Error(), "tls-exporterr") {
		t.Error(err)
	}
	// A client that asks for what the server does not have is told so.
	a := everybody(l)
	m, x := begin(t, sasl.Bind("tls-server-end-point", sasl.Password(rightUser, rightPassword)), a, l.client, l.server)
	if o := talk(t, m, x, nil); o.client == nil || !strings.Contains(o.client.Error(), "unsupported-channel-binding-type") {
		t.Error(o.client)
	}
}

// Names and passwords that SCRAM writes otherwise than they are, and some that
// SASLprep does not take.
func TestOddNames(t *testing.T) {
	passwords := []string{"a=,b", "密码", "pass\u00a0word", "😀", "אב1"}
	for i, user := range []string{"a=b,c", "=2C", "财务部", "Ⅸ", "kim kim"} {
		for _, pass := range []string{passwords[i], passwords[(i+1)%len(passwords)]} {
			for _, mechanism := range passwordMechanisms {
				if strings.HasSuffix(mechanism, "-PLUS") || user == "Ⅸ" && strings.HasPrefix(mechanism, "SCRAM") && pass != "😀" && pass != "אב1" {
					continue // the name is prepared to IX, as whom the server does not know
				}
				a := sasl.Users(map[string]string{user: pass})
				a.ClearText = true
				m, x := begin(t, sasl.Only(mechanism, sasl.Password(user, pass)), a, sasl.Channel{}, sasl.Channel{})
				if o := talk(t, m, x, nil); o.client != nil || o.server != nil || o.user != user {
					t.Errorf("%s %q %q: client %v, server %v", mechanism, user, pass, o.client, o.server)
				}
			}
		}
	}
}

// A server may ask for another salt each time, and credentials live long.
func TestManySalts(t *testing.T) {
	creds := sasl.Password(rightUser, rightPassword)
	for i := range 10 {
		a := sasl.Users(map[string]string{rightUser: rightPassword})
		a.Seed = fmt.Appendf(nil, "seed %d", i)
		m, x := begin(t, creds, a, sasl.Channel{}, sasl.Channel{})
		if o := talk(t, m, x, nil); o.client != nil || o.server != nil {
			t.Fatal(i, o.client, o.server)
		}
	}
}

// Our proof is answered by nothing.
func TestResponseToProof(t *testing.T) {
	a := sasl.Users(map[string]string{rightUser: rightPassword})
	m, x := begin(t, sasl.Password(rightUser, rightPassword), a, sasl.Channel{}, sasl.Channel{})
	var challenge []byte
	for range 2 {
		response, err := m.Next(context.Background(), challenge)
		if err != nil {
			t.Fatal(err)
		}
		if challenge, _, err = x.Next(context.Background(), response); err != nil {
			t.Fatal(err)
		}
	}
	if x.User() != "" {
		t.Error("let in before the end")
	}
	if _, _, err := x.Next(context.Background(), []byte("x")); !errors.Is(err, sasl.ErrMalformed) || x.User() != "" {
		t.Error(err)
	}
}

func TestMakeKeys(t *testing.T) {
	salt := []byte("0123456789abcdef")
	for want, err := range map[string]error{
		"neither SCRAM-SHA-256": func() error { _, err := sasl.MakeKeys("PLAIN", "x", salt, 4096); return err }(),
		"salt is empty":         func() error { _, err := sasl.MakeKeys("SCRAM-SHA-1", "x", nil, 4096); return err }(),
		"4095 iterations":       func() error { _, err := sasl.MakeKeys("SCRAM-SHA-1", "x", salt, 4095); return err }(),
		"1000001 iterations":    func() error { _, err := sasl.MakeKeys("SCRAM-SHA-1", "x", salt, 1000001); return err }(),
		"password is empty":     func() error { _, err := sasl.MakeKeys("SCRAM-SHA-1", "", salt, 4096); return err }(),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	a := &sasl.Accounts{SCRAM: func(_ context.Context, mechanism, user string) (sasl.Keys, error) {
		if user != rightUser {
			return sasl.Keys{}, sasl.ErrRefused
		}
		return sasl.MakeKeys(mechanism, rightPassword, salt, 5000)
	}}
	for pass, want := range map[string]error{rightPassword: nil, "wrong": sasl.ErrRefused} {
		m, x := begin(t, sasl.Password(rightUser, pass), a, sasl.Channel{}, sasl.Channel{})
		if o := talk(t, m, x, nil); !errors.Is(o.server, want) {
			t.Errorf("stored keys: %v", o.server)
		}
	}
}
