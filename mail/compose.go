package mail

import (
	"crypto/rand"
	"errors"
	"io"
	"sync"
)

const (
	// A part of no more octets than this, which is in memory already, is put with
	// the header: one write instead of three.
	small = 8 << 10
	// A buffer larger than this is not kept for the next message.
	kept = 256 << 10
)

// A composer writes one message. The header and all texts stand in one buffer, and
// go out by one write; the parts are encoded while they are sent, a piece at a
// time. Composers are used again, since what one message costs is mostly the
// memory it needs.
type composer struct {
	header
	m     *Message
	paths []Path // see Message.check
	parts []opened
	gaps  []gap
	form  Form

	random  [32]byte // for Message-ID and boundaries
	mark    [26]byte // of the boundaries
	multi   bool     // there may be boundaries
	eight   bool     // a part may go over in eight bits
	loose   bool     // what was written last has a line end of its own
	scratch []byte
}

// A gap is where a part goes between what stands in the buffer.
type gap struct{ at, part int }

var composers = sync.Pool{New: func() any { return &composer{header: header{b: make([]byte, 0, 4<<10)}} }}

// A content is a Message's [Content]. It stands between a composer and whoever
// closes it, perhaps twice.
type content struct{ c *composer }

var errClosed = errors.New("the content is closed, or was written already")

// Open makes the content ready: the parts are opened. Its error is a [Problems].
func (m *Message) Open() (Content, error) {
	c := composers.Get().(*composer)
	var p Problems
	c.paths = m.check(&p, c.paths[:0])
	m.checkBodies(&p)
	if len(p) == 0 {
		c.m = m
		c.openParts(&p)
	}
	if len(p) > 0 {
		c.release()
		return nil, p
	}
	_, _ = rand.Read(c.random[:]) // never fails
	if m.random != nil {
		c.random = *m.random
	}
	return &content{c}, nil
}

// openParts opens all, so that all that cannot be opened are told of.
func (c *composer) openParts(p *Problems) {
	for i := range c.m.Inline {
		c.openPart(p, "Inline", i, &c.m.Inline[i])
	}
	for i := range c.m.Attach {
		c.openPart(p, "Attach", i, &c.m.Attach[i])
	}
	if inv := &c.m.Invite; inv.Calendar != "" && inv.File != "" {
		part := Bytes(inv.File, []byte(inv.Calendar))
		part.Type = "application/ics"
		c.openPart(p, "Invite.File", -1, &part)
	}
}

func (c *composer) openPart(p *Problems, list string, i int, part *Part) {
	o, err := openPart(part, list == "Inline")
	if err != nil {
		if i >= 0 {
			list = at(list, i)
		}
		*p = append(*p, FieldError{Field: list, What: "cannot be read", Err: err})
		return
	}
	c.parts = append(c.parts, o)
}

// release gives back all that is held.
func (c *composer) release() {
	for i := range c.parts {
		c.parts[i].close()
	}
	clear(c.parts)
	clear(c.paths)
	c.m, c.parts, c.paths, c.gaps = nil, c.parts[:0], c.paths[:0], c.gaps[:0]
	if cap(c.b) > kept {
		c.b = nil
	}
	if cap(c.scratch) > kept {
		c.scratch = nil
	}
	c.b = c.b[:0]
	composers.Put(c)
}

func (t *content) Close() error {
	if t.c != nil {
		t.c.release()
		t.c = nil
	}
	return nil
}

// Fit writes all but the parts into the buffer.
func (t *content) Fit(o Offer) (Form, error) {
	if t.c == nil {
		return Form{}, errClosed
	}
	return t.c.fit(o)
}

func (c *composer) fit(o Offer) (Form, error) {
	c.b, c.gaps, c.line, c.loose = c.b[:0], c.gaps[:0], 0, false
	c.form = Form{}
	c.utf8, c.eight = false, false
	for i, p := range c.paths[:len(c.paths)-len(c.m.Bcc)] {
		if p.UTF8() {
			if !o.UTF8 {
				return Form{}, addressError{c.paths[i].spec(), "has a local part that is not ASCII, and the server does not offer SMTPUTF8"}
			}
			c.utf8 = true
			c.form.UTF8, c.form.EightBit = true, true
		}
	}
	for i := range c.parts {
		if err := c.parts[i].fit(o); err != nil {
			return Form{}, err
		}
		c.form.EightBit = c.form.EightBit || c.parts[i].verbatim && c.parts[i].found.eight
	}
	c.fields()
	c.tree(o)
	c.form.Size = c.size()
	return c.form, nil
}

// size is that of the whole content, where it is known.
func (c *composer) size() int64 {
	size := int64(len(c.b))
	for _, g := range c.gaps {
		n := c.parts[g.part].wireSize()
		if n < 0 {
			return -1
		}
		size += n
	}
	return size
}

// WriteTo writes what stands in the buffer, and the parts between.
func (t *content) WriteTo(w io.Writer) (int64, error) {
	c := t.c
	if c == nil || len(c.b) == 0 {
		return 0, errClosed
	}
	var total int64
	at := 0
	for _, g := range c.gaps {
		if g.at > at {
			n, err := w.Write(c.b[at:g.at])
			if total += int64(n); err != nil {
				return total, err
			}
			at = g.at
		}
		n, err := writePart(w, &c.parts[g.part])
		if total += n; err != nil {
			return total, err
		}
	}
	n, err := w.Write(c.b[at:])
	c.b = c.b[:0] // once
	return total + int64(n), err
}

// tag is 128 random bits as 26 letters and digits.
func tag(random []byte) (t [26]byte) {
	const digits = "0123456789abcdefghjkmnpqrstvwxyz"
	for i := range t {
		bit := 5 * i
		v := uint(random[bit/8]) << 8
		if bit/8+1 < 16 {
			v |= uint(random[bit/8+1])
		}
		t[i] = digits[v>>(11-bit%8)&31]
	}
	return t
}

// NewMessageID is a new identifier for [Message.MessageID], of 128 random bits and
// the domain of an address: "7vq...@example.net". A Message without one gets
// another each time it is sent; one that is kept finds doubles, where a mail that may
// have been taken is sent again.
func NewMessageID(from Address) string {
	var random [16]byte
	_, _ = rand.Read(random[:]) // never fails
	p, err := from.Path()
	if err != nil {
		p = Path{}
	}
	t := tag(random[:])
	return string(t[:]) + "@" + idDomain(p)
}

// idDomain is never the host's name: that would tell of the network within, and of
// the wrong one in a container.
func idDomain(p Path) string {
	d, err := p.Domain, error(nil)
	if !isASCII(d) {
		d, err = toASCII(d)
	}
	if err != nil || d == "" || d[0] == '[' {
		return "mail.invalid"
	}
	return d
}
