package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/parleymail/parley/relay"
)

// TestServeChecksDatabase: what parley serve would refuse at its start is not called good before.
func TestServeChecksDatabase(t *testing.T) {
	dir := t.TempDir()
	for database, good := range map[string]bool{
		"": false, "outbox.db": false, "sqlite:": false, "postgres://parley@db/parley": true,
		"sqlite:" + filepath.Join(dir, "box.db"):         true,
		"sqlite:" + filepath.Join(dir, "none", "box.db"): false,
	} {
		s := &serving{u: &ui{}, flags: new(serveFlags), file: &relay.File{Database: database}}
		if err := s.checkDatabase(); (err == nil) != good {
			t.Errorf("%q: %v", database, err)
		}
	}
	if list, err := os.ReadDir(dir); err != nil || len(list) > 0 {
		t.Errorf("something was made: %v %v", list, err)
	}
}
