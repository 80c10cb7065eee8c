package pages

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/relay"
)

// TestQueuePagesAreSound: as all pages are, in both languages, for operators and users, full and empty.
func TestQueuePagesAreSound(t *testing.T) {
	h := fullQueue(t, nil)
	if err := h.box.Suppress(t.Context(), outbox.Suppression{Address: "kim@good.example", Reason: "complaint", Detail: "an ARF report", Message: h.sent, Until: time.Now().Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	empty := openQueue(t, nil)
	for _, lang := range []string{"en", "zh-CN"} {
		for _, who := range []asker{{Operator: true}, {Name: "shop"}} {
			h.who = who
			for _, target := range h.queueTargets() {
				if target == "/" && !who.Operator {
					continue // it leads elsewhere
				}
				h.page(target, lang).sound(lang)
			}
		}
		for _, target := range []string{"/", "/messages", "/rates", "/suppressions", "/users", "/help"} {
			empty.page(target, lang).sound(lang)
		}
	}
}

// TestQueueByLane: each lane with what waits, what is suspended until when and why, and how many are in which state.
func TestQueueByLane(t *testing.T) {
	h := fullQueue(t, nil)
	p := h.page("/", "en")
	p.must("qq/59419979@qq.com", "suspended", "Suspended until", "550 Connection frequency limited.", "more) after", "Processes at work: 1", "later", "no lane yet")
	if p.says("Nobody is at work") {
		t.Error("it says that nobody is at work")
	}
	for state, n := range map[string]string{"sent": "2 sent", "bounced": "1 bounced", "deferred": "deferred", "unknown": "1 unknown", "held": "1 held", "expired": "0 expired"} {
		if !p.says(n) {
			t.Errorf("it does not say %q (%s)", n, state)
		}
	}
	p.must("2 wait for you") // held and unknown
	if !strings.Contains(p.text, `href="/messages?lane=qq%2F59419979%40qq.com&amp;state=queued%2Cdeferred%2Csending"`) {
		t.Error("a lane does not lead to what waits in it")
	}
	h.page("/", "zh-CN").must("已暂停", "暂停到", "按通道", "排队中")
	h.page("/messages?lane=qq/59419979@qq.com", "en").must("zhao@qq.example", "is suspended until")
}

// TestQueueList: what is asked for is there, and nothing else; pages follow one another.
func TestQueueList(t *testing.T) {
	h := fullQueue(t, nil)
	for target, want := range map[string][]string{
		"/messages":                                          {"kim@", "li@", "nobody@", "wang@", "zhao@", "anna@", "bob@", "a@", "b@", "c@"},
		"/messages?state=bounced,expired":                    {"nobody@"},
		"/messages?state=held":                               {"bob@"},
		"/messages?to=@" + goodDomain:                        {"kim@", "li@", "bob@", "a@", "b@", "c@"},
		"/messages?to=li@" + goodDomain:                      {"li@"},
		"/messages?to=%3Cplain@example.com%3E&state=unknown": {"anna@"},
		"/messages?topic=statements+2026-03":                 {"kim@", "li@"},
		"/messages?class=alert":                              {"wang@"},
		"/messages?origin=cron":                              {"wang@"},
		"/messages?lane=good&state=sent":                     {"kim@", "li@"},
		"/messages?from=other@example.com":                   {},
		"/messages?since=1h&class=bulk":                      {"kim@", "li@"},
		"/messages?since=2099-01-01":                         {},
	} {
		p := h.page(target, "en")
		if p.status != http.StatusOK || strings.Count(p.text, "data-id=") != len(want) {
			t.Errorf("%s: %d, %d rows, and there were to be %d", target, p.status, strings.Count(p.text, "data-id="), len(want))
		}
		for _, one := range want {
			if !strings.Contains(p.text, `title="`+one) {
				t.Errorf("%s has not %s", target, one)
			}
		}
	}
	for _, target := range []string{"/messages?state=lost", "/messages?class=first", "/messages?since=soon", "/messages?before=x"} {
		if p := h.page(target, "en"); p.status != http.StatusBadRequest || !p.says("cannot be read") {
			t.Errorf("%s: %d", target, p.status)
		}
	}
	answer := h.do("GET", "/messages?to="+h.sent.String(), nil, "en")
	if answer.Header.Get("Location") != "/messages/"+h.sent.String() {
		t.Errorf("a number does not lead to its mail: %d", answer.StatusCode)
	}
	for range perPage {
		h.put(outbox.Mail{NotBefore: time.Now().Add(time.Hour)}, plainMail, "more@"+goodDomain)
	}
	first := h.page("/messages", "en")
	if n := strings.Count(first.text, "data-id="); n != perPage || first.says("kim@good.example") {
		t.Errorf("%d rows", n)
	}
	h.page(first.byRel("next"), "en").must("kim@good.example", "Newest")
}

// TestQueueMessage: all that is known of a mail, with each attempt explained.
func TestQueueMessage(t *testing.T) {
	h := fullQueue(t, nil)
	at := func(id outbox.ID, more string) *page { return h.page("/messages/"+id.String()+more, "en") }
	at(h.bounced, "").must("nobody@bad.example", "bounced", "was given up at", "RCPT TO:<nobody@bad.example>", "550 5.1.1", "no such user", "Cause", "Fix", "attempt 1", "The client says who it is")
	at(h.deferred, "").must("waits for attempt 2 at", "451 4.7.1 greylisted", "alert", "cron")
	at(h.suspended, "").must("waits: lane qq/59419979@qq.com is suspended until", "frequency limited")
	at(h.unknown, "").must("may have been taken", "Release it to have it sent again", "Release", "Cancel")
	at(h.held, "").must("is held since", "wrong figures", "Release")
	sent := at(h.sent, "")
	sent.must("kim@good.example", "li@good.example", "was sent at", "statements 2026-03", "bulk", "<statement@example.com>", "250")
	if sent.says("Retry now") || sent.says("Hold") {
		t.Error("what was sent can be moved")
	}
	for tab, texts := range map[string][]string{
		"html": {"Images from elsewhere are not loaded: 1"}, "text": {"Your code is 482913."}, "headers": {"March statement", "财务部"}, "structure": {"multipart/alternative", "chart.png"},
		"source": {"Content-Type: multipart/mixed; boundary=m"}, "attachments": {"chart.png", "page.html"},
	} {
		at(h.sent, "?tab="+tab).must(texts...)
	}
	frame := at(h.sent, "/html")
	if policy := frame.header.Get("Content-Security-Policy"); !strings.HasPrefix(policy, "sandbox ") || strings.Contains(policy, "script") || strings.Contains(frame.text, "track.example") || len(frame.all("script")) > 0 {
		t.Errorf("the frame: %s\n%s", policy, frame.text)
	}
	if image := at(h.sent, "/image/2"); image.status != http.StatusOK || image.header.Get("Content-Type") != "image/png" {
		t.Errorf("%d %v", image.status, image.header)
	}
	if file := at(h.sent, "/file/3"); file.status != http.StatusOK || !strings.HasPrefix(file.header.Get("Content-Disposition"), "attachment") {
		t.Errorf("%d %v", file.status, file.header)
	}
	if kept := at(h.bounced, ""); !kept.says("Retry now") {
		t.Error("what was given up cannot be tried again, and its content is kept")
	}
	for _, target := range []string{"/messages/x", "/messages/0000000000000", "/messages/x/html", "/messages/" + h.sent.String() + "/image/3", "/messages/" + h.sent.String() + "/file/9"} {
		if p := h.page(target, "en"); p.status != http.StatusNotFound {
			t.Errorf("%s: %d", target, p.status)
		}
	}
}

// TestQueueContentGone: what cannot be tried again, as its content is not kept, has no button for it.
func TestQueueContentGone(t *testing.T) {
	for kept, want := range map[bool]bool{true: true, false: false} {
		m := queueMessage{messagePage: new(messagePage), Shown: outbox.Shown{Kept: kept, Recipients: []outbox.Item{{State: outbox.Bounced}}}}
		m.fillRecipients(new(outbox.Tally))
		if m.Can.Retry != want || m.Recipients[0].Can().Retry != want {
			t.Errorf("kept: %t, and to be retried: %t, %t", kept, m.Can.Retry, m.Recipients[0].Can().Retry)
		}
	}
}

// TestQueueChanges: what is ticked, and what is found, is moved; the box is asked.
func TestQueueChanges(t *testing.T) {
	h := fullQueue(t, nil)
	key := func(id outbox.ID, n int) string { return keyOfRef(outbox.Ref{Message: id, Recipient: n}) }
	state := func(id outbox.ID, n int) outbox.State {
		s, err := h.box.Show(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		return s.Recipients[n].State
	}
	h.post("/messages", url.Values{"do": {"hold"}, "id": {key(h.several, 0), key(h.several, 2), key(h.sent, 0)}, "why": {"look first"}}).must("Recipients that are held: 2.")
	if state(h.several, 0) != outbox.Held || state(h.several, 1) != outbox.Queued || state(h.several, 2) != outbox.Held {
		t.Error("others are held")
	}
	h.page("/messages/"+h.several.String(), "en").must("look first")
	h.post("/messages/"+h.several.String(), url.Values{"do": {"release"}, "recipient": {"0"}}).must("Recipients that are released: 1.")
	h.post("/messages/"+h.several.String(), url.Values{"do": {"cancel"}}).must("Recipients that are cancelled:")
	h.post("/messages", url.Values{"do": {"all-release"}, "state": {"unknown"}, "back": {"/messages?state=unknown"}}).must("Recipients that are released: 1.")
	h.post("/messages", url.Values{"do": {"retry"}, "id": {key(h.bounced, 0)}}).must("Recipients that are tried now: 1.")
	h.becomes(h.bounced, outbox.Bounced)
	h.post("/messages", url.Values{"do": {"retry"}}).must("Nothing was ticked.")
	h.post("/messages", url.Values{"do": {"purge"}, "id": {key(h.sent, 0), key(h.sent, 1)}}).must("Mails that are forgotten: 1.")
	if p := h.page("/messages/"+h.sent.String(), "en"); p.status != http.StatusNotFound {
		t.Errorf("%d", p.status)
	}
	h.post("/messages", url.Values{"do": {"all-purge"}, "state": {"held"}}).must("Mails that are forgotten: 1.")
	h.post("/messages/"+h.deferred.String(), url.Values{"do": {"purge"}}).must("Mails that are forgotten: 1.")
	for _, bad := range []url.Values{{"do": {"all-purge"}}, {"do": {"all-retry"}}, {"do": {"explode"}, "id": {key(h.several, 0)}}, {"do": {"all-explode"}, "state": {"sent"}}, {"do": {"hold"}, "id": {"x"}}, {"do": {"all-hold"}, "state": {"x"}}} {
		if status := h.form("/messages", bad); status != http.StatusBadRequest {
			t.Errorf("%v: %d", bad, status)
		}
	}
	if status := h.form("/messages/0000000000000", url.Values{"do": {"hold"}}); status != http.StatusNotFound {
		t.Errorf("%d", status)
	}
}

// TestQueueOfAUser: a user sees and moves their own mail, and nothing else.
func TestQueueOfAUser(t *testing.T) {
	h := fullQueue(t, nil)
	h.who = asker{Name: "cron"}
	if answer := h.do("GET", "/", nil, "en"); answer.Header.Get("Location") != "/messages" {
		t.Errorf("%d", answer.StatusCode)
	}
	for _, target := range []string{"/messages", "/messages?origin=shop", "/messages?lane=good"} {
		p := h.page(target, "en")
		if strings.Count(p.text, "data-id=") != 1 || !p.says("wang@later.example") || p.says("kim@") || p.says("shop") && target == "/messages?origin=shop" && p.says("@good.example") {
			t.Errorf("%s: %s", target, textOf(p.byID("content")))
		}
	}
	for _, target := range []string{"/rates", "/suppressions", "/users"} {
		if p := h.page(target, "en"); p.status != http.StatusForbidden || !p.says("operators alone") {
			t.Errorf("%s: %d", target, p.status)
		}
	}
	for _, more := range []string{"", "?tab=source", "/html", "/image/2", "/file/3"} {
		if p := h.page("/messages/"+h.sent.String()+more, "en"); p.status != http.StatusNotFound {
			t.Errorf("%s: %d", more, p.status)
		}
	}
	for _, do := range []string{"hold", "cancel", "purge"} {
		if status := h.form("/messages/"+h.several.String(), url.Values{"do": {do}}); status != http.StatusNotFound {
			t.Errorf("%s: %d", do, status)
		}
		h.form("/messages", url.Values{"do": {do}, "id": {keyOfRef(outbox.Ref{Message: h.several})}})
		h.form("/messages", url.Values{"do": {"all-" + do}, "state": {"queued"}, "origin": {"shop"}})
	}
	if status := h.form("/suppressions", url.Values{"do": {"add"}, "address": {"x@example.net"}, "reason": {"manual"}}); status != http.StatusForbidden {
		t.Errorf("%d", status)
	}
	if s, err := h.box.Show(t.Context(), h.several); err != nil || s.Recipients[0].State != outbox.Queued {
		t.Errorf("%+v, %v", s, err)
	}
	h.post("/messages", url.Values{"do": {"all-hold"}, "state": {"deferred"}}).must("Recipients that are held: 1.")
	h.who = asker{}
	for _, target := range []string{"/", "/messages", "/messages/" + h.sent.String(), "/help"} {
		if p := h.page(target, "en"); p.status != http.StatusForbidden || p.says("kim@") {
			t.Errorf("%s: nobody is told %d", target, p.status)
		}
	}
}

// TestRates: what happened is drawn and stands in the table.
func TestRates(t *testing.T) {
	h := fullQueue(t, nil)
	p := h.page("/rates", "en")
	for late := time.Now().Add(10 * time.Second); strings.Count(p.text, `<th scope="row"`) <= hour && time.Now().Before(late); {
		p = h.page("/rates", "en") // what a slow machine has not counted in its time the next page counts
	}
	p.must("Accepted", "Sent", "Deferred", "Bounced or expired", "60 min ago", "now", "The same as figures")
	if n := len(p.all("svg")); n != 4 {
		t.Errorf("%d charts", n)
	}
	bars := 0
	for _, svg := range p.all("svg") {
		if attr(svg, "role") != "img" || attr(svg, "aria-label") == "" {
			t.Errorf("a chart is not told: %+v", svg.Attr)
		}
	}
	bars = len(p.all("rect"))
	if bars < 4 {
		t.Errorf("%d bars", bars)
	}
	rows := strings.Count(p.text, `<th scope="row"`)
	if rows != hour+1 {
		t.Errorf("%d minutes", rows)
	}
}

// TestChart: the tallest bar is as high as the chart, what is little is seen, and the minute that goes on is in no sum.
func TestChart(t *testing.T) {
	last := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	p := &ratesPage{}
	for ago, n := range map[int]int{0: 7, 1: 1000, 5: 1, 30: 10, 60: 2, 2: 0} {
		p.Minutes = append(p.Minutes, minuteRow{last.Add(-time.Duration(ago) * time.Minute), []int{n}})
	}
	c := p.chart(0, "put", last)
	if c.Most != 1000 || c.Minute != 1000 || c.Ten != 1001 || c.Hour != 1013 || len(c.Bars) != 5 {
		t.Errorf("%+v", c)
	}
	for _, b := range c.Bars {
		if b.Y+b.H != chartHeight || b.H < 2 || b.X < 0 || b.X > columnWidth*hour || b.N == 1000 && b.H != chartHeight {
			t.Errorf("%+v", b)
		}
	}
}

// TestSuppressions: one is put on the list, found, and taken off it; what is no address is shown again.
func TestSuppressions(t *testing.T) {
	h := openQueue(t, nil)
	h.page("/suppressions", "en").must("No address is suppressed")
	add := func(address, days string) url.Values {
		return url.Values{"do": {"add"}, "address": {address}, "reason": {"unsubscribed"}, "detail": {"by <b>link</b>"}, "days": {days}}
	}
	h.post("/suppressions", add("Kim@Example.NET", "")).must("Nothing is sent any more to Kim@Example.NET", "kim@example.net", "unsubscribed", "by <b>link</b>", "for good")
	h.post("/suppressions", add("kira@example.net", "30"))
	h.post("/suppressions", add("li@example.net", "1"))
	if p := h.page("/suppressions?find=ki", "en"); strings.Count(p.text, "data-id=") != 2 {
		t.Error(textOf(p.byID("content")))
	}
	if p := h.page("/suppressions?find=kim@example.net", "en"); strings.Count(p.text, "data-id=") != 1 {
		t.Error(textOf(p.byID("content")))
	}
	for form, text := range map[string]url.Values{"no mail address": add("kim at home", ""), "a number from 1": add("x@example.net", "-3")} {
		p := h.post("/suppressions", text)
		if p.status != http.StatusUnprocessableEntity || !p.says(form) || attr(p.byID("s-address"), "value") != text.Get("address") {
			t.Errorf("%v: %d", text, p.status)
		}
	}
	h.post("/suppressions", url.Values{"do": {"remove"}, "address": {"kim@example.net"}}).must("Mail is sent again to kim@example.net")
	if s, err := h.box.Suppressed(t.Context(), "kim@example.net"); s != nil || err != nil {
		t.Errorf("%+v, %v", s, err)
	}
	for range 2 {
		h.post("/suppressions", url.Values{"do": {"remove"}, "address": {"kim@example.net"}}) // twice is no error
	}
	for _, bad := range []url.Values{{"do": {"x"}}, {"do": {"add"}, "address": {"a@b.example"}, "reason": {"x"}}} {
		if status := h.form("/suppressions", bad); status != http.StatusBadRequest {
			t.Errorf("%v: %d", bad, status)
		}
	}
	for i := range perPage {
		if err := h.box.Suppress(t.Context(), outbox.Suppression{Address: strings.Repeat("m", i+1) + "@example.net", Reason: "something else"}); err != nil {
			t.Fatal(err)
		}
	}
	first := h.page("/suppressions", "en")
	if n := strings.Count(first.text, "data-id="); n != perPage {
		t.Errorf("%d rows", n)
	}
	h.page(first.byRel("next"), "en").must("From the beginning")
}

// TestUsersPage: who may send as whom, what was used, and nothing of passwords.
func TestUsersPage(t *testing.T) {
	line, err := relay.HashPassword("hidden-word-77")
	if err != nil {
		t.Fatal(err)
	}
	hash, err := relay.ParseHash(line)
	if err != nil {
		t.Fatal(err)
	}
	h := openQueue(t, func(c *relay.Config) {
		c.Users = []relay.User{
			{Name: "shop", Password: hash, Senders: []string{"*@shop.example"}, PerMinute: 60, PerDay: 1000, Topic: "orders", MaxSize: 1 << 20, Classes: []outbox.Class{outbox.Bulk}, Class: outbox.Bulk},
			{Name: "cron", Senders: []string{"*"}, Operator: true},
		}
		c.Listeners[0].User = "cron"
	})
	p := h.page("/users", "en")
	p.must("shop", "*@shop.example", "orders", "1.0 MiB", "bulk", "a minute 0 / 60", "a day 0 / 1000", "cron", "operator", "no login")
	if strings.Contains(p.text, "SCRAM") || strings.Contains(p.text, "(hash)") || strings.Contains(p.text, "hidden-word") || len(p.all("script")) != 1 {
		t.Errorf("it shows too much: %s", p.text)
	}
	h.page("/users", "zh-CN").must("每分钟 0 / 60", "管理员", "批量")
	openQueue(t, nil).page("/users", "en").must("There are no users")
}

// TestQueueNothingSaidIsMarkup: what mails, servers and programs say is text on every page.
func TestQueueNothingSaidIsMarkup(t *testing.T) {
	h := openQueue(t, nil)
	evil := "<script>alert(1)</script>\u202egnp<img src=x onerror=alert(2)>"
	plainly := strings.ReplaceAll(evil, "\u202e", "") // a box takes no mail that says such things of itself
	id := h.put(outbox.Mail{Origin: plainly, Topic: plainly, Key: plainly}, "From: "+evil+" <x@example.com>\nSubject: "+evil+"\nMessage-ID: <"+evil+">\nContent-Type: text/html\n\n"+evil+"\n", "zhao@"+laterDomain)
	h.becomes(id, outbox.Deferred)
	if _, err := h.box.Hold(t.Context(), evil, outbox.All(id)); err != nil {
		t.Fatal(err)
	}
	if err := h.box.Suppress(t.Context(), outbox.Suppression{Address: "kim@example.net", Reason: evil, Detail: evil}); err != nil {
		t.Fatal(err)
	}
	plain := url.QueryEscape(plainly)
	list := []string{"/", "/messages", "/rates", "/suppressions", "/users", "/messages?state=" + plain, "/messages?to=" + plain, "/messages?lane=" + plain, "/messages?topic=" + plain, "/suppressions?find=" + plain, "/messages/" + url.PathEscape(evil)}
	for _, tab := range queueTabs {
		list = append(list, "/messages/"+id.String()+"?tab="+tab)
	}
	shown := 0
	for _, target := range list {
		p := h.page(target, "en")
		for _, n := range p.all("") {
			for _, a := range n.Attr {
				if strings.HasPrefix(a.Key, "on") {
					t.Errorf("%s: <%s> has %s", target, n.Data, a.Key)
				}
			}
			if n.Data == "script" && attr(n, "src") != "/static/parley.js" || n.Data == "img" {
				t.Errorf("%s has <%s>: %s", target, n.Data, textOf(n))
			}
		}
		if strings.ContainsAny(p.text, "\u202a\u202b\u202d\u202e\u2066\u2067\u2068\x00\x1b") {
			t.Errorf("%s has a mark that turns text around", target)
		}
		if strings.Contains(p.text, "&lt;script&gt;alert(1)") {
			shown++
		}
	}
	if shown < 6 {
		t.Errorf("the payload is seen as text on %d pages only: it does not get there", shown)
	}
}

// TestQueueNotice: what a form did is told to the person once, and not to the script that asks meanwhile.
func TestQueueNotice(t *testing.T) {
	h := fullQueue(t, nil)
	h.form("/messages", url.Values{"do": {"hold"}, "id": {keyOfRef(outbox.Ref{Message: h.several})}})
	if h.live("/").says("Recipients that are held") {
		t.Error("the script was told")
	}
	h.page("/messages", "en").must("Recipients that are held: 1.")
	if h.page("/messages", "en").says("Recipients that are held") {
		t.Error("it is told twice")
	}
}

func TestSince(t *testing.T) {
	now := time.Date(2026, 3, 4, 15, 0, 0, 0, time.UTC)
	for text, want := range map[string]string{
		"2h": "2026-03-04T13:00:00Z", "90m": "2026-03-04T13:30:00Z", "3d": "2026-03-01T15:00:00Z", "2026-02-28": "2026-02-28T00:00:00Z",
		"2026-02-28 08:30": "2026-02-28T08:30:00Z", "2026-02-28T08:30": "2026-02-28T08:30:00Z", "2026-02-28T08:30:00+08:00": "2026-02-28T00:30:00Z",
	} {
		got, err := sinceOf(text, now)
		if err != nil || got.UTC().Format(time.RFC3339) != want {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "-2h", "soon", "-3d", "9999999999d", "2026-13-01"} {
		if got, err := sinceOf(text, now); err == nil {
			t.Errorf("%s: %v", text, got)
		}
	}
}

// TestForemost: of very many lanes those are shown that are worth a look.
func TestForemost(t *testing.T) {
	var lanes []laneRow
	for i := range 5000 {
		l := laneRow{}
		l.Waiting = i % 700
		l.Suspended = i == 4321
		lanes = append(lanes, l)
	}
	got := foremost(lanes)
	if len(got) == 0 || len(got) > mostLanes {
		t.Errorf("%d", len(got))
	}
	suspended := false
	for _, l := range got {
		suspended = suspended || l.Suspended
	}
	if !suspended {
		t.Error("the one that is suspended is not among them")
	}
	for i := range lanes {
		lanes[i].Suspended = true
	}
	if got := foremost(lanes); len(got) != mostLanes {
		t.Errorf("%d", len(got))
	}
}
