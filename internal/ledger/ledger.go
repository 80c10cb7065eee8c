// Package ledger is what a job (statement, alert, digest) remembers, in tables of its own beside those of the outbox that its mails are put into: what it
// notes and the mail that it notes are written in one transaction, so that there are both or neither.
package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"time"

	"github.com/parleymail/parley/internal/schema"
	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/outbox/sqlite"
	"github.com/parleymail/parley/relay"
)

// A Job is whose the tables are.
type Job struct {
	Name  string // "alert": of errors, and of the table parley_alert_schema
	Files fs.FS  // what makes the tables, in schema/sqlite and schema/postgres

	// First is what each transaction begins with: it changes a row that is there. A transaction of SQLite's that reads first and writes
	// then cannot wait for another that writes meanwhile.
	First string

	Alone bool // First is done with PostgreSQL too, so that one writes at a time, in whatever process: what is read is so until it is written
	Keeps bool // a statement is read once in a transaction, and done for many rows
}

// A Ledger is a job's tables.
type Ledger struct {
	DB      *sql.DB
	Dialect outbox.Dialect
	job     Job

	mu sync.Mutex // one of our own transactions at a time: SQLite has those who wait ask again and again, and lets the last of many starve
}

// Open opens a job's outbox in a database, "sqlite:FILE" or "postgres://user@host/name", and the database once more for its own tables. Who calls it
// closes both.
func Open(ctx context.Context, database, job string, o outbox.Options) (*outbox.Box, *sql.DB, outbox.Dialect, error) {
	box, err := relay.Open(ctx, database, o)
	if err != nil {
		return nil, nil, 0, err
	}
	driver, url, dialect := "pgx", database, outbox.Postgres
	if path, ok := strings.CutPrefix(database, "sqlite:"); ok {
		driver, url, dialect = "sqlite", sqlite.URL(path), outbox.SQLite
	}
	db, err := sql.Open(driver, url)
	if err != nil {
		box.Close()                                                             //nolint:errcheck // the first error tells
		return nil, nil, 0, errors.New(job + ": the database cannot be opened") // it may repeat the URL
	}
	return box, db, dialect, nil
}

// New makes the tables, or brings them up to what this program knows.
func New(ctx context.Context, db *sql.DB, d outbox.Dialect, job Job) (*Ledger, error) {
	files, err := fs.Sub(job.Files, "schema/"+d.String())
	if err != nil {
		return nil, err
	}
	tables := schema.Schema{Files: files, Versions: "parley_" + job.Name + "_schema", Postgres: d == outbox.Postgres}
	if err := tables.Migrate(ctx, db); err != nil {
		return nil, fmt.Errorf("%s: %w", job.Name, err)
	}
	return &Ledger{DB: db, Dialect: d, job: job}, nil
}

// Reader reads without a transaction.
func (l *Ledger) Reader() *Tx { return &Tx{conn: l.DB, d: l.Dialect} }

const mostTries = 8

// Write does something in a transaction. What gave way to another's is done again: it must leave nothing in memory.
func (l *Ledger) Write(ctx context.Context, do func(t *Tx) error) error {
	for n := 0; ; n++ {
		err := l.writeOnce(ctx, do)
		if err == nil || n == mostTries || !gaveWay(err) || ctx.Err() != nil {
			return err
		}
		time.Sleep(time.Duration(n+1) * 20 * time.Millisecond)
	}
}

func (l *Ledger) writeOnce(ctx context.Context, do func(t *Tx) error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	t, err := l.DB.BeginTx(ctx, &sql.TxOptions{Isolation: isolation(l.Dialect)})
	if err != nil {
		return fmt.Errorf("%s: beginning to write: %w", l.job.Name, err)
	}
	defer t.Rollback() //nolint:errcheck // after a commit there is nothing to
	w := &Tx{SQL: t, conn: t, d: l.Dialect}
	if l.job.Keeps {
		w.kept = make(map[string]*sql.Stmt)
	}
	if l.job.Alone || l.Dialect == outbox.SQLite {
		if _, err := w.Exec(ctx, l.job.First); err != nil {
			return fmt.Errorf("%s: beginning to write: %w", l.job.Name, err)
		}
	}
	if err := do(w); err != nil {
		return err
	}
	if err := t.Commit(); err != nil {
		return fmt.Errorf("%s: writing: %w", l.job.Name, err)
	}
	return nil
}

func isolation(d outbox.Dialect) sql.IsolationLevel {
	if d == outbox.Postgres {
		return sql.LevelReadCommitted
	}
	return sql.LevelDefault
}

// gaveWay reports whether a transaction was ended for another's sake: SQLSTATE 40P01 and 40001, SQLite's BUSY.
func gaveWay(err error) bool {
	if e, ok := errors.AsType[interface {
		error
		SQLState() string
	}](err); ok {
		return e.SQLState() == "40P01" || e.SQLState() == "40001"
	}
	const busy = 5
	e, ok := errors.AsType[interface {
		error
		Code() int
	}](err)
	return ok && e.Code()&0xff == busy
}
