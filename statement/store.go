package statement

import (
	"context"
	"database/sql"
	"embed"
	"fmt"

	"github.com/parleymail/parley/internal/ledger"
	"github.com/parleymail/parley/outbox"
)

//go:embed schema
var schemas embed.FS

// A store is the own tables of the mailing, beside those of the outbox.
type store struct{ *ledger.Ledger }

func newStore(ctx context.Context, db *sql.DB, d outbox.Dialect) (*store, error) {
	l, err := ledger.New(ctx, db, d, ledger.Job{Name: "statement", Files: schemas, First: "UPDATE parley_statement_state SET number = number WHERE name = 'mailing'", Keeps: true})
	return &store{l}, err
}

// A tx is a transaction, or the database without one.
type tx struct{ *ledger.Tx }

func (s *store) reader() *tx { return &tx{s.Reader()} }

// write does something in a transaction. What gave way to another's is done again: it must leave nothing in memory.
func (s *store) write(ctx context.Context, do func(t *tx) error) error {
	return s.Write(ctx, func(t *ledger.Tx) error { return do(&tx{t}) })
}

// begin makes the row that writers begin with.
func (s *store) begin(ctx context.Context) error {
	t := s.reader()
	for _, name := range []string{"mailing", "run", "position", "paused", "start", "settings"} {
		if _, err := t.Exec(ctx, "INSERT INTO parley_statement_state (name, number, value) VALUES (?, 0, '') ON CONFLICT DO NOTHING", name); err != nil {
			return fmt.Errorf("statement: opening the tables: %w", err)
		}
	}
	return nil
}

func (t *tx) number(ctx context.Context, name string) (n int64, err error) {
	err = t.Row(ctx, "SELECT number FROM parley_statement_state WHERE name = ?", []any{name}, &n)
	return n, err
}

func (t *tx) setNumber(ctx context.Context, name string, n int64) error {
	_, err := t.Exec(ctx, "UPDATE parley_statement_state SET number = ? WHERE name = ?", n, name)
	return err
}
