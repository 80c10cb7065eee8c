package digest

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

func day(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// An outline is an entry of OPML 2.0.
type outline struct {
	Text    string `xml:"text,attr"`
	Title   string `xml:"title,attr,omitempty"`
	Type    string `xml:"type,attr,omitempty"`
	XMLURL  string `xml:"xmlUrl,attr"`
	HTMLURL string `xml:"htmlUrl,attr,omitempty"`
}

const (
	mostOPML     = 8 << 20
	mostOutlines = 5000
)

// ImportedFeeds are what came of a file of feeds.
type ImportedFeeds struct {
	Added []Feed
	There int     // that were there already: they stay as they are
	Bad   []error // that are no feeds of the web
}

// ImportOPML adds the feeds of an OPML file, in which any reader of feeds writes what it has.
func (d *Digest) ImportOPML(ctx context.Context, r io.Reader) (got ImportedFeeds, err error) {
	body, err := io.ReadAll(io.LimitReader(r, mostOPML+1))
	if err != nil {
		return got, fmt.Errorf("digest: reading the file: %w", err)
	}
	if len(body) > mostOPML {
		return got, errors.New("digest: the file is too large")
	}
	text := inUTF8(body, "")
	if err := scanXML(text); err != nil {
		return got, fmt.Errorf("digest: reading the file: %w", err)
	}
	z := xml.NewDecoder(strings.NewReader(string(tidyXML(text))))
	z.Strict = false
	n := 0
	for {
		t, err := z.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return got, fmt.Errorf("digest: reading the file: %w", err)
		}
		e, ok := t.(xml.StartElement)
		if !ok || !strings.EqualFold(e.Name.Local, "outline") {
			continue
		}
		var url, name string
		for _, a := range e.Attr {
			switch strings.ToLower(a.Name.Local) {
			case "xmlurl":
				url = a.Value
			case "text":
				name = a.Value
			case "title":
				if name == "" {
					name = a.Value
				}
			}
		}
		if url == "" {
			continue // a folder
		}
		if n++; n > mostOutlines {
			got.Bad = append(got.Bad, fmt.Errorf("the file has more than %d feeds", mostOutlines))
			return got, nil
		}
		if _, err := d.s.reader().feed(ctx, url); err == nil {
			got.There++
			continue
		}
		f, err := d.AddFeed(ctx, Feed{URL: url, Name: name})
		if ctx.Err() != nil {
			return got, ctx.Err()
		}
		if err != nil {
			got.Bad = append(got.Bad, err)
			continue
		}
		got.Added = append(got.Added, f)
	}
	if n == 0 {
		return got, errors.New("digest: the file names no feeds: it is no OPML")
	}
	return got, nil
}

// ExportOPML writes the feeds as OPML. Passwords in their addresses are written too: whoever reads the file can read the feeds.
func (d *Digest) ExportOPML(ctx context.Context, w io.Writer) error {
	feeds, err := d.Feeds(ctx)
	if err != nil {
		return err
	}
	var doc struct {
		XMLName xml.Name  `xml:"opml"`
		Version string    `xml:"version,attr"`
		Title   string    `xml:"head>title"`
		List    []outline `xml:"body>outline"`
	}
	doc.Version, doc.Title = "2.0", d.c.Name
	for _, f := range feeds {
		doc.List = append(doc.List, outline{Text: f.Shown(), Title: f.Title, Type: "rss", XMLURL: f.URL, HTMLURL: f.Link})
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(doc); err != nil {
		return err
	}
	_, err = io.WriteString(w, "\n")
	return err
}
