package interop_test

import (
	"testing"
)

// mode is how a connection is protected.
type mode uint8

const (
	plain mode = iota
	startTLS
	implicitTLS
)

func (m mode) String() string { return [...]string{"plain", "STARTTLS", "TLS"}[m] }

// port is the name that peers give to their port for it.
func (m mode) port() string { return [...]string{"PLAIN", "STARTTLS", "TLS"}[m] }

// A server is one row of names: a peer that takes mail by SMTP.
type server struct {
	name  string // of its script
	label string
	relay string // the peer that it hands all mail on to, where it keeps none
}

var servers = []server{
	{name: "postfix", label: "Postfix 3.7"},
	{name: "exim", label: "Exim 4.96"},
	{name: "opensmtpd", label: "OpenSMTPD 7.4"},
	{name: "dovecot", label: "Dovecot 2.3 submission, before Postfix", relay: "postfix"},
	{name: "aiosmtpd", label: "aiosmtpd 1.4"},
}

// start starts the server, and the one behind it; inbox is where mail ends up.
func (s server) start(t *testing.T) (p *peer, inbox maildir) {
	t.Helper()
	if s.relay == "" {
		p = start(t, s.name)
		return p, maildir(p.state + "/mail/inbox")
	}
	behind := start(t, s.relay)
	p = start(t, s.name, "PARLEY_RELAY="+behind.addr("PLAIN"))
	return p, maildir(behind.state + "/mail/inbox")
}

// each runs a test for each server, side by side.
func each(t *testing.T, test func(t *testing.T, s server, p *peer, inbox maildir)) {
	for _, s := range servers {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			p, inbox := s.start(t)
			test(t, s, p, inbox)
		})
	}
}
