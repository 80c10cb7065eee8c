package proxy

import (
	"sync"
	"time"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/smtp"
)

// A tap follows both directions of one session, and tells what it understands. It
// is given what was read before that goes on: so a command is known before its reply
// can come.
type tap struct {
	rules  rules
	number uint64
	server string // the provider's address, for diagnoses
	trace  func(smtp.Event)
	find   func(Finding)

	mu    sync.Mutex
	moved *sync.Cond // something was answered, or all is over

	// The program's side.
	state   state
	line    []byte // a command, as far as it has come
	early   []byte // what was said behind DATA before its reply
	behind  bool   // something was said behind STARTTLS
	local   local  // the command that the proxy answers itself
	content content
	stage   smtp.Stage // where the conversation is

	// The provider's side.
	pending []asked
	part    []byte // a line of a reply, as far as it has come
	reply   answer // the reply, as far as it has come
	unsent  bool   // a reply is known here, and not yet on its way to the program

	// The mail, the login, the session.
	offers     map[string]bool // by the provider, in its last reply to EHLO
	mechanism  string          // of the login that is going on
	responses  int             // in it
	inMail     bool            // MAIL was taken, and the mail has no verdict
	recipients int             // that were taken
	lmtp       bool
	programTLS bool
	remoteTLS  bool // the provider's side
	loggedIn   bool // the proxy has
	distrust   bool // a login was said, and no command since: what is no command may be a password
	unsure     bool // 8BITMIME was said in this mail
	binary     bool
	verb       string // of the last command
	said       int    // commands
	saidBefore int    // of these, before TLS with the program
	quit       bool   // QUIT was said
	farewell   bool   // the provider said that it goes: 221, 421
	refused    bool   // the last reply was no
	over       bool
	closed     bool // the end was told
	secrets    secrets
	told       map[Fault]bool
	explained  int   // findings
	mails      int   // taken
	octets     int64 // of the contents that were taken
}

// rules are what the tap must know of the proxy.
type rules struct {
	hold    bool // commands go on whole: some of them the proxy answers
	tlsHere bool // STARTTLS is answered by the proxy
	accept  bool // AUTH is answered by the proxy
	blind   bool // TLS passes through
	edits   edits
}

// state is what may come next from the program.
type state uint8

const (
	atCommand state = iota
	atLogin         // AUTH was said, and has no verdict: each line is a secret
	atData          // DATA was said, and has no reply
	atContent       // until a dot
	atChunk         // so many octets of BDAT
	atTLS           // STARTTLS was said, and has no reply
	adrift          // the tap has lost track
)

// action is what the session must do before more of what the program said may go on.
type action uint8

const (
	goOn         action = iota
	awaitReply          // wait for the reply to DATA: it says what the next octets are
	awaitTLS            // wait for the reply to STARTTLS
	answerHere          // wait until all is answered, then answer tap.local
	startBothTLS        // the provider said 220 to STARTTLS
	hangUp              // what speaks is no mail program
)

// An asked is a command that waits for its reply.
type asked struct {
	stage smtp.Stage
	verb  string
	at    time.Time
	held  bool // its reply is held until it is whole
	each  bool // LMTP: the first of several verdicts
	extra bool // LMTP: one of several verdicts, and not the last
}

const (
	// maxFindings is how much is explained of one session. What is refused more often
	// is refused for the same reason, and to find that out costs time.
	maxFindings = 100

	maxLine  = 64 << 10 // of a command or a reply, after which track is lost
	maxEarly = 64 << 10
)

func newTap(r rules) *tap {
	t := &tap{rules: r, told: make(map[Fault]bool), stage: smtp.StageGreeting}
	t.moved = sync.NewCond(&t.mu)
	t.pending = append(t.pending, asked{stage: smtp.StageGreeting, at: time.Now()})
	return t
}

// tell makes an event.
func (t *tap) tell(e smtp.Event) {
	if t.closed = t.closed || e.Did == smtp.Closed; t.trace == nil || t.closed && e.Did != smtp.Closed {
		return // nothing comes behind the end, as a last word to who has gone
	}
	e.At, e.Session = time.Now(), t.number
	if e.Stage == 0 {
		e.Stage = t.stage
	}
	t.trace(e)
}

func (t *tap) note(line string) { t.tell(smtp.Event{Did: smtp.Note, Line: line}) }

// fault tells of a fault, once in a session.
func (t *tap) fault(f Fault) { t.faultWith(f, diagnose.Diagnosis{}) }

// faultWith is fault, with a diagnosis that knows more.
func (t *tap) faultWith(f Fault, d diagnose.Diagnosis) {
	if t.told[f] {
		return
	}
	t.told[f] = true
	facts := factsOf(f)
	t.note(facts.note)
	if d.Kind == "" {
		d = facts.diagnosis(t.stage)
	}
	t.finding(Finding{Side: facts.side, Fault: f, Stage: t.stage, Diagnosis: d})
}

func (t *tap) finding(f Finding) {
	if t.find == nil || t.explained > maxFindings {
		return
	}
	if t.explained++; t.explained > maxFindings {
		t.note("enough has gone wrong in this session: no more of it is explained")
		return
	}
	f.At, f.Session = time.Now(), t.number
	t.find(f)
}

// lose is where the tap no longer understands. All goes on as before, untold.
func (t *tap) lose(why string) {
	if t.state == adrift {
		return
	}
	t.state = adrift
	t.early, t.part, t.reply.lines = nil, nil, nil
	if !t.rules.hold {
		t.line = nil // else it is still to go on
	}
	t.note("lost track: " + why + "; all is passed on, and no more of it is shown")
	t.moved.Broadcast()
}

// leftOver is what was held of a side that has hung up in the midst of a line, or of
// a reply.
func (t *tap) leftOver(side Side) (rest []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case side == Provider:
		rest, t.reply.held = t.reply.held, nil
	case t.rules.hold:
		rest, t.line = t.line, nil
	}
	return rest
}

// sent says that what provider gave is on its way to the program.
func (t *tap) sent() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.unsent = false
	t.moved.Broadcast()
}

// await waits until the tap is in no such state, or all is over, and reports
// whether it goes on.
func (t *tap) await(s state) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for t.state == s && !t.over {
		t.moved.Wait()
	}
	return !t.over
}

// drained waits until every command is answered and the answers are on their way,
// and reports whether it goes on.
func (t *tap) drained() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for (len(t.pending) > 0 || t.unsent) && !t.over && t.state != adrift {
		t.moved.Wait()
	}
	return !t.over
}

// end ends all waiting.
func (t *tap) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.over = true
	t.moved.Broadcast()
}

// idle reports whether nothing is under way: no command waits, and no mail was begun.
func (t *tap) idle() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.pending) == 0 && !t.unsent && !t.inMail && t.state == atCommand && len(t.line) == 0
}

// turn is who is to speak.
func (t *tap) turn() Side {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.pending) > 0 {
		return Provider
	}
	return Program
}
