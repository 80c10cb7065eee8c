package view

import (
	"bytes"
	"fmt"
	"iter"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/parleymail/parley/mail/entity"
)

const (
	longLine  = 998
	largeSize = 10 << 20
)

// sortedKeys goes through a map in an order that does not change from one look to the next.
func sortedKeys(m map[string]bool) iter.Seq[string] {
	return slices.Values(slices.Sorted(maps.Keys(m)))
}

// octets looks at the lines of the content.
func (c *checkup) octets() {
	b := c.v.content
	if len(b) > largeSize {
		c.found("size-large", fmt.Sprintf("%.1f MB", float64(len(b))/1e6))
	}
	if i := bytes.IndexByte(b, 0); i >= 0 {
		c.found("nul", place(b, i))
	}
	if i := bareCR(b); i >= 0 {
		c.found("bare-cr", place(b, i))
	}
	long, bare := 0, 0
	for i, line := 0, 1; i < len(b); line++ {
		end := bytes.IndexByte(b[i:], '\n')
		stop := i + end
		if end < 0 {
			stop = len(b)
		}
		text := b[i:stop]
		if end >= 0 && (len(text) == 0 || text[len(text)-1] != '\r') {
			if bare++; bare <= maxPlaces {
				c.found("bare-lf", fmt.Sprintf("line %d", line))
			}
		}
		if text = bytes.TrimSuffix(text, []byte("\r")); len(text) > longLine {
			if long++; long <= maxPlaces {
				c.found("line-long", fmt.Sprintf("line %d", line))
			}
		}
		i = stop + 1
	}
	if bare > maxPlaces {
		c.foundN("bare-lf", "", bare-maxPlaces)
	}
	if long > maxPlaces {
		c.foundN("line-long", "", long-maxPlaces)
	}
}

func bareCR(b []byte) int {
	for i := 0; i < len(b); i++ {
		n := bytes.IndexByte(b[i:], '\r')
		if n < 0 {
			return -1
		}
		if i += n; i+1 >= len(b) || b[i+1] != '\n' {
			return i
		}
	}
	return -1
}

// place tells the line of an offset.
func place(b []byte, i int) string { return fmt.Sprintf("line %d", 1+bytes.Count(b[:i], []byte("\n"))) }

// mime looks at the parts: how they are bounded, encoded, and what charset they say.
func (c *checkup) mime() {
	root := c.v.root()
	for _, n := range root.Odd {
		c.found("mime-broken", strings.TrimSpace(n.Path+" "+string(n.What)))
	}
	for _, n := range root.Cut {
		c.found("mime-cut", strings.TrimSpace(n.Path+" "+string(n.What)))
	}
	eight := false
	for e := range root.All() {
		if len(e.Parts) > 0 {
			continue
		}
		high := slices.ContainsFunc(e.RawBody(), func(b byte) bool { return b >= 0x80 })
		eight = eight || high
		if high && e.Encoding != "8bit" && e.Encoding != "binary" {
			c.found("eight-bit-undeclared", e.Path())
		}
	}
	if eight && !c.v.message.EightBit && len(c.v.message.Recipients) > 0 {
		c.found("eight-bit-unsaid", "")
	}
	for _, p := range []*Part{c.v.letter().HTML, c.v.letter().Plain} {
		if p != nil {
			c.charset(p.e)
		}
	}
}

func (c *checkup) charset(e *entity.Entity) {
	t := e.Text(c.v.limits.Text)
	switch ascii := !strings.ContainsFunc(t.Text, func(r rune) bool { return r >= 0x80 }); {
	case ascii:
	case e.Params["charset"] == "":
		c.found("charset-missing", e.Type)
	case t.Guessed:
		c.found("charset-wrong", e.Type+": "+t.Declared+", read as "+t.Charset)
	case t.Broken:
		c.found("charset-broken", e.Type)
	}
}

// leftovers are what templates leave behind when nobody fills them in.
var leftovers = regexp.MustCompile(`^(?:\{\{[^{}\n]{0,80}\}\}|\{%[^{}\n]{1,80}%\}|\$\{[A-Za-z_][^{}\n]{0,80}\}|<%[=-]?[^%\n]{1,80}%>|%%[A-Za-z_][A-Za-z0-9_ .]{0,60}%%|\*\|[A-Z_:]{2,60}\|\*|\[\[[A-Za-z_][A-Za-z0-9_. ]{0,60}\]\]|\[object Object\]|(?:Hi|Hello|Dear|您好|尊敬的) ?(?:undefined|null|None|nil|NaN)\b)`)

// leftoverIn finds them. A text may be nothing but brackets: no more than some thousand are looked at.
func leftoverIn(s string) (found []string) {
	const window, tries = 128, 3000
	for n := 0; n < tries && len(found) < maxPlaces; n++ {
		i := strings.IndexAny(s, "{$<%*[HD您尊")
		if i < 0 {
			break
		}
		s = s[i:]
		if s[0] == '<' && !strings.HasPrefix(s, "<%") {
			n-- // a tag
		} else if m := leftovers.FindString(s[:min(len(s), window)]); m != "" {
			found = append(found, m)
		}
		_, size := utf8.DecodeRuneInString(s)
		s = s[size:]
	}
	return found
}

// texts looks at whether there is something to read, and in both forms.
func (c *checkup) texts() {
	l, text := c.v.letter(), c.v.text()
	plain := strings.TrimSpace(text.Text)
	switch {
	case l.HTML == nil && plain == "" && len(l.Attachments) == 0:
		c.found("body-empty", "")
	case l.HTML == nil:
	case l.Plain == nil:
		c.found("text-missing", "")
	case plain == "":
		c.found("text-empty", "")
	}
	for _, s := range []string{c.v.root().Get("Subject"), text.Text, c.v.source().Text} {
		for _, m := range leftoverIn(s) {
			c.found("template-left", m)
		}
	}
}

// links tells the doubts about links. Those about addresses for examples count for nothing where the mail itself is from there.
func (c *checkup) links() {
	own := isExampleHost(domainOf(strings.Trim(c.v.message.ReversePath, "<>")))
	for _, l := range c.v.links() {
		for _, id := range l.Doubts {
			if id == "link-example" && own {
				continue
			}
			where := l.URL
			if id == "link-other-host" || l.URL == "" || l.URL == "#" {
				where = strings.TrimSpace(l.Text + " → " + l.URL)
			}
			c.found(id, where)
		}
	}
}
