package outbox_test

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parleymail/parley/internal/testpg"
	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/outbox/sqlite"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtpd"
)

// childPuts, in the environment of this very program, makes it put mail as fast as it can: the driver and the URL of the database,
// the number of the first mail, and the address of a server that the box is worked off to, or "-".
const childPuts = "PARLEY_TEST_PUTTER"

// numbered is the mail of a number. Some stand in pieces, and some have several recipients.
func numbered(n int64) *outbox.Mail {
	lines := 20
	switch {
	case n%500 == 0:
		lines = 9000
	case n%50 == 0:
		lines = 1000
	}
	body := fmt.Sprintf("From: shop@example.net\r\nSubject: %d\r\n\r\n", n) + strings.Repeat(fmt.Sprintf("This is mail %d, and all is well with it.\r\n", n), lines)
	m := &mail.Raw{Data: []byte(body), Env: mail.Envelope{ReversePath: mail.Path{Local: "shop", Domain: "example.net"}}}
	for i := range 1 + n%20/19*2 {
		m.Env.Recipients = append(m.Env.Recipients, mail.Recipient{Path: mail.Path{Local: fmt.Sprintf("c%d.%d", n, i), Domain: "example.org"}})
	}
	return &outbox.Mail{Object: m, Topic: strconv.FormatInt(n, 10), Class: outbox.Class(n % 3)} //nolint:gosec // three classes
}

// childPut is what the child does. What it says is a line for each mail that was put, with its ID and its number, or with "!" and an error.
func childPut(how string) error {
	var driver, url, server string
	var next atomic.Int64
	if _, err := fmt.Sscan(how, &driver, &url, (*scanned)(&next), &server); err != nil {
		return err
	}
	s, err := (&place{driver: driver, url: url}).open(context.Background())
	if err != nil {
		return err
	}
	for range 20 {
		go func() {
			for {
				n := next.Add(1)
				id, err := s.Put(context.Background(), nil, numbered(n))
				if err != nil {
					fmt.Fprintf(os.Stdout, "! %v\n", strings.ReplaceAll(err.Error(), "\n", " "))
					time.Sleep(20 * time.Millisecond)
					continue
				}
				fmt.Fprintf(os.Stdout, "%v %d\n", id, n) // one write, so that no line is mixed with another
			}
		}()
	}
	if server == "-" {
		select {}
	}
	client := &smtp.Client{Addr: server, Security: smtp.Plaintext, Hello: "localhost", MaxSessions: 20, Partial: true}
	return s.Work(context.Background(), impatient(client))
}

type scanned atomic.Int64

func (s *scanned) Scan(state fmt.ScanState, _ rune) error {
	var n int64
	_, err := fmt.Fscan(state, &n)
	(*atomic.Int64)(s).Store(n)
	return err
}

// impatient is a worker that tries again soon.
func impatient(t outbox.Transport) outbox.Worker {
	soon := outbox.Retry{First: 100 * time.Millisecond, Most: 200 * time.Millisecond}
	return outbox.Worker{Router: outbox.One(t, outbox.Limits{Sessions: 10}), Retry: soon, AlertRetry: soon}
}

// A place is where a box is, whoever opens it.
type place struct{ driver, url string }

func (p *place) open(ctx context.Context) (*store, error) {
	s := &store{d: outbox.SQLite, driver: p.driver, url: p.url}
	if p.driver == "pgx" {
		s.d = outbox.Postgres
	}
	var err error
	if s.db, err = sql.Open(p.driver, p.url); err != nil {
		return nil, err
	}
	s.db.SetMaxIdleConns(16)
	if err = outbox.Migrate(ctx, s.db, s.d); err == nil {
		s.Box, err = outbox.New(ctx, s.db, s.d, outbox.Options{Log: slog.New(slog.DiscardHandler)})
	}
	if err != nil {
		s.db.Close()
		return nil, err
	}
	return s, nil
}

// close leaves nothing open, so that the next who opens it finds the files as they are.
func (s *store) close(t *testing.T) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := s.db.Close(); err != nil {
		t.Error(err)
	}
}

// killed runs a test over both databases, in parts of so many rounds, each in a box of its own, so that what was checked is out of the way.
func killed(t *testing.T, few int, part func(t *testing.T, k *killing)) {
	const most = 50
	for _, name := range []string{"sqlite", "postgres"} {
		t.Run(name, func(t *testing.T) {
			k := &killing{t: t, rounds: few, begun: time.Now()}
			if n, err := strconv.Atoi(os.Getenv("PARLEY_KILLS")); err == nil {
				k.rounds, k.tells = n, true
			} else if testing.Short() {
				k.rounds = 2
			}
			if name == "postgres" {
				k.cluster = testpg.Start(t)
			}
			for k.done < k.rounds && !t.Failed() {
				k.place = place{"sqlite", sqlite.URL(filepath.Join(t.TempDir(), "box.db"))}
				if k.cluster != nil {
					k.place = place{"pgx", k.cluster.Database(t)}
				}
				k.until = min(k.done+most, k.rounds)
				k.said = make(map[int64]outbox.ID)
				part(t, k)
				k.all += len(k.said)
			}
			t.Logf("%s", k.figures())
			if k.all == 0 {
				t.Error("nothing was put")
			}
		})
	}
}

// A killing kills children that put, and knows what they said.
type killing struct {
	t       *testing.T
	cluster *testpg.Cluster
	place   place
	down    bool   // PostgreSQL was killed, and is not back
	server  string // empty: nothing is worked off

	rounds, done, until int // in all; that are over; of this part
	said                map[int64]outbox.ID
	fresh               map[int64]outbox.ID // that were said in the last round
	all                 int                 // mails that were said in the parts before
	twice               int                 // mails that came twice, all of them marked
	unsaid              int                 // that were put, and the child was killed before it could say so
	tells               bool
	begun, told         time.Time
}

func (k *killing) figures() string {
	return fmt.Sprintf("%d of %d kills, %d mails were put and none is lost, %d more of which nobody was told; %d came twice, all of them marked; %v",
		k.done, k.rounds, k.all, k.unsaid, k.twice, time.Since(k.begun).Round(time.Second))
}

// round starts a child, and kills it some time after its first word, or before it. In some rounds PostgreSQL is killed too, or before.
func (k *killing) round() {
	k.t.Helper()
	k.done++
	k.fresh = make(map[int64]outbox.ID)
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), fmt.Sprintf("%s=%s %s %d %s", childPuts, k.place.driver, k.place.url, int64(k.done)<<24, orDash(k.server)))
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		k.t.Fatal(err)
	}
	lines := make(chan string, 1000)
	go func() {
		defer close(lines)
		for r := bufio.NewReader(out); ; {
			line, err := r.ReadString('\n')
			if err != nil {
				return // a line without its end was not said
			}
			lines <- strings.TrimSuffix(line, "\n")
		}
	}()
	k.hear(c, lines)
	c.Wait() //nolint:errcheck // it was killed
	if k.down {
		k.cluster.Launch(k.t)
		k.down = false
	}
	if k.tells && time.Since(k.told) > 10*time.Second {
		k.told = time.Now()
		fmt.Fprintf(os.Stderr, "%s: %d of %d kills, %d mails were put, %v\n", k.t.Name(), k.done, k.rounds, k.all+len(k.said), time.Since(k.begun).Round(time.Second))
	}
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// check looks whether mails are there, and whole.
func (k *killing) check(s *store, mails map[int64]outbox.ID) {
	k.t.Helper()
	for n, id := range mails {
		want := numbered(n)
		shown, err := s.Show(k.t.Context(), id)
		if err != nil {
			k.t.Errorf("mail %d was put as %v: %v", n, id, err)
			continue
		}
		env, _ := want.Envelope()
		if shown.Problem != "" || len(shown.Recipients) != len(env.Recipients) || shown.Recipients[0].Path != fmt.Sprintf("c%d.0@example.org", n) || shown.Recipients[0].Topic != want.Topic {
			k.t.Errorf("mail %d is not whole: %+v", n, shown)
		}
		if !bytes.Equal(content(k.t, s.Box, id), want.Object.(*mail.Raw).Data) {
			k.t.Errorf("mail %d has another content", n)
		}
	}
}

// TestKilledPutting: what Put has given an ID for is there after kill -9, of the program or of PostgreSQL, whole; and whatever else is there is whole too.
func TestKilledPutting(t *testing.T) {
	killed(t, 5, func(t *testing.T, k *killing) {
		for k.done < k.until && !t.Failed() {
			k.round()
			s, err := k.place.open(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			k.check(s, k.fresh)
			if k.done == k.until {
				k.check(s, k.there(s))
			}
			s.close(t)
		}
	})
}

// there gives all that is there.
func (k *killing) there(s *store) map[int64]outbox.ID {
	all := make(map[int64]outbox.ID)
	for i, err := range s.Each(k.t.Context(), outbox.Query{}) {
		if err != nil {
			k.t.Fatal(err)
		}
		n, err := strconv.ParseInt(i.Topic, 10, 64)
		if first, again := all[n]; err != nil || again && first != i.Message {
			k.t.Errorf("a mail is there that nobody put, or that somebody put twice: %+v", i)
		}
		all[n] = i.Message
	}
	for n, id := range k.said {
		if all[n] != id {
			k.t.Errorf("mail %d was put as %v, and there is %v", n, id, all[n])
		}
	}
	k.unsaid += len(all) - len(k.said)
	return all
}

// TestKilledAtWork: what Put has given an ID for comes to the server, whole, however often the program that works it off is killed, or
// PostgreSQL. What comes twice was marked as one that may have been taken.
func TestKilledAtWork(t *testing.T) {
	killed(t, 8, func(t *testing.T, k *killing) {
		came := newArrivals(t)
		k.server = came.addr
		for k.done < k.until && !t.Failed() {
			k.round()
		}
		s, err := k.place.open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer s.close(t)
		stop := s.work(t, impatient(came.client(t, 20)))
		left := -1
		for end := time.Now().Add(time.Minute); left != 0; time.Sleep(20 * time.Millisecond) {
			n := s.count(t, "SELECT COUNT(*) FROM parley_recipients WHERE state <> 5")
			if n != left {
				left, end = n, time.Now().Add(time.Minute)
			}
			if time.Now().After(end) {
				t.Fatalf("%d do not come\n%s", left, s.dump(t))
			}
		}
		stop()
		k.there(s)
		k.twice += came.check(t, s)
	})
}

// Arrivals counts what came, by the recipient's name.
type arrivals struct {
	*sink
	mu  sync.Mutex
	got map[string]int
}

func newArrivals(t *testing.T) *arrivals {
	c := &arrivals{got: make(map[string]int)}
	c.sink = newSink(t, func(s *smtpd.Server) {
		s.MaxSessionsPerIP = -1
		s.Data = func(tr *smtpd.Transaction, r io.Reader) smtp.Reply {
			text, err := io.ReadAll(r)
			if err != nil {
				return smtp.Reply{} // it broke off, and was none
			}
			_, subject, _ := bytes.Cut(text, []byte("\r\nSubject: "))
			subject, _, _ = bytes.Cut(subject, []byte("\r\n"))
			n, err := strconv.ParseInt(string(subject), 10, 64)
			whole := err == nil && bytes.Equal(text, numbered(n).Object.(*mail.Raw).Data)
			c.mu.Lock()
			defer c.mu.Unlock()
			for _, r := range tr.Recipients {
				if !whole || !strings.HasPrefix(r.Path.Local, fmt.Sprintf("c%d.", n)) {
					t.Errorf("mail %q is not what was put, or went to another: %d octets for %v", subject, len(text), r.Path)
				}
				c.got[r.Path.Local]++
			}
			return smtp.Reply{}
		}
	})
	return c
}

// check holds what came against what the box knows, and gives how many came twice.
func (c *arrivals) check(t *testing.T, s *store) (twice int) {
	t.Helper()
	rows, err := s.db.Query(`SELECT path, unknowns, (SELECT COUNT(*) FROM parley_history h WHERE h.message = r.message AND h.n = r.n AND h.what = 7),
		(SELECT COUNT(*) FROM parley_history h WHERE h.message = r.message AND h.n = r.n AND h.what = 3) FROM parley_recipients r`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	for rows.Next() {
		var path string
		var unknowns, marked, sent int
		if err := rows.Scan(&path, &unknowns, &marked, &sent); err != nil {
			t.Fatal(err)
		}
		name, _, _ := strings.Cut(path, "@")
		got := c.got[name]
		delete(c.got, name)
		if got > 1 {
			twice++
		}
		if got == 0 || got > 1+unknowns || unknowns != marked || sent != 1 {
			t.Errorf("%s came %d times; %d times nobody knew, of which the history has %d, and %d times it was sent", name, got, unknowns, marked, sent)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	for name := range c.got {
		t.Errorf("%s came, and the box does not know it", name)
	}
	return twice
}

// hear notes what the child says, and kills it meanwhile.
func (k *killing) hear(c *exec.Cmd, lines <-chan string) {
	kill := func() { c.Process.Kill() } //nolint:errcheck // it may be over
	soon := func(most int) time.Duration { return time.Duration(rand.IntN(most*1000)) * time.Microsecond }
	if k.done%10 == 5 {
		defer time.AfterFunc(soon(60), kill).Stop() // it may not have come to its first word
	}
	defer time.AfterFunc(time.Minute, kill).Stop()
	first, cut := true, false
	for line := range lines {
		if rest, ok := strings.CutPrefix(line, "! "); ok {
			if !cut {
				k.t.Errorf("round %d: putting: %s", k.done, rest)
			}
			continue
		}
		text, number, _ := strings.Cut(line, " ")
		id, err := outbox.ParseID(text)
		n, nerr := strconv.ParseInt(number, 10, 64)
		if err != nil || nerr != nil {
			k.t.Fatalf("the child said %q", line)
		}
		k.said[n], k.fresh[n] = id, id
		if !first {
			continue
		}
		first = false
		if k.cluster == nil || k.cluster.Dir == "" || k.done%5 != 0 {
			time.AfterFunc(soon(150), kill)
			continue
		}
		cut = true
		time.Sleep(soon(150))
		k.cluster.Kill()
		if k.down = k.done%10 == 0; !k.down {
			k.cluster.Launch(k.t) // and the child goes on
		}
		time.AfterFunc(soon(1000), kill)
	}
}
