package replay

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/parleymail/parley/internal/wire"
	"github.com/parleymail/parley/smtp"
)

// hello answers EHLO and its like, with what was offered on this side of TLS. Where the recording has it on the other
// side alone, that is said.
func (s *session) hello(verb string) error {
	s.taken = 0
	s.lmtp = verb == "LHLO"
	other := "HELO"
	if verb == "HELO" {
		other = "EHLO"
	}
	for _, key := range []string{helloKey(verb, s.within()), helloKey(verb, !s.within()), helloKey(other, s.within()), helloKey(other, !s.within())} {
		list := s.tape.by[key]
		if len(list) == 0 {
			continue
		}
		c := s.take(list[min(s.counts[key], len(list)-1)])
		s.counts[key]++
		if strings.HasPrefix(key, other) {
			s.depart(Other, s.line, c.command)
		}
		return s.perform(s.edited(c, verb), verb)
	}
	s.depart(Unknown, s.line, "")
	return s.perform(nil, verb)
}

// edited is a reply to EHLO as it can be said here: STARTTLS is not offered where TLS is or will not be, and after HELO
// there are no extensions.
func (s *session) edited(c *scene, verb string) *scene {
	if len(c.replies) == 0 || !strings.HasPrefix(c.replies[0][0], "250") {
		return c
	}
	lines := slices.Clone(c.replies[0])
	if verb == "HELO" {
		lines = lines[:1]
	}
	if s.tls != nil || s.server.Security == smtp.Plaintext {
		lines = slices.DeleteFunc(lines, func(l string) bool { return len(l) > 4 && strings.EqualFold(strings.TrimSpace(l[4:]), "STARTTLS") })
	}
	if len(lines) == 0 {
		lines = []string{"250 ok"}
	}
	edited := *c
	edited.replies = [][]string{marked(lines)}
	return &edited
}

// secure answers STARTTLS.
func (s *session) secure() error {
	switch {
	case s.tls != nil:
		return s.say([]string{"503 5.5.1 parley replay: this is TLS already"})
	case s.server.Security == smtp.Plaintext:
		return s.say([]string{"502 5.5.1 parley replay: TLS is not offered"})
	case len(s.tape.by["STARTTLS"]) == 0 && !s.server.Strict && s.tape.offers("STARTTLS"):
		// The client of the recording did not take the offer; this one may.
		s.depart(Unknown, s.line, "")
		if err := s.say([]string{"220 2.0.0 go ahead"}); err != nil {
			return err
		}
		return s.startTLS()
	}
	c := s.choose("STARTTLS", s.line)
	if err := s.perform(c, "STARTTLS"); err != nil {
		return err
	}
	if c != nil && len(c.replies) > 0 && strings.HasPrefix(c.replies[0][0], "220") {
		return s.startTLS()
	}
	return nil
}

// recipient answers RCPT.
func (s *session) recipient(line string) error {
	c := s.choose("RCPT", line)
	if c != nil && len(c.replies) > 0 && strings.HasPrefix(c.replies[0][0], "2") {
		s.taken++
	}
	return s.perform(c, "RCPT")
}

// nth is the n-th scene of a key, whatever was asked by it.
func (s *session) nth(key string) *scene {
	list, n := s.tape.by[key], s.counts[key]
	s.counts[key]++
	switch {
	case len(list) == 0:
		s.depart(Unknown, s.line, "")
		return nil
	case n >= len(list):
		s.depart(More, s.line, "")
		n = len(list) - 1
	}
	return s.take(list[n])
}

// longest is how long a content may take, and how large it may be.
const (
	longest = 30 * time.Minute
	largest = 1 << 40
)

// data answers DATA, and hears the content where that was asked for.
func (s *session) data() error {
	if len(s.tape.by["DATA"]) == 0 && len(s.tape.by[keyVerdict]) > 0 && !s.server.Strict {
		// The recording has BDAT, which asks the same.
		if err := s.say([]string{"354 go ahead"}); err != nil {
			return err
		}
		return s.body()
	}
	c := s.nth("DATA")
	if c == nil || len(c.replies) == 0 || !strings.HasPrefix(c.replies[0][0], "354") || s.refuses() {
		return s.perform(c, "DATA")
	}
	if err := s.pause(c); err != nil {
		return err
	}
	if err := s.say(c.replies[0]); err != nil {
		return err
	}
	if c.then != goesOn {
		return s.breakOff(c, "DATA")
	}
	return s.body()
}

// breakOff ends a session in the midst of a content, as the recording does: some of it is heard.
func (s *session) breakOff(c *scene, verb string) error {
	if err := s.flush(); err != nil {
		return err
	}
	if _, err := s.in.ReadLine(maxLine); err != nil && !errors.Is(err, wire.ErrLineTooLong) {
		return errOver
	}
	return s.follow(c, verb)
}

// coming is the scene that a chunk is going to get; nil, where the recording has none for it.
func (s *session) coming(last bool) *scene {
	key := keyChunk
	if last {
		key = keyVerdict
	}
	if list := s.tape.by[key]; len(list) > 0 {
		return list[min(s.counts[key], len(list)-1)]
	}
	return nil
}

// body hears a content up to its dot, forgets it, and says what became of it.
func (s *session) body() error {
	if err := s.flush(); err != nil {
		return err
	}
	var content wire.ContentReader
	content.Data(s.in)
	s.conn.SetReadDeadline(time.Now().Add(longest))
	err := content.Drain(largest)
	s.tell(smtp.Event{Stage: smtp.StageContent, Did: smtp.Content, Size: content.Size()})
	if err != nil {
		return fmt.Errorf("hearing the content: %w", err)
	}
	s.asked, s.stage, s.line = time.Now(), smtp.StageEnd, "."
	s.tell(smtp.Event{Stage: s.stage, Did: smtp.Command, Line: "."})
	return s.verdict()
}

// verdict says what became of a content; over LMTP to each recipient: RFC 2033 §4.2.
func (s *session) verdict() error {
	s.stage = smtp.StageEnd
	c := s.nth(keyVerdict)
	if !s.lmtp || c == nil || len(c.replies) == 0 || s.refuses() {
		return s.perform(c, ".")
	}
	if err := s.pause(c); err != nil {
		return err
	}
	for i := range max(s.taken, 1) {
		if err := s.say(c.replies[min(i, len(c.replies)-1)]); err != nil {
			return err
		}
	}
	return s.follow(c, ".")
}

// chunk answers BDAT: RFC 3030 §2. What follows it is counted, and heard whatever becomes of it.
func (s *session) chunk(line string) error {
	words := strings.Fields(strings.ToUpper(line))
	size, err := int64(0), error(nil)
	if len(words) > 1 {
		size, err = strconv.ParseInt(words[1], 10, 64)
	}
	if len(words) < 2 || err != nil || size < 0 {
		s.say([]string{"501 5.5.4 parley replay: BDAT wants a size"})
		return errOver // what follows cannot be told from commands
	}
	last := len(words) > 2 && words[2] == "LAST"
	if c := s.coming(last); c != nil && c.then != goesOn && len(c.replies) == 0 && !c.carried {
		return s.breakOff(s.take(c), "BDAT")
	}
	if err := s.skip(size); err != nil {
		return err
	}
	s.tell(smtp.Event{Stage: smtp.StageContent, Did: smtp.Content, Size: size})
	switch {
	case last:
		s.content = false
		return s.verdict()
	case !s.content && len(s.tape.by["DATA"]) > 0 && len(s.tape.by[keyChunk]) == 0 && refused(s.tape.by["DATA"][0]):
		return s.perform(s.nth("DATA"), "DATA") // it would not have this one either
	case len(s.tape.by[keyChunk]) > s.counts[keyChunk]:
		s.content = true
		return s.perform(s.nth(keyChunk), "BDAT")
	}
	s.content = true
	return s.say([]string{fmt.Sprintf("250 2.0.0 %d octets", size)})
}

func refused(c *scene) bool { return len(c.replies) > 0 && c.replies[0][0] >= "4" }

// skip hears so many octets.
func (s *session) skip(size int64) error {
	s.conn.SetReadDeadline(time.Now().Add(longest))
	var content wire.ContentReader
	content.Chunks(s.in)
	content.Chunk(size, true)
	if err := content.Drain(largest); err != nil {
		return fmt.Errorf("hearing the content: %w", err)
	}
	return nil
}
