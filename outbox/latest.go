package outbox

import (
	"context"
	"fmt"
)

// LastEvent gives the number of the last event, for who follows [Box.Events] from now on; 0 where there is none.
func (b *Box) LastEvent(ctx context.Context) (last int64, err error) {
	query := "SELECT coalesce(max(id), 0) FROM parley_history"
	if b.d == Postgres { // in the order of Events
		query = `SELECT coalesce((SELECT h.id FROM parley_history h WHERE h.tx < pg_snapshot_xmin(pg_current_snapshot()) ORDER BY h.tx DESC, h.id DESC LIMIT 1), 0)`
	}
	if err = b.reader().QueryRow(ctx, query, nil, &last); err != nil {
		return 0, fmt.Errorf("outbox: reading events: %w", err)
	}
	return last, nil
}
