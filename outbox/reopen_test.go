package outbox_test

import (
	"context"
	"testing"
	"time"

	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtptest"
)

// A lane that is suspended for an hour goes on at once when it is opened; another that is suspended stays so.
func reopened(t *testing.T, open opener) {
	box := open(t)
	server := smtptest.NewServer(t)
	server.Fault(smtptest.Fault{Stage: smtp.StageMail, Say: "535 wrong password", Times: 2})
	judge := func(e *smtp.Error) outbox.Verdict {
		return outbox.Verdict{Suspend: time.Hour, Why: e.Reply.String()}
	}
	lane := func() *outbox.Lane {
		return &outbox.Lane{Transport: quiet(server), Judge: judge, Limits: outbox.Limits{Sessions: 1}}
	}
	router := &table{lanes: map[string]*outbox.Lane{"mended": lane(), "other": lane()}, of: func(r outbox.Recipient) ([]string, error) {
		return []string{r.Path.Local}, nil
	}}
	box.put(t, hello(0, "mended@example.net"))
	box.put(t, hello(1, "other@example.net"))
	box.work(t, outbox.Worker{Router: router, Retry: outbox.Retry{First: 50 * time.Millisecond, Most: 50 * time.Millisecond}})
	box.until(t, 2, "SELECT COUNT(*) FROM parley_lanes WHERE why = '535 wrong password'")
	told := map[string]string{}
	n, err := box.Reopen(t.Context(), func(lane, why string) bool {
		told[lane] = why
		return lane == "mended"
	})
	if err != nil || n != 1 || len(told) != 2 || told["other"] != "535 wrong password" {
		t.Errorf("%d lanes were opened, %v; it was told of %q", n, err, told)
	}
	box.untilState(t, 1, outbox.Sent)
	if n, err := box.Reopen(t.Context(), func(lane, _ string) bool { return lane == "mended" }); n != 0 || err != nil {
		t.Errorf("what is open was opened: %d, %v", n, err)
	}
	time.Sleep(200 * time.Millisecond)
	if n := box.inState(t, outbox.Sent); n != 1 {
		t.Errorf("%d were sent, and one lane alone was opened\n%s", n, box.dump(t))
	}
}

// What is retried waits for its lane; what is retried now does not.
func retriedNow(t *testing.T, open opener) {
	box := open(t)
	server := smtptest.NewServer(t)
	server.Fault(smtptest.Fault{Stage: smtp.StageMail, Say: "535 wrong password", Times: 1})
	lane := &outbox.Lane{Transport: quiet(server), Limits: outbox.Limits{Sessions: 1}, Judge: func(e *smtp.Error) outbox.Verdict {
		return outbox.Verdict{Suspend: time.Hour, Why: e.Reply.String()}
	}}
	router := &table{lanes: map[string]*outbox.Lane{"a": lane}, of: func(outbox.Recipient) ([]string, error) { return []string{"a"}, nil }}
	id := box.put(t, hello(0, "kim@example.net"))
	box.work(t, outbox.Worker{Router: router})
	box.until(t, 1, "SELECT COUNT(*) FROM parley_lanes WHERE why = '535 wrong password'")
	box.untilState(t, 0, outbox.Sending)
	for _, way := range []struct {
		retry func(context.Context, ...outbox.Ref) (int, error)
		sent  int
	}{{box.Retry, 0}, {box.RetryNow, 1}} {
		if n, err := way.retry(t.Context(), outbox.All(id)); n != 1 || err != nil {
			t.Fatalf("%d were retried, %v", n, err)
		}
		if way.sent == 0 {
			time.Sleep(200 * time.Millisecond)
		}
		box.untilState(t, way.sent, outbox.Sent)
	}
}
