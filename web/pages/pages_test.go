package pages

import (
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/parleymail/parley/gloss"
	"github.com/parleymail/parley/smtp"
)

// TestEveryPageIsSound: landmarks, one first heading, labels, no id twice, nothing inline, and no text of ours missing, on every
// page and in both languages.
func TestEveryPageIsSound(t *testing.T) {
	h := full(t, nil)
	empty := open(t, nil)
	for _, lang := range []string{"en", "zh-CN"} {
		for _, target := range targets() {
			h.page(target, lang).sound(lang)
		}
		for _, target := range []string{"/", "/sessions", "/faults"} {
			empty.page(target, lang).sound(lang)
		}
	}
}

var missing = regexp.MustCompile(`\?[a-z]{3,}[a-z-]*\?|%!|ZgotmplZ|&lt;nil&gt;|<nil>`)

func (p *page) sound(lang string) {
	p.t.Helper()
	if found := missing.FindString(p.text); found != "" {
		p.t.Errorf("%s, %s: it says %s", p.name, lang, found)
	}
	if got := attr(p.all("html")[0], "lang"); got != lang {
		p.t.Errorf("%s: its language is %q, and was to be %q", p.name, got, lang)
	}
	for name, n := range map[string]int{"main": 1, "h1": 1, "title": 1, "header": 1, "footer": 1} {
		found := slices.DeleteFunc(p.all(name), func(n *html.Node) bool { return n.Namespace == "svg" }) // the bar of a chart has a title too
		if got := len(found); got != n {
			p.t.Errorf("%s has %d <%s>, and was to have %d", p.name, got, name, n)
		}
	}
	if p.byID("content") == nil || !strings.Contains(p.text, `href="#content"`) {
		p.t.Errorf("%s: there is no way past the navigation", p.name)
	}
	ids := make(map[string]bool)
	for _, n := range p.all("") {
		if id := attr(n, "id"); id != "" && ids[id] {
			p.t.Errorf("%s has the id %s twice", p.name, id)
		} else {
			ids[id] = true
		}
		p.element(n, lang)
	}
}

// element holds one element against what is asked of all.
func (p *page) element(n *html.Node, lang string) {
	p.t.Helper()
	for _, a := range n.Attr {
		if strings.HasPrefix(a.Key, "on") || a.Key == "style" || strings.HasPrefix(strings.ToLower(a.Val), "javascript:") {
			p.t.Errorf("%s: <%s %s=%q> is inline", p.name, n.Data, a.Key, a.Val)
		}
	}
	named := attr(n, "aria-label") != "" || textOf(n) != ""
	switch n.Data {
	case "style", "base", "object", "embed":
		p.t.Errorf("%s has <%s>", p.name, n.Data)
	case "script":
		if attr(n, "src") != "/static/parley.js" || n.FirstChild != nil {
			p.t.Errorf("%s has a script of its own", p.name)
		}
	case "input", "select", "textarea":
		if attr(n, "type") != "hidden" && attr(n, "aria-label") == "" && !p.labelled(n) {
			p.t.Errorf("%s: <%s name=%q> has no label", p.name, n.Data, attr(n, "name"))
		}
	case "img":
		if !has(n, "alt") {
			p.t.Errorf("%s: an image has no alt", p.name)
		}
	case "iframe":
		if attr(n, "sandbox") != "allow-popups allow-popups-to-escape-sandbox" || attr(n, "title") == "" {
			p.t.Errorf("%s: the frame is sandboxed as %q, and called %q", p.name, attr(n, "sandbox"), attr(n, "title"))
		}
	case "a", "button", "summary":
		if !named {
			p.t.Errorf("%s: a <%s> has no name", p.name, n.Data)
		}
	case "nav":
		if attr(n, "aria-label") == "" {
			p.t.Errorf("%s: a <nav> has no name", p.name)
		}
	case "th":
		if attr(n, "scope") == "" {
			p.t.Errorf("%s: <th>%s</th> is of neither row nor column", p.name, textOf(n))
		}
	case "form":
		if action := attr(n, "action"); !strings.HasPrefix(action, "/") || strings.HasPrefix(action, "//") {
			p.t.Errorf("%s: a form goes to %q", p.name, action)
		}
	}
	if lang == "zh-CN" && n.Data == "button" && regexp.MustCompile(`^[A-Za-z .]+$`).MatchString(textOf(n)) {
		p.t.Errorf("%s: the button %q is not in Chinese", p.name, textOf(n))
	}
}

func (p *page) labelled(n *html.Node) bool {
	for up := n.Parent; up != nil; up = up.Parent {
		if up.Data == "label" {
			return true
		}
	}
	return slices.ContainsFunc(p.all("label"), func(l *html.Node) bool { return attr(l, "for") == attr(n, "id") && attr(n, "id") != "" })
}

// TestNothingSaidIsMarkup: what mails and clients say is text on every page.
func TestNothingSaidIsMarkup(t *testing.T) {
	h := open(t, nil)
	evil := "<script>alert(1)</script>\u202egnp<img src=x onerror=alert(2)>"
	m := h.send("From: \""+evil+"\" <x@example.com>\nTo: "+evil+" <kim@example.net>\nCc: "+evil+"\nSubject: "+evil+"\nX-Odd: "+evil+
		"\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain; charset=utf-8\n\n"+evil+"\nhttps://e.example/\"><script>alert(3)</script>\nyour code is 482913 "+evil+
		"\n--b\nContent-Type: text/x-<script>; charset=\"<script>\"\nContent-Disposition: attachment; filename=\""+evil+".html\"\n\n"+evil+"\n--b--\n", "kim@example.net")
	plain := strings.ReplaceAll(evil, "\u202e", "") // the value of an input is what was typed
	h.talk("EHLO "+evil, "MAIL FROM:<"+evil+">", evil)
	list := []string{"/", "/sessions", "/sessions/1", "/sessions/2", "/rows?of=messages", "/rows?of=sessions", "/?query=" + url.QueryEscape(plain), "/faults", "/?mailbox=" + url.QueryEscape(plain), "/messages/" + url.PathEscape(evil)}
	for _, tab := range tabs {
		list = append(list, "/messages/"+(&screen{}).ID(m.ID)+"?tab="+tab)
	}
	shown := 0
	for _, target := range list {
		p := h.page(target, "en")
		for _, n := range p.all("script") {
			if attr(n, "src") != "/static/parley.js" {
				t.Errorf("%s has a script: %s", target, textOf(n))
			}
		}
		for _, n := range p.all("img") {
			if !strings.HasPrefix(attr(n, "src"), "/messages/") {
				t.Errorf("%s has an image of the mail's own: %s", target, attr(n, "src"))
			}
		}
		for _, n := range p.all("") {
			for _, a := range n.Attr {
				if strings.HasPrefix(a.Key, "on") {
					t.Errorf("%s: <%s> has %s", target, n.Data, a.Key)
				}
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

// TestEveryWord: each has both languages, and Chinese has its own punctuation.
func TestEveryWord(t *testing.T) {
	half := regexp.MustCompile(`\p{Han}[,;:?!]|\p{Han}\.( |$)|[,;?!]\p{Han}`)
	for name, w := range words {
		if w.En == "" || w.Zh == "" {
			t.Errorf("%s: %+v", name, w)
		}
		if half.MatchString(w.Zh) {
			t.Errorf("%s has half-width punctuation: %s", name, w.Zh)
		}
		if strings.Count(w.En, "%") != strings.Count(w.Zh, "%") {
			t.Errorf("%s: %q and %q take different things", name, w.En, w.Zh)
		}
	}
}

// TestEveryWordIsUsed: and no template asks for another.
func TestEveryWordIsUsed(t *testing.T) {
	used := make(map[string]bool)
	ask := regexp.MustCompile(`\.T "([a-z0-9-]+)"|"((?:[a-z]+-)?[a-z0-9-]+)"`)
	prefixes := []string{"tab-", "step-", "severity-", "then-", "tls-", "note-", "outcome-"}
	texts := []string{}
	entries, err := files.ReadDir("templates")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		text, err := files.ReadFile("templates/" + e.Name())
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(text))
		for _, found := range regexp.MustCompile(`\.T "([a-z0-9-]+)"`).FindAllStringSubmatch(string(text), -1) {
			if _, ok := wordOf(found[1]); !ok {
				t.Errorf("%s asks for %q", e.Name(), found[1])
			}
		}
	}
	texts = append(texts, sources(t)...)
	for _, text := range texts {
		for _, found := range ask.FindAllStringSubmatch(text, -1) {
			used[found[1]+found[2]] = true
		}
	}
	for name := range words {
		if !used[name] && !slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(name, p) }) {
			t.Errorf("nobody asks for %q", name)
		}
	}
}

func TestLanguages(t *testing.T) {
	h := open(t, nil)
	for _, c := range []struct{ target, accept, cookie, want string }{
		{"/", "", "", "en"},
		{"/", "de-DE,zh;q=0.5", "", "zh-CN"},
		{"/", "zh-TW,en", "", "zh-CN"},
		{"/", "en-GB,zh", "", "en"},
		{"/", "en", "zh", "zh-CN"},
		{"/?lang=zh", "en", "", "zh-CN"},
		{"/?lang=en", "zh", "zh", "en"},
		{"/?lang=xx", "zh", "", "zh-CN"},
	} {
		h.cookies = map[string]string{}
		if c.cookie != "" {
			h.cookies[langCookie] = c.cookie
		}
		if got := attr(h.page(c.target, c.accept).all("html")[0], "lang"); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
}

// TestSettings: a choice is kept, and leads back to the page, and to no other site.
func TestSettings(t *testing.T) {
	h := open(t, nil)
	answer := h.do("GET", "/settings?lang=zh&back=%2Fsessions%3Fquery%3Dx", nil, "en")
	if to := answer.Header.Get("Location"); to != "/sessions?query=x" {
		t.Errorf("it leads to %s", to)
	}
	if c := answer.Cookies()[0]; c.SameSite != http.SameSiteLaxMode || !c.HttpOnly || c.Path != "/" {
		t.Errorf("%+v", c)
	}
	h.do("GET", "/settings?theme=dark", nil, "en")
	p := h.page("/", "en")
	if root := p.all("html")[0]; attr(root, "lang") != "zh-CN" || attr(root, "data-theme") != "dark" {
		t.Errorf("%+v", root.Attr)
	}
	for _, to := range []string{"//evil.example", `/\evil.example`, "https://evil.example", "/a\r\nX: y", "javascript:alert(1)", "/\t/evil.example", "/\n/evil.example", "evil"} {
		answer := h.do("GET", "/settings?back="+url.QueryEscape(to), nil, "en")
		if got := answer.Header.Get("Location"); got != "/" {
			t.Errorf("%q leads to %q", to, got)
		}
	}
}

// TestNeighbours: older and newer are those next to it, however many lie between it and the newest, and whatever was deleted.
func TestNeighbours(t *testing.T) {
	h := open(t, nil)
	const many = 130
	client := h.client()
	for range many {
		h.sendOver(client, "Subject: n\n\nx\n", "kim@example.net")
	}
	client.Close()
	for id := int64(20); id < 118; id++ { // a hole wider than a page
		if err := h.store.DeleteMessage(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ id, older, newer int64 }{{1, 0, 2}, {2, 1, 3}, {19, 18, 118}, {118, 19, 119}, {129, 128, 130}, {130, 129, 0}} {
		p := h.page("/messages/"+(&screen{}).ID(c.id), "en")
		for id, want := range map[string]int64{"older": c.older, "newer": c.newer} {
			got := ""
			if n := p.byID(id); n != nil {
				got = attr(n, "href")
			}
			if want == 0 && got != "" || want != 0 && !strings.HasPrefix(got, "/messages/"+(&screen{}).ID(want)+"?") {
				t.Errorf("%s than %d is %q, and was to be %d", id, c.id, got, want)
			}
		}
	}
	// One mail of a hundred and thirty is told alone.
	p := h.page("/messages/5", "en")
	p.must("Only what was said for this message", "MAIL FROM:<shop@example.com>", "250 2.0.0")
	if n := strings.Count(p.text, "MAIL FROM:"); n != 1 {
		t.Errorf("MAIL is there %d times", n)
	}
}

// TestSearchThatCannotBeRead: what was typed is there to be mended, and what is wrong with it is told.
func TestSearchThatCannotBeRead(t *testing.T) {
	h := open(t, nil)
	for _, path := range []string{"/", "/sessions"} {
		page := h.page(path+"?query=bogus:1", "en").text
		for _, want := range []string{`value="bogus:1"`, `action="` + path + `"`, "there is no field bogus:"} {
			if !strings.Contains(page, want) {
				t.Errorf("%s: %s is not there", path, want)
			}
		}
	}
	for query, want := range map[string]string{
		"bogus:1": "搜索中没有字段 bogus:", "larger:much": "无法理解 larger:much：大小写作 300、10k 或 2M", "after:once": "时间写作", "is:odd": "后面应是", "session:x": "会话用编号表示", "id:17": "这个编号的邮件在 /messages/17",
	} {
		h.page("/?query="+query, "zh").must(want)
	}
}

// TestConversationInChinese: what was done is told in the page's language, and what EHLO is told stands below its first line.
func TestConversationInChinese(t *testing.T) {
	h := open(t, nil)
	h.send("Subject: hi\r\n\r\nhello\r\n", "kim@example.net")
	h.wait("the session", func() bool { return strings.Contains(h.page("/sessions/1", "zh").text, "连接关闭") })
	zh := h.page("/sessions/1", "zh")
	zh.must("连接来自", "127.0.0.1", "连接关闭", "还有")
	if strings.Contains(zh.text, "connected from") || strings.Contains(zh.text, "closed") {
		t.Error("it is told in English")
	}
	folded := zh.all("details")
	n := 0
	for _, d := range folded {
		if attr(d, "class") == "more" {
			n++
		}
	}
	if n != 1 {
		t.Errorf("%d replies are folded", n)
	}
	h.page("/sessions/1", "en").must("connected from", "closed", "more lines", "250-PIPELINING", "250 ")
}

// TestFold: a long reply is folded whole, and none of it is lost; short ones and refusals are read as they are.
func TestFold(t *testing.T) {
	reply := func(lines ...string) (c conversation) {
		for _, l := range lines {
			class := "server"
			if l[0] >= '4' {
				class = "server bad"
			}
			c.Turns = append(c.Turns, turn{Class: class, Text: l})
		}
		return c
	}
	for _, test := range []struct {
		lines []string
		want  string // of each turn, how many lines are below it
	}{
		{[]string{"220 mx", "250-mx", "250-A", "250-B", "250 C", "250 ok", "250 ok"}, "0300"},
		{[]string{"250-mx", "250-A", "250 C"}, "000"},
		{[]string{"550-no", "550-no", "550-no", "550-no", "550 no"}, "00000"},
		{[]string{"250-mx", "250-A", "250-B", "250-C"}, "3"},
		{nil, ""},
	} {
		c := reply(test.lines...)
		c.fold()
		got, lines := "", 0
		for _, t := range c.Turns {
			got += strconv.Itoa(len(t.More))
			lines += 1 + len(t.More)
		}
		if got != test.want || lines != len(test.lines) {
			t.Errorf("%v: %s", test.lines, got)
		}
	}
}

// TestWhatBrokeOff: where a session broke off, what that means stands before the words that a library has for it, in the list and on the
// page; a reply that refused stands before its cause.
func TestWhatBrokeOff(t *testing.T) {
	h := open(t, nil)
	h.talk("\x16\x03\x01\x02\x00\x01\x00")
	h.talk("EHLO me", "MAIL FROM:<a@example.com>", "RCPT TO:<rcpt+554-spam@example.com>", "QUIT")
	const raw = "began with TLS, and this port begins in clear text"
	h.wait("the sessions", func() bool {
		return strings.Contains(h.page("/sessions/1", "en").text, raw) && strings.Contains(h.page("/sessions/2", "zh").text, "连接关闭")
	})
	for lang, want := range map[string][]string{
		"en": {"the client began with TLS on a port that begins in clear text", "set the client to STARTTLS", "Word for word", raw},
		"zh": {"客户端在以明文开始的端口上直接发起了 TLS 握手", "请把客户端在此端口的加密方式改为", "原文", raw},
	} {
		page, list := h.page("/sessions/1", lang).text, h.page("/sessions?query=is:failed", lang).text
		for _, part := range want {
			_, after, ok := strings.Cut(page, part)
			if !ok {
				t.Fatalf("%q does not stand where it should in\n%s", part, page)
			}
			page = after
		}
		if cause, word := strings.Index(list, want[0]), strings.Index(list, raw); cause < 0 || word < cause {
			t.Errorf("in the list the cause stands at %d, and what a library says of it at %d", cause, word)
		}
	}
	zh := h.page("/sessions/2", "zh")
	zh.must("故意的，由收件人地址触发： rcpt reply=", "原文", "554")
	if strings.Contains(zh.text, "on purpose") {
		t.Error("it is told in English")
	}
}

// TestDone: what was done is told in the reader's language, as far as it is ours.
func TestDone(t *testing.T) {
	for _, test := range []struct {
		e            smtp.Event
		did, of, say string
	}{
		{smtp.Event{Did: smtp.Connected, Line: "from 127.0.0.1:5"}, "did-connected", "", "127.0.0.1:5"},
		{smtp.Event{Did: smtp.Connected, Line: "mx:25"}, "did-connected-to", "", "mx:25"},
		{smtp.Event{Did: smtp.StartedTLS, Line: "TLS 1.3, X"}, "did-tls", "", "TLS 1.3, X"},
		{smtp.Event{Did: smtp.Closed}, "did-closed", "", ""},
		{smtp.Event{Did: smtp.Closed, Err: errors.New("why: so")}, "did-closed", "", "why: so"},
		{smtp.Event{Did: smtp.Note, Line: "on purpose, by rule 3: end reply=\"450 x\""}, "by-rule", "3", "end reply=\"450 x\""},
		{smtp.Event{Did: smtp.Note, Line: "on purpose, by the recipient's address: end"}, "by-address", "", "end"},
		{smtp.Event{Did: smtp.Note, Line: "something\x1b"}, "", "", `something\x1b`},
	} {
		got := turnOf(gloss.Line{Event: test.e})
		if got.Did != test.did || got.Of != test.of || got.Text != test.say {
			t.Errorf("%+v: %q %q %q", test.e, got.Did, got.Of, got.Text)
		}
		if _, ok := words[got.Did]; got.Did != "" && !ok {
			t.Errorf("there is no word %s", got.Did)
		}
	}
}
