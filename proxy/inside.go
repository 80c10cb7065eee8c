package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/parleymail/parley/smtp"
)

// TLS with the program.

// handshakeTime is how long a TLS handshake may take with either side.
const handshakeTime = time.Minute

// startTLS speaks TLS with the program from the next octet on.
func (s *session) startTLS() error {
	cfg, err := s.p.tlsConfig()
	if err != nil {
		s.cut(err)
		return err
	}
	below := s.conn(Program)
	below.SetDeadline(time.Time{})
	heard := &listener{Conn: below}
	conn := tls.Server(heard, cfg)
	ctx, cancel := context.WithTimeout(s.ctx, handshakeTime)
	defer cancel()
	err = conn.HandshakeContext(ctx)
	s.touch()
	if err != nil {
		s.handshakeFault(err, heard.complaint())
		err = fmt.Errorf("TLS with the program: %w", err)
		s.cut(err)
		return err
	}
	s.use(Program, conn)
	state := conn.ConnectionState()
	s.tap.started(Program, &state)
	return nil
}

// started notes that TLS is spoken with a side.
func (t *tap) started(side Side, state *tls.ConnectionState) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if side == Program {
		t.programTLS, t.saidBefore = true, t.said
	} else {
		t.remoteTLS = true
	}
	t.offers = nil // RFC 3207 §4.2: what was learnt before counts no longer
	t.tell(smtp.Event{Stage: smtp.StageTLS, Did: smtp.StartedTLS, Line: describe(state, side), TLS: state})
}

// describe is one line for the transcript.
func describe(state *tls.ConnectionState, side Side) string {
	line := tls.VersionName(state.Version) + ", " + tls.CipherSuiteName(state.CipherSuite) + ", with the " + side.String()
	if len(state.PeerCertificates) > 0 && side == Provider {
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

// A listener keeps the last that came, to be looked at when a handshake fails.
type listener struct {
	net.Conn
	last [alertSize]byte
}

// alertSize is that of an alert in clear text: RFC 8446 §5.1, §6.
const alertSize = 7

func (l *listener) Read(p []byte) (int, error) {
	n, err := l.Conn.Read(p)
	if n >= alertSize {
		copy(l.last[:], p[n-alertSize:n])
	} else if n > 0 {
		copy(l.last[:], l.last[n:])
		copy(l.last[alertSize-n:], p[:n])
	}
	return n, err
}

// CloseWrite is the connection's, which a half-close needs.
func (l *listener) CloseWrite() error {
	if half, ok := l.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// complaint reports whether the program ended the handshake by an alert about our
// certificate.
//
// QUIRK: OpenSSL says so in clear text where TLS 1.3 has already agreed upon keys, so
// that crypto/tls finds nothing but a bad record.
func (l *listener) complaint() bool {
	const alert, fatal, badCertificate, unknownCA = 21, 2, 42, 48
	return l.last[0] == alert && l.last[1] == 3 && l.last[3] == 0 && l.last[4] == 2 &&
		l.last[5] == fatal && l.last[6] >= badCertificate && l.last[6] <= unknownCA
}

// handshakeFault tells why TLS with the program came to nothing.
func (s *session) handshakeFault(err error, complaint bool) {
	var header tls.RecordHeaderError
	switch {
	case s.isGone():
	case complaint:
		s.fault(Distrusted)
	case errors.As(err, &header), s.p.Implicit && errors.Is(err, context.DeadlineExceeded):
		s.fault(PlainOnTLSPort)
	case s.programTLSFault(err):
	case s.p.Implicit && (errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)):
		s.fault(NotAWord)
	default:
		s.note("the handshake: " + err.Error())
		s.fault(BadHandshake)
	}
}

// programTLSFault tells of a program that does not trust our certificate, which it
// says by an alert: within the handshake, or, by TLS 1.3, behind it.
func (s *session) programTLSFault(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	if !ok || op.Op != "remote error" {
		return false
	}
	for _, words := range []string{"bad certificate", "unknown certificate", "expired certificate", "unsupported certificate"} {
		if strings.Contains(err.Error(), words) {
			s.fault(Distrusted)
			return true
		}
	}
	return false
}

// startBothTLS is what follows the provider's 220 to a STARTTLS of the program's:
// first TLS with the provider, so that the program hears 220 only where it stands.
func (s *session) startBothTLS(more bool) bool {
	reply := s.tap.heldReply()
	if more {
		s.cut(errors.New("octets follow the provider's reply to STARTTLS in clear text: somebody on the way adds to what it says"))
		return false
	}
	if s.tap.isBehind() {
		s.fault(BehindSTARTTLS)
		s.cut(errors.New("octets follow STARTTLS in clear text"))
		return false
	}
	if e := s.secure(s.conn(Provider)); e != nil {
		s.failed(e)
		s.say("454 4.7.0 parley proxy: no TLS with the provider")
		s.cut(e)
		return false
	}
	if !s.pass(Program, reply) || s.startTLS() != nil {
		return false
	}
	s.tap.resume()
	return true
}

// heldReply takes the reply that was held.
func (t *tap) heldReply() []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	reply := t.reply.held
	t.reply.held = nil
	return reply
}

// isBehind reports whether the program said something behind STARTTLS.
func (t *tap) isBehind() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.behind
}

// resume lets the program go on, over TLS.
func (t *tap) resume() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.state = atCommand
	t.inMail, t.recipients = false, 0
	t.moved.Broadcast()
}
