package outbox_test

import (
	"errors"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/outbox/sqlite"
)

// TestRoom: what is in a box may use the last of a disk to go out; new mail may not.
func TestRoom(t *testing.T) {
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=8m", "parley", dir).CombinedOutput(); err != nil {
		t.Skipf("no small disk can be had here: %v: %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	})
	b, err := sqlite.Open(t.Context(), filepath.Join(dir, "box.db"), outbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	var last outbox.ID
	for n := int64(1); err == nil; n++ {
		var id outbox.ID
		if id, err = b.Put(t.Context(), nil, numbered(n)); err == nil {
			last = id
		}
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("the disk is almost full: %v", err)
	}
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		t.Fatal(err)
	}
	if free := s.Bavail * uint64(s.Bsize); free < 1<<20 { //nolint:gosec // it is not negative
		t.Errorf("only %d octets are free", free)
	}
	if n, err := b.Hold(t.Context(), "a test", outbox.Ref{Message: last}); n != 1 || err != nil {
		t.Errorf("what is there cannot be worked on: %d, %v", n, err)
	}
}
