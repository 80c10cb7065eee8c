package view

import (
	"slices"
	"strings"
)

// maxCSSNesting is how deep rules may stand in @media and its like.
const maxCSSNesting = 4

// A cssCleaner reads a style and writes those rules and declarations of it that show something and load nothing. What it writes
// is written from the tokens, never copied.
type cssCleaner struct {
	lex  cssLexer
	out  *strings.Builder
	urls urlRules
	told *Blocked
}

// cleanSheet makes a style sheet safe.
func cleanSheet(css string, urls urlRules, told *Blocked) string {
	var b strings.Builder
	c := cssCleaner{cssLexer{s: css}, &b, urls, told}
	c.rules(0)
	return b.String()
}

// cleanStyle makes a style attribute safe.
func cleanStyle(css string, urls urlRules, told *Blocked) string {
	var b strings.Builder
	c := cssCleaner{cssLexer{s: css}, &b, urls, told}
	for more := true; more; {
		more = c.declaration(true)
	}
	return strings.TrimSuffix(b.String(), ";")
}

// rules reads until the end, or the bracket that closes the rules.
func (c *cssCleaner) rules(depth int) {
	for {
		switch t := c.lex.next(); {
		case t.kind == cssEnd, depth > 0 && t.is("}"):
			return
		case t.kind == cssSpace, t.kind == cssComment, t.kind == cssBroken, t.is("}"), t.is(";"):
		case t.kind == cssAt:
			c.atRule(strings.ToLower(t.text), depth)
		default:
			c.rule(t)
		}
	}
}

// atRule keeps those that only choose or name what other rules do.
func (c *cssCleaner) atRule(name string, depth int) {
	var p prelude
	for t := c.lex.next(); !t.is("{"); t = c.lex.next() {
		if t.kind == cssEnd || t.is(";") {
			c.atStatement(name, p.url)
			return
		}
		p.add(t)
	}
	switch name {
	case "media", "supports", "keyframes", "-webkit-keyframes", "-moz-keyframes", "-o-keyframes", "layer", "container":
		if p.fine() && depth < maxCSSNesting {
			c.out.WriteString("@" + name + " " + strings.TrimSpace(p.String()) + "{")
			c.rules(depth + 1)
			c.out.WriteString("}")
			return
		}
	}
	if c.skipBlock() && name == "font-face" {
		c.told.RemoteFonts++
	} else if name != "font-face" {
		c.told.Styles++
	}
}

// A prelude is what stands before a block: a selector, a condition. Its brackets must be closed, or a browser would not see
// the block where it is seen here.
type prelude struct {
	strings.Builder
	open   []byte
	broken bool
	url    string // the first that stands in it
}

func (p *prelude) fine() bool { return !p.broken && len(p.open) == 0 }

func (p *prelude) add(t cssToken) {
	closes := byte(0)
	switch {
	case t.kind == cssFunction, t.is("("):
		p.open = append(p.open, ')')
	case t.is("["):
		p.open = append(p.open, ']')
	case t.is(")"), t.is("]"):
		closes = t.text[0]
	case !t.whole(), t.kind == cssAt, t.kind == cssURL, t.is(";"), t.is("}"):
		p.broken = true
	}
	if closes != 0 {
		if n := len(p.open); n == 0 || p.open[n-1] != closes {
			p.broken = true
		} else {
			p.open = p.open[:n-1]
		}
	}
	p.broken = p.broken || len(p.open) > maxOpen
	if (t.kind == cssURL || t.kind == cssString) && p.url == "" {
		p.url = t.text
	}
	t.write(&p.Builder)
}

// atStatement: none of them is kept. @import is the one that loads.
func (c *cssCleaner) atStatement(name, prelude string) {
	switch name {
	case "import":
		c.told.RemoteStyles++
		c.told.host(prelude)
	case "charset", "namespace", "layer":
	default:
		c.told.Styles++
	}
}

// skipBlock passes over a block whose bracket is open. It says whether something in it would have been loaded from elsewhere.
func (c *cssCleaner) skipBlock() (remote bool) {
	inURL := false
	for depth := 1; depth > 0; {
		switch t := c.lex.next(); {
		case t.kind == cssEnd:
			return remote
		case t.is("{"):
			depth++
		case t.is("}"):
			depth--
		case t.kind == cssFunction:
			inURL = strings.EqualFold(t.text, "url")
		case t.kind == cssURL, t.kind == cssString && inURL:
			if isRemote(t.text) {
				remote = true
				c.told.host(t.text)
			}
		}
	}
	return remote
}

// rule reads a selector that begins with t, and its declarations.
func (c *cssCleaner) rule(t cssToken) {
	var selector prelude
	for ; !t.is("{"); t = c.lex.next() {
		if t.kind == cssEnd {
			return
		}
		selector.add(t)
	}
	if !selector.fine() {
		c.skipBlock()
		c.told.Styles++
		return
	}
	c.out.WriteString(strings.TrimSpace(selector.String()))
	c.out.WriteByte('{')
	for more := true; more; {
		more = c.declaration(false)
	}
	c.out.WriteByte('}')
}

// declaration reads one, and says whether another may follow. In an attribute a closing bracket is an error like others.
func (c *cssCleaner) declaration(attribute bool) (more bool) {
	name := c.lex.next()
	for name.kind == cssSpace || name.kind == cssComment || name.is(";") {
		name = c.lex.next()
	}
	if name.kind == cssEnd || name.is("}") && !attribute {
		return false
	}
	d := declared{property: strings.ToLower(name.text), ok: name.kind == cssIdent}
	t := c.lex.next()
	for t.kind == cssSpace || t.kind == cssComment {
		t = c.lex.next()
	}
	if t.is(":") {
		t = c.lex.next()
	} else {
		d.ok = false
	}
	more = true
	for ; ; t = c.lex.next() {
		end := t.kind == cssEnd || t.is("}") && !attribute
		if end || t.is(";") && len(d.open) == 0 {
			more = !end
			break
		}
		if t.is("{") {
			c.skipBlock() // rules within rules; the declaration is given up with them
			d.ok = false
			continue
		}
		c.value(&d, t)
	}
	if d.ok && len(d.open) == 0 && d.allowed() {
		cssToken{cssIdent, d.property}.write(c.out)
		c.out.WriteByte(':')
		c.out.WriteString(strings.TrimSpace(d.value.String()))
		c.out.WriteByte(';')
	} else {
		c.told.Styles++
	}
	return more
}

// declared is a declaration while it is read.
type declared struct {
	property string
	value    strings.Builder
	words    []string // identifiers, in lower case, as far as they are asked for
	open     []string // brackets and functions that are open
	last     cssKind
	ok       bool
}

const maxOpen = 32 // brackets within one another

func (c *cssCleaner) value(d *declared, t cssToken) {
	defer func() { d.last = t.kind }()
	switch {
	case !t.whole(), t.kind == cssAt, t.is("}"), t.is(":"): // a colon is of progid: and its like alone
		d.ok = false
		return
	case t.kind == cssURL:
		c.url(d, t.text)
		return
	case t.kind == cssFunction:
		c.function(d, t)
		return
	case t.is("("), t.is("["):
		d.ok = d.ok && d.last != cssNumber // 1url( is no function, and looks like one
		d.push(t.text)
	case t.is(")"), t.is("]"):
		if len(d.open) == 0 {
			d.ok = false
			return
		}
		d.open = d.open[:len(d.open)-1]
	case t.kind == cssIdent && len(d.words) < 8:
		d.words = append(d.words, strings.ToLower(t.text))
	}
	t.write(&d.value)
}

func (d *declared) push(what string) {
	if len(d.open) >= maxOpen {
		d.ok = false
		return
	}
	d.open = append(d.open, what)
}

func (c *cssCleaner) function(d *declared, t cssToken) {
	name := strings.ToLower(t.text)
	if name != "url" {
		if _, ok := cssFunctions[name]; !ok {
			d.ok = false
			if name == "image-set" || name == "-webkit-image-set" || name == "src" {
				c.told.RemoteImages++
			}
		}
		d.push(name)
		t.write(&d.value)
		return
	}
	// url("...") with quotes, and perhaps modifiers.
	url, n := "", 0
	for t = c.lex.next(); t.kind != cssEnd && !t.is(")"); t = c.lex.next() {
		switch t.kind {
		case cssString:
			url = t.text
			n++
		case cssSpace, cssComment:
		default:
			n = 2
		}
	}
	if n != 1 || t.kind == cssEnd {
		d.ok = false
		if isRemote(url) {
			c.told.RemoteImages++
			c.told.host(url)
		}
		return
	}
	c.url(d, url)
}

// url keeps what is in the mail itself; in place of all else stands "none", so that a background keeps its colour.
func (c *cssCleaner) url(d *declared, url string) {
	kept, ok := c.urls.image(url, false, c.told)
	if !ok {
		d.value.WriteString("none")
		return
	}
	d.value.WriteString("url(")
	writeCSSString(&d.value, kept)
	d.value.WriteByte(')')
}

// allowed says whether a property may be set, to that.
func (d *declared) allowed() bool {
	switch d.property {
	case "behavior", "-moz-binding", "-ms-behavior", "-webkit-user-modify", "src":
		return false
	case "position":
		// What is fixed stands over whatever the page shows; a variable may mean that.
		return len(d.words) > 0 && !strings.Contains(d.value.String(), "(") && !slices.ContainsFunc(d.words, func(w string) bool {
			return w == "fixed" || w == "sticky" || w == "-webkit-sticky"
		})
	}
	return true
}

// cssFunctions are those that compute something. All others load something, or are of no use to a mail.
var cssFunctions = setOf(`rgb rgba hsl hsla hwb lab lch oklab oklch color color-mix light-dark calc min max clamp round mod abs var env
	linear-gradient radial-gradient conic-gradient repeating-linear-gradient repeating-radial-gradient repeating-conic-gradient
	-webkit-linear-gradient -webkit-radial-gradient -moz-linear-gradient -moz-radial-gradient -o-linear-gradient -webkit-gradient from to color-stop
	translate translatex translatey translatez translate3d scale scalex scaley scalez scale3d rotate rotatex rotatey rotatez rotate3d skew skewx skewy
	matrix matrix3d perspective cubic-bezier steps linear counter counters attr minmax repeat fit-content rect inset circle ellipse polygon xywh
	blur brightness contrast drop-shadow grayscale hue-rotate invert opacity saturate sepia`)

func setOf(words string) map[string]struct{} {
	set := make(map[string]struct{})
	for _, w := range strings.Fields(words) {
		set[w] = struct{}{}
	}
	return set
}
