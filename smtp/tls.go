package smtp

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

// tlsConfig is the Client's own configuration: its TLS field, completed. It is
// made once, so that its cache of sessions serves all connections: to resume
// one costs half of what a new one does.
func (c *Client) tlsConfig(host string) *tls.Config {
	cfg := new(tls.Config)
	if c.TLS != nil {
		cfg = c.TLS.Clone()
	}
	if cfg.ServerName == "" {
		cfg.ServerName = host
	}
	if cfg.MinVersion == 0 {
		cfg.MinVersion = tls.VersionTLS12 // RFC 8997
	}
	if cfg.ClientSessionCache == nil {
		cfg.ClientSessionCache = tls.NewLRUClientSessionCache(0)
	}
	return cfg
}

// startTLS speaks TLS from the next octet on, and sees whom we speak with.
func (s *Session) startTLS(ctx context.Context, opportunistic bool) *Error {
	cfg, err := s.client.judged(s.client.pool.tls(s.client, s.host), opportunistic, &s.verified)
	if err != nil {
		return s.fail(Invalid, StageTLS, err)
	}
	plain := s.conn
	conn := tls.Client(plain, cfg)
	handshake, cancel := context.WithTimeout(ctx, s.wait(StageTLS))
	defer cancel()
	plain.SetDeadline(time.Time{})
	if err := conn.HandshakeContext(handshake); err != nil {
		s.lost = true
		s.now = time.Now()
		return s.tlsFailed(ctx, err)
	}
	s.use(conn)
	state := conn.ConnectionState()
	s.tls = &state
	s.now = time.Now()
	s.tell(Event{Stage: StageTLS, Did: StartedTLS, TLS: s.tls}, []byte(describeTLS(&state)))
	return nil
}

// fingerprint is the pinned one.
func (c *Client) fingerprint() ([]byte, error) {
	sum, err := hex.DecodeString(strings.ReplaceAll(c.Fingerprint, ":", ""))
	if err != nil || len(sum) != sha256.Size {
		return nil, fmt.Errorf("Client.Fingerprint is not a SHA-256 in hex: %d digits are wanted", 2*sha256.Size)
	}
	return sum, nil
}

// judged adds to cfg what TLS itself does not judge by. verified is set when a
// handshake finds the certificate good.
func (c *Client) judged(cfg *tls.Config, opportunistic bool, verified *bool) (*tls.Config, error) {
	cfg = cfg.Clone()
	switch {
	case c.Fingerprint != "":
		want, err := c.fingerprint()
		if err != nil {
			return nil, err
		}
		cfg.InsecureSkipVerify = true
		cfg.VerifyConnection = func(state tls.ConnectionState) error {
			got := sha256.Sum256(state.PeerCertificates[0].Raw)
			if subtle.ConstantTimeCompare(got[:], want) != 1 {
				return fmt.Errorf("the certificate's fingerprint is %x, not the one that was pinned", got)
			}
			*verified = true
			return nil
		}
	case opportunistic && !cfg.InsecureSkipVerify:
		cfg.InsecureSkipVerify = true
		own := cfg.VerifyConnection
		cfg.VerifyConnection = func(state tls.ConnectionState) error {
			opts := x509.VerifyOptions{DNSName: cfg.ServerName, Roots: cfg.RootCAs, Intermediates: x509.NewCertPool()}
			if cfg.Time != nil {
				opts.CurrentTime = cfg.Time()
			}
			for _, cert := range state.PeerCertificates[1:] {
				opts.Intermediates.AddCert(cert)
			}
			_, err := state.PeerCertificates[0].Verify(opts)
			*verified = err == nil && (own == nil || own(state) == nil)
			return nil
		}
	default:
		// With InsecureSkipVerify nobody has judged it, unless by a function of the
		// caller's own.
		*verified = !cfg.InsecureSkipVerify || cfg.VerifyConnection != nil
	}
	return cfg, nil
}

// tlsFailed words a handshake that came to nothing. The commonest cause is that
// one side speaks TLS and the other does not: the first octets give it away.
func (s *Session) tlsFailed(ctx context.Context, err error) *Error {
	e := s.fail(Insecure, StageTLS, err)
	var header tls.RecordHeaderError
	op, _ := errors.AsType[*net.OpError](err)
	switch {
	case ctx.Err() != nil:
		e.Kind, e.Err = Interrupted, context.Cause(ctx)
	case errors.Is(err, context.DeadlineExceeded):
		e.Kind, e.Err = Unreachable, fmt.Errorf("the server did not finish the handshake in %v: %w", s.wait(StageTLS), err)
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || op != nil && (op.Op == "read" || op.Op == "write"):
		e.Kind, e.Err = Unreachable, fmt.Errorf("the server hung up in the midst of the handshake: %w", err)
	case errors.As(err, &header) && header.RecordHeader[0] >= 0x20 && header.RecordHeader[0] < 0x7f:
		e.Err = fmt.Errorf("the server speaks plain text here, not TLS; it began with %q: %w", header.RecordHeader[:], err)
	}
	return e
}

// describeTLS is one line for the transcript.
func describeTLS(state *tls.ConnectionState) string {
	line := tls.VersionName(state.Version) + ", " + tls.CipherSuiteName(state.CipherSuite)
	if len(state.PeerCertificates) > 0 {
		leaf := state.PeerCertificates[0]
		name := leaf.Subject.CommonName
		if len(leaf.DNSNames) > 0 {
			name = leaf.DNSNames[0]
		}
		line += ", certificate for " + name + " until " + leaf.NotAfter.UTC().Format(time.DateOnly)
	}
	if state.DidResume {
		line += ", resumed"
	}
	return line
}
