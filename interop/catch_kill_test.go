package interop_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parleymail/parley/inbox"
)

// long says whether the long forms of the trials are wanted: make slow.
func long() bool { return os.Getenv("PARLEY_SLOW") == "1" }

// TestCatchKilled kills "parley catch --data" in the midst of a load, again and again. What was answered 250 is there when it
// starts anew, octet for octet; what was not is there whole or not at all; and each mail has its session.
func TestCatchKilled(t *testing.T) {
	notShort(t)
	rounds := 10
	if long() {
		rounds = 50
	}
	parley, file := buildParley(t), filepath.Join(t.TempDir(), "catch.db")
	sent := newLedger()
	answered, inDoubt := 0, 0
	var last int64
	for round := range rounds {
		c, err := startCatch(parley, "--data", file, "--keep", "1000000")
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		last = sent.check(t, c, last)
		if t.Failed() {
			t.Fatalf("round %d", round)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var senders sync.WaitGroup
		for n := range 8 {
			senders.Go(func() { sent.send(ctx, c.smtp, fmt.Sprintf("%d.%d", round, n)) })
		}
		at := 20*time.Millisecond + rand.N(200*time.Millisecond)
		time.Sleep(at) // it is killed at any moment at all
		c.kill()
		cancel()
		senders.Wait()
		a, d := sent.count()
		t.Logf("round %d: killed after %v: %d mails were answered, %d were not", round, at.Round(time.Millisecond), a-answered, d-inDoubt)
		answered, inDoubt = a, d
	}
	c, err := startCatch(parley, "--data", file, "--keep", "1000000")
	if err != nil {
		t.Fatal(err)
	}
	defer c.kill()
	sent.check(t, c, last)
	if answered < 20*rounds {
		t.Errorf("only %d mails were answered in %d rounds: this shows little", answered, rounds)
	}
	if !t.Failed() {
		t.Logf("%d rounds: %d mails were answered 250, and all are there", rounds, answered)
	}
	sent.sessions(t, c)
}

// A ledger is what was sent, by recipient.
type ledger struct {
	mu    sync.Mutex
	mails map[string]*entry
}

type entry struct {
	content            []byte
	answered, met, old bool
}

func newLedger() *ledger { return &ledger{mails: map[string]*entry{}} }

// send sends mails over one connection until that breaks, and notes which were answered.
func (l *ledger) send(ctx context.Context, addr, name string) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	r := bufio.NewReader(conn)
	if !answers(r, "220") || !says(conn, r, "EHLO load.example\r\n", "250") {
		return
	}
	for n := 0; ; n++ {
		to := fmt.Sprintf("kill.%s.%d@example.net", name, n)
		e := &entry{content: someMail(to)}
		l.mu.Lock()
		l.mails[to] = e
		l.mu.Unlock()
		if !says(conn, r, "MAIL FROM:<load@example.net>\r\nRCPT TO:<"+to+">\r\nDATA\r\n", "250", "250", "354") ||
			!says(conn, r, string(e.content)+".\r\n", "250") {
			return
		}
		l.mu.Lock()
		e.answered = true
		l.mu.Unlock()
	}
}

// someMail is a mail of 100 octets to 60 KiB.
func someMail(to string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "From: load@example.net\r\nTo: %s\r\nSubject: load %d\r\n\r\n", to, rand.IntN(1000))
	for range rand.IntN(20) * rand.IntN(40) {
		fmt.Fprintf(&b, "%075d\r\n", rand.Uint64())
	}
	return b.Bytes()
}

// says says lines, and tells whether they are answered so.
func says(w io.Writer, r *bufio.Reader, lines string, codes ...string) bool {
	if _, err := io.WriteString(w, lines); err != nil {
		return false
	}
	for _, code := range codes {
		if !answers(r, code) {
			return false
		}
	}
	return true
}

// answers reads a reply, and tells whether it has the code.
func answers(r *bufio.Reader, code string) bool {
	for {
		line, err := r.ReadString('\n')
		if err != nil || !strings.HasPrefix(line, code) {
			return false
		}
		if len(line) > 3 && line[3] != '-' {
			return true
		}
	}
}

func (l *ledger) count() (answered, inDoubt int) {
	for _, e := range l.mails {
		if e.answered {
			answered++
		} else {
			inDoubt++
		}
	}
	return answered, inDoubt
}

// check compares what is kept with what was sent since last time, and gives the newest ID.
func (l *ledger) check(t *testing.T, c *catching, last int64) int64 {
	t.Helper()
	newest := last
	for before := int64(0); ; {
		var page inbox.Page[inbox.Message]
		c.must(t, "GET", fmt.Sprintf("/messages?limit=200&before=%d&after=%d", before, last), nil, &page)
		for _, m := range page.Items {
			newest, before = max(newest, m.ID), m.ID
			l.meet(t, c, m)
		}
		if !page.More || len(page.Items) == 0 {
			break
		}
	}
	lost := 0
	for to, e := range l.mails {
		if e.answered && !e.met && !e.old {
			if lost++; lost < 5 {
				t.Errorf("%s was answered 250, and is gone", to)
			}
		}
		e.old = true
	}
	if lost > 0 {
		t.Errorf("%d mails that were answered are gone", lost)
	}
	return newest
}

func (l *ledger) meet(t *testing.T, c *catching, m inbox.Message) {
	t.Helper()
	e := l.mails[m.Recipients[0]]
	switch {
	case e == nil:
		t.Errorf("message %d is for %s, to whom nothing was sent", m.ID, m.Recipients)
		return
	case e.met:
		t.Errorf("the mail for %s is there twice", m.Recipients[0])
		return
	}
	e.met = true
	if content := c.raw(t, m.ID); !bytes.Equal(content, e.content) {
		t.Errorf("the mail for %s is there changed: %s", m.Recipients[0], difference(string(content), string(e.content)))
	}
	if m.ReversePath != "load@example.net" || m.Session == 0 {
		t.Errorf("the mail for %s is there with the reverse-path %q, session %d", m.Recipients[0], m.ReversePath, m.Session)
	}
}

// sessions sees that the session of each mail is there, and is not told to go on.
func (l *ledger) sessions(t *testing.T, c *catching) {
	t.Helper()
	seen := map[int64]bool{}
	for _, m := range c.messages(t, "") {
		if seen[m.Session] {
			continue
		}
		seen[m.Session] = true
		if s := c.session(t, m.Session); s.ID != m.Session || s.Ended == nil {
			t.Errorf("session %d of message %d was cut by the kill, and is told as %+v", m.Session, m.ID, s)
		}
	}
	if len(seen) == 0 {
		t.Error("no session is there")
	}
}
