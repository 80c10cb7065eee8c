package talk

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/parleymail/parley/internal/secret"
	"github.com/parleymail/parley/smtp"
)

// Raw sends octets as they are. Commands among them are laid to the replies that
// they bring, and where a chunk was announced (BDAT), or a content is awaited, they
// are that.
func (c *Conversation) Raw(octets []byte) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	c.mu.Lock()
	if !c.state.Closed {
		c.saidRaw(octets)
	}
	c.mu.Unlock()
	return c.write(octets)
}

// saidRaw tells of octets line by line. The lock is held.
func (c *Conversation) saidRaw(octets []byte) {
	rest := octets
	if c.state.Data {
		c.rawContent(rest)
		return
	}
	for len(rest) > 0 {
		if n := min(c.state.Chunk, int64(len(rest))); n > 0 {
			c.state.Chunk -= n
			rest = rest[n:]
			c.tell(Turn{Event: smtp.Event{Did: smtp.Content, Stage: smtp.StageContent, Size: n}})
			continue
		}
		line, more, ended := strings.Cut(string(rest), "\n")
		rest = []byte(more)
		c.sent = append(c.sent, line...)
		if !ended {
			begun := Shown(string(c.sent))
			if c.state.Exchange || c.distrust {
				begun = secret.Mark
			}
			c.note(0, "raw: "+begun+" (the line has no end yet)")
			break
		}
		whole, crlf := strings.CutSuffix(string(c.sent), "\r")
		c.sent = nil
		end := ""
		if !crlf {
			end = "\n" // a bare LF, which is shown as one
		}
		c.said(whole, end, true)
	}
	c.change()
}

// rawContent is what is sent as it is while the server awaits a content. Only the
// five octets of RFC 5321 §4.1.1.4 end it for us.
func (c *Conversation) rawContent(octets []byte) {
	c.sent = append(c.sent, octets...)
	c.tell(Turn{Event: smtp.Event{Did: smtp.Content, Stage: smtp.StageContent, Size: int64(len(octets))}})
	const end = "\r\n.\r\n"
	c.sent = c.sent[max(len(c.sent)-len(end), 0):]
	if s := string(c.sent); s == ".\r\n" || s == end {
		c.ended()
	}
}

// ended notes that the content is over: each recipient has a verdict over LMTP (RFC 2033
// §4.2), all of them one else. The lock is held.
func (c *Conversation) ended() {
	n := 1
	if c.state.LMTP {
		n = max(c.state.Rcpt, 1)
	}
	c.state.Data, c.sent = false, nil
	for range n {
		c.pending = append(c.pending, asked{verb: ".", stage: smtp.StageEnd})
	}
	c.change()
}

// Unescape reads octets as they are written after /raw: \r \n \t \0 \\ \" and \xNN, as in C.
func Unescape(s string) ([]byte, error) {
	var out []byte
	for {
		i := strings.IndexByte(s, '\\')
		if i < 0 {
			return append(out, s...), nil
		}
		out = append(out, s[:i]...)
		s = s[i+1:]
		if s == "" {
			return nil, fmt.Errorf(`a \ stands at the end`)
		}
		kind := s[0]
		s = s[1:]
		simple := strings.IndexByte(`rnt0\"`, kind)
		switch {
		case simple >= 0:
			out = append(out, "\r\n\t\x00\\\""[simple])
		case kind == 'x' && len(s) >= 2:
			n, err := strconv.ParseUint(s[:2], 16, 8)
			if err != nil {
				return nil, fmt.Errorf(`\x%s is no octet in hex`, s[:2])
			}
			out = append(out, byte(n))
			s = s[2:]
		default:
			return nil, fmt.Errorf(`\%c is none of \r \n \t \0 \\ \" \xNN`, kind)
		}
	}
}
