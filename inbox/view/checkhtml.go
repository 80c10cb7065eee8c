package view

import (
	"fmt"
	"strings"

	"golang.org/x/net/html"
)

const (
	gmailClips = 102 << 10 // octets of HTML, as is reported; Gmail does not say
	fewWords   = 80        // characters of text beside many images
	fewBeside  = 20        // and beside each of a few: a line and a picture that counts readers are no mail of images
)

// pageFacts is what is asked of the HTML as it was sent.
type pageFacts struct {
	images, remote, plain, noAlt int
	lang                         bool
	cids                         []string
	noAltAt                      []string
}

func (c *checkup) html() {
	l := c.v.letter()
	if l.HTML == nil {
		return
	}
	source := c.v.source()
	// What is sent counts, not what of it is read here.
	if n := l.HTML.Size(); n > gmailClips {
		c.found("html-clipped", fmt.Sprintf("%d KB", n>>10))
	}
	told := clean(source.Text, HTMLOptions{}, nil).told
	if n := told.Scripts + told.Handlers + told.Frames + told.Metas; n > 0 {
		c.found("html-active", describeActive(told))
	}
	if told.Forms > 0 {
		c.found("html-form", "")
	}
	f := lookAtPage(source.Text)
	if !f.lang {
		c.found("html-lang", "")
	}
	c.images(f, l)
}

func describeActive(b Blocked) string {
	var list []string
	for _, k := range []struct {
		n    int
		name string
	}{{b.Scripts, "script"}, {b.Handlers, "on…="}, {b.Frames, "iframe, object, svg"}, {b.Metas, "meta refresh, base"}} {
		if k.n > 0 {
			list = append(list, fmt.Sprintf("%s × %d", k.name, k.n))
		}
	}
	return strings.Join(list, "; ")
}

func lookAtPage(source string) pageFacts {
	var f pageFacts
	for z := html.NewTokenizer(strings.NewReader(source)); ; {
		switch z.Next() {
		default:
		case html.ErrorToken:
			return f
		case html.StartTagToken, html.SelfClosingTagToken:
			t := readTag(z)
			if t.Data == "html" || t.Data == "body" {
				lang, _ := attr(t, "lang")
				f.lang = f.lang || strings.TrimSpace(lang) != ""
			}
			if t.Data == "img" {
				f.image(t)
			}
		}
	}
}

func (f *pageFacts) image(t html.Token) {
	src, _ := attr(t, "src")
	src = plainURL(src)
	w, _ := attr(t, "width")
	h, _ := attr(t, "height")
	if tiny := (w == "1" || w == "0") && (h == "1" || h == "0"); !tiny { // those that count readers show nothing
		f.images++
		if _, ok := attr(t, "alt"); !ok {
			f.noAlt++
			if len(f.noAltAt) < maxPlaces {
				f.noAltAt = append(f.noAltAt, src[:min(len(src), maxPlace)])
			}
		}
	}
	switch scheme := schemeOf(src); {
	case isRemote(src):
		f.remote++
		if scheme == "http" {
			f.plain++
		}
	case scheme == "cid" && len(f.cids) < 1000:
		f.cids = append(f.cids, src[len("cid:"):])
	}
}

func (c *checkup) images(f pageFacts, l Letter) {
	for _, where := range f.noAltAt {
		c.found("image-alt", where)
	}
	if n := f.noAlt - len(f.noAltAt); n > 0 {
		c.foundN("image-alt", "", n)
	}
	if f.remote > 0 {
		c.found("image-remote", fmt.Sprintf("%d / %d", f.remote, max(f.images, f.remote)))
	}
	if f.plain > 0 {
		c.found("image-http", "")
	}
	words := strings.Join(strings.Fields(c.v.words()), "")
	if len([]rune(words)) < min(fewBeside*f.images, fewWords) {
		c.found("image-only", "")
	}
	c.contentIDs(f, l)
}

// contentIDs lays what HTML shows beside what is in the mail.
func (c *checkup) contentIDs(f pageFacts, l Letter) {
	shown := make(map[string]bool)
	var told Blocked
	note := urlRules{cid: func(id string) string { shown[id] = true; return "" }}
	for _, id := range f.cids {
		note.image("cid:"+id, false, &told)
	}
	for id := range sortedKeys(shown) {
		if _, ok := c.v.ByCID(id); !ok {
			c.found("cid-missing", "cid:"+id)
		}
	}
	source := c.v.source().Text
	for _, p := range l.Inline {
		if p.ContentID != "" && !shown[p.ContentID] && p.Disposition != "attachment" && strings.HasPrefix(p.Type, "image/") && !strings.Contains(source, p.ContentID) {
			c.found("cid-unused", p.ContentID)
		}
	}
}
