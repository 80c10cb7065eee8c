package statement_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/statement"
)

// TestStart: what is to go out later does not before, who resumes keeps to that, and who sends without a time means now.
func TestStart(t *testing.T) {
	h := newHouse(t, func(h *house) { h.c.Window = 10 })
	const n = 30
	h.prepare(h.customers(n))
	later := time.Now().Add(time.Hour).Truncate(time.Second)
	for i, send := range []func(context.Context, statement.SendOptions) error{h.Send, h.Resume} {
		ctx, stop := context.WithCancel(t.Context())
		o := statement.SendOptions{Progress: func(p statement.Progress) {
			switch {
			case !p.Start.Equal(later):
				t.Errorf("it begins at %v", p.Start)
			case p.Counts[statement.Waiting] >= 10:
				stop() // as many wait as may
			}
		}}
		if i == 0 {
			o.Start = later
		}
		if err := send(ctx, o); !errors.Is(err, context.Canceled) {
			t.Fatalf("%v", err)
		}
		stop()
	}
	if got := len(h.smtp.Mails()); got != 0 {
		t.Fatalf("%d mails went out an hour before", got)
	}
	if s, err := h.Status(t.Context()); err != nil || !s.Start.Equal(later) {
		t.Errorf("%+v %v", s, err)
	}
	if err := h.Send(t.Context(), statement.SendOptions{}); err != nil {
		t.Fatal(err)
	}
	h.has(n)
	if s, err := h.Status(t.Context()); err != nil || !s.Start.IsZero() {
		t.Errorf("%+v %v", s, err)
	}
}

// TestTroubles: why rows do not arrive is told with its cause and fix.
func TestTroubles(t *testing.T) {
	h := newHouse(t)
	dead, err := smtp.ParseURL("smtp://127.0.0.1:1?tls=none")
	if err != nil {
		t.Fatal(err)
	}
	h.works(dead)
	h.Close()
	h.open()
	h.prepare(h.customers(3))
	if err := h.Send(t.Context(), statement.SendOptions{}); err != nil {
		t.Fatal(err)
	}
	s, err := h.Status(t.Context())
	if err != nil || len(s.Troubles) != 1 {
		t.Fatalf("%+v %v", s, err)
	}
	if d := s.Troubles[0]; d.State != statement.Deferred || d.Rows < 1 || d.Reply == "" || d.Cause.En == "" || d.Fix.Zh == "" {
		t.Errorf("%+v", d)
	}
}
