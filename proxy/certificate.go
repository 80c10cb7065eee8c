package proxy

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/parleymail/parley/internal/throwaway"
)

// Certificate is the certificate that the proxy shows to programs: of TLS, or one of
// its own making, which is the same as long as the Proxy is. A program that is to
// trust that must be given it as a CA.
func (p *Proxy) Certificate() (*x509.Certificate, error) {
	cfg, err := p.tlsConfig()
	if err != nil {
		return nil, err
	}
	if len(cfg.Certificates) == 0 {
		return nil, errors.New("proxy: Proxy.TLS has no certificate of its own")
	}
	return x509.ParseCertificate(cfg.Certificates[0].Certificate[0])
}

// tlsConfig is what TLS with programs goes by.
func (p *Proxy) tlsConfig() (*tls.Config, error) {
	if p.TLS != nil {
		return p.TLS, nil
	}
	p.own.Do(func() {
		cert, err := p.ownCertificate()
		if err != nil {
			p.ownError = fmt.Errorf("proxy: making a certificate: %w", err)
			return
		}
		p.ownConfig = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	})
	return p.ownConfig, p.ownError
}

// ownCertificate is for this machine, and for the provider's name, which a program may
// still call us by. Nobody trusts it who was not told to.
func (p *Proxy) ownCertificate() (tls.Certificate, error) {
	names := []string{"localhost", "127.0.0.1", "::1"}
	if name, err := os.Hostname(); err == nil {
		names = append(names, name)
	}
	if r, err := p.route(); err == nil && net.ParseIP(r.host) == nil {
		names = append(names, r.host)
	}
	const life = 30 * 24 * time.Hour
	return throwaway.SelfSigned(time.Now().Add(life), names...)
}
