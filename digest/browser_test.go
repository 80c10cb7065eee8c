package digest

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// A browser is a tab of headless Chromium, that notes what the pages should not do.
type browser struct {
	t   testing.TB
	ctx context.Context
	url string

	mu    sync.Mutex
	wrong []string
}

// newBrowser starts one that sees some pages, or skips the test by name where there is none.
func newBrowser(t testing.TB, handler http.Handler) *browser {
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
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &browser{t: t, url: "http://" + l.Addr().String()}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute}
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-gpu", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("lang", "en"))
	all, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	tab, closeTab := chromedp.NewContext(all)
	t.Cleanup(closeTab)
	b.ctx = tab
	if err := chromedp.Listen(tab, b.heard); err != nil {
		t.Fatal(err)
	}
	b.size(1200)
	return b
}

// heard notes what goes elsewhere, scripts that fail, cookies, and what the policy has blocked.
func (b *browser) heard(ev any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := ev.(type) {
	case *network.EventRequestWillBeSent:
		if u := e.Request.URL; !strings.HasPrefix(u, b.url+"/") && u != "about:blank" {
			b.wrong = append(b.wrong, "asked for "+u)
		}
		if r := fmt.Sprint(e.Request.Headers["Referer"]); r != "" && r != "<nil>" {
			b.wrong = append(b.wrong, "told where it comes from: "+r)
		}
	case *network.EventResponseReceived:
		if s := e.Response.Status; s >= 400 && !strings.HasSuffix(e.Response.URL, "/favicon.ico") {
			b.wrong = append(b.wrong, fmt.Sprintf("%s: %d", e.Response.URL, s))
		}
	case *runtime.EventExceptionThrown:
		b.wrong = append(b.wrong, e.ExceptionDetails.Text)
	}
}

func (b *browser) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 20*time.Second)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.t.Fatalf("the browser: %v\n%s", err, b.text())
	}
}

func (b *browser) size(width int64) { b.do(chromedp.EmulateViewport(width, 800)) }

func (b *browser) open(path string) {
	b.t.Helper()
	b.do(chromedp.Navigate(b.url + strings.TrimPrefix(path, "https://news.example.com")))
}

func (b *browser) text() string {
	s, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](`location.href + "\n" + document.body.innerText`))
	if err != nil {
		return err.Error()
	}
	return s
}

// sees waits until the page has a text, and looks whether it fits.
func (b *browser) sees(text string) {
	b.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if strings.Contains(b.text(), text) {
			break
		}
		if time.Now().After(deadline) {
			b.t.Fatalf("the page does not say %q:\n%s", text, b.text())
		}
	}
	fits, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](`document.documentElement.scrollWidth > innerWidth ? "wider than the screen" : document.scripts.length ? "has a script" : document.cookie ? "has a cookie" :
		[...document.querySelectorAll("input:not([type=hidden])")].some(i => !i.labels.length) ? "an input has no label" : ""`))
	if err != nil || fits != "" {
		b.t.Errorf("the page %s: %v\n%s", fits, err, b.text())
	}
}

// press presses the page's button.
func (b *browser) press() {
	b.t.Helper()
	b.do(chromedp.Click("main form button"))
}

// shot takes a picture, for docs/screens.
func (b *browser) shot(name string) {
	b.t.Helper()
	png, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	if err != nil {
		b.t.Fatal(err)
	}
	dir := os.Getenv("PARLEY_SCREENS")
	if dir == "" {
		dir = b.t.TempDir()
	}
	if err := os.WriteFile(filepath.Join(dir, name), png, 0o644); err != nil { //nolint:gosec // it is a picture for everybody
		b.t.Fatal(err)
	}
}

// TestPagesInABrowser goes the way of a subscriber as a person does: in both languages, on a wide screen and a very narrow one, with no script.
func TestPagesInABrowser(t *testing.T) {
	h := newHouse(t)
	h.feeds.has("/a", "text/xml", rss(items(1, 1)...))
	h.feeds.has("/b", "text/xml", strings.ReplaceAll(rss(items(1, 1)...), "<title>Blog", "<title>另一个名字很长很长很长很长很长很长很长很长很长的订阅源 with-a-word-that-is-very-long-and-has-no-blanks-in-it-at-all"))
	h.add("/a")
	h.add("/b")
	h.round()
	b := newBrowser(t, h.handler())
	for i, way := range []struct {
		width                                                                  int64
		lang, front, sent, confirm, confirmed, preferences, saved, leave, left string
	}{
		{1200, "en", "Get new articles by mail", "Look into your mailbox", "Confirm your subscription", "You are subscribed", "What you get", "It is saved.", "Unsubscribe?", "You are unsubscribed"},
		{320, "en", "Get new articles by mail", "Look into your mailbox", "Confirm your subscription", "You are subscribed", "What you get", "It is saved.", "Unsubscribe?", "You are unsubscribed"},
		{1200, "zh", "用邮件订阅新文章", "请查收邮件", "确认订阅", "订阅成功", "订阅设置", "已保存。", "确定退订？", "您已退订"},
		{320, "zh", "用邮件订阅新文章", "请查收邮件", "确认订阅", "订阅成功", "订阅设置", "已保存。", "确定退订？", "您已退订"},
	} {
		if testing.Short() && i != 0 && i != 3 {
			continue
		}
		b.size(way.width)
		address := fmt.Sprintf("reader%d@example.net", i)
		b.open("/list/?lang=" + way.lang)
		b.sees(way.front)
		if i == 0 || i == 3 {
			b.shot([]string{"digest-subscribe.png", "", "", "digest-narrow-chinese.png"}[i])
		}
		b.do(chromedp.SendKeys("#address", address))
		b.do(chromedp.Click(`input[name=lang][value=` + way.lang + `]`))
		b.press()
		b.sees(way.sent)
		h.round()
		list := h.waiting()
		l := list[len(list)-1]
		if l.to != address {
			t.Fatalf("the last mail is for %s", l.to)
		}
		b.open(l.link(t, "confirm") + "?lang=" + way.lang)
		b.sees(way.confirm)
		b.press()
		b.sees(way.confirmed)
		s, err := h.Subscriber(t.Context(), address)
		if err != nil || s.State != Subscribed || langName(s.Lang) != way.lang {
			t.Fatalf("%+v, %v", s, err)
		}
		b.open(h.preferencesLink(s.ID) + "?lang=" + way.lang)
		b.sees(way.preferences)
		if i == 0 {
			b.shot("digest-preferences.png")
		}
		b.do(chromedp.Click(`input[name=frequency][value="1"]`))
		b.press()
		b.sees(way.saved)
		if s, err = h.Subscriber(t.Context(), address); err != nil || s.Frequency != EveryWeek {
			t.Errorf("%+v, %v", s, err)
		}
		b.open(h.leavingLink(s.ID) + "?lang=" + way.lang)
		b.sees(way.leave)
		if h.stateOf(address) != Subscribed {
			t.Error("to look was to leave")
		}
		b.press()
		b.sees(way.left)
		if h.stateOf(address) != Unsubscribed {
			t.Error("not unsubscribed")
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.wrong) > 0 {
		t.Errorf("the pages do what they should not: %s", strings.Join(b.wrong, "\n"))
	}
}

// TestMailInABrowser: a mail looks as it should, on a phone too, and holds nothing that runs or is as wide as it likes.
func TestMailInABrowser(t *testing.T) {
	h := newHouse(t, func(c *Config) { c.First = 9 })
	table := "&lt;table&gt;&lt;tr&gt;" + strings.Repeat("&lt;td&gt;cell&lt;/td&gt;", 4) + "&lt;/tr&gt;&lt;/table&gt;"
	h.feeds.has("/a", "text/xml", rss(
		entryXML("1", "https://b.example/1", "A long walk", "", "&lt;p&gt;We went out early.&lt;/p&gt;&lt;blockquote&gt;&lt;p&gt;It is far.&lt;/p&gt;&lt;/blockquote&gt;&lt;pre&gt;"+strings.Repeat("wide ", 60)+"&lt;/pre&gt;"+table+"&lt;script&gt;document.title='no'&lt;/script&gt;"),
		entryXML("2", "https://b.example/2", "第二篇", "", "&lt;p&gt;中文正文，“引号”。&lt;/p&gt;&lt;/div&gt;&lt;/td&gt;&lt;div style=width:3000px&gt;x&lt;/div&gt;"),
	))
	h.add("/a")
	h.subscribe("kim@example.net", Choice{All: true, Frequency: AtOnce})
	h.round()
	m := h.waiting()[0].message(t)
	b := newBrowser(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, m.HTML)
	}))
	for _, width := range []int64{320, 1200} {
		b.size(width)
		b.open("/")
		b.sees("A long walk")
		b.sees("You get this because")
	}
	b.size(700)
	b.open("/")
	b.shot("digest-mail.png")
}
