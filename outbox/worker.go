package outbox

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// leaseTime is after how long a worker that is not heard of has lost what it had. It renews its lease four times as often, and takes
// it for lost itself somewhat sooner than others do.
const leaseTime = 20 * time.Second

func (w *work) renewEvery() time.Duration { return w.lasts / 4 }
func (w *work) ownUntil(begun time.Time) *time.Time {
	until := begun.Add(w.lasts - w.lasts/7)
	return &until
}

// A lease is a worker's word that it lives, and what it may do by it. A worker whose lease was lost goes on with a new one; what it
// began under the old one is no longer its own.
type lease struct {
	id    int64
	until atomic.Pointer[time.Time]
}

// holds reports whether nobody else may have taken our mail up. A process that was frozen finds out here, by
// the clock that only goes forward; one whose machine slept, by the other.
func (l *lease) holds() bool {
	until, now := *l.until.Load(), time.Now()
	return now.Before(until) && now.Round(0).Before(until.Round(0))
}

// renew writes that we live. It reports whether the lease was still ours.
func (w *work) renew(ctx context.Context) (bool, error) {
	l := w.lease.Load()
	var changed int64
	begun := time.Now()
	err := w.b.write(ctx, func(ctx context.Context, t *tx) (err error) {
		if err = w.measure(ctx, t); err != nil {
			return err
		}
		begun = time.Now() // the statement that counts is written after this
		changed, err = t.Exec(ctx, "UPDATE parley_workers SET until = ? WHERE id = ?", w.now()+w.lasts.Milliseconds(), l.id)
		return err
	})
	if err != nil {
		return true, fmt.Errorf("outbox: renewing the lease: %w", err)
	}
	if changed == 0 {
		return false, nil
	}
	l.until.Store(w.ownUntil(begun))
	return true, nil
}

// enlist makes us a worker.
func (w *work) enlist(ctx context.Context) error {
	l := &lease{id: int64(w.b.newID())}
	begun := time.Now()
	err := w.b.write(ctx, func(ctx context.Context, t *tx) error {
		if err := w.measure(ctx, t); err != nil {
			return err
		}
		begun = time.Now()
		now := w.now()
		_, err := t.Exec(ctx, "INSERT INTO parley_workers (id, name, process, begun, until) VALUES (?, ?, ?, ?, ?)",
			l.id, cut(w.Name, 200), w.process, now, now+w.lasts.Milliseconds())
		return err
	})
	if err != nil {
		return fmt.Errorf("outbox: beginning to work: %w", err)
	}
	l.until.Store(w.ownUntil(begun))
	w.lease.Store(l)
	return nil
}

// measure learns how far the database's clock is from ours, so that machines whose clocks differ mean the same by a time.
// SQLite's is ours.
func (w *work) measure(ctx context.Context, t *tx) error {
	if w.b.d != Postgres {
		return nil
	}
	var theirs int64
	before := w.b.now()
	if err := t.QueryRow(ctx, "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)", nil, &theirs); err != nil {
		return err
	}
	w.offset.Store(theirs - (before+w.b.now())/2)
	return nil
}

// now is the time by the database's clock.
func (w *work) now() int64 { return w.b.now() + w.offset.Load() }

// alive reports whether a worker has its row still, and keeps others from taking it before this transaction is over.
func (t *tx) alive(ctx context.Context, worker int64) (bool, error) {
	lock := ""
	if t.b.d == Postgres {
		lock = " FOR SHARE"
	}
	var id int64
	err := t.QueryRow(ctx, "SELECT id FROM parley_workers WHERE id = ?"+lock, []any{worker}, &id)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("outbox: reading the lease: %w", err)
	}
	return true, nil
}

// reap takes up what belonged to workers that are no more.
func (w *work) reap(ctx context.Context) error {
	var dead []int64
	own, now := w.lease.Load().id, w.now()
	err := w.readers.each(ctx, "SELECT id, process, until FROM parley_workers WHERE id <> ?", []any{own}, func(rows *sql.Rows) error {
		var id, until int64
		var process string
		err := rows.Scan(&id, &process, &until)
		if err == nil && (until < now || isDead(process, w.process)) {
			dead = append(dead, id)
		}
		return err
	})
	if err == nil {
		// Nobody takes mail without its row; should a row have been deleted all the same, no mail waits for it for ever.
		err = w.readers.each(ctx, "SELECT DISTINCT worker FROM parley_recipients WHERE state = 2 AND NOT EXISTS (SELECT 1 FROM parley_workers w WHERE w.id = worker)", nil, func(rows *sql.Rows) error {
			var id int64
			err := rows.Scan(&id)
			dead = append(dead, id)
			return err
		})
	}
	if err != nil {
		return fmt.Errorf("outbox: looking for workers that are no more: %w", err)
	}
	for _, id := range dead {
		for more := true; more; {
			if more, err = w.takeUp(ctx, id); err != nil {
				return err
			}
		}
	}
	if len(dead) > 0 {
		poke(w.routed)
	}
	return nil
}

const takenUpAtOnce = 500 // recipients in a transaction

// takeUp takes up some of what a worker had. What was being sent may have been taken; nobody knows.
func (w *work) takeUp(ctx context.Context, dead int64) (more bool, err error) {
	err = w.b.write(ctx, func(ctx context.Context, t *tx) error {
		var until int64
		more = false
		// Whoever is frozen may come back at this very moment: the lock decides, and after it whoever is first.
		err := t.QueryRow(ctx, "SELECT COALESCE(MAX(until), -1) FROM (SELECT until FROM parley_workers WHERE id = ?"+w.b.d.locking("")+") w", []any{dead}, &until)
		if err != nil {
			return err
		}
		if until >= w.now() {
			var process string
			if err := t.QueryRow(ctx, "SELECT process FROM parley_workers WHERE id = ?", []any{dead}, &process); err != nil || !isDead(process, w.process) {
				return err
			}
		}
		left, err := w.takeUpSome(ctx, t, dead)
		if err != nil || left {
			more = left
			return err
		}
		if _, err = t.Exec(ctx, "DELETE FROM parley_shares WHERE worker = ?", dead); err == nil {
			_, err = t.Exec(ctx, "DELETE FROM parley_workers WHERE id = ?", dead)
		}
		return err
	})
	if err != nil {
		return false, fmt.Errorf("outbox: taking up what a worker had: %w", err)
	}
	return more, nil
}

func (w *work) takeUpSome(ctx context.Context, t *tx, dead int64) (more bool, err error) {
	type one struct {
		message     ID
		n, attempts int
		lane        int64
		name        string
		policy      Policy
	}
	var list []one
	err = t.each(ctx, `SELECT r.message, r.n, r.attempts, r.lane, COALESCE(l.name, ''), m.unknown FROM parley_recipients r
		JOIN parley_messages m ON m.id = r.message LEFT JOIN parley_lanes l ON l.id = r.lane
		WHERE r.worker = ? AND r.state = 2 ORDER BY r.message, r.n LIMIT ?`, []any{dead, takenUpAtOnce}, func(rows *sql.Rows) error {
		var o one
		err := rows.Scan(&o.message, &o.n, &o.attempts, &o.lane, &o.name, &o.policy)
		list = append(list, o)
		return err
	})
	if err != nil {
		return false, err
	}
	now := w.now()
	var events []Event
	lanes := make(map[int64]bool)
	const why = "the worker that was sending it is no more: it may have been taken"
	for _, o := range list {
		to := Deferred
		if o.policy == Hold {
			to = Unknown
		}
		n, err := t.Exec(ctx, `UPDATE parley_recipients SET state = ?, next_at = ?, changed = ?, unknowns = unknowns + 1, worker = 0, reply = ?
			WHERE message = ? AND n = ? AND worker = ? AND state = 2 AND wanted = 0`, int64(to), now, now, why, int64(o.message), o.n, dead)
		if err != nil {
			return false, err
		}
		lanes[o.lane] = true
		events = append(events, Event{What: WasUnknown, At: timeOf(now), Message: o.message, Recipient: o.n, Attempt: o.attempts, Lane: o.name, Worker: dead, Reply: why})
		if n == 1 {
			continue
		}
		wanted, e, ok, err := t.overtaken(ctx, o.message, o.n, dead, now, true, why)
		if ok {
			events = append(events, e)
		}
		if ok && wanted.Final() {
			err = w.b.settle(ctx, t, o.message, now)
		}
		if err != nil {
			return false, err
		}
	}
	for _, id := range sorted(lanes) {
		if err := t.wakeLane(ctx, id, now, now); err != nil {
			return false, err
		}
	}
	return len(list) == takenUpAtOnce, record(ctx, t, events)
}

// wakeLane has a lane looked at no later than the times that are given. It is locked first: a worker who has it looks at what
// is due before it sees what we have written, and would put it off.
func (t *tx) wakeLane(ctx context.Context, id, next, alert int64) error {
	if t.b.d == Postgres {
		var nextIs, alertIs int64
		err := t.QueryRow(ctx, "SELECT next_at, alert_at FROM parley_lanes WHERE id = ? FOR UPDATE", []any{id}, &nextIs, &alertIs)
		if errors.Is(err, sql.ErrNoRows) || err == nil && nextIs <= next && alertIs <= alert {
			return nil
		}
		if err != nil {
			return err
		}
	}
	_, err := t.Exec(ctx, `UPDATE parley_lanes SET next_at = CASE WHEN next_at > ? THEN ? ELSE next_at END, alert_at = CASE WHEN alert_at > ? THEN ? ELSE alert_at END
		WHERE id = ? AND (next_at > ? OR alert_at > ?)`, next, next, alert, alert, id, next, alert)
	return err
}

func (t *tx) lockLane(ctx context.Context, id int64) error {
	if t.b.d != Postgres {
		return nil
	}
	_, err := t.Exec(ctx, "SELECT 1 FROM parley_lanes WHERE id = ? FOR UPDATE", id)
	return err
}

// leave ends being a worker, where nothing is left that we had.
func (w *work) leave(ctx context.Context) error {
	id := w.lease.Load().id
	return w.b.write(ctx, func(ctx context.Context, t *tx) error {
		var left bool
		err := t.QueryRow(ctx, "SELECT EXISTS (SELECT 1 FROM parley_recipients WHERE worker = ? AND state = 2)", []any{id}, &left)
		if err != nil || left {
			return err // somebody takes it up when the lease is over
		}
		if _, err = t.Exec(ctx, "DELETE FROM parley_shares WHERE worker = ?", id); err == nil {
			_, err = t.Exec(ctx, "DELETE FROM parley_workers WHERE id = ?", id)
		}
		return err
	})
}

// thisProcess names this process so that others on the machine can tell whether it lives: which start of which machine
// it is, which namespace its number is of, the number, and when it began, since numbers come again. Empty where
// the system does not say.
func thisProcess() string {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	space, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		return ""
	}
	pid := os.Getpid()
	begun := startOf(pid)
	if begun == "" {
		return ""
	}
	return strings.TrimSpace(string(boot)) + " " + space + " " + strconv.Itoa(pid) + " " + begun
}

// startOf is when a process began, as proc(5) has it; empty: there is none.
func startOf(pid int) string {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return ""
	}
	// The name stands in brackets and may hold anything; what is behind the last of them is the third field.
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	if len(fields) < 20 || fields[0] == "Z" || fields[0] == "X" {
		return ""
	}
	return fields[19]
}

// isDead reports whether a process is known to be no more: it was one of this machine since it started, and there is none of
// its number, or another.
func isDead(process, ours string) bool {
	theirs, own := strings.Fields(process), strings.Fields(ours)
	if len(theirs) != 4 || len(own) != 4 || theirs[0] != own[0] || theirs[1] != own[1] {
		return false
	}
	pid, err := strconv.Atoi(theirs[2])
	return err == nil && startOf(pid) != theirs[3]
}
