package alert

import (
	"context"
	"time"

	"github.com/parleymail/parley/outbox"
)

// A Status is how things stand.
type Status struct {
	Firing   int                  `json:"firing"`
	Waits    int                  `json:"waits"`    // alerts that no mail tells of yet
	Groups   []Group              `json:"groups"`   // in which something fires, waits, or could not be mailed
	Unmailed []Unmailed           `json:"unmailed"` // mails that cannot leave, or did not arrive
	Mails    map[outbox.State]int `json:"mails"`    // of the last weeks, by what became of them
	Watches  []Watched            `json:"watches,omitempty"`
	Beats    []Beating            `json:"beats,omitempty"`
}

// A Group is alerts of one receiver that are told of together, in one thread.
type Group struct {
	Receiver  string    `json:"receiver"`
	Name      string    `json:"name"` // what its alerts have in common
	Firing    int       `json:"firing"`
	Waits     int       `json:"waits"`             // alerts that no mail tells of yet
	Since     time.Time `json:"since,omitzero"`    // it fires
	Told      time.Time `json:"told,omitzero"`     // when a mail was last written
	Due       time.Time `json:"due,omitzero"`      // when the next may be
	Held      string    `json:"held,omitempty"`    // why what is new waits: "quiet", "rate", "stall"
	Trouble   string    `json:"trouble,omitempty"` // why its last mail did not arrive
	Escalated bool      `json:"escalated,omitempty"`
	Alerts    []Alert   `json:"alerts,omitempty"` // those that fire or wait
}

// An Unmailed is a mail that cannot leave, or did not arrive.
type Unmailed struct {
	Message  outbox.ID `json:"message,omitzero"`
	Receiver string    `json:"receiver"`
	Since    time.Time `json:"since,omitzero"`
	Reply    string    `json:"reply,omitempty"` // what was said
	Lost     bool      `json:"lost,omitempty"`  // it came back, or waited in vain, and is written again
}

// A Watched is what is known of a [Watch].
type Watched struct {
	Name     string    `json:"name"`
	Failures int       `json:"failures"`
	Firing   bool      `json:"firing"`
	Looked   time.Time `json:"looked"`
	Error    string    `json:"error,omitempty"`
}

// A Beating is what is known of something that gives signs of life.
type Beating struct {
	Name   string    `json:"name"`
	Last   time.Time `json:"last"`
	Late   time.Time `json:"late"` // when it is an alert
	Firing bool      `json:"firing"`
}

// Status tells how things stand.
func (a *Alerts) Status(ctx context.Context) (*Status, error) {
	s := &Status{Mails: make(map[outbox.State]int), Groups: []Group{}, Unmailed: []Unmailed{}}
	t := a.s.reader()
	err := t.statusGroups(ctx, s)
	if err == nil {
		err = a.statusMails(ctx, t, s)
	}
	if err == nil {
		err = t.Each(ctx, "SELECT name, failures, firing, looked, error FROM parley_alert_watches ORDER BY name", nil, func(scan func(...any) error) error {
			var w Watched
			var firing, looked int64
			err := scan(&w.Name, &w.Failures, &firing, &looked, &w.Error)
			w.Firing, w.Looked = firing > 0, timeOf(looked)
			s.Watches = append(s.Watches, w)
			return err
		})
	}
	if err == nil {
		err = t.Each(ctx, "SELECT name, at, at + every, firing FROM parley_alert_beats ORDER BY name", nil, func(scan func(...any) error) error {
			var b Beating
			var last, late, firing int64
			err := scan(&b.Name, &last, &late, &firing)
			b.Last, b.Late, b.Firing = timeOf(last), timeOf(late), firing > 0
			s.Beats = append(s.Beats, b)
			return err
		})
	}
	return s, failed("reading the status", err)
}

func (t *tx) statusGroups(ctx context.Context, s *Status) error {
	at := map[string]int{}
	err := t.Each(ctx, "SELECT id, receiver, name, due, told_at, since, escalated, held, trouble FROM parley_alert_groups g WHERE trouble <> '' OR EXISTS (SELECT 1 FROM parley_alert_alerts a WHERE a.grp = g.id AND (a.state = 0 OR a.told < a.version)) ORDER BY since, id", nil, func(scan func(...any) error) error {
		var g Group
		var key string
		var due, told, since, escalated int64
		err := scan(&key, &g.Receiver, &g.Name, &due, &told, &since, &escalated, &g.Held, &g.Trouble)
		g.Due, g.Told, g.Since, g.Escalated = timeOf(due), timeOf(told), timeOf(since), escalated > 0
		at[key] = len(s.Groups)
		s.Groups = append(s.Groups, g)
		if g.Trouble != "" {
			s.Unmailed = append(s.Unmailed, Unmailed{Receiver: g.Receiver, Since: g.Told, Reply: g.Trouble, Lost: true})
		}
		return err
	})
	if err != nil {
		return err
	}
	return t.Each(ctx, "SELECT "+rowColumns+" FROM parley_alert_alerts WHERE state = 0 OR told < version ORDER BY starts, print", nil, func(scan func(...any) error) error {
		r, err := scanRow(scan)
		i, ok := at[r.group]
		if err != nil || !ok {
			return err
		}
		g := &s.Groups[i]
		if r.State == Firing {
			s.Firing++
			g.Firing++
		}
		if r.told < r.version {
			s.Waits++
			g.Waits++
		}
		g.Alerts = append(g.Alerts, r.Alert)
		return nil
	})
}

func (a *Alerts) statusMails(ctx context.Context, t *tx, s *Status) error {
	list, err := t.fates(ctx, "")
	if err != nil {
		return err
	}
	for _, f := range list {
		// One that is being tried once more at this moment has not left yet.
		if f.n[outbox.Held]+f.n[outbox.Unknown] > 0 || f.waits()+f.n[outbox.Sending] > 0 && (f.reply != "" || f.summary == 2 || a.c.clock().Sub(timeOf(f.at)) >= a.c.Stall) {
			s.Unmailed = append(s.Unmailed, Unmailed{Message: f.id, Receiver: f.receiver, Since: timeOf(f.at), Reply: f.reply})
		}
	}
	return t.Each(ctx, "SELECT r.state, count(*) FROM parley_alert_mails m JOIN parley_recipients r ON r.message = m.message GROUP BY r.state", nil, func(scan func(...any) error) error {
		var state, n int64
		err := scan(&state, &n)
		s.Mails[outbox.State(state&15)] += int(n)
		return err
	})
}
