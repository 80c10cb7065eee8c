package transcript

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/parleymail/parley/smtp"
)

// A Turn is a command and its reply, or something that was done.
type Turn struct {
	Connection int        // counted from 1
	Stage      smtp.Stage // of the reply, where there is one
	Verb       string     // see [Place.Verb]
	Command    *smtp.Event
	Done       *smtp.Event // what was done, where that is neither command nor reply
	Answers    Transcript  // the lines of the reply; of all replies, where LMTP has one for each recipient
	TLS        bool        // it was said within TLS
	number     int
}

// Turns is a conversation turn by turn, connection by connection. A reply stands with its command, though others went
// between them.
func Turns(t Transcript) [][]Turn {
	var all [][]Turn
	var at []map[int]int // of each connection: the turn of a number
	var f Follower
	for _, e := range t {
		p := f.Follow(e)
		if p.Connection > len(all) {
			all, at = append(all, nil), append(at, make(map[int]int))
		}
		turns := &all[p.Connection-1]
		i, known := at[p.Connection-1][p.Turn]
		if !known {
			i = len(*turns)
			at[p.Connection-1][p.Turn] = i
			*turns = append(*turns, Turn{Connection: p.Connection, Stage: p.Stage, Verb: p.Verb, TLS: p.TLS, number: p.Turn})
		}
		this := &(*turns)[i]
		switch e.Did {
		case smtp.Answer:
			this.Answers = append(this.Answers, e)
			this.Stage = cmp.Or(p.Stage, this.Stage)
		case smtp.Command:
			this.Command = &e
		default:
			this.Done = &e
		}
	}
	for _, turns := range all {
		slices.SortStableFunc(turns, func(a, b Turn) int { return cmp.Compare(a.number, b.number) })
	}
	return all
}

// Replies are the replies of a turn: one, but over LMTP.
func (t *Turn) Replies() []smtp.Reply {
	var all []smtp.Reply
	from := 0
	for i, e := range t.Answers {
		if code, last := replyCode(e.Line); last || i+1 == len(t.Answers) {
			all = append(all, readReply(code, t.Answers[from:i+1]))
			from = i + 1
		}
	}
	return all
}

// Reply is the first of the replies, or none.
func (t *Turn) Reply() smtp.Reply {
	if all := t.Replies(); len(all) > 0 {
		return all[0]
	}
	return smtp.Reply{}
}

// Took is how long the reply was waited for, where the transcript has it.
func (t *Turn) Took() time.Duration {
	var took time.Duration
	for _, e := range t.Answers {
		took = max(took, e.Took)
	}
	return took
}

// readReply reads the lines of one reply. The text of what is none is kept, and its code is 0.
func readReply(code int, lines Transcript) smtp.Reply {
	r := smtp.Reply{Code: code}
	for i, e := range lines {
		text := e.Line
		if code > 0 {
			text = text[min(4, len(text)):]
		}
		if c, rest, ok := cutEnhanced(code, text); ok && (i == 0 || c == r.Enhanced) {
			r.Enhanced, text = c, rest
		}
		r.Lines = append(r.Lines, text)
	}
	return r
}

// cutEnhanced takes the enhanced code off a line: RFC 2034 §4.
func cutEnhanced(code int, line string) (c smtp.EnhancedCode, rest string, ok bool) {
	word, rest, _ := strings.Cut(line, " ")
	parts := strings.Split(word, ".")
	if len(parts) != 3 || code == 0 {
		return c, line, false
	}
	for i, to := range []*int{&c.Class, &c.Subject, &c.Detail} {
		if len(parts[i]) == 0 || len(parts[i]) > 3 || strings.Trim(parts[i], "0123456789") != "" {
			return smtp.EnhancedCode{}, line, false
		}
		for _, d := range parts[i] {
			*to = *to*10 + int(d-'0')
		}
	}
	if c.Class != code/100 {
		return smtp.EnhancedCode{}, line, false
	}
	return c, rest, true
}
