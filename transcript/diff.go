package transcript

import (
	"slices"
	"strings"
	"time"

	"github.com/parleymail/parley/smtp"
)

// A Comparison is two conversations side by side.
type Comparison struct {
	Pairs []Pair // in the order of the conversations, connection by connection
}

// A Pair is a turn of each conversation that belong together; nil, where one has none for it.
type Pair struct {
	A, B        *Turn
	Differences []Difference // the weightiest first
}

// A Difference is one thing in which two turns differ.
type Difference struct {
	What   What
	Weight Weight
	Stage  smtp.Stage
	A, B   string // the two that differ; empty where one side has nothing
	Pair   *Pair  // that it is of
}

// Weight says how much a difference matters.
type Weight uint8

// Weights, from the least.
const (
	Passing Weight = iota + 1 // another date, id, host name, port or size, as each conversation has
	Timing                    // a step took more than twice as long, and 100 ms more
	Wording                   // the same reply in other words, where it says yes
	Real
)

// What says in what two turns differ. Its String is a word that stays as it is.
type What uint8

// What there is to differ in.
const (
	Missing   What = iota + 1 // one conversation has no such turn
	Verdict                   // the code, or the enhanced code, of a reply
	Text                      // the text of a reply
	Silence                   // one server gave no reply
	Extension                 // the reply to EHLO has a keyword or a mechanism of AUTH that the other has not
	Parameter                 // a keyword in the reply to EHLO has other parameters
	Said                      // the command
	Encrypted                 // the version of TLS
	Ending                    // how the connection ended
	Size                      // the octets of a content
	Slower                    // how long a reply took
	Detail                    // what was noted, connected to, or is a name
)

var whats = [...]string{"", "missing", "code", "text", "silence", "extension", "parameter", "command", "tls", "ending", "size", "slower", "detail"}

// String is one word: "extension".
func (w What) String() string {
	if int(w) >= len(whats) {
		return "none"
	}
	return whats[w]
}

// Diff lays two conversations side by side: connection by connection, and in each turn by turn, by what was asked
// and not by lines, so that what went ahead in one and waited in the other is no difference. Nor is what every
// conversation has of its own: dates, ids, host names, ports, numbers, challenges, sizes, and the order of
// extensions. All of them are there to be seen, with the weight [Passing].
func Diff(a, b Transcript) *Comparison {
	c := new(Comparison)
	left, right := Turns(a), Turns(b)
	for i := range max(len(left), len(right)) {
		c.Pairs = append(c.Pairs, align(turnsOf(left, i), turnsOf(right, i))...)
	}
	for i := range c.Pairs {
		p := &c.Pairs[i]
		p.compare()
		slices.SortStableFunc(p.Differences, func(x, y Difference) int { return int(y.Weight) - int(x.Weight) })
	}
	return c
}

func turnsOf(all [][]Turn, i int) []Turn {
	if i < len(all) {
		return all[i]
	}
	return nil
}

// Differences are all of a weight, or more.
func (c *Comparison) Differences(least Weight) []Difference {
	var all []Difference
	for i := range c.Pairs {
		for _, d := range c.Pairs[i].Differences {
			if d.Weight >= least {
				all = append(all, d)
			}
		}
	}
	return all
}

// First is the first difference that is real; where there is none, the first in the words of a reply; nil, where
// there is neither.
func (c *Comparison) First() *Difference {
	for weight := Real; weight >= Wording; weight-- {
		for i := range c.Pairs {
			for j := range c.Pairs[i].Differences {
				if d := &c.Pairs[i].Differences[j]; d.Weight == weight {
					return d
				}
			}
		}
	}
	return nil
}

// Turning is the first difference by which one of the two can have gone another way: another code, a reply that never
// came, another end of the connection. It is often not the first: a server that offers no login refuses a mail only
// later. Nil, where there is none.
func (c *Comparison) Turning() *Difference {
	for i := range c.Pairs {
		for j := range c.Pairs[i].Differences {
			d := &c.Pairs[i].Differences[j]
			if d.Weight == Real && (d.What == Verdict || d.What == Silence || d.What == Ending) {
				return d
			}
		}
	}
	return nil
}

// Same reports whether there is neither a real difference nor one in words.
func (c *Comparison) Same() bool { return c.First() == nil }

// add notes a difference of a pair.
func (p *Pair) add(what What, weight Weight, a, b string) {
	this := p.A
	if this == nil {
		this = p.B
	}
	p.Differences = append(p.Differences, Difference{What: what, Weight: weight, Stage: this.Stage, A: a, B: b, Pair: p})
}

// compare finds in what the turns of a pair differ.
func (p *Pair) compare() {
	a, b := p.A, p.B
	switch {
	case a == nil:
		p.add(Missing, p.missing(b), "", b.line())
		return
	case b == nil:
		p.add(Missing, p.missing(a), a.line(), "")
		return
	case a.Command != nil && b.Command != nil:
		p.compareCommands()
	case a.Done != nil && b.Done != nil:
		p.compareDone()
	}
	p.compareReplies()
	p.compareTimes()
}

// missing is how much it matters that only one conversation has a turn.
func (p *Pair) missing(t *Turn) Weight {
	switch {
	case t.Verb == Remark, t.Verb == Connect, t.Verb == Body && t.Done == nil, t.Done != nil && beyond(*t.Done):
		return Passing
	case t.Verb == Hangup && t.Done != nil && t.Done.Err == nil:
		return Passing // it was not waited for
	}
	return Real
}

// line is a turn on one line.
func (t *Turn) line() string {
	switch {
	case t.Command != nil:
		return Line(*t.Command)
	case t.Done != nil:
		return Line(*t.Done)
	case len(t.Answers) > 0:
		return Line(t.Answers[0])
	}
	return ""
}

func (p *Pair) compareCommands() {
	a, b := p.A.Command.Line, p.B.Command.Line
	switch {
	case a == b, p.A.Verb == Response:
	case p.A.Verb == "AUTH" && mechanism(a) == mechanism(b):
		p.add(Said, Passing, p.A.line(), p.B.line()) // the response came along, or was asked for
	case plainCommand(a) == plainCommand(b):
		p.add(Said, Passing, p.A.line(), p.B.line())
	default:
		p.add(Said, Real, p.A.line(), p.B.line())
	}
}

// mechanism is that of AUTH.
func mechanism(line string) string {
	if words := strings.Fields(strings.ToUpper(line)); len(words) > 1 {
		return words[1]
	}
	return ""
}

func (p *Pair) compareDone() {
	a, b := p.A.Done, p.B.Done
	switch {
	case a.Did != b.Did:
		p.add(Missing, Real, Line(*a), Line(*b))
	case a.Did == smtp.Closed && (a.Err != nil) != (b.Err != nil):
		p.add(Ending, Real, Line(*a), Line(*b))
	case a.Did == smtp.Closed && a.Err != nil && endKind(a.Err.Error()) != endKind(b.Err.Error()):
		p.add(Ending, Real, Line(*a), Line(*b))
	case a.Did == smtp.StartedTLS && version(a.Line) != version(b.Line):
		p.add(Encrypted, Real, version(a.Line), version(b.Line))
	case a.Did == smtp.Content && a.Size != b.Size:
		p.add(Size, Passing, Line(*a), Line(*b))
	case Line(*a) != Line(*b):
		p.add(Detail, Passing, Line(*a), Line(*b))
	}
}

// version is that of TLS, of what was told of it.
func version(line string) string {
	v, _, _ := strings.Cut(line, ",")
	return v
}

// endKind is how a connection ended, without the addresses: what stands behind the last colon.
func endKind(why string) string {
	if isImpatience(why) {
		return "silence"
	}
	return plain(why[strings.LastIndex(why, ": ")+1:])
}

// isImpatience reports whether it was who tells of it that hung up, for want of an answer.
func isImpatience(why string) bool {
	for _, mark := range []string{"i/o timeout", "deadline exceeded", "context canceled"} {
		if strings.Contains(why, mark) {
			return true
		}
	}
	return false
}

// Twice as long is slower, where it is this much longer too.
const slower = 100 * time.Millisecond

func (p *Pair) compareTimes() {
	a, b := p.A.Took(), p.B.Took()
	if a == 0 || b == 0 {
		return
	}
	if less, more := min(a, b), max(a, b); more > 2*less && more-less >= slower {
		p.add(Slower, Timing, a.Round(time.Millisecond).String(), b.Round(time.Millisecond).String())
	}
}
