package outbox

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/parleymail/parley/internal/pause"
)

const (
	moveEvery   = 500 * time.Millisecond
	movedAtOnce = 200  // recipients in a round
	enoughMoved = 2000 // recipients that wait in the other lane already: more would only wait there
)

// A left is a lane that is suspended, as far as its mail was looked through for what can go another way.
type left struct {
	class Class
	after [3]int64 // next_at, message, n
	wait  time.Time
	begun time.Time
	moved bool
}

// moving takes mail off lanes that are suspended, where the Router names others: alerts first. It takes no more than those can have
// soon, so that what is not yet gone when a lane opens again goes where it belongs.
func (w *work) moving(ctx context.Context) {
	lanes := make(map[int64]*left)
	for {
		wait := moveEvery
		if err := w.moveAll(ctx, lanes); err != nil {
			w.complain(ctx, err)
			wait = 2 * time.Second
		}
		if !pause.For(ctx, wait) {
			return
		}
	}
}

func (w *work) moveAll(ctx context.Context, lanes map[int64]*left) error {
	names := make(map[int64]string)
	err := w.readers.each(ctx, "SELECT id, name FROM parley_lanes WHERE open_at > ? LIMIT 1000", []any{w.now() + soon}, func(rows *sql.Rows) error {
		var l laneName
		err := rows.Scan(&l.id, &l.name)
		names[l.id] = l.name
		return err
	})
	if err != nil {
		return fmt.Errorf("outbox: looking for lanes that are suspended: %w", err)
	}
	for id := range lanes {
		if _, ok := names[id]; !ok {
			delete(lanes, id)
		}
	}
	for id, name := range names {
		l := lanes[id]
		if l == nil {
			l = &left{class: Alert}
			l.restart()
			lanes[id] = l
		}
		for time.Now().After(l.wait) && ctx.Err() == nil {
			if err := w.moveSome(ctx, id, name, l); err != nil {
				return err
			}
		}
	}
	return nil
}

// classesInOrder is how classes go.
var classesInOrder = [...]Class{Alert, Normal, Bulk}

func (l *left) restart() {
	l.class, l.after, l.moved = Alert, [3]int64{-never, 0, 0}, false
	l.begun = time.Now()
}

// next goes on to the next class; behind the last it rests, ten times as long as it took.
func (l *left) next() {
	l.after = [3]int64{-never, 0, 0}
	if rank := l.class.rank(); int(rank) < len(classesInOrder)-1 {
		l.class = classesInOrder[rank+1]
		return
	}
	rest := max(10*time.Since(l.begun), 5*time.Second)
	if l.moved {
		rest = moveEvery
	}
	l.restart()
	l.wait = time.Now().Add(rest)
}

// moveSome looks through some of a lane's mail.
func (w *work) moveSome(ctx context.Context, id int64, name string, l *left) error {
	list, err := w.stuck(ctx, id, l)
	if err != nil {
		return err
	}
	w.askLanes(ctx, list)
	open := map[string]bool{name: false}
	full := make(map[string]bool)
	var move []*waiting
	for _, p := range list {
		if p.err != nil {
			continue
		}
		if p.lane, err = w.firstOpen(ctx, p.names, open); err != nil {
			return err
		}
		if p.lane == "" {
			continue
		}
		is, known := full[p.lane]
		if !known && p.Class != Alert {
			if is, err = w.hasEnough(ctx, p.lane); err != nil {
				return err
			}
			full[p.lane] = is
		}
		if !is {
			move = append(move, p)
		}
	}
	if len(move) > 0 {
		if err := w.move(ctx, id, move); err != nil {
			return fmt.Errorf("outbox: moving mail to another lane: %w", err)
		}
		l.moved = true
		poke(w.routed)
	}
	if len(list) < movedAtOnce {
		l.next()
	} else if len(full) > 0 && len(move) == 0 {
		for _, is := range full {
			if is {
				l.restart()
				l.wait = time.Now().Add(moveEvery)
			}
		}
	}
	return nil
}

// stuck are the next of a lane that are due.
func (w *work) stuck(ctx context.Context, lane int64, l *left) (list []*waiting, err error) {
	err = w.readers.each(ctx, `SELECT r.message, r.n, r.path, r.attempts, r.next_at, m.origin, m.topic, m.reverse_path, m.size
		FROM parley_recipients r JOIN parley_messages m ON m.id = r.message
		WHERE r.lane = ? AND r.class = ? AND r.state <= 1 AND r.next_at <= ? AND (r.next_at, r.message, r.n) > (?, ?, ?) ORDER BY r.next_at, r.message, r.n LIMIT ?`,
		[]any{lane, l.class.rank(), w.now(), l.after[0], l.after[1], l.after[2], movedAtOnce}, func(rows *sql.Rows) error {
			p := &waiting{}
			var reverse string
			if err := rows.Scan((*int64)(&p.Message), &p.n, &p.path, &p.attempts, &p.next, &p.Origin, &p.Topic, &reverse, &p.Size); err != nil {
				return err
			}
			p.Class, p.Attempts = l.class, p.attempts
			p.Path, _ = parsePath(p.path)
			p.ReversePath, _ = parsePath(reverse)
			l.after = [3]int64{p.next, int64(p.Message), int64(p.n)}
			list = append(list, p)
			return nil
		})
	if err != nil {
		return nil, fmt.Errorf("outbox: looking through a lane that is suspended: %w", err)
	}
	return list, nil
}

// hasEnough reports whether enough waits in a lane already.
func (w *work) hasEnough(ctx context.Context, name string) (bool, error) {
	var n int
	err := w.readers.row(ctx, `SELECT COUNT(*) FROM (SELECT 1 FROM parley_recipients r JOIN parley_lanes l ON l.id = r.lane
		WHERE l.name = ? AND r.state <= 1 AND r.next_at <= ? LIMIT ?) f`, []any{name, w.now(), enoughMoved}, &n)
	if err != nil {
		return false, fmt.Errorf("outbox: looking at a lane: %w", err)
	}
	return n >= enoughMoved, nil
}

func (w *work) move(ctx context.Context, from int64, list []*waiting) error {
	return w.b.write(ctx, func(ctx context.Context, t *tx) error {
		now := w.now()
		var events []Event
		due := make(map[int64]bool)
		for _, p := range list {
			id, err := t.laneID(ctx, &w.names, p.lane)
			if err != nil {
				return err
			}
			n, err := t.Exec(ctx, "UPDATE parley_recipients SET lane = ? WHERE message = ? AND n = ? AND lane = ? AND state <= 1", id, int64(p.Message), p.n, from)
			if err != nil {
				return err
			}
			if n == 1 {
				due[id] = true
				events = append(events, Event{What: WasMoved, At: timeOf(now), Message: p.Message, Recipient: p.n, Path: p.path, Attempt: p.attempts, Lane: p.lane})
			}
		}
		for _, id := range sorted(due) {
			if err := t.wakeLane(ctx, id, now, now); err != nil {
				return err
			}
		}
		return record(ctx, t, events)
	})
}
