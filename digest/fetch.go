package digest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/parleymail/parley/internal/plain"
)

// Limits of what is fetched.
const (
	mostFeed      = 16 << 20 // octets of a feed, once it is unpacked
	mostImage     = 512 << 10
	mostRedirects = 5
	fetchTime     = 45 * time.Second // of a whole answer
	mostWait      = 24 * time.Hour   // that a server may tell us to wait
	mostURL       = 2048
)

// fetching is what tests change: who makes connections.
type fetching struct {
	dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// A fetcher asks servers of others. Of one host it asks one thing at a time, and rests between two.
type fetcher struct {
	client *http.Client
	agent  string
	rest   time.Duration
	clock  func() time.Time

	mu    sync.Mutex
	hosts map[string]*turn
}

// A turn is one host's.
type turn struct {
	mu   sync.Mutex
	last time.Time
	n    int // who have it, or wait for it
}

func newFetcher(c *Config) *fetcher {
	g := &guard{allow: c.Allow, inside: inside()}
	dialer := &net.Dialer{Timeout: 10 * time.Second, Control: g.control}
	dial := dialer.DialContext
	if c.fetching != nil {
		dial = c.fetching.dial
	}
	f := &fetcher{agent: plain.OneLine(c.Agent, 200), rest: time.Second, clock: c.clock, hosts: make(map[string]*turn)}
	f.client = &http.Client{
		Timeout: fetchTime,
		Transport: &http.Transport{
			Proxy:                 nil, // one of the environment's would make the connection, and be asked for what we may not
			DialContext:           dial,
			TLSHandshakeTimeout:   10 * time.Second,
			ResponseHeaderTimeout: 30 * time.Second,
			IdleConnTimeout:       30 * time.Second,
			MaxIdleConns:          20,
			MaxIdleConnsPerHost:   1,
			MaxConnsPerHost:       2,
			ForceAttemptHTTP2:     true,
			// Of all that is read before an answer's body.
			MaxResponseHeaderBytes: 64 << 10,
		},
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			if len(via) > mostRedirects {
				return errors.New("it leads on too often")
			}
			return checkURL(r.URL)
		},
	}
	return f
}

// checkURL refuses what is not asked at all.
func checkURL(u *url.URL) error {
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return fmt.Errorf("the scheme %s is neither http nor https", plain.Quoted(u.Scheme))
	case u.Hostname() == "":
		return errors.New("the URL names no host")
	case len(u.String()) > mostURL:
		return errors.New("the URL is too long")
	}
	return nil
}

// parseURL reads a feed's URL as people write it: feed: and missing schemes too.
func parseURL(text string) (*url.URL, error) {
	text = strings.TrimSpace(text)
	if rest, ok := strings.CutPrefix(text, "feed:"); ok {
		if text = strings.TrimPrefix(rest, "//"); !strings.Contains(text, "://") {
			text = "https://" + text
		}
	}
	u, err := url.Parse(text)
	if err != nil {
		return nil, errors.New("it is no URL") // the error would repeat a password
	}
	if err := checkURL(u); err != nil {
		return nil, err
	}
	u.Fragment = ""
	return u, nil
}

// withoutPassword is a URL as it may be shown.
func withoutPassword(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.User == nil {
		return text
	}
	u.User = url.User("(secret)")
	return strings.Replace(u.String(), "%28secret%29", "(secret)", 1)
}

// A fetched is an answer.
type fetched struct {
	status   int
	url      *url.URL // where it was found, in the end
	moved    string   // where it has moved to for good; empty: nowhere
	body     []byte   // of 200
	hash     string   // of it
	kind     string   // Content-Type
	etag     string
	modified string
	wait     time.Duration // before it is to be asked again, as it says; zero: it does not
}

// get asks for a URL.
func (f *fetcher) get(ctx context.Context, u *url.URL, most int64, header http.Header) (*fetched, error) {
	done, err := f.turn(ctx, u.Host)
	if err != nil {
		return nil, err
	}
	defer done()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, errors.New("it is no URL")
	}
	for name, values := range header {
		r.Header[name] = values
	}
	r.Header.Set("User-Agent", f.agent)
	answer, err := f.client.Do(r)
	if err != nil {
		return nil, plainly(err)
	}
	defer answer.Body.Close()
	got := &fetched{
		status: answer.StatusCode, url: answer.Request.URL, kind: answer.Header.Get("Content-Type"),
		etag: clipped(answer.Header.Get("ETag"), 500), modified: clipped(answer.Header.Get("Last-Modified"), 100), wait: waitOf(answer.Header, f.clock()),
	}
	got.moved = movedFor(answer, u)
	if answer.StatusCode != http.StatusOK {
		return got, nil
	}
	if answer.ContentLength > most {
		return nil, tooLarge(most)
	}
	if got.body, err = io.ReadAll(io.LimitReader(answer.Body, most+1)); err != nil {
		return nil, plainly(err)
	}
	if int64(len(got.body)) > most {
		return nil, tooLarge(most)
	}
	return got, nil
}

func tooLarge(most int64) error {
	return fmt.Errorf("it has more than %d KiB, which is too much", most>>10)
}

// plainly is an error of the HTTP client without the URL that it repeats, which may hold a password.
func plainly(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err
	}
	if e, ok := errors.AsType[*refusedError](err); ok {
		return e
	}
	if e, ok := errors.AsType[net.Error](err); ok && e.Timeout() {
		return errors.New("it does not answer in time")
	}
	return err
}

// movedFor is where a feed has moved to, if each step on the way there was one for good: RFC 9110 §15.4.2, §15.4.9.
func movedFor(answer *http.Response, asked *url.URL) string {
	last := answer.Request
	if last.URL.String() == asked.String() || answer.StatusCode != http.StatusOK || asked.User != nil {
		return ""
	}
	for r := last; r.Response != nil; r = r.Response.Request {
		if s := r.Response.StatusCode; s != http.StatusMovedPermanently && s != http.StatusPermanentRedirect {
			return ""
		}
	}
	return last.URL.String()
}

// waitOf is how long a server wants us to wait: Retry-After (RFC 9110 §10.2.3), Cache-Control's max-age (RFC 9111 §5.2.2.1), or Expires.
func waitOf(h http.Header, now time.Time) time.Duration {
	limit := func(d time.Duration) time.Duration { return min(max(d, 0), mostWait) }
	seconds := func(s string) (time.Duration, bool) {
		n, err := strconv.ParseInt(strings.Trim(strings.TrimSpace(s), `"`), 10, 64)
		return limit(time.Duration(min(max(n, 0), int64(mostWait/time.Second))) * time.Second), err == nil
	}
	if text := h.Get("Retry-After"); text != "" {
		if d, ok := seconds(text); ok {
			return d
		}
		if at, err := http.ParseTime(text); err == nil {
			return limit(at.Sub(now))
		}
	}
	for _, part := range strings.Split(strings.Join(h.Values("Cache-Control"), ","), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch strings.ToLower(name) {
		case "max-age":
			if d, ok := seconds(value); ok {
				age, _ := seconds(h.Get("Age"))
				return limit(d - age)
			}
		case "no-cache", "no-store":
			return 0
		}
	}
	if at, err := http.ParseTime(h.Get("Expires")); err == nil {
		return limit(at.Sub(now))
	}
	return 0
}

// turn waits until a host may be asked, and gives what ends that.
func (f *fetcher) turn(ctx context.Context, host string) (done func(), err error) {
	host = strings.ToLower(host)
	f.mu.Lock()
	t := f.hosts[host]
	if t == nil {
		t = new(turn)
		f.hosts[host] = t
	}
	t.n++
	f.mu.Unlock()
	t.mu.Lock()
	end := func() {
		t.last = time.Now()
		t.mu.Unlock()
		f.mu.Lock()
		if t.n--; t.n == 0 && len(f.hosts) > 1000 {
			delete(f.hosts, host)
		}
		f.mu.Unlock()
	}
	if wait := f.rest - time.Since(t.last); wait > 0 && !t.last.IsZero() {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			end()
			return nil, ctx.Err()
		}
	}
	return end, nil
}

func clipped(s string, most int) string {
	if len(s) > most {
		return "" // a part of it would be another
	}
	return strings.ToValidUTF8(s, "")
}
