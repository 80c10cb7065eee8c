package web

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parleymail/parley/inbox"
	"github.com/parleymail/parley/internal/webhook"
	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/smtp"
)

// A log is a handler's output that a test may read while it is written.
type lockedLog struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// TestWebhooksApart: one that does not answer holds up no other, and of what was not delivered the log says where, and no secret.
func TestWebhooksApart(t *testing.T) {
	t.Parallel()
	hang := make(chan struct{})
	dead := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hang }))
	defer dead.Close()
	defer close(hang)
	gone := httptest.NewServer(nil)
	gone.Close()
	told := make(chan string, 100)
	alive := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		told <- string(body)
	}))
	defer alive.Close()
	said := new(lockedLog)
	_, s := serving(t, func(s *Server) {
		s.Webhooks = []Webhook{{URL: dead.URL + "/secret-path"}, {URL: gone.URL + "/secret-path?token=secret-path"}, {URL: alive.URL + "/hook"}}
		s.Log = slog.New(slog.NewTextHandler(said, nil))
	})
	const mails = 20
	sendTo(t, s.Inbox, mails)
	for i := range mails {
		select {
		case <-told:
		case <-time.After(5 * time.Second):
			t.Fatalf("after %d of %d mails nothing more is told", i, mails)
		}
	}
	for late := time.After(30 * time.Second); !strings.Contains(said.String(), "not delivered"); {
		select {
		case <-late:
			t.Fatalf("nobody says that one is gone: %s", said)
		case <-time.After(20 * time.Millisecond):
		}
	}
	if text := said.String(); strings.Contains(text, "secret-path") || !strings.Contains(text, gone.URL) {
		t.Errorf("the log says %s", text)
	}
}

// TestWebhookQueue: what comes while a thousand wait is dropped for that webhook alone, counted, and logged.
func TestWebhookQueue(t *testing.T) {
	t.Parallel()
	hang, asked := make(chan struct{}), make(chan struct{}, 100)
	dead := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		asked <- struct{}{}
		<-hang
	}))
	defer dead.Close()
	defer close(hang)
	said := new(lockedLog)
	_, s := serving(t, nil)
	sendTo(t, s.Inbox, 1)
	h := &hooks{store: s.Inbox, list: []Webhook{{URL: dead.URL + "/secret-path"}}, client: webhook.Client(), log: slog.New(slog.NewTextHandler(said, nil))}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	events := make(chan inbox.Event)
	go h.run(ctx, events)
	message := inbox.Event{What: "message", ID: 1}
	events <- message
	<-asked // it is being told now, and waits no more
	const more = 5
	for range hookQueue + more {
		events <- message
	}
	events <- inbox.Event{What: "seen", ID: 1} // once it is taken all before it has been seen to
	if n := h.dropped.Load(); n != more {
		t.Errorf("%d are dropped, want %d", n, more)
	}
	if text := said.String(); strings.Count(text, "too many wait") != more || !strings.Contains(text, dead.URL) || strings.Contains(text, "secret-path") {
		t.Errorf("the log says %s", text)
	}
}

// sendTo hands so many mails to a store's server, once its watchers watch.
func sendTo(t *testing.T, store *inbox.Store, n int) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &inbox.Server{Store: store}
	go server.Serve(l) //nolint:errcheck // it ends with Shutdown
	t.Cleanup(func() {
		ctx, stop := context.WithTimeout(context.Background(), time.Second)
		defer stop()
		server.Shutdown(ctx) //nolint:errcheck // its time is over then
	})
	client := &smtp.Client{Addr: l.Addr().String(), Security: smtp.Plaintext, Hello: "localhost"}
	defer client.Close()
	for i := range n {
		m := &mail.Message{From: mail.Address{Address: "shop@example.com"}, To: mail.To("kim@example.net"), Subject: fmt.Sprint("mail ", i), Text: "hello"}
		if _, err := client.Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
}
