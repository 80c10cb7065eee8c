package outbox_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/parleymail/parley/internal/testpg"
	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/smtp"
)

// TestModel does what comes to mind to a box, and to a model of it in memory, and looks whether they are the same: over both
// databases, by the same code.
func TestModel(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) { modelled(t, onSQLite(t)) })
	t.Run("postgres", func(t *testing.T) { modelled(t, onPostgres(t, testpg.Start(t))) })
}

func modelled(t *testing.T, s *store) {
	checks := "25"
	if os.Getenv("PARLEY_SLOW") != "" {
		checks = "2000"
	}
	if f := flag.Lookup("rapid.checks"); f.Value.String() == f.DefValue {
		f.Value.Set(checks)           //nolint:errcheck // it is a number
		defer f.Value.Set(f.DefValue) //nolint:errcheck // as before
	}
	rapid.Check(t, func(t *rapid.T) {
		m := newModel(t, s)
		defer m.close(t)
		t.Repeat(map[string]func(*rapid.T){
			"":         m.check,
			"put":      m.put,
			"put more": m.put,
			"hold":     m.acts(outbox.WasHeld),
			"release":  m.acts(outbox.WasReleased),
			"retry":    m.acts(outbox.WasRetried),
			"cancel":   m.acts(outbox.WasCancelled),
			"route":    m.route,
			"take":     m.take,
			"finish":   m.finish,
			"die":      m.die,
			"purge":    m.purge,
			"purgeall": m.purgeAll,
			"suppress": m.suppress,
			"retain":   func(t *rapid.T) { m.must(t, m.box.Retain(m.ctx)) },
			"list":     m.list,
		})
	})
}

type model struct {
	ctx     context.Context
	box     *outbox.Box
	steps   *outbox.Steps
	keep    bool
	all     map[outbox.ID]*message
	listed  map[string]bool
	outcome outbox.What // of what is sent next
	last    int64       // the number of the last event that was read
}

type message struct {
	id                    outbox.ID
	class                 outbox.Class
	topic, origin, sender string
	key                   string
	body                  []byte
	to                    []*recipient
	kept                  bool
}

type recipient struct {
	path             string
	state, wanted    outbox.State
	attempts         int
	routed, due, had bool // had: it was taken by the worker
}

func newModel(t *rapid.T, s *store) *model {
	for _, table := range []string{"messages", "pieces", "recipients", "lanes", "workers", "shares", "history", "suppressed", "readers"} {
		if _, err := s.db.Exec("DELETE FROM parley_" + table); err != nil {
			t.Fatal(err)
		}
	}
	m := &model{ctx: context.Background(), keep: rapid.Bool().Draw(t, "keep"), all: make(map[outbox.ID]*message), listed: make(map[string]bool)}
	o := outbox.Options{}
	if m.keep {
		o.KeepContent = time.Hour
	}
	var err error
	if m.box, err = outbox.New(m.ctx, s.db, s.d, o); err != nil {
		t.Fatal(err)
	}
	m.steps, err = outbox.NewSteps(m.ctx, m.box, outbox.One(m, outbox.Limits{Sessions: 100}))
	m.must(t, err)
	return m
}

func (m *model) close(t *rapid.T) {
	m.must(t, m.steps.Close(m.ctx))
	m.must(t, m.box.Close())
}

func (m *model) must(t *rapid.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Send is for [outbox.Transport].
func (m *model) Send(_ context.Context, object mail.Object) (*smtp.Receipt, error) {
	c, err := object.Open()
	if err != nil {
		return nil, err
	}
	defer c.Close()
	var got bytes.Buffer
	if _, err := c.WriteTo(&got); err != nil {
		return nil, err
	}
	if n := slices.IndexFunc(slices.Collect(maps.Values(m.all)), func(o *message) bool { return bytes.Equal(o.body, got.Bytes()) }); n < 0 {
		panic(fmt.Sprintf("a mail was sent that nobody put: %q", got.Bytes()[:min(got.Len(), 200)]))
	}
	switch m.outcome {
	case outbox.WasDeferred:
		return nil, &smtp.Error{Kind: smtp.Refused, Stage: smtp.StageRcpt, Reply: smtp.Reply{Code: 452, Enhanced: smtp.EnhancedCode{Class: 4, Subject: 2, Detail: 2}, Lines: []string{"mailbox full"}}}
	case outbox.WasBounced:
		return nil, &smtp.Error{Kind: smtp.Refused, Stage: smtp.StageRcpt, Reply: smtp.Reply{Code: 550, Enhanced: smtp.EnhancedCode{Class: 5, Subject: 1, Detail: 1}, Lines: []string{"no such user"}}}
	}
	return &smtp.Receipt{Reply: smtp.Reply{Code: 250, Lines: []string{"taken"}}}, nil
}

var (
	paths   = []string{"kim@example.org", "Lee@example.org", "ann@example.com", "bo@sub.example.com"}
	origins = []string{"", "shop"}
	topics  = []string{"", "statements", "news"}
	senders = []string{"", "shop@example.net", "news@example.net"}
)

func (m *model) put(t *rapid.T) {
	pick := func(name string, from []string) string { return rapid.SampledFrom(from).Draw(t, name) }
	o := &message{class: rapid.SampledFrom([]outbox.Class{outbox.Normal, outbox.Alert, outbox.Bulk}).Draw(t, "class"), topic: pick("topic", topics), origin: pick("origin", origins), sender: pick("sender", senders), kept: true}
	raw := &mail.Raw{}
	if o.sender != "" {
		raw.Env.ReversePath, _ = mail.ParsePath(o.sender)
	}
	for range rapid.IntRange(1, 3).Draw(t, "recipients") {
		p := pick("recipient", paths)
		path, err := mail.ParsePath(p)
		m.must(t, err)
		raw.Env.Recipients = append(raw.Env.Recipients, mail.Recipient{Path: path})
		o.to = append(o.to, &recipient{path: p})
	}
	size := rapid.SampledFrom([]int{0, 0, 0, 1000, 40_000, 600_000}).Draw(t, "size")
	o.body = []byte(fmt.Sprintf("From: a@example.net\r\nSubject: %d\r\n\r\n%s", len(m.all), strings.Repeat("all is well\r\n", size/13)))
	raw.Data = o.body
	o.key = pick("key", []string{"", "", "", "one", "two"})
	letter := &outbox.Mail{Object: raw, Class: o.class, Topic: o.topic, Origin: o.origin, Key: o.key}
	later := rapid.IntRange(0, 5).Draw(t, "later") == 0
	if later {
		letter.NotBefore = time.Now().Add(time.Hour)
	}
	for _, r := range o.to {
		r.due = !later
	}
	var err error
	o.id, err = m.box.Put(m.ctx, nil, letter)
	for _, first := range m.all {
		if o.key == "" || first.key != o.key || first.origin != o.origin {
			continue
		}
		same := first.sender == o.sender && slices.EqualFunc(first.to, o.to, func(a, b *recipient) bool { return a.path == b.path })
		if same && (err != nil || o.id != first.id) || !same && !errors.Is(err, outbox.ErrKeyReused) {
			t.Fatalf("the key of %v again: %v, %v", first.id, o.id, err)
		}
		return
	}
	m.must(t, err)
	m.all[o.id] = o
}

func (m *model) sorted() []*message {
	return slices.SortedFunc(maps.Values(m.all), func(a, b *message) int { return cmp.Compare(b.id, a.id) })
}

// ref draws a message, and one of its recipients or all.
func (m *model) ref(t *rapid.T) (outbox.Ref, *message) {
	list := m.sorted()
	i := rapid.IntRange(0, len(list)).Draw(t, "message")
	if i == len(list) {
		return outbox.All(12345), nil
	}
	return outbox.Ref{Message: list[i].id, Recipient: rapid.IntRange(-1, len(list[i].to)-1).Draw(t, "recipient")}, list[i]
}

func (m *model) acts(what outbox.What) func(t *rapid.T) {
	return func(t *rapid.T) {
		ref, o := m.ref(t)
		var n int
		var err error
		switch what {
		case outbox.WasHeld:
			n, err = m.box.Hold(m.ctx, "a test", ref)
		case outbox.WasReleased:
			n, err = m.box.Release(m.ctx, ref)
		case outbox.WasRetried:
			n, err = m.box.Retry(m.ctx, ref)
		case outbox.WasCancelled:
			n, err = m.box.Cancel(m.ctx, "a test", ref)
		}
		want, wantErr := m.act(what, ref, o)
		if n != want || !errors.Is(err, wantErr) {
			t.Fatalf("%v of %v: %d, %v; %d, %v was to be", what, ref, n, err, want, wantErr)
		}
	}
}

// act is what is to come of it.
func (m *model) act(what outbox.What, ref outbox.Ref, o *message) (n int, err error) {
	if o == nil {
		return 0, outbox.ErrNotFound
	}
	var changes []func()
	sends := false
	for i, r := range o.to {
		if ref.Recipient >= 0 && i != ref.Recipient {
			continue
		}
		again := func() {
			changes = append(changes, func() {
				r.due, r.state = true, outbox.Deferred
				if r.attempts == 0 {
					r.state = outbox.Queued
				}
			})
			sends = true
		}
		is := func(list ...outbox.State) bool { return slices.Contains(list, r.state) }
		wants := func(s outbox.State) {
			if r.wanted != s {
				changes = append(changes, func() { r.wanted = s })
			}
		}
		switch {
		case what == outbox.WasRetried && is(outbox.Sending) && ref.Recipient >= 0:
			return 0, outbox.ErrBusy
		case what == outbox.WasRetried && is(outbox.Queued, outbox.Deferred, outbox.Bounced, outbox.Expired), what == outbox.WasReleased && is(outbox.Held, outbox.Unknown):
			again()
		case what == outbox.WasReleased && is(outbox.Sending):
			wants(0)
		case what == outbox.WasHeld && is(outbox.Sending):
			wants(outbox.Held)
		case what == outbox.WasCancelled && is(outbox.Sending):
			wants(outbox.Cancelled)
		case what == outbox.WasHeld && is(outbox.Queued, outbox.Deferred):
			changes = append(changes, func() { r.state = outbox.Held })
		case what == outbox.WasCancelled && is(outbox.Queued, outbox.Deferred, outbox.Held, outbox.Unknown):
			changes = append(changes, func() { r.state = outbox.Cancelled })
		}
	}
	if sends && !o.kept {
		return 0, outbox.ErrGone
	}
	for _, change := range changes {
		change()
	}
	m.settle(o)
	return len(changes), nil
}

// settle lets go of a content that nobody waits for.
func (m *model) settle(o *message) {
	o.kept = o.kept && (m.keep || slices.ContainsFunc(o.to, func(r *recipient) bool { return !r.state.Final() }))
}

func (m *model) route(t *rapid.T) {
	m.must(t, m.steps.Route(m.ctx))
	for _, o := range m.all {
		for _, r := range o.to {
			if r.routed || r.state > outbox.Deferred || !r.due {
				continue
			}
			if m.listed[strings.ToLower(r.path)] {
				r.state = outbox.Bounced
			} else {
				r.routed = true
			}
		}
		m.settle(o)
	}
}

func (m *model) take(t *rapid.T) {
	taken, err := m.steps.Take(m.ctx)
	m.must(t, err)
	for _, ref := range taken {
		o := m.all[ref.Message]
		if o == nil {
			t.Fatalf("%v was taken, which is not there", ref)
		}
		r := o.to[ref.Recipient]
		if r.state > outbox.Deferred || !r.due || !r.routed {
			t.Fatalf("%v was taken: %+v", ref, r)
		}
		r.state, r.had = outbox.Sending, true
		r.attempts++
	}
}

func (m *model) finish(t *rapid.T) {
	m.outcome = rapid.SampledFrom([]outbox.What{outbox.WasSent, outbox.WasDeferred, outbox.WasBounced}).Draw(t, "outcome")
	m.must(t, m.steps.Finish(m.ctx))
	become := map[outbox.What]outbox.State{outbox.WasSent: outbox.Sent, outbox.WasDeferred: outbox.Deferred, outbox.WasBounced: outbox.Bounced}[m.outcome]
	m.over(func(r *recipient) outbox.State {
		if r.attempts > 1 && m.listed[strings.ToLower(r.path)] {
			return outbox.Bounced
		}
		r.due = false
		return become
	})
}

func (m *model) die(t *rapid.T) {
	m.must(t, m.steps.Die(m.ctx))
	m.over(func(r *recipient) outbox.State {
		r.due = true
		return outbox.Deferred
	})
}

func (m *model) over(become func(*recipient) outbox.State) {
	for _, o := range m.all {
		for _, r := range o.to {
			if !r.had {
				continue
			}
			r.had = false
			if r.state = become(r); r.wanted != 0 && r.state != outbox.Sent {
				r.state = r.wanted
			}
			r.wanted = 0
		}
		m.settle(o)
	}
}

func (m *model) purge(t *rapid.T) {
	ref, o := m.ref(t)
	n, err := m.box.Purge(m.ctx, ref.Message)
	busy := o != nil && slices.ContainsFunc(o.to, func(r *recipient) bool { return r.state == outbox.Sending })
	switch {
	case busy && errors.Is(err, outbox.ErrBusy) && n == 0:
	case busy || err != nil || n == 1 != (o != nil):
		t.Fatalf("%v: %d, %v", ref, n, err)
	}
	if !busy {
		delete(m.all, ref.Message)
	}
}

func (m *model) purgeAll(t *rapid.T) {
	q, fits := m.query(t)
	n, err := m.box.PurgeAll(m.ctx, q)
	m.must(t, err)
	want := 0
	for _, o := range m.all {
		if !slices.ContainsFunc(o.to, func(r *recipient) bool { return !fits(o, r) || r.state == outbox.Sending }) {
			delete(m.all, o.id)
			want++
		}
	}
	if n != want {
		t.Fatalf("%+v: %d were forgotten, and %d were to be", q, n, want)
	}
}

func (m *model) suppress(t *rapid.T) {
	address := strings.ToLower(rapid.SampledFrom(paths).Draw(t, "address"))
	if !m.listed[address] {
		m.must(t, m.box.Suppress(m.ctx, outbox.Suppression{Address: strings.ToUpper(address), Reason: "manual"}))
		m.listed[address] = true
		return
	}
	m.must(t, m.box.Unsuppress(m.ctx, address))
	delete(m.listed, address)
}

// query draws what is looked for.
func (m *model) query(t *rapid.T) (q outbox.Query, fits func(*message, *recipient) bool) {
	if rapid.Bool().Draw(t, "by state") {
		q.States = rapid.SliceOfNDistinct(rapid.Map(rapid.IntRange(0, int(outbox.Cancelled)), func(n int) outbox.State { return outbox.State(n) }), 1, 3, rapid.ID[outbox.State]).Draw(t, "states")
	}
	pick := func(name string, from []string) string {
		if rapid.IntRange(0, 3).Draw(t, "by "+name) > 0 {
			return ""
		}
		return rapid.SampledFrom(from).Draw(t, name)
	}
	q.Topic, q.Origin, q.Sender = pick("topic", topics), pick("origin", origins), pick("sender", senders)
	q.Class = pick("class", []string{"alert", "normal", "bulk"})
	q.Recipient = pick("recipient", append([]string{"@example.org", "@example.com"}, paths...))
	q.Lane = pick("lane", []string{"default", "none"})
	return q, func(o *message, r *recipient) bool {
		is := func(want, is string) bool { return want == "" || want == is }
		_, domain, _ := strings.Cut(r.path, "@")
		return (len(q.States) == 0 || slices.Contains(q.States, r.state)) && is(q.Topic, o.topic) && is(q.Origin, o.origin) && is(q.Sender, o.sender) &&
			is(q.Class, o.class.String()) && (is(q.Recipient, r.path) || q.Recipient == "@"+domain) && is(q.Lane, map[bool]string{true: "default"}[r.routed])
	}
}

func (m *model) list(t *rapid.T) {
	q, fits := m.query(t)
	q.Limit = rapid.IntRange(1, 5).Draw(t, "limit")
	var want, got []outbox.Ref
	for _, o := range m.sorted() {
		for n, r := range o.to {
			if fits(o, r) {
				want = append(want, outbox.Ref{Message: o.id, Recipient: n})
			}
		}
	}
	for {
		page, err := m.box.List(m.ctx, q)
		m.must(t, err)
		for _, i := range page {
			got = append(got, i.Ref)
		}
		if len(page) < q.Limit {
			break
		}
		q.Before = page[len(page)-1].Ref
	}
	if !slices.Equal(got, want) {
		t.Fatalf("%+v\ngot  %v\nwant %v", q, got, want)
	}
}

// check looks at all that the box says of itself.
func (m *model) check(t *rapid.T) {
	states := make(map[outbox.State]int)
	for _, o := range m.all {
		s, err := m.box.Show(m.ctx, o.id)
		m.must(t, err)
		if s.Problem != "" || s.Kept != o.kept || len(s.Recipients) != len(o.to) || s.History[0].What != outbox.WasPut {
			t.Fatalf("%+v\nis to be %+v", s, o)
		}
		for n, r := range o.to {
			states[r.state]++
			if i := s.Recipients[n]; i.State != r.state || i.Path != r.path || i.Attempts != r.attempts || i.Topic != o.topic || i.Class != o.class {
				t.Fatalf("%+v\nis to be %+v", i, r)
			}
		}
		content, err := m.box.Content(m.ctx, o.id)
		if errors.Is(err, outbox.ErrNotFound) && !o.kept {
			continue
		}
		m.must(t, err)
		got, err := io.ReadAll(content)
		content.Close()
		if err != nil || !bytes.Equal(got, o.body) {
			t.Fatalf("%v: its content is another: %v", o.id, err)
		}
	}
	tally, err := m.box.Tally(m.ctx)
	m.must(t, err)
	if !maps.Equal(tally.States, states) {
		t.Fatalf("%v are counted, and %v were put", tally.States, states)
	}
	m.checkEvents(t)
}

// checkEvents reads on in the events: each comes once, and stands in its message's history.
func (m *model) checkEvents(t *rapid.T) {
	list, err := m.box.EventsNow(m.ctx, m.last)
	m.must(t, err)
	for _, e := range list {
		if e.Seq <= m.last {
			t.Fatalf("event %d came after %d", e.Seq, m.last)
		}
		m.last = e.Seq
		if o := m.all[e.Message]; o != nil {
			s, err := m.box.Show(m.ctx, o.id)
			m.must(t, err)
			if !slices.ContainsFunc(s.History, func(h outbox.Event) bool { return h.Seq == e.Seq && h.What == e.What }) {
				t.Fatalf("%+v is not in its history", e)
			}
		}
	}
}
