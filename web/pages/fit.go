package pages

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/text/width"
)

// A frame in which no script runs cannot be measured: the page that holds it is not let in either, for it is of no origin. How high it
// is to be is told from the HTML itself, roughly: lines of text, images that tell their size, what cells and boxes tell of theirs. Who
// reads can draw it larger or smaller.

// fits are the heights that the style sheet knows, in pixels; what is higher is given the height of the window.
var fits = []float64{114, 152, 190, 247, 304, 380, 475, 560, 660, 780, 988}

// How wide a frame is: where the page lets it be, and a phone's.
const (
	wideFrame = 820
	slimFrame = 350
)

// fit is the classes of a frame for HTML that was made safe: "fit-3 slim-5". The first counts on a wide screen, the second on a phone's.
func fit(document string, phone bool) string {
	slim := step(heightOf(document, slimFrame))
	if phone {
		return "fit-" + slim + " slim-" + slim
	}
	return "fit-" + step(heightOf(document, wideFrame)) + " slim-" + slim
}

// step is the least of the heights that there is room in, with a little more: an inch too many is better than a line too few.
func step(high float64) string {
	const more = 1.08
	for i, most := range fits {
		if high*more <= most {
			return strconv.Itoa(i + 1)
		}
	}
	return "long"
}

// A ruler goes down HTML as a browser would lay it out. All it knows is in pixels.
type ruler struct {
	width   float64
	down    float64 // where the line that is being filled begins
	deepest float64
	right   float64 // how far that line is filled
	high    float64 // how high it is; 0: nothing is in it
	gap     float64 // due above the next thing
	blank   bool    // a blank is due before the next word
	boxes   []box   // that are open
	rows    []row   // of tables
	hidden  []string
}

// A row of a table: its cells begin at the same height.
type row struct{ top, bottom float64 }

// heightOf is how high HTML is, or some height that is more than any frame's.
func heightOf(document string, width float64) float64 {
	const margin = 8 // of a body
	r := &ruler{width: width - 2*margin, down: margin}
	enough := fits[len(fits)-1]
	for z := html.NewTokenizer(strings.NewReader(document)); r.down <= enough; {
		switch z.Next() {
		case html.ErrorToken:
			r.end()
			return max(r.deepest, r.down) + margin
		case html.TextToken:
			if len(r.hidden) == 0 {
				r.text(string(z.Text()))
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			r.open(z.Token())
		case html.EndTagToken:
			name, _ := z.TagName()
			r.close(string(name))
		default:
		}
	}
	return r.down
}

// end ends the line that is being filled.
func (r *ruler) end() {
	r.down += r.high
	r.high, r.right, r.blank = 0, 0, false
	r.deepest = max(r.deepest, r.down)
}

// put sets something into the line, or into the next one where it has no room.
func (r *ruler) put(wide, high float64) {
	if r.high == 0 {
		r.down, r.gap = r.down+r.gap, 0
	}
	if r.blank {
		wide += r.font().blank()
	}
	if r.right > 0 && r.right+wide > r.width {
		r.end()
	}
	r.right += wide
	r.high, r.blank = max(r.high, high), false
}

func (r *ruler) text(s string) {
	if s == "" {
		return
	}
	if r.font().pre {
		for i, line := range strings.Split(s, "\n") {
			if i > 0 {
				r.high = max(r.high, r.font().line())
				r.end()
			}
			for _, word := range strings.SplitAfter(line, " ") {
				r.word(word)
			}
		}
		return
	}
	for i, word := range strings.FieldsFunc(s, isBlank) {
		r.blank = r.high > 0 && (i > 0 || r.blank || isBlank(rune(s[0])))
		r.word(word)
	}
	r.blank = r.high > 0 && isBlank(rune(s[len(s)-1]))
}

func isBlank(c rune) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '\f' }

// word sets a word. Between wide characters a line may end; one that is longer than a line sticks out of it.
func (r *ruler) word(word string) {
	f := r.font()
	narrow := 0
	for _, c := range word {
		switch k := width.LookupRune(c).Kind(); {
		case unseen(c):
		case k == width.EastAsianWide, k == width.EastAsianFullwidth:
			r.put(f.size, cmp.Or(f.leading, 1.4*f.size))
		default:
			narrow++
		}
	}
	if narrow > 0 {
		r.put(float64(narrow)*f.letter(), f.line())
	}
}

// unseen is what fills the preview lines of lists, and takes no room.
func unseen(c rune) bool {
	switch c {
	case '\u200b', '\u200c', '\u200d', '\u034f', '\u00ad', '\ufeff':
		return true
	}
	return false
}

func (r *ruler) open(t html.Token) {
	void := t.Type == html.SelfClosingTagToken || slices.Contains([]string{"area", "br", "col", "hr", "img", "wbr"}, t.Data)
	look := attributeOf(t, "style")
	gap, block := blocks[t.Data]
	switch {
	case len(r.hidden) > 0, t.Data == "head", t.Data == "style", strings.Contains(strings.ReplaceAll(look, " ", ""), "display:none"):
		if !void {
			r.hidden = append(r.hidden, t.Data)
		}
	case t.Data == "br":
		r.put(0, r.font().line())
		r.end()
	case t.Data == "img":
		r.image(t, look)
	case t.Data == "hr":
		r.end()
		r.gap = max(r.gap, 8)
		r.put(0, 2)
		r.end()
		r.gap = 8
	case block && !void:
		r.end()
		r.begin(t, gap, look)
	}
}

// begin begins a block.
func (r *ruler) begin(t html.Token, gap float64, look string) {
	b := r.boxOf(t, gap, look)
	r.gap = max(r.gap, b.over)
	switch t.Data {
	case "tr":
		r.down, r.gap = r.down+r.gap, 0
		r.rows = append(r.rows, row{r.down, r.down})
	case "td", "th":
		if n := len(r.rows); n > 0 {
			r.down, r.gap = r.rows[n-1].top, 0
		}
	}
	if b.above > 0 || b.high > 0 {
		r.down, r.gap = r.down+r.gap, 0
		b.ends = r.down + b.high
		r.down += b.above
	}
	r.boxes = append(r.boxes, b)
}

func (r *ruler) image(t html.Token, look string) {
	l := readLook(look, 16)
	wide, high := max(l.wide, lengthOf(attributeOf(t, "width"), 16)), max(l.high, lengthOf(attributeOf(t, "height"), 16))
	if high == 0 && attributeOf(t, "src") != "" {
		high = 190 // most are a banner or a logo
		if wide > 0 {
			high = min(high, wide)
		}
	}
	r.put(min(max(wide, 8), r.width), max(high, r.font().line()))
}

func (r *ruler) close(name string) {
	if n := len(r.hidden); n > 0 {
		if i := lastIndex(r.hidden, func(s string) bool { return s == name }); i >= 0 {
			r.hidden = r.hidden[:i]
		}
		return
	}
	i := lastIndex(r.boxes, func(b box) bool { return b.name == name })
	if i < 0 {
		return
	}
	b := r.boxes[i]
	r.end()
	r.boxes = r.boxes[:i]
	if b.below > 0 {
		r.down, r.gap = r.down+r.gap+b.below, 0
	}
	r.down = max(r.down, b.ends)
	r.gap = max(r.gap, b.under)
	if n := len(r.rows); n > 0 {
		// What stands below the last paragraph of a cell is in the cell.
		if name == "td" || name == "th" {
			r.down, r.gap = r.down+r.gap, 0
		}
		r.rows[n-1].bottom = max(r.rows[n-1].bottom, r.down)
		if name == "tr" {
			r.down, r.rows = r.rows[n-1].bottom, r.rows[:n-1]
		}
	}
	r.deepest = max(r.deepest, r.down)
}

func lastIndex[T any](list []T, is func(T) bool) int {
	for i, v := range slices.Backward(list) {
		if is(v) {
			return i
		}
	}
	return -1
}

func attributeOf(t html.Token, key string) string {
	for _, a := range t.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}
