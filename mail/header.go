package mail

import (
	"strconv"
	"time"
	"unicode/utf8"
)

const (
	softLine = 78  // what a line of a header should not be over: RFC 5322 §2.1.1
	hardLine = 998 // what no line may be over: RFC 5322 §2.1.1
	// maxToken is the most octets of a header that may stand without a blank. It is
	// short of hardLine by more than any field's name and brackets.
	maxToken = 900
)

// A header writes fields: what is given to it stands behind one another, with
// line ends before blanks where a line would be over 78 octets.
type header struct {
	b     []byte
	line  int  // where in b the current line begins
	colon int  // where in b the current field's name has ended
	utf8  bool // UTF-8 may stand in it as it is: RFC 6532
}

// name begins a field.
func (h *header) name(name string) {
	h.line = len(h.b)
	h.b = append(h.b, name...)
	h.b = append(h.b, ':')
	h.colon = len(h.b)
}

// end ends a field.
func (h *header) end() { h.b = append(h.b, '\r', '\n') }

// col is how many octets the current line has.
func (h *header) col() int { return len(h.b) - h.line }

func (h *header) fold() {
	h.b = append(h.b, '\r', '\n')
	h.line = len(h.b)
}

// wrap puts a line end before what was written since mark, which begins with a
// blank, if the line is too long otherwise.
func (h *header) wrap(mark int) { h.wrapAt(mark, softLine) }

func (h *header) wrapAt(mark, most int) {
	if h.col() <= most || mark == h.line {
		return
	}
	if mark == h.colon && h.col() <= hardLine {
		// A line with a name and nothing else is legal, and Python reads the blank
		// of the next one as part of the value.
		return
	}
	n := len(h.b)
	h.b = append(h.b, 0, 0)
	copy(h.b[mark+2:], h.b[mark:n])
	h.b[mark], h.b[mark+1] = '\r', '\n'
	h.line = mark + 2
}

// token adds a blank and a word that is not parted.
func (h *header) token(s string) {
	mark := len(h.b)
	h.b = append(h.b, ' ')
	h.b = append(h.b, s...)
	h.wrap(mark)
}

// field is a whole field with one word.
func (h *header) field(name, value string) {
	h.name(name)
	h.token(value)
	h.end()
}

// text is a whole field with unstructured text: RFC 5322 §2.2.1.
func (h *header) text(name, s string) {
	h.name(name)
	switch {
	case s == "":
	case h.isPlainText(s):
		h.plainText(s)
	default:
		h.words(s)
	}
	h.end()
}

// isPlainText reports whether a text may stand in the header as it is, and will be
// read as it is.
func (h *header) isPlainText(s string) bool {
	if s[0] == ' ' || s[0] == '\t' || s[len(s)-1] == ' ' || s[len(s)-1] == '\t' {
		return false // lost at the ends of a field
	}
	start := 0 // of the word, with the blanks before it
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c >= utf8.RuneSelf && !h.utf8:
			return false
		case c == '=' && i+1 < len(s) && s[i+1] == '?':
			return false // it would be read as an encoded-word
		case (c == ' ' || c == '\t') && s[i-1] != ' ' && s[i-1] != '\t':
			start = i
		}
		if i-start >= maxToken {
			return false
		}
	}
	return true
}

// plainText adds words with the blanks that are between them.
func (h *header) plainText(s string) {
	h.b = append(h.b, ' ')
	if h.col()+len(s) <= softLine {
		h.b = append(h.b, s...)
		return
	}
	mark := len(h.b) - 1
	for start := 0; start < len(s); {
		end := start
		for end < len(s) && (s[end] == ' ' || s[end] == '\t') {
			end++
		}
		for end < len(s) && s[end] != ' ' && s[end] != '\t' {
			end++
		}
		h.b = append(h.b, s[start:end]...)
		h.wrap(mark)
		start, mark = end, len(h.b)
	}
}

// addresses is a whole field of them; the paths are theirs. Header and envelope
// are written from the same Path, so that they cannot differ.
func (h *header) addresses(name string, list []Address, paths []Path) {
	if len(list) == 0 {
		return
	}
	h.name(name)
	for i := range list {
		h.address(list[i].Name, paths[i], i+1 < len(list))
	}
	h.end()
}

func (h *header) address(name string, p Path, more bool) {
	if name != "" {
		h.phrase(name)
	}
	mark := len(h.b)
	h.b = append(h.b, ' ')
	if !h.utf8 && !isASCII(p.Domain) {
		// Checked before: a domain that has no A-labels does not come here.
		p.Domain, _ = toASCII(p.Domain)
	}
	if name != "" {
		h.b = p.AppendTo(h.b)
	} else {
		h.b = p.appendSpec(h.b)
	}
	if more {
		h.b = append(h.b, ',')
	}
	h.wrap(mark)
}

// phrase adds a display name: RFC 5322 §3.2.5.
func (h *header) phrase(s string) {
	const short = 60 // what is quoted is not parted, so it must fit on a line
	switch {
	case len(s) > short || !h.utf8 && !isASCII(s) || hasEncodedWord(s):
		h.words(s)
	case isPhrase(s):
		h.token(s)
	default:
		mark := len(h.b)
		h.b = append(h.b, ' ')
		h.b = appendQuoted(h.b, s)
		h.wrap(mark)
	}
}

// isPhrase: atoms with single blanks, nothing that needs quotes.
func isPhrase(s string) bool {
	blank := true
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case class[c]&isAtext != 0 || c >= utf8.RuneSelf:
			blank = false
		case c == ' ' && !blank:
			blank = true
		default:
			return false
		}
	}
	return !blank
}

// ids is a whole field of message identifiers: RFC 5322 §3.6.4. They may be given
// with their brackets or without.
func (h *header) ids(name string, ids ...string) {
	h.name(name)
	for _, id := range ids {
		mark := len(h.b)
		h.b = append(h.b, ' ', '<')
		h.b = append(h.b, bareID(id)...)
		h.b = append(h.b, '>')
		h.wrap(mark)
	}
	h.end()
}

// bareID is an identifier without its brackets.
func bareID(id string) string {
	if n := len(id); n > 1 && id[0] == '<' && id[n-1] == '>' {
		return id[1 : n-1]
	}
	return id
}

const (
	days   = "SunMonTueWedThuFriSat"
	months = "JanFebMarAprMayJunJulAugSepOctNovDec"
)

// date is a whole field with a date: RFC 5322 §3.3. It is time's RFC1123Z, at a
// fourth of the cost.
func (h *header) date(name string, t time.Time) {
	h.name(name)
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	_, zone := t.Zone()
	sign := byte('+')
	if zone < 0 {
		sign, zone = '-', -zone
	}
	b := append(h.b, ' ')
	w := 3 * int(t.Weekday())
	b = append(b, days[w:w+3]...)
	b = append(b, ',', ' ')
	b = strconv.AppendInt(b, int64(day), 10)
	b = append(b, ' ')
	m := 3 * (int(month) - 1)
	b = append(b, months[m:m+3]...)
	b = append(b, ' ')
	b = strconv.AppendInt(b, int64(year), 10)
	b = append(b, ' ')
	b = append2(b, hour)
	b = append(b, ':')
	b = append2(b, minute)
	b = append(b, ':')
	b = append2(b, second)
	b = append(b, ' ', sign)
	b = append2(b, zone/3600%100)
	h.b = append2(b, zone%3600/60)
	h.end()
}

func append2(b []byte, n int) []byte { return append(b, byte('0'+n/10), byte('0'+n%10)) }
