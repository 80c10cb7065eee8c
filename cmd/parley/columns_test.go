package main

import (
	"bytes"
	"strings"
	"testing"

	"charm.land/lipgloss/v2"
)

func TestWrap(t *testing.T) {
	for _, c := range []struct {
		s           string
		width, hang int
		want        string
	}{
		{"short", 20, 3, "short"},
		{"one two three four", 10, 0, "one two|three four"},
		{"one two three four", 10, 3, "one two|   three|   four"},
		{"0123456789abcdef", 10, 0, "0123456789|abcdef"},
		{"0123456789abcdef", 10, 3, "0123456789|   abcdef"},
		{"S: 334 0123456789abcdef", 12, 3, "S: 334 01234|   56789abcd|   ef"},
		{"三月对账单在附件里", 10, 0, "三月对账单|在附件里"},
		{"三月对账单，在附件里", 10, 0, "三月对账|单，在附件|里"}, // no line begins with a comma
		{"这是（三月）对账单", 10, 0, "这是（三|月）对账单"},
		{"这是四个（三月）", 10, 0, "这是四个|（三月）"}, // no line ends with an opening bracket
		{"见 STARTTLS 后面", 10, 0, "见|STARTTLS|后面"},
		{"a  b", 20, 0, "a  b"},
		{"", 20, 0, ""},
	} {
		lines := wrap(c.s, c.width, c.hang)
		if got := strings.Join(lines, "|"); got != c.want {
			t.Errorf("wrap(%q, %d, %d) is %q, not %q", c.s, c.width, c.hang, got, c.want)
		}
		for _, line := range lines {
			if lipgloss.Width(line) > c.width {
				t.Errorf("wrap(%q, %d, %d): %q is wider", c.s, c.width, c.hang, line)
			}
		}
	}
}

// FuzzWrap: nothing is lost, nothing is too wide, and it ends.
func FuzzWrap(f *testing.F) {
	f.Add("S: 250 三月对账单，见附件", 12, 3)
	f.Fuzz(func(t *testing.T, s string, width, hang int) {
		if strings.ContainsAny(s, "\r\n\t\x1b") || width < 10 || width > 200 || hang < 0 || hang > 5 || len(s) > 2000 {
			t.Skip()
		}
		blank := func(s string) string { return strings.ReplaceAll(s, " ", "") }
		lines := wrap(s, width, hang)
		if got := blank(strings.Join(lines, "")); got != blank(s) {
			t.Errorf("%q became %q", s, got)
		}
	})
}

// TestTwoColumns: what stands at the right begins at the same column, whatever
// stands at the left.
func TestTwoColumns(t *testing.T) {
	var out bytes.Buffer
	u := newUI(system{out: &out, err: &out, environ: []string{"COLUMNS=80"}}, "parley", chinese)
	u.row("C: 三月", u.styles.client, "#右边")
	u.row("C: abc", u.styles.client, "#右边")
	u.row("C: 三月对账单三月对账单三月对账单三月对账单三月对账单", u.styles.client, "#右边的话很长很长很长很长很长很长很长很长很长很长很长")
	at := 0
	for line := range strings.Lines(out.String()) {
		line = strings.TrimRight(line, "\n")
		if w := lipgloss.Width(line); w > 79 {
			t.Errorf("%q is %d columns wide", line, w)
		}
		if left, _, ok := strings.Cut(line, "#"); ok {
			if w := lipgloss.Width(left); at != 0 && w != at {
				t.Errorf("%q: the remark begins at column %d, and others at %d", line, w, at)
			} else {
				at = w
			}
		}
	}
	if strings.Contains(out.String(), "\x1b") {
		t.Error("there are colours where there is no terminal")
	}
}

func TestNarrowHasOneColumn(t *testing.T) {
	var out bytes.Buffer
	u := newUI(system{out: &out, err: &out, environ: []string{"COLUMNS=60"}}, "parley", english)
	u.row("C: EHLO shop.example", u.styles.client, "who we are")
	if got, want := out.String(), "C: EHLO shop.example\n    who we are\n"; got != want {
		t.Errorf("%q", got)
	}
}
