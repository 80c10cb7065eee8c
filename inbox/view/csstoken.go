package view

import (
	"strings"
	"unicode/utf8"
)

// cssKind is a kind of token of CSS Syntax Level 3 §4.
type cssKind uint8

const (
	cssEnd cssKind = iota
	cssIdent
	cssFunction // "name(", without the parenthesis
	cssAt
	cssHash
	cssString
	cssURL    // url(unquoted)
	cssNumber // with its unit, or %
	cssSpace
	cssComment
	cssDelim  // any one character, brackets and colons too
	cssBroken // a string or URL that does not end as it should, <!-- and -->
)

// A cssToken has its text decoded: escapes mean what they mean, so that nobody hides behind them.
type cssToken struct {
	kind cssKind
	text string // of a number: with its unit; of a delim: the character
}

func (t cssToken) is(c string) bool { return t.kind == cssDelim && t.text == c }

// cssLexer takes a style apart. It goes over its text once.
type cssLexer struct {
	s string
	i int
}

func (l *cssLexer) next() cssToken {
	if l.i >= len(l.s) {
		return cssToken{}
	}
	switch c := l.s[l.i]; {
	case isCSSSpace(c):
		for l.i < len(l.s) && isCSSSpace(l.s[l.i]) {
			l.i++
		}
		return cssToken{cssSpace, " "}
	case strings.HasPrefix(l.s[l.i:], "/*"):
		if end := strings.Index(l.s[l.i+2:], "*/"); end >= 0 {
			l.i += end + 4
		} else {
			l.i = len(l.s)
		}
		return cssToken{cssComment, ""}
	case c == '"' || c == '\'':
		return l.str(c)
	case c == '#' && l.name(1):
		l.i++
		return cssToken{cssHash, l.ident()}
	case c == '@' && l.identAt(1):
		l.i++
		return cssToken{cssAt, l.ident()}
	case strings.HasPrefix(l.s[l.i:], "<!--"):
		l.i += 4
		return cssToken{cssBroken, ""}
	case strings.HasPrefix(l.s[l.i:], "-->"):
		l.i += 3
		return cssToken{cssBroken, ""}
	case l.numberAt():
		return l.number()
	case l.identAt(0):
		return l.word()
	}
	r, n := utf8.DecodeRuneInString(l.s[l.i:])
	l.i += n
	return cssToken{cssDelim, string(r)}
}

func isCSSSpace(c byte) bool {
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f'
}

func (l *cssLexer) at(k int) byte {
	if l.i+k < len(l.s) {
		return l.s[l.i+k]
	}
	return 0
}

func isNameByte(c byte) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || c == '_' || c == '-' || c >= 0x80
}

// name: a character of a name stands k further, or an escape of one.
func (l *cssLexer) name(k int) bool {
	return isNameByte(l.at(k)) || l.escapeAt(k)
}

func (l *cssLexer) escapeAt(k int) bool {
	return l.at(k) == '\\' && l.i+k+1 < len(l.s) && l.at(k+1) != '\n' && l.at(k+1) != '\r' && l.at(k+1) != '\f'
}

// identAt: an identifier begins k further.
func (l *cssLexer) identAt(k int) bool {
	c := l.at(k)
	if c == '-' {
		return l.at(k+1) == '-' || l.start(k+1)
	}
	return l.start(k)
}

func (l *cssLexer) start(k int) bool {
	c := l.at(k)
	return isNameByte(c) && c != '-' && (c < '0' || c > '9') || l.escapeAt(k)
}

func (l *cssLexer) ident() string {
	var b strings.Builder
	for l.i < len(l.s) {
		switch c := l.s[l.i]; {
		case isNameByte(c):
			b.WriteByte(c)
			l.i++
		case l.escapeAt(0):
			l.i++
			b.WriteRune(l.escape())
		default:
			return b.String()
		}
	}
	return b.String()
}

// escape reads what stands behind a backslash: CSS Syntax §4.3.7.
func (l *cssLexer) escape() rune {
	if l.i >= len(l.s) {
		return utf8.RuneError
	}
	n := 0
	var r rune
	for n < 6 && l.i < len(l.s) {
		d := strings.IndexByte("0123456789abcdef", l.s[l.i]|0x20)
		if l.s[l.i] < '0' || d < 0 {
			break
		}
		r = r<<4 | rune(d)
		n++
		l.i++
	}
	if n == 0 {
		r, size := utf8.DecodeRuneInString(l.s[l.i:])
		l.i += size
		return r
	}
	if l.i < len(l.s) && isCSSSpace(l.s[l.i]) {
		if l.s[l.i] == '\r' && l.at(1) == '\n' {
			l.i++
		}
		l.i++
	}
	if r == 0 || r > utf8.MaxRune || r >= 0xd800 && r < 0xe000 {
		return utf8.RuneError
	}
	return r
}

func (l *cssLexer) str(quote byte) cssToken {
	var b strings.Builder
	for l.i++; l.i < len(l.s); {
		switch c := l.s[l.i]; {
		case c == quote:
			l.i++
			return cssToken{cssString, b.String()}
		case c == '\n' || c == '\r' || c == '\f':
			return cssToken{cssBroken, ""}
		case c == '\\' && l.i+1 < len(l.s) && (l.at(1) == '\n' || l.at(1) == '\r' || l.at(1) == '\f'):
			l.i += 2
		case c == '\\':
			l.i++
			b.WriteRune(l.escape())
		default:
			b.WriteByte(c)
			l.i++
		}
	}
	return cssToken{cssString, b.String()}
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func (l *cssLexer) numberAt() bool {
	k := 0
	if c := l.at(0); c == '+' || c == '-' {
		k = 1
	}
	return isDigit(l.at(k)) || l.at(k) == '.' && isDigit(l.at(k+1))
}

func (l *cssLexer) number() cssToken {
	begin := l.i
	if !isDigit(l.s[l.i]) && l.s[l.i] != '.' {
		l.i++
	}
	digits := func() {
		for isDigit(l.at(0)) {
			l.i++
		}
	}
	digits()
	if l.at(0) == '.' && isDigit(l.at(1)) {
		l.i++
		digits()
	}
	if l.at(0)|0x20 == 'e' && (isDigit(l.at(1)) || (l.at(1) == '+' || l.at(1) == '-') && isDigit(l.at(2))) {
		l.i += 2
		digits()
	}
	text := l.s[begin:l.i]
	switch {
	case l.at(0) == '%':
		l.i++
		text += "%"
	case l.identAt(0):
		text += l.ident()
	}
	return cssToken{cssNumber, text}
}

// word reads an identifier, a function, or a URL without quotes: CSS Syntax §4.3.4.
func (l *cssLexer) word() cssToken {
	name := l.ident()
	if l.at(0) != '(' {
		return cssToken{cssIdent, name}
	}
	l.i++
	if !strings.EqualFold(name, "url") {
		return cssToken{cssFunction, name}
	}
	k := l.i
	for k < len(l.s) && isCSSSpace(l.s[k]) {
		k++
	}
	if k < len(l.s) && (l.s[k] == '"' || l.s[k] == '\'') {
		return cssToken{cssFunction, name}
	}
	l.i = k
	return l.url()
}

func (l *cssLexer) url() cssToken {
	var b strings.Builder
	broken := false
	for l.i < len(l.s) {
		switch c := l.s[l.i]; {
		case c == ')':
			l.i++
			return l.urlToken(broken, b.String())
		case isCSSSpace(c):
			for l.i < len(l.s) && isCSSSpace(l.s[l.i]) {
				l.i++
			}
			broken = broken || l.i < len(l.s) && l.s[l.i] != ')'
		case c == '"' || c == '\'' || c == '(' || c < ' ':
			broken = true
			l.i++
		case c == '\\':
			broken = broken || !l.escapeAt(0)
			l.i++
			b.WriteRune(l.escape())
		default:
			b.WriteByte(c)
			l.i++
		}
	}
	return l.urlToken(broken, b.String())
}

func (l *cssLexer) urlToken(broken bool, url string) cssToken {
	if broken {
		return cssToken{cssBroken, ""}
	}
	return cssToken{cssURL, url}
}

// whole says whether the token may be written at all. What has one that may not is given up as a whole: if only the token
// were left out, those beside it would become one.
func (t cssToken) whole() bool {
	// ">" stays, as a selector needs it; "<", "\" and controls are in nothing that styles need.
	return t.kind != cssBroken && (t.kind != cssDelim || len(t.text) == 1 && t.text > " " && t.text != "<" && t.text != `\` && t.text != "\x7f")
}

// write puts the token down so that it is read as itself again, and as nothing else in HTML: there is no "<" in it, nor a
// character that only an escape could have brought.
func (t cssToken) write(b *strings.Builder) {
	switch t.kind {
	case cssIdent:
		writeName(b, t.text, true)
	case cssFunction:
		writeName(b, t.text, true)
		b.WriteByte('(')
	case cssAt:
		b.WriteByte('@')
		writeName(b, t.text, true)
	case cssHash:
		b.WriteByte('#')
		writeName(b, t.text, false)
	case cssString:
		writeCSSString(b, t.text)
	case cssNumber:
		writeNumber(b, t.text)
	case cssSpace:
		b.WriteByte(' ')
	case cssComment:
		b.WriteString("/**/")
	case cssDelim:
		if t.whole() {
			b.WriteString(t.text)
		}
	default: // what is broken goes; a URL is written by whoever looked at it
	}
}

func writeName(b *strings.Builder, s string, first bool) {
	for i, r := range s {
		digit := r >= '0' && r <= '9'
		lead := first && digit && (i == 0 || i == 1 && s[0] == '-')
		if r < utf8.RuneSelf && (!isNameByte(byte(r)) || lead) || r >= 0x80 && r < 0xa0 || s == "-" {
			writeEscape(b, r)
		} else {
			b.WriteRune(r)
		}
	}
}

// writeCSSString writes parentheses as escapes too: whoever looks for "url(" in a style finds those that are.
func writeCSSString(b *strings.Builder, s string) {
	b.WriteByte('"')
	for _, r := range s {
		if r < ' ' || r == '"' || r == '\\' || r == '<' || r == '>' || r == '&' || r == '(' || r == ')' || r >= 0x7f && r < 0xa0 {
			writeEscape(b, r)
		} else {
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
}

// writeNumber writes the number as it is, and its unit as a name.
func writeNumber(b *strings.Builder, s string) {
	i := 0
	for i < len(s) && strings.IndexByte("+-.0123456789", s[i]) >= 0 {
		i++
	}
	b.WriteString(s[:i])
	if s[i:] == "%" {
		b.WriteByte('%')
		return
	}
	if rest := s[i:]; len(rest) > 1 && rest[0]|0x20 == 'e' && strings.Trim(rest[1:], "+-0123456789") == "" {
		b.WriteString(rest) // an exponent
		return
	}
	writeName(b, s[i:], true)
}

func writeEscape(b *strings.Builder, r rune) {
	const hex = "0123456789abcdef"
	b.WriteByte('\\')
	for shift := 20; shift >= 0; shift -= 4 {
		if r>>shift != 0 || shift == 0 {
			b.WriteByte(hex[r>>shift&15])
		}
	}
	b.WriteByte(' ')
}
