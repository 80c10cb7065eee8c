package entity

import (
	"bytes"
	"errors"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/ianaindex"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// A Text is a body as text.
type Text struct {
	Text     string // with LF for each line end
	Charset  string // that it was read in
	Declared string // that the type, or the HTML, says; empty: none
	Guessed  bool   // Charset is not the declared one
	Broken   bool   // octets that are not of the charset were replaced by U+FFFD
	Cut      bool   // there is more
}

// Text decodes the body of a text, of which at most so many octets are read.
func (e *Entity) Text(most int) Text {
	body, cut := e.Body(most)
	t := Text{Declared: strings.TrimSpace(e.Params["charset"]), Cut: cut}
	if t.Declared == "" && e.Type == "text/html" {
		t.Declared = metaCharset(body)
	}
	t.decode(body)
	t.Text = strings.ReplaceAll(strings.ReplaceAll(t.Text, "\r\n", "\n"), "\r", "\n")
	return t
}

// decode settles the charset: the declared one, unless nobody knows it or the octets say plainly that it is not.
func (t *Text) decode(body []byte) {
	switch {
	case bytes.HasPrefix(body, []byte("\xef\xbb\xbf")):
		body = body[3:]
		t.Charset, t.Guessed = "utf-8", t.Declared != "" && !isUTF8Name(t.Declared)
		t.Text = string(body)
	case isPlain(t.Declared):
		t.Text, t.Charset = guess(body, t.Cut)
		t.Guessed = t.Charset != "utf-8"
	default:
		enc := lookup(t.Declared)
		if enc == nil || enc == simplifiedchinese.GB18030 && isReallyUTF8(body) {
			t.Text, t.Charset = guess(body, t.Cut)
			t.Guessed = true
			break
		}
		t.Charset = strings.ToLower(t.Declared)
		t.Text = decodeBy(enc, body, t.Cut)
	}
	if !utf8.ValidString(t.Text) {
		t.Text = strings.ToValidUTF8(t.Text, "\ufffd")
	}
	t.Broken = strings.Contains(t.Text, string(utf8.RuneError))
}

// isPlain: names under which UTF-8 is seen, and none at all.
func isPlain(name string) bool {
	switch strings.ToLower(name) {
	case "", "us-ascii", "ascii", "ansi_x3.4-1968", "unknown-8bit", "x-unknown", "default", "none", "binary", "8bit", "7bit":
		return true
	}
	return isUTF8Name(name)
}

func isUTF8Name(name string) bool {
	switch strings.ToLower(name) {
	case "utf-8", "utf8", "utf-8mb4", "utf8mb4", "unicode-1-1-utf-8", "x-utf_8j":
		return true
	}
	return false
}

// decodeCharset is decode for a piece of a header.
func decodeCharset(name string, b []byte) string {
	t := Text{Declared: name}
	t.decode(b)
	return t.Text
}

// lookup finds a charset by any of its names, or nil. The names of browsers come first: by "gb2312" and
// "iso-8859-1" programs mean GBK and windows-1252.
func lookup(name string) encoding.Encoding {
	name = strings.ToLower(strings.Trim(name, " \t\"'"))
	if len(name) > 64 {
		return nil
	}
	switch name {
	case "hz-gb-2312", "hz":
		return simplifiedchinese.HZGB2312 // browsers dropped it
	case "cp936", "ms936", "windows-936", "x-gbk", "gb_2312-80", "gb2312-80", "euc-cn":
		return simplifiedchinese.GB18030
	case "gb18030-2022", "gb18030-2000":
		return simplifiedchinese.GB18030
	case "utf-16":
		return unicode.UTF16(unicode.BigEndian, unicode.UseBOM) // RFC 2781 §4.3
	case "cp850", "ibm850":
		return charmap.CodePage850
	case "ansi_x3.110-1983":
		return charmap.ISO8859_1 // RFC 1345: nearly
	case "iso-2022-cn", "iso-2022-kr", "replacement":
		return nil
	}
	if strings.HasPrefix(name, "cp125") {
		name = "windows-" + name[2:]
	}
	if enc, err := htmlindex.Get(name); err == nil && enc != encoding.Replacement {
		if enc == simplifiedchinese.GBK {
			return simplifiedchinese.GB18030 // which has all of it, and what programs mean by the older names too, as browsers read it
		}
		return enc
	}
	for _, n := range []string{name, "cs" + name} {
		if enc, err := ianaindex.MIME.Encoding(n); err == nil && enc != nil {
			return enc
		}
	}
	return nil
}

// decodeBy decodes. Of a last character of which only a part is there nothing is shown if there is more of the text, and one U+FFFD
// if that is all there ever was.
func decodeBy(enc encoding.Encoding, b []byte, cut bool) string {
	d := enc.NewDecoder()
	var out strings.Builder
	var into [4 << 10]byte
	for {
		made, read, err := d.Transform(into[:], b, false)
		out.Write(into[:made])
		b = b[read:]
		switch {
		case errors.Is(err, transform.ErrShortDst):
			continue
		case errors.Is(err, transform.ErrShortSrc):
			if !cut {
				out.WriteRune(utf8.RuneError)
			}
		default:
			out.WriteString(strings.ToValidUTF8(string(b), "\ufffd")) // none, but where the decoder could not go on
		}
		return out.String()
	}
}

// isReallyUTF8 reports whether octets that are said to be of a Chinese charset are UTF-8: programs change what they write, and forget
// what they say of it. A few Chinese words happen to be UTF-8 too: what makes common characters is meant.
func isReallyUTF8(b []byte) bool {
	b = b[:min(len(b), guessFrom)]
	whole := wholeRunes(b)
	if !utf8.Valid(whole) {
		return false
	}
	again, err := simplifiedchinese.GB18030.NewEncoder().Bytes(whole)
	if err != nil {
		return false
	}
	torn := len(whole) < len(b)
	if torn {
		again = append(again, 0xff, 0xff) // a character that is none
	}
	three := bytes.ContainsFunc(whole, func(r rune) bool { return r >= 0x800 })
	said, meant := commonChinese(b), commonChinese(again)
	const doubtful = 0.5
	// In two octets a character of any alphabet may be a Chinese one, and then it is what was said; in three that is chance.
	return meant > said || three && (meant == said && !torn || said < doubtful)
}

// commonChinese is which part of the characters of a text in GB18030 is of the rows of GB 2312 that texts are made of: signs, letters, and
// the first 3,755 Chinese characters.
func commonChinese(b []byte) float64 {
	all, common := 0, 0
	for i := 0; i < len(b); i++ {
		row := b[i]
		if row < 0x80 {
			continue
		}
		all++
		if i++; i == len(b) {
			break
		}
		switch cell := b[i]; {
		case cell >= '0' && cell <= '9': // one of four octets
			i += 2
		case cell >= 0xa1 && (row >= 0xa1 && row <= 0xa9 || row >= 0xb0 && row <= 0xd7):
			common++
		case cell < 0x40:
			i-- // a part of one
		}
	}
	return float64(common) / float64(max(all, 1))
}

// guess reads octets that nobody named: UTF-8 where they are, else GB18030 where they look like Chinese, else
// windows-1252, in which every octet is something.
func guess(b []byte, cut bool) (text, charset string) {
	whole := wholeRunes(b)
	if cut {
		b = whole
	}
	switch {
	case utf8.Valid(b):
		return string(b), "utf-8"
	case mostlyUTF8(whole):
		return strings.ToValidUTF8(string(b), "\ufffd"), "utf-8"
	case looksChinese(b):
		return decodeBy(simplifiedchinese.GB18030, b, cut), "gb18030"
	}
	return decodeBy(charmap.Windows1252, b, cut), "windows-1252"
}

// wholeRunes leaves out a last character of UTF-8 that was cut off.
func wholeRunes(b []byte) []byte {
	for i := len(b) - 1; i >= 0 && i >= len(b)-utf8.UTFMax; i-- {
		if utf8.RuneStart(b[i]) {
			if b[i] >= 0xc2 && !utf8.FullRune(b[i:]) && i > 0 {
				return b[:i]
			}
			break
		}
	}
	return b
}

const guessFrom = 64 << 10 // octets

// mostlyUTF8: nine tenths of what is not ASCII is, in characters of several octets.
func mostlyUTF8(b []byte) bool {
	b = wholeRunes(b[:min(len(b), guessFrom)])
	good, bad := 0, 0
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		switch {
		case r == utf8.RuneError && n == 1:
			bad++
		case n > 1:
			good++
		}
		b = b[n:]
	}
	return good > 9*bad
}

// looksChinese: nearly all pairs of high octets are in the rows of GB 2312 that texts are made of, as no
// language of Europe has them.
func looksChinese(b []byte) bool {
	b = b[:min(len(b), guessFrom)]
	pairs, common, odd := 0, 0, 0
	for i := 0; i < len(b); i++ {
		if b[i] < 0x80 {
			continue
		}
		if i+1 >= len(b) || b[i+1] < 0x40 || b[i+1] == 0x7f || b[i] == 0x80 || b[i] == 0xff {
			odd++
			continue
		}
		pairs++
		if row := b[i]; b[i+1] >= 0xa1 && (row >= 0xb0 && row <= 0xd7 || row >= 0xa1 && row <= 0xa3) {
			common++
		}
		i++
	}
	return pairs > 0 && common*10 >= pairs*7 && odd*20 <= pairs
}

// metaCharset is what HTML says of itself in its first kilobyte.
func metaCharset(b []byte) string {
	b = bytes.ToLower(b[:min(len(b), 1024)])
	for {
		i := bytes.Index(b, []byte("<meta"))
		if i < 0 {
			return ""
		}
		b = b[i+5:]
		tag := b
		if end := bytes.IndexByte(b, '>'); end >= 0 {
			tag = b[:end]
		}
		if _, value, ok := bytes.Cut(tag, []byte("charset=")); ok {
			value = bytes.TrimLeft(value, " \"'")
			if end := bytes.IndexAny(value, " \"';/>"); end >= 0 {
				value = value[:end]
			}
			return string(value)
		}
	}
}
