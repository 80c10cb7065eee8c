package statement

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/parleymail/parley/internal/ledger"
	"github.com/parleymail/parley/internal/plain"
	"github.com/parleymail/parley/outbox"
)

// Errors that a program may ask for with errors.Is.
var (
	ErrNotPrepared = errors.New("statement: no table was looked through to its end: prepare first")
	ErrBadRows     = errors.New("statement: there are rows with mistakes")
	ErrPaused      = errors.New("statement: the mailing is paused")
	ErrNoRow       = errors.New("statement: there is no such row")
	ErrBrowser     = errors.New("statement: the browser that prints PDFs cannot be had")
	ErrLocale      = errors.New("statement: the locale")
	ErrTemplate    = errors.New("statement: reading the template")
)

// A Job is one mailing: the rows of a table, and what became of their mails. It stands in a database, with an outbox beside it. Many goroutines may use it,
// and several processes.
type Job struct {
	c    Config
	box  *outbox.Box
	s    *store
	ours bool // Close closes box and database

	mu     sync.Mutex
	counts map[State]int // while a mailing is sent
}

// Open opens the mailing in a database, with the outbox in it: "sqlite:FILE" or "postgres://user@host/name". A database has one mailing: a new
// month wants a new file.
func Open(ctx context.Context, database string, c Config) (*Job, error) {
	box, db, dialect, err := ledger.Open(ctx, database, "statement", outbox.Options{Log: c.Log})
	if err != nil {
		return nil, err
	}
	j, err := New(ctx, box, db, dialect, c)
	if err != nil {
		db.Close()  //nolint:errcheck // the first error tells
		box.Close() //nolint:errcheck // the first error tells
		return nil, err
	}
	j.ours = true
	return j, nil
}

// New is a mailing in a database of the application's, in which the box is. The mailing's own tables are made there; their names
// begin with "parley_statement_".
func New(ctx context.Context, box *outbox.Box, db *sql.DB, dialect outbox.Dialect, c Config) (*Job, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	s, err := newStore(ctx, db, dialect)
	if err != nil {
		return nil, err
	}
	j := &Job{c: c, box: box, s: s}
	if err := j.s.begin(ctx); err != nil {
		return nil, err
	}
	return j, nil
}

// Close ends what was opened by [Open].
func (j *Job) Close() error {
	if !j.ours {
		return nil
	}
	return errors.Join(j.box.Close(), j.s.DB.Close())
}

// Box is the outbox that the mails are put into.
func (j *Job) Box() *outbox.Box { return j.box }

// Settings are a text that a program keeps with the mailing: what it was prepared with.
func (j *Job) Settings(ctx context.Context) (text string, err error) {
	err = j.s.reader().Row(ctx, "SELECT value FROM parley_statement_state WHERE name = 'settings'", nil, &text)
	return text, failed("reading the settings", err)
}

// SetSettings keeps a text with the mailing. It is no place for secrets.
func (j *Job) SetSettings(ctx context.Context, text string) error {
	_, err := j.s.reader().Exec(ctx, "UPDATE parley_statement_state SET value = ? WHERE name = 'settings'", text)
	return failed("writing the settings", err)
}

// State is where a row is.
type State uint8

const (
	Ready    State = iota // its mail can be made, and was not yet
	Bad                   // its mail cannot be made
	Waiting               // its mail waits in the outbox for its first attempt
	Deferred              // it was tried, and will be again
	Sent                  // a server has taken it
	Failed                // it was given up, or came back
	Unknown               // it may have been taken, and waits for a person's word
	Held                  // it is paused
	Gone                  // it was in a table before, and is no longer; nothing was sent
	Ended                 // it may have been taken, and a person has said that it is not sent again (parley queue cancel)
)

var stateNames = [...]string{"ready", "bad", "waiting", "deferred", "sent", "failed", "unknown", "held", "gone", "ended"}

func (s State) String() string { return stateNames[min(int(s), len(stateNames)-1)] }

// MarshalText is [State.String].
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText is the reverse of [State.String].
func (s *State) UnmarshalText(text []byte) error {
	for n, name := range stateNames {
		if strings.EqualFold(string(text), name) {
			*s = State(n) //nolint:gosec // there are few
			return nil
		}
	}
	return errors.New("there is no state " + plain.Quoted(string(text)))
}

func (j *Job) now() int64 { return time.Now().UnixMilli() }

func timeOf(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}

func failed(doing string, err error) error {
	if err == nil || errors.Is(err, context.Canceled) && err == context.Canceled { //nolint:errorlint // nothing is to be added to it
		return err
	}
	return fmt.Errorf("statement: %s: %w", doing, err)
}
