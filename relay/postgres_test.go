package relay_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/parleymail/parley/internal/testpg"
	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/relay"
)

// TestTwoOverPostgres: two relays over one database send each mail once, and tell of it once.
func TestTwoOverPostgres(t *testing.T) {
	url := testpg.Start(t).Database(t)
	h := new(hook)
	web := httptest.NewServer(h)
	defer web.Close()
	var both []*running
	for range 2 {
		box, err := relay.Open(t.Context(), url, outbox.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { box.Close() })
		both = append(both, startOver(t, box, func(c *relay.Config) {
			if len(both) > 0 {
				c.Routes.Servers[0].Client = both[0].sink.Client() // one sink for both
			}
			c.Webhooks = []relay.Webhook{{Name: "shop", URL: web.URL, Events: []outbox.What{outbox.WasSent}}}
		}))
	}
	const each = 50
	for _, r := range both {
		c := r.client()
		for range each {
			if _, err := c.Send(t.Context(), raw("a@x.example", "kim@example.net", letter)); err != nil {
				t.Fatal(err)
			}
		}
	}
	until(t, "all are told", func() bool { return strings.Count(h.all(), `"what":"sent"`) >= 2*each })
	if n := strings.Count(h.all(), `"what":"sent"`); n != 2*each {
		t.Errorf("%d are told, and %d were sent", n, 2*each)
	}
	if n := len(both[0].sink.Wait(t, 2*each)); n != 2*each {
		t.Errorf("%d came, and %d were sent", n, 2*each)
	}
}

// TestOpenTellsNoPassword: what cannot be opened is told without its password.
func TestOpenTellsNoPassword(t *testing.T) {
	for _, url := range []string{"postgres://kim:opensesame@127.0.0.1:1/x", "postgres://kim:opensesame@127.0.0.1:x/x", "postgres://kim:opensesame@[/x?sslmode=no"} {
		_, err := relay.Open(t.Context(), url, outbox.Options{})
		if err == nil || strings.Contains(err.Error(), "opensesame") {
			t.Errorf("%v", err)
		}
	}
}
