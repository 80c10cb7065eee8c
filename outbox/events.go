package outbox

import (
	"context"
	"database/sql"
	"fmt"
	"iter"
	"time"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/internal/plain"
)

// events reads what happened.
func (b *Box) events(ctx context.Context, where string, args ...any) (list []Event, err error) {
	err = b.reader().each(ctx, `SELECT h.id, h.message, h.n, h.at, h.what, h.attempt, h.worker, h.took, h.stage, h.lane, h.remote, h.tls, h.kind, h.reply, h.said,
		coalesce(r.path, '') FROM parley_history h LEFT JOIN parley_recipients r ON r.message = h.message AND r.n = h.n WHERE `+where, args, func(rows *sql.Rows) error {
		var e Event
		var at, took int64
		var kind string
		err := rows.Scan(&e.Seq, &e.Message, &e.Recipient, &at, &e.What, &e.Attempt, &e.Worker, &took, &e.Stage, &e.Lane, &e.Remote, &e.TLS, &kind, &e.Reply, &e.Said, &e.Path)
		e.At, e.Took, e.Kind = timeOf(at), time.Duration(took)*time.Millisecond, diagnose.Kind(kind)
		list = append(list, e)
		return err
	})
	return list, err
}

const (
	eventsAtOnce = 500
	lookAgain    = 250 * time.Millisecond // how often another process's work is looked for
)

// Events gives all that happened after the event with a number, in its order, and then waits for what happens next, until the context ends. 0 is
// the beginning of what is kept.
//
// No event is left out, and none comes twice: a reader that keeps the number of the last one that it has done with can go on there after it was killed.
// [Box.ReaderPosition] keeps such numbers.
func (b *Box) Events(ctx context.Context, after int64) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		woken, stop := b.heard.waker()
		defer stop()
		tick := time.NewTicker(lookAgain)
		defer tick.Stop()
		for {
			list, err := b.eventsAfter(ctx, after)
			if err != nil {
				if ctx.Err() == nil {
					yield(Event{}, fmt.Errorf("outbox: reading events: %w", err))
				}
				return
			}
			for _, e := range list {
				if !yield(e, nil) {
					return
				}
				after = e.Seq
			}
			if len(list) == eventsAtOnce {
				continue
			}
			select {
			case <-ctx.Done():
				return
			case <-woken:
			case <-tick.C:
			}
		}
	}
}

// eventsAfter reads the next events.
//
// With SQLite the numbers grow as transactions are committed. With PostgreSQL they do not: what a transaction that still goes on has
// written may have a number below what is there already. So events are read in the order in which their transactions began, and only of
// those before which none goes on any more.
func (b *Box) eventsAfter(ctx context.Context, after int64) ([]Event, error) {
	if b.d != Postgres {
		return b.events(ctx, "h.id > ? ORDER BY h.id LIMIT ?", after, eventsAtOnce)
	}
	const settled = "h.tx < pg_snapshot_xmin(pg_current_snapshot()) ORDER BY h.tx, h.id LIMIT ?"
	list, err := b.events(ctx, "(h.tx, h.id) > (SELECT tx, id FROM parley_history WHERE id = ?) AND "+settled, after, eventsAtOnce)
	if err != nil || len(list) > 0 || after == 0 {
		if after == 0 {
			return b.events(ctx, settled, eventsAtOnce)
		}
		return list, err
	}
	var there bool
	if err = b.reader().QueryRow(ctx, "SELECT EXISTS (SELECT 1 FROM parley_history WHERE id = ?)", []any{after}, &there); err != nil || there {
		return nil, err
	}
	return b.events(ctx, "h.id > ? AND "+settled, after, eventsAtOnce) // it is no longer kept, nor is what stood beside it
}

// A Reader is one that follows the events under a name.
type Reader struct {
	Name     string    `json:"name"`
	Position int64     `json:"position"` // the number of the last event that it has done with
	At       time.Time `json:"at"`       // when it was noted
	Failures int       `json:"failures"` // in a row
	Error    string    `json:"error,omitempty"`
}

// ReaderPosition gives how far a reader has come; one that nobody knows is at 0.
func (b *Box) ReaderPosition(ctx context.Context, name string) (Reader, error) {
	r := Reader{Name: name}
	var noted int64
	err := b.reader().each(ctx, "SELECT position, at, failures, error FROM parley_readers WHERE name = ?", []any{name}, func(rows *sql.Rows) error {
		return rows.Scan(&r.Position, &noted, &r.Failures, &r.Error)
	})
	r.At = timeOf(noted)
	if err != nil {
		return r, fmt.Errorf("outbox: reading where %s is: %w", plain.Quoted(name), err)
	}
	return r, nil
}

// NoteReader notes how far a reader has come, and with which failure it stays there.
func (b *Box) NoteReader(ctx context.Context, r Reader) error {
	return b.write(ctx, func(ctx context.Context, t *tx) error {
		_, err := t.Exec(ctx, `INSERT INTO parley_readers (name, position, at, failures, error) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT (name) DO UPDATE SET position = excluded.position, at = excluded.at, failures = excluded.failures, error = excluded.error`,
			r.Name, r.Position, b.now(), r.Failures, cut(r.Error, mostReply))
		return err
	})
}
