package outbox

import (
	"context"
	"time"
)

// Expire sets when a message expires, as Put would have.
func (b *Box) Expire(id ID, when time.Time) error {
	return b.write(begun, func(ctx context.Context, t *tx) error {
		m, err := t.load(ctx, id)
		if err != nil {
			return err
		}
		m.Expires = at(when)
		_, err = t.Exec(ctx, "UPDATE parley_messages SET expires = ?, sum = ? WHERE id = ?", m.Expires, m.sum(), int64(id))
		return err
	})
}

// Lasting is a worker whose lease is shorter than it should be, so that a test need not wait for long.
func (w Worker) Lasting(lease time.Duration) Worker {
	w.lasts = lease
	return w
}
