package view

import (
	"net/url"
	"regexp"
	"strings"

	"golang.org/x/net/html"
)

var (
	// What a style attribute may be at last: no URL but those of the mail itself, nothing that could end an attribute.
	safeStyle = regexp.MustCompile(`^[^<>\\@{}]*(\\[0-9a-f]{1,6} [^<>\\@{}]*)*$`)
	onlyBlank = regexp.MustCompile(`^_blank$`)
	relations = "noopener noreferrer nofollow"
)

// isDataURL is bluemonday's question about a data: URL.
func isDataURL(u *url.URL) bool { return isDataImage("data:" + u.Opaque) }

// allowedElements show text, tables and images. None runs, loads, sends or opens anything.
var allowedElements = setOf(`a abbr acronym address area article aside b bdi bdo big blockquote br caption center cite code col colgroup dd del details
	dfn dir div dl dt em figcaption figure font footer h1 h2 h3 h4 h5 h6 header hgroup hr i img ins kbd li main map mark menu nav nobr ol p pre q
	rb rp rt rtc ruby s samp search section small span strike strong sub summary sup table tbody td tfoot th thead time tr tt u ul var wbr`)

// skippedElements go with all that is in them.
var skippedElements = setOf(`script title template noscript noembed noframes iframe svg math xml object applet audio video canvas select datalist textarea
	frameset`)

var voidElements = setOf("area br col hr img wbr")

// endedByNext: a second one ends the first, unless one of these stands between.
var endedByNext = map[string][]string{
	"p": inText, "li": inText, "dt": inText, "dd": inText, "td": inTable, "th": inTable, "tr": inTable, "tbody": inTable, "thead": inTable, "tfoot": inTable,
}

var (
	inText  = []string{"table", "td", "th", "caption", "ul", "ol", "dl", "menu", "dir", "div", "blockquote", "section", "article", "center"}
	inTable = []string{"table"}
)

// formatting elements go on behind what they are left open in: HTML §13.2.4.3.
var formatting = setOf("b big code em font i nobr s small strike strong tt u")

// allowedAttributes: those without elements may stand on all.
var allowedAttributes = map[string][]string{
	"class": nil, "id": nil, "dir": nil, "lang": nil, "title": nil, "align": nil, "valign": nil, "bgcolor": nil, "color": nil, "width": nil, "height": nil,
	"role": nil, "aria-label": nil, "aria-hidden": nil, "hidden": nil,
	"border": {"table", "img"}, "bordercolor": {"table", "td", "th", "tr"}, "cellpadding": {"table"}, "cellspacing": {"table"}, "frame": {"table"}, "rules": {"table"}, "summary": {"table"},
	"colspan": {"td", "th"}, "rowspan": {"td", "th"}, "nowrap": {"td", "th"}, "scope": {"td", "th"}, "headers": {"td", "th"}, "abbr": {"td", "th"},
	"span": {"col", "colgroup"}, "face": {"font"}, "size": {"font", "hr"}, "noshade": {"hr"}, "clear": {"br"},
	"hspace": {"img"}, "vspace": {"img"}, "alt": {"img", "area"}, "src": {"img"}, "usemap": {"img"}, "ismap": {"img"},
	"href": {"a", "area"}, "name": {"a", "map"}, "shape": {"area"}, "coords": {"area"},
	"start": {"ol"}, "reversed": {"ol"}, "type": {"ol", "ul", "li"}, "value": {"li"}, "compact": {"ol", "ul", "dl", "dir", "menu"}, "datetime": {"time", "ins", "del"}, "open": {"details"},
}

func mayHave(element, key string) bool {
	on, ok := allowedAttributes[key]
	if !ok || len(on) == 0 {
		return ok
	}
	for _, e := range on {
		if e == element {
			return true
		}
	}
	return false
}

// attributes gives those of an element that may stay, as they may.
func (c *cleaner) attributes(t html.Token) []html.Attribute {
	var kept []html.Attribute
	keep := func(key, value string) { kept = append(kept, html.Attribute{Key: key, Val: value}) }
	for _, a := range t.Attr {
		switch {
		case a.Key == "style":
			if s := cleanStyle(a.Val, c.urls, &c.told); s != "" {
				keep("style", s)
			}
		case a.Key == "background":
			var told Blocked
			if to, ok := c.urls.image(a.Val, false, &told); ok {
				keep("style", "background-image:url("+quoted(to)+")")
			}
		case !mayHave(t.Data, a.Key):
		case a.Key == "src":
			if to, ok := c.urls.image(a.Val, true, &c.told); ok {
				keep("src", to)
			}
		case a.Key == "href":
			to, within, ok := c.urls.link(a.Val, &c.told)
			if !ok {
				continue
			}
			keep("href", to)
			if !within {
				keep("target", "_blank")
				keep("rel", relations)
			}
		case a.Key == "usemap" && !strings.HasPrefix(a.Val, "#"):
		default:
			keep(a.Key, a.Val)
		}
	}
	return mergeStyles(kept)
}

func quoted(s string) string {
	var b strings.Builder
	writeCSSString(&b, s)
	return b.String()
}

// mergeStyles puts a background's style before the element's own: an attribute stands once.
func mergeStyles(attrs []html.Attribute) []html.Attribute {
	first := -1
	out := attrs[:0]
	for _, a := range attrs {
		if a.Key != "style" || first < 0 {
			if a.Key == "style" {
				first = len(out)
			}
			out = append(out, a)
			continue
		}
		out[first].Val += ";" + a.Val
	}
	return out
}

// rootAttributes takes what the body looks like. Of several the first counts.
func (c *cleaner) rootAttributes(t html.Token) {
	for _, a := range c.attributes(t) {
		switch a.Key {
		case "lang", "dir", "class", "id", "style", "bgcolor":
			if _, twice := attr(html.Token{Attr: c.root}, a.Key); !twice {
				c.root = append(c.root, a)
			}
		}
	}
}

// count notes what an element would have done, had it been let.
func (c *cleaner) count(t html.Token) {
	switch t.Data {
	case "script":
		c.told.Scripts++
	case "iframe", "frame", "frameset", "object", "embed", "applet", "svg", "math", "portal", "fencedframe":
		c.told.Frames++
	case "form", "input", "button", "select", "textarea", "keygen", "isindex":
		c.told.Forms++
	case "base":
		c.told.Metas++
	case "meta":
		if v, _ := attr(t, "http-equiv"); strings.EqualFold(strings.TrimSpace(v), "refresh") {
			c.told.Metas++
		}
	case "link":
		if href, _ := attr(t, "href"); isRemote(href) {
			c.told.RemoteStyles++
			c.told.host(href)
		}
	}
	for _, a := range t.Attr {
		c.countAttribute(t.Data, a)
	}
}

func (c *cleaner) countAttribute(element string, a html.Attribute) {
	if len(a.Key) > 2 && a.Key[:2] == "on" {
		c.told.Handlers++
		return
	}
	switch a.Key {
	case "src":
		if element == "img" && c.skip == "" {
			return // it is looked at where it is kept
		}
		fallthrough
	case "background", "srcset", "poster", "lowsrc", "dynsrc", "data", "codebase", "classid", "archive":
		if first, _, _ := strings.Cut(strings.TrimSpace(a.Val), " "); isRemote(first) {
			c.told.RemoteImages++
			c.told.host(first)
		}
	case "action", "formaction", "xlink:href", "ping", "from", "to", "values":
		switch schemeOf(plainURL(a.Val)) {
		case "javascript", "vbscript", "data":
			c.told.URLs++
		}
	}
}
