package mail

import (
	"strings"
)

// A coding is a Content-Transfer-Encoding: RFC 2045 §6.
type coding uint8

const (
	sevenBit coding = iota
	eightBit
	quotedPrintable
	base64Coding
)

var codings = [...]string{"7bit", "8bit", "quoted-printable", "base64"}

// shorterCoding is how a text goes over that cannot go as it is: quoted-printable for
// English and base64 for Chinese.
func shorterCoding(s string) coding {
	escapes := 0
	for i := 0; i < len(s); i++ {
		if c := s[i]; c >= 0x7f || c == '=' || c < ' ' && c != '\n' && c != '\r' && c != '\t' {
			escapes++
		}
	}
	// A soft line end costs 3 octets in 76, a CRLF of base64 2 in 78.
	if (len(s)+2*escapes)*25/24 <= int(base64Size(int64(len(s)))) {
		return quotedPrintable
	}
	return base64Coding
}

// mayBeBoundary reports whether a line of s could be taken for one of ours.
func mayBeBoundary(s string) bool { return strings.Contains(s, "--"+boundaryMark) }

// appendCRLF adds a text with every line end made CRLF: a LF alone, a CR alone and
// CRLF each are one. A last line that is not ended is. It also gives the length of
// the longest line.
func appendCRLF(b []byte, s string) (text []byte, longest int) {
	if strings.IndexByte(s, '\r') >= 0 {
		return appendMixed(b, s)
	}
	for s != "" {
		end := strings.IndexByte(s, '\n')
		if end < 0 {
			end = len(s)
		}
		longest = max(longest, end)
		b = append(b, s[:end]...)
		b = append(b, '\r', '\n')
		s = s[min(end+1, len(s)):]
	}
	return b, longest
}

// appendMixed is appendCRLF for a text with CRs.
func appendMixed(b []byte, s string) (text []byte, longest int) {
	for s != "" {
		end := strings.IndexAny(s, "\r\n")
		if end < 0 {
			end = len(s)
		}
		longest = max(longest, end)
		b = append(b, s[:end]...)
		b = append(b, '\r', '\n')
		if strings.HasPrefix(s[end:], "\r\n") {
			end++
		}
		s = s[min(end+1, len(s)):]
	}
	return b, longest
}

// appendEncoded adds a text, encoded. scratch is room to work in, and given back.
func appendEncoded(b []byte, s string, c coding, scratch []byte) (text, room []byte) {
	if c == quotedPrintable {
		return appendQuotedPrintable(b, s), scratch
	}
	scratch, _ = appendCRLF(scratch[:0], s)
	return appendBase64(b, scratch), scratch
}

// appendQuotedPrintable adds a text in lines of at most 76: RFC 2045 §6.7. A
// character is not parted between lines, so that even readers who decode line by
// line show it.
func appendQuotedPrintable(b []byte, s string) []byte {
	for s != "" {
		end := strings.IndexAny(s, "\r\n")
		line := s
		if end < 0 {
			s = ""
		} else {
			line = s[:end]
			if s[end] == '\r' && end+1 < len(s) && s[end+1] == '\n' {
				end++
			}
			s = s[end+1:]
		}
		b = appendQPLine(b, line)
		b = append(b, '\r', '\n')
	}
	return b
}

const qpLine = 76

func appendQPLine(b []byte, s string) []byte {
	const hex = "0123456789ABCDEF"
	start := len(b)
	for i := 0; i < len(s); {
		n, cost := 1, 1
		switch c := s[i]; {
		case c >= 0x80:
			for n < 4 && i+n < len(s) && s[i+n]&0xc0 == 0x80 {
				n++
			}
			cost = 3 * n
		case c == '=' || c < ' ' && c != '\t' || c == 0x7f,
			(c == ' ' || c == '\t') && i+1 == len(s),                     // lost at the end of a line: rule (3)
			c == '.' && len(b) == start,                                  // needs no doubling then
			c == 'F' && len(b) == start && strings.HasPrefix(s, "From "): // no mailbox file puts a > before it
			cost = 3
		}
		// The last octet of a line is for "=", but where the text's line ends here.
		room := qpLine - (len(b) - start)
		if cost > room || cost == room && i+n < len(s) {
			b = append(b, '=', '\r', '\n')
			start = len(b)
			continue
		}
		if cost == 1 {
			b = append(b, s[i])
		} else {
			for _, c := range []byte(s[i : i+n]) {
				b = append(b, '=', hex[c>>4], hex[c&15])
			}
		}
		i += n
	}
	return b
}
