package mail

import (
	"errors"
	"net/netip"
	"strings"

	"golang.org/x/net/idna"
)

// names is how a domain of an address is judged: UTS 46 as for a lookup, with
// nothing let through that DNS or a host name would not have.
var names = idna.New(idna.MapForLookup(), idna.Transitional(false), idna.StrictDomainName(true),
	idna.VerifyDNSLength(true), idna.BidiRule())

var errDomain = errors.New("has a domain that is no domain name (UTS 46)")

// toASCII gives a domain with its U-labels made A-labels.
func toASCII(domain string) (string, error) {
	d, err := names.ToASCII(domain)
	if err == nil && checkASCIIDomain(d) != "" {
		err = errDomain
	}
	if err != nil {
		return "", errDomain
	}
	return d, nil
}

// toUnicode gives a domain in its normal form, with U-labels.
func toUnicode(domain string) (string, error) {
	d, err := toASCII(domain)
	if err != nil {
		return "", err
	}
	if d, err = names.ToUnicode(d); err != nil {
		return "", errDomain
	}
	return d, nil
}

// checkDomain says what is wrong with a domain, or an address literal.
func checkDomain(s string) string {
	switch {
	case s == "":
		return "has no domain"
	case len(s) > maxDomain:
		return "has a domain of more than 255 octets"
	case s[0] == '[':
		return checkLiteral(s)
	case !isASCII(s):
		if bad := badText(s, false); bad != "" {
			return bad + " in its domain"
		}
		if _, err := toASCII(s); err != nil {
			return err.Error()
		}
		return ""
	}
	return checkASCIIDomain(s)
}

// checkASCIIDomain: RFC 5321 §4.1.2, labels of letters, digits and hyphens, as
// RFC 1035 §2.3.1 has them. An A-label must be one: "xn--" and anything that
// decodes to what no domain has is refused.
func checkASCIIDomain(s string) string {
	start, digits, puny := 0, true, false
	for i := 0; i <= len(s); i++ {
		if i < len(s) && s[i] != '.' {
			c := s[i]
			if class[c]&isAlnum == 0 && c != '-' {
				return badDomainOctet(c)
			}
			digits = digits && c >= '0' && c <= '9'
			continue
		}
		label := s[start:i]
		switch {
		case label == "" && i == len(s):
			return "has a domain that ends with a dot"
		case label == "":
			return "has an empty label in its domain"
		case len(label) > 63:
			return "has a label of more than 63 octets in its domain"
		case label[0] == '-' || label[len(label)-1] == '-':
			return "has a label in its domain that begins or ends with a hyphen"
		}
		puny = puny || len(label) >= 4 && strings.EqualFold(label[:4], "xn--")
		if i < len(s) {
			start, digits = i+1, true
		}
	}
	if digits {
		// No top-level domain is all digits: what stands here is an IP address
		// without its brackets, or a form of one (127.1) that some programs dial.
		return "has a number where a domain should be; an IP address needs brackets, as in kim@[192.0.2.1]"
	}
	if puny && !isCanonical(s) {
		return "has a label in its domain that begins with xn-- and is no A-label"
	}
	return ""
}

// isCanonical reports whether the A-labels of a domain are what its U-labels give:
// "xn--example-" decodes to "example" and is not another name for it.
func isCanonical(s string) bool {
	u, err := names.ToUnicode(s)
	if err != nil {
		return false
	}
	a, err := names.ToASCII(u)
	return err == nil && strings.EqualFold(a, s)
}

func badDomainOctet(c byte) string {
	switch {
	case class[c]&isControl != 0:
		return controlName(rune(c)) + " in its domain"
	case c == '@':
		return "has more than one @"
	case c == '(' || c == ')':
		return "has a comment in its domain"
	case c == '_':
		return "has an underscore in its domain, which no host name has"
	}
	return "has " + quote(string(rune(c))) + " in its domain"
}

// checkLiteral: an address literal is [192.0.2.1] or [IPv6:2001:db8::1],
// RFC 5321 §4.1.3. Other tags are registered nowhere.
func checkLiteral(s string) string {
	const bad = "has an address literal that is neither [192.0.2.1] nor [IPv6:2001:db8::1]"
	if len(s) < 2 || s[len(s)-1] != ']' {
		return bad
	}
	text := s[1 : len(s)-1]
	v6 := len(text) > 5 && strings.EqualFold(text[:5], "IPv6:")
	if v6 {
		text = text[5:]
	}
	ip, err := netip.ParseAddr(text)
	if err != nil || ip.Zone() != "" || ip.Is6() != v6 {
		return bad
	}
	return ""
}
