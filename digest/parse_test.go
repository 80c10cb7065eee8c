package digest

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
)

// odd is a feed as it is in the wild, and what is read of it: title, link and text of each entry.
type odd struct {
	name, kind, body string
	want             []string
}

func encoded(t *testing.T, e encoding.Encoding, s string) string {
	t.Helper()
	out, err := e.NewEncoder().String(s)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

const (
	chineseRSS = `<rss version="2.0"><channel><title>技术周刊</title><link>https://blog.example/</link><item><title>第一篇：编码</title><link>https://blog.example/1</link><description>中文正文，标点“引号”。</description></item></channel></rss>`
	chineseIs  = "第一篇：编码|https://blog.example/1|中文正文，标点“引号”。"
)

func oddFeeds(t *testing.T) []odd {
	latin := `<rss version="2.0"><channel><title>Café</title><item><title>Crème brûlée</title><link>https://c.example/1</link><description>Où ça ?</description></item></channel></rss>`
	latinIs := []string{"Crème brûlée|https://c.example/1|Où ça ?"}
	return []odd{
		{"GBK, declared as GB2312", "text/xml", `<?xml version="1.0" encoding="gb2312"?>` + encoded(t, simplifiedchinese.GBK, chineseRSS), []string{chineseIs}},
		{"GBK, declared by the server alone", "text/xml; charset=gbk", encoded(t, simplifiedchinese.GBK, chineseRSS), []string{chineseIs}},
		{"GBK, declared as UTF-8", "text/xml; charset=utf-8", `<?xml version="1.0" encoding="utf-8"?>` + encoded(t, simplifiedchinese.GBK, chineseRSS), []string{chineseIs}},
		{"UTF-8, declared as GBK", "text/xml; charset=gbk", `<?xml version="1.0" encoding="gbk"?>` + chineseRSS, []string{chineseIs}},
		{"UTF-16 with a mark", "text/xml", encoded(t, unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), `<?xml version="1.0" encoding="utf-16"?>`+chineseRSS), []string{chineseIs}},
		{"UTF-16 without", "text/xml", encoded(t, unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM), `<?xml version="1.0"?>`+chineseRSS), []string{chineseIs}},
		{"a mark, and lines before the declaration", "application/xml", "\ufeff\r\n\r\n  <?xml version=\"1.0\" encoding=\"UTF-8\"?>" + chineseRSS, []string{chineseIs}},
		{"Latin 1", "text/xml", `<?xml version="1.0" encoding="ISO-8859-1"?>` + encoded(t, charmap.Windows1252, latin), latinIs},
		{"Latin 1, not declared", "text/xml", encoded(t, charmap.Windows1252, latin), latinIs},
		{"Shift_JIS", "text/xml", `<?xml version="1.0" encoding="Shift_JIS"?>` + encoded(t, japanese.ShiftJIS, `<rss version="2.0"><channel><title>日記</title><item><title>今日は</title><link>https://j.example/1</link></item></channel></rss>`), []string{"今日は|https://j.example/1|"}},
		{"an octet that is no UTF-8", "text/xml", `<rss version="2.0"><channel><title>x</title><item><title>cut ` + "\xe4\xb8" + ` 中文标题很长很长很长</title><link>https://x.example/1</link></item></channel></rss>`, []string{"cut \uFFFD 中文标题很长很长很长|https://x.example/1|"}},
		{"control characters", "text/xml", "<rss version=\"2.0\"><channel><title>x</title><item><title>a\x00b\x08c\x1b[31m</title><link>https://x.example/1</link></item></channel></rss>", []string{"abc[31m|https://x.example/1|"}},
		{"no ids, no dates, relative links", "text/xml", `<rss version="2.0"><channel><title>x</title><link>/blog/</link><item><title>a</title><link>posts/1</link><description>&lt;a href="../2"&gt;two&lt;/a&gt;</description></item></channel></rss>`,
			[]string{"a|https://at.example/blog/posts/1|two <https://at.example/blog/2>"}},
		{"CDATA, and entities that XML does not know", "text/xml", `<rss version="2.0"><channel><title>x</title><item><title><![CDATA[R&D <em>now</em>]]></title><link>https://x.example/1</link><description><![CDATA[<p>a&nbsp;b</p>]]> &amp; &nbsp;tail</description></item></channel></rss>`,
			[]string{"R&D now|https://x.example/1|a\u00a0b\n\n& \u00a0tail"}},
		{"titles escaped twice", "text/xml", `<rss version="2.0"><channel><title>x</title><item><title>AT&amp;amp;T &amp;lt;3</title><link>https://x.example/1</link></item></channel></rss>`, []string{"AT&T <3|https://x.example/1|"}},
		{"a title of many lines", "text/xml", "<rss version=\"2.0\"><channel><title>x</title><item><title>\n  one\r\n\tBcc: all@example.net\n</title><link>https://x.example/1</link></item></channel></rss>", []string{"one Bcc: all@example.net|https://x.example/1|"}},
		{"no title", "text/xml", `<rss version="2.0"><channel><title>x</title><item><link>https://x.example/1</link><description>&lt;p&gt;What it is about.&lt;/p&gt;</description></item></channel></rss>`, []string{"What it is about.|https://x.example/1|What it is about."}},
		{"a permalink alone", "text/xml", `<rss version="2.0"><channel><title>x</title><item><title>a</title><guid>https://x.example/?p=1</guid></item></channel></rss>`, []string{"a|https://x.example/?p=1|"}},
		{"RSS 1.0", "application/rdf+xml", `<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"><channel rdf:about="https://x.example/"><title>x</title></channel><item rdf:about="https://x.example/1"><title>a</title><link>https://x.example/1</link><description>old</description></item></rdf:RDF>`,
			[]string{"a|https://x.example/1|old"}},
		{"the whole text beside the short one", "text/xml", `<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel><title>x</title><item><title>a</title><link>https://x.example/1</link><description>short</description><content:encoded><![CDATA[<p>all of it</p>]]></content:encoded></item></channel></rss>`,
			[]string{"a|https://x.example/1|all of it"}},
		{"Atom: XHTML, text, HTML, a base", "application/atom+xml", `<feed xmlns="http://www.w3.org/2005/Atom" xml:base="https://a.example/blog/"><title>x</title><entry><id>1</id><title type="html">a &amp;lt; b</title><link href="one"/><content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>X <b>y</b></p></div></content></entry>` +
			`<entry><id>2</id><title>t</title><link href="/two"/><content type="text">1 &lt; 2 &amp; 3</content></entry><entry><id>3</id><title>h</title><link rel="alternate" href="three"/><summary type="html">&lt;p&gt;sum&lt;/p&gt;</summary></entry></feed>`,
			[]string{"a < b|https://a.example/blog/one|X y", "t|https://a.example/two|1 < 2 & 3", "h|https://a.example/blog/three|sum"}},
		{"JSON", "application/feed+json", `{"version":"https://jsonfeed.org/version/1.1","title":"x","home_page_url":"https://x.example/","items":[{"id":"1","url":"https://x.example/1","title":"a","content_html":"<p>hi</p>"},{"id":2,"url":"/2","content_text":"1 < 2\n\nnext"}]}`,
			[]string{"a|https://x.example/1|hi", "1 < 2 next|https://x.example/2|1 < 2\n\nnext"}},
		{"a podcast's file as the only link", "text/xml", `<rss version="2.0"><channel><title>x</title><item><title>ep</title><enclosure url="https://x.example/1.mp3" type="audio/mpeg" length="1"/></item></channel></rss>`, []string{"ep|https://x.example/1.mp3|"}},
		{"a link that is none", "text/xml", `<rss version="2.0"><channel><title>x</title><item><title>a</title><link>javascript:alert(1)</link></item><item><title>b</title><link>file:///etc/passwd</link></item></channel></rss>`, []string{"a||", "b||"}},
	}
}

func TestOddFeeds(t *testing.T) {
	at, _ := url.Parse("https://at.example/blog/feed.xml")
	for _, o := range oddFeeds(t) {
		p, err := parseFeed([]byte(o.body), o.kind, at)
		if err != nil {
			t.Errorf("%s: %v", o.name, err)
			continue
		}
		var got []string
		for _, e := range p.entries {
			base := at
			if u, err := url.Parse(e.link); err == nil && e.link != "" {
				base = u
			}
			if p.link != "" && e.link == "" {
				base, _ = url.Parse(p.link)
			}
			got = append(got, e.title+"|"+e.link+"|"+newCleaner().clean(e.body, base, true).plain)
		}
		if strings.Join(got, "\n") != strings.Join(o.want, "\n") {
			t.Errorf("%s:\n got %q\nwant %q", o.name, got, o.want)
		}
	}
}

// TestFeedsAreRefused: what is no feed, or is made to do harm, is refused with a word that tells why, and soon.
func TestFeedsAreRefused(t *testing.T) {
	bomb := `<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol">`
	for i := range 9 {
		bomb += `<!ENTITY lol` + string(rune('1'+i)) + ` "` + strings.Repeat("&lol;", 10) + `">`
	}
	bomb += `]><rss version="2.0"><channel><title>&lol9;</title></channel></rss>`
	at, _ := url.Parse("https://at.example/feed.xml")
	for _, c := range []struct{ name, body, want string }{
		{"a bomb of entities", bomb, "declares entities"},
		{"an external entity", `<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><rss version="2.0"><channel><title>&e;</title></channel></rss>`, "declares entities"},
		{"an entity in lower case", `<!DOCTYPE x [<!entity e "x">]><rss/>`, "declares entities"},
		{"elements in one another", `<rss version="2.0"><channel><item>` + strings.Repeat("<a:b>", 2_000_000), "deep in one another"},
		{"elements of Atom", `<feed xmlns="http://www.w3.org/2005/Atom"><entry><content type="xhtml">` + strings.Repeat("<div>", 1_000_000), "deep in one another"},
		{"a page", `<!doctype html><html><head><link rel="alternate" href="/feed.xml"></head></html>`, "web page"},
		{"a text", "There is nothing here.", "neither RSS nor Atom"},
		{"nothing", "", "neither RSS nor Atom"},
		{"another XML", `<opml version="2.0"><body/></opml>`, "neither RSS nor Atom"},
		{"JSON in JSON", `{"items":` + strings.Repeat("[", 3_000_000), "cannot be read"},
		{"half a feed", `<rss version="2.0"><channel><title>x</title><item><title>a</ti`, "cannot be read"},
	} {
		begun := time.Now()
		_, err := parseFeed([]byte(c.body), "", at)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
		if took := time.Since(begun); took > 5*time.Second {
			t.Errorf("%s: it took %v", c.name, took)
		}
	}
}

// TestClean: an article's HTML is what a mail may show, whatever stood in it.
func TestClean(t *testing.T) {
	at, _ := url.Parse("https://blog.example/2026/post")
	c := newCleaner()
	for _, x := range []struct{ in, want string }{
		{`<p onclick="x()">a<script>alert(1)</script>b</p>`, `<p>ab</p>`},
		{`<a href="javascript:alert(1)">x</a>`, `x`},
		{`<a href=" jav&#x09;ascript:alert(1)">x</a>`, `x`},
		{`<a href="data:text/html,x">x</a><a href="vbscript:x">y</a>`, `xy`},
		{`<a href="../rel">x</a>`, `<a href="https://blog.example/rel">x</a>`},
		{`<a href="//other.example/x">x</a>`, `<a href="https://other.example/x">x</a>`},
		{`<a href="https://user:pw@host.example/">x</a>`, `<a href="https://host.example/">x</a>`},
		{`<a href="#note">1</a>`, `1`},
		{`<img src="a.png" alt="A" onerror=x width=600 style="x">`, `<img src="https://blog.example/2026/a.png" alt="A" width="600">`},
		{`<img src="https://t.example/p.gif" width="1" height="1">`, ``},
		{`<img src="data:image/gif;base64,x" data-src="/real.jpg" alt="">`, `<img src="https://blog.example/real.jpg" alt="">`},
		{`<iframe src="https://video.example/v/1"><p>no</p></iframe>after`, `<p><a href="https://video.example/v/1">[iframe: video.example]</a></p>after`},
		{`</div></td></table></body></html>x`, `x`},
		{`<div><b>open`, `<div><b>open</b></div>`},
		{`<ul><li>a<li>b</ul></ul></ul>`, `<ul><li>a<li>b</li></li></ul>`},
		{`<style>body{display:none}</style><form action=x><input name=q>q</form><p>t</p>`, `<p>t</p>`},
		{`<svg><a xlink:href="javascript:x"><text>y</text></a></svg>z`, `z`},
		{`<math><mtext><img src=x onerror=y></mtext></math>z`, `z`},
		{`<p style="background:url(https://t.example/)">x</p>`, `<p>x</p>`},
		{`<h1>big</h1>`, `<h3>big</h3>`},
		{`&lt;script&gt;alert(1)&lt;/script&gt;`, `&lt;script&gt;alert(1)&lt;/script&gt;`},
		{`<!--[if mso]><v:x><![endif]--><p>x</p><?php x ?>`, `<p>x</p>`},
		{"<p>a\u202eb\u200b</p>", "<p>ab\u200b</p>"},
		{`<a href="https://x.example/" target=_top rel=x><img src=/i.png></a>`, `<a href="https://x.example/"><img src="https://blog.example/i.png" alt=""></a>`},
		{`<noscript><img src="https://t.example/n.gif"></noscript>y`, `y`},
		{`<textarea></textarea><p>x</p></textarea>`, `<p>x</p>`},
		{`<plaintext><p>x`, ``},
	} {
		if got := c.clean(x.in, at, true); got.html != x.want {
			t.Errorf("%s\n got %s\nwant %s", x.in, got.html, x.want)
		}
	}
	if got := c.clean(`<p>x</p><img src="/a.png" alt="A picture">`, at, false); got.html != "<p>x</p><i>[A picture]</i>" {
		t.Errorf("without images: %s", got.html)
	}
}

// TestCleanIsBounded: hostile HTML takes no time to speak of, and what comes out is bounded too.
func TestCleanIsBounded(t *testing.T) {
	at, _ := url.Parse("https://blog.example/")
	c := newCleaner()
	for name, in := range map[string]string{
		"deep":       strings.Repeat("<div>", 500_000),
		"closed":     strings.Repeat("</p>", 500_000),
		"bold":       strings.Repeat("<b><i>", 100_000) + strings.Repeat("</b>", 100_000),
		"attributes": "<p " + strings.Repeat("a=b ", 300_000) + ">x",
		"entities":   strings.Repeat("&amp;lt;", 300_000),
		"tags":       strings.Repeat("<", 1_000_000),
		"links":      strings.Repeat(`<a href="https://x.example/`, 50_000),
		"tables":     strings.Repeat("<table><tr><td>", 100_000),
	} {
		begun := time.Now()
		got := c.clean(in, at, true)
		if took := time.Since(begun); took > 3*time.Second {
			t.Errorf("%s: it took %v", name, took)
		}
		if len(got.html) > 8*mostArticle {
			t.Errorf("%s: %d octets", name, len(got.html))
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(rss(items(1, 2)...)), "text/xml")
	f.Add([]byte(`{"version":"https://jsonfeed.org/version/1","items":[{"id":"1","content_html":"<p>x"}]}`), "application/json")
	f.Add([]byte(`<feed xmlns="http://www.w3.org/2005/Atom"><entry><id>1</id><content type="xhtml"><div>x</div></content></entry></feed>`), "")
	at, _ := url.Parse("https://at.example/feed.xml")
	c := newCleaner()
	f.Fuzz(func(t *testing.T, body []byte, kind string) {
		p, err := parseFeed(body, kind, at)
		if err != nil {
			return
		}
		for _, e := range p.entries {
			if strings.ContainsAny(e.title+e.link+e.author, "\r\n\x00") {
				t.Errorf("a line too many: %q", []string{e.title, e.link, e.author})
			}
			got := c.clean(e.body, at, true)
			if strings.Contains(strings.ToLower(got.html), "<script") || strings.Contains(got.html, "<iframe") {
				t.Errorf("%q", got.html)
			}
		}
	})
}
