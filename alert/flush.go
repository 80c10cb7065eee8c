package alert

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/parleymail/parley/internal/pause"
	"github.com/parleymail/parley/outbox"
)

// Flush does rounds and sends what waits, by [Config].Worker, until all is told and every mail was taken, or the context ends. What is left then goes out
// with the next call, or by [Alerts.Run].
func (a *Alerts) Flush(ctx context.Context) (r Report, err error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var tasks sync.WaitGroup
	var failed error
	if a.c.Worker.Router != nil {
		tasks.Go(func() {
			defer stop()
			failed = a.box.Work(ctx, a.c.Worker)
		})
	}
	for {
		var one Report
		one, err = a.Round(ctx)
		r.Mails, r.Told, r.TakenBack, r.Held, r.Returned = r.Mails+one.Mails, r.Told+one.Told, r.TakenBack+one.TakenBack, one.Held, r.Returned+one.Returned
		if err != nil || a.done(ctx) || !pause.For(ctx, soon) {
			break
		}
	}
	stop()
	tasks.Wait()
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		err = nil // the time was over
	}
	if err == nil && !errors.Is(failed, context.Canceled) {
		err = failed
	}
	return r, err
}

// done reports whether nothing is to be written soon, and nothing waits to be sent.
func (a *Alerts) done(ctx context.Context) bool {
	t := a.s.reader()
	var n int
	if err := t.Row(ctx, "SELECT count(*) FROM parley_alert_groups WHERE due > 0 AND due <= ?", []any{a.c.clock().Add(2 * time.Second).UnixMilli()}, &n); err != nil || n > 0 {
		return false
	}
	if a.c.Worker.Router == nil {
		return true
	}
	list, err := t.fates(ctx, "")
	for _, f := range list {
		if f.waits()+f.n[outbox.Sending] > 0 || f.state == 1 {
			return false
		}
	}
	return err == nil
}
