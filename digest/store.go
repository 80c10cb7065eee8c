package digest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"embed"
	"encoding/base64"
	"fmt"

	"github.com/parleymail/parley/internal/ledger"
	"github.com/parleymail/parley/internal/plain"
	"github.com/parleymail/parley/outbox"
)

//go:embed schema
var schemas embed.FS

// A store is the own tables of the digest, beside those of the outbox.
type store struct{ *ledger.Ledger }

func newStore(ctx context.Context, db *sql.DB, d outbox.Dialect) (*store, error) {
	l, err := ledger.New(ctx, db, d, ledger.Job{Name: "digest", Files: schemas, First: "UPDATE parley_digest_state SET number = number WHERE name = 'list'"})
	return &store{l}, err
}

// A tx is a transaction, or the database without one.
type tx struct{ *ledger.Tx }

func (s *store) reader() *tx { return &tx{s.Reader()} }

// write does something in a transaction. What gave way to another's is done again: it must leave nothing in memory.
func (s *store) write(ctx context.Context, do func(t *tx) error) error {
	return s.Write(ctx, func(t *ledger.Tx) error { return do(&tx{t}) })
}

// number gives the next so many numbers of a kind: the last of them. Who takes one keeps others from it until the transaction ends, so that
// a number is never seen before a smaller one.
func (t *tx) number(ctx context.Context, of string, n int) (last int64, err error) {
	if _, err = t.Exec(ctx, "UPDATE parley_digest_state SET number = number + ? WHERE name = ?", n, of); err == nil {
		err = t.Row(ctx, "SELECT number FROM parley_digest_state WHERE name = ?", []any{of}, &last)
	}
	return last, err
}

// begin makes the rows that all else needs, and gives the key of links. A database that has another list is refused.
func (s *store) begin(ctx context.Context, list string) (key []byte, err error) {
	fresh := make([]byte, 32)
	rand.Read(fresh)
	err = s.write(ctx, func(t *tx) error {
		for _, r := range []struct{ name, value string }{
			{"list", list}, {"key", base64.StdEncoding.EncodeToString(fresh)}, {"items", ""}, {"feeds", ""}, {"subscribers", ""}, {"requests", ""},
		} {
			if _, err := t.Exec(ctx, "INSERT INTO parley_digest_state (name, number, value) VALUES (?, 0, ?) ON CONFLICT DO NOTHING", r.name, r.value); err != nil {
				return err
			}
		}
		var has, kept string
		if err := t.Row(ctx, "SELECT value FROM parley_digest_state WHERE name = 'list'", nil, &has); err != nil {
			return err
		}
		if has != list {
			return &otherList{has, list}
		}
		if err := t.Row(ctx, "SELECT value FROM parley_digest_state WHERE name = 'key'", nil, &kept); err != nil {
			return err
		}
		key, err = base64.StdEncoding.DecodeString(kept)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("digest: opening the tables: %w", err)
	}
	return key, nil
}

type otherList struct{ has, wanted string }

func (e *otherList) Error() string {
	return "the database has the list " + plain.Quoted(e.has) + ", and not " + plain.Quoted(e.wanted) + ": one list a database; list-id names it"
}
