package outbox_test

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtpd"
	"github.com/parleymail/parley/smtptest"
)

// A server that cannot be had is left for the next, within seconds, and alerts leave it first.
func failOver(t *testing.T, open opener) {
	box := open(t)
	dead := newSink(t, func(s *smtpd.Server) {
		s.Greet = func(*smtpd.Session) smtp.Reply { return smtpd.Reply("421 4.3.2 not today") }
	})
	var first atomic.Value
	other := newSink(t, func(s *smtpd.Server) {
		s.Data = func(tr *smtpd.Transaction, content io.Reader) smtp.Reply {
			discardAll(content)
			first.CompareAndSwap(nil, tr.Recipients[0].Path.Local)
			time.Sleep(time.Millisecond)
			return smtp.Reply{}
		}
	})
	router := &table{way: []string{"dead", "other"}, lanes: map[string]*outbox.Lane{
		"dead": {Transport: dead.client(t, 5)}, "other": {Transport: other.client(t, 1), Limits: outbox.Limits{Sessions: 1}},
	}}
	box.putMany(t, 300, outbox.Bulk)
	box.put(t, &outbox.Mail{Object: hello(1, "alert@example.net"), Class: outbox.Alert})
	begun := time.Now()
	box.work(t, outbox.Worker{Router: router})
	box.untilDone(t)
	if took := time.Since(begun); took > slowly(15*time.Second) {
		t.Errorf("it took %v", took)
	}
	box.untilState(t, 301, outbox.Sent)
	if n := box.count(t, "SELECT COUNT(*) FROM parley_history WHERE what = 15 AND lane = 'other'"); n == 0 {
		t.Errorf("%d were moved\n%s", n, box.dump(t))
	}
	if got, _ := first.Load().(string); got != "alert" {
		t.Logf("the first was %s, and not the alert", got) // it may have been routed after the bulk
	}
	// What comes now does not go to the dead lane first, unless that is just being tried again.
	box.exec(t, "UPDATE parley_lanes SET open_at = open_at + 60000 WHERE name = ?", "dead")
	id := box.put(t, hello(2, "late@example.net"))
	box.until(t, 1, fmt.Sprintf("SELECT COUNT(*) FROM parley_recipients WHERE state = 5 AND message = %d", id))
	if n := box.count(t, fmt.Sprintf("SELECT COUNT(*) FROM parley_history WHERE message = %d", id)); n != 1 {
		t.Errorf("it went the long way: %d events", n)
	}
}

// What a lane's Judge says holds for all workers; a mail that was refused for the lane's sake is not given up.
func judged(t *testing.T, open opener) {
	box := open(t)
	server := smtptest.NewServer(t)
	server.Fault(smtptest.Fault{Stage: smtp.StageMail, Say: "550 frequency limited", Times: 1})
	judge := func(e *smtp.Error) outbox.Verdict {
		if strings.Contains(e.Reply.Text(), "frequency") {
			return outbox.Verdict{Suspend: 3 * time.Second, Slow: time.Hour, Rate: 2, Why: e.Reply.String()}
		}
		return outbox.Verdict{}
	}
	router := &table{way: []string{"qq"}, lanes: map[string]*outbox.Lane{"qq": {Transport: quiet(server), Judge: judge, Limits: outbox.Limits{Sessions: 1}}}}
	for i := range 5 {
		box.put(t, hello(i, fmt.Sprintf("kim%d@example.net", i)))
	}
	for range 2 {
		box.work(t, outbox.Worker{Router: router, Retry: outbox.Retry{First: time.Second, Most: time.Second}})
	}
	begun := time.Now()
	box.until(t, 1, "SELECT COUNT(*) FROM parley_lanes WHERE why = '550 frequency limited'")
	box.untilState(t, 1, outbox.Sent)
	if took := time.Since(begun); took < 2*time.Second {
		t.Errorf("it went on after %v", took)
	}
	time.Sleep(time.Second)
	// Two in a minute, of which the one that was refused is the first.
	if n := box.inState(t, outbox.Sent); n != 1 {
		t.Errorf("%d were sent, and two in a minute may be tried\n%s", n, box.dump(t))
	}
	if n := box.inState(t, outbox.Bounced); n != 0 {
		t.Errorf("%d are given up", n)
	}
}

// Many lanes, of which one is dead and one is slow, do not wait for these.
func manyLanes(t *testing.T, open opener) {
	lanes := 2000
	if testing.Short() {
		lanes = 200
	}
	box := open(t)
	hold := make(chan struct{})
	sink := newSink(t, func(s *smtpd.Server) {
		s.MaxSessionsPerIP = -1
		s.Rcpt = func(tr *smtpd.Transaction, _ mailRecipient) smtp.Reply {
			if strings.HasPrefix(tr.ReversePath.Local, "slow") {
				<-hold
			}
			return smtp.Reply{}
		}
	})
	defer close(hold)
	client, slow := sink.client(t, 200), sink.client(t, 200)
	gone := &smtp.Client{Addr: "127.0.0.1:1", Security: smtp.Plaintext}
	var mu sync.Mutex
	known := make(map[string]*outbox.Lane)
	router := &table{lanes: known, of: func(r outbox.Recipient) ([]string, error) {
		mu.Lock()
		defer mu.Unlock()
		name := r.Path.Domain
		if known[name] == nil {
			l := &outbox.Lane{Transport: client}
			switch name {
			case "slow.example":
				l.Transport = slow
			case "dead.example":
				l.Transport = gone
			}
			known[name] = l
		}
		return []string{name}, nil
	}}
	for i := range 100 {
		m := hello(i, fmt.Sprintf("kim%d@slow.example", i))
		m.Env.ReversePath.Local = "slow"
		box.put(t, m)
		box.put(t, hello(i, fmt.Sprintf("kim%d@dead.example", i)))
	}
	var to []string
	for i := range lanes {
		to = append(to, fmt.Sprintf("kim@d%d.example", i))
	}
	box.put(t, hello(1, to...))
	begun := time.Now()
	box.work(t, outbox.Worker{Router: router, MaxSessions: 50, Grace: -1})
	box.untilState(t, lanes, outbox.Sent)
	t.Logf("%d lanes took %v", lanes, time.Since(begun))
	if n := box.count(t, "SELECT COUNT(*) FROM parley_recipients WHERE state = 2"); n > 20 {
		t.Errorf("the slow lane has %d sessions", n)
	}
}

// A lane that the router knows no more has its mail routed anew; a recipient that it refuses is given up, and one that it
// cannot judge yet is asked for again.
func routerSaysOtherwise(t *testing.T, open opener) {
	box := open(t)
	server := smtptest.NewServer(t)
	router := &table{lanes: map[string]*outbox.Lane{}}
	var asked atomic.Int64
	router.of = func(r outbox.Recipient) ([]string, error) {
		switch r.Path.Local {
		case "nobody":
			return nil, &outbox.Refusal{Reply: "556 5.1.10 example.net takes no mail"}
		case "later":
			asked.Add(1)
			return nil, fmt.Errorf("the DNS does not answer")
		}
		if asked.Add(1) == 1 {
			return []string{"old"}, nil
		}
		return []string{"new"}, nil
	}
	router.lanes["new"] = &outbox.Lane{Transport: quiet(server)}
	box.put(t, hello(1, "kim@example.net"))
	box.work(t, outbox.Worker{Router: router})
	box.untilState(t, 1, outbox.Sent)
	box.put(t, hello(2, "nobody@example.net"))
	box.untilState(t, 1, outbox.Bounced)
	bounce := server.Find(t, func(m *smtptest.Mail) bool { return m.Envelope.ReversePath.IsNull() })
	if !strings.Contains(string(bounce.Content), "5.1.10") {
		t.Errorf("the bounce does not tell why:\n%s", bounce.Content)
	}
	id := box.put(t, hello(3, "later@example.net"))
	box.until(t, 1, fmt.Sprintf("SELECT COUNT(*) FROM parley_recipients WHERE message = %d AND state = 0 AND reply LIKE '%%DNS%%' AND next_at > changed", id))
}

// Who is on the suppression list is sent nothing, and the sender is told.
func suppressedIsNotSent(t *testing.T, open opener) {
	box := open(t)
	server := smtptest.NewServer(t)
	if err := box.Suppress(t.Context(), outbox.Suppression{Address: "Kim@example.net", Reason: "complaint"}); err != nil {
		t.Fatal(err)
	}
	box.put(t, hello(1, "kim@example.net", "lee@example.net"))
	box.work(t, outbox.Worker{Router: outbox.One(quiet(server), outbox.Limits{})})
	box.untilState(t, 1, outbox.Bounced)
	box.untilState(t, 2, outbox.Sent)
	for _, m := range server.Wait(t, 2) {
		if m.Envelope.Recipients[0].Path.Local == "kim" {
			t.Error("it was sent")
		}
	}
	box.until(t, 1, "SELECT COUNT(*) FROM parley_history WHERE what = 14 AND reply LIKE '%complaint%'")
}
