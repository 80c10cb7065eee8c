package digest

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parleymail/parley/internal/testpg"
	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/mail/eml"
	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtptest"
)

// A clock is moved by hand.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) forward(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// A feedServer has feeds that tests change.
type feedServer struct {
	*httptest.Server
	mu    sync.Mutex
	pages map[string]http.HandlerFunc
	asked map[string]int
}

func newFeedServer(t testing.TB) *feedServer {
	s := &feedServer{pages: make(map[string]http.HandlerFunc), asked: make(map[string]int)}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		page := s.pages[r.URL.Path]
		s.asked[r.URL.Path]++
		s.mu.Unlock()
		if page == nil {
			http.NotFound(w, r)
			return
		}
		page(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

// has puts a page there.
func (s *feedServer) has(path, kind, text string) {
	s.does(path, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		fmt.Fprint(w, text)
	})
}

func (s *feedServer) does(path string, f http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pages[path] = f
}

func (s *feedServer) times(path string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[path]
}

// item is an item of RSS.
func item(n int) string {
	return fmt.Sprintf("<item><title>Article %d</title><link>https://blog.example/%d</link><guid>id-%d</guid><pubDate>%s</pubDate><description>&lt;p&gt;Text of %d.&lt;/p&gt;</description></item>",
		n, n, n, time.Date(2026, 3, 1, 0, n, 0, 0, time.UTC).Format(time.RFC1123Z), n)
}

// rss is a feed of items, which are given the oldest first.
func rss(items ...string) string {
	var b strings.Builder
	for i := len(items) - 1; i >= 0; i-- {
		b.WriteString(items[i])
	}
	return `<?xml version="1.0"?><rss version="2.0"><channel><title>Blog</title><link>https://blog.example/</link>` + b.String() + "</channel></rss>"
}

func items(from, to int) (list []string) {
	for n := from; n <= to; n++ {
		list = append(list, item(n))
	}
	return list
}

// A house is a digest with all that it needs.
type house struct {
	*Digest
	t     testing.TB
	clock *clock
	feeds *feedServer
	smtp  *smtptest.Server
	path  string // of the database, as Open takes it
	pages http.Handler
}

// postgres is where houses are while TestPostgres runs; else nil.
var postgres *testpg.Cluster

// TestPostgres has what was tried over SQLite tried over PostgreSQL.
func TestPostgres(t *testing.T) {
	postgres = testpg.Start(t)
	defer func() { postgres = nil }()
	for name, test := range map[string]func(*testing.T){
		"FromFeedToMail": TestFromFeedToMail, "Flood": TestFlood, "DoubleOptIn": TestDoubleOptIn, "ForgedLinks": TestForgedLinks, "AnswersTellNothing": TestAnswersTellNothing,
		"Preferences": TestPreferences, "LeavingCancels": TestLeavingCancels, "Bounces": TestBounces, "Embedded": TestEmbedded, "CSV": TestCSV, "OPML": TestOPML,
		"Forget": TestForget, "Retention": TestRetention, "NotYetAsked": TestNotYetAsked, "ForgottenMails": TestForgottenMails, "OtherTimes": TestOtherTimes, "Try": TestTry,
	} {
		t.Run(name, test)
	}
}

// newHouse makes one; its clock stands at noon of yesterday: the box's own goes on, and must not be behind.
func newHouse(t testing.TB, change ...func(*Config)) *house {
	t.Helper()
	h := &house{t: t, clock: &clock{t: time.Now().UTC().Truncate(24 * time.Hour).Add(-12 * time.Hour)}, feeds: newFeedServer(t), path: "sqlite:" + filepath.Join(t.TempDir(), "digest.db")}
	if postgres != nil {
		h.path = postgres.Database(t)
	}
	h.smtp = smtptest.NewServer(t)
	c := h.config()
	for _, f := range change {
		f(&c)
	}
	h.open(c)
	return h
}

func (h *house) config() Config {
	return Config{
		Name: "Kim's notes", From: mail.Address{Name: "Kim", Address: "news@example.com"}, URL: "https://news.example.com/list", Zone: time.UTC,
		Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Log: slog.New(slog.DiscardHandler), clock: h.clock.now,
	}
}

func (h *house) open(c Config) {
	h.t.Helper()
	d, err := Open(h.t.Context(), h.path, c)
	if err != nil {
		h.t.Fatal(err)
	}
	d.fetch.rest = 0
	h.Digest = d
	h.t.Cleanup(func() { d.Close() })
}

// add adds a feed of the server's.
func (h *house) add(path string) Feed {
	h.t.Helper()
	f, err := h.AddFeed(h.t.Context(), Feed{URL: h.feeds.URL + path})
	if err != nil {
		h.t.Fatal(err)
	}
	return f
}

// subscribe subscribes somebody.
func (h *house) subscribe(address string, c Choice) Subscriber {
	h.t.Helper()
	s, err := h.Subscribe(h.t.Context(), Subscriber{Address: address, Choice: c}, false)
	if err != nil {
		h.t.Fatal(err)
	}
	return s
}

// round does what is due, and tells how many mails that were.
func (h *house) round() Report {
	h.t.Helper()
	r, err := h.Round(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	return r
}

// waiting are the mails that wait in the box, as they will arrive, the first first.
func (h *house) waiting() (list []letterSeen) {
	h.t.Helper()
	for i, err := range h.Box().Each(h.t.Context(), outbox.Query{States: []outbox.State{outbox.Queued}}) {
		if err != nil {
			h.t.Fatal(err)
		}
		r, err := h.Box().Content(h.t.Context(), i.Message)
		if err != nil {
			h.t.Fatal(err)
		}
		var b bytes.Buffer
		b.ReadFrom(r)
		r.Close()
		list = append([]letterSeen{{to: i.Path, item: i, raw: b.String()}}, list...)
	}
	return list
}

// drop takes what waits out of the box, as if it had been sent.
func (h *house) drop() {
	h.t.Helper()
	for i, err := range h.Box().Each(h.t.Context(), outbox.Query{States: []outbox.State{outbox.Queued}}) {
		if err != nil {
			h.t.Fatal(err)
		}
		if _, err := h.Box().Purge(h.t.Context(), i.Message); err != nil {
			h.t.Fatal(err)
		}
	}
}

// A letterSeen is a mail in the box.
type letterSeen struct {
	to   string
	item outbox.Item
	raw  string
}

// message is the mail, read.
func (l *letterSeen) message(t testing.TB) *mail.Message {
	t.Helper()
	m, err := eml.Read(strings.NewReader(l.raw))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// field is a field of its header, unfolded.
func (l *letterSeen) field(name string) string {
	head, _, _ := strings.Cut(l.raw, "\r\n\r\n")
	head = strings.NewReplacer("\r\n ", " ", "\r\n\t", " ").Replace(head)
	for line := range strings.SplitSeq(head, "\r\n") {
		if n, v, ok := strings.Cut(line, ":"); ok && strings.EqualFold(n, name) {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// count is what a query of the tables counts.
func (h *house) count(query string, args ...any) (n int) {
	h.t.Helper()
	if err := h.s.DB.QueryRowContext(h.t.Context(), query, args...).Scan(&n); err != nil && err != sql.ErrNoRows {
		h.t.Fatal(err)
	}
	return n
}

const smtpRcpt = smtp.StageRcpt

func contextOf(t testing.TB) (context.Context, context.CancelFunc) {
	return context.WithCancel(t.Context())
}

// work works the box off until nothing is queued.
func (h *house) work() {
	h.t.Helper()
	ctx, stop := context.WithCancel(h.t.Context())
	done := make(chan error, 1)
	go func() { done <- h.Box().Run(ctx, h.smtp.Client()) }()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		t, err := h.Box().Tally(h.t.Context())
		if err != nil {
			h.t.Fatal(err)
		}
		if t.States[outbox.Queued]+t.States[outbox.Sending] == 0 {
			break
		}
		if time.Now().After(deadline) {
			h.t.Fatal("the box is not worked off")
		}
	}
	stop()
	if err := <-done; err != nil {
		h.t.Fatal(err)
	}
}
