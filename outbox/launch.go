package outbox

import (
	"context"
	"database/sql"
	"time"
)

// mostGathering is how long a worker waits at most for more to be over before it writes down what is.
const mostGathering = 2 * time.Millisecond

// gather takes in all that is over. Of much that is under way more will be in a moment, and one transaction is for all of it: so it
// waits until most of it is, but no longer than half of what a round has taken of late.
func (w *work) gather(finished []*sending) []*sending {
	finished = w.ready(finished)
	wait := min(w.took/2, mostGathering)
	if len(finished) == 0 || wait <= 0 || w.enough(finished) {
		return finished
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for !w.enough(finished) {
		select {
		case s := <-w.over:
			finished = append(finished, s)
		case <-w.routed:
			return w.ready(finished) // there is something new to begin
		case <-timer.C:
			return w.ready(finished)
		}
	}
	return finished
}

func (w *work) enough(finished []*sending) bool { return 4*len(finished) >= 3*len(w.flying) }

// ready takes in what is over already.
func (w *work) ready(finished []*sending) []*sending {
	for {
		select {
		case s := <-w.over:
			finished = append(finished, s)
		default:
			return finished
		}
	}
}

// launch sends what was taken.
func (w *work) launch(ctx context.Context, begun []*sending) {
	if len(begun) > 1 {
		w.readAll(ctx, begun)
	}
	for _, s := range begun {
		go w.attempt(ctx, s)
	}
}

// readAll reads the messages of several transactions by one query, which costs little more than it does for one. What cannot be read
// is read again by who sends it, and is judged there.
func (w *work) readAll(ctx context.Context, begun []*sending) {
	of := make(map[ID][]*sending, len(begun))
	ids := make([]int64, 0, len(begun))
	for _, s := range begun {
		if of[s.message] == nil {
			ids = append(ids, int64(s.message))
		}
		of[s.message] = append(of[s.message], s)
	}
	err := w.readers.read(ctx, func(t *tx) error {
		return t.inPadded(ids, func(list string, args []any) error {
			return t.each(ctx, "SELECT "+storedColumns+", m.content FROM parley_messages m WHERE m.id "+list, args, func(rows *sql.Rows) error {
				m := new(stored)
				if m.scan(rows.Scan, &m.content) != nil {
					return nil
				}
				for _, s := range of[m.ID] {
					own := *m
					s.msg = &own
				}
				return nil
			})
		})
	})
	if err != nil && ctx.Err() == nil {
		w.b.log.Warn("outbox: messages cannot be read together, and are read one by one", "error", err)
	}
}
