package mail

import (
	"unicode"
	"unicode/utf8"
)

// What an octet may be part of. One look at a table answers for all grammars.
const (
	isAtext     uint8 = 1 << iota // an atom: RFC 5322 §3.2.3
	isFtext                       // the name of a field: RFC 5322 §3.6.8
	isToken                       // a MIME token: RFC 2045 §5.1
	isAlnum                       // a letter or a digit
	isControl                     // C0 and DEL
	isAttrChar                    // as it is in an extended parameter: RFC 2231 §7
	isTypeSlash                   // between the two words of a content type
	isWordChar                    // as it is in a Q encoded-word, wherever it stands: RFC 2047 §5 (3)
)

var class = classes()

func classes() (t [256]uint8) {
	for c := range 256 {
		alnum := c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
		in := func(set string) bool {
			for i := range len(set) {
				if int(set[i]) == c {
					return true
				}
			}
			return false
		}
		shown := c > ' ' && c < 0x7f
		for _, k := range []struct {
			bit uint8
			is  bool
		}{
			{isAtext, alnum || in("!#$%&'*+-/=?^_`{|}~")},
			{isFtext, shown && c != ':'},
			{isToken, shown && !in(`()<>@,;:\"/[]?=`)},
			{isAlnum, alnum},
			{isControl, c < ' ' || c == 0x7f},
			{isTypeSlash, c == '/'},
			{isAttrChar, shown && !in(`()<>@,;:\"/[]?=*'%`)},
			{isWordChar, alnum || in("!*+-/")},
		} {
			if k.is {
				t[c] |= k.bit
			}
		}
	}
	return t
}

// all reports whether every octet of s is of one of the kinds.
func all(s string, kinds uint8) bool {
	for i := 0; i < len(s); i++ {
		if class[s[i]]&kinds == 0 {
			return false
		}
	}
	return true
}

const high = 0x8080808080808080 // of eight octets, what none of ASCII has

// isASCII looks at 32 octets at once; the compiler makes one load of eight.
func isASCII[T string | []byte](s T) bool {
	for len(s) >= 32 {
		if (eight(s)|eight(s[8:])|eight(s[16:])|eight(s[24:]))&high != 0 {
			return false
		}
		s = s[32:]
	}
	for len(s) >= 8 {
		if eight(s)&high != 0 {
			return false
		}
		s = s[8:]
	}
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func eight[T string | []byte](s T) uint64 {
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// badText says what a text that goes into a header may not hold, and s holds: a
// control character (a tab too, unless tab), or octets that are not UTF-8. It is
// empty where nothing is wrong.
//
// U+0085, U+2028 and U+2029 end a line for some programs, so they are treated as
// CR and LF are.
func badText(s string, tab bool) string {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c >= utf8.RuneSelf:
			return badRunes(s[i:], tab)
		case class[c]&isControl != 0 && !(tab && c == '\t'):
			return controlName(rune(c))
		}
	}
	return ""
}

func badRunes(s string, tab bool) string {
	for i, r := range s {
		switch {
		case r == utf8.RuneError && !utf8.FullRuneInString(s[i:]):
			return "holds octets that are not UTF-8"
		case r == utf8.RuneError:
			if _, n := utf8.DecodeRuneInString(s[i:]); n == 1 {
				return "holds octets that are not UTF-8"
			}
		case unicode.IsControl(r) && !(tab && r == '\t'), r == 0x2028, r == 0x2029:
			return controlName(r)
		}
	}
	return ""
}

func controlName(r rune) string {
	switch r {
	case '\r':
		return "holds a CR"
	case '\n':
		return "holds a LF"
	case 0:
		return "holds a NUL"
	case '\t':
		return "holds a tab"
	}
	const hex = "0123456789ABCDEF"
	return "holds a control character, U+" + string([]byte{hex[r>>12&15], hex[r>>8&15], hex[r>>4&15], hex[r&15]})
}

// turns reports whether s holds a character that turns the line around: the
// embeddings, overrides and isolates of bidirectional text. "gpj.exe" then reads
// "exe.jpg".
func turns(s string) bool {
	if isASCII(s) {
		return false
	}
	for _, r := range s {
		if r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return true
		}
	}
	return false
}
