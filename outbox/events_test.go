package outbox_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/parleymail/parley/internal/testpg"
	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/outbox/postgres"
	"github.com/parleymail/parley/outbox/sqlite"
)

// TestEventsAreComplete: those who follow the events while many write them, in two boxes of one database, get each once, and each mail's
// in its order.
func TestEventsAreComplete(t *testing.T) {
	both(t, func(t *testing.T, open func(outbox.Options) *outbox.Box) {
		boxes := []*outbox.Box{open(outbox.Options{}), open(outbox.Options{})}
		const mails, times = 20, 10
		var ids []outbox.ID
		for i := range mails {
			id, err := boxes[0].Put(t.Context(), nil, letter(short, fmt.Sprintf("c%d@example.org", i)))
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, id)
		}
		var tasks sync.WaitGroup
		for i, id := range ids {
			tasks.Go(func() {
				for n := range times {
					b := boxes[(i+n)%2]
					if _, err := b.Hold(t.Context(), fmt.Sprint(n), outbox.All(id)); err != nil {
						t.Error(err)
					}
					if _, err := b.Release(t.Context(), outbox.All(id)); err != nil {
						t.Error(err)
					}
				}
			})
		}
		seen := make(map[int64]bool)
		next := make(map[outbox.ID]int)
		for e, err := range boxes[0].Events(t.Context(), 0) {
			if err != nil {
				t.Fatal(err)
			}
			want := outbox.WasHeld
			if next[e.Message]%2 == 1 {
				want = outbox.WasReleased
			}
			if seen[e.Seq] || e.What != want || want == outbox.WasHeld && e.Reply != fmt.Sprint(next[e.Message]/2) || e.Path == "" {
				t.Fatalf("%+v came; %v was to be", e, want)
			}
			seen[e.Seq] = true
			next[e.Message]++
			if len(seen) == mails*times*2 {
				break
			}
		}
		tasks.Wait()
	})
}

// TestEventsWait: an event is told at once to who waits in the same process, and the end of the context ends it.
func TestEventsWait(t *testing.T) {
	both(t, func(t *testing.T, open func(outbox.Options) *outbox.Box) {
		b := open(outbox.Options{})
		id, err := b.Put(t.Context(), nil, letter(short, "kim@example.org"))
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		got := make(chan outbox.Event)
		go func() {
			defer close(got)
			for e, err := range b.Events(ctx, 0) {
				if err != nil {
					t.Error(err)
				}
				got <- e
			}
		}()
		if _, err := b.Hold(t.Context(), "", outbox.All(id)); err != nil {
			t.Fatal(err)
		}
		if e := <-got; e.What != outbox.WasHeld || e.Message != id || e.Path != "kim@example.org" || time.Since(e.At) > time.Minute {
			t.Errorf("%+v", e)
		}
		stop()
		if e, more := <-got; more {
			t.Errorf("%+v came behind the end", e)
		}
	})
}

// TestEventsOfALateTransaction: an event whose number is smaller than that of others may be seen later, in PostgreSQL, if its transaction was the longer. It
// is told all the same.
func TestEventsOfALateTransaction(t *testing.T) {
	url := testpg.Start(t).Database(t)
	b := opened(t, outbox.Options{}, postgres.Open, url)
	id, err := b.Put(t.Context(), nil, letter(short, "kim@example.org"))
	if err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	late, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = late.Exec(`INSERT INTO parley_history (message, n, at, what, attempt, worker, took, stage, lane, remote, tls, kind, reply, said)
		VALUES ($1, 0, 0, $2, 0, 0, 0, 0, '', '', '', '', 'late', '')`, int64(id), int64(outbox.WasHeld))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Hold(t.Context(), "early", outbox.All(id)); err != nil {
		t.Fatal(err)
	}
	if list, err := b.EventsNow(t.Context(), 0); err != nil || len(list) != 0 {
		t.Errorf("%+v, %v was told while a transaction before it went on", list, err)
	}
	if err := late.Commit(); err != nil {
		t.Fatal(err)
	}
	var after int64
	for _, want := range []string{"late", "early"} {
		list, err := b.EventsNow(t.Context(), after)
		if err != nil || len(list) == 0 || list[0].Reply != want {
			t.Fatalf("after %d: %+v, %v; %s was to be next", after, list, err, want)
		}
		after = list[0].Seq
	}
}

func TestReaders(t *testing.T) {
	both(t, func(t *testing.T, open func(outbox.Options) *outbox.Box) {
		b := open(outbox.Options{})
		r, err := b.ReaderPosition(t.Context(), "hook")
		if err != nil || r.Position != 0 || r.Name != "hook" {
			t.Errorf("%+v, %v", r, err)
		}
		for _, want := range []outbox.Reader{{Name: "hook", Position: 7, Failures: 2, Error: "refused"}, {Name: "hook", Position: 9}} {
			if err := b.NoteReader(t.Context(), want); err != nil {
				t.Fatal(err)
			}
			got, err := b.ReaderPosition(t.Context(), "hook")
			got.At = time.Time{}
			if err != nil || got != want {
				t.Errorf("%+v, %v", got, err)
			}
		}
	})
}

func TestSuppressed(t *testing.T) {
	both(t, func(t *testing.T, open func(outbox.Options) *outbox.Box) {
		b := open(outbox.Options{})
		for _, s := range []outbox.Suppression{
			{Address: "Kim@Example.org", Reason: "bounce", Detail: "550 no such user", Message: 7},
			{Address: "kim@example.org", Reason: "complaint"},
			{Address: "lee@example.org", Reason: "manual", Until: time.Now().Add(time.Hour)},
			{Address: "ann@example.org", Reason: "manual", Until: time.Now().Add(-time.Hour)},
		} {
			if err := b.Suppress(t.Context(), s); err != nil {
				t.Fatal(err)
			}
		}
		for address, want := range map[string]string{"KIM@example.org": "complaint", "lee@example.org": "manual", "ann@example.org": "", "bo@example.org": ""} {
			s, err := b.Suppressed(t.Context(), address)
			if err != nil || (s == nil) != (want == "") || s != nil && s.Reason != want {
				t.Errorf("%s: %+v, %v", address, s, err)
			}
		}
		if err := b.Suppress(t.Context(), outbox.Suppression{Address: "nobody"}); err == nil {
			t.Error("it took what is no address")
		}
		list, err := b.Suppressions(t.Context(), "", 0)
		if err != nil || len(list) != 3 || list[0].Address != "ann@example.org" || list[2].Address != "lee@example.org" {
			t.Errorf("%+v, %v", list, err)
		}
		if err := b.Unsuppress(t.Context(), "KIM@example.org"); err != nil {
			t.Error(err)
		}
		if err := b.Unsuppress(t.Context(), "kim@example.org"); !errors.Is(err, outbox.ErrNotFound) {
			t.Error(err)
		}
	})
}

// TestRetained: what is over goes when its time is over, and what is not stays.
func TestRetained(t *testing.T) {
	both(t, func(t *testing.T, open func(outbox.Options) *outbox.Box) {
		keeps := open(outbox.Options{KeepContent: time.Hour, KeepHistory: time.Hour})
		var ids []outbox.ID
		for _, size := range []int{1, 20_000} {
			for range 2 {
				id, err := keeps.Put(t.Context(), nil, letter(short+stars(size), "kim@example.org"))
				if err != nil {
					t.Fatal(err)
				}
				ids = append(ids, id)
			}
		}
		if _, err := keeps.Cancel(t.Context(), "", outbox.All(ids[0]), outbox.All(ids[2])); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Millisecond) // the tables know milliseconds
		for _, step := range []struct {
			o              outbox.Options
			content, there bool
		}{
			{outbox.Options{KeepContent: time.Hour, KeepHistory: time.Hour}, true, true},
			{outbox.Options{KeepContent: -1, KeepHistory: time.Hour}, true, true},
			{outbox.Options{KeepContent: time.Millisecond, KeepHistory: time.Hour}, false, true},
			{outbox.Options{KeepContent: time.Millisecond, KeepHistory: -1}, false, true},
			{outbox.Options{KeepContent: time.Millisecond, KeepHistory: time.Millisecond}, false, false},
		} {
			b := open(step.o)
			if err := b.Retain(t.Context()); err != nil {
				t.Fatal(err)
			}
			for i, id := range ids {
				over := i%2 == 0
				s, err := b.Show(t.Context(), id)
				if there := !over || step.there; there != (err == nil) || err != nil && !errors.Is(err, outbox.ErrNotFound) {
					t.Fatalf("%+v: mail %d: %v", step, i, err)
				}
				if err == nil && s.Kept != (!over || step.content) {
					t.Errorf("%+v: mail %d: its content is there: %v", step, i, s.Kept)
				}
			}
		}
	})
}

// TestSwept: pieces whose message never came go when they are old, and no others.
func TestSwept(t *testing.T) {
	path := t.TempDir() + "/box.db"
	b := opened(t, outbox.Options{}, sqlite.Open, path)
	db, err := sql.Open("sqlite", sqlite.URL(path))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	whole, err := b.Put(t.Context(), nil, letter(short+stars(600_000), "kim@example.org"))
	if err != nil {
		t.Fatal(err)
	}
	old, young := whole-outbox.ID(7*time.Hour.Milliseconds()<<20), whole+1
	for _, id := range []outbox.ID{old, old + 1, young} {
		for n := range 3 {
			if _, err := db.Exec("INSERT INTO parley_pieces (message, n, data, sum) VALUES (?, ?, 'x', 0)", int64(id), n); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := b.Retain(t.Context()); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[outbox.ID]int{old: 0, old + 1: 0, young: 3, whole: 3} {
		var n int
		if err := db.QueryRow("SELECT count(*) FROM parley_pieces WHERE message = ?", int64(id)).Scan(&n); err != nil || n != want {
			t.Errorf("%d pieces of %v, %v; %d were to be", n, id, err, want)
		}
	}
	if got := content(t, b, whole); len(got) != len(short)+len(stars(600_000)) {
		t.Errorf("%d octets", len(got))
	}
}

// stars is a text of about so many octets.
func stars(size int) string {
	line := "****************************************\r\n"
	var s []byte
	for len(s) < size {
		s = append(s, line...)
	}
	return string(s)
}
