package view

import (
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/parleymail/parley/inbox"
)

// open makes a view of lines.
func open(s string) *View {
	return Open([]byte(strings.ReplaceAll(s, "\n", "\r\n")), inbox.Message{}, Limits{})
}

const newsletter = `From: Shop <news@shop.example>
To: kim@example.net
Subject: =?utf-8?b?5LiJ5pyI?=
Date: Mon, 9 Mar 2026 08:05:00 +0800
Message-ID: <1@shop.example>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=m

--m
Content-Type: multipart/related; boundary=r

--r
Content-Type: multipart/alternative; boundary=a

--a
Content-Type: text/plain; charset=utf-8

Hello Kim, see https://shop.example/a.
--a
Content-Type: text/html; charset=utf-8

<html lang=en><style>a:hover{color:red}</style><p>Hello <b>Kim</b>,<br>see <a href="https://shop.example/a">the shop</a>.</p><img src="cid:logo@shop" alt="Shop"></html>
--a--
--r
Content-Type: image/png
Content-ID: <logo@shop>
Content-Transfer-Encoding: base64

iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==
--r--
--m
Content-Type: application/pdf; name="=?utf-8?b?5a+56LSm5Y2V?=.pdf"
Content-Disposition: attachment
Content-Transfer-Encoding: base64

JVBERi0xLjQK
--m
Content-Type: text/plain

-- a footer
--m--
`

func paths(list []Part) (p []string) {
	for _, part := range list {
		p = append(p, part.Path+" "+part.Type)
	}
	return p
}

// TestLetter: which parts are what a person reads, as mail clients choose.
func TestLetter(t *testing.T) {
	for _, c := range []struct {
		name, in, html, plain string
		further, inline, att  []string
	}{
		{"a newsletter", newsletter, "1.1.2", "1.1.1", []string{"3 text/plain"}, []string{"1.2 image/png"}, []string{"2 application/pdf"}},
		{"a text", "\nx", "-", "", nil, nil, nil},
		{"HTML alone", "Content-Type: text/html\n\nx", "", "-", nil, nil, nil},
		{"a file alone", "Content-Type: application/pdf\n\nx", "-", "-", nil, nil, []string{" application/pdf"}},
		{"HTML as an attachment", "Content-Type: text/html\nContent-Disposition: attachment\n\nx", "-", "-", nil, nil, []string{" text/html"}},
		{"the last of two HTML counts", "Content-Type: multipart/alternative; boundary=b\n\n--b\nContent-Type: text/html\n\none\n--b\nContent-Type: text/html\n\ntwo\n--b--", "2", "-", nil, nil, nil},
		{"an AMP alternative", "Content-Type: multipart/alternative; boundary=b\n\n--b\n\nx\n--b\nContent-Type: text/html\n\nx\n--b\nContent-Type: text/x-amp-html\n\nx\n--b--", "2", "1", nil, []string{"3 text/x-amp-html"}, nil},
		{"a related root that is named", "Content-Type: multipart/related; boundary=b; start=\"<root>\"\n\n--b\nContent-Type: image/png\nContent-ID: <i>\n\nx\n--b\nContent-ID: <root>\nContent-Type: text/html\n\nx\n--b--", "2", "-", nil, nil, []string{"1 image/png"}},
		{"signed", "Content-Type: multipart/signed; protocol=\"application/pgp-signature\"; boundary=b\n\n--b\n\nx\n--b\nContent-Type: application/pgp-signature\n\nx\n--b--", "-", "1", nil, nil, []string{"2 application/pgp-signature"}},
		{"a mail within is not opened", "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b\nContent-Type: message/rfc822\n\nContent-Type: text/html\n\ny\n--b--", "-", "1", nil, nil, []string{"2 message/rfc822"}},
		{"a bounce", "Content-Type: multipart/report; boundary=b\n\n--b\n\nx\n--b\nContent-Type: message/delivery-status\n\nAction: failed\n--b--", "-", "1", nil, nil, []string{"2 message/delivery-status"}},
		{"an alternative that is not HTML", "Content-Type: multipart/alternative; boundary=b\n\n--b\n\nx\n--b\nContent-Type: text/calendar\n\nx\n--b--", "-", "1", nil, []string{"2 text/calendar"}, nil},
	} {
		l := open(c.in).Letter()
		path := func(p *Part) string {
			if p == nil {
				return "-"
			}
			return p.Path
		}
		if path(l.HTML) != c.html || path(l.Plain) != c.plain {
			t.Errorf("%s: HTML %q, text %q", c.name, path(l.HTML), path(l.Plain))
		}
		if d := cmp.Diff([][]string{c.further, c.inline, c.att}, [][]string{paths(l.Further), paths(l.Inline), paths(l.Attachments)}); d != "" {
			t.Errorf("%s: %s", c.name, d)
		}
	}
}

func TestParts(t *testing.T) {
	v := open(newsletter)
	p := v.Letter().Attachments[0]
	const sum = "ccd0d7a7ea2a8a3ac7d3e4fd2fd4b0b3" // only that it is one of 64 digits is asked
	if p.Name != "对账单.pdf" || p.Sniffed() != "application/pdf" || p.Size() != 9 || len(p.SHA256()) != 2*len(sum) {
		t.Errorf("%+v %s %d %s", p, p.Sniffed(), p.Size(), p.SHA256())
	}
	body, err := io.ReadAll(p.Open())
	if err != nil || string(body) != "%PDF-1.4\n" {
		t.Errorf("%q %v", body, err)
	}
	logo, ok := v.ByCID("logo@shop")
	if !ok || logo.Name != "part-1-2.png" || logo.Sniffed() != "image/png" {
		t.Errorf("%+v %v", logo, ok)
	}
	if _, ok := v.ByCID("other"); ok {
		t.Error("an image that is not there was found")
	}
	if q, ok := v.Part("2"); !ok || q.SHA256() != p.SHA256() {
		t.Errorf("Part(2) is %+v", q)
	}
	for _, path := range []string{"9", "0", "1.1.1.1", "x", "-1", "1..1", "+1", strings.Repeat("1.", 10_000)} {
		if _, ok := v.Part(path); ok {
			t.Errorf("there is a part %.20q", path)
		}
	}
	b, err := json.Marshal(v.Letter())
	if err != nil || !strings.Contains(string(b), `"sniffed":"application/pdf"`) || !strings.Contains(string(b), `"path":"1.1.2"`) {
		t.Errorf("%s %v", b, err)
	}
}

func TestText(t *testing.T) {
	if got := open(newsletter).Text(); got.FromHTML || !strings.Contains(got.Text, "Hello Kim") || !strings.Contains(got.Text, "a footer") {
		t.Errorf("%+v", got)
	}
	for _, c := range []struct{ html, want string }{
		{"<p>Hello <b>Kim</b>,<br>see <a href='https://a.example/'>the shop</a>.</p><p>Bye</p>", "Hello Kim,\nsee the shop <https://a.example/>.\n\nBye\n"},
		{"<span>1</span><span>2</span><b>3</b>4", "1234\n"},
		{"<p>您好，<b>金</b>先生</p>", "您好，金先生\n"},
		{"<ul><li>one<li>two</ul>", "* one\n* two\n"},
		{"<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc\n"},
		{"<a href='https://a.example/x'>https://a.example/x</a> <a href='mailto:a@b.example'>a@b.example</a>", "https://a.example/x a@b.example\n"},
		{"<style>x</style><script>x</script><title>x</title><!-- x -->y", "y\n"},
		{"<pre>a\n  b</pre>c", "a\n  b\n\nc\n"},
		{"<img src=x alt='The shop'> <img src=x>", "[The shop]\n"},
		{"a&nbsp;&lt;b&gt; &amp;", "a <b> &\n"},
		{"preheader&zwnj;&#847;&#8203;&nbsp;&zwnj; x", "preheader x\n"},
		{"a<hr>b<br><br><br><br>c", "a\n----\nb\n\nc\n"},
		{"<h1>T</h1>x<blockquote>q</blockquote>y", "T\n\nx\n\nq\n\ny\n"},
		{"", "\n"},
	} {
		if got := open("Content-Type: text/html; charset=utf-8\n\n" + c.html).Text(); got.Text != c.want || !got.FromHTML {
			t.Errorf("%s: %q, want %q", c.html, got.Text, c.want)
		}
	}
}

func TestLinks(t *testing.T) {
	const html = `<a href="https://a.example.org/x?y=1&amp;z=2">the <b>shop</b></a><a href=""><img alt="logo"></a><a href="#">x</a><a href="/rel">x</a><a href="javascript:x">x</a><a href="http://a.com/">https://www.a.com/</a>` +
		`<a href="https://evil.net/">www.bank.com</a><a href="https://u:p@a.com/">x</a><a href="http://192.168.1.1/">x</a><a href="https://8.8.8.8/">x</a><a href="http://localhost:3000/verify">x</a><a href="https://xn--80ak6aa92e.com/">x</a>` +
		`<a href="https://">x</a><a href="mailto:a@b.com">a@b.com</a><a href="#top">x</a><a name=x>no link</a><map><area href="https://a.com/area" alt="area"></map><a href="https://www.qq.co.uk/">mail.qq.co.uk</a><a href="https://a.com/">report.pdf</a>`
	var got []string
	for _, l := range open("Content-Type: text/html\n\n" + html).Links() {
		got = append(got, fmt.Sprintf("%s|%s|%s", l.URL, l.Text, strings.Join(l.Doubts, ",")))
	}
	want := []string{
		"https://a.example.org/x?y=1&z=2|the shop|link-example", "|logo|link-dead", "#|x|link-dead", "/rel|x|link-relative", "javascript:x|x|link-scheme", "http://a.com/|https://www.a.com/|link-http",
		"https://evil.net/|www.bank.com|link-other-host", "https://u:p@a.com/|x|link-credentials", "http://192.168.1.1/|x|link-http,link-private", "https://8.8.8.8/|x|link-ip", "http://localhost:3000/verify|x|link-http,link-private",
		"https://xn--80ak6aa92e.com/|x|link-punycode", "https://|x|link-broken", "mailto:a@b.com|a@b.com|", "#top|x|", "https://a.com/area|area|", "https://www.qq.co.uk/|mail.qq.co.uk|", "https://a.com/|report.pdf|",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	got = nil
	for _, l := range open("Content-Type: text/plain; charset=utf-8\n\nSee https://a.com/x. (https://a.com/(y)) <http://a.com/z>, HTTPS://A.com/q?a=b! 链接：https://a.com/中文。xhttp://a.com mailto:a@b.com http:// http://a.com/w，好\n").Links() {
		got = append(got, l.URL)
	}
	want = []string{"https://a.com/x", "https://a.com/(y)", "http://a.com/z", "HTTPS://A.com/q?a=b", "https://a.com/中文", "mailto:a@b.com", "http://a.com/w"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// good is a mail with which nothing is wrong.
const good = `DKIM-Signature: v=1; d=shop.example
Date: Mon, 9 Mar 2026 08:05:00 +0800
From: Shop <news@shop.example>
To: kim@example.net
Subject: Your order
Message-ID: <1@shop.example>
MIME-Version: 1.0
Content-Type: multipart/alternative; boundary=a

--a
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

Your order has left our house, and should be with you tomorrow. 谢谢！ https://shop.com/orders/1
--a
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: 8bit

<html lang="en"><p>Your order has left our house, and should be with you tomorrow, if the weather holds. 谢谢！</p><a href="https://shop.com/orders/1">Your order</a></html>
--a--
`

var envelope = inbox.Message{ReversePath: "bounce@shop.example", Recipients: []string{"kim@example.net"}, EightBit: true, At: time.Date(2026, 3, 9, 0, 6, 0, 0, time.UTC)}

func found(content string, m inbox.Message) (ids []string) {
	for _, f := range Open([]byte(strings.ReplaceAll(content, "\n", "\r\n")), m, Limits{}).Checks() {
		ids = append(ids, f.ID)
	}
	return ids
}

// TestChecks: one thing is made wrong with a good mail, and that is found, and nothing else.
func TestChecks(t *testing.T) {
	if ids := found(good, envelope); len(ids) > 0 {
		t.Fatalf("of a good mail: %v", ids)
	}
	attach := func(head, body string) [2]string {
		return [2]string{"--a--\n", "--a\n" + head + "\n\n" + body + "\n--a--\n"}
	}
	mixed := func(s [2]string) []string {
		return []string{"multipart/alternative", "multipart/mixed", s[0], s[1]}
	}
	for _, c := range []struct {
		want    string
		replace []string
	}{
		{"subject-missing", []string{"Subject: Your order\n", ""}},
		{"subject-missing", []string{"Subject: Your order\n", "Subject: \n"}},
		{"subject-long", []string{"Your order\n", strings.Repeat("long ", 30) + "\n"}},
		{"from-missing", []string{"From: Shop <news@shop.example>\n", ""}},
		{"from-several", []string{"From: Shop <news@shop.example>", "From: a@shop.example, b@shop.example"}},
		{"from-broken", []string{"From: Shop <news@shop.example>", "From: Shop <news"}},
		{"date-missing", []string{"Date: Mon, 9 Mar 2026 08:05:00 +0800\n", ""}},
		{"date-broken", []string{"Date: Mon, 9 Mar 2026 08:05:00 +0800\n", "Date: 2026-03-09\n"}},
		{"date-off", []string{"9 Mar 2026", "2 Mar 2026"}},
		{"message-id-missing", []string{"Message-ID: <1@shop.example>\n", ""}},
		{"message-id-broken", []string{"<1@shop.example>\n", "1@shop.example\n"}},
		{"field-twice", []string{"Subject: Your order\n", "Subject: Your order\nSubject: x\n"}},
		{"mime-version-missing", []string{"MIME-Version: 1.0\n", ""}},
		{"header-8bit", []string{"Subject: Your order", "Subject: 订单"}},
		{"bcc-told envelope-not-sent", []string{"Subject:", "Bcc: lee@example.net\nSubject:"}},
		{"return-path-told", []string{"Subject:", "Return-Path: <x@shop.example>\nSubject:"}},
		{"dkim-missing", []string{"DKIM-Signature: v=1; d=shop.example\n", ""}},
		{"unsubscribe-missing", []string{"Subject:", "List-Id: <news.shop.example>\nSubject:"}},
		{"unsubscribe-one-click", []string{"Subject:", "List-Unsubscribe: <mailto:leave@shop.example>\nSubject:"}},
		{"unsubscribe-one-click", []string{"Subject:", "List-Unsubscribe: <https://shop.example/leave>\nSubject:"}},
		{"", []string{"Subject:", "List-Id: <news.shop.example>\nList-Unsubscribe: <https://shop.example/leave>\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\nSubject:"}},
		{"unsubscribe-broken", []string{"Subject:", "List-Unsubscribe: https://shop.example/leave\nSubject:"}},
		{"envelope-not-sent", []string{"To: kim@example.net", "To: kim@example.net, lee@example.net"}},
		{"line-long", []string{"Your order has left", strings.Repeat("x", 999) + " Your order has left"}},
		{"nul", []string{"tomorrow. ", "tomorrow.\x00"}},
		{"eight-bit-undeclared", []string{"charset=utf-8\nContent-Transfer-Encoding: 8bit\n\nYour", "charset=utf-8\n\nYour"}},
		{"mime-broken", []string{"--a--\n", ""}},
		{"charset-missing", []string{"text/plain; charset=utf-8", "text/plain"}},
		{"charset-wrong", []string{"text/plain; charset=utf-8", "text/plain; charset=x-none"}},
		{"charset-broken", []string{"tomorrow. ", "tomorrow.\xff 谢谢谢谢谢谢谢谢谢谢谢谢"}},
		{"text-missing", []string{"text/plain", "text/html"}},
		{"text-empty", []string{"Your order has left our house, and should be with you tomorrow. 谢谢！ https://shop.com/orders/1", " "}},
		{"template-left", []string{"Your order has left our house, and should be with you tomorrow. ", "Hello {{ name }}. "}},
		{"template-left", []string{"Subject: Your order", "Subject: ${subject}"}},
		{"template-left", []string{"Your order has left our house, and should be with you tomorrow. ", "Dear undefined, "}},
		{"html-clipped", []string{"holds. ", "holds. " + strings.Repeat("x\n", 60_000)}},
		{"html-active", []string{"<p>", "<script>x</script><p>"}},
		{"html-active", []string{"<p>", "<p onclick=x>"}},
		{"html-form", []string{"<p>", "<form><p>"}},
		{"html-lang", []string{` lang="en"`, ""}},
		{"image-alt image-remote", []string{"<p>", `<img src="https://shop.com/a.png"><p>`}},
		{"image-http image-remote", []string{"<p>", `<img src="http://shop.com/a.png" alt=a><p>`}},
		{"image-only image-remote", []string{"<p>Your order has left our house, and should be with you tomorrow, if the weather holds. 谢谢！</p>", `<img src="https://shop.com/a.png" alt="x">`}},
		{"image-remote", []string{"<p>", `<img src="https://shop.com/a.gif" width=1 height=1><p>`}},
		{"image-remote", []string{"<p>Your order has left our house, and should be with you tomorrow, if the weather holds. 谢谢！</p>", `<p>Your code is 482913.</p><img src="https://shop.com/a.gif" alt="">`}},
		{"cid-missing", []string{"<p>", `<img src="cid:logo" alt=a><p>`}},
		{"attachment-dangerous", mixed(attach("Content-Type: application/octet-stream; name=invoice.pdf.exe", "x"))},
		{"attachment-dangerous", mixed(attach("Content-Type: application/octet-stream; name=invoice\nContent-Transfer-Encoding: base64", "TVqQAAMAAAAEAAAA//8AALgAAAAAAAAAQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAgAAAAA=="))},
		{"attachment-type", mixed(attach("Content-Type: image/png; name=a.png\nContent-Transfer-Encoding: base64", "JVBERi0xLjQK"))},
		{"", mixed(attach("Content-Type: text/csv; name=a.csv", "a,b"))},
		{"", mixed(attach("Content-Type: application/pdf; name=a.pdf\nContent-Transfer-Encoding: base64", "JVBERi0xLjQK"))},
		{"attachment-name", mixed(attach(`Content-Type: application/pdf; name="../a.pdf"`+"\nContent-Transfer-Encoding: base64", "JVBERi0xLjQK"))},
		{"attachment-empty", mixed(attach("Content-Type: application/pdf; name=a.pdf\nContent-Transfer-Encoding: base64", ""))},
		{"link-dead", []string{"https://shop.com/orders/1\">", "#\">"}},
		{"link-relative", []string{"https://shop.com/orders/1\">", "/orders/1\">"}},
		{"link-other-host", []string{">Your order</a>", ">www.bank.com</a>"}},
		{"link-private link-http", []string{"https://shop.com/orders/1\">", "http://localhost:3000/\">"}},
		{"link-credentials", []string{"https://shop.com/orders/1\">", "https://a:b@shop.com/orders/1\">"}},
		{"link-ip", []string{"https://shop.com/orders/1\">", "https://8.8.8.8/\">"}},
		{"link-scheme", []string{"https://shop.com/orders/1\">", "file:///x\">"}},
		{"link-punycode", []string{"https://shop.com/orders/1\">", "https://xn--80ak6aa92e.com/\">"}},
		{"link-broken", []string{"https://shop.com/orders/1\">", "https://[/\">"}},
	} {
		in := good
		for i := 0; i < len(c.replace); i += 2 {
			if !strings.Contains(in, c.replace[i]) {
				t.Fatalf("%s: %q is not there", c.want, c.replace[i])
			}
			in = strings.Replace(in, c.replace[i], c.replace[i+1], 1)
		}
		got := found(in, envelope)
		slices.Sort(got)
		want := strings.Fields(c.want)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%v: %v", c.want, got)
		}
	}
	if ids := found(strings.Replace(newsletter, "cid:logo@shop", "https://shop.com/logo.png", 1), envelope); !slices.Contains(ids, "cid-unused") {
		t.Errorf("an image that is not shown: %v", ids)
	}
	m := envelope
	m.ReversePath = ""
	if ids := found(strings.ReplaceAll(good, "https://shop.com/", "https://example.com/"), m); !slices.Equal(ids, []string{"link-example"}) {
		t.Errorf("a link to a domain for examples: %v", ids)
	}
	if ids := found(strings.ReplaceAll(good, "https://shop.com/", "https://example.com/"), envelope); len(ids) > 0 {
		t.Errorf("the same of somebody who is there: %v", ids)
	}
	m = envelope
	m.Recipients = []string{"kim@example.net", "boss@example.net"}
	if ids := found(good, m); !slices.Equal(ids, []string{"envelope-bcc"}) {
		t.Errorf("a blind copy: %v", ids)
	}
	m = envelope
	m.ReversePath = "x@sender.test"
	if ids := found(good, m); !slices.Equal(ids, []string{"envelope-from"}) {
		t.Errorf("another sender: %v", ids)
	}
	m = envelope
	m.EightBit = false
	if ids := found(good, m); !slices.Equal(ids, []string{"eight-bit-unsaid"}) {
		t.Errorf("8BITMIME unsaid: %v", ids)
	}
	crlf := strings.ReplaceAll(good, "\n", "\r\n")
	for want, in := range map[string]string{"bare-lf": strings.Replace(crlf, "tomorrow. ", "tomorrow.\n", 1), "bare-cr": strings.Replace(crlf, "tomorrow. ", "tomorrow.\r", 1)} {
		v := Open([]byte(in), envelope, Limits{})
		if list := v.Checks(); len(list) != 1 || list[0].ID != want || list[0].Places[0] != "line 14" {
			t.Errorf("%s: %+v", want, list)
		}
	}
	if ids := found("", inbox.Message{}); !slices.Contains(ids, "from-missing") || !slices.Contains(ids, "body-empty") || !slices.Contains(ids, "to-missing") {
		t.Errorf("of nothing: %v", ids)
	}
}

// TestFactsAreWhole: every ID that the code names has its words, in both languages, and every row is named by the code.
func TestFactsAreWhole(t *testing.T) {
	code := sources(t)
	named := make(map[string]bool)
	for _, m := range regexp.MustCompile(`(?:found|foundN|doubt)\("([a-z0-9-]+)"`).FindAllStringSubmatch(code, -1) {
		named[m[1]] = true
	}
	for id, row := range checkTexts() {
		if !named[id] {
			t.Errorf("checks.toml: nobody finds %s", id)
		}
		if row.Severity != Bad && row.Severity != Warning && row.Severity != Notice {
			t.Errorf("checks.toml: %s is %q", id, row.Severity)
		}
		for _, s := range []string{row.Title, row.Why, row.Fix} {
			if s == "" || hasHan(s) {
				t.Errorf("checks.toml: %s: %q", id, s)
			}
		}
		for _, s := range []string{row.TitleZh, row.WhyZh, row.FixZh} {
			if !hasHan(s) || strings.ContainsAny(s, "“”") && strings.Contains(s, `"`) {
				t.Errorf("checks.toml: %s: %q", id, s)
			}
		}
	}
	for id := range named {
		if _, ok := WordsOf(id); !ok {
			t.Errorf("checks.toml: no %s", id)
		}
	}
	for what := range remarkTexts {
		if w := RemarkWords(what); w.En == "" || !hasHan(w.Zh) {
			t.Errorf("remark %s: %+v", what, w)
		}
	}
}

func hasHan(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r >= 0x4e00 && r <= 0x9fff })
}

// TestViewByMany: a view is used by many at once; the race detector looks on.
func TestViewByMany(t *testing.T) {
	v := open(newsletter)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			_, _, _, _ = v.Letter().Attachments[0].Size(), v.HTML(HTMLOptions{}), v.Checks(), v.Clients()
			_, _, _, _ = v.Links(), v.Codes(), v.Text(), v.Structure()
		})
	}
	all.Wait()
}

func TestStructure(t *testing.T) {
	s := open(newsletter).Structure()
	var got []string
	for _, n := range s.Nodes {
		got = append(got, strings.Repeat(">", n.Depth)+n.Type+"="+n.Shown)
	}
	want := []string{"multipart/mixed=", ">multipart/related=", ">>multipart/alternative=", ">>>text/plain=text", ">>>text/html=html", ">>image/png=", ">application/pdf=", ">text/plain="}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	h := open(newsletter).Headers("")
	if len(h) != 7 || h[2].Text != "三月" || h[2].Raw != "=?utf-8?b?5LiJ5pyI?=" || h[2].At == 0 {
		t.Errorf("%+v", h)
	}
	if open(newsletter).Headers("9") != nil {
		t.Error("a part that is not there has a header")
	}
}

// TestImagesByName: of two parts of one name the first counts, of its own parts before attachments; and to find one of a
// thousand takes no going through them, for a page may name one a million times.
func TestImagesByName(t *testing.T) {
	const parts, images = 990, 1_000_000
	var b strings.Builder
	b.WriteString("MIME-Version: 1.0\r\nContent-Type: multipart/related; boundary=B\r\n\r\n--B\r\nContent-Type: text/html\r\n\r\n")
	b.WriteString("<img src=cid:logo>\r\n")
	b.WriteString("--B\r\nContent-Type: image/png\r\nContent-Disposition: attachment\r\nContent-ID: <logo>\r\n\r\nx\r\n")
	b.WriteString("--B\r\nContent-Type: image/png\r\nContent-Location: logo\r\n\r\nx\r\n")
	b.WriteString("--B\r\nContent-Type: image/png\r\nContent-ID: <logo>\r\n\r\nx\r\n")
	for i := range parts {
		fmt.Fprintf(&b, "--B\r\nContent-Type: image/png\r\nContent-ID: <n%03d>\r\n\r\nx\r\n", i)
	}
	b.WriteString("--B--\r\n")
	v := Open([]byte(b.String()), inbox.Message{}, Limits{})
	if p, ok := v.ByCID("logo"); !ok || p.Path != "3" {
		t.Errorf("%+v, %t", p, ok)
	}
	if _, ok := v.ByCID(""); ok {
		t.Error("a part without a name is found")
	}
	begun, found := cpu(), 0
	for range images {
		if _, ok := v.ByCID("n989"); ok {
			found++
		}
	}
	if took := cpu() - begun; found != images || took > costsAtMost {
		t.Errorf("%d found in %v", found, took)
	}
}
