package mail

import (
	"bytes"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A normalizer makes of bytes that exist already a content that may travel. LF
// alone and CR alone each become CRLF, the last line is ended, and a header that
// nothing follows is ended by an empty line. What cannot be mended without
// guessing is an error with the number of the line: a NUL, a line over 998 octets, a
// header line that is none, a header that is neither ASCII nor UTF-8.
//
// Header and body are told apart from the first line on; lines of the header are
// gathered and looked at whole, those of the body are passed on as they come.
type normalizer struct {
	dropBcc bool

	// What was found so far.
	size    int64
	eight   bool // octets over 127
	utf8    bool // some of them in the header
	changed bool // what came out is not what went in

	body    bool   // past the header
	cr      bool   // the last octet was a CR, and its line end is not yet written
	lines   int64  // ended so far
	col     int    // octets of the line so far
	field   []byte // the header line so far
	fields  int
	left    int  // of them, those that are not left out
	skipped bool // in a field that is left out
}

var errEmptyContent = contentError{0, "is empty"}

// scan looks a whole content through.
func (n *normalizer) scan(r io.Reader) error {
	_, err := n.copy(nil, r)
	return err
}

// copy normalizes what r gives, by pieces, and writes it to w unless that is nil.
func (n *normalizer) copy(w io.Writer, r io.Reader) (written int64, err error) {
	p := pieces.Get().(*piece)
	defer pieces.Put(p)
	for done := false; !done; {
		k, err := fill(r, p.in)
		if err != nil && !atEnd(err) {
			return written, err
		}
		if p.out, err = n.next(p.out[:0], p.in[:k], err); err != nil && !atEnd(err) {
			return written, err
		}
		done = err != nil
		if w != nil && len(p.out) > 0 {
			k, werr := w.Write(p.out)
			written += int64(k)
			if werr != nil {
				return written, writeError{werr}
			}
		}
	}
	return written, nil
}

// next is feed, and at io.EOF also end. It gives io.EOF back.
func (n *normalizer) next(dst, p []byte, eof error) ([]byte, error) {
	dst, err := n.feed(dst, p)
	if err != nil || eof == nil {
		return dst, err
	}
	if dst, err = n.end(dst); err == nil {
		err = io.EOF
	}
	return dst, err
}

// feed adds to dst what comes of p.
func (n *normalizer) feed(dst, p []byte) ([]byte, error) {
	start := len(dst)
	nul := bytes.IndexByte(p, 0)
	if nul >= 0 {
		p = p[:nul] // what is wrong before it is told first
	}
	for len(p) > 0 {
		if n.cr {
			n.cr = false
			if p[0] == '\n' {
				p = p[1:]
			} else {
				n.changed = true
			}
			var err error
			if dst, err = n.endLine(dst); err != nil {
				return dst, err
			}
			continue
		}
		end := bytes.IndexByte(p, '\n')
		text := p
		if end >= 0 {
			text = p[:end]
		}
		if i := bytes.IndexByte(text, '\r'); i >= 0 {
			text, n.cr = p[:i], true
		}
		var err error
		if dst, err = n.text(dst, text); err != nil {
			return dst, err
		}
		p = p[len(text):]
		switch {
		case n.cr:
			p = p[1:]
		case end >= 0:
			p = p[1:]
			n.changed = true
			if dst, err = n.endLine(dst); err != nil {
				return dst, err
			}
		}
	}
	n.size += int64(len(dst) - start)
	if nul >= 0 {
		return dst, n.wrong("holds a NUL")
	}
	return dst, nil
}

// text adds a part of a line.
func (n *normalizer) text(dst, text []byte) ([]byte, error) {
	if n.col += len(text); n.col > hardLine {
		return dst, n.wrong("is longer than 998 octets")
	}
	if !n.body {
		n.field = append(n.field, text...)
		return dst, nil
	}
	n.eight = n.eight || !isASCII(text)
	return append(dst, text...), nil
}

func (n *normalizer) endLine(dst []byte) ([]byte, error) {
	if !n.body {
		if err := n.header(); err != nil {
			return dst, err
		}
		if !n.skipped {
			dst = append(dst, n.field...)
		}
		n.field = n.field[:0]
	}
	n.lines++
	n.col = 0
	if n.skipped {
		return dst, nil
	}
	return append(dst, '\r', '\n'), nil
}

// header looks at a line of the header: RFC 5322 §2.2.
func (n *normalizer) header() error {
	line := n.field
	switch {
	case len(line) == 0:
		if n.fields == 0 {
			return n.wrong("is empty, where a header should begin")
		}
		if n.left == 0 {
			return n.wrong("ends a header that has Bcc alone")
		}
		n.body, n.skipped = true, false
		return nil
	case len(bytes.TrimLeft(line, " \t")) == 0:
		// For some readers this ends the header, for others not.
		return n.wrong("is blank but not empty, within the header")
	case line[0] == ' ' || line[0] == '\t':
		if n.fields == 0 {
			return n.wrong("begins with a blank, where a header should begin")
		}
	default:
		name, _, ok := strings.Cut(string(line[:min(len(line), 80)]), ":")
		if !ok || name == "" || !all(name, isFtext) {
			return n.wrong("is neither a header field nor the empty line that ends the header")
		}
		n.fields++
		n.skipped = n.dropBcc && (strings.EqualFold(name, "Bcc") || strings.EqualFold(name, "Resent-Bcc"))
		n.changed = n.changed || n.skipped
		if !n.skipped {
			n.left++
		}
	}
	if !n.skipped && !isASCII(line) {
		if !utf8.Valid(line) {
			return n.wrong("is in the header and neither ASCII nor UTF-8")
		}
		n.eight, n.utf8 = true, true
	}
	return nil
}

// end adds what is missing at the end.
func (n *normalizer) end(dst []byte) ([]byte, error) {
	start := len(dst)
	if n.cr || n.col > 0 {
		n.cr, n.changed = false, true
		var err error
		if dst, err = n.endLine(dst); err != nil {
			return dst, err
		}
	}
	if !n.body {
		if n.fields == 0 {
			return dst, errEmptyContent
		}
		if n.left == 0 {
			return dst, contentError{0, "has a header that has Bcc alone"}
		}
		n.body, n.changed = true, true
		dst = append(dst, '\r', '\n')
	}
	n.size += int64(len(dst) - start)
	return dst, nil
}

func (n *normalizer) wrong(what string) error {
	return contentError{n.lines + 1, what}
}

// A contentError is what is wrong with a content, and not with reading it.
type contentError struct {
	line int64
	what string
}

func (e contentError) Error() string {
	if e.line == 0 {
		return "the content " + e.what
	}
	return "line " + strconv.FormatInt(e.line, 10) + " of the content " + e.what
}
