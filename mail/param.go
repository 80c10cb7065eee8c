package mail

import (
	"mime"
	"slices"
	"strconv"
	"unicode/utf8"
)

// paramLine leaves room for the semicolon of the next one.
const paramLine = softLine - 1

// param adds a parameter of a MIME field: RFC 2045 §5.1. What is not ASCII is
// written as RFC 2231 has it, and never as an encoded-word, which RFC 2047 §5
// forbids and many readers show as it stands.
func (h *header) param(name, value string) {
	if !isASCII(value) {
		h.extended(name, value, false)
		return
	}
	mark := h.beginParam(name)
	if value != "" && all(value, isToken) {
		h.b = append(h.b, value...)
	} else {
		h.b = appendQuoted(h.b, value)
	}
	h.wrapAt(mark, paramLine)
}

func (h *header) beginParam(name string) int {
	h.b = append(h.b, ';')
	mark := len(h.b)
	h.b = append(h.b, ' ')
	h.b = append(h.b, name...)
	h.b = append(h.b, '=')
	return mark
}

// extended adds a parameter by RFC 2231: on one line, name*=UTF-8”..., or where
// that is too long, or numbered is set, in pieces, name*0*=UTF-8”...; name*1*=...
func (h *header) extended(name, value string, numbered bool) {
	const charset = "UTF-8''"
	size := 0
	for i := 0; i < len(value); i++ {
		size += attrSize(value[i])
	}
	if !numbered && 1+len(name)+len("*=")+len(charset)+size <= paramLine {
		mark := h.beginParam(name + "*")
		h.b = append(h.b, charset...)
		h.b = appendAttr(h.b, value)
		h.wrapAt(mark, paramLine)
		return
	}
	for n := 0; value != ""; n++ {
		mark := h.beginParam(name + "*" + strconv.Itoa(n) + "*")
		if n == 0 {
			h.b = append(h.b, charset...)
		}
		// Every piece has a line of its own, and a character is not parted.
		room := paramLine - (len(h.b) - mark)
		i := 0
		for i < len(value) {
			_, k := utf8.DecodeRuneInString(value[i:])
			cost := 0
			for _, c := range []byte(value[i : i+k]) {
				cost += attrSize(c)
			}
			if room -= cost; room < 0 {
				break
			}
			i += k
		}
		h.b = appendAttr(h.b, value[:i])
		h.wrapAt(mark, paramLine)
		value = value[i:]
	}
}

func attrSize(c byte) int {
	if class[c]&isAttrChar != 0 {
		return 1
	}
	return 3
}

func appendAttr(b []byte, s string) []byte {
	const hex = "0123456789ABCDEF"
	for i := 0; i < len(s); i++ {
		if c := s[i]; class[c]&isAttrChar != 0 {
			b = append(b, c)
		} else {
			b = append(b, '%', hex[c>>4], hex[c&15])
		}
	}
	return b
}

// fileName adds the filename of a Content-Disposition: RFC 2183 §2.3. One that is
// not ASCII is given by RFC 2231, and then again in ASCII as well as can be, for
// readers that know no better.
//
// QUIRK: of two parameters of one name Python takes the first, and Jakarta Mail the
// last unless one is in numbered pieces. So the real one stands first, and is
// numbered even if it has one piece only.
func (h *header) fileName(name string) {
	plain := name
	if !isASCII(name) {
		h.extended("filename", name, true)
		plain = asciiName(name)
	}
	mark := h.beginParam("filename")
	h.b = appendQuoted(h.b, plain)
	h.wrapAt(mark, paramLine)
}

// asciiName is a file name with an underscore for each character that is not
// ASCII, and the extension kept.
func asciiName(name string) string {
	const most = 60
	runes := []rune(name)
	if len(runes) > most {
		runes = append(runes[:most-8], runes[len(runes)-8:]...)
	}
	for i, r := range runes {
		if r >= utf8.RuneSelf {
			runes[i] = '_'
		}
	}
	return string(runes)
}

// contentType adds a Content-Type that was given as text: parsed, and written anew.
// What cannot be parsed was refused before.
func (h *header) contentType(s string) {
	h.name("Content-Type")
	if all(s, isToken|isTypeSlash) {
		h.token(s)
		h.end()
		return
	}
	kind, params, err := mime.ParseMediaType(s)
	if err != nil {
		kind, params = anyType, nil
	}
	h.token(kind)
	names := make([]string, 0, len(params))
	for name := range params {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		h.param(name, params[name])
	}
	h.end()
}
