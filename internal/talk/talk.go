package talk

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/gloss"
	"github.com/parleymail/parley/internal/secret"
	"github.com/parleymail/parley/smtp"
)

// A Talk is a session by hand. Its fields are not changed once it runs.
type Talk struct {
	Client *smtp.Client // where it leads to, and what certificates are judged by
	Secure bool         // begin with TLS
	User   string       // the name that the server is known with, to log in; empty: it is asked for

	Insecure  bool          // go on where a certificate is not good
	NoExplain bool          // say what is said, and not what it means
	Lang      Lang          // of what is said to the person
	Timeout   time.Duration // the longest wait for a reply; zero: none for a person, five minutes for a script

	In    Input
	Print Printer
	Trace func(smtp.Event) // told of every event; nil: nobody is

	c       *Conversation
	queue   []string // lines that came with others, and are still to be said
	said    transcriptKeeper
	ordered bool // the person has said QUIT
}

// An Input gives what is typed.
type Input interface {
	// Read gives what was typed next: a line, or several that were pasted. It ends with
	// [ErrInterrupted], [ErrEnded], or the context.
	Read(ctx context.Context, a Ask) (string, error)

	// Live reports whether it is a person who types, and sees what happens meanwhile.
	Live() bool
}

// What ends an input. Neither is io.EOF, which is what ends a connection.
var (
	ErrInterrupted = errors.New("interrupted")            // the person has pressed Ctrl-C
	ErrEnded       = errors.New("there is no more of it") // the end of a script, or Ctrl-D
)

// An Ask is what is asked of the person.
type Ask struct {
	Prompt   string
	Secret   bool                           // it is not shown as it is typed, and kept by nobody
	Keep     bool                           // it goes into the history, if it is not secret
	Wary     bool                           // and only if it is a command: else it may be a secret
	Hint     func(line string) string       // what to say below it, as it is typed; may be nil
	Complete func(line string) []Completion // may be nil
}

// A Printer shows what happens. It may be called by many goroutines.
type Printer interface {
	Turn(e smtp.Event, remark string) // a line of the conversation, and what it means
	Trouble(cause, fix string)        // what a refusal comes of, and what to do about it
	Say(text string)                  // what we have to say ourselves
}

// An Error is a script that did not go as it was to.
type Error struct {
	Line string     // what the script says
	Want string     // of /expect
	Got  smtp.Reply // what came instead; zero: nothing
	Err  *smtp.Error
}

func (e *Error) Error() string {
	got := "nothing"
	if e.Got.Code > 0 || len(e.Got.Lines) > 0 {
		text, more, _ := strings.Cut(replyText(e.Got), "\n")
		if more != "" {
			text += " ..."
		}
		got = `"` + smtp.Printable(text) + `"`
	}
	return fmt.Sprintf("%s: %q was expected, and %s came", smtp.Printable(e.Line), e.Want, got)
}

// Unwrap gives the refusal as an error of package smtp.
func (e *Error) Unwrap() error { return e.Err }

// patience is how long a person is kept from typing by a reply that does not come.
const patience = time.Second

// lastWords is how long the reply to QUIT is waited for.
const lastWords = 2 * time.Second

// scriptTime is how long a script waits for a reply, unless it is told otherwise: RFC 5321
// §4.5.3.2 has five minutes for most commands.
const scriptTime = 5 * time.Minute

// Run has the session, from its begin to its end. The context ends it in good order.
func (t *Talk) Run(ctx context.Context) error {
	if err := t.connect(ctx); err != nil {
		return err
	}
	defer func() { t.c.Close() }()
	if err := t.settle(ctx, false); err != nil {
		return err
	}
	for {
		text, err := t.next(ctx, t.command())
		switch {
		case errors.Is(err, ErrEnded), errors.Is(err, ErrInterrupted), err != nil && ctx.Err() != nil:
			return t.leave(ctx, err)
		case err != nil:
			return err
		}
		if err := t.do(ctx, text); err != nil {
			if errors.Is(err, ErrEnded) || errors.Is(err, ErrInterrupted) || ctx.Err() != nil {
				return t.leave(ctx, err)
			}
			return err
		}
		if state := t.c.State(); t.ordered && (state.Closed || state.LastTo == "QUIT" && state.Last.Positive()) {
			t.hangUp(ctx)
			return t.cut(ctx)
		}
	}
}

// connect makes the connection.
func (t *Talk) connect(ctx context.Context) error {
	t.ordered = false
	g := &gloss.Glosser{Server: t.Client.Addr}
	c, err := Dial(ctx, t.Client, t.Secure, Options{Insecure: t.Insecure, Tell: func(turn Turn) { t.tell(g, turn) }})
	if err != nil {
		return err
	}
	t.c = c
	// To say goodbye takes a server that listens.
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(3*lastWords, c.Close) })
	context.AfterFunc(c.ctx, func() { stop() })
	return nil
}

// tell shows a turn. It is called by whoever said or heard it.
func (t *Talk) tell(g *gloss.Glosser, turn Turn) {
	t.said.add(turn.Event)
	if t.Trace != nil {
		t.Trace(turn.Event)
	}
	if t.NoExplain {
		t.Print.Turn(turn.Event, "")
	} else {
		line := g.Line(turn.Event)
		t.Print.Turn(turn.Event, remarkOn(turn, line, t.Lang))
		if r := turn.Reply; r != nil && r.Code >= 400 && line.Diagnosis != nil {
			t.trouble(*line.Diagnosis)
		}
	}
	if turn.Why != nil && turn.State.Greeted && t.In.Live() {
		t.troubleOf(turn.Why) // else it ends the session, and is told by who began it
	}
}

func (t *Talk) trouble(d diagnose.Diagnosis) { t.Print.Trouble(d.Cause.In(t.Lang), d.Fix.In(t.Lang)) }

// next is the next line: one that came with others, or what is typed now.
func (t *Talk) next(ctx context.Context, a Ask) (string, error) {
	if len(t.queue) == 0 {
		text, err := t.In.Read(ctx, a)
		if err != nil {
			return "", err
		}
		t.queue = strings.Split(strings.TrimSuffix(strings.ReplaceAll(text, "\r\n", "\n"), "\n"), "\n")
	}
	line := t.queue[0]
	t.queue = t.queue[1:]
	return line, nil
}

// do does what a line says.
func (t *Talk) do(ctx context.Context, line string) error {
	word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
	rest = strings.TrimSpace(rest)
	state := t.c.State()
	switch _, ours := findOwn(word); {
	case state.Exchange && !ours: // base64 may begin with a slash too
		return t.say(ctx, line)
	case state.Chunk > 0 && !ours: // the server takes it for octets of the chunk, whatever it is
		return t.raw(ctx, []byte(line+"\r\n"))
	case state.Data && !ours: // DATA went over by /raw
		t.queue = append([]string{line}, t.queue...)
		return t.content(ctx)
	case strings.HasPrefix(word, "/"):
		return t.own(ctx, word, rest, line)
	case word == "", strings.HasPrefix(word, "#") && !t.In.Live():
		return nil
	case strings.EqualFold(word, "AUTH") && rest != "" && !strings.Contains(rest, " ") && speaks(rest):
		return t.login(ctx, strings.ToUpper(rest), "")
	}
	return t.say(ctx, line)
}

// say sends a line, and with it those after it that came together with it, where the
// server lets commands follow one another: RFC 2920.
func (t *Talk) say(ctx context.Context, line string) error {
	state := t.c.State()
	if state.Closed {
		return t.overAlready(line)
	}
	if at := initialResponse(line); at >= 0 && line[at:] == secret.Mark {
		return t.complain(wordNotKept)
	}
	lines := []string{line}
	if state.Offers("PIPELINING") && !state.Exchange && t.In.Live() {
		for len(t.queue) > 0 && rides(lines[len(lines)-1]) && plain(t.queue[0]) {
			lines = append(lines, t.queue[0])
			t.queue = t.queue[1:]
		}
	}
	if err := t.c.Say(lines...); err != nil && !errors.Is(err, errClosed) {
		return t.settle(ctx, true) // the listener knows why
	}
	last := ask(lines[len(lines)-1])
	t.ordered = t.ordered || last.verb == "QUIT"
	if err := t.settle(ctx, decides(last.verb) || len(t.queue) > 0); err != nil {
		return err
	}
	switch now := t.c.State(); {
	case now.Data:
		return t.content(ctx)
	case last.verb == "DATA" && (len(t.queue) > 0 || !t.In.Live()):
		return t.skipContent(ctx)
	}
	return nil
}

// rides reports whether something may follow a command before its reply: RFC 2920 §3.1.
func rides(line string) bool {
	return slices.Contains([]string{"MAIL", "RCPT", "RSET"}, ask(line).verb)
}

// plain reports whether a line is a command that is sent as it is, and after which it is
// known what comes.
func plain(line string) bool {
	line = strings.TrimSpace(line)
	return line != "" && line[0] != '/' && line[0] != '#' && ask(line).verb != "AUTH"
}

// decides reports whether nothing can be typed before the reply to a command has come.
func decides(verb string) bool {
	return slices.Contains([]string{response, "STARTTLS", "AUTH", "DATA", ".", "QUIT"}, verb)
}

// settle waits for the replies that are owed. A person is not kept waiting for long,
// unless what can be said next hangs on them.
func (t *Talk) settle(ctx context.Context, decides bool) error {
	limit := t.Timeout
	switch {
	case limit > 0:
	case !t.In.Live():
		limit = scriptTime
	case !decides:
		limit = patience
	}
	waiting, cancel := ctx, context.CancelFunc(func() {})
	if limit > 0 {
		waiting, cancel = context.WithTimeout(ctx, limit)
	}
	defer cancel()
	state, err := t.c.Until(waiting, func(s *State) bool {
		return s.Waiting == 0 || s.Chunk > 0 // the reply to BDAT comes after the octets
	})
	switch {
	case err == nil && state.Lost && t.c.Err() != nil && (!t.In.Live() || !state.Greeted):
		return t.c.Err()
	case err == nil:
	case ctx.Err() != nil:
		return err
	case t.Timeout > 0 || !t.In.Live():
		t.c.Close()
		return &smtp.Error{Kind: smtp.Unreachable, Stage: stageOf(state.Pending), Err: fmt.Errorf("the server said nothing for %v: %w", limit, os.ErrDeadlineExceeded)}
	}
	return nil
}

// troubleOf tells a person why the line broke.
func (t *Talk) troubleOf(err error) {
	if !t.NoExplain {
		t.trouble(t.explain(err))
	}
}

func (t *Talk) explain(err error) diagnose.Diagnosis {
	return diagnose.Default().Explain(err, diagnose.Hint{Server: t.Client.Addr})
}

// overAlready is what becomes of a line when nobody listens.
func (t *Talk) overAlready(line string) error {
	if t.In.Live() {
		t.Print.Say(wordOver.in(t.Lang))
		t.queue = nil
		return nil
	}
	said, stage := Shown(line), ask(line).stage
	if t.c.wary() && find(ask(line).verb) == nil {
		said, stage = secret.Mark, smtp.StageAuth
	}
	return &smtp.Error{Kind: smtp.Unreachable, Stage: stage, Err: fmt.Errorf("%s: %w", said, errClosed)}
}

// leave ends the session in good order.
func (t *Talk) leave(ctx context.Context, why error) error {
	state := t.c.State()
	if state.Closed {
		return nil
	}
	if state.Data {
		// No dot: without it the server throws away what it has of the content.
		t.Print.Say(wordDropped.in(t.Lang))
		t.c.Close()
		if !t.In.Live() && errors.Is(why, ErrEnded) {
			return &smtp.Error{Kind: smtp.Invalid, Stage: smtp.StageContent, Err: errors.New("the script ends before the content does: a line with nothing but a dot is missing")}
		}
		return t.cut(ctx)
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWords)
	defer cancel()
	if state.Exchange {
		t.c.Say("*") // RFC 4954 §4
	}
	if state, err := t.c.Until(last, Answered); err == nil && !state.Closed {
		t.c.Say("QUIT")
		t.c.Until(last, Answered)
	}
	t.hangUp(last)
	return t.cut(ctx)
}

// hangUp lets the server hang up first, as RFC 5321 §4.1.1.10 has it, and does so itself
// where that takes too long.
func (t *Talk) hangUp(ctx context.Context) {
	last, cancel := context.WithTimeout(ctx, lastWords)
	defer cancel()
	t.c.Until(last, func(*State) bool { return false })
	t.c.Close()
}

// cut is the error of a script that was interrupted; a person who ends a session has ended
// it.
func (t *Talk) cut(ctx context.Context) error {
	if ctx.Err() == nil || t.In.Live() {
		return nil
	}
	return &smtp.Error{Kind: smtp.Interrupted, Stage: smtp.StageQuit, Err: context.Cause(ctx)}
}

// A transcriptKeeper has what was said, for /save: the end of it, where a server says so
// much that nobody would read it.
type transcriptKeeper struct {
	mu     sync.Mutex
	events []smtp.Event
	size   int // octets of their lines
}

const maxKept = 16 << 20

func (k *transcriptKeeper) add(e smtp.Event) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.events = append(k.events, e)
	k.size += len(e.Line)
	for k.size > maxKept {
		k.size -= len(k.events[0].Line)
		k.events = k.events[1:]
	}
}

func (k *transcriptKeeper) all() []smtp.Event {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.events)
}
