package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/parleymail/parley/check"
	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/transcript"
)

// checkFlags are the values of all that "parley check" can be told.
type checkFlags struct {
	user, passwordFile, passwordCommand string
	from, to                            string
	timeout                             time.Duration
	send, all, compare                  bool
	verbose, json, mask                 bool
	report, keep, transcript            string
}

// checkCommand is "parley check".
func (a *app) checkCommand() *cobra.Command {
	f := new(checkFlags)
	cmd := &cobra.Command{
		Use:   "check [FLAG...] [SERVER]",
		Short: a.ui.say(wordCheckShort),
		Long:  a.ui.say(wordCheckLong),
		RunE: func(cmd *cobra.Command, args []string) error {
			exit, err := a.ui.check(cmd.Context(), f, cmd.Flags(), args)
			a.exit = exit
			return err
		},
	}
	f.define(cmd.Flags())
	a.describe(cmd, checkWords)
	return cmd
}

// define makes the flags. What is said of them stands in checkWords.
func (f *checkFlags) define(set *pflag.FlagSet) {
	set.StringVar(&f.user, "user", "", "")
	set.StringVar(&f.passwordFile, "password-file", "", "")
	set.StringVar(&f.passwordCommand, "password-command", "", "")
	set.StringVar(&f.from, "from", "", "")
	set.StringVar(&f.to, "to", "", "")
	set.BoolVar(&f.send, "send", false, "")
	set.BoolVar(&f.all, "all", false, "")
	set.BoolVar(&f.compare, "compare", false, "")
	set.DurationVar(&f.timeout, "timeout", 0, "")
	set.BoolVarP(&f.verbose, "verbose", "v", false, "")
	set.BoolVar(&f.json, "json", false, "")
	set.StringVar(&f.report, "report", "", "")
	set.BoolVar(&f.mask, "mask", false, "")
	set.StringVar(&f.keep, "keep", "", "")
	set.StringVar(&f.transcript, "transcript", "", "")
}

// check is what the flags ask for. Its error is one of usage.
func (u *ui) check(ctx context.Context, f *checkFlags, set *pflag.FlagSet, args []string) (exit int, err error) {
	if err := u.checkUsage(f, set, args); err != nil {
		return exitUsage, err
	}
	in := &stdin{r: u.in}
	if f.compare {
		return u.checkCompare(ctx, f, in, args)
	}
	text := ""
	if len(args) > 0 {
		text = args[0]
	}
	t, err := u.checkTarget(ctx, text, f, in)
	if err != nil {
		return exitUsage, err
	}
	if f.all {
		return u.checkAll(ctx, t, f)
	}
	r := u.walk(ctx, t, f)
	return u.checkEnd(t, f, r)
}

// checkUsage refuses a mixture that cannot be meant.
func (u *ui) checkUsage(f *checkFlags, set *pflag.FlagSet, args []string) error {
	switch {
	case f.compare && len(args) != 2:
		return &usageError{u.say(wordCompareTwo)}
	case !f.compare && len(args) > 1:
		return &usageError{u.say(wordStrayWord, args[1])}
	case f.compare && f.all:
		return &usageError{u.say(wordNotTogether, "--compare", "--all")}
	case f.compare && (f.report != "" || f.keep != "" || f.transcript != ""):
		return &usageError{u.say(wordNotTogether, "--compare", "--report, --keep, --transcript")}
	case f.mask && f.report == "":
		return &usageError{u.say(wordMaskAlone)}
	case set.Changed("timeout") && f.timeout <= 0:
		return &usageError{u.say(wordNoTime, f.timeout)}
	}
	return nil
}

// walk runs the check, and prints each step as it is done.
func (u *ui) walk(ctx context.Context, t *checked, f *checkFlags) *check.Report {
	p := &stepPrinter{u: u, verbose: f.verbose, silent: f.json}
	r := &check.Report{Server: t.shown, At: time.Now()}
	p.wait()
	for step := range t.check.Run(ctx) {
		r.Add(step)
		if f.json {
			u.printStep(step)
			continue
		}
		p.done()
		p.step(&step)
		p.wait()
	}
	p.done()
	p.end()
	return r
}

// checkEnd tells how it ended, writes the files that were asked for, and gives the exit code.
func (u *ui) checkEnd(t *checked, f *checkFlags, r *check.Report) (int, error) {
	exit := exitTaken
	failure := r.Failure()
	if failure != nil && failure.Err != nil {
		exit = exitCodeOf(failure.Err)
	}
	if err := u.checkFiles(t, f, r); err != nil {
		return exitUsage, err
	}
	switch {
	case f.json:
		u.printCheckResult(t, r, exit)
	case failure == nil:
		u.checkWell(t, r)
	default:
		u.checkAdvice(failure.Diagnosis)
	}
	return exit, nil
}

func (u *ui) checkAdvice(d *diagnose.Diagnosis) {
	if d == nil {
		return
	}
	lang := diagnose.Lang(u.lang)
	u.tellWrapped("cause: ", d.Cause.In(lang))
	u.tellWrapped("fix: ", d.Fix.In(lang))
}

// tellWrapped writes a sentence to standard error: on one line, but for a terminal, where words are
// not to be cut in two.
func (u *ui) tellWrapped(label, s string) {
	s = label + smtp.Printable(s)
	if f, ok := u.err.(*os.File); ok && u.terminal && term.IsTerminal(int(f.Fd())) {
		s = strings.Join(wrap(s, u.width-1, len(label)), "\n")
	}
	io.WriteString(u.err, s+"\n")
}

// checkWell says what was shown, and what was not.
func (u *ui) checkWell(t *checked, r *check.Report) {
	said, hint := u.say(wordCheckWell, t.shown), ""
	switch {
	case r.Step("send") != nil:
		said = u.say(wordCheckSent, t.shown)
	case r.Step("auth") == nil && t.offersAuth(r):
		said = u.say(wordCheckNoLogin, t.shown)
		hint = u.passwordHint(t.provider)
	case r.Verdict() == check.Warning:
		said = u.say(wordCheckWarned, t.shown)
	}
	u.print("")
	for i, line := range wrap(said, u.width-1, 0) {
		if i == 0 {
			line = u.styles.good.Render(line)
		}
		u.print(line)
	}
	if hint != "" {
		u.paragraph(hint)
	}
}

// passwordHint is what a provider takes for a password, and where that is made.
func (u *ui) passwordHint(p *diagnose.Provider) string {
	if p == nil || p.Password.En == "" {
		return ""
	}
	lang := diagnose.Lang(u.lang)
	hint := u.say(wordPasswordIs, p.Name, p.Password.In(lang))
	if p.Where.En != "" {
		hint += u.say(wordPasswordWhere, p.Where.In(lang))
	}
	return smtp.Printable(hint)
}

// checkFiles writes what was asked for.
func (u *ui) checkFiles(t *checked, f *checkFlags, r *check.Report) error {
	if f.keep != "" {
		var b bytes.Buffer
		if err := json.Indent(&b, u.encodeJSON(r), "", "  "); err != nil {
			return &usageError{"--keep: " + err.Error()}
		}
		if err := os.WriteFile(f.keep, b.Bytes(), 0o600); err != nil {
			return &usageError{"--keep: " + err.Error()}
		}
	}
	if f.report != "" {
		if err := os.WriteFile(f.report, []byte(u.markdown(t, r, f.mask)), 0o600); err != nil {
			return &usageError{"--report: " + err.Error()}
		}
	}
	if f.transcript != "" {
		var said transcript.Transcript
		for i := range r.Steps {
			said = append(said, r.Steps[i].Said...)
		}
		if err := os.WriteFile(f.transcript, []byte(said.String()), 0o600); err != nil {
			return &usageError{"--transcript: " + err.Error()}
		}
	}
	return nil
}

// bothLanguages is a sentence in JSON, as package check writes it. No string can hold
// one: its quotes would be escaped.
var bothLanguages = regexp.MustCompile(`\{"en":("(?:[^"\\]|\\.)*"),"zh":("(?:[^"\\]|\\.)*")\}`)

// printStep prints a step as JSON, with its sentences in one language.
func (u *ui) printStep(s check.Step) {
	which := []byte("$1")
	if u.lang == chinese {
		which = []byte("$2")
	}
	u.out.Write(bothLanguages.ReplaceAll(u.encodeJSON(s), which))
}
