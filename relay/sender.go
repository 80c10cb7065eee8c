package relay

import (
	"fmt"
	"slices"
	"strings"

	"github.com/parleymail/parley/mail"
)

// A pattern is of addresses, or of domains, as those of [route.Rule.From] are: * stands for anything, and case does not
// count. Domains are compared as the DNS has them.
type pattern struct {
	whole         bool // local@domain
	local, domain []string
}

type patterns []pattern

func newPatterns(list []string) patterns {
	all := make(patterns, len(list))
	for i, s := range list {
		at := strings.LastIndexByte(s, '@')
		all[i] = pattern{whole: at >= 0, domain: strings.Split(domainPattern(s[at+1:]), "*")}
		if at >= 0 {
			all[i].local = strings.Split(strings.ToLower(s[:at]), "*")
		}
	}
	return all
}

// checkPattern says what is wrong with one.
func checkPattern(s string) error {
	local, domain := "x", s
	if at := strings.LastIndexByte(s, '@'); at >= 0 {
		local, domain = s[:at], s[at+1:]
	}
	stars := strings.NewReplacer("*", "x")
	if local == "" || domain == "" || strings.ContainsAny(s, " \t<>,\"") {
		return fmt.Errorf("%q is no pattern of addresses", s)
	}
	if _, err := mail.ParsePath("<" + stars.Replace(local) + "@" + stars.Replace(domain) + ">"); err != nil {
		return fmt.Errorf("%q is no pattern of addresses: %w", s, err)
	}
	return nil
}

// match reports whether one of them fits an address.
func (p patterns) match(path mail.Path) bool {
	local, domain := strings.ToLower(path.Local), domainKey(path.Domain)
	return slices.ContainsFunc(p, func(one pattern) bool {
		return (!one.whole || globMatch(one.local, local)) && globMatch(one.domain, domain)
	})
}

// globMatch is given a pattern that was cut at its stars.
func globMatch(pieces []string, text string) bool {
	if len(pieces) == 1 {
		return pieces[0] == text
	}
	text, ok := strings.CutPrefix(text, pieces[0])
	if !ok {
		return false
	}
	for _, piece := range pieces[1 : len(pieces)-1] {
		_, after, found := strings.Cut(text, piece)
		if !found {
			return false
		}
		text = after
	}
	return strings.HasSuffix(text, pieces[len(pieces)-1])
}

// domainKey is a domain in the form that all ways to write it have in common.
func domainKey(d string) string {
	d = strings.TrimSuffix(d, ".")
	if p, err := (mail.Path{Local: "x", Domain: d}).ASCII(); err == nil {
		d = p.Domain
	}
	return strings.ToLower(d)
}

// domainPattern makes A-labels of the labels that have no star.
func domainPattern(s string) string {
	labels := strings.Split(s, ".")
	for i, l := range labels {
		if l != "" && !strings.Contains(l, "*") {
			labels[i] = domainKey(l)
		}
	}
	return strings.ToLower(strings.Join(labels, "."))
}

// senderPatterns are who a user may send as.
func (u *User) senderPatterns() []string {
	if len(u.Senders) == 0 {
		return []string{u.Name}
	}
	return u.Senders
}

// mayBe reports whether a user may send as an address.
func (u *user) mayBe(path mail.Path) bool { return path.IsNull() || u.senders.match(path) }
