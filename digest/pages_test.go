package digest

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
)

// An answer is what a page has answered.
type answer struct {
	status int
	body   string
	header http.Header
}

// ask asks for a page, as a browser does.
func (h *house) ask(method, path string, form url.Values, change ...func(*http.Request)) answer {
	h.t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r := httptest.NewRequest(method, strings.TrimPrefix(path, "https://news.example.com"), body)
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for _, f := range change {
		f(r)
	}
	w := httptest.NewRecorder()
	h.handler().ServeHTTP(w, r)
	return answer{w.Code, w.Body.String(), w.Header()}
}

func (h *house) handler() http.Handler {
	if h.pages == nil {
		h.pages = h.Handler()
	}
	return h.pages
}

// links of the list's own in a text.
var linkIn = regexp.MustCompile(`https://news\.example\.com/list/(?:confirm|preferences|unsubscribe)/[\w-]+`)

func (l *letterSeen) link(t testing.TB, page string) string {
	t.Helper()
	for _, link := range linkIn.FindAllString(l.message(t).Text, -1) {
		if strings.Contains(link, "/"+page+"/") {
			return link
		}
	}
	t.Fatalf("there is no link to %s:\n%s", page, l.message(t).Text)
	return ""
}

var saysYes = url.Values{"frequency": {"2"}, "all": {"yes"}, "lang": {"en"}}

func asks(address string) url.Values {
	form := url.Values{"address": {address}}
	for k, v := range saysYes {
		form[k] = v
	}
	return form
}

func (h *house) stateOf(address string) State {
	h.t.Helper()
	s, err := h.Subscriber(h.t.Context(), address)
	if err != nil {
		h.t.Fatal(err)
	}
	return s.State
}

// TestDoubleOptIn: nobody is subscribed who has not pressed the button behind the link of their own mail.
func TestDoubleOptIn(t *testing.T) {
	h := newHouse(t)
	h.feeds.has("/f", "text/xml", rss(items(1, 1)...))
	h.add("/f")
	if a := h.ask("POST", "/list/subscribe", asks("Kim@Example.net")); a.status != http.StatusOK || !strings.Contains(a.body, "Look into your mailbox") {
		t.Fatalf("%d %s", a.status, a.body)
	}
	h.round()
	list := h.waiting()
	if len(list) != 1 || list[0].to != "Kim@Example.net" || h.stateOf("kim@example.net") != Asked {
		t.Fatalf("%+v", list)
	}
	if f := list[0].field("List-Unsubscribe"); f != "" {
		t.Errorf("who is not on the list need not leave it: %s", f)
	}
	link := list[0].link(t, "confirm")

	// A program that follows links changes nothing, however it asks.
	for _, method := range []string{"GET", "HEAD"} {
		if a := h.ask(method, link, nil); a.status != http.StatusOK {
			t.Errorf("%s: %d", method, a.status)
		}
	}
	if h.stateOf("kim@example.net") != Asked {
		t.Fatal("a GET has subscribed somebody")
	}
	if a := h.ask("GET", link, nil); strings.Contains(a.body, "Kim@Example.net") || !strings.Contains(a.body, "K…@Example.net") {
		t.Errorf("the address is not veiled:\n%s", a.body)
	}
	for range 2 {
		if a := h.ask("POST", link, url.Values{}); a.status != http.StatusOK || !strings.Contains(a.body, "You are subscribed") {
			t.Errorf("%d %s", a.status, a.body)
		}
	}
	if h.stateOf("kim@example.net") != Subscribed {
		t.Fatal("not subscribed")
	}
	// Once they have left, the old link lets nobody in again.
	if err := h.Leave(t.Context(), "kim@example.net", Unsubscribed, ""); err != nil {
		t.Fatal(err)
	}
	if a := h.ask("POST", link, url.Values{}); a.status != http.StatusGone || h.stateOf("kim@example.net") != Unsubscribed {
		t.Errorf("%d, %v", a.status, h.stateOf("kim@example.net"))
	}
}

// TestForgedLinks: links of others, of other things, changed ones and old ones change nothing.
func TestForgedLinks(t *testing.T) {
	h := newHouse(t)
	kim := h.subscribe("kim@example.net", Choice{All: true, Frequency: AtOnce})
	for _, a := range []string{"lee@example.net", "max@example.net"} {
		if err := h.Ask(t.Context(), Subscriber{Address: a, Choice: Choice{All: true}}); err != nil {
			t.Fatal(err)
		}
	}
	h.round()
	lee := h.waiting()[0].link(t, "confirm")
	token := lee[strings.LastIndexByte(lee, '/')+1:]
	forged := []string{"", "x", token[:len(token)-1], token + "A", strings.ToUpper(token), token[:10] + "_" + token[11:], strings.Repeat("A", len(token))}
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		t.Fatal(err)
	}
	for i := range raw { // each octet counts, and each bit
		b := bytes.Clone(raw)
		b[i] ^= 1 << (i % 8)
		forged = append(forged, base64.RawURLEncoding.EncodeToString(b))
	}
	other := newHouse(t)
	forged = append(forged, other.sign(token2(forConfirm, 2)))
	for _, text := range forged {
		for _, page := range []string{"confirm", "preferences", "unsubscribe"} {
			for _, method := range []string{"GET", "POST"} {
				if a := h.ask(method, "/list/"+page+"/"+text, form(method)); a.status != http.StatusNotFound && a.status != http.StatusMethodNotAllowed {
					t.Errorf("%s %s %q: %d", method, page, text, a.status)
				}
			}
		}
	}
	// Ours, for something else.
	leave, choose := h.leavingLink(kim.ID), h.preferencesLink(kim.ID)
	for _, link := range []string{
		strings.Replace(lee, "confirm", "unsubscribe", 1), strings.Replace(lee, "confirm", "preferences", 1), strings.Replace(leave, "unsubscribe", "preferences", 1),
		strings.Replace(leave, "unsubscribe", "confirm", 1), strings.Replace(choose, "preferences", "unsubscribe", 1), strings.Replace(choose, "preferences", "confirm", 1),
	} {
		if a := h.ask("POST", link, saysYes); a.status != http.StatusNotFound {
			t.Errorf("%s: %d", link, a.status)
		}
	}
	if h.stateOf("kim@example.net") != Subscribed || h.stateOf("lee@example.net") != Asked || h.stateOf("max@example.net") != Asked {
		t.Error("something has changed")
	}
	h.clock.forward(49 * time.Hour)
	if a := h.ask("POST", lee, url.Values{}); a.status != http.StatusGone || h.stateOf("lee@example.net") != Asked {
		t.Errorf("an old link: %d", a.status)
	}
	h.clock.forward(61 * 24 * time.Hour)
	if a := h.ask("GET", choose, nil); a.status != http.StatusGone {
		t.Errorf("old preferences: %d", a.status)
	}
	h.clock.forward(5 * 365 * 24 * time.Hour)
	if a := h.ask("POST", leave, url.Values{}); a.status != http.StatusOK || h.stateOf("kim@example.net") != Unsubscribed {
		t.Errorf("who keeps mails for years leaves by them too: %d", a.status)
	}
}

func token2(purpose byte, id int64) token { return token{purpose: purpose, id: id} }

func form(method string) url.Values {
	if method == "POST" {
		return saysYes
	}
	return nil
}

// TestAnswersTellNothing: what is asked for an address is answered alike, whether it is known or not, and whatever it is.
func TestAnswersTellNothing(t *testing.T) {
	h := newHouse(t)
	h.subscribe("there@example.net", Choice{All: true})
	h.subscribe("left@example.net", Choice{All: true})
	h.subscribe("cross@example.net", Choice{All: true})
	if err := h.Leave(t.Context(), "left@example.net", Unsubscribed, ""); err != nil {
		t.Fatal(err)
	}
	if err := h.Leave(t.Context(), "cross@example.net", Complained, ""); err != nil {
		t.Fatal(err)
	}
	first := h.ask("POST", "/list/subscribe", asks("new@example.net"))
	for _, address := range []string{"there@example.net", "left@example.net", "cross@example.net", "new@example.net"} {
		if a := h.ask("POST", "/list/subscribe", asks(address)); a.status != first.status || a.body != first.body || fmt.Sprint(a.header) != fmt.Sprint(first.header) {
			t.Errorf("%s is answered otherwise: %d %s", address, a.status, a.body)
		}
	}
	if n := h.count("SELECT count(*) FROM parley_digest_subscribers"); n != 3 {
		t.Errorf("the page itself has looked for them: %d", n)
	}
	h.round()
	for _, l := range h.waiting() {
		m := l.message(t)
		switch l.to {
		case "there@example.net":
			if !strings.Contains(m.Subject, "already subscribed") || strings.Contains(m.Text, "/confirm/") {
				t.Errorf("%s: %s", l.to, m.Text)
			}
		case "cross@example.net":
			t.Error("who has complained is mailed again")
		default:
			if !strings.Contains(m.Text, "/confirm/") {
				t.Errorf("%s: %s", l.to, m.Text)
			}
		}
	}
	if h.stateOf("left@example.net") != Unsubscribed {
		t.Error("strangers can change what somebody who has left is")
	}
}

// TestAsksAreFew: strangers cannot have many mails sent, to one or by one.
func TestAsksAreFew(t *testing.T) {
	h := newHouse(t)
	from := func(ip string) func(*http.Request) {
		return func(r *http.Request) { r.RemoteAddr = ip + ":1234" }
	}
	for i := range 20 {
		if a := h.ask("POST", "/list/subscribe", asks("kim@example.net"), from(fmt.Sprintf("198.51.100.%d", i))); a.status != http.StatusOK {
			t.Errorf("%d: %d", i, a.status)
		}
	}
	h.round()
	if n := len(h.waiting()); n != mostAsks {
		t.Errorf("%d mails to one", n)
	}
	h.clock.forward(25 * time.Hour)
	h.ask("POST", "/list/subscribe", asks("kim@example.net"), from("198.51.100.99"))
	h.round()
	if n := len(h.waiting()); n != mostAsks+1 {
		t.Errorf("%d mails to one the next day", n)
	}
	for _, ip := range []string{"203.0.113.1", "[2001:db8:1:2::%d]"} {
		taken := 0
		for i := range 50 {
			who := ip
			if strings.Contains(ip, "%d") {
				who = fmt.Sprintf(ip, i+1) // of one network
			}
			a := h.ask("POST", "/list/subscribe", asks(fmt.Sprintf("c%d@example.net", i)), from(who))
			if a.status == http.StatusOK {
				taken++
			} else if a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" {
				t.Errorf("%d", a.status)
			}
		}
		if taken != askBurst {
			t.Errorf("%s: %d were taken", ip, taken)
		}
	}
	h.c.Proxied, h.pages = true, nil
	taken := 0
	for i := range 30 {
		a := h.ask("POST", "/list/subscribe", asks("x@example.net"), func(r *http.Request) {
			r.Header.Set("X-Forwarded-For", fmt.Sprintf("192.0.2.%d, 203.0.113.77", i)) // the first is whatever somebody says
		})
		if a.status == http.StatusOK {
			taken++
		}
	}
	if taken != askBurst {
		t.Errorf("behind a proxy: %d were taken", taken)
	}
}

// TestOneClick holds mails and pages against the text of RFC 8058.
func TestOneClick(t *testing.T) {
	h := newHouse(t)
	h.feeds.has("/f", "text/xml", rss(items(1, 1)...))
	h.add("/f")
	h.subscribe("kim@example.net", Choice{All: true, Frequency: AtOnce})
	h.subscribe("lee@example.net", Choice{All: true, Frequency: AtOnce})
	h.round()
	list := h.waiting()
	uris := make(map[string]bool)
	for _, l := range list {
		for _, wrong := range checkOneClick(t, h, &l) {
			t.Errorf("%s: %s", l.to, wrong)
		}
		uris[l.field("List-Unsubscribe")] = true
	}
	if len(uris) != 2 {
		t.Error("§3.1: the URI does not tell the recipient")
	}
	for _, a := range []string{"kim@example.net", "lee@example.net"} {
		if h.stateOf(a) != Unsubscribed {
			t.Errorf("%s is %v", a, h.stateOf(a))
		}
	}
}

// checkOneClick is what a mail program does, and what RFC 8058 says of it; it gives what is wrong.
func checkOneClick(t *testing.T, h *house, l *letterSeen) (wrong []string) {
	add := func(ok bool, what string) {
		if !ok {
			wrong = append(wrong, what)
		}
	}
	head := strings.ToLower(strings.SplitN(l.raw, "\r\n\r\n", 2)[0])
	add(strings.Count("\r\n"+head, "\r\nlist-unsubscribe:") == 1 && strings.Count("\r\n"+head, "\r\nlist-unsubscribe-post:") == 1, "§3.1: both fields, and each once")
	add(l.field("List-Unsubscribe-Post") == "List-Unsubscribe=One-Click", "§3.1: the field's value is that and nothing else")
	var https []string
	for part := range strings.SplitSeq(l.field("List-Unsubscribe"), ",") {
		uri := strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(part), "<"), ">")
		add(strings.HasPrefix(strings.TrimSpace(part), "<") && strings.HasSuffix(strings.TrimSpace(part), ">"), "RFC 2369 §2: in angle brackets")
		if strings.HasPrefix(uri, "https://") {
			https = append(https, uri)
		}
	}
	if add(len(https) == 1, "§3.1: one HTTPS URI"); len(https) != 1 {
		return wrong
	}
	u, err := url.Parse(https[0])
	add(err == nil, "§3.1: a URI")
	add(!strings.Contains(https[0], strings.SplitN(l.to, "@", 2)[0]+"@") && len(u.Path) > 40, "§3.1: opaque, and hard to forge")

	// A GET, a HEAD and OPTIONS leave nothing: §6 has programs that look at links.
	address := l.to
	for _, method := range []string{"GET", "HEAD", "OPTIONS"} {
		h.ask(method, https[0], nil)
		add(h.stateOf(address) == Subscribed, "§1: a "+method+" unsubscribes")
	}
	// §3.2: a POST with the pair, as either kind of form, without cookies or a login. What is answered is no redirect (§3.1).
	var body bytes.Buffer
	m := multipart.NewWriter(&body)
	m.WriteField("List-Unsubscribe", "One-Click")
	m.Close()
	for _, f := range []struct{ kind, text string }{{"application/x-www-form-urlencoded", "List-Unsubscribe=One-Click"}, {m.FormDataContentType(), body.String()}} {
		r := httptest.NewRequest("POST", u.RequestURI(), strings.NewReader(f.text))
		r.Header.Set("Content-Type", f.kind)
		w := httptest.NewRecorder()
		h.handler().ServeHTTP(w, r)
		add(w.Code == http.StatusOK, fmt.Sprintf("§3.1: the POST is answered %d", w.Code))
		add(w.Header().Get("Set-Cookie") == "" && w.Header().Get("WWW-Authenticate") == "", "§3.1: no cookies, no login")
		add(h.stateOf(address) == Unsubscribed, "§3.2: the POST does not unsubscribe")
		if f.kind == "application/x-www-form-urlencoded" { // let them in again, for the other kind
			if _, err := h.Subscribe(t.Context(), Subscriber{Address: address, Choice: Choice{All: true, Frequency: AtOnce}}, true); err != nil {
				t.Fatal(err)
			}
		}
	}
	return wrong
}

// TestHostilePages: what comes with forms and links is shown as text, if at all.
func TestHostilePages(t *testing.T) {
	h := newHouse(t)
	h.feeds.has("/f", "text/xml", `<rss version="2.0"><channel><title>&lt;script&gt;alert(1)&lt;/script&gt;&quot;&gt;x</title></channel></rss>`)
	h.add("/f")
	h.feeds.has("/g", "text/xml", rss(items(1, 1)...))
	h.add("/g")
	h.round()
	for _, address := range []string{`"><script>alert(1)</script>`, "kim@example.net\r\nBcc: all@example.net", "kim@example.net, lee@example.net", strings.Repeat("a", 10_000) + "@example.net", "<>", "postmaster", "kim@[127.0.0.1", "", "kim@example.net\x00"} {
		a := h.ask("POST", "/list/subscribe", asks(address), func(r *http.Request) { r.RemoteAddr = fmt.Sprintf("198.51.%d.1:1", len(address)%200) })
		if a.status != http.StatusUnprocessableEntity || strings.Contains(a.body, "<script") {
			t.Errorf("%.60q: %d %s", address, a.status, a.body)
		}
	}
	for _, path := range []string{"/list/", "/list/?lang=%22%3E%3Cscript%3E", "/list/%3Cscript%3E", "/", "/list", "/list/subscribe", "/list//evil.example/", "/list/../../etc/passwd"} {
		a := h.ask("GET", path, nil)
		if strings.Contains(a.body, "<script") || strings.HasPrefix(a.header.Get("Location"), "//") || strings.Contains(a.header.Get("Location"), "evil.example/x") {
			t.Errorf("%s: %d %s %s", path, a.status, a.header.Get("Location"), a.body)
		}
		if !strings.HasPrefix(a.header.Get("Content-Security-Policy"), "default-src 'none'") || a.header.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s: %v", path, a.header)
		}
	}
	large := url.Values{"address": {"kim@example.net"}, "x": {strings.Repeat("x", 1<<20)}}
	if a := h.ask("POST", "/list/subscribe", large); a.status == http.StatusOK {
		t.Errorf("a large form: %d", a.status)
	}
	if n := h.count("SELECT count(*) FROM parley_digest_requests"); n != 0 {
		t.Errorf("%d requests", n)
	}
}

// TestPageWords: each word of the pages and mails is in both languages, with the same verbs.
func TestPageWords(t *testing.T) {
	verbs := regexp.MustCompile(`%[dsv]`)
	for name, w := range pageWords {
		if w.En == "" || w.Zh == "" || fmt.Sprint(verbs.FindAllString(w.En, -1)) != fmt.Sprint(verbs.FindAllString(w.Zh, -1)) {
			t.Errorf("%s: %+v", name, w)
		}
	}
	text, err := templates.ReadFile("templates/page.html")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`\.T "([^"]+)"`).FindAllStringSubmatch(string(text), -1) {
		if _, ok := pageWords[m[1]]; !ok {
			t.Errorf("the template says %q, which is no word", m[1])
		}
	}
}
