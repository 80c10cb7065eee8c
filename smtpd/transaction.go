package smtpd

import (
	"errors"
	"io"
	"net"
	"strings"
	"time"

	"github.com/parleymail/parley/internal/wire"
	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/smtp"
)

// A Transaction is one mail on its way in: RFC 5321 §3.3. The functions of the
// Server may keep it.
type Transaction struct {
	Session *Session

	// The envelope, as far as it is known yet. ID and Original are decoded; they hold
	// no control characters.
	mail.Envelope

	Size      int64     // what the client said that the content has, SIZE; 0: nothing
	EightBit  bool      // BODY=8BITMIME: the content may hold octets over 127
	UTF8      bool      // SMTPUTF8: its header and the paths may be in UTF-8
	Submitter mail.Path // AUTH=: who submitted the mail first, as a client says that is authenticated itself; RFC 4954 §5

	// Value is for the functions of the Server to keep something in.
	Value any

	first   [1]mail.Recipient
	body    content
	answers []smtp.Reply
	begun   bool // the content is coming
	ended   bool // and has come to its end: faults were asked about that
	done    bool // Data has returned
}

// Answer sets the reply for one recipient, where Data wants to take the mail for
// some and not for others; those that have none get what Data returns. The index is
// that in Recipients. It is for LMTP (RFC 2033 §4.2) and does nothing over SMTP,
// which has one reply for all.
func (t *Transaction) Answer(i int, r smtp.Reply) {
	if t.answers == nil {
		t.answers = make([]smtp.Reply, len(t.Recipients))
	}
	t.answers[i] = r
}

// Received is the trace field that whoever passes the mail on, or keeps it for
// good, puts before the content: RFC 5321 §4.4. It ends with CRLF. The id is one's
// own name for the mail, and may be empty. The recipient is told only where there
// is one, for the others may not know of each other.
func (t *Transaction) Received(id string, at time.Time) string {
	s := t.Session
	var b strings.Builder
	b.WriteString("Received: from " + traceWord(s.hello))
	if ip := literal(s.RemoteAddr()); ip != "" {
		b.WriteString(" (" + ip + ")")
	}
	b.WriteString("\r\n\tby " + traceWord(s.server.host) + " with " + s.protocol(t.UTF8))
	if id != "" {
		b.WriteString(" id " + traceWord(id))
	}
	if len(t.Recipients) == 1 {
		b.WriteString("\r\n\tfor " + t.Recipients[0].Path.String())
	}
	b.WriteString(";\r\n\t" + at.Format("Mon, 2 Jan 2006 15:04:05 -0700") + "\r\n")
	return b.String()
}

// traceWord makes one word of what may be anything.
func traceWord(s string) string {
	if s == "" {
		return "unknown"
	}
	return strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', strings.ContainsRune(".-_:[]@+", r):
			return r
		}
		return '?'
	}, s)
}

// literal is the address literal of a TCP address: RFC 5321 §4.1.3.
func literal(addr net.Addr) string {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok {
		return ""
	}
	ip := tcp.AddrPort().Addr().Unmap().WithZone("")
	if ip.Is6() {
		return "[IPv6:" + ip.String() + "]"
	}
	return "[" + ip.String() + "]"
}

// What Data's reader says of a content that is not to be kept.
var (
	// ErrAborted is a mail that the client dropped midway, with RSET or by saying
	// hello anew.
	ErrAborted = errors.New("the client dropped the mail")

	errDone = errors.New("smtpd: the content is read after Data has returned")
)

// A content is what Data reads.
type content struct {
	t    *Transaction
	rest []byte // of a piece, when Read has given the beginning of it
}

var _ io.WriterTo = (*content)(nil)

// Read gives the next octets of the content.
func (c *content) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if len(c.rest) == 0 {
		piece, err := c.next()
		if err != nil {
			return 0, err
		}
		c.rest = piece
	}
	n := copy(p, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

// WriteTo gives all of the content, in pieces as they came.
func (c *content) WriteTo(w io.Writer) (written int64, err error) {
	for {
		piece := c.rest
		c.rest = nil
		if len(piece) == 0 {
			if piece, err = c.next(); err == io.EOF {
				return written, nil
			} else if err != nil {
				return written, err
			}
		}
		n, err := w.Write(piece)
		written += int64(n)
		if err != nil {
			return written, err
		}
	}
}

// next gives the next piece, and where a chunk ends goes on with the conversation
// until there is one.
func (c *content) next() ([]byte, error) {
	t, s := c.t, c.t.Session
	for {
		switch {
		case t.done:
			return nil, errDone
		case s.t != t:
			return nil, ErrAborted
		case s.over:
			return nil, io.ErrUnexpectedEOF
		}
		if s.midway != nil {
			if s.performMidway(); s.over {
				return nil, io.ErrUnexpectedEOF
			}
		}
		s.receiving = true
		piece, err := s.content.Next()
		s.receiving = false
		if err == io.EOF {
			if s.midway = nil; s.server.Fault != nil && s.meetEnd(t) {
				return nil, ErrLost
			}
		}
		if err != wire.ErrChunk {
			return piece, err
		}
		s.nextChunk(t)
	}
}
