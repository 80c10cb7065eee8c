package smtp

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/parleymail/parley/mail"
)

// A pool is the sessions that a Client keeps, and what they share. Its zero value
// is empty.
type pool struct {
	once    sync.Once
	slots   chan struct{} // holds one for each session that is open or idle
	limiter *rate.Limiter // nil: none

	closing sync.WaitGroup // sessions that are saying QUIT behind everybody's back

	mu     sync.Mutex
	idle   []*Session // the one used last is at the end, and the first to be used again
	count  uint64     // sessions ever opened
	config *tls.Config
	closed bool
}

const (
	defaultSessions = 4
	defaultAge      = 10 * time.Minute
	defaultIdle     = 8 * time.Second
)

var (
	errClosed = errors.New("the client is closed")
	errLost   = errors.New("the session was lost before the server answered")
)

func (p *pool) init(c *Client) {
	p.once.Do(func() {
		p.slots = make(chan struct{}, cmp.Or(max(c.MaxSessions, 0), defaultSessions))
		if c.Rate > 0 {
			p.limiter = rate.NewLimiter(rate.Limit(c.Rate), 1)
		}
	})
}

// number is the next session's.
func (p *pool) number() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.count++
	return p.count
}

// tls is the configuration that all sessions share.
func (p *pool) tls(c *Client, host string) *tls.Config {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.config == nil {
		p.config = c.tlsConfig(host)
	}
	return p.config
}

// take gives an idle session, or opens one; fresh: opens one in any case.
func (c *Client) take(ctx context.Context, fresh bool) (*Session, *Error) {
	p := &c.pool
	p.init(c)
	select {
	case p.slots <- struct{}{}:
	default:
		select {
		case p.slots <- struct{}{}:
		case <-ctx.Done():
			return nil, &Error{Kind: Interrupted, Stage: StageDial, Err: context.Cause(ctx)}
		}
	}
	for s := p.pop(); s != nil; s = p.pop() {
		// Where one session has come to its end while it was idle, the others have
		// too: a server was restarted, or a firewall forgot.
		if !fresh && !c.worn(s) {
			return s, nil
		}
		p.closing.Go(func() { s.Close() })
	}
	p.mu.Lock()
	closed := p.closed
	p.mu.Unlock()
	if closed {
		<-p.slots
		return nil, &Error{Kind: Unreachable, Stage: StageDial, Err: errClosed}
	}
	s, e := c.open(ctx)
	if e != nil {
		<-p.slots
		return nil, e
	}
	s.pooled = true
	return s, nil
}

// pop takes the session that was used last off the idle ones.
func (p *pool) pop() *Session {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.idle)
	if n == 0 {
		return nil
	}
	s := p.idle[n-1]
	p.idle = p.idle[:n-1]
	s.idle.Stop()
	s.reused = true
	return s
}

// worn reports whether a session has served its time.
func (c *Client) worn(s *Session) bool {
	return s.lost || s.broken != nil || c.served(s) || time.Since(s.opened) > cmp.Or(max(c.MaxAge, 0), defaultAge)
}

// served reports whether a session has had all the mails that it may have.
func (c *Client) served(s *Session) bool {
	most := c.MaxMessages
	if limit := s.exts.maxMails; limit > 0 && (most <= 0 || limit < most) {
		most = limit // RFC 9422 §3.1
	}
	return most > 0 && s.mails >= most
}

// give puts a session back, or closes one that is of no more use. Nobody waits
// for its QUIT but the next who wants a session when there are too many.
func (c *Client) give(s *Session) {
	p := &c.pool
	if s.waiting() > 0 && !s.quitting {
		s.lost = true
	}
	if !c.worn(s) && p.keep(s, cmp.Or(max(c.MaxIdle, 0), defaultIdle)) {
		<-p.slots
		return
	}
	p.closing.Go(func() {
		s.Close()
		<-p.slots
	})
}

// keep puts a session among the idle ones, unless the pool is closed.
func (p *pool) keep(s *Session, wait time.Duration) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	if s.idle == nil {
		s.idle = time.AfterFunc(wait, func() { p.evict(s) })
	} else {
		s.idle.Reset(wait)
	}
	p.idle = append(p.idle, s)
	return true
}

// evict closes a session that nobody has used for too long.
func (p *pool) evict(s *Session) {
	p.mu.Lock()
	found := false
	for i := range p.idle {
		if p.idle[i] == s {
			p.idle = append(p.idle[:i], p.idle[i+1:]...)
			found = true
			break
		}
	}
	p.mu.Unlock()
	if found {
		s.Close()
	}
}

// Close says QUIT in all sessions that are idle, and waits until they are closed,
// for 10 seconds at most. Those in use are closed as they become free; a Send
// after Close is an error.
func (c *Client) Close() error {
	p := &c.pool
	p.mu.Lock()
	idle := p.idle
	p.idle, p.closed = nil, true
	p.mu.Unlock()
	for _, s := range idle {
		s.idle.Stop()
		p.closing.Go(func() { s.Close() })
	}
	p.closing.Wait()
	return nil
}

// Send brings one mail to the server, over a session that is idle or a new one.
// An error that is not nil means that nobody has the mail, unless it is
// Uncertain; it is an [*Error]. What is wrong with the mail itself is told before
// anything is said to the server.
//
// A session that the server gave up while it was idle is replaced, and the mail
// tried again, as long as it cannot have been taken.
func (c *Client) Send(ctx context.Context, object mail.Object) (*Receipt, error) {
	t, e := prepare(object)
	if e != nil {
		return nil, e
	}
	defer t.close()
	c.pool.init(c)
	if l := c.pool.limiter; l != nil {
		if err := l.Wait(ctx); err != nil {
			return nil, &Error{Kind: Interrupted, Stage: StageDial, Err: err}
		}
	}
	for fresh := false; ; fresh = true {
		s, e := c.take(ctx, fresh)
		if e != nil {
			return nil, e
		}
		receipt, e := s.send(ctx, t)
		stale := e != nil && s.stale(e)
		c.give(s)
		if e == nil {
			return receipt, nil
		}
		if !stale || ctx.Err() != nil {
			return nil, e
		}
		if e := t.open(); e != nil {
			return nil, e
		}
	}
}

// stale reports whether an error only says that the session had come to its end:
// the same mail may be tried at once on a new one. It never is after the content's
// end, nor on a session that was just opened.
func (s *Session) stale(e *Error) bool {
	if !s.lost && s.broken == nil || e.uncertain || !s.reused && s.mails <= 1 {
		return false
	}
	// QUIRK: QQ and 163 say a few octets of garbage behind their reply to RSET.
	return e.Reply.Code == 421 || e.Stage == StageReset || s.spoke || e.Reply.Code == 0 && e.Kind == Unreachable
}
