package inbox_test

import (
	"context"
	"encoding/base64"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/parleymail/parley/inbox"
	"github.com/parleymail/parley/mail"
)

func base64Of(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

func letter(to, subject string) *mail.Message {
	return &mail.Message{From: mail.Address{Address: "shop@example.com"}, To: mail.To(to), Subject: subject, Text: "x"}
}

func TestWaitTakesWholeAddresses(t *testing.T) {
	stores(t, func(t *testing.T, o inbox.Options) {
		store := open(t, o)
		c := client(t, serve(t, &inbox.Server{Store: store, Hostname: "mx.example"}))
		for _, to := range []string{"ba@example.net", "a@example.network", "x.a@example.net", "a@example.net.example", "a@sub.example.net"} {
			send(t, c, letter(to, "welcome"))
		}
		for _, query := range []string{"to:a@example.net", "rcpt:a@example.net", "to:A@EXAMPLE.NET welcome", "from:hop@example.com", "-to:example.net -to:x.a -to:a -to:ba"} {
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			if m, err := store.Wait(ctx, inbox.Query{Text: query}); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: %+v, %v", query, m, err)
			}
			cancel()
		}
		send(t, c, &mail.Message{From: mail.Address{Name: "The Shop", Address: "shop@example.com"}, To: []mail.Address{{Name: "Kim, A.", Address: "kim@example.net"}, {Address: "a@example.net"}}, Subject: "welcome", Text: "x"})
		for _, query := range []string{"to:a@example.net", "to:<A@example.net> subject:welcome", "rcpt:kim@example.net", "to:kim", "from:shop@example.com to:kim@", "sender:@example.com to:kim", "-to:ba -to:a@example.network -to:x.a@example.net -to:a@example.net.example -to:a@sub.example.net"} {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			if m, err := store.Wait(ctx, inbox.Query{Text: query}); err != nil || m.ID != 6 {
				t.Errorf("%s: %+v, %v", query, m, err)
			}
			cancel()
		}
	})
}

// Each of several who wait gets what fits, and nobody asks again and again.
func TestSeveralWait(t *testing.T) {
	stores(t, func(t *testing.T, o inbox.Options) {
		store := open(t, o)
		c := client(t, serve(t, &inbox.Server{Store: store, Hostname: "mx.example"}))
		send(t, c, letter("kim@example.net", "old"))
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		var all sync.WaitGroup
		wait := func(q inbox.Query, want string) {
			all.Go(func() {
				m, err := store.Wait(ctx, q)
				if err != nil || m.Subject != want {
					t.Errorf("%+v: %+v, %v", q, m, err)
				}
			})
		}
		wait(inbox.Query{Text: "to:kim"}, "old")
		wait(inbox.Query{Text: "to:kim", After: 1}, "new 2")
		wait(inbox.Query{Text: "to:kim", Since: time.Now()}, "new 2")
		wait(inbox.Query{Text: "subject:3"}, "new 3")
		wait(inbox.Query{Text: "to:lee"}, "new 4")
		for i, to := range []string{"a@example.net", "b@example.net", "kim@example.net", "c@example.net", "lee@example.net"} {
			send(t, c, letter(to, "new "+string(rune('0'+i))))
		}
		all.Wait()
	})
}

func TestWaitEndsWithTheStore(t *testing.T) {
	store := open(t, inbox.Options{})
	done := make(chan error, 1)
	go func() {
		_, err := store.Wait(context.Background(), inbox.Query{Text: "to:nobody"})
		done <- err
	}()
	events, stop := store.Watch()
	defer stop()
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; !errors.Is(err, inbox.ErrClosed) {
		t.Errorf("%v", err)
	}
	if e, ok := <-events; ok {
		t.Errorf("%+v", e)
	}
	if _, err := store.Messages(t.Context(), inbox.Query{}); !errors.Is(err, inbox.ErrClosed) {
		t.Errorf("%v", err)
	}
	if err := store.Close(); err != nil {
		t.Error(err)
	}
}

func TestWatch(t *testing.T) {
	store := open(t, inbox.Options{})
	ctx := t.Context()
	addr := serve(t, &inbox.Server{Store: store, Hostname: "mx.example"})
	c := client(t, addr)
	events, stop := store.Watch()
	slow, stopSlow := store.Watch()
	next := func(want inbox.Event) {
		t.Helper()
		select {
		case e := <-events:
			if e != want {
				t.Errorf("%+v, want %+v", e, want)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("no event; want %+v", want)
		}
	}
	send(t, c, letter("kim@example.net", "x"))
	next(inbox.Event{What: "session", ID: 1})
	next(inbox.Event{What: "message", ID: 1})
	if err := store.MarkSeen(ctx, 1, true); err != nil {
		t.Fatal(err)
	}
	next(inbox.Event{What: "seen", ID: 1})
	if err := store.DeleteMessage(ctx, 1); err != nil {
		t.Fatal(err)
	}
	next(inbox.Event{What: "message-deleted", ID: 1})
	c.Close()
	next(inbox.Event{What: "session-ended", ID: 1})
	stop()
	if _, ok := <-events; ok {
		t.Error("events after stop")
	}
	again := client(t, addr)
	for range inbox.MostUntold + 44 {
		send(t, again, letter("kim@example.net", "x"))
	}
	if _, err := store.Messages(ctx, inbox.Query{}); err != nil { // all is told now
		t.Fatal(err)
	}
	for range inbox.MostUntold - 1 {
		<-slow
	}
	if err := store.MarkSeen(ctx, 5, true); err != nil {
		t.Fatal(err)
	}
	if e := <-slow; e.What != "missed" {
		t.Errorf("%+v", e)
	}
	if e := <-slow; e.What != "seen" {
		t.Errorf("%+v", e)
	}
	stopSlow()
	stopSlow()
}

// TestWatchMailbox: a session is told of when it begins, and again when it is known whose it is, once.
func TestWatchMailbox(t *testing.T) {
	for by, want := range map[inbox.MailboxBy]string{inbox.OneMailbox: "", inbox.ByRecipient: "kim@example.net", inbox.ByToken: "ci"} {
		store := open(t, inbox.Options{})
		c := client(t, serve(t, &inbox.Server{Store: store, Hostname: "mx.example", MailboxBy: by}))
		events, stop := store.Watch()
		to := "kim@example.net"
		if by == inbox.ByToken {
			to = "kim+ci@example.net"
		}
		send(t, c, letter(to, "x"))
		send(t, c, letter(to, "y"))
		c.Close()
		var got []inbox.Event
		for e := range events {
			if e.What == "session" {
				got = append(got, e)
			}
			if e.What == "session-ended" {
				break
			}
		}
		stop()
		told := []inbox.Event{{What: "session", ID: 1}}
		if want != "" {
			told = append(told, inbox.Event{What: "session", ID: 1, Mailbox: want})
		}
		if !slices.Equal(got, told) {
			t.Errorf("%v: %+v, want %+v", by, got, told)
		}
	}
}
