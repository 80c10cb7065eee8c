package outbox_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/outbox/sqlite"
)

// childPutsFew, in the environment of this very program, makes it put some mails and end: into which file, after how many pages of the log these go
// into the file, what of the log is kept (zero: as it is with everybody), the number of the first mail, how many, by how many at a time,
// and how it ends: "close", "exit" without closing anything, or "stop" at the first error.
const childPutsFew = "PARLEY_TEST_FEW"

// childPutFew says what childPut does.
func childPutFew(how string) error {
	var path, end string
	var pages, kept int
	var first, mails, putters int64
	if _, err := fmt.Sscan(how, &path, &pages, &kept, &first, &mails, &putters, &end); err != nil {
		return err
	}
	box, err := sqlite.Open(context.Background(), path, outbox.Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	s := &store{Box: box}
	if pages > 0 {
		if err := box.Close(); err != nil {
			return err
		}
		url := with(with(sqlite.URL(path), "wal_autocheckpoint", pages), "journal_size_limit", kept)
		if s, err = (&place{driver: "sqlite", url: url}).open(context.Background()); err != nil {
			return err
		}
	}
	var next atomic.Int64
	next.Store(first - 1)
	var all sync.WaitGroup
	for range putters {
		all.Go(func() {
			for n := next.Add(1); n < first+mails; n = next.Add(1) {
				id, err := s.Put(context.Background(), nil, numbered(n))
				if err == nil {
					fmt.Fprintf(os.Stdout, "%v %d\n", id, n)
					continue
				}
				fmt.Fprintf(os.Stdout, "! %v\n", strings.ReplaceAll(err.Error(), "\n", " "))
				if end == "stop" {
					os.Exit(3)
				}
			}
		})
	}
	all.Wait()
	if end == "close" {
		err := s.Close()
		if s.db != nil {
			err = errors.Join(err, s.db.Close())
		}
		return err
	}
	os.Exit(0)
	return nil
}

// A traced is what a child did to the files of a folder.
type traced struct {
	dir    string
	log    []moment
	errors []string // that it told
	ended  error
}

// with is a database's URL with one pragma set otherwise.
func with(url, name string, n int) string {
	before, rest, _ := strings.Cut(url, name+"%28")
	_, after, _ := strings.Cut(rest, "%29")
	return before + name + "%28" + strconv.Itoa(n) + "%29" + after
}

// trace runs a child that puts few, and notes every call by which it changes the database's files. The calls may be made to fail:
// "fsync:error=EIO:when=3".
func trace(t *testing.T, dir, how, inject string) *traced {
	t.Helper()
	r := &traced{dir: dir}
	aside := t.TempDir()
	said, log := filepath.Join(aside, "said"), filepath.Join(aside, "log")
	args := []string{"-f", "-y", "-xx", "-s", "1000000", "--seccomp-bpf", "-o", log, "-e", "trace=open,openat,write,pwrite64,pwritev,pwritev2,writev,fsync,fdatasync,ftruncate,fallocate,unlink,unlinkat,rename,renameat,renameat2,sync_file_range,copy_file_range"}
	for _, path := range []string{dir, filepath.Join(dir, "box.db"), filepath.Join(dir, "box.db-wal"), filepath.Join(dir, "box.db-shm"), filepath.Join(dir, "box.db-journal"), said} {
		args = append(args, "-P", path)
	}
	if inject != "" {
		args = append(args, "-e", "inject="+inject)
	}
	out, err := os.Create(said)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	c := exec.Command("strace", append(args, os.Args[0])...)
	c.Env = append(os.Environ(), childPutsFew+"="+filepath.Join(dir, "box.db")+" "+how)
	var failed bytes.Buffer
	c.Stdout, c.Stderr = out, &failed
	r.ended = c.Run()
	if text := failed.String(); text != "" {
		r.errors = append(r.errors, strings.TrimSpace(text))
	}
	if r.log, err = readLog(log); err != nil {
		t.Fatal(err)
	}
	for i, m := range r.log {
		if m.path == said && m.name == "write" && m.begins {
			if text, ok := strings.CutPrefix(string(m.data), "! "); ok {
				r.errors = append(r.errors, strings.TrimSpace(text))
			}
			r.log[i].data = bytes.TrimSpace(m.data)
		}
	}
	return r
}

// needStrace skips where nothing can be traced.
func needStrace(t *testing.T) {
	t.Helper()
	if err := exec.Command("strace", "-o", os.DevNull, "--seccomp-bpf", "-f", "true").Run(); err != nil {
		t.Skipf("strace cannot trace here: %v", err)
	}
}

// A powerTrial knows what was said, and holds against it what is found.
type powerTrial struct {
	t     *testing.T
	rng   *rand.Rand
	disk  *disk
	said  map[int64]outbox.ID
	all   int // mails that were said, in the logs before
	found int // images that were looked at
	calls int
	next  int64
}

func newPowerTrial(t *testing.T) *powerTrial {
	needStrace(t)
	seed := rand.Uint64()
	if text := os.Getenv("PARLEY_POWER_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("PARLEY_POWER_SEED=%d", seed)
		}
	})
	return &powerTrial{t: t, rng: rand.New(rand.NewPCG(seed, 1)), said: make(map[int64]outbox.ID), next: 1}
}

// folder is an empty one for a box.
func (p *powerTrial) folder() string {
	dir, err := filepath.EvalSymlinks(p.t.TempDir())
	if err != nil {
		p.t.Fatal(err)
	}
	return dir
}

// replay follows a log, and lets the power fail at so many moments of it. It gives the last folder that was found.
func (p *powerTrial) replay(r *traced, times int) (last string) {
	p.t.Helper()
	var at []int
	for range times - 1 {
		at = append(at, p.rng.IntN(len(r.log)+1))
	}
	at = append(at, len(r.log))
	slices.Sort(at)
	p.calls += len(r.log) / 2
	for i := 0; ; i++ {
		for ; len(at) > 0 && at[0] == i && !p.t.Failed(); at = at[1:] {
			last = p.lose(fmt.Sprintf("at moment %d of %d", i, len(r.log)))
		}
		if i == len(r.log) || p.t.Failed() {
			break
		}
		if m := r.log[i]; m.name == "write" && strings.HasSuffix(m.path, "/said") {
			p.hear(m)
		} else {
			p.disk.follow(m)
		}
	}
	if !p.t.Failed() {
		p.compare(r)
	}
	return last
}

// hear notes what the child says, from when it begins to: by then it must be safe.
func (p *powerTrial) hear(m moment) {
	text, number, _ := strings.Cut(string(bytes.TrimSpace(m.data)), " ")
	if !m.begins || text == "!" {
		return
	}
	id, err := outbox.ParseID(text)
	n, nerr := strconv.ParseInt(number, 10, 64)
	if err != nil || nerr != nil {
		p.t.Fatalf("the child said %q", m.data)
	}
	p.said[n] = id
}

// compare holds the files as the kernel has them against what the log says of them: else we would have missed something.
func (p *powerTrial) compare(r *traced) {
	p.t.Helper()
	for _, name := range []string{"box.db", "box.db-wal", "box.db-journal"} {
		data, err := os.ReadFile(filepath.Join(r.dir, name))
		f := p.disk.now[name]
		if there := err == nil; there != (f != nil) || there && !bytes.Equal(data, f.now) {
			p.t.Fatalf("%s is not what the log made of it (%v)", name, err)
		}
	}
}

// lose lets the power fail, and looks at what is found.
func (p *powerTrial) lose(when string) string {
	p.t.Helper()
	dir := p.folder()
	what, err := p.disk.lose(dir)
	if err != nil {
		p.t.Fatal(err)
	}
	p.found++
	keep := dir + ".found"
	if err := os.CopyFS(keep, os.DirFS(dir)); err != nil {
		p.t.Fatal(err)
	}
	p.look(dir)
	if p.t.Failed() {
		p.t.Errorf("the power failed %s: %s; %d mails were said", when, what, len(p.said))
	}
	if err := os.RemoveAll(dir); err != nil {
		p.t.Fatal(err)
	}
	if err := os.Rename(keep, dir); err != nil {
		p.t.Fatal(err)
	}
	return dir
}

// look opens a box after whatever happened to it: what was said is there and whole, and so is whatever else is, and mail is taken.
func (p *powerTrial) look(dir string) {
	p.t.Helper()
	k := &killing{t: p.t, place: place{"sqlite", sqlite.URL(filepath.Join(dir, "box.db"))}, said: p.said}
	s, err := k.place.open(p.t.Context())
	if err != nil {
		p.t.Errorf("it cannot be opened: %v", err)
		return
	}
	defer s.close(p.t)
	var integrity string
	if err := s.db.QueryRow("PRAGMA integrity_check").Scan(&integrity); err != nil || integrity != "ok" {
		p.t.Errorf("the database is broken: %.500s, %v", integrity, err)
		return
	}
	k.check(s, k.there(s))
	if _, err := s.Put(p.t.Context(), nil, numbered(1<<40)); err != nil {
		p.t.Errorf("it takes no mail: %v", err)
	}
}

func howMany(short, usual int) int {
	if n, err := strconv.Atoi(os.Getenv("PARLEY_POWER")); err == nil {
		return n
	}
	if testing.Short() {
		return short
	}
	return usual
}

// TestPowerFails: what Put has given an ID for is there after the power failed at any moment, whatever of that which was not
// synced had come to the disk.
func TestPowerFails(t *testing.T) {
	if testing.Short() {
		t.Skip("little runs side by side here: make race has no use for it")
	}
	p := newPowerTrial(t)
	begun := time.Now()
	times := howMany(9, 60)
	each := min(20, times/3)
	for p.found < times && !t.Failed() {
		dir := p.folder()
		p.fresh(dir)
		for range 3 { // of which the second and the third begin with what was found after the first and the second
			pages, kept := 0, 0
			if p.rng.IntN(3) > 0 {
				pages, kept = 20+p.rng.IntN(400), 1<<(14+p.rng.IntN(6))
			}
			mails := 40 + p.rng.IntN(300)
			r := trace(t, dir, fmt.Sprintf("%d %d %d %d %d %s", pages, kept, p.next, mails, 1+p.rng.IntN(8), [...]string{"exit", "close"}[p.rng.IntN(2)]), "")
			p.next += int64(mails)
			if r.ended != nil || len(r.errors) > 0 {
				t.Fatalf("%v, %q", r.ended, r.errors)
			}
			dir = p.replay(r, each)
			if t.Failed() {
				return
			}
			p.fresh(dir)
		}
		p.all += len(p.said)
		clear(p.said)
	}
	t.Logf("the power failed %d times in %d calls: %d mails were put and none is lost; %v", p.found, p.calls, p.all, time.Since(begun).Round(time.Second))
}

// fresh begins with what is in a folder, as after the machine was started anew.
func (p *powerTrial) fresh(dir string) {
	p.t.Helper()
	var err error
	if p.disk, err = newDisk(p.rng, dir); err != nil {
		p.t.Fatal(err)
	}
}
