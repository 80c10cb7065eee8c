package wire

import (
	"bytes"
	"errors"
	"io"
)

// What a [ContentReader] says of a content that is taken to its end and yet not
// taken; see also [ContentError].
var (
	ErrTooLarge = errors.New("the content is larger than this server takes")
	ErrTextLine = errors.New("the content has a line that is longer than this server takes")
)

// ErrChunk is the end of a chunk that is not the last one. The content goes on
// with the next chunk.
var ErrChunk = errors.New("the chunk is over, and the content is not")

// A ContentReader reads one content, and no octet behind it, from what a client
// sends: by [ContentReader.Data] up to the line that is a dot alone, or by
// [ContentReader.Chunk] as many octets as were announced.
//
// Whatever the octets, and however they are cut, there is one end: CRLF, dot,
// CRLF (RFC 5321 §4.1.1.4), where the CRLF of DATA's own line counts as the first.
// Nothing else ends a content, for a server that takes LF, dot, LF as the end
// finds a second mail in what its client knew to be one (SMTP smuggling). A bare
// CR, a bare LF and a NUL make the whole content bad: it is read to its end all
// the same, but not given any further.
type ContentReader struct {
	// Max is the most octets that a content may have, MaxLine the most that one of
	// its lines may have, CRLF not counted. Zero is no limit.
	Max     int64
	MaxLine int

	// Grow, if not nil, is called where a read filled the whole buffer and more is
	// likely to wait. It may give the Reader a larger one, see [Reader.Swap].
	Grow func()

	r    *Reader
	n    int64 // octets of the content so far; a dot taken off is not one
	bad  error // the first thing that is wrong with it
	lost error // what went wrong with the connection

	chunked bool  // octets are counted and dots mean nothing
	left    int64 // octets of the chunk that are not read yet
	last    bool  // the chunk is the last one
	ended   bool

	at     place
	stride int  // octets in the last line that came whole
	full   bool // the last read filled the buffer
}

// A place is where in a content we are, as far as it matters for what may come.
type place struct {
	bol  bool // a line begins here
	cr   bool // the last octet was a CR
	line int  // octets in the line so far, without that CR
}

// Data begins a content that ends with a dot.
func (c *ContentReader) Data(r *Reader) { c.begin(r, false) }

// Chunks begins a content that comes in chunks: RFC 3030. Chunk tells of each.
func (c *ContentReader) Chunks(r *Reader) { c.begin(r, true) }

func (c *ContentReader) begin(r *Reader, chunked bool) {
	*c = ContentReader{Max: c.Max, MaxLine: c.MaxLine, Grow: c.Grow, r: r, chunked: chunked, at: place{bol: true}}
}

// Chunk says that a chunk of size octets comes next.
func (c *ContentReader) Chunk(size int64, last bool) { c.left, c.last = size, last }

// Size is how many octets the content had so far, as RFC 1870 counts them: a CRLF
// is two, and a dot that was doubled is one.
func (c *ContentReader) Size() int64 { return c.n }

// Bad is what is wrong with the content, as far as it was read: a
// [*ContentError], [ErrTooLarge], [ErrTextLine], or nil.
func (c *ContentReader) Bad() error { return c.bad }

// Ended reports whether the content was read to its end.
func (c *ContentReader) Ended() bool { return c.ended }

// Next gives the next piece of the content without copying it; it is valid until
// the next call. The error is io.EOF at the end of the content, ErrChunk at the
// end of a chunk, what Bad gives for a bad content, and what the connection said
// for one that broke off, then io.ErrUnexpectedEOF for io.EOF.
func (c *ContentReader) Next() ([]byte, error) {
	if c.bad != nil {
		return nil, c.bad
	}
	piece, err := c.next()
	if c.bad != nil {
		// What stands before the bad octet is of no use to anybody.
		return nil, c.bad
	}
	return piece, err
}

// Drain reads on to the end of the content, or of the chunk, and forgets it. It
// gives up after limit octets, with ErrTooLarge. A bad content is no error of
// Drain; see Bad.
func (c *ContentReader) Drain(limit int64) error {
	for dropped := int64(0); dropped <= limit; {
		piece, err := c.next()
		dropped += int64(len(piece))
		if err == io.EOF || err == ErrChunk {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return ErrTooLarge
}

// next gives the next piece, of a bad content too.
func (c *ContentReader) next() ([]byte, error) {
	switch {
	case c.ended:
		return nil, io.EOF
	case c.lost != nil:
		return nil, c.lost
	case c.chunked:
		return c.nextOfChunk()
	}
	for {
		held := c.r.Buffered()
		if c.at.bol && len(held) > 0 && held[0] == '.' {
			switch {
			case len(held) > 1 && held[1] != '\r', len(held) > 2 && held[2] != '\n':
				// The client put a dot before a line: RFC 5321 §4.5.2.
				c.r.Discard(1)
				c.at.bol = false
				continue
			case len(held) > 2:
				c.r.Discard(3)
				c.ended = true
				return nil, io.EOF
			}
		} else if n := c.scan(held, true); n > 0 {
			c.r.Discard(n)
			return held[:n], nil
		}
		if err := c.fill(); err != nil {
			return nil, err
		}
	}
}

func (c *ContentReader) nextOfChunk() ([]byte, error) {
	if c.left == 0 {
		if !c.last {
			return nil, ErrChunk
		}
		if c.at.cr {
			c.spoil(bareCR, c.n-1)
		}
		c.ended = true
		return nil, io.EOF
	}
	held := c.r.Buffered()
	if len(held) == 0 {
		if err := c.fill(); err != nil {
			return nil, err
		}
		held = c.r.Buffered()
	}
	n := c.scan(held[:min(c.left, int64(len(held)))], false)
	c.r.Discard(n)
	c.left -= int64(n)
	return held[:n], nil
}

// fill reads once more from the connection.
func (c *ContentReader) fill() error {
	if c.full && c.Grow != nil {
		c.Grow()
	}
	const room = 16 // for ".CR", which may have to wait for what follows
	err := c.r.Fill(max(len(c.r.buf), room))
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	c.full = c.r.w == len(c.r.buf)
	c.lost = err
	return err
}

// scan goes through p, up to a dot that begins a line (if dots is set) or to the
// end of p, and says how far it came.
func (c *ContentReader) scan(p []byte, dots bool) int {
	if len(p) == 0 {
		return 0
	}
	before := c.at
	n, clean := c.leap(p, dots)
	if !clean {
		c.at = before
		n = c.walk(p, dots)
	}
	c.n += int64(n)
	if c.Max > 0 && c.n > c.Max && c.bad == nil {
		c.bad = ErrTooLarge
	}
	return n
}

// leap is scan for a clean content: it looks for the end of a line where the line
// before had it, as in base64 they all have it at the same place. If as many CRs
// and LFs are there in all as it came by, it has missed none of them.
func (c *ContentReader) leap(p []byte, dots bool) (n int, clean bool) {
	at, i, pairs := c.at, 0, 0
	if at.cr {
		if p[0] != '\n' {
			return 0, false
		}
		at, i = place{bol: true}, 1
	}
	lead := i
	for i < len(p) {
		if at.bol && dots && p[i] == '.' {
			break
		}
		j := c.stride
		if i+j+1 >= len(p) || p[i+j] != '\r' || p[i+j+1] != '\n' {
			j = bytes.IndexByte(p[i:], '\r')
			if j < 0 || i+j+1 == len(p) {
				if at.bol, at.cr = false, j >= 0; j < 0 {
					j = len(p) - i
				}
				at.line += j
				i = len(p)
				break
			}
			if p[i+j+1] != '\n' {
				return 0, false
			}
			c.stride = j
		}
		if at.line += j; c.MaxLine > 0 && at.line > c.MaxLine {
			return 0, false
		}
		i += j + 2
		pairs++
		at = place{bol: true}
	}
	crs := pairs
	if at.cr {
		crs++
	}
	if c.MaxLine > 0 && at.line > c.MaxLine || bytes.Count(p[lead:i], lf) != pairs ||
		bytes.Count(p[:i], cr) != crs || bytes.IndexByte(p[:i], 0) >= 0 {
		return 0, false
	}
	c.at = at
	return i, true
}

// walk is scan for what leap found something wrong with: octet by octet.
func (c *ContentReader) walk(p []byte, dots bool) int {
	for i, b := range p {
		octet := c.n + int64(i)
		if c.at.bol && dots && b == '.' {
			return i
		}
		if c.at.cr && b != '\n' {
			c.spoil(bareCR, octet-1)
		}
		switch {
		case b == '\n' && c.at.cr:
			c.at = place{bol: true}
			continue
		case b == '\n':
			c.spoil(bareLF, octet)
		case b == 0:
			c.spoil(aNUL, octet)
		}
		if c.at.cr = b == '\r'; c.at.cr {
			c.at.bol = false
			continue
		}
		c.at = place{line: c.at.line + 1}
		if c.MaxLine > 0 && c.at.line > c.MaxLine && c.bad == nil {
			c.bad = ErrTextLine
		}
	}
	return len(p)
}

const (
	bareCR = "a bare CR"
	bareLF = "a bare LF"
	aNUL   = "a NUL"
)

var cr, lf = []byte("\r"), []byte("\n")

// spoil makes the content bad. Of all that is wrong with it the first is told.
func (c *ContentReader) spoil(what string, octet int64) {
	if e, ok := c.bad.(*ContentError); ok && e.Octet <= octet {
		return
	}
	c.bad = &ContentError{What: what, Octet: octet}
}

// Swap makes the Reader use another buffer, and gives the one it had. What is
// held moves along; a buffer too small for it is not taken, and given back.
func (r *Reader) Swap(buf []byte) []byte {
	if len(buf) < r.w-r.r {
		return buf
	}
	old := r.buf
	r.w = copy(buf, r.buf[r.r:r.w])
	r.r = 0
	r.buf = buf
	return old
}
