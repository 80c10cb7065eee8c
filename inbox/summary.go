package inbox

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html"

	"github.com/parleymail/parley/mail/entity"
)

// A summary is what is read from a content for lists and for the index.
type summary struct {
	author, addressee, cc, subject, messageID, date, snippet string

	attachments int
	marks       string // what there is, as has: asks for it
	files, body string
}

const (
	mostSummarised = 16 << 20  // octets of a content that are read for the index
	mostGlanced    = 1 << 20   // and for a list that cannot wait for it
	mostIndexed    = 64 << 10  // octets of its text
	mostLooked     = 2 << 10   // and of those that a list shows the first of
	mostHTML       = 256 << 10 // octets of HTML in which that text is looked for
	longestSnippet = 200       // characters
)

// summarise reads a content, or the begin of one; so many octets of its text.
func summarise(content []byte, most int) summary {
	head := entity.Summary(content)
	root := entity.Parse(content, entity.Limits{})
	s := summary{author: head.From, addressee: head.To, cc: head.Cc, subject: head.Subject,
		messageID: strings.Trim(head.MessageID, "<> "), date: head.Date, attachments: root.Attachments()}
	t := texts{most: most}
	for e := range root.All() {
		t.take(e)
	}
	s.files = strings.Join(t.files, " ")
	s.body = t.body.String()
	s.snippet = snippet(s.body)
	if s.attachments > 0 {
		t.mark("attachment")
	}
	s.marks = strings.Join(t.marks, " ")
	return s
}

// texts are those of a mail, as far as they are indexed.
type texts struct {
	body  strings.Builder
	most  int  // octets of it
	plain bool // there was one that is no HTML, in this mail itself
	marks []string
	files []string
}

func (t *texts) mark(word string) {
	for _, m := range t.marks {
		if m == word {
			return
		}
	}
	t.marks = append(t.marks, word)
}

func (t *texts) take(e *entity.Entity) {
	if e.File != "" {
		t.files = append(t.files, e.File)
	}
	switch {
	case len(e.Parts) > 0:
		return
	case strings.HasPrefix(e.Type, "image/"):
		t.mark("image")
	case e.Type == "text/calendar":
		t.mark("invite")
	}
	room := t.most - t.body.Len()
	if !strings.HasPrefix(e.Type, "text/") || e.IsAttachment() || room <= 0 {
		return
	}
	switch e.Type {
	case "text/html":
		t.mark("html")
		if !t.plain { // else it says the same again
			t.add(htmlText(e.Text(mostHTML).Text, room))
		}
	default:
		if e.Type == "text/plain" {
			t.mark("text")
			t.plain = true
		}
		t.add(e.Text(room).Text)
	}
}

func (t *texts) add(text string) {
	if t.body.Len() > 0 {
		t.body.WriteByte('\n')
	}
	t.body.WriteString(text[:min(len(text), t.most-min(t.body.Len(), t.most))])
}

// htmlText is what a person would read of an HTML, for words to be found in it; it is not
// fit to be shown.
func htmlText(source string, most int) string {
	var b strings.Builder
	z := html.NewTokenizer(strings.NewReader(source))
	hidden := "" // the element whose text nobody sees
	for b.Len() < most {
		switch z.Next() {
		case html.ErrorToken:
			return b.String()
		case html.StartTagToken:
			name, _ := z.TagName()
			if hidden == "" && (string(name) == "script" || string(name) == "style" || string(name) == "title") {
				hidden = string(name)
			}
			b.WriteByte(' ')
		case html.EndTagToken:
			if name, _ := z.TagName(); string(name) == hidden {
				hidden = ""
			}
			b.WriteByte(' ')
		case html.TextToken:
			if hidden == "" {
				b.Write(bytes.TrimSpace(z.Text()))
			}
		default:
			b.WriteByte(' ')
		}
	}
	return b.String()
}

// snippet is how a text begins, on one line.
func snippet(text string) string {
	var b strings.Builder
	b.Grow(min(len(text), longestSnippet))
	n, blank := 0, false
	for _, r := range text {
		switch {
		case ' ' < r && r < 0x7f: // most are, and to look them up takes longer than all else here
		case unicode.IsSpace(r):
			blank = n > 0
			continue
		case r == utf8.RuneError, unicode.Is(unicode.C, r), r == '\u034f':
			continue // controls, and what newsletters fill their first line with
		}
		if blank {
			b.WriteByte(' ')
			blank = false
		}
		b.WriteRune(r)
		if n++; n == longestSnippet {
			b.WriteString("…")
			break
		}
	}
	return b.String()
}
