package inbox

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestOneHasTheStore: what one process takes another must not clear away.
func TestOneHasTheStore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mail.db")
	s := mustOpen(t, Options{Path: path})
	if _, err := Open(Options{Path: path}); !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), path) {
		t.Errorf("a second one: %v", err)
	}
	s.Close()
	mustOpen(t, Options{Path: path})
}

// TestWaitIsIdle: who waits looks again when something has changed, and not otherwise.
func TestWaitIsIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := Open(Options{MaxAge: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		put(t, s, s.begin(), "one")
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		woken := 0
		go func() {
			for ctx.Err() == nil {
				news := s.watches.next()
				if err := s.sync(ctx); err != nil {
					return
				}
				select {
				case <-news:
					woken++
				case <-ctx.Done():
				}
			}
		}()
		if _, err := s.Wait(ctx, Query{Text: "to:nobody"}); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		synctest.Wait()
		if woken > 2 {
			t.Errorf("looked %d times in ten seconds in which nothing happened", woken)
		}
	})
}

// TestCopiesGo: mails of several mailboxes are not kept beyond what is allowed.
func TestCopiesGo(t *testing.T) {
	both(t, func(t *testing.T, o Options) {
		o.MaxMessages = 100
		s := mustOpen(t, o)
		r := s.begin()
		for i := range 700 {
			a, err := s.take(strings.NewReader("Subject: x\r\n\r\nx\r\n"))
			if err != nil {
				t.Fatal(err)
			}
			a.rec, a.mailboxes, a.reverse, a.rcpts = r, []string{"a", "b", fmt.Sprint("c", i)}, "a@example.com", "b@example.net"
			if err := s.keep(a); err != nil {
				t.Fatal(err)
			}
		}
		if kept, _ := s.tally.kept(&delta{}); !s.memory() && kept > 300 {
			t.Errorf("%d are kept", kept)
		}
		if st, err := s.Stats(t.Context()); err != nil || st.Messages != 100 {
			t.Errorf("%+v, %v", st, err)
		}
	})
}

// TestCleaningAMailbox: one mailbox's mails and sessions are cleared away, and no other's.
func TestCleaningAMailbox(t *testing.T) {
	both(t, func(t *testing.T, o Options) {
		s := mustOpen(t, o)
		session := func(mailboxes ...string) *record {
			r := s.begin()
			r.row.Mailbox = mailboxes[0]
			for _, box := range mailboxes {
				a, err := s.take(strings.NewReader("Subject: x\r\n\r\nx\r\n"))
				if err != nil {
					t.Fatal(err)
				}
				a.rec, a.mailboxes, a.reverse, a.rcpts = r, []string{box}, "a@example.com", box+"@example.net"
				if err := s.keep(a); err != nil {
					t.Fatal(err)
				}
			}
			now := time.Now()
			r.row.Ended = &now
			if err := s.end(r); err != nil {
				t.Fatal(err)
			}
			return r
		}
		shared, own := session("a", "b"), session("a")
		n, err := s.DeleteSessions(t.Context(), Query{Mailbox: "A"})
		if err != nil || n != 1 {
			t.Errorf("%d sessions went, %v", n, err)
		}
		for box, want := range map[string]int{"a": 0, "b": 1} {
			if page, err := s.Messages(t.Context(), Query{Mailbox: box}); err != nil || page.Total != want {
				t.Errorf("%s has %d, %v", box, page.Total, err)
			}
		}
		if _, err := s.SessionOf(t.Context(), shared.row.ID, "B"); err != nil {
			t.Errorf("the session that b's mail came in: %v", err)
		}
		if _, err := s.SessionOf(t.Context(), shared.row.ID, "c"); !errors.Is(err, ErrNotFound) {
			t.Errorf("for c it is there: %v", err)
		}
		if _, err := s.Session(t.Context(), own.row.ID); !errors.Is(err, ErrNotFound) {
			t.Errorf("a's own session: %v", err)
		}
	})
}

// TestDeleteTheNewest: a limit counts though the query asks for nothing.
func TestDeleteTheNewest(t *testing.T) {
	s := mustOpen(t, Options{})
	r := s.begin()
	for i := range 5 {
		put(t, s, r, fmt.Sprint("mail ", i))
	}
	if n, err := s.DeleteMessages(t.Context(), Query{Limit: 1}); err != nil || n != 1 {
		t.Errorf("%d went, %v", n, err)
	}
}

// TestMissedIsTold: a reader who was too slow is told, though nothing should happen any more.
func TestMissedIsTold(t *testing.T) {
	w := &watch{events: make(chan Event, mostUntold)}
	for i := range mostUntold + 100 {
		w.tell(Event{What: "message", ID: int64(i + 1)})
	}
	if len(w.events) != mostUntold {
		t.Fatalf("%d stand there", len(w.events))
	}
	var last Event
	for range mostUntold {
		last = <-w.events
	}
	if last.What != "missed" {
		t.Errorf("the last is %+v", last)
	}
	w.tell(Event{What: "seen"})
	if e := <-w.events; e.What != "seen" {
		t.Errorf("%+v", e)
	}
}

// TestFullDiskIsNoEnd: the cause is told, and what could not be written is written once there is room.
func TestFullDiskIsNoEnd(t *testing.T) {
	s := mustOpen(t, Options{Path: filepath.Join(t.TempDir(), "mail.db")})
	more := func(n int64) {
		t.Helper()
		err := s.do(t.Context(), func(b *batch) error {
			var all int64
			if err := b.c.QueryRowContext(noContext, "PRAGMA page_count").Scan(&all); err != nil {
				return err
			}
			_, err := b.c.ExecContext(noContext, fmt.Sprintf("PRAGMA max_page_count = %d", all+n))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	more(0)
	full := 0
	for range 10 {
		r := s.begin()
		a, err := s.take(strings.NewReader(strings.Repeat("All is well, and will be so tomorrow.\r\n", 20_000)))
		if err == nil {
			a.rec, a.mailboxes, a.reverse, a.rcpts = r, []string{""}, "a@example.com", "b@example.net"
			err = s.keep(a)
		}
		if err != nil {
			if full++; !strings.Contains(err.Error(), "full") {
				t.Errorf("the cause is not told: %v", err)
			}
		}
		now := time.Now()
		r.change(func(row *Session) { row.Ended = &now })
		if err := s.end(r); err != nil {
			t.Fatal(err)
		}
	}
	if full != 10 {
		t.Errorf("%d of 10 were refused", full)
	}
	more(100_000)
	for begun := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		s.live.mu.Lock()
		left := len(s.live.records)
		s.live.mu.Unlock()
		if left == 0 {
			break
		}
		if time.Since(begun) > 10*time.Second {
			t.Fatalf("%d sessions that are over are still held", left)
		}
	}
	if st, err := s.Stats(t.Context()); err != nil || st.Sessions != 10 || st.Open != 0 {
		t.Errorf("%+v, %v", st, err)
	}
}

// TestMemoryHoldsUp: who sends faster than is written waits, in memory too.
func TestMemoryHoldsUp(t *testing.T) {
	s := mustOpen(t, Options{})
	r := s.begin()
	<-s.gate // a reader that takes its time
	body := strings.Repeat("x", 1<<20)
	done := make(chan error, 1)
	go func() {
		for range 100 {
			a, err := s.take(strings.NewReader(body))
			if err != nil {
				done <- err
				return
			}
			a.rec, a.mailboxes = r, []string{""}
			if err := s.keep(a); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	select {
	case err := <-done:
		t.Errorf("a hundred MiB were taken while nothing could be written: %v", err)
		s.gate <- struct{}{}
	case <-time.After(300 * time.Millisecond):
		s.gate <- struct{}{}
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
