package mail

import (
	"bytes"
	"errors"
	"io"
)

// A Raw is a mail whose content exists already, as bytes: what another program
// composed, an .eml file, a bounce.
//
// The bytes are sent as they are, but for what may not travel. A bare LF and a
// bare CR each become CRLF, since a file from another system is meant so; the last
// line is ended; and Bcc fields are left out. A NUL, a line of more than 998
// octets, and a header that is none are refused, with the number of the line:
// there is no mending these without guessing. Nothing is encoded anew: a content
// with octets over 127 needs a server with 8BITMIME, and one with UTF-8 in its
// header a server with SMTPUTF8.
//
// The content is looked through once when it is opened, so its size is always
// known.
type Raw struct {
	Env Envelope // who it is from and for; the header is not asked, see HeaderEnvelope

	Data   []byte                        // the content; must not be changed before it is sent
	Source func() (io.ReadCloser, error) // where Data is nil: gives the content, from its beginning, twice each time it is sent

	KeepBcc bool // send Bcc and Resent-Bcc fields too: all can then read who is in them
}

// Envelope is Env, looked through.
func (r *Raw) Envelope() (Envelope, error) {
	var p Problems
	e := r.Env
	e.check(&p)
	if len(p) > 0 {
		return Envelope{}, p
	}
	e.ReversePath = forEnvelope(e.ReversePath)
	for i := range e.Recipients {
		if !isASCII(e.Recipients[i].Path.Domain) {
			e.Recipients = append([]Recipient(nil), e.Recipients...)
			for ; i < len(e.Recipients); i++ {
				e.Recipients[i].Path = forEnvelope(e.Recipients[i].Path)
			}
			break
		}
	}
	return e, nil
}

// check notes what is wrong with an envelope.
func (e *Envelope) check(p *Problems) {
	if err := e.ReversePath.Check(); err != nil {
		p.add("Env.ReversePath", "is no path: "+err.Error())
	}
	if len(e.Recipients) == 0 {
		p.add("Env.Recipients", "is empty: nobody would get the mail")
	}
	for i := range e.Recipients {
		r := &e.Recipients[i]
		if r.Path.IsNull() {
			p.addAt("Env.Recipients", i, ".Path", "is the null path, which is nobody")
		} else if err := r.Path.Check(); err != nil {
			p.addAt("Env.Recipients", i, ".Path", "is no path: "+err.Error())
		}
		if badNotify(r.Notify) {
			p.addAt("Env.Recipients", i, ".Notify", badNotifyText)
		}
		if r.Original != "" {
			p.addAt("Env.Recipients", i, ".Original", badOriginal(r.Original))
		}
	}
	if e.Return > ReturnHeader {
		p.add("Env.Return", "is neither ReturnFull nor ReturnHeader")
	}
	if e.ID != "" {
		p.add("Env.ID", badEnvelopeID(e.ID))
	}
}

// Open opens the content and looks it through.
func (r *Raw) Open() (Content, error) {
	c := &rawContent{n: normalizer{dropBcc: !r.KeepBcc}, dropBcc: !r.KeepBcc}
	if r.Data != nil || r.Source == nil {
		c.data = r.Data
		if err := c.n.scan(bytes.NewReader(r.Data)); err != nil {
			return nil, err
		}
		return c, nil
	}
	src, err := r.Source()
	if err != nil {
		return nil, err
	}
	err = c.n.scan(src)
	if cerr := src.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		c.src, err = r.Source()
	}
	if err != nil {
		return nil, err
	}
	return c, nil
}

// A rawContent is a Raw that was looked through: n is what was found.
type rawContent struct {
	n       normalizer
	dropBcc bool
	data    []byte
	src     io.ReadCloser
}

var (
	errNeedsEightBit = errors.New("the content has octets over 127, and the server does not offer 8BITMIME")
	errNeedsUTF8     = errors.New("the header has UTF-8, and the server does not offer SMTPUTF8")
	errChanged       = errors.New("the content changed while it was sent")
)

func (c *rawContent) Fit(o Offer) (Form, error) {
	f := Form{Size: c.n.size, EightBit: c.n.eight, UTF8: c.n.utf8}
	if f.UTF8 && !o.UTF8 {
		return f, errNeedsUTF8
	}
	if f.EightBit && !o.EightBit {
		return f, errNeedsEightBit
	}
	return f, nil
}

func (c *rawContent) WriteTo(w io.Writer) (int64, error) {
	if c.src == nil && !c.n.changed {
		n, err := w.Write(c.data)
		return int64(n), err
	}
	src := io.Reader(c.src)
	if c.src == nil {
		src = bytes.NewReader(c.data)
	}
	again := normalizer{dropBcc: c.dropBcc}
	n, err := again.copy(w, src)
	if werr, ok := errors.AsType[writeError](err); ok {
		return n, werr.err
	}
	if err == nil && (again.size != c.n.size || again.eight != c.n.eight || again.utf8 != c.n.utf8) {
		err = errChanged
	}
	return n, err
}

func (c *rawContent) Close() error {
	if c.src == nil {
		return nil
	}
	return c.src.Close()
}
