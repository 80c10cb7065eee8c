package outbox

import (
	"context"
	"fmt"
	"strings"
)

// Purge forgets messages with all that is known of them, whatever their state is. One that is being sent is [ErrBusy], and
// then nothing was done. It gives how many there were. Up to 200 are forgotten in one transaction; of more the first may be gone when
// there is an error.
func (b *Box) Purge(ctx context.Context, ids ...ID) (all int, err error) {
	for len(ids) > 0 {
		some := ids[:min(len(ids), forgottenAtOnce)]
		ids = ids[len(some):]
		n := 0
		err := b.write(ctx, func(ctx context.Context, t *tx) error {
			n = 0
			for _, id := range some {
				busy, err := t.beingSent(ctx, id)
				if err != nil {
					return err
				}
				if busy {
					return fmt.Errorf("%w: message %v", ErrBusy, id)
				}
				gone, err := t.forget(ctx, id)
				if err != nil {
					return err
				}
				n += gone
			}
			return nil
		})
		if err != nil {
			return all, err
		}
		all += n
	}
	return all, nil
}

// PurgeAll forgets the messages of which all recipients fit a query: with Query.States of bounced, what was bounced for
// everybody. Those that are being sent stay. Query.Before and Limit say nothing here. It gives how many there were.
func (b *Box) PurgeAll(ctx context.Context, q Query) (all int, err error) {
	q.Before, q.Limit = Ref{}, forgottenAtOnce
	for {
		items, err := b.List(ctx, q)
		if err != nil || len(items) == 0 {
			return all, err
		}
		n := 0
		err = b.write(ctx, func(ctx context.Context, t *tx) error {
			n = 0
			var last ID
			for _, i := range items {
				if i.Message == last {
					continue
				}
				last = i.Message
				gone, err := t.forgetIf(ctx, last, &q)
				if err != nil {
					return err
				}
				n += gone
			}
			return nil
		})
		if err != nil {
			return all, err
		}
		all += n
		q.Before = items[len(items)-1].Ref
	}
}

// forgetIf forgets a message if a query fits all its recipients and none is being sent.
func (t *tx) forgetIf(ctx context.Context, id ID, q *Query) (int, error) {
	busy, err := t.beingSent(ctx, id)
	if err != nil || busy {
		return 0, err
	}
	one := *q
	one.Before = Ref{}
	where, args, err := one.conditions()
	if err != nil {
		return 0, err
	}
	var fit, all int
	where = append(where, "r.message = ?")
	err = t.QueryRow(ctx, "SELECT count(*)"+itemTables+" WHERE "+strings.Join(where, " AND "), append(args, int64(id)), &fit)
	if err == nil {
		err = t.QueryRow(ctx, "SELECT count(*) FROM parley_recipients WHERE message = ?", []any{int64(id)}, &all)
	}
	if err != nil {
		return 0, fmt.Errorf("outbox: reading message %v: %w", id, err)
	}
	if fit == 0 || fit < all {
		return 0, nil
	}
	return t.forget(ctx, id)
}

// beingSent reports whether a worker has one of a message's recipients. None gets one before this transaction is over.
func (t *tx) beingSent(ctx context.Context, id ID) (busy bool, err error) {
	list, err := t.targets(ctx, All(id))
	if err == ErrNotFound { //nolint:errorlint // as targets gives it
		return false, nil
	}
	for _, r := range list {
		busy = busy || r.state == Sending
	}
	return busy, err
}

// forget drops all that is known of a message.
func (t *tx) forget(ctx context.Context, id ID) (int, error) {
	var n int64
	for _, from := range [...]string{"parley_history WHERE message", "parley_pieces WHERE message", "parley_recipients WHERE message", "parley_messages WHERE id"} {
		var err error
		if n, err = t.Exec(ctx, "DELETE FROM "+from+" = ?", int64(id)); err != nil {
			return 0, fmt.Errorf("outbox: forgetting message %v: %w", id, err)
		}
	}
	return int(n), nil
}
