package main

import (
	"context"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/transcript"
)

// demoCommand is "parley demo".
func (a *app) demoCommand() *cobra.Command {
	var once, asJSON bool
	cmd := &cobra.Command{
		Use:   "demo [--once] [--json]",
		Short: a.ui.say(wordDemoShort),
		Long:  a.ui.say(wordDemoLong),
		Args:  a.noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d := &demo{u: a.ui, json: asJSON, statement: newStatement()}
			a.exit = d.run(cmd.Context(), once)
			return nil
		},
	}
	cmd.Flags().BoolVar(&once, "once", false, "")
	cmd.Flags().BoolVar(&asJSON, "json", false, "")
	a.describe(cmd, demoWords)
	return cmd
}

// A demo is one run of it.
type demo struct {
	u         *ui
	json      bool
	statement *demoStatement
	server    *demoServer
	tell      func(smtp.Event) // what is told of conversations
	mu        sync.Mutex       // one at a time prints
}

// ownSession is the one in which the demo's own mail goes: nobody else knows of the
// server before.
const ownSession = 1

// run is the demo from its begin to its end.
func (d *demo) run(ctx context.Context, once bool) int {
	d.tell = newExplainer(d.u).trace
	if d.json {
		d.tell = transcript.JSON(d.u.out)
	}
	// Of the first session the client tells; of those that come later, the server.
	server := newDemoServer(d.heard)
	d.server = server
	if err := server.start(); err != nil {
		return d.u.finish(new(result), err, "", d.json)
	}
	defer server.close()
	d.title()
	r, err := d.send(ctx)
	code := d.u.finish(r, err, server.addr, d.json)
	if err == nil && !d.json {
		d.next(once)
	}
	if once || err != nil {
		return code
	}
	<-ctx.Done()
	if !d.json {
		d.u.print("\n" + d.u.say(wordDemoOver))
	}
	return code
}

// heard prints what the server tells of sessions that are not our own, and each
// mail that they bring.
func (d *demo) heard(e smtp.Event) {
	if e.Session == ownSession {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.tell(e)
	if e.Did == smtp.Answer && e.Stage == smtp.StageEnd {
		if a, ok := d.server.taken(e.Session); ok {
			d.came(e.Session, a)
		}
	}
}

func (d *demo) title() {
	if d.json {
		return
	}
	u := d.u
	u.print(u.styles.title.Render("Parley demo"))
	u.print("")
	u.paragraph(u.say(wordDemoServer, d.server.addr))
	u.paragraph(u.say(wordDemoMail, thousands(len(d.statement.pdf))))
	u.paragraph(u.say(wordDemoNote))
	u.print("")
}

// send sends the demo's own mail, and compares what arrived with it.
func (d *demo) send(ctx context.Context) (*result, error) {
	r := new(result)
	client := d.server.client()
	client.Trace = d.tell
	tap := &tapped{Object: d.statement.message}
	receipt, err := client.Send(ctx, tap)
	client.Close() // it says goodbye, and that is shown too
	if err != nil {
		return r, err
	}
	r.Outcome, r.Octets, r.QueueID = outcomeTaken, receipt.Size, queueID(receipt.Reply)
	got, _ := d.server.taken(ownSession)
	r.Checks = d.statement.checks(tap, got.content)
	if d.json {
		r.Reply = recordReply(receipt.Reply)
	} else {
		d.show(r.Checks)
	}
	for _, c := range r.Checks {
		if !c.Same {
			return r, differsError{}
		}
	}
	return r, nil
}

// show prints what was compared, with the figures.
func (d *demo) show(checks []comparison) {
	u := d.u
	u.heading(u.say(wordDemoChecks))
	differ := 0
	for _, c := range checks {
		mark, style := u.say(wordSame), u.styles.good
		if !c.Same {
			mark, style = u.say(wordDiffers), u.styles.bad
			differ++
		}
		line := style.Render(pad(mark, 8)) + d.nameOf(c)
		if !c.text {
			line += "  " + u.say(wordOctets, thousands(c.Octets))
		}
		u.print(line)
		switch {
		case c.Same && c.text:
		case c.Same:
			d.under("sha256 " + c.Arrived)
		default:
			d.under(u.say(wordSent) + c.Sent)
			d.under(u.say(wordArrived) + smtp.Printable(c.Arrived))
		}
	}
	if differ == 0 {
		u.print(u.say(wordAllSame, len(checks)))
	} else {
		u.print(u.styles.bad.Render(u.say(wordSomeDiffer, differ, len(checks))))
	}
}

func (d *demo) under(s string) {
	for _, l := range wrap(s, d.u.width-9, 0) {
		d.u.print(strings.Repeat(" ", 8) + d.u.styles.note.Render(l))
	}
}

func (d *demo) nameOf(c comparison) string {
	switch {
	case c.What == "content":
		return d.u.say(wordContent)
	case c.text:
		return c.What + ": " + smtp.Printable(c.Arrived)
	}
	return d.u.say(wordReadBack, c.What)
}

// next says where to look next, with commands that can be copied.
func (d *demo) next(once bool) {
	u := d.u
	u.heading(u.say(wordLookNext))
	name := ourCommand()
	if once {
		u.paragraph(u.say(wordRunAgain))
		u.print("  " + name + " demo")
	} else {
		u.paragraph(u.say(wordStillRuns))
		u.print("  export SMTP_URL='" + d.server.url() + "'")
		u.print("  " + name + " send -v --from me@example.com --to kim@example.net --subject " +
			quoteShell(u.say(wordHelloYou)) + " --text " + quoteShell(u.say(wordHelloText)))
	}
	u.paragraph(u.say(wordSendHelp))
	u.print("  " + name + " send --help")
	if !once {
		u.print("")
		u.print(u.say(wordWaiting))
	}
}

// came prints a mail that somebody sent.
func (d *demo) came(session uint64, a arrived) {
	var to []string
	for i := range a.envelope.Recipients {
		to = append(to, a.envelope.Recipients[i].Path.String())
	}
	subject := readBack(a.content).subject
	line := d.u.say(wordMailCame, a.number, a.envelope.ReversePath, strings.Join(to, ", "), thousands(len(a.content)))
	if d.json {
		d.tell(smtp.Event{Session: session, Did: smtp.Note, Line: line + "; " + d.u.say(wordMailShown, subject)})
		return
	}
	d.u.print("")
	d.u.print(d.u.styles.good.Render(smtp.Printable(line)))
	d.u.print(smtp.Printable(d.u.say(wordMailShown, subject)))
	d.u.print("sha256 " + sumOf(a.content))
}

// ourCommand is how a person runs us again: by name where that is found, else by
// the path of what runs now.
func ourCommand() string {
	if _, err := exec.LookPath("parley"); err == nil {
		return "parley"
	}
	path, err := os.Executable()
	switch {
	case err != nil:
		return "parley"
	case strings.Contains(path, "go-build"):
		return "go run github.com/parleymail/parley/cmd/parley" // its own file is gone when it ends
	}
	return quoteShell(path)
}

// quoteShell is one word for a shell.
func quoteShell(s string) string {
	if s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r == 0x7f || strings.ContainsRune("'\"\\$`!*?[](){}<>|&;#~", r)
	}) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// thousands is a number with commas.
func thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
