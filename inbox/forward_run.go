package inbox

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/parleymail/parley/internal/pause"
	"github.com/parleymail/parley/mail"
)

// A place is how far a Forwarder is with what comes in.
type place struct {
	mu    sync.Mutex
	begun bool
	over  bool          // Run has ended
	after int64         // ID of the last message that was looked at
	moved chan struct{} // closed when it is another, or Run has ended; nil: nobody waits
}

// set moves on.
func (p *place) set(after int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.begun, p.over, p.after = true, false, after
	p.tell()
}

// end is that of Run: the next one begins anew.
func (p *place) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.begun, p.over = false, true
	p.tell()
}

func (p *place) tell() {
	if p.moved != nil {
		close(p.moved)
		p.moved = nil
	}
}

func (p *place) at() (after int64, begun bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.after, p.begun
}

// next is closed once the place has moved; nil where it is far enough.
func (p *place) next(upTo int64) <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over || p.begun && p.after >= upTo {
		return nil
	}
	if p.moved == nil {
		p.moved = make(chan struct{})
	}
	return p.moved
}

// Begin has [Forwarder.Run] forward what comes from here on, for who calls it before it
// listens; Run does so itself where that was not done.
func (f *Forwarder) Begin(ctx context.Context) error {
	if _, begun := f.place.at(); begun {
		return nil
	}
	last, err := f.Store.readyUpTo(ctx, false)
	if err == nil {
		f.place.set(last)
	}
	return err
}

// Finish waits until Run has tried all that was taken by now, or has ended.
func (f *Forwarder) Finish(ctx context.Context) error {
	upTo, err := f.Store.readyUpTo(ctx, false)
	if err != nil {
		return err
	}
	for {
		moved := f.place.next(upTo)
		if moved == nil {
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// How long Run waits where the store cannot be read or written, which is told once, before
// it looks again.
const (
	firstPause   = time.Second
	longestPause = 5 * time.Second
)

// Run forwards by the rules what comes from now on, each mail by the first rule that fits
// it, until the context ends or the store is closed. A mail in several mailboxes is sent to
// the same recipients once. It tells of each mail what became of it, and of what keeps it
// from looking for more, with a Message that has no ID; told may be nil.
func (f *Forwarder) Run(ctx context.Context, told func(Message, error)) error {
	if told == nil {
		told = func(Message, error) {}
	}
	for _, r := range f.Rules {
		if _, err := ParseQuery(r.Query); err != nil {
			return fmt.Errorf("reading the rule %q: %w", r.Query, err)
		}
	}
	defer f.place.end()
	var before recent
	var wait time.Duration
	for {
		news := f.Store.watches.next()
		err := f.pass(ctx, &before, told)
		switch {
		case ctx.Err() != nil, errors.Is(err, ErrClosed):
			return nil
		case err == nil:
			wait = 0
			select {
			case <-news:
			case <-ctx.Done():
				return nil
			}
			continue
		case wait == 0:
			told(Message{}, err)
		}
		// A disk that is full has room again some day, and until then the rest goes on.
		if wait = min(max(2*wait, firstPause), longestPause); !pause.For(ctx, wait) {
			return nil
		}
	}
}

// pass forwards what has come, oldest first. An error is that of the store: the mails that
// were not looked at are looked at the next time.
func (f *Forwarder) pass(ctx context.Context, before *recent, told func(Message, error)) error {
	if err := f.Begin(ctx); err != nil {
		return err
	}
	after, _ := f.place.at()
	upTo, err := f.Store.readyUpTo(ctx, true)
	if err != nil {
		return err
	}
	for after < upTo {
		m, rule, err := f.first(ctx, after, upTo)
		if err != nil {
			return err
		}
		if m.ID == 0 {
			break
		}
		if err = f.forward(ctx, m, rule, before, told); err != nil {
			return err
		}
		after = m.ID
		f.place.set(after)
	}
	f.place.set(upTo)
	return ctx.Err()
}

// forward passes one mail on.
func (f *Forwarder) forward(ctx context.Context, m Message, rule Rule, before *recent, told func(Message, error)) error {
	env, err := f.envelope(ctx, m.ID, "", rule.To)
	var sum sum
	if err == nil {
		sum, err = f.sumOf(ctx, m.ID, env)
	}
	var content int64
	if err == nil {
		content, err = f.Store.contentOf(ctx, m.ID)
	}
	if err != nil {
		// Where the store is well it is this mail alone that cannot be read: it may be deleted.
		if unwell := f.Store.sync(ctx); unwell != nil {
			return unwell
		}
		told(m, err)
		return nil
	}
	switch known, seen := before.add(sum, content); {
	case seen && known == content: // a copy, for another mailbox
		return nil
	case seen:
		told(m, ErrLoop)
		return nil
	}
	_, err = f.send(ctx, m.ID, env, rule.Query)
	told(m, err)
	return nil
}

// first is the oldest message between two IDs that a rule fits, and the first rule that
// does.
func (f *Forwarder) first(ctx context.Context, after, upTo int64) (m Message, rule Rule, err error) {
	for _, r := range f.Rules {
		found, ok, err := f.Store.firstOf(ctx, Query{Text: r.Query, After: after}, upTo)
		if err != nil {
			return m, rule, err
		}
		if ok && (m.ID == 0 || found.ID < m.ID) {
			m, rule = found, r
		}
	}
	return m, rule, nil
}

// contentOf is the number of a message's content, which the copies of a mail share.
func (s *Store) contentOf(ctx context.Context, id int64) (content int64, err error) {
	err = s.read(ctx, func(q querier) error {
		return found(q.QueryRowContext(ctx, "SELECT content FROM messages WHERE id = ?", id).Scan(&content))
	})
	return content, err
}

// A sum tells mails apart by their content and whom they are sent to.
type sum [sha256.Size]byte

func (f *Forwarder) sumOf(ctx context.Context, id int64, env mail.Envelope) (sum, error) {
	content, err := f.Store.Open(ctx, id)
	if err != nil {
		return sum{}, err
	}
	defer content.Close()
	h := sha256.New()
	for _, r := range env.Recipients {
		fmt.Fprintln(h, r.Path)
	}
	fmt.Fprintln(h)
	if _, err = io.Copy(h, content); err != nil {
		return sum{}, err
	}
	return sum(h.Sum(nil)), nil
}

// recent remembers what was forwarded last.
type recent struct {
	seen map[sum]int64 // the number of the content that came last
	ring []sum
	next int
}

const mostRemembered = 4096

// add gives the content that had the same sum before, if one did.
func (r *recent) add(s sum, content int64) (before int64, seen bool) {
	if before, seen = r.seen[s]; seen {
		r.seen[s] = content
		return before, true
	}
	if r.seen == nil {
		r.seen = make(map[sum]int64)
	}
	if len(r.ring) < mostRemembered {
		r.ring = append(r.ring, s)
	} else {
		delete(r.seen, r.ring[r.next])
		r.ring[r.next] = s
		r.next = (r.next + 1) % mostRemembered
	}
	r.seen[s] = content
	return 0, false
}
