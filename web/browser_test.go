package web_test

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/parleymail/parley/fault"
	"github.com/parleymail/parley/inbox"
	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/sasl"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtptest"
	"github.com/parleymail/parley/web"
)

// A house is parley catch without its command: a store, the server that fills it, and the pages.
type house struct {
	store  *inbox.Store
	faults *fault.Plan
	smtp   string // where mail comes in
	url    string // where the pages are
}

func newHouse(t testing.TB, forwarder func(*inbox.Store) *inbox.Forwarder) *house {
	t.Helper()
	store, err := inbox.Open(inbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	h := &house{store: store, faults: &fault.Plan{Magic: true}}
	server := &inbox.Server{Store: store, Faults: h.faults, Hostname: "catch.example", MailboxBy: inbox.ByLogin}
	mails := listen(t)
	h.smtp = mails.Addr().String()
	go server.Serve(mails)
	s := &web.Server{Inbox: store, Faults: h.faults, SMTP: []string{h.smtp}, SMTPURL: "smtp://" + h.smtp + "?tls=none", Version: "test"}
	if forwarder != nil {
		s.Forwarder = forwarder(store)
	}
	ctx, cancel := context.WithCancel(context.Background())
	handler, err := s.Handler(ctx)
	if err != nil {
		t.Fatal(err)
	}
	pages := listen(t)
	h.url = "http://" + pages.Addr().String()
	hs := web.HTTPServer(handler)
	go hs.Serve(pages)
	t.Cleanup(func() {
		cancel()
		hs.Close()
		server.Close()
		store.Close()
	})
	return h
}

func listen(t testing.TB) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// send sends a mail into the house.
func (h *house) send(ctx context.Context, m mail.Object) error {
	c := &smtp.Client{Addr: h.smtp, Security: smtp.Plaintext, Hello: "client.example"}
	defer c.Close()
	_, err := c.Send(ctx, m)
	return err
}

// raw sends a content as it is.
func (h *house) raw(ctx context.Context, content []byte) error {
	return h.send(ctx, &mail.Raw{Env: mail.Envelope{
		ReversePath: mail.Path{Local: "shop", Domain: "example.com"}, Recipients: []mail.Recipient{{Path: mail.Path{Local: "kim", Domain: "example.net"}}},
	}, Data: content})
}

// statement is a mail with all that a page has a place for.
func statement(subject string) *mail.Message {
	return &mail.Message{
		From: mail.Address{Name: "财务部", Address: "billing@example.com"}, To: mail.To("kim@example.net"), Cc: mail.To("li@example.net"), Subject: subject,
		Text:   "Your verification code is 482913.\nhttps://example.com/verify?t=abc\n",
		HTML:   `<h1>Statement</h1><p>Your code is <b>482913</b>. <a href="https://example.com/verify?t=abc">Verify</a></p><img src="https://tracker.example/p.gif" alt="x">`,
		Attach: []mail.Part{mail.Bytes("对账单.pdf", []byte("%PDF-1.4\n"))},
	}
}

// A browser is a tab of headless Chromium, that notes every request and every script that should not be.
type browser struct {
	t   testing.TB
	ctx context.Context

	mu      sync.Mutex
	outside []string // requests to anywhere but the house
	alerts  []string // dialogs and errors of scripts
}

// chromium starts one, or skips the test by name where there is none.
func chromium(t testing.TB, h *house) *browser {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		t.Skip("chromium is not installed")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-gpu", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("lang", "en"))
	all, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	tab, closeTab := chromedp.NewContext(all)
	t.Cleanup(closeTab)
	b := &browser{t: t, ctx: tab}
	if err := chromedp.Listen(tab, func(ev any) { b.heard(h, ev) }); err != nil {
		t.Fatal(err)
	}
	b.size(1280, 900)
	return b
}

// heard notes what the page does that it should not.
func (b *browser) heard(h *house, ev any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := ev.(type) {
	case *network.EventRequestWillBeSent:
		if u := e.Request.URL; !strings.HasPrefix(u, h.url+"/") && !strings.HasPrefix(u, "data:") && u != "about:blank" {
			b.outside = append(b.outside, u)
		}
	case *page.EventJavascriptDialogOpening:
		b.alerts = append(b.alerts, e.Message)
		go chromedp.Do(b.ctx, func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
			_, err := chromedp.Call(ctx, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{Accept: true})
			return chromedp.Void{}, err
		})
	case *runtime.EventExceptionThrown:
		b.alerts = append(b.alerts, e.ExceptionDetails.Text)
	}
}

// do runs steps, each of which is over within 20 seconds.
func (b *browser) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 20*time.Second)
	defer cancel()
	for try := 1; ; try++ {
		err := chromedp.Do(ctx, steps...)
		if err == nil {
			return
		}
		// The page gave way to the next one after the element was found, and nothing was done to it.
		if try == 3 || !strings.Contains(err.Error(), "Could not find node with given id") {
			b.t.Fatalf("the browser: %v\n%s", err, b.text())
		}
	}
}

func (b *browser) size(width, height int64) { b.do(chromedp.EmulateViewport(width, height)) }

// open goes to a page. A form that was sent just before may still be on its way to its own, and has the browser call this one aborted.
func (b *browser) open(url string) {
	b.t.Helper()
	for try := 1; ; try++ {
		ctx, cancel := context.WithTimeout(b.ctx, 20*time.Second)
		err := chromedp.Do(ctx, chromedp.Navigate(url))
		cancel()
		switch {
		case err == nil:
			return
		case try == 3 || !strings.Contains(err.Error(), "ERR_ABORTED"):
			b.t.Fatalf("the browser: %v\n%s", err, b.text())
		}
	}
}

// text is what the page says, for a test that fails.
func (b *browser) text() string {
	s, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](`location.href + "\n" + document.body.innerText`))
	if err != nil {
		return err.Error()
	}
	return s
}

// is reports whether an expression is true in the page.
func (b *browser) is(expression string) bool {
	b.t.Helper()
	ok, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool]("!!("+expression+")"))
	return err == nil && ok
}

// want waits until an expression is true in the page.
func (b *browser) want(expression string) {
	b.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	whole := "document.readyState == 'complete' && (" + expression + ")" // keys are of no use before
	for end := time.Now().Add(10 * time.Second); !b.is(whole); <-tick.C {
		if time.Now().After(end) {
			b.t.Fatalf("%s is not so; the page says\n%s", expression, b.text())
		}
	}
}

// says waits until the page says something.
func (b *browser) says(text string) {
	b.t.Helper()
	b.want(fmt.Sprintf("document.body && document.body.innerText.includes(%q)", text))
}

// click clicks on what a selector finds first.
func (b *browser) click(selector string) {
	b.t.Helper()
	b.want(fmt.Sprintf("document.querySelector(%q)", selector))
	b.do(chromedp.Click(selector))
}

// keys types, wherever the focus is.
func (b *browser) keys(text string) { b.t.Helper(); b.do(chromedp.KeyEvent(text)) }

// into puts a text into a field.
func (b *browser) into(selector, text string) {
	b.t.Helper()
	b.want(fmt.Sprintf("document.querySelector(%q)", selector))
	b.do(chromedp.SendKeys(selector, text))
}

// TestPages goes through the pages as a person does.
func TestPages(t *testing.T) {
	h := newHouse(t, nil)
	b := chromium(t, h)
	b.open(h.url + "/")
	b.says("Nothing has come yet")

	// Live: what comes in appears, without a reload once there is a list.
	if err := h.send(t.Context(), statement("March statement")); err != nil {
		t.Fatal(err)
	}
	b.says("March statement")
	b.do(func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		return chromedp.Evaluate[chromedp.Void]("void (window.stays = true)")(ctx, t)
	})
	if err := h.send(t.Context(), statement("April statement 四月")); err != nil {
		t.Fatal(err)
	}
	b.says("April statement 四月")
	b.want("window.stays")
	b.want(`document.querySelector("#rows tr[data-id]").innerText.includes("April")`)
	b.want(`document.getElementById("announce").textContent != ""`)

	// Search.
	b.into("#query", "subject:March"+kb.Enter)
	b.want(`document.querySelectorAll("#rows tr[data-id]").length == 1`)
	b.says("March statement")
	b.open(h.url + "/?query=nosuchword")
	b.says("Nothing fits")
	b.open(h.url + "/?query=四月")
	b.want(`document.querySelectorAll("#rows tr[data-id]").length == 1`)

	// Each tab.
	b.click("#rows .subject a")
	b.says("Conversation")
	for tab, has := range map[string]string{
		"text": "Your verification code", "headers": "MIME-Version", "structure": "multipart/alternative", "source": "Content-Type: multipart/mixed",
		"attachments": "对账单.pdf", "checks": "482913", "conversation": "RCPT TO:<kim@example.net>",
	} {
		b.click(`.tabs a[data-tab="` + tab + `"]`)
		b.want(`document.querySelector('.tabs a[data-tab="` + tab + `"]').hasAttribute("aria-current")`)
		b.says(has)
	}
	b.says("Where the time went")
	b.want(`document.querySelectorAll(".timeline rect").length > 2`)
	b.want(`document.querySelectorAll(".conversation .remark").length > 5`)
	b.says("<li@example.net>") // the envelope

	// The HTML stands in a frame that can do nothing.
	b.click(`.tabs a[data-tab="html"]`)
	b.want(`document.querySelector("iframe.mail")`)
	b.want(`!document.querySelector("iframe.mail").getAttribute("sandbox").includes("allow-scripts") && !document.querySelector("iframe.mail").getAttribute("sandbox").includes("allow-same-origin")`)
	b.says("not loaded: 1")
	if len(b.outside) > 0 {
		t.Errorf("it asked elsewhere: %v", b.outside)
	}
	b.noFaults()
}

// noFaults holds the page against what every page must be.
func (b *browser) noFaults() {
	b.t.Helper()
	for what, expression := range map[string]string{
		"a field without a label": `[...document.querySelectorAll("input:not([type=hidden]), select, textarea")].every(e => e.labels.length || e.getAttribute("aria-label"))`,
		"a style of its own":      `!document.querySelector("[style]")`,
		"a script of its own":     `[...document.scripts].every(s => s.src)`,
		"no language":             `document.documentElement.lang`,
		"no main":                 `document.querySelectorAll("main").length == 1`,
		"a frame without a title": `[...document.querySelectorAll("iframe")].every(f => f.title)`,
		"an image without alt":    `[...document.images].every(i => i.hasAttribute("alt"))`,
		"a button without a name": `[...document.querySelectorAll("button, a")].every(e => e.textContent.trim() || e.getAttribute("aria-label"))`,
		"wider than the window":   `document.scrollingElement.scrollWidth <= window.innerWidth`,
		"an ID that stands twice": `new Set([...document.querySelectorAll("[id]")].map(e => e.id)).size == document.querySelectorAll("[id]").length`,
	} {
		if !b.is(expression) {
			b.t.Errorf("%s: %s", what, b.text()[:60])
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.alerts) > 0 {
		b.t.Errorf("scripts: %v", b.alerts)
		b.alerts = nil
	}
}

// TestLiveOfOneMailbox: a page of one mailbox stays one, whatever comes in others and whatever was chosen in another window.
func TestLiveOfOneMailbox(t *testing.T) {
	h := newHouse(t, nil)
	b := chromium(t, h)
	send := func(user, subject string) {
		t.Helper()
		c := &smtp.Client{Addr: h.smtp, Security: smtp.Plaintext, Hello: "client.example", Auth: sasl.Password(user, "x")}
		defer c.Close()
		if _, err := c.Send(t.Context(), statement(subject)); err != nil {
			t.Fatal(err)
		}
	}
	send("ci", "the first of ci")
	b.open(h.url + "/?mailbox=ci")
	b.says("the first of ci")
	send("kim", "one of kim")
	send("ci", "the second of ci")
	b.says("the second of ci")
	b.want(`document.querySelectorAll("#rows tr[data-id]").length == 2`)
	b.want(`!document.querySelector("#rows").innerText.includes("one of kim")`)
	b.noFaults()
}

// TestFaultsOnThePage: what is switched on there goes wrong, and is counted; what is switched off goes well.
func TestFaultsOnThePage(t *testing.T) {
	h := newHouse(t, nil)
	b := chromium(t, h)
	b.open(h.url + "/faults")
	b.into("#persona-find", "dt-spm")
	b.click("#persona-163-dt-spm")
	b.click("#persona-form button")
	b.want(`document.querySelector(".rules") && document.querySelector(".rules").innerText.includes("163-dt-spm")`)
	err := h.send(t.Context(), statement("Hello"))
	if err == nil || !strings.Contains(err.Error(), "DT:SPM") {
		t.Errorf("the client heard %v", err)
	}
	b.open(h.url + "/sessions")
	b.says("DT:SPM")
	b.click(`#rows a[href^="/sessions/"]`)
	b.says("Cause")
	b.noFaults()
	b.open(h.url + "/faults")
	b.want(`document.querySelector(".rules td.num:nth-of-type(3)").innerText == "1"`)
	b.click(`.rules form button`)
	b.want(`!document.querySelector(".rules")`)
	if err := h.send(t.Context(), statement("Hello")); err != nil {
		t.Error(err)
	}
	// A form of one's own, twice and then no more.
	b.into("#f-recipient", "kim@*")
	b.into("#f-times", "1")
	b.into("#f-reply", "451 4.7.1 come back later"+kb.Enter)
	b.says("is missing") // the stage
	b.into("#f-line", "")
	b.open(h.url + "/faults")
	b.into("#f-line", `rcpt recipient=kim@* times=1 reply="451 4.7.1 come back later"`+kb.Enter)
	b.want(`document.querySelector(".rules")`)
	if err := h.send(t.Context(), statement("Hello")); err == nil {
		t.Error("the mail was taken")
	}
	if err := h.send(t.Context(), statement("Hello")); err != nil {
		t.Error(err)
	}
	b.noFaults()
}

// TestReleaseOnThePage: a mail is sent on, and what became of it is told, for good and for ill.
func TestReleaseOnThePage(t *testing.T) {
	next := smtptest.NewServer(t)
	h := newHouse(t, func(s *inbox.Store) *inbox.Forwarder { return &inbox.Forwarder{Store: s, Client: next.Client()} })
	if err := h.send(t.Context(), statement("March statement")); err != nil {
		t.Fatal(err)
	}
	b := chromium(t, h)
	b.open(h.url + "/messages/1")
	b.click(".release summary")
	b.into(`.release input[name=to]`, "anna@example.org")
	b.click(".release button")
	b.says("It was sent on")
	got := next.Wait(t, 1)[0]
	if to := got.To(); len(to) != 1 || to[0] != "anna@example.org" {
		t.Errorf("it went to %v", to)
	}
	kept, err := h.store.Content(t.Context(), 1)
	if err != nil || string(kept) != string(got.Content) {
		t.Errorf("it changed on its way: %v", err)
	}
	next.Refuse(smtp.StageRcpt, "", "550 5.1.1 no such user")
	b.click(".release summary")
	b.click(".release button")
	b.says("no such user")
	b.says("was not sent on")
}

// TestLooks: dark, Chinese, and a narrow screen, on every page.
func TestLooks(t *testing.T) {
	if testing.Short() {
		t.Skip("it looks at pages, one after the other")
	}
	h := newHouse(t, nil)
	long := statement(strings.Repeat("Averyveryverylongsubjectwithoutanyblank", 6))
	long.To = mail.To(strings.Repeat("x", 60) + "@" + strings.Repeat("long.", 20) + "example.net")
	unseen := statement(strings.Repeat("A very very long subject that nobody has opened yet, ", 12)) // what marks it is there while it is unseen
	unseen.Text = strings.Repeat("and a text that is no shorter, ", 40)
	for _, m := range []*mail.Message{statement("March statement"), long, unseen} {
		if err := h.send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	h.send(t.Context(), &mail.Message{From: mail.Address{Address: "a@example.com"}, To: mail.To("rcpt+550-no-such-user@example.com"), Text: "x\n"})
	b := chromium(t, h)
	paths := []string{"/", "/messages/1", "/messages/2", "/sessions", "/sessions/1", "/sessions/4", "/faults", "/help", "/nothing", "/?query=x"}
	for _, tab := range []string{"text", "headers", "structure", "source", "attachments", "checks", "conversation"} {
		paths = append(paths, "/messages/2?tab="+tab)
	}
	for _, width := range []int64{320, 380, 1280, 1600} {
		b.size(width, 800)
		for _, path := range paths {
			b.open(h.url + path)
			if path != "/nothing" {
				b.noFaults()
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
	b.says("邮件")
	b.want(`document.documentElement.lang == "zh-CN"`)
	b.open(h.url + "/sessions/1")
	b.says("时间花在哪里")
	b.noFaults()
}

func (b *browser) colour() string {
	s, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](`getComputedStyle(document.documentElement).backgroundColor`))
	if err != nil {
		b.t.Error(err)
	}
	return s
}

// TestKeyboard: all that can be done is done without a mouse.
func TestKeyboard(t *testing.T) {
	h := newHouse(t, nil)
	for i := range 3 {
		if err := h.send(t.Context(), statement(fmt.Sprintf("Statement %d", i+1))); err != nil {
			t.Fatal(err)
		}
	}
	b := chromium(t, h)
	b.open(h.url + "/")
	b.keys(kb.Tab)
	b.want(`document.activeElement.classList.contains("skip")`)
	b.keys(kb.Enter)
	b.want(`document.activeElement.id == "content" || location.hash == "#content"`)
	b.keys("jj")
	b.want(`document.activeElement.innerText.includes("Statement 2")`)
	b.keys("k")
	b.want(`document.activeElement.innerText.includes("Statement 3")`)
	b.keys(kb.Enter)
	b.want(`location.pathname == "/messages/3"`)
	b.keys("2")
	b.want(`location.search.includes("tab=text")`)
	b.keys("8")
	b.want(`location.search.includes("tab=conversation")`)
	b.keys("j")
	b.want(`location.pathname == "/messages/2"`)
	b.keys("u")
	b.want(`location.pathname == "/"`)
	b.keys("/")
	b.want(`document.activeElement.id == "query"`)
	b.keys("Statement 1" + kb.Enter)
	b.want(`location.search.includes("query=")`)
	b.open(h.url + "/messages/1")
	b.keys("d")
	b.want(`location.pathname != "/messages/1"`)
	if _, err := h.store.Message(t.Context(), 1); err == nil {
		t.Error("it is still there")
	}
	b.keys("?")
	b.want(`location.pathname == "/help"`)
	// All is deleted, after a question.
	b.open(h.url + "/")
	b.click(`details.sure summary`)
	b.click(`button[value="delete-all"]`)
	b.says("Nothing has come yet")
}
