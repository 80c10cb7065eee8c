package mail

import (
	"strconv"
	"strings"
)

// A Path is an address as the envelope bears it: RFC 5321 §4.1.2. The zero Path
// is the null reverse-path, <>, which a mail bears when nobody is to be told that
// it failed.
//
// Local is kept as it is meant, without quotes and backslashes; they are added
// where a path is written. Domain may hold U-labels (例子.中国).
type Path struct{ Local, Domain string }

// The limits of RFC 5321 §4.5.3.1, in octets, of what is written.
const (
	maxLocal  = 64
	maxDomain = 255
	maxPath   = 254 // 256 with the brackets
)

// ParsePath reads a path, with or without its brackets: "<kim@example.net>",
// "kim@example.net". Both "" and "<>" are the null path, and "postmaster" is the
// only name that may do without a domain (RFC 5321 §4.5.1).
//
// It is strict. White space, comments, display names and source routes are
// refused, and so is what [Path.Check] refuses. A domain with U-labels is given
// in its normal form (UTS 46), so that the domain seen is the domain used.
func ParsePath(s string) (Path, error) {
	text := s
	if strings.HasPrefix(text, "<") {
		if !strings.HasSuffix(text, ">") {
			return Path{}, addressError{s, "begins with < and does not end with >"}
		}
		text = text[1 : len(text)-1]
	}
	if text == "" {
		return Path{}, nil
	}
	if strings.EqualFold(text, "postmaster") {
		return Path{Local: text}, nil
	}
	p, what := parseAddrSpec(text)
	if what != "" {
		return Path{}, addressError{s, what}
	}
	return p, nil
}

// IsNull reports whether the path is <>.
func (p Path) IsNull() bool { return p == Path{} }

// UTF8 reports whether the path can only be given to a server with SMTPUTF8: its
// local part is not ASCII. A domain alone never needs it, see [Path.ASCII].
func (p Path) UTF8() bool { return !isASCII(p.Local) }

// String is the path as SMTP writes it: "<kim@example.net>", "<>".
func (p Path) String() string { return string(p.AppendTo(nil)) }

// AppendTo adds to b what String gives. The local part is quoted where it is not
// a dot-string (RFC 5321 §4.1.2).
func (p Path) AppendTo(b []byte) []byte {
	b = append(b, '<')
	b = p.appendSpec(b)
	return append(b, '>')
}

// appendSpec adds local@domain, which is what a header calls an addr-spec:
// RFC 5322 §3.4.1.
func (p Path) appendSpec(b []byte) []byte {
	if isDotString(p.Local) || p.IsNull() {
		b = append(b, p.Local...)
	} else {
		b = appendQuoted(b, p.Local)
	}
	if p.Domain != "" {
		b = append(b, '@')
		b = append(b, p.Domain...)
	}
	return b
}

func appendQuoted(b []byte, s string) []byte {
	b = append(b, '"')
	for i := 0; i < len(s); i++ {
		if s[i] == '"' || s[i] == '\\' {
			b = append(b, '\\')
		}
		b = append(b, s[i])
	}
	return append(b, '"')
}

// isDotString: atoms joined by single dots, so no quotes are needed.
func isDotString(s string) bool {
	dot := true // a dot may not come next
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case class[c]&isAtext != 0 || c >= 0x80: // RFC 6531 §3.3
			dot = false
		case c == '.' && !dot:
			dot = true
		default:
			return false
		}
	}
	return !dot
}

// ASCII is the path for a server without SMTPUTF8: the U-labels of its domain
// become A-labels (xn--...). A local part that is not ASCII has no such form, and
// is an error.
func (p Path) ASCII() (Path, error) {
	if p.UTF8() {
		return Path{}, addressError{p.spec(), "has a local part that is not ASCII, which needs SMTPUTF8"}
	}
	if isASCII(p.Domain) {
		return p, nil
	}
	d, err := toASCII(p.Domain)
	if err != nil {
		return Path{}, addressError{p.spec(), err.Error()}
	}
	p.Domain = d
	return p, nil
}

// Check tells what is wrong with a path that was not read by [ParsePath]: parts
// that are empty or too long (64 octets for the local part, 255 for the domain,
// 254 for both: RFC 5321 §4.5.3.1), characters that no address may have, a domain
// that is none. The null path is right.
func (p Path) Check() error {
	if p.IsNull() || p.Domain == "" && strings.EqualFold(p.Local, "postmaster") {
		return nil
	}
	what := checkLocal(p.Local)
	if what == "" {
		what = checkDomain(p.Domain)
	}
	if what == "" && !isASCII(p.Domain) {
		if normal, err := toUnicode(p.Domain); err != nil {
			what = err.Error()
		} else if normal != p.Domain {
			what = "has a domain that is not in its normal form, which is " + normal
		}
	}
	if what == "" && p.size() > maxPath {
		what = "is longer than 254 octets"
	}
	if what != "" {
		return addressError{p.spec(), what}
	}
	return nil
}

func (p Path) spec() string { return string(p.appendSpec(nil)) }

// size is the length of what appendSpec writes.
func (p Path) size() int { return localSize(p.Local) + 1 + len(p.Domain) }

func localSize(s string) int {
	if isDotString(s) {
		return len(s)
	}
	return len(s) + 2 + strings.Count(s, `"`) + strings.Count(s, `\`)
}

// checkLocal says what is wrong with a local part, given without its quotes.
//
// QUIRK: RFC 5321 §4.1.2 lets a quoted local part be empty, or hold "@", "<" and
// ">". We refuse these: no mailbox is so named, and a server that looks for the
// first ">" or the last "@" sees another address than we do.
func checkLocal(s string) string {
	switch {
	case s == "":
		return "has no local part"
	case len(s) > maxLocal || localSize(s) > maxLocal:
		return "has a local part of more than 64 octets"
	case strings.ContainsAny(s, "@<>"):
		return "has @, < or > in its local part"
	case strings.Contains(s, "=?"):
		// RFC 2047 §5 (3). Some servers decode it, and then see another address.
		return "has an encoded-word in its local part"
	}
	if bad := badText(s, false); bad != "" {
		return bad + " in its local part"
	}
	if turns(s) {
		return "has a character in its local part that turns the line around"
	}
	return ""
}

// An addressError is what is wrong with one address.
type addressError struct{ addr, what string }

func (e addressError) Error() string {
	const most = 320
	if len(e.addr) > most {
		e.addr = e.addr[:most] + "..."
	}
	return "the address " + quote(e.addr) + " " + e.what
}

// quote is s in quotes, fit for one line of a log: control characters and octets
// that are not UTF-8 are written as \x1b.
func quote(s string) string { return strconv.Quote(s) }
