package digest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/parleymail/parley/internal/ledger"
	"github.com/parleymail/parley/outbox"
)

// Errors that a program may ask for with errors.Is.
var (
	ErrAddress      = errors.New("digest: it is no address")
	ErrNoFeed       = errors.New("digest: there is no such feed")
	ErrNoSubscriber = errors.New("digest: there is no such subscriber")
)

// A Digest mails what is new in feeds. Many goroutines may use it; of several processes over one database one looks at feeds at a time.
type Digest struct {
	c     Config
	box   *outbox.Box
	s     *store
	key   []byte // of links
	fetch *fetcher
	show  *renderer
	asked chan struct{} // holds one when there may be something to do
	claim time.Duration // how long a feed is one process's to look at
	ours  bool          // Close closes box and database
}

// Open opens the digest in a database, with the outbox in it: "sqlite:FILE" or "postgres://user@host/name".
func Open(ctx context.Context, database string, c Config) (*Digest, error) {
	checked := c
	if err := checked.check(); err != nil {
		return nil, err // before a file is made
	}
	box, db, dialect, err := ledger.Open(ctx, database, "digest", outbox.Options{Log: checked.Log})
	if err != nil {
		return nil, err
	}
	d, err := New(ctx, box, db, dialect, c)
	if err != nil {
		db.Close()
		box.Close()
		return nil, err
	}
	d.ours = true
	return d, nil
}

// New is a digest in a database of the application's, in which the box is. The digest's own tables are made there; their names
// begin with "parley_digest_".
func New(ctx context.Context, box *outbox.Box, db *sql.DB, dialect outbox.Dialect, c Config) (*Digest, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	s, err := newStore(ctx, db, dialect)
	if err != nil {
		return nil, err
	}
	d := &Digest{c: c, box: box, s: s, asked: make(chan struct{}, 1), claim: claimFor}
	if d.key, err = d.s.begin(ctx, c.ListID); err != nil {
		return nil, err
	}
	d.fetch = newFetcher(&d.c)
	if d.show, err = newRenderer(); err != nil {
		return nil, err
	}
	return d, d.reschedule(ctx)
}

// Close ends what was opened by [Open].
func (d *Digest) Close() error {
	if !d.ours {
		return nil
	}
	err := d.box.Close()
	if e := d.s.DB.Close(); err == nil {
		err = e
	}
	return err
}

// Box is the outbox that the mails are put into.
func (d *Digest) Box() *outbox.Box { return d.box }

func (d *Digest) now() int64 { return d.c.clock().UnixMilli() }

// poke has the digest look what there is to do.
func (d *Digest) poke() {
	select {
	case d.asked <- struct{}{}:
	default:
	}
}

func timeOf(ms int64) time.Time {
	if ms == 0 || ms >= never {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}

var errNoRows = sql.ErrNoRows

func failed(doing string, err error) error {
	if err == nil || errors.Is(err, ErrNoFeed) || errors.Is(err, ErrNoSubscriber) {
		return err
	}
	return fmt.Errorf("digest: %s: %w", doing, err)
}
