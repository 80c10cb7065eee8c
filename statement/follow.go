package statement

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/internal/pause"
	"github.com/parleymail/parley/internal/plain"
	"github.com/parleymail/parley/outbox"
)

const (
	followAtOnce = 500
	followEvery  = 200 * time.Millisecond
	tellEvery    = 500 * time.Millisecond
	idleFor      = 3 * time.Second // then it is told why nothing moves
)

// follow notes what becomes of mails, as the outbox tells of it.
func (j *Job) follow(ctx context.Context) error {
	for ctx.Err() == nil {
		n, err := j.heard(ctx)
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return failed("noting what became of mails", err)
		}
		if n < followAtOnce && !pause.For(ctx, followEvery) {
			return nil
		}
	}
	return nil
}

// Sync notes what became of mails up to now. [Job.Send] does it all the time.
func (j *Job) Sync(ctx context.Context) error {
	for {
		n, err := j.heard(ctx)
		if err != nil || n == 0 {
			return failed("noting what became of mails", err)
		}
	}
}

// heard notes the next events, and tells how many they were. How far it has come is noted in the same transaction.
func (j *Job) heard(ctx context.Context) (int, error) {
	at, err := j.s.reader().number(ctx, "position")
	if err != nil {
		return 0, err
	}
	last, err := j.box.LastEvent(ctx)
	if err != nil || last <= at {
		return 0, err
	}
	list, err := j.events(ctx, at, last)
	if err != nil || len(list) == 0 {
		return 0, err
	}
	moved := map[State]int{}
	err = j.s.write(ctx, func(t *tx) error {
		clear(moved)
		now, err := t.number(ctx, "position")
		if err != nil || now != at {
			return err // another process was faster
		}
		for i := range list {
			if err := t.heard(ctx, &list[i], moved); err != nil {
				return err
			}
		}
		return t.setNumber(ctx, "position", list[len(list)-1].Seq)
	})
	if err == nil {
		j.move(moved)
	}
	return len(list), err
}

// events reads those behind one number, which there are up to another.
func (j *Job) events(ctx context.Context, after, last int64) (list []outbox.Event, err error) {
	// Where a number was given and taken back, or is not yet to be seen, nothing comes: it is asked for again.
	ctx, stop := context.WithTimeout(ctx, time.Second)
	defer stop()
	for e, err := range j.box.Events(ctx, after) {
		if err != nil {
			return nil, err
		}
		if list = append(list, e); e.Seq >= last || len(list) == followAtOnce {
			break
		}
	}
	return list, nil
}

// becomes is the state of a row after an event.
func becomes(e *outbox.Event) (State, bool) {
	switch e.What {
	case outbox.WasDeferred:
		return Deferred, true
	case outbox.WasRetried, outbox.WasReleased: // it is its turn again: what was said of it before is no longer why it waits
		return Waiting, true
	case outbox.WasSent, outbox.WasDelivered:
		return Sent, true
	case outbox.WasBounced, outbox.WasReturned, outbox.WasExpired, outbox.WasCancelled, outbox.WasSuppressed:
		return Failed, true
	case outbox.WasUnknown:
		return Unknown, true
	case outbox.WasHeld:
		return Held, true
	case outbox.WasPut, outbox.WasDelayed, outbox.WasMoved, outbox.WasAsked, outbox.WasWarned: // it is where it was
	}
	return 0, false
}

// heard notes one event beside its row.
func (t *tx) heard(ctx context.Context, e *outbox.Event, moved map[State]int) error {
	state, ok := becomes(e)
	if !ok {
		return nil
	}
	var before State
	err := t.Row(ctx, "SELECT state FROM parley_statement_rows WHERE message = ? AND message > 0", []any{int64(e.Message)}, &before)
	if errors.Is(err, sql.ErrNoRows) {
		return nil // a test, or another's
	}
	if err != nil {
		return err
	}
	if before == Ready || before == Bad || before == Gone {
		return nil // it was asked for once more, and this is of the mail before
	}
	if before == Unknown && e.What == outbox.WasCancelled {
		state = Ended // and not failed, or it would go out with the failures although it may have come
	}
	reply, kind := plain.OneLine(e.Reply, 500), string(e.Kind)
	if e.What == outbox.WasSuppressed {
		kind = "suppressed"
	}
	if state == Sent && e.What == outbox.WasDelivered {
		reply = ""
	}
	moved[before]--
	moved[state]++
	_, err = t.Exec(ctx, "UPDATE parley_statement_rows SET state = ?, at = ?, kind = ?, reply = ? WHERE message = ? AND message > 0", state, e.At.UnixMilli(), kind, reply, int64(e.Message))
	return err
}

// move keeps the counts that progress is told by.
func (j *Job) move(by map[State]int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.counts == nil {
		return
	}
	for state, n := range by {
		j.counts[state] += n
	}
}

// inBox is how many mails wait in the outbox.
func (j *Job) inBox() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.counts[Waiting] + j.counts[Deferred]
}

// count counts rows by their state.
func (j *Job) count(ctx context.Context) (map[State]int, error) {
	counts := map[State]int{}
	err := j.s.reader().Each(ctx, "SELECT state, count(*) FROM parley_statement_rows GROUP BY state", nil, func(scan func(...any) error) error {
		var s State
		var n int
		err := scan(&s, &n)
		counts[s] = n
		return err
	})
	return counts, err
}

// report tells how far it has come, from time to time.
func (f *feeding) report(ctx context.Context) {
	if f.o.Progress == nil || time.Since(f.told) < tellEvery {
		return
	}
	f.tell(ctx)
}

func (f *feeding) tell(ctx context.Context) {
	if f.o.Progress == nil {
		return
	}
	f.told = time.Now()
	p := Progress{Counts: map[State]int{}}
	if f.o.Start.After(f.told) {
		p.Start = f.o.Start
	}
	f.j.mu.Lock()
	for s, n := range f.j.counts {
		p.Counts[s] = n
	}
	f.j.mu.Unlock()
	// Rows that are ready and were not chosen are rare: a sample. They are counted, and not those that are chosen, which change all the time.
	p.Left = p.Counts[Ready]
	if f.o.Sample > 0 || f.o.Again != nil {
		if err := f.j.s.reader().Row(ctx, "SELECT count(*) FROM parley_statement_rows WHERE state = 0 AND chosen = 1", nil, &p.Left); err != nil {
			p.Left = 0
		}
	}
	done := p.Counts[Sent] + p.Counts[Failed]
	f.rates = append(f.rates, sample{f.told, done})
	f.rates = slices.DeleteFunc(f.rates, func(s sample) bool { return f.told.Sub(s.at) > 10*time.Second })
	if first := f.rates[0]; f.told.Sub(first.at) > tellEvery/2 {
		p.Rate = float64(done-first.n) / f.told.Sub(first.at).Seconds()
	}
	t, err := f.j.box.Tally(ctx)
	if err == nil {
		p.Lanes = t.Lanes
	}
	if done != f.done || f.moved.IsZero() {
		f.done, f.moved = done, f.told
	}
	if f.told.Sub(f.moved) >= idleFor && p.Start.IsZero() {
		p.Why = f.why(ctx, t)
	}
	f.o.Progress(p)
}

// why tells why one of the mails waits that have not come to their end.
func (f *feeding) why(ctx context.Context, t *outbox.Tally) diagnose.Words {
	list, err := f.j.box.List(ctx, outbox.Query{Origin: "statement", Topic: f.j.topic(), States: []outbox.State{outbox.Queued, outbox.Deferred, outbox.Sending}, Limit: 1})
	if err != nil || len(list) == 0 {
		return diagnose.Words{}
	}
	return outbox.Why(list[0], t, time.Now()).Cause
}
