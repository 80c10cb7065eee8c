package dsn

import (
	"bytes"
	"mime/quotedprintable"
	"strconv"
	"strings"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/mail"
)

func itoa(n int) string { return strconv.Itoa(n) }

// top is the letter's header, up to its empty line. Package mail writes it, as that of a message which says nothing: what
// that has to say of its body is left out.
func (c *content) top(o mail.Offer) (header []byte, utf8 bool, err error) {
	m := &mail.Message{
		From:          c.l.from(),
		To:            []mail.Address{{Address: c.l.to()}},
		Subject:       c.l.subject(),
		Date:          c.l.Date,
		MessageID:     c.l.MessageID,
		AutoSubmitted: "auto-replied", // RFC 3834 §5
		ReversePath:   &mail.Path{},
	}
	if id := c.l.Original.MessageID; id != "" { // RFC 3834 §3.1.5
		m.InReplyTo, m.References = id, []string{id}
		if m.Check() != nil {
			m.InReplyTo, m.References = "", nil
		}
	}
	content, err := m.Open()
	if err != nil {
		return nil, false, err
	}
	defer content.Close()
	form, err := content.Fit(o)
	if err != nil {
		return nil, false, err
	}
	var b bytes.Buffer
	if _, err = content.WriteTo(&b); err != nil {
		return nil, false, err
	}
	return c.multipart(b.Bytes()), form.UTF8, nil
}

// multipart puts the type of a report (RFC 3462 §1) in place of what a header says of its body.
func (c *content) multipart(message []byte) []byte {
	var header []byte
	skip := false
	for line := range bytes.Lines(message) {
		if len(bytes.TrimRight(line, "\r\n")) == 0 {
			break
		}
		if line[0] != ' ' && line[0] != '\t' {
			skip = len(line) >= 8 && strings.EqualFold(string(line[:8]), "content-")
		}
		if !skip {
			header = append(header, line...)
		}
	}
	return append(header, "Content-Type: multipart/report; report-type=delivery-status;\r\n boundary=\""+c.boundary+"\"\r\n\r\n"...)
}

// from is a person's address: RFC 3464 §2.
func (l *Letter) from() mail.Address {
	if l.From != (mail.Address{}) {
		return l.From
	}
	name := diagnose.Words{En: "Mail Delivery System", Zh: "邮件系统"}.In(l.Lang)
	a := mail.Address{Name: name, Address: "postmaster@" + l.ReportingMTA}
	if _, err := a.Path(); err != nil {
		a.Address = "postmaster@localhost" // a host with no name that mail could go to
	}
	return a
}

// to is the address in the header. The one that may do without a domain (RFC 5321 §4.5.1) is here.
func (l *Letter) to() string {
	p := l.To
	if p.Domain == "" {
		p.Domain = l.ReportingMTA
	}
	s := p.String()
	return s[1 : len(s)-1]
}

// parts adds all of the parts to head, or all up to the content that follows it.
func (c *content) parts() error {
	lang := "en, zh-CN"
	if c.l.Lang == diagnose.Chinese {
		lang = "zh-CN, en"
	}
	c.begin("text/plain; charset=utf-8", "quoted-printable", "Content-Language: "+lang+"\r\nContent-Description: Notification\r\n")
	c.quoted([]byte(c.l.human(c.returned || c.encoded())))

	if utf8 := c.l.needsUTF8(); utf8 {
		c.begin("message/global-delivery-status", "quoted-printable", "Content-Description: Delivery report\r\n") // RFC 6533 §4.5
		c.quoted(c.l.status(true))
	} else {
		c.begin("message/delivery-status", "7bit", "Content-Description: Delivery report\r\n") // RFC 3464 §2.1
		c.head = append(c.head, c.l.status(false)...)
	}
	return c.returns()
}

// begin begins a part.
func (c *content) begin(kind, encoding, more string) {
	if !bytes.HasSuffix(c.head, []byte("\r\n\r\n")) { // the header's empty line serves the first
		c.head = append(c.head, '\r', '\n')
	}
	c.head = append(c.head, "--"+c.boundary+"\r\nContent-Type: "+kind+"\r\n"...)
	if encoding != "7bit" {
		c.head = append(c.head, "Content-Transfer-Encoding: "+encoding+"\r\n"...)
	}
	c.head = append(c.head, more+"\r\n"...)
}

func (c *content) quoted(text []byte) {
	w := quotedprintable.NewWriter((*appender)(&c.head))
	_, _ = w.Write(text) // into memory
	_ = w.Close()
}

// An appender is a buffer that is written to.
type appender []byte

func (a *appender) Write(p []byte) (int, error) {
	*a = append(*a, p...)
	return len(p), nil
}
