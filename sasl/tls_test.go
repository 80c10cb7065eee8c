package sasl_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/parleymail/parley/sasl"
)

// A line is one TLS connection, seen from both its ends.
type line struct {
	client, server sasl.Channel
	cert           *x509.Certificate // the server's
}

// certificates are made once: they are the slow part of these tests.
var certificates = sync.OnceValue(func() (made struct{ server, client tls.Certificate }) {
	made.server, made.client = newCertificate(1), newCertificate(2)
	return made
})

func newCertificate(serial int64) tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(serial),
		Subject:               pkix.Name{CommonName: "mx.example.org"},
		DNSNames:              []string{"mx.example.org"},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(time.Hour),
		IsCA:                  true,
		BasicConstraintsValid: true,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// connect is a TLS connection of one version over a pipe. What is to be otherwise
// about the client is for change to say.
func connect(t testing.TB, version uint16, change func(*tls.Config)) line {
	t.Helper()
	made := certificates()
	roots := x509.NewCertPool()
	roots.AddCert(made.server.Leaf)
	clients := x509.NewCertPool()
	clients.AddCert(made.client.Leaf)
	forClient := &tls.Config{ServerName: "mx.example.org", RootCAs: roots, MinVersion: version, MaxVersion: version}
	if change != nil {
		change(forClient)
	}
	near, far := net.Pipe()
	t.Cleanup(func() { near.Close(); far.Close() })
	server := tls.Server(far, &tls.Config{
		Certificates: []tls.Certificate{made.server},
		ClientAuth:   tls.VerifyClientCertIfGiven,
		ClientCAs:    clients,
	})
	served := make(chan error, 1)
	go func() {
		err := server.Handshake()
		if err == nil {
			_, err = server.Write([]byte("!")) // carries the session ticket of TLS 1.3 along
		}
		served <- err
	}()
	client := tls.Client(near, forClient)
	if err := client.Handshake(); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	if err := <-served; err != nil {
		t.Fatal(err)
	}
	ours, theirs := client.ConnectionState(), server.ConnectionState()
	return line{
		client: sasl.Channel{Host: "mx.example.org", Port: 465, TLS: &ours},
		server: sasl.Channel{TLS: &theirs},
		cert:   made.server.Leaf,
	}
}
