package entity

import (
	"slices"
	"strconv"
	"strings"
)

const (
	maxParams   = 64 // of a field; programs are seen with a dozen
	maxSections = 64 // of one that is continued
)

// parseParams reads "value; name=value; ..." as RFC 2045 §5.1 has it, with RFC 2231's continuations and
// charsets, as tolerantly as clients do. The value and the names come in lower case.
func parseParams(raw []byte) (value string, params map[string]string, ok bool) {
	s := rawText(unfold(raw))
	head, rest, _ := strings.Cut(skipComments(s), ";")
	value = strings.ToLower(firstToken([]byte(head)))
	if value == "" {
		return "", nil, false
	}
	params = make(map[string]string)
	var pieces []piece
	for n := 0; rest != "" && n < maxParams+maxSections; n++ {
		var name, text string
		var quoted bool
		name, text, quoted, rest = nextParam(rest)
		if name == "" {
			continue
		}
		if star := strings.IndexByte(name, '*'); star > 0 {
			pieces = append(pieces, newPiece(name, star, text))
		} else if _, twice := params[name]; !twice && len(params) < maxParams {
			params[name] = visible(paramText(text, quoted))
		}
	}
	joinPieces(pieces, params)
	return value, params, true
}

// paramText decodes what should not be encoded.
//
// QUIRK: RFC 2047 §5 forbids encoded words in parameters. Outlook and most Chinese programs write file names
// with them, and every client reads them.
func paramText(s string, quoted bool) string {
	if !quoted {
		s = strings.TrimSpace(s)
	}
	return decodeWords(s)
}

// nextParam reads one parameter and the semicolon behind it.
func nextParam(s string) (name, value string, quoted bool, rest string) {
	i := strings.IndexAny(s, "=;")
	if i < 0 {
		return "", "", false, ""
	}
	if s[i] == ';' {
		return "", "", false, s[i+1:]
	}
	name = strings.ToLower(strings.TrimSpace(skipComments(s[:i])))
	s = strings.TrimLeft(s[i+1:], " \t")
	if !strings.HasPrefix(s, `"`) {
		value, rest, _ = strings.Cut(s, ";")
		return name, value, false, rest
	}
	var b strings.Builder
	for i = 1; i < len(s) && s[i] != '"'; i++ {
		// QUIRK: Internet Explorer and its heirs write "C:\dir\file" and mean the backslashes.
		if s[i] == '\\' && i+1 < len(s) && (s[i+1] == '"' || s[i+1] == '\\') {
			i++
		}
		b.WriteByte(s[i])
	}
	_, rest, _ = strings.Cut(s[min(i, len(s)):], ";")
	return name, b.String(), true, rest
}

// A piece is a section of a parameter that is continued or has a charset: name*0*=utf-8”text.
type piece struct {
	name    string
	section int // -1: not continued
	coded   bool
	text    string
}

func newPiece(name string, star int, text string) piece {
	p := piece{name: name[:star], section: -1, text: strings.TrimSpace(text)}
	number := name[star+1:]
	if number == "" {
		p.coded = true
		return p
	}
	number, p.coded = strings.CutSuffix(number, "*")
	n, err := strconv.Atoi(number)
	if err != nil || n < 0 || n >= maxSections {
		p.name = ""
	}
	p.section = n
	return p
}

// joinPieces puts them together: RFC 2231 §4.1.
func joinPieces(pieces []piece, params map[string]string) {
	slices.SortStableFunc(pieces, func(a, b piece) int {
		if c := strings.Compare(a.name, b.name); c != 0 {
			return c
		}
		return a.section - b.section
	})
	for len(pieces) > 0 {
		n := 1
		for n < len(pieces) && pieces[n].name == pieces[0].name {
			n++
		}
		if name := pieces[0].name; name != "" && (len(params) < maxParams || params[name] != "") {
			params[name] = visible(joinOne(pieces[:n]))
		}
		pieces = pieces[n:]
	}
}

func joinOne(pieces []piece) string {
	var octets []byte
	charset, want := "", max(0, pieces[0].section)
	for i, p := range pieces {
		if p.section >= 0 && p.section != want {
			continue // one said twice, or behind a gap
		}
		text := p.text
		if i == 0 && p.coded {
			if set, rest, ok := strings.Cut(text, "'"); ok {
				if _, rest, ok = strings.Cut(rest, "'"); ok {
					charset, text = set, rest
				}
			}
		}
		if p.coded {
			octets = append(octets, percent(text)...)
		} else {
			octets = append(octets, text...)
		}
		if p.section < 0 {
			break
		}
		want++
	}
	if charset == "" {
		return decodeWords(rawText(octets))
	}
	return decodeCharset(charset, octets)
}

// percent decodes %41: RFC 2231 §7.
func percent(s string) []byte {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]) {
			out = append(out, unhex(s[i+1])<<4|unhex(s[i+2]))
			i += 2
		} else {
			out = append(out, s[i])
		}
	}
	return out
}

// skipComments leaves out what stands in parentheses outside quotes.
func skipComments(s string) string {
	if strings.IndexByte(s, '(') < 0 {
		return s
	}
	var b strings.Builder
	depth, quoted := 0, false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && i+1 < len(s):
			if depth == 0 {
				b.WriteString(s[i : i+2])
			}
			i++
		case c == '"' && depth == 0:
			quoted = !quoted
			b.WriteByte(c)
		case c == '(' && !quoted:
			depth++
		case c == ')' && depth > 0:
			depth--
		case depth == 0:
			b.WriteByte(c)
		}
	}
	if depth > 0 {
		return s // it is none: a name with a parenthesis in it
	}
	return b.String()
}

// firstToken is the first word, without what quotes and blanks stand around it.
func firstToken(b []byte) string {
	s := strings.Trim(string(b), " \t\r\n\"';")
	if i := strings.IndexAny(s, " \t(;"); i >= 0 {
		s = s[:i]
	}
	return s
}

// isToken: RFC 2045 §5.1.
func isToken(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(`()<>@,;:\"/[]?=`, c) >= 0 {
			return false
		}
	}
	return s != "" && len(s) <= 127
}
