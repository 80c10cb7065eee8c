package digest

import (
	"context"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Limits of what is embedded in one article, which goes out to each of its readers.
const (
	mostPictures    = 10
	mostPictureSize = 512 << 10
	pictureTime     = time.Minute // for all of one look
)

// A picture is an image that goes with an article.
type picture struct {
	address, kind string
	data          []byte
}

// pictures fetches the images of articles that may be new, where they are to be embedded. One that cannot be had stays a reference.
func (d *Digest) pictures(ctx context.Context, f *Feed, list []*candidate) map[*candidate][]picture {
	images := f.Images
	if images == ByDefault {
		images = d.c.Images
	}
	if images != Embedded {
		return nil
	}
	most := d.c.MostNew
	if f.Good.IsZero() {
		most = d.c.First
	}
	ctx, stop := context.WithTimeout(ctx, pictureTime)
	defer stop()
	all := make(map[*candidate][]picture)
	for _, c := range list {
		if c.item != 0 {
			continue
		}
		if most--; most < 0 {
			break
		}
		all[c] = d.picturesOf(ctx, c)
	}
	return all
}

func (d *Digest) picturesOf(ctx context.Context, c *candidate) (list []picture) {
	left := mostPictureSize
	seen := make(map[string]bool)
	for _, address := range c.images {
		if seen[address] || len(list) == mostPictures || left <= 0 || ctx.Err() != nil {
			continue
		}
		seen[address] = true
		u, err := url.Parse(address)
		if err != nil {
			continue
		}
		got, err := d.fetch.get(ctx, u, int64(min(left, mostImage)), http.Header{"Accept": {"image/webp, image/png, image/jpeg, image/gif"}})
		if err != nil || got.status != http.StatusOK {
			continue
		}
		switch kind := http.DetectContentType(got.body); kind { // what it is, and not what it is called
		case "image/png", "image/jpeg", "image/gif", "image/webp":
			list = append(list, picture{address: address, kind: kind, data: got.body})
			left -= len(got.body)
		}
	}
	return list
}

// contentID is what a mail calls an image by.
func contentID(item int64, n int) string { return fmt.Sprintf("a%d-%d.parley", item, n) }

// inside has an article show the image that goes with it.
func (p *picture) inside(text string, item int64, n int) string {
	return strings.ReplaceAll(text, p.source(), `src="cid:`+contentID(item, n)+`"`)
}

// outside is the reverse.
func (p *picture) outside(text string, item int64, n int) string {
	return strings.ReplaceAll(text, `src="cid:`+contentID(item, n)+`"`, p.source())
}

func (p *picture) source() string { return `src="` + html.EscapeString(p.address) + `"` }
