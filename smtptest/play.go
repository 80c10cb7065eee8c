package smtptest

import (
	"bufio"
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
	"testing"
	"time"

	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/transcript"
)

// playHost is the name of the server that Play plays.
const playHost = "mx.example"

// Play gives a client whose server says the S: lines of the script, and fails the
// test where the client says anything but its C: lines. The package's
// documentation tells what a script can have.
//
// The client is made for the script: Hello is the name in its first EHLO
// ("localhost", where that has a *), Security what the script does, TLS trusts the script's throwaway certificate, Trace prints to
// t.Output, and DialContext gives the script's connections, in their order. Where
// the script has AUTH the test sets Auth, as it was in the run that it is of. The
// test may change these fields, and set others, before it uses the client. It is
// closed when the test ends, and all that the script has must have been said by
// then. QUIT need not stand in a script: at its end it is answered by 221.
//
// Play works in the bubbles of testing/synctest, and then is to be called inside.
func Play(t testing.TB, script string) *smtp.Client {
	t.Helper()
	s, err := parseScript(script)
	if err != nil {
		t.Fatalf("smtptest: %v", err)
	}
	p := &player{t: t, script: s}
	client := &smtp.Client{
		Addr:        playHost + ":25",
		Hello:       s.hello(),
		Security:    s.security(),
		Trace:       transcript.Print(t.Output()),
		DialContext: p.dial,
	}
	if client.Security != smtp.Plaintext {
		p.authority = NewAuthority(t)
		client.TLS = &tls.Config{RootCAs: p.authority.Pool()}
	}
	t.Cleanup(func() {
		client.Close()
		p.end()
	})
	return client
}

// hello is the name that the script's client goes by.
func (s *script) hello() string {
	for _, p := range s.parts {
		for _, t := range p.turns {
			verb, name, _ := strings.Cut(t.event.Line, " ")
			if t.act == actHear && (verb == "EHLO" || verb == "LHLO" || verb == "HELO") && name != "" && !strings.Contains(name, "*") {
				return name
			}
		}
	}
	return "localhost"
}

// A player plays a script.
type player struct {
	t         testing.TB
	script    *script
	authority *Authority // nil where the script has no TLS

	mu    sync.Mutex
	next  int // the next part to play
	ours  []*conn
	wg    sync.WaitGroup
	ended bool
}

// dial begins the script's next connection.
func (p *player) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	refused := &net.OpError{Op: "dial", Net: network, Addr: serverAddr(), Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	if p.ended {
		return nil, refused
	}
	if p.next == len(p.script.parts) {
		p.t.Errorf("smtptest: the client opened connection %d, and the script has %d", p.next+1, len(p.script.parts))
		return nil, refused
	}
	this := p.script.parts[p.next]
	p.next++
	if len(this.turns) > 0 && this.turns[0].act == actRefuse {
		return nil, refused
	}
	ours, theirs := pipe(clientAddr(p.next), serverAddr())
	p.ours = append(p.ours, ours)
	c := &playing{player: p, part: this, bare: theirs, conn: theirs, r: bufio.NewReader(theirs), chunk: -1}
	p.wg.Go(c.play)
	return ours, nil
}

// end waits for the connections to be played to their end.
func (p *player) end() {
	p.mu.Lock()
	p.ended = true
	for _, c := range p.ours {
		c.Close()
	}
	unplayed := p.script.parts[p.next:]
	p.mu.Unlock()
	p.wg.Wait()
	for _, rest := range unplayed {
		if len(rest.turns) > 0 {
			p.t.Errorf("smtptest: script line %d: the client never opened this connection", rest.turns[0].number)
		}
	}
}

// A playing is one connection, as it is played.
type playing struct {
	*player
	part       *part
	bare       *conn    // under TLS
	conn       net.Conn // what is spoken over
	r          *bufio.Reader
	pipelining bool   // was offered
	content    bool   // the client is to say its content: 354 was said
	first      bool   // nothing of it was heard
	chunk      int64  // octets that follow BDAT; -1: none
	heard      string // the command that waits for its reply
}

// errOver ends a connection that the script is done with.
var errOver = errors.New("over")

func (c *playing) play() {
	defer c.conn.Close()
	for i := range c.part.turns {
		err := c.turn(i)
		if err == nil {
			continue
		}
		if !errors.Is(err, errOver) {
			c.t.Errorf("smtptest: script line %d: %v", c.part.turns[i].number, err)
			c.bare.Reset()
		}
		return
	}
	if err := c.farewell(); err != nil {
		c.t.Errorf("smtptest: after script line %d: %v", c.part.last, err)
		c.bare.Reset()
	}
}

// turn does what one line says.
func (c *playing) turn(i int) error {
	t := c.part.turns[i]
	switch t.act {
	case actHear:
		return c.hear(i, t)
	case actContent:
		return c.hearContent(i)
	case actSay:
		return c.say(t)
	case actRaw:
		return c.write(t.text)
	case actTLS:
		return c.startTLS(i, t)
	case actWait:
		return c.wait(i, t.wait)
	case actSilence:
		io.Copy(io.Discard, c.r)
	case actDeaf:
		c.bare.waitGone()
	case actReset:
		c.bare.Reset()
	default: // actClose; actRefuse was met by dial
	}
	return errOver
}

// say says a line of a reply.
func (c *playing) say(t turn) error {
	if err := c.checkGroup(t); err != nil {
		return err
	}
	line := t.event.Line
	if len(line) > 4 && strings.EqualFold(line[4:], "PIPELINING") {
		c.pipelining = true
	}
	if strings.HasPrefix(line, "354") && !strings.HasPrefix(line, "354-") {
		c.content, c.first = true, true
	}
	if !strings.HasPrefix(line[min(3, len(line)):], "-") {
		c.heard = "" // it has its reply
	}
	return c.write(line + "\r\n")
}

// write gives octets to the client. Where it has gone, the next line that it was
// to say tells: what it said before it went is still to be heard.
func (c *playing) write(octets string) error {
	io.WriteString(c.conn, octets)
	return nil
}

// gone is what it means that the client went away before turn i was done.
func (c *playing) gone(i int, err error) error {
	for _, t := range c.part.turns[i:] {
		if t.act == actHear || t.act == actContent {
			return fmt.Errorf("wanted %q, but the client hung up before (%w)", t, err)
		}
	}
	return errOver
}

// checkGroup holds the client to RFC 2920: it waits for each reply unless
// PIPELINING was offered, and for some replies even then.
func (c *playing) checkGroup(t turn) error {
	if c.heard == "" || c.r.Buffered() == 0 && (c.conn != c.bare || c.bare.pending() == 0) {
		return nil
	}
	verb, _, _ := strings.Cut(strings.ToUpper(c.heard), " ")
	switch verb {
	case "EHLO", "LHLO", "HELO", "DATA", "AUTH", "STARTTLS", "NOOP", "QUIT":
		return fmt.Errorf("the client did not wait for %q: it said more after %s", t, verb)
	}
	if !c.pipelining {
		return fmt.Errorf("the client did not wait for %q after %q, though PIPELINING was not offered", t, c.heard)
	}
	return nil
}

// hear holds a line of the client against the script's.
func (c *playing) hear(i int, t turn) error {
	pattern := t.event.Line
	if c.content && c.first && pattern == "." {
		return c.skipContent() // any content
	}
	line, err := c.readLine()
	if err != nil {
		return fmt.Errorf("wanted %q, but %w", t, err)
	}
	c.first = false
	if c.content && line == "." {
		c.content = false
	}
	if !matches(pattern, line) {
		return fmt.Errorf("wanted %q, got %q", t, spoken(line))
	}
	c.heard = line
	if size, ok := chunkSize(line); ok {
		c.chunk = size
		if i+1 == len(c.part.turns) || c.part.turns[i+1].act != actContent {
			return c.hearChunk()
		}
	}
	return nil
}

// hearChunk hears what comes after BDAT, which the script need not mention.
func (c *playing) hearChunk() error {
	size := c.chunk
	c.chunk = -1
	if _, err := io.CopyN(io.Discard, c.r, size); err != nil {
		return fmt.Errorf("wanted a chunk of %d octets, but the client hung up within it (%w)", size, err)
	}
	return nil
}

// hearContent hears what "C: (content)" stands for.
func (c *playing) hearContent(i int) error {
	if c.chunk >= 0 {
		return c.hearChunk()
	}
	if !c.content {
		return errors.New("a content stands in the script where none is asked for: neither 354 nor BDAT goes before it")
	}
	if next := i + 1; next < len(c.part.turns) && c.part.turns[next].act == actHear && c.part.turns[next].event.Line == "." {
		c.first = true
		return nil // "C: ." skips it
	}
	return c.skipContent()
}

// skipContent hears all up to the dot.
func (c *playing) skipContent() error {
	for {
		line, err := c.readLine()
		if err != nil {
			return fmt.Errorf("wanted a content and its dot, but %w", err)
		}
		if line == "." {
			c.content, c.heard = false, line
			return nil
		}
	}
}

func (c *playing) readLine() (string, error) {
	line, err := c.r.ReadString('\n')
	switch {
	case err != nil && line != "":
		return "", fmt.Errorf("the client hung up in the midst of %q (%w)", spoken(line), err)
	case err != nil:
		return "", fmt.Errorf("the client hung up (%w)", err)
	case !strings.HasSuffix(line, "\r\n"):
		return "", fmt.Errorf("the client ended %q by a bare LF", spoken(strings.TrimSuffix(line, "\n")))
	}
	return strings.TrimSuffix(line, "\r\n"), nil
}

// spoken is a line of the client as a script has it.
func spoken(line string) string {
	return transcript.Line(smtp.Event{Did: smtp.Command, Line: line})
}

// wait waits, unless the client goes before.
func (c *playing) wait(i int, d time.Duration) error {
	until := time.Now().Add(d)
	timer := time.AfterFunc(d, c.bare.in.wake) // set after until was read, so that it does not fire before
	defer timer.Stop()
	if c.bare.waitUntil(until) {
		return c.gone(i, errors.New("while the server waited"))
	}
	return nil
}

// farewell is what comes after the script's last line: nothing, or QUIT.
func (c *playing) farewell() error {
	line, err := c.r.ReadString('\n')
	switch {
	case err != nil && line == "":
		return nil
	case strings.TrimRight(line, "\r\n") == "QUIT":
		io.WriteString(c.conn, "221 2.0.0 bye\r\n")
		return nil
	}
	return fmt.Errorf("wanted nothing more, got %q", spoken(strings.TrimRight(line, "\r\n")))
}

// tlsFaults are what can be wrong with the certificate of "-- tls".
var tlsFaults = map[string]func(p *player) tls.Certificate{
	"":          func(p *player) tls.Certificate { return p.authority.Certificate() },
	"expired":   func(p *player) tls.Certificate { return p.authority.certificate(time.Now().Add(-time.Hour)) },
	"misnamed":  func(p *player) tls.Certificate { return p.authority.Certificate("other.example") },
	"untrusted": func(p *player) tls.Certificate { return NewAuthority(p.t).Certificate() },
}

// startTLS speaks TLS from here on.
func (c *playing) startTLS(i int, t turn) error {
	if n := c.r.Buffered(); n > 0 {
		return fmt.Errorf("wanted TLS, but the client sent %d octets before it heard that TLS may begin", n)
	}
	config := &tls.Config{Certificates: []tls.Certificate{tlsFaults[t.text](c.player)}}
	conn := tls.Server(bufferedConn{c.bare, c.r}, config)
	if err := conn.Handshake(); err != nil {
		return c.gone(i, err)
	}
	c.conn, c.r, c.heard = conn, bufio.NewReader(conn), ""
	return nil
}

// A bufferedConn is a connection of which a part was read already.
type bufferedConn struct {
	net.Conn
	r *bufio.Reader
}

func (b bufferedConn) Read(p []byte) (int, error) { return b.r.Read(p) }
