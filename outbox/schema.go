package outbox

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/parleymail/parley/internal/schema"
)

//go:embed schema
var schemas embed.FS

// Migrate makes the tables, or brings them up to what this program knows. Their names
// begin with "parley_", so that they may stand in an application's own database. Tables
// of a newer program are an error, and stay as they are.
//
// Several programs may call it at once: with PostgreSQL they wait for each other.
func Migrate(ctx context.Context, db *sql.DB, d Dialect) error {
	files, err := fs.Sub(schemas, "schema/"+d.String())
	if err != nil {
		return err
	}
	err = schema.Schema{Files: files, Versions: "parley_schema", Postgres: d == Postgres}.Migrate(ctx, db)
	if e, ok := errors.AsType[*schema.NewerError](err); ok {
		return fmt.Errorf("%w: schema %d, and this one knows %d", ErrNewer, e.Has, e.Knows)
	}
	if err != nil {
		return fmt.Errorf("outbox: %w", err)
	}
	return nil
}

// ErrNoBox is the error for a database that no box was made in.
var ErrNoBox = errors.New("outbox: there is none in this database")

// Exists reports whether a box was made in a database. It makes nothing.
func Exists(ctx context.Context, db *sql.DB, d Dialect) (there bool, err error) {
	query := "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'parley_messages')"
	if d == Postgres {
		query = "SELECT to_regclass('parley_messages') IS NOT NULL"
	}
	if err = db.QueryRowContext(ctx, query).Scan(&there); err != nil {
		err = fmt.Errorf("outbox: looking for the tables: %w", err)
	}
	return there, err
}

// ErrNewer is the error for tables that a newer Parley has made.
var ErrNewer = errors.New("outbox: the tables are of a newer Parley")
