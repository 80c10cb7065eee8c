package alert

import (
	"context"
	"time"

	"github.com/parleymail/parley/internal/plain"
	"github.com/parleymail/parley/outbox"
)

// A fate is what has become of a mail so far.
type fate struct {
	id       outbox.ID
	receiver string
	at       int64
	state    int // 0 on its way, 1 being taken back
	summary  int
	n        map[outbox.State]int // its recipients
	reply    string               // the last word on one that did not arrive
}

func (f *fate) waits() int { return f.n[outbox.Queued] + f.n[outbox.Deferred] }
func (f *fate) open() int {
	return f.waits() + f.n[outbox.Sending] + f.n[outbox.Held] + f.n[outbox.Unknown]
}
func (f *fate) lost() int { return f.n[outbox.Bounced] + f.n[outbox.Expired] }

// fates are those of the mails that are not over.
func (t *tx) fates(ctx context.Context, receiver string) (list []*fate, err error) {
	// The box has forgotten a message, or has it: its recipients are there together.
	err = t.Each(ctx, "SELECT m.message, m.receiver, m.at, m.state, m.summary, coalesce(r.state, -1), coalesce(r.reply, '') FROM parley_alert_mails m LEFT JOIN parley_recipients r ON r.message = m.message WHERE m.state < 2 AND (? = '' OR m.receiver = ?) ORDER BY m.message DESC", []any{receiver, receiver}, func(scan func(...any) error) error {
		var f fate
		var id, state int64
		var reply string
		if err := scan(&id, &f.receiver, &f.at, &f.state, &f.summary, &state, &reply); err != nil {
			return err
		}
		if len(list) == 0 || list[len(list)-1].id != outbox.ID(id) {
			f.id, f.n = outbox.ID(id), make(map[outbox.State]int)
			list = append(list, &f)
		}
		last := list[len(list)-1]
		if state >= 0 {
			last.n[outbox.State(state&15)]++
		}
		if s := outbox.State(state & 15); s != outbox.Sent && s != outbox.Cancelled && reply != "" {
			last.reply = plain.OneLine(reply, 300)
		}
		return nil
	})
	return list, err
}

// stuck counts the mails of the receiver that cannot leave, and when the newest of them was written.
func (w *writing) stuck(ctx context.Context) (n int, newest time.Time, err error) {
	list, err := w.t.fates(ctx, w.name)
	for _, f := range list {
		if f.waits() > 0 && (f.state == 1 || f.summary == 2 || w.now.Sub(timeOf(f.at)) >= w.a.c.Stall) {
			n++
			if at := timeOf(f.at); at.After(newest) {
				newest = at
			}
		}
	}
	return n, newest, err
}

const writeAgainAfter = 15 * time.Minute

// settle notes what became of mails. What a mail was to tell that came back is told again.
func (a *Alerts) settle(ctx context.Context, now time.Time, r *Report) error {
	list, err := a.s.reader().fates(ctx, "")
	if err != nil {
		return err
	}
	for _, f := range list {
		if f.state == 1 && f.waits() > 0 { // whoever was to take it back has died
			if _, err := a.box.Cancel(ctx, "one mail tells of all that could not leave", outbox.All(f.id)); err != nil {
				return err
			}
			continue
		}
		if f.open() > 0 {
			continue
		}
		if err := a.s.write(ctx, func(t *tx) error { return t.over(ctx, f, now) }); err != nil {
			return err
		}
		switch {
		case f.n[outbox.Sent] > 0:
		case f.state == 1:
			r.TakenBack++
		case f.lost() > 0:
			r.Returned++
		}
	}
	return nil
}

// over notes that a mail is over, well or not.
func (t *tx) over(ctx context.Context, f *fate, now time.Time) error {
	n, err := t.Exec(ctx, "UPDATE parley_alert_mails SET state = 2 WHERE message = ? AND state < 2", int64(f.id))
	if err != nil || n == 0 {
		return err // another process was first
	}
	if f.state == 1 && f.n[outbox.Sent] == 0 {
		// It was taken back before anybody had it, and does not count as one that went out.
		if err := t.untell(ctx, f.id, now, "stall"); err != nil {
			return err
		}
		_, err = t.Exec(ctx, "DELETE FROM parley_alert_mails WHERE message = ?", int64(f.id))
		return err
	}
	trouble := ""
	if f.lost() > 0 {
		if trouble = f.reply; trouble == "" {
			trouble = "it came back"
		}
	}
	if _, err = t.Exec(ctx, "UPDATE parley_alert_groups SET trouble = ? WHERE id IN (SELECT grp FROM parley_alert_marks WHERE message = ?)", trouble, int64(f.id)); err != nil {
		return err
	}
	if f.lost() > 0 && f.n[outbox.Sent] == 0 {
		return t.untell(ctx, f.id, now.Add(writeAgainAfter), "")
	}
	return nil
}

// untell has what a mail told of count as not told.
func (t *tx) untell(ctx context.Context, id outbox.ID, due time.Time, held string) error {
	type told struct {
		grp, print             string
		version, before, count int64
	}
	var list []told
	err := t.Each(ctx, "SELECT grp, print, version, before, count FROM parley_alert_told WHERE message = ?", []any{int64(id)}, func(scan func(...any) error) error {
		var x told
		err := scan(&x.grp, &x.print, &x.version, &x.before, &x.count)
		list = append(list, x)
		return err
	})
	for _, x := range list {
		if err == nil {
			// A later mail may have told of more; then that stands for both, unless it is taken back too.
			_, err = t.Exec(ctx, "UPDATE parley_alert_alerts SET told = ?, count = count + ? WHERE grp = ? AND print = ? AND told = ?", x.before, x.count, x.grp, x.print, x.version)
		}
	}
	if err != nil {
		return err
	}
	if err := t.unmark(ctx, id, due, held); err != nil {
		return err
	}
	for _, table := range []string{"parley_alert_told", "parley_alert_marks"} {
		if err == nil {
			_, err = t.Exec(ctx, "DELETE FROM "+table+" WHERE message = ?", int64(id))
		}
	}
	return err
}

// unmark has the groups of a mail stand as they did before it.
func (t *tx) unmark(ctx context.Context, id outbox.ID, due time.Time, held string) error {
	type mark struct {
		grp, first, last string
		told, escalated  int64
	}
	var marks []mark
	err := t.Each(ctx, "SELECT grp, first_id, last_id, told_at, escalated FROM parley_alert_marks WHERE message = ?", []any{int64(id)}, func(scan func(...any) error) error {
		var m mark
		err := scan(&m.grp, &m.first, &m.last, &m.told, &m.escalated)
		marks = append(marks, m)
		return err
	})
	for _, m := range marks {
		var later int64
		if err == nil {
			err = t.Row(ctx, "SELECT count(*) FROM parley_alert_marks WHERE grp = ? AND message > ?", []any{m.grp, int64(id)}, &later)
		}
		if err == nil && later == 0 { // nothing refers to what was never sent
			_, err = t.Exec(ctx, "UPDATE parley_alert_groups SET first_id = ?, last_id = ?, told_at = ?, escalated = ? WHERE id = ?", m.first, m.last, m.told, m.escalated, m.grp)
		}
		if err == nil {
			_, err = t.Exec(ctx, "UPDATE parley_alert_groups SET held = ?, due = CASE WHEN due = 0 OR due > ? THEN ? ELSE due END WHERE id = ?", held, due.UnixMilli(), due.UnixMilli(), m.grp)
		}
	}
	return err
}

// takeBack takes back the mails of a receiver that wait: first it is noted, so that whoever dies between is followed by another who goes on.
func (a *Alerts) takeBack(ctx context.Context, now time.Time, receiver string, r *Report) error {
	err := a.s.write(ctx, func(t *tx) error {
		list, err := t.fates(ctx, receiver)
		for _, f := range list {
			if err == nil && f.state == 0 && f.waits() > 0 {
				_, err = t.Exec(ctx, "UPDATE parley_alert_mails SET state = 1 WHERE message = ?", int64(f.id))
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	// What is being sent at this moment is either taken by its server, or is over the next time.
	if err := a.settle(ctx, now, r); err != nil {
		return err
	}
	return a.settle(ctx, now, r)
}

const kept = 30 * 24 * time.Hour

// forget drops what nobody needs any more.
func (a *Alerts) forget(ctx context.Context) error {
	now := a.c.clock()
	day, old := now.Add(-25*time.Hour).UnixMilli(), now.Add(-kept).UnixMilli()
	return a.s.write(ctx, func(t *tx) error {
		for _, q := range []struct {
			query string
			at    int64
		}{
			{"DELETE FROM parley_alert_samples WHERE at < ?", day},
			{"DELETE FROM parley_alert_alerts WHERE state > 0 AND told = version AND seen < ? AND NOT EXISTS (SELECT 1 FROM parley_alert_told x JOIN parley_alert_mails m ON m.message = x.message WHERE m.state < 2 AND x.grp = parley_alert_alerts.grp AND x.print = parley_alert_alerts.print)", day},
			{"DELETE FROM parley_alert_told WHERE message IN (SELECT message FROM parley_alert_mails WHERE state = 2 AND at < ?)", day},
			{"DELETE FROM parley_alert_marks WHERE message IN (SELECT message FROM parley_alert_mails WHERE state = 2 AND at < ?)", day},
			{"DELETE FROM parley_alert_mails WHERE state = 2 AND at < ?", old},
			{"DELETE FROM parley_alert_groups WHERE due = 0 AND since = 0 AND trouble = '' AND told_at < ? AND NOT EXISTS (SELECT 1 FROM parley_alert_alerts a WHERE a.grp = parley_alert_groups.id)", old},
		} {
			if _, err := t.Exec(ctx, q.query, q.at); err != nil {
				return err
			}
		}
		return nil
	})
}
