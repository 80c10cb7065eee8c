package dsn

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/parleymail/parley/smtp"
)

// softLine is where lines are folded: RFC 5322 §2.1.1. A word that is longer than hardWord is cut,
// for no line may have more than 998 octets.
const (
	softLine = 76
	hardWord = 900
)

// fields are those of a message/delivery-status, or of its kin with UTF-8.
type fields struct {
	b    []byte
	utf8 bool
}

// text adds a field, unless its value is empty. Whatever the value holds, it is one field: blanks of any
// kind become one blank, other controls are written as \x1b, and lines are folded.
func (f *fields) text(name, value string) {
	f.lines(name, []string{value})
}

// lines adds a field of several lines, each of which begins a line of the field.
func (f *fields) lines(name string, lines []string) {
	if strings.TrimSpace(strings.Join(lines, "")) == "" {
		return
	}
	f.b = append(f.b, name...)
	f.b = append(f.b, ':')
	col := len(name) + 1
	for i, line := range lines {
		if i > 0 {
			col = softLine
		}
		for _, word := range strings.Fields(f.safe(line)) {
			col = f.word(word, col)
		}
	}
	f.b = append(f.b, '\r', '\n')
}

// word adds one, on a line of its own where it does not go on this, and gives the new column.
func (f *fields) word(word string, col int) int {
	for word != "" {
		cut := len(word)
		if cut > hardWord {
			for cut = hardWord; !utf8.RuneStart(word[cut]); cut-- {
			}
		}
		if col > softLine-1 || col+1+cut > softLine && col > 1+softLine/2 {
			f.b = append(f.b, '\r', '\n')
			col = 0
		}
		f.b = append(f.b, ' ')
		f.b = append(f.b, word[:cut]...)
		col += 1 + cut
		word = word[cut:]
	}
	return col
}

// address adds an address with its type. It is not folded, for a blank in it is part of it.
func (f *fields) address(name, kind, addr string) {
	if addr = cut(f.safe(addr), hardWord); addr != "" {
		f.b = append(f.b, name+": "+cut(token(kind), softLine)+"; "+addr+"\r\n"...)
	}
}

func (f *fields) date(name string, t time.Time) {
	if !t.IsZero() {
		f.b = append(f.b, name+": "+t.Format(time.RFC1123Z)+"\r\n"...)
	}
}

func (f *fields) end() { f.b = append(f.b, '\r', '\n') }

// safe is a value in which no control is left, and nothing beyond ASCII where that may not be. Octets that are
// not UTF-8 are written as \xb2.
func (f *fields) safe(s string) string {
	s = smtp.Printable(strings.Map(noLine, s))
	if f.utf8 {
		return s
	}
	return asUnitext(s, false)
}

// noLine: what ends a line, and a tab, become blanks.
func noLine(r rune) rune {
	switch r {
	case '\r', '\n', '\t', '\v', '\f', 0x85, 0x2028, 0x2029:
		return ' '
	}
	return r
}

// token is a word that may stand before a semicolon: RFC 5322 §3.2.3.
func token(s string) string {
	return strings.Map(func(r rune) rune {
		if r <= ' ' || r >= 0x7f || strings.ContainsRune(`()<>[]:;@\,."`, r) {
			return -1
		}
		return r
	}, s)
}
