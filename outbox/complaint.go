package outbox

import (
	"context"
	"errors"
	"sync"
	"time"
)

// A complaint is of what keeps a worker from its work, such as a database that is away. It is met many times a second, and told when it begins, each minute with how often it
// was met, and when it is over.
type complaint struct {
	mu    sync.Mutex
	began time.Time // zero: there is none
	told  time.Time
	met   time.Time // last
	times int       // since it was told
}

const (
	troubleEvery = time.Minute
	troubleOver  = 5 * time.Second // that it was not met; what comes of one thing alone goes on while others go well
)

// meet tells whether it is to be told of now, and how often it was met since it was told last.
func (t *complaint) meet() (times int, tell bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	if t.met = now; t.began.IsZero() {
		t.began = now
	}
	if t.times++; !t.told.IsZero() && now.Sub(t.told) < troubleEvery {
		return 0, false
	}
	times, t.told, t.times = t.times, now, 0
	return times, true
}

// end tells whether it is over, and how long it lasted.
func (t *complaint) end() (lasted time.Duration, over bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.began.IsZero() || time.Since(t.met) < troubleOver {
		return 0, false
	}
	lasted = t.met.Sub(t.began)
	t.began, t.told, t.times = time.Time{}, time.Time{}, 0
	return lasted, true
}

// complain tells of an error that nobody waits for.
func (w *work) complain(ctx context.Context, err error) {
	if err == nil || ctx.Err() != nil || errors.Is(err, ErrClosed) {
		return
	}
	if times, tell := w.complaint.meet(); tell {
		w.b.log.Error("outbox: the box cannot be worked off", "worker", w.Name, "error", err, "times", times)
	}
}

// well notes that the database was had.
func (w *work) well() {
	if lasted, over := w.complaint.end(); over {
		w.b.log.Info("outbox: the box is worked off again", "worker", w.Name, "after", lasted.Round(time.Millisecond))
	}
}
