package outbox

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
)

// readers are connections that a worker reads by, with their statements prepared: to prepare one costs more than to run it.
type readers struct {
	b    *Box
	room chan struct{} // holds one for each that is in use
	mu   sync.Mutex
	idle []*tx
	done bool
}

const mostReaders = 4

func newReaders(b *Box) *readers { return &readers{b: b, room: make(chan struct{}, mostReaders)} }

// read runs f with one of them. After an error that is not f's own word on what it found the connection is not used
// again.
func (r *readers) read(ctx context.Context, f func(t *tx) error) error {
	select {
	case r.room <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-r.room }()
	t, err := r.take(ctx)
	if err != nil {
		return err
	}
	err = f(t)
	sound := err == nil || errors.Is(err, ErrCorrupt) || errors.Is(err, ErrNotFound)
	r.mu.Lock()
	defer r.mu.Unlock()
	if sound && !r.done {
		r.idle = append(r.idle, t)
	} else {
		closeReader(t)
	}
	return err
}

func (r *readers) take(ctx context.Context) (*tx, error) {
	r.mu.Lock()
	if n := len(r.idle); n > 0 {
		t := r.idle[n-1]
		r.idle = r.idle[:n-1]
		r.mu.Unlock()
		return t, nil
	}
	r.mu.Unlock()
	conn, err := r.b.db.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("outbox: connecting: %w", err)
	}
	return &tx{conn: conn, b: r.b, prepared: make(map[string]*sql.Stmt)}, nil
}

func (r *readers) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.done = true
	for _, t := range r.idle {
		closeReader(t)
	}
	r.idle = nil
}

func closeReader(t *tx) {
	for _, s := range t.prepared {
		s.Close()
	}
	t.conn.(*sql.Conn).Close() //nolint:errcheck // it was only read by
}

// load is [tx.load] by one of them.
func (r *readers) load(ctx context.Context, id ID) (m *stored, err error) {
	err = r.read(ctx, func(t *tx) (err error) {
		m, err = t.load(ctx, id)
		return err
	})
	return m, err
}

// each is [tx.each] by one of them.
func (r *readers) each(ctx context.Context, query string, args []any, f func(*sql.Rows) error) error {
	return r.read(ctx, func(t *tx) error { return t.each(ctx, query, args, f) })
}

// row is [tx.QueryRow] by one of them, for queries that always give one.
func (r *readers) row(ctx context.Context, query string, args []any, into ...any) error {
	return r.read(ctx, func(t *tx) error { return t.QueryRow(ctx, query, args, into...) })
}
