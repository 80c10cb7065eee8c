package outbox_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/outbox/sqlite"
)

// An odd object is somebody else's, who may not keep the rules, and does not know its size.
type odd struct {
	env   mail.Envelope
	write func(w io.Writer) error
	fits  mail.Offer // needs it
}

func (o *odd) Envelope() (mail.Envelope, error) { return o.env, nil }
func (o *odd) Open() (mail.Content, error)      { return o, nil }
func (o *odd) Close() error                     { return nil }

func (o *odd) Fit(has mail.Offer) (mail.Form, error) {
	if o.fits.EightBit && !has.EightBit || o.fits.UTF8 && !has.UTF8 {
		return mail.Form{}, errors.New("it does not fit")
	}
	return mail.Form{Size: -1, EightBit: o.fits.EightBit, UTF8: o.fits.UTF8}, nil
}

func (o *odd) WriteTo(w io.Writer) (int64, error) { return 0, o.write(w) }

func writes(texts ...string) func(io.Writer) error {
	return func(w io.Writer) error {
		for _, t := range texts {
			if _, err := io.WriteString(w, t); err != nil {
				return err
			}
		}
		return nil
	}
}

func TestPutOfOthers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "box.db")
	b := opened(t, outbox.Options{MaxSize: 2_000_000}, sqlite.Open, path)
	db, err := sql.Open("sqlite", sqlite.URL(path))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	kim := letter("", "kim@example.org").Env
	large := stars(1_000_000)
	broken := errors.New("the disk is on fire")
	for name, c := range map[string]struct {
		o    *odd
		want error // nil: any
	}{
		"a bare LF":            {o: &odd{env: kim, write: writes(short, "one\ntwo\r\n")}},
		"a bare CR at the end": {o: &odd{env: kim, write: writes(short, "one\r")}},
		"a NUL":                {o: &odd{env: kim, write: writes(short, "\x00\r\n")}},
		"a long line":          {o: &odd{env: kim, write: writes(short, strings.Repeat("x", 999), "\r\n")}},
		"no end":               {o: &odd{env: kim, write: writes(short, large, "x")}},
		"too large":            {&odd{env: kim, write: writes(short, large, large, large)}, outbox.ErrTooLarge},
		"breaks off":           {&odd{env: kim, write: func(w io.Writer) error { return cmpErr(writes(short, large)(w), broken) }}, broken},
		"a path that is none":  {o: &odd{env: mail.Envelope{Recipients: []mail.Recipient{{Path: mail.Path{Local: "a\r\nb", Domain: "example.org"}}}}, write: writes(short)}},
		"nobody's path":        {o: &odd{env: mail.Envelope{Recipients: []mail.Recipient{{}}}, write: writes(short)}},
	} {
		if id, err := b.Put(t.Context(), nil, c.o); err == nil || id != 0 || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %v, %v", name, id, err)
		}
	}
	for _, table := range []string{"messages", "pieces", "recipients", "history"} {
		var n int
		if err := db.QueryRow("SELECT count(*) FROM parley_" + table).Scan(&n); err != nil || n != 0 {
			t.Errorf("%d %s are left: %v", n, table, err)
		}
	}
	for name, c := range map[string]struct {
		body string
		fits mail.Offer
	}{
		"small": {body: short}, "large": {body: short + large}, "eight bits": {short + "对账单\r\n", mail.Offer{EightBit: true}},
		"a header in UTF-8": {"Subject: 对账单\r\n" + short, mail.Offer{EightBit: true, UTF8: true}}, "nothing": {}, "one piece": {body: short + stars(262_144-len(short)-42)},
	} {
		id, err := b.Put(t.Context(), nil, &odd{kim, writes(c.body), c.fits})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := content(t, b, id); string(got) != c.body {
			t.Errorf("%s: %d octets of %d", name, len(got), len(c.body))
		}
	}
}

func cmpErr(first, second error) error {
	if first != nil {
		return first
	}
	return second
}

// endless is a content that is made while it is read, and looks at how much memory that takes.
type endless struct {
	left int64
	most *uint64
	n    int
	at   int // in a line
}

func (e *endless) Read(p []byte) (int, error) {
	if e.left <= 0 {
		return 0, io.EOF
	}
	if e.n++; e.n%64 == 0 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		*e.most = max(*e.most, m.HeapInuse)
	}
	const line = "All is well, and will be so tomorrow. ...\r\n"
	n := 0
	for n < len(p) && e.left > 0 {
		got := copy(p[n:], line[e.at:])
		n, e.at, e.left = n+got, (e.at+got)%len(line), e.left-int64(got)
	}
	return n, nil // it may end within a line, which is ended then
}

func (e *endless) Close() error { return nil }

// TestPutLarge: 50 MB stand neither in memory nor in anybody's way.
func TestPutLarge(t *testing.T) {
	b := opened(t, outbox.Options{}, sqlite.Open, filepath.Join(t.TempDir(), "box.db"))
	if _, err := b.Put(t.Context(), nil, letter(short, "kim@example.org")); err != nil {
		t.Fatal(err)
	}
	var before runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var most uint64
	m := letter(short, "kim@example.org")
	m.Data, m.Source = nil, func() (io.ReadCloser, error) {
		return struct {
			io.Reader
			io.Closer
		}{io.MultiReader(strings.NewReader(short), &endless{left: 50 << 20, most: &most}), &endless{}}, nil
	}
	done := make(chan error)
	go func() {
		_, err := b.Put(t.Context(), nil, m)
		done <- err
	}()
	others, slowest := 0, time.Duration(0)
	for {
		begun := time.Now()
		if _, err := b.Put(t.Context(), nil, letter(short, "kim@example.org")); err != nil {
			t.Fatal(err)
		}
		others++
		slowest = max(slowest, time.Since(begun))
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			if most > before.HeapInuse+24<<20 {
				t.Errorf("it took %d MB of memory", (most-before.HeapInuse)>>20)
			}
			if others < 10 {
				t.Errorf("only %d others got through", others)
			}
			t.Logf("%d MB of memory; %d others got through meanwhile, the slowest in %v", (max(most, before.HeapInuse)-before.HeapInuse)>>20, others, slowest)
			return
		default:
		}
	}
}

// TestPutGivesUp: a context that has ended puts nothing, and a transaction of the application's that failed neither.
func TestPutGivesUp(t *testing.T) {
	both(t, func(t *testing.T, open func(outbox.Options) *outbox.Box) {
		b := open(outbox.Options{})
		ctx, stop := context.WithCancel(t.Context())
		stop()
		if id, err := b.Put(ctx, nil, letter(short, "kim@example.org")); !errors.Is(err, context.Canceled) || id != 0 {
			t.Errorf("%v, %v", id, err)
		}
		if items, err := b.List(t.Context(), outbox.Query{}); err != nil || len(items) != 0 {
			t.Errorf("%v, %v", items, err)
		}
		// One that is wrong does not spoil it for those in the same transaction.
		results := make(chan error, 40)
		for i := range 40 {
			go func() {
				_, err := b.Put(t.Context(), nil, &outbox.Mail{Object: letter(short, "kim@example.org"), Key: "k", Print: []byte{byte(i % 2)}, Origin: fmt.Sprint(i / 4)})
				results <- err
			}()
		}
		reused := 0
		for range 40 {
			if err := <-results; errors.Is(err, outbox.ErrKeyReused) {
				reused++
			} else if err != nil {
				t.Error(err)
			}
		}
		if items, err := b.List(t.Context(), outbox.Query{}); err != nil || len(items) != 10 || reused != 20 {
			t.Errorf("%d mails, %d reused keys, %v", len(items), reused, err)
		}
	})
}
