// Package schema makes the tables of the outbox, and those of each job beside it, or brings them up to what this program knows.
package schema

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"
)

// A Schema is some tables that change from one version to the next.
type Schema struct {
	Files    fs.FS  // goose's, one for each change, in their order
	Versions string // the table where goose keeps which of them were run: an application may use goose too
	Postgres bool   // else it is SQLite
}

// A NewerError is for tables that a newer Parley has made. They stay as they are.
type NewerError struct{ Has, Knows int64 }

func (e *NewerError) Error() string {
	return fmt.Sprintf("the tables are of a newer Parley: schema %d, and this one knows %d", e.Has, e.Knows)
}

// Migrate makes the tables. Several programs may call it at once: with PostgreSQL they wait for each other.
func (s Schema) Migrate(ctx context.Context, db *sql.DB) error {
	kind := goose.DialectSQLite3
	if s.Postgres {
		kind = goose.DialectPostgres
	}
	store, err := database.NewStore(kind, s.Versions)
	if err != nil {
		return fmt.Errorf("reading the schema: %w", err)
	}
	options := []goose.ProviderOption{goose.WithStore(store)}
	if s.Postgres {
		options = append(options, goose.WithSessionLocker(migrating{}))
	}
	p, err := goose.NewProvider("", db, s.Files, options...)
	if err != nil {
		return fmt.Errorf("reading the schema: %w", err)
	}
	if is, err := s.isCurrent(ctx, db, p); is || err != nil {
		return err
	}
	if _, err = p.Up(ctx); err != nil {
		return fmt.Errorf("making the tables: %w", err)
	}
	_, err = s.isCurrent(ctx, db, p) // a newer program may have been before us
	return err
}

// isCurrent reports whether the tables are as this program knows them. Those of a newer one are an error.
func (s Schema) isCurrent(ctx context.Context, db *sql.DB, p *goose.Provider) (bool, error) {
	sources := p.ListSources()
	knows := sources[len(sources)-1].Version
	has, there := int64(0), true
	var err error
	if s.Postgres {
		// Goose would make its own table here if there were none, without the lock, and wait a second where another does so too.
		err = db.QueryRowContext(ctx, "SELECT to_regclass('"+s.Versions+"') IS NOT NULL").Scan(&there)
		if err == nil && there {
			err = db.QueryRowContext(ctx, "SELECT COALESCE(MAX(version_id), 0) FROM "+s.Versions).Scan(&has)
		}
	} else {
		has, _, err = p.GetVersions(ctx)
	}
	if err != nil {
		return false, fmt.Errorf("reading the schema's version: %w", err)
	}
	if has > knows {
		return false, &NewerError{has, knows}
	}
	return has == knows, nil
}

// migrating is the lock of those who make tables. Goose's own asks for it every five seconds: of several programs that start at
// once the last would have it when the others have long been done.
type migrating struct{}

// migratingLock is the number of the lock: "parley" in ASCII.
const migratingLock = 0x7061726c6579

// SessionLock is for goose.
func (migrating) SessionLock(ctx context.Context, conn *sql.Conn) error {
	_, err := conn.ExecContext(ctx, "SELECT pg_advisory_lock($1)", int64(migratingLock))
	return err
}

// SessionUnlock is for goose.
func (migrating) SessionUnlock(ctx context.Context, conn *sql.Conn) error {
	_, err := conn.ExecContext(ctx, "SELECT pg_advisory_unlock($1)", int64(migratingLock))
	return err
}
