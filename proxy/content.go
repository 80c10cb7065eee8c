package proxy

import (
	"bytes"
	"slices"
)

// A content is one that goes by: its octets are counted, its end is found, and what
// is wrong with its lines is noted. Nothing of it is kept.
type content struct {
	size    int64 // as RFC 1870 counts: CRLF is two, a doubled dot one, the last dot none
	told    int64 // of these, octets that an event has told of
	chunked bool  // BDAT: octets are counted, and dots mean nothing
	left    int64 // octets of the chunk that are to come
	last    bool  // it is the last chunk
	eight   bool  // BODY=8BITMIME was said, or BINARYMIME: octets over 127 are fine
	binary  bool  // BODY=BINARYMIME was said: lines mean nothing

	line  int     // octets of the line so far
	head  [2]byte // the first of them
	prev  byte    // the last octet
	loose bool    // this line begins behind a bare LF
	dot   bool    // the last whole line was a dot alone
	ended bool    // it was the end
	found []Fault
}

// maxText is the most octets of a line before its CRLF: RFC 5321 §4.5.3.1.6.
const maxText = 998

// feed takes as much of p as belongs to the content, and reports whether that
// was its end, or that of the chunk.
func (c *content) feed(p []byte) (n int, ended bool) {
	if c.chunked {
		n = int(min(c.left, int64(len(p))))
		c.left -= int64(n)
		for rest := p[:n]; len(rest) > 0 && !c.binary; {
			rest = rest[c.piece(rest):]
		}
		c.size += int64(n)
		return n, c.left == 0
	}
	for n < len(p) && !c.ended {
		took := c.piece(p[n:])
		n += took
		c.size += int64(took)
	}
	return n, c.ended
}

// piece takes a line, or what there is of it.
func (c *content) piece(p []byte) int {
	n := bytes.IndexByte(p, '\n') + 1
	whole := n > 0
	if !whole {
		n = len(p)
	}
	text := p[:n]
	if whole {
		text = p[:n-1]
	}
	c.look(text)
	for i := c.line; i < len(c.head) && i-c.line < len(text); i++ {
		c.head[i] = text[i-c.line]
	}
	c.line += len(text)
	if len(text) > 0 {
		c.prev = text[len(text)-1]
	}
	if whole {
		c.endLine()
	} else if c.line > maxText+1 {
		c.fault(LongLine)
	}
	return n
}

// look finds what is wrong with octets of a line.
func (c *content) look(text []byte) {
	if len(text) == 0 {
		return
	}
	if c.prev == '\r' && c.line > 0 || bytes.IndexByte(text[:len(text)-1], '\r') >= 0 {
		c.fault(BareCR)
	}
	if c.eight {
		return
	}
	for _, octet := range text {
		if octet >= 0x80 {
			c.fault(EightBit)
			return
		}
	}
}

// endLine judges a line whose LF has come.
func (c *content) endLine() {
	strict := c.line > 0 && c.prev == '\r'
	text := c.line
	if strict {
		text--
	} else {
		c.fault(BareLF)
	}
	if text > maxText {
		c.fault(LongLine)
	}
	c.dot = false
	if !c.chunked && text > 0 && c.head[0] == '.' {
		c.size-- // the dot is not content: RFC 5321 §4.5.2
		switch {
		case text == 1:
			c.dot = true
		case c.head[1] != '.':
			c.fault(SingleDot)
		}
	}
	if c.dot && strict && !c.loose {
		c.ended = true // RFC 5321 §4.1.1.4: CRLF, dot, CRLF
		c.size -= 2
	}
	c.loose, c.line = !strict, 0
}

// endedLoosely reports whether nothing follows a dot that is not the end, and that
// some servers take for it.
func (c *content) endedLoosely() bool { return c.dot && !c.ended && c.line == 0 }

func (c *content) fault(f Fault) {
	if !c.binary && !slices.Contains(c.found, f) {
		c.found = append(c.found, f)
	}
}
