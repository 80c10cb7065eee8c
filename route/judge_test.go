package route

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/smtp"
)

func judgeOf(provider string, at place) *judge {
	return &judge{facts: diagnose.Default(), rules: knownReplies(), provider: provider, place: at}
}

// What providers say, and how long it stops a lane.
func TestVerdicts(t *testing.T) {
	for _, c := range []struct {
		provider string
		at       place
		stage    smtp.Stage
		line     string
		suspend  time.Duration
		rate     int
	}{
		{"qq", account, smtp.StageMail, "550 Connection frequency limited. http://service.mail.qq.com/cgi-bin/help?subtype=1", time.Hour, 10},
		{"exmail", account, smtp.StageAuth, "535 Error: authentication failed, system busy", 15 * time.Minute, 0},
		{"netease-163", account, smtp.StageEnd, "451 DT:SPM ,please try again", 15 * time.Minute, 0},
		{"netease-126", account, smtp.StageGreeting, "421 Too many connections", time.Minute, 5},
		{"gmail", account, smtp.StageMail, "550-5.4.5 Daily user sending limit exceeded. For more information on Gmail - gsmtp", 24 * time.Hour, 0},
		{"gmail", account, smtp.StageAuth, "454-4.7.0 Too many login attempts, please try again later.", 15 * time.Minute, 0},
		{"gmail", account, smtp.StageAuth, "535-5.7.8 Username and Password not accepted. For more information, go to https://support.google.com/mail/?p=BadCredentials", 15 * time.Minute, 0},
		{"gmail", mailHosts, smtp.StageRcpt, "450-4.2.1 The user you are trying to contact is receiving mail too quickly.", 0, 0},
		{"gmail", mailHosts, smtp.StageRcpt, "550-5.1.1 The email account that you tried to reach does not exist.", 0, 0},
		{"gmail", mailHosts, smtp.StageEnd, "421-4.7.28 Gmail has detected an unusual rate of unsolicited mail originating from your IP address.", 30 * time.Minute, 10},
		{"microsoft365", account, smtp.StageMail, "432 4.3.2 Concurrent connections limit exceeded.", time.Minute, 20},
		{"microsoft365", mailHosts, smtp.StageRcpt, "451 4.7.500 Server busy. Please try again later from [192.0.2.2].", 15 * time.Minute, 10},
		{"yahoo", mailHosts, smtp.StageMail, "421 4.7.0 [TSS04] Messages from 192.0.2.25 temporarily deferred due to unexpected volume", 2 * time.Hour, 1},
		{"ses", account, smtp.StageEnd, "454 Throttling failure: Maximum sending rate exceeded.", 5 * time.Second, 0},
		{"ses", account, smtp.StageEnd, "454 Throttling failure: Daily message quota exceeded.", time.Hour, 0},
		{"ses", account, smtp.StageEnd, "554 Message rejected: Email address is not verified.", 0, 0},
		{"", mailHosts, smtp.StageMail, "421 4.3.2 Service shutting down", 30 * time.Second, 0},
		{"", mailHosts, smtp.StageGreeting, "554 5.7.1 Service unavailable; Client host [203.0.113.4] blocked using zen.spamhaus.org", 30 * time.Minute, 0},
		{"", account, smtp.StageEnd, "554 5.7.1 Spam message rejected", 0, 0},
		{"", mailHosts, smtp.StageRcpt, "450 4.2.0 <kim@example.net>: Recipient address rejected: Greylisted", 0, 0},
		{"", mailHosts, smtp.StageRcpt, "452 4.2.2 mailbox full", 0, 0},
		{"", mailHosts, smtp.StageRcpt, "550 5.1.1 <kim@example.net>: User unknown", 0, 0},
		{"", mailHosts, smtp.StageEnd, "552 5.3.4 message too big", 0, 0},
		{"", account, smtp.StageAuth, "535 5.7.8 authentication failed", 15 * time.Minute, 0},
		{"", account, smtp.StageHello, "502 5.5.2 command not recognized", 5 * time.Minute, 0},
	} {
		v := judgeOf(c.provider, c.at).judge(errorOf(c.stage, c.line))
		if v.Suspend != c.suspend || v.Rate != c.rate {
			t.Errorf("%s %s: %+v", c.provider, c.line, v)
		}
	}
}

// Each of the kinds of failure that stops an account's login does, and none of a mail's own.
func TestWhatIsOfTheMailStopsNoLane(t *testing.T) {
	for _, kind := range []diagnose.Kind{
		"recipient-unknown", "recipient-domain", "recipient-disabled", "recipient-invalid", "mailbox-full", "greylisted",
		"message-too-big", "attachment-blocked", "malformed-message", "line-too-long", "utf8-unsupported", "sender-mismatch",
	} {
		for _, k := range diagnose.Default().Known(kind) {
			for _, at := range []place{account, mailHosts} {
				e := errorOf(smtp.StageRcpt, k.Example)
				if e.Reply.Code == 0 || e.Reply.Code == 421 {
					continue // it closes the session, whatever it says
				}
				j := judgeOf("", at)
				if v := j.judge(e); v.Suspend != 0 || v.Slow != 0 {
					t.Errorf("%s %q: %+v by %s", kind, k.Example, v, factOf(j, e).ID)
				}
			}
		}
	}
}

func TestNoVerdictWithoutOne(t *testing.T) {
	j := judgeOf("qq", account)
	for _, e := range []*smtp.Error{
		nil,
		{Kind: smtp.Interrupted, Stage: smtp.StageAuth, Err: context.Canceled},
		{Kind: smtp.Invalid, Stage: smtp.StageMail, Err: errors.New("no recipient")},
		{Kind: smtp.Unreachable, Stage: smtp.StageDial, Err: errors.New("connection refused")},
		{Kind: smtp.Unreachable, Stage: smtp.StageEnd, Err: errors.New("the server hung up")},
		{Kind: smtp.Unsupported, Stage: smtp.StageMail, Err: errors.New("no SMTPUTF8")},
	} {
		if v := j.judge(e); v != (outbox.Verdict{}) {
			t.Errorf("%v: %+v", e, v)
		}
	}
	also := &smtp.Error{Kind: smtp.Refused, Stage: smtp.StageRcpt, Reply: smtp.Reply{Code: 550, Lines: []string{"no such user"}}}
	also.Also = []*smtp.Error{errorOf(smtp.StageRcpt, "550 Sender frequency limited")}
	if v := j.judge(also); v.Suspend != time.Hour {
		t.Errorf("what another recipient was told is not heard: %+v", v)
	}
}

// A bad password is tried ever more seldom, whoever else fails meanwhile, and anew once a mail went.
func TestLoginsAreTriedEverMoreSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := judgeOf("", account)
		bad := errorOf(smtp.StageAuth, "535 5.7.8 authentication failed")
		for _, want := range []time.Duration{15 * time.Minute, time.Hour, 4 * time.Hour, 12 * time.Hour, 24 * time.Hour, 24 * time.Hour} {
			if v := j.judge(bad); v.Suspend != want {
				t.Fatalf("suspended for %v, want %v", v.Suspend, want)
			}
			time.Sleep(want / 3)
			if v := j.judge(bad); v.Suspend != want-want/3 {
				t.Fatalf("one that was under way makes it %v", v.Suspend)
			}
			j.went() // as was this
			time.Sleep(want - want/3)
		}
		j.went()
		if v := j.judge(bad); v.Suspend != 15*time.Minute {
			t.Errorf("after a mail went: %v", v.Suspend)
		}
	})
}

type fixed struct{ err error }

func (f fixed) Send(context.Context, mail.Object) (*smtp.Receipt, error) {
	return &smtp.Receipt{}, f.err
}

func TestLanesTellTheirJudge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := judgeOf("", account)
		bad := errorOf(smtp.StageAuth, "535 5.7.8 authentication failed")
		j.judge(bad)
		time.Sleep(time.Hour)
		(&watched{fixed{bad}, j}).Send(t.Context(), nil)
		if v := j.judge(bad); v.Suspend != time.Hour {
			t.Errorf("a mail that failed is taken for one that went: %v", v.Suspend)
		}
		time.Sleep(2 * time.Hour)
		(&watched{fixed{}, j}).Send(t.Context(), nil)
		if v := j.judge(bad); v.Suspend != 15*time.Minute {
			t.Errorf("after a mail went: %v", v.Suspend)
		}
	})
}
