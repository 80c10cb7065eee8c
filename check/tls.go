package check

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/parleymail/parley/smtp"
)

// A Certificate is what a server shows, and what is wrong with it.
type Certificate struct {
	Subject    string    `json:"subject"`
	Names      []string  `json:"names,omitempty"`
	Issuer     string    `json:"issuer"`
	NotBefore  time.Time `json:"not_before"`
	NotAfter   time.Time `json:"not_after"`
	DaysLeft   int       `json:"days_left"` // negative once it is over
	SelfSigned bool      `json:"self_signed,omitempty"`
	Chain      []string  `json:"chain,omitempty"` // the subjects of what was sent with it
	SHA256     string    `json:"sha256"`

	// Problem is empty, or one of expired, not-yet-valid, wrong-name, self-signed,
	// missing-intermediate, unknown-authority, not-pinned, other.
	Problem string `json:"problem,omitempty"`
}

// Problems of a certificate.
const (
	problemExpired      = "expired"
	problemEarly        = "not-yet-valid"
	problemName         = "wrong-name"
	problemSelfSigned   = "self-signed"
	problemIntermediate = "missing-intermediate"
	problemAuthority    = "unknown-authority"
	problemPinned       = "not-pinned"
	problemOther        = "other"
)

// describe is a chain's first certificate; nil where there is none.
func describe(chain []*x509.Certificate) *Certificate {
	if len(chain) == 0 {
		return nil
	}
	leaf := chain[0]
	sum := sha256.Sum256(leaf.Raw)
	c := &Certificate{
		Subject: leaf.Subject.String(), Issuer: leaf.Issuer.String(), Names: leaf.DNSNames,
		NotBefore: leaf.NotBefore, NotAfter: leaf.NotAfter,
		SelfSigned: selfSigned(leaf), SHA256: hex.EncodeToString(sum[:]),
	}
	c.DaysLeft = int(time.Until(leaf.NotAfter) / (24 * time.Hour))
	if time.Until(leaf.NotAfter) < 0 {
		c.DaysLeft--
	}
	for _, ip := range leaf.IPAddresses {
		c.Names = append(c.Names, ip.String())
	}
	for _, more := range chain[1:] {
		c.Chain = append(c.Chain, more.Subject.String())
	}
	return c
}

func selfSigned(c *x509.Certificate) bool {
	return bytes.Equal(c.RawSubject, c.RawIssuer) && c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) == nil
}

// serverName is the name that a certificate must bear.
func (w *walk) serverName() string {
	if t := w.check.Client.TLS; t != nil && t.ServerName != "" {
		return t.ServerName
	}
	return w.host
}

// problem judges a chain as a Client without a fingerprint does. The date comes first: a certificate
// that is over is often self-signed as well, and the name last.
func (w *walk) problem(chain []*x509.Certificate) string {
	leaf := chain[0]
	opts := x509.VerifyOptions{Intermediates: x509.NewCertPool()}
	now := time.Now()
	if t := w.check.Client.TLS; t != nil {
		opts.Roots = t.RootCAs
		if t.Time != nil {
			now = t.Time()
		}
	}
	opts.CurrentTime = now
	for _, c := range chain[1:] {
		opts.Intermediates.AddCert(c)
	}
	_, err := leaf.Verify(opts)
	_, unknown := errors.AsType[x509.UnknownAuthorityError](err)
	name := leaf.VerifyHostname(w.serverName())
	switch {
	case now.After(leaf.NotAfter):
		return problemExpired
	case now.Before(leaf.NotBefore):
		return problemEarly
	case err == nil && name != nil:
		return problemName
	case err == nil:
		return ""
	case unknown && selfSigned(leaf):
		return problemSelfSigned
	case unknown && len(chain) == 1 && len(leaf.IssuingCertificateURL) > 0:
		// Who issues for the public says in each certificate where the next one is to be had
		// (RFC 5280 §4.2.2.1); a company's own CA hardly ever does.
		return problemIntermediate
	case unknown:
		return problemAuthority
	}
	return problemOther
}

// judging is how certificates are judged once the session has been had: one that was good then, and any
// that is good by name and chain.
func (w *walk) judging() *tls.Config {
	cfg := new(tls.Config)
	if t := w.check.Client.TLS; t != nil {
		cfg = t.Clone()
	}
	if cfg.MinVersion == 0 {
		cfg.MinVersion = tls.VersionTLS12
	}
	if w.state != nil && len(w.state.PeerCertificates) > 0 {
		known := w.state.PeerCertificates[0].Raw
		cfg.InsecureSkipVerify = true
		cfg.VerifyConnection = func(s tls.ConnectionState) error {
			if bytes.Equal(s.PeerCertificates[0].Raw, known) || w.problem(s.PeerCertificates) == "" {
				return nil
			}
			return errors.New("the server shows another certificate than before, and that one is not good")
		}
	}
	return cfg
}

// versionsOfTLS are those that there are, oldest first.
var versionsOfTLS = [...]uint16{tls.VersionTLS10, tls.VersionTLS11, tls.VersionTLS12, tls.VersionTLS13}

func oldTLS(name string) bool { return name == "TLS 1.0" || name == "TLS 1.1" }

// askVersions is the step versions.
func (w *walk) askVersions() {
	if w.stopped || w.ctx.Err() != nil || !slices.Contains(w.plan, "versions") || !w.direct || w.state == nil && w.versions == nil {
		return
	}
	began := time.Now()
	if w.versions == nil {
		w.tryVersions()
	}
	if len(w.versions) == 0 {
		return
	}
	s := Step{Name: "versions", Verdict: Good, At: began, Took: time.Since(began), Found: foundVersions(w.versions), Facts: Facts{Versions: w.versions}}
	if oldTLS(w.versions[0]) {
		s.Remarks = append(s.Remarks, remarkOldTLS(w.versions))
	}
	w.give(s)
}

// tryVersions shakes hands by each version alone, all at once, and says nothing within.
func (w *walk) tryVersions() {
	var all []uint16
	for _, c := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		all = append(all, c.ID)
	}
	var takes [len(versionsOfTLS)]bool
	var wg sync.WaitGroup
	for i, v := range versionsOfTLS {
		if w.state != nil && w.state.Version == v {
			takes[i] = true
			continue
		}
		wg.Go(func() {
			cfg := &tls.Config{InsecureSkipVerify: true, MinVersion: v, MaxVersion: v, CipherSuites: all} //nolint:gosec // it is asked, and nothing is said
			l, err := w.openLine(manner{wait: min(w.timeout, 5*time.Second), config: cfg})
			if takes[i] = err == nil && l.state != nil; err == nil {
				l.leave()
			}
		})
	}
	wg.Wait()
	w.versions = []string{}
	for i, v := range versionsOfTLS {
		if takes[i] {
			w.versions = append(w.versions, tls.VersionName(v))
		}
	}
}

// isSilence reports whether the server said nothing at all, for all the time it had.
func isSilence(e *smtp.Error) bool {
	n, ok := errors.AsType[net.Error](e.Err)
	return ok && n.Timeout()
}
