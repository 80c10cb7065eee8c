package outbox

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// A Flow is what happened in a stretch of time: to how many recipients, each time.
type Flow struct {
	Put    int          `json:"put"`    // recipients of mail that was handed over, as far as it is still known
	Events map[What]int `json:"events"` // each attempt, and whatever else happened
}

// Flow counts what happened since a time and before another. It reads what happened then, and no more: a minute is told at once, where a
// day of a busy relay takes its time.
func (b *Box) Flow(ctx context.Context, since, until time.Time) (Flow, error) {
	t := b.reader()
	f := Flow{Events: make(map[What]int)}
	err := t.QueryRow(ctx, "SELECT count(*) FROM parley_recipients WHERE message >= ? AND message < ?", []any{int64(firstID(since)), int64(firstID(until))}, &f.Put)
	// Who writes history has a clock of its own, and writes some of it together: what is next to it is looked at too.
	const near = 10 * time.Second
	var first, last int64
	if err == nil {
		first, err = t.firstEvent(ctx, since.Add(-near).UnixMilli())
	}
	if err == nil {
		last, err = t.firstEvent(ctx, until.Add(near).UnixMilli())
	}
	if err == nil {
		err = t.each(ctx, "SELECT what, count(*) FROM parley_history WHERE id >= ? AND id < ? AND at >= ? AND at < ? GROUP BY what",
			[]any{first, last, since.UnixMilli(), until.UnixMilli()}, func(rows *sql.Rows) error {
				var w What
				var n int
				err := rows.Scan(&w, &n)
				f.Events[w] = n
				return err
			})
	}
	if err != nil {
		return f, fmt.Errorf("outbox: counting what happened: %w", err)
	}
	return f, nil
}

// firstEvent finds the first event that is not before a time, as far as events stand in the order of their times. There is no index by
// time: it is looked for by halves.
func (t *tx) firstEvent(ctx context.Context, when int64) (int64, error) {
	var low, high int64
	for _, q := range []struct {
		query string
		into  *int64
	}{{"SELECT coalesce(min(id), 0) FROM parley_history", &low}, {"SELECT coalesce(max(id), 0) + 1 FROM parley_history", &high}} {
		if err := t.QueryRow(ctx, q.query, nil, q.into); err != nil {
			return 0, err
		}
	}
	for low < high {
		middle := low + (high-low)/2
		id, at := high, when // where there is none behind the middle
		err := t.each(ctx, "SELECT id, at FROM parley_history WHERE id >= ? ORDER BY id LIMIT 1", []any{middle}, func(rows *sql.Rows) error { return rows.Scan(&id, &at) })
		switch {
		case err != nil:
			return 0, err
		case at >= when:
			high = middle
		default:
			low = id + 1
		}
	}
	return low, nil
}
