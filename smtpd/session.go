package smtpd

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/parleymail/parley/internal/wire"
	"github.com/parleymail/parley/sasl"
	"github.com/parleymail/parley/smtp"
)

// A Session is one connection, and what is known of its client.
type Session struct {
	// Value is for the functions of the Server to keep something in.
	Value any

	server *Server
	number uint64
	raw    net.Conn // the connection itself
	conn   net.Conn // what is spoken over: raw, or TLS over it
	in     *wire.Reader
	out    []byte // replies that are not on their way yet
	ip     netip.Addr
	ctx    context.Context
	cancel context.CancelFunc

	tls      *tls.ConnectionState
	hello    string
	extended bool // it was EHLO or LHLO, and not HELO
	user     string
	t        *Transaction // the mail under way; nil between two

	exchange  sasl.Exchange // an AUTH under way: the next line is a response
	attempts  int           // of AUTH that failed
	garbage   bool          // AUTH was said, and no command since: what is none may be a response, whatever became of AUTH
	upgrading bool          // 220 to STARTTLS is said: TLS comes next
	refused   bool          // greeted with 5yz: only QUIT is left

	content   wire.ContentReader
	chunked   bool  // a chunk was announced to a Data that waits for it
	chunkFrom int64 // octets of the content before the chunk
	last      bool  // the content, or the chunk, is the last of its mail
	dotted    bool  // the content ends with a dot
	small     []byte
	large     *[largeBuffer]byte

	stage  smtp.Stage // of the command under way
	mails  int        // taken
	errors int
	junk   int

	fault   *Fault        // of the command under way
	midway  *Fault        // of the content that comes
	slow    *rate.Limiter // a fault makes the line slow
	pausing bool          // a fault lets time go by
	idle    string        // what is said to a client that is silent for too long; empty: as usual

	implicit bool        // TLS comes first
	config   *tls.Config // what TLS is spoken with, where a fault has another
	method   string      // of AUTH that succeeded
	named    string      // of AUTH under way
	opening  string      // the command AUTH, as it may be seen
	mailed   string      // the command MAIL, where faults are asked for

	begun      time.Time
	asked      time.Time     // when the command under way was, where there is a trace
	readUntil  time.Duration // the deadlines as they are set, since begun; 0 for none
	writeUntil time.Duration
	spoken     bool // the client has begun to speak
	newLine    bool // what is waited for is a new command: the deadline begins anew
	receiving  bool // what is waited for is content
	waited     time.Duration
	broken     error // the first failure to write
	severed    atomic.Bool

	over   bool  // nothing more is heard
	linger bool  // the client may still be sending: let it hear why we stop
	why    error // it is over, where that was not meant
}

const (
	smallBuffer = 4 << 10  // holds an envelope and a short mail; a silent session keeps no more
	largeBuffer = 64 << 10 // while a content comes in faster than that
	mostReplies = 8 << 10  // that wait for a pipelined command to be the last

	longestLine = 12288    // of AUTH, CRLF included: RFC 4954 §4
	mostSkipped = 64 << 10 // of a line that is too long; then the connection is closed

	noTimeout     = 1 << 62
	tlsTimeout    = 30 * time.Second
	lingerTimeout = time.Second
	mostLingered  = 256 << 10
)

func newSession(srv *Server, conn net.Conn) *Session {
	s := &Session{server: srv, number: srv.number.Add(1), raw: conn, conn: conn, begun: time.Now()}
	s.ip = countedIP(conn.RemoteAddr())
	s.ctx, s.cancel = context.WithCancel(context.Background())
	if t, ok := conn.(*tls.Conn); ok {
		s.raw = t.NetConn()
	}
	s.content.Max, s.content.MaxLine, s.content.Grow = srv.limits.size, srv.limits.textLine, s.grow
	return s
}

// Number tells the sessions of one Server apart; they count from 1.
func (s *Session) Number() uint64 { return s.number }

// RemoteAddr is where the client is.
func (s *Session) RemoteAddr() net.Addr { return s.raw.RemoteAddr() }

// LocalAddr is where the client reached us.
func (s *Session) LocalAddr() net.Addr { return s.raw.LocalAddr() }

// TLS is the state of the connection's TLS, nil in clear text.
func (s *Session) TLS() *tls.ConnectionState { return s.tls }

// Hello is the name that the client gave itself, which proves nothing. It has at
// most 255 octets, none of them a blank or a control character.
func (s *Session) Hello() string { return s.hello }

// User is who the client has proved to be by AUTH; empty before that.
func (s *Session) User() string { return s.user }

// Context ends with the session, and when the server is closed.
func (s *Session) Context() context.Context { return s.ctx }

// Authenticating reports whether AUTH is under way: the next line is a response, and no command.
func (s *Session) Authenticating() bool { return s.exchange != nil }

// Mechanism is how the client has proved who it is: "SCRAM-SHA-256"; empty before AUTH.
func (s *Session) Mechanism() string { return s.method }

// Protocol is how the mail comes in, as the word after "with" in a trace field
// has it: "SMTP", "ESMTPSA", "LMTPS" (RFC 3848).
func (s *Session) Protocol() string { return s.protocol(false) }

func (s *Session) protocol(utf8 bool) string {
	word := "SMTP"
	switch {
	case s.server.LMTP && utf8:
		word = "UTF8LMTP" // RFC 6531 §4.3
	case utf8:
		word = "UTF8SMTP"
	case s.server.LMTP:
		word = "LMTP"
	case s.extended:
		word = "ESMTP"
	}
	if s.tls != nil {
		word += "S"
	}
	if s.user != "" {
		word += "A"
	}
	return word
}

// serve is a session from its begin to its end.
func (s *Session) serve(refusal smtp.Reply) {
	defer s.end()
	s.traceConnected()
	if conn, ok := s.conn.(*tls.Conn); ok || s.implicit {
		s.stage = smtp.StageTLS
		if refusal.Code != 0 || !s.beginTLS(conn) {
			return
		}
	}
	s.in = wire.NewReader(source{s}, smallBuffer)
	s.stage = smtp.StageGreeting
	if refusal.Code == 0 {
		refusal = s.greet()
	}
	for s.answer(refusal); !s.over; {
		s.answer(s.turn())
		if s.upgrading && !s.over {
			s.startTLS()
		}
	}
}

func (s *Session) greet() smtp.Reply {
	usual := smtp.Reply{Code: 220, Lines: []string{s.server.host + " ESMTP"}}
	if s.server.LMTP {
		usual.Lines[0] = s.server.host + " LMTP"
	}
	r, refused := s.meet(smtp.StageGreeting, nil)
	if !refused && s.server.Greet != nil {
		r = s.server.Greet(s)
	}
	if r = complete(r, usual); r.Positive() {
		r.Code = 220
	}
	// RFC 5321 §3.1: after 554 the server stays, and refuses all but QUIT.
	s.refused = !r.Positive()
	return r
}

// turn takes the next line from the client, and gives the reply to it. The zero
// Reply is none, since it was said already or nobody is there any more.
func (s *Session) turn() smtp.Reply {
	if s.server.stopping.Load() && s.t == nil {
		return s.lost(errStopping)
	}
	s.shrink()
	s.stage = 0
	if s.exchange != nil {
		s.stage = smtp.StageAuth
	}
	line, r := s.line()
	switch {
	case line == nil:
		return r
	case s.exchange != nil:
		return s.respond(line)
	}
	return s.command(line)
}

// line reads a line, and gives it without its CRLF. It gives nil, and the reply to
// that, if there is none that can be read.
func (s *Session) line() ([]byte, smtp.Reply) {
	limit := s.server.limits.line
	if s.server.Accounts != nil {
		limit = max(limit, longestLine)
	}
	s.newLine = true
	if !s.spoken && s.speaksTLS() {
		return nil, s.give(errTLSFirst, notTLS)
	}
	s.spoken = true
	line, err := s.in.ReadLine(limit)
	if s.traced() {
		s.asked = time.Now()
	}
	if err == wire.ErrLineTooLong {
		return nil, s.skip(line)
	}
	if err != nil {
		return nil, s.lost(err)
	}
	text, ok := cutCRLF(line)
	if !ok {
		// RFC 5321 §2.3.8: a line ends with CRLF, and with nothing else. What has two
		// readings here is a command to one program and none to the next.
		s.traceLine(text)
		return nil, s.give(errLine, badLine)
	}
	return text, smtp.Reply{}
}

// speaksTLS reports whether what comes first is a TLS handshake. Nothing in it
// needs to look like a line's end, so it is looked for before one is waited for.
func (s *Session) speaksTLS() bool {
	if len(s.in.Buffered()) == 0 && s.in.Fill(smallBuffer) != nil {
		return false // ReadLine will meet the same
	}
	const handshake, major = 22, 3
	held := s.in.Buffered()
	return s.tls == nil && held[0] == handshake && (len(held) == 1 || held[1] == major)
}

// cutCRLF takes CRLF off a line. It gives false where there is only a LF, or where
// a CR or a NUL stands elsewhere.
func cutCRLF(line []byte) (text []byte, ok bool) {
	n := len(line) - 2
	if n < 0 || line[n] != '\r' {
		return line[:n+1], false
	}
	text = line[:n]
	return text, bytes.IndexByte(text, '\r') < 0 && bytes.IndexByte(text, 0) < 0
}

// skip passes over a line that is too long: RFC 5321 §4.5.3.1.4.
func (s *Session) skip(begin []byte) smtp.Reply {
	s.traceLine(begin[:min(len(begin), 64)])
	refusal := lineTooLong
	if s.exchange != nil {
		s.exchange = nil
		refusal = responseTooLong
	}
	for skipped := 0; skipped < mostSkipped; {
		held := s.in.Buffered()
		if i := bytes.IndexByte(held, '\n'); i >= 0 {
			s.in.Discard(i + 1)
			if i == 0 || held[i-1] != '\r' {
				return s.give(errLine, badLine)
			}
			return refusal
		}
		// The last octet is kept: it may be the CR that belongs to the LF.
		n := max(len(held)-1, 0)
		skipped += n
		s.in.Discard(n)
		if err := s.in.Fill(longestLine); err != nil {
			return s.lost(err)
		}
	}
	return s.give(errTooLong, refusal)
}

// lost is a connection from which nothing more comes. The reply, if there is one,
// is to a client that is only slow.
func (s *Session) lost(err error) smtp.Reply {
	var r smtp.Reply
	switch {
	case errors.Is(err, errStopping):
		r, err = shuttingDown, nil
	case errors.Is(err, os.ErrDeadlineExceeded):
		r, err = timedOut, errTimeout
		if s.idle != "" {
			r = Reply(s.idle)
		}
	case s.t == nil && s.exchange == nil && err == io.EOF:
		err = nil // it hung up between two mails: it need not say QUIT
	case err == io.EOF || err == io.ErrUnexpectedEOF:
		err = errHungUp
	}
	if s.severed.Load() {
		err = ErrServerClosed
	}
	s.over = true
	if s.why == nil {
		s.why = err
	}
	return r
}

// give gives up on a client, and says so.
func (s *Session) give(why error, r smtp.Reply) smtp.Reply {
	s.over, s.linger = true, true
	if s.why == nil {
		s.why = why
	}
	return r
}

// answer puts a reply on its way.
func (s *Session) answer(r smtp.Reply) {
	if r.Code == 0 {
		return
	}
	if f := s.fault; f != nil {
		s.fault = nil
		s.perform(f, r)
		return
	}
	if r.Code >= 400 && r.Code != 421 && !blameless(r) && s.strike() {
		r = tooManyErrors
	}
	if r.Code == 421 {
		s.over = true // RFC 5321 §3.8
	}
	from := len(s.out)
	s.out = appendReply(s.out, r, s.offers(extEnhanced))
	s.traceAnswer(from)
	if len(s.out) > mostReplies {
		s.flush(s.clock())
	}
}

// blameless reports whether a reply is to no error of the client: that there are too many recipients is for it to
// hear as often as it asks, since a mail to 2,000 goes in two, RFC 5321 §4.5.3.1.10; and where our own disk is full or
// our system is down (4.3.x, RFC 3463 §3.4) it would be the honest ones, who try each of their mails, that are sent away.
func blameless(r smtp.Reply) bool {
	return r.Code == 452 && r.Enhanced == tooManyRcpts.Enhanced || r.Enhanced.Class == 4 && r.Enhanced.Subject == 3
}

// strike counts an error, and says whether it is one too many. Who is refused
// again and again is guessing: first it is kept waiting, then sent away.
func (s *Session) strike() bool {
	s.errors++
	most := s.server.limits.errors
	if s.errors >= most {
		s.give(errTooMany, smtp.Reply{})
		return true
	}
	if s.errors > most/2 {
		s.flush(s.clock())
		select {
		case <-time.After(time.Second):
		case <-s.ctx.Done():
		}
	}
	return false
}

// forget ends the transaction: RFC 5321 §4.1.1.5.
func (s *Session) forget() { s.t = nil }

// Why a session ends that its client did not end.
var (
	// ErrInjected is clear text that stood behind STARTTLS, waiting to be taken for
	// what was said within TLS.
	ErrInjected = errors.New("clear text stood behind STARTTLS")

	errTLSFirst  = errors.New("the client began with TLS, and this port begins in clear text")
	errLine      = errors.New("a line did not end with CRLF, or held a bare CR or a NUL")
	errTooLong   = errors.New("a line had no end")
	errChunkSize = errors.New("a chunk had no size")
	errTooMany   = errors.New("too many errors")
	errHTTP      = errors.New("the client speaks HTTP")
	errRunAhead  = errors.New("the client did not wait where it has to")
	errTimeout   = errors.New("the client was silent, or too slow")
	errHungUp    = errors.New("the client hung up midway")
	errStopping  = errors.New("the server is shutting down")
)
