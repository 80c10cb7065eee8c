package outbox_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/parleymail/parley/internal/testpg"
	"github.com/parleymail/parley/outbox"
)

// TestFlow: what happened is counted where it happened, and nowhere else.
func TestFlow(t *testing.T) {
	flow := func(t *testing.T, b *store) {
		began := time.Now().Add(-time.Minute)
		if f, err := b.Flow(t.Context(), began, time.Now()); err != nil || f.Put != 0 || len(f.Events) != 0 {
			t.Fatalf("of nothing: %+v, %v", f, err)
		}
		const minutes = 40
		var to []string
		for i := range minutes {
			to = append(to, fmt.Sprintf("r%d@example.net", i))
		}
		id, err := b.Put(t.Context(), nil, letter(short, to...))
		if err != nil {
			t.Fatal(err)
		}
		start := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
		for i := range minutes {
			if _, err := b.Returned(t.Context(), outbox.Ref{Message: id, Recipient: i}, outbox.Event{What: outbox.WasDelayed, Reply: "later"}, nil); err != nil {
				t.Fatal(err)
			}
			b.exec(t, "UPDATE parley_history SET at = ? WHERE n = ?", start.Add(time.Duration(i)*time.Minute).UnixMilli(), i)
		}
		if n, err := b.Hold(t.Context(), "", outbox.All(id)); err != nil || n != minutes {
			t.Fatalf("%d, %v", n, err)
		}
		for i := range minutes {
			f, err := b.Flow(t.Context(), start.Add(time.Duration(i)*time.Minute), start.Add(time.Duration(i+1)*time.Minute))
			if err != nil || f.Put != 0 || len(f.Events) != 1 || f.Events[outbox.WasDelayed] != 1 {
				t.Fatalf("minute %d: %+v, %v", i, f, err)
			}
		}
		f, err := b.Flow(t.Context(), start.Add(10*time.Minute), start.Add(30*time.Minute))
		if err != nil || f.Events[outbox.WasDelayed] != 20 {
			t.Errorf("twenty minutes: %+v, %v", f, err)
		}
		f, err = b.Flow(t.Context(), began, time.Now().Add(time.Minute))
		if err != nil || f.Put != minutes || f.Events[outbox.WasHeld] != minutes || f.Events[outbox.WasDelayed] != 0 {
			t.Errorf("now: %+v, %v", f, err)
		}
		f, err = b.Flow(t.Context(), start.Add(-48*time.Hour), start.Add(-24*time.Hour))
		if err != nil || f.Put != 0 || len(f.Events) != 0 {
			t.Errorf("before all: %+v, %v", f, err)
		}
	}
	t.Run("sqlite", func(t *testing.T) { flow(t, onSQLite(t)) })
	t.Run("postgres", func(t *testing.T) { flow(t, onPostgres(t, testpg.Start(t))) })
}
