package inbox

import (
	"errors"
	"io"
	"strings"
	"time"

	"github.com/parleymail/parley/mail"
)

// An arrival is a mail on its way into the store.
type arrival struct {
	rec       *record
	mailboxes []string // a message for each
	reverse   string
	rcpts     string // parted by LF
	params    string // empty: none
	size      int64
	marks     int

	content int64
	pieces  [][]byte // that are not in the database yet
	first   int      // the number of the first of them
	spilled bool     // there are some in the database already
	held    int64    // octets of pieces, as the queue counts them
	coming  int64    // octets that came and are not all, in memory
	buffer  *[]byte  // what the last piece stands in

	id int64     // of the first message, given by the queue
	at time.Time // given by the queue
}

const (
	markEightBit = 1 << iota
	markUTF8
)

// pieceSize is the most that a piece of a content has. What is larger goes into the
// database while it comes, so that no more than that is held of it.
const pieceSize = 256 << 10

// mostUnderWay is how many octets of contents may be on their way at once in memory, beyond the first piece of each: more
// are told to come back later.
const mostUnderWay = 1 << 30

var errBusy = errors.New("too much is on its way at once")

// mostPieces is how many a content can have: their number has 16 bits of their id.
const mostPieces = 1 << 16

// A taker is where a content is written to as it comes.
type taker struct {
	s      *Store
	a      *arrival
	buffer *[]byte
	err    error
}

// take reads a content to its end. What it gives is put into the store by keep, or
// given up by abandon.
func (s *Store) take(content io.WriterTo) (*arrival, error) {
	t := taker{s: s, a: &arrival{content: s.lastContent.Add(1)}, buffer: s.buffers.Get().(*[]byte)}
	*t.buffer = (*t.buffer)[:0]
	_, err := content.WriteTo(&t)
	if err == nil {
		err = t.err
	}
	if err != nil {
		s.abandon(t.a)
		s.buffers.Put(t.buffer)
		return nil, err
	}
	t.last()
	return t.a, nil
}

func (t *taker) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		room := pieceSize - len(*t.buffer)
		if room == 0 {
			if t.err = t.spill(); t.err != nil {
				return 0, t.err
			}
			continue
		}
		k := min(room, len(p))
		*t.buffer = append(*t.buffer, p[:k]...)
		p = p[k:]
	}
	return n, nil
}

// spill puts a full piece where it is to be kept.
func (t *taker) spill() error {
	a := t.a
	a.size += int64(len(*t.buffer))
	if t.s.memory() {
		t.s.shelf.add(a.content, append([]byte(nil), *t.buffer...))
		a.coming += pieceSize
		*t.buffer = (*t.buffer)[:0]
		if t.s.underWay.Add(pieceSize) > mostUnderWay {
			return errBusy
		}
		return nil
	}
	if a.first == mostPieces-1 {
		return errTooLarge
	}
	err := t.s.do(noContext, func(b *batch) error {
		a.spilled = true
		if _, err := b.st.arriving.ExecContext(noContext, a.content); err != nil {
			return err
		}
		return b.putPiece(a.content, a.first, *t.buffer)
	})
	a.first++
	*t.buffer = (*t.buffer)[:0]
	return err
}

// last is the end of the content.
func (t *taker) last() {
	a := t.a
	a.size += int64(len(*t.buffer))
	if t.s.memory() {
		if len(*t.buffer) > 0 {
			t.s.shelf.add(a.content, append([]byte(nil), *t.buffer...))
		}
		t.s.underWay.Add(-a.coming)
		a.coming, a.held = 0, a.size
		t.s.buffers.Put(t.buffer)
		return
	}
	// The buffer goes back once it is written: see keep.
	a.pieces, a.held, a.buffer = [][]byte{*t.buffer}, int64(len(*t.buffer)), t.buffer
}

// abandon gives up what is there of a mail that is not kept.
func (s *Store) abandon(a *arrival) {
	if s.memory() {
		s.underWay.Add(-a.coming)
		s.shelf.drop(a.content)
		return
	}
	if a.spilled {
		s.queue.put(job{do: func(b *batch) error {
			if _, err := b.st.dropPieces.ExecContext(noContext, a.content); err != nil {
				return err
			}
			_, err := b.st.arrived.ExecContext(noContext, a.content)
			return err
		}})
	}
}

// keep puts a mail into the store. With a file it returns when the mail is in it; in
// memory at once, for whoever asks waits until it is there.
func (s *Store) keep(a *arrival) error {
	a.rec.change(func(row *Session) { row.Messages++ })
	if s.memory() {
		return s.queue.put(job{mail: a})
	}
	done := make(chan error, 1)
	err := s.queue.put(job{mail: a, done: done})
	if err == nil {
		err = <-done
	}
	s.buffers.Put(a.buffer)
	a.pieces, a.buffer = nil, nil
	if err != nil {
		a.rec.change(func(row *Session) { row.Messages-- })
		s.abandon(a)
	}
	return err
}

// putMail writes a mail's rows.
func (b *batch) putMail(a *arrival) error {
	if !b.s.memory() {
		if err := b.putContent(a); err != nil {
			return err
		}
		a.rec.mu.Lock()
		saved := a.rec.saved
		a.rec.mu.Unlock()
		if !saved {
			if err := b.saveRow(a.rec); err != nil {
				return err
			}
		}
	}
	var params any
	if a.params != "" {
		params = a.params
	}
	at := a.at.UnixNano()
	for i, box := range a.mailboxes {
		id := a.id + int64(i)
		b.rows = append(b.rows, id, a.rec.row.ID, box, at, a.reverse, a.rcpts, params, a.size, a.content, i, len(a.mailboxes), a.marks)
		if len(b.rows) == rowsTogether*rowWidth {
			if _, err := b.st.messages.ExecContext(noContext, b.rows...); err != nil {
				return err
			}
			b.rows = b.rows[:0]
		}
		b.delta.add(box, 1, 1)
		b.delta.last = id
		b.tell("message", id, box)
	}
	b.delta.taken += int64(len(a.mailboxes))
	b.delta.bytes += a.size
	return nil
}

// putRows puts down the messages that are left over.
func (b *batch) putRows() error {
	for ; len(b.rows) > 0; b.rows = b.rows[rowWidth:] {
		if _, err := b.st.message.ExecContext(noContext, b.rows[:rowWidth]...); err != nil {
			return err
		}
	}
	return nil
}

func (b *batch) putContent(a *arrival) error {
	for i, p := range a.pieces {
		if len(p) == 0 {
			continue
		}
		if err := b.putPiece(a.content, a.first+i, p); err != nil {
			return err
		}
	}
	if !a.spilled {
		return nil
	}
	_, err := b.st.arrived.ExecContext(noContext, a.content)
	return err
}

func (b *batch) putPiece(content int64, number int, p []byte) error {
	_, err := b.st.piece.ExecContext(noContext, content<<16|int64(number), p)
	return err
}

// bare is a path as it is shown and searched: without its brackets.
func bare(p mail.Path) string {
	s := p.String()
	return strings.TrimSuffix(strings.TrimPrefix(s, "<"), ">")
}
