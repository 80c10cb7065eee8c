package statement_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// TestPreviewInABrowser looks at the preview as a person does: on a desktop and on a phone, light and dark, in both languages. It fits, asks nobody, and what a row holds runs nothing.
// With PARLEY_SCREENS its pictures go there.
func TestPreviewInABrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: a browser takes its time")
	}
	path := browser(t).Path
	h := newHouse(t, func(h *house) { h.c.Attach = nil })
	h.write("template/style.css", "h1 { color: #0a58ca; } table { border-collapse: collapse } td { border: 1px solid #ccc; padding: 4px 12px }")
	h.write("template/body.md", markTemplate+"\n| 项目 | 金额 |\n|---|---|\n| 货款 | {{money .amount \"CNY\"}} |\n")
	h.c.Template = h.template()
	h.Close()
	h.open()
	h.prepare(h.rowsOf("A1001,王小明,wang@example.net,1234.50,2026-03,", `A1002,"<script>document.title='it ran'</script>李梅",li@example.net,88.00,2026-03,"<img src=x onerror=""parent.document.title='it ran'"">"`, "A1003,Kim Lee,kim@example.net,15300.25,2026-03,"))
	handler, err := h.Preview(t.Context(), 12)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	defer server.Close()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.UserDataDir(t.TempDir()), chromedp.Flag("disable-gpu", true), chromedp.Flag("disable-component-update", true))
	all, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	defer cancel()
	tab, closeTab := chromedp.NewContext(all)
	defer closeTab()
	tab, stop := context.WithTimeout(tab, time.Minute)
	defer stop()
	var mu sync.Mutex
	var elsewhere []string
	if err := chromedp.Listen(tab, func(ev any) {
		if e, ok := ev.(*network.EventRequestWillBeSent); ok && !strings.HasPrefix(e.Request.URL, server.URL+"/") && !strings.HasPrefix(e.Request.URL, "data:") && e.Request.URL != "about:blank" {
			mu.Lock()
			elsewhere = append(elsewhere, e.Request.URL)
			mu.Unlock()
		}
	}); err != nil {
		t.Fatal(err)
	}
	pictures := os.Getenv("PARLEY_SCREENS")
	if pictures == "" {
		pictures = t.TempDir()
	}
	for _, way := range []struct {
		width               int64
		lang, scheme, phone string
		picture             string
	}{
		{1280, "en", "light", "Phone", "statement-preview.png"},
		{1280, "zh-CN", "dark", "手机", "statement-preview-chinese.png"},
		{400, "zh-CN", "light", "手机", "statement-preview-narrow.png"},
		{320, "en", "dark", "Phone", ""},
	} {
		name := fmt.Sprint(way.width, " ", way.lang, " ", way.scheme)
		_, err := chromedp.Call(tab, network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{Headers: network.Headers{"Accept-Language": way.lang}})
		if err == nil {
			_, err = chromedp.Call(tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: way.scheme}}})
		}
		if err == nil {
			err = chromedp.Do(tab, chromedp.EmulateViewport(way.width, 900), chromedp.Navigate(server.URL+"/mail/1"), chromedp.Navigate(server.URL+"/"))
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, page := range []string{"/mail/1", "/"} {
			if err := chromedp.Do(tab, chromedp.Navigate(server.URL+page)); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			wrong, err := chromedp.Run(tab, chromedp.Evaluate[string](`document.documentElement.scrollWidth > innerWidth ? "wider than the screen" : document.scripts.length ? "a script" : document.title == "it ran" ? "it ran" :
				document.querySelectorAll("iframe").length != 2 ? "frames" : [...document.querySelectorAll("iframe")].some(f => !f.title || !f.hasAttribute("sandbox")) ? "a frame without title or sandbox" : document.querySelector("h2").textContent`))
			if err != nil || wrong != way.phone {
				t.Errorf("%s%s: %s %v", name, page, wrong, err)
			}
		}
		png, err := chromedp.Run(tab, chromedp.FullScreenshot(100))
		if err == nil && way.picture != "" {
			err = os.WriteFile(filepath.Join(pictures, way.picture), png, 0o644) //nolint:gosec // a picture for everybody
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if len(elsewhere) > 0 {
		t.Errorf("asked for %s", elsewhere)
	}
}
