package smtpd

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"github.com/parleymail/parley/internal/wire"
	"github.com/parleymail/parley/smtp"
)

// A Fault is something that a session does otherwise than it should, for those who test clients (see Server.Fault). The zero
// value of each field leaves that as it is.
type Fault struct {
	Wait    time.Duration // before anything is said
	Say     string        // in place of the reply, lines parted by LF; one of 4yz or 5yz also keeps the command from being obeyed. No 421 closes: Then does
	Raw     bool          // Say goes out as it is, and is no reply: garbage
	Endless bool          // Say is the line of a reply that has no end
	Mute    bool          // no reply is said; the command is obeyed all the same
	Pause   time.Duration // after the reply, before what follows
	More    string        // said after that, though nobody asked: "421 4.4.2 idle for too long"
	Then    Then          // how it goes on

	Rate   int         // octets a second, both ways, from here to the session's end; zero: as fast as it goes
	Octets int64       // at StageContent: so many of the content are heard before; SMTP's dot is not among them
	Due    func() bool // at StageContent: asked once they were heard, whether it is to be after all; nil: it is
	Lose   bool        // at StageEnd: the mail is not kept, whatever is said; Data's reader says ErrLost
	TLS    *tls.Config // at StageTLS: what TLS is spoken with, in place of Server.TLS
}

// Then says how a conversation goes on after a [Fault].
type Then uint8

const (
	GoOn      Then = iota // as if nothing had been
	HangUp                // the server closes the connection
	Reset                 // the connection is cut, and what is on its way lost
	HalfClose             // the server says nothing more, and says so to TCP; it still hears
	Fall                  // into silence: the server hears, and says nothing more
)

// What faults say to those who look on.
var (
	// ErrLost is what Data's reader says in place of io.EOF where a fault refuses the mail at its end, or loses it.
	ErrLost = errors.New("a fault on purpose keeps the mail from being taken")

	// ErrFault is why a session ends that a fault ended.
	ErrFault = errors.New("ended by a fault on purpose")
)

// refuses reports whether what is said is a no.
func (f *Fault) refuses() bool {
	return f != nil && !f.Raw && len(f.Say) >= 3 && (f.Say[0] == '4' || f.Say[0] == '5') && strings.Trim(f.Say[:3], "0123456789") == ""
}

// silent reports whether nothing takes the place of the reply.
func (f *Fault) silent() bool { return f == nil || f.Say == "" }

// meet asks whether something is to go wrong at a command. If that keeps it from being obeyed it gives the reply.
func (s *Session) meet(at smtp.Stage, line []byte) (refusal smtp.Reply, refused bool) {
	if s.server.Fault == nil {
		return smtp.Reply{}, false
	}
	shown := ""
	switch {
	case at == smtp.StageAuth && s.exchange != nil:
		shown = s.opening // a response is a part of its AUTH
	case line != nil:
		shown, _ = s.shown(line)
	}
	if at == smtp.StageAuth {
		s.opening = shown
	}
	s.fault = s.server.Fault(s, s.t, at, shown)
	if !s.fault.refuses() {
		return smtp.Reply{}, false
	}
	return Reply(firstLine(s.fault.Say)), true
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

// perform does what a fault is, with the usual reply in hand.
func (s *Session) perform(f *Fault, usual smtp.Reply) {
	if s.begin(f) {
		s.sayFor(f, usual)
		s.finish(f)
	}
}

// begin is what comes before a fault's reply. It gives false where the session is over.
func (s *Session) begin(f *Fault) bool {
	if f.Rate > 0 {
		s.slow = rate.NewLimiter(rate.Limit(f.Rate), max(f.Rate/10, 1))
	}
	if f.Wait > 0 {
		// What was said before is not to wait too.
		if s.flush(s.clock()) != nil {
			return false
		}
		return s.pause(f.Wait)
	}
	return true
}

// sayFor says what a fault has in the place of one reply.
func (s *Session) sayFor(f *Fault, usual smtp.Reply) {
	from := len(s.out)
	switch {
	case f.Mute:
	case f.Endless:
		s.sayEndlessly(f, usual)
		return
	case f.Raw:
		s.out = append(s.out, f.Say...)
	case f.Say != "":
		s.out = appendLines(s.out, f.Say)
	default:
		s.over = s.over || usual.Code == 421
		s.out = appendReply(s.out, usual, s.offers(extEnhanced))
	}
	s.traceAnswer(from)
}

// appendLines writes what a fault says. Where it is a reply, its lines are made those of one reply: RFC 5321 §4.2.1.
func appendLines(b []byte, text string) []byte {
	lines := strings.Split(text, "\n")
	code := lines[0][:min(3, len(lines[0]))]
	reply := len(code) == 3 && strings.Trim(code, "0123456789") == ""
	for i, line := range lines {
		line = strings.TrimSuffix(line, "\r")
		if reply && i < len(lines)-1 && strings.HasPrefix(line, code) && (len(line) == 3 || line[3] == ' ') {
			line = code + "-" + line[min(4, len(line)):]
		}
		b = append(append(b, line...), "\r\n"...)
	}
	return b
}

// sayEndlessly says a line of a reply until nobody listens any more.
func (s *Session) sayEndlessly(f *Fault, usual smtp.Reply) {
	line := firstLine(f.Say)
	if line == "" {
		line = firstLine(string(appendReply(nil, usual, s.offers(extEnhanced))))
	}
	line = strings.TrimRight(line, "\r")
	if len(line) >= 3 {
		line = line[:3] + "-" + line[min(4, len(line)):]
	}
	from := len(s.out)
	s.out = append(append(s.out, line...), "\r\n"...)
	s.traceAnswer(from)
	done := make(chan struct{})
	defer close(done)
	go func() {
		select {
		case <-s.server.stopped: // there is nothing here that is worth its end
			s.raw.Close()
		case <-done:
		}
	}()
	many := bytes.Repeat([]byte(line+"\r\n"), max(1, mostReplies/(len(line)+2)))
	for s.flush(s.clock()) == nil && s.ctx.Err() == nil {
		s.out = append(s.out, many...)
	}
	s.out = s.out[:0]
	s.endBy(ErrFault)
}

// finish is what comes after a fault's reply.
func (s *Session) finish(f *Fault) {
	if s.broken != nil {
		return
	}
	if f.Pause > 0 || f.More != "" || f.Then != GoOn {
		if s.flush(s.clock()) != nil {
			s.endBy(nil)
			return
		}
	}
	if f.Pause > 0 && !s.pause(f.Pause) {
		return
	}
	if f.More != "" {
		from := len(s.out)
		s.out = appendLines(s.out, f.More)
		s.traceAnswer(from)
		s.flush(s.clock())
	}
	switch f.Then {
	case HangUp:
		s.endBy(ErrFault)
		s.linger = f.Say != "" || f.More != "" // that is to arrive, whatever the client has said meanwhile
	case Reset:
		s.endBy(ErrFault)
		s.reject()
	case HalfClose:
		s.closeWrite()
		s.listen()
	case Fall:
		s.listen()
	default:
	}
}

// endBy ends the session, for this reason if there was none before.
func (s *Session) endBy(why error) {
	s.over = true
	if s.why == nil {
		s.why = why
	}
}

// reject cuts the connection so that what is on its way is lost.
func (s *Session) reject() {
	s.broken = ErrFault // nothing more is written
	switch raw := s.raw.(type) {
	case *net.TCPConn:
		raw.SetLinger(0) // Close then sends RST
	case interface{ Reset() }: // a connection in memory
		raw.Reset()
	}
	s.raw.Close()
}

// closeWrite tells the client that nothing more comes.
func (s *Session) closeWrite() {
	if t, ok := s.conn.(*tls.Conn); ok {
		t.CloseWrite()
	}
	if half, ok := s.raw.(interface{ CloseWrite() error }); ok {
		half.CloseWrite()
	}
	s.broken = ErrFault
}

// listen hears, and says nothing more.
func (s *Session) listen() {
	s.forgetDeadlines()
	if !s.server.stopping.Load() {
		io.Copy(io.Discard, s.conn) // until the client goes, or the server is told to end
	}
	s.broken = ErrFault
	s.endBy(ErrFault)
}

// pause lets time go by. It gives false where the session is over by then. The time counts against nobody.
func (s *Session) pause(d time.Duration) bool {
	until := s.clock() + d
	if s.in != nil && !s.upgrading && !s.hearUntil(until) {
		return false
	}
	timer := time.NewTimer(until - s.clock())
	defer timer.Stop()
	select {
	case <-timer.C:
		s.forgetDeadlines()
		s.newLine = true
		return true
	case <-s.server.stopped:
	case <-s.ctx.Done():
	}
	s.over = true
	return false
}

// hearUntil hears what the client says meanwhile, as far as there is room for it, to learn whether it hangs up. It gives false
// where it did, or the server is told to end.
func (s *Session) hearUntil(until time.Duration) bool {
	s.pausing = true
	defer func() { s.pausing = false }()
	for {
		s.readUntil = until
		s.setReadDeadline()
		err := s.in.Fill(longestLine)
		switch {
		case err == nil:
		case errors.Is(err, os.ErrDeadlineExceeded), err == wire.ErrLineTooLong:
			return true
		case err == io.EOF && len(s.in.Buffered()) > 0:
			return true // it may have said all it has to say, and listen on
		case err == io.EOF && s.over:
			return false // it has said QUIT, and need not hear the rest
		case err == io.EOF:
			s.lost(errHungUp)
			return false
		default:
			s.lost(err)
			return false
		}
	}
}

func (s *Session) forgetDeadlines() {
	s.readUntil, s.writeUntil = 0, 0
	s.conn.SetDeadline(time.Time{})
}

// slowDown waits until n octets may have gone over the line.
func (s *Session) slowDown(n int) {
	for n > 0 {
		some := min(n, s.slow.Burst())
		if s.slow.WaitN(s.ctx, some) != nil {
			return
		}
		n -= some
	}
}

// writeSlowly is a write where a fault makes the line slow.
func (s *Session) writeSlowly(p []byte) error {
	for piece := range slices.Chunk(p, s.slow.Burst()) {
		s.slowDown(len(piece))
		if wait := s.server.limits.timeout; wait < noTimeout/2 && rearm(&s.writeUntil, s.clock(), wait) {
			s.conn.SetWriteDeadline(s.begun.Add(s.writeUntil))
		}
		if _, err := s.conn.Write(piece); err != nil {
			return err
		}
	}
	return nil
}

// pretended is what follows where a fault says yes to AUTH in place of whatever is true: the client has no more to say to that.
func (s *Session) pretended(r smtp.Reply) smtp.Reply {
	if f := s.fault; f != nil && s.exchange != nil && !f.Raw && strings.HasPrefix(f.Say, "2") {
		s.exchange = nil
	}
	return r
}

// meetChunk is meet for the first chunk of a mail, which stands in DATA's place and is answered when it was read.
func (s *Session) meetChunk(args []byte) (refusal smtp.Reply, refused bool) {
	if s.server.Fault == nil {
		return smtp.Reply{}, false
	}
	refusal, refused = s.meet(smtp.StageData, append([]byte("BDAT "), args...))
	if refused {
		s.forget() // RFC 3030 §2: what is left of the mail is refused too, and not taken for another
	}
	if refused || s.fault == nil {
		return refusal, refused
	}
	f := s.fault
	s.fault = nil
	if s.begin(f) {
		if !f.silent() {
			s.sayFor(f, smtp.Reply{})
		}
		s.finish(f)
	}
	return smtp.Reply{}, false
}

// meetContent asks whether something is to go wrong while a content comes in.
func (s *Session) meetContent(t *Transaction) {
	s.midway = s.server.Fault(s, t, smtp.StageContent, s.mailed)
}

// soon is how many octets may be read before the fault of a content is due.
func (s *Session) soon(most int) int {
	if !s.receiving {
		return most
	}
	return int(min(int64(most), max(s.midway.Octets-s.content.Size(), 1)))
}

// performMidway has the fault of a content, once enough of it was heard.
func (s *Session) performMidway() {
	f := s.midway
	if f == nil || s.content.Size() < f.Octets {
		return
	}
	s.midway = nil
	if f.Due != nil && !f.Due() {
		return
	}
	if s.content.Size() > s.chunkFrom {
		s.traceContent()
		s.chunkFrom = s.content.Size()
	}
	s.stage = smtp.StageContent
	if !s.begin(f) {
		return
	}
	if !f.silent() {
		s.sayFor(f, smtp.Reply{})
	}
	s.finish(f)
	if f.refuses() && !s.over {
		// There is no going on after a no.
		s.give(ErrFault, smtp.Reply{})
	}
}

// drainMidway reads over a content up to where its fault is due, and has that.
func (s *Session) drainMidway() {
	for s.midway != nil && !s.over {
		if s.performMidway(); s.midway == nil || s.over {
			return
		}
		s.receiving = true
		_, err := s.content.Next()
		s.receiving = false
		if err != nil {
			s.midway = nil // drain will meet the same
		}
	}
}

// meetEnd asks, once for a mail, whether something is to go wrong at its end. If that keeps it from being taken Data is not to
// keep it.
func (s *Session) meetEnd(t *Transaction) (lost bool) {
	if t.ended {
		return false
	}
	t.ended = true
	s.fault = s.server.Fault(s, t, smtp.StageEnd, s.mailed)
	return s.fault != nil && (s.fault.refuses() || s.fault.Lose)
}

// verdictOf is the reply that the session goes by where a fault has another one than Data.
func (f *Fault) verdictOf(r smtp.Reply) smtp.Reply {
	switch {
	case f.refuses():
		return Reply(firstLine(f.Say))
	case f != nil && f.Lose:
		return okContent
	}
	return r
}
