package outbox_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/outbox/sqlite"
	"github.com/parleymail/parley/smtp"
)

// TestCorrupt: a store of which a bit is flipped, or the end is cut off, gives errors, or the mail that was put. It never gives
// another mail, nor sends it to another, and nothing panics.
func TestCorrupt(t *testing.T) {
	if testing.Short() {
		t.Skip("little runs side by side here: make race has no use for it")
	}
	put := map[string]*mail.Raw{}
	sound := smallStore(t, put)
	variants := 400
	if os.Getenv("PARLEY_SLOW") != "" {
		variants = 20_000
	}
	w := &witness{t: t, put: put}
	broken := 0
	for range variants {
		bad := bytes.Clone(sound)
		if rand.IntN(5) == 0 {
			n := rand.IntN(len(bad))
			w.what, bad = fmt.Sprintf("cut off at %d", n), bad[:n]
		} else {
			at, bit := rand.IntN(len(bad)), rand.IntN(8)
			if rand.IntN(2) == 0 { // where something stands
				for bad[at] == 0 {
					at = rand.IntN(len(bad))
				}
			}
			w.what = fmt.Sprintf("bit %d of octet %d flipped", bit, at)
			bad[at] ^= 1 << bit
		}
		if err := w.look(filepath.Join(t.TempDir(), "box.db"), bad); err != nil {
			broken++
		}
		if t.Failed() {
			return
		}
	}
	t.Logf("%d variants of %d octets: %d gave errors; %d of %d mails were sent", variants, len(sound), broken, w.sent, variants*len(put))
	if broken == 0 || w.sent == 0 {
		t.Error("it was not tried")
	}
}

// smallStore makes a store of three mails, and gives its file.
func smallStore(t *testing.T, put map[string]*mail.Raw) []byte {
	path := filepath.Join(t.TempDir(), "box.db")
	b, err := sqlite.Open(t.Context(), path, outbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i, size := range []int{0, 60, 1000} {
		m := letter(fmt.Sprintf("From: shop@example.net\r\nSubject: %d\r\n\r\n", i)+strings.Repeat(fmt.Sprintf("This is the text of mail %d.\r\n", i), size), fmt.Sprintf("kim%d@example.org", i), fmt.Sprintf("lee%d@example.com", i))
		m.Env.Recipients[1].Notify, m.Env.ID = mail.NotifyFailure, fmt.Sprint("envelope", i)
		put[string(m.Data)] = m
		if _, err := b.Put(t.Context(), nil, &outbox.Mail{Object: m, Key: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// A witness takes what comes out of a store, and knows what was put in.
type witness struct {
	t    *testing.T
	put  map[string]*mail.Raw
	what string
	sent int
}

func (w *witness) look(path string, file []byte) (err error) {
	defer func() {
		if p := recover(); p != nil {
			w.t.Errorf("%s: panic: %v", w.what, p)
		}
	}()
	ctx, stop := context.WithTimeout(w.t.Context(), 30*time.Second)
	defer stop()
	if err := os.WriteFile(path, file, 0o600); err != nil {
		w.t.Fatal(err)
	}
	defer os.RemoveAll(filepath.Dir(path))
	b, err := sqlite.Open(ctx, path, outbox.Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	defer b.Close()
	items, err := b.List(ctx, outbox.Query{})
	for _, i := range items {
		if r, err := b.Content(ctx, i.Message); err == nil {
			got, err := io.ReadAll(r)
			r.Close()
			if err == nil && w.put[string(got)] == nil {
				w.t.Errorf("%s: the content of %v is another", w.what, i.Message)
			}
		}
		b.Show(ctx, i.Message) //nolint:errcheck // it may say anything, and not panic
	}
	b.Tally(ctx) //nolint:errcheck // as well
	if err != nil {
		return err
	}
	before := w.sent
	if err := w.work(ctx, b); err != nil {
		return err
	}
	if w.sent < before+len(w.put) {
		return outbox.ErrCorrupt
	}
	return nil
}

func (w *witness) work(ctx context.Context, b *outbox.Box) error {
	s, err := outbox.NewSteps(ctx, b, outbox.One(w, outbox.Limits{}))
	if err != nil {
		return err
	}
	defer s.Close(ctx) //nolint:errcheck // it may not be able to say goodbye
	if err := s.Route(ctx); err != nil {
		return err
	}
	for {
		taken, err := s.Take(ctx)
		if err != nil || len(taken) == 0 {
			return err
		}
		if err := s.Finish(ctx); err != nil {
			return err
		}
	}
}

// Send is for [outbox.Transport].
func (w *witness) Send(_ context.Context, object mail.Object) (*smtp.Receipt, error) {
	env, err := object.Envelope()
	if err != nil {
		return nil, err
	}
	c, err := object.Open()
	if err != nil {
		return nil, err
	}
	defer c.Close()
	var got bytes.Buffer
	if _, err := c.WriteTo(&got); err != nil {
		return nil, err // a mail that does not come to its end is none
	}
	put := w.put[got.String()]
	if put == nil {
		w.t.Errorf("%s: another mail was sent: %q", w.what, got.String())
		return nil, outbox.ErrCorrupt
	}
	if env.ReversePath != put.Env.ReversePath || env.ID != put.Env.ID {
		w.t.Errorf("%s: it was sent by %v", w.what, env)
	}
	for _, r := range env.Recipients {
		if r != put.Env.Recipients[0] && r != put.Env.Recipients[1] {
			w.t.Errorf("%s: it was sent to %v", w.what, r)
		}
	}
	w.sent++
	return &smtp.Receipt{Reply: smtp.Reply{Code: 250, Lines: []string{"taken"}}}, nil
}
