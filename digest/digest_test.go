package digest

import (
	"strings"
	"testing"
	"time"
)

// TestFromFeedToMail is the whole way: a feed, a subscriber, one mail that arrives, and no second.
func TestFromFeedToMail(t *testing.T) {
	h := newHouse(t)
	h.feeds.has("/feed.xml", "application/rss+xml", rss(items(1, 3)...))
	h.add("/feed.xml")
	h.subscribe("kim@example.net", Choice{All: true, Frequency: AtOnce})
	r := h.round()
	if r.Articles != 1 || r.Mails != 1 {
		t.Fatalf("%+v", r)
	}
	if r = h.round(); r.Mails != 0 {
		t.Fatalf("a second mail: %+v", r)
	}
	h.work()
	got := h.smtp.Wait(t, 1)
	m := got[0]
	text := string(m.Content)
	for _, want := range []string{"Subject: Article 3\r\n", "List-Id: Kim's notes <news.example.com>", "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n", "https://news.example.com/list/unsubscribe/", "Text of 3."} {
		if !strings.Contains(text, want) {
			t.Errorf("it has no %q:\n%s", want, text)
		}
	}

	h.clock.forward(2 * time.Hour)
	h.feeds.has("/feed.xml", "application/rss+xml", rss(items(2, 5)...))
	if r = h.round(); r.Articles != 2 || r.Mails != 1 {
		t.Fatalf("%+v", r)
	}
	if list := h.waiting(); len(list) != 1 || list[0].item.Subject != "Kim's notes: Article 5, and 1 more" {
		t.Errorf("%+v", list)
	}
}
