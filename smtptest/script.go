package smtptest

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/transcript"
)

// A script is a transcript, taken apart into connections.
type script struct {
	parts []*part
}

// A part is one connection.
type part struct {
	turns []turn
	last  int // the number of its last line
}

// A turn is one line of a script.
type turn struct {
	number int // of the line, counted from 1
	act    act
	event  smtp.Event
	text   string        // for actRaw
	wait   time.Duration // for actWait
}

func (t turn) String() string { return transcript.Line(t.event) }

// An act is what the server does at a turn.
type act uint8

const (
	actHear    act = iota + 1 // a line of the client
	actContent                // a content
	actSay                    // a line of a reply
	actRaw                    // octets
	actTLS
	actWait
	actSilence // hears, and says nothing more
	actDeaf    // does not even hear
	actClose
	actReset
	actRefuse
)

// directives are the lines after "--" that a script can have and that nobody
// prints.
var directives = map[string]act{
	"silence": actSilence,
	"deaf":    actDeaf,
	"reset":   actReset,
	"refused": actRefuse,
	"tls":     actTLS,
}

// parseScript takes a script apart. Its errors name the line.
func parseScript(text string) (*script, error) {
	s := new(script)
	current := make(map[uint64]*part) // by the number before the line
	n := 0
	for line := range strings.Lines(text) {
		n++
		e, ok, err := transcript.ParseLine(strings.TrimRight(line, "\r\n"))
		if err != nil {
			return nil, fmt.Errorf("script line %d: %w", n, err)
		}
		if !ok {
			continue
		}
		p := current[e.Session]
		if p == nil || e.Did == smtp.Connected && len(p.turns) > 0 || p.over() {
			p = &part{}
			current[e.Session] = p
			s.parts = append(s.parts, p)
		}
		p.last = n
		t, ok, err := newTurn(n, e)
		if err != nil {
			return nil, fmt.Errorf("script line %d: %w", n, err)
		}
		if ok {
			p.turns = append(p.turns, t)
		}
	}
	return s, nil
}

// over reports whether nothing can follow in a connection.
func (p *part) over() bool {
	if len(p.turns) == 0 {
		return false
	}
	switch p.turns[len(p.turns)-1].act {
	case actClose, actReset, actRefuse:
		return true
	default:
		return false
	}
}

// newTurn gives false for a line that nothing is to be done at.
func newTurn(n int, e smtp.Event) (t turn, ok bool, err error) {
	t = turn{number: n, event: e}
	switch e.Did {
	case smtp.Command:
		t.act = actHear
	case smtp.Content:
		t.act = actContent
	case smtp.Answer:
		t.act = actSay
	case smtp.StartedTLS:
		t.act = actTLS
	case smtp.Closed:
		t.act = actClose
		if e.Err != nil && isOwnTimeout(e.Err.Error()) {
			// Recorded where the client lost its patience: the server stood still.
			t.act = actSilence
		}
	case smtp.Note:
		return note(t, e.Line)
	default: // Connected: a new part was begun
	}
	return t, t.act != 0, nil
}

func isOwnTimeout(why string) bool {
	for _, mark := range []string{"i/o timeout", "deadline exceeded", "context canceled"} {
		if strings.Contains(why, mark) {
			return true
		}
	}
	return false
}

// note is a line that only a script has, or a remark of the program that printed
// the transcript.
func note(t turn, line string) (turn, bool, error) {
	word, rest, _ := strings.Cut(line, " ")
	switch {
	case word == "wait":
		d, err := time.ParseDuration(rest)
		if err != nil {
			return t, false, fmt.Errorf("-- wait is followed by %q and not by a duration such as 1m30s", rest)
		}
		t.act, t.wait = actWait, d
	case word == "raw":
		t.act, t.text = actRaw, rest
	case word == "tls" && rest != "":
		if _, ok := tlsFaults[rest]; !ok {
			return t, false, fmt.Errorf("-- tls is followed by %q and not by expired, misnamed or untrusted", rest)
		}
		t.act, t.text = actTLS, rest
	default:
		t.act = directives[line]
	}
	return t, t.act != 0, nil
}

// security is how the connections of a script begin TLS, if they do.
func (s *script) security() smtp.Security {
	security := smtp.Plaintext
	for _, p := range s.parts {
		for i, t := range p.turns {
			if t.act == actTLS && i == 0 {
				return smtp.ImplicitTLS
			}
			if t.act == actTLS {
				security = smtp.StartTLS
			}
		}
	}
	return security
}

// matches reports whether a line of the client is the one that a script has. A
// "*" stands for any text, and so does "(secret)".
func matches(pattern, line string) bool {
	pieces := strings.Split(strings.ReplaceAll(pattern, "(secret)", "*"), "*")
	if len(pieces) == 1 {
		return pattern == line
	}
	line, ok := strings.CutPrefix(line, pieces[0])
	if !ok {
		return false
	}
	for _, piece := range pieces[1 : len(pieces)-1] {
		i := strings.Index(line, piece)
		if i < 0 {
			return false
		}
		line = line[i+len(piece):]
	}
	return strings.HasSuffix(line, pieces[len(pieces)-1])
}

// chunkSize is how many octets follow a line of BDAT: RFC 3030 §2.
func chunkSize(line string) (n int64, ok bool) {
	words := strings.Fields(line)
	if len(words) < 2 || !strings.EqualFold(words[0], "BDAT") {
		return 0, false
	}
	n, err := strconv.ParseInt(words[1], 10, 64)
	return n, err == nil && n >= 0
}
