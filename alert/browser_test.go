package alert

import (
	"context"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	netmail "net/mail"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/mail"
)

// TestMailsInABrowser looks at mails as a mail program shows them, on a desktop and on a phone, light and dark, in both languages: one that fires, with its chart, and the end of its
// thread. They fit, and the chart is there. With PARLEY_SCREENS their pictures go there.
func TestMailsInABrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: a browser takes its time")
	}
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("chromium is not installed")
	}
	page := ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; img-src data:")
		io.WriteString(w, page)
	}))
	defer server.Close()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.UserDataDir(t.TempDir()), chromedp.Flag("disable-gpu", true), chromedp.Flag("disable-component-update", true))
	all, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	defer cancel()
	tab, closeTab := chromedp.NewContext(all)
	defer closeTab()
	tab, stop := context.WithTimeout(tab, time.Minute)
	defer stop()
	pictures := os.Getenv("PARLEY_SCREENS")
	if pictures == "" {
		pictures = t.TempDir()
	}
	for _, lang := range []diagnose.Lang{diagnose.English, diagnose.Chinese} {
		fires, over := thread(t, lang)
		for _, way := range []struct {
			html    string
			width   int64
			scheme  string
			picture string
		}{{fires, 800, "light", "alert-firing"}, {fires, 360, "dark", "alert-narrow"}, {over, 800, "light", ""}, {over, 320, "dark", ""}} {
			page = way.html
			_, err := chromedp.Call(tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: way.scheme}}})
			if err == nil {
				err = chromedp.Do(tab, chromedp.EmulateViewport(way.width, 500), chromedp.Navigate(server.URL))
			}
			if err != nil {
				t.Fatal(err)
			}
			wrong, err := chromedp.Run(tab, chromedp.Evaluate[string](`document.documentElement.scrollWidth > innerWidth ? "wider than the screen" : [...document.images].some(i => !i.naturalWidth || !i.parentElement.innerText) ? "a picture is missing" : document.images.length ? "" : "no chart"`))
			if err != nil || wrong != "" {
				t.Errorf("%v, %s at %d: %s %v", lang, way.picture, way.width, wrong, err)
			}
			png, err := chromedp.Run(tab, chromedp.FullScreenshot(100))
			if err == nil && way.picture != "" {
				err = os.WriteFile(filepath.Join(pictures, way.picture+map[diagnose.Lang]string{diagnose.English: ".png", diagnose.Chinese: "-chinese.png"}[lang]), png, 0o644) //nolint:gosec // a picture for everybody
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}

// thread is a mail of alerts that fire, some hours after the first of them, and the one that says that all is well.
func thread(t *testing.T, lang diagnose.Lang) (fires, over string) {
	h := newHouse(t, func(c *Config) { c.Lang = lang })
	h.work()
	disk := func(host string) Alert {
		a := firing("The disk is full", "host", host, "severity", "critical")
		a.Text, a.URL = "Of 100 GB 99.2 are used; at this rate there is room for 40 minutes.", "https://grafana.example.com/d/disk?var-host="+host
		return a
	}
	h.take(disk("db1"))
	h.clock.forward(time.Second)
	h.round()
	h.mails(1)
	for i, host := range []string{"db2", "db3"} {
		h.settled()
		h.take(disk(host))
		h.clock.forward(2 * time.Hour)
		h.round()
		h.mails(2 + i)
	}
	h.settled()
	for _, host := range []string{"db1", "db2", "db3"} {
		h.take(resolved("The disk is full", "host", host, "severity", "critical"))
	}
	h.clock.forward(3 * time.Hour)
	h.round()
	list := h.mails(4)
	return shownAlone(t, list[2], h.raw[2]), shownAlone(t, list[3], h.raw[3])
}

// shownAlone is the HTML of a mail, with its pictures in it.
func shownAlone(t *testing.T, m *mail.Message, raw string) string {
	t.Helper()
	read, err := netmail.ReadMessage(strings.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	html := m.HTML
	var look func(kind string, body io.Reader)
	look = func(kind string, body io.Reader) {
		_, params, err := mime.ParseMediaType(kind)
		if err != nil || params["boundary"] == "" {
			return
		}
		for parts := multipart.NewReader(body, params["boundary"]); ; {
			p, err := parts.NextRawPart()
			if err != nil {
				return
			}
			if !strings.HasPrefix(p.Header.Get("Content-Type"), "image/png") {
				look(p.Header.Get("Content-Type"), p)
				continue
			}
			data, err := io.ReadAll(p)
			if err != nil {
				t.Fatal(err)
			}
			html = strings.ReplaceAll(html, "cid:"+strings.Trim(p.Header.Get("Content-ID"), "<>"), "data:image/png;base64,"+strings.ReplaceAll(string(data), "\r\n", ""))
		}
	}
	look(read.Header.Get("Content-Type"), read.Body)
	return html
}
