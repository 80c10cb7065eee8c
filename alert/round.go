package alert

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/parleymail/parley/outbox"
)

// A Report is what one round has done.
type Report struct {
	Mails     int `json:"mails"`                // written
	Told      int `json:"told"`                 // alerts in them that are new or have changed
	TakenBack int `json:"taken_back,omitempty"` // mails that could not leave, in place of which another one was written
	Held      int `json:"held,omitempty"`       // groups that wait: in quiet hours, or since too many mails went out
	Returned  int `json:"returned,omitempty"`   // mails that came back or waited in vain: they are written again
}

// Round does what is due: it writes mails and puts them into the outbox. It sends nothing.
func (a *Alerts) Round(ctx context.Context) (r Report, err error) {
	now := a.c.clock()
	if err := a.settle(ctx, now, &r); err != nil {
		return r, failed("looking what became of the mails", err)
	}
	if err := a.s.write(ctx, func(t *tx) error { return t.end(ctx, &a.c, now) }); err != nil {
		return r, failed("resolving what was to end", err)
	}
	for _, name := range a.names(ctx, now) {
		for range 3 { // what cannot leave is taken back, and then there is more to tell
			var one Report
			var again bool
			err := a.s.write(ctx, func(t *tx) (err error) {
				one = Report{}
				w := &writing{a: a, t: t, r: a.c.anyReceiver(name), name: name, now: now, report: &one}
				again, err = w.do(ctx)
				return err
			})
			if err != nil {
				return r, failed("writing mails", err)
			}
			r.Mails, r.Told, r.Held = r.Mails+one.Mails, r.Told+one.Told, r.Held+one.Held
			if !again {
				break
			}
			if err := a.takeBack(ctx, now, name, &r); err != nil {
				return r, failed("taking back what could not leave", err)
			}
		}
	}
	return r, nil
}

// names are the receivers for whom there is something to look at.
func (a *Alerts) names(ctx context.Context, now time.Time) (list []string) {
	err := a.s.reader().Each(ctx, "SELECT DISTINCT receiver FROM parley_alert_groups WHERE due > 0 AND due <= ? UNION SELECT DISTINCT receiver FROM parley_alert_mails WHERE state < 2", []any{now.UnixMilli()}, func(scan func(...any) error) error {
		var name string
		err := scan(&name)
		list = append(list, name)
		return err
	})
	a.complain(ctx, err)
	return list
}

// A group is alerts of one receiver that are told of together, in one thread.
type group struct {
	key, name, first, last, held string
	due, told, since             int64
	escalated                    bool

	news     []row // that no mail has told of
	firing   []row // that was told of, and is so still
	repeats  bool
	escalate bool
}

func (g *group) severities() (list []string) {
	for _, rows := range [][]row{g.news, g.firing} {
		for i := range rows {
			if rows[i].State != Resolved && !slices.Contains(list, rows[i].Severity) {
				list = append(list, rows[i].Severity)
			}
		}
	}
	return list
}

func (g *group) fires() bool {
	return len(g.firing) > 0 || slices.ContainsFunc(g.news, func(r row) bool { return r.State == Firing })
}

// A writing is what is written for one receiver, in one transaction.
type writing struct {
	a      *Alerts
	t      *tx
	r      *Receiver
	name   string // the receiver's; r may be another where the file has it no more
	now    time.Time
	report *Report
}

const (
	mostGroups   = 2000             // that one round looks at
	summaryEvery = 15 * time.Minute // while there are too many mails for each of its own
	rewriteEvery = 5 * time.Second  // while nothing can leave
)

// do writes the mails that are due. It tells that mails which cannot leave are to be taken back first.
func (w *writing) do(ctx context.Context) (takeBack bool, err error) {
	stuck, newest, err := w.stuck(ctx)
	if err != nil {
		return false, err
	}
	if stuck > 1 {
		return true, nil
	}
	groups, err := w.due(ctx)
	if err != nil {
		return false, err
	}
	var send []*group
	for _, g := range groups {
		ready, err := w.ready(ctx, g)
		if err != nil {
			return false, err
		}
		if ready {
			send = append(send, g)
		}
	}
	if len(send) == 0 {
		return false, nil
	}
	if stuck > 0 {
		if at := newest.Add(rewriteEvery); at.After(w.now) {
			return false, w.hold(ctx, send, "stall", at)
		}
		return true, nil
	}
	return false, w.write(ctx, send)
}

// due are the groups that are to be looked at.
func (w *writing) due(ctx context.Context) (list []*group, err error) {
	err = w.t.Each(ctx, "SELECT id, name, first_id, last_id, held, due, told_at, since, escalated FROM parley_alert_groups WHERE receiver = ? AND due > 0 AND due <= ? ORDER BY due, id LIMIT ?", []any{w.name, w.now.UnixMilli(), mostGroups}, func(scan func(...any) error) error {
		g := new(group)
		var escalated int64
		err := scan(&g.key, &g.name, &g.first, &g.last, &g.held, &g.due, &g.told, &g.since, &escalated)
		g.escalated = escalated > 0
		list = append(list, g)
		return err
	})
	return list, err
}

// ready reports whether a group is to be told of now. One that is not has its next time noted.
func (w *writing) ready(ctx context.Context, g *group) (bool, error) {
	err := w.t.Each(ctx, "SELECT "+rowColumns+" FROM parley_alert_alerts WHERE grp = ? AND (state = 0 OR told < version) ORDER BY starts, print", []any{g.key}, func(scan func(...any) error) error {
		r, err := scanRow(scan)
		if r.told < r.version {
			g.news = append(g.news, r)
		} else {
			g.firing = append(g.firing, r)
		}
		return err
	})
	if err != nil {
		return false, err
	}
	now := w.now.UnixMilli()
	if g.fires() {
		g.repeats = w.r.Repeat > 0 && g.told > 0 && g.told+w.r.Repeat.Milliseconds() <= now
		g.escalate = w.r.Escalate.After > 0 && !g.escalated && g.since+w.r.Escalate.After.Milliseconds() <= now
	}
	if len(g.news) == 0 && !g.repeats && !g.escalate {
		return false, w.later(ctx, g, w.next(g, g.told), "")
	}
	if until := w.r.quiet(w.now, g.severities()); !until.IsZero() {
		return false, w.hold(ctx, []*group{g}, "quiet", until)
	}
	return true, nil
}

// next is when a group is looked at next of which a mail tells everything; 0: when something comes.
func (w *writing) next(g *group, told int64) (due int64) {
	if !g.fires() {
		return 0
	}
	if w.r.Repeat > 0 {
		due = told + w.r.Repeat.Milliseconds()
	}
	if w.r.Escalate.After > 0 && !g.escalated && !g.escalate {
		if at := g.since + w.r.Escalate.After.Milliseconds(); due == 0 || at < due {
			due = at
		}
	}
	return due
}

func (w *writing) later(ctx context.Context, g *group, due int64, held string) error {
	_, err := w.t.Exec(ctx, "UPDATE parley_alert_groups SET due = ?, held = ? WHERE id = ?", due, held, g.key)
	return err
}

func (w *writing) hold(ctx context.Context, groups []*group, why string, until time.Time) error {
	for _, g := range groups {
		if err := w.later(ctx, g, until.UnixMilli(), why); err != nil {
			return err
		}
		w.report.Held++
	}
	return nil
}

// write writes a mail for each group, or one for all.
func (w *writing) write(ctx context.Context, send []*group) error {
	var n int
	var last int64
	err := w.t.Row(ctx, "SELECT count(*), coalesce(max(at), 0) FROM parley_alert_mails WHERE receiver = ? AND at > ?", []any{w.name, w.now.Add(-time.Hour).UnixMilli()}, &n, &last)
	if err != nil {
		return err
	}
	together, one, all := false, 0, 1 // what kind of mail one for a group is, and one for all
	for _, g := range send {
		together = together || g.held != "" && len(send) > 1
		if g.held == "stall" {
			one, all = 2, 2
		}
	}
	if most := w.r.Most; most > 0 && n+len(send) > most {
		if at := time.UnixMilli(last).Add(summaryEvery); n >= most && at.After(w.now) {
			return w.hold(ctx, send, "rate", at)
		}
		together = len(send) > 1
	}
	if together {
		return w.put(ctx, send, all)
	}
	for _, g := range send {
		if err := w.put(ctx, []*group{g}, one); err != nil {
			return err
		}
	}
	return nil
}

// put writes one mail, and notes what it tells, in one transaction.
func (w *writing) put(ctx context.Context, groups []*group, kind int) error {
	l := &letter{c: &w.a.c, r: w.r, now: w.now, groups: groups, stalled: kind == 2}
	if len(groups) == 1 {
		var err error
		if l.chart, err = w.t.chartOf(ctx, groups[0], w.now); err != nil {
			return err
		}
	}
	m, err := l.message()
	if err != nil {
		return err
	}
	var turn int64
	if err := w.t.Row(ctx, "SELECT number FROM parley_alert_state WHERE name = 'turn'", nil, &turn); err != nil {
		return err
	}
	id, err := w.a.box.Put(ctx, w.t.SQL, &outbox.Mail{
		Object: m, Class: outbox.Alert, Origin: "alert", Topic: shortTopic("alert " + w.name), Key: fmt.Sprintf("alert/%d/%s", turn, groups[0].key),
		Expires: w.a.c.clock().Add(w.a.c.MaxAge), Unknown: outbox.Again,
	})
	if err != nil {
		return err
	}
	if _, err := w.t.Exec(ctx, "INSERT INTO parley_alert_mails (message, receiver, at, state, summary) VALUES (?, ?, ?, 0, ?)", int64(id), w.name, w.now.UnixMilli(), kind); err != nil {
		return err
	}
	w.report.Mails++
	for _, g := range groups {
		if err := w.note(ctx, id, g, m.MessageID); err != nil {
			return err
		}
	}
	return nil
}

func shortTopic(s string) string { return s[:min(len(s), outbox.MaxTopic)] }

// note notes that a mail tells of a group.
func (w *writing) note(ctx context.Context, id outbox.ID, g *group, messageID string) error {
	for i := range g.news {
		r := &g.news[i]
		_, err := w.t.Exec(ctx, "INSERT INTO parley_alert_told (message, grp, print, version, before, count) VALUES (?, ?, ?, ?, ?, ?)", int64(id), g.key, r.Fingerprint, r.version, r.told, r.Count)
		if err == nil {
			_, err = w.t.Exec(ctx, "UPDATE parley_alert_alerts SET told = ?, count = 0 WHERE grp = ? AND print = ?", r.version, g.key, r.Fingerprint)
		}
		if err != nil {
			return err
		}
		w.report.Told++
	}
	if _, err := w.t.Exec(ctx, "INSERT INTO parley_alert_marks (message, grp, first_id, last_id, told_at, escalated) VALUES (?, ?, ?, ?, ?, ?)", int64(id), g.key, g.first, g.last, g.told, truth(g.escalated)); err != nil {
		return err
	}
	now := w.now.UnixMilli()
	due := w.next(g, now)
	since := g.since
	if !g.fires() {
		since = 0
	}
	first := g.first
	if first == "" {
		first = messageID
	}
	_, err := w.t.Exec(ctx, "UPDATE parley_alert_groups SET due = ?, told_at = ?, since = ?, escalated = ?, first_id = ?, last_id = ?, held = '' WHERE id = ?",
		due, now, since, truth(g.escalated || g.escalate), first, messageID, g.key)
	return err
}

func truth(b bool) int {
	if b {
		return 1
	}
	return 0
}
