package proxy

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/internal/secret"
	"github.com/parleymail/parley/internal/wire"
	"github.com/parleymail/parley/smtp"
)

// A route is where the provider is, and how it is spoken to.
type route struct {
	network, addr, host string
	security            smtp.Security
}

// route settles what the Client's Addr and Security mean, as package smtp does.
func (p *Proxy) route() (route, error) {
	c := p.To
	r := route{network: "tcp", addr: c.Addr, security: c.Security}
	if strings.HasPrefix(c.Addr, "/") {
		r.network, r.host = "unix", "localhost"
		if r.security == smtp.Automatic {
			r.security = smtp.Plaintext
		}
		return r, nil
	}
	host, port, err := net.SplitHostPort(c.Addr)
	if err != nil {
		host, port = strings.Trim(c.Addr, "[]"), "587"
		if c.Security == smtp.ImplicitTLS {
			port = "465"
		}
	}
	if host == "" || strings.ContainsFunc(c.Addr, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return r, fmt.Errorf("the provider's address %q is not host:port", c.Addr)
	}
	r.addr, r.host = net.JoinHostPort(host, port), host
	if r.security == smtp.Automatic {
		if r.security = smtp.StartTLS; port == "465" {
			r.security = smtp.ImplicitTLS
		}
	}
	return r, nil
}

// open brings the session to where the program and the provider can speak: RFC 5321
// §3.1. What the proxy says itself for that is told in notes.
func (s *session) open() error {
	if s.p.Implicit {
		if err := s.startTLS(); err != nil {
			return err
		}
	}
	o := &opening{s: s}
	e := o.reach()
	if e == nil {
		return nil
	}
	e.Said = o.said
	s.failed(e)
	if o.greeting != nil && !o.welcome {
		// The provider's own word, which is no: the program is to see that.
		s.conn(Program).SetWriteDeadline(time.Now().Add(lastWords))
		s.conn(Program).Write(o.greeting)
		return e
	}
	s.say("421 4.4.1 parley proxy: " + plainWords(e))
	return e
}

// plainWords is an error as a reply may hold it: RFC 5321 §4.2.1 has ASCII alone.
func plainWords(e *smtp.Error) string {
	text := strings.TrimPrefix(e.Error(), "smtp: ")
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, text)
	return text[:min(len(text), 400)]
}

// failed tells why the provider was not reached.
func (s *session) failed(e *smtp.Error) {
	t := s.tap
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stage = e.Stage
	for _, said := range e.Said {
		t.note(map[smtp.Did]string{smtp.Command: "to", smtp.Answer: "from"}[said.Did] + " the provider: " + said.Line)
	}
	t.note("the provider: " + strings.TrimPrefix(e.Error(), "smtp: "))
	d := diagnose.Default().Explain(e, diagnose.Hint{Server: t.server, Stage: e.Stage})
	t.faultWith(NoProvider, d)
}

// An opening is what the proxy says to the provider before the program does.
type opening struct {
	s        *session
	route    route
	in       *wire.Reader
	greeting []byte // as it came, for the program
	welcome  bool   // it is 220
	offers   map[string]bool
	auth     []string // mechanisms
	heard    string   // the last line of the last reply, without its code
	said     []smtp.Event
}

// reach is the order in which it goes: connection, TLS, greeting, EHLO, STARTTLS,
// AUTH. Where there is nothing for the proxy to say, it ends with the connection.
func (o *opening) reach() *smtp.Error {
	r, err := o.s.p.route()
	if err != nil {
		return &smtp.Error{Kind: smtp.Invalid, Stage: smtp.StageDial, Err: err}
	}
	o.route = r
	if e := o.dial(); e != nil {
		return e
	}
	if r.security == smtp.ImplicitTLS {
		if e := o.s.secure(o.s.conn(Provider)); e != nil {
			return e
		}
	}
	starts := r.security == smtp.StartTLS || r.security == smtp.Opportunistic
	if !starts && o.s.p.To.Auth == nil {
		return nil // the provider's greeting goes to the program as it comes
	}
	if e := o.greet(starts); e != nil {
		return e
	}
	return o.hand()
}

// dial makes the connection.
func (o *opening) dial() *smtp.Error {
	c := o.s.p.To
	ctx, cancel := context.WithTimeout(o.s.ctx, o.wait(30*time.Second))
	defer cancel()
	dial := c.DialContext
	if dial == nil {
		d := &net.Dialer{LocalAddr: c.LocalAddr}
		dial = d.DialContext
		if c.Proxy != "" && o.route.network != "unix" {
			dial = through(c.Proxy, d)
		}
	}
	conn, err := dial(ctx, o.route.network, o.route.addr)
	o.s.touch()
	if err != nil {
		return &smtp.Error{Kind: smtp.Unreachable, Stage: smtp.StageDial, Err: err}
	}
	o.s.use(Provider, conn)
	o.s.note("reached the provider at " + o.route.addr)
	return nil
}

func (o *opening) wait(usual time.Duration) time.Duration {
	if t := o.s.p.To.Timeout; t > 0 && t < usual {
		return t
	}
	return usual
}

// greet hears the greeting, and speaks TLS and logs in where that is asked for.
func (o *opening) greet(starts bool) *smtp.Error {
	o.in = wire.NewReader(source{o.s}, bufferSize)
	r, raw, e := o.hear(smtp.StageGreeting)
	if o.greeting = raw; e != nil {
		return e
	}
	if o.welcome = r.Code == 220; !o.welcome {
		return refusal(smtp.StageGreeting, r)
	}
	if e := o.hello(); e != nil {
		return e
	}
	if starts {
		if e := o.upgrade(); e != nil {
			return e
		}
	}
	return o.login()
}

// source reads from the provider.
type source struct{ s *session }

func (src source) Read(p []byte) (int, error) {
	n, err := src.s.conn(Provider).Read(p)
	src.s.touch()
	return n, err
}

// hand gives the program the greeting that was kept for it.
func (o *opening) hand() *smtp.Error {
	if len(o.in.Buffered()) > 0 {
		return &smtp.Error{Kind: smtp.Garbled, Stage: smtp.StageGreeting, Err: errors.New("the provider speaks out of turn")}
	}
	o.s.conn(Provider).SetDeadline(time.Time{})
	on, _, _ := o.s.tap.provider(o.greeting, nil)
	o.s.pass(Program, on)
	o.s.tap.sent()
	return nil
}

// ask says a line to the provider, and hears the reply.
func (o *opening) ask(stage smtp.Stage, line string) (smtp.Reply, *smtp.Error) {
	shown := line
	switch {
	case stage == smtp.StageAuth && strings.HasPrefix(line, "AUTH "):
		shown, _ = shownLogin(line)
	case stage == smtp.StageAuth:
		shown = secret.Mark
	}
	o.said = append(o.said, smtp.Event{Stage: stage, Did: smtp.Command, Line: shown, Hidden: shown != line})
	conn := o.s.conn(Provider)
	conn.SetWriteDeadline(time.Now().Add(o.wait(time.Minute)))
	if _, err := conn.Write([]byte(line + "\r\n")); err != nil {
		return smtp.Reply{}, &smtp.Error{Kind: smtp.Unreachable, Stage: stage, Err: err}
	}
	r, _, e := o.hear(stage)
	return r, e
}

// hear reads a whole reply.
func (o *opening) hear(stage smtp.Stage) (r smtp.Reply, raw []byte, e *smtp.Error) {
	o.s.conn(Provider).SetReadDeadline(time.Now().Add(o.wait(5 * time.Minute)))
	for {
		line, err := o.in.ReadLine(maxLine)
		raw = append(raw, line...)
		text := bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
		if err != nil {
			return r, raw, broken(stage, err)
		}
		code, last, ok := readReply(text)
		shown, secret := o.s.tap.secrets.hide(text, stage == smtp.StageAuth)
		if !ok || len(raw) > maxLine {
			// It may be what we have said ourselves: the program is told of this error.
			return r, raw, &smtp.Error{Kind: smtp.Garbled, Stage: stage, Err: fmt.Errorf("%q is no reply", shown[:min(len(shown), 80)])}
		}
		r.Code = int(code[0]-'0')*100 + int(code[1]-'0')*10 + int(code[2]-'0')
		o.heard = string(text[min(4, len(text)):])
		o.said = append(o.said, smtp.Event{Stage: stage, Did: smtp.Answer, Line: string(shown), Hidden: secret})
		r.Lines = append(r.Lines, string(shown[min(4, len(shown)):]))
		if last {
			return r, raw, nil
		}
	}
}

// broken words what ended a reply before it was whole.
func broken(stage smtp.Stage, err error) *smtp.Error {
	e := &smtp.Error{Kind: smtp.Unreachable, Stage: stage, Err: err}
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		e.Err = fmt.Errorf("the server said nothing in time: %w", err)
	case errors.Is(err, wire.ErrLineTooLong):
		e.Kind, e.Err = smtp.Garbled, errors.New("the reply has no end")
	default:
		e.Err = fmt.Errorf("the server hung up: %w", err)
	}
	return e
}

func refusal(stage smtp.Stage, r smtp.Reply) *smtp.Error {
	kind := smtp.Refused
	if stage == smtp.StageAuth {
		kind = smtp.Unauthorized
	}
	return &smtp.Error{Kind: kind, Stage: stage, Reply: r}
}

// hello is EHLO: RFC 5321 §4.1.1.1.
func (o *opening) hello() *smtp.Error {
	verb := "EHLO "
	if o.s.p.To.LMTP {
		verb = "LHLO "
	}
	r, e := o.ask(smtp.StageHello, verb+o.name())
	switch {
	case e != nil:
		return e
	case r.Code != 250:
		return refusal(smtp.StageHello, r)
	}
	o.offers, o.auth = make(map[string]bool), nil
	for _, line := range r.Lines[1:] {
		words := strings.Fields(strings.ToUpper(strings.ReplaceAll(line, "=", " ")))
		if len(words) == 0 {
			continue
		}
		o.offers[words[0]] = true
		if words[0] == "AUTH" {
			o.auth = append(o.auth, words[1:]...)
		}
	}
	return nil
}

// name is what the proxy calls itself: RFC 5321 §4.1.4.
func (o *opening) name() string {
	if name := o.s.p.To.Hello; name != "" {
		return name
	}
	if a, ok := o.s.conn(Provider).LocalAddr().(*net.TCPAddr); ok {
		if ip4 := a.IP.To4(); ip4 != nil {
			return "[" + ip4.String() + "]"
		}
		return "[IPv6:" + a.IP.String() + "]"
	}
	return "localhost"
}

// upgrade is STARTTLS: RFC 3207.
func (o *opening) upgrade() *smtp.Error {
	opportunistic := o.route.security == smtp.Opportunistic
	if !o.offers["STARTTLS"] {
		if opportunistic {
			o.s.note("the provider offers no STARTTLS: going on in clear text")
			return nil
		}
		return &smtp.Error{Kind: smtp.Insecure, Stage: smtp.StageTLS, Err: errors.New("the server offers no STARTTLS, and without TLS nothing is sent")}
	}
	r, e := o.ask(smtp.StageTLS, "STARTTLS")
	switch {
	case e != nil:
		return e
	case r.Code != 220:
		e := refusal(smtp.StageTLS, r)
		e.Kind = smtp.Insecure
		return e
	case len(o.in.Buffered()) > 0:
		// CVE-2021-38371: they would be heard as the server's answers within TLS.
		return &smtp.Error{Kind: smtp.Insecure, Stage: smtp.StageTLS, Err: errors.New("octets follow the reply to STARTTLS in clear text: somebody on the way adds to what the server says")}
	}
	if e := o.s.secure(o.s.conn(Provider)); e != nil {
		return e
	}
	o.in.Reset(source{o.s})
	if o.s.p.To.Auth == nil {
		return nil // the program says EHLO itself
	}
	return o.hello()
}

// secure speaks TLS with the provider from the next octet on.
func (s *session) secure(below net.Conn) *smtp.Error {
	r, err := s.p.route()
	var cfg *tls.Config
	if err == nil {
		cfg, err = s.p.clientConfig(r)
	}
	if err != nil {
		return &smtp.Error{Kind: smtp.Invalid, Stage: smtp.StageTLS, Err: err}
	}
	below.SetDeadline(time.Time{})
	conn := tls.Client(below, cfg)
	ctx, cancel := context.WithTimeout(s.ctx, handshakeTime)
	defer cancel()
	err = conn.HandshakeContext(ctx)
	s.touch()
	if err != nil {
		e := &smtp.Error{Kind: smtp.Insecure, Stage: smtp.StageTLS, Err: err}
		if header, ok := errors.AsType[tls.RecordHeaderError](err); ok && header.RecordHeader[0] >= 0x20 && header.RecordHeader[0] < 0x7f {
			e.Err = fmt.Errorf("the server speaks plain text here, not TLS; it began with %q: %w", header.RecordHeader[:], err)
		}
		return e
	}
	s.use(Provider, conn)
	state := conn.ConnectionState()
	s.tap.started(Provider, &state)
	return nil
}

// clientConfig is the Client's TLS, completed as package smtp does.
func (p *Proxy) clientConfig(r route) (*tls.Config, error) {
	cfg := new(tls.Config)
	if p.To.TLS != nil {
		cfg = p.To.TLS.Clone()
	}
	if cfg.ServerName == "" {
		cfg.ServerName = r.host
	}
	if cfg.MinVersion == 0 {
		cfg.MinVersion = tls.VersionTLS12 // RFC 8997
	}
	switch {
	case p.To.Fingerprint != "":
		want, err := hex.DecodeString(strings.ReplaceAll(p.To.Fingerprint, ":", ""))
		if err != nil || len(want) != sha256.Size {
			return nil, errors.New("the fingerprint is not a SHA-256 in hex")
		}
		cfg.InsecureSkipVerify = true
		cfg.VerifyConnection = func(state tls.ConnectionState) error {
			got := sha256.Sum256(state.PeerCertificates[0].Raw)
			if subtle.ConstantTimeCompare(got[:], want) != 1 {
				return fmt.Errorf("the certificate's fingerprint is %x, not the one that was pinned", got)
			}
			return nil
		}
	case r.security == smtp.Opportunistic && p.To.Auth == nil:
		cfg.InsecureSkipVerify = true
	}
	return cfg, nil
}
