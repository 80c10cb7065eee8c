package outbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// settle sees to it, before the first that a box of SQLite's writes, that all that it will stand behind is on stable storage: the log
// of transactions, and its name.
//
// Whoever had the database open before may have ended at a sync that failed, or before it. What it wrote then is in the kernel's memory alone, and
// SQLite takes it for committed, as nothing can be seen to be wrong with it. A kernel that could not write a page takes
// it for clean: no later sync would write it either. After a loss of power the log would have a hole, and all behind the hole would be
// gone with it. So the log is written again as it stands, which makes its pages dirty, and is synced. SQLite syncs the folder too,
// but does not look whether that failed.
func (w *writer) settle(ctx context.Context) (err error) {
	if w.settled || w.b.file == "" {
		return nil
	}
	defer func() {
		if w.settled = err == nil; err != nil {
			err = fmt.Errorf("outbox: having what was stored before written: %w", err)
		}
	}()
	if _, err := w.Exec(ctx, w.b.begin()); err != nil {
		return err
	}
	defer w.Exec(ctx, "ROLLBACK") //nolint:errcheck // until then nobody else writes to the log
	if err := writeAgain(w.b.file + "-wal"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return syncFolder(filepath.Dir(w.b.file))
}

// writeAgain writes a file as it stands, and has it on stable storage.
func writeAgain(name string) error {
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	piece := make([]byte, 256<<10)
	for at := int64(0); ; {
		n, err := f.ReadAt(piece, at)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if n == 0 {
			return f.Sync()
		}
		if _, err := f.WriteAt(piece[:n], at); err != nil {
			return err
		}
		at += int64(n)
	}
}

// syncFolder has the names in a folder on stable storage.
func syncFolder(name string) error {
	if runtime.GOOS == "windows" {
		return nil // it does so by itself, and cannot be asked to
	}
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}
