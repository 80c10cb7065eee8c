package outbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/internal/pause"
	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/smtp"
)

// A Worker says how a box is worked off. Router must be set; the zero value of all else is good for most.
type Worker struct {
	Router      Router
	Name        string // shown to people; empty: host and process
	MaxSessions int    // at once, in all lanes; zero: 200. A tenth of it is kept free for alerts

	Retry      Retry // of mail that was not taken for now
	AlertRetry Retry // of alerts

	// Grace is how long sessions under way may go on when the context has ended; what is not over then is
	// given up and put back. Zero: 10 seconds; negative: none.
	Grace time.Duration

	Bounces Bounces
	Facts   *diagnose.Facts // what failures are explained by; nil: those in the binary

	// Around, if not nil, is called before each transaction, with the message's W3C traceparent, and what it gives after it,
	// with what became of each recipient, before that is written down.
	Around func(ctx context.Context, message ID, lane, trace string) (context.Context, func([]Event))

	lasts time.Duration // the lease; zero: leaseTime
}

// Bounces say how the sender of a mail learns that it was given up: by a notification (RFC 3464), unless the mail has none to
// be told, or NOTIFY says that none is wanted. Where NOTIFY asks for it the sender also learns that a mail is delayed, and that it was
// passed on to a server that tells nobody of its delivery.
type Bounces struct {
	None bool          // nobody is told: for programs that look at states and events
	Host string        // who reports; empty: this host's name
	From mail.Address  // whom people may ask; zero: the postmaster of Host
	Lang diagnose.Lang // which of the languages stands first
	Most int64         // octets of the mail that come back with it; zero: 64 KiB
	Late time.Duration // how old a mail is when it is delayed; zero: 4 hours
}

// Run works the box off by one transport, in a lane "default", until the context ends: the short form of [Box.Work]. With an
// *[smtp.Client] there are as many sessions as its MaxSessions.
func (b *Box) Run(ctx context.Context, t Transport) error {
	var l Limits
	if c, ok := t.(*smtp.Client); ok {
		l.Sessions = cmp.Or(max(c.MaxSessions, 0), 4)
	}
	return b.Work(ctx, Worker{Router: One(t, l)})
}

// Work works the box off until the context ends. Several workers may do so at once, in one process, in several, and on several
// machines; each mail is one worker's at a time, and what a worker had that was killed is taken up within 30 seconds.
//
// When the context ends no more is begun, sessions under way have Grace to come to their end, and what became of
// them is written down. Work then gives nil. An error is that it could not begin, or could not write down what was.
//
// While the database cannot be had it goes on trying.
func (b *Box) Work(ctx context.Context, worker Worker) error {
	if worker.Router == nil {
		return errors.New("outbox: there is no router to ask")
	}
	w := newWork(b, worker)
	defer w.readers.close()
	if err := w.enlist(ctx); err != nil {
		return err
	}
	if err := w.reap(ctx); err != nil {
		w.leave(begun) //nolint:errcheck // the first error tells
		return err
	}
	return w.run(ctx)
}

// work is one call of Work.
type work struct {
	Worker
	b         *Box
	process   string
	seed      maphash.Seed
	readers   *readers
	lease     atomic.Pointer[lease]
	offset    atomic.Int64 // of the database's clock
	routed    chan struct{}
	lost      chan struct{} // holds one when the lease was lost
	names     nameCache
	known     knownLanes
	complaint complaint

	// Of the dispatcher alone.
	over   chan *sending
	flying map[*sending]bool // begun, and not yet written down
	doubt  bool              // nobody knows whether the last round was written
	took   time.Duration     // a round of late
}

func newWork(b *Box, worker Worker) *work {
	w := &work{Worker: worker, b: b, readers: newReaders(b), process: thisProcess(), seed: maphash.MakeSeed(), routed: make(chan struct{}, 1), lost: make(chan struct{}, 1)}
	host, _ := os.Hostname() // without one it is nameless
	w.Name = cmp.Or(w.Name, fmt.Sprintf("%s/%d", cmp.Or(host, "localhost"), os.Getpid()))
	w.MaxSessions = cmp.Or(max(w.MaxSessions, 0), 200)
	w.Retry = w.Retry.or(5*time.Minute, 4*time.Hour)
	w.AlertRetry = w.AlertRetry.or(30*time.Second, 15*time.Minute)
	w.lasts = cmp.Or(w.lasts, leaseTime)
	w.Grace = max(cmp.Or(w.Grace, 10*time.Second), 0)
	w.Bounces.Host = cmp.Or(w.Bounces.Host, host, "localhost")
	if w.Facts == nil {
		w.Facts = diagnose.Default()
	}
	w.over, w.flying = make(chan *sending, w.MaxSessions), make(map[*sending]bool)
	return w
}

// run has all that goes on at once, and ends it in order: first nothing more is begun, then what is under way comes to its end
// while the lease is still renewed, and is written down.
func (w *work) run(ctx context.Context) error {
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	var tasks, lease sync.WaitGroup
	lease.Go(func() { w.keep(background) })
	for _, rank := range []int64{0, 1, 2} {
		tasks.Go(func() { w.routing(ctx, rank) })
	}
	tasks.Go(func() { w.moving(ctx) })
	tasks.Go(func() { w.tidying(ctx) })
	err := w.dispatch(ctx)
	tasks.Wait()
	stop()
	lease.Wait()
	if err == nil && w.doubt {
		err = w.recount(begun)
	}
	if left := w.leave(begun); err == nil && left != nil {
		err = fmt.Errorf("outbox: ending to work: %w", left)
	}
	return err
}

// keep renews the lease, and takes up what others have lost.
func (w *work) keep(ctx context.Context) {
	tick := time.NewTicker(w.renewEvery())
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		ours, err := w.renew(ctx)
		if err == nil && !ours {
			w.b.log.Warn("outbox: this worker was not heard of for too long, and others have taken up its mail", "worker", w.Name)
			err = w.enlist(ctx)
		}
		if err == nil {
			err = w.reap(ctx)
		}
		w.complain(ctx, err)
	}
}

const tidyEvery = 30 * time.Second

// tidying gives up what is too old, and lets go of what is no longer to be kept.
func (w *work) tidying(ctx context.Context) {
	for n := 0; ; n++ {
		err := w.expire(ctx)
		if err == nil && n%10 == 0 {
			err = w.b.retain(ctx)
		}
		w.complain(ctx, err)
		if !pause.For(ctx, tidyEvery) {
			return
		}
	}
}

// poke puts one into a channel that has room for one.
func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
