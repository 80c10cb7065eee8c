package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// A table is what a cell of the benchmark came to. Rows stand in the order they
// were added.
type table struct {
	title string
	notes []string
	unit  string // of the measure that is judged
	base  string // the row that ratios are taken to
	extra []string
	rows  []*row
}

// A row is one contestant. Its values are those of the measure, one a round, and
// those of the extra columns.
type row struct {
	name    string
	values  []float64
	extra   [][]float64
	wanted  string
	holds   *bool
	skipped string // why there is nothing
}

// row is the row of that name, a new one where there is none.
func (t *table) row(name string) *row {
	if r := t.find(name); r != nil {
		return r
	}
	r := &row{name: name, extra: make([][]float64, len(t.extra))}
	t.rows = append(t.rows, r)
	return r
}

func (t *table) find(name string) *row {
	for _, r := range t.rows {
		if r.name == name {
			return r
		}
	}
	return nil
}

func (r *row) add(value float64, extra ...float64) {
	r.values = append(r.values, value)
	for i, v := range extra {
		r.extra[i] = append(r.extra[i], v)
	}
}

// median is that of a row; not a number where the row has no values.
func (t *table) median(name string) float64 {
	if r := t.find(name); r != nil {
		return median(r.values)
	}
	return math.NaN()
}

// want judges a row: its median may be at most so much. A row that was left out,
// or is to be held against one that was, is not judged.
func (t *table) want(name, wanted string, limit float64) {
	r := t.find(name)
	if r == nil || len(r.values) == 0 || math.IsNaN(limit) {
		return
	}
	holds := median(r.values) <= limit
	if r.wanted != "" {
		wanted = r.wanted + "; " + wanted
		holds = holds && *r.holds
	}
	r.wanted, r.holds = wanted, &holds
}

// failures are the rows that do not hold what was wanted.
func (t *table) failures() []string {
	var out []string
	for _, r := range t.rows {
		if r.holds != nil && !*r.holds {
			out = append(out, fmt.Sprintf("%s: %s: %s %s, wanted %s", t.title, r.name, number(median(r.values)), t.unit, r.wanted))
		}
	}
	return out
}

func median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	v := slices.Sorted(slices.Values(values))
	if n := len(v); n%2 == 0 {
		return (v[n/2-1] + v[n/2]) / 2
	}
	return v[len(v)/2]
}

// cells are the table as text, its head first.
func (t *table) cells() [][]string {
	head := append([]string{"", t.unit, "min..max", "ratio"}, t.extra...)
	cells := [][]string{append(head, "wanted", "holds")}
	for _, r := range t.rows {
		if len(r.values) == 0 {
			line := make([]string, len(head)+2)
			line[0], line[len(head)] = r.name, r.skipped
			cells = append(cells, line)
			continue
		}
		line := []string{r.name, number(median(r.values)), number(slices.Min(r.values)) + ".." + number(slices.Max(r.values)), ratio(median(r.values) / t.median(t.base))}
		for _, e := range r.extra {
			line = append(line, number(median(e)))
		}
		holds := ""
		if r.holds != nil {
			holds = map[bool]string{true: "yes", false: "NO"}[*r.holds]
		}
		cells = append(cells, append(line, r.wanted, holds))
	}
	return cells
}

func ratio(x float64) string {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return ""
	}
	return fmt.Sprintf("%.2f", x)
}

// number has three digits that mean something.
func number(x float64) string {
	switch a := math.Abs(x); {
	case math.IsNaN(x):
		return ""
	case a >= 100:
		return fmt.Sprintf("%.0f", x)
	case a >= 10:
		return fmt.Sprintf("%.1f", x)
	}
	return fmt.Sprintf("%.2f", x)
}

// print writes the table for a terminal.
func (t *table) print(w io.Writer) {
	fmt.Fprintf(w, "\n%s\n", t.title)
	for _, n := range t.notes {
		fmt.Fprintf(w, "  %s\n", n)
	}
	cells := t.cells()
	widths := make([]int, len(cells[0]))
	for _, line := range cells {
		for i := range widths {
			widths[i] = max(widths[i], utf8.RuneCountInString(line[i]))
		}
	}
	for _, line := range cells {
		var b strings.Builder
		for i, width := range widths {
			pad := strings.Repeat(" ", max(0, width-utf8.RuneCountInString(line[i])))
			if i == 0 || i >= len(widths)-2 {
				b.WriteString("  " + line[i] + pad)
			} else {
				b.WriteString("  " + pad + line[i])
			}
		}
		fmt.Fprintln(w, strings.TrimRight(b.String(), " "))
	}
}

// markdown writes it for a page.
func (t *table) markdown(w io.Writer) {
	fmt.Fprintf(w, "### %s\n\n", t.title)
	if len(t.notes) > 0 {
		fmt.Fprintf(w, "%s\n\n", strings.Join(t.notes, " "))
	}
	cells := t.cells()
	n := len(cells[0])
	for i, line := range cells {
		fmt.Fprintf(w, "| %s |\n", strings.Join(line[:n], " | "))
		if i == 0 {
			fmt.Fprintf(w, "|---|%s---|---|\n", strings.Repeat("--:|", n-3))
		}
	}
	fmt.Fprintln(w)
}

func micros(d time.Duration, count int) float64 {
	return float64(d.Nanoseconds()) / 1e3 / float64(count)
}

func millis(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e6 }
