package digest

import (
	"context"
	"time"

	"github.com/parleymail/parley/outbox"
)

// A Status is how a digest stands.
type Status struct {
	Feeds       []Feed               `json:"feeds"`
	Subscribers map[State]int        `json:"subscribers"`
	Frequencies map[Frequency]int    `json:"frequencies"` // of those who are subscribed
	Requests    int                  `json:"requests,omitempty"`
	Next        time.Time            `json:"next,omitzero"` // when the next mail may go out that waits for a time
	Mails       map[outbox.State]int `json:"mails"`         // of the last weeks, with articles, by what became of them
	Waiting     []outbox.Item        `json:"waiting"`       // mails that are yet to be sent, those with links to say yes too: the last, mostWaiting of them
	Lanes       *outbox.Tally        `json:"-"`             // what is known of where they wait: [outbox.Why] tells by it
}

const mostWaiting = 100

// Status counts.
func (d *Digest) Status(ctx context.Context) (*Status, error) {
	s := &Status{Subscribers: make(map[State]int), Frequencies: make(map[Frequency]int), Mails: make(map[outbox.State]int)}
	var err error
	if s.Feeds, err = d.Feeds(ctx); err != nil {
		return nil, err
	}
	t := d.s.reader()
	var next int64
	err = t.Each(ctx, "SELECT state, frequency, count(*), min(next_at) FROM parley_digest_subscribers GROUP BY state, frequency", nil, func(scan func(...any) error) error {
		var state, frequency, n, at int64
		err := scan(&state, &frequency, &n, &at)
		s.Subscribers[State(state&7)] += int(n)
		if State(state&7) == Subscribed {
			s.Frequencies[Frequency(frequency&3)] += int(n)
			if at < never && (next == 0 || at < next) {
				next = at
			}
		}
		return err
	})
	s.Next = timeOf(next)
	if err == nil {
		err = t.Row(ctx, "SELECT count(*) FROM parley_digest_requests", nil, &s.Requests)
	}
	if err == nil {
		err = t.Each(ctx, "SELECT r.state, count(*) FROM parley_digest_mails m JOIN parley_recipients r ON r.message = m.message GROUP BY r.state", nil, func(scan func(...any) error) error {
			var state, n int64
			err := scan(&state, &n)
			s.Mails[outbox.State(state&15)] += int(n)
			return err
		})
	}
	if err == nil {
		s.Waiting, err = d.box.List(ctx, outbox.Query{States: []outbox.State{outbox.Queued, outbox.Deferred, outbox.Sending}, Origin: origin, Limit: mostWaiting})
	}
	if err == nil && len(s.Waiting) > 0 {
		s.Lanes, err = d.box.Tally(ctx)
	}
	return s, failed("counting", err)
}
