package mail

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
)

// An opened part is on its way.
type opened struct {
	name   string // as in Part
	kind   string // the content type, checked
	id     string // the Content-ID, empty where there is none
	inline bool

	data []byte        // what is there already: all of it, or its beginning
	src  io.ReadCloser // the rest; nil where data is all
	size int64         // -1: not known

	verbatim bool       // message/rfc822: not base64 but what a normalizer makes of it
	guessed  bool       // and that is by its name alone: base64 will do as well
	found    normalizer // what it has
}

var errNotRegular = errors.New("it is not a regular file")

// openPart opens what a part is made of and learns its size and type.
func openPart(p *Part, inline bool) (o opened, err error) {
	o = opened{name: p.Name, kind: p.Type, id: bareID(p.ContentID), inline: inline, size: -1}
	if inline && o.id == "" {
		o.id = p.Name
	}
	if p.data != nil {
		o.data, o.size = p.data, int64(len(p.data))
	} else if err = o.openSource(p); err != nil {
		return o, err
	}
	if p.Size > 0 {
		if o.size >= 0 && o.size != p.Size {
			o.close()
			return o, fmt.Errorf("it holds %d octets, and not the %d of Size", o.size, p.Size)
		}
		o.size = p.Size
	}
	if o.kind == "" {
		o.guessed = true
		err = o.findType()
	}
	if err == nil && isMessage(o.kind) {
		err = o.scanMessage(p)
	}
	if err != nil {
		o.close()
	}
	return o, err
}

func (o *opened) openSource(p *Part) (err error) {
	if o.src, err = p.open(); err != nil {
		return err
	}
	if o.src == nil {
		return errors.New("opening it gave nothing to read from")
	}
	f, ok := o.src.(interface{ Stat() (fs.FileInfo, error) })
	if !ok {
		return nil
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errNotRegular // a directory, or a pipe that can be read only once
	}
	if err != nil {
		o.close()
		return err
	}
	o.size = info.Size()
	return nil
}

func (o *opened) close() {
	if o.src != nil {
		_ = o.src.Close() // it was only read
		o.src = nil
	}
}

// findType finds the content type by the name, else by the first octets.
func (o *opened) findType() error {
	if o.kind = typeByName(o.name); o.kind != "" {
		return nil
	}
	if o.src != nil {
		o.data = make([]byte, sniffed)
		n, err := fill(o.src, o.data)
		o.data = o.data[:n]
		if err != nil && !atEnd(err) {
			return err
		}
	}
	o.kind = typeByContent(o.data)
	return nil
}

func isMessage(kind string) bool {
	return len(kind) >= len("message/") && strings.EqualFold(kind[:len("message/")], "message/")
}

// scanMessage looks a message/rfc822 through, and readies it to be read again. A
// file that is one by its name alone, and is none or has what may not travel as it
// is, goes as any other file.
func (o *opened) scanMessage(p *Part) error {
	err := o.found.scan(io.MultiReader(bytes.NewReader(o.data), o.reader()))
	if err == nil && o.found.utf8 {
		err = contentError{0, "has UTF-8 in its header, and so is no message/rfc822"} // RFC 6532 §3.7
	}
	o.verbatim = err == nil
	if o.src != nil {
		if _, bad := errors.AsType[contentError](err); err != nil && !bad {
			return err // of the reader
		}
		o.close()
		o.data = nil
		var oerr error
		if o.src, oerr = p.open(); oerr != nil {
			return oerr
		}
	}
	if err != nil && o.guessed {
		o.kind = anyType
		return nil
	}
	return err
}

// reader is what is to be read beyond data.
func (o *opened) reader() io.Reader {
	if o.src == nil {
		return eof{}
	}
	return o.src
}

type eof struct{}

func (eof) Read([]byte) (int, error) { return 0, io.EOF }

// fit settles how the part goes to a server.
func (o *opened) fit(offer Offer) error {
	if !o.verbatim || !o.found.eight || offer.EightBit {
		return nil
	}
	if o.guessed {
		o.verbatim, o.kind = false, anyType
		return nil
	}
	return fmt.Errorf("%s is a message/rfc822 with octets over 127, and the server does not offer 8BITMIME", quote(o.name))
}

func (o *opened) coding() coding {
	switch {
	case !o.verbatim:
		return base64Coding
	case o.found.eight:
		return eightBit
	}
	return sevenBit
}

// wireSize is how many octets the part has in the content; -1: not known.
func (o *opened) wireSize() int64 {
	switch {
	case o.verbatim:
		return o.found.size
	case o.size < 0:
		return -1
	}
	return base64Size(o.size)
}

// copyMessage writes a message/rfc822.
func (o *opened) copyMessage(w io.Writer) (int64, error) {
	var again normalizer
	n, err := again.copy(w, io.MultiReader(bytes.NewReader(o.data), o.reader()))
	if err == nil && (again.size != o.found.size || again.eight != o.found.eight) {
		err = errChanged
	}
	return n, err
}
