package relay

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/outbox/postgres"
	"github.com/parleymail/parley/outbox/sqlite"
)

// Open opens the outbox in a database: "sqlite:FILE", or "postgres://user@host/name". An error does not repeat the
// password of a URL.
func Open(ctx context.Context, database string, o outbox.Options) (*outbox.Box, error) {
	scheme, rest, _ := strings.Cut(database, ":")
	switch scheme {
	case "sqlite":
		if rest == "" {
			return nil, errors.New("the database is sqlite: without a file")
		}
		return sqlite.Open(ctx, rest, o)
	case "postgres", "postgresql":
		box, err := postgres.Open(ctx, database, o)
		if err != nil {
			return nil, withoutURL(err, database)
		}
		return box, nil
	}
	return nil, errors.New("the database is neither sqlite:FILE nor postgres://user@host/name")
}

// databaseAt is a database that a file names: the file of SQLite is relative to its folder, as all names of files in it are. Otherwise
// parley queue, run elsewhere, would look into another one.
func databaseAt(file, database string) string {
	name, ok := strings.CutPrefix(database, "sqlite:")
	if !ok || name == "" || file == "" || filepath.IsAbs(name) {
		return database
	}
	return "sqlite:" + filepath.Join(filepath.Dir(file), name)
}

// withoutURL takes a URL out of an error that may repeat it.
func withoutURL(err error, database string) error {
	_, rest, _ := strings.Cut(database, "://")
	authority, _, _ := strings.Cut(rest, "/")
	at := strings.LastIndexByte(authority, '@')
	if at < 0 {
		return err
	}
	_, password, ok := strings.Cut(authority[:at], ":")
	if !ok || password == "" || !strings.Contains(err.Error(), password) {
		return err
	}
	return fmt.Errorf("%s", strings.ReplaceAll(err.Error(), password, "(secret)"))
}
