package entity

import "bytes"

const (
	maxBoundary = 256 // RFC 2046 §5.1.1 says 70; programs are seen with more
	maxNotes    = 100
)

// Parse reads a content as a tree of entities. It takes any octets, time in proportion to
// their number, and memory in proportion to the limits.
func Parse(octets []byte, limits Limits) *Entity {
	p := &parser{c: &content{octets, limits.orDefault()}, open: make(map[string]int)}
	p.root = p.entity(0, nil)
	for p.step() {
	}
	for e := p.cur; e != nil; e = e.Parent {
		e.End = len(octets)
	}
	for _, f := range p.frames {
		if !p.full {
			p.odd(NeverClosed, f.e, len(octets))
		}
	}
	p.settle()
	return p.root
}

// A parser goes from boundary to boundary, whichever of the multiparts that are open
// it is. Those stand in frames, outermost first; there is no recursion.
type parser struct {
	c      *content
	root   *Entity
	cur    *Entity // the innermost that has begun and not ended
	at     int     // the begin of a line, behind cur's header
	count  int
	frames []frame
	open   map[string]int // boundaries to the innermost frame that has it
	length [maxBoundary + 1]uint16
	full   bool // Limits.Parts is reached
	// a delimiter that ended a header, found while it was read
	early      delimiter
	foundEarly bool
}

// A frame is a multipart whose last boundary has not come.
type frame struct {
	e        *Entity
	boundary string
	shadowed int // the frame with the same boundary, or -1
}

// A delimiter is a boundary's line.
type delimiter struct {
	start, end int
	frame      int
	last       bool
}

// entity begins one, reads its header, and makes it current.
func (p *parser) entity(start int, parent *Entity) *Entity {
	e := &Entity{Start: start, Parent: parent, c: p.c}
	if parent != nil {
		e.index, e.depth = len(parent.Parts), parent.depth+1
		parent.Parts = append(parent.Parts, e)
	}
	p.cur = e
	p.count++
	p.readHeader(e)
	p.at = e.BodyStart
	return e
}

// step goes on by one entity or boundary, and says whether there is more.
func (p *parser) step() bool {
	e := p.cur
	if !p.foundEarly && !e.opened {
		e.opened = true
		if p.opens(e) {
			return true
		}
	}
	d, ok := p.early, p.foundEarly
	p.foundEarly = false
	if !ok {
		d, ok = p.next()
	}
	if !ok {
		return false
	}
	p.delimit(d)
	return !p.full
}

// opens goes into an entity that has others in it. It says whether cur is now another.
func (p *parser) opens(e *Entity) bool {
	if !e.IsMultipart() && !e.IsMessage() {
		return false
	}
	coded := e.Encoding == "base64" || e.Encoding == "quoted-printable"
	if coded {
		p.odd(CodedMessage, e, e.Start)
	}
	if e.depth+1 >= p.c.limits.Depth {
		p.cut(TooDeep, e, e.BodyStart, p.c.limits.Depth)
		return false
	}
	if e.IsMessage() {
		if coded || p.count >= p.c.limits.Parts || e.BodyStart >= len(p.c.octets) {
			return false
		}
		p.entity(e.BodyStart, e)
		return true
	}
	p.push(e)
	return false
}

func (p *parser) push(e *Entity) {
	b := trimBoundary(e.Params["boundary"])
	if b == "" || len(b) > maxBoundary {
		p.odd(NoBoundary, e, e.Start)
		return
	}
	shadowed, same := p.open[b]
	if !same {
		shadowed = -1
	} else {
		// QUIRK: RFC 2046 §5.1.2 wants them different. The inner one has it until it is closed.
		p.odd(SameBoundary, e, e.Start)
	}
	p.open[b] = len(p.frames)
	p.length[len(b)]++
	p.frames = append(p.frames, frame{e, b, shadowed})
}

func (p *parser) pop() {
	f := p.frames[len(p.frames)-1]
	p.frames = p.frames[:len(p.frames)-1]
	p.length[len(f.boundary)]--
	if f.shadowed >= 0 {
		p.open[f.boundary] = f.shadowed
	} else {
		delete(p.open, f.boundary)
	}
}

// delimit ends what the boundary ends, and begins what it begins.
func (p *parser) delimit(d delimiter) {
	f := p.frames[d.frame]
	end := beforeLineEnd(p.c.octets, d.start)
	for e := p.cur; e != f.e; e = e.Parent {
		end = max(end, e.BodyStart)
		e.End = end
	}
	for len(p.frames) > d.frame+1 {
		p.odd(NeverClosed, p.frames[len(p.frames)-1].e, d.start)
		p.pop()
	}
	p.cur, p.at = f.e, d.end
	switch {
	case d.last:
		p.pop()
	case p.count >= p.c.limits.Parts:
		p.cut(TooManyParts, f.e, d.end, p.c.limits.Parts)
		p.full = true
	default:
		p.entity(d.end, f.e)
	}
}

// beforeLineEnd: the line end before a boundary is the boundary's (RFC 2046 §5.1.1).
func beforeLineEnd(b []byte, i int) int {
	if i > 0 && b[i-1] == '\n' {
		if i--; i > 0 && b[i-1] == '\r' {
			i--
		}
	}
	return i
}

var dashes = []byte("\n--")

// next finds the next boundary's line.
func (p *parser) next() (d delimiter, ok bool) {
	if len(p.frames) == 0 {
		return d, false
	}
	for b := p.c.octets; p.at < len(b); {
		if d, ok = p.delimiterAt(p.at); ok {
			return d, true
		}
		if d.end > 0 && d.end < len(b) && b[d.end] == '-' {
			p.at = d.end // lines of dashes: 10^7 of them are no reason to wait
			continue
		}
		i := bytes.Index(b[p.at:], dashes)
		if i < 0 {
			break
		}
		p.at += i + 1
	}
	return d, false
}

// delimiterAt reads the line that begins at i as a boundary's of any open multipart. Where it is none, the end of the line
// comes with it if that was found.
func (p *parser) delimiterAt(i int) (d delimiter, ok bool) {
	b := p.c.octets[i:]
	if len(b) < 3 || b[0] != '-' || b[1] != '-' || len(p.frames) == 0 {
		return d, false
	}
	const padding = 512 // of blanks; no line of any length is looked through
	line, end := b[2:], len(b)
	if n := bytes.IndexByte(line[:min(len(line), maxBoundary+padding)], '\n'); n >= 0 {
		line, end = line[:n], n+3
	} else if len(line) > maxBoundary+padding {
		return d, false
	}
	d = delimiter{start: i, end: i + end}
	n := len(line)
	for n > 0 && (line[n-1] == '\r' || line[n-1] == ' ' || line[n-1] == '\t') {
		n--
	}
	if d.frame, ok = p.named(line[:n]); ok {
		return d, true
	}
	if n > 2 && line[n-1] == '-' && line[n-2] == '-' {
		d.last = true
		d.frame, ok = p.named(line[:n-2])
	}
	return d, ok
}

// named finds the innermost frame of a boundary.
func (p *parser) named(b []byte) (frame int, ok bool) {
	if n := len(b); n == 0 || n > maxBoundary || p.length[n] == 0 {
		return 0, false
	}
	frame, ok = p.open[string(b)]
	return frame, ok
}

// trimBoundary: RFC 2046 §5.1.1: a boundary does not end with a blank.
func trimBoundary(s string) string { return string(bytes.TrimRight([]byte(s), " \t\r\n")) }

// settle tells what can be told only at the end.
func (p *parser) settle() {
	for e := range p.root.All() {
		if e.IsMultipart() && e.Parts == nil && trimBoundary(e.Params["boundary"]) != "" && e.depth+1 < p.c.limits.Depth {
			p.odd(NeverBegun, e, e.Start)
		}
		switch e.Encoding {
		case "7bit", "8bit", "binary", "base64", "quoted-printable":
		default:
			p.odd(BadEncoding, e, e.Start)
		}
	}
}

func (p *parser) cut(what Remark, e *Entity, at, n int) {
	p.root0().Cut = note(p.root0().Cut, what, e, at, n)
}

func (p *parser) odd(what Remark, e *Entity, at int) {
	p.root0().Odd = note(p.root0().Odd, what, e, at, 0)
}

// root0 is the root, also while its own header is read.
func (p *parser) root0() *Entity {
	e := p.cur
	for e.Parent != nil {
		e = e.Parent
	}
	return e
}

func note(list []Note, what Remark, e *Entity, at, n int) []Note {
	if len(list) >= maxNotes {
		return list
	}
	return append(list, Note{what, at, e.Path(), n})
}
