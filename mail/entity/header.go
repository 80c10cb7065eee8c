package entity

import (
	"bytes"
	"iter"
	"strings"
)

// maxValue is how much of a field is decoded. What is longer is data, and stands in RawHeader.
const maxValue = 64 << 10

// readHeader finds where the header ends, and reads the fields that say what the body is.
func (p *parser) readHeader(e *Entity) {
	b := p.c.octets
	i := skipMboxLine(b, e)
	var fields contentFields
	read := 0
	for i < len(b) {
		if b[i] == '-' {
			if p.early, p.foundEarly = p.delimiterAt(i); p.foundEarly {
				p.odd(NoHeaderEnd, e, i)
				break
			}
		}
		end := lineEnd(b, i)
		line := b[i:end]
		if isEmptyLine(line) {
			i = end
			break
		}
		if e.long {
			i = end // nothing but the end is looked for
			continue
		}
		name := fieldName(line)
		if name == 0 && (read == 0 || !isBlank(line[0])) {
			p.odd(BadHeader, e, i)
			break
		}
		if name > 0 {
			read++
		}
		if p.limitHeader(e, i, end, read) {
			fields.line(line, name)
		}
		i = end
	}
	e.BodyStart = i
	e.End = i
	p.interpret(e, &fields)
}

// limitHeader says whether the line is within the limits.
func (p *parser) limitHeader(e *Entity, at, end, read int) bool {
	if n := p.c.limits.Header; end-e.Start > n {
		e.long = true
		p.cut(LongHeader, e, at, n)
	}
	n := p.c.limits.Fields
	if read == n+1 && !e.crowded {
		e.crowded = true
		p.cut(TooManyFields, e, at, n)
	}
	return read <= n
}

// skipMboxLine passes over the line that a mailbox file has before each mail.
//
// QUIRK: Thunderbird and others export single mails with it, and mails within mails are seen with ">From ".
func skipMboxLine(b []byte, e *Entity) int {
	i := e.Start
	if rest := b[i:]; (e.Parent == nil || e.Parent.IsMessage()) && (bytes.HasPrefix(rest, []byte("From ")) || bytes.HasPrefix(rest, []byte(">From "))) {
		return lineEnd(b, i)
	}
	return i
}

// lineEnd is behind the line that begins at i.
func lineEnd(b []byte, i int) int {
	if n := bytes.IndexByte(b[i:], '\n'); n >= 0 {
		return i + n + 1
	}
	return len(b)
}

func isEmptyLine(line []byte) bool {
	return line[0] == '\n' || line[0] == '\r' && (len(line) == 1 || len(line) == 2 && line[1] == '\n')
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

// fieldName gives the length of the name of the field that begins in a line; zero: none does.
// RFC 5322 §2.2: printable US-ASCII but the colon; §4.5.8: blanks before the colon were allowed once.
func fieldName(line []byte) int {
	for i, c := range line {
		switch {
		case c == ':':
			return len(bytes.TrimRight(line[:i], " \t"))
		case isBlank(c) && i > 0:
			if rest := bytes.TrimLeft(line[i:], " \t"); len(rest) > 0 && rest[0] == ':' {
				return i
			}
			return 0
		case c <= ' ' || c >= 0x7f:
			return 0
		}
	}
	return 0
}

// A Field is one of a header.
type Field struct {
	Name       string
	Raw        []byte // the value as it was sent, folded, without the last line end
	Start, End int    // of the whole field in the content, with its line end
}

// Fields gives the fields of the header in their order, within the limits.
func (e *Entity) Fields() iter.Seq[Field] {
	return func(yield func(Field) bool) {
		at := skipMboxLine(e.c.octets, e)
		end := max(at, min(e.BodyStart, e.Start+e.c.limits.Header))
		scanFields(e.c.octets[at:end], at, e.c.limits.Fields, yield)
	}
}

// scanFields reads a header that begins at an offset.
func scanFields(h []byte, at, most int, yield func(Field) bool) {
	for i, n := 0, 0; i < len(h) && n < most; n++ {
		end := lineEnd(h, i)
		if isEmptyLine(h[i:end]) {
			return
		}
		name := fieldName(h[i:end])
		if name == 0 {
			return
		}
		colon := i + name + bytes.IndexByte(h[i+name:end], ':')
		for end < len(h) && isBlank(h[end]) && !isEmptyLine(h[end:]) {
			end = lineEnd(h, end)
		}
		value := trimLineEnd(h[colon+1 : end])
		if len(value) > 0 && isBlank(value[0]) {
			value = value[1:]
		}
		if !yield(Field{string(h[i : i+name]), value, at + i, at + end}) {
			return
		}
		i = end
	}
}

func trimLineEnd(b []byte) []byte {
	return bytes.TrimSuffix(bytes.TrimSuffix(b, []byte("\n")), []byte("\r"))
}

// Text is the value, unfolded and decoded. At most 64 KiB of it are.
func (f Field) Text() string { return decodeValue(f.Raw) }

// Get decodes the first field of a name, whose case does not matter.
func (e *Entity) Get(name string) string {
	for f := range e.Fields() {
		if strings.EqualFold(f.Name, name) {
			return f.Text()
		}
	}
	return ""
}

// Values decodes all fields of a name.
func (e *Entity) Values(name string) []string {
	var list []string
	for f := range e.Fields() {
		if strings.EqualFold(f.Name, name) {
			list = append(list, f.Text())
		}
	}
	return list
}

// contentFields gathers the fields that say what a body is. Of several with one
// name the first counts.
type contentFields struct {
	kind, encoding, disposition, id, description, location []byte
	types                                                  int
	open                                                   *[]byte // the field that the next line may continue
}

func (c *contentFields) line(line []byte, name int) {
	if name == 0 {
		if c.open != nil && len(*c.open)+len(line) <= maxValue {
			*c.open = append(*c.open, line...)
		}
		return
	}
	c.open = nil
	if name < len("content-id") || line[0]|0x20 != 'c' {
		return
	}
	var field *[]byte
	switch strings.ToLower(string(line[:min(name, 32)])) {
	case "content-type":
		field = &c.kind
		c.types++
	case "content-transfer-encoding":
		field = &c.encoding
	case "content-disposition":
		field = &c.disposition
	case "content-id":
		field = &c.id
	case "content-description":
		field = &c.description
	case "content-location":
		field = &c.location
	default:
		return
	}
	if *field == nil {
		_, value, _ := bytes.Cut(line, []byte(":"))
		*field = append([]byte{}, value[:min(len(value), maxValue)]...)
		c.open = field
	}
}

// interpret sets what the fields say.
func (p *parser) interpret(e *Entity, c *contentFields) {
	if c.types > 1 {
		p.odd(TwoTypes, e, e.Start)
	}
	e.Declared = decodeValue(trimLineEnd(c.kind))
	var ok bool
	e.Type, e.Params, ok = parseParams(c.kind)
	if !ok || !isMediaType(e.Type) {
		if len(c.kind) > 0 {
			p.odd(BadType, e, e.Start)
		}
		// RFC 2045 §5.2; RFC 2046 §5.1.5 for the parts of a digest.
		e.Type = "text/plain"
		if e.Parent != nil && e.Parent.Type == "multipart/digest" {
			e.Type = "message/rfc822"
		}
	}
	e.Encoding = strings.ToLower(firstToken(unfold(c.encoding)))
	if e.Encoding == "" {
		e.Encoding = "7bit" // RFC 2045 §6.1
	}
	var params map[string]string
	e.Disposition, params, _ = parseParams(c.disposition)
	// RFC 2183 §2.3; QUIRK: many programs say the name only with the type.
	for _, name := range []string{params["filename"], e.Params["name"], params["name"]} {
		if e.FileTold = name; name != "" {
			break
		}
	}
	e.File = harmless(e.FileTold)
	e.ContentID = strings.Trim(strings.TrimSpace(decodeValue(c.id)), "<>")
	e.Description = strings.TrimSpace(decodeValue(c.description))
	e.Location = strings.Join(strings.Fields(decodeValue(c.location)), "")
}

func isMediaType(s string) bool {
	major, minor, ok := strings.Cut(s, "/")
	return ok && isToken(major) && isToken(minor)
}
