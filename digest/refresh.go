package digest

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/parleymail/parley/internal/plain"
)

const (
	hostsAtOnce = 4
	claimFor    = 3 * time.Minute // longer than a look takes
	forgetAfter = 400 * 24 * time.Hour
	keepText    = 45 * 24 * time.Hour // of articles
)

// A Looked is what a look at feeds has brought.
type Looked struct {
	Feeds    int `json:"feeds"`
	Failed   int `json:"failed,omitempty"`
	Articles int `json:"articles"`       // that go out
	Held     int `json:"held,omitempty"` // that were kept back
}

// LookAgain has all feeds be due now, those too that have failed or said when to come again. Who asks for it often is a burden to their servers.
func (d *Digest) LookAgain(ctx context.Context) error {
	err := d.s.write(ctx, func(t *tx) error {
		_, err := t.Exec(ctx, "UPDATE parley_digest_feeds SET next_at = 0 WHERE state = ?", feedLooked)
		return err
	})
	d.poke()
	return failed("having feeds looked at", err)
}

// Look looks at the feeds that are due. What goes wrong with one is noted there, and is no error.
func (d *Digest) Look(ctx context.Context) (all Looked, err error) {
	list, err := d.s.reader().feeds(ctx, "state = ? AND next_at <= ? ORDER BY next_at, id LIMIT 10000", feedLooked, d.now())
	if err != nil {
		return all, failed("looking for feeds", err)
	}
	byHost := make(map[string][]Feed)
	var hosts []string
	for _, f := range list {
		host := ""
		if u, err := url.Parse(f.ask()); err == nil {
			host = strings.ToLower(u.Host)
		}
		if byHost[host] == nil {
			hosts = append(hosts, host)
		}
		byHost[host] = append(byHost[host], f)
	}
	var mu sync.Mutex
	var tasks sync.WaitGroup
	room := make(chan struct{}, hostsAtOnce)
	for _, host := range hosts {
		room <- struct{}{}
		tasks.Go(func() {
			defer func() { <-room }()
			for _, f := range byHost[host] {
				one, e := d.lookAt(ctx, f)
				mu.Lock()
				all.add(one)
				err = errors.Join(err, e)
				mu.Unlock()
			}
		})
	}
	tasks.Wait()
	return all, err
}

func (l *Looked) add(one Looked) {
	l.Feeds += one.Feeds
	l.Failed += one.Failed
	l.Articles += one.Articles
	l.Held += one.Held
}

// ask is where a feed is asked for.
func (f *Feed) ask() string {
	if f.Moved != "" {
		return f.Moved
	}
	return f.URL
}

// lookAt looks at one feed, if nobody else does.
func (d *Digest) lookAt(ctx context.Context, f Feed) (Looked, error) {
	if ctx.Err() != nil {
		return Looked{}, nil
	}
	now := d.now()
	var mine int64
	err := d.s.write(ctx, func(t *tx) (err error) {
		mine, err = t.Exec(ctx, "UPDATE parley_digest_feeds SET next_at = ?, asked_at = ? WHERE id = ? AND state = ? AND next_at <= ?", now+d.claim.Milliseconds(), now, f.ID, feedLooked, now)
		return err
	})
	if err != nil || mine == 0 {
		return Looked{}, failed("taking up a feed", err)
	}
	got, p, why := d.ask(ctx, &f)
	if ctx.Err() != nil {
		return Looked{}, nil // it was not the feed's fault
	}
	if why != nil {
		d.c.Log.Warn("digest: a feed cannot be read", "feed", withoutPassword(f.URL), "error", why)
		return Looked{Feeds: 1, Failed: 1}, d.noteFailure(ctx, &f, got, why)
	}
	if p == nil {
		return Looked{Feeds: 1}, d.noteUnchanged(ctx, &f, got)
	}
	return d.take(ctx, &f, got, p)
}

// ask asks for a feed. Without an error p is nil where it is as it was.
func (d *Digest) ask(ctx context.Context, f *Feed) (got *fetched, p *parsed, err error) {
	u, err := parseURL(f.ask())
	if err != nil {
		return nil, nil, err
	}
	h := http.Header{"Accept": {"application/atom+xml, application/rss+xml, application/feed+json, application/xml;q=0.9, text/xml;q=0.9, application/json;q=0.8, */*;q=0.1"}}
	if f.etag != "" {
		h.Set("If-None-Match", f.etag)
	}
	if f.modified != "" {
		h.Set("If-Modified-Since", f.modified)
	}
	got, err = d.fetch.get(ctx, u, mostFeed, h)
	switch {
	case err != nil:
		return nil, nil, err
	case got.status == http.StatusNotModified && (f.etag != "" || f.modified != ""):
		return got, nil, nil
	case got.status == http.StatusGone:
		return got, nil, errors.New("it is no more: its server answers 410")
	case got.status != http.StatusOK:
		return got, nil, fmt.Errorf("its server answers %d %s", got.status, http.StatusText(got.status))
	}
	got.hash = string(signOf('b', string(got.body), got.url.String())[1:])
	got.hash = hex.EncodeToString([]byte(got.hash))
	if got.hash == f.body && f.Failures == 0 {
		return got, nil, nil // its server has not learnt to say so
	}
	p, err = parseFeed(got.body, got.kind, got.url)
	return got, p, err
}

// every is how long it is between two looks at a feed.
func (d *Digest) every(f *Feed, got *fetched, p *parsed) time.Duration {
	every := f.Every
	if every == 0 {
		every = d.c.Every
	}
	if p != nil {
		every = max(every, p.wait)
	}
	if got != nil {
		every = max(every, got.wait)
	}
	return every + every/100*time.Duration(f.ID%10) // not all at once
}

func (d *Digest) noteUnchanged(ctx context.Context, f *Feed, got *fetched) error {
	err := d.s.write(ctx, func(t *tx) error {
		_, err := t.Exec(ctx, "UPDATE parley_digest_feeds SET next_at = ?, good_at = ?, failures = 0, error = '' WHERE id = ?", d.now()+d.every(f, got, nil).Milliseconds(), d.now(), f.ID)
		return err
	})
	return failed("noting a look at a feed", err)
}

// noteFailure has a feed left alone for longer each time.
func (d *Digest) noteFailure(ctx context.Context, f *Feed, got *fetched, why error) error {
	state := feedLooked
	if got != nil && got.status == http.StatusGone {
		state = feedGone
	}
	wait := min(min(d.every(f, nil, nil), mostWait)<<min(f.Failures, 10), mostWait)
	if got != nil && got.wait > 0 {
		wait = max(wait, d.every(f, got, nil))
	}
	err := d.s.write(ctx, func(t *tx) error {
		_, err := t.Exec(ctx, "UPDATE parley_digest_feeds SET state = ?, next_at = ?, failures = failures + 1, error = ? WHERE id = ?",
			state, d.now()+wait.Milliseconds(), plain.OneLine(why.Error(), 500), f.ID)
		return err
	})
	return failed("noting a look at a feed", err)
}

// take writes down what a feed has that it had not before.
func (d *Digest) take(ctx context.Context, f *Feed, got *fetched, p *parsed) (Looked, error) {
	base := got.url
	if u, err := url.Parse(p.link); err == nil && p.link != "" {
		base = u
	}
	list := d.candidates(f, p, base)
	if err := d.s.reader().recognise(ctx, f.ID, list); err != nil {
		return Looked{}, failed("looking for what is new", err)
	}
	pictures := d.pictures(ctx, f, list)
	looked := Looked{Feeds: 1}
	err := d.s.write(ctx, func(t *tx) (err error) {
		looked.Articles, looked.Held = 0, 0
		if _, err := t.number(ctx, "items", 0); err != nil { // nobody else has articles written down meanwhile
			return err
		}
		first := false
		if err := t.Row(ctx, "SELECT good_at = 0 FROM parley_digest_feeds WHERE id = ?", []any{f.ID}, &first); err != nil {
			return err
		}
		for _, c := range list {
			c.item = 0
		}
		if err := t.recognise(ctx, f.ID, list); err != nil {
			return err
		}
		if looked.Articles, looked.Held, err = d.insert(ctx, t, f, list, pictures, first); err != nil {
			return err
		}
		note := ""
		if p.more > 0 {
			note = fmt.Sprintf("it has %d entries more than are looked at", p.more)
		}
		if looked.Held > 0 {
			note = fmt.Sprintf("%d articles were new at once; the %d newest go out, and %d were kept back", looked.Articles+looked.Held, looked.Articles, looked.Held)
		}
		_, err = t.Exec(ctx, `UPDATE parley_digest_feeds SET title = ?, link = ?, moved = CASE WHEN ? = '' THEN moved ELSE ? END, etag = ?, modified = ?, body = ?, next_at = ?, good_at = ?,
			failures = 0, error = '', held = held + ?, note = CASE WHEN ? = '' THEN note ELSE ? END WHERE id = ?`,
			p.title, p.link, got.moved, got.moved, got.etag, got.modified, got.hash, d.now()+d.every(f, got, p).Milliseconds(), d.now(), looked.Held, note, note, f.ID)
		return err
	})
	return looked, failed("writing down what is new", err)
}

// candidates are a feed's entries, made clean, the newest first. What stands there twice is there once.
func (d *Digest) candidates(f *Feed, p *parsed, base *url.URL) (list []*candidate) {
	ids, links := make(map[string]int), make(map[string]int)
	for _, e := range p.entries {
		ids[e.id]++
		links[e.link]++
	}
	images := f.Images
	if images == ByDefault {
		images = d.c.Images
	}
	seen := make(map[sign]bool)
	for _, e := range p.entries {
		at := base
		if u, err := url.Parse(e.link); err == nil && e.link != "" {
			at = u
		}
		c := &candidate{entry: e, cleaned: d.show.clean.clean(e.body, at, images != NoImages)}
		c.sign(ids, links)
		whole := signOf('w', e.title, e.link, wordsOnly(c.plain), e.published.String())
		if (e.title != "" || e.link != "" || c.plain != "") && !seen[whole] {
			list = append(list, c)
		}
		seen[whole] = true
	}
	return list
}

// insert writes down those that are new, the oldest first, and which of them go out.
func (d *Digest) insert(ctx context.Context, t *tx, f *Feed, list []*candidate, pictures map[*candidate][]picture, first bool) (out, held int, err error) {
	most, otherwise := d.c.MostNew, 2
	if first {
		most, otherwise = d.c.First, 1
	}
	var fresh []*candidate
	for _, c := range list {
		if c.item == 0 {
			fresh = append(fresh, c)
		}
	}
	now := d.now()
	last, err := t.number(ctx, "items", len(fresh))
	if err != nil {
		return 0, 0, err
	}
	for i, c := range fresh {
		state := 0
		if i >= most {
			state = otherwise
		}
		c.item = last - int64(i)
		if err := t.insertItem(ctx, f, c, state, now, pictures[c]); err != nil {
			return 0, 0, err
		}
	}
	for _, c := range list {
		if err := t.remember(ctx, f.ID, c, now); err != nil {
			return 0, 0, err
		}
	}
	out = min(len(fresh), most)
	if !first {
		held = len(fresh) - out
	}
	if out > 0 {
		_, err = t.Exec(ctx, "UPDATE parley_digest_subscribers SET next_at = ? WHERE state = ? AND frequency = ? AND next_at > ?", now, int64(Subscribed), int64(AtOnce), now)
	}
	return out, held, err
}

func (t *tx) insertItem(ctx context.Context, f *Feed, c *candidate, state int, now int64, pictures []picture) error {
	published := int64(0)
	if !c.published.IsZero() {
		published = c.published.UnixMilli()
	}
	html, plain, cut := c.html, c.plain, 0
	if c.cut {
		cut = 1
	}
	if state != 0 {
		html, plain = "", "" // nobody will read it
	}
	for n, p := range pictures {
		if state != 0 {
			break
		}
		if _, err := t.Exec(ctx, "INSERT INTO parley_digest_images (item, n, address, type, data) VALUES (?, ?, ?, ?, ?)", c.item, n, p.address, p.kind, p.data); err != nil {
			return err
		}
		html = p.inside(html, c.item, n)
	}
	_, err := t.Exec(ctx, `INSERT INTO parley_digest_items (id, feed, found, published, state, title, link, author, html, plain, cut) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		c.item, f.ID, now, published, state, c.title, c.link, c.author, html, plain, cut)
	return err
}

// forget lets go of what nobody needs any more: the text of old articles, and what those were known by that have not been seen for long.
func (d *Digest) forget(ctx context.Context) error {
	now := d.now()
	err := d.s.write(ctx, func(t *tx) error {
		old, gone := now-keepText.Milliseconds(), now-forgetAfter.Milliseconds()
		for _, q := range []struct {
			query string
			arg   int64
		}{
			{"DELETE FROM parley_digest_images WHERE item IN (SELECT id FROM parley_digest_items WHERE found < ? AND html <> '')", old},
			{"UPDATE parley_digest_items SET html = '', plain = '' WHERE found < ? AND html <> ''", old},
			// By the feed's own time: one that nothing was written in for years has all that it had.
			{"DELETE FROM parley_digest_signs WHERE seen < (SELECT max(s.seen) FROM parley_digest_signs s WHERE s.feed = parley_digest_signs.feed) - ?", forgetAfter.Milliseconds()},
			{"DELETE FROM parley_digest_items WHERE found < ? AND NOT EXISTS (SELECT 1 FROM parley_digest_signs s WHERE s.feed = parley_digest_items.feed AND s.item = parley_digest_items.id)", gone},
			{"DELETE FROM parley_digest_mails WHERE at < ?", old},
		} {
			if _, err := t.Exec(ctx, q.query, q.arg); err != nil {
				return err
			}
		}
		return nil
	})
	return failed("letting go of what is old", err)
}
