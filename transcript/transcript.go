package transcript

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/parleymail/parley/smtp"
)

// A Transcript is a conversation, event by event. Where it holds several
// sessions, Event.Session tells them apart.
type Transcript []smtp.Event

// Of is the end of the conversation that led to an error, as the error brings it
// along; empty, where err is nil.
func Of(err *smtp.Error) Transcript {
	if err == nil {
		return nil
	}
	return Transcript(err.Said)
}

// String is the conversation as text, a line an event, each ended by LF. What
// the text keeps of it, [Parse] gives back: who did what, the lines octet for
// octet, sizes, and which sessions overlapped.
func (t Transcript) String() string {
	var b strings.Builder
	t.WriteTo(&b)
	return b.String()
}

// WriteTo writes what String gives.
func (t Transcript) WriteTo(w io.Writer) (n int64, err error) {
	var l labels
	for _, e := range t {
		k, err := io.WriteString(w, numbered(l.of(e), Line(e))+"\n")
		n += int64(k)
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

func numbered(label uint64, line string) string {
	if label == 0 {
		return line
	}
	return fmt.Sprintf("%d %s", label, line)
}

// Session is the part of the conversation that one session had.
func (t Transcript) Session(number uint64) Transcript {
	var part Transcript
	for _, e := range t {
		if e.Session == number {
			part = append(part, e)
		}
	}
	return part
}

// Parse reads a transcript's text. Lines that are no turns are passed over; a
// line that begins as a turn and is none is an error, which names the line by its
// number: to pass it over would be to lose a turn for a slip of the pen. A CR at a
// line's end is taken off, for the text may have come through Windows.
func Parse(text string) (Transcript, error) {
	var t Transcript
	var l labels
	n := 0
	for line := range strings.Lines(text) {
		n++
		e, ok, err := ParseLine(trimEOL(line))
		if err != nil {
			return nil, fmt.Errorf("transcript: line %d: %w", n, err)
		}
		if ok {
			e.Session = l.of(e)
			t = append(t, e)
		}
	}
	return t, nil
}

func trimEOL(line string) string {
	return strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
}

// maxRead is the longest transcript that Read takes.
const maxRead = 64 << 20

// Read reads a transcript that was kept: text, or the lines that [JSON] writes, or
// what MarshalJSON makes. They are told apart by the first octet that is no blank.
// Other objects may stand between the events, and bring some along in a field
// "said", as the steps of parley check do. More than 64 MiB is an error.
func Read(r io.Reader) (Transcript, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxRead+1))
	if err != nil {
		return nil, fmt.Errorf("transcript: reading: %w", err)
	}
	if len(data) > maxRead {
		return nil, errors.New("transcript: more than 64 MiB")
	}
	if begin := bytes.TrimLeft(data, " \t\r\n"); bytes.HasPrefix(begin, []byte("{")) || bytes.HasPrefix(begin, []byte("[{")) {
		return parseJSON(data)
	}
	return Parse(string(data))
}

// labels settles which sessions are written with their number: those that begin
// while another one is open. The zero value knows of none.
type labels struct {
	byNumber map[uint64]uint64
	open     map[uint64]bool // by label
}

// of is the label of the session that e belongs to, 0 for none.
func (l *labels) of(e smtp.Event) uint64 {
	if l.open == nil {
		l.byNumber, l.open = make(map[uint64]uint64), make(map[uint64]bool)
	}
	label, known := l.byNumber[e.Session]
	switch {
	case e.Session == 0:
		label = 0
	case !known && len(l.open) == 0:
		label = 0
	case !known:
		label = e.Session
	}
	l.byNumber[e.Session] = label
	l.open[label] = true
	if e.Did == smtp.Closed {
		delete(l.open, label)
		for number, other := range l.byNumber {
			if other == label {
				delete(l.byNumber, number)
			}
		}
	}
	return label
}
