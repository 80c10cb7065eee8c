package eml

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/emersion/go-message"
	"github.com/emersion/go-message/textproto"
	"github.com/parleymail/parley/mail"
)

// A leaf is a part that has no parts.
type leaf struct {
	header textproto.Header
	body   io.Reader // not yet decoded

	kind   string // the content type, in lower case
	params map[string]string
	how    string // the content disposition
	name   string // of the file; empty where it has none
	id     string // the Content-ID
}

// part takes in a part and all that is within.
func (d *draft) part(h textproto.Header, body io.Reader, depth int) error {
	if d.parts++; d.parts > maxParts {
		return fmt.Errorf("the mail has more than %d parts", maxParts)
	}
	if depth > maxDepth {
		return fmt.Errorf("the mail has parts more than %d deep", maxDepth)
	}
	l := leaf{header: h, body: body}
	if err := l.describe(); err != nil {
		return err
	}
	if !strings.HasPrefix(l.kind, "multipart/") {
		return d.leaf(&l)
	}
	r := textproto.NewMultipartReader(body, l.params["boundary"])
	for {
		p, err := r.NextPart()
		if atEnd(err) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := d.part(p.Header, p, depth+1); err != nil {
			return err
		}
	}
}

// describe reads the part's MIME fields. A content type that cannot be read is
// that of any file; where there is none it is text (RFC 2045 §5.2).
func (l *leaf) describe() error {
	if l.header.Len() > maxFields {
		return fmt.Errorf("it has a header of more than %d fields", maxFields)
	}
	h := message.Header{Header: l.header}
	var err error
	if l.kind, l.params, err = h.ContentType(); err != nil {
		// QUIRK: parameters that cannot be read are many, and the type is mostly right.
		kind, _, _ := strings.Cut(l.kind, ";")
		l.kind = strings.ToLower(strings.TrimSpace(kind))
	}
	if strings.Count(l.kind, "/") != 1 || strings.ContainsAny(l.kind, " \t") {
		l.kind = "application/octet-stream"
	}
	how, params, err := h.ContentDisposition()
	if err == nil || params != nil {
		l.how, l.name = how, params["filename"]
	}
	if l.name == "" {
		l.name = l.params["name"]
	}
	l.id = strings.Trim(l.header.Get("Content-Id"), "<> \t")
	return nil
}

// leaf takes in a part: a text, or a file.
func (d *draft) leaf(l *leaf) error {
	m := d.m
	plain := l.how != "attachment" && l.name == ""
	switch {
	case plain && l.kind == "text/plain":
		s, err := l.text()
		m.Text += s
		return err
	case plain && l.kind == "text/html" && m.HTML == "":
		s, err := l.text()
		m.HTML = s
		return err
	case l.how != "attachment" && l.kind == "text/calendar" && l.params["method"] != "" && m.Invite.Calendar == "":
		s, err := l.text()
		m.Invite = mail.Invite{Calendar: s, Method: strings.ToUpper(l.params["method"])}
		return err
	}
	b, err := l.bytes()
	if err != nil {
		return err
	}
	p := mail.Bytes(fileName(l.name, l.kind, d.parts), b)
	p.Type, p.ContentID = l.contentType(), l.id
	if l.id != "" && l.how != "attachment" {
		if l.name == "" {
			p.Name = ""
		}
		m.Inline = append(m.Inline, p)
	} else {
		if l.kind == "application/ics" || l.kind == "text/calendar" {
			d.calendars[len(m.Attach)] = strings.ReplaceAll(string(b), "\r\n", "\n")
		}
		m.Attach = append(m.Attach, p)
	}
	return nil
}

// text is a text in UTF-8, its line ends LF.
func (l *leaf) text() (string, error) {
	e, err := message.New(message.Header{Header: l.header}, l.body)
	if err != nil && !message.IsUnknownCharset(err) {
		return "", err
	}
	b, err := readAll(e.Body)
	s := strings.ReplaceAll(string(b), "\r\n", "\n")
	return strings.ToValidUTF8(s, "\uFFFD"), err
}

// bytes is a file as it is: its charset is its own matter.
func (l *leaf) bytes() ([]byte, error) {
	var h message.Header
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Transfer-Encoding", strings.TrimSpace(l.header.Get("Content-Transfer-Encoding")))
	e, err := message.New(h, l.body)
	if err != nil {
		return nil, err
	}
	return readAll(e.Body)
}

// readAll reads what is left of a part. A part that ends within its encoding is cut
// off.
func readAll(r io.Reader) ([]byte, error) {
	var b bytes.Buffer
	_, err := b.ReadFrom(r)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		err = fmt.Errorf("decoding it: %w", err)
	}
	return b.Bytes(), err
}

// contentType is the part's, without what Message says elsewhere.
func (l *leaf) contentType() string {
	switch {
	case l.kind == "message/rfc822":
		return l.kind
	case l.kind == "message/delivery-status", l.kind == "message/disposition-notification":
		return "text/plain"
	case strings.HasPrefix(l.kind, "message/"):
		return "application/octet-stream"
	}
	params := make(map[string]string)
	for name, value := range l.params {
		if name != "name" {
			params[name] = value
		}
	}
	if s := mime.FormatMediaType(l.kind, params); s != "" {
		return s
	}
	return "application/octet-stream"
}

// fileName makes a name fit to be sent. What has none is called by its number, for
// readers want to save it.
func fileName(name, kind string, number int) string {
	name = strings.ToValidUTF8(name, "_")
	if i := strings.LastIndexAny(name, `/\`); i >= 0 {
		name = name[i+1:]
	}
	name = strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == 0x2028 || r == 0x2029 {
			return -1
		}
		return r
	}, name))
	for len(name) > 255 {
		_, n := utf8.DecodeRuneInString(name)
		name = name[n:] // the extension stays
	}
	if name == "" || name == "." || name == ".." {
		return "part-" + strconv.Itoa(number) + extensions[kind]
	}
	return name
}

var extensions = map[string]string{
	"text/plain": ".txt", "text/html": ".html", "text/calendar": ".ics", "message/rfc822": ".eml",
	"application/pdf": ".pdf", "image/png": ".png", "image/jpeg": ".jpg", "image/gif": ".gif",
}

// settle looks at the parts together.
func (d *draft) settle() {
	m := d.m
	for i := range m.Attach {
		// The invitation once more, as a file.
		if c, ok := d.calendars[i]; ok && c == m.Invite.Calendar {
			m.Invite.File = m.Attach[i].Name
			m.Attach = slices.Delete(m.Attach, i, i+1)
			break
		}
	}
	if m.HTML != "" {
		return
	}
	for _, p := range m.Inline {
		if p.Name == "" {
			p.Name = fileName("", p.Type, len(m.Attach)+1)
		}
		m.Attach = append(m.Attach, p)
	}
	m.Inline = nil
}
