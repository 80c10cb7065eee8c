package outbox_test

import (
	"context"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parleymail/parley/internal/hostile"
	"github.com/parleymail/parley/internal/testpg"
	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtpd"
)

// inMemory gives a client each of whose sessions is with a server in this process, by no network. It keeps none for the next mail.
func inMemory(tasks *sync.WaitGroup, s *smtpd.Server) *smtp.Client {
	return &smtp.Client{Addr: "mx.example:25", Security: smtp.Plaintext, Hello: "localhost", MaxSessions: 1000, MaxMessages: 1, Partial: true,
		DialContext: func(context.Context, string, string) (net.Conn, error) {
			ours, theirs := hostile.Pipe(hostile.Fault{})
			tasks.Go(func() { s.ServeConn(theirs) }) //nolint:errcheck // how it ends is not the question
			return ours, nil
		}}
}

// wanted is a number from the environment, for the long form of a test.
func wanted(name string, usual int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return n
	}
	return usual
}

// Many destinations, of which one never answers and one takes a second for each reply, are not held up by these. By a clock of its own, on
// which only waiting takes time, each delivery takes a tenth of a second; then it is exact what the two take away from the others. With
// PARLEY_FAIR, which says how many destinations there are, it is also told how long they take by the clock on the wall, where a delivery
// takes no longer than it must.
func TestFairness(t *testing.T) {
	usual := 3000
	if testing.Short() {
		usual = 600
	}
	n := wanted("PARLEY_FAIR", usual)
	const bad, each = 500, 100 * time.Millisecond
	var alone, beside time.Duration
	var kept int64
	synctest.Test(t, func(t *testing.T) { alone, _ = deliverAll(t, n, 0, each) })
	synctest.Test(t, func(t *testing.T) { beside, kept = deliverAll(t, n, bad, each) })
	t.Logf("%d destinations, %v each: %v; with one dead and one slow, with %d mails each: %v; %d sessions were theirs at most", n, each, alone, bad, beside, kept)
	if beside > alone*115/100+500*time.Millisecond {
		t.Errorf("the others took %v, and %v without the dead one and the slow one", beside, alone)
	}
	if kept < 5 || kept > 40 {
		t.Errorf("%d sessions were theirs", kept)
	}
	if os.Getenv("PARLEY_FAIR") == "" {
		return
	}
	for range 2 { // in turns, for the machine may have others to serve too
		t.Run("alone", func(t *testing.T) { deliverAll(t, n, 0, 0) })
		t.Run("beside", func(t *testing.T) { deliverAll(t, n, bad, 0) })
	}
}

// deliverAll puts a mail for each of n destinations behind so many for a dead one and a slow one, and gives how long it took until
// they were all delivered, and how many sessions the two have had at once.
func deliverAll(t *testing.T, n, bad int, each time.Duration) (took time.Duration, kept int64) {
	box := onSQLite(t)
	for _, domain := range []string{"dead.example", "slow.example"} {
		box.putTo(t, bad, func(i int) string { return fmt.Sprintf("kim%d@%s", i, domain) })
	}
	box.putTo(t, n, func(i int) string { return fmt.Sprintf("kim@d%d.example", i) })
	var taken atomic.Int64
	done := make(chan struct{})
	good := &smtpd.Server{Hostname: "mx.example", MaxSessions: -1, MaxSessionsPerIP: -1, Data: func(_ *smtpd.Transaction, content io.Reader) smtp.Reply {
		discardAll(content)
		time.Sleep(each)
		if taken.Add(1) == int64(n) {
			close(done)
		}
		return smtp.Reply{}
	}}
	slow := &smtpd.Server{Hostname: "mx.slow.example", MaxSessions: -1, MaxSessionsPerIP: -1, Fault: func(*smtpd.Session, *smtpd.Transaction, smtp.Stage, string) *smtpd.Fault {
		return &smtpd.Fault{Wait: time.Second}
	}, Data: func(_ *smtpd.Transaction, content io.Reader) smtp.Reply {
		discardAll(content)
		return smtp.Reply{}
	}}
	var tasks sync.WaitGroup
	dead := inMemory(&tasks, good)
	dead.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: os.ErrDeadlineExceeded}
	}
	router := &destinations{good: inMemory(&tasks, good)}
	router.dead, router.slow = &watched{Transport: dead, now: &router.bad, most: &router.most}, &watched{Transport: inMemory(&tasks, slow), now: &router.bad, most: &router.most}
	debug.FreeOSMemory()
	before := resident()
	begun := time.Now()
	stop := box.work(t, outbox.Worker{Router: router, Grace: -1})
	select {
	case <-done:
	case <-time.After(time.Hour):
		t.Fatalf("%d of %d are delivered", taken.Load(), n)
	}
	took = time.Since(begun)
	t.Logf("%d were delivered in %v, %.0f a second, and %d of the slow one's; %d MB are used, %d before", n, took, float64(n)/took.Seconds(),
		box.count(t, "SELECT COUNT(*) FROM parley_recipients WHERE state = 5 AND path LIKE '%slow.example'"), resident(), before)
	if used := resident(); used > 300 && each == 0 { // where no time passes nobody lets go of a timer that was stopped
		t.Errorf("%d MB are used", used)
	}
	stop()
	good.Close()
	slow.Close()
	tasks.Wait()
	return took, router.most.Load()
}

// destinations are as many lanes as there are domains.
type destinations struct {
	good       *smtp.Client
	dead, slow outbox.Transport
	bad, most  atomic.Int64
}

func (*destinations) Lanes(_ context.Context, r outbox.Recipient) ([]string, error) {
	return []string{r.Path.Domain}, nil
}

func (d *destinations) Lane(_ context.Context, name string) (*outbox.Lane, error) {
	l := &outbox.Lane{Name: name, Transport: d.good}
	switch name {
	case "dead.example":
		l.Transport = d.dead
	case "slow.example":
		l.Transport = d.slow
	}
	return l, nil
}

// A watched transport counts what it has under way.
type watched struct {
	outbox.Transport
	now, most *atomic.Int64
	seen      func(inUse int64)
}

func (w *watched) Send(ctx context.Context, o mail.Object) (*smtp.Receipt, error) {
	n := w.now.Add(1)
	defer w.now.Add(-1)
	for most := w.most.Load(); n > most && !w.most.CompareAndSwap(most, n); most = w.most.Load() {
	}
	if w.seen != nil {
		w.seen(n)
	}
	return w.Transport.Send(ctx, o)
}

// putTo puts n small mails, many at once.
func (s *store) putTo(t testing.TB, n int, address func(i int) string) {
	t.Helper()
	var next atomic.Int64
	var tasks sync.WaitGroup
	for range 200 {
		tasks.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				if _, err := s.Put(t.Context(), nil, &outbox.Mail{Object: hello(i, address(i)), Class: outbox.Bulk}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	tasks.Wait()
}

// A sample is numbers of which the mean and the deviation are wanted.
type sample struct {
	mu                  sync.Mutex
	count, sum, squares float64
}

func (s *sample) add(n float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count, s.sum, s.squares = s.count+1, s.sum+n, s.squares+n*n
}

func (s *sample) String() string { return fmt.Sprintf("%.2f ± %.2f", s.mean(), s.deviation()) }
func (s *sample) mean() float64  { return s.sum / s.count }
func (s *sample) deviation() float64 {
	return math.Sqrt(max(s.squares/s.count-s.mean()*s.mean(), 0))
}

// TestSettles is Postfix's experiment (its SCHEDULER_README) with all of ours: the box, its lanes, the client, and a server that takes so
// many sessions at once. What is counted is counted as there: how many deliveries are under way as each begins, those that are turned
// away too. Postfix had 5.17 ± 0.38 of 5, and 16.5 % turned away.
func TestSettles(t *testing.T) {
	for _, limit := range []int{5, 10} {
		t.Run(strconv.Itoa(limit), func(t *testing.T) {
			t.Parallel()
			mails := wanted("PARLEY_SETTLES", 1500)
			if testing.Short() {
				mails = 600
			}
			synctest.Test(t, func(t *testing.T) {
				of, _, turned := settle(t, limit, mails, 900*time.Millisecond, 1100*time.Millisecond)
				if want := float64(limit) + 1/float64(limit+1); math.Abs(of.mean()-want) > 0.1 || of.deviation() > 0.5 {
					t.Errorf("%v deliveries, and about %.2f ± 0.38 are to be", of, want)
				}
				if most := 1.3 / float64(limit+1); turned > most {
					t.Errorf("%.1f%% were turned away, and %.1f%% are to be", 100*turned, 100/float64(limit+1))
				}
			})
		})
	}
}

// settle gives how many deliveries were under way as each began, how many sessions the server has had in the midst of each that it
// took, and the share that it has turned away.
func settle(t *testing.T, limit, mails int, least, most time.Duration) (begun, had *sample, turned float64) {
	box := onSQLite(t)
	box.putTo(t, mails, func(i int) string { return fmt.Sprintf("kim%d@example.net", i) })
	begun, had = &sample{}, &sample{}
	var inside atomic.Int64
	server := &smtpd.Server{Hostname: "mx.example", MaxSessions: limit, Data: func(_ *smtpd.Transaction, content io.Reader) smtp.Reply {
		discardAll(content)
		inside.Add(1)
		defer inside.Add(-1)
		takes := least + rand.N(most-least+1)
		time.Sleep(takes / 2)
		had.add(float64(inside.Load()))
		time.Sleep(takes / 2)
		return smtp.Reply{}
	}}
	var tasks sync.WaitGroup
	var now, high atomic.Int64
	first := int64(mails / 10)
	var n atomic.Int64
	way := &watched{Transport: inMemory(&tasks, server), now: &now, most: &high, seen: func(inUse int64) {
		if n.Add(1) > first {
			begun.add(float64(inUse))
		}
	}}
	stop := box.work(t, outbox.Worker{Router: outbox.One(way, outbox.Limits{Sessions: 20})})
	for box.count(t, "SELECT CASE WHEN EXISTS (SELECT 1 FROM parley_recipients WHERE state <= 2) THEN 1 ELSE 0 END") == 1 {
		time.Sleep(500 * time.Millisecond)
	}
	stop()
	server.Close()
	tasks.Wait()
	box.untilState(t, mails, outbox.Sent)
	turned = float64(n.Load()-int64(mails)) / float64(n.Load())
	t.Logf("%d at once are taken, for %v to %v: %v deliveries under way as one begins; %v sessions had; %.1f%% turned away", limit, least, most, begun, had, 100*turned)
	return begun, had, turned
}

// TestAlertAmongStatements: an alert leaves within a second though statements, each a mail of its own, are queued for its lane: some
// thousands, or as many as PARLEY_STATEMENTS says.
func TestAlertAmongStatements(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) { alertAmongStatements(t, onSQLite(t), 10_000, wanted("PARLEY_STATEMENTS", 10_000)) })
	t.Run("postgres", func(t *testing.T) {
		cluster := testpg.Start(t)
		alertAmongStatements(t, onPostgres(t, cluster), 2000, wanted("PARLEY_STATEMENTS_POSTGRES", 2000))
	})
}

// alertAmongStatements is the test over one database; few is how many statements there are where nobody asks for more.
func alertAmongStatements(t *testing.T, box *store, few, statements int) {
	t.Helper()
	alerts, judged := 300, 299 // the slowest, where the machine is ours alone
	if statements == few {
		alerts, judged = 30, 15
	}
	put := time.Now()
	box.putTo(t, statements, func(i int) string { return fmt.Sprintf("kim%d@example.net", i) })
	t.Logf("%d statements are queued, %.0f a second", statements, float64(statements)/time.Since(put).Seconds())
	var taken atomic.Int64
	left := make(chan time.Time, 1)
	first := make(chan struct{})
	sink := newSink(t, func(s *smtpd.Server) {
		s.Data = func(tr *smtpd.Transaction, content io.Reader) smtp.Reply {
			discardAll(content)
			if tr.Recipients[0].Path.Local == "alert" {
				left <- time.Now()
			}
			if taken.Add(1) == 1 {
				close(first)
			}
			time.Sleep(20 * time.Millisecond)
			return smtp.Reply{}
		}
	})
	debug.FreeOSMemory()
	begun := time.Now()
	box.work(t, outbox.Worker{Router: outbox.One(sink.client(t, 20), outbox.Limits{Sessions: 20})})
	<-first
	t.Logf("the first leaves %v after the beginning", time.Since(begun))
	var took []time.Duration
	for len(took) < alerts {
		put := time.Now()
		box.put(t, &outbox.Mail{Object: hello(1, "alert@example.net"), Class: outbox.Alert})
		select {
		case at := <-left:
			took = append(took, at.Sub(put))
		case <-time.After(30 * time.Second):
			t.Fatalf("no alert in 30 s\n%s", box.dump(t))
		}
		time.Sleep(100 * time.Millisecond) // they come now and then
	}
	slices.Sort(took)
	t.Logf("an alert leaves after: median %v, 99 of 100 %v, at most %v; %d statements were delivered meanwhile; %d MB are used",
		took[len(took)/2], took[len(took)*99/100], took[len(took)-1], taken.Load()-int64(len(took)), resident())
	if most := took[judged]; most > time.Second {
		t.Errorf("an alert took %v", most)
	}
	if used := resident(); used > 300 && statements > few {
		t.Errorf("%d MB are used", used)
	}
}
