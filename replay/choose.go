package replay

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/parleymail/parley/transcript"
)

// ErrDeparted is why a session ends that is Strict.
var ErrDeparted = errors.New("the client departed from the recording")

// choose is the scene that a command gets: of those that have its address the first that was not played, or the n-th
// of its kind; nil, where the recording has none.
func (s *session) choose(key, line string) *scene {
	n := s.counts[key]
	s.counts[key]++
	list := s.tape.by[key]
	if len(list) == 0 {
		if key != "NOOP" && key != "RSET" && key != "QUIT" || s.server.Strict { // to those there is but one reply
			s.depart(Unknown, s.line, "")
		}
		return nil
	}
	if c := s.sameAsked(list, line); c != nil {
		return s.take(c)
	}
	if n >= len(list) {
		s.depart(More, s.line, "")
		return s.take(list[len(list)-1])
	}
	c := list[n]
	if c.command != "" && !transcript.SameCommand(c.command, line) {
		s.depart(Other, s.line, c.command)
	}
	return s.take(c)
}

// sameAsked is the first scene that answers the very same and was not played, or else the last that was; nil, where
// there is none.
func (s *session) sameAsked(list []*scene, line string) *scene {
	var last *scene
	for _, c := range list {
		if !asksSame(c.command, line) {
			continue
		}
		if !s.used[c] {
			return c
		}
		last = c
	}
	if last != nil && len(list) > 0 && s.used[list[len(list)-1]] {
		s.depart(More, s.line, "")
	}
	return last
}

// asksSame reports whether two commands are about the same address, or are the same where they are about none.
func asksSame(recorded, line string) bool {
	a, b := pathOf(recorded), pathOf(line)
	if a != "" || b != "" {
		return a == b
	}
	return transcript.SameCommand(recorded, line)
}

// pathOf is the path of MAIL and RCPT, in small letters: RFC 5321 §2.4 lets the local part be told apart by case, and
// no server does.
func pathOf(line string) string {
	open := strings.IndexByte(line, '<')
	if open < 0 {
		return ""
	}
	end := strings.IndexByte(line[open:], '>')
	if end < 0 {
		return ""
	}
	return strings.ToLower(line[open : open+end+1])
}

// first is the first scene of a key; nil, where there is none.
func (s *session) first(key string) *scene {
	if list := s.tape.by[key]; len(list) > 0 {
		return list[0]
	}
	return nil
}

// take notes that a scene is played.
func (s *session) take(c *scene) *scene {
	if c == nil {
		return nil
	}
	if s.server.Strict && c.command != "" && !s.used[c] {
		for _, before := range s.tape.scenes {
			if before == c {
				break
			}
			if before.command != "" && !s.used[before] {
				s.depart(Order, s.line, before.command)
				break
			}
		}
	}
	s.used[c] = true
	return c
}

// depart tells of what the client said otherwise. Where that is not allowed, the session ends with it.
func (s *session) depart(kind Kind, said, recorded string) {
	if s.server.Strict && s.why == nil {
		s.why = fmt.Errorf("%w: %s", ErrDeparted, wording(kind, said, recorded).En)
	}
	if s.server.Departed == nil {
		return
	}
	s.server.Departed(Departure{
		Session: s.number, Connection: s.tape.number, Stage: s.stage, Kind: kind,
		Said: said, Recorded: recorded, Words: wording(kind, said, recorded),
	})
}

// unsaid tells of what the recording has, and the client did not say: the first of it, but for QUIT, and what was owed
// an answer that never came.
func (s *session) unsaid() {
	last := -1
	for i, c := range s.tape.scenes {
		if s.used[c] && c.key != "QUIT" { // which may be said at any place, and leaves out the rest
			last = i
		}
	}
	rest := s.tape.scenes[last+1:]
	i := slices.IndexFunc(rest, func(c *scene) bool {
		return c.command != "" && c.key != "QUIT" && c.key != transcript.Response
	})
	if i < 0 || last >= 0 && s.tape.scenes[last].then != goesOn || s.why != nil {
		return
	}
	s.stage = rest[i].stage
	s.depart(Unsaid, "", rest[i].command)
}

// refuses is what a departure gets where it is not allowed; false, where it is.
func (s *session) refuses() bool { return s.server.Strict && s.why != nil }

// invent is a reply to what the recording has none to.
func (s *session) invent(verb string) error {
	line := "502 5.5.1 parley replay: the recording has no reply to this"
	switch verb {
	case "":
		return errOver // no greeting: it was refused
	case "NOOP", "RSET":
		line = "250 2.0.0 ok"
	case "QUIT":
		if err := s.say([]string{"221 2.0.0 bye"}); err != nil {
			return err
		}
		return errOver
	case "AUTH":
		line = "454 4.7.0 parley replay: the recording has no login"
	case "MAIL", "RCPT", "DATA", "BDAT", ".", "EHLO", "HELO", "LHLO":
		line = "451 4.3.0 parley replay: the recording ends before this"
	}
	return s.say([]string{line})
}
