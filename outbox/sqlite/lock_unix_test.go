//go:build unix

package sqlite_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/outbox/sqlite"
)

// otherProcess, in the environment of this very program, makes it look whether anybody holds a lock on the database of that path.
const otherProcess = "PARLEY_TEST_OTHER"

// TestOpenedTwice: a program that opens a box a second time keeps its lock, which tells other processes that they are not alone.
func TestOpenedTwice(t *testing.T) {
	if path := os.Getenv(otherProcess); path != "" {
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		shared := unix.Flock_t{Type: unix.F_WRLCK, Start: 0x40000002, Len: 510} // where SQLite's stand
		if err := unix.FcntlFlock(f.Fd(), unix.F_GETLK, &shared); err != nil || shared.Type == unix.F_UNLCK {
			t.Errorf("nobody holds a lock: %v", err)
		}
		return
	}
	path := filepath.Join(t.TempDir(), "box.db")
	for range 2 {
		b, err := sqlite.Open(t.Context(), path, outbox.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
	}
	other := exec.Command(os.Args[0], "-test.run=^TestOpenedTwice$")
	other.Env = append(os.Environ(), otherProcess+"="+path)
	if out, err := other.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}
