package digest

import (
	"bytes"
	"errors"
	"fmt"
	"html"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/mmcdole/gofeed"
	"github.com/mmcdole/gofeed/atom"
	feedjson "github.com/mmcdole/gofeed/json"
	"github.com/parleymail/parley/internal/htmltext"
	"github.com/parleymail/parley/internal/plain"
)

const (
	mostEntries = 2000      // of a feed that are looked at
	mostArticle = 512 << 10 // octets of an article's HTML that are looked at
	mostTitle   = 200       // characters
)

// A parsed is what a feed says.
type parsed struct {
	title, link string
	entries     []entry       // the newest first
	more        int           // entries that were left out
	wait        time.Duration // before it is to be asked again, as it says; zero: it does not
}

// An entry is an article, as its feed has it.
type entry struct {
	id, link, title, author string
	published               time.Time // zero: it does not say
	body                    string    // HTML of a stranger's
}

// parseFeed reads a feed that was found at a URL.
func parseFeed(body []byte, kind string, at *url.URL) (*parsed, error) {
	text := inUTF8(body, kind)
	if trimmed := bytes.TrimLeft(text, " \t\r\n\uFEFF"); bytes.HasPrefix(trimmed, []byte("<")) {
		if err := scanXML(trimmed); err != nil {
			return nil, err
		}
		text = tidyXML(trimmed)
	} else if text = trimmed; !bytes.HasPrefix(trimmed, []byte("{")) {
		return nil, errNoFeed
	}
	p := gofeed.NewParser()
	p.RSSTranslator = &gofeed.DefaultRSSTranslator{DisableContentImageScan: true}
	p.KeepOriginalFeed = true
	feed, err := parseSafely(p, text)
	if errors.Is(err, gofeed.ErrFeedTypeNotDetected) {
		return nil, errNoFeed
	}
	if err != nil {
		return nil, fmt.Errorf("it cannot be read: %s", plain.Shortened(err.Error(), 200))
	}
	got := &parsed{title: titleOf(feed.Title), link: webLink(feed.Link, at)}
	base := at
	if u, err := url.Parse(got.link); err == nil && got.link != "" {
		base = u
	}
	isText := plainOf(feed)
	for i, item := range feed.Items {
		if item == nil {
			continue
		}
		if len(got.entries) == mostEntries {
			got.more++
			continue
		}
		got.entries = append(got.entries, entryOf(item, base, isText(i)))
	}
	newestFirst(got.entries)
	if feed.Extensions != nil {
		got.wait = updatePeriod(feed)
	}
	return got, nil
}

// parseSafely is a parser of others' on a feed of strangers: should it come upon something that it has not thought of, that is one feed's trouble, and not
// the end of the program.
func parseSafely(p *gofeed.Parser, text []byte) (feed *gofeed.Feed, err error) {
	defer func() {
		if r := recover(); r != nil {
			feed, err = nil, errors.New("the parser has lost its way in it")
		}
	}()
	return p.Parse(bytes.NewReader(text))
}

// plainOf tells which items have text where others have HTML: RFC 4287 §3.1.1.1, JSON Feed's content_text.
func plainOf(feed *gofeed.Feed) func(i int) bool {
	switch f := feed.OriginalFeed().(type) {
	case *atom.Feed:
		return func(i int) bool {
			if i >= len(f.Entries) || f.Entries[i] == nil {
				return false
			}
			c := f.Entries[i].Content
			return c != nil && (c.Type == "text" || c.Type == "" || c.Type == "text/plain")
		}
	case *feedjson.Feed:
		return func(i int) bool {
			return i < len(f.Items) && f.Items[i] != nil && f.Items[i].ContentHTML == "" && f.Items[i].ContentText != ""
		}
	}
	return func(int) bool { return false }
}

func entryOf(item *gofeed.Item, base *url.URL, isText bool) entry {
	e := entry{id: strings.TrimSpace(item.GUID), link: webLink(item.Link, base), title: titleOf(item.Title)}
	if e.link == "" {
		e.link = webLink(item.GUID, nil) // a permalink may be the only one
	}
	for _, enclosure := range item.Enclosures {
		if e.link == "" && enclosure != nil {
			e.link = webLink(enclosure.URL, base)
		}
	}
	if len(item.Authors) > 0 && item.Authors[0] != nil {
		e.author = titleOf(item.Authors[0].Name)
	}
	for _, at := range []*time.Time{item.PublishedParsed, item.UpdatedParsed} {
		if at != nil && e.published.IsZero() && at.Year() > 1970 && at.Year() < 3000 {
			e.published = *at
		}
	}
	e.body = item.Content
	if isText {
		e.body = paragraphs(e.body)
	} else if len(strings.TrimSpace(e.body)) < len(strings.TrimSpace(item.Description)) {
		e.body = item.Description
	}
	if e.title == "" {
		e.title = plain.OneLine(withoutLinks(htmltext.Of(shortHTML(e.body))), 100)
	}
	return e
}

// paragraphs makes HTML of a text.
func paragraphs(text string) string {
	var b strings.Builder
	for _, p := range strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n\n") {
		if p = strings.TrimSpace(p); p != "" {
			b.WriteString("<p>" + strings.ReplaceAll(html.EscapeString(p), "\n", "<br>") + "</p>")
		}
	}
	return b.String()
}

// shortHTML is the beginning of a body, to make a title of.
func shortHTML(s string) string { return s[:min(len(s), 4000)] }

// titleOf is a title as it may stand on a line: feeds have HTML there too, escaped once or twice.
func titleOf(s string) string {
	s = s[:min(len(s), 8000)]
	if strings.ContainsAny(s, "<&") {
		s = withoutLinks(htmltext.Of(s))
	}
	return plain.OneLine(s, mostTitle)
}

// webLink is a link that a reader may be led to; empty: it is none.
func webLink(link string, base *url.URL) string {
	link = strings.TrimSpace(link)
	if link == "" || len(link) > mostURL || strings.ContainsFunc(link, plain.IsControl) {
		return ""
	}
	u, err := url.Parse(link)
	if err != nil {
		return ""
	}
	if base != nil {
		u = base.ResolveReference(u)
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return ""
	}
	u.User = nil
	return u.String()
}

// newestFirst brings entries into order where they have dates; others stay as the feed has them, which is the newest first.
func newestFirst(list []entry) {
	for _, e := range list {
		if e.published.IsZero() {
			return
		}
	}
	slices.SortStableFunc(list, func(a, b entry) int { return b.published.Compare(a.published) })
}

// updatePeriod is what RSS 1.0's module for syndication says of how often a feed changes.
func updatePeriod(feed *gofeed.Feed) time.Duration {
	period, ok := feed.Extensions["sy"]["updatePeriod"]
	if !ok || len(period) == 0 {
		return 0
	}
	d := map[string]time.Duration{"hourly": time.Hour, "daily": 24 * time.Hour, "weekly": mostWait, "monthly": mostWait, "yearly": mostWait}[strings.TrimSpace(period[0].Value)]
	if often, ok := feed.Extensions["sy"]["updateFrequency"]; ok && len(often) > 0 {
		n := 1
		if _, err := fmt.Sscan(often[0].Value, &n); err == nil && n > 1 {
			d /= time.Duration(min(n, 1000))
		}
	}
	return min(d, mostWait)
}
