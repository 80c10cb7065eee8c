package main

import (
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/gloss"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/transcript"
)

// diffFlags are the values of all that "parley diff" can be told.
type diffFlags struct{ all, times, json bool }

// diffCommand is "parley diff": two conversations side by side.
func (a *app) diffCommand() *cobra.Command {
	var f diffFlags
	cmd := &cobra.Command{
		Use:   "diff A B",
		Short: a.ui.say(wordDiffShort),
		Long:  a.ui.say(wordDiffLong),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) != 2 {
				return &usageError{a.ui.say(wordDiffTwo)}
			}
			if args[0] == "-" && args[1] == "-" {
				return &usageError{a.ui.say(wordDiffStdin)}
			}
			d := &diffView{u: a.ui, flags: f}
			var err error
			if d.a, err = a.ui.readTranscript(args[0]); err != nil {
				return err
			}
			if d.b, err = a.ui.readTranscript(args[1]); err != nil {
				return err
			}
			a.exit = d.run(args[0], args[1])
			return nil
		},
	}
	set := cmd.Flags()
	set.BoolVar(&f.all, "all", false, "")
	set.BoolVar(&f.times, "times", false, "")
	set.BoolVar(&f.json, "json", false, "")
	a.describe(cmd, diffWords)
	return cmd
}

// readTranscript reads a transcript that was kept in any form.
func (u *ui) readTranscript(name string) (transcript.Transcript, error) {
	in := u.in
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, &usageError{err.Error()}
		}
		defer f.Close()
		in = f
	}
	t, err := transcript.Read(in)
	if err != nil {
		return nil, &usageError{name + ": " + strings.TrimPrefix(err.Error(), "transcript: ")}
	}
	if len(t) == 0 {
		return nil, &usageError{u.say(wordNoTurns, name)}
	}
	return t, nil
}

// A diffView shows a comparison.
type diffView struct {
	u      *ui
	flags  diffFlags
	a, b   transcript.Transcript
	c      *transcript.Comparison
	marked []transcript.Difference // those that count
	first  *transcript.Difference
}

const exitDiffer = 1 // as of diff(1)

// run compares, shows, and gives the exit code.
func (d *diffView) run(nameA, nameB string) int {
	d.c = transcript.Diff(d.a, d.b)
	least := transcript.Wording
	if d.flags.times {
		least = transcript.Timing
	}
	d.marked = d.c.Differences(least)
	d.first = d.c.First()
	if d.first == nil && len(d.marked) > 0 {
		d.first = &d.marked[0]
	}
	if d.flags.json {
		d.printJSON()
	} else {
		d.print(nameA, nameB)
	}
	if d.first == nil {
		return 0
	}
	return exitDiffer
}

// print shows the two side by side, and what differs in words.
func (d *diffView) print(nameA, nameB string) {
	if d.first != nil || d.flags.all {
		d.columns(nameA, nameB)
	}
	u := d.u
	if d.first == nil {
		if n := len(d.c.Differences(transcript.Passing)); n > 0 {
			u.paragraph(u.styles.good.Render(u.say(wordOwnThings, n)))
		} else {
			u.print(u.styles.good.Render(u.say(wordSayTheSame)))
		}
		return
	}
	u.print("")
	contrast := d.headline(wordFirstDiffer, d.first)
	if more := len(d.marked) - 1; more > 0 {
		u.print(u.styles.note.Render(u.say(wordMoreDiffer, more)))
	}
	if turning := d.c.Turning(); turning != nil && turning != d.c.First() {
		contrast = d.headline(wordTurning, turning)
	}
	d.meaning("A ", contrast.A, contrast.B == nil)
	d.meaning("B ", contrast.B, contrast.A == nil)
}

// headline says a difference in words.
func (d *diffView) headline(form text, one *transcript.Difference) gloss.Contrast {
	c := gloss.Contrasted(*one, d.server())
	for _, l := range wrap(d.u.say(form, c.Words.In(diagnose.Lang(d.u.lang))), d.u.width-1, 0) {
		d.u.print(d.u.styles.title.Render(l))
	}
	return c
}

// meaning says why a side was refused.
func (d *diffView) meaning(side string, m *diagnose.Diagnosis, alone bool) {
	if m == nil {
		return
	}
	if alone {
		side = ""
	}
	lang := diagnose.Lang(d.u.lang)
	for _, part := range []struct{ name, text string }{{"cause: ", m.Cause.In(lang)}, {"fix: ", m.Fix.In(lang)}} {
		for i, l := range wrap(side+part.name+smtp.Printable(part.text), d.u.width-1, len(side+part.name)) {
			if i == 0 && part.name == "cause: " {
				l = d.u.styles.bad.Render(l)
			}
			d.u.print(l)
		}
	}
}

// server is whose replies these are, where B or A has told.
func (d *diffView) server() string {
	for _, t := range []transcript.Transcript{d.b, d.a} {
		for _, e := range t {
			if e.Did == smtp.Connected && !strings.HasPrefix(e.Line, "from ") {
				return e.Line
			}
		}
	}
	return ""
}

type turnDifferenceRecord struct {
	What       string `json:"what"`
	Weight     string `json:"weight"`
	Connection int    `json:"connection"`
	Stage      string `json:"stage,omitempty"`
	A          string `json:"a"`
	B          string `json:"b"`
	Words      string `json:"words"`
}

type diffResult struct {
	What   string                `json:"what"`
	Same   bool                  `json:"same"`
	Differ int                   `json:"differ"`
	First  *turnDifferenceRecord `json:"first,omitempty"`
	Parts  *turnDifferenceRecord `json:"parts,omitempty"` // where they part: the first that can have led another way
	A      *diffReason           `json:"a,omitempty"`     // why A was refused there, or at the first
	B      *diffReason           `json:"b,omitempty"`
}

type diffReason struct {
	Kind  diagnose.Kind `json:"kind"`
	Cause string        `json:"cause"`
	Fix   string        `json:"fix"`
}

// printJSON prints an object for each difference, and one with the result. Their names stay as they are.
func (d *diffView) printJSON() {
	list := d.marked
	if d.flags.all {
		list = d.c.Differences(transcript.Passing)
	}
	for _, one := range list {
		d.u.printJSON(d.record(one))
	}
	r := diffResult{What: "result", Same: d.first == nil, Differ: len(d.marked)}
	if d.first != nil {
		first := d.record(*d.first)
		c := gloss.Contrasted(*d.first, d.server())
		r.First = &first
		if turning := d.c.Turning(); turning != nil {
			parts := d.record(*turning)
			c = gloss.Contrasted(*turning, d.server())
			r.Parts = &parts
		}
		r.A, r.B = d.reason(c.A), d.reason(c.B)
	}
	d.u.printJSON(r)
}

func (d *diffView) reason(m *diagnose.Diagnosis) *diffReason {
	if m == nil {
		return nil
	}
	lang := diagnose.Lang(d.u.lang)
	return &diffReason{Kind: m.Kind, Cause: m.Cause.In(lang), Fix: m.Fix.In(lang)}
}

var weights = map[transcript.Weight]string{
	transcript.Passing: "passing", transcript.Timing: "timing", transcript.Wording: "wording", transcript.Real: "real",
}

func (d *diffView) record(one transcript.Difference) turnDifferenceRecord {
	r := turnDifferenceRecord{
		What: one.What.String(), Weight: weights[one.Weight], A: smtp.Printable(one.A), B: smtp.Printable(one.B),
		Words: gloss.Contrasted(one, d.server()).Words.In(diagnose.Lang(d.u.lang)),
	}
	if one.Stage != 0 {
		r.Stage = one.Stage.String()
	}
	for _, t := range []*transcript.Turn{one.Pair.A, one.Pair.B} {
		if t != nil {
			r.Connection = t.Connection
		}
	}
	return r
}
