package alert

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"sync"
	"time"

	"github.com/parleymail/parley/internal/ledger"
	"github.com/parleymail/parley/outbox"
)

// Alerts tells people of alerts. Many goroutines may use it, and many processes one database.
type Alerts struct {
	c     Config
	box   *outbox.Box
	s     *store
	asked chan struct{} // holds one when there may be something to do
	ours  bool          // Close closes box and database

	mu        sync.Mutex
	requests  int // webhooks that are being read
	strangers int // of these those that will be known by their signature alone
}

// Open opens the alerts in a database, with the outbox in it: "sqlite:FILE" or "postgres://user@host/name".
func Open(ctx context.Context, database string, c Config) (*Alerts, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	box, db, dialect, err := ledger.Open(ctx, database, "alert", outbox.Options{Log: c.Log})
	if err != nil {
		return nil, err
	}
	a, err := New(ctx, box, db, dialect, c)
	if err != nil {
		db.Close()
		box.Close()
		return nil, err
	}
	a.ours = true
	return a, nil
}

// New is alerts in a database of the application's, in which the box is. Their own tables are made there; their names begin with "parley_alert_".
func New(ctx context.Context, box *outbox.Box, db *sql.DB, dialect outbox.Dialect, c Config) (*Alerts, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	s, err := newStore(ctx, db, dialect)
	if err != nil {
		return nil, err
	}
	a := &Alerts{c: c, box: box, s: s, asked: make(chan struct{}, 1)}
	return a, a.s.begin(ctx)
}

// Close ends what was opened by [Open].
func (a *Alerts) Close() error {
	if !a.ours {
		return nil
	}
	err := a.box.Close()
	if e := a.s.DB.Close(); err == nil {
		err = e
	}
	return err
}

// Box is the outbox that the mails are put into.
func (a *Alerts) Box() *outbox.Box { return a.box }

// poke has Run look what there is to do.
func (a *Alerts) poke() {
	select {
	case a.asked <- struct{}{}:
	default:
	}
}

func timeOf(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}

func msOf(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// safeURL is an address of others that may be followed; empty if it is none.
func safeURL(s string) string {
	const most = 2000
	u, err := url.Parse(s)
	if err != nil || len(s) > most || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
		return ""
	}
	return u.String()
}

func failed(doing string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("alert: %s: %w", doing, err)
}
