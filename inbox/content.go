package inbox

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"sync"
)

var errTooLarge = errors.New("inbox: the content is larger than the store takes")

// A shelf has the contents of a store that is in memory.
type shelf struct {
	mu       sync.RWMutex
	contents map[int64][][]byte // pieces; all but the last have pieceSize octets
}

func (h *shelf) add(content int64, piece []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.contents[content] = append(h.contents[content], piece)
}

func (h *shelf) drop(content int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.contents, content)
}

func (h *shelf) pieces(content int64) [][]byte {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.contents[content]
}

// Content is the octets of a message as they were sent.
func (s *Store) Content(ctx context.Context, id int64) ([]byte, error) {
	o, err := s.opened(ctx, id)
	if err != nil {
		return nil, err
	}
	b := make([]byte, o.size)
	if _, err = io.ReadFull(o, b); err != nil {
		return nil, fmt.Errorf("inbox: reading the content of message %d: %w", id, err)
	}
	return b, nil
}

// Open gives the content of a message to be read piece by piece, so that no more of
// it than a piece is in memory. Where the message is deleted meanwhile, reading ends
// with an error. It is for one goroutine.
func (s *Store) Open(ctx context.Context, id int64) (io.ReadSeekCloser, error) {
	return s.opened(ctx, id)
}

func (s *Store) opened(ctx context.Context, id int64) (*opened, error) {
	if err := s.sync(ctx); err != nil {
		return nil, err
	}
	o := &opened{s: s, ctx: ctx, number: -1}
	err := s.read(ctx, func(q querier) error {
		return found(q.QueryRowContext(ctx, "SELECT content, size FROM messages WHERE id = ?", id).Scan(&o.content, &o.size))
	})
	if err != nil {
		return nil, err
	}
	if s.memory() {
		// They are never changed: who has them can read on, whatever is deleted.
		o.pieces = s.shelf.pieces(o.content)
	}
	return o, nil
}

// found gives ErrNotFound for no row.
func found(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return ErrNotFound
	}
	return err
}

// An opened content is read.
type opened struct {
	s       *Store
	ctx     context.Context
	content int64
	size    int64
	at      int64
	pieces  [][]byte // in memory: all
	number  int      // of the piece
	piece   []byte
}

func (o *opened) Read(p []byte) (int, error) {
	if o.at >= o.size {
		return 0, io.EOF
	}
	if n := int(o.at / pieceSize); n != o.number {
		piece, err := o.fetch(n)
		if err != nil {
			return 0, err
		}
		o.piece, o.number = piece, n
	}
	n := 0
	if from := int(o.at % pieceSize); from < len(o.piece) {
		n = copy(p, o.piece[from:])
	}
	if n == 0 && len(p) > 0 {
		return 0, io.ErrUnexpectedEOF
	}
	o.at += int64(n)
	return n, nil
}

func (o *opened) fetch(n int) (piece []byte, err error) {
	if o.s.memory() {
		if n >= len(o.pieces) {
			return nil, ErrNotFound
		}
		return o.pieces[n], nil
	}
	err = o.s.read(o.ctx, func(q querier) error {
		return found(q.QueryRowContext(o.ctx, "SELECT data FROM pieces WHERE id = ?", o.content<<16|int64(n)).Scan(&piece))
	})
	return piece, err
}

// Seek sets where the next Read begins.
func (o *opened) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += o.at
	case io.SeekEnd:
		offset += o.size
	default:
	}
	if offset < 0 {
		return 0, errors.New("inbox: seeking before the content's begin")
	}
	o.at = offset
	return offset, nil
}

// Close ends the reading.
func (o *opened) Close() error { return nil }

// beginOf gives the begin of a content that is known by its own ID. In memory it may be
// the content itself, which must not be changed.
func (s *Store) beginOf(ctx context.Context, content, size, most int64) ([]byte, error) {
	o := &opened{s: s, ctx: ctx, number: -1, content: content, size: size}
	if s.memory() {
		o.pieces = s.shelf.pieces(content)
		if len(o.pieces) == 1 {
			return o.pieces[0], nil
		}
	}
	b := make([]byte, min(size, most))
	_, err := io.ReadFull(o, b)
	return b, err
}
