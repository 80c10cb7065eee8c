package digest

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/parleymail/parley/internal/pause"
	"github.com/parleymail/parley/outbox"
)

// A Report is what one round has done.
type Report struct {
	Looked
	Composed
	Answered int `json:"answered,omitempty"` // requests of the page
}

// Round does what is due: it looks at feeds, answers requests, and puts mails into the outbox. It sends nothing.
func (d *Digest) Round(ctx context.Context) (r Report, err error) {
	err = d.cancelStale(ctx)
	if err == nil {
		r.Answered, err = d.answer(ctx)
	}
	if err == nil {
		r.Looked, err = d.Look(ctx)
	}
	if err == nil {
		r.Composed, err = d.Compose(ctx)
	}
	return r, err
}

const (
	lookEvery   = 5 * time.Second // what other processes have written
	forgetEvery = 6 * time.Hour
)

// Run does rounds until the context ends, and works the outbox off by [Config].Worker, if that has a Router.
func (d *Digest) Run(ctx context.Context) error {
	var tasks sync.WaitGroup
	var failed error
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	if d.c.Worker.Router != nil {
		tasks.Go(func() {
			defer stop()
			failed = d.box.Work(ctx, d.c.Worker)
		})
	}
	tasks.Go(func() { d.follow(ctx) })
	tasks.Go(func() { d.answering(ctx) })
	var forgot time.Time
	for {
		_, err := d.Look(ctx)
		if err == nil {
			_, err = d.Compose(ctx)
		}
		if err == nil && time.Since(forgot) > forgetEvery {
			forgot = time.Now()
			err = d.forget(ctx)
		}
		d.complain(ctx, err)
		if !pause.For(ctx, lookEvery) {
			break
		}
	}
	tasks.Wait()
	return failed
}

// answering answers the page's requests, whatever feeds are being looked at meanwhile.
func (d *Digest) answering(ctx context.Context) {
	for {
		err := d.cancelStale(ctx)
		if err == nil {
			_, err = d.answer(ctx)
		}
		d.complain(ctx, err)
		timer := time.NewTimer(lookEvery)
		select {
		case <-d.asked:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
		if ctx.Err() != nil {
			return
		}
	}
}

func (d *Digest) complain(ctx context.Context, err error) {
	if err != nil && ctx.Err() == nil {
		d.c.Log.Error("digest: a round has failed, and is done again", "error", err)
	}
}

// follow takes those off whose mail comes back for good, or who complain, as the outbox tells of it.
func (d *Digest) follow(ctx context.Context) {
	for ctx.Err() == nil {
		if err := d.following(ctx); err != nil {
			d.complain(ctx, err)
			pause.For(ctx, lookEvery)
		}
	}
}

func (d *Digest) reader() string { return "digest " + d.c.ListID }

func (d *Digest) following(ctx context.Context) error {
	at, err := d.box.ReaderPosition(ctx, d.reader())
	if err != nil {
		return err
	}
	noted := time.Now()
	for e, err := range d.box.Events(ctx, at.Position) {
		if err != nil {
			return err
		}
		if err := d.heard(ctx, &e); err != nil {
			return err
		}
		at.Position = e.Seq
		if time.Since(noted) > time.Second { // what was heard of is heard of again where we die before
			noted = time.Now()
			if err := d.box.NoteReader(ctx, at); err != nil {
				return err
			}
		}
	}
	return d.box.NoteReader(context.WithoutCancel(ctx), at)
}

// heard is told what became of a mail.
func (d *Digest) heard(ctx context.Context, e *outbox.Event) error {
	state := Bounced
	switch {
	case e.What == outbox.WasSuppressed:
	case (e.What == outbox.WasBounced || e.What == outbox.WasReturned) && isHard(e):
	default:
		return nil
	}
	var id int64
	err := d.s.reader().Row(ctx, "SELECT subscriber FROM parley_digest_mails WHERE message = ?", []any{int64(e.Message)}, &id)
	if errors.Is(err, errNoRows) {
		return nil // it is another's
	}
	if err == nil && e.What == outbox.WasSuppressed && strings.Contains(e.Reply, "complaint") {
		state = Complained
	}
	if err == nil {
		err = d.s.write(ctx, func(t *tx) error {
			s, err := t.load(ctx, "id = ?", id)
			if err == nil && s.State == Subscribed && e.At.After(s.Confirmed) {
				err = d.leave(ctx, t, &s, state, e.Reply)
			}
			return err
		})
	}
	if errors.Is(err, ErrNoSubscriber) {
		return nil
	}
	return failed("noting a bounce", err)
}

// isHard reports whether a failure is of an address that will never be good: not of a full mailbox, a policy or a content.
func isHard(e *outbox.Event) bool {
	switch e.Kind {
	case "recipient-unknown", "recipient-disabled", "recipient-domain", "recipient-invalid":
		return true
	}
	return false
}
