package digest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/internal/plain"
	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/outbox"
)

const (
	mostRequests = 10_000 // that wait to be answered
	mostAsks     = 3      // mails about subscribing that go to one address in a day
)

// errBusy is the error for a request where too many wait.
var errBusy = errors.New("too many ask at this moment")

// A request is what somebody has asked for on the page. Who that is nobody looks at before the answer has gone out, so that it is the same, and takes
// the same time, whether an address is known or not.
type request struct {
	id      int64
	address mail.Path
	lang    diagnose.Lang
	Choice
}

// Ask mails somebody a link to confirm that they want to be subscribed, as the page does. Who is subscribed is mailed a link to their preferences; who has complained, nothing.
func (d *Digest) Ask(ctx context.Context, s Subscriber) error {
	p, err := parseAddress(s.Address)
	if err != nil {
		return fmt.Errorf("digest: %s: %w", plain.Quoted(s.Address), err)
	}
	return d.request(ctx, request{address: p, lang: s.Lang, Choice: s.Choice})
}

// request writes a request down.
func (d *Digest) request(ctx context.Context, r request) error {
	err := d.s.write(ctx, func(t *tx) error {
		var waiting int
		if err := t.Row(ctx, "SELECT count(*) FROM parley_digest_requests", nil, &waiting); err != nil {
			return err
		}
		if waiting >= mostRequests {
			return errBusy
		}
		return d.requestIn(ctx, t, r)
	})
	if err == nil {
		d.poke()
	}
	return failed("writing down a request", err)
}

func (d *Digest) requestIn(ctx context.Context, t *tx, r request) error {
	id, err := t.number(ctx, "requests", 1)
	if err != nil {
		return err
	}
	feeds := ""
	if !r.All {
		feeds = numbers(r.Feeds)
	}
	_, err = t.Exec(ctx, "INSERT INTO parley_digest_requests (id, address, lang, frequency, feeds, at) VALUES (?, ?, ?, ?, ?, ?)",
		id, r.address.String(), int64(r.lang), int64(r.Frequency), feeds, d.now())
	return err
}

// answer answers what was asked for, and tells how many that were.
func (d *Digest) answer(ctx context.Context) (n int, err error) {
	for ctx.Err() == nil {
		found := false
		err := d.s.write(ctx, func(t *tx) error {
			found = false
			var r request
			var path, feeds string
			var lang, frequency int64
			err := t.Row(ctx, "SELECT id, address, lang, frequency, feeds FROM parley_digest_requests ORDER BY id LIMIT 1"+t.Locked(), nil, &r.id, &path, &lang, &frequency, &feeds)
			if errors.Is(err, errNoRows) {
				return nil
			}
			if err != nil {
				return err
			}
			found = true
			r.lang, r.Frequency = diagnose.Lang(lang&1), Frequency(min(max(frequency, 0), int64(AtOnce))) //nolint:gosec // they are within
			r.Feeds = parseNumbers(feeds)
			r.All = len(r.Feeds) == 0
			if r.address, err = mail.ParsePath(path); err == nil {
				err = d.answerOne(ctx, t, &r)
			}
			if err == nil {
				_, err = t.Exec(ctx, "DELETE FROM parley_digest_requests WHERE id = ?", r.id)
			}
			return err
		})
		if err != nil || !found {
			return n, failed("answering a request", err)
		}
		n++
	}
	return n, ctx.Err()
}

// answerOne mails a link, if that address has not had too many.
func (d *Digest) answerOne(ctx context.Context, t *tx, r *request) error {
	s, err := t.load(ctx, "address = ?", addressKey(r.address))
	switch {
	case errors.Is(err, ErrNoSubscriber):
		s, err = d.insertSubscriber(ctx, t, r.address, r.lang, r.Choice)
	case err == nil && s.State == Complained:
		return nil
	case err == nil && s.State != Subscribed:
		// Their state stays what it is until they say yes: strangers can ask for them, and whoever has left must not be imported after that.
		_, err = t.Exec(ctx, "UPDATE parley_digest_subscribers SET lang = ?, frequency = ?, every = ? WHERE id = ?", int64(r.lang), int64(r.Frequency), btoi(r.All), s.ID)
		if err == nil {
			err = t.choose(ctx, s.ID, r.Choice)
		}
		s.Lang = r.lang
	}
	if err != nil {
		return err
	}
	may, err := d.mayAsk(ctx, t, s.ID)
	if err != nil || !may {
		return err
	}
	m := d.message(s.Address)
	if s.State == Subscribed {
		m.Subject = fmt.Sprintf(wordAlreadyTopic.In(s.Lang), d.c.Name)
		m.Text = fmt.Sprintf(wordAlreadyText.In(s.Lang), d.c.Name, d.preferencesLink(s.ID))
	} else {
		until := d.c.clock().Add(d.c.Confirm)
		m.Subject = fmt.Sprintf(wordConfirmTopic.In(s.Lang), d.c.Name)
		m.Text = fmt.Sprintf(wordConfirmText.In(s.Lang), d.c.Name, d.link("confirm", token{purpose: forConfirm, id: s.ID, round: uint32(s.round), until: until}), timeIn(until.In(d.c.Zone), s.Lang)) //nolint:gosec // it is small
	}
	_, err = d.box.Put(ctx, t.SQL, &outbox.Mail{Object: m, Origin: origin, Topic: "digest " + d.c.ListID + " confirm", Key: fmt.Sprintf("digest/ask/%d", r.id), Expires: d.c.clock().Add(d.c.Confirm)})
	if errors.As(err, new(mail.Problems)) {
		d.c.Log.Error("digest: a request cannot be answered, and is let go of", "subscriber", s.ID, "error", err)
		return nil // it will never be a mail, and those behind it are not to wait for it
	}
	return err
}

// mayAsk counts the mails of a day to somebody who is not subscribed by them yet: strangers can have them sent.
func (d *Digest) mayAsk(ctx context.Context, t *tx, id int64) (bool, error) {
	now, day := d.now(), (24 * time.Hour).Milliseconds()
	if _, err := t.Exec(ctx, "UPDATE parley_digest_subscribers SET asks = 0, asked_at = ? WHERE id = ? AND asked_at <= ?", now, id, now-day); err != nil {
		return false, err
	}
	n, err := t.Exec(ctx, "UPDATE parley_digest_subscribers SET asks = asks + 1 WHERE id = ? AND asks < ?", id, mostAsks)
	return n == 1, err
}

// confirm has somebody subscribed who presses the button. Who does so again is subscribed already, and that is no error.
func (d *Digest) confirm(ctx context.Context, text string) (s Subscriber, err error) {
	k, err := d.verify(forConfirm, text)
	if err != nil {
		return s, err
	}
	err = d.s.write(ctx, func(t *tx) error {
		s, err = t.load(ctx, "id = ?", k.id)
		if err != nil {
			return err
		}
		if s.round != int64(k.round) {
			return errExpired // they have left since then
		}
		if s.State == Subscribed {
			return nil
		}
		if s.State == Complained {
			return errExpired
		}
		return d.enter(ctx, t, &s)
	})
	d.poke()
	return s, err
}

// leaveBy has somebody leave who presses the button, or whose mail program does.
func (d *Digest) leaveBy(ctx context.Context, text string) error {
	k, err := d.verify(forLeaving, text)
	if err != nil {
		return err
	}
	err = d.s.write(ctx, func(t *tx) error {
		s, err := t.load(ctx, "id = ?", k.id)
		if errors.Is(err, ErrNoSubscriber) || err == nil && s.State > Unsubscribed {
			return nil // nothing goes to them
		}
		if err == nil {
			err = d.leave(ctx, t, &s, Unsubscribed, "")
		}
		return err
	})
	if err == nil {
		err = d.cancelStale(ctx)
	}
	return err
}

// cancelStale cancels what waits for those who have left. What is being sent at this moment is cancelled if that fails.
func (d *Digest) cancelStale(ctx context.Context) (err error) {
	var ids []int64
	err = d.s.reader().Each(ctx, "SELECT id FROM parley_digest_subscribers WHERE stale = 1 ORDER BY id LIMIT 1000", nil, func(scan func(...any) error) error {
		var id int64
		err := scan(&id)
		ids = append(ids, id)
		return err
	})
	for _, id := range ids {
		var refs []outbox.Ref
		if err == nil {
			err = d.s.reader().Each(ctx, "SELECT message FROM parley_digest_mails WHERE subscriber = ?", []any{id}, func(scan func(...any) error) error {
				ref := outbox.All(0)
				err := scan((*int64)(&ref.Message))
				refs = append(refs, ref)
				return err
			})
		}
		for _, ref := range refs {
			if err != nil {
				break
			}
			_, err = d.box.Cancel(ctx, "unsubscribed", ref)
			if errors.Is(err, outbox.ErrNotFound) {
				err = nil // it is no longer kept
			}
		}
		if err == nil {
			err = d.s.write(ctx, func(t *tx) error {
				_, err := t.Exec(ctx, "UPDATE parley_digest_subscribers SET stale = 0 WHERE id = ?", id)
				return err
			})
		}
	}
	return failed("cancelling mail of those who have left", err)
}
