package dsn

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/parleymail/parley/mail"
)

// typedPath reads an address with its type, as ORCPT, Original-Recipient and
// Final-Recipient bear it: "rfc822;kim@example.net".
func typedPath(s string) (mail.Path, bool) {
	kind, addr, ok := strings.Cut(s, ";")
	if !ok {
		kind, addr = "rfc822", s // QUIRK: some leave the type out
	}
	addr = strings.TrimSpace(addr)
	switch strings.ToLower(strings.TrimSpace(kind)) {
	case "rfc822":
	case "utf-8":
		addr = unitext(addr)
	default:
		return mail.Path{}, false
	}
	return loosePath(addr)
}

// loosePath reads an address as bounces write it: with brackets, or a full stop behind it, too.
func loosePath(s string) (mail.Path, bool) {
	s = strings.TrimSpace(s)
	if i := strings.LastIndexByte(s, '<'); i > 0 && strings.HasSuffix(s, ">") {
		s = s[i:] // QUIRK: "Kim <kim@example.net>" is no address of this type, and is seen
	}
	s = strings.TrimPrefix(strings.Trim(s, "<>,;"), "mailto:")
	p, err := mail.ParsePath(s)
	if err != nil {
		if p, err = mail.ParsePath(strings.TrimRight(s, ".:")); err != nil {
			return mail.Path{}, false
		}
	}
	return p, !p.IsNull()
}

// spec is local@domain, and whether it can be written in ASCII; then it is.
func spec(p mail.Path) (s string, ascii bool) {
	if a, err := p.ASCII(); err == nil {
		p, ascii = a, true
	}
	s = p.String()
	return s[1 : len(s)-1], ascii
}

// unitext reads \x{4E2D} back: RFC 6533 §3. What is none is left as it is.
func unitext(s string) string {
	if !strings.Contains(s, `\x{`) {
		return s
	}
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(s, `\x{`)
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		hex, behind, ok := strings.Cut(rest, "}")
		n, err := strconv.ParseUint(hex, 16, 32)
		if !ok || err != nil || len(hex) > 6 || !utf8.ValidRune(rune(n)) {
			b.WriteString(`\x{`)
			s = rest
			continue
		}
		b.WriteRune(rune(n))
		s = behind
	}
}

// asUnitext writes what is not ASCII as \x{4E2D}, and in an address what xtext would
// write otherwise too (RFC 6533 §3).
func asUnitext(s string, address bool) string {
	var b strings.Builder
	for _, r := range s {
		if r >= utf8.RuneSelf || r == '\\' && address || address && (r <= ' ' || r == '+' || r == '=' || r == 0x7f) {
			b.WriteString(`\x{` + strings.ToUpper(hex2(r)) + "}")
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// hex2 has two digits at least, and no more than are needed.
func hex2(r rune) string {
	s := strconv.FormatUint(uint64(uint32(r)), 16)
	if len(s) < 2 {
		s = "0" + s
	}
	return s
}
