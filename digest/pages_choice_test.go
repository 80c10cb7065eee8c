package digest

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/outbox"
)

// TestPreferences: what somebody chooses holds for the next mail.
func TestPreferences(t *testing.T) {
	h := newHouse(t)
	h.feeds.has("/a", "text/xml", rss(items(1, 1)...))
	h.feeds.has("/b", "text/xml", strings.ReplaceAll(rss(items(1, 1)...), "<title>Blog", "<title>Other"))
	a := h.add("/a")
	h.add("/b")
	h.round()
	broken := h.add("/nothing-there") // perhaps a mistake of who keeps the list: readers see nothing of it
	h.round()
	kim := h.subscribe("kim@example.net", Choice{All: true, Frequency: AtOnce})
	link := h.preferencesLink(kim.ID)
	if got := h.ask("GET", link, nil); got.status != http.StatusOK || !strings.Contains(got.body, "Other") || strings.Contains(got.body, "kim@") || strings.Contains(got.body, fmt.Sprintf("value=\"%d\"", broken.ID)) || !strings.Contains(got.body, fmt.Sprintf("value=\"%d\"", a.ID)) {
		t.Errorf("%d %s", got.status, got.body)
	}
	if got := h.ask("POST", link, url.Values{"frequency": {"1"}, "all": {"no"}, "feed": {fmt.Sprint(a.ID), "999", "-1", "x"}, "lang": {"zh"}}); got.status != http.StatusOK {
		t.Fatalf("%d %s", got.status, got.body)
	}
	s, err := h.Subscriber(t.Context(), "kim@example.net")
	if err != nil || s.Frequency != EveryWeek || s.All || len(s.Feeds) != 1 || s.Feeds[0] != a.ID || s.Lang != diagnose.Chinese {
		t.Errorf("%+v, %v", s, err)
	}
	for _, odd := range []url.Values{{"frequency": {"9"}, "all": {"yes"}}, {"frequency": {"x"}, "all": {"yes"}}, {"frequency": {"1"}, "feed": {"999"}}} { // nobody's browser sends that
		if got := h.ask("POST", link, odd); got.status != http.StatusUnprocessableEntity {
			t.Errorf("%v: %d", odd, got.status)
		}
	}
	if got := h.ask("POST", link, url.Values{"frequency": {"1"}}); got.status != http.StatusUnprocessableEntity {
		t.Errorf("nothing chosen: %d", got.status)
	}
	h.clock.forward(2 * time.Hour)
	h.feeds.has("/a", "text/xml", rss(items(1, 2)...))
	h.feeds.has("/b", "text/xml", strings.ReplaceAll(rss(items(1, 3)...), "<title>Blog", "<title>Other"))
	if r := h.round(); r.Articles != 3 || r.Mails != 0 {
		t.Errorf("%+v", r)
	}
	h.clock.forward(7 * 24 * time.Hour)
	if r := h.round(); r.Mails != 1 {
		t.Errorf("%+v", r)
	}
	m := h.waiting()[0].message(t)
	if m.Subject != "Article 2" || !strings.Contains(m.Text, "您收到此邮件") || strings.Contains(m.Text, "Other") {
		t.Errorf("%s\n%s", m.Subject, m.Text)
	}
}

// TestLeavingCancels: what was already waiting to be sent is not sent.
func TestLeavingCancels(t *testing.T) {
	h := newHouse(t)
	h.feeds.has("/f", "text/xml", rss(items(1, 2)...))
	h.add("/f")
	for _, a := range []string{"kim@example.net", "lee@example.net"} {
		h.subscribe(a, Choice{All: true, Frequency: AtOnce})
	}
	if r := h.round(); r.Mails != 2 {
		t.Fatalf("%+v", r)
	}
	for _, l := range h.waiting() {
		if l.to == "kim@example.net" {
			if a := h.ask("POST", l.link(t, "unsubscribe"), url.Values{"List-Unsubscribe": {"One-Click"}}); a.status != http.StatusOK {
				t.Fatalf("%d", a.status)
			}
		}
	}
	h.work()
	h.smtp.Wait(t, 1)
	if got := h.smtp.Mails(); len(got) != 1 || got[0].To()[0] != "lee@example.net" {
		t.Errorf("%d mails", len(got))
	}
	tally, err := h.Box().Tally(t.Context())
	if err != nil || tally.States[outbox.Cancelled] != 1 {
		t.Errorf("%+v, %v", tally, err)
	}
	h.clock.forward(2 * time.Hour)
	h.feeds.has("/f", "text/xml", rss(items(1, 3)...))
	if r := h.round(); r.Mails != 1 {
		t.Errorf("%+v", r)
	}

	// A process that dies behind the first step: the next one does the second.
	err = h.s.write(t.Context(), func(tr *tx) error {
		s, err := tr.load(t.Context(), "address = 'lee@example.net'")
		if err == nil {
			err = h.leave(t.Context(), tr, &s, Unsubscribed, "")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(h.waiting()) != 1 {
		t.Fatal("nothing waits")
	}
	h.round()
	if list := h.waiting(); len(list) != 0 {
		t.Errorf("%d still wait", len(list))
	}
}

// TestBounces: who is not there, or has complained, is taken off.
func TestBounces(t *testing.T) {
	h := newHouse(t)
	h.feeds.has("/f", "text/xml", rss(items(1, 1)...))
	h.add("/f")
	for _, a := range []string{"gone@example.net", "full@example.net", "cross@example.net", "kim@example.net"} {
		h.subscribe(a, Choice{All: true, Frequency: AtOnce})
	}
	if err := h.Box().Suppress(t.Context(), outbox.Suppression{Address: "cross@example.net", Reason: "complaint"}); err != nil {
		t.Fatal(err)
	}
	if r := h.round(); r.Mails != 3 || r.Out != 1 {
		t.Fatalf("%+v", r)
	}
	h.smtp.Refuse(smtpRcpt, "*<gone@*", "550 5.1.1 no such user")
	h.smtp.Refuse(smtpRcpt, "*<full@*", "552 5.2.2 mailbox full")
	ctx, stop := contextOf(t)
	done := make(chan struct{})
	go func() { defer close(done); h.follow(ctx) }()
	h.work()
	for deadline := time.Now().Add(10 * time.Second); h.stateOf("gone@example.net") != Bounced; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("a bounce was not noticed")
		}
	}
	stop()
	<-done
	for address, want := range map[string]State{"full@example.net": Subscribed, "cross@example.net": Complained, "kim@example.net": Subscribed} {
		if got := h.stateOf(address); got != want {
			t.Errorf("%s is %v", address, got)
		}
	}
}
