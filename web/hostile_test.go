package web_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/parleymail/parley/inbox/view/hostilemail"
	"github.com/parleymail/parley/mail"
)

// hostileShare says which of the hostile messages are tried: every so manieth; 1 for all of them, which takes minutes. Of
// those only the ones whose name holds hostileName are.
const (
	hostileShare = "PARLEY_HOSTILE_SHARE"
	hostileName  = "PARLEY_HOSTILE_NAME"
)

// TestHostileMessages: whatever a mail is, no script of it runs, nothing is asked of anybody but us, and each page is there within a
// second, at little cost.
func TestHostileMessages(t *testing.T) {
	if testing.Short() {
		t.Skip("it is one page after the other")
	}
	share := 60
	if n, err := strconv.Atoi(os.Getenv(hostileShare)); err == nil && n > 0 {
		share = n
	}
	h := newHouse(t, nil)
	names := h.takeHostile(t, share)
	if share == 1 && os.Getenv(hostileName) == "" && len(names) < 500 {
		t.Errorf("there are only %d", len(names))
	}
	slowest, heaviest := h.weigh(t, names)
	b := chromium(t, h)
	b.open(h.url + "/")
	for id, name := range names {
		for _, tab := range []string{"html", "headers", "checks"} {
			b.open(fmt.Sprintf("%s/messages/%d?tab=%s", h.url, id+1, tab))
		}
		b.mu.Lock()
		if len(b.alerts)+len(b.outside) > 0 {
			t.Errorf("%s: scripts %v, asked elsewhere %v", name, b.alerts, b.outside)
			b.alerts, b.outside = nil, nil
		}
		b.mu.Unlock()
	}
	b.open(h.url + "/")
	b.open(h.url + "/sessions")
	if len(b.alerts)+len(b.outside) > 0 {
		t.Errorf("the lists: scripts %v, asked elsewhere %v", b.alerts, b.outside)
	}
	t.Logf("%d hostile messages: the slowest page took %v, the heaviest %d MiB", len(names), slowest.Round(time.Millisecond), heaviest>>20)
}

// takeHostile sends the messages in, and gives the name of each; its number is its place, counted from 1. Bombs are always tried.
func (h *house) takeHostile(t *testing.T, share int) (names []string) {
	t.Helper()
	n := 0
	for name, content := range hostilemail.All() {
		if n++; n%share != 0 && !strings.Contains(name, "bomb") || !strings.Contains(name, os.Getenv(hostileName)) {
			continue
		}
		if err := h.raw(t.Context(), onWire(content)); err != nil {
			continue // what cannot be sent by SMTP cannot be caught
		}
		names = append(names, name)
	}
	if len(names) == 0 {
		t.Fatal("there are none")
	}
	return names
}

// onWire is a content as it can be sent: with CRLF at its ends of lines.
func onWire(content []byte) []byte {
	content = bytes.ReplaceAll(content, []byte("\r\n"), []byte("\n"))
	content = bytes.ReplaceAll(bytes.ReplaceAll(content, []byte("\r"), nil), []byte("\x00"), nil)
	content = bytes.ReplaceAll(content, []byte("\n"), []byte("\r\n"))
	if !bytes.HasSuffix(content, []byte("\r\n")) {
		content = append(content, "\r\n"...)
	}
	return content
}

// weigh opens each page of each message by HTTP alone, one after the other, and gives the slowest time and the most memory that one took.
func (h *house) weigh(t *testing.T, names []string) (slowest time.Duration, heaviest uint64) {
	t.Helper()
	for id, name := range names {
		for _, path := range []string{"?tab=html", "/html", "?tab=text", "?tab=headers", "?tab=structure", "?tab=source", "?tab=attachments", "?tab=checks"} {
			open := func() {
				status := h.get(t, fmt.Sprintf("/messages/%d%s", id+1, path))
				if status != http.StatusOK {
					t.Errorf("%s, %s: %d", name, path, status)
				}
			}
			const heavy = 64 << 20
			took, bytes := weighed(open)
			// What other work on the machine took is not the page's: a slow one is asked again, and its best time counts.
			for again := 0; again < 3 && took > costsAtMost; again++ {
				t2, _ := weighed(open)
				took = min(took, t2)
			}
			if took > costsAtMost || bytes > heavy {
				t.Errorf("%s, %s: %v, %d MiB", name, path, took, bytes>>20)
			}
			slowest, heaviest = max(slowest, took), max(heaviest, bytes)
		}
	}
	return slowest, heaviest
}

// weighed is how long something takes, and by how much the heap is larger while it does: what is live at most, as far as a
// reading every millisecond sees it.
func weighed(do func()) (took time.Duration, grown uint64) {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	before := m.HeapInuse
	ctx, cancel := context.WithCancel(context.Background())
	peak := make(chan uint64)
	go func() {
		var most uint64
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		for {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapInuse)
			select {
			case <-tick.C:
			case <-ctx.Done():
				peak <- most
				return
			}
		}
	}()
	begun := time.Now()
	do()
	took = time.Since(begun)
	cancel()
	if most := <-peak; most > before {
		grown = most - before
	}
	return took, grown
}

func (h *house) get(t *testing.T, path string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, h.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	io.Copy(io.Discard, resp.Body)
	return resp.StatusCode
}

// TestHostileEnvelope: names and addresses of a session are shown as text too.
func TestHostileEnvelope(t *testing.T) {
	h := newHouse(t, nil)
	b := chromium(t, h)
	for _, payload := range []string{`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `javascript:alert(1)`, `{{.}}${7*7}`} {
		content := []byte("From: \"" + strings.ReplaceAll(payload, `"`, "") + "\" <a@example.com>\r\nSubject: " + payload + "\r\n\r\n" + payload + "\r\n")
		h.send(t.Context(), &mail.Raw{Env: mail.Envelope{
			ReversePath: mail.Path{Local: payload, Domain: "example.com"}, Recipients: []mail.Recipient{{Path: mail.Path{Local: payload, Domain: "example.net"}}},
		}, Data: content})
	}
	for _, path := range []string{"/", "/sessions", "/messages/1", "/messages/2", "/messages/3", "/sessions/1", "/sessions/2", "/sessions/3", "/?query=%3Cscript%3Ealert(1)%3C/script%3E", "/messages/%3Cscript%3E"} {
		b.open(h.url + path)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.alerts)+len(b.outside) > 0 {
		t.Errorf("scripts %v, asked elsewhere %v", b.alerts, b.outside)
	}
}
