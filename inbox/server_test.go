package inbox_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/parleymail/parley/inbox"
	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/smtp"
)

// stores are the two ways to keep.
func stores(t *testing.T, f func(t *testing.T, o inbox.Options)) {
	t.Run("memory", func(t *testing.T) { f(t, inbox.Options{}) })
	t.Run("file", func(t *testing.T) { f(t, inbox.Options{Path: filepath.Join(t.TempDir(), "mail.db")}) })
}

func open(t testing.TB, o inbox.Options) *inbox.Store {
	t.Helper()
	s, err := inbox.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// serve starts a server, and gives its address.
func serve(t testing.TB, s *inbox.Server) string { return serveAs(t, s, false) }

func serveAs(t testing.TB, s *inbox.Server, implicit bool) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	run := s.Serve
	if implicit {
		run = s.ServeTLS
	}
	go func() { done <- run(l) }()
	t.Cleanup(func() {
		s.Close()
		<-done
	})
	return l.Addr().String()
}

func client(t testing.TB, addr string) *smtp.Client {
	c := &smtp.Client{Addr: addr, Security: smtp.Plaintext, Hello: "client.example"}
	t.Cleanup(func() { c.Close() })
	return c
}

func send(t testing.TB, c *smtp.Client, m mail.Object) {
	t.Helper()
	if _, err := c.Send(context.Background(), m); err != nil {
		t.Fatal(err)
	}
}

func TestOneMail(t *testing.T) {
	stores(t, func(t *testing.T, o inbox.Options) {
		ctx := t.Context()
		store := open(t, o)
		addr := serve(t, &inbox.Server{Store: store, Hostname: "mx.example"})
		c := client(t, addr)
		send(t, c, &mail.Message{From: mail.Address{Name: "财务部", Address: "finance@example.com"}, To: mail.To("kim@example.net"),
			Subject: "三月对账单", Text: "请查收附件中的对账单。\n"})
		c.Close()
		page, err := store.Messages(ctx, inbox.Query{})
		if err != nil || page.Total != 1 || len(page.Items) != 1 {
			t.Fatalf("%+v, %v", page, err)
		}
		m := page.Items[0]
		t.Logf("%+v", m)
		for _, q := range []string{"对账", "单", "三月对账单", "from:finance", "subject:对账单", "to:kim", "rcpt:kim@example.net", "-foo", "附件"} {
			page, err = store.Messages(ctx, inbox.Query{Text: q})
			if err != nil || page.Total != 1 || len(page.Items) != 1 {
				t.Errorf("%s: %+v, %v", q, page, err)
			}
		}
		sess, err := store.Sessions(ctx, inbox.Query{})
		t.Logf("%+v %v", sess, err)
		tr, err := store.Transcript(ctx, m.Session)
		t.Logf("%v\n%v", err, tr)
		if st, err := store.Stats(ctx); err != nil || st.Messages != 1 {
			t.Errorf("%+v %v", st, err)
		}
	})
}

// readAll is all that a store has written, its log too.
func readAll(t testing.TB, path string) string {
	t.Helper()
	files, err := filepath.Glob(path + "*")
	if err != nil || len(files) == 0 {
		t.Fatalf("no file %s: %v", path, err)
	}
	all := ""
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all += string(b)
	}
	return all
}

func rowsOf(t testing.TB, store *inbox.Store, table string) int {
	t.Helper()
	n, err := store.Rows(context.Background(), table)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
