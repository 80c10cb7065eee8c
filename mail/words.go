package mail

import (
	"encoding/base64"
	"strings"
	"unicode/utf8"
)

// Encoded-words: RFC 2047. A word has at most 75 octets, and a line with one in it
// at most 76.
const (
	wordLine  = 76
	wordQ     = "=?utf-8?q?"
	wordB     = "=?utf-8?b?"
	wordFrame = len(wordQ) + len("?=")
	wordLeast = 24 // less room than this on a line, and the next one is better
)

// hasEncodedWord reports whether a reader might take something in s for an
// encoded-word.
func hasEncodedWord(s string) bool { return strings.Contains(s, "=?") }

// words adds a text as encoded-words: by Q or B, whichever is shorter, and parted
// between characters (RFC 2047 §5). Blanks between the words are not part of it
// (RFC 2047 §6.2).
func (h *header) words(s string) {
	q := sizeQ(s) <= base64.StdEncoding.EncodedLen(len(s))
	for s != "" {
		room := wordLine - h.col() - 1 - wordFrame
		if room < wordLeast {
			h.fold()
			room = wordLine - 1 - wordFrame
		}
		n := fitB(s, room)
		if q {
			n = fitQ(s, room)
		}
		h.b = append(h.b, ' ')
		if q {
			h.b = append(h.b, wordQ...)
			h.b = appendQ(h.b, s[:n])
		} else {
			h.b = append(h.b, wordB...)
			h.b = base64.StdEncoding.AppendEncode(h.b, []byte(s[:n]))
		}
		h.b = append(h.b, '?', '=')
		s = s[n:]
	}
}

func sizeQ(s string) int {
	n := len(s)
	for i := 0; i < len(s); i++ {
		if class[s[i]]&isWordChar == 0 && s[i] != ' ' {
			n += 2
		}
	}
	return n
}

// fitQ is how much of s, in whole characters, gives no more than room octets. It
// is never nothing: room is at least wordLeast.
func fitQ(s string, room int) int {
	n := 0
	for n < len(s) {
		_, size := utf8.DecodeRuneInString(s[n:])
		if room -= sizeQ(s[n : n+size]); room < 0 {
			break
		}
		n += size
	}
	return n
}

func fitB(s string, room int) int {
	n := min(len(s), room/4*3)
	for n < len(s) && !utf8.RuneStart(s[n]) {
		n--
	}
	return n
}

func appendQ(b []byte, s string) []byte {
	const hex = "0123456789ABCDEF"
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case class[c]&isWordChar != 0:
			b = append(b, c)
		case c == ' ':
			b = append(b, '_')
		default:
			b = append(b, '=', hex[c>>4], hex[c&15])
		}
	}
	return b
}
