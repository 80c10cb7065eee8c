package digest

import (
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtpd"
)

// A tally is a server that keeps of mails only whom they were for.
type tally struct {
	addr string
	mu   sync.Mutex
	got  map[string]int
	size int64
}

func newTally(t *testing.T) *tally {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &tally{addr: l.Addr().String(), got: make(map[string]int)}
	server := &smtpd.Server{Hostname: "sink.example", MaxSessions: -1, MaxSessionsPerIP: -1, Data: func(tr *smtpd.Transaction, content io.Reader) smtp.Reply {
		n, _ := io.Copy(io.Discard, content) // the server tells
		s.mu.Lock()
		defer s.mu.Unlock()
		s.size += n
		for _, r := range tr.Recipients {
			s.got[strings.Trim(r.Path.String(), "<>")]++
		}
		return smtp.Reply{}
	}}
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	return s
}

// A gauge looks how much memory is used at most.
type gauge struct {
	stop chan struct{}
	done chan uint64
}

func newGauge() *gauge {
	g := &gauge{stop: make(chan struct{}), done: make(chan uint64)}
	go func() {
		var most uint64
		for {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapInuse)
			select {
			case <-g.stop:
				g.done <- most
				return
			case <-time.After(50 * time.Millisecond):
			}
		}
	}()
	return g
}

func (g *gauge) most() uint64 { close(g.stop); return <-g.done >> 20 }

// TestMany: each of very many gets one mail a period, with what is new in the oddest feeds; who leaves by a POST in the midst of it gets none. PARLEY_PEOPLE says
// how many.
func TestMany(t *testing.T) {
	people := 1000
	if n, err := strconv.Atoi(os.Getenv("PARLEY_PEOPLE")); err == nil {
		people = n
	} else if testing.Short() {
		people = 200
	}
	h := newHouse(t, func(c *Config) { c.MostNew = 100 })
	for i, o := range oddFeeds(t) {
		path := fmt.Sprintf("/odd%d", i)
		h.feeds.has(path, o.kind, o.body)
		h.add(path)
	}
	long := strings.Repeat("&lt;p&gt;这是一段中文正文，也有 some words in English。&lt;/p&gt;", 100)
	h.feeds.has("/daily", "text/xml", rss(item(1)))
	h.add("/daily")
	h.round() // what is there now went out before these people came

	var list strings.Builder
	list.WriteString("address,frequency,language\n")
	for i := range people {
		fmt.Fprintf(&list, "c%d@example.net,daily,%s\n", i, []string{"en", "zh"}[i%2])
	}
	begun := time.Now()
	got, err := h.ImportCSV(t.Context(), strings.NewReader(list.String()), true)
	if err != nil || got.Subscribed != people {
		t.Fatalf("%+v, %v", got, err)
	}
	t.Logf("imported: %d in %v", people, time.Since(begun).Round(time.Millisecond))

	sink := newTally(t)
	gone := make(map[string]bool)
	for period := 1; period <= 2; period++ {
		h.clock.forward(2 * time.Hour)
		h.feeds.has("/daily", "text/xml", rss(item(1), item(10*period), entryXML(fmt.Sprint("long", period), "https://b.example/long", fmt.Sprint("Long ", period), "", long)))
		if r := h.round(); r.Articles != 2 || r.Mails != 0 {
			t.Fatalf("period %d: too soon: %+v", period, r)
		}
		h.clock.forward(22 * time.Hour)
		memory, begun := newGauge(), time.Now()
		r := h.round()
		took := time.Since(begun)
		if r.Mails != people-len(gone) {
			t.Fatalf("period %d: %+v", period, r)
		}
		t.Logf("period %d: composed %d mails in %v, %.0f/s, heap at most %d MiB", period, r.Mails, took.Round(time.Millisecond), float64(r.Mails)/took.Seconds(), memory.most())
		leaves := leaveSome(t, h, people, period, gone)
		memory, begun = newGauge(), time.Now()
		h.workTo(sink)
		t.Logf("period %d: sent in %v, %.0f/s, %d octets a mail, heap at most %d MiB; left while their mail waited: %d", period, time.Since(begun).Round(time.Millisecond),
			float64(r.Mails-leaves)/time.Since(begun).Seconds(), sink.size/int64(r.Mails-leaves), memory.most(), leaves)
		sink.size = 0
		for i := range people {
			address, want := fmt.Sprintf("c%d@example.net", i), period
			if gone[address] {
				want = i % 10 % 2 // those who left in period 1 got none; those of period 2 one
			}
			if n := sink.got[address]; n != want {
				t.Errorf("period %d: %s has %d mails, not %d", period, address, n, want)
			}
		}
		if r := h.round(); r.Mails != 0 {
			t.Errorf("period %d: again: %+v", period, r)
		}
	}
}

// leaveSome has every hundredth leave by their mail program's button, as their mail waits.
func leaveSome(t *testing.T, h *house, people, period int, gone map[string]bool) (n int) {
	for i := range people {
		if i%100 != 9+period { // 10, then 11
			continue
		}
		address := fmt.Sprintf("c%d@example.net", i)
		s, err := h.Subscriber(t.Context(), address)
		if err != nil {
			t.Fatal(err)
		}
		if a := h.ask("POST", h.leavingLink(s.ID), url.Values{"List-Unsubscribe": {"One-Click"}}); a.status != 200 {
			t.Fatalf("%d", a.status)
		}
		gone[address] = true
		n++
	}
	return n
}

// workTo works the box off to a server.
func (h *house) workTo(s *tally) {
	h.t.Helper()
	client := &smtp.Client{Addr: s.addr, Security: smtp.Plaintext, Hello: "localhost", MaxSessions: 10, Partial: true}
	defer client.Close()
	h.c.Worker = outbox.Worker{Router: outbox.One(client, outbox.Limits{Sessions: 10})}
	defer func() { h.c.Worker = outbox.Worker{} }()
	if _, err := h.Once(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
}
