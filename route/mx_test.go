package route

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/outbox"
)

func open(t testing.TB, table Table) *Router {
	t.Helper()
	r, err := New(table)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

func to(address string) outbox.Recipient {
	local, domain, _ := strings.Cut(address, "@")
	return outbox.Recipient{Path: mail.Path{Local: local, Domain: domain}, ReversePath: mail.Path{Local: "shop", Domain: "example.com"}}
}

// What RFC 5321 §5.1 and RFC 7505 say of a domain, asked through Go's own resolver.
func TestLanesOfDomains(t *testing.T) {
	z := newZone(map[string]string{
		"one.test":               "mx 10 mx.one.test",
		"two.test":               "mx 20 b.two.test;mx 10 a.two.test",
		"vanity.test":            "mx 1 A.Two.Test;mx 1 b.two.test",
		"address.test":           "a 192.0.2.7",
		"sixth.test":             "aaaa 2001:db8::7",
		"null.test":              "mx 0 .",
		"nullandmore.test":       "mx 0 .;mx 10 mx.one.test",
		"empty.test":             "txt",
		"fail.test":              "servfail",
		"numeric.test":           "mx 10 192.0.2.9",
		"alias.test":             "cname one.test",
		"google.test":            "mx 1 aspmx.l.google.com;mx 5 alt1.aspmx.l.google.com",
		"gmail.test":             "mx 5 gmail-smtp-in.l.google.com;mx 10 alt1.gmail-smtp-in.l.google.com",
		"mixed.test":             "mx 5 gmail-smtp-in.l.google.com;mx 10 backup.test",
		"tenant.test":            "mx 0 tenant-test.mail.protection.outlook.com",
		"tenants.test":           "mx 0 tenants-test.mail.protection.outlook.com",
		"mime.test":              "mx 10 eu-smtp-inbound-1.mimecast.com;mx 10 eu-smtp-inbound-2.mimecast.com",
		"xn--fsqu00a.xn--fiqs8s": "mx 10 mx.one.test",
		"me.test":                "mx 10 mx.me.test",
		"backup.me.test":         "mx 10 a.two.test;mx 20 mx.me.test;mx 20 b.two.test;mx 30 c.two.test",
		"odd.test":               "mx 10 mx_1.odd.test",
	})
	r := open(t, Table{Default: []string{"mx"}, Self: []string{"mx.me.test"}, MX: MX{Resolver: z.resolver(t)}})
	for _, c := range []struct{ address, want string }{
		{"kim@one.test", "mx/mx.one.test"},
		{"kim@ONE.test.", "mx/mx.one.test"},
		{"kim@two.test", "mx/{a,b}.two.test"},
		{"kim@vanity.test", "mx/{a,b}.two.test"},
		{"kim@address.test", "mx/address.test"},
		{"kim@sixth.test", "mx/sixth.test"},
		{"kim@null.test", "refused: 556 5.1.10 null.test takes no mail: it has a null MX"},
		{"kim@nullandmore.test", "mx/mx.one.test"},
		{"kim@empty.test", "refused: 550 5.1.2 there is no domain empty.test that takes mail: it has neither MX nor address"},
		{"kim@none.test", "refused: 550 5.1.2 there is no domain none.test that takes mail: it has neither MX nor address"},
		{"kim@fail.test", "later"},
		{"kim@numeric.test", "refused: 550 5.4.4 numeric.test has no MX that is a host's name"},
		{"kim@alias.test", "mx/mx.one.test"},
		{"kim@google.test", "mx/google"},
		{"kim@gmail.test", "mx/google"},
		{"kim@mixed.test", "mx/{backup.test,gmail-smtp-in.l.google.com}"},
		{"kim@tenant.test", "mx/microsoft365"},
		{"kim@tenants.test", "mx/microsoft365"},
		{"kim@mime.test", "mx/{eu-smtp-inbound-1,eu-smtp-inbound-2}.mimecast.com"},
		{"kim@例子.中国", "mx/mx.one.test"},
		{"kim@xn--fsqu00a.xn--fiqs8s", "mx/mx.one.test"},
		{"kim@me.test", "refused: 554 5.4.6 mail for me.test comes back to this machine, which does not keep it"},
		{"kim@backup.me.test", "mx/a.two.test"},
		{"kim@odd.test", "mx/mx_1.odd.test"},
		{"kim@[192.0.2.1]", "mx/[192.0.2.1]"},
		{"kim@[IPv6:2001:db8::1]", "mx/[2001:db8::1]"},
		{"kim@[x400:1]", "refused: 550 5.1.3 [x400:1] is no address that mail can be brought to"},
		{"kim@192.0.2.1", `refused: 550 5.1.3 "192.0.2.1" is no domain`},
		{"kim@a/b test", `refused: 550 5.1.3 "a/b test" is no domain`},
		{"postmaster", "refused: 550 5.1.3 an address without a domain is nobody's here"},
	} {
		lanes, err := r.Lanes(t.Context(), to(c.address))
		got := strings.Join(lanes, " ")
		if refused, ok := errors.AsType[*outbox.Refusal](err); ok {
			got = "refused: " + refused.Reply
		} else if err != nil {
			got = "later"
		}
		if got != c.want {
			t.Errorf("%s: %s (%v), want %s", c.address, got, err, c.want)
		}
		for _, lane := range lanes {
			if l, err := r.Lane(t.Context(), lane); err != nil || l.Name != lane {
				t.Errorf("%s: its lane: %v", c.address, err)
			}
		}
	}
}

// A domain is asked for once, however many ask; what the DNS said is used on while it is in trouble.
func TestAnswersAreKept(t *testing.T) {
	z := newZone(map[string]string{"one.test": "mx 10 mx.one.test"})
	r := open(t, Table{Default: []string{"mx"}, MX: MX{Resolver: z.resolver(t), Keep: Duration(50 * time.Millisecond)}})
	ask := func() string {
		lanes, err := r.Lanes(t.Context(), to("kim@one.test"))
		return fmt.Sprint(lanes, err)
	}
	var all [20]string
	done := make(chan int)
	for i := range all {
		go func() { all[i] = ask(); done <- i }()
	}
	for range all {
		<-done
	}
	if n := z.asked.Load(); n != 1 || all[0] != "[mx/mx.one.test] <nil>" {
		t.Errorf("asked %d times, got %s", n, all[0])
	}
	z.set("one.test", "servfail")
	for range 100 {
		time.Sleep(2 * time.Millisecond)
		if got := ask(); got != "[mx/mx.one.test] <nil>" {
			t.Fatalf("while the DNS is in trouble: %s", got)
		}
	}
	if z.asked.Load() < 2 {
		t.Error("it was not asked again")
	}
	z.set("one.test", "mx 10 other.test")
	for range 1000 {
		if time.Sleep(2 * time.Millisecond); ask() == "[mx/other.test] <nil>" {
			return
		}
	}
	t.Error("what is new is not seen: " + ask())
}

// Who waits for the DNS waits no longer than he will.
func TestLanesEndWithTheContext(t *testing.T) {
	z := newZone(map[string]string{"mute.test": "silence"})
	r := open(t, Table{Default: []string{"mx"}, MX: MX{Resolver: z.resolver(t)}})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	began := time.Now()
	_, err := r.Lanes(ctx, to("kim@mute.test"))
	if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > 3*time.Second {
		t.Errorf("%v after %v", err, time.Since(began))
	}
	if _, ok := errors.AsType[*outbox.Refusal](err); ok {
		t.Error("a DNS that says nothing is no refusal")
	}
}

// 50,000 domains are routed in parallel, and no longer one by one than their answers take.
func TestManyDomains(t *testing.T) {
	const n = 50000
	z := newZone(nil)
	z.wait = time.Millisecond
	recs := make([]outbox.Recipient, n)
	for i := range recs {
		name := fmt.Sprintf("d%d.test", i)
		z.names[name+"."] = []string{fmt.Sprintf("mx 10 mx%d.host.test", i%500)}
		recs[i] = to("kim@" + name)
	}
	r := open(t, Table{Default: []string{"mx"}, MX: MX{Resolver: z.resolver(t)}})
	began := time.Now()
	r.Warm(t.Context(), recs)
	warm := time.Since(began)
	lanes := map[string]bool{}
	for i := range recs {
		l, err := r.Lanes(t.Context(), recs[i])
		if err != nil {
			t.Fatal(err)
		}
		lanes[l[0]] = true
	}
	t.Logf("%d domains: asked in %v, routed in %v", n, warm, time.Since(began)-warm)
	if len(lanes) != 500 {
		t.Errorf("%d lanes of 500 hosts", len(lanes))
	}
	if warm > time.Minute {
		t.Errorf("it took %v", warm)
	}
}

func BenchmarkLanes(b *testing.B) {
	z := newZone(map[string]string{"one.test": "mx 10 mx.one.test"})
	r := open(b, Table{Default: []string{"mx"}, MX: MX{Resolver: z.resolver(b)}})
	rec := to("kim@one.test")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Lanes(b.Context(), rec); err != nil {
			b.Fatal(err)
		}
	}
}
