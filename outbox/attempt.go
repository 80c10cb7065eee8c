package outbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/smtp"
)

var (
	errEnded     = errors.New("the worker ends")
	errLeaseLost = errors.New("the worker was not heard of for too long, and others may have taken the mail up")
)

// A result is what became of a transaction.
type result struct {
	msg      *stored    // nil where it could not be read
	outcomes []*outcome // of each recipient, in the order of sending.to
	trouble  trouble    // of the lane
	why      string     // of trouble
	well     bool       // a session could be had
	verdict  Verdict
	bounce   *bounce // nil: nobody is told
	ours     bool    // as it was written down, some of it was still ours
}

// An outcome is what became of one recipient.
type outcome struct {
	what      What // 0: nothing that is worth telling: it is put back
	state     State
	next      int64  // where it waits
	uncounted bool   // it was no attempt at this mail
	unknown   bool   // it may have been taken
	tells     bool   // the server that took it tells of its delivery, or passes that on
	warned    bool   // its sender is told that it is delayed
	lane      string // that it goes to; empty: it stays
	reply     smtp.Reply
	event     Event
}

// attempt sends a transaction, and hands it back with what became of it.
func (w *work) attempt(ctx context.Context, s *sending) {
	s.outcomes = make([]*outcome, len(s.to))
	w.try(ctx, s)
	for i, o := range s.outcomes {
		if o == nil {
			s.outcomes[i] = w.back(s, i)
		}
	}
	s.bounce = w.bounceOf(s)
	w.over <- s
}

// back puts a recipient back as if nothing had been.
func (w *work) back(s *sending, i int) *outcome {
	o := &outcome{state: Deferred, next: s.to[i].next, uncounted: true}
	if s.to[i].attempts == 1 {
		o.state = Queued
	}
	return o
}

// try fills in what became of recipients. Those that it says nothing of are put back.
func (w *work) try(ctx context.Context, s *sending) {
	m, err := s.msg, error(nil)
	if m == nil {
		m, err = w.readers.load(ctx, s.message)
	}
	switch {
	case errors.Is(err, ErrCorrupt):
		w.holdAll(s, err)
		return
	case err != nil:
		if ctx.Err() == nil {
			w.b.log.Error("outbox: a message cannot be read", "message", s.message, "error", err)
		}
		w.later(s, 10*time.Second)
		return
	}
	s.msg = m
	if m.Expires <= w.now() {
		w.all(s, WasExpired, Expired, smtp.Reply{}, "its time was over before a server took it")
		return
	}
	env, at := w.envelope(ctx, s)
	if len(at) == 0 || !s.lease.holds() || ctx.Err() != nil {
		return
	}
	var around func([]Event)
	if w.Around != nil {
		ctx, around = w.Around(ctx, m.ID, s.lane.Name, m.Trace)
	}
	begun := time.Now()
	receipt, err := s.lane.Transport.Send(ctx, &fenced{w.b.object(m, env), s.lease})
	w.judge(s, at, receipt, err, time.Since(begun))
	if around != nil {
		around(s.events())
	}
}

// events are what is told of it.
func (s *sending) events() (list []Event) {
	for _, o := range s.outcomes {
		if o != nil && o.what != 0 {
			list = append(list, o.event)
		}
	}
	return list
}

// envelope is of those recipients that are what was put, and that may be sent to; at is which of s.to they are.
func (w *work) envelope(ctx context.Context, s *sending) (env mail.Envelope, at []int) {
	env = s.msg.Env
	for i := range s.to {
		to := &s.to[i]
		path, err := parsePath(to.path)
		if err != nil || recipientSum(s.message, to.n, to.path, mail.Notify(to.notify), to.original) != to.sum {
			w.held(s, i, corrupt(s.message, "its recipient %d is not what was written", to.n))
			continue
		}
		if to.attempts > 1 {
			if o := w.suppressedOutcome(ctx, s, i); o != nil {
				s.outcomes[i] = o
				continue
			}
		}
		env.Recipients = append(env.Recipients, mail.Recipient{Path: path, Notify: mail.Notify(to.notify), Original: to.original})
		at = append(at, i)
	}
	return env, at
}

// suppressedOutcome is for who came onto the suppression list since the mail was first tried.
func (w *work) suppressedOutcome(ctx context.Context, s *sending, i int) *outcome {
	var listed *Suppression
	err := w.readers.read(ctx, func(t *tx) (err error) {
		listed, err = w.b.suppressed(ctx, t, s.to[i].path)
		return err
	})
	if err != nil || listed == nil {
		return nil // it was looked at before, and what cannot be read now is no reason to keep a mail
	}
	o := w.outcome(s, i, WasSuppressed, Bounced)
	o.reply, o.event.Reply = suppressedReply(listed)
	return o
}

// outcome is one with the event that tells of it.
func (w *work) outcome(s *sending, i int, what What, state State) *outcome {
	to := &s.to[i]
	return &outcome{what: what, state: state, event: Event{
		What: what, Message: s.message, Recipient: to.n, Path: to.path, Attempt: to.attempts, Lane: s.lane.Name, Worker: s.worker,
	}}
}

// all gives all recipients one outcome.
func (w *work) all(s *sending, what What, state State, reply smtp.Reply, words string) {
	for i := range s.to {
		o := w.outcome(s, i, what, state)
		o.reply, o.event.Reply = reply, words
		if r := reply.String(); r != "" {
			o.event.Reply = r
		}
		s.outcomes[i] = o
	}
}

// later puts all back for a while.
func (w *work) later(s *sending, wait time.Duration) {
	for i := range s.to {
		s.outcomes[i] = w.back(s, i)
		s.outcomes[i].next = w.now() + wait.Milliseconds()
	}
}

// held keeps a recipient whose row or content is not what was put until a person has looked: no altered mail goes out.
func (w *work) held(s *sending, i int, err error) {
	w.b.log.Error("outbox: what is stored is not what was put, and is held", "message", s.message, "error", err)
	o := w.outcome(s, i, WasHeld, Held)
	o.uncounted, o.event.Reply = true, err.Error()
	s.outcomes[i] = o
}

func (w *work) holdAll(s *sending, err error) {
	for i := range s.to {
		w.held(s, i, err)
	}
}

// A fenced object is sent only as long as the lease holds: right before its end is said. Without its end a mail is none.
type fenced struct {
	mail.Object
	lease *lease
}

func (f *fenced) Open() (mail.Content, error) {
	c, err := f.Object.Open()
	if err != nil {
		return nil, ownError{err}
	}
	return &fencedContent{c, f.lease}, nil
}

type fencedContent struct {
	mail.Content
	lease *lease
}

// WriteTo gives w itself to the content, which may have a faster way to write to it.
func (c *fencedContent) WriteTo(w io.Writer) (int64, error) {
	n, err := c.Content.WriteTo(w)
	if err == nil && !c.lease.holds() {
		err = errLeaseLost
	}
	if err != nil {
		err = ownError{err}
	}
	return n, err
}

// ownError is what kept a content from being read, and is neither the mail's fault nor the server's: what is stored was whole
// and right when it was put.
type ownError struct{ err error }

func (e ownError) Error() string { return fmt.Sprintf("reading the mail: %v", e.err) }
func (e ownError) Unwrap() error { return e.err }
