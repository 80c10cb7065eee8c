package transcript

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/parleymail/parley/smtp"
)

const (
	clientTag = "C:"
	serverTag = "S:"
	doneTag   = "--"

	secretMark  = "(secret)"
	contentMark = "(content"
)

// Line is an event as one line, without the number of its session and without
// LF. It is fit for a terminal, whatever the event holds.
func Line(e smtp.Event) string {
	switch e.Did {
	case smtp.Command:
		return tagged(clientTag, said(e))
	case smtp.Content:
		return clientTag + " " + content(e.Size)
	case smtp.Answer:
		return tagged(serverTag, said(e))
	default:
		return tagged(doneTag, done(e))
	}
}

func tagged(tag, text string) string {
	if text == "" {
		return tag
	}
	return tag + " " + text
}

// said is the text of a line that was on the wire. One that looks like a mark of
// ours is written so that it is not taken for one.
func said(e smtp.Event) string {
	mark := secretMark
	if e.Hidden {
		mark = ""
	}
	s := escapeAlso(e.Line, mark)
	if strings.HasPrefix(s, contentMark) {
		s = `\x28` + s[1:]
	}
	return s
}

func content(size int64) string {
	switch {
	case size < 0:
		return "(content)"
	case size == 1:
		return "(content, 1 octet)"
	}
	return fmt.Sprintf("(content, %d octets)", size)
}

// parseContent reads what content writes.
func parseContent(s string) (size int64, ok bool) {
	if s == "(content)" {
		return -1, true
	}
	number, ok := strings.CutPrefix(s, "(content, ")
	if !ok {
		return 0, false
	}
	number, ok = strings.CutSuffix(number, " octets)")
	if !ok {
		number, ok = strings.CutSuffix(number, " octet)")
	}
	size, err := strconv.ParseInt(number, 10, 64)
	return size, ok && err == nil && size >= 0
}

const (
	connected  = "connected"
	tlsStarted = "TLS started"
	started    = " started"
	closed     = "closed"
	noted      = "note: "
)

// done is the text after "--".
func done(e smtp.Event) string {
	if e.Did == smtp.Closed {
		return doneClosed(e)
	}
	line := escape(e.Line)
	switch e.Did {
	case smtp.Connected:
		switch {
		case line == "":
			return connected
		case strings.HasPrefix(line, "from "): // told by a server
			return connected + " " + line
		}
		return connected + " to " + line
	case smtp.StartedTLS:
		return doneTLS(line)
	default:
	}
	if did, _ := parseDone(line); did != smtp.Note || strings.HasPrefix(line, noted) {
		return noted + line
	}
	return line
}

// doneTLS says "TLS 1.3 started, and so on" of "TLS 1.3, and so on".
func doneTLS(line string) string {
	if line == "" {
		return tlsStarted
	}
	if !strings.HasPrefix(line, "TLS ") || strings.HasPrefix(line, tlsStarted) {
		return tlsStarted + ": " + line
	}
	version, rest, more := strings.Cut(line, ", ")
	if more {
		rest = ", " + rest
	}
	return version + started + rest
}

// doneClosed says "closed, and so on: why".
func doneClosed(e smtp.Event) string {
	s := closed
	if e.Line != "" {
		s += ", " + escapeAlso(e.Line, ":")
	}
	if e.Err != nil {
		s += tagged(":", escape(e.Err.Error()))
	}
	return s
}

// parseDone reads what done writes. The strings in the event that it gives are
// still escaped.
func parseDone(s string) (smtp.Did, doneText) {
	switch {
	case s == connected:
		return smtp.Connected, doneText{}
	case strings.HasPrefix(s, connected+" to "):
		return smtp.Connected, doneText{line: s[len(connected+" to "):]}
	case strings.HasPrefix(s, connected+" from "):
		return smtp.Connected, doneText{line: s[len(connected+" "):]}
	case s == tlsStarted:
		return smtp.StartedTLS, doneText{}
	case strings.HasPrefix(s, tlsStarted+": "):
		return smtp.StartedTLS, doneText{line: s[len(tlsStarted+": "):]}
	case strings.HasPrefix(s, "TLS "):
		if line, ok := parseDoneTLS(s); ok {
			return smtp.StartedTLS, doneText{line: line}
		}
	case strings.HasPrefix(s, closed):
		if text, ok := parseClosed(s[len(closed):]); ok {
			return smtp.Closed, text
		}
	}
	return smtp.Note, doneText{line: strings.TrimPrefix(s, noted)}
}

type doneText struct {
	line   string
	failed bool
	err    string
}

func parseDoneTLS(s string) (line string, ok bool) {
	for from := 0; ; {
		i := strings.Index(s[from:], started)
		if i < 0 {
			return "", false
		}
		head, tail := s[:from+i], s[from+i+len(started):]
		if tail == "" || strings.HasPrefix(tail, ", ") {
			return head + tail, true
		}
		from += i + 1
	}
}

func parseClosed(s string) (text doneText, ok bool) {
	if rest, ok := strings.CutPrefix(s, ", "); ok {
		if text.line, s, ok = strings.Cut(rest, ":"); ok {
			s = ":" + s
		}
		if text.line == "" {
			return text, false
		}
	}
	if rest, ok := strings.CutPrefix(s, ":"); ok {
		text.failed = true
		if rest == "" {
			return text, true
		}
		text.err, ok = strings.CutPrefix(rest, " ")
		return text, ok && text.err != ""
	}
	return text, s == ""
}

// ParseLine reads a line as [Line] writes it, or as a person does. It gives false
// for a remark, which is no turn of the conversation, and an error for a line
// that means to be a turn and is none.
func ParseLine(line string) (e smtp.Event, ok bool, err error) {
	session, line, err := cutPrefix(line)
	if err != nil {
		return smtp.Event{}, false, err
	}
	tag, text := line, ""
	if len(line) > 2 {
		tag, text = line[:2], line[2:]
	}
	if tag != clientTag && tag != serverTag && tag != doneTag {
		return smtp.Event{}, false, nil
	}
	switch {
	case text == "":
	case text[0] == ' ' || text[0] == '\t':
		text = text[1:]
	case tag == doneTag: // a rule drawn across the page, or an option
		return smtp.Event{}, false, nil
	default:
		return smtp.Event{}, false, fmt.Errorf("a blank is missing after %s", tag)
	}
	if tag == doneTag {
		e, err = unescapeDone(text)
	} else {
		e, err = unescapeSaid(tag, text)
	}
	e.Session = session
	return e, err == nil, err
}

func unescapeSaid(tag, text string) (e smtp.Event, err error) {
	e.Did = smtp.Answer
	if tag == clientTag {
		e.Did = smtp.Command
		if size, ok := parseContent(text); ok {
			return smtp.Event{Did: smtp.Content, Size: size}, nil
		}
	}
	e.Hidden = strings.Contains(text, secretMark)
	e.Line, err = unescape(text)
	return e, err
}

func unescapeDone(text string) (e smtp.Event, err error) {
	did, done := parseDone(text)
	e.Did = did
	if e.Line, err = unescape(done.line); err != nil || !done.failed {
		return e, err
	}
	why, err := unescape(done.err)
	e.Err = errors.New(why)
	return e, err
}

// cutPrefix takes off what may stand before a turn: blanks, the number of the
// session, the time of day, and how long an answer took. Without a turn after
// them they are part of a remark.
func cutPrefix(line string) (session uint64, turn string, err error) {
	line = strings.TrimLeft(line, " \t")
	rest, numbered, number := line, false, ""
	for {
		word, after, ok := strings.Cut(rest, " ")
		switch {
		case !ok:
		case !numbered && word != "" && strings.Trim(word, "0123456789") == "":
			numbered, number = true, word
			rest = strings.TrimLeft(after, " \t")
			continue
		case isClock(word) || isTook(word):
			rest = strings.TrimLeft(after, " \t")
			continue
		}
		break
	}
	if !isTurn(rest) {
		return 0, line, nil
	}
	if numbered {
		if session, err = strconv.ParseUint(number, 10, 64); err != nil {
			return 0, "", fmt.Errorf("the session's number %s is too large", number)
		}
	}
	return session, rest, nil
}

func isTurn(s string) bool {
	return strings.HasPrefix(s, clientTag) || strings.HasPrefix(s, serverTag) || strings.HasPrefix(s, doneTag)
}

// clockForm is how the time of day is written before a turn.
const clockForm = "15:04:05.000"

func isClock(word string) bool {
	if len(word) != len(clockForm) {
		return false
	}
	for i, c := range []byte(word) {
		want := clockForm[i]
		if want == ':' || want == '.' {
			if c != want {
				return false
			}
		} else if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

func isTook(word string) bool {
	word, ok := strings.CutSuffix(word, "ms")
	return ok && len(word) > 1 && word[0] == '+' && strings.Trim(word[1:], "0123456789.") == ""
}
