package smtptest

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"time"

	"github.com/parleymail/parley/sasl"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtpd"
	"github.com/parleymail/parley/transcript"
)

// A front is one session, as seen from before smtpd: the connection that smtpd
// reads from and writes to. It gives a command at a time, does what the faults are,
// offers grease, and speaks TLS, since it must see what is said. smtpd itself is
// whole, and knows of none of that.
type front struct {
	server *Server
	number uint64
	raw    net.Conn
	conn   net.Conn // raw, or TLS over it
	r      *bufio.Reader
	state  *tls.ConnectionState
	said   transcript.Recorder

	stage   smtp.Stage // of the command that smtpd has now
	line    string     // that command
	from    string     // the command MAIL of the transaction
	fault   *Fault     // of that command
	give    []byte     // what smtpd reads next
	content bool       // the content comes next, up to its dot
	chunk   int64      // octets of BDAT that come next
	last    bool       // and it is the last chunk
	size    int64      // of the content, so far
	tail    string     // the last octets of the content, to know its end by
	asked   time.Time  // when the client said the command
	answers bool       // AUTH goes on: the next line is a response to a challenge
}

// errGone is what smtpd hears when the front is done with the client.
var errGone = errors.New("smtptest: the conversation is over")

func newFront(s *Server, conn net.Conn, number uint64) *front {
	return &front{server: s, number: number, raw: conn, conn: conn, r: bufio.NewReader(conn), stage: smtp.StageGreeting}
}

func (f *front) serve() {
	defer f.raw.Close()
	f.tell(smtp.Event{Stage: smtp.StageDial, Did: smtp.Connected, Line: "from " + f.raw.RemoteAddr().String()})
	if f.server.security() == smtp.ImplicitTLS {
		if err := f.startTLS(); err != nil {
			f.tell(smtp.Event{Stage: smtp.StageTLS, Did: smtp.Closed, Err: err})
			return
		}
	}
	f.fault = f.server.faults.at(smtp.StageGreeting, "")
	err := f.server.behind(f).ServeConn(f)
	f.tell(smtp.Event{Stage: smtp.StageQuit, Did: smtp.Closed, Err: err})
}

func (f *front) startTLS() error {
	conn := tls.Server(bufferedConn{f.conn, f.r}, f.server.tls)
	if err := conn.Handshake(); err != nil {
		return err
	}
	state := conn.ConnectionState()
	f.conn, f.r, f.state = conn, bufio.NewReader(conn), &state
	f.tell(smtp.Event{
		Stage: smtp.StageTLS, Did: smtp.StartedTLS, TLS: &state,
		Line: tls.VersionName(state.Version) + ", " + tls.CipherSuiteName(state.CipherSuite),
	})
	return nil
}

// Read gives smtpd what the client says, a command or a piece of the content at a
// time.
func (f *front) Read(p []byte) (int, error) {
	for len(f.give) == 0 {
		var err error
		switch {
		case f.chunk > 0:
			return f.readChunk(p)
		case f.content:
			err = f.readContent()
		default:
			err = f.readCommand()
		}
		if err != nil {
			return 0, err
		}
	}
	n := copy(p, f.give)
	f.give = f.give[n:]
	return n, nil
}

// readCommand takes the next line, and keeps from smtpd what is not for it.
func (f *front) readCommand() error {
	line, err := f.r.ReadBytes('\n')
	if len(line) == 0 {
		return err
	}
	f.asked = time.Now()
	text := strings.TrimRight(string(line), "\r\n")
	if !f.answers {
		f.stage, f.line = stageOf(text), text
	}
	f.tellCommand(text, f.answers)
	if f.stage == smtp.StageMail {
		f.from = text
	}
	if size, ok := chunkSize(text); ok {
		f.chunk, f.last = size, strings.HasSuffix(strings.ToUpper(text), " LAST")
		f.stage, f.fault = smtp.StageContent, f.server.faults.at(smtp.StageContent, f.from)
		if f.last && f.chunk == 0 {
			f.stage = smtp.StageEnd
		}
		f.give = line
		return nil
	}
	f.fault = f.server.faults.at(f.stage, f.line)
	switch {
	case f.fault.refuses():
		return f.reply(f.fault.Say + "\r\n")
	case f.stage == smtp.StageTLS:
		return f.upgrade()
	case f.wantsTLS():
		return f.reply("530 5.7.0 say STARTTLS first\r\n")
	}
	f.give = line
	return nil
}

// wantsTLS reports whether a command has to wait for TLS: RFC 3207 §4.
func (f *front) wantsTLS() bool {
	switch f.stage {
	case smtp.StageAuth, smtp.StageMail, smtp.StageRcpt, smtp.StageData:
		return f.state == nil && f.server.security() == smtp.StartTLS
	default:
		return false
	}
}

// upgrade is STARTTLS.
func (f *front) upgrade() error {
	if f.state != nil || f.server.tls == nil || !f.server.offers("STARTTLS") {
		return f.reply("502 5.5.1 that is not offered here\r\n")
	}
	early := f.r.Buffered()
	if err := f.reply("220 2.0.0 ready for TLS\r\n"); err != nil {
		return err
	}
	if early > 0 {
		return errors.New("smtptest: clear text stood behind STARTTLS")
	}
	return f.startTLS()
}

// stageOf is the stage of a command, 0 for one that has none.
func stageOf(line string) smtp.Stage {
	verb, _, _ := strings.Cut(strings.ToUpper(line), " ")
	switch verb {
	case "EHLO", "LHLO", "HELO":
		return smtp.StageHello
	case "STARTTLS":
		return smtp.StageTLS
	case "AUTH":
		return smtp.StageAuth
	case "MAIL":
		return smtp.StageMail
	case "RCPT":
		return smtp.StageRcpt
	case "DATA":
		return smtp.StageData
	case "BDAT":
		return smtp.StageContent
	case "RSET":
		return smtp.StageReset
	case "QUIT":
		return smtp.StageQuit
	}
	return 0
}

// readChunk gives the content of BDAT.
func (f *front) readChunk(p []byte) (int, error) {
	if over, err := f.tooFar(); over {
		return 0, err
	}
	n, err := f.r.Read(p[:min(int64(len(p)), f.chunk, f.untilFault())])
	f.chunk -= int64(n)
	f.size += int64(n)
	if f.chunk == 0 {
		f.tell(smtp.Event{Stage: smtp.StageContent, Did: smtp.Content, Size: f.size})
		f.stage, f.fault = smtp.StageContent, nil
		if f.last {
			f.stage = smtp.StageEnd
		}
		f.size = 0
	}
	return n, err
}

// readContent gives a piece of the content of DATA, up to its dot.
func (f *front) readContent() error {
	if over, err := f.tooFar(); over {
		return err
	}
	if _, err := f.r.Peek(1); err != nil {
		return err
	}
	piece, _ := f.r.Peek(int(min(int64(f.r.Buffered()), f.untilFault())))
	const end = "\r\n.\r\n"
	n := len(piece)
	joined := f.tail + string(piece)
	i := strings.Index(joined, end)
	if i >= 0 {
		n = i + len(end) - len(f.tail)
	}
	f.give = bytes.Clone(piece[:n])
	f.r.Discard(n)
	stuffed := strings.Count(joined[:len(f.tail)+n], "\r\n..") - strings.Count(f.tail, "\r\n..")
	f.size += int64(n - stuffed)
	f.tail = joined[max(0, len(joined)-len(end)+1):]
	if i >= 0 {
		f.content, f.fault = false, nil
		f.stage, f.line = smtp.StageEnd, "."
		f.tell(smtp.Event{Stage: smtp.StageContent, Did: smtp.Content, Size: f.size - 3})
		f.tell(smtp.Event{Stage: smtp.StageEnd, Did: smtp.Command, Line: "."})
	}
	return nil
}

// untilFault is how much of the content is heard before the fault; at least 1.
func (f *front) untilFault() int64 {
	if f.fault == nil || f.stage != smtp.StageContent {
		return 1 << 62
	}
	return max(f.fault.Octets-f.size, 1)
}

// tooFar has the fault of a content, where enough of it was heard.
func (f *front) tooFar() (over bool, err error) {
	if f.fault == nil || f.stage != smtp.StageContent || f.size < f.fault.Octets {
		return false, nil
	}
	fault := f.fault
	f.fault = nil
	if err := f.perform(smtp.StageContent, fault, fault.says("")); err != nil || !fault.refuses() {
		return err != nil, err
	}
	// There is no going on after a no. What the client is still sending is heard for
	// a while, for to close a socket with octets in it takes back what was said.
	f.raw.SetReadDeadline(time.Now().Add(time.Second))
	io.Copy(io.Discard, f.r)
	return true, errGone
}

// data takes a mail from smtpd.
func (f *front) data(t *smtpd.Transaction, content io.Reader) smtp.Reply {
	m := &Mail{
		Envelope: t.Envelope, Hello: t.Session.Hello(), User: t.Session.User(), TLS: f.state, At: time.Now(), front: f,
	}
	var err error
	if m.Content, err = io.ReadAll(content); err != nil {
		return smtpd.Reply("451 4.3.0 " + err.Error())
	}
	f.fault = f.server.faults.at(smtp.StageEnd, f.from)
	if f.fault.refuses() {
		return smtpd.Reply("550 5.7.1 refused") // Write says what the fault says
	}
	if f.fault == nil || !f.fault.Lose {
		f.server.mails.add(m)
	}
	return smtp.Reply{}
}

// Write passes on what smtpd says: one reply, to the command that it was given.
func (f *front) Write(p []byte) (int, error) {
	text := string(p)
	if f.stage == smtp.StageHello && strings.HasPrefix(text, "250") {
		text = f.offer(text)
	}
	if err := f.reply(text); err != nil {
		return 0, err
	}
	return len(p), nil
}

// offer makes the reply to EHLO what it is to be.
func (f *front) offer(reply string) string {
	lines := strings.Split(strings.TrimSuffix(reply, "\r\n"), "\r\n")
	if strings.HasPrefix(strings.ToUpper(f.line), "HELO") {
		return reply
	}
	var keywords []string
	tlsOffered := f.server.tls != nil && f.state == nil && f.server.offers("STARTTLS")
	secret := f.state == nil && f.server.security() != smtp.Plaintext
	for _, line := range lines[1:] {
		if keyword := line[4:]; !(secret && strings.HasPrefix(keyword, "AUTH")) {
			keywords = append(keywords, keyword)
		}
	}
	if tlsOffered {
		keywords = append(keywords, "STARTTLS")
	}
	for i, word := range f.server.grease {
		at := (i * 2) % (len(keywords) + 1)
		keywords = append(keywords[:at], append([]string{word}, keywords[at:]...)...)
	}
	var b strings.Builder
	b.WriteString(lines[0][:3] + "-" + lines[0][4:] + "\r\n")
	for i, keyword := range keywords {
		mark := "-"
		if i == len(keywords)-1 {
			mark = " "
		}
		b.WriteString("250" + mark + keyword + "\r\n")
	}
	return b.String()
}

// reply says a reply, or what the fault has in its place.
func (f *front) reply(usual string) error {
	fault, stage := f.fault, f.stage
	f.fault = nil
	said := usual
	if fault != nil {
		said = fault.says(usual)
	}
	f.answers = stage == smtp.StageAuth && strings.HasPrefix(said, "334")
	if stage == smtp.StageData && strings.HasPrefix(said, "354") {
		f.content, f.stage, f.size, f.tail = true, smtp.StageContent, 0, "\r\n"
		f.fault = f.server.faults.at(smtp.StageContent, f.from)
	}
	if fault == nil {
		return f.say(stage, usual)
	}
	return f.perform(stage, fault, said)
}

// perform does what a fault is, and says what it has for a reply.
func (f *front) perform(stage smtp.Stage, fault *Fault, said string) error {
	if err := f.pause(fault.Wait); err != nil {
		return err
	}
	if err := f.say(stage, said); err != nil {
		return err
	}
	if err := f.pause(fault.Pause); err != nil {
		return err
	}
	if fault.More != "" {
		if err := f.say(stage, fault.More+"\r\n"); err != nil {
			return err
		}
	}
	switch fault.Then {
	case HangUp:
		f.conn.Close()
		return errGone
	case Reset:
		f.cut()
		return errGone
	case Fall:
		f.raw.SetDeadline(time.Time{})
		io.Copy(io.Discard, f.r)
		return errGone
	default:
		return nil
	}
}

// pause lets time go by, unless the server stops.
func (f *front) pause(d time.Duration) error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		f.raw.SetDeadline(time.Time{}) // smtpd set it for an answer at once
		return nil
	case <-f.server.stopped:
		return errGone
	}
}

// cut ends the connection so that what is on its way is lost.
func (f *front) cut() {
	switch raw := f.raw.(type) {
	case *conn:
		raw.Reset()
	case *net.TCPConn:
		raw.SetLinger(0) // Close then sends RST
		raw.Close()
	}
}

func (f *front) say(stage smtp.Stage, text string) error {
	if text == "" {
		return nil
	}
	for line := range strings.Lines(text) {
		e := smtp.Event{Stage: stage, Did: smtp.Answer, Line: strings.TrimRight(line, "\r\n")}
		if sasl.TestsPasswords([]byte(e.Line)) {
			e.Line, e.Hidden = e.Line[:4]+"(secret)", true
		}
		if len(e.Line) < 4 || e.Line[3] != '-' {
			e.Took = time.Since(f.asked)
		}
		f.tell(e)
	}
	_, err := io.WriteString(f.conn, text)
	return err
}

// tellCommand tells of a line of the client, without the secrets of AUTH.
func (f *front) tellCommand(text string, response bool) {
	e := smtp.Event{Stage: f.stage, Did: smtp.Command, Line: text}
	words := strings.Fields(text)
	switch {
	case response && text != "*":
		e.Line, e.Hidden = "(secret)", true
	case f.stage == smtp.StageAuth && len(words) > 2:
		e.Line, e.Hidden = words[0]+" "+words[1]+" (secret)", true
	}
	f.tell(e)
}

func (f *front) tell(e smtp.Event) {
	e.At, e.Session = time.Now(), f.number
	f.said.Trace(e)
	if f.server.Trace != nil {
		f.server.Trace(e)
	}
}

// Close is smtpd's end of the session.
func (f *front) Close() error { return f.conn.Close() }

func (f *front) LocalAddr() net.Addr                { return f.raw.LocalAddr() }
func (f *front) RemoteAddr() net.Addr               { return f.raw.RemoteAddr() }
func (f *front) SetDeadline(t time.Time) error      { return f.raw.SetDeadline(t) }
func (f *front) SetReadDeadline(t time.Time) error  { return f.raw.SetReadDeadline(t) }
func (f *front) SetWriteDeadline(t time.Time) error { return f.raw.SetWriteDeadline(t) }
