package web

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/parleymail/parley/inbox"
	"github.com/parleymail/parley/internal/webhook"
)

// A Webhook is told of every message that comes: a POST of its JSON, as GET /api/v1/messages/{id} has the beginning of it. It is
// given when the server starts, and by nobody else: a page that could name a URL could make this machine ask anything.
//
// With a secret each request is signed: Parley-Signature is "t=SECONDS,v1=HEX", the HMAC-SHA256 of "SECONDS." and the body.
// A delivery is tried four times within half a minute; what does not get through then, and what comes while a thousand wait for it,
// is dropped, counted (parley_webhook_total) and logged.
type Webhook struct {
	URL    string
	Secret string // not shown anywhere
}

const (
	hookQueue = 1000
	hookTries = 4
)

// hooks deliver.
type hooks struct {
	store  *inbox.Store
	list   []Webhook
	client *http.Client
	log    *slog.Logger

	sent, failed, dropped atomic.Int64
}

// begin delivers what comes from now on, until the context ends.
func (h *hooks) begin(ctx context.Context) {
	if len(h.list) == 0 {
		return
	}
	events, stop := h.store.Watch()
	go func() {
		defer stop()
		h.run(ctx, events)
	}()
}

func (h *hooks) run(ctx context.Context, events <-chan inbox.Event) {
	waiting := make([]chan int64, len(h.list)) // one each: one that is dead holds up no other
	for i, hook := range h.list {
		waiting[i] = make(chan int64, hookQueue)
		go h.work(ctx, hook, waiting[i])
	}
	for {
		select {
		case e, ok := <-events:
			if !ok {
				return
			}
			if e.What == "missed" {
				h.dropped.Add(int64(len(h.list)))
				h.log.Warn("webhook: messages came faster than they could be told of")
			}
			if e.What != "message" {
				continue
			}
			for i, queue := range waiting {
				select {
				case queue <- e.ID:
				default:
					h.dropped.Add(1)
					h.log.Warn("webhook: too many wait", "webhook", h.list[i].shown(), "message", e.ID)
				}
			}
		case <-ctx.Done():
			return
		}
	}
}

// work tells one webhook of what waits for it.
func (h *hooks) work(ctx context.Context, hook Webhook, waiting <-chan int64) {
	for {
		select {
		case id := <-waiting:
			h.deliver(ctx, hook, id)
		case <-ctx.Done():
			return
		}
	}
}

// shown is what a log says of a webhook: the rest of a URL may be a secret.
func (w Webhook) shown() string {
	u, err := url.Parse(w.URL)
	if err != nil {
		return "?"
	}
	return u.Scheme + "://" + u.Host
}

// deliver tries until it is taken, a few times.
func (h *hooks) deliver(ctx context.Context, hook Webhook, id int64) {
	m, err := h.store.Message(ctx, id)
	if err != nil {
		return // it is gone again
	}
	body, err := json.Marshal(map[string]any{"event": "message", "message": m})
	if err != nil {
		return
	}
	pause := time.Second
	for try := 1; ; try++ {
		err := h.post(ctx, hook, body)
		if err == nil {
			h.sent.Add(1)
			return
		}
		if try == hookTries {
			h.failed.Add(1)
			h.log.Warn("webhook: not delivered", "webhook", hook.shown(), "message", id, "error", err)
			return
		}
		select {
		case <-time.After(pause):
			pause *= 3
		case <-ctx.Done():
			return
		}
	}
}

// post follows no redirect: what is signed for one host is no other's, and an answer that sends us elsewhere has taken nothing.
func (h *hooks) post(ctx context.Context, hook Webhook, body []byte) error {
	return webhook.Post(ctx, h.client, hook.URL, hook.Secret, body)
}

// Sign is what Parley-Signature says of a body, for those who check it.
func Sign(secret string, at time.Time, body []byte) string { return webhook.Sign(secret, at, body) }

// Describe tells of nothing: what is collected is told when it is.
func (*hooks) Describe(chan<- *prometheus.Desc) {}

// Collect gives the counts.
func (h *hooks) Collect(out chan<- prometheus.Metric) {
	d := prometheus.NewDesc("parley_webhook_total", "Messages that webhooks were told of.", []string{"outcome"}, nil)
	for outcome, n := range map[string]int64{"delivered": h.sent.Load(), "failed": h.failed.Load(), "dropped": h.dropped.Load()} {
		out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), outcome)
	}
}
