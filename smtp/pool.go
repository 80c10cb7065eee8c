package smtp

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/parleymail/parley/mail"
)

// A pool is the sessions that a Client keeps, and what they share. Its zero value
// is empty.
type pool struct {
	once    sync.Once
	slots   chan struct{} // holds one for each session that is in use or being closed; an idle one is used before another is opened
	limiter *rate.Limiter // nil: none

	mu      sync.Mutex
	idle    []*Session // the one used last is at the end, and the first to be used again
	count   uint64     // sessions ever opened
	config  *tls.Config
	closed  bool
	leaving int           // sessions that are being closed
	gone    chan struct{} // closed when none is left, for who waits for that
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

// pace waits until the rate lets another mail go. Its error is the context's
// cause. (Limiter.Wait gives up at once where the context would end too soon, with
// an error of its own.)
func (p *pool) pace(ctx context.Context) error {
	if p.limiter == nil {
		return nil
	}
	turn := p.limiter.Reserve()
	wait := time.NewTimer(turn.Delay())
	defer wait.Stop()
	select {
	case <-wait.C:
		return nil
	case <-ctx.Done():
		turn.Cancel()
		return context.Cause(ctx)
	}
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
		s.lost = s.lost || fresh
		if !c.worn(s) {
			return s, nil
		}
		s.Close()
	}
	if p.isClosed() {
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

func (p *pool) isClosed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.closed
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
	if s.lost {
		s.Close() // which says nothing, and waits for nobody
		<-p.slots
		return
	}
	p.mu.Lock()
	p.leaving++
	p.mu.Unlock()
	go p.retire(s)
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

// retire closes a session that holds a slot and is counted among the leaving.
func (p *pool) retire(s *Session) {
	s.Close()
	<-p.slots
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.leaving--; p.leaving == 0 && p.gone != nil {
		close(p.gone)
		p.gone = nil
	}
}

// evict closes a session that nobody has used for too long. It takes a slot, so
// that no more sessions are open meanwhile than may be.
func (p *pool) evict(s *Session) {
	p.mu.Lock()
	i := slices.Index(p.idle, s)
	if i >= 0 {
		p.idle = slices.Delete(p.idle, i, i+1)
		p.leaving++
	}
	p.mu.Unlock()
	if i >= 0 {
		p.slots <- struct{}{}
		p.retire(s)
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
	p.leaving += len(idle)
	if p.leaving > 0 && p.gone == nil {
		p.gone = make(chan struct{})
	}
	gone := p.gone
	p.mu.Unlock()
	for _, s := range idle {
		s.idle.Stop()
		go func() {
			p.slots <- struct{}{}
			p.retire(s)
		}()
	}
	if gone != nil {
		<-gone
	}
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
	if err := c.pool.pace(ctx); err != nil {
		return nil, &Error{Kind: Interrupted, Stage: StageDial, Err: err}
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
	if !s.lost && s.broken == nil || e.uncertain || !s.reused && s.ended == 0 {
		return false
	}
	// QUIRK: QQ and 163 say a few octets of garbage behind their reply to RSET.
	return e.Reply.Code == 421 || e.Stage == StageReset || s.spoke || e.Reply.Code == 0 && e.Kind == Unreachable
}
