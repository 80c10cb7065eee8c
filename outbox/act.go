package outbox

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
)

// ErrBusy is the error for a recipient that a worker is sending to now: nothing can be done about it until that is over.
var ErrBusy = errors.New("outbox: it is being sent now")

// ErrGone is the error for a mail that cannot be sent again, for its content is no longer kept.
var ErrGone = errors.New("outbox: its content is no longer kept")

// Hold keeps mails from being sent until [Box.Release]. One that is being sent now is held if that fails. It gives how many
// recipients it was for: those that are done with, or held already, stay as they are.
//
// Hold, Release, Retry and Cancel do up to 200 refs in one transaction: all of them, or none, with an error. Of
// more the first of them may have been done when there is one, and the number tells how many recipients that was. A ref that
// the box does not know is [ErrNotFound].
func (b *Box) Hold(ctx context.Context, why string, refs ...Ref) (int, error) {
	return b.act(ctx, refs, action{what: WasHeld, from: []State{Queued, Deferred}, to: Held, why: why})
}

// Release sends on what was held, or is unknown. What was to be held, or cancelled, once it was no longer being sent, is not.
func (b *Box) Release(ctx context.Context, refs ...Ref) (int, error) {
	return b.act(ctx, refs, action{what: WasReleased, from: []State{Held, Unknown}, to: Deferred, due: true, revive: true})
}

// Retry has mails tried at once: those that wait for their time, and those that were given up. The latter have Options.MaxAge
// again; [ErrGone] where the content is no longer there, and [ErrBusy] for a single recipient that is being sent to.
func (b *Box) Retry(ctx context.Context, refs ...Ref) (int, error) {
	return b.act(ctx, refs, action{what: WasRetried, from: []State{Queued, Deferred, Bounced, Expired}, to: Deferred, due: true, revive: true})
}

// RetryNow is Retry that ends the suspension of the mails' lanes too: a server that is left alone for a while is tried at once. It is for
// whoever may decide for all mail, and not for the owner of one, since a provider that is knocked at too often shuts all of us out.
func (b *Box) RetryNow(ctx context.Context, refs ...Ref) (int, error) {
	return b.act(ctx, refs, action{what: WasRetried, from: []State{Queued, Deferred, Bounced, Expired}, to: Deferred, due: true, revive: true, opens: true})
}

// Cancel gives mails up that no server has taken, and tells nobody. One that is being sent now is cancelled if that fails.
func (b *Box) Cancel(ctx context.Context, why string, refs ...Ref) (int, error) {
	return b.act(ctx, refs, action{what: WasCancelled, from: []State{Queued, Deferred, Held, Unknown}, to: Cancelled, why: why})
}

// An action is what a person does to mails.
type action struct {
	what   What
	from   []State // that it is for; others stay as they are
	to     State
	due    bool // it is to be tried at once
	revive bool // it needs its content, and time
	opens  bool // its lane is tried at once, though it is suspended
	why    string
}

// A target is a recipient that something is to be done about.
type target struct {
	n, attempts   int
	state, wanted State
	lane          int64
	alert         bool
}

// on tells what an action makes of a recipient: a state; or, while it is being sent, what is wanted of it then. ok is false where
// nothing changes.
func (a *action) on(r target) (to, wanted State, ok bool) {
	switch {
	case r.state == Sending && a.what == WasReleased:
		return Sending, 0, r.wanted != 0
	case r.state == Sending && (a.what == WasHeld || a.what == WasCancelled):
		return Sending, a.to, r.wanted != a.to
	case !slices.Contains(a.from, r.state):
		return 0, 0, false
	case a.to == Deferred && r.attempts == 0:
		return Queued, 0, true
	}
	return a.to, 0, true
}

const actedAtOnce = 200 // refs in a transaction, so that nobody waits long

func (b *Box) act(ctx context.Context, refs []Ref, a action) (all int, err error) {
	for some := range slices.Chunk(refs, actedAtOnce) {
		n := 0
		err := b.write(ctx, func(ctx context.Context, t *tx) (err error) {
			n, err = b.actOnAll(ctx, t, some, a)
			return err
		})
		if err != nil {
			return all, err
		}
		all += n
	}
	if a.due {
		b.wake()
	}
	return all, nil
}

func (b *Box) actOnAll(ctx context.Context, t *tx, refs []Ref, a action) (all int, err error) {
	if b.d == Postgres && a.due {
		// Whoever takes mail has its lane first, and then its recipients: so do we, or else we might wait for each other.
		lanes := make(map[int64]bool)
		for _, ref := range refs {
			err := t.each(ctx, "SELECT DISTINCT lane FROM parley_recipients WHERE message = ?", []any{int64(ref.Message)}, func(rows *sql.Rows) error {
				var id int64
				err := rows.Scan(&id)
				lanes[id] = true
				return err
			})
			if err != nil {
				return 0, fmt.Errorf("outbox: reading message %v: %w", ref.Message, err)
			}
		}
		for _, id := range sorted(lanes) {
			if _, err := t.Exec(ctx, "SELECT 1 FROM parley_lanes WHERE id = ? FOR UPDATE", id); err != nil {
				return 0, fmt.Errorf("outbox: reading a lane: %w", err)
			}
		}
	}
	for _, ref := range refs {
		n, err := b.actOn(ctx, t, ref, a)
		if err != nil {
			return 0, err
		}
		all += n
	}
	return all, nil
}

// targets are the recipients that a ref names, locked.
func (t *tx) targets(ctx context.Context, ref Ref) (list []target, err error) {
	query, args := "SELECT n, state, wanted, lane, attempts, class FROM parley_recipients WHERE message = ?", []any{int64(ref.Message)}
	if ref.Recipient >= 0 {
		query, args = query+" AND n = ?", append(args, ref.Recipient)
	}
	err = t.each(ctx, query+" ORDER BY n"+t.b.d.locking(""), args, func(rows *sql.Rows) error {
		var r target
		var rank int64
		err := rows.Scan(&r.n, &r.state, &r.wanted, &r.lane, &r.attempts, &rank)
		r.alert = classOf(rank) == Alert
		list = append(list, r)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("outbox: reading message %v: %w", ref.Message, err)
	}
	if len(list) == 0 {
		return nil, ErrNotFound
	}
	return list, nil
}

func (b *Box) actOn(ctx context.Context, t *tx, ref Ref, a action) (int, error) {
	list, err := t.targets(ctx, ref)
	if err != nil {
		return 0, err
	}
	now := b.now()
	var events []Event
	sends, over := false, false
	for _, r := range list {
		to, wanted, ok := a.on(r)
		if !ok {
			if ref.Recipient >= 0 && r.state == Sending && a.what == WasRetried {
				return 0, ErrBusy
			}
			continue
		}
		if err := t.change(ctx, ref.Message, r, to, wanted, now, a); err != nil {
			return 0, fmt.Errorf("outbox: changing message %v: %w", ref.Message, err)
		}
		e := Event{What: a.what, At: timeOf(now), Message: ref.Message, Recipient: r.n, Attempt: r.attempts, Reply: a.why}
		if to == Sending {
			e.What, e.Reply = WasAsked, joined(a.what.String(), a.why)
		}
		events = append(events, e)
		sends = sends || to <= Deferred
		over = over || to.Final()
	}
	if sends && a.revive {
		err = b.revive(ctx, t, ref.Message)
	} else if over {
		err = b.settle(ctx, t, ref.Message, now)
	}
	if err == nil {
		err = record(ctx, t, events)
	}
	return len(events), err
}

// change gives a recipient its new state, and the reason where one was given, and has its lane looked at where it is to be tried at once.
func (t *tx) change(ctx context.Context, id ID, r target, to, wanted State, now int64, a action) error {
	if to == Sending {
		_, err := t.Exec(ctx, "UPDATE parley_recipients SET wanted = ? WHERE message = ? AND n = ?", int64(wanted), int64(id), r.n)
		return err
	}
	query := "UPDATE parley_recipients SET state = ?, changed = ? WHERE message = ? AND n = ?"
	if !a.due && a.why != "" {
		_, err := t.Exec(ctx, "UPDATE parley_recipients SET state = ?, changed = ?, reply = ? WHERE message = ? AND n = ?", int64(to), now, cut(a.why, mostReply), int64(id), r.n)
		return err
	}
	if !a.due {
		_, err := t.Exec(ctx, query, int64(to), now, int64(id), r.n)
		return err
	}
	query = "UPDATE parley_recipients SET state = ?, changed = ?, next_at = ? WHERE message = ? AND n = ?"
	if _, err := t.Exec(ctx, query, int64(to), now, now, int64(id), r.n); err != nil {
		return err
	}
	alert := never
	if r.alert {
		alert = now
	}
	if err := t.wakeLane(ctx, r.lane, now, alert); err != nil || !a.opens {
		return err
	}
	// wakeLane has locked it.
	_, err := t.Exec(ctx, "UPDATE parley_lanes SET open_at = 0 WHERE id = ? AND open_at > ?", r.lane, now)
	return err
}

func joined(what, why string) string {
	if why == "" {
		return what
	}
	return what + ": " + why
}

// overtaken gives what a person has wanted of a recipient while it was being sent, and lets it be so: the attempt is over, and has
// failed. ok is false where nothing was wanted, or where it is no longer this worker's.
//
// Who calls it does so where an update with "wanted = 0" has found nothing.
func (t *tx) overtaken(ctx context.Context, id ID, n int, worker, now int64, unknown bool, reply string) (to State, e Event, ok bool, err error) {
	e = Event{At: timeOf(now), Message: id, Recipient: n, Reply: "it was asked for while it was being sent"}
	const mine = " WHERE message = ? AND n = ? AND worker = ? AND state = 2 AND wanted <> 0"
	err = t.QueryRow(ctx, "SELECT wanted, attempts FROM parley_recipients"+mine+t.b.d.locking(""), []any{int64(id), n, worker}, &to, &e.Attempt)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, e, false, nil
	}
	if e.What = WasHeld; to == Cancelled {
		e.What = WasCancelled
	}
	if err == nil {
		_, err = t.Exec(ctx, "UPDATE parley_recipients SET state = wanted, wanted = 0, worker = 0, changed = ?, unknowns = unknowns + ?, reply = ?"+mine,
			now, btoi(unknown), cut(reply, mostReply), int64(id), n, worker)
	}
	return to, e, err == nil, err
}

// revive gives a message its time again where it has none left, and looks whether there is still something to send.
func (b *Box) revive(ctx context.Context, t *tx, id ID) error {
	m, err := t.load(ctx, id)
	if err != nil {
		return err
	}
	gone, err := t.isGone(ctx, m)
	if err != nil {
		return err
	}
	if gone {
		return fmt.Errorf("%w: message %v", ErrGone, id)
	}
	if now := b.now(); m.Expires <= now {
		m.Expires = now + b.o.MaxAge.Milliseconds()
	}
	if _, err = t.Exec(ctx, "UPDATE parley_messages SET done = 0, expires = ?, sum = ? WHERE id = ?", m.Expires, m.sum(), int64(id)); err != nil {
		return fmt.Errorf("outbox: changing message %v: %w", id, err)
	}
	return nil
}

// settle notes when the last recipient of a message was done with. Its content goes, unless it is to be kept for a while.
func (b *Box) settle(ctx context.Context, t *tx, id ID, now int64) error {
	settled, err := b.settleOnce(ctx, t, id, now)
	if err == nil && !settled && b.d == Postgres {
		// Two workers may each have finished one of the last two recipients, and neither sees what the other has not yet
		// committed: behind this lock the second one does.
		if _, err = t.Exec(ctx, "SELECT 1 FROM parley_messages WHERE id = ? FOR UPDATE", int64(id)); err == nil {
			settled, err = b.settleOnce(ctx, t, id, now)
		}
	}
	if err == nil && settled && b.o.KeepContent == 0 {
		_, err = t.Exec(ctx, "DELETE FROM parley_pieces WHERE message = ?", int64(id))
	}
	if err != nil {
		return fmt.Errorf("outbox: finishing message %v: %w", id, err)
	}
	return nil
}

func (b *Box) settleOnce(ctx context.Context, t *tx, id ID, now int64) (bool, error) {
	const over = " WHERE id = ? AND done = 0 AND NOT EXISTS (SELECT 1 FROM parley_recipients WHERE message = ? AND state < 5)"
	query := "UPDATE parley_messages SET done = ?" + over
	if b.o.KeepContent == 0 {
		query = "UPDATE parley_messages SET done = ?, content = NULL" + over
	}
	n, err := t.Exec(ctx, query, now, int64(id), int64(id))
	return n > 0, err
}
