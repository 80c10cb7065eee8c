// Package throwaway makes certificates that are forgotten with the process: for a demo, a proxy, a capture server and for tests.
// Nobody trusts them who was not told to.
package throwaway

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"time"
)

// An Authority is a CA.
type Authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// NewAuthority makes a CA, which is good for as long as its certificates are to be. Its name stands in them as their issuer.
func NewAuthority(name string, life time.Duration) (*Authority, error) {
	key, template, err := blank(time.Now().Add(life), name)
	if err != nil {
		return nil, err
	}
	template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
	template.DNSNames, template.IPAddresses, template.ExtKeyUsage = nil, nil, nil
	cert, err := sign(template, template, key, key)
	if err != nil {
		return nil, err
	}
	return &Authority{cert: cert, key: key}, nil
}

// Pool trusts this CA alone.
func (a *Authority) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

// PEM is the CA's certificate, for programs that want a file.
func (a *Authority) PEM() []byte { return PEM(a.cert.Raw) }

// Issue makes a certificate for servers and clients, for these names and IP addresses.
func (a *Authority) Issue(until time.Time, names ...string) (tls.Certificate, error) {
	key, template, err := blank(until, names...)
	if err != nil {
		return tls.Certificate{}, err
	}
	cert, err := sign(template, a.cert, key, a.key)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{cert.Raw, a.cert.Raw}, PrivateKey: key, Leaf: cert}, nil
}

// SelfSigned makes a certificate that nobody signed but itself. It is its own CA, since some programs take nothing else as a
// trust anchor.
func SelfSigned(until time.Time, names ...string) (tls.Certificate, error) {
	key, template, err := blank(until, names...)
	if err != nil {
		return tls.Certificate{}, err
	}
	template.IsCA, template.BasicConstraintsValid = true, true
	template.KeyUsage |= x509.KeyUsageCertSign
	cert, err := sign(template, template, key, key)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key, Leaf: cert}, nil
}

// PEM is a certificate as files have it.
func PEM(der []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}) }

// blank is a key, and a certificate that is not signed yet. It has been good for a day by then, or for an hour by now,
// whichever is earlier: clocks differ.
func blank(until time.Time, names ...string) (*ecdsa.PrivateKey, *x509.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("making a key: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120)) // RFC 5280 §4.1.2.2: at most 20 octets
	if err != nil {
		return nil, nil, fmt.Errorf("making a serial number: %w", err)
	}
	from := time.Now().Add(-time.Hour)
	if early := until.Add(-24 * time.Hour); early.Before(from) {
		from = early
	}
	c := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: names[0]},
		NotBefore:    from,
		NotAfter:     until,
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			c.IPAddresses = append(c.IPAddresses, ip)
		} else {
			c.DNSNames = append(c.DNSNames, name)
		}
	}
	return key, c, nil
}

func sign(template, parent *x509.Certificate, key, signer *ecdsa.PrivateKey) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		return nil, fmt.Errorf("signing a certificate: %w", err)
	}
	return x509.ParseCertificate(der)
}
