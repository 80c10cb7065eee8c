package outbox_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/smtpd"
)

type (
	smtpdServer   = smtpd.Server
	mailRecipient = mail.Recipient
)

// A table is a router for tests: all mail goes one way, unless of says another.
type table struct {
	mu    sync.Mutex
	lanes map[string]*outbox.Lane
	way   []string
	of    func(outbox.Recipient) ([]string, error)
	asked int
}

func (r *table) Lanes(_ context.Context, to outbox.Recipient) ([]string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked++
	if r.of != nil {
		return r.of(to)
	}
	return slices.Clone(r.way), nil
}

func (r *table) Lane(_ context.Context, name string) (*outbox.Lane, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.lanes[name]
	if l == nil {
		return nil, errors.New("there is no such lane")
	}
	l.Name = name
	return l, nil
}

// expire makes a message's time over.
func (s *store) expire(t testing.TB, id outbox.ID) {
	t.Helper()
	if err := s.Expire(id, time.Now().Add(-time.Second)); err != nil {
		t.Fatal(err)
	}
}
