package digest

import (
	"errors"
	"strings"
	"testing"

	"github.com/parleymail/parley/diagnose"
)

// TestTry: a mail to look at has what subscribers get, and changes nothing of theirs.
func TestTry(t *testing.T) {
	h := newHouse(t, func(c *Config) { c.First = 3 })
	if _, _, err := h.Try(t.Context(), "me@example.net", diagnose.English); !errors.Is(err, ErrNoArticles) {
		t.Errorf("without an article: %v", err)
	}
	h.subscribe("kim@example.net", Choice{All: true, Frequency: EveryDay})
	h.feeds.has("/f", "text/xml", rss(items(1, 3)...))
	h.add("/f")
	if r := h.round(); r.Articles != 3 {
		t.Fatalf("%+v", r)
	}
	if _, _, err := h.Try(t.Context(), "nobody", diagnose.English); err == nil {
		t.Error("nobody is an address")
	}
	for _, lang := range []diagnose.Lang{diagnose.English, diagnose.Chinese, diagnose.Chinese} {
		if _, n, err := h.Try(t.Context(), "me@example.net", lang); err != nil || n != 3 {
			t.Fatalf("%d, %v", n, err)
		}
	}
	got := h.waiting()
	if len(got) != 3 {
		t.Fatalf("%d mails", len(got))
	}
	for i, leave := range []string{"Unsubscribe", "退订", "退订"} {
		checkMail(t, got[i])
		if m := got[i].message(t); got[i].to != "me@example.net" || strings.Count(m.Text, "Text of ") != 3 || !strings.Contains(m.Text, leave) {
			t.Errorf("to %s:\n%s", got[i].to, m.Text)
		}
	}
	link := strings.Trim(got[0].field("List-Unsubscribe"), "<>")
	if tok, err := h.verify(forLeaving, link[strings.LastIndex(link, "/")+1:]); err != nil || tok.id != 0 {
		t.Errorf("its link is of %d: %v", tok.id, err)
	}
	if n := h.count("SELECT count(*) FROM parley_digest_subscribers"); n != 1 {
		t.Errorf("%d subscribers", n)
	}
	h.drop()
	h.clock.forward(25 * 60 * 60 * 1e9)
	h.round()
	if got := h.waiting(); len(got) != 1 || got[0].to != "kim@example.net" || strings.Count(got[0].message(t).Text, "Text of ") != 3 {
		t.Errorf("afterwards the subscriber gets %v", got)
	}
}
