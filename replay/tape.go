package replay

import (
	"slices"
	"strings"
	"time"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/transcript"
)

// A tape is one connection of a recording, ready to be played.
type tape struct {
	number   int
	implicit bool // TLS from the first octet
	lmtp     bool
	scenes   []*scene            // in their order; the first may be the greeting
	by       map[string][]*scene // by key
	notes    []Note
}

// A scene is what a client asked, and what the server did then.
type scene struct {
	key     string
	command string // empty of the greeting
	secret  bool   // command has "(secret)" in it
	stage   smtp.Stage
	tls     bool
	replies [][]string // lines, each with its code; several over LMTP
	wait    time.Duration
	chase   []string // what the server said then though nobody asked
	lull    time.Duration
	then    ending
	carried bool // of BDAT: all that was announced went over
}

// An ending is what the server does behind its reply, or in its place.
type ending uint8

const (
	goesOn ending = iota
	hangsUp
	resets
	silent
)

// What scenes are found by, beside verbs.
const (
	keyGreeting = transcript.Greeting
	keyVerdict  = "."
	keyChunk    = "BDAT"
	keySecure   = " in TLS" // behind a verb that says who the client is
)

// A Note is something that is not played as it was.
type Note struct {
	Connection int // of the recording, counted from 1
	Words      diagnose.Words
}

// load makes the tapes of a transcript.
func load(t transcript.Transcript) []*tape {
	var tapes []*tape
	for i, turns := range transcript.Turns(t) {
		p := &tape{number: i + 1, by: make(map[string][]*scene)}
		c := cutter{tape: p}
		for j := range turns {
			c.turn(&turns[j])
		}
		c.finish()
		tapes = append(tapes, p)
	}
	return tapes
}

// A cutter makes a tape, turn by turn.
type cutter struct {
	tape    *tape
	told    bool          // by a server: "connected from"
	begun   bool          // it was seen to be connected
	greeted bool          // something was said
	over    bool          // it was seen to end
	wait    time.Duration // that a script asks for
	last    time.Time
}

func (c *cutter) turn(t *transcript.Turn) {
	switch {
	case t.Done != nil && t.Done.Did == smtp.Connected:
		c.begun, c.told = true, strings.HasPrefix(t.Done.Line, "from ")
	case t.Done != nil && t.Done.Did == smtp.StartedTLS:
		c.tape.implicit = c.tape.implicit || !c.greeted && !strings.Contains(t.Done.Line, "with the provider")
	case t.Done != nil && t.Done.Did == smtp.Closed:
		c.closed(t.Done)
	case t.Done != nil && t.Done.Did == smtp.Note:
		c.directive(t.Done.Line)
	case t.Verb == transcript.Unasked:
		c.unasked(t)
	case t.Command != nil && t.Verb != transcript.Body, t.Verb == transcript.Greeting:
		c.scene(t)
	case t.Done != nil && len(c.tape.scenes) > 0:
		c.tape.scenes[len(c.tape.scenes)-1].carried = true // a content
	default: // a line of a content, which is the client's own
	}
}

// scene adds a command with its reply, or the greeting.
func (c *cutter) scene(t *transcript.Turn) {
	s := &scene{key: keyOf(t), stage: t.Stage, tls: t.TLS, wait: t.Took()}
	if t.Command != nil {
		s.command, s.secret = t.Command.Line, t.Command.Hidden
	}
	if c.wait > 0 {
		s.wait, c.wait = c.wait, 0
	}
	c.greeted = true
	lines := []string(nil)
	for i, e := range t.Answers {
		lines = append(lines, e.Line)
		c.last = e.At
		if i+1 == len(t.Answers) || !continues(e.Line) {
			s.replies = append(s.replies, lines)
			lines = nil
		}
	}
	c.tape.lmtp = c.tape.lmtp || t.Verb == "LHLO"
	c.tape.add(s)
}

func (p *tape) add(s *scene) {
	p.scenes = append(p.scenes, s)
	p.by[s.key] = append(p.by[s.key], s)
}

// offers reports whether a reply to EHLO in clear text has a keyword.
func (p *tape) offers(keyword string) bool {
	for _, c := range p.by["EHLO"] {
		for _, reply := range c.replies {
			for _, line := range reply {
				if len(line) > 4 && strings.EqualFold(strings.TrimSpace(line[4:]), keyword) {
					return true
				}
			}
		}
	}
	return false
}

// continues reports whether a line of a reply is followed by another.
func continues(line string) bool { return len(line) > 3 && line[3] == '-' }

// keyOf is what a scene is found by.
func keyOf(t *transcript.Turn) string {
	switch t.Verb {
	case "EHLO", "LHLO", "HELO":
		return helloKey(t.Verb, t.TLS)
	case "BDAT":
		if t.Stage == smtp.StageEnd || strings.HasSuffix(strings.ToUpper(strings.TrimSpace(t.Command.Line)), " LAST") {
			return keyVerdict
		}
	}
	return t.Verb
}

func helloKey(verb string, tls bool) string {
	if verb == "LHLO" {
		verb = "EHLO"
	}
	if tls {
		return verb + keySecure
	}
	return verb
}

// unasked adds what the server said though nobody asked to what it said before.
func (c *cutter) unasked(t *transcript.Turn) {
	if len(c.tape.scenes) == 0 {
		return
	}
	s := c.tape.scenes[len(c.tape.scenes)-1]
	for _, e := range t.Answers {
		if s.chase == nil && !c.last.IsZero() && e.At.After(c.last) {
			s.lull = e.At.Sub(c.last)
		}
		s.chase = append(s.chase, e.Line)
	}
}

// withhold takes out of the last reply what a proxy kept from its program, which is the client that this was said to:
// package proxy.
func (c *cutter) withhold(keywords []string) {
	if len(c.tape.scenes) == 0 {
		return
	}
	s := c.tape.scenes[len(c.tape.scenes)-1]
	for i, reply := range s.replies {
		kept := slices.DeleteFunc(slices.Clone(reply), func(line string) bool {
			words := strings.Fields(line[min(4, len(line)):])
			return len(words) > 0 && slices.Contains(keywords, strings.ToUpper(words[0]))
		})
		s.replies[i] = marked(kept)
	}
}

// marked are the lines of a reply, each but the last with its hyphen: RFC 5321 §4.2.1.
func marked(lines []string) []string {
	for i, l := range lines {
		mark := "-"
		if i+1 == len(lines) {
			mark = " "
		}
		if len(l) > 3 {
			lines[i] = l[:3] + mark + l[4:]
		}
	}
	return lines
}

// directive is a line that scripts of tests have, package smtptest, or a note of a proxy.
func (c *cutter) directive(line string) {
	if list, ok := strings.CutPrefix(line, "the program is not told of "); ok {
		c.withhold(strings.Split(list, ", "))
		return
	}
	word, rest, _ := strings.Cut(line, " ")
	switch word {
	case "wait":
		if d, err := time.ParseDuration(rest); err == nil {
			c.wait = d
		}
	case "silence", "deaf":
		c.end(silent)
	case "reset":
		c.end(resets)
	case "refused":
		c.end(resets)
		c.note(noteRefused)
	case "raw":
		c.note(noteRaw)
	}
}

// closed is the end of the connection: whose it was stands in why, if it was not meant.
func (c *cutter) closed(e *smtp.Event) {
	why := ""
	if e.Err != nil {
		why = e.Err.Error()
	}
	owed := c.owed() != nil
	switch {
	case c.parted():
	case why == "":
		if owed || c.ended421() {
			c.end(hangsUp)
		}
	case has(why, "i/o timeout", "deadline exceeded", "context canceled", "said nothing for"):
		if owed || !c.greeted {
			c.end(silent)
		}
	case has(why, "certificate", "x509", "tls:"):
		c.note(noteCertificate)
	case c.told && has(why, "the client", "the program", "silent, or too slow") && !owed:
		// It was the client's doing, and the next one may do otherwise.
	case has(why, "reset by peer", "broken pipe", "cut the connection"):
		c.end(resets)
	default:
		c.end(hangsUp)
	}
	c.over = true
}

// parted reports whether the client said QUIT and heard the reply: whatever stands behind the end, as a refusal that
// the client tells of, it was no hanging up.
func (c *cutter) parted() bool {
	n := len(c.tape.scenes)
	return n > 0 && c.tape.scenes[n-1].key == "QUIT" && len(c.tape.scenes[n-1].replies) > 0
}

func has(s string, marks ...string) bool {
	for _, m := range marks {
		if strings.Contains(s, m) {
			return true
		}
	}
	return false
}

// owed is the first command that has no reply; nil, where each has one.
func (c *cutter) owed() *scene {
	for _, s := range c.tape.scenes {
		if len(s.replies) == 0 {
			return s
		}
	}
	return nil
}

// ended421 reports whether the server has said that it hangs up: RFC 5321 §3.8.
func (c *cutter) ended421() bool {
	if len(c.tape.scenes) == 0 {
		return false
	}
	s := c.tape.scenes[len(c.tape.scenes)-1]
	last := s.chase
	if len(last) == 0 && len(s.replies) > 0 {
		last = s.replies[len(s.replies)-1]
	}
	return len(last) > 0 && strings.HasPrefix(last[len(last)-1], "421")
}

// end is what the server did where the recording ends.
func (c *cutter) end(e ending) {
	c.over = true
	if s := c.owed(); s != nil {
		s.then = e
		return
	}
	if len(c.tape.scenes) == 0 {
		c.tape.add(&scene{key: keyGreeting, stage: smtp.StageGreeting, then: e})
		return
	}
	c.tape.scenes[len(c.tape.scenes)-1].then = e
}

// finish gives an end to a recording that has none.
func (c *cutter) finish() {
	if s := c.owed(); s != nil && s.then == goesOn {
		s.then = hangsUp
		c.note(noteCut)
	}
	if len(c.tape.by[keyGreeting]) == 0 && !(c.over && c.begun && len(c.tape.scenes) == 0) {
		// It is a part of a conversation: the end of one comes with each error.
		greeting := &scene{key: keyGreeting, stage: smtp.StageGreeting, replies: [][]string{{"220 parley replay ESMTP"}}}
		c.tape.scenes = append([]*scene{greeting}, c.tape.scenes...)
		c.tape.by[keyGreeting] = []*scene{greeting}
		c.note(noteBegin)
	}
	for _, s := range c.tape.scenes {
		for _, reply := range s.replies {
			for _, line := range reply {
				if strings.Contains(line, "(secret)") && s.key != "AUTH" && s.key != transcript.Response {
					c.note(noteSecret)
				}
			}
		}
	}
}

// note tells once of what is not played as it was.
func (c *cutter) note(words diagnose.Words) {
	for _, n := range c.tape.notes {
		if n.Words == words {
			return
		}
	}
	c.tape.notes = append(c.tape.notes, Note{Connection: c.tape.number, Words: words})
}
