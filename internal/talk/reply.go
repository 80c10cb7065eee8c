package talk

import (
	"strconv"
	"strings"

	"github.com/parleymail/parley/smtp"
)

const (
	// maxReply is the longest reply that is read; with what the reader may hold beside it
	// that is 64 KiB.
	maxReply = 60 << 10
	readSize = 4 << 10
)

// parseLine parts a line of a reply: RFC 5321 §4.2. The code is 0 where the line is
// none.
func parseLine(line string) (code int, text string, last bool) {
	if len(line) < 3 || line[0] < '2' || line[0] > '5' {
		return 0, line, true
	}
	code, err := strconv.Atoi(line[:3])
	if err != nil || code < 200 {
		return 0, line, true
	}
	if len(line) == 3 {
		return code, "", true
	}
	if line[3] != ' ' && line[3] != '-' {
		return 0, line, true
	}
	return code, line[4:], line[3] == ' '
}

// A reading is the reply that is being read.
type reading struct {
	begun bool
	code  int
	lines []string
}

// add takes a line, without its end, and reports whether it is the reply's last.
// A line that is none ends the reply, whose code is then 0.
func (r *reading) add(line string) (last bool) {
	code, text, last := parseLine(line)
	if r.begun && code != r.code {
		code, last = 0, true
	}
	r.begun, r.code = true, code
	r.lines = append(r.lines, text)
	return last
}

// whole is the reply that was read.
func (r *reading) whole() smtp.Reply {
	w := smtp.Reply{Code: r.code, Lines: r.lines}
	for i, line := range w.Lines {
		if c, rest, ok := cutEnhanced(r.code, line); ok && (i == 0 || c == w.Enhanced) {
			w.Enhanced, w.Lines[i] = c, rest
		}
	}
	return w
}

// cutEnhanced takes the enhanced code off a line: RFC 2034 §4.
func cutEnhanced(code int, line string) (c smtp.EnhancedCode, rest string, ok bool) {
	word, rest, _ := strings.Cut(line, " ")
	parts := strings.Split(word, ".")
	if len(parts) != 3 {
		return c, line, false
	}
	for i, to := range []*int{&c.Class, &c.Subject, &c.Detail} {
		n, err := strconv.ParseUint(parts[i], 10, 10)
		if err != nil {
			return smtp.EnhancedCode{}, line, false
		}
		*to = int(n)
	}
	if c.Class != code/100 {
		return smtp.EnhancedCode{}, line, false
	}
	return c, rest, true
}

// text is a reply as it came, line by line with its codes, for those who judge it.
func replyText(r smtp.Reply) string {
	var b strings.Builder
	for i, line := range r.Lines {
		if i > 0 {
			b.WriteByte('\n')
		}
		if r.Code > 0 {
			b.WriteString(strconv.Itoa(r.Code))
			if i < len(r.Lines)-1 {
				b.WriteByte('-')
			} else {
				b.WriteByte(' ')
			}
			if r.Enhanced != (smtp.EnhancedCode{}) {
				b.WriteString(r.Enhanced.String() + " ")
			}
		}
		b.WriteString(line)
	}
	return b.String()
}
