package outbox

import (
	"context"
	"fmt"
	"maps"
	"slices"
)

// settleAll writes down what became of transactions. The lanes come last: all workers wait for who has one.
func (r *round) settleAll(ctx context.Context, finished []*sending) error {
	err := r.write(ctx, finished)
	if err == nil {
		err = record(ctx, r.t, r.events)
	}
	if err != nil {
		return fmt.Errorf("outbox: writing down what became of mail: %w", err)
	}
	ids := make([]int64, 0, len(finished))
	for _, s := range finished {
		ids = append(ids, s.row)
	}
	slices.Sort(ids) // in one order everywhere, so that nobody waits for who waits for him
	for _, id := range slices.Compact(ids) {
		if _, err := r.hold(ctx, id, ""); err != nil {
			return err
		}
	}
	for _, s := range finished {
		if l := r.rows[s.row]; l != nil {
			r.learn(l, s)
		}
	}
	return r.wakeLanes(ctx)
}

// An ending is an outcome with whose it is.
type ending struct {
	*outcome
	s    *sending
	to   *taken
	lane int64
}

// write writes down outcomes, and what follows from them. Those of rows that are no longer ours change nothing.
func (r *round) write(ctx context.Context, finished []*sending) error {
	var all []ending
	for _, s := range finished {
		for i, o := range s.outcomes {
			e := ending{o, s, &s.to[i], s.row}
			if o.lane != "" {
				id, err := r.t.laneID(ctx, &r.names, o.lane)
				if err != nil {
					return err
				}
				e.lane = id
			}
			all = append(all, e)
		}
	}
	kept := make(map[key]bool, len(all))
	err := r.writeAll(ctx, all, kept)
	if err != nil {
		return err
	}
	over := make(map[ID]*sending)
	for _, e := range all {
		ours := kept[key{e.s.message, e.to.n}]
		final := e.state.Final()
		if ours {
			r.kept(e)
		} else {
			ours, final, err = r.overtaken(ctx, e)
		}
		if err != nil {
			return err
		}
		if final {
			over[e.s.message] = e.s
		}
		e.s.ours = e.s.ours || ours
	}
	for _, s := range finished {
		if s.bounce != nil && s.ours {
			if err := s.bounce.put(ctx, r.t); err != nil {
				return err
			}
			r.put = true
		}
	}
	return r.over(ctx, over)
}

// writeAll writes down outcomes, where the rows are still ours: kept has those.
func (r *round) writeAll(ctx context.Context, all []ending, kept map[key]bool) error {
	columns := []column{number, number, number, number, number, number, number, number, text}
	row := func(args []any, i int) []any {
		e := all[i]
		attempts, unknowns := e.to.attempts, 0
		if e.uncounted {
			attempts--
		}
		if e.unknown {
			unknowns = 1
		}
		e.s.ours = false // it may be written for the second time
		return append(args, int64(e.s.message), e.to.n, e.s.worker, int64(e.state), e.lane, e.next, attempts, unknowns, e.shown(e.to))
	}
	return r.t.inTables(len(all), columns, row, func(table string, args []any) error {
		// What a person wants of a mail that is being sent is done where that failed.
		return r.t.keysOf(ctx, kept, `UPDATE parley_recipients AS r SET changed = CAST(? AS BIGINT), wanted = 0, state = v.column4, lane = v.column5, next_at = v.column6, attempts = v.column7,
		unknowns = r.unknowns + v.column8, worker = 0, reply = v.column9
		FROM `+table+` AS v
		WHERE r.message = v.column1 AND r.n = v.column2 AND r.worker = v.column3 AND r.state = 2 AND (r.wanted = 0 OR v.column4 = 5) RETURNING message, n`, append([]any{r.now}, args...))
	})
}

// kept is for a row that was ours: what became of it is told, and a lane looked at when it is due.
func (r *round) kept(e ending) {
	r.note(e.outcome)
	if e.state > Deferred {
		return
	}
	due, ok := r.due[e.lane]
	if !ok {
		due = [2]int64{never, never}
	}
	due[0] = min(due[0], e.next)
	if e.s.class == Alert {
		due[1] = min(due[1], e.next)
	}
	r.due[e.lane] = due
}

// wakeLanes has the lanes looked at when what was not taken is due again.
func (r *round) wakeLanes(ctx context.Context) error {
	for _, id := range slices.Sorted(maps.Keys(r.due)) {
		next, alert := r.due[id][0], r.due[id][1]
		if l := r.rows[id]; l != nil {
			l.next, l.alert = min(l.next, next), min(l.alert, alert)
			continue
		}
		if err := r.t.wakeLane(ctx, id, next, alert); err != nil {
			return err
		}
	}
	return nil
}

// over notes when messages are done with.
func (r *round) over(ctx context.Context, over map[ID]*sending) error {
	ids := make([]int64, 0, len(over))
	for _, id := range slices.Sorted(maps.Keys(over)) {
		if s := over[id]; s.msg == nil || s.msg.pieces > 0 {
			if err := r.b.settle(ctx, r.t, id, r.now); err != nil {
				return err
			}
			continue
		}
		ids = append(ids, int64(id))
	}
	set := "done = ?"
	if r.b.o.KeepContent == 0 {
		set = "done = ?, content = NULL"
	}
	return r.t.inLists(ids, func(list string, args []any) error {
		if r.b.d == Postgres {
			// Two workers may each finish a recipient of one message: the second is to see what the first wrote.
			if _, err := r.t.Exec(ctx, "SELECT 1 FROM parley_messages WHERE id "+list+" ORDER BY id FOR UPDATE", args...); err != nil {
				return err
			}
		}
		_, err := r.t.Exec(ctx, "UPDATE parley_messages SET "+set+" WHERE id "+list+` AND +done = 0
			AND NOT EXISTS (SELECT 1 FROM parley_recipients r WHERE r.message = parley_messages.id AND r.state < 5)`, append([]any{r.now}, args...)...)
		return err
	})
}

// shown is the last word on a recipient.
func (o *outcome) shown(to *taken) string {
	if o.what == 0 {
		return to.last
	}
	return cut(o.event.Reply, mostReply)
}

func (r *round) note(o *outcome) {
	if o.what != 0 {
		e := o.event
		e.At = timeOf(r.now)
		r.events = append(r.events, e)
		if o.warned {
			r.events = append(r.events, Event{What: WasWarned, At: e.At, Message: e.Message, Recipient: e.Recipient, Path: e.Path, Attempt: e.Attempt, Lane: e.Lane, Worker: e.Worker})
		}
	}
}

// overtaken is for a row that did not become what came of it: a person has wanted otherwise meanwhile, or it is no longer
// ours. final tells whether it is over.
func (r *round) overtaken(ctx context.Context, e ending) (ours, final bool, err error) {
	to, event, ok, err := r.t.overtaken(ctx, e.s.message, e.to.n, e.s.worker, r.now, e.unknown, e.shown(e.to))
	if err != nil {
		return false, false, err
	}
	if ok {
		event.Path, event.Worker = e.to.path, e.s.worker
		r.note(e.outcome)
		r.events = append(r.events, event)
		return false, to.Final(), nil
	}
	ours, err = r.late(ctx, e)
	return ours, ours, err
}

// late is for what we learnt when we had lost our lease, and somebody had taken the recipient up. That a server took the mail is
// true all the same; where nobody has begun to send it again it need not be.
func (r *round) late(ctx context.Context, e ending) (ours bool, err error) {
	if e.what != WasSent {
		return false, nil
	}
	n, err := r.t.Exec(ctx, "UPDATE parley_recipients SET state = 5, changed = ?, worker = 0, reply = ? WHERE message = ? AND n = ? AND attempts = ? AND state IN (0, 1, 4)",
		r.now, e.shown(e.to), int64(e.s.message), e.to.n, e.to.attempts)
	if err != nil {
		return false, err
	}
	var there int
	if err = r.t.QueryRow(ctx, "SELECT COUNT(*) FROM parley_recipients WHERE message = ? AND n = ? AND (? = 1 OR state <> 5 OR attempts <> ?)", []any{int64(e.s.message), e.to.n, n, e.to.attempts}, &there); err == nil && there > 0 {
		r.note(e.outcome)
	}
	return n == 1, err
}

// learn takes in what a transaction tells of its lane.
func (r *round) learn(l *row, s *sending) {
	inUse := l.mine + l.others
	if s.worker == r.lease.id {
		l.mine = max(l.mine-1, 0)
	}
	switch {
	case s.trouble != noTrouble:
		l.troubled(s.trouble, s.why, s.lane.Limits, r.now)
	case s.well:
		l.wentWell(inUse, s.lane.Limits)
	}
	l.judged(s.verdict, r.now)
}
