package relay

import (
	"bytes"
	"errors"
	"io"
	netmail "net/mail"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/mail/entity"
	"github.com/parleymail/parley/outbox"
)

const (
	mostHeader   = 256 << 10 // octets of a header: Sendmail takes 32 KiB, Postfix 100 KiB
	mostReceived = 50        // RFC 5321 §6.3: at least 100 is usual for relays of relays; a submission has none
)

// A header is that of a mail that comes in, field by field, as it came.
type header struct {
	fields []field
	eight  bool // it has octets over 127
}

type field struct {
	name string // in small letters
	raw  []byte // with name and line ends
}

// value is what stands behind the colon, folded as it came.
func (f *field) value() []byte { return f.raw[bytes.IndexByte(f.raw, ':')+1:] }

// text is the value, unfolded and decoded.
func (f *field) text() string {
	return strings.TrimSpace(entity.Field{Raw: bytes.TrimRight(f.value(), "\r\n")}.Text())
}

// readHeader reads a header and its empty line, and gives what it has read behind that.
func readHeader(r io.Reader) (h *header, rest []byte, err error) {
	buf := make([]byte, 0, 4<<10)
	for from := 0; ; {
		end, size := headerEnd(buf, from)
		if end >= 0 && end <= mostHeader {
			h, err = parseHeader(buf[:end])
			return h, buf[end+size:], err
		}
		from = max(len(buf)-3, 0)
		if len(buf) > mostHeader {
			return nil, nil, refuse("554 5.6.0 the header is longer than %d KiB", mostHeader>>10)
		}
		buf = slices.Grow(buf, 4<<10)
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if errors.Is(err, io.EOF) { // RFC 5322 §3.5: a body is no must
			h, err = parseHeader(buf)
			return h, nil, err
		}
		if err != nil {
			return nil, nil, err
		}
	}
}

// headerEnd finds the empty line.
func headerEnd(buf []byte, from int) (end, size int) {
	if bytes.HasPrefix(buf, []byte("\r\n")) {
		return 0, 2
	}
	if i := bytes.Index(buf[from:], []byte("\r\n\r\n")); i >= 0 {
		return from + i + 2, 2
	}
	return -1, 0
}

func parseHeader(b []byte) (*header, error) {
	h := new(header)
	for n := 1; len(b) > 0; n++ {
		end := bytes.Index(b, []byte("\r\n")) + 2
		if end < 2 {
			end = len(b)
		}
		line := b[:end]
		b = b[end:]
		if line[0] == ' ' || line[0] == '\t' {
			if len(h.fields) == 0 {
				return nil, refuse("554 5.6.0 the header begins with a blank")
			}
			last := &h.fields[len(h.fields)-1]
			last.raw = last.raw[:len(last.raw)+len(line)] // it stands right behind it
			continue
		}
		name := fieldName(line)
		if name == "" {
			return nil, refuse("554 5.6.0 line %d of the header is no field: an empty line ends the header", n)
		}
		h.fields = append(h.fields, field{strings.ToLower(name), line})
	}
	for i := range h.fields {
		h.eight = h.eight || !isASCII(h.fields[i].raw)
	}
	return h, nil
}

// fieldName is the name of the field that begins in a line: RFC 5322 §2.2, and blanks before the colon by §4.5.
func fieldName(line []byte) string {
	name, _, ok := bytes.Cut(line, []byte(":"))
	name = bytes.TrimRight(name, " \t")
	if !ok || len(name) == 0 || bytes.ContainsFunc(name, func(c rune) bool { return c <= ' ' || c >= 0x7f }) {
		return ""
	}
	return string(name)
}

func isASCII(b []byte) bool {
	return !bytes.ContainsFunc(b, func(c rune) bool { return c >= 0x80 })
}

// all gives the fields of a name.
func (h *header) all(name string) (list []*field) {
	for i := range h.fields {
		if h.fields[i].name == name {
			list = append(list, &h.fields[i])
		}
	}
	return list
}

// one gives the only field of a name; nil where there is none.
func (h *header) one(name, shown string) (*field, error) {
	list := h.all(name)
	switch len(list) {
	case 0:
		return nil, nil
	case 1:
		return list[0], nil
	}
	return nil, refuse("554 5.6.0 the header has %d fields %s, and may have one", len(list), shown)
}

// dropped are fields that do not go out: those that are for us; those that would tell all who is in them (RFC 5322 §3.6.3); and the
// one that is the last server's to write (RFC 5321 §4.4).
func dropped(name string) bool {
	switch name {
	case "bcc", "resent-bcc", "return-path", fieldClass, fieldTopic, fieldKey, fieldNotBefore, fieldExpires, fieldTrace:
		return true
	}
	return false
}

// Fields by which a mail says what the outbox should know of it.
const (
	fieldClass     = "x-parley-class"
	fieldTopic     = "x-parley-topic"
	fieldKey       = "x-parley-key"
	fieldNotBefore = "x-parley-not-before"
	fieldExpires   = "x-parley-expires"
	fieldTrace     = "x-parley-trace"
)

// check looks at what every header must keep to.
func (h *header) check(utf8s bool) error {
	if n := len(h.all("received")); n > mostReceived {
		return refuse("554 5.4.6 this mail went round: it has %d Received fields", n) // RFC 5321 §6.3
	}
	for i := range h.fields {
		f := &h.fields[i]
		switch {
		case isASCII(f.raw):
		case !utf8s:
			return refuse("554 5.6.7 the field %s has octets over 127: encode it (RFC 2047), or say SMTPUTF8 with MAIL", fieldName(f.raw))
		case !utf8.Valid(f.raw):
			return refuse("554 5.6.7 the field %s is no UTF-8", fieldName(f.raw))
		}
	}
	return nil
}

// from are the addresses of From: RFC 5322 §3.6.2.
func (h *header) from() ([]mail.Address, error) {
	f, err := h.one("from", "From")
	if err != nil {
		return nil, err
	}
	if f == nil {
		return nil, refuse("554 5.6.0 the header has no field From: say who the mail is from")
	}
	list, err := mail.ParseAddressField(string(bytes.TrimRight(f.value(), "\r\n")))
	if err != nil || len(list) == 0 {
		return nil, refuse("554 5.6.0 the field From has no address that can be read")
	}
	return list, nil
}

// whole is all of it, as it came.
func (h *header) whole() []byte {
	var out []byte
	for i := range h.fields {
		out = append(out, h.fields[i].raw...)
	}
	return append(out, "\r\n"...)
}

// sender is whose mail it is: RFC 5322 §3.6.2.
func (h *header) sender() (mail.Path, error) {
	var text string
	for _, name := range []string{"from", "sender"} {
		if f, err := h.one(name, name); err != nil {
			return mail.Path{}, err
		} else if f != nil {
			text = string(bytes.TrimRight(f.value(), "\r\n"))
		}
	}
	list, err := mail.ParseAddressField(text)
	if err != nil || len(list) == 0 {
		return mail.Path{}, errors.New("the header says neither in Sender nor in From who the mail is from")
	}
	return list[0].Path()
}

// wishes takes what the mail says of itself, or who hands it over, as far as the user may say so.
func (h *header) wishes(m *outbox.Mail, u *user, said Wishes, now time.Time) error {
	m.Class, m.Topic = u.Class, u.Topic
	for _, w := range []struct {
		name, shown string
		said        string
		take        func(text string) error
	}{
		{fieldClass, "X-Parley-Class", said.Class, func(text string) (err error) {
			if m.Class, err = outbox.ParseClass(text); err != nil {
				return refuse("554 5.5.4 X-Parley-Class: %v", err)
			}
			if len(u.Classes) > 0 && !slices.Contains(u.Classes, m.Class) {
				return refuse("550 5.7.1 user %s may not send as %s: the classes of this user are %s", u.Name, m.Class, classNames(u.Classes))
			}
			return nil
		}},
		{fieldTopic, "X-Parley-Topic", said.Topic, func(text string) error { m.Topic = text; return tooLong("X-Parley-Topic", text, outbox.MaxTopic) }},
		{fieldKey, "X-Parley-Key", said.Key, func(text string) error { m.Key = text; return tooLong("X-Parley-Key", text, outbox.MaxKey) }},
		{fieldNotBefore, "X-Parley-Not-Before", said.NotBefore, func(text string) (err error) { m.NotBefore, err = notBefore(text, now); return err }},
		{fieldExpires, "X-Parley-Expires", said.Expires, func(text string) (err error) { m.Expires, err = expires(text, m.NotBefore, now); return err }},
		{fieldTrace, "X-Parley-Trace", "", func(text string) error { m.Trace = traceparent(text); return nil }},
	} {
		f, err := h.one(w.name, w.shown)
		switch {
		case err != nil:
		case f != nil && w.said != "" && f.text() != w.said:
			err = refuse("554 5.5.4 %s is said twice, and not the same", w.shown)
		case f != nil:
			err = w.take(f.text())
		case w.said != "":
			err = w.take(w.said)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func classNames(list []outbox.Class) string {
	names := make([]string, len(list))
	for i, c := range list {
		names[i] = c.String()
	}
	return strings.Join(names, ", ")
}

func tooLong(name, text string, most int) error {
	if len(text) > most || strings.ContainsFunc(text, func(c rune) bool { return c < ' ' || c == utf8.RuneError || c == 0x7f }) {
		return refuse("554 5.5.4 %s is longer than %d octets, or no text", name, most)
	}
	return nil
}

const mostAhead = 366 * 24 * time.Hour

// notBefore reads when a mail may be sent first. What is over is now.
func notBefore(text string, now time.Time) (time.Time, error) {
	at, err := readTime("X-Parley-Not-Before", text, now)
	if err == nil && at.Before(now) {
		return time.Time{}, nil
	}
	return at, err
}

// expires reads when a mail is not to be sent any more.
func expires(text string, from, now time.Time) (time.Time, error) {
	at, err := readTime("X-Parley-Expires", text, now)
	switch {
	case err != nil:
		return at, err
	case !at.After(now):
		return at, refuse("554 5.5.4 X-Parley-Expires is over")
	case !at.After(from):
		return at, refuse("554 5.5.4 X-Parley-Expires is not after X-Parley-Not-Before")
	}
	return at, nil
}

// readTime reads a time, as RFC 3339 or RFC 5322 have it.
func readTime(name, text string, now time.Time) (time.Time, error) {
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		at, err = netmail.ParseDate(text)
	}
	switch {
	case err != nil:
		return at, refuse("554 5.5.4 %s is no time such as 2026-03-01T08:00:00+08:00", name)
	case at.Sub(now) > mostAhead:
		return at, refuse("554 5.5.4 %s is more than a year away", name)
	}
	return at, nil
}

// written is the header as it goes out: with a trace field, and with what RFC 6409 §8 lets us add.
func (h *header) written(received string, from mail.Address, now time.Time) []byte {
	out := []byte(received)
	if len(h.all("date")) == 0 { // §8.2
		out = append(out, "Date: "+now.Format("Mon, 2 Jan 2006 15:04:05 -0700")+"\r\n"...)
	}
	if len(h.all("message-id")) == 0 { // §8.3
		out = append(out, "Message-ID: <"+strings.Trim(mail.NewMessageID(from), "<>")+">\r\n"...)
	}
	for i := range h.fields {
		if f := &h.fields[i]; !dropped(f.name) {
			out = append(out, f.raw...)
		}
	}
	if !bytes.HasSuffix(out, []byte("\r\n")) {
		out = append(out, "\r\n"...)
	}
	return append(out, "\r\n"...)
}

// An incoming mail is one whose content is still coming. It can be opened once.
type incoming struct {
	env  mail.Envelope
	head []byte // the header, written anew
	utf8 bool   // it has octets over 127
	rest []byte // of the body, as far as it was read along with the header
	body io.Reader
	most int64 // octets; zero: no limit
	read bool  // the outbox wanted it
	lost error // what the client's side went wrong with
}

var errOpenedTwice = errors.New("the content comes once, and was read before")

func (m *incoming) Envelope() (mail.Envelope, error) { return m.env, nil }

// Open gives the content.
func (m *incoming) Open() (mail.Content, error) {
	if m.body == nil {
		return nil, errOpenedTwice
	}
	c := &incomingContent{m, m.body}
	m.body = nil
	return c, nil
}

type incomingContent struct {
	*incoming
	from io.Reader
}

// Fit: whether there are octets over 127 is known when it was read.
func (c *incomingContent) Fit(mail.Offer) (mail.Form, error) {
	return mail.Form{Size: -1, UTF8: c.utf8}, nil
}

func (c *incomingContent) WriteTo(w io.Writer) (int64, error) {
	c.read = true
	to := &counted{w: w, most: c.most}
	_, err := to.Write(c.head)
	if err == nil && len(c.rest) > 0 {
		_, err = to.Write(c.rest)
	}
	if err != nil {
		return to.n, err
	}
	if from, ok := c.from.(io.WriterTo); ok {
		_, err = from.WriteTo(to)
	} else {
		_, err = io.Copy(to, c.from)
	}
	if err != nil && to.err == nil {
		c.lost = err
	}
	if err == nil && to.end != [2]byte{'\r', '\n'} {
		_, err = to.Write([]byte("\r\n")) // a content that came by BDAT may end within a line: RFC 3030 §2
	}
	return to.n, err
}

func (c *incomingContent) Close() error { return nil }

// counted keeps a user's MaxSize, and tells a failure to write from one to read.
type counted struct {
	w    io.Writer
	n    int64
	most int64
	end  [2]byte
	err  error
}

func (c *counted) Write(p []byte) (n int, err error) {
	if c.most > 0 && c.n+int64(len(p)) > c.most {
		c.err = refuse("552 5.3.4 the mail is larger than the %d octets that this user may send", c.most)
		return 0, c.err
	}
	if n = len(p); n > 1 {
		c.end = [2]byte(p[n-2:])
	} else if n == 1 {
		c.end = [2]byte{c.end[1], p[0]}
	}
	n, err = c.w.Write(p)
	c.n += int64(n)
	c.err = err
	return n, err
}
