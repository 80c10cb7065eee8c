package outbox

import (
	"context"
	"fmt"
	"time"

	"github.com/parleymail/parley/internal/plain"
)

// Lead makes one of several processes the only one to do something, such as to follow the events under a name: it reports
// whether that is who, for as long as d from now. It is to be asked again before that is over; whoever asks first when it
// is has it next. What is led must bear two leaders for a moment, for one may be frozen.
func (b *Box) Lead(ctx context.Context, name, who string, d time.Duration) (leads bool, err error) {
	err = b.write(ctx, func(ctx context.Context, t *tx) error {
		row, now := "lead "+name, b.now()
		until := now + d.Milliseconds()
		n, err := t.Exec(ctx, "UPDATE parley_readers SET position = ?, at = ?, error = ? WHERE name = ? AND (position < ? OR error = ?)", until, now, who, row, now, who)
		if err == nil && n == 0 {
			n, err = t.Exec(ctx, "INSERT INTO parley_readers (name, position, at, failures, error) VALUES (?, ?, ?, 0, ?) ON CONFLICT DO NOTHING", row, until, now, who)
		}
		leads = n == 1
		if err != nil {
			return fmt.Errorf("outbox: asking who leads %s: %w", plain.Quoted(name), err)
		}
		return nil
	})
	return leads && err == nil, err
}
