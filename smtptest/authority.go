package smtptest

import (
	"crypto/tls"
	"crypto/x509"
	"testing"
	"time"

	"github.com/parleymail/parley/internal/throwaway"
)

// An Authority is a throwaway CA: it is made for one test and nobody else trusts
// it.
type Authority struct {
	t  testing.TB
	ca *throwaway.Authority
}

// NewAuthority makes a CA.
func NewAuthority(t testing.TB) *Authority {
	t.Helper()
	ca, err := throwaway.NewAuthority("smtptest throwaway CA", 24*time.Hour)
	if err != nil {
		t.Fatalf("smtptest: %v", err)
	}
	return &Authority{t: t, ca: ca}
}

// Pool trusts this CA alone.
func (a *Authority) Pool() *x509.CertPool { return a.ca.Pool() }

// PEM is the CA's certificate, for programs that want a file.
func (a *Authority) PEM() []byte { return a.ca.PEM() }

// Certificate makes a certificate for names and IP addresses; without any for
// localhost, 127.0.0.1, ::1 and mx.example. It serves servers and clients, and
// is good for a day from now.
func (a *Authority) Certificate(names ...string) tls.Certificate {
	a.t.Helper()
	return a.certificate(time.Now().Add(24*time.Hour), names...)
}

func (a *Authority) certificate(until time.Time, names ...string) tls.Certificate {
	a.t.Helper()
	if len(names) == 0 {
		names = []string{"localhost", "127.0.0.1", "::1", playHost}
	}
	cert, err := a.ca.Issue(until, names...)
	if err != nil {
		a.t.Fatalf("smtptest: %v", err)
	}
	return cert
}
