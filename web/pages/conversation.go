package pages

import (
	"slices"
	"strings"
	"time"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/gloss"
	"github.com/parleymail/parley/inbox"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/transcript"
)

// A turn is a line of a conversation as a page shows it.
type turn struct {
	Who    string // "C", "S" or "–"
	Class  string // of the style sheet
	Text   string
	Took   time.Duration
	Remark diagnose.Words
	Bad    *diagnose.Diagnosis
	Did    string // a word of words for what was done, with Text behind it; empty: Text says it
	Of     string // what that word has a %s for
	More   []turn // further lines of the same reply, that few want to read
}

// mostTurns is how many lines are shown; a session of a thousand mails has more than anybody reads.
const mostTurns = 600

// A conversation is what was said, and where the time went.
type conversation struct {
	Turns []turn
	Left  int // that are not shown
	Bars  []bar
	Total time.Duration

	Part    bool  // it is only what was said for one mail
	Session int64 // of which it is a part
}

// A bar is a stretch of a session's time, in thousandths of the whole.
type bar struct {
	Step  string // a word of words: "step-envelope"
	Class string
	X, W  int
	Took  time.Duration
}

func newConversation(t transcript.Transcript) *conversation {
	c := new(conversation)
	shown := t
	if len(shown) > mostTurns {
		shown, c.Left = shown[:mostTurns], len(t)-mostTurns
	}
	for _, l := range gloss.Of(shown) {
		c.Turns = append(c.Turns, turnOf(l))
	}
	c.fold()
	c.time(gloss.Times(t))
	return c
}

// fold puts the further lines of a long reply, which is most often what EHLO is told that there is, below its first one. A reply that
// is a refusal is read whole.
func (c *conversation) fold() {
	const long = 4 // lines
	turns := c.Turns[:0]
	for i := 0; i < len(c.Turns); {
		first, end := c.Turns[i], i
		for first.Class == "server" && end+1 < len(c.Turns) && c.Turns[end+1].Class == "server" && strings.HasPrefix(c.Turns[end].Text, "250-") {
			end++
		}
		if end-i+1 >= long {
			first.More = slices.Clone(c.Turns[i+1 : end+1])
			i = end
		}
		turns = append(turns, first)
		i++
	}
	c.Turns = turns
}

func turnOf(l gloss.Line) turn {
	e := l.Event
	t := turn{Who: "–", Class: "done", Took: e.Took, Bad: l.Diagnosis}
	if t.Bad != nil && t.Bad.Kind == "unclassified" {
		t.Bad = nil // the reply says as much itself
	}
	if !l.Repeated {
		t.Remark = l.Remark
	}
	switch e.Did {
	case smtp.Command:
		t.Who, t.Class, t.Text = "C", "client", smtp.Printable(e.Line)
	case smtp.Answer:
		t.Who, t.Class, t.Text = "S", "server", smtp.Printable(e.Line)
		if e.Line != "" && e.Line[0] >= '4' {
			t.Class = "server bad"
		}
	case smtp.Content:
		t.Who, t.Class = "C", "client content"
		t.Text = strings.TrimPrefix(transcript.Line(e), "C: ")
	default:
		t.done(e)
	}
	return t
}

// done tells what was done, in the page's language as far as it is ours.
func (t *turn) done(e smtp.Event) {
	t.Text = smtp.Printable(e.Line)
	switch e.Did {
	case smtp.Connected:
		t.Did = "did-connected-to"
		if from, ok := strings.CutPrefix(t.Text, "from "); ok {
			t.Did, t.Text = "did-connected", from
		}
	case smtp.StartedTLS:
		t.Did = "did-tls"
	case smtp.Closed:
		t.Did = "did-closed"
		t.Text = strings.TrimPrefix(smtp.Printable(transcript.Line(e)), "-- closed")
		t.Text = strings.TrimLeft(t.Text, ":, ")
	default:
		if purpose := inbox.OnPurpose(transcript.Transcript{e}); len(purpose) > 0 {
			t.Did, t.Of, t.Text = "by-address", purpose[0].ID, smtp.Printable(purpose[0].Rule)
			if t.Of != "" {
				t.Did = "by-rule"
			}
		}
	}
}

// transactionOf is what was said for the mail that was kept at a time: from its MAIL to the reply to its content. The whole
// transcript is given where it has no more than one mail, or the one that is meant is not found in it.
func transactionOf(t transcript.Transcript, kept time.Time) (part transcript.Transcript, whole bool) {
	var f transcript.Follower
	begun, ended, mails := -1, -1, 0
	for i, e := range t {
		place := f.Follow(e)
		if e.Did == smtp.Command && place.Verb == "MAIL" {
			mails++
			if !e.At.After(kept) {
				begun, ended = i, -1
			}
		}
		// The mail was put down before its reply was said.
		if begun >= 0 && ended < 0 && e.Did == smtp.Answer && place.Last && !e.At.Before(kept) {
			ended = i
		}
	}
	if mails < 2 || begun < 0 || ended < 0 {
		return t, true
	}
	return t[begun : ended+1], false
}

// time lays the spans on a line.
func (c *conversation) time(spans []gloss.Span) {
	sums := make(map[gloss.Step]time.Duration)
	var order []gloss.Step
	for _, s := range spans {
		if _, has := sums[s.Step]; !has {
			order = append(order, s.Step)
		}
		sums[s.Step] += s.Took
		c.Total += s.Took
	}
	if c.Total <= 0 {
		return
	}
	x := 0
	for _, step := range order {
		w := int(1000 * sums[step] / c.Total)
		c.Bars = append(c.Bars, bar{Step: "step-" + step.String(), Class: "step-" + step.String(), X: x, W: max(w, 2), Took: sums[step]})
		x += w
	}
}
