package talk

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/parleymail/parley/smtp"
)

// handshakeTime is how long a handshake may take.
const handshakeTime = 2 * time.Minute

var errInjected = errors.New("octets follow the reply to STARTTLS in clear text: somebody on the way adds to what the server says")

// startTLS speaks TLS from the next octet on. Nothing is said meanwhile.
func (c *Conversation) startTLS() error {
	c.writing.Lock()
	defer c.writing.Unlock()
	if len(c.in.Buffered()) > 0 {
		// Whoever sits between can add to the clear text and not to the TLS
		// (CVE-2021-38371): what came with the 220 would be heard as the server's word.
		return &smtp.Error{Kind: smtp.Insecure, Stage: smtp.StageTLS, Err: errInjected}
	}
	var verdict error
	conn := tls.Client(c.conn, c.judged(&verdict))
	ctx, cancel := context.WithTimeout(c.ctx, handshakeTime)
	defer cancel()
	err := conn.HandshakeContext(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	state := conn.ConnectionState()
	if err != nil {
		var refused *certificateError
		if errors.As(err, &refused) {
			c.tellCertificate(refused.chain, refused.err)
		}
		return c.tlsFailed(err)
	}
	c.conn, c.tls = conn, &state
	c.in.Reset(conn)
	c.tell(Turn{Event: smtp.Event{Did: smtp.StartedTLS, Stage: smtp.StageTLS, TLS: &state, Line: describeTLS(&state)}})
	c.tellCertificate(state.PeerCertificates, verdict)
	if len(c.pending) > 0 && c.pending[0].verb == "STARTTLS" {
		c.tellInjected(len(c.pending) - 1)
		c.pending = nil
	}
	c.state.startedTLS()
	c.change()
	return nil
}

// tellInjected tells of commands that went out behind STARTTLS in clear text. A good server
// has thrown them away: RFC 3207 §4.2, CVE-2011-0411.
func (c *Conversation) tellInjected(n int) {
	if n > 0 {
		c.note(smtp.StageTLS, fmt.Sprintf("%d commands went out behind STARTTLS in clear text; a server that answers them now obeys strangers", n))
	}
}

// TLS is the state of the connection's TLS, nil in clear text.
func (c *Conversation) TLS() *tls.ConnectionState {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.tls
}

// A certificateError is a certificate that is not good, with what came along with it.
type certificateError struct {
	chain []*x509.Certificate
	err   error
}

func (e *certificateError) Error() string { return e.err.Error() }
func (e *certificateError) Unwrap() error { return e.err }

// judged is the configuration of a handshake. The certificate is judged by ourselves, so
// that it can be told of where it is not good too; verdict is what was found.
func (c *Conversation) judged(verdict *error) *tls.Config {
	cfg := new(tls.Config)
	if c.options.TLS != nil {
		cfg = c.options.TLS.Clone()
	}
	if cfg.ServerName == "" {
		cfg.ServerName = c.options.Host
	}
	if cfg.MinVersion == 0 {
		cfg.MinVersion = tls.VersionTLS12 // RFC 8997
	}
	skip := cfg.InsecureSkipVerify || c.options.Insecure
	cfg.InsecureSkipVerify = true
	own := cfg.VerifyConnection
	cfg.VerifyConnection = func(state tls.ConnectionState) error {
		err := c.judge(cfg, state.PeerCertificates)
		if err == nil && own != nil {
			err = own(state)
		}
		*verdict = err
		if err != nil && !skip {
			return &certificateError{state.PeerCertificates, err}
		}
		return nil
	}
	return cfg
}

func (c *Conversation) judge(cfg *tls.Config, chain []*x509.Certificate) error {
	if pin := c.options.Fingerprint; pin != "" {
		got := sha256.Sum256(chain[0].Raw)
		if !strings.EqualFold(hex.EncodeToString(got[:]), strings.ReplaceAll(pin, ":", "")) {
			return fmt.Errorf("the certificate's fingerprint is %x, not the one that was pinned", got)
		}
		return nil
	}
	opts := x509.VerifyOptions{DNSName: cfg.ServerName, Roots: cfg.RootCAs, Intermediates: x509.NewCertPool()}
	if cfg.Time != nil {
		opts.CurrentTime = cfg.Time()
	}
	for _, cert := range chain[1:] {
		opts.Intermediates.AddCert(cert)
	}
	_, err := chain[0].Verify(opts)
	return err
}

// tellCertificate says whose certificate it is, how long it is good, and what was found.
func (c *Conversation) tellCertificate(chain []*x509.Certificate, verdict error) {
	if len(chain) == 0 {
		return
	}
	leaf := chain[0]
	names := leaf.DNSNames
	for _, ip := range leaf.IPAddresses {
		names = append(names[:len(names):len(names)], ip.String())
	}
	const most = 8
	list := strings.Join(names[:min(len(names), most)], ", ")
	if more := len(names) - most; more > 0 {
		list += fmt.Sprintf(" and %d more", more)
	}
	if list == "" {
		list = "no host, but " + leaf.Subject.String()
	}
	days := int(time.Until(leaf.NotAfter).Hours() / 24)
	c.note(smtp.StageTLS, fmt.Sprintf("certificate of %s; issued by %s; valid from %s until %s, %d days from now",
		list, issuer(leaf), leaf.NotBefore.UTC().Format(time.DateOnly), leaf.NotAfter.UTC().Format(time.DateOnly), days))
	switch {
	case verdict != nil:
		c.note(smtp.StageTLS, "certificate NOT good: "+verdict.Error())
	case c.options.Fingerprint != "":
		c.note(smtp.StageTLS, "certificate good: it is the one that was pinned")
	default:
		c.note(smtp.StageTLS, "certificate good: names this server, and is of somebody whom this machine trusts")
	}
}

func issuer(cert *x509.Certificate) string {
	switch name := cert.Issuer.String(); {
	case name == cert.Subject.String():
		return "itself"
	case cert.Issuer.CommonName != "":
		return cert.Issuer.CommonName
	default:
		return name
	}
}

// describeTLS is one line: version, cipher suite.
func describeTLS(state *tls.ConnectionState) string {
	return tls.VersionName(state.Version) + ", " + tls.CipherSuiteName(state.CipherSuite)
}

// tlsFailed words a handshake that came to nothing.
func (c *Conversation) tlsFailed(err error) error {
	e := &smtp.Error{Kind: smtp.Insecure, Stage: smtp.StageTLS, Err: err}
	header, ok := errors.AsType[tls.RecordHeaderError](err)
	switch {
	case c.ctx.Err() != nil:
		e.Kind, e.Err = smtp.Interrupted, context.Cause(c.ctx)
	case errors.Is(err, context.DeadlineExceeded):
		e.Kind, e.Err = smtp.Unreachable, fmt.Errorf("the server did not finish the handshake in %v: %w", handshakeTime, err)
	case ok && header.RecordHeader[0] >= 0x20 && header.RecordHeader[0] < 0x7f:
		e.Err = fmt.Errorf("the server speaks plain text here, not TLS; it began with %q: %w", header.RecordHeader[:], err)
	case errors.Is(err, io.EOF):
		e.Kind, e.Err = smtp.Unreachable, fmt.Errorf("the server hung up in the midst of the handshake: %w", err)
	}
	return e
}
