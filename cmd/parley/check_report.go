package main

import (
	"fmt"
	"net/netip"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/parleymail/parley/check"
	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/transcript"
)

// markdown is a report that can be pasted where everybody reads it. No secret is in what
// it is made of; mask takes out who it is about.
func (u *ui) markdown(t *checked, r *check.Report, mask bool) string {
	lang := diagnose.Lang(u.lang)
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("# %s", u.say(wordReportTitle, t.shown))
	line("")
	line("- parley %s, %s/%s", version(), runtime.GOOS, runtime.GOARCH)
	line("- %s", r.At.UTC().Format(time.RFC3339))
	way := wayOf(t.check.Client)
	line("- %s", u.say(wordReportMode, t.shown, u.modeOf(way.Security)))
	if t.provider != nil {
		line("- %s", u.say(wordReportProvider, t.provider.Name))
	}
	line("- %s", u.say(wordReportLogin, map[bool]string{true: u.say(wordYes), false: u.say(wordNo)}[t.check.Client.Auth != nil]))
	line("")
	line("| | %s | %s | %s |", u.say(wordReportStep), u.say(wordReportTime), u.say(wordReportFound))
	line("|---|---|--:|---|")
	for i := range r.Steps {
		s := &r.Steps[i]
		mark, _ := u.markOf(s.Verdict)
		line("| %s | %s | %s | %s |", mark, u.nameOf(s.Name), tookOf(s), cell(s.Found.In(lang)))
		for _, m := range s.Remarks {
			line("| | | | ⚠ %s |", cell(m.Text.In(lang)))
		}
	}
	if d := r.Diagnosis(); d != nil {
		line("")
		line("**cause:** %s  ", escapeMarkdown(d.Cause.In(lang)))
		line("**fix:** %s  ", escapeMarkdown(d.Fix.In(lang)))
		line("kind: `%s`", d.Kind)
	}
	reportTalk(&b, u, r)
	text := b.String()
	if mask {
		text = newMasker(t, r).mask(text)
	}
	return text
}

// reportTalk is the conversation. Its fence is longer than any that a server may say.
func reportTalk(b *strings.Builder, u *ui, r *check.Report) {
	var said transcript.Transcript
	for i := range r.Steps {
		said = append(said, r.Steps[i].Said...)
	}
	if len(said) == 0 {
		return
	}
	text := said.String()
	fence := "```"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	fmt.Fprintf(b, "\n## %s\n\n%s\n%s%s\n", u.say(wordReportTalk), fence, text, fence)
}

// cell is a text as a table of Markdown holds it.
func cell(s string) string { return strings.ReplaceAll(escapeMarkdown(s), "\n", " ") }

func escapeMarkdown(s string) string {
	return strings.NewReplacer(`\`, `\\`, "|", `\|`, "<", "&lt;", ">", "&gt;", "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`).Replace(smtp.Printable(s))
}

// A masker puts "address-1" and the like in the place of who a report is about. The same is
// always replaced by the same.
type masker struct {
	known map[string]string // in lower case
	count map[string]int
	hosts []string // to be replaced, the longest first
}

var (
	mailAddress = regexp.MustCompile(`[^\s<>()\[\]"'|:;,&=]+@[^\s<>()\[\]"'|:;,&\\]*[^\s<>()\[\]"'|:;,&\\.]`)
	ipAddress   = regexp.MustCompile(`(?i)\b\d{1,3}(?:\.\d{1,3}){3}\b|\b[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}\b`)
)

// newMasker learns whose names there are: what this machine calls itself, and the server,
// unless it is a provider's, whom everybody knows.
func newMasker(t *checked, r *check.Report) *masker {
	m := &masker{known: make(map[string]string), count: make(map[string]int)}
	add := func(names ...string) {
		for _, n := range names {
			n = strings.ToLower(strings.Trim(n, "*.[]"))
			if _, err := netip.ParseAddr(n); err != nil && strings.Contains(n, ".") && !strings.HasPrefix(n, "localhost.") && !slices.Contains(m.hosts, n) {
				m.hosts = append(m.hosts, n)
			}
		}
	}
	if name, err := os.Hostname(); err == nil {
		add(name)
	}
	add(t.check.Client.Hello)
	for i := range r.Steps {
		s := &r.Steps[i]
		for _, e := range s.Said {
			if name, ok := strings.CutPrefix(e.Line, "EHLO "); ok {
				add(name)
			}
		}
		if t.provider != nil {
			continue
		}
		add(hostOf(t.shown), s.Facts.Host)
		add(s.Facts.MX...)
		if c := s.Facts.Certificate; c != nil {
			add(c.Names...)
		}
		banner, _, _ := strings.Cut(s.Facts.Banner, " ")
		add(banner)
	}
	slices.SortFunc(m.hosts, func(a, b string) int { return len(b) - len(a) })
	return m
}

func (m *masker) mask(text string) string {
	text = mailAddress.ReplaceAllStringFunc(text, func(s string) string { return m.name("address", s) })
	for _, host := range m.hosts {
		text = regexp.MustCompile(`(?i)\b`+regexp.QuoteMeta(host)+`\b`).ReplaceAllStringFunc(text, func(s string) string { return m.name("host", s) })
	}
	return ipAddress.ReplaceAllStringFunc(text, func(s string) string {
		if ip, err := netip.ParseAddr(s); err != nil || ip.IsLoopback() {
			return s // a time of day, say; or what everybody has
		}
		return m.name("ip", s)
	})
}

func (m *masker) name(kind, s string) string {
	key := kind + " " + strings.ToLower(s)
	if m.known[key] == "" {
		m.count[kind]++
		m.known[key] = fmt.Sprintf("%s-%d", kind, m.count[kind])
	}
	return m.known[key]
}
