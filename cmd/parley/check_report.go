package main

import (
	"fmt"
	"runtime"
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
	hide := func(s string) string { return s }
	if mask {
		hide = newMasker(t, r).mask // before anything is escaped: kim\_lee is nobody's name
	}
	cell := func(w diagnose.Words) string { return cell(hide(w.In(lang))) }
	shown := hide(t.shown)
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("# %s", u.say(wordReportTitle, shown))
	line("")
	line("- parley %s, %s/%s", version(), runtime.GOOS, runtime.GOARCH)
	line("- %s", r.At.UTC().Format(time.RFC3339))
	way := wayOf(t.check.Client)
	line("- %s", u.say(wordReportMode, shown, u.modeOf(way.Security)))
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
		line("| %s | %s | %s | %s |", mark, u.nameOf(s.Name), tookOf(s), cell(s.Found))
		for _, m := range s.Remarks {
			line("| | | | ⚠ %s |", cell(m.Text))
		}
	}
	if d := r.Diagnosis(); d != nil {
		line("")
		line("**cause:** %s  ", cell(d.Cause))
		line("**fix:** %s  ", cell(d.Fix))
		line("kind: `%s`", d.Kind)
	}
	reportTalk(&b, u, r, hide)
	return b.String()
}

// reportTalk is the conversation. Its fence is longer than any that a server may say.
func reportTalk(b *strings.Builder, u *ui, r *check.Report, hide func(string) string) {
	var said transcript.Transcript
	for i := range r.Steps {
		said = append(said, r.Steps[i].Said...)
	}
	if len(said) == 0 {
		return
	}
	text := hide(said.String())
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
