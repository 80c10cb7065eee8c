package smtpd

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/parleymail/parley/smtp"
)

// A source is where the line reader reads: it is where the session waits.
type source struct{ s *Session }

// Read reads from the connection. Replies go out before it waits, and not sooner:
// so the replies to a pipelined group go together, RFC 2920 §3.2.
func (src source) Read(p []byte) (int, error) {
	s := src.s
	for {
		before := s.clock()
		if err := s.flush(before); err != nil {
			return 0, err
		}
		if err := s.await(before); err != nil {
			return 0, err
		}
		if s.midway != nil {
			p = p[:s.soon(len(p))]
		}
		n, err := s.conn.Read(p)
		if s.receiving {
			s.waited += s.clock() - before
		}
		if s.slow != nil {
			s.slowDown(n)
		}
		if n > 0 {
			return n, nil
		}
		if !s.poked(err) {
			return 0, err
		}
		if s.t == nil || s.pausing {
			return 0, errStopping
		}
		s.setReadDeadline()
	}
}

// clock is the time since the session began. To ask for no more than that is half
// the price of time.Now.
func (s *Session) clock() time.Duration { return time.Since(s.begun) }

// await sets the deadline for the next read.
func (s *Session) await(now time.Duration) error {
	limits := &s.server.limits
	switch {
	case s.pausing: // until then, and no longer
	case s.receiving:
		s.idle = ""
		// RFC 5321 §4.5.3.2 has no least rate, so that an octet a minute would hold a
		// session for years. Only the time spent waiting for the client counts.
		wait := limits.timeout
		if limits.rate > 0 {
			due := limits.timeout + time.Duration(s.content.Size()/limits.rate)*time.Second
			wait = min(wait, due-s.waited)
		}
		s.arm(now, wait)
	case s.newLine:
		// Once for a line: a client that drips octets gains no time by it.
		s.newLine = false
		wait := limits.timeout
		if s.server.Idle != nil {
			wait = s.patience(wait)
		}
		s.arm(now, wait)
	}
	if s.server.stopping.Load() && (s.t == nil || s.pausing) {
		return errStopping
	}
	return nil
}

// patience is how long a client may be silent before its next command.
func (s *Session) patience(usual time.Duration) time.Duration {
	s.idle = ""
	after, say := s.server.Idle(s)
	if after <= 0 || after >= usual {
		return usual
	}
	s.idle = say
	return after
}

func (s *Session) arm(now, wait time.Duration) {
	if wait < noTimeout/2 && rearm(&s.readUntil, now, wait) {
		s.setReadDeadline()
	}
}

func (s *Session) setReadDeadline() {
	var t time.Time
	if s.readUntil != 0 {
		t = s.begun.Add(s.readUntil)
	}
	s.conn.SetReadDeadline(t)
}

// rearm reports whether a deadline is to be set anew, so that from now on there
// are at least wait to go. To set one costs as much as a short read: it is left
// alone while it is at most an eighth too late.
func rearm(until *time.Duration, now, wait time.Duration) bool {
	slack := max(wait, 0) / 8
	if left := *until - now; left >= wait && left <= wait+slack {
		return false
	}
	*until = now + wait + slack
	return true
}

// poke wakes the session from its wait, to find that the server is stopping.
func (s *Session) poke() { s.raw.SetReadDeadline(time.Unix(1, 0)) }

// poked reports whether a read ended because of poke, and not because the client was
// silent for too long.
func (s *Session) poked(err error) bool {
	return s.server.stopping.Load() && !s.severed.Load() &&
		errors.Is(err, os.ErrDeadlineExceeded) && (s.readUntil == 0 || s.clock() < s.readUntil)
}

// cut ends the session from outside.
func (s *Session) cut() {
	s.severed.Store(true)
	s.cancel()
	s.raw.Close()
}

// flush sends the replies off.
func (s *Session) flush(now time.Duration) error {
	if len(s.out) == 0 || s.broken != nil {
		s.out = s.out[:0]
		return s.broken
	}
	if wait := s.server.limits.timeout; wait < noTimeout/2 && rearm(&s.writeUntil, now, wait) {
		s.conn.SetWriteDeadline(s.begun.Add(s.writeUntil))
	}
	if s.slow != nil {
		s.broken = s.writeSlowly(s.out)
	} else {
		_, s.broken = s.conn.Write(s.out)
	}
	s.out = s.out[:0]
	return s.broken
}

// grow gives the reader a large buffer, while much comes at once.
func (s *Session) grow() {
	if s.large == nil {
		s.large = s.server.buffers.Get().(*[largeBuffer]byte)
		s.small = s.in.Swap(s.large[:])
	}
}

// shrink gives the large buffer back as soon as it is not needed: thousands of
// silent sessions may have had one.
func (s *Session) shrink() {
	if s.large != nil && len(s.in.Buffered()) <= len(s.small) {
		s.in.Swap(s.small)
		s.server.buffers.Put(s.large)
		s.small, s.large = nil, nil
	}
}

// beginTLS is implicit TLS. Where the connection is no TLS yet, a fault may choose with what it is spoken.
func (s *Session) beginTLS(conn *tls.Conn) bool {
	if conn == nil {
		s.meet(smtp.StageTLS, nil)
		if f := s.fault; f != nil {
			s.fault = nil
			s.config = f.TLS
			if s.begin(f); !s.over && !f.silent() {
				s.sayFor(f, smtp.Reply{})
			}
			if s.finish(f); s.over {
				return false
			}
		}
		conn = tls.Server(s.raw, s.ownConfig())
		s.conn = conn
	}
	return s.handshake(conn)
}

// ownConfig is what TLS is spoken with.
func (s *Session) ownConfig() *tls.Config {
	if s.config != nil {
		return s.config
	}
	return s.server.TLS
}

// startTLS is what follows the 220 to STARTTLS.
func (s *Session) startTLS() {
	s.upgrading = false
	if s.flush(s.clock()) != nil {
		s.over = true
		return
	}
	s.stage = smtp.StageTLS
	conn := tls.Server(s.conn, s.ownConfig())
	s.conn = conn
	if !s.handshake(conn) {
		s.over = true
		return
	}
	// RFC 3207 §4.2: nothing that was said before counts, the client's name neither.
	// No mail is under way and the reader holds nothing, or STARTTLS would have been
	// refused.
	s.in.Reset(source{s})
	s.method = ""
	s.hello, s.extended, s.user, s.exchange, s.garbage = "", false, "", nil, false
}

func (s *Session) handshake(conn *tls.Conn) bool {
	s.raw.SetDeadline(time.Now().Add(tlsTimeout))
	err := conn.HandshakeContext(s.ctx)
	s.raw.SetDeadline(time.Time{})
	s.readUntil, s.writeUntil = 0, 0
	if err != nil {
		switch {
		case s.server.stopping.Load():
			err = ErrServerClosed
		case errors.Is(err, os.ErrDeadlineExceeded):
			err = errTimeout
		}
		s.why = fmt.Errorf("the TLS handshake: %w", err)
		return false
	}
	state := conn.ConnectionState()
	s.tls = &state
	s.traceTLS()
	return true
}

// end closes the connection.
func (s *Session) end() {
	s.flush(s.clock())
	if s.why == nil && s.broken != nil && !s.severed.Load() {
		s.why = s.broken
	}
	s.hangUp()
	s.cancel()
	if s.large != nil {
		s.server.buffers.Put(s.large)
	}
	s.traceClosed()
	if s.server.Closed != nil {
		s.server.Closed(s, s.why)
	}
}

// hangUp closes the connection. To close it while the client is still sending
// would destroy our last reply on its way, so it is listened to for a moment.
func (s *Session) hangUp() {
	if t, ok := s.conn.(*tls.Conn); ok && s.tls != nil {
		t.CloseWrite()
	}
	if half, ok := s.raw.(interface{ CloseWrite() error }); ok && s.linger && s.broken == nil {
		half.CloseWrite()
		s.raw.SetReadDeadline(time.Now().Add(lingerTimeout))
		io.CopyN(io.Discard, s.raw, mostLingered)
	}
	s.raw.Close()
}
