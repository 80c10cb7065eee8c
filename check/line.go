package check

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/parleymail/parley/internal/wire"
	"github.com/parleymail/parley/sasl"
	"github.com/parleymail/parley/smtp"
)

// A line is a connection for what a strict Client never asks: an envelope without a mail, a
// handshake with a certificate that is not good, or by a version that nobody should speak.
// It is no way to send mail: it knows nothing of pipelining, and holds to no promise.
type line struct {
	w        *walk
	conn     net.Conn
	in       *wire.Reader
	state    *tls.ConnectionState
	keywords []string
	lost     bool // nobody listens there any more
	told     bool // what is said belongs to the walk, and is shown
	stage    smtp.Stage
}

// A manner is how a line is opened.
type manner struct {
	wait   time.Duration // for each reply
	config *tls.Config   // nil: certificates are judged as the session's was
	told   bool          // the conversation is shown
	plain  bool          // up to EHLO in clear text, and no further
	login  bool
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
	l := &line{w: w, told: m.told, stage: smtp.StageDial}
	conn, err := w.dial(ctx, w.network, w.way)
	if err != nil {
		return nil, err
	}
	conn.SetDeadline(time.Now().Add(wait))
	l.use(conn)
	context.AfterFunc(w.ctx, func() { conn.SetDeadline(time.Unix(1, 0)) }) // the walk's end at the latest
	l.tell(smtp.Event{Stage: smtp.StageDial, Did: smtp.Connected, Line: w.way})
	if err := l.open(m); err != nil {
		conn.Close()
		return nil, err
	}
	return l, nil
}

// open is the order in which a session opens: greeting, EHLO, TLS, EHLO, AUTH.
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
		if _, err := l.ask(smtp.StageTLS, "STARTTLS", ""); err != nil {
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
	if m.login && l.w.check.Client.Auth != nil {
		return l.login()
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
	r, err := l.ask(smtp.StageHello, verb+name, "")
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
	l.tell(smtp.Event{Stage: smtp.StageTLS, Did: smtp.StartedTLS, TLS: &state, Line: tls.VersionName(state.Version) + ", " + tls.CipherSuiteName(state.CipherSuite)})
	return nil
}

// login is AUTH, as the session did it: RFC 4954. It went well there.
func (l *line) login() error {
	w := l.w
	mech, err := w.check.Client.Auth.Choose(w.ctx, mechanisms(l.keywords), sasl.Channel{Host: w.host, Port: w.port, TLS: l.state})
	if err != nil {
		return err
	}
	response, err := mech.Next(w.ctx, nil)
	if err != nil {
		return err
	}
	said, shown := "AUTH "+mech.Name(), "AUTH "+mech.Name()
	// RFC 4954 §4: an initial response has to fit into a command line.
	if text := encode(response); response != nil && len(said)+len(text) < 500 {
		said, shown, response = said+" "+text, shown+" (secret)", nil
	}
	const most = 16 // challenges; no mechanism has as many
	for range most {
		r, err := l.ask(smtp.StageAuth, said, shown)
		if r.Code != 334 {
			if err == nil {
				err = mech.Outcome(true)
			}
			return err
		}
		if response == nil {
			challenge, err := base64.StdEncoding.DecodeString(r.Lines[len(r.Lines)-1])
			if err != nil && mech.Name() != "LOGIN" {
				return errors.New("the server's challenge is not base64")
			}
			if response, err = mech.Next(w.ctx, append([]byte{}, challenge...)); err != nil {
				return err
			}
		}
		said, shown, response = base64.StdEncoding.EncodeToString(response), "(secret)", nil
	}
	return errors.New("the server is not satisfied with any answer")
}

// encode is an initial response: "=" for an empty one.
func encode(response []byte) string {
	if len(response) == 0 {
		return "="
	}
	return base64.StdEncoding.EncodeToString(response)
}

// ask says a command and hears the reply. shown, if not empty, is what the trace gets to see.
func (l *line) ask(stage smtp.Stage, text, shown string) (smtp.Reply, error) {
	e := smtp.Event{Stage: stage, Did: smtp.Command, Line: text}
	if shown != "" && shown != text {
		e.Line, e.Hidden = shown, true
	}
	l.tell(e)
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
	began := time.Now()
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
		e := smtp.Event{Stage: stage, Did: smtp.Answer, Line: s}
		if stage == smtp.StageAuth {
			e.Line, e.Hidden = s[:min(4, len(s))]+"(secret)", true // some servers repeat what they were told
			if code == 235 || code == 334 && len(s) < 5 {
				e.Line, e.Hidden = s, false
			}
		}
		if last {
			e.Took = time.Since(began)
		}
		l.tell(e)
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

func (l *line) tell(e smtp.Event) {
	if !l.told {
		return
	}
	e.At, e.Session = time.Now(), probeSession
	l.w.events = append(l.w.events, e)
	if trace := l.w.check.Client.Trace; trace != nil {
		trace(e)
	}
}

// probeSession is the number of the conversation that asks for the envelope. That of
// the Client's session is 1.
const probeSession = 2

// goOn gives the line more time, for its next command.
func (l *line) goOn() { l.conn.SetDeadline(time.Now().Add(l.w.timeout)) }

func (l *line) close() { l.conn.Close() }

// leave says goodbye first: RFC 5321 §4.1.1.10. What is said to that is nobody's business.
func (l *line) leave() {
	l.ask(smtp.StageQuit, "QUIT", "")
	l.close()
}
