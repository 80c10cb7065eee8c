// Package wire is what both sides of a conversation have in common: lines with
// limits, and contents with their dots.
package wire

import (
	"bytes"
	"errors"
	"io"
)

// ErrLineTooLong is a line that goes on past the limit it was read with.
var ErrLineTooLong = errors.New("line is too long")

// A Reader reads lines, and never holds more than its limit of one. It is a
// bufio.Reader that gives lines without copying them and tells what it holds.
type Reader struct {
	src  io.Reader
	buf  []byte
	r, w int // what is held is buf[r:w]
}

// NewReader gives a Reader that begins with a buffer of size octets and never
// grows it past what the limit of a ReadLine needs.
func NewReader(src io.Reader, size int) *Reader {
	return &Reader{src: src, buf: make([]byte, size)}
}

// Reset makes the Reader read from src, and forget what it holds.
func (r *Reader) Reset(src io.Reader) { r.src, r.r, r.w = src, 0, 0 }

// Buffered is what has been read from the connection and not yet from the
// Reader. It is valid until the next read.
func (r *Reader) Buffered() []byte { return r.buf[r.r:r.w] }

// Discard drops n octets of what is held.
func (r *Reader) Discard(n int) { r.r += n }

// ReadLine gives the next line with its LF; it is valid until the next read. A
// line of more than limit octets, LF included, is ErrLineTooLong, and no more of
// it than the limit has then been read. At the end of the stream the error is
// io.EOF where nothing more was there, and io.ErrUnexpectedEOF in the midst of a
// line; in both cases what came is given too.
func (r *Reader) ReadLine(limit int) ([]byte, error) {
	searched := 0
	for {
		held := r.buf[r.r:r.w]
		if i := bytes.IndexByte(held[searched:], '\n'); i >= 0 {
			n := searched + i + 1
			if n > limit {
				return held[:limit], ErrLineTooLong
			}
			r.r += n
			return held[:n], nil
		}
		if len(held) >= limit {
			return held[:limit], ErrLineTooLong
		}
		searched = len(held)
		if err := r.Fill(limit); err != nil {
			if err == io.EOF && searched > 0 {
				err = io.ErrUnexpectedEOF
			}
			return r.buf[r.r:r.w], err
		}
	}
}

// Fill reads once from the connection and adds to what is held. The buffer grows
// where it is full, up to limit octets.
func (r *Reader) Fill(limit int) error {
	if r.r == r.w {
		r.r, r.w = 0, 0
	} else if r.w == len(r.buf) && r.r > 0 {
		r.w = copy(r.buf, r.buf[r.r:r.w])
		r.r = 0
	}
	if r.w == len(r.buf) {
		if len(r.buf) >= limit {
			return ErrLineTooLong
		}
		grown := make([]byte, min(2*len(r.buf), limit))
		copy(grown, r.buf)
		r.buf = grown
	}
	n, err := r.src.Read(r.buf[r.w:])
	r.w += n
	if n > 0 {
		return nil
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	return err
}

// Read gives what is held, and reads from the connection only where that is
// nothing: past the buffer, if p is at least as large.
func (r *Reader) Read(p []byte) (int, error) {
	if r.r == r.w {
		if len(p) >= len(r.buf) {
			return r.src.Read(p)
		}
		if err := r.Fill(len(r.buf)); err != nil {
			return 0, err
		}
	}
	n := copy(p, r.buf[r.r:r.w])
	r.r += n
	return n, nil
}
