package view

import (
	"html/template"
	"slices"
	"strings"
	"sync"

	"github.com/microcosm-cc/bluemonday"
	"golang.org/x/net/html"
)

// HTMLOptions say how a mail's HTML is shown.
type HTMLOptions struct {
	// Remote lets images be loaded from where the mail says, by the browser; nothing else is. The sender sees that, and when.
	Remote bool
	// CID gives the URL of an image in the mail, by its Content-ID. Nil, or an empty answer: it is not shown.
	CID func(id string) string
}

// Safe is a mail's HTML made safe.
type Safe struct {
	// Document is a whole page for a frame of its own. It has no script, no form, no frame, and asks nobody for anything but what
	// HTMLOptions let it. It is the second wall: the first is a frame with sandbox="", under a Content-Security-Policy.
	Document template.HTML `json:"document"`
	Blocked  Blocked       `json:"blocked"`
	Cut      bool          `json:"cut,omitempty"` // there is more HTML than Limits.HTML
}

// cleaner goes through a mail's HTML once, token by token, and writes what may stay. It builds no tree: no depth of elements costs anything.
type cleaner struct {
	urls urlRules
	told Blocked
	css  strings.Builder
	body strings.Builder
	root []html.Attribute // of the body, and the language of html

	open    []string // elements that were written and not closed
	astray  int      // elements that were left open within others
	dropped map[string]int
	skip    string // whose content is passed over
	skipped int    // how deep in such elements
	style   bool   // in a style element
	ended   bool
}

const (
	maxOpenElements = 200
	maxAstray       = 50
	maxAttributes   = 100
)

// makeSafe reads HTML and writes what of it may be shown.
func makeSafe(source string, o HTMLOptions, has func(cid string) bool) Safe {
	c := clean(source, o, has)
	return Safe{Document: c.document(), Blocked: c.told}
}

func clean(source string, o HTMLOptions, has func(cid string) bool) *cleaner {
	c := &cleaner{urls: urlRules{o.Remote, o.CID, has}, dropped: make(map[string]int)}
	z := html.NewTokenizer(strings.NewReader(source))
	for {
		switch z.Next() {
		case html.ErrorToken:
			c.ended = true
			c.closeTo(0)
			return c
		case html.TextToken:
			c.text(string(z.Text()))
		case html.StartTagToken:
			c.start(readTag(z), false)
		case html.SelfClosingTagToken:
			c.start(readTag(z), true)
		case html.EndTagToken:
			name, _ := z.TagName()
			c.end(string(name))
		default: // comments and doctypes
		}
	}
}

// readTag reads a tag with its attributes, of which no more than a hundred count, and of several with one name the first (HTML §13.2.5.33).
func readTag(z *html.Tokenizer) html.Token {
	name, more := z.TagName()
	t := html.Token{Data: string(name)}
	for n := 0; more && n < maxAttributes; n++ {
		var key, value []byte
		key, value, more = z.TagAttr()
		if _, twice := attr(t, string(key)); !twice && len(key) > 0 {
			t.Attr = append(t.Attr, html.Attribute{Key: string(key), Val: string(value)})
		}
	}
	return t
}

func attr(t html.Token, key string) (string, bool) {
	for _, a := range t.Attr {
		if a.Key == key {
			return a.Val, true
		}
	}
	return "", false
}

func (c *cleaner) text(s string) {
	switch {
	case c.style:
		c.css.WriteString(cleanSheet(s, c.urls, &c.told))
		c.css.WriteByte('\n')
	case c.skip == "":
		c.body.WriteString(html.EscapeString(s))
	}
}

// start reads a tag that opens an element.
func (c *cleaner) start(t html.Token, closed bool) {
	if c.skip != "" {
		if t.Data == c.skip && !closed {
			c.skipped++
		}
		c.count(t)
		return
	}
	c.count(t)
	switch t.Data {
	case "html", "body":
		c.rootAttributes(t)
		return
	case "style":
		c.style = !closed
		return
	}
	if _, ok := skippedElements[t.Data]; ok {
		if !closed {
			c.skip, c.skipped = t.Data, 1
		}
		return
	}
	if _, ok := allowedElements[t.Data]; ok {
		c.write(t)
	}
}

// write puts down an element that may stay.
func (c *cleaner) write(t html.Token) {
	_, void := voidElements[t.Data]
	if !void {
		c.endImplied(t.Data)
		if len(c.open) >= maxOpenElements {
			c.told.TooDeep++
			c.dropped[t.Data]++
			return
		}
		c.open = append(c.open, t.Data)
	}
	t.Attr = c.attributes(t)
	t.Type = html.StartTagToken
	c.body.WriteString(t.String())
}

// endImplied closes the <p>, <li> or <td> that the next one ends (HTML §13.1.2.4), but none that a list or table stands between.
func (c *cleaner) endImplied(name string) {
	walls, ok := endedByNext[name]
	if !ok {
		return
	}
	for i := len(c.open) - 1; i >= 0 && !slices.Contains(walls, c.open[i]); i-- {
		if c.open[i] == name {
			c.closeTo(i)
			return
		}
	}
}

// end closes an element, and what stands open within it.
func (c *cleaner) end(name string) {
	switch {
	case c.style:
		c.style = name != "style"
		return
	case c.skip != "":
		if name == c.skip {
			if c.skipped--; c.skipped == 0 {
				c.skip = ""
			}
		}
		return
	case c.dropped[name] > 0:
		c.dropped[name]--
		return
	}
	for i := len(c.open) - 1; i >= 0; i-- {
		if c.open[i] != name {
			continue
		}
		if _, ok := formatting[name]; ok && i < len(c.open)-1 && c.astray < maxAstray {
			c.astray++ // <b><p>x</b>y: the paragraph goes on
			c.open = slices.Delete(c.open, i, i+1)
			break
		}
		c.closeTo(i + 1)
		c.open = c.open[:i]
		break
	}
	// One that closes nothing is a line break to browsers where it is </p> or </br>, and nothing otherwise.
	if _, ok := allowedElements[name]; ok {
		c.body.WriteString("</" + name + ">")
	}
}

// closeTo closes the elements from the innermost outwards until n are open. Those that change how text looks go on behind the element
// that they are left open in, as in browsers: <b><p>x</b>y. But each costs a browser an element in every one that follows, so it is
// let happen fifty times only.
func (c *cleaner) closeTo(n int) {
	for len(c.open) > n {
		last := len(c.open) - 1
		name := c.open[last]
		c.open = c.open[:last]
		if _, ok := formatting[name]; ok && !c.ended && c.astray < maxAstray {
			c.astray++
			continue
		}
		c.body.WriteString("</" + name + ">")
	}
}

// document puts together what the frame gets. What the cleaner wrote goes through a policy that others keep an eye on: what the one overlooks
// the other must let through too.
func (c *cleaner) document() template.HTML {
	var b strings.Builder
	b.WriteString("<!doctype html>\n<html")
	for _, a := range c.root {
		if a.Key == "lang" {
			b.WriteString(` lang="` + html.EscapeString(a.Val) + `"`)
		}
	}
	b.WriteString("><head><meta charset=\"utf-8\"><meta name=\"referrer\" content=\"no-referrer\"><meta name=\"viewport\" content=\"width=device-width\">" +
		"<meta http-equiv=\"Content-Security-Policy\" content=\"" + framePolicy + "\"><style>")
	b.WriteString(c.css.String())
	b.WriteString("</style></head><body")
	for _, a := range c.root {
		if a.Key != "lang" {
			b.WriteString(" " + a.Key + `="` + html.EscapeString(a.Val) + `"`)
		}
	}
	b.WriteString(">")
	b.WriteString(policy().Sanitize(c.body.String()))
	b.WriteString("</body></html>\n")
	return template.HTML(b.String())
}

// framePolicy goes with the document, wherever it is shown. Of images it says nothing: where they are is known to the page.
const framePolicy = "script-src 'none'; object-src 'none'; frame-src 'none'; connect-src 'none'; form-action 'none'; base-uri 'none'; font-src 'none'; " +
	"media-src 'none'; manifest-src 'none'; worker-src 'none'; style-src 'unsafe-inline'"

// policy is the second look, by bluemonday.
var policy = sync.OnceValue(func() *bluemonday.Policy {
	p := bluemonday.NewPolicy()
	for name := range allowedElements {
		p.AllowElements(name)
		p.AllowNoAttrs().OnElements(name)
	}
	for name, on := range allowedAttributes {
		if len(on) == 0 {
			p.AllowAttrs(name).Globally()
		} else {
			p.AllowAttrs(name).OnElements(on...)
		}
	}
	p.AllowAttrs("style").Matching(safeStyle).Globally()
	p.AllowAttrs("target").Matching(onlyBlank).OnElements("a", "area")
	p.AllowAttrs("rel").OnElements("a", "area")
	p.AllowURLSchemes("http", "https", "mailto", "tel", "sms")
	p.AllowRelativeURLs(true)
	p.AllowURLSchemeWithCustomPolicy("data", isDataURL)
	p.RequireParseableURLs(true)
	return p
})
