package smtp

import (
	"strconv"
	"strings"
)

// An EnhancedCode is the status of RFC 3463 that servers with
// ENHANCEDSTATUSCODES (RFC 2034) put before the text of a reply. The zero value
// is none.
type EnhancedCode struct{ Class, Subject, Detail int }

func (c EnhancedCode) String() string {
	return strconv.Itoa(c.Class) + "." + strconv.Itoa(c.Subject) + "." + strconv.Itoa(c.Detail)
}

// A Reply is what a server says to a command: RFC 5321 §4.2. The zero Reply is no
// reply.
type Reply struct {
	Code     int          // three digits
	Enhanced EnhancedCode // zero where there is none
	Lines    []string     // the text, a line each, without the codes; as the server sent it, which may not be UTF-8
}

// String is the reply on one line: "550 5.1.1 no such user"; "" where there is
// none.
func (r Reply) String() string {
	if r.Code == 0 {
		return ""
	}
	s := strconv.Itoa(r.Code)
	if r.Enhanced != (EnhancedCode{}) {
		s += " " + r.Enhanced.String()
	}
	if text := strings.Join(r.Lines, " / "); text != "" {
		s += " " + text
	}
	return s
}

// Text is the lines of the reply, joined by blanks.
func (r Reply) Text() string { return strings.Join(r.Lines, " ") }

// Positive reports whether the reply says yes: 2yz, or 3yz for "go on".
func (r Reply) Positive() bool { return r.Code/100 == 2 || r.Code/100 == 3 }

// Temporary reports whether the reply says no for now: 4yz.
func (r Reply) Temporary() bool { return r.Code/100 == 4 }
