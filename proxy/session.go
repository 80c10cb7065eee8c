package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/parleymail/parley/internal/secret"
	"github.com/parleymail/parley/smtp"
)

// A session is one program's conversation, and what belongs to it.
type session struct {
	p      *Proxy
	number uint64
	tap    *tap
	begun  time.Time

	ctx    context.Context
	cancel context.CancelCauseFunc

	moved atomic.Int64  // when either side last said something: since begun
	ended atomic.Uint32 // the Side that hung up first

	mu       sync.Mutex
	program  net.Conn // as it is spoken to now
	provider net.Conn
	raw      [2]net.Conn // below TLS: the program's, the provider's
	gone     bool        // both are closed
	why      error       // what ended it, where that was not meant
}

const bufferSize = 32 << 10

func newSession(p *Proxy, conn net.Conn) *session {
	s := &session{p: p, number: p.number.Add(1), begun: time.Now(), program: conn}
	s.raw[0] = conn
	s.ctx, s.cancel = context.WithCancelCause(context.Background())
	e := edits{without: p.Without, accept: p.AcceptLogin, tls: p.OfferTLS}
	e.login = p.To != nil && p.To.Auth != nil
	s.tap = newTap(rules{
		hold: p.AcceptLogin || p.OfferTLS, tlsHere: p.OfferTLS, accept: p.AcceptLogin, blind: p.Blind, edits: e,
	})
	s.tap.number, s.tap.trace, s.tap.find = s.number, p.Trace, p.Explain
	if p.To != nil {
		s.tap.server = p.To.Addr
	}
	return s
}

// serve is a session from its begin to its end.
func (s *session) serve() {
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		s.watch()
	}()
	s.tell(smtp.Event{Stage: smtp.StageDial, Did: smtp.Connected, Line: "from " + remote(s.program)})
	if err := s.open(); err != nil {
		s.linger()
		s.cut(errors.New("there was no provider to speak to"))
	} else {
		var both sync.WaitGroup
		both.Go(s.up)
		both.Go(s.down)
		both.Wait()
	}
	s.cut(nil)
	s.cancel(nil)
	<-stopped
	s.tell(smtp.Event{Did: smtp.Closed, Line: s.tap.summary(), Err: s.why})
}

// tell makes an event in order with those of the tap.
func (s *session) tell(e smtp.Event) {
	s.tap.mu.Lock()
	defer s.tap.mu.Unlock()
	s.tap.tell(e)
}

func (s *session) note(line string) { s.tell(smtp.Event{Did: smtp.Note, Line: line}) }

func (s *session) fault(f Fault) {
	s.tap.mu.Lock()
	defer s.tap.mu.Unlock()
	s.tap.fault(f)
}

// remote is who a connection is with.
func remote(conn net.Conn) string {
	if a := conn.RemoteAddr(); a != nil && a.String() != "" && a.String() != "@" {
		return a.String()
	}
	return "a socket"
}

// turnAway is the session of a program for which there is no room.
func (s *session) turnAway(why, reply string) {
	s.tell(smtp.Event{Stage: smtp.StageDial, Did: smtp.Connected, Line: "from " + remote(s.program)})
	s.note(why)
	if !s.p.Implicit {
		s.say(reply)
	}
	s.program.Close()
	s.cancel(nil)
	s.tell(smtp.Event{Did: smtp.Closed})
}

// say says a line to the program that is not the provider's.
func (s *session) say(reply string) {
	s.tell(smtp.Event{Did: smtp.Answer, Line: reply, Hidden: strings.Contains(reply, secret.Mark)})
	conn := s.conn(Program)
	conn.SetWriteDeadline(time.Now().Add(5 * time.Second))
	io.WriteString(conn, reply+"\r\n")
}

// linger waits for the program to go, for a moment: to close a connection on which
// it is still sending would destroy our last words on their way.
func (s *session) linger() {
	conn := s.conn(Program)
	halfClose(conn)
	conn.SetReadDeadline(time.Now().Add(lastWords))
	io.CopyN(io.Discard, conn, maxEarly)
}

// conn is the connection with a side, as it is spoken over now.
func (s *session) conn(side Side) net.Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	if side == Program {
		return s.program
	}
	return s.provider
}

// use makes the session speak with a side over conn from now on.
func (s *session) use(side Side, conn net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if side == Program {
		s.program = conn
		return
	}
	if s.provider == nil {
		s.raw[1] = conn
		if s.gone {
			conn.Close()
		}
	}
	s.provider = conn
}

// cut closes both connections. The first reason that is given counts.
func (s *session) cut(why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone {
		return
	}
	s.gone, s.why = true, why
	s.cancel(why)
	// The tap is not locked here: its owner may be waiting for what is closed now.
	for _, conn := range s.raw {
		if conn != nil {
			conn.Close()
		}
	}
	go s.tap.end()
}

// goIfIdle ends the session where nothing is under way, with 421: RFC 5321 §3.8.
func (s *session) goIfIdle() {
	if s.ended.Load() == 0 && !s.isGone() && s.tap.idle() {
		s.say("421 4.3.2 parley proxy: shutting down")
		s.cut(ErrClosed)
	}
}

// up passes on what the program says.
func (s *session) up() {
	buf, out := make([]byte, bufferSize), make([]byte, 0, bufferSize)
	for {
		n, err := s.conn(Program).Read(buf)
		s.touch()
		for rest := buf[:n]; len(rest) > 0; {
			var act action
			out, rest, act = s.tap.program(rest, out[:0])
			if !s.pass(Provider, out) || !s.act(act) {
				return
			}
		}
		if err != nil {
			s.pass(Provider, s.tap.leftOver(Program))
			s.hungUp(Program, err)
			return
		}
	}
}

// act does what must be done before more of what the program said may go on.
func (s *session) act(act action) bool {
	switch act {
	case awaitReply:
		return s.tap.await(atData)
	case awaitTLS:
		return s.tap.await(atTLS)
	case answerHere:
		return s.answer()
	case hangUp:
		s.cut(errors.New("this is no SMTP, and where the proxy logs in nothing else is passed on"))
		return false
	default:
		return true
	}
}

// answer answers a command in the provider's place, once all before it is answered.
func (s *session) answer() bool {
	if !s.tap.drained() {
		return false
	}
	reply := s.tap.answer()
	if !s.pass(Program, []byte(reply+"\r\n")) {
		return false
	}
	switch {
	case strings.HasPrefix(reply, "220"):
		return s.startTLS() == nil
	case strings.HasPrefix(reply, "554"):
		s.fault(BehindSTARTTLS)
		s.cut(errors.New("octets follow STARTTLS in clear text"))
		return false
	}
	return true
}

// down passes on what the provider says.
func (s *session) down() {
	buf, out := make([]byte, bufferSize), make([]byte, 0, bufferSize)
	for {
		n, err := s.conn(Provider).Read(buf)
		s.touch()
		for rest := buf[:n]; len(rest) > 0; {
			var act action
			out, rest, act = s.tap.provider(rest, out[:0])
			if !s.pass(Program, out) {
				return
			}
			if act == startBothTLS && !s.startBothTLS(len(rest) > 0) {
				return
			}
			s.tap.sent()
		}
		if err != nil {
			s.pass(Program, s.tap.leftOver(Provider))
			s.hungUp(Provider, err)
			return
		}
		if s.p.stopping.Load() {
			s.goIfIdle()
		}
	}
}

// pass gives p to a side. Where that does not take it, the session is not over: it
// may have said why.
func (s *session) pass(to Side, p []byte) bool {
	if len(p) == 0 {
		return true
	}
	conn := s.conn(to)
	conn.SetWriteDeadline(time.Now().Add(s.p.timeout()))
	_, err := conn.Write(p)
	s.touch()
	if err == nil {
		return true
	}
	if to == Provider {
		// The provider no longer listens. What it said last is still read by down, which
		// then finds the end; it is not waited for longer than that takes.
		s.conn(Provider).SetReadDeadline(time.Now().Add(lastWords))
		return false
	}
	s.tap.programEnded()
	s.cut(fmt.Errorf("the program listens no more: %w", err))
	return false
}

// lastWords is how long a side is listened to that no longer takes what is said, or
// whose counterpart is gone.
const lastWords = 5 * time.Second

// hungUp passes on that a side has nothing more to say.
func (s *session) hungUp(side Side, err error) {
	first := s.ended.CompareAndSwap(0, uint32(side))
	ended := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
	switch {
	case s.isGone():
		return
	case !first:
		s.cut(nil)
		return
	case side == Provider:
		s.tap.providerEnded()
	case !s.programTLSFault(err):
		s.tap.programEnded()
	}
	switch {
	case errors.Is(err, syscall.ECONNRESET):
		s.reset(side)
		s.cut(fmt.Errorf("the %v cut the connection: %w", side, syscall.ECONNRESET))
	case ended && side == Program:
		halfClose(s.conn(Provider)) // the program may still listen: nc -N ends so
	case ended, side == Provider && errors.Is(err, os.ErrDeadlineExceeded):
		halfClose(s.conn(Program))
		s.conn(Program).SetReadDeadline(time.Now().Add(lastWords))
		s.tap.end()
	default:
		s.cut(fmt.Errorf("the %v: %w", side, inner(err)))
	}
}

// inner is an error without the addresses, which have been told.
func inner(err error) error {
	if e, ok := errors.AsType[*net.OpError](err); ok {
		return e.Err
	}
	return err
}

func (s *session) isGone() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.gone
}

// halfClose says that nothing more comes.
func halfClose(conn net.Conn) {
	conn.SetWriteDeadline(time.Now().Add(lastWords))
	if half, ok := conn.(interface{ CloseWrite() error }); ok {
		half.CloseWrite()
	}
	if t, ok := conn.(*tls.Conn); ok {
		if half, ok := t.NetConn().(interface{ CloseWrite() error }); ok {
			half.CloseWrite()
		}
	}
}

// reset makes the other side see what this one did.
func (s *session) reset(side Side) {
	s.mu.Lock()
	defer s.mu.Unlock()
	other := s.raw[1]
	if side == Provider {
		other = s.raw[0]
	}
	if tcp, ok := other.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
}

func (s *session) touch() { s.moved.Store(int64(time.Since(s.begun))) }

// watch tells of who is silent though it is its turn, and ends a session in which
// neither side says anything.
func (s *session) watch() {
	timer := time.NewTimer(s.p.patience())
	defer timer.Stop()
	told := int64(-1)
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-timer.C:
		}
		moved := s.moved.Load()
		silent := time.Since(s.begun) - time.Duration(moved)
		switch {
		case silent >= s.p.timeout():
			s.cut(fmt.Errorf("neither side said anything for %v", s.p.timeout()))
			return
		case silent >= s.p.patience() && told != moved:
			told = moved
			s.tellSilence()
		}
		next := s.p.patience() - silent
		if next <= 0 {
			// No later than this may another silence be worth a word.
			next = min(s.p.timeout()-silent, s.p.patience())
		}
		timer.Reset(max(next, time.Millisecond))
	}
}

// tellSilence tells of who is silent. A program that is idle between two mails has
// nothing to say.
func (s *session) tellSilence() {
	t := s.tap
	idle := t.idle()
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.over || t.state == adrift:
	case s.conn(Provider) == nil && s.p.Implicit && !t.programTLS:
		t.fault(PlainOnTLSPort)
	case len(t.pending) > 0:
		t.fault(SilentProvider)
	case idle && t.said > 0:
	default:
		t.fault(SilentProgram)
	}
}
