package outbox

import (
	"context"
	"database/sql"
	"fmt"
)

// Reopen ends the suspension of those lanes that which is true for: somebody has set right what they are suspended for, and knows of it
// before the time is over. which is told a lane's name, and after what it was suspended. It gives how many lanes there were.
// Limits, rates, and what was learnt of a server stay as they are.
func (b *Box) Reopen(ctx context.Context, which func(lane, why string) bool) (n int, err error) {
	ids := make(map[int64]bool)
	err = b.reader().each(ctx, "SELECT id, name, why FROM parley_lanes WHERE open_at > ?", []any{b.now()}, func(rows *sql.Rows) error {
		var id int64
		var name, why string
		if err := rows.Scan(&id, &name, &why); err != nil {
			return err
		}
		if which(name, why) {
			ids[id] = true
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("outbox: looking for lanes that are suspended: %w", err)
	}
	if len(ids) == 0 {
		return 0, nil
	}
	err = b.write(ctx, func(ctx context.Context, t *tx) error {
		n = 0 // it may be done anew
		now := b.now()
		for _, id := range sorted(ids) {
			if err := t.lockLane(ctx, id); err != nil {
				return err
			}
			changed, err := t.Exec(ctx, "UPDATE parley_lanes SET open_at = 0, next_at = ?, alert_at = ? WHERE id = ? AND open_at > ?", now, now, id, now)
			if err != nil {
				return err
			}
			n += int(changed)
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("outbox: opening lanes: %w", err)
	}
	b.wake()
	return n, nil
}
