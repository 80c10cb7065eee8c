package mail

// The tree is the one that readers expect, without a level that holds one thing:
//
//	mixed(related(alternative(text, html, calendar), inline...), attachments...)
//
// A boundary is boundaryMark, a letter for its level, and 128 random bits. No two
// are beginnings of one another, for they are of the same length. Nothing
// within a part has a line that begins so: quoted-printable writes "=3D_" and
// base64 has no "_"; a text that holds "--=_" is not sent as it is; and what is sent
// as it is nevertheless, a message/rfc822, was made by someone who did not know
// the 128 bits.
const boundaryMark = "=_"

const (
	levelMixed       = 'm'
	levelRelated     = 'r'
	levelAlternative = 'a'
)

// tree writes what follows the header: the MIME fields and the body.
func (c *composer) tree(o Offer) {
	m := c.m
	if c.multi = len(c.parts) > 0 || m.HTML != "" || m.Invite.Calendar != ""; c.multi {
		c.mark = tag(c.random[16:])
		c.eight = o.EightBit && c.hasEight()
	}
	attached := len(c.parts) - len(m.Inline)
	text := m.Text != "" || m.HTML != "" || m.Invite.Calendar != "" || attached == 0
	switch {
	case attached == 0:
		c.related(o)
		return
	case attached == 1 && !text:
		c.part(len(m.Inline))
		return
	}
	c.begin("mixed", levelMixed, "")
	if text {
		c.delimit(levelMixed)
		c.related(o)
	}
	for i := len(m.Inline); i < len(c.parts); i++ {
		c.delimit(levelMixed)
		c.part(i)
	}
	c.finish(levelMixed)
}

// hasEight reports whether a part may go over in eight bits.
func (c *composer) hasEight() bool {
	for i := range c.parts {
		if c.parts[i].coding() == eightBit {
			return true
		}
	}
	return !isASCII(c.m.Text) || !isASCII(c.m.HTML) || !isASCII(c.m.Invite.Calendar)
}

// related is the texts, and what HTML shows within: RFC 2387.
func (c *composer) related(o Offer) {
	m := c.m
	if len(m.Inline) == 0 {
		c.alternative(o)
		return
	}
	root := "text/html"
	if m.Text != "" || m.Invite.Calendar != "" {
		root = "multipart/alternative"
	}
	c.begin("related", levelRelated, root)
	c.delimit(levelRelated)
	c.alternative(o)
	for i := range m.Inline {
		c.delimit(levelRelated)
		c.part(i)
	}
	c.finish(levelRelated)
}

// alternative is the texts, the best last: RFC 2046 §5.1.4.
func (c *composer) alternative(o Offer) {
	m := c.m
	forms := 0
	for _, s := range [...]string{m.Text, m.HTML, m.Invite.Calendar} {
		if s != "" {
			forms++
		}
	}
	if forms > 1 {
		c.begin("alternative", levelAlternative, "")
	}
	if m.Text != "" || forms == 0 {
		c.body(forms, "text/plain", "", m.Text, o)
	}
	if m.HTML != "" {
		c.body(forms, "text/html", "", m.HTML, o)
	}
	if m.Invite.Calendar != "" {
		c.body(forms, "text/calendar", m.Invite.method(), m.Invite.Calendar, o)
	}
	if forms > 1 {
		c.finish(levelAlternative)
	}
}

// body writes one of the texts: as it is, where it is ASCII or the server takes
// 8BITMIME, no line is too long and none could be taken for a boundary; else
// encoded. The first is tried, since it nearly always holds.
func (c *composer) body(forms int, kind, method, s string, o Offer) {
	if forms > 1 {
		c.delimit(levelAlternative)
	}
	charset, code := "us-ascii", sevenBit
	if !isASCII(s) {
		charset, code = "utf-8", eightBit
	}
	mark, longest := len(c.b), hardLine+1
	if (code == sevenBit || o.EightBit) && !(c.multi && mayBeBoundary(s)) {
		c.bodyFields(kind, charset, method, code)
		c.b, longest = appendCRLF(c.b, s)
	}
	if longest > hardLine {
		c.b = c.b[:mark]
		code = shorterCoding(s)
		c.bodyFields(kind, charset, method, code)
		c.b, c.scratch = appendEncoded(c.b, s, code, c.scratch)
	}
	c.form.EightBit = c.form.EightBit || code == eightBit
	// The line end before a boundary is the boundary's (RFC 2046 §5.1.1): the text
	// keeps its own.
	c.loose = true
}

func (c *composer) bodyFields(kind, charset, method string, code coding) {
	c.name("Content-Type")
	c.b = append(c.b, ' ')
	c.b = append(c.b, kind...)
	c.b = append(c.b, "; charset="...)
	c.b = append(c.b, charset...)
	if method != "" {
		c.param("method", method)
	}
	c.b = append(c.b, "\r\nContent-Transfer-Encoding: "...)
	c.b = append(c.b, codings[code]...)
	c.b = append(c.b, "\r\n\r\n"...)
}

// begin writes the fields of a multipart.
func (c *composer) begin(kind string, level byte, root string) {
	c.name("Content-Type")
	c.token("multipart/" + kind)
	mark := c.beginParam("boundary")
	c.b = append(c.b, '"')
	c.boundary(level)
	c.b = append(c.b, '"')
	c.wrapAt(mark, paramLine)
	if root != "" {
		c.param("type", root)
	}
	c.end()
	if c.eight {
		// RFC 2045 §6.4: a multipart says of itself what its parts are.
		c.field("Content-Transfer-Encoding", codings[eightBit])
	}
	c.end()
	c.loose = false
}

func (c *composer) boundary(level byte) {
	c.b = append(c.b, boundaryMark...)
	c.b = append(c.b, level)
	c.b = append(c.b, c.mark[:]...)
}

// delimit writes the boundary before a part.
func (c *composer) delimit(level byte) {
	if c.loose {
		c.end()
	}
	c.b = append(c.b, '-', '-')
	c.boundary(level)
	c.end()
}

// finish writes the boundary after the last part.
func (c *composer) finish(level byte) {
	if c.loose {
		c.end()
	}
	c.b = append(c.b, '-', '-')
	c.boundary(level)
	c.b = append(c.b, '-', '-')
	c.end()
	c.loose = false
}

// part writes a part's fields, and the part itself or the gap where it goes.
func (c *composer) part(i int) {
	o := &c.parts[i]
	c.contentType(o.kind)
	c.field("Content-Transfer-Encoding", codings[o.coding()])
	c.name("Content-Disposition")
	if o.inline {
		c.token("inline")
	} else {
		c.token("attachment")
	}
	if o.name != "" {
		c.fileName(o.name)
	}
	c.end()
	if o.id != "" {
		c.ids("Content-ID", o.id)
	}
	c.end()
	if o.src == nil && !o.verbatim && len(o.data) <= small {
		c.b = appendBase64(c.b, o.data)
	} else {
		c.gaps = append(c.gaps, gap{at: len(c.b), part: i})
	}
	c.loose = o.verbatim // base64 ends with a line end that is not its own
}
