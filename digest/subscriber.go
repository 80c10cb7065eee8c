package digest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/internal/plain"
	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/outbox"
)

// A Subscriber is somebody who gets mail, or who was asked whether they want to, or who has left.
type Subscriber struct {
	ID      int64         `json:"id"`
	Address string        `json:"address"`
	State   State         `json:"state"`
	Lang    diagnose.Lang `json:"-"`
	Choice
	Added     time.Time `json:"added"`
	Confirmed time.Time `json:"confirmed,omitzero"`
	Changed   time.Time `json:"changed"`
	Next      time.Time `json:"next,omitzero"`
	Why       string    `json:"why,omitempty"` // of a state that is not their own wish

	position, round int64
}

// A Choice is what a subscriber wants.
type Choice struct {
	Frequency Frequency `json:"frequency"`
	All       bool      `json:"all"`             // of all feeds, also of those that come later
	Feeds     []int64   `json:"feeds,omitempty"` // where not All: their numbers
}

// State is where a subscriber is.
type State uint8

const (
	Asked        State = iota // was mailed a link to confirm, and has not followed it
	Subscribed                // gets mail
	Unsubscribed              // has left
	Bounced                   // their mail comes back
	Complained                // has called it junk
)

var states = [...]string{"asked", "subscribed", "unsubscribed", "bounced", "complained"}

func (s State) String() string { return states[min(int(s), len(states)-1)] }

// MarshalText is [State.String].
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText is the reverse of [State.String].
func (s *State) UnmarshalText(text []byte) error {
	for n, name := range states {
		if strings.EqualFold(string(text), name) {
			*s = State(n) //nolint:gosec // there are five
			return nil
		}
	}
	return fmt.Errorf("%s is no state of a subscriber", plain.Quoted(string(text)))
}

const subscriberColumns = "id, shown, lang, state, frequency, every, position, next_at, round, added, confirmed, changed, why"

func scanSubscriber(scan func(...any) error) (s Subscriber, err error) {
	var lang, state, frequency, every, next, added, confirmed, changed int64
	err = scan(&s.ID, &s.Address, &lang, &state, &frequency, &every, &s.position, &next, &s.round, &added, &confirmed, &changed, &s.Why)
	s.Lang, s.State, s.Frequency, s.All = diagnose.Lang(lang&1), State(min(max(state, 0), int64(Complained))), Frequency(min(max(frequency, 0), int64(AtOnce))), every == 1 //nolint:gosec // they are within
	s.Added, s.Confirmed, s.Changed = timeOf(added), timeOf(confirmed), timeOf(changed)
	if s.State == Subscribed {
		s.Next = timeOf(next)
	}
	return s, err
}

// addressKey is an address as the list has it: no two mailboxes differ by case alone, though RFC 5321 §2.4 would let them. A domain is the
// same in its own script and in ASCII.
func addressKey(p mail.Path) string {
	if a, err := p.ASCII(); err == nil {
		p = a
	}
	return strings.ToLower(strings.Trim(p.String(), "<>"))
}

// parseAddress reads the address of one mailbox, without a name.
func parseAddress(text string) (mail.Path, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return mail.Path{}, &addressError{errors.New("the address is missing")}
	}
	p, err := mail.ParsePath(text)
	if err != nil {
		return p, &addressError{err}
	}
	if p.IsNull() || p.Domain == "" {
		return p, &addressError{errors.New("it is no address such as kim@example.net")}
	}
	return p, nil
}

// An addressError is [ErrAddress], and says why.
type addressError struct{ error }

func (e *addressError) Is(target error) bool { return target == ErrAddress }

// load gives a subscriber; ErrNoSubscriber where there is none. It is kept from being changed by others until the transaction ends.
func (t *tx) load(ctx context.Context, where string, args ...any) (s Subscriber, err error) {
	err = t.Each(ctx, "SELECT "+subscriberColumns+" FROM parley_digest_subscribers WHERE "+where+t.Locked(), args, func(scan func(...any) error) (err error) {
		s, err = scanSubscriber(scan)
		return err
	})
	if err == nil && s.ID == 0 {
		err = ErrNoSubscriber
	}
	if err == nil && !s.All {
		s.Feeds, err = t.choices(ctx, s.ID)
	}
	return s, err
}

func (t *tx) choices(ctx context.Context, id int64) (list []int64, err error) {
	err = t.Each(ctx, "SELECT feed FROM parley_digest_choices WHERE subscriber = ? ORDER BY feed", []any{id}, func(scan func(...any) error) error {
		var feed int64
		err := scan(&feed)
		list = append(list, feed)
		return err
	})
	return list, err
}

// Subscriber gives a subscriber by their address.
func (d *Digest) Subscriber(ctx context.Context, address string) (Subscriber, error) {
	p, err := parseAddress(address)
	if err != nil {
		return Subscriber{}, fmt.Errorf("digest: %s: %w", plain.Quoted(address), err)
	}
	s, err := d.s.reader().load(ctx, "address = ?", addressKey(p))
	return s, failed("reading a subscriber", err)
}

// Subscribers gives a page of those in a state, in the order in which they came; after is the number of the last one of the page before.
func (d *Digest) Subscribers(ctx context.Context, state State, after int64, limit int) (list []Subscriber, err error) {
	t := d.s.reader()
	err = t.Each(ctx, "SELECT "+subscriberColumns+" FROM parley_digest_subscribers WHERE state = ? AND id > ? ORDER BY id LIMIT ?", []any{int64(state), after, limit}, func(scan func(...any) error) error {
		s, err := scanSubscriber(scan)
		list = append(list, s)
		return err
	})
	for i := range list {
		if err == nil && !list[i].All {
			list[i].Feeds, err = t.choices(ctx, list[i].ID)
		}
	}
	return list, failed("reading the subscribers", err)
}

// Subscribe subscribes somebody who has said so elsewhere, and can prove it: no link is mailed. Who has left, whose mail came back or who has complained
// stays out, and is an error of type *[StayedOut], unless anew is set. Zero fields of the subscriber are as the digest has them.
func (d *Digest) Subscribe(ctx context.Context, s Subscriber, anew bool) (got Subscriber, err error) {
	p, err := parseAddress(s.Address)
	if err != nil {
		return got, fmt.Errorf("digest: %s: %w", plain.Quoted(s.Address), err)
	}
	err = d.s.write(ctx, func(t *tx) (err error) {
		got, err = d.subscribe(ctx, t, p, s, anew)
		return err
	})
	return got, failed("subscribing", err)
}

func (d *Digest) subscribe(ctx context.Context, t *tx, p mail.Path, s Subscriber, anew bool) (got Subscriber, err error) {
	got, err = t.load(ctx, "address = ?", addressKey(p))
	switch {
	case errors.Is(err, ErrNoSubscriber):
		got, err = d.insertSubscriber(ctx, t, p, s.Lang, s.Choice)
	case err == nil && got.State >= Unsubscribed && !anew:
		return got, &StayedOut{Address: got.Address, State: got.State}
	}
	if err != nil {
		return got, err
	}
	got.Choice, got.Lang = s.Choice, s.Lang
	return got, d.enter(ctx, t, &got)
}

// StayedOut is the error for somebody who is not to be subscribed again by others.
type StayedOut struct {
	Address string
	State   State
}

func (e *StayedOut) Error() string {
	return plain.Quoted(e.Address) + " is " + e.State.String() + ", and is not subscribed again"
}

// insertSubscriber writes down somebody new, who was asked.
func (d *Digest) insertSubscriber(ctx context.Context, t *tx, p mail.Path, lang diagnose.Lang, c Choice) (Subscriber, error) {
	id, err := t.number(ctx, "subscribers", 1)
	if err != nil {
		return Subscriber{}, err
	}
	s := Subscriber{ID: id, Address: strings.Trim(p.String(), "<>"), Lang: lang, Choice: c, Added: timeOf(d.now())}
	_, err = t.Exec(ctx, `INSERT INTO parley_digest_subscribers (id, address, shown, lang, state, frequency, every, position, next_at, round, added, confirmed, changed, asks, asked_at, why, stale)
		VALUES (?, ?, ?, ?, ?, ?, ?, 0, ?, 0, ?, 0, ?, 0, 0, '', 0)`, id, addressKey(p), s.Address, int64(lang), int64(Asked), int64(c.Frequency), btoi(c.All), never, d.now(), d.now())
	if err == nil {
		err = t.choose(ctx, id, c)
	}
	return s, err
}

// enter makes somebody a subscriber, from now on: what was there before does not go to them.
func (d *Digest) enter(ctx context.Context, t *tx, s *Subscriber) error {
	now := d.now()
	if s.State != Subscribed {
		if err := t.Row(ctx, "SELECT number FROM parley_digest_state WHERE name = 'items'", nil, &s.position); err != nil {
			return err
		}
		s.Confirmed = timeOf(now)
	}
	next := d.c.next(s.Frequency, d.c.clock())
	if s.Frequency == AtOnce {
		next = now // what came meanwhile
	}
	s.State, s.Why, s.Changed = Subscribed, "", timeOf(now)
	_, err := t.Exec(ctx, `UPDATE parley_digest_subscribers SET state = ?, lang = ?, frequency = ?, every = ?, position = ?, next_at = ?, confirmed = ?, changed = ?, why = '' WHERE id = ?`,
		int64(Subscribed), int64(s.Lang), int64(s.Frequency), btoi(s.All), s.position, next, s.Confirmed.UnixMilli(), now, s.ID)
	if err == nil {
		err = t.choose(ctx, s.ID, s.Choice)
	}
	return err
}

// choose writes down the feeds that somebody wants.
func (t *tx) choose(ctx context.Context, id int64, c Choice) error {
	if _, err := t.Exec(ctx, "DELETE FROM parley_digest_choices WHERE subscriber = ?", id); err != nil || c.All {
		return err
	}
	for _, feed := range slices.Compact(slices.Sorted(slices.Values(c.Feeds))) {
		if _, err := t.Exec(ctx, "INSERT INTO parley_digest_choices (subscriber, feed) SELECT s.id, f.id FROM parley_digest_subscribers s, parley_digest_feeds f WHERE s.id = ? AND f.id = ?", id, feed); err != nil {
			return err
		}
	}
	return nil
}

// Leave has somebody get nothing more: state says why, and is not Asked or Subscribed. What already waits to be sent to them is cancelled. It is no error where they have left
// before.
func (d *Digest) Leave(ctx context.Context, address string, state State, why string) error {
	p, err := parseAddress(address)
	if err != nil {
		return fmt.Errorf("digest: %s: %w", plain.Quoted(address), err)
	}
	err = d.s.write(ctx, func(t *tx) error {
		asked, err := t.withdraw(ctx, p)
		if err != nil {
			return err
		}
		s, err := t.load(ctx, "address = ?", addressKey(p))
		if errors.Is(err, ErrNoSubscriber) && state == Complained {
			s, err = d.insertSubscriber(ctx, t, p, d.c.Lang, Choice{All: true}) // they are not to be asked ever
		}
		if err == nil {
			err = d.leave(ctx, t, &s, state, why)
		}
		if errors.Is(err, ErrNoSubscriber) && asked {
			err = nil // they have not been mailed yet, and will not be
		}
		return err
	})
	if err == nil {
		err = d.cancelStale(ctx)
	}
	return failed("unsubscribing", err)
}

// withdraw takes back what was asked for somebody, and has not been answered yet.
func (t *tx) withdraw(ctx context.Context, p mail.Path) (asked bool, err error) {
	var ids []int64
	err = t.Each(ctx, "SELECT id, address FROM parley_digest_requests", nil, func(scan func(...any) error) error {
		var id int64
		var text string
		if err := scan(&id, &text); err != nil {
			return err
		}
		if q, err := mail.ParsePath(text); err == nil && addressKey(q) == addressKey(p) {
			ids = append(ids, id)
		}
		return nil
	})
	for _, id := range ids {
		if err == nil {
			_, err = t.Exec(ctx, "DELETE FROM parley_digest_requests WHERE id = ?", id)
		}
	}
	return len(ids) > 0, err
}

// leave writes it down. The mail that waits is cancelled behind this transaction, and by whoever is next if this process dies before.
func (d *Digest) leave(ctx context.Context, t *tx, s *Subscriber, state State, why string) error {
	if s.State == state {
		return nil
	}
	_, err := t.Exec(ctx, "UPDATE parley_digest_subscribers SET state = ?, next_at = ?, round = round + 1, changed = ?, why = ?, stale = 1 WHERE id = ?",
		int64(state), never, d.now(), plain.OneLine(why, 300), s.ID)
	s.State = state
	return err
}

// Forget takes all that is known of somebody out of the digest's tables, and the digest's mails to them out of the outbox with their history; one that is being
// sent at that moment stays. Who is forgotten may be subscribed again by an import.
func (d *Digest) Forget(ctx context.Context, address string) error {
	if err := d.Leave(ctx, address, Unsubscribed, ""); err != nil {
		return err
	}
	p, err := parseAddress(address)
	if err != nil {
		return err
	}
	err = d.s.write(ctx, func(t *tx) error {
		s, err := t.load(ctx, "address = ?", addressKey(p))
		if errors.Is(err, ErrNoSubscriber) {
			return nil // they had only been asked for
		}
		for _, table := range []string{"parley_digest_choices WHERE subscriber", "parley_digest_mails WHERE subscriber", "parley_digest_subscribers WHERE id"} {
			if err == nil {
				_, err = t.Exec(ctx, "DELETE FROM "+table+" = ?", s.ID)
			}
		}
		return err
	})
	if err == nil {
		_, err = d.box.PurgeAll(ctx, outbox.Query{Origin: origin, Recipient: strings.Trim(p.String(), "<>")})
	}
	return failed("forgetting a subscriber", err)
}

func btoi(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// numbers are feeds, as a text.
func numbers(list []int64) string {
	words := make([]string, len(list))
	for i, n := range list {
		words[i] = strconv.FormatInt(n, 10)
	}
	return strings.Join(words, ",")
}

// ParseFeeds reads numbers of feeds, with commas between them. What is none is passed over.
func ParseFeeds(s string) []int64 { return parseNumbers(s) }

func parseNumbers(s string) (list []int64) {
	for word := range strings.SplitSeq(s, ",") {
		if n, err := strconv.ParseInt(strings.TrimSpace(word), 10, 64); err == nil && n > 0 && len(list) < 1000 {
			list = append(list, n)
		}
	}
	return list
}
