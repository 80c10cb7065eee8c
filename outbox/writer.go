package outbox

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// A Querier is a transaction, as far as [Box.PutIn] needs one.
type Querier interface {
	// Exec gives how many rows it changed.
	Exec(ctx context.Context, query string, args ...any) (int64, error)
	// QueryRow reads the one row that there is; none is [sql.ErrNoRows].
	QueryRow(ctx context.Context, query string, args []any, into ...any) error
}

// A tx is a transaction of ours, or of the application's. Statements are written with "?".
type tx struct {
	conn interface {
		ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
		QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
		QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
		PrepareContext(ctx context.Context, query string) (*sql.Stmt, error)
	}
	b        *Box
	prepared map[string]*sql.Stmt // nil: it is the application's, and statements are not kept
	recorded bool                 // something that happened was written down
}

// stmt prepares a statement once a connection: that is half of what running one costs.
func (t *tx) stmt(ctx context.Context, query string) (*sql.Stmt, error) {
	s, ok := t.prepared[query]
	if ok {
		return s, nil
	}
	s, err := t.conn.PrepareContext(ctx, t.b.sql(query))
	if err == nil {
		t.prepared[query] = s
	}
	return s, err
}

// Exec is for [Querier].
func (t *tx) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	var r sql.Result
	var err error
	if t.prepared == nil {
		r, err = t.conn.ExecContext(ctx, t.b.sql(query), args...)
	} else {
		var s *sql.Stmt
		if s, err = t.stmt(ctx, query); err == nil {
			r, err = s.ExecContext(ctx, args...)
		}
	}
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// QueryRow is for [Querier].
func (t *tx) QueryRow(ctx context.Context, query string, args []any, into ...any) error {
	if t.prepared == nil {
		return t.conn.QueryRowContext(ctx, t.b.sql(query), args...).Scan(into...)
	}
	s, err := t.stmt(ctx, query)
	if err != nil {
		return err
	}
	return s.QueryRowContext(ctx, args...).Scan(into...)
}

// each calls f for each row.
func (t *tx) each(ctx context.Context, query string, args []any, f func(*sql.Rows) error) error {
	var rows *sql.Rows
	var err error
	if t.prepared == nil {
		rows, err = t.conn.QueryContext(ctx, t.b.sql(query), args...)
	} else {
		var s *sql.Stmt
		if s, err = t.stmt(ctx, query); err == nil {
			rows, err = s.QueryContext(ctx, args...)
		}
	}
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := f(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// lazily says of a transaction that it need not be on stable storage when it is committed: should it be lost with the power,
// nothing is missed, and it is done again. It is for jobs that stand in no transaction with others.
func (t *tx) lazily(ctx context.Context) error {
	if !t.b.writers.apart {
		return nil
	}
	_, err := t.Exec(ctx, "SET LOCAL synchronous_commit TO off")
	return err
}

// A job is something that is written in a transaction. It may be done twice, where
// the transaction that it stood in failed because of another's: then the first
// has left nothing in the database, and must leave nothing in memory.
type job struct {
	do   func(ctx context.Context, t *tx) error
	put  *letter      // instead of do: it is put together with others
	done chan<- error // has room for one
}

// writers do jobs: each takes all that wait, and does them in one transaction, which
// is on stable storage before any of them is told. With SQLite there is one.
type writers struct {
	mu     sync.Mutex
	wake   sync.Cond
	jobs   []job
	closed bool
	tasks  sync.WaitGroup

	patient bool // there is one writer
	apart   bool // mail is put together with nothing else, and all else is done alone: what locks a lane does so for as short as can be
	usual   int  // jobs in a transaction of late
	putting int  // transactions under way that put mail
}

// mostInBatch is how many jobs are done in one transaction, so that none waits long for the others.
const mostInBatch = 256

// write has something written, and waits until it is on stable storage. Its error is do's, or the
// database's; in both cases nothing was written, unless the connection was lost in the midst of COMMIT.
//
// A context that ends does not end what was begun: nobody could tell what had been written.
func (b *Box) write(ctx context.Context, do func(ctx context.Context, t *tx) error) error {
	return b.do(ctx, job{do: do})
}

func (b *Box) do(ctx context.Context, j job) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	done := make(chan error, 1)
	w := &b.writers
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return ErrClosed
	}
	j.done = done
	w.jobs = append(w.jobs, j)
	w.wake.Signal()
	w.mu.Unlock()
	return <-done
}

// gather is how long a writer waits for those to come again whom it has told. Where many put at once most of
// them do, and one commit, which is the dearest step, is for all. Whoever is alone never waits.
const gather = 100 * time.Microsecond

func (w *writers) take() []job {
	w.mu.Lock()
	defer w.mu.Unlock()
	first := w.next()
	for first < 0 {
		if w.closed && len(w.jobs) == 0 {
			return nil
		}
		w.wake.Wait()
		first = w.next()
	}
	if w.patient && len(w.jobs) < w.usual && w.usual > 3 {
		w.mu.Unlock()
		time.Sleep(gather)
		w.mu.Lock()
	}
	if w.apart {
		return w.takeApart(first)
	}
	n := min(len(w.jobs), mostInBatch)
	w.usual = max(n, w.usual*3/4)
	return w.pick(func(taken []job, _ job) bool { return len(taken) < n })
}

// next is which job is to be done next; below zero there is none. While mail is being put what comes meanwhile waits, unless it is
// much: the more transactions there are the fewer mails are in each, and the more a mail costs.
func (w *writers) next() int {
	if !w.apart || w.putting == 0 || len(w.jobs) >= muchWaiting {
		return min(len(w.jobs), 1) - 1
	}
	return slices.IndexFunc(w.jobs, func(j job) bool { return j.put == nil })
}

const muchWaiting = 64

// takeApart takes one job that is no mail, or much mail.
func (w *writers) takeApart(first int) []job {
	if w.jobs[first].put == nil {
		taken := w.jobs[first]
		w.jobs = slices.Delete(w.jobs, first, first+1)
		w.wakeNext()
		return []job{taken}
	}
	w.putting++
	return w.pick(func(taken []job, j job) bool { return j.put != nil && len(taken) < mostInBatch })
}

// pick takes those that f wants.
func (w *writers) pick(f func(taken []job, j job) bool) (taken []job) {
	rest := w.jobs[:0]
	for _, j := range w.jobs {
		if f(taken, j) {
			taken = append(taken, j)
		} else {
			rest = append(rest, j)
		}
	}
	clear(w.jobs[len(rest):])
	w.jobs = rest
	w.wakeNext()
	return taken
}

// wakeNext wakes another writer where there is something to do for it.
func (w *writers) wakeNext() {
	if w.next() >= 0 {
		w.wake.Signal()
	}
}

// done is told of jobs that were taken and done.
func (w *writers) done(jobs []job) {
	if !w.apart || jobs[0].put == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.putting--
	w.wakeNext()
	if w.closed {
		w.wake.Broadcast()
	}
}

func (w *writers) close() {
	w.mu.Lock()
	w.closed = true
	w.wake.Broadcast()
	w.mu.Unlock()
	w.tasks.Wait()
}

// A writer does jobs by a connection of its own.
type writer struct {
	tx
	own     *sql.Conn
	settled bool // what others wrote before is on stable storage
}

// startWriter starts one.
func (b *Box) startWriter(ctx context.Context) error {
	w := &writer{tx: tx{b: b}}
	if err := w.connect(ctx); err != nil {
		return err
	}
	b.writers.tasks.Go(func() {
		defer w.close()
		for jobs := b.writers.take(); jobs != nil; jobs = b.writers.take() {
			w.doAll(jobs)
			b.writers.done(jobs)
		}
	})
	return nil
}

// close gives the connection back. With a statement that is left open SQLite would not write its log into the file, and remove it,
// when the last connection is closed.
func (w *writer) close() {
	for _, s := range w.prepared {
		s.Close()
	}
	if w.b.d == Postgres {
		for _, s := range writerSettings {
			w.own.ExecContext(begun, "RESET "+s.name) //nolint:errcheck // it goes back to the application's
		}
	}
	w.own.Close()
}

// writerSettings are how PostgreSQL is to be with a writer.
//
// Its statements find rows by their keys, some at a time. Of tables that are new, or were empty a minute ago, the planner knows
// nothing, takes them for small, reads them through each time, and keeps to that when they have long been large. Planning once is enough.
var writerSettings = [...]struct{ name, value string }{
	{"idle_in_transaction_session_timeout", "5s"}, // a process that is frozen in a transaction must not keep its locks from the others until it comes back
	{"plan_cache_mode", "force_generic_plan"},
	{"enable_seqscan", "off"},
	{"enable_bitmapscan", "off"},
	{"random_page_cost", "0.1"},
}

// connect gives a writer a new connection; where none can be had it keeps its old one, and the next to write is told.
func (w *writer) connect(ctx context.Context) error {
	conn, err := w.b.db.Conn(ctx)
	if err == nil && w.b.d == Postgres {
		for _, s := range writerSettings {
			if _, err = conn.ExecContext(ctx, "SET "+s.name+" = '"+s.value+"'"); err != nil {
				conn.Close()
				break
			}
		}
	}
	if err != nil {
		return fmt.Errorf("outbox: connecting: %w", err)
	}
	for _, s := range w.prepared {
		s.Close()
	}
	if w.own != nil {
		// Where it is broken in a way that the driver does not know, it must not go back to the others.
		w.own.Raw(func(any) error { return driver.ErrBadConn }) //nolint:errcheck // that is its answer
		w.own.Close()
	}
	w.own, w.conn, w.prepared = conn, conn, make(map[string]*sql.Stmt)
	return nil
}

// begun is the context of what was begun: it does not end before that is done.
var begun = context.Background()

// doAll does the jobs in one transaction. If any of them fails each is done in one of its own, so that it spoils nothing
// for the others.
func (w *writer) doAll(jobs []job) {
	err := w.settle(begun)
	alone := err != nil || len(jobs) == 1
	if err == nil {
		err = w.try(jobs)
	}
	if err == nil || alone {
		for _, j := range jobs {
			j.done <- err
		}
		return
	}
	for _, j := range jobs {
		j.done <- w.try([]job{j})
	}
}

// mostTries is how often a transaction is tried that came to nothing by no fault of its own.
const mostTries = 5

// try does jobs in one transaction. It is tried again where it could not begin, for the connection may have been lost since the
// last, and where the database has chosen it to give way to another.
func (w *writer) try(jobs []job) (err error) {
	for n := range mostTries {
		if err = w.transact(jobs); err == nil {
			return nil
		}
		e, ofDatabase := errors.AsType[*databaseError](err)
		if ofDatabase && w.connect(begun) != nil {
			return err
		}
		switch {
		case ofDatabase && !e.uncertain && n == 0:
		case !ofDatabase && gaveWay(err):
			time.Sleep(time.Duration(n) * 10 * time.Millisecond)
		default:
			return err
		}
	}
	return err
}

// gaveWay reports whether two transactions waited for each other, and this one was ended: SQLSTATE 40P01 or 40001.
func gaveWay(err error) bool {
	e, ok := errors.AsType[interface {
		error
		SQLState() string
	}](err)
	return ok && (e.SQLState() == "40P01" || e.SQLState() == "40001")
}

// databaseError is an error of BEGIN, COMMIT or ROLLBACK: the connection may be broken.
type databaseError struct {
	doing     string
	err       error
	uncertain bool // it may have been written all the same
}

func (e *databaseError) Error() string { return "outbox: " + e.doing + ": " + e.err.Error() }
func (e *databaseError) Unwrap() error { return e.err }

// transact does jobs in one transaction.
func (w *writer) transact(jobs []job) (err error) {
	t := &w.tx
	t.recorded = false
	if _, err = t.Exec(begun, t.b.begin()); err != nil {
		return &databaseError{"beginning to write", err, false}
	}
	defer func() {
		if err == nil {
			return
		}
		if _, back := t.conn.ExecContext(begun, "ROLLBACK"); back != nil && w.b.d == Postgres {
			err = &databaseError{"writing", err, true} // SQLite may have rolled back by itself, and says that there is nothing to
		}
	}()
	if err = t.doAll(jobs); err != nil {
		return err
	}
	if _, err = t.Exec(begun, "COMMIT"); err != nil {
		return &databaseError{"writing", err, true}
	}
	if t.recorded {
		t.b.heard.wake()
	}
	return nil
}

// doAll does jobs in their order, but that mail is put first, and all of it together.
func (t *tx) doAll(jobs []job) error {
	var letters []*letter
	for _, j := range jobs {
		if j.put != nil {
			letters = append(letters, j.put)
		}
	}
	if err := putTogether(begun, t, letters); err != nil {
		return err
	}
	for _, j := range jobs {
		if j.put != nil {
			continue
		}
		if err := j.do(begun, t); err != nil {
			return err
		}
	}
	return nil
}
