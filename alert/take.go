package alert

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"
)

// Take takes alerts. When it returns without an error they are on stable storage: all of them, or none. One that fires already is no second one, and one
// that is resolved without having fired is nothing.
func (a *Alerts) Take(ctx context.Context, alerts ...Alert) error {
	now := a.c.clock()
	list := make([]Alert, len(alerts))
	receivers := make([]*Receiver, len(alerts))
	for i := range alerts {
		list[i] = alerts[i]
		if err := list[i].clean(now); err != nil {
			return err
		}
		var err error
		if receivers[i], err = a.c.receiver(list[i].Receiver); err != nil {
			return err
		}
	}
	if len(list) == 0 {
		return nil
	}
	err := a.s.write(ctx, func(t *tx) error {
		groups := make(map[string]bool)
		for i := range list {
			group, err := t.take(ctx, receivers[i], &list[i], now)
			if err != nil {
				return err
			}
			groups[group] = true
		}
		delete(groups, "")
		for group := range groups {
			if err := t.sampleGroup(ctx, group, now); err != nil {
				return err
			}
		}
		return nil
	})
	a.poke()
	return failed("taking alerts", err)
}

// take is one alert of Take. It tells in which group something has changed.
func (t *tx) take(ctx context.Context, r *Receiver, a *Alert, now time.Time) (group string, err error) {
	name, key := r.groupOf(a)
	had, err := t.known(ctx, key, a.Fingerprint)
	if err == nil && had.version == 0 {
		// What resolves an alert need not repeat all that it was grouped by.
		var other string
		err = t.Row(ctx, "SELECT a.grp, g.name FROM parley_alert_alerts a JOIN parley_alert_groups g ON g.id = a.grp WHERE a.print = ? AND a.state = 0 AND g.receiver = ? ORDER BY a.seen DESC LIMIT 1", []any{a.Fingerprint, r.Name}, &other, &name)
		switch {
		case err == nil:
			key = other
			had, err = t.known(ctx, key, a.Fingerprint)
		case errors.Is(err, sql.ErrNoRows):
			err = nil
		}
	}
	if err != nil {
		return "", err
	}
	is := had
	is.Alert = *a
	is.Count = had.Count
	changed := true
	switch {
	case a.State == Resolved && (had.version == 0 || had.State != Firing):
		return "", nil // nobody knows of it
	case a.State == Resolved:
		is = had
		is.State, is.Ends = Resolved, a.Ends
		if a.Ends.IsZero() || a.Ends.After(now) {
			is.Ends = now
		}
		if a.Text != "" {
			is.Text = a.Text
		}
	case a.State == Firing && had.version > 0 && had.State == Firing:
		is.Starts = had.Starts
		changed = a.Severity != had.Severity
	default:
		is.Count++
	}
	if changed {
		is.version++
	}
	if err := t.keep(ctx, key, &is, now); err != nil || !changed {
		return "", err
	}
	return key, t.wake(ctx, r, key, name, a.State, now)
}

// A row is an alert as it is kept.
type row struct {
	Alert
	group         string
	version, told int64
}

const rowColumns = "grp, print, state, version, told, count, severity, title, body, labels, url, starts, ends"

func scanRow(scan func(...any) error) (r row, err error) {
	var state, starts, ends int64
	var labels string
	err = scan(&r.group, &r.Fingerprint, &state, &r.version, &r.told, &r.Count, &r.Severity, &r.Title, &r.Text, &labels, &r.URL, &starts, &ends)
	r.State, r.Starts, r.Ends = State(state&3), timeOf(starts), timeOf(ends)
	if err == nil {
		err = json.Unmarshal([]byte(labels), &r.Labels)
	}
	return r, err
}

// known is what is kept of an alert; nothing has version 0.
func (t *tx) known(ctx context.Context, group, print string) (r row, err error) {
	r, err = scanRow(func(into ...any) error {
		return t.Row(ctx, "SELECT "+rowColumns+" FROM parley_alert_alerts WHERE grp = ? AND print = ?", []any{group, print}, into...)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return row{}, nil
	}
	return r, err
}

func (t *tx) keep(ctx context.Context, group string, r *row, now time.Time) error {
	values := []any{int64(r.State), r.version, r.told, r.Count, r.Severity, r.Title, r.Text, encodeLabels(r.Labels), r.URL, msOf(r.Starts), msOf(r.Ends), now.UnixMilli(), group, r.Fingerprint}
	n, err := t.Exec(ctx, "UPDATE parley_alert_alerts SET state = ?, version = ?, told = ?, count = ?, severity = ?, title = ?, body = ?, labels = ?, url = ?, starts = ?, ends = ?, seen = ? WHERE grp = ? AND print = ?", values...)
	if err == nil && n == 0 {
		_, err = t.Exec(ctx, "INSERT INTO parley_alert_alerts (state, version, told, count, severity, title, body, labels, url, starts, ends, seen, grp, print) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values...)
	}
	return err
}

// wake has a group looked at, since something in it has changed.
func (t *tx) wake(ctx context.Context, r *Receiver, key, name string, state State, now time.Time) error {
	due := now.Add(r.GroupWait).UnixMilli()
	var was, told, since int64
	err := t.Row(ctx, "SELECT due, told_at, since FROM parley_alert_groups WHERE id = ?", []any{key}, &was, &told, &since)
	if errors.Is(err, sql.ErrNoRows) {
		if state == Firing {
			since = now.UnixMilli()
		}
		_, err = t.Exec(ctx, "INSERT INTO parley_alert_groups (id, receiver, name, due, told_at, since, escalated, first_id, last_id, held, trouble) VALUES (?, ?, ?, ?, 0, ?, 0, '', '', '', '')", key, r.Name, name, due, since)
		return err
	}
	if err != nil {
		return err
	}
	if told > 0 {
		due = max(due, told+max(r.GroupInterval, 0).Milliseconds())
	}
	if was > 0 {
		due = min(due, was)
	}
	if _, err := t.Exec(ctx, "UPDATE parley_alert_groups SET due = ? WHERE id = ?", due, key); err != nil || state != Firing || since > 0 {
		return err
	}
	// It was well, and is so no more: another thread.
	_, err = t.Exec(ctx, "UPDATE parley_alert_groups SET since = ?, escalated = 0, first_id = '', last_id = '' WHERE id = ?", now.UnixMilli(), key)
	return err
}

// sampleGroup notes for the chart how many alerts of a group fire.
func (t *tx) sampleGroup(ctx context.Context, key string, now time.Time) error {
	var n int64
	if err := t.Row(ctx, "SELECT count(*) FROM parley_alert_alerts WHERE grp = ? AND state = 0", []any{key}, &n); err != nil {
		return err
	}
	bad := 0
	if n > 0 {
		bad = 1
	}
	return t.sample(ctx, "group/"+key, now, float64(n), bad)
}

func (t *tx) sample(ctx context.Context, series string, at time.Time, value float64, bad int) error {
	_, err := t.Exec(ctx, "INSERT INTO parley_alert_samples (series, at, value, bad) VALUES (?, ?, ?, ?) ON CONFLICT (series, at) DO UPDATE SET value = excluded.value, bad = excluded.bad", series, at.UnixMilli(), value, bad)
	return err
}

// end resolves what was to end by now.
func (t *tx) end(ctx context.Context, c *Config, now time.Time) error {
	var list []row
	err := t.Each(ctx, "SELECT "+rowColumns+" FROM parley_alert_alerts WHERE state = 0 AND ends > 0 AND ends <= ?", []any{now.UnixMilli()}, func(scan func(...any) error) error {
		r, err := scanRow(scan)
		list = append(list, r)
		return err
	})
	if err != nil {
		return err
	}
	for i := range list {
		if err := t.ended(ctx, c, &list[i], now); err != nil {
			return err
		}
	}
	return nil
}

// ended notes that an alert is resolved, which nobody has told of.
func (t *tx) ended(ctx context.Context, c *Config, r *row, now time.Time) error {
	r.State = Resolved
	r.version++
	if err := t.keep(ctx, r.group, r, now); err != nil {
		return err
	}
	var receiver, name string
	if err := t.Row(ctx, "SELECT receiver, name FROM parley_alert_groups WHERE id = ?", []any{r.group}, &receiver, &name); err != nil {
		return err
	}
	if err := t.wake(ctx, c.anyReceiver(receiver), r.group, name, Resolved, now); err != nil {
		return err
	}
	return t.sampleGroup(ctx, r.group, now)
}

// anyReceiver is that of a name, or the first where the file has it no more: nothing is thrown away.
func (c *Config) anyReceiver(name string) *Receiver {
	if r, err := c.receiver(name); err == nil {
		return r
	}
	return &c.Receivers[0]
}
