package diagnose

import (
	"encoding/base64"
	"html"
	"io"
	"mime"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/simplifiedchinese"
)

// plain undoes what stands between the words that were said and the text that a
// person has: escapes of other languages, GBK read as something else, encoded words,
// base64 within.
func plain(s string) string {
	s = unescape(s)
	s = unGBK(s)
	if strings.Contains(s, "=?") {
		s = decodeWords(s)
	}
	if strings.ContainsRune(s, '&') {
		s = html.UnescapeString(s)
	}
	s = strings.ReplaceAll(s, "\r\n", "\n")
	if !strings.ContainsRune(s, ' ') && strings.Count(s, "_") > 3 && strings.ToUpper(s) != s {
		s = strings.ReplaceAll(s, "_", " ") // QUIRK: qmail's log has no blanks
	}
	return decodeTokens(s)
}

// unescape undoes \n, \", \xc7 as Python, PHP and JSON print them.
func unescape(s string) string {
	if !strings.ContainsRune(s, '\\') {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		switch c := s[i+1]; c {
		case 'n':
			b.WriteByte('\n')
			i++
		case 'r':
			i++
		case 't':
			b.WriteByte(' ')
			i++
		case '"', '\'', '/':
			b.WriteByte(c)
			i++
		case 'x', 'u':
			digits := map[byte]int{'x': 2, 'u': 4}[c]
			if i+2+digits > len(s) {
				b.WriteByte('\\')
				continue
			}
			n, err := strconv.ParseUint(s[i+2:i+2+digits], 16, 32)
			switch {
			case err != nil:
				b.WriteByte('\\')
				continue
			case c == 'x':
				b.WriteByte(byte(n))
			default:
				b.WriteRune(rune(n))
			}
			i += 1 + digits
		default:
			b.WriteByte('\\')
		}
	}
	return b.String()
}

// unGBK reads as GBK what is no UTF-8, and what was GBK and was read as Latin-1.
// Chinese servers say their replies in it; RFC 5321 §2.4 would have ASCII.
func unGBK(s string) string {
	if !utf8.ValidString(s) {
		if t, err := simplifiedchinese.GB18030.NewDecoder().String(s); err == nil && !strings.ContainsRune(t, utf8.RuneError) {
			return t
		}
		return strings.ToValidUTF8(s, "�")
	}
	var b strings.Builder
	for rest := s; rest != ""; {
		i := strings.IndexFunc(rest, isLatin1)
		if i < 0 {
			if b.Len() == 0 {
				return s
			}
			b.WriteString(rest)
			break
		}
		b.WriteString(rest[:i])
		rest = rest[i:]
		n := strings.IndexFunc(rest, func(r rune) bool { return !isLatin1(r) && (r < 0x80 || !isCP1252(r)) })
		if n < 0 {
			n = len(rest)
		}
		b.WriteString(mojibake(rest[:n]))
		rest = rest[n:]
	}
	return b.String()
}

func isLatin1(r rune) bool { return 0xa0 <= r && r <= 0xff }

// isCP1252 is for what Windows has in place of Latin-1's control characters.
func isCP1252(r rune) bool {
	_, ok := charmap.Windows1252.EncodeRune(r)
	return ok
}

// mojibake is a run of Latin-1 as GBK, if that makes Chinese of all of it.
func mojibake(run string) string {
	raw, err := charmap.Windows1252.NewEncoder().String(run)
	if err != nil || len(raw) < 4 {
		return run
	}
	t, err := simplifiedchinese.GBK.NewDecoder().String(raw)
	if err != nil || strings.ContainsRune(t, utf8.RuneError) {
		return run
	}
	for _, r := range t {
		if !unicode.Is(unicode.Han, r) && !(0x3000 <= r && r <= 0x303f) && !(0xff00 <= r && r <= 0xffef) {
			return run
		}
	}
	return t
}

// decodeWords reads the encoded words of RFC 2047, which bounces have.
func decodeWords(s string) string {
	d := mime.WordDecoder{CharsetReader: func(charset string, in io.Reader) (io.Reader, error) {
		e, err := htmlindex.Get(charset)
		if err != nil {
			return nil, err
		}
		return e.NewDecoder().Reader(in), nil
	}}
	if t, err := d.DecodeHeader(s); err == nil {
		return t
	}
	return s
}

// tokens are JSON in base64: RFC 7628 §3.2.2 and XOAUTH2 have a server say in it why it refuses.
var tokens = regexp.MustCompile(`\beyJ[A-Za-z0-9+/_-]{8,}={0,2}`)

// decodeTokens puts what was in base64 behind it.
func decodeTokens(s string) string {
	if !strings.Contains(s, "eyJ") {
		return s
	}
	return tokens.ReplaceAllStringFunc(s, func(token string) string {
		raw := strings.TrimRight(token, "=")
		raw = strings.NewReplacer("-", "+", "_", "/").Replace(raw)
		if len(raw)%4 == 1 {
			raw = raw[:len(raw)-1] // it was cut
		}
		data, err := base64.RawStdEncoding.DecodeString(raw)
		if err != nil || !utf8.Valid(data) {
			return token
		}
		return token + " " + string(data)
	})
}
