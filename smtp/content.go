package smtp

import (
	"errors"
	"fmt"
	"net"
	"strconv"
)

// sayContent says the content, to its end.
func (s *Session) sayContent(t *transaction) *Error {
	if s.listenFirst(); s.spoke {
		s.expect(StageContent, noPath)
		return s.hear()
	}
	if t.bdat {
		from := len(s.out)
		s.out = append(s.out, "BDAT "...)
		s.out = strconv.AppendInt(s.out, t.form.Size, 10)
		s.out = append(s.out, " LAST"...) // RFC 3030 §2
		s.toldSince(StageContent, from, "")
	}
	s.body.Reset(sink{s}, t.bdat, t.form.Size)
	_, err := t.content.WriteTo(&s.body)
	if err == nil && t.form.Size >= 0 && s.body.N != t.form.Size {
		err = fmt.Errorf("the content has %d octets and not the %d that it was to have", s.body.N, t.form.Size)
	}
	if err == nil && s.broken == nil {
		err = s.body.End()
	}
	if err != nil || s.broken != nil {
		return s.contentFailed(err)
	}
	s.tell(Event{Stage: StageContent, Did: Content, Size: s.body.N}, nil)
	if !t.bdat {
		s.tell(Event{Stage: StageEnd, Did: Command}, []byte("."))
		// Whatever the server says to the dot, the transaction is over: RFC 5321
		// §4.1.1.4. After BDAT that is only so when it is taken: RFC 3030 §2.
		s.dirty = false
	}
	t.said, t.size = true, s.body.N
	t.endAt = s.written + int64(len(s.out))
	s.expectEnd(t)
	if s.pooled && s.exts.pipelining && s.client.served(s) {
		// It was the last mail of this session, and QUIT rides with it: RFC 2920 §3.1.
		s.quitting = true
		s.say(StageQuit, "QUIT")
	}
	return nil
}

// expectEnd expects the verdict; over LMTP that of each recipient: RFC 2033 §4.2.
func (s *Session) expectEnd(t *transaction) {
	if !s.client.LMTP {
		s.expect(StageEnd, noPath)
		return
	}
	for _, p := range t.accepted {
		s.expect(StageEnd, p)
	}
}

// contentFailed is a content that did not come to its end, and never will: the
// connection is dropped, for a dot would make it a whole mail.
func (s *Session) contentFailed(err error) *Error {
	s.lost = true
	if s.broken == nil {
		// The fault is in the content itself: a file that shrank, a bare CR.
		return s.fail(Invalid, StageContent, err)
	}
	s.expect(StageContent, noPath)
	e := s.hear() // the server may have said why it no longer listens
	s.lost = true
	if e == nil {
		e = s.fail(Garbled, StageContent, errors.New("the server said yes in the midst of the content, and listened no more"))
	}
	e.Stage = StageContent
	return e
}

// A sink takes the content on its way to the connection.
type sink struct{ s *Session }

// Write gathers what is small, so that it goes out with what follows, and lets
// what is large go by without copying it.
func (w sink) Write(p []byte) (int, error) {
	s := w.s
	if len(s.out)+len(p) <= outSize {
		s.out = append(s.out, p...)
		return len(p), nil
	}
	err := s.writeBoth(p)
	if err != nil {
		return 0, err
	}
	return len(p), nil
}

// writeBoth writes what was gathered and then p, in one system call where the
// connection can: a second wakes the server twice.
func (s *Session) writeBoth(p []byte) error {
	_, gathers := s.conn.(*net.TCPConn)
	if !gathers || len(s.out) == 0 {
		if err := s.flush(); err != nil {
			return err
		}
		return s.write(p)
	}
	s.armWrite()
	if s.broken != nil {
		return s.broken
	}
	first := p[:min(len(p), outSize)] // the deadline is for so much, and set anew for the rest
	s.vectors[0], s.vectors[1] = s.out, first
	s.buffers = s.vectors[:]
	n, err := s.buffers.WriteTo(s.conn)
	s.written += n
	s.broken = err
	s.out, s.vectors[1] = s.out[:0], nil
	return s.write(p[len(first):])
}

// hearEnvelope hears what becomes of the envelope, saying the rest of it as the
// replies make room. nil means that the content may go, or is wanted where it
// went along.
func (s *Session) hearEnvelope(t *transaction) *Error {
	for t.heard < t.steps {
		s.sayMore(t)
		e := s.hear()
		t.heard++
		if s.lost {
			if t.err == nil {
				t.err = e
			}
			return s.cut(t, t.err)
		}
		s.heardStep(t, e)
		nobody := !t.bdat && t.heard == t.steps-1 && len(t.accepted) == 0
		if t.err != nil || nobody {
			t.steps = t.step // what is not said yet stays unsaid
		}
	}
	if t.err == nil && len(t.accepted) == 0 {
		t.err = t.refused[0]
		t.err.Also = t.refused[1:]
	}
	if t.err != nil {
		s.failed = true
		if t.said && s.hear() == nil {
			// The content went along, and has a reply too, which should say that there
			// is nobody to take it for. Who takes it all the same means another
			// envelope than we do.
			s.lost, t.err.uncertain = true, true
		}
		if !s.lost {
			s.ended++
		}
	}
	return t.err
}

// heardStep takes in the reply to one command of the envelope.
func (s *Session) heardStep(t *transaction, e *Error) {
	switch stage := s.answered.stage; {
	case stage == StageReset:
		// QUIRK: some servers refuse RSET (eYou: 502). That harms nothing where no
		// transaction was left open.
		if e != nil && s.failed {
			s.lost = true
			t.err = e
		}
	case stage == StageRcpt && e == nil:
		t.accepted = append(t.accepted, s.answered.path)
	case stage == StageRcpt:
		if len(t.refused) > 0 {
			e.Said = nil // it is that of the first; ten thousand of them would be 100 MB
		}
		t.refused = append(t.refused, e)
		if t.err == nil && !s.client.Partial {
			t.err = e
		} else if t.err != nil && t.err.Stage == StageRcpt {
			t.err.Also = append(t.err.Also, e)
		}
	case stage == StageData && e == nil && len(t.accepted) == 0:
		s.endEmpty()
	case stage == StageData && e == nil && t.err != nil:
		// The server waits for a content that it is not to have: some of the
		// recipients would get it. There is no way back but this.
		s.lost = true
	case stage == StageData && len(t.accepted) == 0 && len(t.refused) > 0:
		// It says no more than that there is nobody: why is in the replies to RCPT.
	case e != nil && t.err == nil:
		t.err = e
	}
}

// endEmpty ends a content that nobody is to have, before it is begun: RFC 2920
// §3.1. The server cannot take it, having accepted no recipient.
func (s *Session) endEmpty() {
	s.ask(StageEnd, ".")
	s.dirty = false
}

// hearEnd hears the verdict.
func (s *Session) hearEnd(t *transaction) (*Receipt, *Error) {
	receipt := &Receipt{Refused: t.refused, Size: t.size, DSN: s.exts.dsn, Peer: s.peer()}
	var e *Error
	if s.client.LMTP {
		e = s.hearEnds(t, receipt)
	} else if e = s.hear(); e == nil {
		receipt.Reply = s.reply.whole()
	}
	if !s.lost {
		s.ended++
	}
	if s.failed = e != nil; s.failed {
		return nil, s.cut(t, e)
	}
	s.reused = false // it has just shown that it is alive
	if s.current == t {
		s.dirty = false
	}
	return receipt, nil
}

// hearEnds hears the verdicts of LMTP, one for each recipient that was accepted:
// RFC 2033 §4.2. It is an error only if all say no.
func (s *Session) hearEnds(t *transaction, receipt *Receipt) *Error {
	var last *Error
	for _, path := range t.accepted {
		var e *Error
		if s.lost && last != nil {
			e = &Error{Kind: last.Kind, Stage: StageEnd, Err: last.Err, Said: last.Said, Peer: s.peer()}
		} else if e = s.hear(); e == nil {
			receipt.Reply = s.reply.whole()
			continue
		}
		last = s.cut(t, e)
		last.Path = path
		receipt.Refused = append(receipt.Refused, last)
	}
	if receipt.Reply.Code != 0 {
		return nil
	}
	first := receipt.Refused[len(t.refused)]
	first.Also = append(first.Also, receipt.Refused[len(t.refused)+1:]...)
	return first
}

// cut marks an error of which it is not known whether the mail was taken all the
// same: all of it was written, and no reply says no.
func (s *Session) cut(t *transaction, e *Error) *Error {
	// A refused RSET says nothing of the mail that went behind it.
	no := e.Reply.Code >= 400 && e.Stage != StageReset
	if t.said && s.written >= t.endAt && !no {
		// The reply that is missing may be that to MAIL, where the mail went whole.
		e.uncertain = true
		if e.Stage != StageEnd {
			e.Stage, e.Path = StageEnd, noPath
		}
	}
	return e
}
