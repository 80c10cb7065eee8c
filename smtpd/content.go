package smtpd

import (
	"bytes"
	"errors"
	"strconv"
	"strings"

	"github.com/parleymail/parley/internal/wire"
	"github.com/parleymail/parley/smtp"
)

// ErrTooLarge is what Data's reader says of a content over Server.MaxSize.
var ErrTooLarge = wire.ErrTooLarge

// data takes a content that ends with a dot: RFC 5321 §4.1.1.4.
func (s *Session) data(args []byte) smtp.Reply {
	r := s.lacks(refusable|hello|secure|mailed|noArgs, args)
	switch {
	case r.Code != 0:
	case s.t.begun:
		r = twoWays
	default:
		r = s.unready()
	}
	if r.Code != 0 {
		if len(s.in.Buffered()) > 0 {
			// RFC 2920 §3.1: DATA is the last of a group. What stands here is a content
			// that did not wait for 354, and its lines are not to be taken for commands.
			return s.give(errRunAhead, r)
		}
		return r
	}
	f := s.fault
	s.content.Data(s.in)
	s.t.begun, s.last, s.dotted = true, true, true
	s.answer(startInput)
	if s.over {
		return smtp.Reply{}
	}
	if !f.silent() && !strings.HasPrefix(f.Say, "354") {
		s.t.begun = false // no client sends its content after that
		return smtp.Reply{}
	}
	s.chunkFrom = 0
	return s.take(s.t)
}

// bdat takes a chunk of a content: RFC 3030 §2. Its octets come whether we want
// them or not, so that they are always read.
func (s *Session) bdat(args []byte) smtp.Reply {
	size, last, ok := parseChunk(args)
	if !ok {
		// Nobody knows how much of what follows is content: to go on would be to take
		// it for commands.
		return s.give(errChunkSize, badSize)
	}
	r := s.lacks(refusable|hello|secure|mailed, nil)
	switch {
	case r.Code != 0:
	case !s.agreed(extChunking):
		r = notOffered
	case !s.t.begun:
		r = s.unready()
	}
	if r.Code != 0 {
		return s.pass(size, r)
	}
	if !s.t.begun {
		if r, refused := s.meetChunk(args); refused {
			return s.pass(size, r)
		} else if s.over {
			return smtp.Reply{}
		}
	}
	s.chunkFrom, s.last, s.dotted = 0, last, false
	if s.t.begun {
		// Data waits for it, in nextChunk.
		s.chunkFrom = s.content.Size()
		s.content.Chunk(size, last)
		s.chunked = true
		return smtp.Reply{}
	}
	s.content.Chunks(s.in)
	s.content.Chunk(size, last)
	s.t.begun = true
	return s.take(s.t)
}

// unready is why no content can come now.
func (s *Session) unready() smtp.Reply {
	switch {
	case len(s.t.Recipients) == 0:
		return needRcpt
	case s.server.Data == nil:
		return noMailHere
	}
	return smtp.Reply{}
}

// parseChunk reads "1234" and "1234 LAST".
func parseChunk(args []byte) (size int64, last, ok bool) {
	word, rest := cutWord(args)
	if last = bytes.EqualFold(rest, []byte("LAST")); !last && len(rest) > 0 {
		return 0, false, false
	}
	size, ok = number(word)
	return size, last, ok
}

// pass reads over a chunk that is not wanted.
func (s *Session) pass(size int64, r smtp.Reply) smtp.Reply {
	s.waited = 0
	s.content.Chunks(s.in)
	s.content.Chunk(size, true)
	if lost, ok := s.drain(); !ok {
		return lost
	}
	return r
}

// take gives the content to Data, and has the reply to its end.
func (s *Session) take(t *Transaction) smtp.Reply {
	s.waited = 0
	if s.server.Fault != nil {
		s.meetContent(t)
	}
	if len(s.in.Buffered()) == 0 {
		s.flush(s.clock()) // Data may take its time before it reads
	}
	r := s.server.Data(t, &t.body)
	t.done = true
	return s.verdict(t, r)
}

// verdict is the reply to the end of the content. Data may have returned before
// that: the rest is then read over.
func (s *Session) verdict(t *Transaction, r smtp.Reply) smtp.Reply {
	r = complete(r, okContent)
	for s.t == t && !s.over {
		if s.midway != nil {
			if s.drainMidway(); s.over {
				break
			}
		}
		if lost, ok := s.drain(); !ok {
			return lost
		}
		// RFC 3030 §2: a chunk that is refused ends the mail, and what is left of it is
		// refused too. One that is taken early is waited out.
		if s.content.Ended() || s.content.Bad() != nil || !r.Positive() {
			break
		}
		s.nextChunk(t)
	}
	if s.t != t || s.over {
		return smtp.Reply{} // the client has dropped it, and had its reply to that
	}
	s.traceContent()
	if s.midway = nil; s.server.Fault != nil && s.content.Bad() == nil {
		s.meetEnd(t)
		r = s.fault.verdictOf(r)
	}
	s.forget()
	if bad := s.content.Bad(); bad != nil {
		return s.each(t, s.refuse(bad), false)
	}
	if len(s.in.Buffered()) > 0 && !s.agreed(extPipelining) {
		s.answer(s.each(t, r, true))
		return s.give(errRunAhead, runAhead)
	}
	return s.each(t, r, true)
}

// refuse is the reply to a bad content.
func (s *Session) refuse(bad error) smtp.Reply {
	switch {
	case bad == wire.ErrTooLarge:
		return tooLarge
	case bad == wire.ErrTextLine:
		return textLineTooLong
	}
	// It is how one mail is made to look like two: whoever sends it has sent more
	// that is not to be listened to.
	return s.give(bad, Reply("554 5.6.0 "+bad.Error()+", and is not taken"))
}

// each says the verdict; over LMTP once for each recipient, RFC 2033 §4.2, but for
// a chunk that is not the last.
func (s *Session) each(t *Transaction, r smtp.Reply, good bool) smtp.Reply {
	if !s.server.LMTP || !s.last {
		s.taken(good && r.Positive())
		return r
	}
	if f := s.fault; f != nil {
		return s.eachBy(f, t, r, good)
	}
	any := false
	for i := range t.Recipients {
		one := r
		if good && i < len(t.answers) && t.answers[i].Code != 0 {
			one = complete(t.answers[i], okContent)
		}
		any = any || good && one.Positive()
		s.answer(one)
	}
	s.taken(any)
	return smtp.Reply{}
}

// taken counts a mail. Who sends mail that is taken is not guessing.
func (s *Session) taken(yes bool) {
	if yes {
		s.mails++
		s.errors, s.junk = 0, 0
	}
}

// drain reads over what is left of the content, or of the chunk. If it cannot, the
// session is over, and there is perhaps a reply to that.
func (s *Session) drain() (lost smtp.Reply, ok bool) {
	const least = 1 << 20
	s.receiving = true
	err := s.content.Drain(max(s.server.limits.size, least))
	s.receiving = false
	switch {
	case err == nil:
		return smtp.Reply{}, true
	case errors.Is(err, wire.ErrTooLarge):
		return s.give(ErrTooLarge, tooLarge), false
	}
	return s.lost(err), false
}

// nextChunk goes on with the conversation, while Data waits, until the next chunk
// is announced, or the mail is dropped, or the session over.
func (s *Session) nextChunk(t *Transaction) {
	s.traceContent()
	s.answer(smtp.Reply{Code: 250, Enhanced: okContent.Enhanced, Lines: []string{strconv.FormatInt(s.content.Size(), 10) + " octets so far"}})
	for s.chunked = false; !s.chunked && !s.over && s.t == t; {
		s.answer(s.turn())
	}
}

// eachBy is each over LMTP where a fault has what is said.
func (s *Session) eachBy(f *Fault, t *Transaction, r smtp.Reply, good bool) smtp.Reply {
	s.fault = nil
	if s.begin(f) {
		for range t.Recipients {
			s.sayFor(f, r)
		}
		s.finish(f)
	}
	s.taken(good && r.Positive())
	return smtp.Reply{}
}
