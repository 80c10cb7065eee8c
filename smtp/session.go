package smtp

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/parleymail/parley/internal/secret"
	"github.com/parleymail/parley/internal/wire"
	"github.com/parleymail/parley/mail"
)

// A Session is one connection, greeted and ready: RFC 5321 §3. It is used by one
// goroutine at a time. Close it when done.
type Session struct {
	client *Client
	number uint64
	addr   string // host:port or a socket's path
	remote string // the address that the connection is to; behind a proxy addr
	host   string // what the certificate must be for
	conn   net.Conn
	raw    net.Conn // the connection below TLS; conn itself in clear text
	in     *wire.Reader
	body   wire.ContentWriter

	out     []byte  // said, and not yet on its way
	written int64   // octets that the connection has taken, all in all
	pending []asked // said, and not yet answered; the oldest at head
	head    int
	ahead   int   // octets of commands among the pending
	reply   reply // the one heard last

	exts     extensions
	tls      *tls.ConnectionState
	verified bool        // the certificate was judged, and found good
	secrets  secret.List // what no trace and no error may hold, though the server says it back

	ctx        context.Context // of the call under way
	patience   time.Duration   // how long the next read may wait; zero: the deadline stands
	now        time.Time       // when the connection last moved
	readUntil  time.Time       // the deadlines as they are set
	writeUntil time.Time
	broken     error // the first failure to write
	vectors    [2][]byte
	buffers    net.Buffers
	spoke      bool         // the server did, out of turn
	lost       bool         // over, or out of step with the server: only Close is left
	cause      error        // what the conversation broke down by; nil where it did not
	dirty      bool         // a transaction was begun and not brought to its end: RSET first
	failed     bool         // the last transaction that is over was not taken
	current    *transaction // the one begun last
	answered   asked        // what the reply heard last was to
	opened     time.Time
	mails      int         // transactions begun
	ended      int         // transactions that have their verdict
	pooled     bool        // it is one of the pool's, and not its caller's own
	quitting   bool        // QUIT is said
	leaving    bool        // Close was called
	reused     bool        // it was idle in the pool, and has not answered since
	idle       *time.Timer // closes it, while it is idle
	said       said
}

// An asked is a command that waits for its reply.
type asked struct {
	stage Stage
	path  mail.Path // whose: at StageRcpt, and at StageEnd over LMTP
	at    time.Time
	size  int // octets of the command
}

const (
	// outSize is how much is gathered before it is written, and so the largest
	// mail that goes out together with the next one's envelope.
	outSize = 64 << 10

	// maxReply is the longest reply that is read. With the readSize octets that may
	// be read ahead it makes the 64 KiB after which we give up: a hostile server
	// can send without end, and net/smtp and go-mail take a gigabyte of it.
	maxReply = 60 << 10
	readSize = 4 << 10

	// window is how far we run ahead of the replies, in octets of commands. With
	// more, both sides could stand with full buffers, each waiting for the other to
	// read: RFC 2920 §3.1.
	window = 4096

	// lastWords is how long a server is listened to that no longer takes what we
	// write: it often has said why.
	lastWords = time.Second
)

// noPath is for commands that are not about one recipient.
var noPath mail.Path

func newSession(c *Client, conn net.Conn, addr, host string) *Session {
	s := &Session{client: c, addr: addr, host: host, raw: conn, remote: addr, opened: time.Now(), out: make([]byte, 0, 4096)}
	s.now = s.opened
	s.use(conn)
	return s
}

func (s *Session) peer() Peer { return Peer{Remote: s.remote, TLS: s.tls} }

// use makes the session speak over conn, from its next octet on.
func (s *Session) use(conn net.Conn) {
	s.conn = conn
	if s.in == nil {
		s.in = wire.NewReader(source{s}, readSize)
	} else {
		s.in.Reset(source{s})
	}
	s.readUntil, s.writeUntil = time.Time{}, time.Time{}
}

// Format writes a session as its number and its address, by whatever verb: it holds
// secrets, and what it was told.
func (s *Session) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "session %d to %s", s.number, s.addr) }

// TLS is the state of the connection's TLS, nil in clear text.
func (s *Session) TLS() *tls.ConnectionState { return s.tls }

// Extension reports whether the server offered a service extension (RFC 5321
// §2.2) in its last reply to EHLO, and with what parameters.
func (s *Session) Extension(keyword string) (params string, ok bool) {
	return s.exts.lookup(keyword)
}

// Close says QUIT, where the server may still be listening, and hangs up. What
// it says to that changes nothing.
func (s *Session) Close() error {
	if s.conn == nil {
		return nil
	}
	s.ctx, s.leaving = context.Background(), true
	switch {
	case s.lost:
	case s.quitting && s.waiting() == 1:
		s.hear()
	case s.waiting() == 0:
		s.ask(StageQuit, "QUIT")
	}
	return s.hangUp(nil)
}

// hangUp closes the connection without a word more.
func (s *Session) hangUp(why error) error {
	if s.conn == nil {
		return nil
	}
	if s.lost && why == nil {
		why = s.cause // who reads the trace is to see whether it hung up or fell silent
	}
	if s.lost && why == nil {
		why = errLost
	}
	s.lost = true
	s.now = time.Now()
	s.tell(Event{Stage: StageQuit, Did: Closed, Err: why}, nil)
	conn := s.conn
	if s.broken != nil || why != nil {
		conn = s.raw // TLS would say its own goodbye, and wait 5 seconds for who does not listen
	}
	err := conn.Close()
	s.conn = nil
	return err
}

// within makes the context end whatever the session waits for, until the
// function that it gives is called.
func (s *Session) within(ctx context.Context) (done func()) {
	s.ctx = ctx
	if ctx.Done() == nil {
		return func() {}
	}
	conn := s.conn
	stop := context.AfterFunc(ctx, func() {
		if conn.SetDeadline(time.Unix(1, 0)) != nil {
			conn.Close() // some tunnels have no deadlines
		}
	})
	return func() {
		s.ctx = context.Background()
		if !stop() {
			// The deadline in the past may be set at any moment yet: the connection
			// is of no use to anybody else.
			s.lost = true
		}
	}
}

// say puts a command on its way; it goes out when hear has to wait, or by flush.
func (s *Session) say(stage Stage, line string) { s.sayFor(stage, noPath, line, "") }

// sayFor is say for a recipient. If shown is not empty, it is what the trace gets
// to see.
func (s *Session) sayFor(stage Stage, path mail.Path, line, shown string) {
	from := len(s.out)
	s.out = append(s.out, line...)
	s.saidSince(stage, path, from, shown)
}

// saidSince ends the command that stands in out from there on.
func (s *Session) saidSince(stage Stage, path mail.Path, from int, shown string) {
	s.listenFirst()
	s.toldSince(stage, from, shown)
	s.expect(stage, path)
	size := len(s.out) - from
	s.pending[len(s.pending)-1].size = size
	s.ahead += size
}

// listenFirst finds a reply that nobody asked for, before it is taken for the one
// to what is said next.
func (s *Session) listenFirst() {
	if s.waiting() == 0 && len(s.in.Buffered()) > 0 {
		s.spoke = true
	}
}

// toldSince ends a line to which there is no reply.
func (s *Session) toldSince(stage Stage, from int, shown string) {
	line := s.out[from:]
	e := Event{Stage: stage, Did: Command}
	if shown != "" {
		line, e.Hidden = []byte(shown), true
	}
	s.tell(e, line)
	s.out = append(s.out, '\r', '\n')
}

func (s *Session) expect(stage Stage, path mail.Path) {
	switch n := len(s.pending); {
	case s.head == n:
		s.pending, s.head = s.pending[:0], 0
	case n == cap(s.pending) && s.head > n/2:
		// In a full flight something always waits: what is answered would never go.
		kept := copy(s.pending, s.pending[s.head:])
		clear(s.pending[kept:])
		s.pending, s.head = s.pending[:kept], 0
	}
	s.pending = append(s.pending, asked{stage: stage, path: path, at: s.now})
}

// waiting is how many commands wait for their reply.
func (s *Session) waiting() int { return len(s.pending) - s.head }

// ask says a command, and hears the reply.
func (s *Session) ask(stage Stage, line string) *Error {
	s.say(stage, line)
	return s.hear()
}

// flush sends off all that was said.
func (s *Session) flush() error {
	if len(s.out) == 0 || s.broken != nil {
		s.out = s.out[:0]
		return s.broken
	}
	err := s.write(s.out)
	s.out = s.out[:0]
	return err
}

// write gives p to the connection. A failure is not told at once: the server
// may have said why, and hear will find that.
func (s *Session) write(p []byte) error {
	if s.broken != nil {
		return s.broken
	}
	for len(p) > 0 && s.broken == nil {
		s.armWrite()
		n, err := s.conn.Write(p[:min(len(p), outSize)])
		s.written += int64(n)
		s.broken, p = err, p[n:]
	}
	return s.broken
}

// armWrite sets the deadline of the next write.
func (s *Session) armWrite() {
	s.now = time.Now()
	stage := StageContent
	if s.leaving {
		stage = StageQuit
	}
	if rearm(&s.writeUntil, s.now, s.wait(stage)) {
		s.conn.SetWriteDeadline(s.writeUntil)
		if s.ctx.Err() != nil {
			// The context may have ended before the deadline was set.
			s.conn.SetWriteDeadline(time.Unix(1, 0))
		}
	}
}

// rearm reports whether a deadline is to be set anew, so that from now on there
// are at least wait to go. To set one costs as much as a short read: it is left
// alone while it is at most an eighth, or a second, too late.
func rearm(until *time.Time, now time.Time, wait time.Duration) bool {
	slack := min(wait/8, time.Second)
	if left := until.Sub(now); left >= wait && left <= wait+slack {
		return false
	}
	*until = now.Add(wait + slack)
	return true
}

// wait is how long the client waits at a stage for the server to go on.
func (s *Session) wait(stage Stage) time.Duration { return s.client.wait(stage) }

func (c *Client) wait(stage Stage) time.Duration {
	wait := stages[stage].wait
	if c.Timeout > 0 && c.Timeout < wait {
		return c.Timeout
	}
	return wait
}

// A source is where the line reader reads: it is where the session waits.
type source struct{ s *Session }

// Read reads from the connection, and first sends off what was said: not sooner, so
// that as much as can goes out at once. The deadline is set once for a reply, so that a
// server that drips octets does not hold us for ever.
func (src source) Read(p []byte) (int, error) {
	s := src.s
	if s.flush() != nil {
		s.patience = min(max(s.patience, 1), lastWords)
	}
	if s.patience > 0 {
		if rearm(&s.readUntil, time.Now(), s.patience) {
			s.conn.SetReadDeadline(s.readUntil)
			if s.ctx.Err() != nil {
				// The context may have ended before the deadline was set.
				s.conn.SetReadDeadline(time.Unix(1, 0))
			}
		}
		s.patience = 0
	}
	n, err := s.conn.Read(p)
	s.now = time.Now()
	return n, err
}

// hear reads the reply to the oldest command that has none. A nil error means
// that it is the one that the command's stage wants.
func (s *Session) hear() *Error {
	a := s.pending[s.head]
	s.head++
	s.ahead -= a.size
	s.answered = a
	if s.spoke {
		s.lost = true
		return s.brokeDown(a, errOutOfTurn)
	}
	if err := s.readReply(a); err != nil {
		s.lost = true
		return s.brokeDown(a, err)
	}
	if s.reply.code == 421 {
		s.lost = true // the server hangs up, whatever the stage: RFC 5321 §3.8
	}
	if a.stage.accepts(s.reply.code) {
		return nil
	}
	kind := Refused
	switch {
	case s.reply.code < 400:
		// 2yz or 3yz, and not the one that this stage wants: both sides no longer
		// mean the same. An answer of 250 to DATA would make us speak the content as
		// commands.
		kind, s.lost = Garbled, true
	case a.stage == StageAuth && s.reply.code != 421:
		kind = Unauthorized
	}
	return &Error{Kind: kind, Stage: a.stage, Path: a.path, Reply: s.reply.whole(), Said: s.said.events(s.number), Peer: s.peer()}
}

// readReply reads a whole reply into s.reply: RFC 5321 §4.2.
func (s *Session) readReply(a asked) error {
	s.reply.reset()
	s.patience = s.wait(a.stage)
	for left := maxReply; ; {
		line, err := s.in.ReadLine(left)
		left -= len(line)
		hide := s.secrets.Hide
		if a.stage == StageAuth {
			hide = s.secrets.HidePieces
		}
		shown, hidden := hide(trimEOL(line))
		e := Event{Stage: a.stage, Did: Answer, Hidden: hidden}
		if err != nil {
			if len(line) > 0 {
				shown, e.Hidden = s.secrets.HideCut(line)
				s.tell(e, shown)
			}
			if s.broken != nil && err != wire.ErrLineTooLong {
				return s.broken
			}
			return err
		}
		last, err := s.reply.add(trimEOL(line), shown)
		if last {
			e.Took = s.now.Sub(a.at)
		}
		s.tell(e, shown)
		if err != nil || last {
			return err
		}
	}
}

// trimEOL takes the line's end off.
//
// QUIRK: a reply that ends in a bare LF is taken for one. Nothing can be smuggled
// by it, for a client sends on none of what it hears.
func trimEOL(line []byte) []byte {
	return bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
}

// brokeDown is the error of a conversation that broke down.
func (s *Session) brokeDown(a asked, err error) *Error {
	e := &Error{Kind: Unreachable, Stage: a.stage, Path: a.path, Err: err, Said: s.said.events(s.number), Peer: s.peer()}
	var garbled garbledError
	switch {
	case s.ctx.Err() != nil:
		e.Kind, e.Err = Interrupted, context.Cause(s.ctx)
	case errors.As(err, &garbled):
		e.Kind = Garbled
	case err == wire.ErrLineTooLong:
		e.Kind, e.Err = Garbled, fmt.Errorf("the reply has no end after %d octets", maxReply)
	case err == s.broken && errors.Is(err, os.ErrDeadlineExceeded):
		e.Err = fmt.Errorf("the server took nothing for %v: %w", s.wait(StageContent), err)
	case err == s.broken:
		e.Err = fmt.Errorf("the server listens no more: %w", err)
	case errors.Is(err, os.ErrDeadlineExceeded):
		e.Err = fmt.Errorf("the server said nothing for %v: %w", s.wait(a.stage), err)
	case err == io.EOF || err == io.ErrUnexpectedEOF:
		e.Err = fmt.Errorf("the server hung up: %w", err)
	}
	s.cause = e.Err
	return e
}

// fail is an error that we found ourselves. The session goes on, where it can.
func (s *Session) fail(kind Kind, stage Stage, err error) *Error {
	return &Error{Kind: kind, Stage: stage, Err: err, Said: s.said.events(s.number), Peer: s.peer()}
}

// tell records an event, and tells the trace of it.
func (s *Session) tell(e Event, line []byte) {
	e.At = s.now
	s.said.add(e, line)
	if s.client.Trace != nil {
		e.Session, e.Line = s.number, string(line)
		s.client.Trace(e)
	}
}
