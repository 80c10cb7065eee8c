package main

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/colorprofile"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	byhand "github.com/parleymail/parley/internal/talk"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/transcript"
)

// talkFlags are the values of all that "parley talk" can be told.
type talkFlags struct {
	tls, plain, insecure, noExplain           bool
	transcript, passwordFile, passwordCommand string
	timeout                                   time.Duration
}

// talkCommand is "parley talk".
func (a *app) talkCommand() *cobra.Command {
	f := new(talkFlags)
	cmd := &cobra.Command{
		Use:   "talk [FLAG...] SERVER",
		Short: a.ui.say(wordTalkShort),
		Long:  a.ui.say(wordTalkLong),
		RunE: func(cmd *cobra.Command, args []string) error {
			a.exit = a.ui.talk(cmd.Context(), f, cmd.Flags(), args)
			return nil
		},
	}
	f.define(cmd.Flags())
	a.describe(cmd, talkWords)
	return cmd
}

// define makes the flags. What is said of them stands in talkWords.
func (f *talkFlags) define(set *pflag.FlagSet) {
	set.BoolVar(&f.tls, "tls", false, "")
	set.BoolVar(&f.plain, "plain", false, "")
	set.BoolVar(&f.insecure, "insecure", false, "")
	set.BoolVar(&f.noExplain, "no-explain", false, "")
	set.StringVar(&f.transcript, "transcript", "", "")
	set.StringVar(&f.passwordFile, "password-file", "", "")
	set.StringVar(&f.passwordCommand, "password-command", "", "")
	set.DurationVar(&f.timeout, "timeout", 0, "")
}

// talk has the session, and gives the exit code.
func (u *ui) talk(ctx context.Context, f *talkFlags, set *pflag.FlagSet, args []string) int {
	t, err := u.talkTo(ctx, f, set, args)
	if err != nil {
		return u.finish(new(result), err, "", false)
	}
	if f.transcript != "" {
		file, err := os.OpenFile(f.transcript, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
		if err != nil {
			return u.finish(new(result), &usageError{"--transcript: " + err.Error()}, "", false)
		}
		defer file.Close()
		t.Trace = transcript.Print(file)
	}
	err = t.Run(ctx)
	if screen, ok := t.In.(*byhand.Terminal); ok {
		screen.Close()
	}
	return u.talkEnded(err, t.Client.Addr)
}

// talkTo is what the flags ask for.
func (u *ui) talkTo(ctx context.Context, f *talkFlags, set *pflag.FlagSet, args []string) (*byhand.Talk, error) {
	switch {
	case len(args) > 1:
		return nil, &usageError{u.say(wordStrayWord, args[1])}
	case f.tls && f.plain:
		return nil, &usageError{u.say(wordNotTogether, "--tls", "--plain")}
	case set.Changed("timeout") && f.timeout <= 0:
		return nil, &usageError{u.say(wordNoTime, f.timeout)}
	}
	s, err := u.talkServer(ctx, f, args)
	if err != nil {
		return nil, err
	}
	t := &byhand.Talk{
		Client: s.client, User: s.user, Secure: f.tls || s.client.Security == smtp.ImplicitTLS && !f.plain,
		Insecure: f.insecure, NoExplain: f.noExplain, Lang: diagnose.Lang(u.lang), Timeout: f.timeout,
	}
	t.In, t.Print = u.talkFront()
	return t, nil
}

// talkServer is who is spoken with. A password is not needed: it can be typed when it is
// time.
func (u *ui) talkServer(ctx context.Context, f *talkFlags, args []string) (*server, error) {
	w := wanted{flag: "SERVER", passwordFile: f.passwordFile, passwordCommand: f.passwordCommand, in: &stdin{r: strings.NewReader("")}}
	if len(args) > 0 {
		w.text = args[0]
		if _, info, _ := splitURL(w.text); strings.Contains(info, ":") {
			u.warn(wordPasswordInArgument)
		}
	}
	s, err := u.resolve(ctx, w)
	if err != nil {
		w.withoutPassword, w.quiet = true, true
		var e error
		if s, e = u.resolve(ctx, w); e != nil {
			return nil, err
		}
	}
	// What was given without a port has the one of its mode.
	switch addr := s.client.Addr; {
	case f.tls && strings.HasSuffix(addr, ":587") && !strings.Contains(w.text, ":587"):
		s.client.Addr = strings.TrimSuffix(addr, "587") + "465"
	case f.plain && strings.HasSuffix(addr, ":465") && !strings.Contains(w.text, ":465"):
		s.client.Addr = strings.TrimSuffix(addr, "465") + "587"
	}
	return s, nil
}

// talkFront is who types, and where it is shown.
func (u *ui) talkFront() (byhand.Input, byhand.Printer) {
	in, typed := u.in.(*os.File)
	typed = typed && term.IsTerminal(int(in.Fd()))
	switch {
	case typed && u.terminal && byhand.IsTerminal():
		screen := &byhand.Terminal{History: u.historyFile(), Styles: byhand.Styles{
			Prompt: u.colour(u.styles.client), Hint: u.colour(u.styles.note),
			Wrap: func(s string, width int) []string { return wrap(s, width, 2) },
		}}
		above := *u
		above.styled = u.through(screen)
		return screen, &talkPrinter{u: &above, screen: true}
	case typed:
		return &byhand.Plain{In: in, Out: u.err}, &talkPrinter{u: u}
	}
	return byhand.NewScript(u.in), &talkPrinter{u: u}
}

// through is where styled lines go, with w below it.
func (u *ui) through(w io.Writer) io.Writer {
	if c, ok := u.styled.(*colorprofile.Writer); ok {
		return &colorprofile.Writer{Forward: w, Profile: c.Profile}
	}
	return w
}

// colour is a style for what does not go through styled.
func (u *ui) colour(s lipgloss.Style) func(string) string {
	return func(text string) string {
		var b strings.Builder
		io.WriteString(u.through(&b), s.Render(text))
		return b.String()
	}
}

// historyFile is where what was typed is kept: by the XDG base directory specification
// among the state of programs.
func (u *ui) historyFile() string {
	dir := u.env("XDG_STATE_HOME")
	switch home, _ := os.UserHomeDir(); {
	case filepath.IsAbs(dir):
	case runtime.GOOS == "windows":
		dir = u.env("LocalAppData")
	case home != "":
		dir = filepath.Join(home, ".local", "state")
	}
	if dir == "" {
		return ""
	}
	return filepath.Join(dir, "parley", "talk_history")
}

// talkEnded tells how it ended, and gives the exit code.
func (u *ui) talkEnded(err error, addr string) int {
	if err == nil {
		return exitTaken
	}
	var unexpected *byhand.Error
	e, ok := errors.AsType[*smtp.Error](err)
	switch {
	case !ok:
		u.tell(err.Error())
		return exitUsage
	case errors.As(err, &unexpected):
		u.tell(unexpected.Error())
		if e.Reply.Positive() || e.Reply.Code == 0 {
			return exitProtocol
		}
		return exitCodeOf(e)
	}
	u.tell(wordsOf(e))
	u.advice(u.record(e, addr))
	return exitCodeOf(e)
}

// A talkPrinter shows what happens.
type talkPrinter struct {
	u      *ui
	screen bool // it is a terminal, whose width may change
}

func (p *talkPrinter) look() *ui {
	if p.screen {
		if w, _, err := term.GetSize(int(os.Stdout.Fd())); err == nil && w > 0 {
			p.u.width = w
		}
	}
	return p.u
}

func (p *talkPrinter) Turn(e smtp.Event, remark string) {
	u := p.look()
	u.row(transcript.Line(e), (&explainer{u: u}).style(e), remark)
}

func (p *talkPrinter) Trouble(cause, fix string) {
	p.under("cause: "+smtp.Printable(cause), p.look().styles.bad)
	p.under("fix: "+smtp.Printable(fix), p.u.styles.good)
}

// under prints a paragraph below the line that it is about.
func (p *talkPrinter) under(s string, style lipgloss.Style) {
	label, text, _ := strings.Cut(s, " ")
	for i, l := range wrap(label+" "+text, p.u.width-1-under, len(label)+1) {
		if i == 0 {
			l = style.Render(label) + strings.TrimPrefix(l, label)
		}
		p.u.print(strings.Repeat(" ", under) + l)
	}
}

func (p *talkPrinter) Say(s string) {
	u := p.look()
	for line := range strings.SplitSeq(s, "\n") {
		indent := len(line) - len(strings.TrimLeft(line, " "))
		for i, l := range wrap(line[indent:], u.width-1-indent, 0) {
			if i >= 0 {
				l = strings.Repeat(" ", indent) + l
			}
			u.print(u.styles.note.Render(l))
		}
	}
}
