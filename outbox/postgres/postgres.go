// Package postgres opens an outbox in a PostgreSQL database, which many machines may work at once.
package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"

	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/outbox"
)

// Open opens the box in the database that a URL (postgres://user@host/name) names, and makes its tables where there are none.
//
// PostgreSQL must be set to keep what it has committed: fsync on, synchronous_commit not off.
func Open(ctx context.Context, url string, o outbox.Options) (*outbox.Box, error) {
	db, err := sql.Open("pgx", url)
	if err != nil {
		return nil, fmt.Errorf("outbox: opening the database: %w", err)
	}
	db.SetMaxIdleConns(8)
	if o.MustExist {
		there, err := outbox.Exists(ctx, db, outbox.Postgres)
		if err == nil && !there {
			err = outbox.ErrNoBox
		}
		if err != nil {
			db.Close()
			return nil, err
		}
	}
	if err = outbox.Migrate(ctx, db, outbox.Postgres); err != nil {
		db.Close()
		return nil, err
	}
	b, err := outbox.New(ctx, db, outbox.Postgres, o)
	if err != nil {
		db.Close()
		return nil, err
	}
	return b.Own(), nil
}

// Put is [outbox.Box.Put] in a transaction of pgx.
func Put(ctx context.Context, b *outbox.Box, tx pgx.Tx, object mail.Object) (outbox.ID, error) {
	return b.PutIn(ctx, querier{tx}, object)
}

type querier struct{ tx pgx.Tx }

func (q querier) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	tag, err := q.tx.Exec(ctx, numbered(query), args...)
	return tag.RowsAffected(), err
}

func (q querier) QueryRow(ctx context.Context, query string, args []any, into ...any) error {
	err := q.tx.QueryRow(ctx, numbered(query), args...).Scan(into...)
	if errors.Is(err, pgx.ErrNoRows) {
		return sql.ErrNoRows
	}
	return err
}

// numbered writes ? as $1, $2...; none of the box's statements has a "?" in a text.
func numbered(query string) string {
	var s strings.Builder
	n := 0
	for {
		before, after, found := strings.Cut(query, "?")
		s.WriteString(before)
		if !found {
			return s.String()
		}
		n++
		s.WriteString("$" + strconv.Itoa(n))
		query = after
	}
}
