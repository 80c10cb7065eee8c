package inbox

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/parleymail/parley/internal/pause"
)

// An index follows behind: a burst is taken at full speed, and what stands in the mails
// is read when it is over, or when somebody looks for something.
type index struct {
	mu   sync.Mutex    // one goes on with it at a time
	done atomic.Int64  // ID of the last message that is in it
	put  atomic.Int64  // the same, or ahead of it while some are put there
	last atomic.Int64  // ID of the last message that was taken
	wake chan struct{} // holds one where there is something to do

	written chan error // what is being written; nil: nothing
	upTo    int64      // the last of it
}

// moved tells that there are messages up to this one.
func (x *index) moved(last int64) {
	x.last.Store(last)
	signal(x.wake)
}

const (
	indexedTogether = 100                    // messages in a transaction
	quiet           = 100 * time.Millisecond // without more than a few new ones
	fewWhileQuiet   = 20
)

// indexQuietly indexes while little comes in.
func (s *Store) indexQuietly(ctx context.Context) {
	x := &s.index
	for {
		select {
		case <-ctx.Done():
			return
		case <-x.wake:
		}
		for x.done.Load() < x.last.Load() {
			before := x.last.Load()
			if !pause.For(ctx, quiet) {
				return
			}
			err := s.indexWhile(ctx, func() bool { return x.last.Load() <= before+fewWhileQuiet })
			if err != nil && ctx.Err() == nil && !pause.For(ctx, time.Second) {
				return // closed; else the store cannot be written, which others tell of
			}
		}
	}
}

// drainIndex indexes all messages up to one.
func (s *Store) drainIndex(ctx context.Context, last int64) error {
	for s.index.done.Load() < last {
		if err := s.indexWhile(ctx, func() bool { return s.index.done.Load() < last }); err != nil {
			return err
		}
	}
	return nil
}

// indexWhile indexes what is not yet, as long as it is told to. While some are written the
// next are read.
func (s *Store) indexWhile(ctx context.Context, more func() bool) error {
	x := &s.index
	x.mu.Lock()
	defer x.mu.Unlock()
	for at := x.done.Load(); more(); {
		last := x.last.Load()
		list, err := s.unread(ctx, at)
		if waitErr := x.finish(); err == nil {
			err = waitErr
		}
		if err != nil {
			return err
		}
		if len(list) == 0 {
			x.done.Store(max(last, at))
			return nil
		}
		at = list[len(list)-1].id
		written := make(chan error, 1)
		if err = s.queue.put(job{do: func(b *batch) error { return b.putSummaries(list) }, done: written}); err != nil {
			return err
		}
		x.written, x.upTo = written, at
	}
	return x.finish()
}

// finish waits for what is being written.
func (x *index) finish() error {
	if x.written == nil {
		return nil
	}
	err := <-x.written
	x.written = nil
	if err == nil {
		x.done.Store(x.upTo)
	}
	return err
}

// An unread message is to be indexed.
type unread struct {
	id, content, size int64
	first             []byte // the first piece of the content
	summary           summary
	words             [9]string // as the index takes them
}

// unread reads the next messages behind one.
func (s *Store) unread(ctx context.Context, after int64) (list []unread, err error) {
	senders, rcpts := []string{}, []string{}
	err = s.read(ctx, func(c querier) error {
		rows, err := c.QueryContext(ctx, `SELECT id, content, size, reverse_path, recipients, (SELECT data FROM pieces WHERE id = content << 16)
			FROM messages WHERE id > ? ORDER BY id LIMIT ?`, after, indexedTogether)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var u unread
			var sender, to string
			if err = rows.Scan(&u.id, &u.content, &u.size, &sender, &to, &u.first); err != nil {
				return err
			}
			list, senders, rcpts = append(list, u), append(senders, sender), append(rcpts, to)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, err
	}
	for i := range list {
		u := &list[i]
		if i > 0 && list[i-1].content == u.content {
			u.summary, u.words = list[i-1].summary, list[i-1].words // a copy for another mailbox
			continue
		}
		if err = s.readUnread(ctx, u); err != nil {
			return nil, err
		}
		m := &u.summary
		u.words = [...]string{spread(m.author), spread(m.addressee + " " + m.cc), spread(m.subject),
			spread(senders[i]), spread(rcpts[i]), spread(m.files), spread(m.body), m.messageID, markAll + " " + m.marks}
		m.body, u.first = "", nil
	}
	return list, nil
}

func (s *Store) readUnread(ctx context.Context, u *unread) error {
	octets := u.first
	if int64(len(octets)) < u.size {
		var err error
		if octets, err = s.beginOf(ctx, u.content, u.size, mostSummarised); err != nil && !errors.Is(err, ErrNotFound) {
			return err // what is deleted meanwhile is found to be so when it is written
		}
	}
	u.summary = summarise(octets, mostIndexed)
	return nil
}

// markAll is a word that stands in the index for each message: what is not like something
// else is found among those.
const markAll = "all"

// putSummaries writes what was read, but for messages that were deleted meanwhile.
func (b *batch) putSummaries(list []unread) error {
	ids, err := b.ids("SELECT id FROM messages WHERE id BETWEEN ? AND ? ORDER BY id", list[0].id, list[len(list)-1].id)
	if err != nil {
		return err
	}
	b.s.index.put.Store(list[len(list)-1].id)
	there := make(map[int64]bool, len(ids))
	for _, id := range ids {
		there[id] = true
	}
	for i := range list {
		u := &list[i]
		if !there[u.id] {
			continue
		}
		m, w := &u.summary, &u.words
		if _, err := b.st.head.ExecContext(noContext, u.id, m.author, m.addressee, m.cc, m.subject, m.messageID, m.date, m.snippet, m.attachments); err != nil {
			return err
		}
		if _, err := b.st.words.ExecContext(noContext, u.id, w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7], w[8]); err != nil {
			return err
		}
	}
	return nil
}
