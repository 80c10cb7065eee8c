package sasl

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"

	"github.com/xdg-go/scram"
)

// A channel binding is what both ends of one TLS connection know of it, and two
// ends of two connections do not: whoever sits between cannot pass SCRAM on.

const (
	bindExporter = string(scram.ChannelBindingTLSExporter)
	bindUnique   = string(scram.ChannelBindingTLSUnique)
	bindEndPoint = string(scram.ChannelBindingTLSServerEndpoint)
)

// clientBinding is what the client binds to: by the type named, and by the one
// that belongs to the version of TLS where none is.
func clientBinding(state *tls.ConnectionState, kind string) (scram.ChannelBinding, error) {
	if state == nil {
		return scram.ChannelBinding{}, errors.New("a channel binding needs TLS")
	}
	var cert *x509.Certificate
	if len(state.PeerCertificates) > 0 {
		cert = state.PeerCertificates[0]
	}
	if kind == "" {
		kind = defaultBinding(state)
	}
	return newBinding(state, kind, cert)
}

// defaultBinding is tls-exporter over TLS 1.3, for tls-unique is not defined there
// (RFC 9266 §1), and tls-unique before: RFC 5802 §6.1.
func defaultBinding(state *tls.ConnectionState) string {
	if state.Version >= tls.VersionTLS13 {
		return bindExporter
	}
	return bindUnique
}

// checkBinding is nil for the names that RFC 5929 and RFC 9266 give, and for none.
func checkBinding(kind string) error {
	switch kind {
	case "", bindExporter, bindUnique, bindEndPoint:
		return nil
	}
	return fmt.Errorf("no channel binding is called %q: there are %s", plainWords(kind, 40),
		strings.Join([]string{bindExporter, bindUnique, bindEndPoint}, ", "))
}

// newBinding makes the binding of one type. The certificate is the server's, on
// either side.
func newBinding(state *tls.ConnectionState, kind string, cert *x509.Certificate) (scram.ChannelBinding, error) {
	none := scram.ChannelBinding{}
	if err := checkBinding(kind); err != nil {
		return none, err
	}
	if !state.HandshakeComplete {
		return none, errors.New("the TLS handshake is not complete")
	}
	if kind == bindEndPoint {
		return endPointBinding(cert)
	}
	// Exported key material is refused without the extended master secret and where
	// renegotiation is allowed. Those are the very connections on which tls-unique
	// binds to nothing (RFC 7627 §1, RFC 5929 §10.2), so both types ask for it.
	exporter, err := scram.NewTLSExporterBinding(state) // RFC 9266 §2
	if err != nil {
		return none, fmt.Errorf("this TLS connection has nothing safe to bind to, for want of the extended master secret or because it may be renegotiated: %w", err)
	}
	if kind == bindExporter {
		return exporter, nil
	}
	if state.Version >= tls.VersionTLS13 || len(state.TLSUnique) == 0 {
		return none, fmt.Errorf("this connection (%s) has no tls-unique", tls.VersionName(state.Version))
	}
	return scram.NewTLSUniqueBinding(state.TLSUnique), nil
}

// endPointBinding is the certificate's hash: RFC 5929 §4.1. The certificate is
// handed over as a peer's, which on the server's side it is not.
func endPointBinding(cert *x509.Certificate) (scram.ChannelBinding, error) {
	if cert == nil {
		return scram.ChannelBinding{}, errors.New("tls-server-end-point needs the server's certificate")
	}
	cb, err := scram.NewTLSServerEndpointBinding(&tls.ConnectionState{PeerCertificates: []*x509.Certificate{cert}})
	if err != nil {
		return scram.ChannelBinding{}, fmt.Errorf("tls-server-end-point is not defined for this certificate: %w", err)
	}
	return cb, nil
}
