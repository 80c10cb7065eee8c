package inbox

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// A tally counts what is kept, so that nobody has to go through it to know.
type tally struct {
	mu    sync.Mutex
	boxes map[string]count
	total count
	bytes int64
	taken int64
	ended int64 // sessions since their retention was looked after
}

type count struct{ messages, unseen int64 }

// A delta is what a batch changes of the tally.
type delta struct {
	boxes map[string]count
	total count
	bytes int64
	taken int64
	ended int64
	last  int64 // ID of the last message put
}

func (d *delta) add(mailbox string, messages, unseen int64) {
	if d.boxes == nil {
		d.boxes = make(map[string]count)
	}
	c := d.boxes[mailbox]
	d.boxes[mailbox] = count{c.messages + messages, c.unseen + unseen}
	d.total.messages += messages
	d.total.unseen += unseen
}

func (d *delta) clone() delta {
	c := *d
	c.boxes = maps.Clone(d.boxes)
	return c
}

// read counts what is there.
func (t *tally) read(ctx context.Context, q querier) error {
	t.boxes = make(map[string]count)
	rows, err := q.QueryContext(ctx, "SELECT mailbox, count(*), sum(NOT seen) FROM messages GROUP BY mailbox")
	if err != nil {
		return fmt.Errorf("inbox: counting: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var box string
		var c count
		if err = rows.Scan(&box, &c.messages, &c.unseen); err != nil {
			return fmt.Errorf("inbox: counting: %w", err)
		}
		t.boxes[box] = c
		t.total.messages += c.messages
		t.total.unseen += c.unseen
	}
	if err = rows.Err(); err == nil {
		err = q.QueryRowContext(ctx, `SELECT ifnull((SELECT sum(size) FROM messages WHERE copies = 1), 0)
			+ ifnull((SELECT sum(size) FROM (SELECT DISTINCT content, size FROM messages WHERE copies > 1)), 0)`).Scan(&t.bytes)
	}
	if err != nil {
		return fmt.Errorf("inbox: counting: %w", err)
	}
	return nil
}

func (t *tally) apply(d *delta) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for box, c := range d.boxes {
		n := t.boxes[box]
		n.messages += c.messages
		n.unseen += c.unseen
		if n.messages <= 0 {
			delete(t.boxes, box)
		} else {
			t.boxes[box] = n
		}
	}
	t.total.messages += d.total.messages
	t.total.unseen += d.total.unseen
	t.bytes += d.bytes
	t.taken += d.taken
	t.ended += d.ended
}

// kept is how many messages and octets there are once d is counted in.
func (t *tally) kept(d *delta) (messages, octets int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.total.messages + d.total.messages, t.bytes + d.bytes
}

// looked is the number of sessions that ended since sessions were looked after.
func (t *tally) looked(d *delta) int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.ended + d.ended
}

func (t *tally) stats() Stats {
	t.mu.Lock()
	defer t.mu.Unlock()
	st := Stats{Messages: int(t.total.messages), Unseen: int(t.total.unseen), Bytes: t.bytes, Taken: t.taken, Mailboxes: make([]MailboxStats, 0, len(t.boxes))}
	for name, c := range t.boxes {
		st.Mailboxes = append(st.Mailboxes, MailboxStats{name, int(c.messages), int(c.unseen)})
	}
	slices.SortFunc(st.Mailboxes, func(a, b MailboxStats) int { return strings.Compare(a.Name, b.Name) })
	return st
}

// Stats are the counts as they are now.
func (s *Store) Stats(ctx context.Context) (Stats, error) {
	if err := s.sync(ctx); err != nil {
		return Stats{}, err
	}
	st := s.tally.stats()
	err := s.read(ctx, func(q querier) error {
		return q.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM sessions),
			(SELECT count(*) FROM sessions WHERE ended IS NULL), (SELECT count(*) FROM sessions WHERE failed)`).Scan(&st.Sessions, &st.Open, &st.Failed)
	})
	return st, err
}
