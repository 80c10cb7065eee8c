package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/parleymail/parley/internal/testpg"
	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/outbox/postgres"
)

func letter(n, lines int) *mail.Raw {
	return &mail.Raw{
		Data: []byte(fmt.Sprintf("From: shop@example.net\r\nSubject: %d\r\n\r\n", n) + strings.Repeat(fmt.Sprintf("This is mail %d.\r\n", n), lines)),
		Env: mail.Envelope{ReversePath: mail.Path{Local: "shop", Domain: "example.net"}, Recipients: []mail.Recipient{
			{Path: mail.Path{Local: fmt.Sprint("c", n), Domain: "example.org"}}, {Path: mail.Path{Local: "archive", Domain: "example.org"}},
		}},
	}
}

func content(t *testing.T, b *outbox.Box, id outbox.ID) string {
	t.Helper()
	r, err := b.Content(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	got, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(got)
}

// TestPut: the order and its mail, or neither, in a transaction of pgx.
func TestPut(t *testing.T) {
	url := testpg.Start(t).Database(t)
	b, err := postgres.Open(t.Context(), url, outbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	for _, lines := range []int{1, 40_000} {
		for _, commit := range []bool{false, true} {
			tx, err := conn.Begin(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			m := letter(1, lines)
			id, err := postgres.Put(t.Context(), b, tx, &outbox.Mail{Object: m, Key: fmt.Sprint(lines)})
			if err != nil {
				t.Fatal(err)
			}
			again, err := postgres.Put(t.Context(), b, tx, &outbox.Mail{Object: m, Key: fmt.Sprint(lines)})
			if err != nil || again != id {
				t.Errorf("put again with its key: %v, %v; it was %v", again, err, id)
			}
			if !commit {
				err = tx.Rollback(t.Context())
			} else {
				err = tx.Commit(t.Context())
			}
			if err != nil {
				t.Fatal(err)
			}
			s, err := b.Show(t.Context(), id)
			if !commit && errors.Is(err, outbox.ErrNotFound) {
				continue
			}
			if err != nil || !commit || len(s.Recipients) != 2 || s.Recipients[1].Path != "archive@example.org" || content(t, b, id) != string(m.Data) {
				t.Errorf("committed %v: %+v, %v", commit, s, err)
			}
		}
	}
}

// TestServerKilled: what Put has given an ID for is there when all of PostgreSQL was killed with kill -9, and putting goes on by itself
// when it is back.
func TestServerKilled(t *testing.T) {
	cluster := testpg.Start(t)
	if cluster.Dir == "" {
		t.Skip("the server is another's: it is not killed")
	}
	b, err := postgres.Open(t.Context(), cluster.Database(t), outbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	var mu sync.Mutex
	known := make(map[outbox.ID]*mail.Raw)
	put := func(n int) error {
		m := letter(n, 1+n%50/49*20_000)
		id, err := b.Put(t.Context(), nil, m)
		if err == nil {
			mu.Lock()
			known[id] = m
			mu.Unlock()
		}
		return err
	}
	var next atomic.Int64
	for range 3 {
		var tasks sync.WaitGroup
		for range 8 {
			tasks.Go(func() {
				for put(int(next.Add(1))) == nil {
				}
			})
		}
		time.Sleep(300 * time.Millisecond)
		cluster.Kill()
		tasks.Wait() // each has failed once
		cluster.Launch(t)
		if err := put(int(next.Add(1))); err != nil {
			t.Errorf("when the server is back: %v", err)
		}
	}
	for id, m := range known {
		if content(t, b, id) != string(m.Data) {
			t.Errorf("%v is another", id)
		}
		if s, err := b.Show(t.Context(), id); err != nil || len(s.Recipients) != 2 || s.Problem != "" {
			t.Errorf("%+v, %v", s, err)
		}
	}
	t.Logf("%d mails were put, and all are there", len(known))
	if len(known) < 10 {
		t.Error("too few were put")
	}
}

// TestManyStart: several programs that start at once on a fresh database wait for each other no longer than it takes to make the tables.
func TestManyStart(t *testing.T) {
	url := testpg.Start(t).Database(t)
	ctx, stop := context.WithTimeout(t.Context(), 5*time.Second) // goose's own lock was asked for every five
	defer stop()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			b, err := postgres.Open(ctx, url, outbox.Options{})
			if err != nil {
				t.Error(err)
				return
			}
			b.Close()
		})
	}
	all.Wait()
}
