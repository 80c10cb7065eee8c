package outbox

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"
)

// A Tally is how many recipients are where.
type Tally struct {
	States  map[State]int `json:"states"`
	Lanes   []LaneTally   `json:"lanes"`   // that have something to do, or are suspended
	Workers int           `json:"workers"` // that are at work, in all processes
}

// A LaneTally is what is known of a lane.
type LaneTally struct {
	Name     string    `json:"name"`
	Waiting  int       `json:"waiting"` // queued or deferred
	Sending  int       `json:"sending"`
	Sessions float64   `json:"sessions"`         // that its server bears, as far as it is known
	Open     time.Time `json:"open,omitzero"`    // suspended until then; zero: it is open
	Why      string    `json:"why,omitempty"`    // it is suspended, or slow
	SlowTo   time.Time `json:"slow_to,omitzero"` // until then no more than Rate
	Rate     float64   `json:"rate,omitempty"`   // recipients a minute
	Minute   int       `json:"minute"`           // recipients tried in the last minute, hour and day
	Hour     int       `json:"hour"`
	Day      int       `json:"day"`
	Oldest   time.Time `json:"oldest,omitzero"` // when the first that waits is due
	Next     time.Time `json:"next,omitzero"`   // when it is looked at next, where that is later than Oldest: its limits allow no more before
}

// Stuck reports whether nothing can be sent for now: nothing is on its way, and what is queued waits for lanes that are suspended. What was tried and
// waits for its next attempt does not count.
func (t *Tally) Stuck(now time.Time) bool {
	if t.States[Sending] > 0 {
		return false
	}
	left := t.States[Queued]
	for _, l := range t.Lanes {
		if l.Open.After(now) {
			left -= l.Waiting
		}
	}
	return left <= 0
}

// Tally counts all mails that the box knows. It reads indexes alone.
func (b *Box) Tally(ctx context.Context) (*Tally, error) {
	t := b.reader()
	tally := &Tally{States: make(map[State]int)}
	lanes := make(map[int64]*LaneTally)
	waiting, all, err := t.countWaiting(ctx, lanes)
	if err == nil {
		err = t.each(ctx, "SELECT state, count(*) FROM parley_recipients r WHERE "+oddStates+" GROUP BY state", nil, func(rows *sql.Rows) error {
			var s State
			var n int
			err := rows.Scan(&s, &n)
			tally.States[s] = n
			return err
		})
	}
	if err == nil {
		err = t.each(ctx, "SELECT lane, count(*) FROM parley_recipients WHERE state = 2 GROUP BY lane", nil, func(rows *sql.Rows) error {
			var id int64
			var n int
			err := rows.Scan(&id, &n)
			laneOf(lanes, id).Sending = n
			tally.States[Sending] += n
			return err
		})
	}
	if err == nil {
		tally.Lanes, err = b.nameLanes(ctx, t, lanes)
	}
	if err == nil {
		err = t.QueryRow(ctx, "SELECT count(*) FROM parley_workers WHERE until > ?", []any{b.now()}, &tally.Workers)
	}
	if err != nil {
		return nil, fmt.Errorf("outbox: counting: %w", err)
	}
	// Statements of which each sees what was there when it began do not see the same: none of these may be less than nothing.
	tally.States[Queued] = max(waiting-tally.States[Deferred], 0)
	for _, n := range tally.States {
		all -= n
	}
	tally.States[Sent] = max(all, 0)
	for s, n := range tally.States {
		if n == 0 {
			delete(tally.States, s)
		}
	}
	return tally, nil
}

func laneOf(lanes map[int64]*LaneTally, id int64) *LaneTally {
	l := lanes[id]
	if l == nil {
		l = &LaneTally{}
		lanes[id] = l
	}
	return l
}

// countWaiting counts who waits, in each lane, and all that there are.
func (t *tx) countWaiting(ctx context.Context, lanes map[int64]*LaneTally) (waiting, all int, err error) {
	err = t.each(ctx, "SELECT lane, count(*), min(next_at) FROM parley_recipients WHERE state <= 1 GROUP BY lane", nil, func(rows *sql.Rows) error {
		var id, oldest int64
		var n int
		err := rows.Scan(&id, &n, &oldest)
		l := laneOf(lanes, id)
		l.Waiting, l.Oldest = n, timeOf(oldest)
		waiting += n
		return err
	})
	if err == nil {
		err = t.QueryRow(ctx, "SELECT count(*) FROM parley_recipients", nil, &all)
	}
	return waiting, all, err
}

// nameLanes says what is known of those lanes that have something to do, or are suspended or slow.
func (b *Box) nameLanes(ctx context.Context, t *tx, lanes map[int64]*LaneTally) (list []LaneTally, err error) {
	now := b.now()
	err = t.each(ctx, `SELECT id, name, next_at, bears, open_at, why, slow_until, slow_rate, minute_at, minute, hour_at, hour, day_at, day FROM parley_lanes`, nil, func(rows *sql.Rows) error {
		var l LaneTally
		var id, next, open, slow int64
		var tried [3]counter
		var slices [3]string
		err := rows.Scan(&id, &l.Name, &next, &l.Sessions, &open, &l.Why, &slow, &l.Rate, &tried[0].begun, &slices[0], &tried[1].begun, &slices[1], &tried[2].begun, &slices[2])
		if n := lanes[id]; n != nil {
			l.Waiting, l.Sending, l.Oldest = n.Waiting, n.Sending, n.Oldest
		} else if open <= now && slow <= now {
			return err
		}
		if open > now {
			l.Open = timeOf(open)
		}
		if next > now && next < never && !l.Oldest.IsZero() && l.Oldest.Before(timeOf(next)) {
			l.Next = timeOf(next)
		}
		if slow > now {
			l.SlowTo = timeOf(slow)
		} else {
			l.Rate = 0
		}
		if open <= now && slow <= now {
			l.Why = ""
		}
		for i, n := range [...]*int{&l.Minute, &l.Hour, &l.Day} {
			tried[i].read(slices[i])
			tried[i].now([...]time.Duration{minutely, hourly, daily}[i], now)
			*n = int(tried[i].sum())
		}
		list = append(list, l)
		return err
	})
	slices.SortFunc(list, func(a, b LaneTally) int { return strings.Compare(a.Name, b.Name) })
	return list, err
}
