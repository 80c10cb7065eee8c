package fault

import (
	"crypto/tls"
	"sync"
	"time"

	"github.com/parleymail/parley/internal/throwaway"
)

// TLSFaults are the names that Rule.TLS may have:
//
//	expired      the certificate ended a day ago
//	misnamed     it is for another host
//	self-signed  it is signed by itself
//	untrusted    it is signed by a CA that nobody knows
//	old          TLS 1.1 is the newest that is spoken
//	refused      STARTTLS is answered with 454; where TLS comes first the connection is closed
func TLSFaults() []string {
	return []string{"expired", "misnamed", "self-signed", "untrusted", "old", "refused"}
}

const startTLSRefused = "454 4.7.0 TLS not available due to local problem"

// certificates are made when one is wanted, and then kept.
type certificates struct {
	mu   sync.Mutex
	ca   *throwaway.Authority
	made map[string]*tls.Config
}

// config is what TLS is spoken with by a fault. It gives nil where none could be made: the server's own is spoken then.
func (c *certificates) config(name string, issue issuer) *tls.Config {
	c.mu.Lock()
	defer c.mu.Unlock()
	if made := c.made[name]; made != nil {
		return made
	}
	cert, err := c.certificate(name, issue)
	if err != nil {
		return nil
	}
	config := &tls.Config{Certificates: []tls.Certificate{cert}}
	if name == "old" {
		// RFC 8996 forbids them, and that is what the client is to find out.
		config.MinVersion, config.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 //nolint:gosec // on purpose
	}
	if c.made == nil {
		c.made = make(map[string]*tls.Config)
	}
	c.made[name] = config
	return config
}

// An issuer makes a certificate for names.
type issuer func(until time.Time, names ...string) (tls.Certificate, error)

func (c *certificates) certificate(name string, issue issuer) (tls.Certificate, error) {
	const day = 24 * time.Hour
	here := []string{"localhost", "127.0.0.1", "::1"}
	soon := time.Now().Add(7 * day)
	if name == "self-signed" {
		return throwaway.SelfSigned(soon, here...)
	}
	if c.ca == nil {
		ca, err := throwaway.NewAuthority("a CA that nobody knows", 30*day)
		if err != nil {
			return tls.Certificate{}, err
		}
		c.ca = ca
	}
	if issue == nil || name == "untrusted" {
		issue = c.ca.Issue
	}
	switch name {
	case "expired":
		return issue(time.Now().Add(-day), here...)
	case "misnamed":
		return issue(soon, "another-host.example")
	}
	return issue(soon, here...)
}
