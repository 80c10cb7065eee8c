package inbox

import (
	"context"
	"time"
)

// slack is by what part more than is allowed may be kept for a while: to delete a few at
// once costs little more than to delete one. Who looks never sees more than is
// allowed.
const slack = 16

// mostDropped is how many messages go in one transaction, so that those who bring
// new ones need not wait long.
const mostDropped = 2000

// over reports whether more is kept than is allowed, by more than a part of it; 0: by
// anything.
func (s *Store) over(part int64) bool {
	return part == 0 && s.aged() || s.tooMany(&delta{}, part) || s.sessionsDue(&delta{})
}

// aged reports whether some may be older than is allowed.
func (s *Store) aged() bool {
	if s.limits.age <= 0 {
		return false
	}
	messages, _ := s.tally.kept(&delta{})
	return messages > 0 && time.Since(time.Unix(0, s.oldest.Load())) >= s.limits.age
}

func (s *Store) tooMany(d *delta, part int64) bool {
	messages, octets := s.tally.kept(d)
	allowed := func(limit int64) int64 {
		if part == 0 {
			return limit
		}
		return limit + limit/part
	}
	return messages > allowed(s.limits.messages) || octets > allowed(s.limits.octets) && messages > 1
}

// sessionsDue: they are counted again after so many have ended.
func (s *Store) sessionsDue(d *delta) bool {
	return s.tally.looked(d) > s.limits.sessions/8
}

// retain deletes what is too much.
func (b *batch) retain(part int64) error {
	s := b.s
	for s.tooMany(&b.delta, part) {
		n, err := b.dropOldest()
		if err != nil {
			return err
		}
		if n == 0 || part > 0 {
			break
		}
	}
	if part == 0 && s.limits.age > 0 {
		if err := b.dropAged(time.Now().Add(-s.limits.age)); err != nil {
			return err
		}
	}
	if s.sessionsDue(&b.delta) {
		return b.retainSessions()
	}
	return nil
}

// dropOldest deletes as many of the oldest messages as are too much.
func (b *batch) dropOldest() (int, error) {
	messages, octets := b.s.tally.kept(&b.delta)
	most := min(mostDropped, messages-1)
	if octets <= b.s.limits.octets {
		most = min(mostDropped, messages-b.s.limits.messages)
	}
	list, err := b.those("1", "id", most)
	if err != nil {
		return 0, err
	}
	n := 0
	left := make(map[int64]int64) // messages of a content that several have
	for n < len(list) && (messages > b.s.limits.messages || octets > b.s.limits.octets) {
		d := &list[n]
		if _, known := left[d.content]; d.copies > 1 && !known {
			if left[d.content], err = b.copiesOf(d); err != nil {
				return 0, err
			}
		}
		left[d.content]--
		if d.copies == 1 || left[d.content] == 0 {
			octets -= d.size
		}
		messages--
		n++
	}
	return n, b.drop(list[:n])
}

func (b *batch) dropAged(before time.Time) error {
	for {
		list, err := b.those("id < ifnull((SELECT min(id) FROM messages WHERE at >= ?), 1 << 62)", "id", mostDropped, before.UnixNano())
		if err != nil {
			return err
		}
		if len(list) == 0 {
			var oldest int64
			err = b.c.QueryRowContext(noContext, "SELECT ifnull(min(at), 0) FROM messages").Scan(&oldest)
			b.s.oldest.Store(oldest) // where this is not committed, others are older, and are looked for again
			return err
		}
		if err = b.drop(list); err != nil {
			return err
		}
	}
}

// retainSessions deletes the oldest of those that have no message any more.
func (b *batch) retainSessions() error {
	b.delta.ended -= b.s.tally.looked(&b.delta)
	var all, used int64
	err := b.c.QueryRowContext(noContext, "SELECT count(*) FROM sessions").Scan(&all)
	if err != nil || all <= b.s.limits.sessions {
		return err
	}
	if err = b.c.QueryRowContext(noContext, "SELECT count(DISTINCT session) FROM messages").Scan(&used); err != nil {
		return err
	}
	if all-used <= b.s.limits.sessions {
		return nil
	}
	ids, err := b.ids(`SELECT id FROM sessions s WHERE ended IS NOT NULL AND NOT EXISTS (SELECT 1 FROM messages WHERE session = s.id)
		ORDER BY id LIMIT ?`, all-used-b.s.limits.sessions)
	if err != nil || len(ids) == 0 {
		return err
	}
	_, err = b.dropSessions(ids)
	return err
}

// housekeep does what is to be done from time to time.
func (s *Store) housekeep(ctx context.Context) {
	const often = time.Second
	tick := time.NewTicker(often)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		s.endAgain()
		if s.aged() {
			s.do(ctx, func(b *batch) error { return b.retain(0) })
		}
		if !s.memory() {
			s.saveLive(ctx)
			s.giveBack(ctx)
		}
	}
}

// giveBack gives a part of the file back that holds nothing any more: what a single
// mail left is kept for the next one.
func (s *Store) giveBack(ctx context.Context) {
	var free, all int64
	err := s.read(ctx, func(q querier) error {
		if err := q.QueryRowContext(ctx, "PRAGMA freelist_count").Scan(&free); err != nil {
			return err
		}
		return q.QueryRowContext(ctx, "PRAGMA page_count").Scan(&all)
	})
	const few = 1000
	if err != nil || free < few || free < all/4 {
		return
	}
	s.do(ctx, func(b *batch) error {
		rows, err := b.c.QueryContext(noContext, "PRAGMA incremental_vacuum(4000)")
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
		}
		return rows.Err()
	})
}
