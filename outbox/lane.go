package outbox

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// never is when a lane is due for which nobody waits.
const never = int64(1) << 60

// A row is what the tables know of a lane. Who has read it with its lock writes it back in the same
// transaction; so workers see each other's.
type row struct {
	id                int64
	name              string
	next, alert       int64 // when it is worth looking at, for anything and for alerts
	open              int64
	why               string
	failures          int64
	learnt            feedback
	slow, rate        int64
	minute, hour, day counter

	mine, others int // sessions that this worker has, and that the others have
	tried        int // recipients that were taken since it was read
}

const rowColumns = `id, name, next_at, alert_at, open_at, why, failures, bears, good, bad, lost, slow_until, slow_rate,
	minute_at, minute, hour_at, hour, day_at, day`

// lane reads a lane with its lock; nil where there is none, or where another has it and how says that it is skipped.
func (t *tx) lane(ctx context.Context, id, worker int64, how string) (*row, error) {
	r := &row{}
	var minute, hour, day string
	err := t.QueryRow(ctx, "SELECT "+rowColumns+" FROM parley_lanes WHERE id = ?"+t.b.d.locking(how), []any{id},
		&r.id, &r.name, &r.next, &r.alert, &r.open, &r.why, &r.failures, &r.learnt.bears, &r.learnt.good, &r.learnt.bad, &r.learnt.lost, &r.slow, &r.rate,
		&r.minute.begun, &minute, &r.hour.begun, &hour, &r.day.begun, &day)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err == nil {
		r.minute.read(minute)
		r.hour.read(hour)
		r.day.read(day)
		// A statement of its own, behind the lock: it sees what others wrote before they gave the lock up.
		err = t.QueryRow(ctx, `SELECT COALESCE(SUM(CASE WHEN worker = ? THEN sessions END), 0), COALESCE(SUM(CASE WHEN worker <> ? THEN sessions END), 0)
			FROM parley_shares WHERE lane = ?`, []any{worker, worker, id}, &r.mine, &r.others)
	}
	if err != nil {
		return nil, fmt.Errorf("outbox: reading a lane: %w", err)
	}
	return r, nil
}

// save writes a lane back that was before.
func (t *tx) saveLane(ctx context.Context, r, before *row, worker int64) error {
	if *r == *before {
		return nil
	}
	err := error(nil)
	switch {
	case r.mine == before.mine:
	case r.mine == 0:
		_, err = t.Exec(ctx, "DELETE FROM parley_shares WHERE lane = ? AND worker = ?", r.id, worker)
	default:
		_, err = t.Exec(ctx, `INSERT INTO parley_shares (lane, worker, sessions) VALUES (?, ?, ?)
			ON CONFLICT (lane, worker) DO UPDATE SET sessions = excluded.sessions`, r.id, worker, r.mine)
	}
	if err == nil {
		_, err = t.Exec(ctx, `UPDATE parley_lanes SET next_at = ?, alert_at = ?, open_at = ?, why = ?, failures = ?, bears = ?, good = ?, bad = ?, lost = ?,
			slow_until = ?, slow_rate = ?, minute_at = ?, minute_n = ?, minute = ?, hour_at = ?, hour_n = ?, hour = ?, day_at = ?, day_n = ?, day = ? WHERE id = ?`,
			r.next, r.alert, r.open, cut(r.why, mostReply), r.failures, r.learnt.bears, r.learnt.good, r.learnt.bad, r.learnt.lost,
			r.slow, r.rate, r.minute.begun, r.minute.sum(), r.minute.text(), r.hour.begun, r.hour.sum(), r.hour.text(), r.day.begun, r.day.sum(), r.day.text(), r.id)
	}
	if err != nil {
		return fmt.Errorf("outbox: writing a lane: %w", err)
	}
	return nil
}

// sessions is how many a lane may have, all workers together.
func (l Limits) sessions() int { return cmp.Or(max(l.Sessions, 0), 20) }

// recipients is how many one transaction may have.
func (l Limits) recipients() int { return cmp.Or(max(l.Recipients, 0), 100) }

// perMinute is the limit that holds now.
func (r *row) perMinute(l Limits, now int64) int {
	if now < r.slow && r.rate > 0 && (l.PerMinute <= 0 || int(r.rate) < l.PerMinute) {
		return int(r.rate)
	}
	return max(l.PerMinute, 0)
}

// room is how many sessions more the lane may have, and how many of these only alerts may have.
func (r *row) room(l Limits, now int64) (all, reserved int) {
	most := l.sessions()
	if r.failures > 0 {
		if now < r.open {
			return 0, 0
		}
		return max(1-r.mine-r.others, 0), 0 // is it there again? one will tell
	}
	if now < r.open {
		return 0, 0
	}
	inUse := r.mine + r.others
	all = max(r.learnt.window(most)-inUse, 0)
	// What is kept free is of what the server is known to bear, or else we would find out by an alert. Where
	// less is borne than the limit an alert may still have one more than is.
	if most >= 2 {
		keep := max(most/10, 1)
		reserved = min(max(inUse+all-(most-keep), 0), all)
		if all == 0 && inUse < most && inUse <= r.learnt.window(most) {
			return 1, 1
		}
	}
	return all, reserved
}

// spare is what is kept free of a limit for alerts.
func spare(most int, alert bool) int {
	if alert || most < 20 {
		return most
	}
	return most - most/20
}

// allowed is how many recipients may be tried now.
func (r *row) allowed(l Limits, alert bool, now int64) int {
	minute := r.perMinute(l, now)
	left := min(r.minute.left(minutely, spare(minute, alert), now), r.hour.left(hourly, spare(l.PerHour, alert), now), r.day.left(daily, spare(l.PerDay, alert), now))
	if !alert {
		left = min(left, r.minute.evenly(minutely, minute, now))
	}
	return left
}

// allowedAt is from when on one more may be.
func (r *row) allowedAt(l Limits, alert bool, now int64) int64 {
	minute := r.perMinute(l, now)
	at := max(r.minute.when(minutely, spare(minute, alert), now), r.hour.when(hourly, spare(l.PerHour, alert), now), r.day.when(daily, spare(l.PerDay, alert), now))
	if !alert && r.minute.evenly(minutely, minute, now) == 0 {
		at = max(at, r.minute.begun+slice(minutely))
	}
	return at
}

// count notes what is tried.
func (r *row) count(n int, now int64) {
	for _, c := range [...]struct {
		*counter
		span time.Duration
	}{{&r.minute, minutely}, {&r.hour, hourly}, {&r.day, daily}} {
		c.now(c.span, now)
		c.n[0] += int64(n)
	}
	r.tried += n
}

// judged takes in what a reply means for the lane.
func (r *row) judged(v Verdict, now int64) {
	if until := now + v.Suspend.Milliseconds(); v.Suspend > 0 && until > r.open {
		r.open, r.why = until, v.Why
	}
	if until := now + v.Slow.Milliseconds(); v.Slow > 0 && v.Rate > 0 {
		if now >= r.slow || int64(v.Rate) < r.rate {
			r.rate = int64(v.Rate)
		}
		if until > r.slow {
			r.slow = until
		}
		if r.open <= now {
			r.why = v.Why
		}
	}
}

// troubled takes in a session that could not be had, or a server that had too much.
func (r *row) troubled(t trouble, why string, l Limits, now int64) {
	if now < r.open {
		return // it was under way when the others found out
	}
	probing := r.failures > 0
	if t == full && !probing && !r.learnt.ill(l.sessions()) {
		return
	}
	r.learnt = feedback{}
	r.failures++
	r.open, r.why = now+t.suspension(r.failures).Milliseconds(), why
}

// wentWell takes in a session that could be had.
func (r *row) wentWell(inUse int, l Limits) {
	r.failures = 0
	r.learnt.well(inUse, l.sessions())
}
