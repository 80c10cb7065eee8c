package main

import (
	"context"
	"strconv"
	"strings"

	"charm.land/lipgloss/v2"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/inbox"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/transcript"
)

func (v *catchView) session(ctx context.Context, s *inbox.Session) {
	var f mishap
	if s.Failed {
		said, err := v.c.store.Transcript(ctx, s.ID)
		if err != nil {
			return // gone again
		}
		f = mishapOf(s, said)
	}
	if v.c.flags.json {
		r := catchRecord{Event: "session", Session: s, OnPurpose: f.purpose}
		if f.meant != nil {
			r.Diagnosis = v.c.u.explained(f.meant)
		}
		v.c.u.printJSON(r)
		return
	}
	v.c.u.printFailedSession(s, f, v.c.pageURL())
}

// A mishap is what a session that went wrong means.
type mishap struct {
	meant   *diagnose.Diagnosis // nil: that is not known
	purpose []inbox.Purpose     // what was hit on purpose
	end     []string            // the last lines that were said
}

func mishapOf(s *inbox.Session, said transcript.Transcript) mishap {
	f := mishap{meant: inbox.Diagnosis(*s, said), purpose: inbox.OnPurpose(said)}
	for _, e := range said {
		f.end = append(f.end, transcript.Line(e))
	}
	const last = 6
	f.end = f.end[max(0, len(f.end)-last):]
	return f
}

// printFailedSession says what became of a session that went wrong, and why.
func (u *ui) printFailedSession(s *inbox.Session, f mishap, page string) {
	why, raw := s.LastBad, ""
	switch {
	case f.meant != nil && s.Why != "" && f.meant.Reply.Code == 0:
		why, raw = u.say(wordCatchBrokeOff), s.Why // what a library says of TLS is for who has read the cause
	case why == "":
		why = s.Why
	}
	u.lead(u.styles.bad, u.say(wordCatchFailed, s.ID, s.Remote, why))
	for _, p := range f.purpose {
		line := u.say(wordCatchByAddress, p.Rule)
		if p.ID != "" {
			line = u.say(wordCatchByRule, p.ID, p.Rule)
		}
		u.indented("", line)
	}
	if d := f.meant; d != nil {
		cause, fix := u.say(wordCatchCause), u.say(wordCatchFix)
		if len(f.purpose) > 0 {
			u.indented("", u.say(wordCatchWereItReal))
		}
		u.indented(cause, d.Cause.In(diagnose.Lang(u.lang)))
		u.indented(fix, d.Fix.In(diagnose.Lang(u.lang)))
	}
	if raw != "" {
		u.indented("", raw)
	}
	if page != "" {
		u.print("  " + u.styles.note.Render(page+"/sessions/"+strconv.FormatInt(s.ID, 10)))
	}
}

// cells is how many columns of a terminal a text takes.
func cells(s string) int { return lipgloss.Width(s) }

// lead prints the line that a mail or a session begins with. Only a person's terminal has it wrapped: programs look for a reply in
// one line.
func (u *ui) lead(style lipgloss.Style, s string) {
	lines := []string{smtp.Printable(s)}
	if u.terminal {
		lines = wrap(lines[0], u.width, 2)
	}
	for _, l := range lines {
		u.print(style.Render(l))
	}
}

// indented prints a text below a line, with a label before it.
func (u *ui) indented(label, s string) {
	const margin = 2
	for i, l := range wrap(smtp.Printable(s), u.width-margin-cells(label), 0) {
		if i > 0 {
			label = strings.Repeat(" ", cells(label))
		}
		u.print(strings.Repeat(" ", margin) + label + l)
	}
}

// printEnd prints how a session that went wrong ended: the page that has all of it is gone by then.
func (u *ui) printEnd(lines []string) {
	u.indented("", u.say(wordCatchEnded))
	for _, line := range lines {
		u.print("    " + u.styles.note.Render(smtp.Printable(line)))
	}
}
