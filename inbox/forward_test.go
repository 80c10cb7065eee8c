package inbox_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parleymail/parley/inbox"
	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/smtp"
)

func TestRelease(t *testing.T) {
	stores(t, func(t *testing.T, o inbox.Options) {
		ctx := t.Context()
		store, target := open(t, o), open(t, inbox.Options{})
		c := client(t, serve(t, &inbox.Server{Store: store, Hostname: "mx.example"}))
		f := &inbox.Forwarder{Store: store, Client: client(t, serve(t, &inbox.Server{Store: target, Hostname: "real.example"}))}
		content := "Bcc: hidden@example.net\r\nReceived: from x\r\nSubject: x\r\n\r\n.\r\n" + strings.Repeat("y", 900) + "\r\n" + strings.Repeat("0123456789\r\n", pieceSize/10)
		send(t, c, &mail.Raw{Data: []byte(content), KeepBcc: true, Env: mail.Envelope{
			ReversePath: mail.Path{Local: "a", Domain: "example.com"},
			Recipients:  []mail.Recipient{{Path: mail.Path{Local: "b", Domain: "example.net"}, Notify: mail.NotifyNever}},
		}})
		receipt, err := f.Release(ctx, 1, "", nil)
		if err != nil || receipt.Reply.Code != 250 {
			t.Fatalf("%+v, %v", receipt, err)
		}
		if _, err = f.Release(ctx, 1, "me@example.com", []string{"kim@example.net", "lee@example.net"}); err != nil {
			t.Fatal(err)
		}
		for id, want := range map[int64]string{1: "a@example.com b@example.net", 2: "me@example.com kim@example.net lee@example.net"} {
			m, err := target.Message(ctx, id)
			got, err2 := target.Content(ctx, id)
			if err != nil || err2 != nil || m.ReversePath+" "+strings.Join(m.Recipients, " ") != want || string(got) != content {
				t.Errorf("%+v, %v, %v, %d octets", m, err, err2, len(got))
			}
		}
		if env, err := target.Envelope(ctx, 1); err != nil || env.Recipients[0].Notify != mail.NotifyNever {
			t.Errorf("%+v, %v", env, err)
		}
		f.Client = &smtp.Client{Addr: "127.0.0.1:1", Security: smtp.Plaintext}
		if _, err = f.Release(ctx, 1, "", nil); err == nil {
			t.Error("nobody is there, and it was sent")
		}
		list, err := store.Releases(ctx, 1)
		if err != nil || len(list) != 3 || list[0].Reply == "" || list[0].Error != "" || list[2].Error == "" || len(list[1].Recipients) != 2 {
			t.Errorf("%+v, %v", list, err)
		}
		if page, err := store.Messages(ctx, inbox.Query{Text: "is:released"}); err != nil || page.Total != 1 {
			t.Errorf("%+v, %v", page, err)
		}
		if _, err = f.Release(ctx, 99, "", nil); !errors.Is(err, inbox.ErrNotFound) {
			t.Errorf("%v", err)
		}
		for _, bad := range [][2]string{{"no address", "x@example.net"}, {"", "<>"}, {"", "x@"}} {
			if _, err = f.Release(ctx, 1, bad[0], []string{bad[1]}); err == nil {
				t.Errorf("%q was sent", bad)
			}
		}
		if err = store.DeleteMessage(ctx, 1); err != nil {
			t.Fatal(err)
		}
		if n := rowsOf(t, store, "releases"); n != 0 {
			t.Errorf("%d releases of no message", n)
		}
	})
}

// An outcome is what a Forwarder told of a mail.
type outcome struct {
	inbox.Message
	err error
}

// forward has a Forwarder run until the test is over, and gives what it tells.
func forward(t *testing.T, f *inbox.Forwarder) (told <-chan outcome, end func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	outcomes, ended := make(chan outcome, 1000), make(chan error, 1)
	if err := f.Begin(ctx); err != nil {
		t.Fatal(err)
	}
	go func() { ended <- f.Run(ctx, func(m inbox.Message, err error) { outcomes <- outcome{m, err} }) }()
	end = sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("Run: %v", err)
			}
		case <-time.After(20 * time.Second):
			t.Error("Run does not end")
		}
	})
	t.Cleanup(end)
	return outcomes, end
}

// tells wants what is told next to be of these mails, in order, and what became of them to be this.
func tells(t *testing.T, told <-chan outcome, want error, ids ...int64) {
	t.Helper()
	for _, id := range ids {
		select {
		case o := <-told:
			if o.ID != id || !errors.Is(o.err, want) {
				t.Fatalf("told of message %d: %v, want %d: %v", o.ID, o.err, id, want)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("nothing is told of message %d", id)
		}
	}
}

// finish waits until a Forwarder has tried what has come.
func finish(t *testing.T, f *inbox.Forwarder) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := f.Finish(ctx); err != nil {
		t.Fatal(err)
	}
}

func TestForwardByRule(t *testing.T) {
	store, target := open(t, inbox.Options{}), open(t, inbox.Options{})
	c := client(t, serve(t, &inbox.Server{Store: store, Hostname: "mx.example"}))
	send(t, c, letter("kim@example.net", "before"))
	f := &inbox.Forwarder{Store: store, Client: client(t, serve(t, &inbox.Server{Store: target, Hostname: "real.example"})),
		Rules: []inbox.Rule{{Query: "to:kim@example.net"}, {Query: "subject:alert", To: []string{"ops@example.org"}}}}
	told, end := forward(t, f)
	for _, m := range []*mail.Message{letter("bakim@example.net", "no"), letter("lee@example.net", "alert"), letter("kim@example.net", "last")} {
		send(t, c, m)
	}
	tells(t, told, nil, 3, 4)
	for query, want := range map[string]int{"before": 0, "no": 0, "rcpt:ops@example.org subject:alert": 1, "rcpt:kim@example.net subject:last": 1} {
		if page, err := target.Messages(t.Context(), inbox.Query{Text: query}); err != nil || page.Total != want {
			t.Errorf("%s: %+v, %v", query, page, err)
		}
	}
	end()
	send(t, c, letter("kim@example.net", "between"))
	told, _ = forward(t, f) // it begins anew
	send(t, c, letter("kim@example.net", "again"))
	tells(t, told, nil, 6)
	f.Rules = []inbox.Rule{{Query: "has:horns"}}
	if err := f.Run(t.Context(), nil); err == nil {
		t.Error("a rule that is none is taken")
	}
}

// A server that forwards to itself does so once.
func TestForwardInACircle(t *testing.T) {
	store := open(t, inbox.Options{})
	addr := serve(t, &inbox.Server{Store: store, Hostname: "mx.example", MailboxBy: inbox.ByRecipient})
	f := &inbox.Forwarder{Store: store, Client: client(t, addr), Rules: []inbox.Rule{{Query: "to:kim"}}}
	told, _ := forward(t, f)
	send(t, client(t, addr), letter("kim@example.net", "x"))
	tells(t, told, nil, 1)
	tells(t, told, inbox.ErrLoop, 2)
	finish(t, f)
	if page, err := store.Messages(t.Context(), inbox.Query{}); err != nil || page.Total != 2 {
		t.Errorf("%d messages, %v", page.Total, err)
	}
}

// TestForwardCopies: a mail that is in several mailboxes is sent on once, and to whom each rule says.
func TestForwardCopies(t *testing.T) {
	stores(t, func(t *testing.T, o inbox.Options) {
		store, target := open(t, o), open(t, inbox.Options{})
		addr := serve(t, &inbox.Server{Store: store, Hostname: "mx.example", MailboxBy: inbox.ByRecipient})
		f := &inbox.Forwarder{Store: store, Client: client(t, serve(t, &inbox.Server{Store: target, Hostname: "real.example"})),
			Rules: []inbox.Rule{{Query: "mailbox:ann@example.net", To: []string{"ops@example.org"}}, {Query: "subject:x"}}}
		told, _ := forward(t, f)
		c := client(t, addr)
		m := letter("lee@example.net", "x")
		m.To = mail.To("lee@example.net", "ann@example.net", "kim@example.net")
		send(t, c, m)
		tells(t, told, nil, 1, 2)
		send(t, c, letter("lee@example.net", "x, the last"))
		tells(t, told, nil, 4) // and of the third copy nothing was told
		page, err := target.Messages(t.Context(), inbox.Query{})
		if err != nil || page.Total != 3 || len(page.Items[2].Recipients) != 3 || page.Items[1].Recipients[0] != "ops@example.org" {
			t.Errorf("%+v, %v", page, err)
		}
	})
}

// TestForwardOnAFullDisk: it waits until there is room, and then forwards what had come.
func TestForwardOnAFullDisk(t *testing.T) {
	const many = 40
	store, target := open(t, inbox.Options{Path: filepath.Join(t.TempDir(), "mail.db")}), open(t, inbox.Options{})
	c := client(t, serve(t, &inbox.Server{Store: store, Hostname: "mx.example"}))
	f := &inbox.Forwarder{Store: store, Client: client(t, serve(t, &inbox.Server{Store: target, Hostname: "real.example"})), Rules: []inbox.Rule{{Query: "subject:x"}}}
	if err := f.Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	free := store.HoldIndex()
	var ids []int64
	for i := range many {
		m := letter("kim@example.net", "x")
		for word := range 300 {
			m.Text += fmt.Sprintf("w%dx%d ", i, word*7919)
		}
		send(t, c, m)
		ids = append(ids, int64(i+1))
	}
	if err := store.Room(0); err != nil {
		t.Fatal(err)
	}
	free()
	told, _ := forward(t, f)
	select {
	case o := <-told:
		if o.ID != 0 || o.err == nil {
			t.Fatalf("told of message %d: %v, and the disk is full", o.ID, o.err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("it is not told that the disk is full")
	}
	if err := store.Room(100_000); err != nil {
		t.Fatal(err)
	}
	tells(t, told, nil, ids...)
	if page, err := target.Messages(t.Context(), inbox.Query{}); err != nil || page.Total != many {
		t.Errorf("%d were sent on, %v", page.Total, err)
	}
}

// TestForwardIsFinished: what was taken before is tried, and told of, when Finish returns, though Run ends at once.
func TestForwardIsFinished(t *testing.T) {
	store := open(t, inbox.Options{})
	c := client(t, serve(t, &inbox.Server{Store: store, Hostname: "mx.example"}))
	target := &inbox.Server{Store: open(t, inbox.Options{}), Hostname: "real.example", Faults: planOf(t, "end wait=50ms")}
	f := &inbox.Forwarder{Store: store, Client: client(t, serve(t, target)), Rules: []inbox.Rule{{Query: "to:kim"}}}
	told, end := forward(t, f)
	for _, subject := range []string{"a", "b", "c"} {
		send(t, c, letter("kim@example.net", subject))
	}
	finish(t, f)
	end()
	if len(told) != 3 {
		t.Errorf("told of %d mails", len(told))
	}
	finish(t, f) // which waits for nobody
}
