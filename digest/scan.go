package digest

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html/charset"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
)

const (
	mostDepth  = 100 // elements in one another
	mostTokens = 4_000_000
)

// inUTF8 is a feed's text, in whatever encoding it came. Who made it may have declared another than it is in: what is UTF-8 is read as that,
// whatever it is called.
func inUTF8(body []byte, kind string) []byte {
	switch {
	case bytes.HasPrefix(body, []byte("\xef\xbb\xbf")):
		return body[3:]
	case bytes.HasPrefix(body, []byte("\xff\xfe")), bytes.HasPrefix(body, []byte("\xfe\xff")):
		if text, err := unicode.UTF16(unicode.BigEndian, unicode.ExpectBOM).NewDecoder().Bytes(body); err == nil {
			return text
		}
	case bytes.HasPrefix(body, []byte("\x00<")):
		if text, err := unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM).NewDecoder().Bytes(body); err == nil {
			return text
		}
	case bytes.HasPrefix(body, []byte("<\x00")):
		if text, err := unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM).NewDecoder().Bytes(body); err == nil {
			return text
		}
	}
	named := nameOfCharset(body, kind)
	if utf8.Valid(body) && !strings.HasPrefix(strings.ToLower(named), "iso-2022") {
		return body
	}
	if e, name := charset.Lookup(named); e != nil && name != "utf-8" && name != "replacement" {
		if text, err := e.NewDecoder().Bytes(body); err == nil {
			return text
		}
	}
	if e := simplifiedchinese.GB18030; mostlyUTF8(body) {
		return bytes.ToValidUTF8(body, []byte("\uFFFD"))
	} else if text, err := e.NewDecoder().Bytes(body); err == nil && !bytes.ContainsRune(text, utf8.RuneError) {
		return text
	}
	e, _ := charset.Lookup("windows-1252")
	text, err := e.NewDecoder().Bytes(body)
	if err != nil {
		return bytes.ToValidUTF8(body, []byte("\uFFFD"))
	}
	return text
}

// mostlyUTF8 reports whether a text is UTF-8 but for a few octets, such as a character that was cut in two.
func mostlyUTF8(body []byte) bool {
	good, bad := 0, 0
	for i := 0; i < len(body); {
		r, n := utf8.DecodeRune(body[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			bad++
		case n > 1:
			good++
		}
		i += n
	}
	return good > 2*bad
}

// nameOfCharset is the charset that a feed, or who brought it, names: in XML's own words first, as they travel with it.
func nameOfCharset(body []byte, kind string) string {
	if head := body[:min(len(body), 300)]; bytes.HasPrefix(bytes.TrimLeft(head, " \t\r\n"), []byte("<?xml")) {
		head, _, _ = bytes.Cut(head, []byte("?>"))
		if _, after, ok := bytes.Cut(head, []byte("encoding=")); ok && len(after) > 1 {
			name, _, _ := bytes.Cut(after[1:], after[:1])
			return string(name)
		}
	}
	_, after, _ := strings.Cut(strings.ToLower(kind), "charset=")
	name, _, _ := strings.Cut(after, ";")
	return strings.Trim(name, `" `)
}

var (
	errEntities = errors.New("it declares entities of its own, which can be made to grow without end")
	errDeep     = fmt.Errorf("its elements stand more than %d deep in one another", mostDepth)
	errPage     = errors.New("it is a web page, and no feed: the page may name its feed")
	errNoFeed   = errors.New("it is neither RSS nor Atom nor a JSON feed")
)

// scanXML looks through a feed before it is parsed by recursion, and refuses what no feed has need of.
func scanXML(text []byte) error {
	z := xml.NewDecoder(bytes.NewReader(text))
	z.Strict = false
	z.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil } // it is UTF-8 by now
	depth := 0
	for n := 0; ; n++ {
		t, err := z.RawToken()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return nil // the parser says what it makes of it: it reads as far as this
		}
		switch t := t.(type) {
		case xml.Directive:
			if bytes.Contains(bytes.ToUpper(t), []byte("<!ENTITY")) {
				return errEntities
			}
		case xml.StartElement:
			if depth++; depth == 1 && strings.EqualFold(t.Name.Local, "html") {
				return errPage
			}
			if depth > mostDepth {
				return errDeep
			}
		case xml.EndElement:
			depth--
		}
		if n > mostTokens {
			return errors.New("it has too many elements")
		}
	}
}

// tidyXML takes what no XML may have out of a text, and its declaration, which is no longer true. An error there would lose all that stands behind it.
func tidyXML(text []byte) []byte {
	text = bytes.TrimLeft(text, " \t\r\n\uFEFF")
	if bytes.HasPrefix(text, []byte("<?xml")) {
		if _, after, ok := bytes.Cut(text, []byte("?>")); ok {
			text = after
		}
	}
	return bytes.Map(func(r rune) rune {
		// XML 1.0 §2.2
		if r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xfffe || r == 0xffff {
			return -1
		}
		return r
	}, text)
}
