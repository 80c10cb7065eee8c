package main

import (
	"fmt"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/parleymail/parley/check"
	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/smtp"
)

// A masker puts "address-1" and the like in the place of who a report is about. The same is
// always replaced by the same.
type masker struct {
	known map[string]string // in lower case
	count map[string]int
	rules []maskRule
}

// A maskRule is a form of what is to be replaced.
type maskRule struct {
	kind string
	text string // in lower case; the longest goes first
	form *regexp.Regexp
}

// What gives somebody away, whoever says it. RFC 5321 §4.1.2: a local part may be quoted,
// and a domain be an address.
var (
	mailAddress = regexp.MustCompile(`(?:"(?:[^"\\\r\n]|\\.)+"|[^\s<>()\[\]"'|:;,\\@][^\s<>()\[\]"|:;,\\@]*)@(?:\[[^\]\s]+\]|[^\s<>()\[\]"'|:;,&\\]*[^\s<>()\[\]"'|:;,&\\.])`)
	ipAddress   = regexp.MustCompile(`(?i)\b\d{1,3}(?:\.\d{1,3}){3}\b|(?:\bIPv6:)?[0-9a-f]*:[0-9a-f:.]*:[0-9a-f:.]*`)
	hostName    = regexp.MustCompile(`[\pL\pN_-]+(?:\.[\pL\pN_-]+)*\.\pL[\pL\pN-]*`)
	hostOfIP    = regexp.MustCompile(`(` + hostName.String() + `)\.? ?[\[(]+(?:IPv6:)?[0-9a-fA-F.:]+[\])]`) // kim.isp.example [192.0.2.1]
)

// newMasker learns whose names there are: those who log in and write, what this machine calls
// itself and is called, and the server, unless it is a provider's, whom everybody knows.
func newMasker(t *checked, r *check.Report) *masker {
	m := &masker{known: make(map[string]string), count: make(map[string]int)}
	for _, who := range []string{t.check.From, t.check.To, t.user} {
		m.person(who)
	}
	if name, err := os.Hostname(); err == nil {
		m.host(name)
	}
	m.host(t.check.Client.Hello)
	for i := range r.Steps {
		s := &r.Steps[i]
		m.said(s)
		if t.provider != nil {
			continue
		}
		m.host(hostOf(t.shown), s.Facts.Host)
		m.host(s.Facts.MX...)
		if c := s.Facts.Certificate; c != nil {
			m.host(c.Names...)
			m.host(hostName.FindAllString(c.Subject+" "+c.Issuer, -1)...)
		}
		banner, _, _ := strings.Cut(s.Facts.Banner, " ")
		m.host(banner)
	}
	slices.SortStableFunc(m.rules, func(a, b maskRule) int { return len(b.text) - len(a.text) })
	return m
}

// said learns from what was said: EHLO and its reply have the names of both sides, and whom a
// server looks up it names beside the address.
func (m *masker) said(s *check.Step) {
	for _, e := range s.Said {
		if _, name, ok := strings.Cut(e.Line, "HLO "); ok && e.Did == smtp.Command {
			m.host(name)
		}
		text := e.Line
		if e.Did == smtp.Answer {
			text = text[min(4, len(text)):] // what stands behind the code
		}
		if e.Did == smtp.Answer && e.Stage == smtp.StageHello {
			for _, name := range hostName.FindAllString(text, -1) {
				m.stranger(name)
			}
		}
		for _, found := range hostOfIP.FindAllStringSubmatch(text, -1) {
			m.stranger(found[1])
		}
	}
}

// stranger is a host, unless a provider has it.
func (m *masker) stranger(host string) {
	if _, ok := diagnose.Default().Provider(host); !ok {
		m.host(host)
	}
}

// person is a mail address or a user name.
func (m *masker) person(who string) {
	path, err := mail.ParsePath(who)
	switch {
	case who == "" || who == "<>":
		return
	case err != nil || path.Domain == "":
		m.add("user", who, `(?-i)`) // "mail" is one, and MAIL is none
		return
	}
	m.add("address", strings.Trim(path.String(), "<>"), "")
	m.stranger(path.Domain)
}

// commonHosts are names that are everybody's, and words of any report.
var commonHosts = []string{"localhost", "mail", "smtp", "mx", "relay", "postfix", "server", "host", "mailserver"}

func (m *masker) host(names ...string) {
	for _, n := range names {
		n = strings.ToLower(strings.Trim(n, "*.[]"))
		if _, err := netip.ParseAddr(n); err == nil || slices.Contains(commonHosts, n) || strings.HasPrefix(n, "localhost.") || strings.ContainsAny(n, ":/ ") {
			continue
		}
		m.add("host", n, "")
	}
}

// add has a text replaced where it stands as a whole word.
func (m *masker) add(kind, s, flags string) {
	lower := strings.ToLower(s)
	if s == "" || slices.ContainsFunc(m.rules, func(r maskRule) bool { return r.text == lower }) {
		return
	}
	edge := func(end string) string { // there is no \b before a quote
		if regexp.MustCompile(`^\w$`).MatchString(end) {
			return `\b`
		}
		return ""
	}
	form := regexp.MustCompile(`(?i)` + flags + edge(s[:1]) + regexp.QuoteMeta(s) + edge(s[len(s)-1:]))
	m.rules = append(m.rules, maskRule{kind, lower, form})
}

// mask replaces in a text as it was said: before anything is escaped in it.
func (m *masker) mask(text string) string {
	text = mailAddress.ReplaceAllStringFunc(text, func(s string) string { return m.name("address", s) })
	for _, r := range m.rules {
		text = r.form.ReplaceAllStringFunc(text, func(s string) string { return m.name(r.kind, s) })
	}
	return ipAddress.ReplaceAllStringFunc(text, m.ip)
}

// ip is an address in the place of which a name stands.
func (m *masker) ip(s string) string {
	prefix := ""
	if len(s) > len("IPv6:") && strings.EqualFold(s[:len("IPv6:")], "IPv6:") {
		prefix, s = s[:len("IPv6:")], s[len("IPv6:"):]
	}
	for _, bare := range []string{s, strings.TrimRight(s, "."), strings.TrimRight(s, ":."), strings.Trim(s, ":.")} {
		ip, err := netip.ParseAddr(bare)
		if err != nil {
			continue
		}
		if ip.IsLoopback() || ip.IsUnspecified() {
			break // what everybody has
		}
		return prefix + strings.Replace(s, bare, m.name("ip", bare), 1)
	}
	return prefix + s // a time of day, say
}

func (m *masker) name(kind, s string) string {
	key := kind + " " + strings.ToLower(s)
	if m.known[key] == "" {
		m.count[kind]++
		m.known[key] = fmt.Sprintf("%s-%d", kind, m.count[kind])
	}
	return m.known[key]
}
