package smtptest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/parleymail/parley/replay"
	"github.com/parleymail/parley/sasl"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/transcript"
)

// A Replayed is a server that says what the one of a recording said: see [Replay].
type Replayed struct {
	*replay.Server

	t    testing.TB
	pool *x509.CertPool

	mu         sync.Mutex
	listener   net.Listener // nil until it is asked for
	dialled    int
	departures []replay.Departure
}

// Replay gives a server that says what the one of a recording said, to any program: in [Replayed.Client]'s hands over
// connections in memory, which work in the bubbles of testing/synctest, and at [Replayed.URL] over loopback. Where
// [Play] holds a client to its script, this takes it as it comes, and [Replayed.Departures] tells what it said
// otherwise. Package replay tells what is played, and how.
//
// A login ends as that of the recording did. By SCRAM it does so for the user "shop" with the password "a secret", whom
// Client and URL have where the recording logs in.
//
// The server ends with the test.
func Replay(t testing.TB, recorded transcript.Transcript) *Replayed {
	t.Helper()
	r := &Replayed{t: t, Server: &replay.Server{
		Transcript: recorded, Users: map[string]string{replayUser: replayPassword}, Trace: transcript.Print(t.Output()),
	}}
	r.Departed = func(d replay.Departure) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.departures = append(r.departures, d)
	}
	if err := r.Check(); err != nil {
		t.Fatalf("smtptest: %v", err)
	}
	r.pool = x509.NewCertPool()
	r.pool.AppendCertsFromPEM(r.PEM())
	t.Cleanup(func() { r.Close() })
	return r
}

const (
	replayUser     = "shop"
	replayPassword = "a secret"
)

// Client gives a client for the recording, over connections in memory. It is closed when the test ends; the test may
// change its fields before it uses it.
func (r *Replayed) Client() *smtp.Client {
	c := &smtp.Client{
		Addr: playHost + ":25", Hello: "localhost", LMTP: r.LMTP(), Security: r.Speaks(), DialContext: r.dial,
		TLS: &tls.Config{RootCAs: r.pool, ServerName: "localhost"},
	}
	if r.LogsIn() {
		c.Auth = sasl.Password(replayUser, replayPassword)
	}
	r.t.Cleanup(func() { c.Close() })
	return c
}

func (r *Replayed) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	r.mu.Lock()
	r.dialled++
	ours, theirs := pipe(clientAddr(r.dialled), serverAddr())
	r.mu.Unlock()
	go r.ServeConn(theirs)
	return ours, nil
}

// URL is how other programs reach the recording over loopback, as smtp.ParseURL reads it. The CA's certificate is in
// the file that its parameter ca names, which is gone after the test.
func (r *Replayed) URL() string {
	r.t.Helper()
	u := url.URL{Scheme: "smtp", Host: r.listen()}
	query := url.Values{}
	switch security := r.Speaks(); {
	case r.LMTP():
		u.Scheme = "lmtp"
		if security == smtp.Plaintext {
			query.Set("tls", "none")
		}
	case security == smtp.ImplicitTLS:
		u.Scheme = "smtps"
	case security == smtp.Plaintext:
		query.Set("tls", "none")
	}
	if r.Speaks() != smtp.Plaintext {
		file := filepath.Join(r.t.TempDir(), "ca.pem")
		if err := os.WriteFile(file, r.PEM(), 0o600); err != nil {
			r.t.Fatalf("smtptest: %v", err)
		}
		query.Set("ca", file)
	}
	if r.LogsIn() {
		u.User = url.UserPassword(replayUser, replayPassword)
	}
	u.RawQuery = query.Encode()
	return u.String()
}

// listen begins to listen, once, and gives the address.
func (r *Replayed) listen() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.listener == nil {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			r.t.Fatalf("smtptest: %v", err)
		}
		r.listener = l
		go r.Serve(l) // until Close; what it then says is no news
	}
	return r.listener.Addr().String()
}

// Departures are what clients have said otherwise than the recording so far.
func (r *Replayed) Departures() []replay.Departure {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.departures)
}
