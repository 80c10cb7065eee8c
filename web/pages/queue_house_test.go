package pages

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/relay"
	"github.com/parleymail/parley/route"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtptest"
)

// A queueHouse is a relay at work, servers of all sorts behind it, and the pages of its queue.
type queueHouse struct {
	t     *testing.T
	box   *outbox.Box
	relay *relay.Server
	who   asker
	house // which asks as a browser does
}

// The domains of a queueHouse, and what becomes of mail to them.
const (
	goodDomain  = "good.example"
	badDomain   = "bad.example"   // 550 5.1.1
	laterDomain = "later.example" // 451 4.7.1
	qqDomain    = "qq.example"    // 550 frequency limited: the lane is suspended
	cutDomain   = "cut.example"   // the line is cut behind the dot
)

func openQueue(t *testing.T, change func(*relay.Config)) *queueHouse {
	t.Helper()
	box, err := relay.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "box.db"), outbox.Options{
		KeepContent: time.Hour, Unknown: map[outbox.Class]outbox.Policy{outbox.Normal: outbox.Hold},
	})
	if err != nil {
		t.Fatal(err)
	}
	c := relay.Config{
		Hostname: "relay.example", Listeners: []relay.Listener{{Address: "127.0.0.1:0"}}, Grace: 2 * time.Second, Log: slog.New(slog.DiscardHandler),
		Routes: fates(t), Worker: outbox.Worker{Bounces: outbox.Bounces{None: true}, Retry: outbox.Retry{First: time.Hour}},
	}
	if change != nil {
		change(&c)
	}
	h := &queueHouse{t: t, box: box, who: asker{Operator: true}}
	if h.relay, err = relay.New(box, c); err != nil {
		t.Fatal(err)
	}
	if err := h.relay.Listen(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- h.relay.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		box.Close()
	})
	q, err := NewQueue(QueueConfig{Box: box, Relay: h.relay, Version: "1.2.3", Who: func(*http.Request) (string, bool) { return h.who.Name, h.who.Operator }})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	for pattern, handler := range q.Routes() {
		mux.Handle(pattern, handler)
	}
	h.house = house{t: t, handler: mux, cookies: make(map[string]string)}
	return h
}

// fates are servers for the domains above.
func fates(t *testing.T) route.Table {
	t.Helper()
	var table route.Table
	add := func(name, domain, provider, account string) *smtptest.Server {
		s := smtptest.NewServer(t)
		client := s.Client()
		client.KeepSaid = true
		table.Servers = append(table.Servers, route.Server{Name: name, Client: client, Provider: provider, Account: account})
		table.Rules = append(table.Rules, route.Rule{To: []string{domain}, Servers: []string{name}})
		return s
	}
	add("good", goodDomain, "", "")
	add("bad", badDomain, "", "").Refuse(smtp.StageRcpt, "*<nobody@*", "550 5.1.1 <nobody@bad.example>: no such user")
	add("later", laterDomain, "", "").Refuse(smtp.StageRcpt, "", "451 4.7.1 greylisted, come back later")
	add("qq", qqDomain, "qq", "59419979@qq.com").Refuse(smtp.StageMail, "", "550 Connection frequency limited.")
	add("cut", cutDomain, "", "").Fault(smtptest.Fault{Stage: smtp.StageEnd, Mute: true, Then: smtptest.HangUp})
	table.Default = []string{"good"}
	return table
}

// put hands a mail over.
func (h *queueHouse) put(m outbox.Mail, content string, to ...string) outbox.ID {
	h.t.Helper()
	env := mail.Envelope{ReversePath: pathOf(h.t, "shop@example.com")}
	for _, one := range to {
		env.Recipients = append(env.Recipients, mail.Recipient{Path: pathOf(h.t, one)})
	}
	m.Object = &mail.Raw{Env: env, Data: []byte(strings.ReplaceAll(content, "\n", "\r\n"))}
	id, err := h.box.Put(h.t.Context(), nil, &m)
	if err != nil {
		h.t.Fatal(err)
	}
	return id
}

// becomes waits until all recipients of a mail are in a state.
func (h *queueHouse) becomes(id outbox.ID, want outbox.State) *outbox.Shown {
	h.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(20 * time.Second); ; <-tick.C {
		s, err := h.box.Show(h.t.Context(), id)
		if err != nil {
			h.t.Fatal(err)
		}
		all := true
		for _, r := range s.Recipients {
			all = all && r.State == want
		}
		if all {
			return s
		}
		if time.Now().After(end) {
			h.t.Fatalf("it does not become %v: %+v", want, s.Recipients)
		}
	}
}

const plainMail = "From: Shop <shop@example.com>\nTo: kim@good.example\nSubject: plain\nMessage-ID: <plain@example.com>\n\nHello.\n"

// A queueFull is a queue in which all sorts of things have happened.
type queueFull struct {
	*queueHouse
	sent, bounced, deferred, suspended, unknown, held, several outbox.ID
}

func fullQueue(t *testing.T, change func(*relay.Config)) *queueFull {
	h := &queueFull{queueHouse: openQueue(t, change)}
	letter := strings.Replace(statement, "From:", "Message-ID: <statement@example.com>\nFrom:", 1)
	h.sent = h.put(outbox.Mail{Origin: "shop", Topic: "statements 2026-03", Class: outbox.Bulk}, letter, "kim@"+goodDomain, "li@"+goodDomain)
	h.bounced = h.put(outbox.Mail{Origin: "shop"}, plainMail, "nobody@"+badDomain)
	h.deferred = h.put(outbox.Mail{Origin: "cron", Class: outbox.Alert}, plainMail, "wang@"+laterDomain)
	h.suspended = h.put(outbox.Mail{Origin: "shop"}, plainMail, "zhao@"+qqDomain)
	h.unknown = h.put(outbox.Mail{Origin: "shop"}, plainMail, "anna@"+cutDomain)
	h.held = h.put(outbox.Mail{Origin: "shop", NotBefore: time.Now().Add(time.Hour)}, plainMail, "bob@"+goodDomain)
	h.several = h.put(outbox.Mail{Origin: "shop", NotBefore: time.Now().Add(2 * time.Hour)}, plainMail, "a@"+goodDomain, "b@"+goodDomain, "c@"+goodDomain)
	if _, err := h.box.Hold(t.Context(), "wrong figures", outbox.All(h.held)); err != nil {
		t.Fatal(err)
	}
	h.becomes(h.sent, outbox.Sent)
	h.becomes(h.bounced, outbox.Bounced)
	h.becomes(h.deferred, outbox.Deferred)
	h.becomes(h.unknown, outbox.Unknown)
	h.becomes(h.held, outbox.Held)
	h.suspends("qq/59419979@qq.com")
	return h
}

// suspends waits until a lane is.
func (h *queueHouse) suspends(lane string) {
	h.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(20 * time.Second); ; <-tick.C {
		t, err := h.box.Tally(h.t.Context())
		if err != nil {
			h.t.Fatal(err)
		}
		for _, l := range t.Lanes {
			if l.Name == lane && l.Open.After(time.Now()) {
				return
			}
		}
		if time.Now().After(end) {
			h.t.Fatalf("%s is not suspended: %+v", lane, t.Lanes)
		}
	}
}

// fragment is what the script asks for.
func (h *queueHouse) live(target string) *page {
	h.t.Helper()
	r := httptest.NewRequest(http.MethodGet, target, http.NoBody)
	r.Header.Set("Parley-Live", "1")
	for name, value := range h.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	w := httptest.NewRecorder()
	h.handler.ServeHTTP(w, r)
	return h.read(w.Result(), target)
}

// form sends one, and gives the status.
func (h *queueHouse) form(target string, values url.Values) int {
	h.t.Helper()
	answer := h.do(http.MethodPost, target, values, "en")
	io.Copy(io.Discard, answer.Body)
	return answer.StatusCode
}

// queueTargets are all pages of a full queue.
func (h *queueFull) queueTargets() []string {
	list := []string{
		"/", "/messages", "/messages?state=queued,deferred,sending", "/messages?to=@" + qqDomain, "/messages?lane=good&class=bulk&topic=statements+2026-03&from=shop@example.com&since=2h",
		"/messages?to=nobody-at-all@x.example", "/messages/0000000000000", "/messages?state=none", "/rates", "/suppressions", "/suppressions?find=kim", "/users", "/help",
	}
	for _, id := range []outbox.ID{h.sent, h.bounced, h.deferred, h.suspended, h.unknown, h.held, h.several} {
		list = append(list, "/messages/"+id.String())
	}
	for _, tab := range queueTabs {
		list = append(list, "/messages/"+h.sent.String()+"?tab="+tab, "/messages/"+h.bounced.String()+"?tab="+tab)
	}
	return list
}
