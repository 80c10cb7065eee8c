package view

import (
	"regexp"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parleymail/parley/inbox"
	"github.com/parleymail/parley/inbox/view/hostilemail"
	"golang.org/x/net/html"
)

func showCID(id string) string { return "/cid/" + strings.ReplaceAll(id, "/", "_") }

// TestNothingRuns: of each attack nothing is left that runs, loads, frames, sends, or covers the page. It is asked of what a parser makes of
// the result, not of its text.
func TestNothingRuns(t *testing.T) {
	n := 0
	for name, source := range hostilemail.HTML() {
		n++
		for _, remote := range []bool{false, true} {
			safe := makeSafe(source, HTMLOptions{Remote: remote, CID: showCID}, nil)
			for _, wrong := range harmIn(t, string(safe.Document), remote) {
				t.Errorf("%s, remote %v: %s\n  of %q\nleaves %q", name, remote, wrong, source, inner(string(safe.Document)))
			}
			// What is written is read as what it was meant to be: cleaning it again changes nothing but counts.
			again := makeSafe(string(safe.Document), HTMLOptions{Remote: remote, CID: showCID}, nil)
			for _, wrong := range harmIn(t, string(again.Document), remote) {
				t.Errorf("%s, again: %s", name, wrong)
			}
		}
	}
	if n < 500 {
		t.Errorf("%d attacks: there should be 500", n)
	}
}

func inner(doc string) string {
	_, doc, _ = strings.Cut(doc, "<style>")
	return doc
}

var (
	mayStand  = append(slices.Collect(keysOf(allowedElements)), "html", "head", "meta", "style", "body")
	mayLead   = regexp.MustCompile(`^(?:https?://|mailto:|tel:|sms:|#)`)
	mayLoad   = regexp.MustCompile(`^(?:/cid/|data:image/(?:png|gif|jpe?g|webp|bmp|avif);base64,[A-Za-z0-9+/=\-_% ]*$)`)
	cssEscape = regexp.MustCompile(`\\([0-9a-fA-F]{1,6})\s?|\\(.)`)
	cssHarm   = regexp.MustCompile(`(?i)[:\s(,]expression\s*\(|[{;\s](?:-ms-)?behavior\s*:|-moz-binding\s*:|@import|@font-face|@charset|@namespace|(?:^|[{;\s])position\s*:(?:[^;}]*[\s,:])?(?:fixed|(?:-webkit-)?sticky|var\()(?:[\s;},!]|$)|image-set\s*\(|progid:\s*DXImage|[\s:,(]src\s*\(`)
	cssURLs   = regexp.MustCompile(`(?i)url\(\s*["']?([^"')]*)`)
)

func keysOf(m map[string]struct{}) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// harmIn looks for what should not be there.
func harmIn(t *testing.T, doc string, remote bool) (wrong []string) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(doc))
	if err != nil {
		return []string{err.Error()}
	}
	metas, styles := 0, 0
	var walk func(n *html.Node)
	walk = func(n *html.Node) {
		if n.Type == html.CommentNode {
			wrong = append(wrong, "a comment")
		}
		if n.Type == html.ElementNode {
			if n.Namespace != "" || !slices.Contains(mayStand, n.Data) {
				wrong = append(wrong, "element "+n.Namespace+" "+n.Data)
			}
			switch n.Data {
			case "meta":
				metas++
			case "style":
				styles++
				if n.FirstChild != nil {
					wrong = append(wrong, harmInCSS(n.FirstChild.Data)...)
				}
			}
			for _, a := range n.Attr {
				wrong = append(wrong, harmInAttribute(n.Data, a, remote)...)
			}
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c)
		}
	}
	walk(root)
	if metas != 4 || styles != 1 {
		wrong = append(wrong, "the head is not ours")
	}
	return wrong
}

func harmInAttribute(element string, a html.Attribute, remote bool) (wrong []string) {
	switch {
	case element == "meta" || element == "html" && a.Key == "lang":
		return nil
	case a.Key == "style":
		return harmInCSS(a.Val)
	case a.Key == "href":
		if !mayLead.MatchString(a.Val) {
			return []string{"a link to " + a.Val}
		}
	case a.Key == "src":
		if !mayLoad.MatchString(a.Val) && !(remote && strings.HasPrefix(a.Val, "http") && element == "img") {
			return []string{"src " + a.Val}
		}
	case a.Key == "target" || a.Key == "rel":
		if a.Val != "_blank" && a.Val != relations {
			return []string{a.Key + " " + a.Val}
		}
	case !mayHave(element, a.Key) && element != "body":
		return []string{"attribute " + a.Key + " of " + element}
	}
	return nil
}

// harmInCSS looks at a style as it is, and with all escapes undone, which is more than a browser would see in it.
func harmInCSS(css string) (wrong []string) {
	if strings.Contains(css, "</") {
		wrong = append(wrong, "CSS that ends its element")
	}
	plain := withoutStrings(css)
	for _, form := range []string{plain, cssEscape.ReplaceAllStringFunc(plain, func(s string) string {
		l := cssLexer{s: s[1:]}
		return string(l.escape())
	})} {
		if m := cssHarm.FindString(form); m != "" {
			wrong = append(wrong, "CSS "+m)
		}
	}
	for _, m := range cssURLs.FindAllStringSubmatch(css, -1) {
		if !mayLoad.MatchString(m[1]) {
			wrong = append(wrong, "CSS url "+m[1])
		}
	}
	return wrong
}

// withoutStrings leaves out what stands in quotes, which loads nothing: image-set and its like are not let through at all.
func withoutStrings(css string) string {
	return regexp.MustCompile(`"[^"]*"`).ReplaceAllString(css, `""`)
}

// TestWhatShows: what honest mails use stays.
func TestWhatShows(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{`<p class="a" style="color:red">x</p>`, `<p class="a" style="color:red">x</p>`},
		{`<a href="https://example.net/?a=1&amp;b=2">x</a>`, `<a href="https://example.net/?a=1&amp;b=2" target="_blank" rel="noopener noreferrer nofollow">x</a>`},
		{`<a href="#top">x</a><a name="top"></a>`, `<a href="#top">x</a><a name="top"></a>`},
		{`<a href="mailto:kim@example.net?subject=x">x</a>`, `<a href="mailto:kim@example.net?subject=x" target="_blank" rel="noopener noreferrer nofollow">x</a>`},
		{`<img src="cid:logo@x" alt="a" width="10">`, `<img src="/cid/logo@x" alt="a" width="10">`},
		{`<img src="https://example.net/a.png" alt="a">`, `<img alt="a">`},
		{`<img src="data:image/png;base64,iVBORw0KGgo=">`, `<img src="data:image/png;base64,iVBORw0KGgo=">`},
		{`<table width="600" border="0" cellpadding="0" align="center"><tr><td bgcolor="#fff" valign="top">x</td></tr></table>`, `<table width="600" border="0" cellpadding="0" align="center"><tr><td bgcolor="#fff" valign="top">x</td></tr></table>`},
		{`<td background="cid:bg" style="color:red">x`, `<td style="background-image:url(&#34;/cid/bg&#34;);color:red">x</td>`},
		{`<div style="background:#eee url('cid:bg') no-repeat;font:12px/1.5 &quot;PingFang SC&quot;,serif;margin:-1px auto;width:calc(100% - 2em)">x</div>`, `<div style="background:#eee url(&#34;/cid/bg&#34;) no-repeat;font:12px/1.5 &#34;PingFang SC&#34;,serif;margin:-1px auto;width:calc(100% - 2em)">x</div>`},
		{`<div style="background:#eee url(https://example.net/a.png)">x</div>`, `<div style="background:#eee none">x</div>`},
		{`<div style="color:red !important;*zoom:1;_height:1px;mso-line-height-rule:exactly">x</div>`, `<div style="color:red !important;_height:1px;mso-line-height-rule:exactly">x</div>`},
		{`<font color=red face="宋体" size=2>字</font>`, `<font color="red" face="宋体" size="2">字</font>`},
		{`<b><p>x</b>y</p>`, `<b><p>x</b>y</p>`},
		{`<ul><li>a<li>b</ul>`, `<ul><li>a</li><li>b</li></ul>`},
		{`x<!-- c --><!--[if mso]>y<![endif]-->z`, `xz`},
		{`a < b && c &copy; "d"`, `a &lt; b &amp;&amp; c © &#34;d&#34;`},
		{`<o:p>x</o:p><unknown>y</unknown>`, `xy`},
		{`<form><label>Name <input></label><button>Go</button></form>`, `Name Go`},
		{`<title>t</title><script>s</script><noscript>n</noscript>x`, `x`},
	} {
		doc := string(makeSafe(c.in, HTMLOptions{CID: showCID}, nil).Document)
		_, got, _ := strings.Cut(doc, "<body>")
		got = strings.TrimSuffix(got, "</body></html>\n")
		if got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.in, got, c.want)
		}
	}
	doc := string(makeSafe(`<html lang=zh><head><style>body{margin:0} @media (max-width:600px){.a>b:hover{color:#F00!important}} .x::before{content:"\201C"} @keyframes k{from{opacity:0}50%{opacity:.5}}</style></head><body bgcolor="#eee" style="margin:0" class=m>x`, HTMLOptions{}, nil).Document)
	for _, want := range []string{`<html lang="zh">`, `body{margin:0;}`, `@media (max-width:600px){.a>b:hover{color:#F00!important;}}`, `.x::before{content:"“";}`, `@keyframes k{from{opacity:0;}50%{opacity:.5;}}`, `bgcolor="#eee"`, `style="margin:0"`, `class="m"`} {
		if !strings.Contains(doc, want) {
			t.Errorf("%s is not in %s", want, doc)
		}
	}
}

// TestBlockedIsTold: what is left out is counted, so that a page can offer to show it.
func TestBlockedIsTold(t *testing.T) {
	const in = `<script>x</script><img src="https://a.example/1.png"><img src="//b.example/2.png" onerror=x><link rel=stylesheet href="https://c.example/s.css"><style>@import "https://d.example/s.css"; @font-face{font-family:x;src:url(https://e.example/f)}</style>` +
		`<p style="background:url(https://a.example/3.png)"><form><input></form><iframe src="https://f.example/"></iframe><meta http-equiv=refresh content=0><base href=x><a href="javascript:x">x</a><img src="cid:gone">`
	safe := makeSafe(in, HTMLOptions{CID: showCID}, func(string) bool { return false })
	b := safe.Blocked
	if b.Scripts != 1 || b.Handlers != 1 || b.RemoteImages != 4 || b.RemoteStyles != 2 || b.RemoteFonts != 1 || b.Forms != 2 || b.Frames != 1 || b.Metas != 2 || b.URLs != 1 || b.MissingCID != 1 {
		t.Errorf("%+v", b)
	}
	if want := []string{"a.example", "b.example", "c.example", "d.example", "e.example", "f.example"}; !slices.Equal(slices.Sorted(slices.Values(b.Hosts)), want) {
		t.Errorf("hosts %v", b.Hosts)
	}
	if !b.Remote() || !b.Unsafe() {
		t.Error("it is neither remote nor unsafe")
	}
	shown := makeSafe(`<img src="https://a.example/1.png"><img src="http://b.example/2.png"><p style="background:url(https://a.example/3.png)">`, HTMLOptions{Remote: true}, nil)
	if n := strings.Count(string(shown.Document), ".example/"); n != 2 || shown.Blocked.RemoteImages != 1 {
		t.Errorf("with remote images %d are shown, %+v", n, shown.Blocked)
	}
}

// memory says how much more than before was held at once while f ran, as far as that is seen by looking often.
func memory(f func()) uint64 {
	runtime.GC()
	held := func() uint64 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before, most := held(), uint64(0)
	defer debug.SetGCPercent(debug.SetGCPercent(20)) // what is garbage should not count
	done := make(chan struct{})
	var looking sync.WaitGroup
	looking.Go(func() {
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				most = max(most, held())
			case <-done:
				return
			}
		}
	})
	f()
	close(done)
	looking.Wait()
	most = max(most, held())
	return most - min(most, before)
}

// TestViewOfHostileMails: every part of the view of every hostile mail, within what it may cost.
func TestViewOfHostileMails(t *testing.T) {
	if testing.Short() {
		t.Skip("little runs side by side here: make race has no use for it")
	}
	n := 0
	for name, content := range hostilemail.All() {
		n++
		if raceEnabled && len(content) > 1<<17 {
			content = content[:1<<17]
		}
		look := func() (*View, Safe) {
			v := Open(content, inbox.Message{Recipients: []string{"kim@example.net"}}, Limits{})
			_, _, _, _, _, _ = v.Text(), v.Links(), v.Codes(), v.Checks(), v.Clients(), v.Structure()
			return v, v.HTML(HTMLOptions{CID: showCID})
		}
		begun := cpu()
		v, safe := look()
		took := cpu() - begun
		used := uint64(0)
		if len(content) > 1<<19 {
			used = memory(func() { look() })
		}
		if used > 64<<20 && !raceEnabled {
			t.Errorf("%s: %d MiB", name, used>>20)
		}
		for _, p := range v.Letter().Attachments {
			if p.Name == "" || strings.ContainsAny(p.Name, "/\\\x00<>\"\n") {
				t.Errorf("%s: the file name %q", name, p.Name)
			}
		}
		if took > costsAtMost {
			t.Errorf("%s: %v", name, took)
		} else if testing.Verbose() && len(content) > 1<<20 {
			t.Logf("%-40s %10v %3d MiB", name, took.Round(time.Millisecond), used>>20)
		}
		if safe.Document != "" && len(safe.Document) < 100_000 {
			for _, wrong := range harmIn(t, string(safe.Document), false) {
				t.Errorf("%s: %s", name, wrong)
			}
		}
	}
	if n < 600 {
		t.Errorf("%d mails", n)
	}
}
