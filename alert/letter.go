package alert

import (
	"embed"
	"fmt"
	"html/template"
	"maps"
	"slices"
	"strings"
	texttemplate "text/template"
	"time"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/mail"
)

//go:embed templates
var templates embed.FS

const mostShown = 100 // alerts in one mail; the others are counted

// A letter is a mail before it is one.
type letter struct {
	c       *Config
	r       *Receiver
	now     time.Time
	groups  []*group
	stalled bool
	chart   *chart
}

// A page is what the templates show.
type page struct {
	Lang, Title, Footer string
	Why                 []string
	Chart, ChartText    string
	Parts               []part
	More                string
	Open                string
}

type part struct {
	Name, Colour string
	Groups       []partGroup
}

type partGroup struct {
	Name   string
	Alerts []shown
}

type shown struct {
	Title, Severity, When, Text, URL string
	Labels                           []label
}

type label struct{ Name, Value string }

// message makes the mail.
func (l *letter) message() (*mail.Message, error) {
	lang := l.c.Lang
	p := page{Lang: langTag(lang), Title: l.subject(), Why: l.why(), Open: wordOpen.In(lang), Footer: say(wordFooter, lang, l.r.Name, timeIn(l.now, l.c.Zone, lang))}
	left := mostShown
	more := 0
	for _, kind := range []struct {
		name   words
		colour string
		of     func(g *group) []row
	}{
		{wordPartNew, "#b3261e", func(g *group) []row { return inState(g.news, Firing) }},
		{wordPartNote, "#1f4e8c", func(g *group) []row { return inState(g.news, Once) }},
		{wordPartStill, "#8a5300", func(g *group) []row { return g.firing }},
		{wordPartResolved, "#1b6b3a", func(g *group) []row { return inState(g.news, Resolved) }},
	} {
		one := part{Name: kind.name.In(lang), Colour: kind.colour}
		for _, g := range l.groups {
			rows := kind.of(g)
			n := min(len(rows), left)
			left, more = left-n, more+len(rows)-n
			if n == 0 {
				continue
			}
			pg := partGroup{}
			if len(l.groups) > 1 {
				pg.Name = g.name
			}
			for i := range rows[:n] {
				pg.Alerts = append(pg.Alerts, l.show(&rows[i]))
			}
			one.Groups = append(one.Groups, pg)
		}
		if len(one.Groups) > 0 {
			p.Parts = append(p.Parts, one)
		}
	}
	if more > 0 {
		p.More = say(wordMoreHere, lang, more)
	}
	return l.compose(&p)
}

func (l *letter) compose(p *page) (*mail.Message, error) {
	m := &mail.Message{
		From: l.c.From, To: l.to(), Subject: p.Title, Date: l.now, MessageID: mail.NewMessageID(l.c.From), AutoSubmitted: "auto-generated",
		Header: []mail.Field{{Name: "X-Parley-Alert", Value: l.r.Name}},
	}
	if slices.ContainsFunc(l.groups, func(g *group) bool { return slices.Contains(g.severities(), "critical") }) {
		m.Priority = mail.High
	}
	for _, g := range l.groups {
		const most = 20 // of a thread's Message-IDs
		for _, id := range []string{g.first, g.last} {
			if id != "" && !slices.Contains(m.References, id) && len(m.References) < most {
				m.References = append(m.References, id)
				m.InReplyTo = id // RFC 5322 §3.6.4
			}
		}
	}
	if l.chart != nil {
		picture, alt, err := l.chart.png(l.c.Lang, l.now)
		if err != nil {
			return nil, fmt.Errorf("drawing the chart: %w", err)
		}
		p.Chart, p.ChartText = "cid:chart.png", alt
		m.Inline = []mail.Part{mail.Bytes("chart.png", picture)}
	}
	text, err := texttemplate.ParseFS(templates, "templates/mail.txt")
	if err != nil {
		return nil, err
	}
	// html/template would take "cid:" for something dangerous: the one that stands here is ours.
	html, err := template.New("").Funcs(template.FuncMap{"ours": func(s string) template.URL { return template.URL(s) }}).ParseFS(templates, "templates/mail.html") //nolint:gosec // it is "cid:chart.png"
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	if err := text.ExecuteTemplate(&b, "mail.txt", p); err != nil {
		return nil, err
	}
	m.Text = b.String()
	b.Reset()
	if err := html.ExecuteTemplate(&b, "mail.html", p); err != nil {
		return nil, err
	}
	m.HTML = b.String()
	return m, nil
}

// to are the people; of what fires for long, further ones.
func (l *letter) to() []mail.Address {
	to := slices.Clone(l.r.To)
	if slices.ContainsFunc(l.groups, func(g *group) bool { return g.escalated || g.escalate }) {
		for _, a := range l.r.Escalate.To {
			if !slices.ContainsFunc(to, func(b mail.Address) bool { return strings.EqualFold(a.Address, b.Address) }) {
				to = append(to, a)
			}
		}
	}
	return to
}

func inState(rows []row, s State) (list []row) {
	for i := range rows {
		if rows[i].State == s {
			list = append(list, rows[i])
		}
	}
	return list
}

// subject tells what is most urgent.
func (l *letter) subject() string {
	var fires, notes, resolved, still []row
	escalates := false
	for _, g := range l.groups {
		fires = append(fires, inState(g.news, Firing)...)
		notes = append(notes, inState(g.news, Once)...)
		resolved = append(resolved, inState(g.news, Resolved)...)
		still = append(still, g.firing...)
		escalates = escalates || g.escalate
	}
	word, rows := wordResolved, resolved
	switch {
	case escalates:
		word, rows = wordEscalated, append(fires, still...)
	case len(fires) > 0:
		word, rows = wordFires, fires
	case len(notes) > 0:
		word, rows = wordNote, notes
	case len(resolved) == 0 || len(still) > 0 && l.repeats():
		word, rows = wordStill, still
	}
	lang := l.c.Lang
	what := rows[0].Title
	if n := len(rows) - 1; n > 0 {
		what = say(wordAndMore, lang, what, n)
	}
	all := len(fires) + len(notes) + len(resolved) + len(still)
	if len(l.groups) > 1 {
		return say(wordSummary, lang, word.In(lang), all, len(l.groups), what)
	}
	return say(wordSubject, lang, word.In(lang), what)
}

func (l *letter) repeats() bool {
	return slices.ContainsFunc(l.groups, func(g *group) bool { return g.repeats })
}

// why tells why it comes as it does.
func (l *letter) why() (list []string) {
	add := func(w words, args ...any) {
		if s := say(w, l.c.Lang, args...); !slices.Contains(list, s) {
			list = append(list, s)
		}
	}
	for _, g := range l.groups {
		switch {
		case l.stalled || g.held == "stall":
			add(wordWhyStall)
		case g.held == "quiet":
			add(wordWhyQuiet)
		case g.held == "rate":
			add(wordWhyRate)
		}
		if g.escalate {
			add(wordWhyEscalate, l.r.Escalate.After)
		}
	}
	return list
}

func (l *letter) show(r *row) shown {
	lang, zone := l.c.Lang, l.c.Zone
	s := shown{Title: r.Title, Severity: r.Severity, Text: r.Text, URL: r.URL}
	switch r.State {
	case Firing:
		s.When = say(wordSince, lang, timeIn(r.Starts, zone, lang))
	case Resolved:
		s.When = say(wordFromTo, lang, timeIn(r.Starts, zone, lang), timeIn(r.Ends, zone, lang))
	case Once:
		s.When = say(wordAt, lang, timeIn(r.Starts, zone, lang))
	}
	if r.Count > 1 {
		s.When += comma(lang) + say(wordTimes, lang, r.Count)
	}
	for _, k := range slices.Sorted(maps.Keys(r.Labels)) {
		if k != "alertname" && k != "severity" {
			s.Labels = append(s.Labels, label{k, r.Labels[k]})
		}
	}
	return s
}

func comma(lang diagnose.Lang) string {
	if lang == diagnose.Chinese {
		return "，"
	}
	return ", "
}
