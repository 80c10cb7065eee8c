package digest

import (
	"context"
	"sync"
	"time"

	"github.com/parleymail/parley/internal/pause"
)

// Once does one round, and sends what waits in the box, by [Config].Worker. It ends when there is nothing more to send, or no server that takes it at this
// time: what is left goes out with the next call.
func (d *Digest) Once(ctx context.Context) (r Report, err error) {
	r, err = d.Round(ctx)
	if err != nil {
		return r, err
	}
	return r, d.SendWaiting(ctx)
}

// SendWaiting sends what waits in the box, as Once does; nothing where [Config].Worker has no Router.
func (d *Digest) SendWaiting(ctx context.Context) (err error) {
	if d.c.Worker.Router == nil {
		return nil
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var tasks sync.WaitGroup
	tasks.Go(func() { d.follow(ctx) })
	var failed error
	tasks.Go(func() {
		defer stop()
		failed = d.box.Work(ctx, d.c.Worker)
	})
	for idle := 0; idle < 3 && pause.For(ctx, 200*time.Millisecond); {
		t, e := d.box.Tally(ctx)
		if e != nil {
			err = e
			break
		}
		if idle++; !t.Stuck(time.Now()) {
			idle = 0
		}
	}
	stop()
	tasks.Wait()
	if err == nil {
		err = failed
	}
	return err
}
