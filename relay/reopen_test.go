package relay_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/relay"
	"github.com/parleymail/parley/sasl"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtptest"
)

// suspended waits until a lane is, and gives after what.
func (r *running) suspended(t *testing.T) string {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		tally, err := r.box.Tally(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if i := slices.IndexFunc(tally.Lanes, func(l outbox.LaneTally) bool { return time.Until(l.Open) > time.Minute }); i >= 0 {
			return tally.Lanes[i].Why
		}
	}
	t.Fatal("no lane is suspended")
	return ""
}

// TestReloadMends: a server whose password is wrong is not asked for a quarter of an hour. Once the configuration is right it is asked at once, with
// the new password; nobody waits.
func TestReloadMends(t *testing.T) {
	next := (&smtptest.Server{Users: map[string]string{"kim": "right"}}).Start(t)
	config := func(password string) relay.Config {
		c := sinkConfig(next)
		c.Routes.Servers[0].Account, c.Routes.Servers[0].Client.Auth = "kim", sasl.Password("kim", password)
		return c
	}
	r := start(t, func(c *relay.Config) { c.Routes = config("wrong").Routes })
	if _, err := r.client().Send(t.Context(), raw("a@x.example", "kim@example.net", letter)); err != nil {
		t.Fatal(err)
	}
	if why := r.suspended(t); !strings.HasPrefix(why, "535 ") {
		t.Errorf("it is suspended after %q", why)
	}
	if err := r.Reload(config("right")); err != nil {
		t.Fatal(err)
	}
	next.Wait(t, 1)
}

// TestReloadForgetsNoLimit: what a server has to forget by itself, no configuration mends.
func TestReloadForgetsNoLimit(t *testing.T) {
	r := start(t, nil)
	r.sink.Fault(smtptest.Fault{Stage: smtp.StageMail, Say: "450 4.7.1 Error: too much mail from 203.0.113.9", Times: 1})
	if _, err := r.client().Send(t.Context(), raw("a@x.example", "kim@example.net", letter)); err != nil {
		t.Fatal(err)
	}
	r.suspended(t)
	if err := r.Reload(sinkConfig(r.sink)); err != nil {
		t.Fatal(err)
	}
	time.Sleep(300 * time.Millisecond)
	r.suspended(t)
}

// TestIntroduces: a relay goes by its name at servers too, unless another is said; a name that is no full one is left to package smtp.
func TestIntroduces(t *testing.T) {
	for name, c := range map[string]struct{ hostname, hello, want string }{
		"its name":     {hostname: "relay.shop.example", want: "relay.shop.example"},
		"another":      {hostname: "relay.shop.example", hello: "out.shop.example", want: "out.shop.example"},
		"no full name": {hostname: "relay", want: ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := start(t, func(conf *relay.Config) { conf.Hostname, conf.Routes.Servers[0].Client.Hello = c.hostname, c.hello })
			if _, err := r.client().Send(t.Context(), raw("a@x.example", "kim@example.net", letter)); err != nil {
				t.Fatal(err)
			}
			if got := r.sink.Wait(t, 1)[0].Hello; got != c.want && (c.want != "" || got == c.hostname) {
				t.Errorf("it says %q", got)
			}
		})
	}
}
