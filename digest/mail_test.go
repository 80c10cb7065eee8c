package digest

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/outbox"
)

// TestHostileItems: whatever an article is called and holds, its mail is one mail, with the header that we gave it.
func TestHostileItems(t *testing.T) {
	h := newHouse(t, func(c *Config) { c.First = 100 })
	var list []string
	for i, title := range []string{
		"x&#13;&#10;Bcc: all@example.net", "x&#10;&#10;body", "x\u2028y\u2029z", "&lt;script&gt;alert(1)&lt;/script&gt;", "=?utf-8?q?=0d=0aBcc:_all@example.net?=", strings.Repeat("long ", 5000),
		"\u202egnp.exe", "{{.Leave}} %s %d &#36;{x}", "https://parley.invalid/leave", strings.Repeat("字", 5000), "&amp;lt;b&amp;gt;",
	} {
		list = append(list, fmt.Sprintf(`<item><title>%s</title><link>https://b.example/%d?"&gt;&lt;script&gt;</link><guid>%d</guid><author>x@y.z (%s)</author><description>&lt;p&gt;{{.Leave}}%s&lt;/p&gt;&lt;script&gt;alert(1)&lt;/script&gt;&lt;a href="javascript:alert(1)"&gt;x&lt;/a&gt;</description></item>`, title, i, i, title, title))
	}
	h.feeds.has("/f", "text/xml", strings.Replace(rss(list...), "<title>Blog</title>", "<title>Bl&#13;&#10;Bcc: x@example.net</title>", 1))
	h.add("/f")
	h.subscribe("kim@example.net", Choice{All: true, Frequency: AtOnce})
	if r := h.round(); r.Articles != len(list) || r.Mails != 1 {
		t.Fatalf("%+v", r)
	}
	l := h.waiting()[0]
	for i := range list { // and each in a mail of its own
		h.drop()
		if _, err := h.s.DB.ExecContext(t.Context(), fmt.Sprintf("UPDATE parley_digest_subscribers SET position = %d, next_at = 0", len(list)-1-i)); err != nil {
			t.Fatal(err)
		}
		if _, err := h.s.DB.ExecContext(t.Context(), fmt.Sprintf("UPDATE parley_digest_items SET state = CASE WHEN id = %d THEN 0 ELSE 1 END", len(list)-i)); err != nil {
			t.Fatal(err)
		}
		if r := h.round(); r.Mails != 1 {
			t.Fatalf("%d: %+v", i, r)
		}
		checkMail(t, h.waiting()[0])
	}
	checkMail(t, l)
}

// checkMail looks whether a mail is what it should be, whatever its articles are.
func checkMail(t *testing.T, l letterSeen) {
	t.Helper()
	head, _, _ := strings.Cut(l.raw, "\r\n\r\n")
	if strings.Contains(strings.ToLower(head), "\r\nbcc:") || strings.Count(head, "\r\nSubject:") != 1 || strings.Count(head, "\r\nTo:") != 1 {
		t.Errorf("the header is not ours:\n%s", head)
	}
	m := l.message(t)
	if strings.Contains(strings.ToLower(m.HTML), "<script") || strings.Contains(m.HTML, "javascript:") || strings.Contains(m.HTML, `"><`+"script") {
		t.Errorf("it runs:\n%s", m.HTML)
	}
	if utf8.RuneCountInString(m.Subject) > 330 || strings.ContainsRune(m.Subject, '\u202e') {
		t.Errorf("the subject: %q", m.Subject)
	}
	if n := strings.Count(m.HTML, "/unsubscribe/"); n != 1 {
		t.Errorf("the link to leave stands there %d times", n)
	}
	if strings.Contains(m.HTML, ".invalid/leave\"") && !strings.Contains(m.HTML, "parley.invalid") {
		t.Error("a link was not filled in")
	}
}

// TestNames: a list is named as its people do, in any language.
func TestNames(t *testing.T) {
	for name, want := range map[string]string{
		"Kim's notes": "Kim's notes <news.example.com>", `Notes, "daily" <x>`: `"Notes, \"daily\" <x>" <news.example.com>`, "技术周刊": "<news.example.com>", "x\r\nBcc: y": `"x Bcc: y" <news.example.com>`,
	} {
		h := newHouse(t, func(c *Config) { c.Name = name })
		h.feeds.has("/f", "text/xml", rss(items(1, 2)...))
		h.add("/f")
		h.subscribe("kim@example.net", Choice{All: true, Frequency: AtOnce})
		h.round()
		l := h.waiting()[0]
		if got := l.field("List-Id"); !strings.HasPrefix(got, want) || !strings.HasSuffix(got, "<news.example.com>") {
			t.Errorf("%q: %q", name, got)
		}
	}
}

// TestEmbedded: images go with the mail, as far as there is room; what is none, or stands on a private network, does not.
func TestEmbedded(t *testing.T) {
	h := newHouse(t, func(c *Config) { c.Images = Embedded })
	var picture bytes.Buffer
	if err := png.Encode(&picture, image.NewRGBA(image.Rect(0, 0, 8, 8))); err != nil {
		t.Fatal(err)
	}
	h.feeds.does("/a.png", func(w http.ResponseWriter, _ *http.Request) { w.Write(picture.Bytes()) })
	h.feeds.has("/svg.png", "image/png", "<svg><script>alert(1)</script></svg>")
	h.feeds.does("/large.png", func(w http.ResponseWriter, _ *http.Request) { w.Write(append(picture.Bytes(), make([]byte, 1<<20)...)) })
	h.feeds.does("/inside.png", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://10.0.0.1/a.png", http.StatusFound)
	})
	body := "&lt;p&gt;"
	for _, name := range []string{"/a.png", "/svg.png", "/large.png", "/inside.png", "/missing.png", "/a.png"} {
		body += fmt.Sprintf("&lt;img src='%s%s?a=1&amp;amp;b=2'&gt;", h.feeds.URL, name)
	}
	h.feeds.has("/f", "text/xml", rss(entryXML("1", "https://b.example/1", "Pictures", "", body+"&lt;/p&gt;")))
	h.add("/f")
	h.subscribe("kim@example.net", Choice{All: true, Frequency: AtOnce})
	h.round()
	m := h.waiting()[0].message(t)
	if len(m.Inline) != 1 || m.Inline[0].Type != "image/png" || strings.Count(m.HTML, `src="cid:`+m.Inline[0].ContentID+`"`) != 2 || strings.Count(m.HTML, `src="http`) != 4 {
		t.Errorf("%+v\n%s", m.Inline, m.HTML)
	}
	if n := h.feeds.times("/a.png"); n != 1 {
		t.Errorf("it was fetched %d times", n)
	}
}

// TestPeriods: one mail a day, or a week, with all that is new since the last, and none where there is nothing.
func TestPeriods(t *testing.T) {
	h := newHouse(t)
	h.feeds.has("/f", "text/xml", rss(items(1, 1)...))
	h.add("/f")
	h.round()
	for address, f := range map[string]Frequency{"daily@example.net": EveryDay, "weekly@example.net": EveryWeek, "once@example.net": AtOnce} {
		h.subscribe(address, Choice{All: true, Frequency: f})
	}
	got := make(map[string]int)
	articles := 1
	for hour := 0; hour < 18*24; hour += 4 {
		if hour%20 == 0 && hour < 200 {
			articles++
			h.feeds.has("/f", "text/xml", rss(items(1, articles)...))
		}
		h.clock.forward(4 * time.Hour)
		if r := h.round(); r.Mails == 0 {
			continue
		}
		for _, l := range h.waiting() {
			got[l.to]++
			got[l.to+" articles"] += strings.Count(l.message(t).Text, "Text of ")
		}
		h.drop()
	}
	// Of 10 new articles, one each 20 hours over 200 hours, at 08:00.
	if got["once@example.net"] != 10 || got["daily@example.net"] < 8 || got["daily@example.net"] > 9 || got["weekly@example.net"] < 1 || got["weekly@example.net"] > 3 {
		t.Errorf("%v", got)
	}
	for _, a := range []string{"once", "daily", "weekly"} {
		if got[a+"@example.net articles"] != 10 {
			t.Errorf("%s: %v", a, got)
		}
	}
}

func TestSchedule(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skip("there are no time zones on this machine")
	}
	c := Config{Zone: berlin, Daily: Daily{Set: true, Hour: 2, Minute: 30}, Weekly: Weekly{Day: time.Monday, At: Daily{Set: true, Hour: 9}}}
	at := func(s string) time.Time {
		v, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, x := range []struct {
		f         Frequency
		now, want string
	}{
		{EveryDay, "2026-03-27T12:00:00+01:00", "2026-03-28T02:30:00+01:00"},
		{EveryDay, "2026-03-28T02:30:00+01:00", "2026-03-29T03:30:00+02:00"}, // the clock is put forward over it
		{EveryDay, "2026-03-29T03:30:00+02:00", "2026-03-30T02:30:00+02:00"},
		{EveryDay, "2026-10-24T12:00:00+02:00", "2026-10-25T02:30:00+01:00"}, // it comes twice, and counts once
		{EveryDay, "2026-10-25T02:30:00+01:00", "2026-10-26T02:30:00+01:00"},
		{EveryWeek, "2026-03-27T12:00:00+01:00", "2026-03-30T09:00:00+02:00"},
		{EveryWeek, "2026-03-30T08:59:59+02:00", "2026-03-30T09:00:00+02:00"},
		{EveryWeek, "2026-03-30T09:00:00+02:00", "2026-04-06T09:00:00+02:00"},
		{EveryWeek, "2026-12-29T09:00:00+01:00", "2027-01-04T09:00:00+01:00"},
	} {
		if got := time.UnixMilli(c.next(x.f, at(x.now))); !got.Equal(at(x.want)) {
			t.Errorf("%v after %s: %v, not %s", x.f, x.now, got.In(berlin), x.want)
		}
	}
}

// TestCSV: what is written is read again, what spreadsheets reckon with is a text, and rows with a mistake are told of.
func TestCSV(t *testing.T) {
	h := newHouse(t)
	h.feeds.has("/f", "text/xml", rss(items(1, 1)...))
	f := h.add("/f")
	in := "\ufeffE-Mail,Frequency,Language,Feeds,State\r\nkim@example.net,weekly,zh,1,\r\n+plus@example.net,once,,,\r\n=cmd|' /C calc'!A0@example.net,,,,\r\nbad,,,,\r\nleft@example.net,,,,unsubscribed\r\nkim@example.net,daily,,,\r\n,,,,\r\nx@example.net,hourly,,,\r\n\"quo\"te\"@example.net,,,,\r\n李@example.net,,,,\r\n"
	got, err := h.ImportCSV(t.Context(), strings.NewReader(in), true)
	if err != nil {
		t.Fatal(err)
	}
	if got.Subscribed != 3 || got.There != 1 || got.Out != 1 || len(got.Bad) != 4 || got.Bad[0].Line != 4 {
		t.Errorf("%+v", got)
	}
	kim, err := h.Subscriber(t.Context(), "kim@example.net")
	if err != nil || kim.Frequency != EveryWeek || kim.Lang != diagnose.Chinese || kim.All || len(kim.Feeds) != 1 || kim.Feeds[0] != f.ID {
		t.Errorf("%+v, %v", kim, err)
	}
	// Who has left stays out, however they come.
	got, err = h.ImportCSV(t.Context(), strings.NewReader("address\nleft@example.net\n"), true)
	if err != nil || got.Out != 1 || h.stateOf("left@example.net") != Unsubscribed {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := h.Subscribe(t.Context(), Subscriber{Address: "left@example.net"}, false); err == nil {
		t.Error("who has left was let in")
	}
	if err := h.Leave(t.Context(), "kim@example.net", Complained, "=HYPERLINK(\"x\")"); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := h.ExportCSV(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(out.String()) {
		for cell := range strings.SplitSeq(line, ",") {
			if cell = strings.Trim(cell, `"`); cell != "" && strings.ContainsRune("=+-@\t", rune(cell[0])) {
				t.Errorf("a spreadsheet would reckon: %s", line)
			}
		}
	}
	other := newHouse(t)
	if _, err := other.AddFeed(t.Context(), Feed{URL: f.URL}); err != nil { // rows name feeds by their numbers
		t.Fatal(err)
	}
	if got, err = other.ImportCSV(t.Context(), strings.NewReader("Email;Frequency;Lang;Feeds\na@example.net;weekly;zh;\nb@example.net;;fr;\nc@example.net;;;1 77\n"), true); err != nil || got.Subscribed != 1 || len(got.Bad) != 2 ||
		!strings.Contains(got.Bad[0].Why, "en or zh") || !strings.Contains(got.Bad[1].Why, "no feed 77") {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err = other.ImportCSV(t.Context(), &out, true); err != nil || got.Subscribed != 2 || got.Out != 2 || len(got.Bad) != 0 || other.stateOf("+plus@example.net") != Subscribed {
		t.Errorf("%+v, %v", got, err)
	}
	for _, bad := range []string{"", "name\nkim\n", "kim@example.net\nlee@example.net\n", "\x00\x01"} {
		if _, err := h.ImportCSV(t.Context(), strings.NewReader(bad), true); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

func TestOPML(t *testing.T) {
	h := newHouse(t)
	got, err := h.ImportOPML(t.Context(), strings.NewReader(`<?xml version="1.0" encoding="utf-8"?><opml version="1.0"><body><outline text="Folder"><outline text="A &amp; B" xmlUrl="https://a.example/f"/></outline><outline title="C" xmlURL="feed://c.example/f"/><outline text="no" xmlUrl="file:///etc/passwd"/></body></opml>`))
	if err != nil || len(got.Added) != 2 || len(got.Bad) != 1 || got.Added[0].Name != "A & B" || got.Added[1].URL != "https://c.example/f" {
		t.Errorf("%+v, %v", got, err)
	}
	var out bytes.Buffer
	if err := h.ExportOPML(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	other := newHouse(t)
	exported := out.String()
	if got, err = other.ImportOPML(t.Context(), &out); err != nil || len(got.Added) != 2 || got.There != 0 || len(got.Bad) != 0 {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err = other.ImportOPML(t.Context(), strings.NewReader(exported)); err != nil || len(got.Added) != 0 || got.There != 2 {
		t.Errorf("once more: %+v, %v", got, err)
	}
	for _, hostile := range []string{`<!DOCTYPE x [<!ENTITY a "b">]><opml><outline text="&a;" xmlUrl="https://x.example/"/></opml>`, strings.Repeat("<outline>", 100_000), "", "<opml/>", `{"x":1}`} {
		if _, err := h.ImportOPML(t.Context(), strings.NewReader(hostile)); err == nil {
			t.Errorf("%.50q is taken", hostile)
		}
	}
}

// TestConfig: what is wrong with a configuration is told, all of it, and one database has one list.
func TestConfig(t *testing.T) {
	for want, change := range map[string]func(*Config){
		"the name is missing": func(c *Config) { c.Name = "" }, "from:": func(c *Config) { c.From = mail.Address{} }, "the URL is missing": func(c *Config) { c.URL = "" },
		"is no http or https URL": func(c *Config) { c.URL = "ftp://x.example" }, "list-id": func(c *Config) { c.ListID = "x>\r\nBcc: y" },
	} {
		h := &house{t: t, clock: &clock{t: time.Now()}}
		c := h.config()
		change(&c)
		if _, err := Open(t.Context(), "sqlite:"+t.TempDir()+"/x.db", c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	h := newHouse(t)
	c := h.config()
	c.URL = "https://other.example.com"
	if _, err := Open(t.Context(), h.path, c); err == nil || !strings.Contains(err.Error(), "one list a database") {
		t.Errorf("%v", err)
	}
}

// TestForget: who is forgotten is nowhere any more, and gets nothing.
func TestForget(t *testing.T) {
	h := newHouse(t)
	h.feeds.has("/f", "text/xml", rss(items(1, 1)...))
	h.add("/f")
	h.subscribe("kim@example.net", Choice{Frequency: AtOnce, All: true})
	h.round()
	if err := h.Forget(t.Context(), "kim@example.net"); err != nil {
		t.Fatal(err)
	}
	for _, table := range []string{"subscribers", "choices", "mails", "requests"} {
		if n := h.count("SELECT count(*) FROM parley_digest_" + table); n != 0 {
			t.Errorf("%s: %d", table, n)
		}
	}
	if list := h.waiting(); len(list) != 0 {
		t.Errorf("%d mails wait", len(list))
	}
	s, err := h.Status(t.Context())
	if err != nil || s.Subscribers[Subscribed] != 0 || s.Mails[outbox.Queued] != 0 {
		t.Errorf("%+v, %v", s, err)
	}
}

// TestRetention: what is old goes, and what it was known by stays.
func TestRetention(t *testing.T) {
	h := newHouse(t)
	h.feeds.has("/f", "text/xml", rss(items(1, 3)...))
	h.add("/f")
	h.round()
	h.clock.forward(50 * 24 * time.Hour)
	if err := h.forget(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := h.count("SELECT count(*) FROM parley_digest_items WHERE html <> ''"); n != 0 {
		t.Errorf("%d texts", n)
	}
	if r := h.round(); r.Articles != 0 || r.Failed != 0 {
		t.Errorf("%+v", r)
	}
	h.clock.forward(500 * 24 * time.Hour) // nothing new in all that time
	h.round()
	if err := h.forget(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r := h.round(); r.Articles != 0 || r.Failed != 0 {
		t.Errorf("%+v", r)
	}
	h.feeds.has("/f", "text/xml", rss(items(3, 4)...))
	h.clock.forward(2 * time.Hour)
	if r := h.round(); r.Articles != 1 {
		t.Errorf("what was old is new again: %+v", r)
	}
	h.clock.forward(500 * 24 * time.Hour)
	h.feeds.has("/f", "text/xml", rss(items(4, 5)...))
	h.round()
	if err := h.forget(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := h.count("SELECT count(*) FROM parley_digest_items"); n != 2 {
		t.Errorf("%d items are kept", n)
	}
}

// TestOddAddresses: each address that is taken gets its mail, and one that cannot be written to keeps nobody else waiting.
func TestOddAddresses(t *testing.T) {
	h := newHouse(t)
	h.feeds.has("/f", "text/xml", rss(items(1, 1)...))
	h.add("/f")
	addresses := []string{"kim@example.net", "李@例子.中国", "kim@例子.中国", `"a b"@example.net`, "+=-'@example.net", "kim@[192.0.2.1]", "KIM@EXAMPLE.ORG", "a.b.c!d%e@example.net", strings.Repeat("a", 64) + "@example.net"}
	for _, a := range addresses {
		h.subscribe(a, Choice{All: true, Frequency: AtOnce})
	}
	h.subscribe("broken@example.net", Choice{All: true, Frequency: AtOnce})
	if _, err := h.s.DB.ExecContext(t.Context(), "UPDATE parley_digest_subscribers SET shown = 'no address' WHERE address = 'broken@example.net'"); err != nil {
		t.Fatal(err)
	}
	if r := h.round(); r.Mails != len(addresses) || r.Out != 1 {
		t.Errorf("%+v", r)
	}
	for _, l := range h.waiting() {
		checkMail(t, l)
	}
	if h.stateOf("broken@example.net") != Bounced || h.stateOf("kim@xn--fsqu00a.xn--fiqs8s") != Subscribed {
		t.Error("who is who?")
	}
}
