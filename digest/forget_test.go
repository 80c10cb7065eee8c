package digest

import (
	"errors"
	"testing"
	"time"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/outbox"
)

// TestNotYetAsked: who was asked for, and has not been mailed yet, can be left alone and forgotten; and somebody unknown can be barred.
func TestNotYetAsked(t *testing.T) {
	h := newHouse(t)
	ask := func(address string) {
		t.Helper()
		if err := h.Ask(t.Context(), Subscriber{Address: address, Choice: Choice{All: true}}); err != nil {
			t.Fatal(err)
		}
	}
	ask("Kim@example.net")
	ask("lee@example.net")
	ask("max@example.net")
	if err := h.Leave(t.Context(), "kim@example.net", Unsubscribed, "by phone"); err != nil {
		t.Error(err)
	}
	if err := h.Forget(t.Context(), "lee@example.net"); err != nil {
		t.Error(err)
	}
	if r := h.round(); r.Answered != 1 {
		t.Errorf("%+v", r)
	}
	if got := h.waiting(); len(got) != 1 || got[0].to != "max@example.net" {
		t.Errorf("%v", got)
	}
	if err := h.Leave(t.Context(), "nobody@example.net", Unsubscribed, ""); !errors.Is(err, ErrNoSubscriber) {
		t.Error(err)
	}
	if err := h.Leave(t.Context(), "zoe@example.net", Complained, "by letter"); err != nil {
		t.Error(err)
	}
	ask("zoe@example.net")
	if h.round(); len(h.waiting()) != 1 {
		t.Error("who has complained is mailed a link")
	}
}

// TestForgottenMails: with somebody go the mails to them.
func TestForgottenMails(t *testing.T) {
	h := newHouse(t)
	h.feeds.has("/f", "text/xml", rss(items(1, 1)...))
	for _, a := range []string{"kim@example.net", "lee@example.net"} {
		h.subscribe(a, Choice{All: true, Frequency: AtOnce})
	}
	h.add("/f")
	h.round()
	if _, _, err := h.Try(t.Context(), "kim@example.net", diagnose.English); err != nil {
		t.Fatal(err)
	}
	if got := h.waiting(); len(got) != 3 {
		t.Fatalf("%d mails", len(got))
	}
	if err := h.Forget(t.Context(), "kim@example.net"); err != nil {
		t.Fatal(err)
	}
	for i, err := range h.Box().Each(t.Context(), outbox.Query{}) {
		if err != nil || i.Path != "lee@example.net" {
			t.Errorf("%v, %v", i, err)
		}
	}
}

// TestOtherTimes: another time in the configuration counts for those too who are subscribed already.
func TestOtherTimes(t *testing.T) {
	h := newHouse(t)
	for a, f := range map[string]Frequency{"daily@example.net": EveryDay, "weekly@example.net": EveryWeek, "once@example.net": AtOnce} {
		h.subscribe(a, Choice{All: true, Frequency: f})
	}
	c := h.config()
	c.Daily, c.Weekly = Daily{Set: true, Hour: 9, Minute: 30}, Weekly{Day: time.Friday, At: Daily{Set: true, Hour: 7}}
	h.open(c)
	for a, want := range map[string]string{"daily@example.net": "09:30", "weekly@example.net": "Fri 07:00"} {
		var next int64
		if err := h.s.reader().Row(t.Context(), "SELECT next_at FROM parley_digest_subscribers WHERE address = ?", []any{a}, &next); err != nil {
			t.Fatal(err)
		}
		layout := "15:04"
		if len(want) > 5 {
			layout = "Mon 15:04"
		}
		if got := time.UnixMilli(next).In(h.c.Zone).Format(layout); got != want {
			t.Errorf("%s: %s, and not %s", a, got, want)
		}
	}
}
