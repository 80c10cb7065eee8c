package mail

import (
	"fmt"
	"io"
	"time"
)

// A Message is a mail that a program writes.
type Message struct {
	From    Address
	To, Cc  []Address
	Bcc     []Address // in the envelope alone
	Subject string
	Text    string
	HTML    string
	Date    time.Time
	Attach  []Part
}

// A Part is an attachment.
type Part struct{}

// Envelope is who the header names.
func (m *Message) Envelope() (Envelope, error) {
	from, err := m.From.Path()
	if err != nil {
		return Envelope{}, err
	}
	e := Envelope{ReversePath: from}
	for _, l := range [][]Address{m.To, m.Cc, m.Bcc} {
		for _, a := range l {
			p, err := a.Path()
			if err != nil {
				return Envelope{}, err
			}
			e.Recipients = append(e.Recipients, Recipient{Path: p})
		}
	}
	return e, nil
}

// Open makes the content ready.
func (m *Message) Open() (Content, error) {
	return &plain{fmt.Appendf(nil, "From: %s\r\nSubject: %s\r\n\r\n%s\r\n", m.From.Address, m.Subject, m.Text)}, nil
}

type plain struct{ b []byte }

func (p *plain) Fit(Offer) (Form, error) { return Form{Size: int64(len(p.b))}, nil }
func (p *plain) WriteTo(w io.Writer) (int64, error) {
	n, err := w.Write(p.b)
	return int64(n), err
}
func (p *plain) Close() error { return nil }
