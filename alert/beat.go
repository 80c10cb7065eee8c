package alert

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/parleymail/parley/internal/plain"
)

// grace is what a sign of life may be late by: a tenth, and half a minute.
func grace(every time.Duration) time.Duration { return every/10 + 30*time.Second }

// Beat is a sign of life of something that gives one so often. When none has come for that time and some more, that is an alert, which the next one
// resolves. [Alerts.Run] of any process over the database looks for it.
func (a *Alerts) Beat(ctx context.Context, name, receiver string, every time.Duration) error {
	if name = plain.OneLine(name, 100); name == "" || every <= 0 {
		return errors.New("alert: a sign of life needs a name and how often it comes")
	}
	r, err := a.c.receiver(receiver)
	if err != nil {
		return err
	}
	now := a.c.clock()
	err = a.s.write(ctx, func(t *tx) error {
		var firing int
		err := t.Row(ctx, "SELECT coalesce(max(firing), 0) FROM parley_alert_beats WHERE name = ?", []any{name}, &firing)
		if err == nil {
			_, err = t.Exec(ctx, "INSERT INTO parley_alert_beats (name, receiver, every, at, firing) VALUES (?, ?, ?, ?, 0) ON CONFLICT (name) DO UPDATE SET receiver = excluded.receiver, every = excluded.every, at = excluded.at, firing = 0",
				name, r.Name, (every + grace(every)).Milliseconds(), now.UnixMilli())
		}
		if err != nil || firing == 0 {
			return err
		}
		return t.beatAlert(ctx, &a.c, r, name, Resolved, now, now)
	})
	a.poke()
	return failed("noting a sign of life", err)
}

// StopBeats forgets what gave signs of life, so that nobody waits for more.
func (a *Alerts) StopBeats(ctx context.Context, name string) error {
	now := a.c.clock()
	return failed("forgetting a sign of life", a.s.write(ctx, func(t *tx) error {
		var receiver string
		var firing int
		if err := t.Row(ctx, "SELECT receiver, firing FROM parley_alert_beats WHERE name = ?", []any{name}, &receiver, &firing); err != nil {
			return fmt.Errorf("there is no %s: %w", plain.Quoted(name), err)
		}
		if _, err := t.Exec(ctx, "DELETE FROM parley_alert_beats WHERE name = ?", name); err != nil || firing == 0 {
			return err
		}
		return t.beatAlert(ctx, &a.c, a.c.anyReceiver(receiver), name, Resolved, now, now)
	}))
}

func (t *tx) beatAlert(ctx context.Context, c *Config, r *Receiver, name string, state State, last, now time.Time) error {
	one := Alert{
		Fingerprint: "beat/" + name, Group: "beat " + name, Title: say(wordBeat, c.Lang, name), Severity: "critical", State: state,
		Labels: map[string]string{"job": name, "source": "parley heartbeat"},
	}
	if state == Firing {
		one.Text = say(wordBeatSince, c.Lang, timeIn(last, c.Zone, c.Lang))
	}
	if err := one.clean(now); err != nil {
		return err
	}
	group, err := t.take(ctx, r, &one, now)
	if err != nil || group == "" {
		return err
	}
	return t.sampleGroup(ctx, group, now)
}

// expectBeats has the signs of life waited for that the hooks are for, also where none ever came. While nobody listened none could come: the first has some
// time from now on.
func (a *Alerts) expectBeats(ctx context.Context) error {
	now := a.c.clock()
	return a.s.write(ctx, func(t *tx) error {
		for i := range a.c.Hooks {
			h := &a.c.Hooks[i]
			if h.Format != Heartbeat {
				continue
			}
			r, err := a.c.receiver(h.Receiver)
			if err != nil {
				return err
			}
			every := (h.Every + grace(h.Every)).Milliseconds()
			_, err = t.Exec(ctx, "INSERT INTO parley_alert_beats (name, receiver, every, at, firing) VALUES (?, ?, ?, ?, 0) ON CONFLICT DO NOTHING", h.Name, r.Name, every, now.UnixMilli())
			if err == nil {
				soonest := now.Add(min(h.Every, beatsAfterStart)).UnixMilli()
				_, err = t.Exec(ctx, "UPDATE parley_alert_beats SET receiver = ?, every = CASE WHEN at + ? < ? THEN ? - at ELSE ? END WHERE name = ? AND firing = 0", r.Name, every, soonest, soonest, every, h.Name)
			}
			if err != nil {
				return fmt.Errorf("alert: waiting for signs of life: %w", err)
			}
		}
		return nil
	})
}

const beatsAfterStart = 10 * time.Minute

// lookForBeats finds whose sign of life is missing.
func (a *Alerts) lookForBeats(ctx context.Context, now time.Time) error {
	type late struct {
		name, receiver string
		at             int64
	}
	return a.s.write(ctx, func(t *tx) error {
		var list []late
		err := t.Each(ctx, "SELECT name, receiver, at FROM parley_alert_beats WHERE firing = 0 AND at + every < ?", []any{now.UnixMilli()}, func(scan func(...any) error) error {
			var l late
			err := scan(&l.name, &l.receiver, &l.at)
			list = append(list, l)
			return err
		})
		for _, l := range list {
			if err == nil {
				_, err = t.Exec(ctx, "UPDATE parley_alert_beats SET firing = 1 WHERE name = ?", l.name)
			}
			if err == nil {
				err = t.beatAlert(ctx, &a.c, a.c.anyReceiver(l.receiver), l.name, Firing, timeOf(l.at), now)
			}
		}
		return err
	})
}
