package pages

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/parleymail/parley/inbox"
	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/transcript"
)

// TestList: what is new is marked, what is wanted is found, and pages follow one another.
func TestList(t *testing.T) {
	h := full(t, nil)
	p := h.page("/", "en")
	p.must("财务部 <shop@example.com>", "March statement", "kim@example.net, li@example.net", "(unseen)", "Hello.", "2 unseen")
	if n := p.byID("rows"); attr(n, "data-newest") != "2" || strings.Count(p.text, "data-id") != 2 {
		t.Errorf("newest %s, %d rows", attr(n, "data-newest"), strings.Count(p.text, "data-id"))
	}
	h.page("/messages/1", "en").must("1 unseen")
	found := h.page("/?query=subject:statement", "en")
	found.must("1 found")
	if found.says("plain") || !has(found.byID("rows"), "data-held") {
		t.Error("what was not asked for is there, or new rows would come to it")
	}
	h.page("/?query=nothing-like-it", "en").must("Nothing fits")
	if p := h.page("/?before=x", "en"); p.status != http.StatusBadRequest {
		t.Errorf("%d", p.status)
	}
	rows := h.page("/rows?of=messages&after=1", "en")
	if strings.Count(rows.text, "data-id") != 1 || strings.Contains(rows.text, "<html") {
		t.Errorf("%s", rows.text)
	}
	client := h.client()
	defer client.Close()
	for n := range perPage {
		h.sendOver(client, fmt.Sprintf("Subject: number %d\n\nx\n", n), "kim@example.net")
	}
	first := h.page("/", "en")
	next := first.byRel("next")
	if next == "" || first.says("March statement") {
		t.Fatal("there is no next page, or it is all on the first")
	}
	h.page(next, "en").must("March statement", "Newest")
	if rows := h.page("/rows?of=messages&after=1", "en"); rows.header.Get("Parley-More") != "1" {
		t.Error("the script is not told that more came than a page has")
	}
}

func (p *page) byRel(rel string) string {
	for _, n := range p.all("a") {
		if attr(n, "rel") == rel {
			return attr(n, "href")
		}
	}
	return ""
}

// TestDelete: one, those that are ticked, those that were found, all.
func TestDelete(t *testing.T) {
	h := open(t, nil)
	for n := range 6 {
		h.send(fmt.Sprintf("Subject: number %d\n\nx\n", n+1), "kim@example.net")
	}
	p := h.post("/messages/6/delete", nil)
	p.must("Deleted: 1", "number 5") // the one below it
	h.post("/messages", url.Values{"do": {"delete"}, "id": {"1", "2", "77", "x"}}).must("Deleted: 2")
	if p := h.post("/messages", url.Values{"do": {"delete-all"}, "query": {"subject:5"}}); !p.says("Deleted: 1") || !p.says("number 3") {
		t.Error("what was found is not what was deleted")
	}
	if p := h.post("/messages", url.Values{"do": {"something"}}); p.status != http.StatusBadRequest {
		t.Errorf("%d", p.status)
	}
	if p := h.page("/", "en"); p.says("Deleted:") {
		t.Error("what a form did is told twice")
	}
	h.post("/messages", url.Values{"do": {"delete-all"}, "back": {"/?query=x"}}).must("Deleted: 2", "Nothing fits")
	h.page("/", "en").must("Nothing has come yet", "SMTP_URL", h.addr, "nodemailer", "PHPMailer", "Spring")
	if p := h.page("/messages/1", "en"); p.status != http.StatusNotFound || !p.says("not any more") {
		t.Errorf("%d", p.status)
	}
	h.wait("sessions that have ended", func() bool {
		page, err := h.store.Sessions(t.Context(), inbox.Query{Text: "is:open"})
		return err == nil && page.Total == 0
	})
	h.post("/sessions/1/delete", nil).must("deleted")
	h.post("/sessions", url.Values{"do": {"delete-all"}}).must("Sessions deleted: 5", "Nobody has connected yet")
}

// TestMailboxes: one is chosen, stays chosen, and can be left though nothing is in it any more.
func TestMailboxes(t *testing.T) {
	h := open(t, nil)
	h.send("Subject: a\n\nx\n", "kim@example.net")
	if p := h.page("/", "en"); p.byID("mailbox") != nil {
		t.Error("there is a choice of none")
	}
	h.do("GET", "/settings?mailbox=ci-77&back=%2F", nil, "en")
	p := h.page("/", "en")
	p.must("ci-77", "All mailboxes", "Nothing has come yet")
	if p.says("number") || len(p.all("option")) != 2 || !has(p.all("option")[1], "selected") {
		t.Errorf("%s", textOf(p.byID("mailbox")))
	}
	h.do("GET", "/settings?mailbox=&back=%2F", nil, "en")
	if p := h.page("/", "en"); p.byID("mailbox") != nil || strings.Count(p.text, "data-id") != 1 {
		t.Error("the choice is not taken back")
	}
	many := make([]inbox.MailboxStats, 2*mostBoxes)
	for i := range many {
		many[i].Name = fmt.Sprint(i)
	}
	if list := boxes(many, "599"); len(list) != mostBoxes+1 || list[mostBoxes].Name != "599" {
		t.Errorf("%d", len(list))
	}
}

func TestUnseen(t *testing.T) {
	h := open(t, nil)
	h.send("Subject: a\n\nx\n", "kim@example.net")
	h.page("/messages/1", "en")
	h.post("/messages/1/unseen", nil).must("unseen again", "1 unseen")
}

// TestTabs: each shows what it is for.
func TestTabs(t *testing.T) {
	h := full(t, nil)
	for tab, texts := range map[string][]string{
		"html":         {"Images from elsewhere are not loaded: 1", "Scripts, forms and the like were left out: 1"},
		"text":         {"Your code is 482913."},
		"headers":      {"Subject", "March statement", "财务部"},
		"structure":    {"multipart/alternative", "1.2", "image/png", "chart.png"},
		"source":       {"Content-Type: multipart/mixed; boundary=m"},
		"attachments":  {"chart.png", "page.html", "image/png"},
		"checks":       {"482913", "https://shop.example/orders/77", "Of a hundred mail clients"},
		"conversation": {"EHLO", "AUTH", "(secret)", "250 2.0.0", "Where the time went"},
	} {
		p := h.page("/messages/1?tab="+tab, "en")
		p.must(texts...)
		p.must("<shop@example.com>", "<li@example.net>") // the envelope is beside it
		if strings.Contains(p.text, "hidden-word-77") || strings.Contains(p.text, "aGlkZGVuLXdvcmQtNzc") {
			t.Errorf("%s: the password is there", tab)
		}
	}
	if p := h.page("/messages/2", "en"); p.byID("rows") != nil || len(p.all("iframe")) != 0 || !p.says("Hello.") {
		t.Error("a mail without HTML does not begin with its text")
	}
	h.page("/messages/2?tab=html", "en").must("no HTML")
	h.page("/messages/2?tab=attachments", "en").must("no attachments")
}

// TestFrame: the document of the mail's HTML has a policy of its own, and asks elsewhere only where the person wants it.
func TestFrame(t *testing.T) {
	h := full(t, nil)
	p := h.page("/messages/1/html", "en")
	policy := p.header.Get("Content-Security-Policy")
	for _, part := range []string{"sandbox allow-popups allow-popups-to-escape-sandbox;", "default-src 'none'", "img-src data:;", "form-action 'none'", "base-uri 'none'", "frame-ancestors 'self'"} {
		if !strings.Contains(policy, part) {
			t.Errorf("the policy has no %q: %s", part, policy)
		}
	}
	if strings.Contains(policy, "script") || strings.Contains(policy, "same-origin") || len(p.all("script")) > 0 || strings.Contains(p.text, "track.example") {
		t.Errorf("scripts, or what is elsewhere: %s\n%s", policy, p.text)
	}
	p.must("482913")
	remote := h.page("/messages/1/html?remote=1", "en")
	if !strings.Contains(remote.header.Get("Content-Security-Policy"), "img-src data: http: https:;") || !strings.Contains(remote.text, "track.example") {
		t.Error("images are not loaded where that was asked for")
	}
	asked := h.page("/messages/1?tab=html&remote=1&width=phone", "en")
	if frame := asked.all("iframe")[0]; attr(frame, "src") != "/messages/1/html?remote=1" || !strings.HasPrefix(attr(frame, "class"), "mail phone") {
		t.Errorf("%+v", frame.Attr)
	}
}

// TestAttachments: images are shown by what they are, and all else can only be kept.
func TestAttachments(t *testing.T) {
	h := full(t, nil)
	image := h.page("/messages/1/image/2", "en")
	if image.status != http.StatusOK || image.header.Get("Content-Type") != "image/png" || !strings.Contains(image.header.Get("Content-Security-Policy"), "sandbox") {
		t.Errorf("%d %v", image.status, image.header)
	}
	for _, target := range []string{"/messages/1/image/3", "/messages/1/image/1.2", "/messages/1/image/9", "/messages/1/file/9", "/messages/9/file/1", "/messages/x/html"} {
		if p := h.page(target, "en"); p.status != http.StatusNotFound {
			t.Errorf("%s: %d", target, p.status)
		}
	}
	file := h.page("/messages/1/file/3", "en")
	if d := file.header.Get("Content-Disposition"); !strings.HasPrefix(d, "attachment") || !strings.Contains(d, "page.html") {
		t.Errorf("%q", d)
	}
	if kind := file.header.Get("Content-Type"); strings.Contains(kind, "html") || !strings.Contains(file.header.Get("Content-Security-Policy"), "sandbox") {
		t.Errorf("%q %v", kind, file.header)
	}
}

// TestLongSource: the beginning is shown, and where the rest is.
func TestLongSource(t *testing.T) {
	h := open(t, nil)
	h.send("Subject: long\n\n"+strings.Repeat(strings.Repeat("x", 70)+"\n", 3*mostShown/71), "kim@example.net")
	for _, tab := range []string{"source", "text"} {
		p := h.page("/messages/1?tab="+tab, "en")
		if len(p.text) > mostShown+64<<10 || !p.says("only the beginning") {
			t.Errorf("%s has %d octets", tab, len(p.text))
		}
	}
}

func TestSessions(t *testing.T) {
	h := full(t, nil)
	h.page("/sessions", "en").must("refused", "well", "kim", "1 went wrong")
	failed := h.page("/sessions?query=is:failed", "en")
	if rows := failed.all("tbody"); strings.Count(failed.text, "data-id") != 1 {
		t.Errorf("%d failed: %s", strings.Count(failed.text, "data-id"), textOf(rows[0]))
	}
	p := h.page("/sessions/3", "en")
	p.must("Cause", "Fix", "RCPT TO:<rcpt+550-nobody@example.com>", "550 5.0.0 nobody", "parley replay session-3.txt", "clear text", "Messages: 0")
	h.page("/sessions/1", "en").must("March statement", "by ")
	h.page("/sessions/3", "zh").must("原因", "解决办法", "服务器")
	if p := h.page("/sessions/77", "en"); p.status != http.StatusNotFound {
		t.Errorf("%d", p.status)
	}
}

// TestOpenSession: one that goes on says so, and a page of it knows to look again.
func TestOpenSession(t *testing.T) {
	h := open(t, nil)
	client := h.client()
	session, err := client.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p := h.page("/sessions/1", "en")
	p.must("open", "it goes on")
	if h1 := p.all("h1")[0]; attr(h1, "data-session") != "1" || !has(h1, "data-open") {
		t.Errorf("%+v", h1.Attr)
	}
	session.Close()
	h.wait("its end", func() bool {
		s, err := h.store.Session(t.Context(), 1)
		return err == nil && s.Ended != nil
	})
	if p := h.page("/sessions/1", "en"); has(p.all("h1")[0], "data-open") || !p.says("well") {
		t.Error("it is not told that the session has ended")
	}
}

// TestFaults: each form makes the rule that it looks like, and clients meet it.
func TestFaults(t *testing.T) {
	h := open(t, nil)
	h.page("/faults", "en").must("Nothing goes wrong on purpose", "qq-wrong-code", "535")
	for _, c := range []struct {
		form url.Values
		rule string
	}{
		{url.Values{"persona": {"163-dt-spm"}, "times": {"1"}}, "persona=163-dt-spm times=1"},
		{url.Values{"line": {`rcpt recipient=kim@* times=2 reply="451 4.7.1 later"`}}, `rcpt recipient=kim@* times=2 reply="451 4.7.1 later"`},
		{url.Values{"stage": {"rcpt"}, "recipient": {"li@*"}, "reply": {`450-4.2.1 first\n450 4.2.1 second`}, "wait": {"1ms"}, "then": {"hang-up"}, "times": {""}}, `reply="450-4.2.1 first\n450 4.2.1 second"`},
		{url.Values{"tls": {"expired"}}, "tls=expired"},
		{url.Values{"stage": {"end"}, "lose": {"on"}, "skip": {"3"}}, "lose"},
		{url.Values{"stage": {"mail"}, "garbage": {`\xff\xfe\r\n`}, "match": {"MAIL*"}, "user": {"kim"}}, "garbage="},
	} {
		p := h.post("/faults", c.form)
		if p.status != http.StatusOK {
			t.Errorf("%v: %d %s", c.form, p.status, textOf(p.byID("fault-wrong")))
			continue
		}
		p.must("It goes wrong from now on:")
		rules := h.plan.Rules()
		if got := rules[len(rules)-1].String(); !strings.Contains(got, c.rule) && !sameWords(got, c.rule) {
			t.Errorf("%v: %s", c.form, got)
		}
	}
	h.page("/", "en").must("Faults 6")
	if p := h.post("/faults/"+h.plan.Rules()[5].ID+"/remove", nil); len(h.plan.Rules()) != 5 {
		t.Errorf("%d rules: %s", len(h.plan.Rules()), textOf(p.root))
	}
	if p := h.post("/faults/none/remove", nil); p.status != http.StatusNotFound {
		t.Errorf("%d", p.status)
	}
	client := h.client()
	client.Auth = nil
	client.Security = smtp.Plaintext
	envelope := mail.Envelope{ReversePath: pathOf(t, "a@example.com"), Recipients: []mail.Recipient{{Path: pathOf(t, "kim@example.net")}}}
	_, err := client.Send(t.Context(), &mail.Raw{Env: envelope, Data: []byte("Subject: x\r\n\r\nx\r\n")})
	client.Close()
	if err == nil || !strings.Contains(err.Error(), "451") {
		t.Errorf("%v", err)
	}
	h.page("/faults", "en").must("1 / 2")
	h.post("/faults/clear", nil).must("All faults are switched off", "Nothing goes wrong on purpose")
}

// sameWords reports whether two rules have the same words, in whatever order.
func sameWords(a, b string) bool {
	for word := range strings.FieldsSeq(b) {
		if !strings.Contains(a, word) {
			return false
		}
	}
	return true
}

// TestWrongFault: what is none is shown again, with why, and changes nothing.
func TestWrongFault(t *testing.T) {
	h := open(t, nil)
	for _, form := range []url.Values{
		{"line": {`rcpt reply="45<script>"`}},
		{"persona": {"nobody-knows-it"}},
		{"stage": {"rcpt"}, "wait": {"soon"}},
		{"stage": {"rcpt"}},
		{},
	} {
		p := h.post("/faults", form)
		if p.status != http.StatusUnprocessableEntity || p.byID("fault-wrong") == nil || len(h.plan.Rules()) != 0 {
			t.Errorf("%v: %d, %d rules", form, p.status, len(h.plan.Rules()))
			continue
		}
		if line := p.byID("f-line"); attr(line, "aria-invalid") != "true" || form.Get("line") != "" && attr(line, "value") != form.Get("line") {
			t.Errorf("%v: %+v", form, line.Attr)
		}
	}
}

// TestRelease: a message goes on to a server, and the page tells what that server said.
func TestRelease(t *testing.T) {
	next := open(t, nil)
	h := full(t, func(c *Config) {
		c.Forwarder = &inbox.Forwarder{Store: c.Inbox, Client: &smtp.Client{Addr: next.addr, Security: smtp.Plaintext}}
	})
	h.post("/messages/1/release", nil).must("It was sent on; the server said:", "250", "Sent on before")
	if m := next.newest(); m.Subject != "March statement" || strings.Join(m.Recipients, " ") != "kim@example.net li@example.net" {
		t.Errorf("%+v", m)
	}
	h.post("/messages/1/release", url.Values{"from": {"me@example.org"}, "to": {"wang@example.net, zhao@example.net"}})
	m := next.newest()
	if m.ReversePath != "me@example.org" || strings.Join(m.Recipients, " ") != "wang@example.net zhao@example.net" {
		t.Errorf("%+v", m)
	}
	sent, err := next.store.Content(t.Context(), m.ID)
	if err != nil {
		t.Fatal(err)
	}
	if kept, err := h.store.Content(t.Context(), 1); err != nil || !bytes.HasSuffix(sent, kept) {
		t.Errorf("other octets were sent: %v", err)
	}
	before := next.newest().ID
	h.post("/messages/1/release", url.Values{"to": {"no address"}}).must("It was not sent on:")
	h.post("/messages/1/release", url.Values{"to": {"rcpt+550-nobody@example.com"}}).must("It was not sent on:", "550")
	if next.newest().ID != before {
		t.Error("something was sent on")
	}
}

func TestReleaseWithoutServer(t *testing.T) {
	h := full(t, nil)
	h.page("/messages/1", "en").must("--release SERVER")
	if p := h.post("/messages/1/release", nil); p.status != http.StatusConflict || !p.says("--release SERVER") {
		t.Errorf("%d", p.status)
	}
}

// TestTransactionOf: of a session's mails the one that was kept at that time, with refused ones before and behind it.
func TestTransactionOf(t *testing.T) {
	said, err := transcript.Parse(strings.Join([]string{
		"S: 220 mx", "C: EHLO a", "S: 250 mx", "C: MAIL FROM:<1@a>", "S: 250 ok", "C: RCPT TO:<b>", "S: 550 no", "C: MAIL FROM:<2@a>", "S: 250 ok", "C: RCPT TO:<c>", "S: 250 ok",
		"C: DATA", "S: 354 go", "C: (content, 5 octets)", "C: .", "S: 250 taken", "C: MAIL FROM:<3@a>", "S: 452 full", "C: QUIT", "S: 221 bye",
	}, "\n") + "\n")
	if err != nil {
		t.Fatal(err)
	}
	began := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	for i := range said {
		said[i].At = began.Add(time.Duration(i) * time.Second)
	}
	part, whole := transactionOf(said, said[14].At)
	if whole || part[0].Line != "MAIL FROM:<2@a>" || part[len(part)-1].Line != "250 taken" {
		t.Errorf("%v %v", whole, part)
	}
	if part, whole := transactionOf(said[:7], said[6].At); !whole || len(part) != 7 {
		t.Errorf("%v %v", whole, part)
	}
	if part, whole := transactionOf(said, began.Add(-time.Second)); !whole || len(part) != len(said) {
		t.Errorf("%v %v", whole, part)
	}
}
