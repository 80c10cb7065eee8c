package dsn

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/mail/entity"
)

// mostHeader is how much of a header comes back.
const mostHeader = 32 << 10

// openReturned opens the mail that is told of: its header, which always comes back, and all of it, where that does.
func (c *content) openReturned() error {
	l := &c.l
	if l.Content == nil {
		return nil
	}
	src, err := l.Content()
	if err != nil {
		return fmt.Errorf("opening the mail that came back: %w", err)
	}
	begin, err := io.ReadAll(io.LimitReader(src, 2*mostHeader))
	if cerr := src.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("reading the mail that came back: %w", err)
	}
	root := entity.Parse(begin, entity.Limits{Depth: 1, Parts: 1})
	c.header = header(root)
	c.global = !ascii(c.header)
	if l.Original == (Original{}) {
		l.Original = originalOf(root)
	}
	if l.Return == mail.ReturnHeader || !l.failed() { // RFC 3461 §4.3
		return nil
	}
	return c.openWhole()
}

// openWhole opens all of it, if that may come back: it is not too large, and it may travel as it is.
func (c *content) openWhole() error {
	most := c.l.Most
	if most <= 0 {
		most = mostReturned
	}
	src, err := c.l.Content()
	if err != nil {
		return fmt.Errorf("opening the mail that came back: %w", err)
	}
	n, err := io.Copy(io.Discard, io.LimitReader(src, most+1))
	if cerr := src.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("reading the mail that came back: %w", err)
	}
	if n > most {
		return nil
	}
	whole, err := (&mail.Raw{Source: c.l.Content}).Open()
	if err != nil {
		return nil //nolint:nilerr // a NUL, or a line too long: the header alone then
	}
	form, err := whole.Fit(mail.Offer{EightBit: true, UTF8: true})
	if err != nil {
		_ = whole.Close() // it was only read
		return nil        //nolint:nilerr // as above
	}
	c.whole, c.size, c.eight = whole, form.Size, form.EightBit
	return nil
}

// encoded reports whether the mail comes back whole, and in another encoding: its header has UTF-8, which
// not every server on the way takes (RFC 6533 §4.5). That is made in memory.
func (c *content) encoded() bool { return c.whole != nil && c.global && c.size <= 1<<20 }

// returns adds what comes back, or, where that is the mail as it was, the begin of its part.
func (c *content) returns() error {
	switch {
	case c.returned:
		encoding := "7bit"
		if c.eight {
			encoding = "8bit"
		}
		c.begin("message/rfc822", encoding, "Content-Description: Undelivered message\r\n")
	case c.encoded():
		var b bytes.Buffer
		if _, err := c.whole.WriteTo(&b); err != nil {
			return fmt.Errorf("reading the mail that came back: %w", err)
		}
		c.begin("message/global", "quoted-printable", "Content-Description: Undelivered message\r\n")
		c.quoted(b.Bytes())
	case len(c.header) == 0:
	case c.global:
		c.begin("message/global-headers", "quoted-printable", "Content-Description: Header of the message\r\n")
		c.quoted(c.header)
	default:
		c.begin("text/rfc822-headers", "7bit", "Content-Description: Header of the message\r\n")
		c.head = append(c.head, c.header...)
	}
	return nil
}

// header is a mail's header as it may travel: whole fields, no line too long, nothing but text. What of a
// field may not travel is left out with the field.
func header(root *entity.Entity) []byte {
	var b []byte
	for f := range root.Fields() {
		raw := bytes.TrimRight(f.Raw, "\r\n \t")
		if len(b)+len(f.Name)+len(raw) > mostHeader {
			break
		}
		if strings.EqualFold(f.Name, "Bcc") || strings.EqualFold(f.Name, "Resent-Bcc") || len(f.Name) > softLine || !travels(raw) {
			continue
		}
		b = append(b, f.Name+": "...)
		first := true
		for line := range bytes.Lines(raw) {
			line = bytes.TrimRight(line, "\r\n")
			if len(bytes.TrimLeft(line, " \t")) == 0 && !first {
				continue
			}
			if !first {
				b = append(b, '\r', '\n')
			}
			b, first = append(b, line...), false
		}
		b = append(b, '\r', '\n')
	}
	return b
}

// travels reports whether a field's value is UTF-8 in lines that are not too long, with no controls.
func travels(raw []byte) bool {
	for line := range bytes.Lines(raw) {
		line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
		if len(line) > hardWord {
			return false
		}
		for _, c := range line {
			if c < ' ' && c != '\t' || c == 0x7f {
				return false
			}
		}
	}
	return utf8.Valid(raw)
}

func ascii(b []byte) bool {
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// originalOf reads what is known of a mail from its header.
func originalOf(e *entity.Entity) Original {
	h := entity.Summary(e.Raw())
	return Original{MessageID: bareID(h.MessageID), Subject: h.Subject, From: h.From, To: h.To, Date: h.Date}
}

// bareID is the first message identifier in a value, without its brackets: RFC 5322 §3.6.4.
func bareID(s string) string {
	if i := strings.IndexByte(s, '<'); i >= 0 {
		s, _, _ = strings.Cut(s[i+1:], ">")
	}
	s, _, _ = strings.Cut(strings.TrimSpace(s), " ")
	return s
}
