package inbox

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gofrs/flock"
	_ "modernc.org/sqlite" // the driver "sqlite"
)

// Options say where a [Store] keeps what it has, and how much of it.
type Options struct {
	Path        string        // of the file; empty: in memory
	MaxMessages int           // the oldest go first; zero: 10,000; negative: no limit
	MaxSessions int           // of which no message is kept any more; zero: 10,000; negative: no limit
	MaxBytes    int64         // of contents; zero: 1 GiB; negative: no limit
	MaxAge      time.Duration // zero: no limit
}

// A Store keeps sessions and messages. It may be used by many goroutines.
//
// One goroutine writes: it takes all that waits and puts it down in one
// transaction. With a file there are connections of their own to read, which hold
// up nobody; in memory there is one for all.
type Store struct {
	limits limits
	db     *sql.DB
	w      *sql.Conn     // the writer's; in memory everybody's
	gate   chan struct{} // in memory: whoever holds its token may use w; nil with a file
	shelf  *shelf        // in memory: the contents; nil with a file
	st     *statements

	queue   queue
	tally   tally
	watches watches
	index   index
	live    live
	buffers sync.Pool // of *[]byte: contents on their way

	underWay    atomic.Int64 // octets of contents that come, in memory
	lastSession atomic.Int64
	lastContent atomic.Int64

	lock    *flock.Flock       // with a file: no other process may have it
	oldest  atomic.Int64       // when the oldest message came, in Unix nanoseconds; 0: nobody has looked
	unended unended            // sessions whose end could not be written yet
	stop    context.CancelFunc // ends what goes on in the background
	tasks   sync.WaitGroup
	closing sync.Once
	closed  error
}

type limits struct {
	messages, sessions int64
	octets             int64
	age                time.Duration
}

const noLimit = 1 << 62

func orDefault(n, zero int64) int64 {
	switch {
	case n < 0:
		return noLimit
	case n == 0:
		return zero
	}
	return n
}

// Open opens a store, and makes it if there is none.
func Open(o Options) (*Store, error) {
	s := &Store{limits: limits{
		messages: orDefault(int64(o.MaxMessages), 10_000),
		sessions: orDefault(int64(o.MaxSessions), 10_000),
		octets:   orDefault(o.MaxBytes, 1<<30),
		age:      o.MaxAge,
	}}
	s.buffers.New = func() any { return new([]byte) }
	ctx := context.Background()
	err := s.connect(ctx, o.Path)
	if err == nil {
		err = s.recover(ctx)
	}
	if err != nil {
		s.disconnect()
		return nil, err
	}
	s.start()
	return s, nil
}

// connect opens the database, and brings its tables up to date.
func (s *Store) connect(ctx context.Context, path string) (err error) {
	if path == "" {
		s.gate = make(chan struct{}, 1)
		s.gate <- struct{}{}
		s.shelf = &shelf{contents: make(map[int64][][]byte)}
		s.db, err = sql.Open("sqlite", ":memory:?_pragma=journal_mode(memory)&_pragma=synchronous(off)&_pragma=temp_store(memory)")
		if err == nil {
			s.db.SetMaxOpenConns(1)
		}
	} else {
		if err = s.claim(path); err == nil {
			err = makePrivate(path)
		}
		if err == nil {
			s.db, err = sql.Open("sqlite", fileURL(path))
		}
	}
	if err != nil {
		return fmt.Errorf("inbox: opening the store: %w", err)
	}
	s.db.SetMaxIdleConns(4)
	if err = migrate(ctx, s.db); err != nil {
		return err
	}
	if s.w, err = s.db.Conn(ctx); err != nil {
		return fmt.Errorf("inbox: opening the store: %w", err)
	}
	if s.st, err = prepare(ctx, s.w); err != nil {
		return fmt.Errorf("inbox: opening the store: %w", err)
	}
	return nil
}

// ErrInUse is the error for a file that another process has open as a store.
var ErrInUse = errors.New("inbox: another process has the store open")

// claim keeps other processes from the file. What one of them would take for left behind by a process that was
// killed may be what we are taking right now. The lock is on a file beside it, since SQLite's own locks are lost once anybody closes the
// database; it ends with the process, however that ends.
func (s *Store) claim(path string) error {
	s.lock = flock.New(path+"-lock", flock.SetPermissions(0o600))
	ours, err := s.lock.TryLock()
	switch {
	case err != nil:
		return fmt.Errorf("inbox: opening the store: %w", err)
	case !ours:
		s.lock = nil
		return fmt.Errorf("%w: %s", ErrInUse, path)
	}
	return nil
}

// makePrivate makes the file, if there is none, for nobody else to read: the mails of a test
// may hold what is real. SQLite gives its log the same mode.
func makePrivate(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// fileURL is how SQLite opens a file. Its auto_vacuum counts where the file is new, and
// must stand before whatever writes to it. The log may grow to 16 MiB before it is put
// into the file, for each time that is done the disk is waited for.
func fileURL(path string) string {
	v := url.Values{"_pragma": {
		"auto_vacuum(incremental)", "journal_mode(wal)", "synchronous(normal)", "busy_timeout(10000)",
		"wal_autocheckpoint(4000)", "journal_size_limit(33554432)", "temp_store(memory)",
	}}
	return (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath(), RawQuery: v.Encode()}).String()
}

// recover reads where the store was left, and ends what a process that was killed
// had begun.
func (s *Store) recover(ctx context.Context) error {
	for _, q := range []string{
		// A content of which no message came: its client never heard 250.
		"DELETE FROM pieces WHERE id >> 16 IN (SELECT content FROM arriving)",
		"DELETE FROM arriving",
		"UPDATE sessions SET ended = begun, failed = 1, why = '" + cutShort + "' WHERE ended IS NULL",
	} {
		if _, err := s.w.ExecContext(ctx, q); err != nil {
			return fmt.Errorf("inbox: reading the store: %w", err)
		}
	}
	var message, session, content, indexed int64
	err := s.w.QueryRowContext(ctx, `SELECT
		max(ifnull((SELECT max(id) FROM messages), 0), ifnull((SELECT id FROM last WHERE name = 'message'), 0)),
		max(ifnull((SELECT max(id) FROM sessions), 0), ifnull((SELECT id FROM last WHERE name = 'session'), 0)),
		max(ifnull((SELECT max(id) >> 16 FROM pieces), 0), ifnull((SELECT max(content) FROM messages), 0)),
		ifnull((SELECT max(message) FROM heads), 0)`).Scan(&message, &session, &content, &indexed)
	if err != nil {
		return fmt.Errorf("inbox: reading the store: %w", err)
	}
	s.queue.lastMessage = message
	s.lastSession.Store(session)
	s.lastContent.Store(content)
	s.index.done.Store(indexed)
	s.index.put.Store(indexed)
	s.index.last.Store(message)
	return s.tally.read(ctx, s.w)
}

// cutShort is why a session ended during which the program was killed.
const cutShort = "this program ended while the session went on"

func (s *Store) start() {
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.queue.wake, s.queue.urgent = make(chan struct{}, 1), make(chan struct{}, 1)
	if s.memory() {
		s.queue.gather = 5 * time.Millisecond
	}
	s.queue.room.L = &s.queue.mu
	s.live.records = make(map[int64]*record)
	s.index.wake = make(chan struct{}, 1)
	s.tasks.Go(s.write)
	s.tasks.Go(func() { s.housekeep(ctx) })
	s.tasks.Go(func() { s.indexQuietly(ctx) })
}

// Close writes what waits to be written, and closes the store. Whoever waits for
// something gets ErrClosed.
func (s *Store) Close() error {
	s.closing.Do(func() {
		s.stop()
		if !s.memory() {
			s.saveLive(context.Background()) // what sessions said that are not over
		}
		s.queue.close()
		s.tasks.Wait()
		s.watches.close()
		s.closed = s.disconnect()
	})
	return s.closed
}

func (s *Store) disconnect() error {
	var errs []error
	if s.gate != nil {
		<-s.gate // who reads by the writer's connection is to be done: database/sql does not bear that one is closed while it is asked for
		defer func() { s.gate <- struct{}{} }()
	}
	if s.w != nil {
		errs = append(errs, s.w.Close())
		s.w = nil
	}
	if s.db != nil {
		errs = append(errs, s.db.Close())
	}
	if s.lock != nil {
		errs = append(errs, s.lock.Unlock())
	}
	return errors.Join(errs...)
}

func (s *Store) memory() bool { return s.shelf != nil }

// A querier is a connection, to read.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// read gives a connection to f. What was answered before is seen, once sync was
// called.
func (s *Store) read(ctx context.Context, f func(querier) error) error {
	if s.gate == nil {
		c, err := s.db.Conn(ctx)
		if err != nil {
			return s.closedOr(err)
		}
		defer c.Close()
		return s.closedOr(f(c))
	}
	select {
	case <-s.gate:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { s.gate <- struct{}{} }()
	if s.w == nil {
		return ErrClosed
	}
	return s.closedOr(f(s.w))
}

// closedOr is what an error means where the store may have been closed meanwhile.
func (s *Store) closedOr(err error) error {
	if err != nil && s.queue.isClosed() {
		return ErrClosed
	}
	return err
}

// sync waits until all that was answered is in the tables, and what is known of
// the sessions that go on.
func (s *Store) sync(ctx context.Context) error {
	if s.queue.idle() && !s.live.changed() && !s.over(0) {
		return nil
	}
	if err := s.save(ctx, s.live.dirty(), (*batch).saveRow); err != nil {
		return err
	}
	return s.do(ctx, func(b *batch) error { return b.retain(0) })
}
