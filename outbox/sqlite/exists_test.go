package sqlite_test

import (
	"bytes"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/outbox/sqlite"
)

// TestMustExist: who looks into a box makes none, and leaves a file that is another's as it is, to the last octet.
func TestMustExist(t *testing.T) {
	dir := t.TempDir()
	must := outbox.Options{MustExist: true}
	if _, err := sqlite.Open(t.Context(), filepath.Join(dir, "none.db"), must); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("of a file that is not there: %v", err)
	}
	foreign := filepath.Join(dir, "foreign.db")
	db, err := sql.Open("sqlite", foreign)
	if err == nil {
		_, err = db.ExecContext(t.Context(), "CREATE TABLE customers (name TEXT)")
		db.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	text, empty := filepath.Join(dir, "text.db"), filepath.Join(dir, "empty.db")
	for name, content := range map[string][]byte{text: bytes.Repeat([]byte("no database "), 1000), empty: nil} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{foreign, text, empty} {
		was, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		_, err = sqlite.Open(t.Context(), name, must)
		if err == nil || name != text && !errors.Is(err, outbox.ErrNoBox) {
			t.Errorf("%s: %v", filepath.Base(name), err)
		}
		if is, err := os.ReadFile(name); err != nil || !bytes.Equal(is, was) {
			t.Errorf("%s was changed: %v", filepath.Base(name), err)
		}
	}
	made := filepath.Join(dir, "box.db")
	for _, o := range []outbox.Options{{}, must} {
		box, err := sqlite.Open(t.Context(), made, o)
		if err != nil {
			t.Fatal(err)
		}
		if err := box.Close(); err != nil {
			t.Error(err)
		}
	}
}
