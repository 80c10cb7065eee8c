package inbox

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"
)

// A job is something to be written.
type job struct {
	mail  *arrival
	ended *record
	do    func(*batch) error
	done  chan<- error // nil: nobody waits; else has room for one
}

// A queue has what waits for the writer. Message IDs are given in the order of the
// queue, so that whoever sees one has seen all before it.
type queue struct {
	mu          sync.Mutex
	jobs        []job
	octets      int64 // of contents in it
	room        sync.Cond
	wake        chan struct{} // holds one where there are jobs
	urgent      chan struct{} // holds one where somebody waits for a job
	gather      time.Duration // how long jobs that nobody waits for are gathered: one large transaction costs less than many
	busy        bool          // the writer has taken some that are not written yet
	closed      bool
	lastMessage int64
}

const (
	mostQueued  = 32 << 20 // octets of contents that wait, then those who bring more wait too
	mostInBatch = 1000     // jobs in one transaction, so that readers get their turn
)

// put adds a job. It waits while there is no room.
func (q *queue) put(j job) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if j.mail != nil {
		for q.octets > mostQueued && !q.closed {
			q.room.Wait()
		}
	}
	if q.closed {
		return ErrClosed
	}
	if m := j.mail; m != nil {
		m.id = q.lastMessage + 1
		m.at = time.Now()
		q.lastMessage += int64(len(m.mailboxes))
		q.octets += m.held
	}
	q.jobs = append(q.jobs, j)
	if len(q.jobs) == 1 {
		signal(q.wake)
	}
	if j.done != nil || len(q.jobs) == mostInBatch {
		signal(q.urgent)
	}
	return nil
}

// signal wakes whoever waits for c, or the next who does.
func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// take gives the jobs that wait, the last place of them filled into spare. It
// waits until there are some, and gives none once the queue is closed.
func (q *queue) take(spare []job) []job {
	for {
		q.mu.Lock()
		if n := len(q.jobs); n > 0 {
			jobs := q.jobs
			if n > mostInBatch {
				jobs, q.jobs = append(spare[:0], q.jobs[:mostInBatch]...), append(q.jobs[:0], q.jobs[mostInBatch:]...)
			} else {
				q.jobs = spare[:0]
			}
			for _, j := range jobs {
				if j.mail != nil {
					q.octets -= j.mail.held
				}
			}
			q.busy = true
			select {
			case <-q.urgent: // they are among them, or will be among the next, which are not waited for
				if len(q.jobs) > 0 {
					q.urgent <- struct{}{}
				}
			default:
			}
			q.room.Broadcast()
			q.mu.Unlock()
			return jobs
		}
		q.busy = false
		closed := q.closed
		q.mu.Unlock()
		if closed {
			return nil
		}
		<-q.wake
		if q.gather > 0 {
			select {
			case <-q.urgent:
			case <-time.After(q.gather):
			}
		}
	}
}

// idle reports whether all is written.
func (q *queue) idle() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.jobs) == 0 && !q.busy && !q.closed
}

func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.closed {
		q.closed = true
		close(q.wake)
		signal(q.urgent)
		q.room.Broadcast()
	}
}

func (q *queue) isClosed() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.closed
}

// do has f done by the writer, and waits for it.
func (s *Store) do(ctx context.Context, f func(*batch) error) error {
	done := make(chan error, 1)
	if err := s.queue.put(job{do: f, done: done}); err != nil {
		return err
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// A batch is what is written in one transaction.
type batch struct {
	s     *Store
	c     *sql.Conn
	st    *statements
	delta delta     // what it changes of the tally
	saved []*record // whose rows are in it
	ended []*record // which nobody needs any more in memory
	shelf []int64   // contents that are to be dropped from the shelf
	told  []Event
	rows  []any // of messages that are put down together with the next ones
}

// noContext: what was begun is written, whoever goes meanwhile.
var noContext = context.Background()

// write is the writer.
func (s *Store) write() {
	var jobs []job
	for {
		if jobs = s.queue.take(jobs); jobs == nil {
			return
		}
		if s.gate != nil {
			<-s.gate
		}
		b := &batch{s: s, c: s.w, st: s.st}
		results, err := b.run(jobs)
		if s.gate != nil {
			s.gate <- struct{}{}
		}
		if err == nil {
			b.committed()
		} else {
			undone(b.saved)
			s.again(jobs, err)
		}
		for i, j := range jobs {
			if j.done != nil {
				if err == nil && results != nil {
					j.done <- results[i]
				} else {
					j.done <- err
				}
			}
			jobs[i] = job{}
		}
	}
}

// run writes the jobs in one transaction. A job that is asked to do something and
// cannot spoils nothing for the others, and its error is in the results; all else
// that fails fails for all.
func (b *batch) run(jobs []job) (results []error, err error) {
	if _, err = b.st.begin.ExecContext(noContext); err != nil {
		return nil, fmt.Errorf("inbox: beginning to write: %w", err)
	}
	for i, j := range jobs {
		switch {
		case j.mail != nil:
			err = b.putMail(j.mail)
		case j.ended != nil:
			err = b.putEnded(j.ended)
		default:
			if results == nil {
				results = make([]error, len(jobs))
			}
			if err = b.putRows(); err == nil {
				results[i], err = b.attempt(j.do)
			}
		}
		if err != nil {
			break
		}
	}
	if err == nil {
		err = b.putRows()
	}
	if err == nil {
		err = b.retain(slack)
	}
	if err == nil {
		_, err = b.st.commit.ExecContext(noContext)
	}
	if err != nil {
		b.c.ExecContext(noContext, "ROLLBACK")
		return nil, fmt.Errorf("inbox: writing: %w", err)
	}
	return results, nil
}

// attempt does something that may be undone by itself.
func (b *batch) attempt(do func(*batch) error) (result, err error) {
	if _, err = b.c.ExecContext(noContext, "SAVEPOINT attempt"); err != nil {
		return nil, err
	}
	before := *b
	before.delta = b.delta.clone()
	if result = do(b); result != nil {
		undone(b.saved[len(before.saved):])
		*b = before
		if _, err = b.c.ExecContext(noContext, "ROLLBACK TO attempt"); err != nil {
			return nil, errors.Join(result, err) // where the disk is full, SQLite has rolled back all of it already
		}
	}
	_, release := b.c.ExecContext(noContext, "RELEASE attempt")
	return result, errors.Join(err, release)
}

// committed does what has to wait until all is written.
func (b *batch) committed() {
	for _, r := range b.saved {
		r.mu.Lock()
		r.saved = true
		r.mu.Unlock()
	}
	for _, r := range b.ended {
		r.mu.Lock()
		r.over = true
		r.mu.Unlock()
		b.s.live.drop(r.row.ID)
	}
	for _, id := range b.shelf {
		b.s.shelf.drop(id)
	}
	b.s.tally.apply(&b.delta)
	if len(b.told) > 0 {
		b.s.watches.tell(b.told)
	}
	if b.delta.taken > 0 {
		b.s.index.moved(b.delta.last)
	}
}

// undone: what was to be written of these sessions is not.
func undone(records []*record) {
	for _, r := range records {
		r.mu.Lock()
		r.dirty, r.untold = true, true
		r.mu.Unlock()
	}
}

func (b *batch) tell(what string, id int64, mailbox string) {
	b.told = append(b.told, Event{What: what, ID: id, Mailbox: mailbox})
}
