package gloss

import (
	"time"

	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/transcript"
)

// A Span is an interval of a session that went into one thing.
type Span struct {
	Session uint64
	Step    Step
	Stage   smtp.Stage // at which it was; 0 where that is not known
	Began   time.Duration
	Took    time.Duration
}

// A Step is what the time of a [Span] went into. Its String is a word that stays as it is.
type Step uint8

// Steps, in the order in which a session has them. The first four happen once or twice, the others for each mail.
const (
	Connecting Step = iota + 1 // the connection was made; known only where a client tells of it
	Greeted                    // the server was waited for to speak first
	Helloed                    // EHLO
	Encrypted                  // STARTTLS and the handshake
	LoggedIn                   // AUTH
	Enveloped                  // MAIL, RCPT and DATA
	Carried                    // the content went over
	Judged                     // the verdict was waited for
	Parted                     // QUIT
	Asked                      // any other command
	Idle                       // nothing was owed, and the client said nothing
)

var steps = [...]string{"", "connect", "greeting", "hello", "tls", "auth", "envelope", "content", "verdict", "quit", "other", "idle"}

// String is one word: "envelope".
func (s Step) String() string {
	if int(s) >= len(steps) {
		return "none"
	}
	return steps[s]
}

// least is the shortest silence that is one. What lies between a reply and the next command otherwise is the client's
// own work, and counts for what comes next.
const least = 10 * time.Millisecond

// Times are where the time of a conversation went: the spans of each session in their order, without gaps and without
// overlap, from when it began. Events that tell no time, as those of a text, make none.
func Times(t transcript.Transcript) []Span {
	var spans []Span
	var f transcript.Follower
	clocks := make(map[uint64]*clock)
	for _, e := range t {
		p := f.Follow(e)
		if e.At.IsZero() {
			continue
		}
		c := clocks[e.Session]
		if c == nil {
			c = &clock{began: e.At, last: e.At, over: true, current: -1}
			clocks[e.Session] = c
		}
		spans = c.tick(spans, e, p)
		if e.Did == smtp.Closed {
			delete(clocks, e.Session)
		}
	}
	return spans
}

// A clock is one session's.
type clock struct {
	began, last time.Time
	over        bool // nothing was owed at last
	current     int  // the span that may grow; -1: none
	step        Step // that the time since last belongs to, where something was owed
}

// tick gives the time since the last event to what it went into.
func (c *clock) tick(spans []Span, e smtp.Event, p transcript.Place) []Span {
	took := e.At.Sub(c.last)
	step := stepOf(e, p)
	switch {
	case e.Did == smtp.Connected:
		if e.Took > 0 {
			c.began, c.last, took = e.At.Add(-e.Took), e.At.Add(-e.Took), e.Took
		}
	case e.Did == smtp.Command && c.over && took >= least, e.Did == smtp.Closed && c.over && took >= least:
		spans = c.grow(spans, e.Session, Idle, 0, took)
		took = 0
	case step == 0: // a note, or the end of the line: it belongs to what was waited for
		step = c.step
	}
	if step == 0 {
		step = Asked
	}
	if took > 0 {
		spans = c.grow(spans, e.Session, step, p.Stage, took)
	}
	if e.Did == smtp.Command && step == Carried {
		step = Judged // which is what is waited for from here on
	}
	c.last, c.over, c.step = e.At, p.Over && p.Verb != transcript.Body && p.Code != 354, step
	return spans
}

// grow adds to the span that is under way where it is of the same step, and begins another otherwise.
func (c *clock) grow(spans []Span, session uint64, step Step, stage smtp.Stage, took time.Duration) []Span {
	if c.current >= 0 && spans[c.current].Step == step {
		spans[c.current].Took += took
		return spans
	}
	c.current = len(spans)
	return append(spans, Span{Session: session, Step: step, Stage: stage, Began: c.last.Sub(c.began), Took: took})
}

// stepOf is what the time up to an event went into; 0 where the event does not tell.
func stepOf(e smtp.Event, p transcript.Place) Step {
	switch p.Verb {
	case transcript.Connect:
		return Connecting
	case transcript.Greeting:
		return Greeted
	case "EHLO", "HELO", "LHLO":
		return Helloed
	case "STARTTLS", transcript.Secure:
		return Encrypted
	case "AUTH", transcript.Response:
		return LoggedIn
	case "MAIL", "RCPT", "DATA":
		return Enveloped
	case transcript.Body:
		return Carried
	case ".":
		if e.Did == smtp.Command {
			return Carried
		}
		return Judged
	case "BDAT":
		if e.Did == smtp.Answer {
			return Judged
		}
		return Carried
	case "QUIT":
		return Parted
	case transcript.Remark, transcript.Hangup:
		return 0
	}
	return Asked
}
