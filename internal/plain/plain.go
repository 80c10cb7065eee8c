// Package plain makes texts of others fit for a line, a header, a list, an error: without what ends lines, hides or turns around what is beside it, and
// not too long.
package plain

import (
	"strconv"
	"strings"
	"unicode"

	"github.com/parleymail/parley/smtp"
)

// Quoted is a text as it stands in an error.
func Quoted(s string) string { return strconv.Quote(smtp.Printable(s)) }

// OneLine is a text of at most so many characters, on one line.
func OneLine(s string, most int) string {
	s = strings.Join(strings.FieldsFunc(head(s, most), func(r rune) bool {
		return unicode.IsSpace(r) || IsControl(r) || r == '\u2028' || r == '\u2029'
	}), " ")
	return Shortened(s, most)
}

// ManyLines is a text of at most so many characters, with its lines and tabs.
func ManyLines(s string, most int) string {
	s = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(head(s, most))
	s = strings.Map(func(r rune) rune {
		if IsControl(r) {
			return -1
		}
		return r
	}, s)
	return strings.Trim(Shortened(s, most), "\n")
}

// head cuts what is far too long before anything else looks at it: of what is dropped there may be more than of what stays.
func head(s string, most int) string {
	return strings.ToValidUTF8(s[:min(len(s), most*16+64)], "\uFFFD")
}

// IsControl is true for what is no text: control characters but the end of a line and the tab, marks that turn the direction of what follows, and the like.
func IsControl(r rune) bool {
	return r < ' ' && r != '\n' && r != '\t' || r >= 0x7f && r <= 0x9f || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 || r == 0xfeff || r >= 0xfff9 && r <= 0xfffb || r >= 0xe0000 && r <= 0xe007f
}

// Shortened cuts a text to so many characters and "…", at a blank if there is one near.
func Shortened(s string, most int) string {
	n := 0
	for i := range s {
		if n++; n > most {
			s = s[:i]
			if at := strings.LastIndexByte(s, ' '); at > len(s)*2/3 {
				s = s[:at]
			}
			return strings.TrimRight(s, " \n") + "…"
		}
	}
	return s
}
