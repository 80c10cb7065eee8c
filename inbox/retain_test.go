package inbox

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// put keeps a mail without a conversation.
func put(t testing.TB, s *Store, r *record, content string) int64 {
	t.Helper()
	a, err := s.take(strings.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	a.rec, a.mailboxes, a.reverse, a.rcpts = r, []string{""}, "a@example.com", "b@example.net"
	if err = s.keep(a); err != nil {
		t.Fatal(err)
	}
	return a.id
}

func both(t *testing.T, f func(t *testing.T, o Options)) {
	t.Run("memory", func(t *testing.T) { f(t, Options{}) })
	t.Run("file", func(t *testing.T) { f(t, Options{Path: filepath.Join(t.TempDir(), "mail.db")}) })
}

func mustOpen(t testing.TB, o Options) *Store {
	t.Helper()
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestOldMailGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := Open(Options{MaxAge: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		r := s.begin()
		put(t, s, r, "one")
		time.Sleep(40 * time.Minute)
		put(t, s, r, "two")
		for _, c := range []struct {
			after time.Duration
			want  int
		}{{0, 2}, {19 * time.Minute, 2}, {2 * time.Minute, 1}, {40 * time.Minute, 0}} {
			time.Sleep(c.after)
			if st, err := s.Stats(t.Context()); err != nil || st.Messages != c.want || int64(st.Messages)*3 != st.Bytes {
				t.Errorf("%+v, %v, want %d", st, err, c.want)
			}
		}
	})
}

func TestSessionsWithoutMailGo(t *testing.T) {
	both(t, func(t *testing.T, o Options) {
		o.MaxSessions, o.MaxMessages = 4, 2
		s := mustOpen(t, o)
		now := time.Now()
		for i := range 20 {
			r := s.begin()
			if i < 6 {
				put(t, s, r, fmt.Sprint("mail ", i))
			}
			r.change(func(row *Session) { row.Ended = &now })
			if err := s.end(r); err != nil {
				t.Fatal(err)
			}
		}
		page, err := s.Sessions(t.Context(), Query{})
		if err != nil {
			t.Fatal(err)
		}
		var ids []int64
		for _, one := range page.Items {
			ids = append(ids, one.ID)
		}
		if fmt.Sprint(ids) != "[20 19 18 17 6 5]" {
			t.Errorf("%v are kept", ids)
		}
		if n, err := s.Rows(t.Context(), "transcripts"); err != nil || n != 6 {
			t.Errorf("%d transcripts, %v", n, err)
		}
	})
}

// What is deleted gives its space back.
func TestFileShrinks(t *testing.T) {
	o := Options{Path: filepath.Join(t.TempDir(), "mail.db")}
	s := mustOpen(t, o)
	r := s.begin()
	for range 40 {
		put(t, s, r, strings.Repeat("0123456789abcde\r\n", 50_000))
	}
	size := func() int64 {
		info, err := os.Stat(o.Path)
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	if _, err := s.db.ExecContext(t.Context(), "PRAGMA wal_checkpoint(truncate)"); err != nil {
		t.Fatal(err)
	}
	before := size()
	if n, err := s.DeleteMessages(t.Context(), Query{}); err != nil || n != 40 {
		t.Fatal(n, err)
	}
	for range 10 { // some at a time, so that others get their turn
		s.giveBack(t.Context())
	}
	if _, err := s.db.ExecContext(t.Context(), "PRAGMA wal_checkpoint(truncate)"); err != nil {
		t.Fatal(err)
	}
	if after := size(); after > before/4 {
		t.Errorf("%d octets before, %d after", before, after)
	}
}

// A session that brings a hundred thousand mails does not fill the memory with what is said.
func TestLongSession(t *testing.T) {
	both(t, func(t *testing.T, o Options) {
		s := mustOpen(t, o)
		r := s.begin()
		const many = 50_000
		for i := range many {
			r.trace(event(i))
		}
		check := func(where string) {
			t.Helper()
			said, err := s.Transcript(t.Context(), r.row.ID)
			if err != nil {
				t.Fatal(where, err)
			}
			if said[0].Line != "NOOP 0" || said[len(said)-1].Line != fmt.Sprint("NOOP ", many-1) || len(said) > 3*mostOnReel+1 {
				t.Fatalf("%s: %d events, %+v to %+v", where, len(said), said[0], said[len(said)-1])
			}
			left := 0
			if _, err := fmt.Sscanf(said[mostOnReel].Line, "%d events are left out here", &left); err != nil || left+len(said)-1 != many {
				t.Errorf("%s: %+v", where, said[mostOnReel])
			}
			for i, e := range said {
				if i != mostOnReel && !e.At.Equal(event(numberOf(e.Line)).At) {
					t.Fatalf("%s: the time of %+v", where, e)
				}
			}
		}
		check("live")
		if n := len(r.tape.head.data) + len(r.tape.tail()); n > 3*reelOctets {
			t.Errorf("%d octets are held", n)
		}
		if err := s.end(r); err != nil {
			t.Fatal(err)
		}
		if err := s.sync(t.Context()); err != nil {
			t.Fatal(err)
		}
		check("kept")
	})
}

// A store is found again as it was left; no ID is given twice.
func TestReopen(t *testing.T) {
	o := Options{Path: filepath.Join(t.TempDir(), "a b?c#d%20.db")}
	s := mustOpen(t, o)
	r := s.begin()
	for i := range 3 {
		r.trace(event(i))
		put(t, s, r, fmt.Sprintf("Subject: word%d\r\n\r\n", i))
	}
	if err := s.DeleteMessage(t.Context(), 3); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(o.Path); err != nil || info.Mode().Perm()&0o077 != 0 && runtime.GOOS != "windows" {
		t.Fatal(info, err)
	}
	s = mustOpen(t, o)
	one, err := s.Session(t.Context(), r.row.ID)
	if err != nil || one.Ended == nil || !one.Failed || one.Why != cutShort {
		t.Errorf("%+v, %v", one, err)
	}
	if said, err := s.Transcript(t.Context(), r.row.ID); err != nil || len(said) != 3 {
		t.Errorf("%v, %v", said, err)
	}
	if page, err := s.Messages(t.Context(), Query{Text: "word1"}); err != nil || page.Total != 1 || page.Items[0].Subject != "word1" {
		t.Errorf("%+v, %v", page, err)
	}
	r = s.begin()
	if id := put(t, s, r, "new"); id != 4 || r.row.ID != 2 {
		t.Errorf("message %d, session %d", id, r.row.ID)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Options{Path: filepath.Join(t.TempDir(), "no such folder", "x.db")}); err == nil {
		t.Error("a file in no folder is opened")
	}
	text := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(text, []byte(strings.Repeat("this is no database\n", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Options{Path: text}); err == nil {
		t.Error("a text is opened")
	}
	newer := mustOpen(t, Options{Path: filepath.Join(t.TempDir(), "newer.db")})
	if _, err := newer.db.ExecContext(t.Context(), "INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)"); err != nil {
		t.Fatal(err)
	}
	path := ""
	if err := newer.db.QueryRowContext(t.Context(), "SELECT file FROM pragma_database_list").Scan(&path); err != nil {
		t.Fatal(err)
	}
	newer.Close()
	if _, err := Open(Options{Path: path}); err == nil || !strings.Contains(err.Error(), "newer Parley") {
		t.Errorf("%v", err)
	}
}
