package outbox_test

import (
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtpd"
)

// A crowd counts the sessions of a server, and how many there were in the midst of each.
type crowd struct {
	mu           sync.Mutex
	now, turned  int
	sum, squares float64
	count        float64
}

// A server that takes five sessions at once, and says 421 to the sixth: about five are had, and few are turned away.
func settlesAtWhatIsBorne(t *testing.T, open opener) {
	const borne, mails = 5, 800
	box := open(t)
	var c crowd
	in := new(sync.Map)
	sink := newSink(t, func(s *smtpd.Server) {
		s.Greet = func(session *smtpd.Session) smtp.Reply {
			c.mu.Lock()
			defer c.mu.Unlock()
			if c.now >= borne {
				c.turned++
				return smtpd.Reply("421 4.7.0 too many sessions")
			}
			c.now++
			in.Store(session, true)
			return smtp.Reply{}
		}
		leave := func(session *smtpd.Session, _ error) {
			if _, was := in.LoadAndDelete(session); was {
				c.mu.Lock()
				c.now--
				c.mu.Unlock()
			}
		}
		s.Closed = leave
		data := s.Data
		s.Data = func(tr *smtpd.Transaction, content io.Reader) smtp.Reply {
			time.Sleep(10 * time.Millisecond) // it is a slow server; nobody waits for this
			c.mu.Lock()
			use := float64(c.now)
			c.sum, c.squares, c.count = c.sum+use, c.squares+use*use, c.count+1
			c.mu.Unlock()
			time.Sleep(10 * time.Millisecond)
			defer leave(tr.Session, nil) // its client knows that it is over before we see it hang up
			return data(tr, content)
		}
	})
	box.putMany(t, mails, outbox.Normal)
	client := sink.client(t, 100)
	client.MaxMessages = 1 // each mail has a session of its own, as in the experiment
	box.work(t, outbox.Worker{Router: outbox.One(client, outbox.Limits{Sessions: 20})})
	box.untilDone(t)
	c.mu.Lock()
	defer c.mu.Unlock()
	mean := c.sum / c.count
	t.Logf("%.2f ± %.2f in use, %d turned away, %.0f not", mean, math.Sqrt(c.squares/c.count-mean*mean), c.turned, c.count)
	if mean < 3.2 || float64(c.turned) > c.count/2 { // one in six is to be, and a slow machine sees more at once
		t.Errorf("%.2f sessions in use, where %d are borne; %d were turned away, and %.0f not", mean, borne, c.turned, c.count)
	}
	if n := sink.taken.Load(); n != mails {
		t.Errorf("%d mails came, of %d", n, mails)
	}
}

// Limits are those of all workers together.
func limitsOfAllWorkers(t *testing.T, open opener) {
	box := open(t)
	var inUse, most, seen atomic.Int64
	sink := newSink(t, func(s *smtpd.Server) {
		s.Mail = func(*smtpd.Transaction) smtp.Reply {
			n := inUse.Add(1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
			return smtp.Reply{}
		}
		s.Data = func(_ *smtpd.Transaction, content io.Reader) smtp.Reply {
			discardAll(content)
			time.Sleep(5 * time.Millisecond)
			inUse.Add(-1)
			seen.Add(1)
			return smtp.Reply{}
		}
	})
	box.putMany(t, 300, outbox.Normal)
	limits := outbox.Limits{Sessions: 3, PerHour: 150}
	for range 3 {
		box.work(t, outbox.Worker{Router: outbox.One(sink.client(t, 20), limits)})
	}
	box.untilState(t, 143, outbox.Sent) // a twentieth is kept for alerts
	id := box.put(t, &outbox.Mail{Object: hello(1, "ann@example.net"), Class: outbox.Alert})
	box.until(t, 1, fmt.Sprintf("SELECT COUNT(*) FROM parley_recipients WHERE state = 5 AND message = %d", id))
	time.Sleep(time.Second) // none more come
	if n := seen.Load(); n != 144 {
		t.Errorf("%d were sent, and 143 and an alert may be", n)
	}
	tally, err := box.Tally(t.Context())
	if err != nil || len(tally.Lanes) != 1 {
		t.Fatalf("%+v, %v", tally, err)
	}
	if next := time.Until(tally.Lanes[0].Next); next <= 0 || next > 66*time.Minute { // an hour is counted in pieces
		t.Errorf("the lane is said to go on in %v: %+v", next, tally.Lanes[0])
	}
	if n := most.Load(); n > 3 {
		t.Errorf("%d sessions at once, and 3 may be", n)
	}
	if n := box.count(t, "SELECT hour_n FROM parley_lanes"); n != 144 {
		t.Errorf("%d are counted", n)
	}
}

// What may go in a minute does not go in its first second; an alert may.
func limitIsUsedEvenly(t *testing.T, open opener) {
	box := open(t)
	sink := newSink(t, nil)
	sent := func(n int) {
		t.Helper()
		box.until(t, 1, fmt.Sprintf("SELECT CASE WHEN COUNT(*) >= %d THEN 1 ELSE 0 END FROM parley_recipients WHERE state = 5", n))
	}
	box.putMany(t, 300, outbox.Bulk)
	for range 2 {
		box.work(t, outbox.Worker{Router: outbox.One(sink.client(t, 20), outbox.Limits{Sessions: 3, PerMinute: 200})})
	}
	sent(20) // a tenth in each six seconds
	tally, err := box.Tally(t.Context())
	if err != nil || len(tally.Lanes) != 1 {
		t.Fatalf("%+v, %v", tally, err)
	}
	if next := time.Until(tally.Lanes[0].Next); next > 6*time.Second {
		t.Errorf("the lane is said to go on in %v", next)
	}
	for i := range 5 {
		id := box.put(t, &outbox.Mail{Object: hello(i, "ann@example.net"), Class: outbox.Alert})
		box.until(t, 1, fmt.Sprintf("SELECT COUNT(*) FROM parley_recipients WHERE state = 5 AND message = %d", id))
	}
	begun := time.Now()
	sent(26)
	if took := time.Since(begun); took > slowly(8*time.Second) {
		t.Errorf("the next came after %v", took)
	}
	if n := box.count(t, "SELECT count(*) FROM parley_recipients WHERE state = 5"); n > 65 { // it may have begun at the end of one piece
		t.Errorf("%d were sent in less than ten seconds, and 200 may be in a minute", n)
	}
}

// An alert leaves within a second, whatever waits before it.
func alertGoesFirst(t *testing.T, open opener) {
	box := open(t)
	bulk := 100_000
	if testing.Short() {
		bulk = 3_000
	}
	if os.Getenv("PARLEY_SLOW") != "" {
		bulk = 1_000_000
	}
	box.fill(t, bulk)
	alerts := make(chan time.Time, 1)
	sink := newSink(t, func(s *smtpd.Server) {
		s.Data = func(tr *smtpd.Transaction, content io.Reader) smtp.Reply {
			discardAll(content)
			if tr.Recipients[0].Path.Local == "alert" {
				alerts <- time.Now()
			}
			time.Sleep(20 * time.Millisecond)
			return smtp.Reply{}
		}
	})
	debug.FreeOSMemory()
	begun := time.Now()
	box.work(t, outbox.Worker{Router: outbox.One(sink.client(t, 20), outbox.Limits{Sessions: 20})})
	box.until(t, 1, "SELECT CASE WHEN COUNT(*) > 20 THEN 1 ELSE 0 END FROM parley_history WHERE what = 3")
	if took := time.Since(begun); took > slowly(3*time.Second) {
		t.Errorf("20 were sent %v after the beginning", took)
	} else {
		t.Logf("20 were sent %v after the beginning", took)
	}
	for range 5 {
		put := time.Now()
		box.put(t, &outbox.Mail{Object: hello(1, "alert@example.net"), Class: outbox.Alert})
		select {
		case at := <-alerts:
			if took := at.Sub(put); took > slowly(time.Second) {
				t.Errorf("an alert took %v", took)
			} else {
				t.Logf("an alert took %v", took)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("no alert in 20 s\n%s", box.dump(t))
		}
		time.Sleep(time.Duration(bulk) * time.Microsecond) // they come now and then
	}
	if used := resident(); used > 300 && !testing.Short() {
		t.Errorf("%d MB are used", used)
	} else {
		t.Logf("%d MB are used", used)
	}
}

// slowly is a bound as it is where the race detector runs, which is with -short.
func slowly(d time.Duration) time.Duration {
	if testing.Short() {
		return 10 * d
	}
	return d
}

// resident is how much memory this process has, in MB; 0 where the system does not say. SQLite's is not Go's.
func resident() (mb int) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	fmt.Sscan(rest, &mb) //nolint:errcheck // then it is 0
	return mb >> 10
}

// fill puts very many bulk mails, by fewer statements than Put has.
func (s *store) fill(t testing.TB, n int) {
	t.Helper()
	const each = 1000
	for n > 0 {
		var to []string
		for i := range min(n, each) {
			to = append(to, fmt.Sprintf("kim%d@example.net", i))
		}
		n -= len(to)
		s.put(t, &outbox.Mail{Object: hello(n, to...), Class: outbox.Bulk})
	}
}

// Classes go one after the other where there is one session.
func classesInOrder(t *testing.T, open opener) {
	box := open(t)
	var mu sync.Mutex
	var order []string
	sink := newSink(t, func(s *smtpd.Server) {
		s.Data = func(tr *smtpd.Transaction, content io.Reader) smtp.Reply {
			discardAll(content)
			mu.Lock()
			defer mu.Unlock()
			order = append(order, tr.Recipients[0].Path.Local[:1])
			return smtp.Reply{}
		}
	})
	for i := range 5 {
		for _, c := range []outbox.Class{outbox.Bulk, outbox.Normal, outbox.Alert} {
			box.put(t, &outbox.Mail{Object: hello(i, c.String()+"@example.net"), Class: c})
		}
	}
	// All have a lane before any is sent: the router lets the lane be known only then.
	router := &table{way: []string{"one"}, lanes: map[string]*outbox.Lane{"one": {Transport: late{box, sink.client(t, 1)}, Limits: outbox.Limits{Sessions: 1}}}}
	box.work(t, outbox.Worker{Router: router})
	box.untilState(t, 15, outbox.Sent)
	mu.Lock()
	defer mu.Unlock()
	rest := order[1:] // the first may have been alone
	if !slices.IsSortedFunc(rest, func(x, y string) int { return strings.Index("anb", x) - strings.Index("anb", y) }) || len(rest) != 14 {
		t.Errorf("they went as %s", strings.Join(order, ""))
	}
}

// late sends nothing before all that waits has its lane.
type late struct {
	box *store
	outbox.Transport
}

func (l late) Send(ctx context.Context, o mail.Object) (*smtp.Receipt, error) {
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		var n int
		if l.box.db.QueryRow("SELECT COUNT(*) FROM parley_recipients WHERE lane = 0").Scan(&n) == nil && n == 0 {
			break
		}
	}
	return l.Transport.Send(ctx, o)
}
