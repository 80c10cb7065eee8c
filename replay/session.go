package replay

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
	"time"

	"github.com/parleymail/parley/internal/secret"
	"github.com/parleymail/parley/internal/wire"
	"github.com/parleymail/parley/sasl"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/transcript"
)

// A session is a connection that a tape is played on.
type session struct {
	server *Server
	tape   *tape
	number uint64
	ctx    context.Context

	bare net.Conn // under TLS
	conn net.Conn
	in   *wire.Reader
	out  []byte
	tls  *tls.ConnectionState

	counts  map[string]int  // how often each key was asked for
	used    map[*scene]bool // what was played
	cursor  int             // in tape.scenes: before it, all was asked; for Strict
	stage   smtp.Stage
	asked   time.Time
	wary    bool   // a login was asked for, and no command came since: what is none may be a secret
	taken   int    // recipients of the transaction, for LMTP
	lmtp    bool   // LHLO was said
	content bool   // of BDAT: chunks of one content go on
	why     error  // what ended it, where the client did not
	line    string // the command that is being answered, as it may be told
}

const (
	maxLine   = 64 << 10
	readSize  = 4 << 10
	patience  = 5 * time.Minute // for the client to say something: RFC 5321 §4.5.3.2.7
	handshake = 30 * time.Second
)

// errOver ends a session as the recording has it, or the client.
var errOver = errors.New("over")

func newSession(ctx context.Context, s *Server, conn net.Conn, p *tape, number uint64) *session {
	return &session{
		server: s, tape: p, number: number, ctx: ctx, bare: conn, conn: conn, in: wire.NewReader(conn, readSize),
		counts: make(map[string]int), used: make(map[*scene]bool),
	}
}

// run is a session from its begin to its end.
func (s *session) run() {
	s.tell(smtp.Event{Stage: smtp.StageDial, Did: smtp.Connected, Line: "from " + s.bare.RemoteAddr().String()})
	err := s.talk()
	s.unsaid()
	s.flush()
	if !errors.Is(err, errOver) && s.why == nil {
		s.why = err
	} else {
		s.part()
	}
	s.conn.Close()
	s.tell(smtp.Event{Stage: smtp.StageQuit, Did: smtp.Closed, Err: s.why})
}

// talk goes on until something ends it, which is errOver where that was to be.
func (s *session) talk() error {
	if s.implicit() {
		if err := s.startTLS(); err != nil {
			return err
		}
	}
	s.stage = smtp.StageGreeting
	if err := s.perform(s.take(s.first(keyGreeting)), ""); err != nil {
		return err
	}
	for {
		line, err := s.read()
		if err != nil {
			return err
		}
		if err := s.command(line); err != nil {
			return err
		}
	}
}

func (s *session) implicit() bool {
	return s.server.Security == smtp.ImplicitTLS || s.tape.implicit && s.server.Security != smtp.Plaintext
}

// within reports whether what the recording has within TLS is what is said now.
func (s *session) within() bool {
	return s.tls != nil || s.server.Security == smtp.Plaintext
}

// read gives the next line of the client. What was said goes out first, where nothing more of the client's is there.
func (s *session) read() (string, error) {
	if !bytes.Contains(s.in.Buffered(), []byte("\n")) {
		if err := s.flush(); err != nil {
			return "", err
		}
	}
	s.conn.SetReadDeadline(time.Now().Add(patience))
	line, err := s.in.ReadLine(maxLine)
	switch {
	case errors.Is(err, io.EOF):
		return "", errOver
	case err != nil:
		return "", fmt.Errorf("hearing the client: %w", err)
	}
	s.asked = time.Now()
	return string(bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))), nil
}

// command answers a command as the recording does.
func (s *session) command(line string) error {
	verb := transcript.VerbOf(line)
	s.line = s.shown(verb, line)
	s.stage = stageOf(verb)
	s.tell(smtp.Event{Stage: s.stage, Did: smtp.Command, Line: s.line, Hidden: s.line != line})
	if s.stage != 0 {
		s.wary = verb == "AUTH"
	}
	switch verb {
	case "EHLO", "LHLO", "HELO":
		return s.hello(verb)
	case "STARTTLS":
		return s.secure()
	case "AUTH":
		return s.login(line)
	case "DATA":
		return s.data()
	case "BDAT":
		return s.chunk(line)
	case "RCPT":
		return s.recipient(line)
	case "MAIL":
		s.taken = 0
	}
	return s.perform(s.choose(verb, line), verb)
}

// shown is a line as anybody may see it.
func (s *session) shown(verb, line string) string {
	words := strings.Fields(line)
	switch {
	case verb == "AUTH" && len(words) > 1 && !secret.IsMechanism(words[1]):
		return words[0] + " " + secret.Mark
	case verb == "AUTH" && len(words) > 2:
		return words[0] + " " + words[1] + " " + secret.Mark
	case stageOf(verb) == 0 && (s.wary || strings.Contains(strings.ToUpper(line), "AUTH")):
		// A client that was told no may not have heard it, and says all that it was going to say.
		return secret.Mark
	}
	return line
}

// perform says what a scene has, and does what follows.
func (s *session) perform(c *scene, verb string) error {
	if s.refuses() {
		if err := s.say([]string{"554 5.5.0 parley replay: " + smtp.Printable(s.why.Error())}); err != nil {
			return err
		}
		return errOver
	}
	if c == nil {
		return s.invent(verb)
	}
	if err := s.pause(c); err != nil {
		return err
	}
	if len(c.replies) > 0 {
		if err := s.say(c.replies[0]); err != nil {
			return err
		}
	}
	return s.follow(c, verb)
}

// follow does what the recorded server did behind its reply, or in its place.
func (s *session) follow(c *scene, verb string) error {
	if len(c.chase) > 0 {
		if err := s.idle(c.lull); err != nil {
			return err
		}
		if err := s.say(c.chase); err != nil {
			return err
		}
	}
	switch c.then {
	case hangsUp:
		return errOver
	case resets:
		return s.reset()
	case silent:
		return s.fallSilent()
	case goesOn:
	}
	if verb == "QUIT" {
		return errOver
	}
	return nil
}

// pause takes as long as the recorded server took.
func (s *session) pause(c *scene) error { return s.idle(c.wait) }

func (s *session) idle(d time.Duration) error {
	if d <= 0 || !s.server.Times {
		return nil
	}
	if err := s.flush(); err != nil {
		return err
	}
	until := time.Now().Add(d)
	if err := s.hearUntil(until); err != nil {
		return err
	}
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-s.ctx.Done():
		return errOver
	}
}

// hearUntil hears what the client says meanwhile, as far as there is room for it, to learn whether it hangs up.
func (s *session) hearUntil(until time.Time) error {
	s.conn.SetReadDeadline(until)
	for {
		err := s.in.Fill(maxLine)
		switch {
		case err == nil:
		case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, wire.ErrLineTooLong):
			return nil
		case errors.Is(err, io.EOF) && len(s.in.Buffered()) > 0:
			return nil // it may have said all it has to say, and listen on
		case errors.Is(err, io.EOF), s.ctx.Err() != nil:
			return errOver
		default:
			return fmt.Errorf("hearing the client: %w", err)
		}
	}
}

// say says the lines of a reply.
func (s *session) say(lines []string) error {
	for i, line := range lines {
		s.wary = s.wary || strings.HasPrefix(line, "334") // a login under another name
		s.out = append(append(s.out, line...), "\r\n"...)
		e := smtp.Event{Stage: s.stage, Did: smtp.Answer, Line: line}
		if s.stage == smtp.StageAuth && secret.TestsPasswords([]byte(line)) {
			e.Line, e.Hidden = line[:min(4, len(line))]+secret.Mark, true
		}
		if i+1 == len(lines) && !s.asked.IsZero() {
			e.Took = time.Since(s.asked)
		}
		s.tell(e)
	}
	if len(s.out) > readSize {
		return s.flush()
	}
	return nil
}

// flush sends off what was said.
func (s *session) flush() error {
	if len(s.out) == 0 {
		return nil
	}
	s.conn.SetWriteDeadline(time.Now().Add(patience))
	_, err := s.conn.Write(s.out)
	s.out = s.out[:0]
	if err != nil {
		return fmt.Errorf("answering the client: %w", err)
	}
	return nil
}

// linger is how long the client has to hear what was said before the connection is cut: a reset takes back what was not
// heard yet, and in the recording it was.
const linger = 200 * time.Millisecond

// part ends what we say, and hears what the client still says. To close over octets that were not read would be a reset to the client, as of the
// ClientHello that it sends while we hang up; in the recording it was none.
func (s *session) part() {
	bare, ok := s.bare.(*net.TCPConn)
	if !ok {
		return
	}
	if inner, ok := s.conn.(*tls.Conn); ok {
		inner.CloseWrite()
	}
	if bare.CloseWrite() != nil {
		return // it was cut
	}
	bare.SetReadDeadline(time.Now().Add(linger))
	io.Copy(io.Discard, io.LimitReader(bare, maxHeard))
}

// maxHeard is how much is heard of a client to which nothing more is said, in octets.
const maxHeard = 1 << 20

// reset cuts the connection.
func (s *session) reset() error {
	if len(s.out) > 0 {
		s.flush()
		s.conn.SetReadDeadline(time.Now().Add(linger))
		s.in.ReadLine(maxLine)
	}
	switch conn := s.bare.(type) {
	case *net.TCPConn:
		conn.SetLinger(0)
		conn.Close()
	case interface{ Reset() }: // in memory
		conn.Reset()
	}
	return errOver
}

// fallSilent hears, and says nothing more.
func (s *session) fallSilent() error {
	if err := s.flush(); err != nil {
		return err
	}
	s.conn.SetReadDeadline(time.Time{})
	io.Copy(io.Discard, s.in)
	return errOver
}

// startTLS speaks TLS from here on.
func (s *session) startTLS() error {
	if err := s.flush(); err != nil {
		return err
	}
	if len(s.in.Buffered()) > 0 {
		return errors.New("octets follow STARTTLS in clear text") // RFC 3207 §4.2
	}
	conn := tls.Server(s.conn, s.server.config)
	ctx, cancel := context.WithTimeout(s.ctx, handshake)
	defer cancel()
	if err := conn.HandshakeContext(ctx); err != nil {
		return fmt.Errorf("the TLS handshake: %w", err)
	}
	state := conn.ConnectionState()
	s.conn, s.in, s.tls = conn, wire.NewReader(conn, readSize), &state
	s.tell(smtp.Event{Stage: smtp.StageTLS, Did: smtp.StartedTLS, TLS: s.tls,
		Line: tls.VersionName(state.Version) + ", " + tls.CipherSuiteName(state.CipherSuite)})
	return nil
}

func (s *session) tell(e smtp.Event) {
	if s.server.Trace != nil {
		e.At, e.Session = time.Now(), s.number
		s.server.Trace(e)
	}
}

func (s *session) channel() sasl.Channel { return sasl.Channel{TLS: s.tls} }

func stageOf(verb string) smtp.Stage {
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
	case "BDAT":
		return smtp.StageEnd
	case "QUIT":
		return smtp.StageQuit
	case "RSET", "NOOP", "HELP":
		return smtp.StageReset
	}
	return 0
}
