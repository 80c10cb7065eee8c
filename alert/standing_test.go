package alert

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parleymail/parley/mail"
)

// What never comes back is an alert too, and is not asked beside itself; when it comes back it is looked at anew.
func TestLookHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		var asked atomic.Int64
		hang := make(chan struct{})
		l := &looker{timeout: 10 * time.Second, probe: func(context.Context) (float64, error) {
			if asked.Add(1) == 1 {
				<-hang
			}
			return 7, nil
		}}
		for range 3 {
			if _, err := l.look(ctx); err == nil || !strings.Contains(err.Error(), "it has not come back for") {
				t.Errorf("%v", err)
			}
			time.Sleep(time.Minute)
		}
		if n := asked.Load(); n != 1 {
			t.Errorf("asked %d times beside one another", n)
		}
		close(hang)
		synctest.Wait()
		if value, err := l.look(ctx); err != nil || value != 7 || asked.Load() != 2 {
			t.Errorf("%v, %v, asked %d times", value, err, asked.Load())
		}
	})
}

// Of what is no longer in the file nobody would ever say that it is well again; and of a sign of life that the file has, none need ever have come.
func TestFileChanges(t *testing.T) {
	h := newHouse(t, withHooks)
	h.work()
	w := Watch{Name: "old", Kind: TCP, Target: "127.0.0.1:1", Failures: 1}.with()
	if err := h.look(t.Context(), &w, &looker{probe: w.probe, timeout: w.Timeout}); err != nil {
		t.Fatal(err)
	}
	h.clock.forward(time.Second)
	h.round()
	h.mails(1)
	h.settled()
	for _, do := range []func(context.Context) error{h.unwatch, h.expectBeats, h.expectBeats} {
		if err := do(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	h.clock.forward(10 * time.Minute)
	h.round()
	if m := h.mails(2)[1]; m.Subject != "[RESOLVED] old" {
		t.Error(m.Subject)
	}
	h.settled()
	h.clock.forward(70 * time.Minute)
	if err := h.lookForBeats(t.Context(), h.clock.now()); err != nil {
		t.Fatal(err)
	}
	h.clock.forward(time.Second)
	h.round()
	if m := h.mails(3)[2]; m.Subject != "[FIRING] alive: no sign of life" || !strings.Contains(m.Text, "None has come since") {
		t.Errorf("%s\n%s", m.Subject, m.Text)
	}
	// It was not at work for a day: nobody could tell that they live.
	h.settled()
	if code := h.post("alive", ""); code != 200 {
		t.Fatal(code)
	}
	h.clock.forward(time.Second)
	h.round()
	h.settled()
	had := len(h.mails(4))
	h.clock.forward(24 * time.Hour)
	for _, do := range []func() error{func() error { return h.expectBeats(t.Context()) }, func() error { return h.lookForBeats(t.Context(), h.clock.now()) }} {
		if err := do(); err != nil {
			t.Fatal(err)
		}
	}
	h.clock.forward(time.Second)
	h.round()
	h.mails(had)
}

// Who sends slowly what is to be known by its signature holds up nobody whose secret is known.
func TestStrangersFillTheirOwnRoom(t *testing.T) {
	h := newHouse(t, withHooks)
	for range mostRequests {
		if !h.enter(false) {
			t.Fatal("no room")
		}
	}
	if h.enter(false) || !h.enter(true) {
		t.Error("strangers have taken the room of others, or have more of their own")
	}
	h.leave(false)
	if !h.enter(false) {
		t.Error("who has left still takes room")
	}
}

// An address that is none would keep each mail from being written.
func TestAddressesAreChecked(t *testing.T) {
	for _, change := range []func(*Config){
		func(c *Config) { c.From.Address = "kim" }, func(c *Config) { c.Receivers[0].To[0].Address = "two words@example.net" },
		func(c *Config) { c.Receivers[0].Escalate.To = mail.To("boss@@example.net") },
	} {
		c := Config{From: mail.Address{Address: "alerts@example.com"}, Receivers: []Receiver{{Name: "ops", To: mail.To("ops@example.com")}}}
		change(&c)
		if err := c.check(); err == nil {
			t.Error("it is taken")
		}
	}
}
