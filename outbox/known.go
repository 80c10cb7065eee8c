package outbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/parleymail/parley/internal/plain"
)

// A laneInUse is what the Router has said of a lane, and what we found out that stands in no table.
type laneInUse struct {
	Lane
	asked time.Time
	split atomic.Int64 // recipients that a transaction may have, where the server takes fewer than it should; 0: not known
}

// most is how many recipients one transaction may have by what was found out.
func (l *laneInUse) most() int { return cmp.Or(int(l.split.Load()), noLimit) }

// halve notes that a server takes fewer recipients than n in one transaction.
func (l *laneInUse) halve(n int) { l.split.Store(int64(max(n/2, 1))) }

type laneName struct {
	id    int64
	name  string
	alert bool
}

const (
	askAgain  = time.Minute // limits may have changed
	mostKnown = 4096        // lanes that are kept in memory; others are asked for again
)

// knownLanes are those that have work. The dispatcher alone uses them.
type knownLanes struct{ m map[int64]*laneInUse }

func (k *knownLanes) get(id int64) *laneInUse {
	if l := k.m[id]; l != nil && time.Since(l.asked) < askAgain {
		return l
	}
	return nil
}

func (k *knownLanes) put(id int64, l *laneInUse) {
	if k.m == nil || len(k.m) >= mostKnown {
		k.m = make(map[int64]*laneInUse)
	}
	k.m[id] = l
}

// ask asks the Router for a lane. Where it knows none of the name, its mail is routed anew.
func (w *work) ask(ctx context.Context, n laneName) (*laneInUse, error) {
	ctx, stop := context.WithTimeout(ctx, 5*time.Second)
	defer stop()
	lane, err := w.Router.Lane(ctx, n.name)
	if err == nil && lane != nil && lane.Transport != nil {
		l := &laneInUse{Lane: *lane, asked: time.Now()}
		l.Name = n.name
		if old := w.known.m[n.id]; old != nil {
			l.split.Store(old.split.Load())
		}
		w.known.put(n.id, l)
		return l, nil
	}
	if ctx.Err() != nil {
		return nil, fmt.Errorf("outbox: asking for lane %s: %w", plain.Quoted(n.name), errors.Join(err, ctx.Err()))
	}
	w.b.log.Warn("outbox: the router knows a lane no more, and its mail is routed anew", "lane", n.name, "error", err)
	return nil, w.routeAnew(begun, n.id)
}

const unrouteAtOnce = 500

// routeAnew takes mail off a lane. Should the router name the same lane again, some time passes before it comes back here.
func (w *work) routeAnew(ctx context.Context, id int64) error {
	err := w.b.write(ctx, func(ctx context.Context, t *tx) error {
		again := w.now() + (10 * time.Second).Milliseconds()
		n, err := t.Exec(ctx, `UPDATE parley_recipients SET lane = 0 WHERE state <= 1 AND lane = ? AND (message, n) IN
			(SELECT message, n FROM parley_recipients WHERE lane = ? AND state <= 1 LIMIT ?)`, id, id, unrouteAtOnce)
		if err != nil {
			return err
		}
		if n == unrouteAtOnce {
			again = w.now() + 100
		}
		_, err = t.Exec(ctx, "UPDATE parley_lanes SET next_at = ?, alert_at = ? WHERE id = ?", again, again, id)
		return err
	})
	if err != nil {
		return fmt.Errorf("outbox: routing mail anew: %w", err)
	}
	w.b.wake()
	return nil
}

// nameCache has the IDs of lanes by their names. A lane's row stays, and so does its ID.
type nameCache struct {
	mu sync.Mutex
	m  map[string]int64
}

func (c *nameCache) get(name string) (int64, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	id, ok := c.m[name]
	return id, ok
}

func (c *nameCache) put(name string, id int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.m == nil || len(c.m) >= 4*mostKnown {
		c.m = make(map[string]int64)
	}
	c.m[name] = id
}

// laneID gives the ID of a lane, and makes its row where there is none.
func (t *tx) laneID(ctx context.Context, c *nameCache, name string) (id int64, err error) {
	if id, ok := c.get(name); ok {
		return id, nil
	}
	const find = "SELECT COALESCE(MAX(id), 0) FROM parley_lanes WHERE name = ?"
	if err = t.QueryRow(ctx, find, []any{name}, &id); err == nil && id == 0 {
		_, err = t.Exec(ctx, `INSERT INTO parley_lanes (id, name, next_at, alert_at, open_at, why, failures, bears, good, bad, lost, slow_until, slow_rate,
			minute_at, minute_n, minute, hour_at, hour_n, hour, day_at, day_n, day)
			VALUES (?, ?, ?, ?, 0, '', 0, 0, 0, 0, 0, 0, 0, 0, 0, '', 0, 0, '', 0, 0, '') ON CONFLICT DO NOTHING`, int64(t.b.newID()), name, never, never)
		if err == nil {
			err = t.QueryRow(ctx, find, []any{name}, &id)
		}
	}
	if err != nil {
		return 0, fmt.Errorf("outbox: finding a lane: %w", err)
	}
	return id, nil // kept by who knows that the transaction came to its end
}

func sorted(set map[int64]bool) []int64 {
	list := make([]int64, 0, len(set))
	for id := range set {
		list = append(list, id)
	}
	slices.Sort(list)
	return list
}
