package mail

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
)

// A part is read by pieces of 840 lines, which in base64 are just under 64 KiB.
const (
	pieceIn  = 840 * lineIn
	pieceOut = 840 * lineOut
)

// A piece is room for what is read of a part, and what is made of it.
type piece struct{ in, out []byte }

var pieces = sync.Pool{New: func() any {
	return &piece{in: make([]byte, pieceIn), out: make([]byte, pieceOut)}
}}

// fill reads until p is full. Its error is io.EOF where the reader says so, even if
// something was read.
//
// It is not io.ReadFull, which says io.ErrUnexpectedEOF then. So do readers whose
// source broke off, those of gzip and HTTP, and these must not be taken for whole.
func fill(r io.Reader, p []byte) (n int, err error) {
	for idle := 0; n < len(p); {
		k, err := r.Read(p[n:])
		if n += k; err != nil {
			return n, err
		}
		if k > 0 {
			idle = 0
		} else if idle++; idle == 100 {
			return n, io.ErrNoProgress
		}
	}
	return n, nil
}

// atEnd reports whether a reader says that there is no more. Only io.EOF itself does;
// one within another error tells of a content that broke off.
func atEnd(err error) bool { return err == io.EOF } //nolint:errorlint // for that reason

// writePart reads a part, and writes it encoded.
func writePart(w io.Writer, o *opened) (n int64, err error) {
	if o.verbatim {
		n, err = o.copyMessage(w)
	} else {
		n, err = encode(w, o)
	}
	if err != nil {
		if werr, ok := errors.AsType[writeError](err); ok {
			return n, werr.err
		}
		err = fmt.Errorf("reading %s: %w", quote(o.name), err)
	}
	return n, err
}

// A writeError is an error of the one who is written to, and not of the part.
type writeError struct{ err error }

func (e writeError) Error() string { return e.err.Error() }

func encode(w io.Writer, o *opened) (total int64, err error) {
	p := pieces.Get().(*piece)
	defer pieces.Put(p)
	write := w.Write
	if lines, ok := w.(interface{ WriteLines([]byte) (int, error) }); ok {
		write = lines.WriteLines
	}
	src := source{o: o, left: o.size}
	for {
		in, rerr := src.next(p.in)
		if len(in) > 0 {
			p.out = slices.Grow(p.out[:0], pieceOut)[:base64Size(int64(len(in)))]
			encodeLines(p.out, in)
			n, err := write(p.out)
			if total += int64(n); err != nil {
				return total, writeError{err}
			}
		}
		if rerr != nil {
			if atEnd(rerr) {
				rerr = nil
			}
			return total, rerr
		}
	}
}

// A source gives a part by pieces, and sees that it is as long as it was said to
// be: a file cut short while it is read must not be taken for a whole one.
type source struct {
	o    *opened
	left int64 // -1: not known
}

var (
	errShrunk = errors.New("it is shorter than it was said to be")
	errGrown  = errors.New("it is longer than it was said to be")
)

// next gives a piece, and io.EOF with the last. Each but the last is a whole
// number of lines.
func (s *source) next(in []byte) ([]byte, error) {
	o := s.o
	if o.src == nil {
		n := min(len(o.data), pieceIn)
		piece := o.data[:n]
		if o.data = o.data[n:]; len(o.data) == 0 {
			return piece, io.EOF
		}
		return piece, nil
	}
	k := copy(in, o.data) // what was read to find the type
	o.data = nil
	n, err := fill(o.src, in[k:])
	n += k
	if s.left < 0 {
		return in[:n], err
	}
	switch s.left -= int64(n); {
	case s.left < 0:
		return nil, errGrown
	case atEnd(err) && s.left > 0:
		return nil, errShrunk
	}
	return in[:n], err
}
