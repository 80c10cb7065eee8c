package digest

import (
	"net"
	"net/http"
	"strings"
	"testing"
)

// TestWhy: what is wrong with a feed is told with a cause and a fix, in both languages, from what really comes back.
func TestWhy(t *testing.T) {
	h := newHouse(t)
	h.feeds.has("/page", "text/html", "<html><body>Hello</body></html>")
	h.feeds.has("/broken", "text/xml", "<rss><channel><item>")
	h.feeds.has("/none", "text/plain", "Hello")
	for path, status := range map[string]int{"/closed": http.StatusForbidden, "/busy": http.StatusTooManyRequests, "/ill": http.StatusBadGateway} {
		h.feeds.does(path, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
	}
	h.feeds.does("/round", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/round", http.StatusFound) })
	wanted := map[string]string{
		"/page": "web page", "/broken": "broken", "/none": "no feed", "/closed": "login", "/busy": "too much to do", "/ill": "too much to do", "/missing": "any more", "/round": "without end",
	}
	urls := map[string]string{"http://10.1.2.3/f": `allow = ["10.1.2.3/32"]`, "http://[fd00::7]/f": `allow = ["fd00::7/128"]`, "http://127.0.0.1:1/f": "Nothing listens"}
	for path, has := range wanted {
		urls[h.add(path).URL] = has
	}
	for url := range urls {
		if _, err := h.AddFeed(t.Context(), Feed{URL: url}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := h.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	list, err := h.Feeds(t.Context())
	if err != nil || len(list) != len(urls) {
		t.Fatalf("%d feeds, %v", len(list), err)
	}
	for i := range list {
		f := &list[i]
		cause, fix := f.Why()
		if !strings.Contains(cause.En+" "+fix.En, urls[f.URL]) || cause.Zh == "" || fix.Zh == "" || strings.Contains(fix.En+fix.Zh, "%s") {
			t.Errorf("%s: %s\n\tcause: %s\n\tfix: %s %s", f.URL, f.Error, cause.En, fix.En, fix.Zh)
		}
	}
	// No test asks for a name: this is what package net says.
	f := Feed{URL: "https://no-such-name.invalid/f", Error: (&net.DNSError{Err: "no such host", Name: "no-such-name.invalid", IsNotFound: true}).Error()}
	if cause, fix := f.Why(); !strings.Contains(cause.En, "cannot be found") || !strings.Contains(fix.En, "getent hosts no-such-name.invalid") {
		t.Error(cause.En, fix.En)
	}
	if cause, _ := (&Feed{Error: "who knows"}).Why(); cause.En != "" {
		t.Error(cause.En)
	}
}
