package dsn

import (
	"strings"

	"golang.org/x/net/html"

	"github.com/parleymail/parley/mail/entity"
)

// text is what the mail says to people: of its plain texts, or, where there is none, of its HTML.
func (l *incoming) text() string {
	if l.hasSaid {
		return l.said
	}
	l.hasSaid = true
	var plain, marked strings.Builder
	for _, e := range l.texts {
		if e.Type != "text/html" {
			add(&plain, e.Text(mostText).Text)
		}
	}
	if l.said = plainText(plain.String()); strings.TrimSpace(l.said) != "" {
		return l.said
	}
	for _, e := range l.texts {
		if e.Type == "text/html" {
			add(&marked, fromHTML(e))
		}
	}
	l.said = plainText(marked.String())
	return l.said
}

func add(b *strings.Builder, s string) {
	if room := mostText - b.Len(); room > 0 {
		b.WriteString(cut(s, room))
		b.WriteByte('\n')
	}
}

// plainText has no blanks but ASCII's.
func plainText(s string) string {
	return strings.Map(func(r rune) rune {
		switch r {
		case 0xa0, 0x3000, 0x2002, 0x2003, 0x2009:
			return ' '
		case 0x200b, 0xfeff, '\r', 0:
			return -1
		}
		return r
	}, s)
}

// fromHTML makes text of HTML: a line for each block, a blank between the cells of a table.
func fromHTML(e *entity.Entity) string {
	z := html.NewTokenizer(strings.NewReader(e.Text(4 * mostText).Text))
	z.SetMaxBuf(mostText)
	var b strings.Builder
	hidden := ""
	for b.Len() < mostText {
		switch z.Next() {
		case html.ErrorToken:
			return b.String()
		case html.TextToken:
			if hidden == "" {
				b.WriteString(squeezed(string(z.Text())))
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			name, _ := z.TagName()
			switch tag := string(name); tag {
			case "style", "script", "title":
				hidden = tag
			case "br", "p", "div", "tr", "table", "li", "h1", "h2", "h3", "h4", "hr", "pre", "ul", "blockquote":
				b.WriteByte('\n')
			case "td", "th":
				b.WriteByte(' ')
			}
		case html.EndTagToken:
			name, _ := z.TagName()
			switch tag := string(name); tag {
			case hidden:
				hidden = ""
			case "p", "div", "table", "tr", "h1", "h2", "h3", "h4", "li":
				b.WriteByte('\n')
			}
		case html.CommentToken, html.DoctypeToken:
		}
	}
	return b.String()
}

// squeezed: in HTML any blanks are one, and line ends are blanks.
func squeezed(s string) string {
	words := strings.Fields(s)
	if len(words) == 0 {
		if s != "" {
			return " "
		}
		return ""
	}
	t := strings.Join(words, " ")
	if strings.TrimLeft(s, " \t\r\n") != s {
		t = " " + t
	}
	if strings.TrimRight(s, " \t\r\n") != s {
		t += " "
	}
	return t
}
