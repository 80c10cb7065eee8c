// Package sqlite opens an outbox in a file of its own.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	driver "modernc.org/sqlite" // the driver "sqlite"
	lib "modernc.org/sqlite/lib"

	"github.com/parleymail/parley/outbox"
)

// Open opens the box in a file, and makes it where there is none, for nobody else to read. Several processes may have it
// open, on one machine: SQLite's locks do not work over a network, and a file system of one is refused.
//
// What is put is on stable storage before Put returns: the file is in WAL mode, and synchronous is full.
//
// One writes at a time. A process that is stopped in the middle of writing (SIGSTOP, a debugger), and not ended, holds all others up until it
// goes on: they give up after ten seconds, and lose nothing. One that has ended holds nothing. Where machines are frozen and thawed, PostgreSQL is the place.
//
// The path may also be a URL, "sqlite:" and a path.
func Open(ctx context.Context, path string, o outbox.Options) (*outbox.Box, error) {
	path = strings.TrimPrefix(path, "sqlite:")
	if o.MustExist {
		if i, err := os.Stat(path); err != nil {
			return nil, fmt.Errorf("outbox: opening the store: %w", err)
		} else if i.Size() == 0 {
			return nil, outbox.ErrNoBox // to open it would write to it
		}
	}
	if err := create(ctx, path); err != nil {
		return nil, told(path, err)
	}
	db, err := sql.Open("sqlite", URL(path))
	if err != nil {
		return nil, fmt.Errorf("outbox: opening the store: %w", err)
	}
	db.SetMaxIdleConns(8)
	if o.MustExist {
		err = exists(ctx, path)
	}
	var b *outbox.Box
	if err == nil {
		b, err = open(ctx, db, o)
	}
	if err != nil {
		db.Close()
		return nil, told(path, err)
	}
	return b.Own(), nil
}

func open(ctx context.Context, db *sql.DB, o outbox.Options) (*outbox.Box, error) {
	if err := outbox.Migrate(ctx, db, outbox.SQLite); err != nil {
		return nil, err
	}
	return outbox.New(ctx, db, outbox.SQLite, o)
}

// exists looks for a box without writing anything: another program's file stays as it is.
func exists(ctx context.Context, path string) error {
	v := url.Values{"mode": {"ro"}, "_pragma": {"busy_timeout(10000)"}}
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath(), RawQuery: v.Encode()}).String())
	if err != nil {
		return fmt.Errorf("outbox: opening the store: %w", err)
	}
	defer db.Close()
	there, err := outbox.Exists(ctx, db, outbox.SQLite)
	if err == nil && !there {
		err = outbox.ErrNoBox
	}
	return err
}

// told says what SQLite means by its number, which is all that people see of a file that is not theirs.
func told(path string, err error) error {
	e, ok := errors.AsType[*driver.Error](err)
	if !ok {
		return err
	}
	const primary = 0xff
	switch e.Code() & primary {
	case lib.SQLITE_CANTOPEN, lib.SQLITE_READONLY, lib.SQLITE_PERM, lib.SQLITE_AUTH:
		return fmt.Errorf("outbox: %s cannot be opened to be written: whoever runs this has to own the file, and be able to make others beside it: %w", path, err)
	case lib.SQLITE_NOTADB, lib.SQLITE_CORRUPT:
		return fmt.Errorf("outbox: %s is no database of SQLite, or is damaged: %w", path, err)
	}
	return err
}

// create makes a file where there is none. One that is there is not opened but by SQLite: with POSIX's locks, whoever closes a file
// gives up those of his whole process, also those of a box that has it open already.
func create(ctx context.Context, path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		err = f.Close()
	} else if errors.Is(err, fs.ErrExist) {
		err = nil
	}
	if err != nil {
		return fmt.Errorf("outbox: opening the store: %w", err)
	}
	if err := onThisMachine(path); err != nil {
		return fmt.Errorf("outbox: %s: %w", path, err)
	}
	if !empty(path) {
		return nil
	}
	db, err := sql.Open("sqlite", URL(path))
	if err == nil {
		err = db.PingContext(ctx)
		db.Close()
	}
	if err != nil {
		return fmt.Errorf("outbox: opening the store: %w", err)
	}
	return nil
}

// empty reports whether nothing is in a file yet.
func empty(path string) bool {
	i, err := os.Stat(path)
	return err != nil || i.Size() == 0
}

// URL is how the driver "sqlite" of modernc.org/sqlite opens a file so that a box can be in it: for an application that
// has its own tables there too. Of a file that is empty, or is none, it says more than of others.
func URL(path string) string {
	pragmas := []string{
		"busy_timeout(10000)", "journal_mode(wal)", "synchronous(full)",
		"wal_autocheckpoint(4000)", "journal_size_limit(67108864)", "temp_store(memory)", "cache_size(-8000)",
	}
	if empty(path) {
		// It counts only where nothing has been written yet. Elsewhere it would have each new connection write, wait for whoever writes,
		// and fail where the disk is full.
		pragmas = append([]string{"auto_vacuum(incremental)"}, pragmas...)
	}
	v := url.Values{"_pragma": pragmas}
	return (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath(), RawQuery: v.Encode()}).String()
}
