package main

import (
	"slices"
	"strings"
	"time"

	"charm.land/lipgloss/v2"

	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/transcript"
)

// A diffRow is a line of each conversation.
type diffRow struct {
	a, b   *smtp.Event // nil: none
	weight transcript.Weight
}

// columns shows the two side by side on a wide terminal, and one above the other on a narrow one. Stretches in which
// they say the same are told by their length, unless all is wanted.
func (d *diffView) columns(nameA, nameB string) {
	u := d.u
	if u.width >= twoColumns {
		d.beside(u.styles.title.Render(pad("A  "+smtp.Printable(nameA), d.half())), "  ", u.styles.title.Render("B  "+smtp.Printable(nameB)))
	} else {
		u.print(u.styles.title.Render("A  " + smtp.Printable(nameA)))
		u.print(u.styles.title.Render("B  " + smtp.Printable(nameB)))
	}
	rows := d.rows()
	shown := make([]bool, len(rows))
	for i := range rows {
		if d.flags.all {
			shown[i] = true
		} else if d.counts(rows[i].weight) {
			for j := max(0, i-2); j < min(len(rows), i+2); j++ { // with what stands around it
				shown[j] = true
			}
		}
	}
	same := 0
	for i, r := range rows {
		if !shown[i] {
			same++
			continue
		}
		d.skipped(same)
		same = 0
		d.row(r)
	}
	d.skipped(same)
}

// counts reports whether a difference of that weight is one.
func (d *diffView) counts(w transcript.Weight) bool {
	return w >= transcript.Wording || d.flags.times && w == transcript.Timing
}

func (d *diffView) skipped(n int) {
	if n > 0 {
		d.u.print(d.u.styles.note.Render("   … " + d.u.say(wordSameTurns, n)))
	}
}

// half is the width of a column.
func (d *diffView) half() int { return (d.u.width - 1 - 4) / 2 }

func (d *diffView) beside(a, mark, b string) {
	d.u.print(strings.TrimRight(a+" "+mark+" "+b, " "))
}

// row shows one.
func (d *diffView) row(r diffRow) {
	mark, style := " ", lipgloss.NewStyle()
	switch {
	case d.counts(r.weight):
		mark, style = "≠", d.u.styles.bad
	case r.weight == transcript.Passing:
		mark, style = "·", d.u.styles.note
	}
	if d.u.width < twoColumns {
		d.stacked(r, mark, style)
		return
	}
	left, right := d.side(r.a), d.side(r.b)
	for i := range max(len(left), len(right)) {
		m := "  "
		if i == 0 {
			m = style.Render(mark) + " "
		}
		l, rr := at(left, i), at(right, i)
		d.beside(d.styleOf(r.a).Render(pad(l, d.half())), strings.TrimSuffix(m, " "), d.styleOf(r.b).Render(rr))
	}
}

// side is a line of one conversation, as wide as its column.
func (d *diffView) side(e *smtp.Event) []string {
	if e == nil {
		return nil
	}
	return wrap(d.line(e), d.half(), 3)
}

func (d *diffView) line(e *smtp.Event) string {
	line := transcript.Line(*e)
	if d.flags.times && e.Took > 0 {
		line += " " + d.u.say(wordTimeTook, e.Took.Round(time.Millisecond))
	}
	return line
}

func (d *diffView) styleOf(e *smtp.Event) lipgloss.Style {
	if e == nil {
		return lipgloss.NewStyle()
	}
	return d.u.styleOf(*e)
}

// stacked shows a row where there is no room for two columns.
func (d *diffView) stacked(r diffRow, mark string, style lipgloss.Style) {
	if r.a != nil && r.b != nil && d.line(r.a) == d.line(r.b) {
		d.stack("  ", r.a)
		return
	}
	if r.a != nil {
		d.stack(style.Render(mark+"A")+" ", r.a)
	}
	if r.b != nil {
		d.stack(style.Render(mark+"B")+" ", r.b)
	}
}

func (d *diffView) stack(head string, e *smtp.Event) {
	for i, l := range wrap(d.line(e), d.u.width-1-3, 3) {
		if i > 0 {
			head = ""
		}
		d.u.print(head + strings.Repeat(" ", 3-lipgloss.Width(head)) + d.styleOf(e).Render(l))
	}
}

// rows are the lines of both, each beside its like.
func (d *diffView) rows() []diffRow {
	var rows []diffRow
	for i := range d.c.Pairs {
		p := &d.c.Pairs[i]
		a, b := eventsOf(p.A), eventsOf(p.B)
		if p.A != nil && p.B != nil && p.A.Stage == smtp.StageHello {
			rows = append(rows, keywordRows(p, a, b)...)
			continue
		}
		for j := range max(len(a), len(b)) {
			r := diffRow{}
			if j < len(a) {
				r.a = &a[j]
			}
			if j < len(b) {
				r.b = &b[j]
			}
			r.weight = weightOf(p, r)
			rows = append(rows, r)
		}
	}
	return rows
}

// eventsOf are all of a turn, in their order.
func eventsOf(t *transcript.Turn) transcript.Transcript {
	switch {
	case t == nil:
		return nil
	case t.Command != nil:
		return append(transcript.Transcript{*t.Command}, t.Answers...)
	case t.Done != nil:
		return append(transcript.Transcript{*t.Done}, t.Answers...)
	}
	return t.Answers
}

// weightOf is how much a row differs: as its turn does, where the difference is in this line.
func weightOf(p *transcript.Pair, r diffRow) transcript.Weight {
	weight := transcript.Weight(0)
	command := r.a != nil && r.a.Did == smtp.Command || r.b != nil && r.b.Did == smtp.Command
	for _, d := range p.Differences {
		switch {
		case d.What == transcript.Slower && r.a != nil && r.a.Took > 0:
		case d.What == transcript.Slower:
			continue
		case r.a != nil && r.b != nil && transcript.Line(*r.a) == transcript.Line(*r.b):
			continue
		case p.A != nil && p.B != nil && command != (d.What == transcript.Said):
			continue
		}
		weight = max(weight, d.Weight)
	}
	return weight
}

// keywordRows are those of EHLO and its reply: each keyword beside its like, in A's order.
func keywordRows(p *transcript.Pair, a, b transcript.Transcript) []diffRow {
	var rows []diffRow
	used := make([]bool, len(b))
	for i := range a {
		j := slices.IndexFunc(b, func(e smtp.Event) bool { return keywordOf(e) == keywordOf(a[i]) })
		if i < 2 && i < len(b) { // the command, and the name
			j = i
		}
		r := diffRow{a: &a[i]}
		if j >= 0 && !used[j] {
			used[j], r.b = true, &b[j]
		}
		rows = append(rows, r)
	}
	for j := range b {
		if !used[j] {
			rows = append(rows, diffRow{b: &b[j]})
		}
	}
	for i := range rows {
		rows[i].weight = keywordWeight(p, rows[i])
	}
	return rows
}

// keywordOf is the keyword of a line of the reply to EHLO.
func keywordOf(e smtp.Event) string {
	if e.Did != smtp.Answer || len(e.Line) < 5 {
		return e.Line
	}
	keyword, _, _ := strings.Cut(strings.ToUpper(e.Line[4:]), " ")
	keyword, _, _ = strings.Cut(keyword, "=")
	return keyword
}

// keywordWeight is how much a row of the reply to EHLO differs: as the turn does in its keyword.
func keywordWeight(p *transcript.Pair, r diffRow) transcript.Weight {
	e := r.a
	if e == nil {
		e = r.b
	}
	if e.Did != smtp.Answer {
		return weightOf(p, r)
	}
	weight := transcript.Weight(0)
	keyword := keywordOf(*e)
	for _, d := range p.Differences {
		word, _, _ := strings.Cut(d.A+d.B, " ")
		of := d.What == transcript.Extension || d.What == transcript.Parameter
		switch {
		case of && strings.EqualFold(word, keyword):
		case !of && d.What != transcript.Said && r.a != nil && r.b != nil && r.a.Line != r.b.Line && (strings.HasSuffix(r.a.Line, d.A) || d.What == transcript.Verdict):
		case !of && d.What == transcript.Verdict || d.What == transcript.Silence:
		default:
			continue
		}
		weight = max(weight, d.Weight)
	}
	return weight
}
