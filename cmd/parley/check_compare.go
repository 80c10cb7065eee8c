package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"

	"charm.land/lipgloss/v2"

	"github.com/parleymail/parley/check"
	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/smtp"
)

// checkCompare is --compare A B.
func (u *ui) checkCompare(ctx context.Context, f *checkFlags, in *stdin, args []string) (int, error) {
	var reports [2]*check.Report
	for i, arg := range args {
		r, err := u.keptOrRun(ctx, f, in, arg)
		if err != nil {
			return exitUsage, err
		}
		reports[i] = r
	}
	list := check.Compare(reports[0], reports[1])
	if f.json {
		for _, d := range list {
			u.printJSON(recordDifference(d))
		}
		u.printJSON(map[string]any{"what": "result", "differ": differing(list)})
		return exitTaken, nil
	}
	for i := range list {
		list[i].A = u.inWords(list[i].What, list[i].A, reports[0])
		list[i].B = u.inWords(list[i].What, list[i].B, reports[1])
	}
	u.printComparison(list)
	return exitTaken, nil
}

// keptOrRun is a run that was kept, or one of now.
func (u *ui) keptOrRun(ctx context.Context, f *checkFlags, in *stdin, arg string) (*check.Report, error) {
	const most = 64 << 20
	if info, err := os.Stat(arg); err == nil && !info.IsDir() {
		if info.Size() > most {
			return nil, &usageError{u.say(wordKeptBad, arg, "over 64 MiB")}
		}
		data, err := os.ReadFile(arg)
		if err != nil {
			return nil, &usageError{err.Error()}
		}
		r := new(check.Report)
		if err := json.Unmarshal(data, r); err != nil {
			return nil, &usageError{u.say(wordKeptBad, arg, err)}
		}
		return r, nil
	}
	t, err := u.checkTarget(ctx, arg, f, in)
	if err != nil {
		return nil, err
	}
	r := t.check.Report(ctx)
	r.Server = t.shown
	return r, nil
}

// inWords is what a row has, in the reader's language.
func (u *ui) inWords(what string, values []string, r *check.Report) []string {
	switch d := r.Diagnosis(); {
	case what == "verdict":
		mark, _ := u.markOf(r.Verdict())
		if f := r.Failure(); f != nil {
			mark += u.say(wordColon) + u.nameOf(f.Name)
		}
		return []string{mark}
	case what == "cause" && d != nil:
		return []string{d.Cause.In(diagnose.Lang(u.lang))}
	case what == "connections":
		words := make([]string, len(values))
		for i, v := range values {
			ip, result, _ := strings.Cut(v, " ")
			words[i] = ip + " " + check.ResultWords(result).In(diagnose.Lang(u.lang))
		}
		return words
	}
	return values
}

type differenceRecord struct {
	What    string   `json:"what"`
	A       []string `json:"a"`
	B       []string `json:"b"`
	Differs bool     `json:"differs"`
}

func recordDifference(d check.Difference) differenceRecord {
	return differenceRecord{d.What, append([]string{}, d.A...), append([]string{}, d.B...), d.Differs}
}

func differing(list []check.Difference) (n int) {
	for _, d := range list {
		if d.Differs && d.What != "server" {
			n++
		}
	}
	return n
}

// printComparison prints what differs in two columns, marked, and what is the same in one.
func (u *ui) printComparison(list []check.Difference) {
	const name = 21
	for _, d := range list {
		label := u.whatOf(d.What)
		mark, style := "  ", lipgloss.NewStyle()
		if d.Differs {
			mark, style = "≠ ", u.styles.done
		}
		head := style.Render(mark + pad(label, name-len("  ")))
		switch {
		case !d.Differs && !strings.HasPrefix(d.What, "time:"):
			u.inColumns(head, name, [][]string{wrap(joined(d.A, nil), u.width-1-name-gap, 0)}, u.styles.note)
		case u.width < twoColumns:
			u.print(head)
			for i, values := range [][]string{d.A, d.B} {
				begin := string(rune('A'+i)) + "  "
				u.inColumns("  "+begin, 2+len(begin)-gap, [][]string{wrap(joined(values, at2(d, 1-i)), u.width-1-5, 0)}, lipgloss.NewStyle())
			}
		default:
			column := (u.width - 1 - name - 2*gap) / 2
			a, b := wrap(joined(d.A, d.B), column, 0), wrap(joined(d.B, d.A), column, 0)
			for i := range a {
				a[i] = pad(a[i], column)
			}
			for len(a) < len(b) {
				a = append(a, strings.Repeat(" ", column))
			}
			u.inColumns(head, name, [][]string{a, b}, lipgloss.NewStyle())
		}
	}
	u.print("")
	if n := differing(list); n == 0 {
		u.print(u.styles.good.Render(u.say(wordCompareSame)))
	} else {
		u.print(u.say(wordCompareDiffer, n))
	}
}

func at2(d check.Difference, i int) []string {
	if i == 0 {
		return d.A
	}
	return d.B
}

// inColumns prints columns of lines behind a head.
func (u *ui) inColumns(head string, width int, columns [][]string, style lipgloss.Style) {
	for i := range columns[0] {
		line := strings.Repeat(" ", width)
		if i == 0 {
			line = head
		}
		for _, c := range columns {
			line += strings.Repeat(" ", gap) + style.Render(at(c, i))
		}
		u.print(strings.TrimRight(line, " "))
	}
}

// joined is a list in a line; of several, those that the other has not bear a mark.
func joined(list, other []string) string {
	if len(list) == 0 {
		return "-"
	}
	var marked []string
	for _, s := range list {
		s = smtp.Printable(s)
		if len(list) > 1 && other != nil && !slices.Contains(other, s) {
			s = "+" + s
		}
		marked = append(marked, s)
	}
	return strings.Join(marked, ", ")
}

// whatOf is what a person calls a row.
func (u *ui) whatOf(what string) string {
	if step, ok := strings.CutPrefix(what, "time:"); ok {
		return u.say(wordTimeOf, u.nameOf(step))
	}
	if step, ok := strings.CutPrefix(what, "reply:"); ok {
		return u.say(wordReplyOf, u.nameOf(step))
	}
	if t, ok := comparedNames[what]; ok {
		return u.say(t)
	}
	return fmt.Sprint(what)
}
