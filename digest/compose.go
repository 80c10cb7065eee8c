package digest

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/outbox"
)

const (
	composedAtOnce = 100  // subscribers in a transaction: what is put is on stable storage, which takes a while each time
	mostPending    = 2000 // articles that are looked through for one mail
)

const origin = "digest" // what our mails are known by in the outbox

// A Composed is what was put into the outbox.
type Composed struct {
	Mails int `json:"mails"`
	None  int `json:"none,omitempty"` // subscribers who were due, and for whom there was nothing
	Out   int `json:"out,omitempty"`  // who were taken off, since nothing is sent to their address any more
}

// Compose puts a mail into the outbox for each subscriber who is due, and for whom there is something. Whatever dies when, nobody gets an article twice and nobody
// is passed over: how far a subscriber has come is written in the transaction of the mail.
func (d *Digest) Compose(ctx context.Context) (all Composed, err error) {
	feeds, err := d.s.reader().feeds(ctx, "id > 0")
	if err != nil {
		return all, failed("reading the feeds", err)
	}
	r := d.newRound(feeds)
	for {
		if err := ctx.Err(); err != nil {
			return all, err
		}
		var one Composed
		n := 0
		err := d.s.write(ctx, func(t *tx) (err error) {
			one = Composed{}
			n, err = r.some(ctx, t, &one)
			return err
		})
		if err != nil {
			return all, failed("composing", err)
		}
		all.Mails += one.Mails
		all.None += one.None
		all.Out += one.Out
		if n < composedAtOnce {
			return all, nil
		}
	}
}

// A round is one call of Compose.
type round struct {
	d     *Digest
	feeds map[int64]*Feed
	shown *shelf
}

func (d *Digest) newRound(feeds []Feed) *round {
	r := &round{d: d, feeds: make(map[int64]*Feed), shown: newShelf()}
	for i := range feeds {
		r.feeds[feeds[i].ID] = &feeds[i]
	}
	return r
}

// some composes for the next subscribers that are due, and tells how many they were.
func (r *round) some(ctx context.Context, t *tx, c *Composed) (int, error) {
	var top int64
	if err := t.Row(ctx, "SELECT number FROM parley_digest_state WHERE name = 'items'", nil, &top); err != nil {
		return 0, err
	}
	var due []Subscriber
	skip := ""
	if t.Postgres() {
		skip = " FOR UPDATE SKIP LOCKED" // another process has them
	}
	err := t.Each(ctx, "SELECT "+subscriberColumns+" FROM parley_digest_subscribers WHERE state = 1 AND next_at <= ? ORDER BY next_at, id LIMIT ?"+skip, []any{r.d.now(), composedAtOnce}, func(scan func(...any) error) error {
		s, err := scanSubscriber(scan)
		due = append(due, s)
		return err
	})
	if err != nil || len(due) == 0 {
		return 0, err
	}
	from := top
	for i := range due {
		from = min(from, due[i].position)
		if !due[i].All {
			if due[i].Feeds, err = t.choices(ctx, due[i].ID); err != nil {
				return 0, err
			}
		}
	}
	pending, err := t.pending(ctx, from, top)
	if err != nil {
		return 0, err
	}
	for i := range due {
		if err := r.one(ctx, t, &due[i], pending, top, c); err != nil {
			return 0, err
		}
	}
	return len(due), nil
}

// A waiting is an article that goes out, as far as it must be known to tell to whom.
type waiting struct{ id, feed int64 }

// pending are the articles that go out behind one number and up to another; of very many the last.
func (t *tx) pending(ctx context.Context, after, top int64) (list []waiting, err error) {
	err = t.Each(ctx, "SELECT id, feed FROM parley_digest_items WHERE state = 0 AND id > ? AND id <= ? ORDER BY id DESC LIMIT ?", []any{after, top, mostPending}, func(scan func(...any) error) error {
		var w waiting
		err := scan(&w.id, &w.feed)
		list = append(list, w)
		return err
	})
	slices.Reverse(list)
	return list, err
}

// one composes for one subscriber.
func (r *round) one(ctx context.Context, t *tx, s *Subscriber, pending []waiting, top int64, c *Composed) error {
	d := r.d
	var items []int64
	for _, w := range pending {
		f := r.feeds[w.feed]
		if w.id > s.position && f != nil && f.state != feedOff && (s.All || slices.Contains(s.Feeds, w.feed)) {
			items = append(items, w.id)
		}
	}
	_, err := t.Exec(ctx, "UPDATE parley_digest_subscribers SET position = ?, next_at = ? WHERE id = ?", top, d.c.next(s.Frequency, d.c.clock()), s.ID)
	if err != nil || len(items) == 0 {
		c.None++
		return err
	}
	out, err := d.box.Suppressed(ctx, s.Address)
	if err != nil {
		return err
	}
	if out != nil {
		c.Out++
		state := Bounced
		if out.Reason == "complaint" {
			state = Complained
		}
		return d.leave(ctx, t, s, state, "suppressed: "+out.Reason)
	}
	shown, err := r.shown.of(ctx, d, t, r.feeds, items, s.Lang)
	if err != nil {
		return err
	}
	id, err := d.box.Put(ctx, t.SQL, d.letter(s, shown, top))
	if errors.As(err, new(mail.Problems)) || errors.Is(err, outbox.ErrTooLarge) {
		// It will never be a mail, and the others are not to wait for it.
		d.c.Log.Error("digest: a subscriber cannot be written to, and is taken off", "subscriber", s.ID, "error", err)
		c.Out++
		return d.leave(ctx, t, s, Bounced, err.Error())
	}
	if err != nil {
		return fmt.Errorf("subscriber %d: %w", s.ID, err)
	}
	_, err = t.Exec(ctx, "INSERT INTO parley_digest_mails (message, subscriber, at) VALUES (?, ?, ?)", int64(id), s.ID, d.now())
	c.Mails++
	return err
}

// letter is the mail of one subscriber.
func (d *Digest) letter(s *Subscriber, shown *issue, top int64) *outbox.Mail {
	leave, choose := d.leavingLink(s.ID), d.preferencesLink(s.ID)
	m := d.message(s.Address)
	m.Subject, m.Text, m.HTML = shown.subject, shown.text.with(leave, choose), shown.html.with(leave, choose)
	m.Inline = shown.inline
	m.Unsubscribe = mail.Unsubscribe{URL: leave, OneClick: d.oneClick()}
	return &outbox.Mail{
		Object: m, Class: outbox.Bulk, Origin: origin, Topic: "digest " + d.c.ListID, Key: fmt.Sprintf("digest/%d/%d/%d", s.ID, s.round, top),
		Expires: d.c.clock().Add(d.c.MaxAge), Unknown: d.unknown(),
	}
}

// message is a mail of the list to one address.
func (d *Digest) message(to string) *mail.Message {
	return &mail.Message{
		From: d.c.From, ReplyTo: d.c.ReplyTo, To: []mail.Address{{Address: to}}, ReversePath: d.c.ReversePath, Date: d.c.clock(), MessageID: mail.NewMessageID(d.c.From),
		AutoSubmitted: "auto-generated",
		// RFC 2919 §2: a phrase, and the name.
		Header: []mail.Field{{Name: "List-Id", Value: phrase(d.c.Name) + "<" + d.c.ListID + ">"}},
	}
}

// oneClick reports whether mails can be left by a POST: RFC 8058 §3.1 wants https.
func (d *Digest) oneClick() bool { return len(d.c.URL) > 8 && d.c.URL[:8] == "https://" }

// unknown is what is done with a mail of which nobody knows whether it was taken.
func (d *Digest) unknown() outbox.Policy {
	if d.c.Again {
		return outbox.Again
	}
	return outbox.Hold
}
