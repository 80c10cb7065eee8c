package view

import (
	"strings"

	"golang.org/x/net/html"
)

// A Text is a mail as text.
type Text struct {
	Text     string `json:"text"`
	FromHTML bool   `json:"from_html,omitempty"` // there is no text part: it is made of the HTML
	Charset  string `json:"charset,omitempty"`
	Declared string `json:"declared,omitempty"` // the charset that the mail tells
	Guessed  bool   `json:"guessed,omitempty"`  // Charset is not the declared one
	Broken   bool   `json:"broken,omitempty"`   // some octets were of no character
	Cut      bool   `json:"cut,omitempty"`      // there is more than Limits.Text
}

func (v *View) makeText() Text {
	l := v.letter()
	if l.Plain == nil && l.HTML != nil {
		source := v.source()
		return Text{Text: toText(source.Text, true), FromHTML: true, Charset: source.Charset, Declared: source.Declared, Guessed: source.Guessed, Broken: source.Broken, Cut: source.Cut}
	}
	if l.Plain == nil {
		return Text{}
	}
	t := l.Plain.e.Text(v.limits.Text)
	text := Text{Text: t.Text, Charset: t.Charset, Declared: t.Declared, Guessed: t.Guessed, Broken: t.Broken, Cut: t.Cut}
	for _, p := range l.Further {
		if p.Type != "text/plain" || len(text.Text) >= v.limits.Text {
			break
		}
		text.Text = strings.TrimRight(text.Text, "\n") + "\n\n" + p.e.Text(v.limits.Text-len(text.Text)).Text
	}
	return text
}

// toText makes text of HTML, token by token. There is a library for it (inbucket/html2text), which builds a tree and goes through it by recursion, and
// sets a blank between any two elements: a code in six spans, or a sentence in Chinese, is not what it was.
func toText(source string, links bool) string {
	w := textWriter{links: links}
	for z := html.NewTokenizer(strings.NewReader(source)); ; {
		switch z.Next() {
		case html.ErrorToken:
			return w.String()
		case html.TextToken:
			w.text(string(z.Text()))
		case html.StartTagToken:
			w.start(readTag(z), false)
		case html.SelfClosingTagToken:
			w.start(readTag(z), true)
		case html.EndTagToken:
			name, _ := z.TagName()
			w.end(string(name))
		default:
		}
	}
}

// textWriter writes words, and the least of blanks and line ends that must stand between them.
type textWriter struct {
	b       strings.Builder
	links   bool
	skip    string
	skipped int
	lines   int // line ends that are due before the next word
	space   bool
	pre     int
	href    string
	linked  strings.Builder // what stands in the link that is open
}

func (w *textWriter) String() string { return strings.TrimSpace(w.b.String()) + "\n" }

func (w *textWriter) newLines(n int) { w.lines = max(w.lines, n) }

// word writes what has no blanks at its ends.
func (w *textWriter) word(s string) {
	switch {
	case w.b.Len() == 0:
	case w.lines > 0:
		w.b.WriteString("\n\n"[:min(w.lines, 2)])
	case w.space:
		w.b.WriteByte(' ')
	}
	w.lines, w.space = 0, false
	w.b.WriteString(s)
	if w.href != "" && w.linked.Len() < 2048 {
		w.linked.WriteString(s)
	}
}

func (w *textWriter) text(s string) {
	if w.skip != "" || s == "" {
		return
	}
	if w.pre > 0 {
		w.word(s)
		return
	}
	s = strings.Map(func(r rune) rune {
		switch r {
		case '\u200b', '\u200c', '\u200d', '\u034f', '\u00ad', '\ufeff': // what fills preview lines, and is not seen
			return -1
		}
		return r
	}, s)
	for s != "" {
		i := strings.IndexFunc(s, isHTMLBlank)
		if i == 0 {
			w.space = true
			s = strings.TrimLeftFunc(s, isHTMLBlank)
			continue
		}
		if i < 0 {
			i = len(s)
		}
		w.word(s[:i])
		s = s[i:]
	}
}

func isHTMLBlank(r rune) bool {
	return r == ' ' || r == '\n' || r == '\t' || r == '\r' || r == '\f' || r == '\u00a0'
}

func (w *textWriter) start(t html.Token, closed bool) {
	if w.skip != "" {
		if t.Data == w.skip && !closed {
			w.skipped++
		}
		return
	}
	_, skipped := skippedElements[t.Data]
	switch {
	case (skipped || t.Data == "style") && !closed:
		w.skip, w.skipped = t.Data, 1
	case t.Data == "br":
		if w.lines++; w.lines > 2 {
			w.lines = 2
		}
	case t.Data == "hr":
		w.newLines(1)
		w.word("----")
		w.newLines(1)
	case t.Data == "li":
		w.newLines(1)
		w.word("*")
		w.space = true
	case t.Data == "td", t.Data == "th":
		w.space = true
	case t.Data == "img":
		if alt, _ := attr(t, "alt"); strings.TrimSpace(alt) != "" {
			w.word("[" + strings.Join(strings.Fields(alt), " ") + "]")
		}
	case t.Data == "a":
		href, _ := attr(t, "href")
		w.href = plainURL(href)
		w.linked.Reset()
	case t.Data == "pre":
		w.pre++
		w.newLines(2)
	default:
		w.newLines(blockLines[t.Data])
	}
}

func (w *textWriter) end(name string) {
	if w.skip != "" {
		if name == w.skip {
			if w.skipped--; w.skipped == 0 {
				w.skip = ""
			}
		}
		return
	}
	switch name {
	case "a":
		w.endLink()
	case "pre":
		w.pre = max(0, w.pre-1)
		w.newLines(2)
	case "li", "td", "th":
	default:
		w.newLines(blockLines[name])
	}
}

// endLink writes where a link leads, unless that is what it says.
func (w *textWriter) endLink() {
	href, said := w.href, w.linked.String()
	w.href = ""
	switch schemeOf(href) {
	case "http", "https", "mailto", "tel":
	default:
		return
	}
	bare := strings.TrimSuffix(strings.TrimPrefix(strings.TrimPrefix(strings.TrimPrefix(strings.TrimPrefix(href, "https://"), "http://"), "mailto:"), "tel:"), "/")
	if !w.links || said == href || strings.EqualFold(strings.TrimSuffix(said, "/"), bare) {
		return
	}
	w.space = true
	w.word("<" + href + ">")
}

// blockLines: how many line ends stand before and behind an element.
var blockLines = map[string]int{
	"p": 2, "h1": 2, "h2": 2, "h3": 2, "h4": 2, "h5": 2, "h6": 2, "blockquote": 2, "ul": 2, "ol": 2, "dl": 2, "table": 2, "section": 2, "article": 2, "figure": 2,
	"div": 1, "tr": 1, "dt": 1, "dd": 1, "center": 1, "header": 1, "footer": 1, "main": 1, "nav": 1, "aside": 1, "address": 1, "form": 1, "caption": 1, "body": 1,
}
