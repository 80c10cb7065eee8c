package wire

import (
	"bytes"
	"fmt"
	"io"
)

// A ContentError is an octet that no content may hold: it would end a line, or
// the whole content, for one server and not for another (SMTP smuggling), or is
// forbidden outright.
type ContentError struct {
	What  string // "a bare CR", "a bare LF", "a NUL", "a line of more than 998 octets"
	Octet int64  // where, counted from 0
}

func (e *ContentError) Error() string {
	return fmt.Sprintf("the content has %s at octet %d", e.What, e.Octet)
}

// MaxTextLine is the most octets of a line of content, CRLF not counted:
// RFC 5321 §4.5.3.1.6, RFC 5322 §2.1.1.
const MaxTextLine = 998

// A ContentWriter puts a content on its way: it doubles the dots that begin a
// line (RFC 5321 §4.5.2), unless Chunked, and refuses what may not travel: a bare
// CR, a bare LF, a NUL, a line over 998 octets. Refusal is an error of Write, and
// the content is then never to be ended.
type ContentWriter struct {
	W       io.Writer
	Chunked bool  // for BDAT: nothing is doubled, and Size is kept to
	Size    int64 // of a Chunked content, as it was announced
	N       int64 // octets of the content so far, doubled dots not counted

	last [1]byte // of a Chunked content: held back until End
	line int     // octets in the line so far
	cr   bool    // the last octet was a CR
	err  error
}

// Reset readies the writer for the next content.
func (c *ContentWriter) Reset(w io.Writer, chunked bool, size int64) {
	*c = ContentWriter{W: w, Chunked: chunked, Size: size}
}

// Write takes any part of a content.
func (c *ContentWriter) Write(p []byte) (int, error) {
	if c.err != nil {
		return 0, c.err
	}
	if c.err = c.check(p); c.err != nil {
		return 0, c.err
	}
	if c.Chunked {
		c.err = c.chunk(p)
		c.advance(p)
		if c.err != nil {
			return 0, c.err
		}
		return len(p), nil
	}
	c.err = c.stuff(p)
	c.advance(p)
	if c.err != nil {
		return 0, c.err
	}
	return len(p), nil
}

// WriteLines takes whole lines of which it is known that they keep the rules and
// that none begins with a dot, as base64 is. They are not looked through again,
// which at 100 KiB is a fifth of what sending costs.
func (c *ContentWriter) WriteLines(p []byte) (int, error) {
	if c.err != nil {
		return 0, c.err
	}
	if c.Chunked || c.cr || c.line != 0 || !bytes.HasSuffix(p, crlf) {
		return c.Write(p)
	}
	n, err := c.W.Write(p)
	c.N += int64(n)
	c.err = err
	return n, err
}

// chunk writes p as it is, as far as the size that was announced: what is over it
// would be taken for commands. The last octet waits for End, so that a content
// that fails after all is never whole.
func (c *ContentWriter) chunk(p []byte) error {
	left := c.Size - c.N
	if int64(len(p)) > left {
		return fmt.Errorf("the content has more than the %d octets that it was to have", c.Size)
	}
	if n := len(p); n > 0 && int64(n) == left {
		c.last[0] = p[n-1]
		p = p[:n-1]
	}
	_, err := c.W.Write(p)
	return err
}

// End ends the content: its last line, where it is not ended, and the dot.
func (c *ContentWriter) End() error {
	if c.err != nil {
		return c.err
	}
	if c.cr {
		return &ContentError{"a bare CR", c.N - 1}
	}
	end := "\r\n.\r\n"
	switch {
	case c.Chunked && c.N != c.Size:
		return fmt.Errorf("the content has %d octets and not the %d that it was to have", c.N, c.Size)
	case c.Chunked && c.N > 0:
		_, c.err = c.W.Write(c.last[:])
		return c.err
	case c.Chunked:
		return nil
	case c.line == 0:
		end = ".\r\n"
	default:
		c.N += 2
	}
	_, c.err = io.WriteString(c.W, end)
	return c.err
}

var crlf = []byte("\r\n")

// check looks for what may not travel. It goes from CR to CR, for in a clean
// content there is one a line.
func (c *ContentWriter) check(p []byte) error {
	at, line, rest := c.N, c.line, p
	if c.cr && len(rest) > 0 {
		if rest[0] != '\n' {
			return &ContentError{"a bare CR", at - 1}
		}
		rest, at, line = rest[1:], at+1, 0
	}
	if i := bytes.IndexByte(p, 0); i >= 0 {
		// What stands before the NUL is told first.
		if err := (&ContentWriter{N: c.N, line: c.line, cr: c.cr}).check(p[:i]); err != nil {
			return err
		}
		return &ContentError{"a NUL", c.N + int64(i)}
	}
	for len(rest) > 0 {
		i := bytes.IndexByte(rest, '\r')
		text := rest
		if i >= 0 {
			text = rest[:i]
		}
		if j := bytes.IndexByte(text, '\n'); j >= 0 {
			return &ContentError{"a bare LF", at + int64(j)}
		}
		if line += len(text); line > MaxTextLine {
			return &ContentError{"a line of more than 998 octets", at + int64(len(text)) - int64(line) + MaxTextLine}
		}
		if i < 0 || i+1 == len(rest) {
			return nil
		}
		if rest[i+1] != '\n' {
			return &ContentError{"a bare CR", at + int64(i)}
		}
		rest, at, line = rest[i+2:], at+int64(i)+2, 0
	}
	return nil
}

// stuff writes p with its dots doubled, in as few writes as there are.
func (c *ContentWriter) stuff(p []byte) error {
	if c.line == 0 && len(p) > 0 && p[0] == '.' || c.cr && len(p) > 1 && p[1] == '.' {
		n := 0
		if c.cr {
			n = 1
		}
		if _, err := c.W.Write(p[:n+1]); err != nil {
			return err
		}
		p = p[n:]
	}
	for {
		i := bytes.Index(p, []byte("\n."))
		if i < 0 {
			_, err := c.W.Write(p)
			return err
		}
		if _, err := c.W.Write(p[:i+2]); err != nil {
			return err
		}
		p = p[i+1:]
	}
}

// advance keeps count of what was written.
func (c *ContentWriter) advance(p []byte) {
	c.N += int64(len(p))
	if len(p) == 0 {
		return
	}
	c.cr = p[len(p)-1] == '\r'
	if i := bytes.LastIndexByte(p, '\n'); i >= 0 {
		c.line = len(p) - i - 1
	} else {
		c.line += len(p)
	}
	if c.cr {
		c.line--
	}
}
