package digest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/outbox"
)

// ErrNoArticles is of a list that has no article yet which goes out.
var ErrNoArticles = errors.New("digest: there is no article yet")

const triedArticles = 10

// Try puts a mail to one address, in a language, with the newest articles that have gone out or will, ten at most, as a subscriber gets them: to be looked at
// before others do. The address need not be subscribed, and nothing is noted of anybody: a subscriber has all of these articles yet to come, or has had them.
// Its links are of nobody. The outbox sends it.
func (d *Digest) Try(ctx context.Context, address string, lang diagnose.Lang) (id outbox.ID, articles int, err error) {
	p, err := parseAddress(address)
	if err != nil {
		return id, 0, fmt.Errorf("digest: %w", err)
	}
	feeds, err := d.s.reader().feeds(ctx, "id > 0")
	if err != nil {
		return id, 0, failed("reading the feeds", err)
	}
	r := d.newRound(feeds)
	err = d.s.write(ctx, func(t *tx) error {
		items, err := t.newest(ctx, triedArticles)
		if err != nil {
			return err
		}
		if articles = len(items); articles == 0 {
			return ErrNoArticles
		}
		shown, err := d.issue(ctx, t, r.feeds, items, lang)
		if err != nil {
			return err
		}
		m := d.letter(&Subscriber{Address: strings.Trim(p.String(), "<>")}, shown, 0)
		m.Key = "" // it may be sent as often as somebody likes
		id, err = d.box.Put(ctx, t.SQL, m)
		return err
	})
	if errors.Is(err, ErrNoArticles) || errors.As(err, new(mail.Problems)) {
		return id, 0, err
	}
	return id, articles, failed("composing", err)
}

// newest are the last articles that go out, of feeds that are looked at, the oldest first.
func (t *tx) newest(ctx context.Context, most int) (list []int64, err error) {
	err = t.Each(ctx, "SELECT i.id FROM parley_digest_items i JOIN parley_digest_feeds f ON f.id = i.feed WHERE i.state = 0 AND f.state <> ? ORDER BY i.id DESC LIMIT ?", []any{feedOff, most}, func(scan func(...any) error) error {
		var id int64
		err := scan(&id)
		list = append(list, id)
		return err
	})
	slices.Reverse(list)
	return list, err
}
