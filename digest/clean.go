package digest

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/microcosm-cc/bluemonday"
	"golang.org/x/net/html"

	"github.com/parleymail/parley/internal/htmltext"
	"github.com/parleymail/parley/internal/plain"
)

// A cleaner makes HTML of strangers fit to stand in a mail: what it lets through it knows, links lead to the web or are none, elements
// are closed, and nothing is loaded but images. A second one, bluemonday, looks at what it has written.
type cleaner struct {
	policy *bluemonday.Policy
}

func newCleaner() *cleaner {
	p := bluemonday.NewPolicy()
	for name := range kept {
		p.AllowElements(name)
	}
	p.AllowAttrs("href", "title").OnElements("a")
	p.AllowAttrs("src", "alt", "width", "height").OnElements("img")
	p.AllowAttrs("colspan", "rowspan").Matching(bluemonday.Integer).OnElements("td", "th")
	p.AllowURLSchemes("http", "https", "mailto")
	p.RequireParseableURLs(true)
	p.AllowRelativeURLs(false)
	return &cleaner{policy: p}
}

// kept are the elements that an article may have, and as what.
var kept = map[string]string{
	"a": "a", "abbr": "abbr", "b": "b", "blockquote": "blockquote", "br": "br", "caption": "caption", "cite": "cite", "code": "code", "dd": "dd", "del": "del",
	"div": "div", "dl": "dl", "dt": "dt", "em": "em", "figcaption": "figcaption", "figure": "figure", "h1": "h3", "h2": "h3", "h3": "h3", "h4": "h4", "h5": "h5",
	"h6": "h6", "hr": "hr", "i": "i", "img": "img", "ins": "ins", "kbd": "kbd", "li": "li", "mark": "mark", "ol": "ol", "p": "p", "pre": "pre", "q": "q", "s": "s",
	"samp": "samp", "small": "small", "span": "span", "strike": "s", "strong": "strong", "sub": "sub", "sup": "sup", "table": "table", "tbody": "tbody", "td": "td",
	"tfoot": "tfoot", "th": "th", "thead": "thead", "tr": "tr", "tt": "code", "u": "u", "ul": "ul", "var": "var",
	"article": "div", "section": "div", "main": "div", "header": "div", "footer": "div", "aside": "div", "center": "div", "details": "div", "summary": "p", "time": "span",
}

// dropped are elements that go with all that stands in them.
var dropped = map[string]bool{
	"script": true, "style": true, "head": true, "title": true, "noscript": true, "template": true, "svg": true, "math": true, "form": true, "select": true,
	"textarea": true, "button": true, "object": true, "applet": true, "xmp": true, "plaintext": true, "noembed": true, "noframes": true, "frameset": true,
}

// shownElsewhere are elements that a mail cannot have; a link to what they show stands in their place.
var shownElsewhere = map[string]bool{"iframe": true, "video": true, "audio": true, "embed": true}

// void are elements that nothing stands in.
var void = map[string]bool{"br": true, "hr": true, "img": true}

const deepest = 60 // elements in one another that are kept

// A cleaned is an article that may stand in a mail.
type cleaned struct {
	html, plain string
	images      []string // addresses of those that it shows, in their order
	cut         bool     // there is more
}

// clean makes an article's HTML fit. Links are resolved by where the article is.
func (c *cleaner) clean(source string, base *url.URL, images bool) cleaned {
	w := &cleaning{base: base, images: images}
	if len(source) > mostArticle {
		source, w.out.cut = source[:mostArticle], true
	}
	w.all(source)
	w.out.html = strings.TrimSpace(c.policy.Sanitize(w.b.String()))
	w.out.plain = htmltext.Of(w.out.html)
	if w.out.plain == "" && len(w.out.images) == 0 {
		w.out.html = ""
	}
	return w.out
}

// cleaning is one article's.
type cleaning struct {
	base   *url.URL
	images bool
	b      strings.Builder
	open   []string // elements as they were called, "" for those that were left out
	skip   string   // all is left out until this element ends
	deep   int      // how often it was begun again within
	out    cleaned
}

func (w *cleaning) all(source string) {
	z := html.NewTokenizer(strings.NewReader(source))
	z.SetMaxBuf(mostArticle)
	for {
		switch z.Next() {
		case html.ErrorToken:
			for i := len(w.open) - 1; i >= 0; i-- {
				w.b.WriteString("</" + kept[w.open[i]] + ">")
			}
			return
		case html.TextToken:
			if w.skip == "" {
				w.b.WriteString(html.EscapeString(strings.Map(textOnly, string(z.Text()))))
			}
		case html.StartTagToken:
			t := z.Token()
			w.start(&t, false)
		case html.SelfClosingTagToken:
			t := z.Token()
			w.start(&t, true)
		case html.EndTagToken:
			name, _ := z.TagName()
			w.end(string(name))
		default: // comments and doctypes
		}
	}
}

// textOnly leaves out what is no text.
func textOnly(r rune) rune {
	if plain.IsControl(r) && r != '\r' {
		return -1
	}
	return r
}

func (w *cleaning) start(t *html.Token, closed bool) {
	if w.skip != "" {
		if t.Data == w.skip && !closed {
			w.deep++
		}
		return
	}
	switch {
	case dropped[t.Data]:
		if !closed {
			w.skip = t.Data
		}
	case shownElsewhere[t.Data]:
		w.elsewhere(t)
		if !closed && t.Data != "embed" {
			w.skip = t.Data
		}
	case t.Data == "img":
		w.image(t)
	case kept[t.Data] == "" || !void[t.Data] && len(w.open) >= deepest:
	case void[t.Data]:
		w.b.WriteString("<" + kept[t.Data] + ">")
	default:
		w.b.WriteString("<" + kept[t.Data] + w.attributes(t) + ">")
		if closed {
			w.b.WriteString("</" + kept[t.Data] + ">") // HTML knows no element that closes itself; who wrote it meant that
			return
		}
		w.open = append(w.open, t.Data)
	}
}

// attributes are those that an element may have.
func (w *cleaning) attributes(t *html.Token) string {
	switch t.Data {
	case "a":
		if href := w.link(attribute(t, "href")); href != "" {
			return ` href="` + html.EscapeString(href) + `"`
		}
	case "td", "th":
		s := ""
		for _, name := range []string{"colspan", "rowspan"} {
			if n, err := strconv.Atoi(attribute(t, name)); err == nil && n > 1 && n < 100 {
				s += " " + name + `="` + strconv.Itoa(n) + `"`
			}
		}
		return s
	}
	return ""
}

// link is where a link leads; empty: to nowhere that a reader may be led to.
func (w *cleaning) link(href string) string {
	if u, err := url.Parse(strings.TrimSpace(href)); err == nil && strings.EqualFold(u.Scheme, "mailto") && len(href) < mostURL {
		return u.String()
	}
	if strings.HasPrefix(strings.TrimSpace(href), "#") {
		return "" // a place in a page that is not there
	}
	return webLink(href, w.base)
}

// end ends an element, and those that stand open in it.
func (w *cleaning) end(name string) {
	if w.skip != "" {
		if name == w.skip {
			if w.deep--; w.deep < 0 {
				w.skip, w.deep = "", 0
			}
		}
		return
	}
	for i := len(w.open) - 1; i >= 0; i-- {
		if w.open[i] != name {
			continue
		}
		for j := len(w.open) - 1; j >= i; j-- {
			w.b.WriteString("</" + kept[w.open[j]] + ">")
		}
		w.open = w.open[:i]
		return
	}
}

// image shows an image by its address. One of a dot or two is there to count readers, and goes.
func (w *cleaning) image(t *html.Token) {
	src := attribute(t, "src")
	for _, late := range []string{"data-src", "data-original", "data-lazy-src"} {
		if webLink(src, nil) == "" && attribute(t, late) != "" || strings.HasPrefix(src, "data:") {
			src = attribute(t, late) // the page would have loaded it by a script
		}
	}
	address := webLink(src, w.base)
	width, height := pixels(attribute(t, "width")), pixels(attribute(t, "height"))
	if width >= 0 && width <= 2 || height >= 0 && height <= 2 {
		return
	}
	alt := plain.OneLine(attribute(t, "alt"), 300)
	if !w.images || address == "" {
		if alt != "" {
			w.b.WriteString("<i>[" + html.EscapeString(alt) + "]</i>")
		}
		return
	}
	w.b.WriteString(`<img src="` + html.EscapeString(address) + `" alt="` + html.EscapeString(alt) + `"`)
	if width > 0 && width <= 2000 {
		w.b.WriteString(` width="` + strconv.Itoa(width) + `"`)
	}
	w.b.WriteString(">")
	w.out.images = append(w.out.images, address)
}

// pixels reads a width or height; -1: it says none.
func pixels(s string) int {
	n, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(s), "px"))
	if err != nil || n < 0 {
		return -1
	}
	return n
}

// elsewhere puts a link in place of what a mail cannot show.
func (w *cleaning) elsewhere(t *html.Token) {
	if at := webLink(attribute(t, "src"), w.base); at != "" {
		u, err := url.Parse(at)
		if err != nil {
			return
		}
		w.b.WriteString(`<p><a href="` + html.EscapeString(at) + `">[` + t.Data + ": " + html.EscapeString(u.Host) + "]</a></p>")
	}
}

func attribute(t *html.Token, name string) string {
	for _, a := range t.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}
