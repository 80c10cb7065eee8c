//go:build lazyfs

package outbox_test

import (
	"bufio"
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/outbox/sqlite"
)

// A lazyDisk is a file system that forgets what was not synced when it is told to: interop/power/lazyfs.sh.
type lazyDisk struct {
	t    *testing.T
	dir  string
	fifo *os.File
	done *bufio.Reader
}

func newLazyDisk(t *testing.T) *lazyDisk {
	t.Helper()
	at := os.Getenv("PARLEY_LAZYFS")
	if at == "" {
		t.Fatal("it needs LazyFS: make power")
	}
	d := &lazyDisk{t: t, dir: filepath.Join(at, "mnt")}
	var files [2]*os.File
	for i, name := range []string{"fifo", "done"} {
		f, err := os.OpenFile(filepath.Join(at, name), os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		files[i] = f
	}
	d.fifo, d.done = files[0], bufio.NewReader(files[1])
	d.forgets()
	return d
}

// lose lets the power fail.
func (d *lazyDisk) lose() {
	d.t.Helper()
	if _, err := d.fifo.WriteString("lazyfs::clear-cache\n"); err != nil {
		d.t.Fatal(err)
	}
	if line, err := d.done.ReadString('\n'); err != nil || line != "finished::clear-cache\n" {
		d.t.Fatalf("LazyFS said %q: %v", line, err)
	}
}

// forgets sees that it does: what was synced is there, and what was not is not.
func (d *lazyDisk) forgets() {
	d.t.Helper()
	name := filepath.Join(d.dir, "trial")
	f, err := os.Create(name)
	if err == nil {
		_, err = f.WriteString("synced")
	}
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		_, err = f.WriteString(" and not synced")
	}
	if err != nil {
		d.t.Fatal(err)
	}
	f.Close()
	d.lose()
	if text, err := os.ReadFile(name); err != nil || string(text) != "synced" {
		d.t.Fatalf("LazyFS forgot too much, or too little: %q, %v", text, err)
	}
}

// TestPowerFailsLazyFS: what Put has given an ID for is there after the program was killed at any moment and a disk has lost
// all that was not synced.
func TestPowerFailsLazyFS(t *testing.T) {
	d := newLazyDisk(t)
	k := &killing{t: t, rounds: howMany(10, 10), begun: time.Now(), tells: true}
	lost, path := 0, ""
	for k.done < k.rounds && !t.Failed() {
		if k.done%50 == 0 {
			dir, err := os.MkdirTemp(d.dir, "box")
			if err != nil {
				t.Fatal(err)
			}
			defer os.RemoveAll(dir)
			path = filepath.Join(dir, "box.db")
			b, err := sqlite.Open(t.Context(), path, outbox.Options{})
			if err == nil {
				err = b.Close()
			}
			if err != nil {
				t.Fatal(err)
			}
			k.all += len(k.said)
			k.place, k.said = place{"sqlite", sqlite.URL(path)}, make(map[int64]outbox.ID)
		}
		if d.round(k, path) {
			lost++
		}
	}
	k.all += len(k.said)
	t.Logf("the power failed %d times under a program that was killed, and in %d of them the disk had something to lose; %d mails were put and none is lost; %v",
		k.done, lost, k.all, time.Since(k.begun).Round(time.Second))
	if lost == 0 {
		t.Error("the disk never lost anything")
	}
}

// round kills a child, lets the power fail, and looks at what is found; whether that differs from what the child had written.
func (d *lazyDisk) round(k *killing, path string) (lost bool) {
	d.t.Helper()
	k.round()
	read := func() []byte {
		data, err := os.ReadFile(path + "-wal")
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // a child may be killed before it has one
			d.t.Fatal(err)
		}
		return data
	}
	before := read()
	d.lose()
	lost = !bytes.Equal(before, read())
	s, err := k.place.open(d.t.Context())
	if err != nil {
		d.t.Fatal(err)
	}
	defer s.close(d.t)
	var integrity string
	if err := s.db.QueryRow("PRAGMA quick_check").Scan(&integrity); err != nil || integrity != "ok" {
		d.t.Errorf("the database is broken: %.500s, %v", integrity, err)
	}
	k.check(s, k.fresh)
	if k.done%25 == 0 || k.done == k.rounds {
		if err := s.db.QueryRow("PRAGMA integrity_check").Scan(&integrity); err != nil || integrity != "ok" {
			d.t.Errorf("the database is broken: %.500s, %v", integrity, err)
		}
		k.check(s, k.there(s))
	}
	return lost
}
