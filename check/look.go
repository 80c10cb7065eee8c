package check

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/parleymail/parley/smtp"
)

// A Protocol is what a port speaks.
type Protocol string

const (
	SMTP     Protocol = "smtp"    // in clear text, perhaps with STARTTLS
	SMTPS    Protocol = "smtps"   // SMTP within TLS, from the first octet
	OtherTLS Protocol = "tls"     // TLS, and nothing of SMTP within
	HTTP     Protocol = "http"    // a web server
	IMAP     Protocol = "imap"    // a mailbox's reading side
	POP3     Protocol = "pop3"    // another one
	SSH      Protocol = "ssh"     // a shell
	FTP      Protocol = "ftp"     // files
	Silence  Protocol = "silence" // it takes connections and says nothing
	Closed   Protocol = "closed"  // it takes connections and hangs up
	Unknown  Protocol = "unknown" // something else
)

// A look is what was seen of a port.
type look struct {
	speaks   Protocol
	banner   string // the first line
	starttls bool
}

// lookPlain hears what the port says by itself, in clear text.
func (w *walk) lookPlain() look { return w.lookPlainAt(w.way) }

func (w *walk) lookPlainAt(addr string) look {
	conn, ok := w.reach(addr)
	if !ok {
		return look{}
	}
	defer conn.Close()
	l := &line{w: w}
	l.use(conn)
	text, err := l.in.ReadLine(512)
	first := strings.TrimRight(string(text), "\r\n")
	see := look{speaks: protocolOf(first), banner: first}
	var timeout net.Error
	switch {
	case first != "":
	case errors.As(err, &timeout) && timeout.Timeout():
		see.speaks = Silence
	default:
		see.speaks = Closed
	}
	if see.speaks != SMTP {
		return see
	}
	for strings.HasPrefix(first, "220-") { // the rest of a long greeting
		if text, err = l.in.ReadLine(512); err != nil {
			return see
		}
		first = string(text)
	}
	if l.sayHello() == nil {
		see.starttls = slices.Contains(words(l.keywords), "STARTTLS")
	}
	l.ask(smtp.StageQuit, "QUIT")
	return see
}

// lookTLS says a ClientHello, and hears what is within.
func (w *walk) lookTLS() look { return w.lookTLSAt(w.way) }

func (w *walk) lookTLSAt(addr string) look {
	conn, ok := w.reach(addr)
	if !ok {
		return look{}
	}
	defer conn.Close()
	inner := tls.Client(conn, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, ServerName: w.serverName()}) //nolint:gosec // it is looked at, and nothing is said to it
	err := inner.HandshakeContext(w.ctx)
	var header tls.RecordHeaderError
	var timeout net.Error
	switch {
	case errors.As(err, &header):
		return look{speaks: protocolOf(string(header.RecordHeader[:]))}
	case err != nil && errors.As(err, &timeout) && timeout.Timeout():
		return look{speaks: Silence}
	case errors.Is(err, io.EOF) || err != nil && resultOf(err) == resultFailed && !isAlert(err):
		return look{speaks: Closed}
	case err != nil:
		return look{speaks: OtherTLS}
	}
	l := &line{w: w}
	l.use(inner)
	text, _ := l.in.ReadLine(512)
	first := strings.TrimRight(string(text), "\r\n")
	if protocolOf(first) == SMTP {
		l.ask(smtp.StageQuit, "QUIT")
		return look{speaks: SMTPS, banner: first}
	}
	return look{speaks: OtherTLS, banner: first}
}

// isAlert reports whether the other side answered in TLS, though it was a no.
func isAlert(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "remote error"
}

// reach connects for a short look.
func (w *walk) reach(addr string) (net.Conn, bool) {
	ctx, cancel := context.WithTimeout(w.ctx, w.short())
	defer cancel()
	conn, err := w.dialTo(ctx, w.network, addr)
	if err != nil {
		return nil, false
	}
	conn.SetDeadline(time.Now().Add(w.short()))
	context.AfterFunc(w.ctx, func() { conn.SetDeadline(time.Unix(1, 0)) }) // the walk's end at the latest
	return conn, true
}

// protocolOf tells a protocol by the first line that its server says.
func protocolOf(first string) Protocol {
	upper := strings.ToUpper(first)
	switch {
	case strings.HasPrefix(upper, "220") && strings.Contains(upper, "FTP") && !strings.Contains(upper, "SMTP"):
		return FTP
	case len(first) >= 3 && (upper[:3] == "220" || upper[:3] == "421" || upper[:3] == "554"):
		return SMTP
	case strings.HasPrefix(upper, "HTTP/") || strings.HasPrefix(upper, "<!DOC") || strings.HasPrefix(upper, "<HTML"):
		return HTTP
	case strings.HasPrefix(upper, "* OK"):
		return IMAP
	case strings.HasPrefix(upper, "+OK"):
		return POP3
	case strings.HasPrefix(upper, "SSH-"):
		return SSH
	case strings.HasPrefix(first, "\x15\x03") || strings.HasPrefix(first, "\x16\x03"):
		return OtherTLS // an alert: it heard clear text where TLS was to be
	}
	return Unknown
}

// ofLine is the protocol of a server that said something, by the error of the session; empty if
// it said nothing.
func ofLine(e *smtp.Error) Protocol {
	for i := len(e.Said) - 1; i >= 0; i-- {
		if said := e.Said[i]; said.Did == smtp.Answer {
			return protocolOf(said.Line)
		}
	}
	return ""
}

// usualPorts are those that mail is submitted on, the best first.
var usualPorts = [...]int{465, 587, 2525, 25}

// otherPorts looks at the other usual ports of the same host, all at once and shortly.
func (w *walk) otherPorts() []Port {
	if !w.direct || w.brief || w.network != "tcp" {
		return nil
	}
	host := w.host
	if len(w.ips) > 0 {
		host = w.ips[0].String()
		if alive, _, err := net.SplitHostPort(w.way); err == nil && w.way != w.addr {
			host = alive
		}
	}
	list := make([]Port, len(usualPorts))
	var wg sync.WaitGroup
	for i, port := range usualPorts {
		if port == w.port {
			continue
		}
		wg.Go(func() { list[i] = w.lookAt(net.JoinHostPort(host, strconv.Itoa(port)), port) })
	}
	wg.Wait()
	return slices.DeleteFunc(list, func(p Port) bool { return p.Speaks == "" })
}

// lookAt looks at a port in clear text, and by TLS where that gives nothing.
func (w *walk) lookAt(addr string, port int) Port {
	p := Port{Number: port}
	plain := w.lookPlainAt(addr)
	p.Speaks, p.STARTTLS = plain.speaks, plain.starttls
	switch plain.speaks {
	case SMTP:
		p.Security = smtp.Plaintext
		if plain.starttls {
			p.Security = smtp.StartTLS
		}
	case Silence, Closed, OtherTLS:
		if within := w.lookTLSAt(addr); within.speaks == SMTPS || within.speaks == HTTP {
			p.Speaks, p.Security = within.speaks, smtp.ImplicitTLS
		}
	default: // it said what it is
	}
	return p
}
