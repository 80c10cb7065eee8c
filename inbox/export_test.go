package inbox

import "context"

// Rows counts the rows of a table.
func (s *Store) Rows(ctx context.Context, table string) (n int, err error) {
	if err = s.sync(ctx); err != nil {
		return 0, err
	}
	err = s.read(ctx, func(q querier) error {
		return q.QueryRowContext(ctx, "SELECT count(*) FROM "+table).Scan(&n)
	})
	return n, err
}

// MostUntold is how many events a slow reader may leave.
const MostUntold = mostUntold
