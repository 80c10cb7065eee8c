package digest

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// entryXML is an item of which each part may be left out or changed.
func entryXML(id, link, title, date, text string) string {
	var b strings.Builder
	b.WriteString("<item>")
	for _, e := range [][2]string{{"guid", id}, {"link", link}, {"title", title}, {"pubDate", date}, {"description", text}} {
		if e[1] != "" {
			fmt.Fprintf(&b, "<%s>%s</%s>", e[0], e[1], e[0])
		}
	}
	return b.String() + "</item>"
}

// many makes items 1 to n by a form.
func many(n int, form func(i int) string) (list []string) {
	for i := 1; i <= n; i++ {
		list = append(list, form(i))
	}
	return list
}

func dated(i int) string {
	return time.Date(2026, 3, i, 8, 0, 0, 0, time.UTC).Format(time.RFC1123Z)
}

// TestKnownAgain: what a feed changes of articles that it had sends nothing twice; what is new goes out.
func TestKnownAgain(t *testing.T) {
	if testing.Short() {
		t.Skip("it is one round after the other")
	}
	plain := func(i int) string {
		return entryXML(fmt.Sprint("id", i), fmt.Sprint("https://b.example/", i), fmt.Sprint("Title ", i), dated(i), fmt.Sprint("Text ", i))
	}
	bare := func(i int) string {
		return entryXML("", fmt.Sprint("https://b.example/", i), fmt.Sprint("Title ", i), "", fmt.Sprint("Text ", i))
	}
	for _, c := range []struct {
		name   string
		before []string
		after  []string
		out    int
	}{
		{"nothing changes", many(9, plain), many(9, plain), 0},
		{"one more", many(9, plain), many(10, plain), 1},
		{"all ids", many(9, plain), many(9, func(i int) string {
			return entryXML(fmt.Sprint("new", i), fmt.Sprint("https://b.example/", i), fmt.Sprint("Title ", i), dated(i), fmt.Sprint("Text ", i))
		}), 0},
		{"all ids, and one is new", many(9, plain), many(10, func(i int) string {
			return entryXML(fmt.Sprint("new", i), fmt.Sprint("https://b.example/", i), fmt.Sprint("Title ", i), dated(i), fmt.Sprint("Text ", i))
		}), 1},
		{"all links", many(9, plain), many(9, func(i int) string {
			return entryXML(fmt.Sprint("id", i), fmt.Sprint("https://new.example/p?", i), fmt.Sprint("Title ", i), dated(i), fmt.Sprint("Text ", i))
		}), 0},
		{"all ids and links", many(9, plain), many(9, func(i int) string {
			return entryXML(fmt.Sprint("https://new.example/p?", i), fmt.Sprint("https://new.example/p?", i), fmt.Sprint("Title ", i), dated(i), fmt.Sprint("Text ", i))
		}), 0},
		{"all ids, links and texts", many(9, plain), many(9, func(i int) string {
			return entryXML(fmt.Sprint("n", i), fmt.Sprint("https://new.example/p?", i), fmt.Sprint("Title ", i), dated(i), fmt.Sprint("Text ", i, " and a footer"))
		}), 0},
		{"all but the titles, which had no dates", many(9, bare), many(9, func(i int) string {
			return entryXML(fmt.Sprint("n", i), fmt.Sprint("https://new.example/p?", i), fmt.Sprint("Title ", i), "", fmt.Sprint("Text ", i, " and a footer"))
		}), 0},
		{"titles and texts are edited", many(9, plain), many(9, func(i int) string {
			return entryXML(fmt.Sprint("id", i), fmt.Sprint("https://b.example/", i), fmt.Sprint("Title ", i, ", corrected"), dated(i), "Another text")
		}), 0},
		{"without ids: titles are edited", many(9, bare), many(9, func(i int) string {
			return entryXML("", fmt.Sprint("https://b.example/", i), fmt.Sprint("Title ", i, ", corrected"), "", "Another text")
		}), 0},
		{"without ids: one more", many(9, bare), many(10, bare), 1},
		{"one id for all", many(3, func(i int) string {
			return entryXML("same", fmt.Sprint("https://b.example/", i), fmt.Sprint("Title ", i), "", "x")
		}), many(5, func(i int) string {
			return entryXML("same", fmt.Sprint("https://b.example/", i), fmt.Sprint("Title ", i), "", "x")
		}), 2},
		{"one link for all", many(3, func(i int) string {
			return entryXML(fmt.Sprint("id", i), "https://b.example/", fmt.Sprint("Title ", i), "", "x")
		}), many(5, func(i int) string {
			return entryXML(fmt.Sprint("id", i), "https://b.example/", fmt.Sprint("Title ", i), "", "x")
		}), 2},
		{"one title and text, each its own", many(3, func(i int) string {
			return entryXML(fmt.Sprint("id", i), fmt.Sprint("https://b.example/", i), "Open thread", "", "Say it.")
		}), many(5, func(i int) string {
			return entryXML(fmt.Sprint("id", i), fmt.Sprint("https://b.example/", i), "Open thread", "", "Say it.")
		}), 2},
		{"one page that shows another article each day", []string{entryXML("d1", "https://b.example/today", "Monday", dated(1), "a")}, []string{entryXML("d2", "https://b.example/today", "Tuesday", dated(2), "b")}, 1},
		{"the same twice in one feed", many(3, plain), append(many(3, plain), bare(7), bare(7)), 1},
		{"some fall out, and come back", many(9, plain), many(4, plain), 0},
		{"nothing is left", many(9, plain), nil, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHouse(t)
			h.feeds.has("/f", "text/xml", rss(c.before...))
			h.add("/f")
			if r := h.round(); r.Failed != 0 || r.Articles != 1 {
				t.Fatalf("first: %+v", r)
			}
			h.clock.forward(2 * time.Hour)
			h.feeds.has("/f", "text/xml", rss(c.after...))
			if r := h.round(); r.Articles != c.out || r.Held != 0 {
				t.Errorf("%+v, and %d were expected", r, c.out)
			}
			for _, again := range [][]string{c.before, c.after, c.before} {
				h.clock.forward(2 * time.Hour)
				h.feeds.has("/f", "text/xml", rss(again...))
				if r := h.round(); r.Articles != 0 {
					t.Errorf("once more: %+v", r)
				}
			}
		})
	}
}

// TestFlood: of very many that are new at once the newest go out, and the feed says so.
func TestFlood(t *testing.T) {
	h := newHouse(t, func(c *Config) { c.MostNew = 5 })
	h.feeds.has("/f", "text/xml", rss(items(1, 3)...))
	h.add("/f")
	h.subscribe("kim@example.net", Choice{All: true, Frequency: AtOnce})
	h.round()
	h.drop()
	h.clock.forward(2 * time.Hour)
	h.feeds.has("/f", "text/xml", rss(items(100, 300)...))
	if r := h.round(); r.Articles != 5 || r.Held != 196 || r.Mails != 1 {
		t.Fatalf("%+v", r)
	}
	feeds, err := h.Feeds(t.Context())
	if err != nil || feeds[0].Held != 196 || !strings.Contains(feeds[0].Note, "196 were kept back") {
		t.Errorf("%+v, %v", feeds, err)
	}
	l := h.waiting()[0]
	for n, want := range map[int]bool{300: true, 296: true, 295: false, 100: false} {
		if got := strings.Contains(l.message(t).Text, fmt.Sprintf("Article %d\n", n)); got != want {
			t.Errorf("article %d: %v", n, got)
		}
	}
}

// TestFirst: of a new feed so many go out as the digest says.
func TestFirst(t *testing.T) {
	for first, want := range map[int]int{0: 1, 3: 3, -1: 0, 50: 9} {
		h := newHouse(t, func(c *Config) { c.First = first })
		h.feeds.has("/f", "text/xml", rss(items(1, 9)...))
		h.add("/f")
		if r := h.round(); r.Articles != want || r.Held != 0 {
			t.Errorf("first %d: %+v", first, r)
		}
	}
}
