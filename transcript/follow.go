package transcript

import (
	"strconv"
	"strings"

	"github.com/parleymail/parley/smtp"
)

// A Follower follows a conversation event by event, and tells where in it each one stands: which command an
// answer is to, though many went ahead of it. It needs no stages, which a transcript read from text has not. The
// zero value is ready. It is used by one goroutine at a time.
type Follower struct {
	open  map[uint64]*thread // by session
	count int
	loose int // notes that belong to no session
}

// A Place is where in its conversation an event stands.
type Place struct {
	Connection int        // which one, counted from 1 in the order in which they began
	Stage      smtp.Stage // as the event tells it, or as it follows from what was said before; 0 where that is nothing

	// Turn counts within the connection, from 1: the greeting, each command, each thing done. An answer has that
	// of its command.
	Turn int

	// Verb is the verb of the command, in capitals, and of an answer that of the command it is to. A name in small
	// letters stands where there is no verb: see [Greeting] and the other constants.
	Verb string

	First, Last bool // of the lines of a reply
	Code        int  // of the reply that an answer belongs to; 0 where the line is no part of one
	TLS         bool // TLS was started before
	Over        bool // the server said all that it owed, or nothing was owed
}

// What stands in [Place.Verb] and [Turn.Verb] where there is no verb.
const (
	Greeting = "greeting" // what the server says first
	Response = "response" // a line that answers a 334: RFC 4954 §4
	Unasked  = "unasked"  // what the server says though it owes nothing
	Connect  = "connect"
	Secure   = "tls"
	Body     = "content"
	Remark   = "note"
	Hangup   = "closed"
)

// A thread is one connection.
type thread struct {
	number  int
	turns   int
	pending []owed
	begun   bool // something was said, or it was seen to be connected
	middle  bool // the lines of a reply have begun
	code    int  // of that reply
	tls     bool
	lmtp    bool
	data    bool // 354 was said: lines are content
	respond bool // 334 was said: the next line answers it
	taken   int  // recipients of the transaction
}

// An owed is a reply that the server owes.
type owed struct {
	verb  string
	stage smtp.Stage
	turn  int
	each  bool // one for each recipient that was taken: RFC 2033 §4.2
	left  int  // of those; 0 before the first
}

// Follow tells where an event stands. Each is to be given once, in their order.
func (f *Follower) Follow(e smtp.Event) Place {
	if f.open == nil {
		f.open = make(map[uint64]*thread)
	}
	t := f.open[e.Session]
	if t == nil && e.Did == smtp.Note {
		return f.aside(e)
	}
	if t == nil || e.Did == smtp.Connected && t.begun {
		f.count++
		t = &thread{number: f.count}
		f.open[e.Session] = t
	}
	p := t.follow(e)
	p.Connection, p.TLS, p.Over = t.number, t.tls, len(t.pending) == 0
	if e.Stage != 0 {
		p.Stage = e.Stage
	}
	t.begun = true
	if e.Did == smtp.StartedTLS && !beyond(e) {
		t.tls = true
	}
	if e.Did == smtp.Closed {
		delete(f.open, e.Session)
	}
	return p
}

// aside is the place of a note that is made while its session is not: before the first connection it stands before all
// else, and then behind all else of the one that began last. It begins none.
func (f *Follower) aside(e smtp.Event) Place {
	const far = 1 << 30
	f.loose++
	p := Place{Connection: f.count, Stage: e.Stage, Verb: Remark, Turn: far + f.loose, Over: true}
	if f.count == 0 {
		p.Connection, p.Turn = 1, f.loose-far
	}
	return p
}

// beyond reports whether TLS was started by a proxy with the server behind it: the client that speaks here does not.
func beyond(e smtp.Event) bool { return strings.Contains(e.Line, "with the provider") }

func (t *thread) follow(e smtp.Event) Place {
	switch e.Did {
	case smtp.Command:
		return t.command(e)
	case smtp.Answer:
		return t.answer(e)
	case smtp.Content:
		return t.done(Body, smtp.StageContent)
	case smtp.Connected:
		t.pending = []owed{{verb: Greeting, stage: smtp.StageGreeting}}
		return t.done(Connect, smtp.StageDial)
	case smtp.StartedTLS:
		t.data, t.respond, t.taken = false, false, 0
		return t.done(Secure, smtp.StageTLS)
	case smtp.Closed:
		return t.done(Hangup, smtp.StageQuit)
	default:
		return t.done(Remark, 0)
	}
}

// done is an event to which nothing is owed.
func (t *thread) done(verb string, stage smtp.Stage) Place {
	t.turns++
	return Place{Verb: verb, Stage: stage, Turn: t.turns}
}

func (t *thread) command(e smtp.Event) Place {
	t.turns++
	verb, stage := VerbOf(e.Line), smtp.Stage(0)
	switch {
	case t.respond:
		verb, stage, t.respond = Response, smtp.StageAuth, false
	case t.data && e.Line == ".":
		verb, stage, t.data = ".", smtp.StageEnd, false
	case t.data: // a line of the content, as scripts of tests have them
		return Place{Verb: Body, Stage: smtp.StageContent, Turn: t.turns}
	default:
		stage = stageOf(verb, e.Line)
	}
	o := owed{verb: verb, stage: stage, turn: t.turns}
	switch verb {
	case "LHLO":
		t.lmtp = true
	case ".":
		o.each = t.lmtp
	case "BDAT":
		o.each = t.lmtp && stage == smtp.StageEnd
	}
	t.pending = append(t.pending, o)
	return Place{Verb: verb, Stage: stage, Turn: t.turns}
}

func (t *thread) answer(e smtp.Event) Place {
	code, last := replyCode(e.Line)
	p := Place{First: !t.middle, Last: last || t.middle && code != t.code, Code: code, Verb: Unasked}
	if !t.begun && len(t.pending) == 0 && (code == 220 || code >= 400) {
		t.pending = []owed{{verb: Greeting, stage: smtp.StageGreeting}}
	}
	if len(t.pending) > 0 {
		o := &t.pending[0]
		if o.turn == 0 { // the greeting: what was done before it, such as TLS, came first
			t.turns++
			o.turn = t.turns
		}
		p.Verb, p.Stage, p.Turn = o.verb, o.stage, o.turn
	} else {
		if p.First {
			t.turns++
		}
		p.Turn = t.turns
	}
	t.middle, t.code = !p.Last, code
	if p.Last && len(t.pending) > 0 {
		t.heard(code)
	}
	return p
}

// heard is what follows from a whole reply to the oldest command.
func (t *thread) heard(code int) {
	o, yes := &t.pending[0], code/100 == 2
	t.respond = code == 334 && (o.verb == "AUTH" || o.verb == Response)
	switch o.verb {
	case "MAIL":
		if yes {
			t.taken = 0
		}
	case "RCPT":
		if yes {
			t.taken++
		}
	case "DATA":
		t.data = code == 354
	}
	if o.each && code != 421 {
		if o.left == 0 {
			o.left = max(t.taken, 1)
		}
		if o.left--; o.left > 0 {
			return
		}
	}
	t.pending = t.pending[1:]
}

// replyCode parts off the code of a line of a reply, and reports whether it is the last: RFC 5321 §4.2. A line that is
// none has no code, and ends the reply that it stands in.
func replyCode(line string) (code int, last bool) {
	if len(line) < 3 || line[0] < '2' || line[0] > '5' || len(line) > 3 && line[3] != ' ' && line[3] != '-' {
		return 0, true
	}
	code, err := strconv.Atoi(line[:3])
	if err != nil {
		return 0, true
	}
	return code, len(line) == 3 || line[3] == ' '
}

// VerbOf is the verb of a command, in capitals.
func VerbOf(line string) string {
	verb := strings.TrimLeft(line, " \t")
	if i := strings.IndexAny(verb, " \t"); i >= 0 {
		verb = verb[:i]
	}
	verb = strings.ToUpper(verb)
	// MAIL and RCPT without their blanks are said often enough.
	for _, known := range [...]string{"MAIL", "RCPT"} {
		if strings.HasPrefix(verb, known) {
			return known
		}
	}
	return verb
}

func stageOf(verb, line string) smtp.Stage {
	switch verb {
	case "EHLO", "HELO", "LHLO":
		return smtp.StageHello
	case "STARTTLS":
		return smtp.StageTLS
	case "AUTH":
		return smtp.StageAuth
	case "MAIL":
		return smtp.StageMail
	case "RCPT", "VRFY", "EXPN":
		return smtp.StageRcpt
	case "DATA":
		return smtp.StageData
	case ".":
		return smtp.StageEnd
	case "BDAT":
		if words := strings.Fields(strings.ToUpper(line)); len(words) > 2 && words[2] == "LAST" {
			return smtp.StageEnd
		}
		return smtp.StageContent
	case "QUIT":
		return smtp.StageQuit
	case "RSET", "NOOP", "HELP":
		return smtp.StageReset
	}
	return 0
}
