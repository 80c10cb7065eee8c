package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/statement"
)

// statementPrepare is "parley statement prepare".
func (u *ui) statementPrepare(ctx context.Context, f *statementFlags) (int, error) {
	for _, wanted := range []struct{ flag, value string }{{"table", f.Table}, {"template", f.Template}, {"key", f.Key}, {"from", f.From}} {
		if wanted.value == "" {
			return 0, &usageError{u.say(wordStatementWants, wanted.flag)}
		}
	}
	o := statement.TableOptions{Encoding: f.encoding, Sheet: f.sheet, Query: f.Query}
	if f.delimiter != "" {
		o.Delimiter = []rune(strings.ReplaceAll(f.delimiter, `\t`, "\t"))[0]
	}
	if f.Name == "" {
		f.Name = strings.TrimSuffix(filepath.Base(f.state), filepath.Ext(f.state))
	}
	whole(&f.Template)
	if f.Files == "" {
		f.Files = "."
	}
	whole(&f.Files)
	c, err := f.config()
	if err != nil {
		return 0, err
	}
	c.Log = u.statementLog(f)
	defer u.withRenderer(&c)()
	table, err := statement.OpenTable(ctx, f.Table, o)
	if err != nil {
		return 0, err
	}
	defer table.Close() //nolint:errcheck // nothing was written
	j, err := statement.Open(ctx, f.database(), c)
	if err != nil {
		return 0, u.opened(f.database(), err)
	}
	defer j.Close() //nolint:errcheck // all is written
	b := u.newBar(f, -1)
	report, err := j.Prepare(ctx, table, b.rows)
	b.end()
	if err != nil {
		return 0, err
	}
	f.Table = table.Name()
	if old, err := j.Settings(ctx); err == nil && old != "" {
		var before statementSettings
		if json.Unmarshal([]byte(old), &before) == nil {
			f.Rate = before.Rate // resume keeps to it, though the table was looked through anew
		}
	}
	if err := u.keepSettings(ctx, f, j); err != nil {
		return 0, err
	}
	return u.statementReport(ctx, f, j, report)
}

func (u *ui) keepSettings(ctx context.Context, f *statementFlags, j *statement.Job) error {
	settings, err := json.Marshal(f.statementSettings)
	if err != nil {
		return err
	}
	return j.SetSettings(ctx, string(settings))
}

// mostProblems is how many rows with mistakes are printed; the others are in what --json prints.
const mostProblems = 20

func (u *ui) statementReport(ctx context.Context, f *statementFlags, j *statement.Job, r *statement.Report) (int, error) {
	n := 0
	for p, err := range j.Problems(ctx) {
		if err != nil {
			return 0, err
		}
		if n++; f.json {
			u.printJSON(struct {
				Event string `json:"event"`
				statement.Problem
				What string `json:"what"`
			}{"problem", p, p.Words().In(diagnose.Lang(u.lang))})
			continue
		}
		if n == 1 {
			u.print(u.styles.bad.Render(u.say(wordStatementProblems)))
		}
		if n > mostProblems {
			continue
		}
		line := fmt.Sprintf("  %s  %s  %s", u.say(wordStatementLine, p.Line), smtp.Printable(p.Key), smtp.Printable(p.Address))
		u.print(strings.TrimRight(line, " "))
		for _, l := range wrap(smtp.Printable(p.Words().In(diagnose.Lang(u.lang))), u.width-7, 0) {
			u.print("      " + l)
		}
	}
	if f.json {
		u.printJSON(struct {
			Event string `json:"event"`
			*statement.Report
		}{"prepared", r})
	} else {
		if n > mostProblems {
			u.print("  " + u.say(wordStatementMore, n-mostProblems))
		}
		u.print(u.say(wordStatementReport, r.Rows, r.Ready, r.Bad, r.Sent, r.Failed, r.Changed, r.Gone))
		if r.Octets > 0 {
			u.print(u.say(wordStatementOctets, float64(r.Octets)/1e6))
		} else if r.Ready > 0 {
			u.print(u.say(wordStatementNoPDFs))
		}
	}
	if r.Bad > 0 {
		return exitMessage, nil
	}
	if !f.json {
		u.statementNext(f, r)
	}
	return exitTaken, nil
}

// statementNext says what to do with a table that has no mistakes.
func (u *ui) statementNext(f *statementFlags, r *statement.Report) {
	switch {
	case r.Ready > 0 && r.Sent+r.Failed == 0:
		u.print(u.say(wordStatementNext, f.state))
	case r.Ready > 0:
		u.print(u.say(wordStatementNextReady, f.state))
	}
	if r.Failed > 0 {
		u.print(u.say(wordStatementNextFailed, f.state))
	}
	if r.Changed > 0 {
		u.print(u.say(wordStatementChanged, r.Changed))
	}
}

// noSample is --sample where it is left out.
const noSample = -1 << 31

// statementOptions reads what is to be sent.
func (u *ui) statementOptions(f *statementFlags) (o statement.SendOptions, err error) {
	o = statement.SendOptions{Sample: max(f.sample, 0), Changed: f.changed, SkipBad: f.skip}
	if f.sample != noSample && f.sample < 1 {
		return o, &usageError{u.say(wordStatementSample)}
	}
	if f.rate < 0 || f.window < 0 {
		return o, &usageError{u.say(wordStatementNegative)}
	}
	if f.testTo != "" {
		a, err := mail.ParseAddress(f.testTo)
		if err != nil {
			return o, &usageError{"--test-to: " + err.Error()}
		}
		o.TestTo = &a
	}
	if f.at != "" {
		if o.Start, err = parseStart(f.at, time.Now()); err != nil {
			return o, &usageError{u.say(wordStatementAt, f.at)}
		}
	}
	if f.only != "" {
		if o.Again, err = statement.ReadKeys(f.only); err != nil {
			return o, err
		}
		o.SkipBad = true // the others are not asked for
	}
	return o, nil
}

// parseStart reads a time of day, or a day and a time, as the clock on the wall has it.
func parseStart(s string, now time.Time) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t, nil
	}
	for _, layout := range []string{"2006-01-02 15:04", "2006-01-02T15:04", "2006-01-02 15:04:05"} {
		if t, err := time.ParseInLocation(layout, s, now.Location()); err == nil {
			return t, nil
		}
	}
	t, err := time.ParseInLocation("15:04", s, now.Location())
	if err != nil {
		return t, err
	}
	t = time.Date(now.Year(), now.Month(), now.Day(), t.Hour(), t.Minute(), 0, 0, now.Location())
	if t.Before(now) {
		t = t.AddDate(0, 0, 1)
	}
	return t, nil
}

// statementSend is "parley statement send".
func (u *ui) statementSend(ctx context.Context, f *statementFlags) (int, error) {
	o, err := u.statementOptions(f)
	if err != nil {
		return 0, err
	}
	return u.statementSending(ctx, f, o, (*statement.Job).Send)
}

// statementResume is "parley statement resume".
func (u *ui) statementResume(ctx context.Context, f *statementFlags) (int, error) {
	f.resumes = true
	return u.statementSending(ctx, f, statement.SendOptions{SkipBad: true}, (*statement.Job).Resume)
}

func (u *ui) statementSending(ctx context.Context, f *statementFlags, o statement.SendOptions, send func(*statement.Job, context.Context, statement.SendOptions) error) (int, error) {
	j, end, err := u.openStatement(ctx, f, true)
	if err != nil {
		return 0, err
	}
	defer end()
	before, err := j.Status(ctx)
	if err != nil {
		return 0, err
	}
	if !f.resumes && o.TestTo == nil && f.Rate != f.rate {
		f.Rate = f.rate
		if err := u.keepSettings(ctx, f, j); err != nil {
			return 0, err
		}
	}
	b := u.newBar(f, 0)
	o.Progress = b.mails
	err = send(j, ctx, o)
	b.end()
	if err != nil {
		return 0, err
	}
	if o.TestTo != nil {
		u.print(u.say(wordStatementTested, smtp.Printable(o.TestTo.String())))
		return exitTaken, nil
	}
	if b.open == 0 && !f.json {
		u.print(u.say(wordStatementNothing))
	}
	passed := 0 // rows with mistakes that it was said to pass over
	if o.SkipBad {
		passed = before.Counts[statement.Bad]
	}
	return u.statementEnd(ctx, f, j, passed)
}

// statementEnd tells what became of the mailing. That rows with mistakes were not sent is no success, unless it was said that these are passed over.
func (u *ui) statementEnd(ctx context.Context, f *statementFlags, j *statement.Job, passed int) (int, error) {
	s, err := j.Status(ctx)
	if err != nil {
		return 0, err
	}
	u.showStatus(f, s)
	switch {
	case s.Counts[statement.Waiting]+s.Counts[statement.Deferred]+s.Counts[statement.Unknown]+s.Chosen > 0 && !f.leave:
		if !f.json {
			u.print(u.say(wordStatementLater, f.state))
		}
		return exitLater, nil
	case s.Counts[statement.Bad] > passed:
		if !f.json {
			u.print(u.say(wordStatementWentBad, f.state))
		}
		return exitMessage, nil
	case s.Counts[statement.Failed] > 0:
		if !f.json {
			u.print(u.say(wordStatementSeeFailures, f.state))
		}
		return exitRefused, nil
	}
	return exitTaken, nil
}

// statementPause is "parley statement pause".
func (u *ui) statementPause(ctx context.Context, f *statementFlags) (int, error) {
	j, end, err := u.openStatement(ctx, f, false)
	if err != nil {
		return 0, err
	}
	defer end()
	if err := j.Pause(ctx); err != nil {
		return 0, err
	}
	s, err := j.Status(ctx)
	if err != nil {
		return 0, err
	}
	u.showStatus(f, s)
	if !s.Paused && !f.json {
		u.print(u.say(wordStatementNoPause))
	}
	return exitTaken, nil
}

// statementStatus is "parley statement status".
func (u *ui) statementStatus(ctx context.Context, f *statementFlags) (int, error) {
	j, end, err := u.openStatement(ctx, f, false)
	if err != nil {
		return 0, err
	}
	defer end()
	s, err := j.Status(ctx)
	if err != nil {
		return 0, err
	}
	u.showStatus(f, s)
	return exitTaken, nil
}

func (u *ui) showStatus(f *statementFlags, s *statement.Status) {
	if f.json {
		u.printJSON(struct {
			Event  string            `json:"event"`
			Status *statement.Status `json:"status"`
		}{"status", s})
		return
	}
	for state := statement.Ready; state <= statement.Ended; state++ {
		if n := s.Counts[state]; n > 0 || state == statement.Sent {
			u.print(fmt.Sprintf("  %s %9d", pad(u.say(statementStateWords[state]), 14), n))
		}
	}
	for i := range s.Troubles {
		u.statementTrouble(&s.Troubles[i])
	}
	if !s.Start.IsZero() {
		u.print(u.say(wordStatementStart, s.Start.Local().Format("2006-01-02 15:04")))
	}
	if s.Changed > 0 {
		u.print(u.say(wordStatementChanged, s.Changed))
	}
	if s.Paused {
		u.print(u.say(wordStatementPaused))
	}
	if !s.Prepared {
		u.print(u.say(wordStatementNotPrepared))
	}
}

// statementTrouble says why rows have not arrived.
func (u *ui) statementTrouble(t *statement.Trouble) {
	lang := diagnose.Lang(u.lang)
	u.print(fmt.Sprintf("  %s × %d  %s", u.say(statementStateWords[t.State]), t.Rows, smtp.Printable(t.Reply)))
	for _, part := range []struct {
		label text
		words diagnose.Words
	}{{wordCatchCause, t.Cause}, {wordCatchFix, t.Fix}} {
		if part.words.En == "" {
			continue
		}
		for _, l := range wrap(u.say(part.label)+smtp.Printable(part.words.In(lang)), u.width-5, 7) {
			u.print("    " + l)
		}
	}
}

// statementFailures is "parley statement failures".
func (u *ui) statementFailures(ctx context.Context, f *statementFlags) (code int, err error) {
	j, end, err := u.openStatement(ctx, f, false)
	if err != nil {
		return 0, err
	}
	defer end()
	if err := j.Sync(ctx); err != nil {
		return 0, err
	}
	n := 0
	counted := func(all iter.Seq2[statement.Result, error]) iter.Seq2[statement.Result, error] {
		return func(yield func(statement.Result, error) bool) {
			for r, err := range all {
				n++
				if !yield(r, err) {
					return
				}
			}
		}
	}
	list := counted(j.Failures(ctx))
	if f.json && f.output == "" {
		for r, err := range list {
			if err != nil {
				return 0, err
			}
			u.printJSON(r)
		}
		return exitTaken, nil
	}
	out := u.out
	if f.output != "" {
		file, err := os.OpenFile(f.output, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
		if err != nil {
			return 0, err
		}
		defer func() { err = errors.Join(err, file.Close()) }()
		out = file
	}
	w := bufio.NewWriter(out)
	if err := statement.WriteCSV(w, list, diagnose.Lang(u.lang)); err != nil {
		return 0, err
	}
	if err := w.Flush(); err != nil {
		return 0, err
	}
	if f.output != "" && !f.json {
		u.print(u.say(wordStatementWritten, n, f.output))
	}
	return exitTaken, nil
}
