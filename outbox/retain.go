package outbox

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

const (
	forgottenAtOnce = 200           // messages in a transaction, so that nobody waits long
	stagedAtMost    = 6 * time.Hour // a content that has not found its message by then came to nothing
)

// retain lets go of what is no longer to be kept. It is called from time to time by whoever works the box.
func (b *Box) retain(ctx context.Context) error {
	now := b.clock()
	if b.o.KeepContent >= 0 {
		if err := b.dropContents(ctx, at(now.Add(-b.o.KeepContent))); err != nil {
			return err
		}
	}
	if b.o.KeepHistory > 0 {
		if err := b.forgetOld(ctx, at(now.Add(-max(b.o.KeepContent, 0)-b.o.KeepHistory))); err != nil {
			return err
		}
	}
	if err := b.sweep(ctx, firstID(now.Add(-stagedAtMost))); err != nil {
		return err
	}
	return b.shrink(ctx)
}

// A last is a message that was done with at a time.
type last struct {
	done int64
	id   ID
}

// inSteps does something to those messages that were done with after one and before a time, and that more says, some in each
// transaction. It gives the last.
func (b *Box) inSteps(ctx context.Context, after last, before int64, more string, do func(ctx context.Context, t *tx, id ID) error) (last, error) {
	for {
		var list []last
		err := b.reader().each(ctx, "SELECT done, id FROM parley_messages WHERE done > 0 AND done < ? AND (done, id) > (?, ?)"+more+" ORDER BY done, id LIMIT ?",
			[]any{before, after.done, int64(after.id), forgottenAtOnce}, func(rows *sql.Rows) error {
				var l last
				err := rows.Scan(&l.done, (*int64)(&l.id))
				list = append(list, l)
				return err
			})
		if err != nil {
			return after, fmt.Errorf("outbox: looking for what is old: %w", err)
		}
		if len(list) == 0 {
			return after, nil
		}
		err = b.write(ctx, func(ctx context.Context, t *tx) error {
			for _, l := range list {
				if err := do(ctx, t, l.id); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return after, err
		}
		after = list[len(list)-1]
	}
}

// dropContents lets the contents go of what was done with before a time. It goes on where it was the time before: what is
// done with later has a later time.
func (b *Box) dropContents(ctx context.Context, before int64) error {
	b.dropping.Lock()
	defer b.dropping.Unlock()
	const old = " AND EXISTS (SELECT 1 FROM parley_messages WHERE id = ? AND done > 0 AND done < ?)"
	const some = " AND (content IS NOT NULL OR pieces > 0 AND EXISTS (SELECT 1 FROM parley_pieces p WHERE p.message = parley_messages.id))"
	got, err := b.inSteps(ctx, b.dropped, before, some, func(ctx context.Context, t *tx, id ID) error {
		// Somebody may have retried it meanwhile.
		if _, err := t.Exec(ctx, "DELETE FROM parley_pieces WHERE message = ?"+old, int64(id), int64(id), before); err != nil {
			return err
		}
		_, err := t.Exec(ctx, "UPDATE parley_messages SET content = NULL WHERE id = ? AND done > 0 AND done < ? AND content IS NOT NULL", int64(id), before)
		return err
	})
	b.dropped = got
	return err
}

func (b *Box) forgetOld(ctx context.Context, before int64) error {
	_, err := b.inSteps(ctx, last{}, before, "", func(ctx context.Context, t *tx, id ID) error {
		if busy, err := t.beingSent(ctx, id); err != nil || busy {
			return err
		}
		var done int64
		err := t.QueryRow(ctx, "SELECT coalesce(max(done), 0) FROM parley_messages WHERE id = ?", []any{int64(id)}, &done)
		if err != nil || done == 0 || done >= before {
			return err // somebody has retried it meanwhile
		}
		_, err = t.forget(ctx, id)
		return err
	})
	return err
}

// those gives the IDs that a query finds.
func (b *Box) those(ctx context.Context, query string, args ...any) (ids []ID, err error) {
	err = b.reader().each(ctx, query, args, func(rows *sql.Rows) error {
		var id ID
		err := rows.Scan((*int64)(&id))
		ids = append(ids, id)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("outbox: looking for what is old: %w", err)
	}
	return ids, nil
}

// sweep drops pieces whose message never came: the process was killed, or the disk was full.
func (b *Box) sweep(ctx context.Context, before ID) error {
	for after := ID(-1); ; {
		// From message to message, and not through all the pieces of each.
		ids, err := b.those(ctx, `WITH RECURSIVE m (id) AS (SELECT min(message) FROM parley_pieces WHERE message > ?
			UNION ALL SELECT (SELECT min(message) FROM parley_pieces WHERE message > m.id) FROM m WHERE m.id < ?)
			SELECT id FROM m WHERE id < ? AND NOT EXISTS (SELECT 1 FROM parley_messages WHERE parley_messages.id = m.id) LIMIT ?`,
			int64(after), int64(before), int64(before), forgottenAtOnce)
		if err != nil || len(ids) == 0 {
			return err
		}
		for _, id := range ids {
			if err := b.dropStaged(ctx, id); err != nil {
				return err
			}
			after = id
		}
	}
}

// dropStaged drops the pieces of a message that is not there.
func (b *Box) dropStaged(ctx context.Context, id ID) error {
	return b.write(ctx, func(ctx context.Context, t *tx) error {
		if b.d == Postgres {
			// The message may be about to come. It locks its pieces, and so do we: then one of us sees what the other has done.
			if _, err := t.Exec(ctx, "SELECT 1 FROM parley_pieces WHERE message = ? FOR UPDATE", int64(id)); err != nil {
				return fmt.Errorf("outbox: dropping what came to nothing: %w", err)
			}
		}
		_, err := t.Exec(ctx, "DELETE FROM parley_pieces WHERE message = ? AND NOT EXISTS (SELECT 1 FROM parley_messages WHERE id = ?)", int64(id), int64(id))
		if err != nil {
			return fmt.Errorf("outbox: dropping what came to nothing: %w", err)
		}
		return nil
	})
}

const (
	shrunkAtOnce = 500     // pages in a transaction
	spareShare   = 4       // a quarter of the file may be free: it is used again
	sparePages   = 1 << 14 // and 64 MiB in any case
)

// shrink gives what a file no longer needs back to the disk, where it was made by package outbox/sqlite: one that had a million
// mails once need not be so large for ever.
func (b *Box) shrink(ctx context.Context) error {
	if b.d != SQLite {
		return nil
	}
	for {
		var mode, free, all int64
		err := b.reader().QueryRow(ctx, "SELECT (SELECT auto_vacuum FROM pragma_auto_vacuum), (SELECT freelist_count FROM pragma_freelist_count), (SELECT page_count FROM pragma_page_count)", nil, &mode, &free, &all)
		if err != nil {
			return fmt.Errorf("outbox: asking the database: %w", err)
		}
		if mode != 2 || free < sparePages || free < all/spareShare {
			return nil
		}
		err = b.write(ctx, func(ctx context.Context, t *tx) error {
			return t.each(ctx, fmt.Sprintf("PRAGMA incremental_vacuum(%d)", shrunkAtOnce), nil, func(*sql.Rows) error { return nil })
		})
		if err != nil {
			return fmt.Errorf("outbox: giving space back: %w", err)
		}
	}
}
