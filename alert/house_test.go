package alert

import (
	"cmp"
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/mail/eml"
	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/smtp"
)

// A clock is moved by hand. It begins two days ago: the box's own goes on, and must not be behind.
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

// A house is alerts with all that they need, and a way for mail that a test can cut.
type house struct {
	*Alerts
	t     testing.TB
	clock *clock
	path  string
	at    string // the database, where it is not the file at path

	mu   sync.Mutex
	cut  bool
	bad  string // the reply to everything
	came []*mail.Message
	raw  []string // as they came
	envs []mail.Envelope
}

func newHouse(t testing.TB, change ...func(*Config)) *house {
	t.Helper()
	return newHouseIn(t, "", change...)
}

// newHouseIn is a house over a database.
func newHouseIn(t testing.TB, database string, change ...func(*Config)) *house {
	t.Helper()
	h := &house{t: t, clock: &clock{t: time.Now().UTC().Truncate(24 * time.Hour).Add(-36 * time.Hour)}, path: filepath.Join(t.TempDir(), "alert.db"), at: database}
	c := h.config()
	for _, f := range change {
		f(&c)
	}
	h.open(c)
	return h
}

func (h *house) config() Config {
	return Config{
		From: mail.Address{Name: "Alerts", Address: "alerts@example.com"}, Zone: time.UTC, MaxAge: 30 * 24 * time.Hour,
		Receivers: []Receiver{{Name: "ops", To: mail.To("ops@example.com")}},
		Log:       slog.New(slog.DiscardHandler), clock: h.clock.now,
	}
}

func (h *house) open(c Config) {
	h.t.Helper()
	a, err := Open(h.t.Context(), cmp.Or(h.at, "sqlite:"+h.path), c)
	if err != nil {
		h.t.Fatal(err)
	}
	h.Alerts = a
	h.t.Cleanup(func() { a.Close() })
}

// Send is a way for mail.
func (h *house) Send(_ context.Context, object mail.Object) (*smtp.Receipt, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.cut {
		return nil, &smtp.Error{Kind: smtp.Unreachable, Stage: smtp.StageGreeting, Err: context.DeadlineExceeded}
	}
	if h.bad != "" {
		return nil, &smtp.Error{Kind: smtp.Refused, Stage: smtp.StageRcpt, Reply: smtp.Reply{Code: 550, Lines: []string{h.bad}}}
	}
	env, err := object.Envelope()
	if err != nil {
		return nil, err
	}
	content, err := object.Open()
	if err != nil {
		return nil, err
	}
	defer content.Close()
	var b strings.Builder
	if _, err := content.WriteTo(&b); err != nil {
		return nil, err
	}
	m, err := eml.Read(strings.NewReader(b.String()))
	if err != nil {
		return nil, err
	}
	h.came, h.raw, h.envs = append(h.came, m), append(h.raw, b.String()), append(h.envs, env)
	return &smtp.Receipt{}, nil
}

// work has the box worked off until the test ends, or stop is called.
func (h *house) work() (stop func()) {
	ctx, cancel := context.WithCancel(h.t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		w := Worker(outbox.One(h, outbox.Limits{}))
		w.Grace = -1
		h.Box().Work(ctx, w) //nolint:errcheck // it ends with the test
	}()
	stop = sync.OnceFunc(func() { cancel(); <-done })
	h.t.Cleanup(stop)
	return stop
}

func (h *house) set(cut bool, bad string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.cut, h.bad = cut, bad
}

// mails waits for so many mails, and gives them.
func (h *house) mails(n int) []*mail.Message {
	h.t.Helper()
	end := time.Now().Add(20 * time.Second)
	for {
		h.mu.Lock()
		came := h.came
		h.mu.Unlock()
		if len(came) == n {
			return came
		}
		if len(came) > n || time.Now().After(end) {
			h.t.Fatalf("%d mails came, and not %d: %s", len(came), n, subjects(came))
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func subjects(list []*mail.Message) string {
	var b strings.Builder
	for _, m := range list {
		b.WriteString("\n\t" + m.Subject)
	}
	return b.String()
}

func (h *house) take(alerts ...Alert) {
	h.t.Helper()
	if err := h.Take(h.t.Context(), alerts...); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) round() Report {
	h.t.Helper()
	r, err := h.Round(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	return r
}

// settled waits until the box has nothing more to do.
func (h *house) settled() {
	h.t.Helper()
	for end := time.Now().Add(20 * time.Second); h.waiting() > 0; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			h.t.Fatal("mail still waits")
		}
	}
}

// waiting are the mails in the box.
func (h *house) waiting() int {
	h.t.Helper()
	tally, err := h.Box().Tally(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	return tally.States[outbox.Queued] + tally.States[outbox.Deferred] + tally.States[outbox.Sending]
}

func (h *house) status() *Status {
	h.t.Helper()
	s, err := h.Status(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	return s
}

func firing(title string, labels ...string) Alert {
	a := Alert{Title: title, Labels: map[string]string{"alertname": title}}
	for i := 0; i+1 < len(labels); i += 2 {
		a.Labels[labels[i]] = labels[i+1]
	}
	return a
}

func resolved(title string, labels ...string) Alert {
	a := firing(title, labels...)
	a.State = Resolved
	return a
}
