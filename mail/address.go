package mail

import (
	"strings"
)

// An Address is a person or a place, as a header shows it. Its fields are those of
// the standard library's mail.Address, so that one converts to the other.
type Address struct {
	Name    string // as people read it, in any language; may be empty
	Address string // local@domain, without brackets
}

// To is a list of addresses, each "kim@example.net" or "Kim <kim@example.net>".
// One that is neither is kept as it is, and told of by [Message.Check].
func To(addrs ...string) []Address {
	list := make([]Address, len(addrs))
	for i, s := range addrs {
		list[i] = Address{Address: s}
		if strings.HasSuffix(s, ">") {
			if a, err := ParseAddress(s); err == nil {
				list[i] = a
			}
		}
	}
	return list
}

// Path is the address as the envelope bears it. It is the only way from an
// address to a path, so that what a header shows is where the mail goes.
func (a Address) Path() (Path, error) {
	if a.Address == "" {
		return Path{}, addressError{a.Name, "has no local@domain"}
	}
	p, what := parseAddrSpec(a.Address)
	if what != "" {
		return Path{}, addressError{a.Address, what}
	}
	return p, nil
}

// String is the address as people write it, "Kim <kim@example.net>": nothing is
// encoded, and the name is quoted where it must be. [ParseAddress] reads it back.
func (a Address) String() string {
	if a.Name == "" {
		return a.Address
	}
	b := make([]byte, 0, len(a.Name)+len(a.Address)+5)
	if isPlainName(a.Name) {
		b = append(b, a.Name...)
	} else {
		b = appendQuoted(b, a.Name)
	}
	b = append(b, " <"...)
	b = append(b, a.Address...)
	return string(append(b, '>'))
}

// isPlainName: words that need no quotes when people write them. Dots are let
// through, as everybody does (RFC 5322 §4.1).
func isPlainName(s string) bool {
	if s == "" || s[0] == ' ' || s[len(s)-1] == ' ' || strings.Contains(s, "  ") {
		return false
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; class[c]&isAtext == 0 && c < 0x80 && c != ' ' && c != '.' {
			return false
		}
	}
	return true
}

// ParseAddress reads one address as people write it: "kim@example.net",
// "<kim@example.net>", "Kim <kim@example.net>" or "\"Kim, Tax\" <kim@example.net>".
//
// It is strict: what could be read in two ways is refused. For the value of a field
// of a mail that another program wrote there is [ParseAddressField].
func ParseAddress(s string) (Address, error) {
	list, err := ParseAddresses(s)
	if err != nil {
		return Address{}, err
	}
	if len(list) != 1 {
		return Address{}, addressError{s, "is more than one"}
	}
	return list[0], nil
}

// ParseAddresses reads a list of addresses as people write it, with commas
// between: "kim@example.net, Lee <lee@example.net>". It is as strict as
// [ParseAddress]; groups are refused too.
func ParseAddresses(s string) ([]Address, error) {
	return parseList(s, false)
}

// ParseAddressField reads the value of a From, To, Cc or like field, as any program
// may have written it: comments are skipped, groups opened, encoded-words in UTF-8,
// ASCII and Latin-1 decoded (in other charsets they are kept as they are), and a
// list may be empty. The addresses themselves it takes no less strictly than
// [ParseAddress], and it never joins what stands on two sides of a comment.
func ParseAddressField(value string) ([]Address, error) {
	return parseList(value, true)
}

// parseAddrSpec reads local@domain. It gives the path, or what is wrong with the
// address.
func parseAddrSpec(s string) (Path, string) {
	if len(s) > 2*maxPath {
		// Before anything is looked at: no input makes this slow.
		return Path{}, "is longer than 254 octets"
	}
	if p, ok := plainSpec(s); ok {
		return p, ""
	}
	local, rest, what := splitLocal(s)
	if what != "" {
		return Path{}, what
	}
	if what = checkLocal(local); what != "" {
		return Path{}, what
	}
	if what = checkDomain(rest); what != "" {
		return Path{}, what
	}
	p := Path{Local: local, Domain: rest}
	if !isASCII(rest) {
		normal, err := toUnicode(rest)
		if err != nil {
			return Path{}, err.Error()
		}
		p.Domain = normal
	}
	if p.size() > maxPath {
		return Path{}, "is longer than 254 octets"
	}
	return p, ""
}

// plainSpec reads the address that nearly every address is: ASCII, a dot-string,
// a domain with a letter in its last label and no A-label.
func plainSpec(s string) (Path, bool) {
	at := strings.IndexByte(s, '@')
	if at < 1 || at > maxLocal || len(s) > maxPath || strings.Contains(s[:at], "=?") {
		return Path{}, false
	}
	dot := true
	for i := 0; i < at; i++ {
		switch c := s[i]; {
		case class[c]&isAtext != 0:
			dot = false
		case c == '.' && !dot:
			dot = true
		default:
			return Path{}, false
		}
	}
	start, letter := at+1, false
	for i := at + 1; i < len(s); i++ {
		switch c := s[i]; {
		case class[c]&isAlnum != 0:
			letter = letter || c > '9'
		case i == start || i-start >= 63:
			return Path{}, false
		case c == '.' && s[i-1] != '-':
			start, letter = i+1, false
		case c == '-' && (i != start+2 || s[start]|0x20 != 'x'): // not xn--
		default:
			return Path{}, false
		}
	}
	if dot || !letter || len(s)-start > 63 || s[len(s)-1] == '-' {
		return Path{}, false
	}
	return Path{Local: s[:at], Domain: s[at+1:]}, true
}

// splitLocal parts an addr-spec behind its local part, which it gives without its
// quotes.
func splitLocal(s string) (local, domain, what string) {
	switch {
	case s == "":
		return "", "", "is empty"
	case s[0] == '"':
		local, n, what := unquote(s)
		switch {
		case what != "":
			return "", "", what
		case n == len(s):
			return "", "", "has no domain"
		case s[n] != '@':
			return "", "", "has something between its quoted local part and the @"
		}
		return local, s[n+1:], ""
	case s[0] == '@' && strings.IndexByte(s, ':') > 0:
		// RFC 5321 §4.1.1.3 and appendix C: a relic, and a way around rules.
		return "", "", "has a source route, which is not taken"
	}
	at := strings.IndexByte(s, '@')
	if at < 0 {
		return "", "", "has no @ and so no domain"
	}
	if local = s[:at]; local != "" && !isDotString(local) {
		return "", "", badDotString(local)
	}
	return local, s[at+1:], ""
}

func badDotString(s string) string {
	if bad := badText(s, false); bad != "" {
		return bad + " in its local part"
	}
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '(' || c == ')':
			return "has a comment in its local part"
		case class[c]&isAtext == 0 && c < 0x80 && c != '.':
			return "has " + quote(string(rune(c))) + " in its local part"
		}
	}
	return "has a dot at the end of its local part, or two in a row"
}

// unquote reads the quoted-string that s begins with (RFC 5321 §4.1.2), and gives
// what it holds and where it ends.
func unquote(s string) (text string, n int, what string) {
	var b []byte
	for i := 1; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '"':
			if b != nil {
				return string(b), i + 1, ""
			}
			return s[1:i], i + 1, ""
		case class[c]&isControl != 0:
			return "", 0, controlName(rune(c))
		case c == '\\':
			if b == nil {
				b = append(make([]byte, 0, i+32), s[1:i]...)
			}
			if i++; i == len(s) {
				return "", 0, "has quotes that are not closed"
			}
			if class[s[i]]&isControl != 0 {
				return "", 0, controlName(rune(s[i]))
			}
			b = append(b, s[i])
		default:
			if b != nil {
				b = append(b, c)
			}
		}
	}
	return "", 0, "has quotes that are not closed"
}
