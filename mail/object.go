package mail

import (
	"io"
	"iter"
)

// An Object is anything that can be sent: an envelope and a content
// (RFC 5321 §2.3.1). [*Message] is the one that programs write; [*Raw] holds bytes
// that exist already.
//
// An Object may be opened several times, one after the other: a mail that was
// not taken by one connection is opened again for the next.
type Object interface {
	// Envelope says who the mail is from and for. Its error tells all that is
	// wrong with the object, field by field, so that nothing is said to a server
	// about a mail that cannot be sent.
	Envelope() (Envelope, error)

	// Open makes the content ready: what it is made of is opened and its size is
	// learnt, where it can be. A missing attachment is an error here, before the
	// first command, and not half way through the content.
	Open() (Content, error)
}

// A Content is an opened content, on its way to one server.
type Content interface {
	// Fit is called once, before WriteTo, with what the server takes. It settles
	// how the content is encoded and says what it then is like. A content that
	// cannot be made to fit is an error: nothing is changed silently.
	Fit(Offer) (Form, error)

	// WriteTo writes the content: every line ended by CRLF, no bare CR or LF, no
	// NUL, no line over 998 octets, and no dots doubled, which is the business of
	// the conversation. It is called at most once.
	//
	// Where w also has the method WriteLines([]byte) (int, error), whole lines that
	// are known to keep these rules, and of which none begins with a dot, may be
	// given to it: they are not looked through again.
	io.WriterTo

	// Close gives back what Open opened. It is called once, whatever happened.
	io.Closer
}

// An Offer is what a server takes beyond seven-bit text.
type Offer struct {
	EightBit bool // 8BITMIME, RFC 6152
	UTF8     bool // SMTPUTF8, RFC 6531
}

// A Form is what a content is like on the wire.
type Form struct {
	Size     int64 // in octets, CRLF counted as two and doubled dots as one (RFC 1870 §5); -1 where it is not known
	EightBit bool  // holds octets over 127: BODY=8BITMIME
	UTF8     bool  // its header holds UTF-8: SMTPUTF8
}

// Objects is a list given one by one, as smtp's Client.SendAll takes it: a
// []*Message becomes a sequence of Objects.
func Objects[T Object](list []T) iter.Seq[Object] {
	return func(yield func(Object) bool) {
		for _, o := range list {
			if !yield(o) {
				return
			}
		}
	}
}
