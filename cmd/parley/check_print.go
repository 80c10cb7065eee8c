package main

import (
	"io"
	"strings"
	"time"

	"charm.land/lipgloss/v2"

	"github.com/parleymail/parley/check"
	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/transcript"
)

// A stepPrinter prints steps, a line each, as they are done.
type stepPrinter struct {
	u       *ui
	verbose bool
	silent  bool
	spared  []string // steps that were never come to: they are told in one line
}

// columns of a step: how it went, what it was, how long it took.
const (
	markWidth = 6
	nameWidth = 13
	timeWidth = 9
)

func (p *stepPrinter) step(s *check.Step) {
	u := p.u
	lang := diagnose.Lang(u.lang)
	if s.Verdict == check.Skipped && s.Found.En == "not reached" {
		p.spared = append(p.spared, u.nameOf(s.Name))
		return
	}
	if p.verbose {
		for _, e := range s.Said {
			u.row(transcript.Line(e), u.styleOf(e), "")
		}
	}
	mark, style := u.markOf(s.Verdict)
	p.line(style.Render(pad(mark, markWidth)), u.nameOf(s.Name), tookOf(s), s.Found.In(lang))
	for _, r := range s.Remarks {
		p.under(u.styles.done, "! ", r.Text.In(lang))
	}
}

// line prints a step: with what was found beside it, or under it where there is no room.
func (p *stepPrinter) line(mark, name, took, found string) {
	u := p.u
	head := mark + pad(name, nameWidth) + strings.Repeat(" ", max(0, timeWidth-lipgloss.Width(took)))
	if took != "" {
		head += u.styles.note.Render(took)
	}
	if u.width < twoColumns {
		u.print(strings.TrimRight(head, " "))
		p.under(lipgloss.NewStyle(), "", found)
		return
	}
	left := markWidth + nameWidth + timeWidth + gap
	for i, l := range wrap(found, u.width-1-left, 0) {
		if i == 0 {
			u.print(head + strings.Repeat(" ", gap) + l)
		} else {
			u.print(strings.Repeat(" ", left) + l)
		}
	}
}

// under prints a sentence below a step.
func (p *stepPrinter) under(style lipgloss.Style, begin, s string) {
	indent := markWidth
	if p.u.width >= twoColumns {
		indent = markWidth + nameWidth + timeWidth + gap
	}
	for i, l := range wrap(begin+s, p.u.width-1-indent, len(begin)) {
		if i == 0 || strings.TrimSpace(l) != "" {
			p.u.print(strings.Repeat(" ", indent) + style.Render(l))
		}
	}
}

// wait shows that something goes on, where somebody looks: a step may take its time.
func (p *stepPrinter) wait() {
	if p.moves() {
		io.WriteString(p.u.out, strings.Repeat(" ", markWidth)+"…")
	}
}

// done takes that back.
func (p *stepPrinter) done() {
	if p.moves() {
		io.WriteString(p.u.out, "\r\x1b[K")
	}
}

func (p *stepPrinter) moves() bool { return p.u.terminal && !p.silent && p.u.env("TERM") != "dumb" }

// end tells of the steps that were never come to.
func (p *stepPrinter) end() {
	if p.silent || len(p.spared) == 0 {
		return
	}
	u := p.u
	mark, style := u.markOf(check.Skipped)
	left := markWidth
	for i, l := range wrap(u.say(wordNotReached, strings.Join(p.spared, u.say(wordComma))), u.width-1-left, 0) {
		begin := strings.Repeat(" ", left)
		if i == 0 {
			begin = style.Render(pad(mark, markWidth))
		}
		u.print(begin + u.styles.note.Render(l))
	}
}

func (u *ui) markOf(v check.Verdict) (string, lipgloss.Style) {
	switch v {
	case check.Good:
		return u.say(wordMarkGood), u.styles.good
	case check.Warning:
		return u.say(wordMarkWarning), u.styles.done
	case check.Failed:
		return u.say(wordMarkFailed), u.styles.bad
	default:
		return u.say(wordMarkSkipped), u.styles.note
	}
}

func (u *ui) styleOf(e smtp.Event) lipgloss.Style { return newExplainer(u).style(e) }

// nameOf is what a person calls a step.
func (u *ui) nameOf(step string) string {
	if t, ok := stepNames[step]; ok {
		return u.say(t)
	}
	return step
}

// tookOf is a time that is read at a glance; empty where nothing took any.
func tookOf(s *check.Step) string {
	if s.Took <= 0 {
		return ""
	}
	return roundly(s.Took)
}

func roundly(d time.Duration) string {
	switch {
	case d >= 10*time.Second:
		return d.Round(time.Second).String()
	case d >= time.Second:
		return d.Round(10 * time.Millisecond).String()
	case d >= 10*time.Millisecond:
		return d.Round(time.Millisecond).String()
	case d >= time.Millisecond:
		return d.Round(100 * time.Microsecond).String()
	}
	return d.Round(10 * time.Microsecond).String()
}

// A checkResult is the last line of --json.
type checkResult struct {
	Step      string        `json:"step"` // "result"
	Verdict   string        `json:"verdict"`
	Exit      int           `json:"exit"`
	Server    string        `json:"server"`
	TookMS    float64       `json:"took_ms"`
	Failed    string        `json:"failed,omitempty"` // the step
	Kind      diagnose.Kind `json:"kind,omitempty"`
	Temporary bool          `json:"temporary,omitempty"`
	Cause     string        `json:"cause,omitempty"`
	Fix       string        `json:"fix,omitempty"`
	URL       string        `json:"url,omitempty"` // of --all: the best of those that work
}

func (u *ui) printCheckResult(t *checked, r *check.Report, exit int) {
	result := checkResult{
		Step: "result", Verdict: r.Verdict().String(), Exit: exit, Server: t.shown,
		TookMS: float64(r.Took.Round(10*time.Microsecond)) / float64(time.Millisecond), URL: t.best,
	}
	if s := r.Failure(); s != nil {
		result.Failed = s.Name
	}
	if d := r.Diagnosis(); d != nil {
		lang := diagnose.Lang(u.lang)
		result.Kind, result.Temporary = d.Kind, d.Temporary
		result.Cause, result.Fix = d.Cause.In(lang), d.Fix.In(lang)
	}
	u.printJSON(result)
}
