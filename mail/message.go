package mail

import (
	"time"
)

// A Message is a mail that a program writes: what the header shows, what is to be
// read, and what the envelope needs beyond that. Fill in what you need and send
// it. From is required, and one of To, Cc and Bcc; the zero value of every other
// field is left out or chosen well.
//
// All text is UTF-8, in any language, and given as people read it; it is encoded
// where a header or a server needs that. CR, LF, NUL and other control characters
// are refused in every field, Subject and names too, with the name of the field;
// Text and HTML may hold all but NUL, and their line ends are made CRLF, whichever
// they are. What is wrong with a message is told before anything is said to a
// server: see [Message.Check].
//
// A Message is not changed by being sent. It may be sent again, copied, and sent
// by several goroutines at once, if none of them changes it.
type Message struct {
	From    Address   // who wrote it; required
	Sender  Address   // who sent it, where that is another (RFC 5322 §3.6.2)
	ReplyTo []Address // where answers go, if not to From
	To, Cc  []Address
	Bcc     []Address // in the envelope alone: nobody sees them

	Subject string // a tab is let through; other control characters are refused
	Text    string // the plain text
	HTML    string // the same in HTML; with Text beside it, the reader's program chooses

	Inline []Part // images that HTML shows: <img src="cid:logo.png"> for File("logo.png")
	Attach []Part // files
	Invite Invite // a calendar invitation, or an answer to one

	Date       time.Time // zero: when the content is made
	MessageID  string    // if empty a new one each time it is sent; see [NewMessageID]
	InReplyTo  string    // the MessageID that this answers
	References []string  // the MessageIDs of the thread, oldest first

	Priority      Priority
	Unsubscribe   Unsubscribe
	AutoSubmitted string  // "auto-generated" or "auto-replied": RFC 3834 §5; such mail gets no holiday answers
	Header        []Field // further fields, in this order

	ReversePath *Path  // where bounces go; nil: Sender, else From; &Path{}: nowhere (<>)
	Notify      Notify // for all recipients; zero: the server's choice
	Return      Return // zero: the server's choice
	EnvelopeID  string // comes back in a bounce: ENVID, at most 100 printable ASCII characters
	RequireTLS  bool   // every hop must use TLS, or it comes back: RFC 8689

	random *[32]byte // in tests, what Message-ID and boundaries are made of
}

// A Field is a further field of the header.
type Field struct {
	Name  string // "List-Id"; the fields that Message has of its own, MIME fields and trace fields are refused
	Value string // as people read it; what is not ASCII becomes encoded-words, as in Subject
}

// Priority is what readers show as importance.
type Priority uint8

const (
	High Priority = iota + 1 // "Importance: high" (RFC 2156) and "X-Priority: 1"
	Low                      // "Importance: low" and "X-Priority: 5"
)

// Unsubscribe says how a list is left: RFC 2369 §3.2. At least one of URL and
// Mailto makes a List-Unsubscribe field.
type Unsubscribe struct {
	URL      string // http or https; what is not ASCII must be percent-encoded
	Mailto   string // "leave@list.example" or "leave@list.example?subject=leave"; "mailto:" may stand before
	OneClick bool   // URL takes a POST and asks nothing: RFC 8058. URL must then be https
}

// An Invite is a calendar object that goes with a message as a further form of its
// text, so that calendars show buttons for it: RFC 6047.
type Invite struct {
	Calendar string // the iCalendar object, "BEGIN:VCALENDAR..."; empty: none
	Method   string // "REQUEST", "REPLY", "CANCEL"...; if empty, the METHOD that Calendar has. If it has none, that is an error
	File     string // if not empty, Calendar is attached too, as a file of this name: "invite.ics"
}

// Envelope is who the message is for, and where bounces go. Its error is that of
// Check; but whether Text and HTML can be sent, and the files be read, is seen by
// Open. Who is named twice is in it once.
func (m *Message) Envelope() (Envelope, error) {
	var array [8]Path
	var p Problems
	paths := m.check(&p, array[:0])
	if len(p) > 0 {
		m.checkBodies(&p)
		return Envelope{}, p
	}
	e := Envelope{Return: m.Return, ID: m.EnvelopeID, RequireTLS: m.RequireTLS}
	if m.ReversePath != nil {
		e.ReversePath = *m.ReversePath
	} else {
		e.ReversePath = paths[0]
		if m.hasSender() {
			e.ReversePath = paths[1]
		}
	}
	e.ReversePath = forEnvelope(e.ReversePath)
	to := paths[len(paths)-len(m.To)-len(m.Cc)-len(m.Bcc):]
	e.Recipients = make([]Recipient, 0, len(to))
	seen := pathSet{}
	for _, path := range to {
		if path = forEnvelope(path); seen.add(path, e.Recipients) {
			e.Recipients = append(e.Recipients, Recipient{Path: path, Notify: m.Notify})
		}
	}
	return e, nil
}

// Check tells all that is wrong with the message, as a [Problems]. It does not
// look at attachments: whether these can be opened is seen by Open.
func (m *Message) Check() error {
	var array [8]Path
	var p Problems
	m.check(&p, array[:0])
	m.checkBodies(&p)
	return p.asError()
}

func (m *Message) hasSender() bool { return m.Sender != (Address{}) }

// forEnvelope gives a path as any server takes it, where there is such a form: its
// domain in A-labels.
func forEnvelope(p Path) Path {
	if isASCII(p.Domain) || p.UTF8() {
		return p
	}
	a, err := p.ASCII()
	if err != nil {
		return p // checked before: it does not come to this
	}
	return a
}
