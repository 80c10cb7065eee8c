package smtp_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parleymail/parley/sasl"
	"github.com/parleymail/parley/smtp"
)

// certificate makes one that signs itself.
func certificate(t *testing.T, name string) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, _ := x509.ParseCertificate(der)
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, pool
}

// secured gives a fake that has TLS, and a client that trusts it.
func secured(t *testing.T, implicit bool) (*fake, *smtp.Client) {
	cert, roots := certificate(t, "mx.example")
	f := &fake{offers: []string{"STARTTLS", "AUTH PLAIN"}, tls: &tls.Config{Certificates: []tls.Certificate{cert}}}
	f.implicit = implicit
	real := f.listen(t, "tcp", "127.0.0.1:0")
	c := &smtp.Client{Addr: "mx.example:25", Hello: "localhost", TLS: &tls.Config{RootCAs: roots}}
	if implicit {
		c.Addr = "mx.example:465"
	}
	c.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, real)
	}
	t.Cleanup(func() { c.Close() })
	return f, c
}

func copyAndClose(dst, src net.Conn) {
	b := make([]byte, 32<<10)
	for {
		n, err := src.Read(b)
		if n > 0 {
			if _, err := dst.Write(b[:n]); err != nil {
				break
			}
		}
		if err != nil {
			break
		}
	}
	dst.Close()
	src.Close()
}

func TestTLSIsTheZeroValue(t *testing.T) {
	for _, implicit := range []bool{false, true} {
		f, c := secured(t, implicit)
		var started int
		c.Trace = func(e smtp.Event) {
			if e.Did == smtp.StartedTLS {
				started++
				if e.TLS == nil || !strings.HasPrefix(e.Line, "TLS 1.3, ") || !strings.Contains(e.Line, "certificate for mx.example until ") {
					t.Errorf("event %+v", e)
				}
			}
		}
		if _, err := c.Send(ctx, letter("b@example.net")); err != nil || started != 1 {
			t.Errorf("implicit %v: %v, TLS started %d times", implicit, err, started)
		}
		if said := f.said(0); !implicit && slices.Index(said, "STARTTLS") != 1 {
			t.Errorf("said %q", said)
		}
	}
}

func TestNoTLSNoMail(t *testing.T) {
	f := &fake{offers: []string{"AUTH PLAIN"}}
	c := f.client()
	c.Security, c.Auth = smtp.Automatic, sasl.Password("shop", "hush-hush")
	_, err := c.Send(ctx, letter("b@example.net"))
	wantErr(t, err, smtp.Insecure, smtp.StageTLS, "offers no STARTTLS")
	for _, line := range f.said(0) {
		if !strings.HasPrefix(line, "EHLO") && line != "QUIT" {
			t.Errorf("said %q in clear text", line)
		}
	}
}

func TestCertificateIsJudged(t *testing.T) {
	other, _ := certificate(t, "other.example")
	_, strangers := certificate(t, "mx.example")
	for name, test := range map[string]struct {
		change func(*fake, *smtp.Client)
		text   string
	}{
		"wrong name": {func(f *fake, c *smtp.Client) { f.tls.Certificates[0] = other; c.TLS.RootCAs.AddCert(other.Leaf) }, "not mx.example"},
		"unknown CA": {func(f *fake, c *smtp.Client) { c.TLS.RootCAs = strangers }, "unknown authority"},
		"old TLS": {func(f *fake, c *smtp.Client) {
			f.tls.MaxVersion = tls.VersionTLS11
			f.tls.MinVersion = tls.VersionTLS10
		}, "protocol version"},
		"wrong pin":        {func(f *fake, c *smtp.Client) { c.Fingerprint = strings.Repeat("ab", 32) }, "not the one that was pinned"},
		"pin that is none": {func(f *fake, c *smtp.Client) { c.Fingerprint = "abc" }, "is not a SHA-256"},
	} {
		for _, implicit := range []bool{false, true} {
			f, c := secured(t, implicit)
			test.change(f, c)
			_, err := c.Send(ctx, letter("b@example.net"))
			e, _ := err.(*smtp.Error)
			if e == nil || (e.Stage != smtp.StageTLS || e.Kind != smtp.Insecure) && name != "pin that is none" || !strings.Contains(err.Error(), test.text) {
				t.Errorf("%s, implicit %v: %v", name, implicit, err)
			}
		}
	}
}

func TestFingerprintIsEnough(t *testing.T) {
	for _, implicit := range []bool{false, true} {
		f, c := secured(t, implicit)
		c.TLS = nil // nobody whom we trust has signed it
		sum := sha256.Sum256(f.tls.Certificates[0].Certificate[0])
		c.Fingerprint = strings.ReplaceAll(fmt.Sprintf("% X", sum), " ", ":")
		if _, err := c.Send(ctx, letter("b@example.net")); err != nil {
			t.Error(err)
		}
	}
}

func TestClientCertificate(t *testing.T) {
	f, c := secured(t, true)
	ours, pool := certificate(t, "shop.example")
	f.tls.ClientAuth, f.tls.ClientCAs = tls.RequireAndVerifyClientCert, pool
	c.TLS.Certificates = []tls.Certificate{ours}
	if _, err := c.Send(ctx, letter("b@example.net")); err == nil {
		t.Log("taken")
	} else if !strings.Contains(err.Error(), "incompatible key usage") {
		// The certificate that signs itself has no purpose of a client's.
		t.Error(err)
	}
}

func TestOpportunistic(t *testing.T) {
	// Whatever the certificate, and also without TLS, the mail goes.
	_, c := secured(t, false)
	c.TLS, c.Security = nil, smtp.Opportunistic
	if _, err := c.Send(ctx, letter("b@example.net")); err != nil {
		t.Error(err)
	}
	plain := new(fake)
	c2 := plain.client()
	c2.Security = smtp.Opportunistic
	defer c2.Close()
	if _, err := c2.Send(ctx, letter("b@example.net")); err != nil {
		t.Error(err)
	}
	// Credentials do not.
	_, c3 := secured(t, false)
	c3.TLS.RootCAs = x509.NewCertPool()
	c3.Security, c3.Auth = smtp.Opportunistic, sasl.Password("shop", "hush-hush")
	_, err := c3.Send(ctx, letter("b@example.net"))
	wantErr(t, err, smtp.Insecure, smtp.StageAuth, "not sent over opportunistic TLS")
	_, c4 := secured(t, false)
	c4.Security, c4.Auth = smtp.Opportunistic, sasl.Password("shop", "hush-hush")
	if s, err := c4.Open(ctx); err == nil {
		t.Error("the fake takes no AUTH, and yet the session is open", s)
	} else if e := err.(*smtp.Error); e.Stage != smtp.StageAuth || e.Kind == smtp.Insecure {
		t.Errorf("a good certificate was not enough: %v", err)
	}
}

func TestTLSToAPlainPort(t *testing.T) {
	c := &smtp.Client{Addr: new(fake).listen(t, "tcp", "127.0.0.1:0"), Security: smtp.ImplicitTLS}
	_, err := c.Send(ctx, letter("b@example.net"))
	wantErr(t, err, smtp.Insecure, smtp.StageTLS, `the server speaks plain text here, not TLS; it began with "220 m"`)
}

func TestTLSSessionIsResumed(t *testing.T) {
	f, c := secured(t, false)
	c.MaxMessages = 1
	var resumed []bool
	c.Trace = func(e smtp.Event) {
		if e.Did == smtp.StartedTLS {
			resumed = append(resumed, e.TLS.DidResume)
		}
	}
	for range 3 {
		if _, err := c.Send(ctx, letter("b@example.net")); err != nil {
			t.Fatal(err)
		}
	}
	if n, _, _ := f.count(); n != 3 || !slices.Equal(resumed, []bool{false, true, true}) {
		t.Errorf("%d sessions, resumed %v", n, resumed)
	}
}
