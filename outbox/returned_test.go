package outbox_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtptest"
)

// TestReturned: what a report makes of a recipient, by what it was before. Each is written down once.
func TestReturned(t *testing.T) {
	both(t, func(t *testing.T, open func(outbox.Options) *outbox.Box) {
		b := open(outbox.Options{})
		put := func(to ...string) outbox.ID {
			id, err := b.Put(t.Context(), nil, &outbox.Mail{Object: letter(short, to...), Unknown: outbox.Hold})
			if err != nil {
				t.Fatal(err)
			}
			return id
		}
		work := func(server *smtptest.Server, id outbox.ID, want outbox.State) {
			t.Helper()
			ctx, stop := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- b.Run(ctx, quiet(server)) }()
			for end := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
				s, err := b.Show(t.Context(), id)
				if err != nil || time.Now().After(end) {
					t.Fatalf("%+v, %v", s, err)
				}
				if all := s.Recipients; all[0].State == want && all[len(all)-1].State == want {
					break
				}
			}
			stop()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
		sent := put("a@example.org", "b@example.org", "c@example.org")
		work(smtptest.NewServer(t), sent, outbox.Sent)
		unclear := (&smtptest.Server{Without: []string{"CHUNKING"}}).Start(t)
		unclear.Fault(smtptest.Fault{Stage: smtp.StageEnd, Mute: true, Then: smtptest.Reset})
		unknown := put("a@example.org", "b@example.org", "c@example.org")
		work(unclear, unknown, outbox.Unknown)
		waiting := put("a@example.org")

		for _, c := range []struct {
			id   outbox.ID
			n    int
			what outbox.What
			want outbox.State
		}{
			{sent, 0, outbox.WasReturned, outbox.Bounced},
			{sent, 1, outbox.WasDelivered, outbox.Sent},
			{sent, 2, outbox.WasDelayed, outbox.Sent},
			{sent, 2, outbox.WasReturned, outbox.Bounced},
			{unknown, 0, outbox.WasReturned, outbox.Bounced},
			{unknown, 1, outbox.WasDelivered, outbox.Sent},
			{unknown, 2, outbox.WasDelayed, outbox.Sent},
			{waiting, 0, outbox.WasReturned, outbox.Queued},
		} {
			for i := range 2 {
				changed, err := b.Returned(t.Context(), outbox.Ref{Message: c.id, Recipient: c.n}, outbox.Event{What: c.what, Reply: "550 5.1.1 no such user"},
					&outbox.Suppression{Address: "a@example.org", Reason: "bounce"})
				if err != nil || changed != (i == 0) {
					t.Errorf("%v of %v, %d: %v, %v", c.what, c.id, c.n, changed, err)
				}
			}
			s, err := b.Show(t.Context(), c.id)
			if err != nil || s.Recipients[c.n].State != c.want {
				t.Errorf("%v of %v, %d: %v, %v", c.what, c.id, c.n, s.Recipients[c.n].State, err)
			}
			if last := s.History[len(s.History)-1]; last.What != c.what || last.Recipient != c.n || last.Reply == "" {
				t.Errorf("the last event is %+v", last)
			}
		}
		if s, err := b.Suppressed(t.Context(), "a@example.org"); s == nil || err != nil {
			t.Errorf("%v, %v", s, err)
		}
		if _, err := b.Returned(t.Context(), outbox.Ref{Message: sent, Recipient: 9}, outbox.Event{What: outbox.WasReturned}, nil); !errors.Is(err, outbox.ErrNotFound) {
			t.Errorf("nobody's: %v", err)
		}
		if _, err := b.Returned(t.Context(), outbox.Ref{Message: sent}, outbox.Event{What: outbox.WasSent}, nil); err == nil {
			t.Error("that it was sent is taken for a report")
		}
		// With the last recipient known the unclear message is over, and its content goes.
		if s, err := b.Show(t.Context(), unknown); err != nil || s.Kept {
			t.Errorf("its content is still kept: %v", err)
		}
	})
}

// TestLead: of several one leads, and another when that one's time is over.
func TestLead(t *testing.T) {
	both(t, func(t *testing.T, open func(outbox.Options) *outbox.Box) {
		a, b := open(outbox.Options{}), open(outbox.Options{})
		lead := func(box *outbox.Box, name, who string, d time.Duration, want bool) {
			t.Helper()
			if got, err := box.Lead(t.Context(), name, who, d); got != want || err != nil {
				t.Errorf("%s leads %s: %v, %v", who, name, got, err)
			}
		}
		lead(a, "x", "a", time.Hour, true)
		lead(b, "x", "b", time.Hour, false)
		lead(b, "y", "b", time.Hour, true)
		lead(a, "x", "a", 0, true) // it is over now
		time.Sleep(5 * time.Millisecond)
		lead(b, "x", "b", time.Hour, true)
		lead(a, "x", "a", time.Hour, false)
		if r, err := a.ReaderPosition(t.Context(), "x"); err != nil || r.Position != 0 {
			t.Errorf("it has a position: %+v, %v", r, err)
		}
	})
}
