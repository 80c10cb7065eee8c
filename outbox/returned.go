package outbox

import (
	"context"
	"errors"
	"fmt"
)

var errNoReport = errors.New("outbox: a report is of a mail that was returned, delivered or delayed")

// Returned writes down what came back of a mail after a server had taken it: that it was returned, delivered or delayed, which is e.What. Of
// e, Reply, Kind, Remote and Said are kept too.
//
// A recipient that was sent to, and whose mail was returned, is [Bounced] from then on. Where nobody knew whether the mail was taken
// the report says that it was: what is returned is Bounced, and not sent again; what is delivered or delayed is [Sent].
// In all other states the report is a line of the history. It may come twice, and is written down once: changed tells
// whether it was new. s, if not nil, goes onto the suppression list with it.
func (b *Box) Returned(ctx context.Context, ref Ref, e Event, s *Suppression) (changed bool, err error) {
	if e.What != WasReturned && e.What != WasDelivered && e.What != WasDelayed {
		return false, errNoReport
	}
	err = b.write(ctx, func(ctx context.Context, t *tx) (err error) {
		changed, err = b.returned(ctx, t, ref, e)
		if err == nil && changed && s != nil {
			err = b.suppress(ctx, t, *s)
		}
		return err
	})
	return changed, err
}

func (b *Box) returned(ctx context.Context, t *tx, ref Ref, e Event) (bool, error) {
	list, err := t.targets(ctx, ref)
	if err != nil {
		return false, err
	}
	if len(list) != 1 {
		return false, fmt.Errorf("outbox: a report is of one recipient, and message %v has %d", ref.Message, len(list))
	}
	r := list[0]
	var twice bool
	var unknowns int
	query := "SELECT EXISTS (SELECT 1 FROM parley_history WHERE message = ? AND n = ? AND what = ?), unknowns FROM parley_recipients WHERE message = ? AND n = ?"
	if err := t.QueryRow(ctx, query, []any{int64(ref.Message), r.n, int64(e.What), int64(ref.Message), r.n}, &twice, &unknowns); err != nil {
		return false, fmt.Errorf("outbox: reading history: %w", err)
	}
	if twice {
		return false, nil
	}
	now := b.now()
	if to := r.reported(e.What, unknowns > 0); to != r.state {
		n, err := t.Exec(ctx, "UPDATE parley_recipients SET state = ?, changed = ?, worker = 0, wanted = 0, reply = ? WHERE message = ? AND n = ? AND state = ?",
			int64(to), now, cut(e.Reply, mostReply), int64(ref.Message), r.n, int64(r.state))
		if err != nil {
			return false, fmt.Errorf("outbox: changing message %v: %w", ref.Message, err)
		}
		if n == 1 && !r.state.Final() {
			if err := b.settle(ctx, t, ref.Message, now); err != nil {
				return false, err
			}
		}
	}
	e.At, e.Message, e.Recipient, e.Attempt = timeOf(now), ref.Message, r.n, r.attempts
	return true, record(ctx, t, []Event{e})
}

// reported is the state of a recipient once a report has come in. unclear tells that an attempt may have been taken.
func (r *target) reported(what What, unclear bool) State {
	switch {
	case r.state != Sent && r.state != Unknown && (r.state != Deferred || !unclear):
		return r.state
	case what == WasReturned:
		return Bounced
	}
	return Sent // whoever has it says so
}
