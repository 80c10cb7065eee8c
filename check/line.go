package check

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/parleymail/parley/internal/wire"
	"github.com/parleymail/parley/smtp"
)

// A line is a connection for what a strict Client never asks: a
// handshake with a certificate that is not good, or by a version that nobody should speak.
// It is no way to send mail: it knows nothing of pipelining, and holds to no promise.
type line struct {
	w        *walk
	conn     net.Conn
	in       *wire.Reader
	state    *tls.ConnectionState
	keywords []string
	lost     bool // nobody listens there any more
	stage    smtp.Stage
}

// A manner is how a line is opened.
type manner struct {
	wait   time.Duration // for each reply
	config *tls.Config   // nil: certificates are judged as the session's was
	plain  bool          // up to EHLO in clear text, and no further
}

const maxLine = 60 << 10 // of a reply; what is longer is no reply

var openLoosely = manner{config: &tls.Config{InsecureSkipVerify: true}} //nolint:gosec // it is looked at, and nothing is said to it

// openLine brings a line to where the manner says.
func (w *walk) openLine(m manner) (*line, error) {
	wait := w.timeout
	if m.wait > 0 {
		wait = m.wait
	}
	ctx, cancel := context.WithTimeout(w.ctx, wait)
	defer cancel()
	l := &line{w: w, stage: smtp.StageDial}
	conn, err := w.dial(ctx, w.network, w.way)
	if err != nil {
		return nil, err
	}
	conn.SetDeadline(time.Now().Add(wait))
	l.use(conn)
	context.AfterFunc(w.ctx, func() { conn.SetDeadline(time.Unix(1, 0)) }) // the walk's end at the latest
	if err := l.open(m); err != nil {
		conn.Close()
		return nil, err
	}
	return l, nil
}

// open is the order in which a session opens: greeting, EHLO, TLS, EHLO.
func (l *line) open(m manner) error {
	implicit := l.w.security == smtp.ImplicitTLS && !m.plain
	if implicit {
		if err := l.startTLS(m); err != nil {
			return err
		}
	}
	if _, err := l.hear(smtp.StageGreeting); err != nil {
		return err
	}
	if err := l.sayHello(); err != nil {
		return err
	}
	if !implicit && !m.plain && l.w.wantsSTARTTLS(l.keywords) {
		if _, err := l.ask(smtp.StageTLS, "STARTTLS"); err != nil {
			return err
		}
		if len(l.in.Buffered()) > 0 {
			return errors.New("octets follow the reply to STARTTLS in clear text")
		}
		if err := l.startTLS(m); err != nil {
			return err
		}
		if err := l.sayHello(); err != nil {
			return err
		}
	}
	return nil
}

func (w *walk) wantsSTARTTLS(keywords []string) bool {
	for _, k := range words(keywords) {
		if k == "STARTTLS" {
			return w.security == smtp.StartTLS || w.security == smtp.Opportunistic
		}
	}
	return false
}

func (l *line) use(conn net.Conn) { l.conn, l.in = conn, wire.NewReader(conn, 4<<10) }

// sayHello learns what the server offers, by the name that the session went by.
func (l *line) sayHello() error {
	name := l.w.hello
	if name == "" {
		if name = l.w.check.Client.Hello; name == "" {
			name = literal(l.conn.LocalAddr())
		}
	}
	verb := "EHLO "
	if l.w.check.Client.LMTP {
		verb = "LHLO "
	}
	r, err := l.ask(smtp.StageHello, verb+name)
	if err != nil {
		return err
	}
	l.keywords = r.Lines[1:]
	return nil
}

// literal is an address as EHLO has it: RFC 5321 §4.1.3.
func literal(a net.Addr) string {
	tcp, ok := a.(*net.TCPAddr)
	switch {
	case !ok:
		return "localhost"
	case tcp.IP.To4() != nil:
		return "[" + tcp.IP.String() + "]"
	}
	return "[IPv6:" + tcp.IP.String() + "]"
}

func (l *line) startTLS(m manner) error {
	cfg := m.config
	if cfg == nil {
		cfg = l.w.judging()
	} else {
		cfg = cfg.Clone()
		if t := l.w.check.Client.TLS; t != nil {
			cfg.Certificates = t.Certificates
		}
	}
	if cfg.ServerName == "" {
		cfg.ServerName = l.w.serverName()
	}
	l.stage = smtp.StageTLS
	conn := tls.Client(l.conn, cfg)
	if err := conn.HandshakeContext(l.w.ctx); err != nil {
		return err
	}
	state := conn.ConnectionState()
	l.state = &state
	l.use(conn)
	return nil
}

// ask says a command and hears the reply.
func (l *line) ask(stage smtp.Stage, text string) (smtp.Reply, error) {
	if _, err := l.conn.Write([]byte(text + "\r\n")); err != nil {
		l.lost = true
		return smtp.Reply{}, err
	}
	r, err := l.hear(stage)
	l.lost = l.lost || r.Code == 421 || err != nil && !isRefusal(err) // RFC 5321 §3.8
	return r, err
}

func isRefusal(err error) bool {
	_, ok := errors.AsType[refusal](err)
	return ok
}

// hear reads a reply; one that says no is a refusal.
func (l *line) hear(stage smtp.Stage) (r smtp.Reply, err error) {
	l.stage = stage
	for left := maxLine; ; {
		text, err := l.in.ReadLine(left)
		left -= len(text)
		if err != nil {
			return r, err
		}
		s := strings.TrimRight(string(text), "\r\n")
		code, err := strconv.Atoi(s[:min(3, len(s))])
		if err != nil || code < 200 || code > 599 || r.Code != 0 && code != r.Code {
			return r, notSMTP(s)
		}
		last := len(s) < 4 || s[3] != '-'
		r.Code, r.Lines = code, append(r.Lines, s[min(4, len(s)):])
		if last {
			break
		}
	}
	takeEnhanced(&r)
	if r.Code >= 400 {
		return r, refusal{r}
	}
	return r, nil
}

// takeEnhanced finds the enhanced code: RFC 2034 §4. In the text it stays, as package smtp has it.
func takeEnhanced(r *smtp.Reply) {
	word, _, _ := strings.Cut(r.Lines[0], " ")
	var c smtp.EnhancedCode
	if n, _ := fmt.Sscanf(word, "%d.%d.%d", &c.Class, &c.Subject, &c.Detail); n != 3 || c.Class != r.Code/100 || c.String() != word {
		return
	}
	r.Enhanced = c
	for i := range r.Lines {
		r.Lines[i] = strings.TrimPrefix(strings.TrimPrefix(r.Lines[i], word), " ")
	}
}

// A refusal is a reply that says no.
type refusal struct{ reply smtp.Reply }

func (e refusal) Error() string { return e.reply.String() }

// A notSMTP is a line that is none of a reply.
type notSMTP string

func (e notSMTP) Error() string {
	return fmt.Sprintf("the server said %.80q, which is no reply", string(e))
}

func (l *line) close() { l.conn.Close() }

// leave says goodbye first: RFC 5321 §4.1.1.10. What is said to that is nobody's business.
func (l *line) leave() {
	l.ask(smtp.StageQuit, "QUIT")
	l.close()
}
