package mail

import (
	"mime"
	"strings"
)

// A listParser reads a list of addresses in one pass. It never goes back more than
// a token, so that no input takes more than time in proportion to its length.
type listParser struct {
	s     string
	i     int
	field bool // the value of a header field: comments, groups, encoded-words
	what  string
}

// maxComments is how deep comments may stand within one another.
const maxComments = 32

func parseList(s string, field bool) ([]Address, error) {
	if field {
		s = unfold(s)
	}
	p := &listParser{s: s, field: field}
	list := p.list()
	if p.what != "" {
		const shown = 80 // what stands before the fault, and a little after
		from := max(0, min(p.i, len(s))-shown)
		return nil, addressError{s[from:min(len(s), from+2*shown)], p.what}
	}
	return list, nil
}

// unfold takes the line ends out of a field's value: RFC 5322 §2.2.3.
func unfold(s string) string {
	if strings.IndexByte(s, '\n') < 0 {
		return s
	}
	return foldings.Replace(s)
}

var foldings = strings.NewReplacer("\r\n ", " ", "\r\n\t", "\t", "\n ", " ", "\n\t", "\t")

// list = address *("," address); in a field, empty members (RFC 5322 §4.4) and
// groups too.
func (p *listParser) list() (list []Address) {
	group := false
	for {
		p.blanks()
		switch c := p.peek(); {
		case p.what != "":
			return nil
		case c == 0 && p.i == len(p.s):
			if group {
				p.what = "has a group that is not ended by a semicolon"
			} else if !p.field && (len(list) == 0 || p.trailingComma()) {
				p.what = "is empty"
			}
			return list
		case c == ',' && p.field:
			p.i++
			continue
		case c == ';' && group:
			p.i++
			group = false
		default:
			a, opened := p.address(group)
			if p.what != "" {
				return nil
			}
			if opened {
				group = true
				continue
			}
			list = append(list, a)
		}
		if !p.between(group) {
			return list
		}
	}
}

// between reads what stands between two addresses, and reports whether there may
// be another.
func (p *listParser) between(group bool) bool {
	p.blanks()
	switch c := p.peek(); {
	case p.what != "":
		return false
	case c == ',':
		p.i++
	case c == ';' && group:
	case c == 0 && p.i == len(p.s):
	default:
		p.what = "goes on after its end with " + quote(string(rune(c)))
		if c >= 0x80 {
			p.what = "goes on after its end"
		}
		return false
	}
	return true
}

func (p *listParser) trailingComma() bool {
	return strings.HasSuffix(strings.TrimRight(p.s, " \t"), ",")
}

// address reads a mailbox, or in a field the beginning of a group.
func (p *listParser) address(inGroup bool) (a Address, group bool) {
	start := p.i
	name, words := p.phrase()
	if p.field {
		name = strings.ToValidUTF8(name, "\uFFFD")
	}
	if bad := badText(name, p.field); bad != "" && p.what == "" {
		p.what = bad + " in its name"
	}
	if p.what != "" {
		return a, false
	}
	switch c := p.peek(); {
	case c == '<':
		a.Name = name
		a.Address = p.angle()
		return a, false
	case c == ':' && p.field && words > 0:
		if inGroup {
			p.what = "has a group within a group"
		}
		p.i++
		return a, true
	case c == ':':
		p.what = "has a group or a source route, which is not taken"
		return a, false
	case p.i < len(p.s) && class[c]&isControl != 0:
		p.what = controlName(rune(c))
		return a, false
	}
	// No brackets: what was read as a phrase is an addr-spec, without blanks.
	p.i = start
	a.Address = p.spec()
	return a, false
}

// angle reads "<" addr-spec ">". No blank and no comment may stand within.
func (p *listParser) angle() string {
	p.i++
	if strings.HasPrefix(p.s[p.i:], "@") {
		p.what = "has a source route, which is not taken"
		return ""
	}
	spec := p.spec()
	if p.what == "" && p.peek() != '>' {
		p.what = "begins with < and does not end with >"
	}
	p.i++
	return spec
}

// spec reads an addr-spec up to what cannot be part of one, and has it checked
// by the one parser that there is for addresses.
func (p *listParser) spec() string {
	start := p.i
	if p.peek() == '"' {
		_, n, what := unquote(p.s[p.i:min(len(p.s), p.i+2*maxPath)])
		if p.what = what; what != "" {
			return ""
		}
		p.i += n
	}
	for p.i < len(p.s) && strings.IndexByte(" \t,;<>()", p.s[p.i]) < 0 {
		p.i++
	}
	spec := p.s[start:p.i]
	path, what := parseAddrSpec(spec)
	if what != "" {
		p.what = what
		return ""
	}
	if isASCII(spec) {
		return spec
	}
	return path.spec() // its domain in the normal form
}

// phrase reads a display name: atoms with dots, and quoted-strings, with a single
// blank for whatever white space is between them. It stops before any special.
func (p *listParser) phrase() (name string, words int) {
	var b strings.Builder
	encoded := false
	for {
		var word string
		switch c := p.peek(); {
		case c == '"':
			text, n, what := unquote(p.s[p.i:])
			if what != "" {
				p.what = what
				return "", 0
			}
			word = text
			p.i += n
		case class[c]&isAtext != 0 || c >= 0x80 || c == '.':
			start := p.i
			for p.i < len(p.s) && (class[p.s[p.i]]&isAtext != 0 || p.s[p.i] >= 0x80 || p.s[p.i] == '.') {
				p.i++
			}
			word = p.s[start:p.i]
		default:
			return b.String(), words
		}
		word, encoded = p.join(&b, word, words, encoded)
		b.WriteString(word)
		words++
		p.blanks()
		if p.what != "" {
			return "", 0
		}
	}
}

// join decodes a word, and puts a blank before it where one belongs: none between
// two encoded-words (RFC 2047 §6.2).
func (p *listParser) join(b *strings.Builder, word string, words int, before bool) (string, bool) {
	encoded := false
	if p.field && strings.HasPrefix(word, "=?") {
		if text, err := new(mime.WordDecoder).Decode(word); err == nil {
			if badText(text, true) != "" {
				p.what = "has an encoded-word that " + badText(text, true)
			}
			word, encoded = text, true
		}
	}
	if words > 0 && !(before && encoded) {
		b.WriteByte(' ')
	}
	return word, encoded
}

// blanks skips white space, and in a field comments: RFC 5322 §3.2.2. A comment
// is a blank; what stands on its two sides is never joined.
func (p *listParser) blanks() {
	depth := 0
	for ; p.i < len(p.s); p.i++ {
		switch c := p.s[p.i]; {
		case c == '(':
			if !p.field {
				p.what = "has a comment, which is not taken"
				return
			}
			if depth++; depth > maxComments {
				p.what = "has comments more than 32 deep"
				return
			}
		case depth > 0 && c == ')':
			depth--
		case depth > 0 && c == '\\':
			p.i++
		case c == ' ' || c == '\t':
		case depth == 0:
			return
		case class[c]&isControl != 0:
			p.what = controlName(rune(c))
			return
		}
	}
	p.i = min(p.i, len(p.s))
	if depth > 0 {
		p.what = "has a comment that is not closed"
	}
}

func (p *listParser) peek() byte {
	if p.i < len(p.s) {
		return p.s[p.i]
	}
	return 0
}
