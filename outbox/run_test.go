package outbox_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parleymail/parley/internal/testpg"
	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/outbox/sqlite"
	"github.com/parleymail/parley/smtptest"
)

// hello is a small mail.
func hello(n int, to ...string) *mail.Raw {
	r := &mail.Raw{
		Env:  mail.Envelope{ReversePath: mail.Path{Local: "shop", Domain: "example.com"}},
		Data: fmt.Appendf(nil, "From: shop@example.com\r\nSubject: statement %d\r\nMessage-ID: <%d@example.com>\r\n\r\nhello\r\n", n, n),
	}
	for _, t := range to {
		p, err := mail.ParsePath(t)
		if err != nil {
			panic(err)
		}
		r.Env.Recipients = append(r.Env.Recipients, mail.Recipient{Path: p})
	}
	return r
}

// A store is a box, with its tables to look into.
type store struct {
	*outbox.Box
	db          *sql.DB
	d           outbox.Dialect
	driver, url string
}

func onSQLite(t testing.TB) *store {
	t.Helper()
	path := filepath.Join(t.TempDir(), "box.db")
	db, err := sql.Open("sqlite", sqlite.URL(path))
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxIdleConns(16)
	t.Cleanup(func() { db.Close() })
	s := newStore(t, db, outbox.SQLite, outbox.Options{})
	s.driver, s.url = "sqlite", sqlite.URL(path)
	return s
}

func newStore(t testing.TB, db *sql.DB, d outbox.Dialect, o outbox.Options) *store {
	t.Helper()
	if err := outbox.Migrate(t.Context(), db, d); err != nil {
		t.Fatal(err)
	}
	box, err := outbox.New(t.Context(), db, d, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { box.Close() })
	return &store{Box: box, db: db, d: d}
}

// An opener opens an empty box.
type opener func(testing.TB) *store

// TestWork has all that is to be so over either database.
func TestWork(t *testing.T) {
	for _, d := range []outbox.Dialect{outbox.SQLite, outbox.Postgres} {
		t.Run(d.String(), func(t *testing.T) {
			open := opener(onSQLite)
			if d == outbox.Postgres {
				cluster := testpg.Start(t)
				open = func(t testing.TB) *store { return onPostgres(t, cluster) }
			}
			for _, c := range scenarios {
				t.Run(c.name, func(t *testing.T) { c.run(t, open) })
			}
		})
	}
}

var scenarios = []struct {
	name string
	run  func(t *testing.T, open opener)
}{
	{"sends what is put", runSendsWhatIsPut},
	{"outcomes", outcomes},
	{"some are refused", someAreRefused},
	{"refused in a used session", refusedInAUsedSession},
	{"no bounce", noBounce},
	{"expires", expires},
	{"is passed on", isPassedOn},
	{"is late", isLate},
	{"corrupt is held", corruptIsHeld},
	{"few recipients at once", fewRecipientsAtOnce},
	{"unsupported", unsupported},
	{"settles at what is borne", settlesAtWhatIsBorne},
	{"limits of all workers", limitsOfAllWorkers},
	{"limit is used evenly", limitIsUsedEvenly},
	{"alert goes first", alertGoesFirst},
	{"classes in order", classesInOrder},
	{"worker is killed", workerIsKilled},
	{"worker is frozen", workerIsFrozen},
	{"nothing stays under way", nothingStaysUnderWay},
	{"fail-over", failOver},
	{"judged", judged},
	{"reopened", reopened},
	{"retried now", retriedNow},
	{"many lanes", manyLanes},
	{"router says otherwise", routerSaysOtherwise},
	{"suppressed is not sent", suppressedIsNotSent},
}

func onPostgres(t testing.TB, c *testpg.Cluster) *store {
	t.Helper()
	url := c.Database(t)
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxIdleConns(16)
	t.Cleanup(func() { db.Close() })
	s := newStore(t, db, outbox.Postgres, outbox.Options{})
	s.driver, s.url = "pgx", url
	return s
}

// exec changes one row behind the box's back.
func (s *store) exec(t testing.TB, query string, args ...any) {
	t.Helper()
	if s.d == outbox.Postgres {
		for i := range args {
			query = strings.Replace(query, "?", fmt.Sprintf("$%d", i+1), 1)
		}
	}
	r, err := s.db.Exec(query, args...)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := r.RowsAffected(); err != nil || n != 1 {
		t.Fatalf("%s changed %d rows: %v", query, n, err)
	}
}

// put puts a mail, and gives its ID.
func (s *store) put(t testing.TB, o mail.Object) outbox.ID {
	t.Helper()
	id, err := s.Put(t.Context(), nil, o)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// work works the box off until the function that it gives is called, or the test is over.
func (s *store) work(t testing.TB, w outbox.Worker) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Work(ctx, w) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("working: %v", err)
			}
		case <-time.After(60 * time.Second):
			t.Fatal("the worker does not end")
		}
	}
	t.Cleanup(stop)
	return stop
}

// until waits for a count to be what is wanted.
func (s *store) until(t testing.TB, want int, query string, args ...any) {
	t.Helper()
	var got int
	for end := time.Now().Add(60 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if got = s.count(t, query, args...); got == want {
			return
		}
	}
	t.Fatalf("%s: %d, and not %d\n%s", query, got, want, s.dump(t))
}

func (s *store) count(t testing.TB, query string, args ...any) (n int) {
	t.Helper()
	if err := s.db.QueryRow(query, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// inState counts recipients.
func (s *store) inState(t testing.TB, state outbox.State) int {
	t.Helper()
	return s.count(t, fmt.Sprintf("SELECT COUNT(*) FROM parley_recipients WHERE state = %d", state))
}

func (s *store) untilState(t testing.TB, want int, state outbox.State) {
	t.Helper()
	s.until(t, want, fmt.Sprintf("SELECT COUNT(*) FROM parley_recipients WHERE state = %d", state))
}

// dump is what stands in the tables, for a test that failed.
func (s *store) dump(t testing.TB) (text string) {
	for _, query := range []string{
		"SELECT message || '/' || n || ' ' || path || ' state ' || state || ' lane ' || lane || ' next ' || next_at || ' attempts ' || attempts || ' ' || reply FROM parley_recipients ORDER BY CASE state WHEN 5 THEN 9 ELSE state END, message, n LIMIT 20",
		"SELECT name || ' next ' || next_at || ' alert ' || alert_at || ' open ' || open_at || ' failures ' || failures || ' bears ' || bears || ' ' || why FROM parley_lanes ORDER BY name LIMIT 20",
		"SELECT message || '/' || n || ' what ' || what || ' attempt ' || attempt || ' ' || lane || ' ' || reply FROM parley_history ORDER BY id DESC LIMIT 20",
		"SELECT lane || ' ' || worker || ' ' || sessions FROM parley_shares LIMIT 20",
	} {
		rows, err := s.db.Query(query)
		if err != nil {
			return text + err.Error()
		}
		for rows.Next() {
			var line string
			rows.Scan(&line)
			text += "  " + line + "\n"
		}
		rows.Close()
	}
	return fmt.Sprintf("%snow %d", text, time.Now().UnixMilli())
}

func runSendsWhatIsPut(t *testing.T, open opener) {
	box := open(t)
	server := smtptest.NewServer(t)
	for i := range 30 {
		box.put(t, hello(i, fmt.Sprintf("kim%d@example.net", i), fmt.Sprintf("lee%d@example.net", i)))
	}
	stop := box.work(t, outbox.Worker{Router: outbox.One(server.Client(), outbox.Limits{Sessions: 4})})
	server.Wait(t, 30)
	box.untilState(t, 60, outbox.Sent)
	box.put(t, hello(99, "last@example.net"))
	box.untilState(t, 61, outbox.Sent)
	stop()
	if n := box.count(t, "SELECT COUNT(*) FROM parley_messages WHERE done = 0 OR content IS NOT NULL"); n != 0 {
		t.Errorf("%d messages are not over, or have their content still", n)
	}
	if n := box.count(t, "SELECT COUNT(*) FROM parley_history WHERE what = 3 AND tls = 'TLS 1.3' AND remote <> '' AND attempt = 1 AND reply LIKE '250 %'"); n != 61 {
		t.Errorf("%d of 61 stand in the history\n%s", n, box.dump(t))
	}
	for _, table := range []string{"parley_workers", "parley_shares"} {
		if n := box.count(t, "SELECT COUNT(*) FROM "+table); n != 0 {
			t.Errorf("%d rows are left in %s", n, table)
		}
	}
}
