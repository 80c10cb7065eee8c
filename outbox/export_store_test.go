package outbox

import "context"

// Steps is a worker that does one thing at a time, when it is told to.
type Steps struct {
	w       *work
	sending []*sending
}

// NewSteps begins to work, and tells nobody of what bounces.
func NewSteps(ctx context.Context, b *Box, r Router) (*Steps, error) {
	s := &Steps{w: newWork(b, Worker{Router: r, MaxSessions: 1000, Bounces: Bounces{None: true}})}
	return s, s.w.enlist(ctx)
}

// Route gives all that waits for one a lane.
func (s *Steps) Route(ctx context.Context) error {
	for rank := range int64(3) {
		if _, err := s.w.route(ctx, rank); err != nil {
			return err
		}
	}
	return nil
}

// Take takes what is due and finds room, and gives the recipients.
func (s *Steps) Take(ctx context.Context) (taken []Ref, err error) {
	begun, err := s.w.cycle(ctx, nil)
	s.sending = append(s.sending, begun...)
	for _, one := range begun {
		for _, to := range one.to {
			taken = append(taken, Ref{one.message, to.n})
		}
	}
	return taken, err
}

// Finish sends what was taken, and writes down what came of it.
func (s *Steps) Finish(ctx context.Context) error {
	for _, one := range s.sending {
		s.w.attempt(ctx, one)
		<-s.w.over
	}
	done := s.sending
	s.sending = nil
	_, err := s.w.cycle(nil, done) //nolint:staticcheck // nil says that nothing is to be taken
	return err
}

// Die is never heard of again, but for another worker that takes up what it had.
func (s *Steps) Die(ctx context.Context) error {
	dead := s.w.lease.Load().id
	err := s.w.b.write(ctx, func(ctx context.Context, t *tx) error {
		_, err := t.Exec(ctx, "UPDATE parley_workers SET until = 0 WHERE id = ?", dead)
		return err
	})
	if err != nil {
		return err
	}
	for _, one := range s.sending {
		delete(s.w.flying, one)
	}
	s.sending = nil
	if err := s.w.enlist(ctx); err != nil {
		return err
	}
	return s.w.reap(ctx)
}

// Close ends it.
func (s *Steps) Close(ctx context.Context) error {
	defer s.w.readers.close()
	return s.w.leave(ctx)
}

// Retain lets go of what need not be kept.
func (b *Box) Retain(ctx context.Context) error { return b.retain(ctx) }

// EventsNow gives the events that there are after one.
func (b *Box) EventsNow(ctx context.Context, after int64) ([]Event, error) {
	return b.eventsAfter(ctx, after)
}
