package inbox

import (
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// watches are those who are told of changes.
type watches struct {
	mu     sync.Mutex
	list   []*watch
	some   atomic.Bool   // there is somebody
	news   chan struct{} // closed at the next change; nil: nobody waits
	closed bool
}

// A watch is one who is told.
type watch struct {
	events chan Event
	missed bool // that there was no room is the last that stands in events, or nothing was told since
}

const mostUntold = 4096 // events that a slow reader may leave: what comes in half a second at most

func (w *watches) any() bool { return w.some.Load() }

// tell tells all. It waits for nobody.
func (w *watches) tell(events []Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.news != nil {
		close(w.news)
		w.news = nil
	}
	for _, one := range w.list {
		for _, e := range events {
			one.tell(e)
		}
	}
}

// tell is called by one at a time. The last place is for "missed", so that it is told though nothing should happen any more.
func (w *watch) tell(e Event) {
	switch {
	case len(w.events) < cap(w.events)-1:
		w.events <- e
		w.missed = false
	case !w.missed:
		w.events <- Event{What: "missed"}
		w.missed = true
	}
}

func (w *watches) tellOne(what string, id int64, mailbox string) {
	if w.any() {
		w.tell([]Event{{what, id, mailbox}})
	}
}

// next is closed when something has changed.
func (w *watches) next() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.news == nil {
		w.news = make(chan struct{})
		if w.closed {
			close(w.news)
		}
	}
	return w.news
}

func (w *watches) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	if w.news != nil {
		close(w.news)
		w.news = nil
	}
	for _, one := range w.list {
		close(one.events)
	}
	w.list = nil
	w.some.Store(false)
}

// Watch gives events from now on until stop is called, or the store closed: then the
// channel is closed. A reader that is too slow gets an Event with What "missed" in place
// of those it missed.
func (s *Store) Watch() (events <-chan Event, stop func()) {
	one := &watch{events: make(chan Event, mostUntold)}
	w := &s.watches
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		close(one.events)
		return one.events, func() {}
	}
	w.list = append(w.list, one)
	w.some.Store(true)
	return one.events, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if i := slices.Index(w.list, one); i >= 0 {
			w.list = slices.Delete(w.list, i, i+1)
			w.some.Store(len(w.list) > 0)
			close(one.events)
		}
	}
}

// Wait gives the first message that the query fits: of those that are there (newer than
// q.After and q.Since), or the first that comes. In it from:, to:, rcpt: and sender: mean
// a whole address, or what stands before or behind its "@", and not a part of it; and
// to: means the envelope's recipients too.
func (s *Store) Wait(ctx context.Context, q Query) (Message, error) {
	f, err := messageFilter(q, true)
	if err != nil {
		return Message{}, err
	}
	for {
		news := s.watches.next() // before looking, lest what comes meanwhile is missed
		upTo, err := s.readyUpTo(ctx, f.indexed)
		if err != nil {
			return Message{}, err
		}
		m, ok, err := s.firstOf(ctx, q, upTo)
		if err != nil || ok {
			return m, err
		}
		if !f.fickle {
			q.After = max(q.After, upTo) // what was looked at need not be looked at again
		}
		select {
		case <-news:
		case <-ctx.Done():
			return Message{}, ctx.Err()
		}
	}
}

// firstOf is the oldest message, up to an ID, that a wait is for.
func (s *Store) firstOf(ctx context.Context, q Query, upTo int64) (Message, bool, error) {
	const some = 100
	for {
		f, err := messageFilter(q, true)
		if err != nil {
			return Message{}, false, err
		}
		f.add("m.id <= ?", upTo)
		var rows []row
		err = s.read(ctx, func(c querier) error {
			rows, err = messagesWhere(ctx, c, f, f.order, some)
			return err
		})
		if err != nil {
			return Message{}, false, err
		}
		for _, r := range rows {
			if f.meets(&r.Message) {
				s.readHead(ctx, &r)
				return r.Message, true, nil
			}
			q.After = r.ID
		}
		if len(rows) < some {
			return Message{}, false, nil
		}
	}
}

// meets reports whether a message has the addresses that must be the very same.
func (f *filter) meets(m *Message) bool {
	for _, t := range f.whole {
		var texts []string
		switch t.key {
		case "from":
			texts = []string{m.From}
		case "to":
			texts = append([]string{m.To, m.Cc}, m.Recipients...)
		case "rcpt":
			texts = m.Recipients
		default:
			texts = []string{m.ReversePath}
		}
		if slices.ContainsFunc(texts, func(text string) bool { return hasAddress(text, t.value) }) == t.not {
			return false
		}
	}
	return true
}

// hasAddress looks for an address in a text that may have several, with names. What is
// looked for may also be only what stands before or behind the "@".
func hasAddress(text, wanted string) bool {
	wanted = strings.Trim(wanted, "<>")
	between := func(r rune) bool { return strings.ContainsRune(" \t\r\n,;<>()\"", r) }
	for word := range strings.FieldsFuncSeq(text, between) {
		i := strings.LastIndexByte(word, '@')
		if i < 0 {
			if strings.EqualFold(word, "postmaster") && strings.EqualFold(wanted, word) {
				return true
			}
			continue
		}
		if strings.EqualFold(word, wanted) || strings.EqualFold(word[:i], strings.TrimSuffix(wanted, "@")) || strings.EqualFold(word[i+1:], strings.TrimPrefix(wanted, "@")) {
			return true
		}
	}
	return false
}
