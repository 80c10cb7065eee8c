package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/statement"
)

// A bar shows how far something has come: on standard error, where that is a terminal; and for programs as objects, from time to time.
type bar struct {
	u    *ui
	json bool
	b    *progressbar.ProgressBar
	told time.Time
	open int  // the most rows that were not done with
	said bool // when it begins
}

// newBar makes one. most: how many there will be; negative: nobody knows.
func (u *ui) newBar(f *statementFlags, most int) *bar {
	b := &bar{u: u, json: f.json}
	file, ok := u.err.(*os.File)
	if f.json || !ok || !term.IsTerminal(int(file.Fd())) {
		return b
	}
	width, _, err := term.GetSize(int(file.Fd()))
	if err != nil || width <= 0 {
		width = 80
	}
	options := []progressbar.Option{
		progressbar.OptionSetWriter(u.err), progressbar.OptionThrottle(100 * time.Millisecond), progressbar.OptionClearOnFinish(), progressbar.OptionSetPredictTime(false),
		progressbar.OptionSetElapsedTime(false), progressbar.OptionSetWidth(max(5, min(40, width-70))), progressbar.OptionSetRenderBlankState(false),
		progressbar.OptionUseANSICodes(true), progressbar.OptionShowCount(),
	}
	if u.env("NO_COLOR") == "" {
		options = append(options, progressbar.OptionEnableColorCodes(false))
	}
	b.b = progressbar.NewOptions(most, options...)
	return b
}

// rows is told how many rows have been looked at.
func (b *bar) rows(n int) {
	if b.b != nil {
		b.b.Describe(b.u.say(wordStatementLooking))
		b.b.Set(n) //nolint:errcheck // a bar that cannot be drawn is none
		return
	}
	if b.json && time.Since(b.told) > 2*time.Second {
		b.told = time.Now()
		b.u.printJSON(struct {
			Event string `json:"event"`
			Rows  int    `json:"rows"`
		}{"looking", n})
	}
}

// mails is told how far the sending has come.
func (b *bar) mails(p statement.Progress) {
	done := p.Counts[statement.Sent] + p.Counts[statement.Failed] + p.Counts[statement.Unknown] + p.Counts[statement.Ended]
	open := p.Open()
	b.open = max(b.open, open)
	if b.b == nil {
		if !p.Start.IsZero() && !b.said && !b.json {
			b.said = true
			b.u.tell(b.u.say(wordStatementBegins, p.Start.Local().Format("2006-01-02 15:04")))
		}
		if why := p.Why.In(diagnose.Lang(b.u.lang)); why != "" && !b.json && time.Since(b.told) > 30*time.Second {
			b.told = time.Now()
			b.u.tell(smtp.Printable(why))
		}
		if b.json && time.Since(b.told) > 2*time.Second {
			b.told = time.Now()
			b.u.printJSON(struct {
				Event  string  `json:"event"`
				Sent   int     `json:"sent"`
				Failed int     `json:"failed"`
				Open   int     `json:"open"`
				Rate   float64 `json:"rate"`
				Why    string  `json:"why,omitempty"`
			}{"progress", p.Counts[statement.Sent], p.Counts[statement.Failed], open, p.Rate, p.Why.In(diagnose.Lang(b.u.lang))})
		}
		return
	}
	b.b.ChangeMax(max(done+open, 1))
	text := fmt.Sprintf("%.0f/s", p.Rate)
	if p.Rate > 0.05 && open > 0 {
		text += " " + b.u.say(wordStatementLeft, shortTime(time.Duration(float64(open)/p.Rate*float64(time.Second))))
	}
	if !p.Start.IsZero() {
		text = b.u.say(wordStatementBegins, p.Start.Local().Format("2006-01-02 15:04"))
	}
	if n := p.Counts[statement.Failed]; n > 0 {
		text += " " + b.u.say(wordStatementFailed, n)
	}
	for _, l := range p.Lanes {
		if until := later(l.Open, l.Next); time.Until(until) > time.Second {
			text += " " + b.u.say(wordStatementSuspended, smtp.Printable(l.Name), until.Local().Format("15:04:05"))
			break
		}
	}
	b.b.Describe(text)
	b.b.Set(done) //nolint:errcheck // a bar that cannot be drawn is none
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// end takes the bar away: what became of all is printed.
func (b *bar) end() {
	if b.b != nil {
		b.b.Finish()                        //nolint:errcheck // a bar that cannot be drawn is none
		io.WriteString(b.u.err, "\r\x1b[K") //nolint:errcheck // the same
	}
}

// shortTime is a time that is left, as exact as it can be known.
func shortTime(d time.Duration) string {
	switch {
	case d < time.Minute:
		return d.Round(time.Second).String()
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
}
