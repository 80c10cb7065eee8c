package outbox_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parleymail/parley/internal/testpg"
	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/outbox/postgres"
	"github.com/parleymail/parley/outbox/sqlite"
)

// both runs a test over SQLite, and over PostgreSQL where there is one.
func both(t *testing.T, test func(t *testing.T, open func(outbox.Options) *outbox.Box)) {
	t.Run("sqlite", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "box.db")
		test(t, func(o outbox.Options) *outbox.Box { return opened(t, o, sqlite.Open, path) })
	})
	t.Run("postgres", func(t *testing.T) {
		url := testpg.Start(t).Database(t)
		test(t, func(o outbox.Options) *outbox.Box { return opened(t, o, postgres.Open, url) })
	})
}

func opened(t *testing.T, o outbox.Options, open func(context.Context, string, outbox.Options) (*outbox.Box, error), where string) *outbox.Box {
	t.Helper()
	b, err := open(t.Context(), where, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

func letter(content string, to ...string) *mail.Raw {
	r := &mail.Raw{Data: []byte(content), Env: mail.Envelope{ReversePath: mail.Path{Local: "shop", Domain: "example.net"}}}
	for _, a := range to {
		local, domain, _ := strings.Cut(a, "@")
		r.Env.Recipients = append(r.Env.Recipients, mail.Recipient{Path: mail.Path{Local: local, Domain: domain}})
	}
	return r
}

const short = "From: shop@example.net\r\nTo: kim@example.org\r\nSubject: =?utf-8?B?5a+56LSm5Y2V?=\r\nMessage-ID: <1@example.net>\r\n\r\nhello\r\n"

func content(t *testing.T, b *outbox.Box, id outbox.ID) []byte {
	t.Helper()
	r, err := b.Content(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	all, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestPut(t *testing.T) {
	both(t, func(t *testing.T, open func(outbox.Options) *outbox.Box) {
		b := open(outbox.Options{})
		for _, size := range []int{1, 30_000, 33_000, 262_144, 262_145, 900_000} {
			body := short + strings.Repeat("All is well, and will be so tomorrow.\r\n", size/39)
			id, err := b.Put(t.Context(), nil, letter(body, "kim@example.org", "lee@example.com"))
			if err != nil {
				t.Fatal(err)
			}
			if got := content(t, b, id); !bytes.Equal(got, []byte(body)) {
				t.Errorf("of %d octets %d came back", len(body), len(got))
			}
			s, err := b.Show(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			i := s.Recipients[1]
			if len(s.Recipients) != 2 || i.Path != "lee@example.com" || i.Subject != "对账单" || i.From != "shop@example.net" || i.MessageID != "<1@example.net>" && i.MessageID != "1@example.net" || i.Size != int64(len(body)) || i.State != outbox.Queued {
				t.Errorf("%+v", s)
			}
			if age := time.Since(id.Time()); age < -time.Second || age > time.Minute {
				t.Errorf("%v was given %v ago", id, age)
			}
		}
	})
}

func TestPutTwice(t *testing.T) {
	both(t, func(t *testing.T, open func(outbox.Options) *outbox.Box) {
		b := open(outbox.Options{})
		large := short + strings.Repeat("All is well, and will be so tomorrow.\r\n", 10_000)
		for _, body := range []string{short, large} {
			key := fmt.Sprint("statement-", len(body))
			put := func(m outbox.Mail) (outbox.ID, error) { return b.Put(t.Context(), nil, &m) }
			first, err := put(outbox.Mail{Object: letter(body, "kim@example.org"), Key: key, Origin: "shop"})
			if err != nil {
				t.Fatal(err)
			}
			again, err := put(outbox.Mail{Object: letter(body, "kim@example.org"), Key: key, Origin: "shop"})
			if err != nil || again != first {
				t.Errorf("%v, %v; the first was %v", again, err, first)
			}
			other, err := put(outbox.Mail{Object: letter(body, "kim@example.org"), Key: key, Origin: "other"})
			if err != nil || other == first {
				t.Errorf("another's key: %v, %v", other, err)
			}
			if _, err = put(outbox.Mail{Object: letter(body, "lee@example.org"), Key: key, Origin: "shop"}); !errors.Is(err, outbox.ErrKeyReused) {
				t.Errorf("another mail: %v", err)
			}
			if _, err = put(outbox.Mail{Object: letter(body, "kim@example.org"), Key: key, Origin: "shop", Print: []byte{1}}); !errors.Is(err, outbox.ErrKeyReused) {
				t.Errorf("another print: %v", err)
			}
			if got := content(t, b, first); string(got) != body {
				t.Error("its content is another")
			}
		}
		items, err := b.List(t.Context(), outbox.Query{})
		if err != nil || len(items) != 4 {
			t.Errorf("%d items, %v", len(items), err)
		}
	})
}

// TestPutInATransaction: the order and its mail, or neither.
func TestPutInATransaction(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.db")
	b := opened(t, outbox.Options{}, sqlite.Open, path)
	app, err := sql.Open("sqlite", sqlite.URL(path))
	if err != nil {
		t.Fatal(err)
	}
	defer app.Close()
	if _, err := app.Exec("CREATE TABLE orders (id INTEGER)"); err != nil {
		t.Fatal(err)
	}
	for _, commit := range []bool{false, true} {
		tx, err := app.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Exec("INSERT INTO orders VALUES (1)"); err != nil {
			t.Fatal(err)
		}
		id, err := b.Put(t.Context(), tx, letter(short+strings.Repeat("x\r\n", 100_000), "kim@example.org"))
		if err != nil {
			t.Fatal(err)
		}
		if commit {
			err = tx.Commit()
		} else {
			err = tx.Rollback()
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.Show(t.Context(), id); commit != (err == nil) || !commit && !errors.Is(err, outbox.ErrNotFound) {
			t.Errorf("committed %v: %v", commit, err)
		}
	}
}

func TestPutRefuses(t *testing.T) {
	both(t, func(t *testing.T, open func(outbox.Options) *outbox.Box) {
		b := open(outbox.Options{MaxSize: 100_000})
		for name, m := range map[string]mail.Object{
			"no recipients":  letter(short),
			"a long key":     &outbox.Mail{Object: letter(short, "kim@example.org"), Key: strings.Repeat("k", 201)},
			"a key with NUL": &outbox.Mail{Object: letter(short, "kim@example.org"), Key: "a\x00b"},
			"no mail":        &outbox.Mail{},
			"too late":       &outbox.Mail{Object: letter(short, "kim@example.org"), NotBefore: time.Now().Add(time.Hour), Expires: time.Now()},
			"too large":      letter(short+strings.Repeat("x\r\n", 100_000), "kim@example.org"),
			"a NUL":          letter(short+"\x00\r\n", "kim@example.org"),
			"a lost file":    &mail.Message{From: mail.Address{Address: "a@example.net"}, To: mail.To("kim@example.org"), Text: "x", Attach: []mail.Part{mail.File("/no/such/file")}},
		} {
			if id, err := b.Put(t.Context(), nil, m); err == nil || id != 0 {
				t.Errorf("%s: %v, %v", name, id, err)
			} else if name == "too large" && !errors.Is(err, outbox.ErrTooLarge) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if items, err := b.List(t.Context(), outbox.Query{}); err != nil || len(items) != 0 {
			t.Errorf("%v, %v", items, err)
		}
	})
}
