package ledger

import (
	"context"
	"database/sql"
	"strconv"
	"strings"

	"github.com/parleymail/parley/outbox"
)

// A Tx is a transaction, or the database without one. Statements are written with "?".
type Tx struct {
	SQL *sql.Tx // nil: there is none

	conn interface {
		ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
		QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
		QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	}
	d    outbox.Dialect
	kept map[string]*sql.Stmt // of the transaction; nil: none are kept
}

// Postgres reports whether the database is PostgreSQL.
func (t *Tx) Postgres() bool { return t.d == outbox.Postgres }

func (t *Tx) bind(query string) string {
	if !t.Postgres() {
		return query
	}
	var b strings.Builder
	for n := 1; ; n++ {
		before, after, found := strings.Cut(query, "?")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		b.WriteString("$" + strconv.Itoa(n))
		query = after
	}
}

// statement gives a statement of the transaction, which ends with it.
func (t *Tx) statement(ctx context.Context, query string) (*sql.Stmt, error) {
	if s := t.kept[query]; s != nil {
		return s, nil
	}
	s, err := t.SQL.PrepareContext(ctx, t.bind(query))
	if err == nil {
		t.kept[query] = s
	}
	return s, err
}

// Exec gives how many rows it changed.
func (t *Tx) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	var r sql.Result
	var err error
	if t.kept == nil {
		r, err = t.conn.ExecContext(ctx, t.bind(query), args...)
	} else if s, e := t.statement(ctx, query); e != nil {
		err = e
	} else {
		r, err = s.ExecContext(ctx, args...)
	}
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// Row reads the one row that there is; none is [sql.ErrNoRows].
func (t *Tx) Row(ctx context.Context, query string, args []any, into ...any) error {
	if t.kept == nil {
		return t.conn.QueryRowContext(ctx, t.bind(query), args...).Scan(into...)
	}
	s, err := t.statement(ctx, query)
	if err != nil {
		return err
	}
	return s.QueryRowContext(ctx, args...).Scan(into...)
}

// Each calls f for each row.
func (t *Tx) Each(ctx context.Context, query string, args []any, f func(scan func(...any) error) error) error {
	rows, err := t.conn.QueryContext(ctx, t.bind(query), args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := f(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

// Locked ends a SELECT of rows that are changed next in the transaction, if it is in one. SQLite has one writer, and needs no locks.
func (t *Tx) Locked() string {
	if t.SQL != nil && t.Postgres() {
		return " FOR UPDATE"
	}
	return ""
}
