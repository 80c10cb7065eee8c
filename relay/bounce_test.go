package relay_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parleymail/parley/dsn"
	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/relay"
	"github.com/parleymail/parley/smtp"
)

func withBounces(c *relay.Config) {
	c.Listeners = append(c.Listeners, relay.Listener{Address: "localhost:0", Role: relay.BounceReports})
	c.Bounces = &relay.Bounces{Mailbox: path("bounces@shop.example"), Key: []byte("0123456789abcdef"), Servers: []string{"sink"}, Also: []mail.Path{path("fbl@shop.example")}}
	c.Suppress = relay.Suppress{Bounces: true, Complaints: true}
}

// reports is a client of the listener that takes reports.
func (r *running) reports() *smtp.Client {
	c := &smtp.Client{Addr: r.Addrs()[1].String(), Security: smtp.Plaintext, Hello: "mx.example.net"}
	r.t.Cleanup(func() { c.Close() })
	return c
}

// sentTo sends a mail to several, and gives the reverse-path that each of them has.
func sentTo(t *testing.T, r *running, to ...string) map[string]mail.Path {
	t.Helper()
	if _, err := r.client().Send(t.Context(), raw("shop@shop.example", strings.Join(to, " "), "Message-ID: <order7@shop.example>\n"+letter)); err != nil {
		t.Fatal(err)
	}
	paths := make(map[string]mail.Path)
	for _, m := range r.sink.Wait(t, len(to)) {
		if len(m.Recipients) != 1 {
			t.Errorf("%v go with one reverse-path", m.Recipients)
		}
		paths[m.Recipients[0].Path.String()] = m.ReversePath
	}
	return paths
}

// failed is a report that a mail was given up.
func failed(to mail.Path, final string, reply string, action dsn.Action) *dsn.Letter {
	return &dsn.Letter{
		Report: dsn.Report{ReportingMTA: "mx.example.net", Recipients: []dsn.Recipient{{Final: path(final), Action: action, Reply: parseReply(reply)}}},
		To:     to, Content: func() (io.ReadCloser, error) {
			return io.NopCloser(strings.NewReader("Message-ID: <order7@shop.example>\r\nFrom: shop@shop.example\r\n\r\n")), nil
		},
	}
}

func parseReply(s string) smtp.Reply {
	code, text, _ := strings.Cut(s, " ")
	enhanced, text, _ := strings.Cut(text, " ")
	r := smtp.Reply{Lines: []string{text}}
	for _, d := range code {
		r.Code = 10*r.Code + int(d-'0')
	}
	for i, part := range strings.Split(enhanced, ".") {
		n := int(part[0] - '0')
		*[]*int{&r.Enhanced.Class, &r.Enhanced.Subject, &r.Enhanced.Detail}[i] = n
	}
	return r
}

func (r *running) states(t *testing.T) map[string]outbox.State {
	t.Helper()
	items, err := r.box.List(t.Context(), outbox.Query{MessageID: "<order7@shop.example>"})
	if err != nil {
		t.Fatal(err)
	}
	states := make(map[string]outbox.State)
	for _, i := range items {
		states[i.Path] = i.State
	}
	return states
}

// until waits until something is so.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(15 * time.Second); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within 15 s", what)
		}
	}
}

// TestReturned: a report is laid to its recipient by the address that it comes to, whatever it says itself; the sender hears of it,
// and an address that is not there is not written to again.
func TestReturned(t *testing.T) {
	r := start(t, withBounces)
	paths := sentTo(t, r, "kim@example.net", "li@example.net", "wu@example.net")
	r.sink.Forget()
	send := func(l *dsn.Letter) {
		t.Helper()
		if _, err := r.reports().Send(t.Context(), l); err != nil {
			t.Fatal(err)
		}
	}
	until(t, "all are sent", func() bool { return r.states(t)["wu@example.net"] == outbox.Sent })
	for range 2 { // what comes twice counts once
		send(failed(paths["<kim@example.net>"], "kim@elsewhere.example", "550 5.1.1 user unknown", dsn.Failed))
	}
	send(failed(paths["<li@example.net>"], "li@example.net", "250 2.1.5 delivered", dsn.Delivered))
	if states := r.states(t); states["kim@example.net"] != outbox.Bounced || states["li@example.net"] != outbox.Sent || states["wu@example.net"] != outbox.Sent {
		t.Errorf("the states are %v", states)
	}
	s, err := r.box.Suppressed(t.Context(), "kim@example.net")
	if err != nil || s == nil || s.Reason != "bounce" {
		t.Errorf("suppressed: %+v, %v", s, err)
	}
	// The sender is told once, by nobody.
	m := r.sink.Wait(t, 1)[0]
	if !m.ReversePath.IsNull() || m.Recipients[0].Path != path("shop@shop.example") || !strings.Contains(string(m.Content), "user unknown") {
		t.Errorf("%v\n%s", m.Envelope, m.Content)
	}
	items, err := r.box.List(t.Context(), outbox.Query{Topic: "bounce"})
	if err != nil || len(items) != 1 {
		t.Errorf("%d notices, %v", len(items), err)
	}
}

// TestAskedFor: who asks to be told of a delivery or a delay is told, though the report comes to us; and who wants to hear nothing is not.
func TestAskedFor(t *testing.T) {
	r := start(t, withBounces)
	m := raw("shop@shop.example", "kim@example.net li@example.net wu@example.net he@example.net", "Message-ID: <order7@shop.example>\n"+letter)
	for i, n := range []mail.Notify{mail.NotifySuccess | mail.NotifyFailure, mail.NotifyDelay, 0, mail.NotifyNever} {
		m.Env.Recipients[i].Notify = n
	}
	if _, err := r.client().Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	paths := make(map[string]mail.Path)
	for _, m := range r.sink.Wait(t, 4) {
		paths[m.To()[0]] = m.ReversePath
	}
	until(t, "all are sent", func() bool {
		for _, state := range r.states(t) {
			if state != outbox.Sent {
				return false
			}
		}
		return true
	})
	r.sink.Forget()
	for _, l := range []*dsn.Letter{
		failed(paths["kim@example.net"], "kim@example.net", "250 2.1.5 delivered to kim", dsn.Delivered),
		failed(paths["li@example.net"], "li@example.net", "450 4.2.0 later to li", dsn.Delayed),
		failed(paths["wu@example.net"], "wu@example.net", "250 2.1.5 delivered to wu", dsn.Delivered),
		failed(paths["he@example.net"], "he@example.net", "550 5.1.1 no such he", dsn.Failed),
		failed(paths["kim@example.net"], "kim@example.net", "250 2.1.5 delivered to kim", dsn.Delivered), // twice
	} {
		if _, err := r.reports().Send(t.Context(), l); err != nil {
			t.Fatal(err)
		}
	}
	told := ""
	for _, m := range r.sink.Wait(t, 2) {
		told += string(m.Content)
	}
	if !strings.Contains(told, "delivered to kim") || !strings.Contains(told, "later to li") {
		t.Errorf("the sender is told %s", told)
	}
	if items, err := r.box.List(t.Context(), outbox.Query{Topic: "bounce"}); err != nil || len(items) != 2 {
		t.Errorf("%d notices, %v", len(items), err)
	}
	if states := r.states(t); states["he@example.net"] != outbox.Bounced || states["wu@example.net"] != outbox.Sent {
		t.Errorf("the states are %v", states)
	}
}

// TestReportsRefused: the listener of reports takes nothing else, and whoever forges one moves nothing.
func TestReportsRefused(t *testing.T) {
	r := start(t, withBounces)
	paths := sentTo(t, r, "kim@example.net")
	until(t, "it is sent", func() bool { return r.states(t)["kim@example.net"] == outbox.Sent })
	good := paths["<kim@example.net>"]
	for _, to := range []string{
		"kim@example.net", "shop@shop.example", "bounces+x@shop.example", "bounces+" + strings.Repeat("a", 40) + "@shop.example",
		strings.Replace(good.Local, good.Local[len(good.Local)-1:], "a", 1)[:len(good.Local)-1] + "b@shop.example",
		good.Local + "@else.example",
	} {
		_, err := r.reports().Send(t.Context(), raw("", to, letter))
		if err == nil || !strings.Contains(err.Error(), "550 5.7.1") {
			t.Errorf("%s: %v", to, err)
		}
	}
	// Somebody's mail to the address is not a report.
	_, err := r.reports().Send(t.Context(), raw("kim@example.net", good.Local+"@shop.example", letter))
	if err == nil || !strings.Contains(err.Error(), "550 5.7.1 nobody reads what comes here") {
		t.Errorf("a letter: %v", err)
	}
	// Without the signature a report is taken down, for the Message-ID fits; it suppresses nobody.
	if _, err := r.reports().Send(t.Context(), failed(path("bounces@shop.example"), "kim@example.net", "550 5.1.1 user unknown", dsn.Failed)); err != nil {
		t.Fatal(err)
	}
	if states := r.states(t); states["kim@example.net"] != outbox.Bounced {
		t.Errorf("%v", states)
	}
	if s, err := r.box.Suppressed(t.Context(), "kim@example.net"); s != nil || err != nil {
		t.Errorf("suppressed: %v, %v", s, err)
	}
	// Of a mail that is not known it moves nothing, and nothing is sent to anybody.
	r.sink.Forget()
	l := failed(path("fbl@shop.example"), "kim@example.net", "550 5.1.1 user unknown", dsn.Failed)
	l.Content = nil
	if _, err := r.reports().Send(t.Context(), l); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(r.log.String(), "a report is not laid to a mail") {
		t.Errorf("the log says nothing of it:\n%s", r.log)
	}
}

// TestComplaint: who calls a mail spam is not written to again.
func TestComplaint(t *testing.T) {
	r := start(t, withBounces)
	sentTo(t, r, "kim@example.net")
	report := "From: fbl@example.net\nTo: fbl@shop.example\nSubject: complaint\nMIME-Version: 1.0\nContent-Type: multipart/report; report-type=feedback-report; boundary=b\n\n" +
		"--b\nContent-Type: text/plain\n\nspam\n--b\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\nUser-Agent: x\nVersion: 1\nOriginal-Rcpt-To: kim@example.net\n\n" +
		"--b\nContent-Type: message/rfc822\n\nMessage-ID: <order7@shop.example>\n" + letter + "\n--b--\n"
	if _, err := r.reports().Send(t.Context(), raw("fbl@example.net", "fbl@shop.example", report)); err != nil {
		t.Fatal(err)
	}
	s, err := r.box.Suppressed(t.Context(), "kim@example.net")
	if err != nil || s == nil || s.Reason != "complaint" {
		t.Errorf("suppressed: %+v, %v", s, err)
	}
}

// TestSuppressor: an address that a server refuses for good, as a mail was sent to it, is not written to again either.
func TestSuppressor(t *testing.T) {
	r := start(t, withBounces)
	r.sink.Refuse(smtp.StageRcpt, "*kim@*", "550 5.1.1 <kim@example.net>: Recipient address rejected: User unknown in virtual mailbox table")
	if _, err := r.client().Send(t.Context(), raw("", "kim@example.net", letter)); err != nil {
		t.Fatal(err)
	}
	until(t, "it is on the list", func() bool {
		s, err := r.box.Suppressed(t.Context(), "kim@example.net")
		return err == nil && s != nil
	})
}

// A hook is a program that webhooks tell.
type hook struct {
	mu     sync.Mutex
	bodies []string
	signs  []string
	fail   int // so many are answered by 500
}

func (h *hook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.fail > 0 {
		h.fail--
		http.Redirect(w, r, "/else", http.StatusTemporaryRedirect)
		return
	}
	h.bodies, h.signs = append(h.bodies, string(body)), append(h.signs, r.Header.Get("Parley-Signature"))
}

func (h *hook) all() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return strings.Join(h.bodies, "\n")
}

// TestWebhook: all events come, in their order, also after failures and after a restart; a redirect is none that is followed, and no
// secret stands in what is told or logged.
func TestWebhook(t *testing.T) {
	h := &hook{fail: 1}
	web := httptest.NewServer(h)
	defer web.Close()
	log := t.TempDir() + "/events.json"
	configure := func(c *relay.Config) {
		c.Webhooks = []relay.Webhook{{Name: "shop", URL: web.URL + "/secret-path", Secret: "opensesame", Events: []outbox.What{outbox.WasSent}}}
		c.Logs = []relay.EventLog{{Name: "all", Path: log}}
	}
	r := start(t, configure)
	for range 3 {
		if _, err := r.client().Send(t.Context(), raw("a@x.example", "kim@example.net", letter)); err != nil {
			t.Fatal(err)
		}
	}
	until(t, "three are told", func() bool { return strings.Count(h.all(), `"what":"sent"`) == 3 })
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	again := startOver(t, r.box, configure)
	if _, err := again.client().Send(t.Context(), raw("a@x.example", "kim@example.net", letter)); err != nil {
		t.Fatal(err)
	}
	until(t, "the fourth is told", func() bool { return strings.Count(h.all(), `"what":"sent"`) == 4 })
	h.mu.Lock()
	defer h.mu.Unlock()
	for i, sign := range h.signs {
		if !strings.HasPrefix(sign, "t=") || !strings.Contains(sign, ",v1=") || !strings.HasPrefix(h.bodies[i], `{"webhook":"shop","events":[{"seq":`) {
			t.Errorf("%s %s", sign, h.bodies[i])
		}
	}
	until(t, "four lines", func() bool { b, _ := os.ReadFile(log); return strings.Count(string(b), "\n") == 4 })
	for _, text := range []string{r.log.String(), strings.Join(h.bodies, "")} {
		if strings.Contains(text, "opensesame") || strings.Contains(text, "secret-path") {
			t.Errorf("a secret is told: %s", text)
		}
	}
}
