package talk

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/parleymail/parley/internal/secret"
	"github.com/parleymail/parley/internal/wire"
	"github.com/parleymail/parley/smtp"
)

// Options are how a [Conversation] is had. The zero value of each field is safe.
type Options struct {
	Host        string      // what the server's certificate must be for
	TLS         *tls.Config // what certificates are judged by; nil: the system's roots, TLS 1.2 or better
	Fingerprint string      // SHA-256 of the certificate in hex; with it nothing else is asked of it
	Insecure    bool        // a certificate that is not good is told of, and the handshake goes on

	// Tell is told of every line, as it is said. It is called by one goroutine at a
	// time, and must not call the Conversation. Nil: nobody is.
	Tell func(Turn)
}

// A Turn is a line said, or something done, and what it means.
type Turn struct {
	smtp.Event
	State   State       // before it
	To      string      // of an answer: the verb of the command that it is to
	Unasked bool        // an answer to nothing
	First   bool        // the first line of its reply
	Reply   *smtp.Reply // with the last line of a reply: all of it
	Why     error       // of the end, where it was not meant
}

// A Conversation is one connection, on which anything may be said in any order. Its
// methods may be used by many goroutines.
type Conversation struct {
	options Options
	addr    string
	ctx     context.Context // ends with the conversation
	cancel  context.CancelFunc
	in      *wire.Reader // the listener's alone

	writing sync.Mutex // held while something goes out, and through a handshake
	conn    net.Conn   // changed by the listener, with both locks held

	mu      sync.Mutex
	state   State
	pending []asked
	sent    []byte // of /raw: a line that has no end yet, or what the content ends by
	secrets vault

	// distrust is that a login was said, and no command since: what is none may be a
	// response that was said too early, or though the server had said no.
	distrust bool

	// challenge is the text of the last 334, as it came: what the state has of it is
	// without what may be a piece of a secret.
	challenge string
	changed   chan struct{} // closed whenever the state changes
	tls       *tls.ConnectionState
	asked     time.Time
	why       error // what ended it; nil while it goes on, and where it ended as it should
}

// Converse has a conversation over conn, which is the Conversation's from now on. With
// secure it begins with TLS. The context is for that, and does not end it later.
func Converse(ctx context.Context, conn net.Conn, secure bool, options Options) (*Conversation, error) {
	c := &Conversation{options: options, conn: conn, addr: conn.RemoteAddr().String(), changed: make(chan struct{})}
	c.ctx, c.cancel = context.WithCancel(context.WithoutCancel(ctx))
	c.in = wire.NewReader(conn, readSize)
	c.asked = time.Now()
	c.pending = []asked{{verb: greeting, stage: smtp.StageGreeting}}
	c.state.Waiting, c.state.Pending = 1, greeting
	c.tell(Turn{Event: smtp.Event{Did: smtp.Connected, Stage: smtp.StageDial, Line: c.addr}})
	context.AfterFunc(c.ctx, func() { conn.Close() })
	if secure {
		stop := context.AfterFunc(ctx, c.cancel)
		err := c.startTLS()
		if !stop() && err == nil {
			err = &smtp.Error{Kind: smtp.Interrupted, Stage: smtp.StageTLS, Err: context.Cause(ctx)}
		}
		if err != nil {
			c.end(err)
			return nil, err
		}
	}
	go c.listen()
	return c, nil
}

// State is a copy of what is known now.
func (c *Conversation) State() State {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state
}

// Err is what ended the conversation, where that was not meant.
func (c *Conversation) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.why
}

// Until waits until the state is as it is wanted, or the conversation has ended. It
// gives the state, and an error where the context was over first.
func (c *Conversation) Until(ctx context.Context, wanted func(*State) bool) (State, error) {
	for {
		c.mu.Lock()
		state, changed := c.state, c.changed
		c.mu.Unlock()
		if state.Closed || wanted(&state) {
			return state, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return state, context.Cause(ctx)
		}
	}
}

// Answered is for Until: everything was answered.
func Answered(s *State) bool { return s.Waiting == 0 }

// errClosed is that of saying something to nobody.
var errClosed = errors.New("the connection is closed")

// Say sends lines, each with CRLF, all in one write. Where the server waits for a
// response to its challenge, and where a line is AUTH with an initial response,
// what is secret of it is told to nobody.
func (c *Conversation) Say(lines ...string) error { return c.say(true, lines...) }

// say is Say. With learn, what is secret of a line is looked for in what the server says
// from then on; without, that is seen to by who calls.
func (c *Conversation) say(learn bool, lines ...string) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	var out []byte
	c.mu.Lock()
	for _, line := range lines {
		if c.state.Closed {
			break
		}
		c.said(line, "", learn)
		out = append(append(out, line...), '\r', '\n')
	}
	c.mu.Unlock()
	return c.write(out)
}

// said notes a command, and tells of it. What ends it, where that is not CRLF, is
// shown.
func (c *Conversation) said(line, end string, learn bool) {
	a, shown := ask(line), Shown(line)
	known := find(a.verb) != nil
	wanted := c.state.Exchange && len(c.pending) == 0
	if c.distrust = a.verb == "AUTH" || c.distrust && !known; wanted || c.distrust && !known {
		a, shown = asked{verb: response, stage: smtp.StageAuth}, secret.Mark
		if line == "*" || line == "" { // RFC 4954 §4: it takes the exchange back
			shown = line
		}
		c.state.Exchange = false
	}
	if shown != line {
		text := strings.TrimSpace(line[max(initialResponse(line), 0):])
		c.secrets.Remember(text)
		if learn && !asksUser(c.challenge) {
			c.secrets.learn(text)
		}
	}
	c.expect(a)
	c.tell(Turn{Event: smtp.Event{Did: smtp.Command, Stage: a.stage, Line: shown + end, Hidden: shown != line}})
}

// wary reports whether what is said next may be a secret.
func (c *Conversation) wary() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.distrust
}

// expect notes that a reply is owed.
func (c *Conversation) expect(a asked) {
	c.state.Chunk += a.size
	c.pending = append(c.pending, a)
	c.asked = time.Now()
	c.change()
}

// change notes the state, and wakes those who wait for it.
func (c *Conversation) change() {
	c.state.Waiting, c.state.Pending = len(c.pending), ""
	if len(c.pending) > 0 {
		c.state.Pending = c.pending[0].verb
	}
	close(c.changed)
	c.changed = make(chan struct{})
}

// write gives out to the connection. The server may have said why it no longer listens:
// the listener will tell.
func (c *Conversation) write(out []byte) error {
	if c.State().Closed {
		return errClosed
	}
	_, err := patient{c}.Write(out)
	return err
}

// writeTime is how long the server may take nothing of what is said: RFC 5321 §4.5.3.2.5.
const writeTime = 3 * time.Minute

// A patient writes to the connection, and ends the conversation where that takes too long:
// who waits for a reply would wait for ever. The lock for writing is held.
type patient struct{ c *Conversation }

func (p patient) Write(out []byte) (int, error) {
	conn := p.c.conn
	conn.SetWriteDeadline(time.Now().Add(writeTime))
	n, err := conn.Write(out)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = fmt.Errorf("the server took nothing for %v: %w", writeTime, err)
		p.c.mu.Lock()
		stage := p.c.stage()
		p.c.mu.Unlock()
		p.c.end(&smtp.Error{Kind: smtp.Unreachable, Stage: stage, Err: err})
		return n, err
	}
	conn.SetWriteDeadline(time.Time{})
	return n, err
}

// tell tells of a turn. The lock is held, or nobody else is there yet.
func (c *Conversation) tell(t Turn) {
	t.At, t.Session, t.State = time.Now(), 1, c.state
	if c.options.Tell != nil {
		c.options.Tell(t)
	}
}

// note tells of something worth knowing.
func (c *Conversation) note(stage smtp.Stage, line string) {
	c.tell(Turn{Event: smtp.Event{Did: smtp.Note, Stage: stage, Line: line}})
}

// listen hears what the server says, until it says no more.
func (c *Conversation) listen() {
	var r reading
	for left := maxReply; ; {
		line, err := c.in.ReadLine(left)
		if err != nil {
			c.mu.Lock()
			if len(line) > 0 {
				c.heardLine(&reading{}, line, err)
			}
			c.mu.Unlock()
			c.end(c.lost(err))
			return
		}
		left -= len(line)
		c.mu.Lock()
		secure := c.heardLine(&r, line, nil)
		c.mu.Unlock()
		if secure {
			if err := c.startTLS(); err != nil {
				c.end(err)
				return
			}
		}
		if !r.begun {
			left = maxReply
		}
	}
}

// heardLine takes a line of a reply, and reports whether TLS begins behind it. The lock is
// held.
func (c *Conversation) heardLine(r *reading, line []byte, broken error) (secure bool) {
	line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
	var to asked
	unasked := len(c.pending) == 0
	if !unasked {
		to = c.pending[0]
	}
	if code, text, _ := parseLine(string(line)); code == 334 {
		c.challenge = text
	} else if code > 0 {
		c.challenge = ""
	}
	first := !r.begun
	shown, hidden := c.secrets.hide(line, to.stage)
	t := Turn{To: to.verb, Unasked: unasked, First: first}
	t.Event = smtp.Event{Did: smtp.Answer, Stage: to.stage, Line: string(shown), Hidden: hidden}
	if broken != nil {
		c.tell(t)
		return false
	}
	if !r.add(string(shown)) {
		c.tell(t)
		return false
	}
	reply := r.whole()
	*r = reading{}
	t.Reply, t.Took = &reply, time.Since(c.asked)
	c.tell(t)
	secure = to.verb == "STARTTLS" && reply.Code == 220
	if !unasked && !secure { // STARTTLS is not over before the handshake is
		c.pending = c.pending[1:]
	}
	c.state.heard(to, reply)
	c.change()
	return secure
}

// lost words the end of the connection.
func (c *Conversation) lost(err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.ctx.Err() != nil, c.state.LastTo == "QUIT":
		return nil
	case errors.Is(err, io.EOF) && c.state.Last.Code == 421:
		return nil // it has said so
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		err = fmt.Errorf("the server hung up: %w", err)
	case errors.Is(err, syscall.ECONNRESET):
		err = fmt.Errorf("the server cut the connection: %w", syscall.ECONNRESET)
	case errors.Is(err, wire.ErrLineTooLong):
		return &smtp.Error{Kind: smtp.Garbled, Stage: c.stage(), Err: errors.New("the reply has no end after 60 KiB")}
	}
	return &smtp.Error{Kind: smtp.Unreachable, Stage: c.stage(), Err: err}
}

// stage is where the conversation is.
func (c *Conversation) stage() smtp.Stage {
	switch {
	case len(c.pending) > 0:
		return c.pending[0].stage
	case c.state.Data:
		return smtp.StageContent
	}
	return c.state.Stage
}

// end closes the connection, and tells of it once.
func (c *Conversation) end(why error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state.Closed {
		return
	}
	c.tell(Turn{Why: why, Event: smtp.Event{Did: smtp.Closed, Stage: smtp.StageQuit, Err: cause(why)}})
	if len(c.pending) > 0 {
		c.state.Lost, c.state.Last = true, smtp.Reply{}
	}
	c.state.Closed, c.why, c.pending = true, why, nil
	c.change()
	c.cancel()
	c.conn.Close()
}

// cause is an error without what only smtp.Error has to say.
func cause(err error) error {
	if e, ok := errors.AsType[*smtp.Error](err); ok && e.Err != nil {
		return e.Err
	}
	return err
}

// Close hangs up without a word.
func (c *Conversation) Close() { c.end(nil) }
