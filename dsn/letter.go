package dsn

import (
	"crypto/rand"
	"encoding/base32"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/mail"
)

// A Letter takes a report to the sender of the mail that it tells of. It is a [mail.Object]. Its
// own reverse-path is <>, so that nobody answers it with another (RFC 3461 §6.1).
//
// Of its fields To is required, and of the Report's ReportingMTA, and for each recipient Final and Action.
type Letter struct {
	Report

	To   mail.Path     // the reverse-path of that mail; never the null path
	From mail.Address  // whom people may ask; zero: the postmaster at ReportingMTA
	Lang diagnose.Lang // which language stands first, and that of the subject

	// Content opens the mail that the report tells of; nil: nothing of it comes back. The whole of it comes
	// back where the mail failed and is no larger than Most, else its header alone.
	Content func() (io.ReadCloser, error)
	Return  mail.Return // RET: ReturnHeader never brings back more than the header
	Most    int64       // octets; zero: 64 KiB

	Date      time.Time // zero: now
	MessageID string    // without <>; if empty, a new one each time it is opened

	random []byte // in tests, what the boundary is made of
}

const mostReturned = 64 << 10

// Envelope is from nobody, to the sender of the mail, and asks for no report of its own.
func (l *Letter) Envelope() (mail.Envelope, error) {
	if err := l.check(); err != nil {
		return mail.Envelope{}, err
	}
	to := l.To
	if a, err := to.ASCII(); err == nil {
		to = a
	}
	return mail.Envelope{Recipients: []mail.Recipient{{Path: to, Notify: mail.NotifyNever}}}, nil // RFC 3461 §6.1
}

// check tells all that is wrong, as a [mail.Problems].
func (l *Letter) check() error {
	var p mail.Problems
	add := func(field, what string) { p = append(p, mail.FieldError{Field: field, What: what}) }
	if l.To.IsNull() {
		add("To", "is the null path: nobody is told of such a mail") // RFC 5321 §6.1
	} else if err := l.To.Check(); err != nil {
		add("To", "is no path: "+err.Error())
	}
	if l.ReportingMTA == "" {
		add("ReportingMTA", "is missing") // RFC 3464 §2.2.2
	}
	if len(l.Recipients) == 0 {
		add("Recipients", "is empty: there is nothing to tell")
	}
	for i := range l.Recipients {
		r := &l.Recipients[i]
		if r.Final.IsNull() {
			add("Recipients["+itoa(i)+"].Final", "is the null path, which is nobody")
		}
		if r.Action < Failed || r.Action > Expanded {
			add("Recipients["+itoa(i)+"].Action", "is none")
		}
	}
	if len(p) == 0 {
		return nil
	}
	return p
}

// Open asks package diagnose what is not yet explained, and opens the content.
func (l *Letter) Open() (mail.Content, error) {
	if err := l.check(); err != nil {
		return nil, err
	}
	c := &content{l: *l, boundary: l.boundary()}
	c.l.Recipients = append([]Recipient(nil), l.Recipients...)
	for i := range c.l.Recipients {
		c.l.Recipients[i].Why = c.l.Recipients[i].explained()
	}
	if c.l.Date.IsZero() {
		c.l.Date = time.Now()
	}
	if err := c.openReturned(); err != nil {
		return nil, err
	}
	return c, nil
}

// boundary cannot stand in a content that was written before it was made.
func (l *Letter) boundary() string {
	random := make([]byte, 20)
	_, _ = rand.Read(random) // never fails
	copy(random, l.random)
	return "=_" + strings.ToLower(base32.StdEncoding.EncodeToString(random))
}

// failed reports whether the mail failed for anybody.
func (l *Letter) failed() bool {
	for i := range l.Recipients {
		if l.Recipients[i].Action == Failed {
			return true
		}
	}
	return false
}

// A content is an opened Letter. All but a content that comes back as it was stands in head, once it is fitted.
type content struct {
	l        Letter
	boundary string

	header   []byte       // of the mail that is told of
	whole    mail.Content // the mail itself; nil where the header alone comes back
	global   bool         // its header has UTF-8
	eight    bool         // and it has octets over 127
	size     int64
	head     []byte
	returned bool // whole goes behind head
	tail     []byte
	done     bool
}

var errDone = errors.New("dsn: the content was written already, or is closed")

// Fit writes all but what comes back as it was.
func (c *content) Fit(o mail.Offer) (mail.Form, error) {
	if c.done {
		return mail.Form{}, errDone
	}
	top, utf8, err := c.top(o)
	if err != nil {
		return mail.Form{}, err
	}
	c.returned = c.whole != nil && !c.global && (o.EightBit || !c.eight)
	c.head = append(c.head[:0], top...)
	if err := c.parts(); err != nil {
		return mail.Form{}, err
	}
	form := mail.Form{UTF8: utf8, EightBit: utf8}
	c.tail = []byte("\r\n--" + c.boundary + "--\r\n")
	form.Size = int64(len(c.head) + len(c.tail))
	if c.returned {
		form.Size += c.size
		form.EightBit = utf8 || c.eight
	}
	return form, nil
}

// WriteTo writes the letter.
func (c *content) WriteTo(w io.Writer) (total int64, err error) {
	if c.done || c.head == nil {
		return 0, errDone
	}
	c.done = true
	n, err := w.Write(c.head)
	total = int64(n)
	if err == nil && c.returned {
		var n int64
		n, err = c.whole.WriteTo(w)
		total += n
	}
	if err == nil {
		n, err = w.Write(c.tail)
		total += int64(n)
	}
	return total, err
}

// Close gives back what was opened.
func (c *content) Close() error {
	c.done = true
	if c.whole == nil {
		return nil
	}
	whole := c.whole
	c.whole = nil
	return whole.Close()
}
