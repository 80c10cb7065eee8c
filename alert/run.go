package alert

import (
	"context"
	"net"
	"sync"
	"time"

	"github.com/parleymail/parley/internal/pause"
	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/smtp"
)

const (
	lookEvery   = time.Second // what other processes have written
	soon        = 50 * time.Millisecond
	forgetEvery = time.Hour
)

// Run does rounds, looks at what is watched, and works the outbox off by [Config].Worker if that has a Router, until the context ends.
func (a *Alerts) Run(ctx context.Context) error {
	var tasks sync.WaitGroup
	var failed error
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	if a.c.Worker.Router != nil {
		tasks.Go(func() {
			defer stop()
			failed = a.box.Work(ctx, a.c.Worker)
		})
	}
	a.complain(ctx, a.unwatch(ctx))
	a.complain(ctx, a.expectBeats(ctx))
	a.watch(ctx, &tasks)
	var forgot, beaten time.Time
	for ctx.Err() == nil {
		now := a.c.clock()
		if now.Sub(beaten) >= 5*time.Second {
			beaten = now
			a.complain(ctx, a.lookForBeats(ctx, now))
		}
		_, err := a.Round(ctx)
		a.complain(ctx, err)
		if now.Sub(forgot) > forgetEvery {
			forgot = now
			a.complain(ctx, a.forget(ctx))
		}
		a.wait(ctx)
	}
	tasks.Wait()
	return failed
}

// wait waits until there may be something to do.
func (a *Alerts) wait(ctx context.Context) {
	wait := lookEvery
	var due int64
	if err := a.s.reader().Row(ctx, "SELECT coalesce(min(due), 0) FROM parley_alert_groups WHERE due > 0", nil, &due); err == nil && due > 0 {
		wait = min(max(timeOf(due).Sub(a.c.clock()), soon), lookEvery)
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-a.asked:
		pause.For(ctx, soon) // many at once are looked at together
	case <-ctx.Done():
	}
}

func (a *Alerts) complain(ctx context.Context, err error) {
	if err != nil && ctx.Err() == nil {
		a.c.Log.Error("alert: a round has failed, and is done again", "error", err)
	}
}

// Worker is one that sends alerts by a router: what was not taken is tried again within seconds, and nobody but [Alerts] is told of what comes back.
func Worker(router outbox.Router) outbox.Worker {
	return outbox.Worker{Router: router, Bounces: outbox.Bounces{None: true}, AlertRetry: outbox.Retry{First: time.Second, Most: time.Minute}}
}

// How long a server may take to be there, where another may take its place.
const (
	connectWithin = 2 * time.Second
	greetWithin   = 2 * time.Second
)

// Impatient has a client leave a server soon that does not answer: it must be connected with, and say its first word, within seconds. What comes
// after has the times that RFC 5321 §4.5.3.2 gives it, or what the client has: who hangs up too early sends twice.
//
// A client that has a Proxy, or makes its connections itself, is left as it is.
func Impatient(c *smtp.Client) {
	if c.Proxy != "" || c.DialContext != nil {
		return
	}
	dialer := net.Dialer{Timeout: connectWithin, LocalAddr: c.LocalAddr}
	c.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dialer.DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return &greeted{Conn: conn}, nil
	}
}

// A greeted waits not long for the first word.
type greeted struct {
	net.Conn
	mu      sync.Mutex
	spoken  bool
	wanted  time.Time // what the client has set
	patient time.Time // until then the first word must be there
}

func (g *greeted) Read(b []byte) (int, error) {
	g.mu.Lock()
	first := !g.spoken
	if first && g.patient.IsZero() {
		g.patient = time.Now().Add(greetWithin)
		g.set(g.wanted)
	}
	g.mu.Unlock()
	n, err := g.Conn.Read(b)
	if n > 0 && first {
		g.mu.Lock()
		g.spoken = true
		g.set(g.wanted)
		g.mu.Unlock()
	}
	return n, err
}

// set sets what ends reading: the client's, or ours if that is sooner.
func (g *greeted) set(t time.Time) error {
	if !g.spoken && !g.patient.IsZero() && (t.IsZero() || t.After(g.patient)) {
		t = g.patient
	}
	return g.Conn.SetReadDeadline(t)
}

func (g *greeted) SetReadDeadline(t time.Time) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.wanted = t
	return g.set(t)
}

func (g *greeted) SetDeadline(t time.Time) error {
	if err := g.SetWriteDeadline(t); err != nil {
		return err
	}
	return g.SetReadDeadline(t)
}
