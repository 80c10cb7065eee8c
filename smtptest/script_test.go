package smtptest

import (
	"regexp"
	"strings"
	"testing"
)

// FuzzScript: any text is a script or an error that names its line, and what is a
// script has its turns in the order of their lines.
func FuzzScript(f *testing.F) {
	f.Add("S: 220 mx\nC: EHLO *\n-- tls expired\n-- wait 1s\n-- raw \\x00\n-- connected\n2 S: x\n-- closed\nC: y\n")
	f.Add("-- wait\n")
	f.Add("C: (content)\nC: (content, 5 octets)\n-- closed: i/o timeout\n-- silence\n-- refused\nS: x\n")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := parseScript(text)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "script line ") {
				t.Errorf("%v names no line", err)
			}
			return
		}
		s.security()
		for _, p := range s.parts {
			last := 0
			for _, turn := range p.turns {
				if turn.number <= last || turn.act == 0 {
					t.Errorf("line %d comes after line %d, act %d", turn.number, last, turn.act)
				}
				last = turn.number
			}
			if last > p.last {
				t.Errorf("the last line is %d, and not %d", last, p.last)
			}
		}
	})
}

// FuzzMatches: a pattern matches what the same regular expression does.
func FuzzMatches(f *testing.F) {
	f.Add("C: *", "C: x")
	f.Add("MAIL FROM:<*@*.com> SIZE=*", "MAIL FROM:<a@b.com> SIZE=5")
	f.Add("AUTH PLAIN (secret)", "AUTH PLAIN x")
	f.Add("*a*a", "a")
	f.Fuzz(func(t *testing.T, pattern, line string) {
		if strings.ContainsAny(pattern+line, "\n") {
			return
		}
		expr := regexp.QuoteMeta(strings.ReplaceAll(pattern, "(secret)", "*"))
		re, err := regexp.Compile(`(?s)\A` + strings.ReplaceAll(expr, `\*`, `.*`) + `\z`)
		if err != nil {
			return // not UTF-8
		}
		if got, want := matches(pattern, line), re.MatchString(line); got != want {
			t.Errorf("matches(%q, %q) is %v", pattern, line, got)
		}
	})
}
