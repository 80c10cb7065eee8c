package web_test

import (
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/relay"
	"github.com/parleymail/parley/route"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtptest"
	"github.com/parleymail/parley/web"
	"github.com/parleymail/parley/web/pages"
)

// A queueHouse is parley serve without its command: a relay, servers behind it of which some do not behave, and the pages of its queue.
type queueHouse struct {
	house // for the browser
	t     testing.TB
	box   *outbox.Box
	path  string           // of its database
	stop  func()           // ends the pages
	later *smtptest.Server // says 451 until it is told to forget that
}

func newQueueHouse(t testing.TB, users ...relay.User) *queueHouse {
	t.Helper()
	path := filepath.Join(t.TempDir(), "box.db")
	box, err := relay.Open(t.Context(), "sqlite:"+path, outbox.Options{
		KeepContent: time.Hour, Unknown: map[outbox.Class]outbox.Policy{outbox.Normal: outbox.Hold},
	})
	if err != nil {
		t.Fatal(err)
	}
	h := &queueHouse{t: t, box: box, path: path}
	var table route.Table
	for _, one := range []struct{ name, provider, account string }{{"good", "", ""}, {"bad", "", ""}, {"later", "", ""}, {"qq", "qq", "59419979@qq.com"}, {"cut", "", ""}} {
		s := smtptest.NewServer(t)
		client := s.Client()
		client.KeepSaid = true
		switch one.name {
		case "bad":
			s.Refuse(smtp.StageRcpt, "", "550 5.1.1 no such user <script>alert(1)</script>")
		case "later":
			s.Refuse(smtp.StageRcpt, "", "451 4.7.1 greylisted, come back later")
			h.later = s
		case "qq":
			s.Refuse(smtp.StageMail, "", "550 Connection frequency limited.")
		case "cut":
			s.Fault(smtptest.Fault{Stage: smtp.StageEnd, Mute: true, Then: smtptest.HangUp})
		}
		table.Servers = append(table.Servers, route.Server{Name: one.name, Client: client, Provider: one.provider, Account: one.account})
		table.Rules = append(table.Rules, route.Rule{To: []string{one.name + ".example"}, Servers: []string{one.name}})
	}
	table.Default = []string{"good"}
	r, err := relay.New(box, relay.Config{
		Hostname: "relay.example", Listeners: []relay.Listener{{Address: "127.0.0.1:0"}}, Routes: table, Users: users, Grace: 2 * time.Second, Log: slog.New(slog.DiscardHandler),
		Worker: outbox.Worker{Name: "relay-1", Bounces: outbox.Bounces{None: true}, Retry: outbox.Retry{First: time.Hour}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Listen(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	queue, err := pages.NewQueue(pages.QueueConfig{Box: box, Relay: r, Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	l := listen(t)
	h.url = "http://" + l.Addr().String()
	hs := web.HTTPServer((&web.Relay{Relay: r, Box: box, Addr: l.Addr().String(), Pages: queue.Routes()}).Handler(ctx))
	go hs.Serve(l)
	h.stop = func() { hs.Close() }
	t.Cleanup(func() {
		hs.Close()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		box.Close()
	})
	return h
}

// put hands a mail over, and waits until it has become what it is to become.
func (h *queueHouse) put(m outbox.Mail, subject string, want outbox.State, to ...string) outbox.ID {
	h.t.Helper()
	one := statement(subject)
	one.To, one.Cc = mail.To(to...), nil
	m.Object = one
	id, err := h.box.Put(h.t.Context(), nil, &m)
	if err != nil {
		h.t.Fatal(err)
	}
	h.becomes(id, want)
	return id
}

func (h *queueHouse) becomes(id outbox.ID, want outbox.State) {
	h.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(20 * time.Second); ; <-tick.C {
		s, err := h.box.Show(h.t.Context(), id)
		if err != nil {
			h.t.Fatal(err)
		}
		if s.Recipients[0].State == want {
			return
		}
		if time.Now().After(end) {
			h.t.Fatalf("it does not become %v: %+v", want, s.Recipients)
		}
	}
}

// A queueTale is a queue in which all sorts of things have happened.
type queueTale struct{ sent, bounced, deferred, suspended, unknown, held outbox.ID }

func (h *queueHouse) tale() queueTale {
	h.t.Helper()
	q := queueTale{
		sent:     h.put(outbox.Mail{Topic: "statements 2026-03", Class: outbox.Bulk}, "March statement · 三月对账单", outbox.Sent, "kim@good.example"),
		bounced:  h.put(outbox.Mail{}, "Your order 4711", outbox.Bounced, "nobody@bad.example"),
		deferred: h.put(outbox.Mail{Class: outbox.Alert}, "[firing] disk 93 % full on db-2", outbox.Deferred, "oncall@later.example"),
		unknown:  h.put(outbox.Mail{}, "Invoice 2026-0042", outbox.Unknown, "anna@cut.example"),
		held:     h.put(outbox.Mail{NotBefore: time.Now().Add(time.Hour)}, "Spring sale", outbox.Queued, "bob@good.example", "li@good.example"),
	}
	q.suspended = h.put(outbox.Mail{Topic: "statements 2026-03"}, "April statement", outbox.Deferred, "59419979@qq.example")
	if _, err := h.box.Hold(h.t.Context(), "wrong figures", outbox.Ref{Message: q.held}); err != nil {
		h.t.Fatal(err)
	}
	return q
}

// TestQueuePages goes through the queue as a person does.
func TestQueuePages(t *testing.T) {
	h := newQueueHouse(t)
	b := chromium(t, &h.house)
	b.open(h.url + "/")
	b.says("Nothing has been handed over yet")
	b.noFaults()
	q := h.tale()
	b.says("qq/59419979@qq.com") // by itself
	b.says("Suspended until")
	b.says("frequency limited")
	b.want(`document.querySelector(".tiles .state-bounced b").innerText == "1"`)
	b.noFaults()

	// Live: without a reload, and what was begun stays.
	b.do(func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		return chromedp.Evaluate[chromedp.Void]("void (window.stays = true)")(ctx, t)
	})
	h.put(outbox.Mail{}, "Hello", outbox.Sent, "kim@good.example")
	b.want(`document.querySelector(".tiles .state-sent b").innerText == "2" && window.stays`)

	// From a lane to what waits in it, and why.
	b.click(`.lanes a[href*="qq"]`)
	b.says("59419979@qq.example")
	b.says("is suspended until")
	b.want(`document.querySelectorAll("#rows tr[data-id]").length == 1`)
	b.noFaults()

	// Search.
	b.open(h.url + "/messages")
	b.into("#query", "@bad.example"+kb.Enter)
	b.want(`document.querySelectorAll("#rows tr[data-id]").length == 1`)
	b.click("#rows .subject a")
	b.says("no such user <script>alert(1)</script>")
	b.says("Cause")
	b.want(`document.querySelectorAll(".history .conversation .remark").length > 3`)
	b.noFaults()
	for tab, has := range map[string]string{"text": "Your verification code", "headers": "MIME-Version", "structure": "multipart/alternative", "source": "Content-Type: multipart/mixed", "attachments": "对账单.pdf", "history": "attempt 1"} {
		b.click(`.tabs a[data-tab="` + tab + `"]`)
		b.want(`document.querySelector('.tabs a[data-tab="` + tab + `"]').hasAttribute("aria-current")`)
		b.says(has)
		b.noFaults()
	}
	b.click(`.tabs a[data-tab="html"]`)
	b.want(`document.querySelector("iframe.mail") && !document.querySelector("iframe.mail").getAttribute("sandbox").includes("allow-scripts")`)
	b.says("not loaded: 1")
	b.open(h.url + "/messages?to=" + q.unknown.String())
	b.want(`location.pathname == "/messages/` + q.unknown.String() + `"`)
	b.says("may have been taken")
	if len(b.outside) > 0 {
		t.Errorf("it asked elsewhere: %v", b.outside)
	}
	b.noFaults()
}

// TestQueueActions: what a person does on the pages is done, and told.
func TestQueueActions(t *testing.T) {
	h := newQueueHouse(t)
	q := h.tale()
	b := chromium(t, &h.house)
	// One of the list is ticked, and stays so while the page renews itself.
	b.open(h.url + "/messages?state=deferred")
	b.want(`document.querySelectorAll("#rows tr[data-id]").length == 2`)
	b.click(`#rows input[value^="` + q.deferred.String() + `"]`)
	h.later.Forget()
	b.into(`.actions input[name=why]`, "look first")
	b.click(`button[value="hold"]`)
	b.says("Recipients that are held: 1.")
	h.becomes(q.deferred, outbox.Held)
	// The message says so, with why; it is released there, and goes out while one looks.
	b.open(h.url + "/messages/" + q.deferred.String())
	b.says("look first")
	b.click(`#acts button[value="release"]`)
	b.says("Recipients that are released: 1.")
	b.says("451 4.7.1 greylisted")
	// All that is found.
	b.open(h.url + "/messages?state=unknown")
	b.click(`#found-acts summary`)
	b.click(`button[value="all-cancel"]`)
	b.says("Recipients that are cancelled: 1.")
	h.becomes(q.unknown, outbox.Cancelled)
	b.noFaults()
	// A mail is forgotten after a question.
	b.open(h.url + "/messages/" + q.bounced.String())
	b.click(`#sure-purge summary`)
	b.click(`button[value="purge"]`)
	b.says("Mails that are forgotten: 1.")
	if _, err := h.box.Show(t.Context(), q.bounced); err == nil {
		t.Error("it is still there")
	}
	// The suppression list.
	b.open(h.url + "/suppressions")
	b.says("No address is suppressed")
	b.noFaults()
	b.into("#s-address", "kim@good.example")
	b.into("#s-detail", "asked us by phone")
	b.click("#suppress-form button")
	b.says("Nothing is sent any more to kim@good.example")
	b.says("asked us by phone")
	b.noFaults()
	s, err := h.box.Suppressed(t.Context(), "kim@good.example")
	if err != nil || s == nil || s.Reason != "manual" {
		t.Errorf("%+v, %v", s, err)
	}
	b.click(`#rows button[value="remove"]`)
	b.says("Mail is sent again to kim@good.example")
}

// TestQueueLive: what is looked at is told anew, and what a person does meanwhile stays.
func TestQueueLive(t *testing.T) {
	h := newQueueHouse(t)
	q := h.tale()
	b := chromium(t, &h.house)
	b.open(h.url + "/messages/" + q.suspended.String())
	b.says("is suspended until")
	b.do(func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		return chromedp.Evaluate[chromedp.Void]("void (window.stays = true)")(ctx, t)
	})
	if _, err := h.box.Hold(t.Context(), "from elsewhere", outbox.All(q.suspended)); err != nil {
		t.Fatal(err)
	}
	b.want(`window.stays && document.querySelector("#fates .mark").innerText == "held"`)
	b.says("from elsewhere")
	// Rates.
	b.open(h.url + "/rates")
	b.want(`document.querySelectorAll(".rate-sent rect").length > 0`)
	count := `[...document.querySelectorAll("#minutes tr")].slice(0, 2).reduce((n, row) => n + Number(row.querySelectorAll("td")[1].innerText), 0)`
	b.want(count + " == 1")
	h.put(outbox.Mail{}, "Hello", outbox.Sent, "kim@good.example")
	b.want(count + " == 2")
	b.noFaults()
	// A ticked row is not taken away under the hand; a new one comes when it is not ticked any more.
	b.open(h.url + "/messages")
	b.click("#rows tr[data-id] input")
	h.put(outbox.Mail{}, "Comes later", outbox.Sent, "kim@good.example")
	ctx, stop := context.WithTimeout(t.Context(), 4*time.Second)
	defer stop()
	<-ctx.Done() // longer than the page waits to ask
	if b.is(`document.body.innerText.includes("Comes later")`) || !b.is(`document.querySelector("#rows input:checked")`) {
		t.Error("the list has changed while something was ticked")
	}
	b.click("#rows tr[data-id] input")
	b.says("Comes later")
	// A server that is gone is told of.
	b.want(`document.getElementById("stale").textContent == ""`)
	h.stop()
	b.says("The server does not answer")
}

// TestQueueLooks: dark, Chinese, and a narrow and a wide screen, on every page.
func TestQueueLooks(t *testing.T) {
	if testing.Short() {
		t.Skip("it looks at pages, one after the other")
	}
	h := newQueueHouse(t)
	q := h.tale()
	long := strings.Repeat("x", 60) + "@" + strings.Repeat("long.", 20) + "example.net"
	longOne := h.put(outbox.Mail{Topic: strings.Repeat("topic", 30), Key: strings.Repeat("k", 190), NotBefore: time.Now().Add(time.Hour)}, strings.Repeat("Averyveryverylongsubjectwithoutanyblank", 6), outbox.Queued, long, "second@good.example")
	if err := h.box.Suppress(t.Context(), outbox.Suppression{Address: long, Reason: "bounce", Detail: strings.Repeat("550 5.1.1 nobody ", 12), Message: q.bounced}); err != nil {
		t.Fatal(err)
	}
	b := chromium(t, &h.house)
	paths := []string{"/", "/messages", "/messages?state=deferred&lane=x&since=2h", "/messages?topic=statements+2026-03", "/rates", "/suppressions", "/users", "/help", "/messages?to=nobody"}
	for _, id := range []outbox.ID{q.sent, q.bounced, q.deferred, q.suspended, q.unknown, q.held, longOne} {
		paths = append(paths, "/messages/"+id.String())
	}
	for _, tab := range []string{"html", "text", "headers", "structure", "source", "attachments"} {
		paths = append(paths, "/messages/"+longOne.String()+"?tab="+tab)
	}
	for _, width := range []int64{320, 700, 1280, 1600} {
		b.size(width, 800)
		for _, path := range paths {
			b.open(h.url + path)
			b.noFaults()
			if t.Failed() {
				t.Fatalf("%s at %d", path, width)
			}
		}
	}
	b.open(h.url + "/")
	light := b.colour()
	b.click(`.theme a[href*="dark"]`)
	b.want(`document.documentElement.dataset.theme == "dark"`)
	if dark := b.colour(); dark == light {
		t.Errorf("dark looks as light does: %s", dark)
	}
	b.click(`a.lang`)
	b.want(`document.documentElement.lang == "zh-CN"`)
	b.says("已暂停")
	b.open(h.url + "/messages/" + q.bounced.String())
	b.says("已退回")
	b.says("解决办法")
	b.noFaults()
}

// TestQueueKeyboard: all that can be done is done without a mouse.
func TestQueueKeyboard(t *testing.T) {
	h := newQueueHouse(t)
	h.tale()
	b := chromium(t, &h.house)
	b.open(h.url + "/messages")
	b.keys(kb.Tab)
	b.want(`document.activeElement.classList.contains("skip")`)
	b.keys("j")
	b.want(`document.activeElement.innerText.includes("April statement")`)
	b.keys("jj")
	b.want(`document.activeElement.innerText.includes("Spring sale")`)
	b.keys("k")
	b.want(`document.querySelector("tr.at").innerText.includes("bob@good.example")`)
	b.keys("x")
	b.want(`document.querySelector("tr.at input").checked`)
	b.keys("x" + "k" + kb.Enter)
	b.want(`location.pathname.startsWith("/messages/")`)
	b.keys("3")
	b.want(`location.search.includes("tab=text")`)
	b.keys("1")
	b.want(`location.search.includes("tab=history")`)
	b.keys("u")
	b.want(`location.pathname == "/messages"`)
	b.keys("/")
	b.want(`document.activeElement.id == "query"`)
	b.keys(kb.Backspace + "anna@cut.example" + kb.Enter) // the driver types the / too, which a keyboard would not
	b.want(`location.search.includes("anna") && document.querySelectorAll("#rows tr[data-id]").length == 1`)
	// Enter in the field of the reason does nothing by itself.
	b.into(`.actions input[name=why]`, "x"+kb.Enter)
	b.want(`document.querySelector(".actions input[name=why]").value == "x"`)
	b.keys(kb.Escape)
	b.open(h.url + "/")
	b.keys("j")
	b.want(`document.activeElement.closest(".lanes")`)
	b.open(h.url + "/rates")
	b.keys("?")
	b.want(`location.pathname == "/help"`)
}

// TestQueueLogin: a user who logs in sees their own mail, and the pages work with a name and a password.
func TestQueueLogin(t *testing.T) {
	h := newQueueHouse(t, relay.User{Name: "shop", Password: passwordHash(t, "opensesame"), Senders: []string{"*"}, PerDay: 100}, relay.User{Name: "boss", Password: passwordHash(t, "letmein"), Operator: true, Senders: []string{"*"}})
	mine := h.put(outbox.Mail{Origin: "shop"}, "Mine", outbox.Sent, "kim@good.example")
	other := h.put(outbox.Mail{Origin: "boss"}, "Not mine", outbox.Sent, "kim@good.example")
	b := chromium(t, &h.house)
	at := func(user string) { b.open(strings.Replace(h.url, "http://", "http://"+user+"@", 1) + "/") }
	at("shop:opensesame")
	b.want(`location.pathname == "/messages"`)
	b.says("Mine")
	b.want(`!document.body.innerText.includes("Not mine") && document.querySelectorAll("header nav a").length == 2`)
	b.noFaults()
	b.open(h.url + "/messages/" + other.String())
	b.says("There is no such mail")
	b.open(h.url + "/messages/" + mine.String() + "?tab=html")
	b.want(`document.querySelector("iframe.mail")`)
	b.open(h.url + "/users")
	b.says("operators alone")
	second := h.put(outbox.Mail{Origin: "shop"}, "Comes while one looks", outbox.Sent, "kim@good.example")
	b.open(h.url + "/messages")
	b.says("Comes while one looks")
	h.put(outbox.Mail{Origin: "shop"}, "And another", outbox.Sent, "kim@good.example")
	b.says("And another")
	b.click(`#rows input[value^="` + second.String() + `"]`)
	b.click("#sure-purge summary")
	b.click(`button[value="purge"]`)
	b.says("Mails that are forgotten: 1.")
}

func passwordHash(t testing.TB, password string) relay.Hash {
	t.Helper()
	line, err := relay.HashPassword(password)
	if err != nil {
		t.Fatal(err)
	}
	h, err := relay.ParseHash(line)
	if err != nil {
		t.Fatal(err)
	}
	return h
}
