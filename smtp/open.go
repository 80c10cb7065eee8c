package smtp

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"

	"github.com/parleymail/parley/sasl"
)

// Open brings a session to where mail can be sent: connection, greeting, EHLO,
// TLS, AUTH. The session is the caller's own, and is not one of those that Send
// uses. The context is for opening it; it does not end the session later.
func (c *Client) Open(ctx context.Context) (*Session, error) {
	s, err := c.open(ctx)
	if err != nil {
		return nil, err
	}
	return s, nil
}

func (c *Client) open(ctx context.Context) (*Session, *Error) {
	network, addr, host, err := c.target()
	if err == nil {
		err = c.check()
	}
	if err != nil {
		return nil, &Error{Kind: Invalid, Stage: StageDial, Err: err}
	}
	conn, err := c.dial(ctx, network, addr)
	if err != nil {
		e := &Error{Kind: Unreachable, Stage: StageDial, Err: err}
		if ctx.Err() != nil {
			e.Kind, e.Err = Interrupted, context.Cause(ctx)
		}
		return nil, e
	}
	s := newSession(c, conn, addr, host)
	s.number = c.pool.number()
	if a := conn.RemoteAddr(); a != nil && c.Proxy == "" && network != "unix" {
		s.remote = a.String()
	}
	done := s.within(ctx)
	s.tell(Event{Stage: StageDial, Did: Connected}, []byte(addr))
	e := s.greet(ctx, c.security(network, addr))
	if e != nil && !s.lost {
		s.ask(StageQuit, "QUIT") // RFC 5321 §4.1.1.10: also by a client that was refused
	}
	done()
	if e == nil && ctx.Err() != nil {
		e = s.fail(Interrupted, StageAuth, context.Cause(ctx))
	}
	if e != nil {
		s.hangUp(e)
		return nil, e
	}
	return s, nil
}

// check tells what is wrong with the fields of a Client before anybody is dialled.
func (c *Client) check() error {
	if c.Fingerprint != "" {
		if _, err := c.fingerprint(); err != nil {
			return err
		}
	}
	if c.Hello != "" {
		if _, err := c.name(nil); err != nil {
			return err
		}
	}
	if c.Proxy != "" {
		if _, err := c.proxy(); err != nil {
			return err
		}
	}
	return nil
}

// greet is the order in which a session opens: RFC 5321 §3.1, RFC 3207, RFC 4954.
func (s *Session) greet(ctx context.Context, security Security) *Error {
	if security == ImplicitTLS {
		if e := s.startTLS(ctx, false); e != nil {
			return e
		}
	}
	s.expect(StageGreeting, noPath)
	if e := s.hear(); e != nil {
		return e
	}
	if e := s.hello(); e != nil {
		return e
	}
	if security == StartTLS || security == Opportunistic {
		if e := s.upgrade(ctx, security == Opportunistic); e != nil {
			return e
		}
	}
	return s.auth(ctx, security)
}

// hello says who we are and learns what the server can do; HELO where it knows
// no EHLO: RFC 5321 §3.2, §4.1.1.1.
func (s *Session) hello() *Error {
	name, err := s.client.name(s.conn)
	if err != nil {
		return s.fail(Invalid, StageHello, err)
	}
	verb := "EHLO "
	if s.client.LMTP {
		verb = "LHLO " // RFC 2033 §4.1
	}
	e := s.ask(StageHello, verb+name)
	if e != nil && !s.lost && !s.client.LMTP && knowsNoEHLO(e.Reply.Code) {
		if e := s.ask(StageHello, "HELO "+name); e != nil {
			return e
		}
		s.exts = extensions{}
		return nil
	}
	if e != nil {
		return e
	}
	s.exts = parseExtensions(s.reply.whole().Lines[1:])
	return nil
}

// knowsNoEHLO tells a server that does not know the command from one that does
// not want us. To try HELO with the latter would hide what it said.
func knowsNoEHLO(code int) bool { return code == 500 || code == 502 || code == 504 }

// name is what we call ourselves. Never a name that is not ours: a relay that
// hears "localhost" from afar has cause to hang up, and some do.
func (c *Client) name(conn net.Conn) (string, error) {
	if name := c.Hello; name != "" {
		if strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r >= 0x7f }) || len(name) > 255 {
			return "", fmt.Errorf("Client.Hello %q is no host name: up to 255 characters of ASCII without blanks are wanted", name)
		}
		return name, nil
	}
	if name, err := os.Hostname(); err == nil && isFullName(name) {
		return name, nil
	}
	// RFC 5321 §4.1.4: a client without a name gives its address.
	if a, ok := conn.LocalAddr().(*net.TCPAddr); ok {
		if ip4 := a.IP.To4(); ip4 != nil {
			return "[" + ip4.String() + "]", nil
		}
		return "[IPv6:" + a.IP.String() + "]", nil
	}
	return "localhost", nil
}

// isFullName reports whether a host's name has a domain, and only what may
// stand in one.
func isFullName(name string) bool {
	return strings.Contains(strings.Trim(name, "."), ".") && !strings.HasSuffix(name, ".localdomain") &&
		!strings.ContainsFunc(name, func(r rune) bool {
			return r != '.' && r != '-' && (r < '0' || r > '9') && (r|0x20 < 'a' || r|0x20 > 'z')
		})
}

// upgrade is STARTTLS: RFC 3207. What was learnt in clear text is forgotten.
func (s *Session) upgrade(ctx context.Context, opportunistic bool) *Error {
	if !s.exts.offers("STARTTLS") {
		if opportunistic {
			s.tell(Event{Stage: StageTLS, Did: Note}, []byte("the server offers no STARTTLS: going on in clear text"))
			return nil
		}
		return s.fail(Insecure, StageTLS, errors.New("the server offers no STARTTLS, and without TLS nothing is sent"))
	}
	if e := s.ask(StageTLS, "STARTTLS"); e != nil {
		if opportunistic && !s.lost {
			s.tell(Event{Stage: StageTLS, Did: Note}, []byte("the server refused STARTTLS: going on in clear text"))
			return nil
		}
		if e.Kind != Interrupted && e.Kind != Unreachable {
			e.Kind = Insecure // it said something, and that was not yes
		}
		return e
	}
	if len(s.in.Buffered()) > 0 {
		// Whoever sits between can add to the clear text, but not to the TLS: bytes
		// that came with the 220 would be heard as the server's answers within TLS
		// (CVE-2021-38371). No honest server sends any.
		s.lost = true
		return s.fail(Insecure, StageTLS, errors.New("octets follow the reply to STARTTLS in clear text: somebody on the way adds to what the server says"))
	}
	if e := s.startTLS(ctx, opportunistic); e != nil {
		return e
	}
	s.exts = extensions{}
	return s.hello()
}

// auth proves who we are: RFC 4954.
func (s *Session) auth(ctx context.Context, security Security) *Error {
	creds := s.client.Auth
	if creds == nil {
		return nil
	}
	if security == Opportunistic && !(s.tls != nil && s.verified) {
		return s.fail(Insecure, StageAuth, errors.New("credentials are not sent over opportunistic TLS unless the certificate is good; ask for TLS, or leave the credentials out"))
	}
	if len(s.exts.auth) == 0 {
		err := errors.New("the server offers no AUTH, and credentials were given")
		if s.tls == nil {
			err = errors.New("the server offers no AUTH in clear text, and credentials were given")
		}
		if s.tls == nil && s.exts.offers("STARTTLS") {
			err = errors.New("the server offers no AUTH in clear text, and credentials were given: it has STARTTLS, and was not asked for it")
		}
		return s.fail(Unsupported, StageAuth, err)
	}
	mech, err := creds.Choose(ctx, s.exts.auth, s.channel())
	if _, ok := errors.AsType[*sasl.OfferError](err); ok {
		return s.authFailed(Unsupported, err)
	}
	if err != nil {
		return s.authFailed(Unauthorized, err)
	}
	initial, err := mech.Next(ctx, nil)
	s.secrets.AddAll(mech.Secrets())
	if err != nil {
		return s.authFailed(Unauthorized, err)
	}
	line, shown := "AUTH "+mech.Name(), ""
	switch {
	case initial == nil:
	case len(initial) == 0:
		line, shown = line+" =", line+" (secret)" // RFC 4954 §4: empty, and not absent
		initial = nil
	default:
		if text := s.encoded(initial); len(line)+1+len(text)+2 <= maxCommand {
			line, shown = line+" "+text, line+" (secret)"
			initial = nil
		}
		// else it is said when the server asks: RFC 4954 §4 wants that of a long token
	}
	s.sayFor(StageAuth, noPath, line, shown)
	return s.exchange(ctx, mech, initial)
}

// maxCommand is the longest command line that every server takes, CRLF included:
// RFC 5321 §4.5.3.1.4.
const maxCommand = 512

// exchange answers the server's challenges until it has made up its mind. initial
// is the initial response, where it was kept back for the first of them.
func (s *Session) exchange(ctx context.Context, mech sasl.Mechanism, initial []byte) *Error {
	for range maxChallenges {
		e := s.hear()
		switch {
		case e == nil:
			if err := mech.Outcome(true); err != nil {
				// It let us in and did not prove that it knows the password: whoever
				// that is, it is not to have the mail.
				s.lost = true
				return s.fail(Insecure, StageAuth, err)
			}
			return nil
		case e.Reply.Code != 334:
			if reason := mech.Outcome(false); reason != nil && e.Err == nil {
				e.Err = reason
			}
			return e
		}
		s.lost = false // 334 is what a challenge looks like
		response := initial
		if initial == nil {
			challenge, err := s.challenge(mech)
			if err == nil {
				response, err = mech.Next(ctx, challenge)
			}
			s.secrets.AddAll(mech.Secrets()) // some are made only now
			if err != nil {
				return s.cancel(err)
			}
		}
		initial = nil
		s.sayFor(StageAuth, noPath, s.encoded(response), "(secret)")
	}
	s.lost = true
	return s.fail(Garbled, StageAuth, fmt.Errorf("the server is not satisfied after %d challenges", maxChallenges))
}

// maxChallenges is far more than any mechanism has; a hostile server has more.
const maxChallenges = 16

// challenge is what the server wants an answer to; not nil, though it be empty.
func (s *Session) challenge(mech sasl.Mechanism) ([]byte, error) {
	challenge, err := base64.StdEncoding.DecodeString(string(s.reply.challenge))
	switch {
	case err == nil:
		return append([]byte{}, challenge...), nil
	case mech.Name() == "LOGIN":
		// QUIRK: some servers ask for the user name in plain text, "334 Username:".
		// What LOGIN answers does not hang on the wording.
		return bytes.Clone(s.reply.challenge), nil
	}
	return nil, errors.New("the server's challenge is not base64")
}

// cancel takes an exchange back that cannot go on: RFC 4954 §4. It is said only
// while the server waits for a response, never after its verdict.
func (s *Session) cancel(err error) *Error {
	e := s.ask(StageAuth, "*")
	if e != nil && e.Reply.Code == 0 {
		return e
	}
	return s.authFailed(Unauthorized, err)
}

func (s *Session) authFailed(kind Kind, err error) *Error {
	if s.ctx.Err() != nil {
		kind, err = Interrupted, context.Cause(s.ctx)
	}
	return s.fail(kind, StageAuth, err)
}

// encoded is a response as it is said. From then on it is looked for in all that
// the server says, lest it say it back.
func (s *Session) encoded(response []byte) string {
	text := base64.StdEncoding.EncodeToString(response)
	s.secrets.Remember(text)
	return text
}

func (s *Session) channel() sasl.Channel {
	ch := sasl.Channel{Host: s.host, TLS: s.tls}
	if _, port, err := net.SplitHostPort(s.addr); err == nil {
		ch.Port, _ = strconv.Atoi(port)
	}
	return ch
}
