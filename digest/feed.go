package digest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"time"

	"github.com/parleymail/parley/internal/plain"
)

// A Feed is what is looked at.
type Feed struct {
	ID     int64         `json:"id"`
	URL    string        `json:"url"`
	Name   string        `json:"name,omitempty"`   // that readers see; empty: the title that it has of itself
	Every  time.Duration `json:"every,omitempty"`  // zero: as the digest has it
	Images Images        `json:"images,omitempty"` // zero: as the digest has it

	// What follows is known of it, and not to be set.

	Title    string    `json:"title,omitempty"`
	Link     string    `json:"link,omitempty"`
	Moved    string    `json:"moved,omitempty"` // where it has moved to for good
	Gone     bool      `json:"gone,omitempty"`  // its server says that it is no more
	Added    time.Time `json:"added"`
	Next     time.Time `json:"next,omitzero"`  // when it is looked at next
	Asked    time.Time `json:"asked,omitzero"` // when it was last
	Good     time.Time `json:"good,omitzero"`  // when that went well last
	Failures int       `json:"failures,omitempty"`
	Error    string    `json:"error,omitempty"`
	Held     int       `json:"held,omitempty"` // articles that were kept back, since one look brought too many
	Note     string    `json:"note,omitempty"` // what was odd of late

	state          int
	etag, modified string
	body           string // a hash of what was read last
}

// Shown is what readers know a feed by.
func (f *Feed) Shown() string {
	for _, s := range []string{f.Name, f.Title} {
		if s != "" {
			return s
		}
	}
	if u, err := url.Parse(f.URL); err == nil {
		return u.Hostname() // what else is in it may be a secret
	}
	return ""
}

// MarshalJSON leaves the password out that the URL of a feed may hold.
func (f Feed) MarshalJSON() ([]byte, error) {
	type plain Feed
	f.URL, f.Moved = withoutPassword(f.URL), withoutPassword(f.Moved)
	return json.Marshal(plain(f))
}

const (
	feedLooked = iota
	feedGone
	feedOff
)

const feedColumns = "id, url, moved, name, title, link, state, every, images, added, etag, modified, body, next_at, asked_at, good_at, failures, error, held, note"

func scanFeed(scan func(...any) error) (f Feed, err error) {
	var every, images, added, next, asked, good int64
	err = scan(&f.ID, &f.URL, &f.Moved, &f.Name, &f.Title, &f.Link, &f.state, &every, &images, &added, &f.etag, &f.modified, &f.body, &next, &asked, &good, &f.Failures, &f.Error, &f.Held, &f.Note)
	f.Every, f.Images = time.Duration(every)*time.Millisecond, Images(min(max(images, 0), int64(NoImages))) //nolint:gosec // it is within
	f.Added, f.Next, f.Asked, f.Good, f.Gone = timeOf(added), timeOf(next), timeOf(asked), timeOf(good), f.state == feedGone
	return f, err
}

// AddFeed has a feed looked at from now on. Of one that is there already the name, Every and Images are set anew.
func (d *Digest) AddFeed(ctx context.Context, f Feed) (Feed, error) {
	u, err := parseURL(f.URL)
	if err != nil {
		return f, fmt.Errorf("digest: %s: %w", plain.Quoted(withoutPassword(f.URL)), err)
	}
	f.URL, f.Name = u.String(), plain.OneLine(f.Name, 200)
	if f.Every != 0 {
		f.Every = max(f.Every, leastEvery)
	}
	err = d.s.write(ctx, func(t *tx) error {
		n, err := t.Exec(ctx, `UPDATE parley_digest_feeds SET name = ?, every = ?, images = ?, state = 0, next_at = 0, failures = 0, error = '', etag = '', modified = '', body = '' WHERE url = ?`,
			f.Name, f.Every.Milliseconds(), int64(f.Images), f.URL)
		if err != nil || n > 0 {
			return err
		}
		id, err := t.number(ctx, "feeds", 1)
		if err != nil {
			return err
		}
		_, err = t.Exec(ctx, `INSERT INTO parley_digest_feeds (id, url, moved, name, title, link, state, every, images, added, etag, modified, body, next_at, asked_at, good_at, failures, error, held, note)
			VALUES (?, ?, '', ?, '', '', 0, ?, ?, ?, '', '', '', 0, 0, 0, 0, '', 0, '')`, id, f.URL, f.Name, f.Every.Milliseconds(), int64(f.Images), d.now())
		return err
	})
	if err == nil {
		f, err = d.s.reader().feed(ctx, f.URL)
	}
	d.poke()
	return f, failed("adding a feed", err)
}

// RemoveFeed takes a feed off, by its URL or its number as text. What was sent of it is still known, should it come back.
func (d *Digest) RemoveFeed(ctx context.Context, which string) error {
	err := d.s.write(ctx, func(t *tx) error {
		f, err := t.feed(ctx, which)
		if err == nil {
			_, err = t.Exec(ctx, "UPDATE parley_digest_feeds SET state = ? WHERE id = ?", feedOff, f.ID)
		}
		return err
	})
	return failed("taking a feed off", err)
}

// feed finds a feed by its URL, its number or its name.
func (t *tx) feed(ctx context.Context, which string) (found Feed, err error) {
	address := which
	if u, err := parseURL(which); err == nil {
		address = u.String()
	}
	err = t.Each(ctx, "SELECT "+feedColumns+" FROM parley_digest_feeds WHERE state <> ? ORDER BY id", []any{feedOff}, func(scan func(...any) error) error {
		f, err := scanFeed(scan)
		if err == nil && found.ID == 0 && (f.URL == address || fmt.Sprint(f.ID) == which || f.Name == which) {
			found = f
		}
		return err
	})
	if err == nil && found.ID == 0 {
		err = ErrNoFeed
	}
	return found, err
}

// Feeds are those that are looked at, and those that are gone.
func (d *Digest) Feeds(ctx context.Context) ([]Feed, error) {
	list, err := d.s.reader().feeds(ctx, "state <> ? ORDER BY id", feedOff)
	return list, failed("reading the feeds", err)
}

func (t *tx) feeds(ctx context.Context, where string, args ...any) (list []Feed, err error) {
	err = t.Each(ctx, "SELECT "+feedColumns+" FROM parley_digest_feeds WHERE "+where, args, func(scan func(...any) error) error {
		f, err := scanFeed(scan)
		list = append(list, f)
		return err
	})
	return list, err
}
