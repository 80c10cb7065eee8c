// Package htmltext makes text of HTML: what those read whose programs show none.
package htmltext

import (
	"strconv"
	"strings"

	"golang.org/x/net/html"

	"github.com/parleymail/parley/internal/plain"
)

// Of makes text of HTML, token by token: links stand behind their words, and lists have their dashes.
func Of(source string) string {
	w := &texting{}
	for z := html.NewTokenizer(strings.NewReader(source)); ; {
		switch z.Next() {
		case html.ErrorToken:
			return strings.TrimSpace(w.b.String())
		case html.TextToken:
			if w.skip == "" {
				w.text(string(z.Text()))
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			t := z.Token()
			w.start(&t)
		case html.EndTagToken:
			name, _ := z.TagName()
			w.end(string(name))
		default:
		}
	}
}

// A texting is one text on its way.
type texting struct {
	b     strings.Builder
	lines int    // line ends that stand before the next word
	blank bool   // a blank stands before it
	pre   int    // it keeps its lines
	quote int    // it stands behind ">"
	skip  string // what stands in this is left out
	lists []int  // numbers of lists, -1 for one without
	href  string
	words int // where the link's words begin
	any   bool
}

func (w *texting) text(s string) {
	if w.pre > 0 {
		for i, line := range strings.Split(strings.ReplaceAll(s, "\r\n", "\n"), "\n") {
			if i > 0 {
				w.lines = max(w.lines, 1)
				if line == "" {
					w.lines++
				}
			}
			if line != "" {
				w.word(strings.Map(textOnly, line))
			}
		}
		return
	}
	for i, word := range strings.FieldsFunc(s, isBlank) {
		if i > 0 || isBlank(rune(s[0])) {
			w.blank = true
		}
		w.word(strings.Map(textOnly, word))
	}
	if s != "" && isBlank(rune(s[len(s)-1])) {
		w.blank = true
	}
}

func isBlank(r rune) bool { return r == ' ' || r == '\n' || r == '\t' || r == '\r' || r == '\f' }

func (w *texting) word(s string) {
	switch {
	case !w.any:
	case w.lines > 0:
		for range min(w.lines, 2) {
			w.b.WriteByte('\n')
			if w.quote > 0 {
				w.b.WriteString(strings.Repeat(">", min(w.quote, 3)) + " ")
			}
		}
	case w.blank:
		w.b.WriteByte(' ')
	}
	w.lines, w.blank, w.any = 0, false, true
	w.b.WriteString(s)
}

func (w *texting) start(t *html.Token) {
	if w.skip != "" {
		return
	}
	switch t.Data {
	case "script", "style", "head", "title", "template", "svg", "math":
		if t.Type == html.StartTagToken {
			w.skip = t.Data
		}
	case "br":
		w.lines++
	case "pre":
		w.lines, w.pre = 2, w.pre+1
	case "blockquote":
		w.lines, w.quote = 2, w.quote+1
	case "ul":
		w.lines, w.lists = max(w.lines, 1), append(w.lists, -1)
	case "ol":
		w.lines, w.lists = max(w.lines, 1), append(w.lists, 0)
	case "li":
		w.item()
	case "td", "th":
		w.blank = true
	case "hr":
		w.lines = 2
		w.word("---")
		w.lines = 2
	case "a":
		w.href, w.words = attribute(t, "href"), w.b.Len()
	case "img":
		if alt := attribute(t, "alt"); alt != "" {
			w.word("[" + plain.OneLine(alt, 300) + "]")
		}
	default:
		w.block(t.Data)
	}
}

func (w *texting) item() {
	w.lines = max(w.lines, 1)
	mark := "-"
	if n := len(w.lists); n > 0 && w.lists[n-1] >= 0 {
		w.lists[n-1]++
		mark = strconv.Itoa(w.lists[n-1]) + "."
	}
	w.word(strings.Repeat("  ", max(len(w.lists)-1, 0)) + mark)
	w.blank = true
}

// block sets an element of its own line, or lines, apart.
func (w *texting) block(name string) {
	switch name {
	case "p", "h1", "h2", "h3", "h4", "h5", "h6", "table", "figure", "dl":
		w.lines = max(w.lines, 2)
	case "div", "tr", "dt", "dd", "figcaption", "caption":
		w.lines = max(w.lines, 1)
	}
}

func (w *texting) end(name string) {
	if w.skip != "" {
		if name == w.skip {
			w.skip = ""
		}
		return
	}
	switch name {
	case "pre":
		w.lines, w.pre = 2, max(w.pre-1, 0)
	case "blockquote":
		w.lines, w.quote = 2, max(w.quote-1, 0)
	case "ul", "ol":
		w.lines, w.lists = max(w.lines, 1), w.lists[:max(len(w.lists)-1, 0)]
	case "a":
		web := strings.HasPrefix(w.href, "https://") || strings.HasPrefix(w.href, "http://") || strings.HasPrefix(w.href, "mailto:")
		if web && w.b.Len() > w.words && !strings.Contains(w.b.String()[w.words:], strings.TrimPrefix(w.href, "mailto:")) {
			w.blank = true
			w.word("<" + w.href + ">")
		}
		w.href = ""
	default:
		w.block(name)
	}
}

// textOnly leaves control characters out.
func textOnly(r rune) rune {
	if plain.IsControl(r) && r != '\r' {
		return -1
	}
	return r
}

func attribute(t *html.Token, name string) string {
	for _, a := range t.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}
