package hostile

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A Server is an honest one, as plain as can be, that keeps a record of what it
// took. Its fields are not changed while it serves.
type Server struct {
	Offers []string // the service extensions, as they stand in the reply to EHLO
	LMTP   bool
	TLS    *tls.Config // for STARTTLS, which is to stand in Offers too

	// Refuse gives the reply to RCPT of a recipient who is not taken; "": 250.
	Refuse func(path string) string

	// Verdict gives the reply to the end of a content, for one recipient over LMTP;
	// "": 250, and the mail is taken.
	Verdict func(m *Mail, path string) string

	// Instead, where it says true, gives what is said in place of doing what a line
	// asks for. The line is "" for the greeting and "." for the end of a content. A
	// reply may hold several lines, CRLF and all. After Silence nothing is said any
	// more; HangUp closes, and so does 421.
	Instead func(line string) (string, bool)

	// Babble says what has no end; it gives up when writing fails.
	Babble func(w io.Writer) error

	// Auth judges an exchange, and gives the reply that ends it. ask gives a
	// challenge and has the response.
	Auth func(mechanism string, initial []byte, ask func(challenge []byte) ([]byte, error)) string

	mu    sync.Mutex
	taken []*Mail
	said  [][]string
	dirty []string
}

// What Server.Instead may give in place of a reply.
const (
	Silence = "say nothing"
	HangUp  = "hang up"
	Babble  = "talk without end" // by Server.Babble
)

// A Mail is one that a Server took.
type Mail struct {
	Session int
	From    string   // what stood after MAIL FROM:
	To      []string // what stood after RCPT TO:, for those who were taken
	Taken   []string // whom the end of the content was answered with 250 for
	Content []byte
}

// Taken is what the server has taken: what it has answered, or was about to
// answer, with 250.
func (s *Server) Taken() []*Mail {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.taken)
}

// Said is the lines that were heard as commands, session by session.
func (s *Server) Said() [][]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([][]string, len(s.said))
	for i := range s.said {
		all[i] = slices.Clone(s.said[i])
	}
	return all
}

// Dirty tells of each octet that no client may send: a bare CR or LF, a NUL.
func (s *Server) Dirty() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.dirty)
}

// idle is how long the server waits for its client, as a real one does.
const idle = 30 * time.Minute

// A session is one conversation of a Server.
type session struct {
	*Server
	number int
	conn   net.Conn
	in     *bufio.Reader
	out    *bufio.Writer
	mail   *Mail
	chunks []byte
	mute   bool
}

var errOver = errors.New("the session is over")

// Serve holds one conversation, to its end, and closes the connection.
func (s *Server) Serve(conn net.Conn) error {
	s.mu.Lock()
	s.said = append(s.said, nil)
	c := &session{Server: s, number: len(s.said) - 1, conn: conn, in: bufio.NewReader(conn), out: bufio.NewWriter(conn)}
	s.mu.Unlock()
	defer func() { c.conn.Close() }()
	reply, ok := c.instead("")
	if !ok {
		reply = "220 mx.test"
	}
	if err := c.answer(reply); err != nil {
		return err
	}
	for {
		line, err := c.line()
		if err != nil {
			return err
		}
		if err := c.obey(line); err != nil {
			return err
		}
	}
}

// line reads a command.
func (c *session) line() (string, error) {
	if c.in.Buffered() == 0 {
		if err := c.out.Flush(); err != nil {
			return "", err
		}
	}
	c.conn.SetReadDeadline(time.Now().Add(idle))
	line, err := c.in.ReadString('\n')
	if err != nil {
		return "", err
	}
	text, ok := strings.CutSuffix(line, "\r\n")
	if !ok || strings.ContainsAny(text, "\r\n\x00") {
		c.flaw("a command is not clean: %q", line)
	}
	c.mu.Lock()
	c.said[c.number] = append(c.said[c.number], text)
	c.mu.Unlock()
	return text, nil
}

func (c *session) flaw(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dirty = append(c.dirty, fmt.Sprintf(format, args...))
}

// instead asks what is said in place of doing what a line asks for.
func (c *session) instead(line string) (string, bool) {
	if c.Instead == nil {
		return "", false
	}
	return c.Instead(line)
}

// answer says one reply; 421 is the last.
func (c *session) answer(reply string) error {
	if reply == Silence {
		c.mute = true
	}
	if c.mute {
		return nil
	}
	switch reply {
	case HangUp:
		c.out.Flush()
		return errOver
	case Babble:
		if err := c.out.Flush(); err != nil {
			return err
		}
		return c.Babble(c.conn)
	}
	c.out.WriteString(strings.TrimSuffix(reply, "\r\n") + "\r\n")
	if strings.HasPrefix(reply, "421") {
		c.out.Flush()
		return errOver
	}
	return nil
}

func (c *session) obey(line string) error {
	verb, args, _ := strings.Cut(line, " ")
	if verb == "BDAT" {
		return c.bdat(line, args)
	}
	if reply, ok := c.instead(line); ok {
		return c.answer(reply)
	}
	switch strings.ToUpper(verb) {
	case "EHLO", "LHLO", "HELO":
		c.mail = nil
		return c.hello(verb)
	case "STARTTLS":
		return c.startTLS()
	case "AUTH":
		return c.auth(args)
	case "MAIL":
		return c.begin(args)
	case "RCPT":
		return c.recipient(args)
	case "DATA":
		return c.data()
	case "RSET":
		c.mail = nil
		return c.answer("250 ok")
	case "NOOP":
		return c.answer("250 ok")
	case "QUIT":
		c.answer("221 bye")
		c.out.Flush()
		return errOver
	}
	return c.answer("500 what?")
}

func (c *session) hello(verb string) error {
	lines := append([]string{"mx.test"}, c.Offers...)
	if strings.EqualFold(verb, "HELO") {
		lines = lines[:1]
	}
	var b strings.Builder
	for i, l := range lines {
		sep := "-"
		if i == len(lines)-1 {
			sep = " "
		}
		b.WriteString("250" + sep + l + "\r\n")
	}
	return c.answer(b.String())
}

func (c *session) startTLS() error {
	if c.TLS == nil {
		return c.answer("502 no")
	}
	c.answer("220 go")
	if err := c.out.Flush(); err != nil {
		return err
	}
	if c.in.Buffered() > 0 {
		c.flaw("octets follow STARTTLS in clear text")
	}
	c.conn = tls.Server(c.conn, c.TLS)
	c.in.Reset(c.conn)
	c.out.Reset(c.conn)
	c.mail = nil
	return nil
}

func (c *session) auth(args string) error {
	if c.Auth == nil {
		return c.answer("502 no")
	}
	mechanism, text, has := strings.Cut(args, " ")
	var initial []byte
	if has {
		initial, _ = base64.StdEncoding.DecodeString(strings.TrimPrefix(text, "="))
		if initial == nil {
			initial = []byte{}
		}
	}
	reply := c.Auth(mechanism, initial, func(challenge []byte) ([]byte, error) {
		c.answer("334 " + base64.StdEncoding.EncodeToString(challenge))
		line, err := c.line()
		if err != nil {
			return nil, err
		}
		if line == "*" {
			return nil, errOver
		}
		return base64.StdEncoding.DecodeString(line)
	})
	return c.answer(reply)
}

func (c *session) begin(args string) error {
	from, ok := strings.CutPrefix(args, "FROM:")
	switch {
	case !ok:
		return c.answer("501 what?")
	case c.mail != nil:
		return c.answer("503 one at a time")
	}
	c.mail, c.chunks = &Mail{Session: c.number, From: from}, nil
	return c.answer("250 ok")
}

func (c *session) recipient(args string) error {
	to, ok := strings.CutPrefix(args, "TO:")
	switch {
	case c.mail == nil:
		return c.answer("503 MAIL first")
	case !ok:
		return c.answer("501 what?")
	}
	if c.Refuse != nil {
		path, _, _ := strings.Cut(to, " ")
		if reply := c.Refuse(path); reply != "" {
			return c.answer(reply)
		}
	}
	c.mail.To = append(c.mail.To, to)
	return c.answer("250 ok")
}

func (c *session) data() error {
	if c.mail == nil || len(c.mail.To) == 0 && c.LMTP {
		return c.answer("503 RCPT first")
	}
	if len(c.mail.To) == 0 {
		return c.answer("554 nobody is to have it")
	}
	c.answer("354 go on")
	if err := c.out.Flush(); err != nil {
		return err
	}
	content, err := c.content()
	if err != nil {
		return err
	}
	if reply, ok := c.instead("."); ok {
		c.mail = nil
		return c.answer(reply)
	}
	return c.end(content)
}

// content reads what follows DATA. Only CRLF . CRLF ends it: RFC 5321 §4.1.1.4.
func (c *session) content() ([]byte, error) {
	var content []byte
	start := true // a line begins, after CRLF
	for {
		c.conn.SetReadDeadline(time.Now().Add(idle))
		line, err := c.in.ReadSlice('\n')
		if err != nil && err != bufio.ErrBufferFull {
			return nil, err
		}
		if start && string(line) == ".\r\n" {
			c.sweep(content)
			return content, nil
		}
		if start && line[0] == '.' {
			line = line[1:]
		}
		content = append(content, line...)
		start = bytes.HasSuffix(content, []byte("\r\n"))
	}
}

// sweep looks for what no content may hold.
func (c *session) sweep(content []byte) {
	if what := Unclean(content); what != "" {
		c.flaw("a content has %s: %q", what, content[:min(len(content), 200)])
	}
}

// Unclean tells of the first octet that no content may hold, "" where there is
// none. It is written to be seen to be right: octet by octet.
func Unclean(content []byte) string {
	for i, b := range content {
		switch {
		case b == 0:
			return "a NUL at " + strconv.Itoa(i)
		case b == '\r' && (i+1 == len(content) || content[i+1] != '\n'):
			return "a bare CR at " + strconv.Itoa(i)
		case b == '\n' && (i == 0 || content[i-1] != '\r'):
			return "a bare LF at " + strconv.Itoa(i)
		}
	}
	return ""
}

// bdat takes a chunk: RFC 3030 §2. Its octets are read in any case.
func (c *session) bdat(line, args string) error {
	size, last, _ := strings.Cut(args, " ")
	n, err := strconv.Atoi(size)
	if err != nil || n < 0 {
		return c.answer("501 what?")
	}
	chunk := make([]byte, n)
	c.conn.SetReadDeadline(time.Now().Add(idle))
	if _, err := io.ReadFull(c.in, chunk); err != nil {
		return err
	}
	if reply, ok := c.instead(line); ok {
		return c.answer(reply)
	}
	if c.mail == nil || len(c.mail.To) == 0 {
		return c.answer("503 RCPT first")
	}
	c.chunks = append(c.chunks, chunk...)
	if !strings.EqualFold(last, "LAST") {
		return c.answer("250 ok")
	}
	c.sweep(c.chunks)
	return c.end(c.chunks)
}

// end gives the verdict, and writes it down before it is said.
func (c *session) end(content []byte) error {
	m := c.mail
	m.Content = content
	c.mail, c.chunks = nil, nil
	replies := make([]string, 1)
	if c.LMTP {
		replies = make([]string, len(m.To))
	}
	for i := range replies {
		if c.Verdict != nil {
			replies[i] = c.Verdict(m, m.To[i])
		}
		if replies[i] == "" {
			replies[i] = "250 taken"
			if c.LMTP {
				m.Taken = append(m.Taken, m.To[i])
			} else {
				m.Taken = m.To
			}
		}
	}
	if len(m.Taken) > 0 {
		c.mu.Lock()
		c.taken = append(c.taken, m)
		c.mu.Unlock()
	}
	for _, r := range replies {
		if err := c.answer(r); err != nil {
			return err
		}
	}
	return nil
}
