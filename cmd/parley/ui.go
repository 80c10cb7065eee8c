package main

// The rules of the user interface.
//
// Standard output has what was asked for, and nothing else: where the mail was
// taken, the demo's conversation, the message of a dry run, the text of --help.
// With --json it has one object a line, each an event of the conversation; the
// last one bears the result.
//
// Standard error has everything else. A line of ours there begins with "parley: "
// (or "sendmail: ", if that is what we were called), has no capital at its begin
// and no full stop at its end, and names the flag or the field that it is about.
// The conversation that -v prints is there too. Where a step of a conversation
// failed, the last lines are "cause: " and "fix: ".
//
// Nothing is asked of the person, and every command can run where there is no terminal.
// There are three exceptions, and each asks only where standard input is one: init,
// "config set-password", and talk, which is there to be typed into. What they ask goes
// to standard error. A password that is typed is not shown.
//
// What a server, a file or an environment says is not ours. It goes through
// [smtp.Printable] before a terminal sees it. A password is never printed, and
// one that stands in a flag is warned of, since everybody on the machine can see
// it there.
//
// Colours only add to what the words say. There are none where standard output is
// no terminal, where NO_COLOR is set, and where TERM is dumb.
//
// The language is --lang, or else that of LC_ALL, LC_MESSAGES or LANG. It changes
// sentences. It never changes flags, fields, the notation of conversations, the
// names and words of JSON, "cause:" and "fix:", or exit codes.
//
// As sendmail, with the message on standard input, success says nothing.
//
// Exit codes are those of sysexits.h that sendmail(8) has; exit.go has the table.

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/colorprofile"
	"golang.org/x/term"

	"github.com/parleymail/parley/smtp"
)

// A system is what the command may touch of the world around it.
type system struct {
	in       io.Reader
	out, err io.Writer
	environ  []string
}

func theSystem() system {
	return system{in: os.Stdin, out: os.Stdout, err: os.Stderr, environ: os.Environ()}
}

// env is a variable of the environment, empty where there is none.
func (s system) env(name string) string {
	for i := len(s.environ) - 1; i >= 0; i-- {
		if value, ok := strings.CutPrefix(s.environ[i], name+"="); ok {
			return value
		}
	}
	return ""
}

// A ui is how the command speaks with a person. It is made once, when it is known
// what language that is.
type ui struct {
	system
	lang     lang
	name     string // what we were called: parley, sendmail
	terminal bool   // standard output is one
	width    int    // of a line on it
	styled   io.Writer
	styles   styles
}

// styles are how the parts of what is printed stand out.
type styles struct {
	title, client, server, done, note, good, bad lipgloss.Style
}

// unknownWidth is that of a line where there is no terminal to ask: what goes to a
// file or a log is read on something wide.
const unknownWidth = 100

func newUI(s system, name string, l lang) *ui {
	u := &ui{system: s, lang: l, name: name, width: unknownWidth}
	if f, ok := s.out.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		u.terminal = true
		if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 0 {
			u.width = w
		}
	}
	if w, err := strconv.Atoi(s.env("COLUMNS")); err == nil && w > 0 && !u.terminal {
		u.width = w
	}
	colours := colorprofile.NewWriter(s.out, s.environ)
	if !u.terminal || s.env("NO_COLOR") != "" {
		colours.Profile = colorprofile.NoTTY
	}
	u.styled = colours
	plain := lipgloss.NewStyle()
	u.styles = styles{
		title:  plain.Bold(true),
		client: plain.Foreground(lipgloss.Cyan),
		server: plain.Foreground(lipgloss.Green),
		done:   plain.Foreground(lipgloss.Yellow),
		note:   plain.Faint(true),
		good:   plain.Foreground(lipgloss.Green).Bold(true),
		bad:    plain.Foreground(lipgloss.Red).Bold(true),
	}
	return u
}

// say is a sentence in the reader's language.
func (u *ui) say(t text, args ...any) string {
	if len(args) == 0 {
		return t.in(u.lang) // it may hold a %
	}
	return fmt.Sprintf(t.in(u.lang), args...)
}

// print writes what was asked for. It may be styled.
func (u *ui) print(s string) { io.WriteString(u.styled, s+"\n") }

// tell writes a line of ours to standard error: a warning, or what went wrong.
func (u *ui) tell(s string) { u.tellPlain(u.name + ": " + s) }

// tellPlain writes a line to standard error as it is, made fit for a terminal.
func (u *ui) tellPlain(s string) { io.WriteString(u.err, smtp.Printable(s)+"\n") }

// warn is tell, for what does not stop us.
func (u *ui) warn(t text, args ...any) { u.tell(u.say(wordWarning) + u.say(t, args...)) }
