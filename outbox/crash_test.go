package outbox_test

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtpd"
)

// childWorks, in the environment of this very program, makes it a worker: the database, and the server's address.
const childWorks = "PARLEY_TEST_WORKER"

func TestMain(m *testing.M) {
	for name, child := range map[string]func(string) error{childWorks: childWork, childPuts: childPut, childPutsFew: childPutFew} {
		if how := os.Getenv(name); how != "" {
			if err := child(how); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			return
		}
	}
	goleak.VerifyTestMain(m)
}

func childWork(how string) error {
	f := strings.Fields(how)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	d := outbox.SQLite
	if f[0] == "pgx" {
		d = outbox.Postgres
	}
	db, err := sql.Open(f[0], f[1])
	if err != nil {
		return err
	}
	defer db.Close()
	box, err := outbox.New(ctx, db, d, outbox.Options{})
	if err != nil {
		return err
	}
	defer box.Close()
	lease, err := time.ParseDuration(f[3])
	if err != nil {
		return err
	}
	client := &smtp.Client{Addr: f[2], Security: smtp.Plaintext, Hello: "localhost", MaxSessions: 20, Partial: true}
	defer client.Close()
	fmt.Println("working")
	return box.Work(ctx, outbox.Worker{Router: outbox.One(client, outbox.Limits{Sessions: 10}), Retry: outbox.Retry{First: time.Second, Most: time.Second}}.Lasting(lease))
}

// A process is a worker that can be killed.
type process struct {
	*exec.Cmd
	over chan struct{}
}

func (s *store) child(t *testing.T, server string, lease time.Duration) *process {
	t.Helper()
	p := &process{Cmd: exec.Command(os.Args[0]), over: make(chan struct{})}
	p.Env = append(os.Environ(), fmt.Sprintf("%s=%s %s %s %v", childWorks, s.driver, s.url, server, lease))
	p.Stderr = os.Stderr
	out, err := p.StdoutPipe()
	if err == nil {
		err = p.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || line != "working\n" {
		t.Fatalf("the worker said %q: %v", line, err)
	}
	go func() {
		io.Copy(io.Discard, out) //nolint:errcheck // it says no more
		p.Wait()                 //nolint:errcheck // it was killed
		close(p.over)
	}()
	t.Cleanup(func() { p.end(syscall.SIGKILL) })
	return p
}

func (p *process) end(how os.Signal) {
	p.Process.Signal(how) //nolint:errcheck // it may be over
	<-p.over
}

// A counting sink knows how often each recipient's mail came.
type counting struct {
	*sink
	mu  sync.Mutex
	got map[string]int
}

func newCounting(t *testing.T, wait time.Duration) *counting {
	c := &counting{got: make(map[string]int)}
	c.sink = newSink(t, func(s *smtpd.Server) {
		s.Data = func(tr *smtpd.Transaction, content io.Reader) smtp.Reply {
			if _, err := io.Copy(io.Discard, content); err != nil {
				return smtp.Reply{} // it broke off, and was none
			}
			c.mu.Lock()
			for _, r := range tr.Recipients {
				c.got[r.Path.Local]++
			}
			c.mu.Unlock()
			time.Sleep(wait) // it was taken, and the client does not know yet
			return smtp.Reply{}
		}
	})
	return c
}

// check holds what came against what is known of it: each mail came, and those that came twice are marked.
func (c *counting) check(t *testing.T, box *store, n int) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	twice := 0
	for i := 1; i <= n; i++ {
		name := fmt.Sprintf("kim%d", i)
		times := c.got[name]
		if times == 0 {
			t.Errorf("%s got none", name)
		}
		if times > 1 {
			twice++
			unknown := box.count(t, fmt.Sprintf("SELECT unknowns FROM parley_recipients WHERE path = '%s@example.net'", name))
			if unknown < times-1 {
				t.Errorf("%s got %d, and %d times it was noted that it may have been taken", name, times, unknown)
			}
		}
	}
	t.Logf("%d of %d came twice, %d were marked", twice, n, box.count(t, "SELECT COUNT(*) FROM parley_recipients WHERE unknowns > 0"))
}

// A worker that is killed: another takes up what it had, at once where it is on the same machine, and else when its lease is over.
func workerIsKilled(t *testing.T, open opener) {
	for _, same := range []bool{true, false} {
		t.Run(fmt.Sprintf("same machine %v", same), func(t *testing.T) {
			const n = 200
			box, sink := open(t), newCounting(t, 20*time.Millisecond)
			box.putMany(t, n, outbox.Normal)
			lease := time.Minute
			if !same {
				lease = 2 * time.Second
			}
			p := box.child(t, sink.addr, lease)
			box.until(t, 1, "SELECT CASE WHEN COUNT(*) >= 20 THEN 1 ELSE 0 END FROM parley_recipients WHERE state = 5")
			p.end(syscall.SIGKILL)
			left := box.inState(t, outbox.Sending)
			if left == 0 {
				t.Log("it had nothing when it was killed")
			}
			if !same {
				box.exec(t, "UPDATE parley_workers SET process = ?", "")
			}
			box.work(t, outbox.Worker{Router: outbox.One(sink.client(t, 10), outbox.Limits{Sessions: 10})}.Lasting(lease))
			box.untilState(t, n, outbox.Sent)
			sink.check(t, box, n)
			if marked := box.count(t, "SELECT COUNT(*) FROM parley_history WHERE what = 7"); marked != left {
				t.Errorf("%d were being sent, and %d are marked", left, marked)
			}
		})
	}
}

// Three workers, of which one after the other is frozen for longer than its lease: nobody gets a mail twice, but for those that
// are marked, and none is left.
func workerIsFrozen(t *testing.T, open opener) {
	const n = 600
	const lease = 2 * time.Second
	box, sink := open(t), newCounting(t, 20*time.Millisecond)
	box.putMany(t, n, outbox.Normal)
	var all []*process
	for range 3 {
		all = append(all, box.child(t, sink.addr, lease))
	}
	for i, p := range all {
		box.until(t, 1, fmt.Sprintf("SELECT CASE WHEN COUNT(*) >= %d THEN 1 ELSE 0 END FROM parley_recipients WHERE state = 5", 100*(i+1)))
		box.freeze(t, p)
		box.until(t, 2, "SELECT COUNT(*) FROM parley_workers") // the others have taken up what it had
		if err := p.Process.Signal(syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
		box.until(t, 3, "SELECT COUNT(*) FROM parley_workers")
	}
	box.untilState(t, n, outbox.Sent)
	for _, p := range all {
		p.end(syscall.SIGTERM)
	}
	sink.check(t, box, n)
	for _, table := range []string{"parley_workers", "parley_shares WHERE sessions > 0"} {
		if left := box.count(t, "SELECT COUNT(*) FROM "+table); left != 0 {
			t.Errorf("%d rows are left in %s", left, table)
		}
	}
}

// freeze stops a process. Over SQLite not while it writes: its lock is the only one that there is, and no other
// process could do anything until it goes on. PostgreSQL ends such a transaction.
func (s *store) freeze(t *testing.T, p *process) {
	t.Helper()
	for {
		if err := p.Process.Signal(syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		if s.d != outbox.SQLite {
			return
		}
		time.Sleep(20 * time.Millisecond) // a signal takes its time
		db, err := sql.Open("sqlite", strings.Replace(s.url, "10000", "300", 1))
		if err != nil {
			t.Fatal(err)
		}
		_, err = db.Exec("BEGIN IMMEDIATE; ROLLBACK")
		db.Close()
		if err == nil {
			return
		}
		if err := p.Process.Signal(syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// When the context ends nothing stays under way, whatever the server does.
func nothingStaysUnderWay(t *testing.T, open opener) {
	box := open(t)
	begun := make(chan bool, 100)
	hold := make(chan struct{})
	defer close(hold)
	sink := newSink(t, func(s *smtpd.Server) {
		s.Data = func(_ *smtpd.Transaction, content io.Reader) smtp.Reply {
			discardAll(content)
			begun <- true
			<-hold
			return smtp.Reply{}
		}
		s.Without = []string{"CHUNKING"} // with it all of a mail goes out at once
		s.Rcpt = func(tr *smtpd.Transaction, r mail.Recipient) smtp.Reply {
			if strings.HasPrefix(r.Path.Local, "slow") {
				begun <- true
				<-hold
			}
			return smtp.Reply{}
		}
	})
	for i := range 3 {
		box.put(t, hello(i, fmt.Sprintf("kim%d@example.net", i)))
		box.put(t, hello(i, fmt.Sprintf("slow%d@example.net", i)))
	}
	client := sink.client(t, 10)
	stop := box.work(t, outbox.Worker{Router: outbox.One(client, outbox.Limits{Sessions: 10}), Grace: -1})
	for range 5 {
		<-begun
	}
	stop()
	if n := box.inState(t, outbox.Sending); n != 0 {
		t.Errorf("%d are still under way\n%s", n, box.dump(t))
	}
	if n := box.count(t, "SELECT COUNT(*) FROM parley_recipients WHERE unknowns = 1 AND path LIKE 'kim%'"); n < 2 {
		t.Errorf("%d may have been taken, and are marked\n%s", n, box.dump(t))
	}
	if n := box.count(t, "SELECT COUNT(*) FROM parley_recipients WHERE state = 0 AND attempts = 0 AND unknowns = 0"); n < 3 {
		t.Errorf("%d were put back as if nothing had been\n%s", n, box.dump(t))
	}
}
