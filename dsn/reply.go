package dsn

import (
	"strconv"
	"strings"

	"github.com/parleymail/parley/smtp"
)

// replyText is a reply as RFC 3461 §9.2 writes it, a line each.
func replyText(r smtp.Reply) string {
	if r.Code == 0 {
		return ""
	}
	lines := r.Lines
	if len(lines) == 0 {
		lines = []string{""}
	}
	var b strings.Builder
	for i, line := range lines {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(strconv.Itoa(r.Code))
		if i < len(lines)-1 {
			b.WriteByte('-')
		} else {
			b.WriteByte(' ')
		}
		if r.Enhanced != (smtp.EnhancedCode{}) {
			b.WriteString(r.Enhanced.String() + " ")
		}
		b.WriteString(line)
	}
	return strings.TrimRight(b.String(), " ")
}

// parseReply reads what a Diagnostic-Code, or a bounce's text, says a server said. Servers' lines
// stand behind one another there, each with its code, or with the first one's alone.
func parseReply(s string) (r smtp.Reply, ok bool) {
	s = strings.Join(strings.Fields(s), " ")
	code, rest, ok := cutCode(s)
	if !ok {
		return r, false
	}
	r.Code = code
	digits := s[:3]
	r.Enhanced, rest = cutEnhanced(code, rest)
	for more := strings.HasPrefix(s[3:], "-"); more && len(r.Lines) < maxReplyLines; {
		at := nextLine(rest, digits, r.Enhanced)
		if at < 0 {
			break
		}
		r.Lines = append(r.Lines, strings.TrimSpace(rest[:at]))
		more = rest[at+4] == '-'
		_, rest, _ = cutCode(rest[at+1:])
		if e, behind := cutEnhanced(code, rest); e == r.Enhanced {
			rest = behind
		}
	}
	if rest != "" || len(r.Lines) > 0 {
		r.Lines = append(r.Lines, strings.TrimSpace(rest))
	}
	return r, true
}

const maxReplyLines = 64

// nextLine finds the blank before a further line's code: " 550-5.1.1 " or " 550 5.1.1 ". A code that has no
// enhanced one behind it, where the first line had one, is a number in the text.
func nextLine(s, digits string, e smtp.EnhancedCode) int {
	for from := 0; ; {
		i := strings.Index(s[from:], " "+digits)
		if i < 0 {
			return -1
		}
		i += from
		from = i + 1
		rest := s[i+1+len(digits):]
		if rest == "" || rest[0] != '-' && rest[0] != ' ' {
			continue
		}
		if e == (smtp.EnhancedCode{}) || strings.HasPrefix(rest[1:], e.String()) {
			return i
		}
	}
}

// cutCode cuts three digits and a blank or dash off.
func cutCode(s string) (code int, rest string, ok bool) {
	if len(s) < 3 || s[0] < '2' || s[0] > '5' || !isDigit(s[1]) || !isDigit(s[2]) {
		return 0, s, false
	}
	code = int(s[0]-'0')*100 + int(s[1]-'0')*10 + int(s[2]-'0')
	switch {
	case len(s) == 3:
		return code, "", true
	case s[3] == ' ' || s[3] == '-' || s[3] == '#':
		return code, s[4:], true
	case s[3] == ':' || s[3] == ',':
		return code, strings.TrimLeft(s[4:], " "), true // QUIRK: "550: no such user"
	}
	return 0, s, false
}

// cutEnhanced cuts "5.1.1 " off, where it is of the code's class.
func cutEnhanced(code int, s string) (e smtp.EnhancedCode, rest string) {
	e, rest, ok := cutStatus(strings.TrimLeft(s, "#'"))
	if !ok || e.Class != code/100 || rest != "" && rest[0] != ' ' {
		return smtp.EnhancedCode{}, s
	}
	return e, strings.TrimLeft(rest, " ")
}

// cutStatus cuts "5.1.1" off: RFC 3463 §2.
func cutStatus(s string) (e smtp.EnhancedCode, rest string, ok bool) {
	var n [3]int
	for i := range n {
		digits := 0
		for digits < len(s) && digits < 4 && isDigit(s[digits]) {
			n[i] = n[i]*10 + int(s[digits]-'0')
			digits++
		}
		if digits == 0 || digits > 3 {
			return e, s, false
		}
		s = s[digits:]
		if i < 2 {
			if s == "" || s[0] != '.' {
				return e, s, false
			}
			s = s[1:]
		}
	}
	if n[0] != 2 && n[0] != 4 && n[0] != 5 {
		return e, s, false
	}
	return smtp.EnhancedCode{Class: n[0], Subject: n[1], Detail: n[2]}, s, true
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
