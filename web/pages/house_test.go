package pages

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/parleymail/parley/fault"
	"github.com/parleymail/parley/inbox"
	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/sasl"
	"github.com/parleymail/parley/smtp"
)

// A house is a store with a server before it, and the pages of both.
type house struct {
	t       *testing.T
	store   *inbox.Store
	plan    *fault.Plan
	addr    string
	handler http.Handler
	cookies map[string]string
}

func open(t *testing.T, change func(*Config)) *house {
	t.Helper()
	store, err := inbox.Open(inbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	plan := &fault.Plan{Magic: true}
	server := &inbox.Server{Store: store, Faults: plan, Hostname: "catch.test"}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { defer close(done); server.Serve(l) }()
	t.Cleanup(func() { server.Close(); <-done; store.Close() })
	config := Config{Inbox: store, Faults: plan, SMTP: []string{l.Addr().String()}, SMTPURL: "smtp://" + l.Addr().String() + "?tls=none", Version: "1.2.3", Context: t.Context()}
	if change != nil {
		change(&config)
	}
	p, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	for pattern, h := range p.Routes() {
		mux.Handle(pattern, h)
	}
	return &house{t: t, store: store, plan: plan, addr: l.Addr().String(), handler: mux, cookies: make(map[string]string)}
}

// client is one that sends to the house.
func (h *house) client() *smtp.Client {
	return &smtp.Client{Addr: h.addr, Security: smtp.Plaintext, Auth: sasl.Password("kim", "hidden-word-77")}
}

// send has a content taken, and gives the message.
func (h *house) send(content string, to ...string) inbox.Message {
	h.t.Helper()
	client := h.client()
	defer client.Close()
	return h.sendOver(client, content, to...)
}

func (h *house) sendOver(client *smtp.Client, content string, to ...string) inbox.Message {
	h.t.Helper()
	envelope := mail.Envelope{ReversePath: pathOf(h.t, "shop@example.com")}
	for _, one := range to {
		envelope.Recipients = append(envelope.Recipients, mail.Recipient{Path: pathOf(h.t, one)})
	}
	before := h.newest()
	if _, err := client.Send(h.t.Context(), &mail.Raw{Env: envelope, Data: []byte(content)}); err != nil {
		h.t.Fatal(err)
	}
	m := h.newest()
	if m.ID == before.ID {
		h.t.Fatal("no message came")
	}
	return m
}

// talk says lines that no client of ours would say, each after the reply to the one before.
func (h *house) talk(lines ...string) {
	h.t.Helper()
	conn, err := net.Dial("tcp", h.addr)
	if err != nil {
		h.t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	replies := bufio.NewScanner(conn)
	hear := func() {
		for replies.Scan() {
			if line := replies.Text(); len(line) < 4 || line[3] != '-' {
				return
			}
		}
	}
	hear()
	for _, line := range lines {
		if _, err := io.WriteString(conn, line+"\r\n"); err != nil {
			h.t.Fatal(err)
		}
		hear()
	}
}

func pathOf(t *testing.T, s string) mail.Path {
	t.Helper()
	p, err := mail.ParsePath(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (h *house) newest() (m inbox.Message) {
	page, err := h.store.Messages(h.t.Context(), inbox.Query{Limit: 1})
	if err != nil {
		h.t.Fatal(err)
	}
	if len(page.Items) > 0 {
		m = page.Items[0]
	}
	return m
}

// do asks as a browser does, and keeps its cookies.
func (h *house) do(method, target string, form url.Values, lang string) *http.Response {
	h.t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r := httptest.NewRequest(method, target, body)
	r.Header.Set("Accept-Language", lang)
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for name, value := range h.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	w := httptest.NewRecorder()
	h.handler.ServeHTTP(w, r)
	answer := w.Result()
	for _, c := range answer.Cookies() {
		if h.cookies[c.Name] = c.Value; c.MaxAge < 0 {
			delete(h.cookies, c.Name)
		}
	}
	return answer
}

// page is what a GET shows, as a tree.
func (h *house) page(target, lang string) *page {
	h.t.Helper()
	return h.read(h.do("GET", target, nil, lang), target)
}

func (h *house) read(answer *http.Response, target string) *page {
	h.t.Helper()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	root, err := html.Parse(bytes.NewReader(text))
	if err != nil {
		h.t.Fatal(err)
	}
	return &page{t: h.t, name: target, status: answer.StatusCode, text: string(text), root: root, header: answer.Header}
}

// post sends a form, and gives the page where it leads.
func (h *house) post(target string, form url.Values) *page {
	h.t.Helper()
	if form == nil {
		form = url.Values{}
	}
	answer := h.do("POST", target, form, "en")
	if answer.StatusCode == http.StatusSeeOther {
		return h.page(answer.Header.Get("Location"), "en")
	}
	return h.read(answer, target)
}

// A page is a page that was read.
type page struct {
	t      *testing.T
	name   string
	status int
	text   string
	root   *html.Node
	header http.Header
}

// all are the elements of a name; "" for any.
func (p *page) all(name string) (list []*html.Node) {
	for n := range p.root.Descendants() {
		if n.Type == html.ElementNode && (name == "" || n.Data == name) {
			list = append(list, n)
		}
	}
	return list
}

func (p *page) byID(id string) *html.Node {
	for _, n := range p.all("") {
		if attr(n, "id") == id {
			return n
		}
	}
	return nil
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, name string) bool {
	for _, a := range n.Attr {
		if a.Key == name {
			return true
		}
	}
	return false
}

func textOf(n *html.Node) string {
	var b strings.Builder
	for c := range n.Descendants() {
		if c.Type == html.TextNode {
			b.WriteString(c.Data + " ")
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// says is whether the text that a person reads has this in it.
func (p *page) says(text string) bool { return strings.Contains(textOf(p.root), text) }

func (p *page) must(texts ...string) {
	p.t.Helper()
	for _, text := range texts {
		if !p.says(text) {
			p.t.Errorf("%s does not say %q", p.name, text)
		}
	}
}

// statement is a mail with everything in it.
const statement = `From: =?utf-8?b?6LSi5Yqh6YOo?= <shop@example.com>
To: kim@example.net
Cc: li@example.net
Subject: March statement
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=m

--m
Content-Type: multipart/alternative; boundary=a

--a
Content-Type: text/plain; charset=utf-8

Your code is 482913.
See https://shop.example/orders/77
--a
Content-Type: text/html; charset=utf-8

<p>Your code is <b>482913</b>. <a href="https://shop.example/orders/77">See it</a>
<img src="https://track.example/p.gif"><script>alert("frame")</script></p>
--a--
--m
Content-Type: image/png; name=chart.png
Content-Disposition: attachment; filename=chart.png
Content-Transfer-Encoding: base64

iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==
--m
Content-Type: text/html; name=page.html
Content-Disposition: attachment; filename=page.html

<script>alert("attached")</script>
--m--
`

// wait lets what goes on beside us come to its end, as sessions do after their client has gone.
func (h *house) wait(what string, done func() bool) {
	h.t.Helper()
	changes, stop := h.store.Watch()
	defer stop()
	limit := time.After(20 * time.Second)
	for !done() {
		select {
		case <-changes:
		case <-limit:
			h.t.Fatal("this does not come: " + what)
		}
	}
}

// full is a house where all sorts of things have happened.
func full(t *testing.T, change func(*Config)) *house {
	h := open(t, change)
	h.send(statement, "kim@example.net", "li@example.net")
	h.send("Subject: plain\n\nHello.\n", "kim@example.net")
	client := h.client()
	defer client.Close()
	refused := mail.Envelope{ReversePath: pathOf(t, "a@example.com"), Recipients: []mail.Recipient{{Path: pathOf(t, "rcpt+550-nobody@example.com")}}}
	_, err := client.Send(t.Context(), &mail.Raw{Env: refused, Data: []byte("Subject: x\r\n\r\nx\r\n")})
	if err == nil {
		t.Fatal("the magic recipient was taken")
	}
	client.Close()
	h.wait("three sessions that have ended", func() bool {
		page, err := h.store.Sessions(t.Context(), inbox.Query{})
		if err != nil {
			t.Fatal(err)
		}
		ended := 0
		for _, s := range page.Items {
			if s.Ended != nil {
				ended++
			}
		}
		return ended == 3
	})
	if _, err := h.plan.Add(fault.Rule{Stage: "rcpt", Recipient: "x@*", Times: 2, Reply: "451 4.7.1 later"}); err != nil {
		t.Fatal(err)
	}
	return h
}

// targets are all pages of a full house.
func targets() []string {
	list := []string{"/", "/?query=subject:statement", "/?query=nothing-like-it", "/sessions", "/sessions?query=is:failed", "/sessions/1", "/sessions/3", "/faults", "/help", "/messages/99", "/?before=x"}
	for _, tab := range tabs {
		list = append(list, "/messages/1?tab="+tab, "/messages/2?tab="+tab)
	}
	return append(list, "/messages/1?tab=html&remote=1&width=phone")
}

// sources are the package's own, without its words and its tests.
func sources(t *testing.T) (texts []string) {
	t.Helper()
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasPrefix(name, "words") || strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(text))
	}
	return texts
}
