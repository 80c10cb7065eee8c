package outbox

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// Errors that a program may ask for with errors.Is.
var (
	ErrClosed    = errors.New("outbox: the box is closed")
	ErrNotFound  = errors.New("outbox: there is no such message")
	ErrKeyReused = errors.New("outbox: the key was used for another mail")
	ErrCorrupt   = errors.New("outbox: what is stored is not what was written")
)

// Options say how a box keeps its mail. The zero value is good for most.
type Options struct {
	MaxAge  time.Duration // how long a mail is tried; zero: 5 days, RFC 5321 §4.5.4.1
	MaxSize int64         // octets of a content; zero: 100 MiB

	KeepContent time.Duration // how long a content is kept once nobody waits for it any more; zero: it goes at once; negative: as long as its message
	KeepHistory time.Duration // how long a message and its history are kept after that; zero: 30 days; negative: for ever

	// Unknown says, for each class, what is done where nobody knows whether a mail was taken. What is
	// not in it is sent again.
	Unknown map[Class]Policy

	MustExist bool // a box that is there already is opened, and none is made in a database that has none: ErrNoBox

	Writers int          // transactions at a time that mail is put down in, PostgreSQL alone; zero: 4
	Log     *slog.Logger // what goes on in the background and cannot be returned; nil: slog.Default
}

// A Box keeps mail until a server has taken it. Many goroutines may use it, and many
// boxes, in several processes, one database.
type Box struct {
	o       Options
	d       Dialect
	db      *sql.DB
	ours    bool   // Close closes db
	file    string // SQLite's; empty: there is none
	bound   bound
	writers writers
	last    atomic.Int64 // the ID that was given last
	clock   func() time.Time
	log     *slog.Logger
	woken   [Bulk + 1]wakes // who waits for work of a rank
	heard   wakes           // who waits for what happens

	dropping sync.Mutex
	dropped  last // the message whose content went last
}

// New opens a box in a database of the application's, whose tables [Migrate] has made. The
// database stays open when the box is closed.
//
// With SQLite the database must have been opened with _pragma=journal_mode(wal),
// synchronous(full), busy_timeout(10000) and foreign_keys as the application likes; New
// refuses one that is not synchronous(full), with which a mail that was taken might be lost
// with the power. With PostgreSQL the driver must be pgx's for database/sql, which
// takes arrays as arguments: rows go by the hundred in one statement. Packages outbox/sqlite and outbox/postgres open one of our own.
func New(ctx context.Context, db *sql.DB, d Dialect, o Options) (*Box, error) {
	if d != SQLite && d != Postgres {
		return nil, errors.New("outbox: the database is neither SQLite nor PostgreSQL")
	}
	o.setDefaults(d)
	b := &Box{o: o, d: d, db: db, clock: time.Now, log: o.Log}
	b.writers.wake.L = &b.writers.mu
	b.writers.patient, b.writers.apart = o.Writers == 1, d == Postgres
	if err := b.checkDurable(ctx); err != nil {
		return nil, err
	}
	if err := b.findFile(ctx); err != nil {
		return nil, err
	}
	var seed [8]byte
	rand.Read(seed[:])
	b.last.Store(int64(firstID(b.clock())) | seedOf(seed[:]))
	for range o.Writers {
		if err := b.startWriter(ctx); err != nil {
			b.writers.close()
			return nil, err
		}
	}
	return b, nil
}

func (o *Options) setDefaults(d Dialect) {
	or := func(d *time.Duration, zero time.Duration) {
		if *d == 0 {
			*d = zero
		}
	}
	or(&o.MaxAge, 5*24*time.Hour)
	or(&o.KeepHistory, 30*24*time.Hour)
	if o.MaxSize == 0 {
		o.MaxSize = 100 << 20
	}
	if o.Writers == 0 {
		o.Writers = 4
	}
	if d == SQLite {
		o.Writers = 1 // it has one in any case, and the others would only wait
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
}

// checkDurable refuses a database that says "written" of what may be lost with the power.
func (b *Box) checkDurable(ctx context.Context) error {
	if b.d == Postgres {
		var fsync, commit string
		if err := b.db.QueryRowContext(ctx, "SELECT current_setting('fsync'), current_setting('synchronous_commit')").Scan(&fsync, &commit); err != nil {
			return fmt.Errorf("outbox: asking the database: %w", err)
		}
		if fsync != "on" || commit == "off" {
			return fmt.Errorf("outbox: the database has fsync = %s, synchronous_commit = %s: mail that was taken might be lost with the power", fsync, commit)
		}
		return nil
	}
	var level int
	if err := b.db.QueryRowContext(ctx, "PRAGMA synchronous").Scan(&level); err != nil {
		return fmt.Errorf("outbox: asking the database: %w", err)
	}
	if level < 2 {
		return errors.New("outbox: the database is opened with synchronous below full: mail that was taken might be lost with the power")
	}
	return nil
}

// Close ends what the box does in the background; what was begun is written first.
func (b *Box) Close() error {
	b.writers.close()
	if b.ours {
		return b.db.Close()
	}
	return nil
}

// Own says that Close closes the database too: for those who open one for a box alone.
func (b *Box) Own() *Box { b.ours = true; return b }

// sql is a statement as this database wants it.
func (b *Box) sql(query string) string {
	if b.d == Postgres {
		return b.bound.bind(query)
	}
	return query
}

// begin is how a transaction begins that writes. SQLite's would otherwise take the lock at its first
// write, where it is too late to wait for it.
func (b *Box) begin() string {
	if b.d == SQLite {
		return "BEGIN IMMEDIATE"
	}
	return "BEGIN ISOLATION LEVEL READ COMMITTED" // each statement sees what was committed before it, whatever the database's default is
}

// newID gives an ID larger than all that this box has given.
func (b *Box) newID() ID {
	for {
		last := b.last.Load()
		id := max(last+1, int64(firstID(b.clock()))|last&(1<<idBits-1))
		if b.last.CompareAndSwap(last, id) {
			return ID(id)
		}
	}
}

// now is the time in Unix milliseconds, as it stands in the tables.
func (b *Box) now() int64 { return b.clock().UnixMilli() }
