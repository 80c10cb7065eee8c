package smtp

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Printable is s made fit for a terminal, a log and a page: control characters,
// the bidirectional overrides that turn a line around, and octets that are not
// UTF-8 are written as \x1b or \u202e. What a server says is not ours to trust.
func Printable(s string) string {
	if isPrintable(s) {
		return s
	}
	const hex = "0123456789abcdef"
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && n == 1 || r < 0x20 || r == 0x7f:
			b.WriteString(`\x` + string(hex[s[0]>>4]) + string(hex[s[0]&15]))
		case !shown(r):
			b.WriteString(`\u`)
			for i := 12; i >= 0; i -= 4 {
				b.WriteByte(hex[r>>i&15])
			}
		default:
			b.WriteString(s[:n])
		}
		s = s[n:]
	}
	return b.String()
}

func isPrintable(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < 0x20 || c == 0x7f {
			return false
		} else if c >= utf8.RuneSelf {
			return utf8.ValidString(s) && strings.IndexFunc(s, func(r rune) bool { return !shown(r) }) < 0
		}
	}
	return true
}

// shown reports whether a character stands for itself and moves nothing else:
// not C0 and C1 controls, line separators, or bidi embeddings and isolates.
func shown(r rune) bool {
	return r >= 0x20 && !unicode.Is(unicode.Cc, r) && !unicode.Is(unicode.Bidi_Control, r) && r != 0x2028 && r != 0x2029
}
