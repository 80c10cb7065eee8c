package digest

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestGuard(t *testing.T) {
	g := &guard{inside: inside()}
	for _, a := range []string{
		"127.0.0.1", "127.9.9.9", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254", "100.64.0.1", "192.0.0.1", "192.0.2.1",
		"198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255", "::", "::1", "fe80::1", "fc00::1", "fd12::1", "ff02::1", "fec0::1",
		"::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::1", "2002:7f00:1::", "2001::1", "2001:db8::1", "100::1", "fe80::1%eth0", "::127.0.0.1", "3fff::1", "5f00::1",
	} {
		if g.check(netip.MustParseAddr(a)) == nil {
			t.Errorf("%s may be asked", a)
		}
	}
	for _, a := range []string{"1.1.1.1", "8.8.8.8", "172.32.0.1", "100.128.0.1", "192.0.1.1", "2606:4700::1111", "2a00:1450::1"} {
		if err := g.check(netip.MustParseAddr(a)); err != nil {
			t.Error(err)
		}
	}
	g.allow = []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}
	if g.check(netip.MustParseAddr("10.1.2.3")) != nil || g.check(netip.MustParseAddr("::ffff:10.1.2.3")) != nil || g.check(netip.MustParseAddr("10.2.0.1")) == nil {
		t.Error("what is allowed is something else")
	}
}

// TestPrivateNetworks: nothing is asked of them, whatever leads there, and the feed says why.
func TestPrivateNetworks(t *testing.T) {
	var asked atomic.Int64
	secret := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		fmt.Fprint(w, rss(items(1, 1)...))
	}))
	defer secret.Close()
	_, port, _ := net.SplitHostPort(secret.Listener.Addr().String())
	h := newHouse(t, func(c *Config) { c.Allow = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")} })
	for i, where := range []string{"http://127.0.0.2:" + port, "http://localhost.:" + port, "http://[::1]:" + port, "http://0.0.0.0:" + port, "http://127.2:" + port, "http://169.254.169.254/latest/meta-data/", "http://[::ffff:127.0.0.2]:" + port} {
		// Straight, and by a redirect of a server that may be asked.
		path := fmt.Sprintf("/redirect%d", i)
		h.feeds.does(path, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, where, http.StatusFound) })
		h.add(path)
		if strings.Contains(where, "localhost.") {
			continue // it may be 127.0.0.1, which may be asked
		}
		if _, err := h.AddFeed(t.Context(), Feed{URL: where}); err != nil {
			t.Error(err)
		}
	}
	before := asked.Load()
	h.round()
	feeds, err := h.Feeds(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range feeds {
		if f.Error == "" && !strings.Contains(f.URL, "/redirect1") {
			t.Errorf("%s was read", f.URL)
		}
	}
	if n := asked.Load() - before; n > 1 {
		t.Errorf("the server inside was asked %d times", n)
	}
	if e := feeds[1].Error; !strings.Contains(e, "private network") && !strings.Contains(e, "127.0.0.2") {
		t.Errorf("the feed says %q", e)
	}
}

// TestRebinding: what counts is the address that a connection is made to, not what the name meant before.
func TestRebinding(t *testing.T) {
	g := &guard{inside: inside()}
	dialer := &net.Dialer{Control: g.control}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	if c, err := dialer.DialContext(t.Context(), "tcp", "localhost:"+port); err == nil {
		c.Close()
		t.Error("a name that means this machine is connected to")
	} else if !strings.Contains(err.Error(), "private network") {
		t.Error(err)
	}
}

func TestSchemes(t *testing.T) {
	h := newHouse(t)
	for _, bad := range []string{"file:///etc/passwd", "gopher://x.example/", "ftp://x.example/f.xml", "javascript:alert(1)", "/etc/passwd", "http://", "", "https://" + strings.Repeat("a", 3000), "unix:/run/x.sock"} {
		if _, err := h.AddFeed(t.Context(), Feed{URL: bad}); err == nil {
			t.Errorf("%.40q is taken", bad)
		}
	}
	for in, want := range map[string]string{"feed://x.example/f": "https://x.example/f", "feed:http://x.example/f": "http://x.example/f", " https://x.example/f#top ": "https://x.example/f"} {
		if f, err := h.AddFeed(t.Context(), Feed{URL: in}); err != nil || f.URL != want {
			t.Errorf("%q: %q, %v", in, f.URL, err)
		}
	}
	if _, err := h.AddFeed(t.Context(), Feed{URL: "ftp://kim:sesame@x.example/"}); err == nil || strings.Contains(err.Error(), "sesame") {
		t.Errorf("the error repeats a password: %v", err)
	}
	h.feeds.does("/file", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "file:///etc/passwd")
		w.WriteHeader(http.StatusFound)
	})
	h.add("/file")
	h.round()
	feeds, _ := h.Feeds(t.Context())
	if e := feeds[len(feeds)-1].Error; !strings.Contains(e, "neither http nor https") {
		t.Errorf("%q", e)
	}
}

// TestConditional: what has not changed is not sent again, and its tags are kept only of what was read.
func TestConditional(t *testing.T) {
	h := newHouse(t)
	var tags []string
	h.feeds.does("/f", func(w http.ResponseWriter, r *http.Request) {
		tags = append(tags, r.Header.Get("If-None-Match")+" "+r.Header.Get("If-Modified-Since"))
		w.Header().Set("ETag", `"one"`)
		w.Header().Set("Last-Modified", "Mon, 02 Mar 2026 00:00:00 GMT")
		switch len(tags) {
		case 1:
			fmt.Fprint(w, "<rss><broken")
		case 2:
			fmt.Fprint(w, rss(items(1, 2)...))
		default:
			w.WriteHeader(http.StatusNotModified)
		}
	})
	h.add("/f")
	for range 3 {
		h.round()
		h.clock.forward(30 * time.Hour)
	}
	if want := ` | |"one" Mon, 02 Mar 2026 00:00:00 GMT`; strings.Join(tags, "|") != want {
		t.Errorf("%q", tags)
	}
}

// TestPoliteness: what a server says of when to come again is heeded, and a feed that fails is left alone for longer each time.
func TestPoliteness(t *testing.T) {
	for name, c := range map[string]struct {
		answer func(w http.ResponseWriter)
		next   time.Duration // after so long it is asked again, and not before
	}{
		"nothing said": {func(w http.ResponseWriter) { fmt.Fprint(w, rss(items(1, 1)...)) }, time.Hour},
		"max-age": {func(w http.ResponseWriter) {
			w.Header().Set("Cache-Control", "public, max-age=21600")
			fmt.Fprint(w, rss(items(1, 1)...))
		}, 6 * time.Hour},
		"a max-age of years": {func(w http.ResponseWriter) {
			w.Header().Set("Cache-Control", "max-age=99999999999999999999")
			fmt.Fprint(w, rss(items(1, 1)...))
		}, time.Hour},
		"a max-age of a year": {func(w http.ResponseWriter) {
			w.Header().Set("Cache-Control", "max-age=31536000")
			fmt.Fprint(w, rss(items(1, 1)...))
		}, 24 * time.Hour},
		"Retry-After": {func(w http.ResponseWriter) {
			w.Header().Set("Retry-After", "36000")
			w.WriteHeader(http.StatusTooManyRequests)
		}, 10 * time.Hour},
		"busy": {func(w http.ResponseWriter) { w.WriteHeader(http.StatusServiceUnavailable) }, time.Hour},
		"how often, by itself": {func(w http.ResponseWriter) {
			fmt.Fprint(w, `<rss version="2.0" xmlns:sy="http://purl.org/rss/1.0/modules/syndication/"><channel><title>x</title><sy:updatePeriod>daily</sy:updatePeriod><sy:updateFrequency>4</sy:updateFrequency></channel></rss>`)
		}, 6 * time.Hour},
	} {
		h := newHouse(t)
		h.feeds.does("/f", func(w http.ResponseWriter, _ *http.Request) { c.answer(w) })
		f := h.add("/f")
		h.round()
		c.next += c.next / 100 * time.Duration(f.ID%10)
		h.clock.forward(c.next - time.Minute)
		h.round()
		if n := h.feeds.times("/f"); n != 1 {
			t.Errorf("%s: too soon: %d", name, n)
		}
		h.clock.forward(2 * time.Minute)
		h.round()
		if n := h.feeds.times("/f"); n != 2 {
			t.Errorf("%s: too late: %d", name, n)
		}
	}
	h := newHouse(t)
	h.add("/missing")
	for range 30 * 8 {
		h.round()
		h.clock.forward(3 * time.Hour)
	}
	if n := h.feeds.times("/missing"); n > 40 {
		t.Errorf("a feed that is not there was asked for %d times in 30 days", n)
	}
	h.feeds.does("/gone", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGone) })
	h.add("/gone")
	for range 5 {
		h.round()
		h.clock.forward(30 * time.Hour)
	}
	if n := h.feeds.times("/gone"); n != 1 {
		t.Errorf("a feed that is gone was asked for %d times", n)
	}
}

// TestMoved: a feed that has moved for good is asked for where it is; one that was only led elsewhere is not.
func TestMoved(t *testing.T) {
	h := newHouse(t)
	h.feeds.has("/new", "text/xml", rss(items(1, 1)...))
	h.feeds.does("/for-good", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/new", http.StatusMovedPermanently)
	})
	h.feeds.does("/for-now", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/new", http.StatusFound) })
	h.feeds.does("/round", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/round", http.StatusFound) })
	for _, path := range []string{"/for-good", "/for-now", "/round"} {
		h.add(path)
	}
	for range 2 {
		h.round()
		h.clock.forward(2 * time.Hour)
	}
	if a, b := h.feeds.times("/for-good"), h.feeds.times("/for-now"); a != 1 || b != 2 {
		t.Errorf("%d, %d", a, b)
	}
	feeds, _ := h.Feeds(t.Context())
	if !strings.HasSuffix(feeds[0].Moved, "/new") || feeds[1].Moved != "" || !strings.Contains(feeds[2].Error, "too often") {
		t.Errorf("%+v", feeds)
	}
}

// TestLargeAnswers: more than is taken is not taken, packed or not, and one that never ends is left.
func TestLargeAnswers(t *testing.T) {
	if testing.Short() {
		t.Skip("it is one answer after the other")
	}
	h := newHouse(t)
	h.feeds.does("/large", func(w http.ResponseWriter, _ *http.Request) {
		for range 18 << 4 {
			w.Write(make([]byte, 64<<10))
		}
	})
	h.feeds.does("/said", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Length", "99999999999") })
	h.feeds.does("/packed", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		for range 1 << 10 {
			z.Write(make([]byte, 64<<10))
		}
		z.Close()
	})
	h.feeds.has("/whole", "text/xml", `<rss version="2.0"><channel><title>x</title>`+strings.Repeat(`<item><title>a</title><link>https://x.example/a</link></item>`, 20_000)+entryXML("i", "https://x.example/huge", "huge", "", strings.Repeat("&lt;p&gt;word &lt;/p&gt;", 100_000))+`</channel></rss>`)
	for _, path := range []string{"/large", "/said", "/packed", "/whole"} {
		h.add(path)
	}
	h.round()
	feeds, _ := h.Feeds(t.Context())
	for _, f := range feeds[:3] {
		if !strings.Contains(f.Error, "too much") && !strings.Contains(f.Error, "EOF") {
			t.Errorf("%s: %q", f.URL, f.Error)
		}
	}
	if f := feeds[3]; f.Error != "" || !strings.Contains(f.Note, "entries more than are looked at") {
		t.Errorf("%+v", f)
	}
}

// TestOneAtATime: of one host nothing is asked while it still answers something else.
func TestOneAtATime(t *testing.T) {
	h := newHouse(t)
	var now, most atomic.Int64
	for i := range 8 {
		path := fmt.Sprintf("/f%d", i)
		h.feeds.does(path, func(w http.ResponseWriter, _ *http.Request) {
			most.Store(max(most.Load(), now.Add(1)))
			time.Sleep(20 * time.Millisecond) // long enough for another to come
			fmt.Fprint(w, rss(items(1, 1)...))
			now.Add(-1)
		})
		h.add(path)
	}
	h.round()
	if most.Load() != 1 {
		t.Errorf("%d at a time", most.Load())
	}
	f := newFetcher(&Config{clock: time.Now, Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}})
	f.rest = 50 * time.Millisecond
	u, _ := url.Parse(h.feeds.URL + "/f0")
	begun := time.Now()
	for range 3 {
		if _, err := f.get(context.Background(), u, mostFeed, http.Header{}); err != nil {
			t.Fatal(err)
		}
	}
	if took := time.Since(begun); took < 100*time.Millisecond {
		t.Errorf("there was no rest between: %v", took)
	}
}

// TestPasswords: what a feed's address holds is used, and told nobody.
func TestPasswords(t *testing.T) {
	h := newHouse(t)
	var said string
	h.feeds.does("/f", func(w http.ResponseWriter, r *http.Request) {
		_, said, _ = r.BasicAuth()
		http.Error(w, "no", http.StatusForbidden)
	})
	f, err := h.AddFeed(t.Context(), Feed{URL: strings.Replace(h.feeds.URL, "http://", "http://kim:sesame@", 1) + "/f"})
	if err != nil {
		t.Fatal(err)
	}
	h.round()
	feeds, err := h.Feeds(t.Context())
	if err != nil || said != "sesame" {
		t.Fatalf("%q, %v", said, err)
	}
	for _, v := range []any{f, feeds, &feeds[0]} {
		if b, err := json.Marshal(v); err != nil || strings.Contains(string(b), "sesame") {
			t.Errorf("%s, %v", b, err)
		}
	}
	if s := feeds[0].Shown() + feeds[0].Error; strings.Contains(s, "sesame") || strings.Contains(s, "/f") {
		t.Error(s)
	}
}
