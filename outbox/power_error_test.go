package outbox_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestWritesFail: the n-th call by which the database writes a file, or has it written down, fails, and once: or all from the n-th on. Put gives
// no ID without a sync that did not fail, also later: what a failed sync should have written the kernel may never write. Each run is followed on
// a disk that is so mean.
func TestWritesFail(t *testing.T) {
	if testing.Short() {
		t.Skip("little runs side by side here: make race has no use for it")
	}
	p := newPowerTrial(t)
	begun := time.Now()
	runs, told, total, reached := 0, 0, 0, make(map[int]bool)
	stride := max(1, 32/howMany(1, 2))
	sweep := func(e, lasting string) {
		for n := 1 + p.rng.IntN(stride); !t.Failed(); n += stride {
			hits, calls := p.failing(fmt.Sprintf("pwrite64,fsync,fdatasync,ftruncate,unlink:error=%s:when=%d%s", e, n, lasting), &told)
			if len(hits) == 0 {
				return
			}
			runs++
			if lasting == "" {
				total = max(total, calls)
				for _, h := range hits {
					reached[h] = true
				}
			}
		}
	}
	// What is counted are a thread's calls, and which thread makes which is different each time: so all are not reached at once.
	for range 6 {
		sweep("EIO", "")
		sweep("ENOSPC", "")
		if stride > 1 || len(reached) == total {
			break
		}
	}
	sweep("EIO", "+")
	sweep("ENOSPC", "+")
	t.Logf("%d runs: %d of the %d calls of a run failed at one time or another, and %d times Put told of it; the power failed %d times; %d mails were put and none is lost; %v",
		runs, len(reached), total, told, p.found, p.all, time.Since(begun).Round(time.Second))
	if told == 0 || len(reached) == 0 {
		t.Error("nothing failed")
	}
}

// failing runs a child of whose calls some fail, and gives which, and of how many.
func (p *powerTrial) failing(inject string, told *int) (hits []int, calls int) {
	p.t.Helper()
	clear(p.said)
	dir := p.folder()
	p.fresh(dir)
	r := trace(p.t, dir, "30 65536 40 12 1 close", inject)
	*told += len(r.errors)
	for _, m := range r.log {
		if m.begins && m.data != nil && !strings.HasSuffix(m.path, "/said") || m.begins && m.data == nil && m.name != "open" {
			if calls++; m.injected {
				hits = append(hits, calls)
			}
		}
	}
	p.replay(r, 3)
	if !p.t.Failed() {
		p.look(dir) // and as the kernel has it: the machine went on
	}
	p.all += len(p.said)
	if p.t.Failed() {
		p.t.Errorf("%s: %v, %q", inject, r.ended, slices.Compact(r.errors))
	}
	return hits, calls
}

// TestSyncFailsBeforeTheEnd: a program ends at a sync that failed, as by kill -9, and another goes on with the files. What the first wrote and could not have
// synced the kernel shows to the second as if all were well, and SQLite takes it for committed; it may be on no disk. What the second has
// put must not stand behind it.
func TestSyncFailsBeforeTheEnd(t *testing.T) {
	if testing.Short() {
		t.Skip("little runs side by side here: make race has no use for it")
	}
	p := newPowerTrial(t)
	begun := time.Now()
	stopped, stride := 0, max(1, 6/howMany(1, 2))
	for n := 1 + p.rng.IntN(stride); !t.Failed(); n += stride {
		clear(p.said)
		dir := p.folder()
		p.fresh(dir)
		first := trace(t, dir, "0 0 40 12 1 stop", fmt.Sprintf("fsync,fdatasync:error=EIO:when=%d", n))
		if !slices.ContainsFunc(first.log, func(m moment) bool { return m.injected }) {
			break
		}
		if first.ended != nil {
			stopped++
		}
		p.replay(first, 2)
		if t.Failed() {
			break
		}
		second := trace(t, dir, fmt.Sprintf("0 0 60 12 1 %s", [...]string{"exit", "close"}[n%2]), "")
		if second.ended != nil || len(second.errors) > 0 {
			t.Fatalf("%v, %q", second.ended, second.errors)
		}
		p.replay(second, 8)
		p.all += len(p.said)
	}
	t.Logf("%d programs ended at a sync that failed; the power failed %d times; %d mails were put and none is lost; %v", stopped, p.found, p.all, time.Since(begun).Round(time.Second))
	if stopped == 0 {
		t.Error("none ended so")
	}
}
