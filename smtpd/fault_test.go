package smtpd_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtpd"
)

// faulty is a server with one fault at a stage; kept has what Data took, and lost how
// often its reader said ErrLost.
type faulty struct {
	*smtpd.Server
	kept []string
	lost int
	why  error
	met  []string // stage and line, as the hook was asked
}

func newFaulty(at smtp.Stage, f smtpd.Fault) *faulty {
	x := new(faulty)
	x.Server = &smtpd.Server{
		Hostname: "mx.example", MaxErrors: -1,
		Fault: func(_ *smtpd.Session, _ *smtpd.Transaction, stage smtp.Stage, line string) *smtpd.Fault {
			x.met = append(x.met, stage.String()+" "+line)
			if stage == at {
				return &f
			}
			return nil
		},
		Data: func(_ *smtpd.Transaction, content io.Reader) smtp.Reply {
			data, err := io.ReadAll(content)
			switch {
			case errors.Is(err, smtpd.ErrLost):
				x.lost++
			case err == nil:
				x.kept = append(x.kept, string(data))
			}
			return smtp.Reply{}
		},
		Closed: func(_ *smtpd.Session, why error) { x.why = why },
	}
	return x
}

// talk says a whole session at once, or in lock-step, and gives all that is heard.
func (x *faulty) talk(t *testing.T, lockstep bool, lines ...string) (heard string, took time.Duration) {
	t.Helper()
	c := open(t, x.Server)
	begun := time.Now()
	if lockstep {
		heard = c.hear()
		for _, line := range lines {
			c.say(line)
			if line != content {
				heard += c.hear()
			}
		}
	} else {
		go c.say(strings.Join(lines, ""))
	}
	c.SetReadDeadline(time.Now().Add(time.Hour))
	rest, _ := io.ReadAll(c.in)
	heard += string(rest)
	took = time.Since(begun)
	c.Close()
	<-c.why
	return heard, took
}

const content = "Subject: x\r\n\r\nhello\r\n"

// wholeSession is a mail and QUIT, command by command.
var wholeSession = []string{
	"EHLO client.example\r\n", "MAIL FROM:<a@example.com>\r\n", "RCPT TO:<kim@example.net>\r\n", "DATA\r\n", content, ".\r\n", "QUIT\r\n",
}

// TestFaultRefuses: at each stage the client hears what the fault says, whole, and the
// command is not obeyed.
func TestFaultRefuses(t *testing.T) {
	const no = "451-4.7.1 not now\n451 4.7.1 come back later"
	const wire = "451-4.7.1 not now\r\n451 4.7.1 come back later\r\n"
	for _, test := range []struct {
		at    smtp.Stage
		after string // what the next command hears
	}{
		{smtp.StageGreeting, "503"}, {smtp.StageHello, "503"}, {smtp.StageMail, "503"}, {smtp.StageRcpt, "503"},
		{smtp.StageData, ""}, {smtp.StageEnd, "221"},
	} {
		t.Run(test.at.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x := newFaulty(test.at, smtpd.Fault{Say: no})
				lines := wholeSession
				if test.at != smtp.StageEnd {
					lines = append(append([]string{}, wholeSession[:4]...), "QUIT\r\n")
				}
				heard, _ := x.talk(t, true, lines...)
				before, after, found := strings.Cut(heard, wire)
				if !found || strings.Contains(before, "451") || !strings.HasPrefix(after, test.after) {
					t.Errorf("heard\n%s", heard)
				}
				if len(x.kept) != 0 || test.at == smtp.StageEnd && x.lost != 1 {
					t.Errorf("kept %q, lost %d", x.kept, x.lost)
				}
			})
		})
	}
}

// TestFaultFields: what each field does, in lock-step and pipelined.
func TestFaultFields(t *testing.T) {
	for name, test := range map[string]struct {
		at           smtp.Stage
		fault        smtpd.Fault
		pipelined    bool
		has, not     string // of what is heard
		least        time.Duration
		kept         int
		why          error
		brokenIsFine bool
	}{
		"wait":               {at: smtp.StageRcpt, fault: smtpd.Fault{Wait: 10 * time.Minute}, has: "250 2.1.5", least: 10 * time.Minute, kept: 1},
		"wait, pipelined":    {at: smtp.StageRcpt, fault: smtpd.Fault{Wait: time.Minute}, pipelined: true, has: "250 2.1.5", least: time.Minute, kept: 1},
		"other words":        {at: smtp.StageMail, fault: smtpd.Fault{Say: "250 fine with me"}, has: "250 fine with me\r\n", not: "2.1.0", kept: 1},
		"garbage":            {at: smtp.StageMail, fault: smtpd.Fault{Say: "\xff\xfe nonsense\r\n", Raw: true}, has: "\xff\xfe nonsense\r\n", not: "2.1.0", kept: 1},
		"mute":               {at: smtp.StageHello, fault: smtpd.Fault{Mute: true}, pipelined: true, not: "SIZE", has: "250 2.1.0", kept: 1},
		"more":               {at: smtp.StageHello, fault: smtpd.Fault{Pause: time.Second, More: "421 4.4.2 idle", Then: smtpd.HangUp}, pipelined: true, has: "HELP\r\n421 4.4.2 idle\r\n", not: "2.1.0", least: time.Second, why: smtpd.ErrFault},
		"hang up":            {at: smtp.StageGreeting, fault: smtpd.Fault{Mute: true, Then: smtpd.HangUp}, pipelined: true, not: "2", why: smtpd.ErrFault},
		"reset":              {at: smtp.StageMail, fault: smtpd.Fault{Mute: true, Then: smtpd.Reset}, pipelined: true, not: "2.1.0", why: smtpd.ErrFault},
		"half-close":         {at: smtp.StageMail, fault: smtpd.Fault{Then: smtpd.HalfClose}, pipelined: true, has: "2.1.0", not: "2.1.5", why: smtpd.ErrFault},
		"silence":            {at: smtp.StageMail, fault: smtpd.Fault{Then: smtpd.Fall}, pipelined: true, has: "2.1.0", not: "2.1.5", least: time.Hour, why: smtpd.ErrFault},
		"lost":               {at: smtp.StageEnd, fault: smtpd.Fault{Lose: true}, has: "250 2.0.0", kept: 0},
		"mute after the dot": {at: smtp.StageEnd, fault: smtpd.Fault{Mute: true, Then: smtpd.HangUp}, pipelined: true, has: "354", not: "2.0.0", kept: 1, why: smtpd.ErrFault},
		"content refused":    {at: smtp.StageContent, fault: smtpd.Fault{Say: "552 5.3.4 too big", Octets: 5}, pipelined: true, has: "a dot alone\r\n552 5.3.4 too big\r\n", not: "2.0.0", why: smtpd.ErrFault},
		"cut in the content": {at: smtp.StageContent, fault: smtpd.Fault{Octets: 5, Then: smtpd.HangUp}, pipelined: true, has: "354", not: "2.0.0", why: smtpd.ErrFault},
		"content too short":  {at: smtp.StageContent, fault: smtpd.Fault{Octets: 5000, Then: smtpd.HangUp}, has: "2.0.0", kept: 1},
		"slow":               {at: smtp.StageHello, fault: smtpd.Fault{Rate: 10}, has: "221", least: 30 * time.Second, kept: 1},
		"not 354":            {at: smtp.StageData, fault: smtpd.Fault{Say: "250 what?"}, pipelined: true, has: "250 what?", not: "354", why: nil, brokenIsFine: true},
		"endless":            {at: smtp.StageMail, fault: smtpd.Fault{Say: "250 and on", Endless: true, Rate: 4000}, pipelined: true, has: "250-and on\r\n250-and on\r\n", least: time.Hour, why: smtpd.ErrFault},
		"reset at the end":   {at: smtp.StageQuit, fault: smtpd.Fault{Then: smtpd.Reset}, has: "250 2.0.0", kept: 1, why: smtpd.ErrFault},
		"hang up at the dot": {at: smtp.StageEnd, fault: smtpd.Fault{Say: "250 2.0.0 ok", Then: smtpd.HangUp}, pipelined: true, has: "250 2.0.0 ok\r\n", not: "221", kept: 1, why: smtpd.ErrFault},
		"nothing":            {at: smtp.StageRcpt, fault: smtpd.Fault{}, has: "221", kept: 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x := newFaulty(test.at, test.fault)
				heard, took := x.talk(t, !test.pipelined, wholeSession...)
				if !strings.Contains(heard, test.has) || test.not != "" && strings.Contains(heard, test.not) {
					t.Errorf("heard\n%.2000s", heard)
				}
				if len(x.kept) != test.kept || test.kept == 1 && x.kept[0] != content {
					t.Errorf("kept %q", x.kept)
				}
				if took < test.least {
					t.Errorf("it took %v, want %v at least", took, test.least)
				}
				if !errors.Is(x.why, test.why) && !test.brokenIsFine {
					t.Errorf("it ended with %v, want %v", x.why, test.why)
				}
			})
		})
	}
}

// TestFaultIsAskedOnce: at each step in its order, with AUTH's secrets hidden.
func TestFaultIsAskedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newFaulty(0, smtpd.Fault{})
		x.talk(t, true, "EHLO a\r\n", "AUTH PLAIN AGtpbQB0dWxpcC10dWxpcA==\r\n", "MAIL FROM:<a@example.com>\r\n", "RCPT TO:<kim@example.net>\r\n",
			"BDAT 3\r\nabc", "BDAT 3 LAST\r\nd\r\n", "RSET\r\n", "QUIT\r\n")
		want := strings.Join([]string{
			"greeting ", "hello EHLO a", "auth AUTH PLAIN (secret)", "mail MAIL FROM:<a@example.com>", "rcpt RCPT TO:<kim@example.net>",
			"data BDAT 3", "content MAIL FROM:<a@example.com>", "end MAIL FROM:<a@example.com>", "reset RSET", "quit QUIT",
		}, "\n")
		if got := strings.Join(x.met, "\n"); got != want {
			t.Errorf("asked\n%s\nwant\n%s", got, want)
		}
	})
}

// TestFaultOverLMTP: what is said at the end is said for each recipient, and what
// follows is done once.
func TestFaultOverLMTP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newFaulty(smtp.StageEnd, smtpd.Fault{Say: "452 4.2.2 full", Wait: time.Minute})
		x.LMTP = true
		heard, took := x.talk(t, false, "LHLO a\r\n", "MAIL FROM:<a@example.com>\r\n", "RCPT TO:<kim@example.net>\r\n", "RCPT TO:<li@example.net>\r\n",
			"DATA\r\n", content, ".\r\n", "QUIT\r\n")
		if strings.Count(heard, "452 4.2.2 full\r\n") != 2 || took != time.Minute || len(x.kept) != 0 {
			t.Errorf("after %v, kept %d, heard\n%s", took, len(x.kept), heard)
		}
	})
}

// TestIdle: a client that is silent for too long hears what Idle says.
func TestIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := &smtpd.Server{Hostname: "mx.example", Idle: func(*smtpd.Session) (time.Duration, string) { return 8 * time.Second, "421 4.4.2 idle for too long" }}
		c := connect(t, srv)
		begun := time.Now()
		c.want(t, "421 4.4.2 idle")
		c.closed(t)
		if took := time.Since(begun); took < 8*time.Second || took > 10*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

// TestFaultEndsWithTheServer: no fault's wait holds up a server that is told to end.
func TestFaultEndsWithTheServer(t *testing.T) {
	for name, f := range map[string]smtpd.Fault{
		"wait": {Wait: time.Hour}, "pause": {Pause: time.Hour}, "silence": {Then: smtpd.Fall}, "half-closed": {Then: smtpd.HalfClose}, "endless": {Endless: true, Rate: 100},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x := newFaulty(smtp.StageHello, f)
				c := connect(t, x.Server)
				go io.Copy(io.Discard, c.in)
				c.say("EHLO a\r\n")
				synctest.Wait()
				begun := time.Now()
				if err := x.Shutdown(t.Context()); err != nil {
					t.Fatal(err)
				}
				<-c.why
				if took := time.Since(begun); took > 2*time.Second {
					t.Errorf("it took %v to end", took)
				}
			})
		})
	}
}
