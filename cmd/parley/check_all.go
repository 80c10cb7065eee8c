package main

import (
	"context"
	"net"
	"strconv"
	"strings"

	"github.com/parleymail/parley/check"
	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/smtp"
)

// checkAll is --all: every usual port in every mode of TLS, then the best of them to its end, and
// how programs are told of it.
func (u *ui) checkAll(ctx context.Context, t *checked, f *checkFlags) (int, error) {
	p := &stepPrinter{u: u}
	var ways []check.Way
	for w := range t.check.Ways(ctx) {
		ways = append(ways, w)
		if f.json {
			u.printJSON(recordWay(w, diagnose.Lang(u.lang)))
		} else {
			u.printWay(p, w)
		}
	}
	best, ok := check.Best(ways)
	if ok {
		t.check.Client.Addr = hostPort(best)
		t.check.Client.Security = best.Security
		t.shown, t.best = hostPort(best), best.URL()
	}
	if !f.json {
		u.heading(u.say(wordWayTaken, t.shown, u.modeOf(t.check.Client.Security)))
	}
	// With no way that works this tells why not.
	r := u.walk(ctx, t, f)
	failed := r.Failure() != nil
	if !failed && ok && !f.json {
		u.printSettings(t, best)
	}
	if f.json && ok && !failed {
		u.printJSON(struct {
			Step     string            `json:"step"`
			Settings map[string]string `json:"settings"`
		}{"settings", recordSettings(t.settings(best))})
	}
	return u.checkEnd(t, f, r)
}

func hostPort(w check.Way) string { return net.JoinHostPort(w.Host, strconv.Itoa(w.Port)) }

func (u *ui) printWay(p *stepPrinter, w check.Way) {
	mark, style := u.say(wordMarkNone), u.styles.note
	found := w.Found.In(diagnose.Lang(u.lang))
	name := strconv.Itoa(w.Port) + " " + u.modeOf(w.Security)
	switch {
	case w.Works && w.Security == smtp.Plaintext:
		mark, style = u.say(wordMarkWarning), u.styles.done
	case w.Works:
		mark, style = u.say(wordMarkGood), u.styles.good
	case w.Step == "dns" || w.Step == "tcp":
		name = strconv.Itoa(w.Port)
	}
	if w.Works {
		found = w.URL() + "  " + u.styles.note.Render(found)
	}
	p.line(style.Render(pad(mark, markWidth)), name, roundly(w.Took), found)
}

func (u *ui) modeOf(s smtp.Security) string {
	switch s {
	case smtp.ImplicitTLS:
		return "TLS"
	case smtp.StartTLS, smtp.Automatic:
		return "STARTTLS"
	case smtp.Opportunistic:
		return u.say(wordModeOpportunistic)
	default:
		return u.say(wordModeClear)
	}
}

// printSettings prints what can be copied.
func (u *ui) printSettings(t *checked, w check.Way) {
	for _, s := range t.settings(w) {
		u.heading(s.title)
		for _, line := range s.lines {
			u.print("  " + smtp.Printable(strings.ReplaceAll(line, "\t", "    ")))
		}
	}
}

func recordSettings(list []setting) map[string]string {
	m := make(map[string]string, len(list))
	for _, s := range list {
		m[s.name] = strings.Join(s.lines, "\n")
	}
	return m
}

// A wayRecord is a way for programs.
type wayRecord struct {
	Step     string      `json:"step"` // "way"
	Port     int         `json:"port"`
	Security string      `json:"security"` // implicit, starttls, none
	Works    bool        `json:"works"`
	Ended    string      `json:"ended"` // the step where it ended
	URL      string      `json:"url,omitempty"`
	Found    string      `json:"found,omitempty"`
	Facts    check.Facts `json:"facts"`
	TookMS   float64     `json:"took_ms"`
}

func recordWay(w check.Way, lang diagnose.Lang) wayRecord {
	r := wayRecord{Step: "way", Port: w.Port, Works: w.Works, Ended: w.Step, Found: w.Found.In(lang), Facts: w.Facts, TookMS: float64(w.Took.Microseconds()) / 1000}
	r.Security = map[smtp.Security]string{smtp.ImplicitTLS: "implicit", smtp.StartTLS: "starttls", smtp.Plaintext: "none"}[w.Security]
	if w.Works {
		r.URL = w.URL()
	}
	return r
}
