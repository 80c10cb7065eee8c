package sqlite_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/outbox/sqlite"
)

// TestReadersDoNotWrite: a box that is opened, and read, leaves the log alone: else whoever only looks would wait for those who write, and could
// see nothing where the disk is full.
func TestReadersDoNotWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "box.db")
	b, err := sqlite.Open(t.Context(), path, outbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	id, err := b.Put(t.Context(), nil, letter("1"))
	if err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(path + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	reader, err := sqlite.Open(t.Context(), path, outbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if _, err := reader.Show(t.Context(), id); err != nil {
		t.Error(err)
	}
	after, err := os.ReadFile(path + "-wal")
	if err != nil || len(before) != len(after) {
		t.Errorf("the log has grown from %d to %d octets: %v", len(before), len(after), err)
	}
}
