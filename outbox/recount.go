package outbox

import (
	"context"
	"database/sql"
	"fmt"
)

// recount holds what the tables say that we have against what we have, after a round of which nobody knows whether it was
// written: what was taken in it was never begun, and is put back.
func (w *work) recount(ctx context.Context) error {
	l := w.lease.Load()
	ours := make(map[key]bool)
	shares := make(map[int64]int)
	for s := range w.flying {
		if s.worker != l.id {
			continue
		}
		shares[s.row]++
		for _, to := range s.to {
			ours[key{s.message, to.n}] = true
		}
	}
	err := w.b.write(ctx, func(ctx context.Context, t *tx) error {
		if err := w.putBack(ctx, t, l.id, ours); err != nil {
			return err
		}
		if _, err := t.Exec(ctx, "DELETE FROM parley_shares WHERE worker = ?", l.id); err != nil {
			return err
		}
		for lane, n := range shares {
			if _, err := t.Exec(ctx, "INSERT INTO parley_shares (lane, worker, sessions) VALUES (?, ?, ?)", lane, l.id, n); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("outbox: finding out what was written: %w", err)
	}
	return nil
}

// putBack puts back what a worker was to send, but for what is ours.
func (w *work) putBack(ctx context.Context, t *tx, worker int64, ours map[key]bool) error {
	lanes := make(map[int64]bool)
	var list []key
	err := t.each(ctx, "SELECT message, n, lane FROM parley_recipients WHERE worker = ? AND state = 2 ORDER BY message, n", []any{worker}, func(rows *sql.Rows) error {
		var k key
		var lane int64
		err := rows.Scan((*int64)(&k.message), &k.n, &lane)
		if !ours[k] {
			list = append(list, k)
			lanes[lane] = true
		}
		return err
	})
	if err != nil {
		return err
	}
	now := w.now()
	for _, id := range sorted(lanes) {
		if err := t.wakeLane(ctx, id, now, now); err != nil {
			return err
		}
	}
	for _, k := range list {
		_, err := t.Exec(ctx, `UPDATE parley_recipients SET state = CASE WHEN wanted > 0 THEN wanted WHEN attempts > 1 THEN 1 ELSE 0 END, wanted = 0, attempts = attempts - 1, worker = 0
			WHERE message = ? AND n = ? AND worker = ? AND state = 2`, int64(k.message), k.n, worker)
		if err == nil {
			err = w.b.settle(ctx, t, k.message, now) // a person may have cancelled it
		}
		if err != nil {
			return err
		}
	}
	return nil
}
