package alert

import (
	"context"
	"database/sql"
	"embed"

	"github.com/parleymail/parley/internal/ledger"
	"github.com/parleymail/parley/outbox"
)

//go:embed schema
var schemas embed.FS

// A store is the own tables of alerts, beside those of the outbox.
type store struct{ *ledger.Ledger }

func newStore(ctx context.Context, db *sql.DB, d outbox.Dialect) (*store, error) {
	l, err := ledger.New(ctx, db, d, ledger.Job{Name: "alert", Files: schemas, First: "UPDATE parley_alert_state SET number = number + 1 WHERE name = 'turn'", Alone: true})
	return &store{l}, err
}

// A tx is a transaction, or the database without one.
type tx struct{ *ledger.Tx }

func (s *store) reader() *tx { return &tx{s.Reader()} }

// write does something in a transaction. What gave way to another's is done again: it must leave nothing in memory.
func (s *store) write(ctx context.Context, do func(t *tx) error) error {
	return s.Write(ctx, func(t *ledger.Tx) error { return do(&tx{t}) })
}

// begin makes the row that all else needs.
func (s *store) begin(ctx context.Context) error {
	_, err := s.reader().Exec(ctx, "INSERT INTO parley_alert_state (name, number, value) VALUES ('turn', 0, '') ON CONFLICT DO NOTHING")
	return failed("opening the tables", err)
}
