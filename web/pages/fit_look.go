package pages

import (
	"strconv"
	"strings"

	"golang.org/x/net/html"
)

// A font is what is known of letters; in pixels.
type font struct {
	size    float64
	leading float64 // from line to line; 0: what the size wants
	pre     bool    // lines end where the text says
}

func (f font) line() float64 {
	if f.leading > 0 {
		return f.leading
	}
	return 1.18 * f.size
}

// letter is how wide a letter is, on average.
func (f font) letter() float64 { return 0.47 * f.size }

func (f font) blank() float64 { return 0.25 * f.size }

// A box is a block that is open.
type box struct {
	font
	name         string
	over, under  float64 // margins
	above, below float64 // padding
	high         float64 // at least
	ends         float64 // at the earliest
	cells        float64 // padding of the cells in it
}

// font is what is written with.
func (r *ruler) font() font {
	if n := len(r.boxes); n > 0 {
		return r.boxes[n-1].font
	}
	return font{size: 16}
}

// blocks begin a line, with a margin above and below as browsers have it, in parts of the size of their letters.
var blocks = map[string]float64{
	"p": 1, "h1": 0.67, "h2": 0.83, "h3": 1, "h4": 1.33, "h5": 1.67, "h6": 2.33, "ul": 1, "ol": 1, "dl": 1, "blockquote": 1, "pre": 1, "figure": 1,
	"div": 0, "li": 0, "dt": 0, "dd": 0, "table": 0, "tr": 0, "td": 0, "th": 0, "caption": 0, "center": 0, "section": 0, "article": 0, "header": 0, "footer": 0,
	"main": 0, "nav": 0, "aside": 0, "address": 0, "figcaption": 0, "details": 0, "summary": 0,
}

// sizes are those of letters, in parts of the size around them.
var sizes = map[string]float64{"h1": 2, "h2": 1.5, "h3": 1.17, "h5": 0.83, "h6": 0.67, "pre": 0.8125}

// boxOf is a block as its name, its attributes and its style have it.
func (r *ruler) boxOf(t html.Token, gap float64, style string) box {
	b := box{font: r.font(), name: t.Data, cells: 1}
	if n := len(r.boxes); n > 0 {
		b.cells = r.boxes[n-1].cells
	}
	if part, ok := sizes[t.Data]; ok {
		b.size *= part
	}
	b.pre = b.pre || t.Data == "pre"
	l := readLook(style, b.size)
	if l.size > 0 {
		b.size = l.size
	}
	b.size = min(b.size, 1000) // however deep headings stand in headings
	if l.leading > 0 {
		b.leading = l.leading * b.size
	}
	if l.apart > 0 {
		b.leading = l.apart
	}
	b.over, b.under = gap*b.size, gap*b.size
	if l.over >= 0 {
		b.over = l.over
	}
	if l.under >= 0 {
		b.under = l.under
	}
	b.above, b.below = l.above, l.below
	switch t.Data {
	case "table":
		b.cells = 1
		if s := attributeOf(t, "cellpadding"); s != "" {
			b.cells = lengthOf(s, 16)
		}
	case "td", "th":
		if !l.padded {
			b.above, b.below = b.cells, b.cells
		}
	}
	b.high = max(l.high, lengthOf(attributeOf(t, "height"), 16))
	return b
}

// A look is what a style says that bears on height. A margin that it does not tell is -1, and the rest 0.
type look struct {
	over, under, above, below float64
	padded                    bool
	wide, high                float64
	size                      float64
	leading, apart            float64 // from line to line: so many times the size, or so much
}

// readLook reads a style, in which an em is so large.
func readLook(style string, em float64) look {
	l := look{over: -1, under: -1}
	for declaration := range strings.SplitSeq(style, ";") {
		name, value, _ := strings.Cut(declaration, ":")
		if values := strings.Fields(strings.ToLower(value)); len(values) > 0 {
			l.read(strings.ToLower(strings.TrimSpace(name)), values, em)
		}
	}
	return l
}

func (l *look) read(name string, values []string, em float64) {
	first := lengthOf(values[0], em)
	third := first
	if len(values) > 2 {
		third = lengthOf(values[2], em)
	}
	switch name {
	case "margin":
		l.over, l.under = first, third
	case "margin-top":
		l.over = first
	case "margin-bottom":
		l.under = first
	case "padding":
		l.above, l.below, l.padded = first, third, true
	case "padding-top":
		l.above, l.padded = first, true
	case "padding-bottom":
		l.below, l.padded = first, true
	case "height", "min-height":
		l.high = max(l.high, first)
	case "width":
		l.wide = first
	case "font-size":
		l.size = first
	case "line-height":
		l.leading, l.apart = 0, first
		if n, err := strconv.ParseFloat(strings.TrimSuffix(values[0], "%"), 64); err == nil && n > 0 && n < 1000 {
			if l.leading, l.apart = n, 0; strings.HasSuffix(values[0], "%") {
				l.leading = n / 100
			}
		}
	}
}

// lengthOf reads "40", "40px", "2em" in pixels; 0 for what is told otherwise, as in "50%".
func lengthOf(s string, em float64) float64 {
	s = strings.ToLower(strings.TrimSpace(s))
	for unit, size := range map[string]float64{"px": 1, "pt": 4.0 / 3, "rem": 16, "em": em, "": 1} {
		if number, ok := strings.CutSuffix(s, unit); ok {
			if n, err := strconv.ParseFloat(number, 64); err == nil && n > 0 && n < 10000 {
				return min(n*size, 10000)
			}
		}
	}
	return 0
}
