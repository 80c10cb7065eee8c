package route

import (
	"strings"

	"github.com/parleymail/parley/mail"
)

// A glob is a pattern in which * stands for anything, cut at its stars. Case does
// not count: both sides are in lower case.
type glob []string

func newGlob(pattern string) glob { return strings.Split(strings.ToLower(pattern), "*") }

func (g glob) match(text string) bool {
	if len(g) == 1 {
		return g[0] == text
	}
	text, ok := strings.CutPrefix(text, g[0])
	if !ok {
		return false
	}
	for _, piece := range g[1 : len(g)-1] {
		_, after, found := strings.Cut(text, piece)
		if !found {
			return false
		}
		text = after
	}
	return strings.HasSuffix(text, g[len(g)-1])
}

// globs are patterns of which one must match; none is no condition.
type globs []glob

func newGlobs(patterns []string) (g globs) {
	for _, p := range patterns {
		g = append(g, newGlob(p))
	}
	return g
}

func (g globs) match(text string) bool {
	if len(g) == 0 {
		return true
	}
	text = strings.ToLower(text)
	for _, p := range g {
		if p.match(text) {
			return true
		}
	}
	return false
}

// A pathGlob is a pattern of addresses, or of domains.
type pathGlob struct {
	whole  bool // local@domain
	null   bool
	domain glob
	local  glob
}

// newPathGlob reads a pattern of [Rule.From] and [Rule.To].
func newPathGlob(pattern string) pathGlob {
	if pattern == "<>" {
		return pathGlob{null: true}
	}
	at := strings.LastIndexByte(pattern, '@')
	p := pathGlob{whole: at >= 0, domain: newGlob(asciiPattern(pattern[at+1:]))}
	if p.whole {
		p.local = newGlob(pattern[:at])
	}
	return p
}

// match is given a path whose domain is as asciiDomain gives it. A pattern of a domain without
// a star is that domain and none below it.
func (p pathGlob) match(path mail.Path, domain string) bool {
	if p.null || path.IsNull() {
		return p.null && path.IsNull()
	}
	if p.whole && !p.local.match(strings.ToLower(path.Local)) {
		return false
	}
	return p.domain.match(domain)
}

// asciiDomain is a domain in lower case with A-labels, as the DNS has it, without a dot at its end. What is no domain stays as it is.
func asciiDomain(domain string) string {
	domain = strings.ToLower(strings.TrimSuffix(domain, "."))
	if isASCII(domain) {
		return domain
	}
	if p, err := (mail.Path{Local: "x", Domain: domain}).ASCII(); err == nil {
		return strings.ToLower(p.Domain)
	}
	return domain
}

// asciiPattern makes A-labels of the labels of a pattern that have no star.
func asciiPattern(pattern string) string {
	if isASCII(pattern) {
		return pattern
	}
	labels := strings.Split(pattern, ".")
	for i, label := range labels {
		if !isASCII(label) && !strings.Contains(label, "*") {
			labels[i] = asciiDomain(label)
		}
	}
	return strings.Join(labels, ".")
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
