package digest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"time"
)

// What an item is known again by. A feed may change any of them of an item that it had before: its numbers, when its program is changed;
// its links, when it moves; its text, when it is edited.
const (
	byID      = byte('i') // its own number, which alone is enough
	byLink    = byte('l') // its link, where no other item of the feed has it
	byContent = byte('c') // title and text
	byTitle   = byte('t') // title and date
	byName    = byte('n') // the title alone, where nothing else of the whole feed is known any more
)

// A sign is one of them, as it stands in the tables.
type sign string

func signOf(kind byte, parts ...string) sign {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return sign(append([]byte{kind}, h.Sum(nil)[:16]...))
}

// A candidate is an entry that may be new.
type candidate struct {
	entry
	cleaned
	signs []sign
	item  int64 // that it is; 0: it is new
}

// sign finds what an entry will be known by. Numbers and links are counted, for some feeds have one for all.
func (c *candidate) sign(ids, links map[string]int) {
	if c.id != "" && ids[c.id] == 1 {
		c.signs = append(c.signs, signOf(byID, c.id))
	}
	if c.link != "" && links[c.link] == 1 {
		c.signs = append(c.signs, signOf(byLink, c.link))
	}
	c.signs = append(c.signs, signOf(byContent, c.title, wordsOnly(c.plain)))
	if c.title != "" {
		c.signs = append(c.signs, signOf(byName, c.title))
	}
	if !c.published.IsZero() && c.title != "" {
		c.signs = append(c.signs, signOf(byTitle, c.title, c.published.UTC().Format(time.RFC3339)))
	}
}

// wordsOnly is a text without its links, which change when a feed moves, and without its blanks.
func wordsOnly(plain string) string {
	var b strings.Builder
	for word := range strings.FieldsSeq(plain) {
		if !strings.Contains(word, "://") {
			b.WriteString(word)
		}
	}
	return b.String()
}

// A known is an item that a sign has led to.
type known struct {
	item, published int64
	title           string
}

// recognise tells which candidates are items that were there before. An item that the feed still has under its own number is that one, and no
// other: two articles may have one title and one text.
func (t *tx) recognise(ctx context.Context, feed int64, list []*candidate) error {
	found := make(map[sign]known)
	for _, c := range list {
		for _, s := range c.signs {
			k, err := t.known(ctx, feed, s)
			if err != nil {
				return err
			}
			if k.item != 0 {
				found[s] = k
			}
		}
	}
	taken := make(map[int64]bool)
	for _, kind := range []byte{byID, byLink, byContent, byTitle, byName} {
		if kind == byName && (len(taken) > 0 || len(list) < fewEntries) {
			break // the feed is the one that it was
		}
		for _, c := range list {
			for _, s := range c.signs {
				if k, ok := found[s]; ok && s[0] == kind && c.item == 0 && !taken[k.item] && c.is(kind, k) {
					c.item = k.item
					taken[k.item] = true
				}
			}
		}
	}
	return nil
}

// fewEntries are too few to say that all of a feed has changed.
const fewEntries = 3

// is reports whether a candidate is the item that a sign other than its number has led to.
func (c *candidate) is(kind byte, k known) bool {
	date := int64(0)
	if !c.published.IsZero() {
		date = c.published.UnixMilli()
	}
	dated := date != 0 && k.published != 0
	switch kind {
	case byLink:
		// One page may show another article each day: those have another title, and another date.
		return c.title == k.title || dated && date == k.published || !dated && c.id == ""
	case byContent:
		return !dated || date == k.published
	}
	return true
}

func (t *tx) known(ctx context.Context, feed int64, s sign) (k known, err error) {
	err = t.Row(ctx, "SELECT i.id, i.published, i.title FROM parley_digest_signs s JOIN parley_digest_items i ON i.id = s.item WHERE s.feed = ? AND s.sign = ?",
		[]any{feed, []byte(s)}, &k.item, &k.published, &k.title)
	if errors.Is(err, errNoRows) {
		err = nil
	}
	return k, err
}

// remember notes the signs of a candidate. That a sign was seen is noted once a day.
func (t *tx) remember(ctx context.Context, feed int64, c *candidate, now int64) error {
	for _, s := range c.signs {
		_, err := t.Exec(ctx, `INSERT INTO parley_digest_signs (feed, sign, item, seen) VALUES (?, ?, ?, ?)
			ON CONFLICT (feed, sign) DO UPDATE SET item = excluded.item, seen = excluded.seen
			WHERE parley_digest_signs.item <> excluded.item OR parley_digest_signs.seen < excluded.seen - 86400000`, feed, []byte(s), c.item, now)
		if err != nil {
			return err
		}
	}
	return nil
}
