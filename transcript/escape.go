package transcript

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/parleymail/parley/smtp"
)

// escape writes s so that it stays on its line, moves no terminal, and can be
// read back by unescape octet for octet.
func escape(s string) string { return escapeAlso(s, "") }

// escapeAlso is escape, which also hides the first octet of each mark, a text
// that would be read as something else where it stood for itself.
func escapeAlso(s, mark string) string {
	if isPlain(s, mark) {
		return s
	}
	var b strings.Builder
	for rest := s; rest != ""; {
		this, escaped := first(rest, mark)
		rest = rest[len(this):]
		switch next, follows := first(rest, mark); {
		case this == `\` && (follows || next != "" && strings.Contains(`\xu`, next)):
			b.WriteString(`\\`)
		case this == " " && escaped, mark != "" && escaped && this == mark[:1]:
			fmt.Fprintf(&b, `\x%02x`, this[0])
		default:
			b.WriteString(smtp.Printable(this))
		}
	}
	return b.String()
}

func isPlain(s, mark string) bool {
	return smtp.Printable(s) == s && !strings.Contains(s, `\`) && !strings.HasSuffix(s, " ") &&
		(mark == "" || !strings.Contains(s, mark))
}

// first is the first character of s, or octet where it is none, and whether it
// is to be escaped.
func first(s, mark string) (this string, escaped bool) {
	if s == "" {
		return "", false
	}
	_, n := utf8.DecodeRuneInString(s)
	this = s[:n]
	return this, smtp.Printable(this) != this ||
		s == " " || // editors and mail programs take blanks off a line's end
		mark != "" && strings.HasPrefix(s, mark)
}

// unescape is escape undone. A backslash before anything but x, u and another
// backslash stands for itself.
func unescape(s string) (string, error) {
	if !strings.Contains(s, `\`) {
		return s, nil
	}
	var b strings.Builder
	for {
		i := strings.IndexByte(s, '\\')
		if i < 0 || i+1 == len(s) {
			b.WriteString(s)
			return b.String(), nil
		}
		b.WriteString(s[:i])
		digits := 0
		switch s[i+1] {
		case '\\':
			b.WriteByte('\\')
		case 'x':
			digits = 2
		case 'u':
			digits = 4
		default:
			b.WriteString(s[i : i+2])
		}
		s = s[i+2:]
		if digits == 0 {
			continue
		}
		if err := unescapeHex(&b, s, digits); err != nil {
			return "", err
		}
		s = s[digits:]
	}
}

func unescapeHex(b *strings.Builder, s string, digits int) error {
	what := map[int]string{2: "x", 4: "u"}[digits]
	hex := s[:min(digits, len(s))]
	n, err := strconv.ParseUint(hex, 16, 16)
	if err != nil || len(hex) < digits {
		return fmt.Errorf(`\%s is followed by %q and not by %d hexadecimal digits (a backslash is written \\ there)`, what, hex, digits)
	}
	if digits == 2 {
		b.WriteByte(byte(n))
	} else {
		b.WriteRune(rune(n))
	}
	return nil
}
