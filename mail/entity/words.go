package entity

import (
	"strings"
	"unicode/utf8"
)

// decodeValue makes a field's value readable: unfolded, its encoded words decoded (RFC 2047), its
// octets in whatever charset they seem to be where they are raw.
func decodeValue(raw []byte) string {
	if len(raw) > maxValue {
		raw = raw[:maxValue]
	}
	return visible(decodeWords(rawText(unfold(raw))))
}

// unfold takes the line ends out: RFC 5322 §2.2.3.
func unfold(b []byte) []byte {
	clean := true
	for _, c := range b {
		clean = clean && c != '\n' && c != '\r'
	}
	if clean {
		return b
	}
	out := make([]byte, 0, len(b))
	for i, c := range b {
		if c == '\n' || c == '\r' && i+1 < len(b) && b[i+1] == '\n' {
			continue
		}
		out = append(out, c)
	}
	return out
}

// rawText is what stands in a header without being encoded: UTF-8 (RFC 6532 §3.2), or a guess.
func rawText(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	s, _ := guess(b, false)
	return s
}

// visible leaves no control in a value that is shown in one line.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\n' || r == '\r':
			return ' '
		case r < 0x20 || r >= 0x7f && r < 0xa0:
			return utf8.RuneError
		}
		return r
	}, s)
}

// A word is an encoded word, or several of one charset that stand side by side.
//
// QUIRK: RFC 2047 §5 wants whole characters in each; programs cut where the octets are full, or even where the base64 is.
// So the octets are put together first and decoded then.
type word struct {
	charset string
	octets  []byte
	base64  base64Decoder // what the last word left of a group
}

// add takes the text of one more word.
func (w *word) add(encoding byte, text string) {
	if encoding == 'b' {
		w.octets = w.base64.decode(w.octets, []byte(text))
		return
	}
	w.octets = decodeQ(w.base64.end(w.octets), text)
}

// decodeWords goes over s once.
func decodeWords(s string) string {
	if !strings.Contains(s, "=?") {
		return s
	}
	var b strings.Builder
	var pending word
	flush := func() {
		if octets := pending.base64.end(pending.octets); len(octets) > 0 {
			b.WriteString(decodeCharset(pending.charset, octets))
		}
		pending = word{}
	}
	for behind := len(s) - strings.LastIndex(s, "?="); ; { // there is no end of a word behind that
		i := strings.Index(s, "=?")
		if i < 0 || len(s)-i < behind {
			break
		}
		charset, encoding, text, n := encodedWord(s[i:])
		if n == 0 {
			flush()
			b.WriteString(s[:i+2])
			s = s[i+2:]
			continue
		}
		// RFC 2047 §6.2: blanks between encoded words are not shown.
		if between := s[:i]; pending.charset == "" || strings.Trim(between, " \t") != "" {
			flush()
			b.WriteString(between)
		}
		if !strings.EqualFold(pending.charset, charset) {
			flush()
		}
		pending.charset = charset
		pending.add(encoding, text)
		s = s[i+n:]
	}
	flush()
	b.WriteString(s)
	return b.String()
}

// encodedWord reads the one that s begins with: "=?charset?Q?text?=". It looks no further than the first
// "?=" that may end it. Where it is none, its length is zero.
func encodedWord(s string) (charset string, encoding byte, text string, length int) {
	const longest = 64
	rest := s[2:]
	i := strings.IndexByte(rest[:min(len(rest), longest)], '?')
	if i <= 0 || len(rest) < i+3 || rest[i+2] != '?' {
		return "", 0, "", 0
	}
	// RFC 2231 §5: a language may stand behind the charset.
	charset, _, _ = strings.Cut(rest[:i], "*")
	encoding, text = rest[i+1]|0x20, rest[i+3:]
	if !isToken(charset) || encoding != 'q' && encoding != 'b' {
		return "", 0, "", 0
	}
	end := strings.Index(text, "?=")
	if end < 0 {
		return "", 0, "", 0
	}
	return charset, encoding, text[:end], 2 + i + 3 + end + 2
}

// decodeQ appends what a word of encoding Q says: RFC 2047 §4.2.
func decodeQ(out []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '_':
			out = append(out, ' ')
		case c == '=' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]):
			out = append(out, unhex(s[i+1])<<4|unhex(s[i+2]))
			i += 2
		default:
			out = append(out, c)
		}
	}
	return out
}

func isHex(c byte) bool { return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f' }

func unhex(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}
