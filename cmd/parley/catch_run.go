package main

import (
	"context"
	"path/filepath"
	"slices"

	"github.com/parleymail/parley/inbox"
)

// around runs a command that sends mail, and reports what it sent. The exit code is
// the command's own, if what it sent is what was expected.
func (c *catcher) around(ctx context.Context, command []string) int {
	u := c.u
	c.view.quiet()
	before, err := c.marked(ctx)
	if err != nil {
		return u.finish(new(result), err, "", c.flags.json)
	}
	running, stop := context.WithCancel(ctx)
	served := make(chan error, 1)
	go func() { served <- c.serve(running) }()
	code, err := c.run(ctx, command)
	// What the command handed over last may be on its way to the store: once no session is
	// left, it is there.
	c.finish()
	report, failed := c.report(context.WithoutCancel(ctx), before)
	stop()
	<-served
	if err == nil {
		err = failed
	}
	if err != nil {
		return u.finish(new(result), err, "", c.flags.json)
	}
	report.Exit = code
	u.printCaught(report, c.flags.json)
	for _, line := range c.view.release() {
		u.print(line)
	}
	if want := c.flags.expect; want >= 0 && report.Mails != want && code == 0 {
		u.tell(u.say(wordCatchExpected, want, report.Mails))
		return exitRefused
	}
	return code
}

// run runs the command, with where to send to in its environment.
func (c *catcher) run(ctx context.Context, command []string) (code int, err error) {
	stdout := c.u.out
	if c.flags.json {
		stdout = c.u.err
	}
	l := c.plain
	if l == nil {
		l = c.implicit
	}
	environ := []string{"SMTP_URL=" + c.smtpURLFor(c.login()), "PARLEY_CATCH=" + c.pageURL()}
	if c.flags.https && c.flags.saveCert != "" {
		ca, err := filepath.Abs(c.flags.saveCert)
		if err != nil {
			return 0, err
		}
		environ = append(environ, "PARLEY_CATCH_CA="+ca)
	}
	return c.u.runCommand(ctx, command, stdout, l.Addr(), environ...)
}

// A caught is what a command sent.
type caught struct {
	Event    string          `json:"event"` // "caught"
	Exit     int             `json:"exit"`  // of the command
	Messages []inbox.Message `json:"messages"`
	Failed   []caughtSession `json:"failed_sessions"`
	Mails    int             `json:"mails"` // those that were taken: one in several mailboxes is one, and one that is not kept any more too
}

// A caughtSession is one that went wrong, and what that means.
type caughtSession struct {
	*inbox.Session
	Diagnosis *explanation    `json:"diagnosis,omitempty"`
	OnPurpose []inbox.Purpose `json:"on_purpose,omitempty"`

	mishap mishap
}

// mostReported is how many messages and sessions a report tells of.
const mostReported = 1000

// A mark is what the store had before a command ran.
type mark struct{ message, session int64 }

func (c *catcher) marked(ctx context.Context) (m mark, err error) {
	messages, err := c.store.Messages(ctx, inbox.Query{Limit: 1})
	if err != nil {
		return m, err
	}
	sessions, err := c.store.Sessions(ctx, inbox.Query{Limit: 1})
	if err != nil {
		return m, err
	}
	for _, one := range messages.Items {
		m.message = one.ID
	}
	for _, one := range sessions.Items {
		m.session = one.ID
	}
	return m, nil
}

// report is what came since, oldest first.
func (c *catcher) report(ctx context.Context, since mark) (*caught, error) {
	messages, err := c.store.Messages(ctx, inbox.Query{Limit: mostReported, After: since.message})
	if err != nil {
		return nil, err
	}
	failed, err := inbox.ParseQuery("is:failed")
	if err != nil {
		return nil, err
	}
	failed.Limit, failed.After = mostReported, since.session
	sessions, err := c.store.Sessions(ctx, failed)
	if err != nil {
		return nil, err
	}
	r := &caught{Event: "caught", Messages: messages.Items, Failed: []caughtSession{}, Mails: int(c.server.Taken())}
	slices.Reverse(r.Messages)
	slices.Reverse(sessions.Items)
	for i := range sessions.Items {
		s := &sessions.Items[i]
		said, err := c.store.Transcript(ctx, s.ID)
		if err != nil {
			return nil, err
		}
		one := caughtSession{Session: s, mishap: mishapOf(s, said)}
		if one.OnPurpose = one.mishap.purpose; one.mishap.meant != nil {
			one.Diagnosis = c.u.explained(one.mishap.meant)
		}
		r.Failed = append(r.Failed, one)
	}
	return r, nil
}

// printCaught prints what a command sent, below what it printed itself.
func (u *ui) printCaught(r *caught, asJSON bool) {
	if asJSON {
		u.printJSON(r)
		return
	}
	u.print("")
	u.print(u.styles.title.Render(u.say(wordCatchSent, r.Mails, len(r.Failed))))
	for i := range r.Messages {
		if i == 0 || !areCopies(&r.Messages[i-1], &r.Messages[i]) {
			u.printMessage(&r.Messages[i])
		}
	}
	for _, s := range r.Failed {
		u.printFailedSession(s.Session, s.mishap, "")
		u.printEnd(s.mishap.end)
	}
}

// areCopies reports whether two messages are one mail, in two mailboxes.
func areCopies(a, b *inbox.Message) bool { return a.Session == b.Session && a.At.Equal(b.At) }
