package smtp_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/sasl"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtptest"
)

// An oddServer is a server that keeps to RFC 5321 until it is told to do something odd,
// and after that goes on as well as it can. It keeps count of what it was given.
type oddServer struct {
	t          testing.TB
	extensions []string
	lmtp       bool
	authority  *smtptest.Authority // with it STARTTLS is offered
	lax        bool                // it says yes to RCPT and DATA, though it said no before

	odd   oddity
	at    smtp.Stage // where it is odd
	after int        // how often it answers well there before

	mu       sync.Mutex
	conns    int
	contents []string // that were ended, in full
	taken    int      // that were answered by 2yz
	stray    []string // lines that are no command
	wg       sync.WaitGroup
}

// An oddity is what a server does in place of its reply; false: it is done with
// the conversation.
type oddity struct {
	name string
	does func(c *oddConn, good string) bool
}

func (f *oddServer) client() *smtp.Client {
	c := &smtp.Client{Addr: "mx.example:25", Hello: "localhost", Security: smtp.Plaintext, LMTP: f.lmtp, DialContext: f.dial}
	if f.authority != nil {
		c.Security, c.TLS = smtp.StartTLS, &tls.Config{RootCAs: f.authority.Pool()}
	}
	f.t.Cleanup(func() {
		c.Close()
		f.wg.Wait()
	})
	return c
}

func (f *oddServer) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	ours, theirs := smtptest.Pipe()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.conns++
	f.wg.Go(func() {
		defer theirs.Close()
		(&oddConn{oddServer: f, Conn: theirs, r: bufio.NewReader(theirs), raw: theirs}).serve()
	})
	return ours, nil
}

// A oddConn is one conversation of an oddServer.
type oddConn struct {
	*oddServer
	net.Conn
	r      *bufio.Reader
	raw    net.Conn // under TLS
	secure bool
	mail   bool // a reverse-path was taken
	rcpts  int
}

func (c *oddConn) say(text string) bool {
	_, err := io.WriteString(c.Conn, text+"\r\n")
	return err == nil
}

// reply says what it is to say at a stage: good, unless it is odd there.
func (c *oddConn) reply(stage smtp.Stage, good string) bool {
	c.mu.Lock()
	odd := c.odd.does != nil && c.at == stage && c.after == 0
	if c.at == stage {
		c.after--
	}
	c.mu.Unlock()
	if !odd {
		return c.say(good)
	}
	return c.odd.does(c, good)
}

func (c *oddConn) serve() {
	if !c.reply(smtp.StageGreeting, "220 mx.example") {
		return
	}
	for {
		line, err := c.line()
		if err != nil || !c.command(line) {
			return
		}
	}
}

func (c *oddConn) line() (string, error) {
	line, err := c.r.ReadString('\n')
	return strings.TrimSuffix(line, "\r\n"), err
}

func (c *oddConn) command(line string) bool {
	verb, rest, _ := strings.Cut(line, " ")
	switch verb {
	case "EHLO", "LHLO":
		return c.reply(smtp.StageHello, c.hello())
	case "STARTTLS":
		return c.startTLS()
	case "AUTH":
		return c.reply(smtp.StageAuth, "334 "+base64.StdEncoding.EncodeToString([]byte("who?")))
	case response:
		return c.reply(smtp.StageAuth, "235 2.7.0 welcome")
	case "MAIL":
		c.mail, c.rcpts = true, 0
		return c.reply(smtp.StageMail, "250 2.1.0 ok")
	case "RCPT":
		if !c.mail && !c.lax {
			return c.say("503 5.5.1 MAIL first")
		}
		c.rcpts++
		return c.reply(smtp.StageRcpt, "250 2.1.5 ok")
	case "DATA":
		if c.rcpts == 0 && !c.lax {
			return c.say("503 5.5.1 RCPT first")
		}
		return c.reply(smtp.StageData, "354 go on") && c.data()
	case "BDAT":
		return c.chunk(rest)
	case "RSET":
		c.mail, c.rcpts = false, 0
		return c.reply(smtp.StageReset, "250 2.0.0 ok")
	case "QUIT":
		c.reply(smtp.StageQuit, "221 2.0.0 bye")
		return false
	case "*":
		return c.say("501 5.5.4 as you like")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stray = append(c.stray, line)
	return c.say("500 5.5.1 what?")
}

func (c *oddConn) hello() string {
	s := "250-mx.example"
	for _, x := range c.extensions {
		s += "\r\n250-" + x
	}
	if c.authority != nil && !c.secure {
		s += "\r\n250-STARTTLS"
	}
	return s + "\r\n250 HELP"
}

func (c *oddConn) startTLS() bool {
	if !c.reply(smtp.StageTLS, "220 go on") {
		return false
	}
	conn := tls.Server(c.raw, &tls.Config{Certificates: []tls.Certificate{c.authority.Certificate()}})
	if conn.Handshake() != nil {
		return false
	}
	c.Conn, c.r, c.secure = conn, bufio.NewReader(conn), true
	return true
}

// data hears a content to its dot.
func (c *oddConn) data() bool {
	if c.rcpts < 0 { // 354 was not what it said
		c.rcpts = 0
		return true
	}
	var content strings.Builder
	for {
		line, err := c.line()
		if err != nil {
			return false
		}
		if line == "." {
			return c.end(content.String())
		}
		content.WriteString(line + "\r\n")
	}
}

// chunk hears a content that comes with BDAT.
func (c *oddConn) chunk(words string) bool {
	number, last := strings.CutSuffix(words, " LAST")
	size, err := strconv.Atoi(number)
	content := make([]byte, size)
	if err == nil {
		_, err = io.ReadFull(c.r, content)
	}
	if err != nil || !last {
		return false
	}
	if c.rcpts == 0 {
		return c.say("503 5.5.1 RCPT first")
	}
	return c.end(string(content))
}

func (c *oddConn) end(content string) bool {
	c.mu.Lock()
	c.contents = append(c.contents, content)
	c.mu.Unlock()
	c.mail = false
	return c.reply(smtp.StageEnd, "250 2.0.0 queued as 42")
}

// sent is a mail with a content that is always the same, or whatever write
// writes.
type sent struct {
	to    []string
	size  int64
	write func(w io.Writer) error
}

const content = "Subject: x\r\n\r\n.hello\r\n"

func aMail(to ...string) *sent {
	if len(to) == 0 {
		to = []string{"b@example.net"}
	}
	return &sent{to, int64(len(content)), func(w io.Writer) error {
		_, err := io.WriteString(w, content)
		return err
	}}
}

// bigMail does not fit into what a connection holds on its way.
func bigMail(octets int64) *sent {
	m := aMail()
	m.size = octets
	m.write = func(w io.Writer) error {
		line := []byte(strings.Repeat("x", 62) + "\r\n")
		for n := int64(0); n < octets; n += 64 {
			if _, err := w.Write(line); err != nil {
				return err
			}
		}
		return nil
	}
	return m
}

func (m *sent) Envelope() (mail.Envelope, error) {
	e := mail.Envelope{ReversePath: mail.Path{Local: "a", Domain: "example.com"}}
	for _, to := range m.to {
		local, domain, _ := strings.Cut(to, "@")
		e.Recipients = append(e.Recipients, mail.Recipient{Path: mail.Path{Local: local, Domain: domain}})
	}
	return e, nil
}

func (m *sent) Open() (mail.Content, error)              { return m, nil }
func (m *sent) Close() error                             { return nil }
func (m *sent) Fit(mail.Offer) (mail.Form, error)        { return mail.Form{Size: m.size}, nil }
func (m *sent) WriteTo(w io.Writer) (n int64, err error) { return m.size, m.write(w) }

// plainSecret says one response, without an initial one.
type plainSecret struct{}

// response is what it says, as it is on the wire.
var response = base64.StdEncoding.EncodeToString([]byte("\x00shop\x00hush hush"))

func (plainSecret) Choose(_ context.Context, offered []string, _ sasl.Channel) (sasl.Mechanism, error) {
	if len(offered) == 0 {
		return nil, errors.New("nothing is offered")
	}
	return plainSecret{}, nil
}

func (plainSecret) Name() string { return "X-TEST" }

func (plainSecret) Next(_ context.Context, challenge []byte) ([]byte, error) {
	switch {
	case challenge == nil:
		return nil, nil
	case len(challenge) > 0 && string(challenge) != "who?":
		return nil, fmt.Errorf("unknown challenge")
	}
	return []byte("\x00shop\x00hush hush"), nil
}

func (plainSecret) Outcome(bool) error { return nil }
func (plainSecret) Secrets() []string  { return []string{"hush hush"} }

// waits are the times of RFC 5321 §4.5.3.2, and ours where it names none. They
// stand here a second time so that a slip in smtp's table is found.
var waits = map[smtp.Stage]time.Duration{
	smtp.StageDial:     30 * time.Second,
	smtp.StageGreeting: 5 * time.Minute,
	smtp.StageHello:    5 * time.Minute,
	smtp.StageTLS:      2 * time.Minute,
	smtp.StageAuth:     5 * time.Minute,
	smtp.StageMail:     5 * time.Minute,
	smtp.StageRcpt:     5 * time.Minute,
	smtp.StageData:     2 * time.Minute,
	smtp.StageContent:  3 * time.Minute,
	smtp.StageEnd:      10 * time.Minute,
	smtp.StageReset:    30 * time.Second,
	smtp.StageQuit:     10 * time.Second,
}
