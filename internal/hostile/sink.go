package hostile

import (
	"bytes"
	"io"
	"net"
	"strconv"
	"time"
)

// A Sink is a connection to a server that takes everything, and that lives in the
// client's own calls: it needs no goroutine, so that a million mails cost seconds.
// What it is told is heard as strictly as RFC 5321 has it, octet by octet.
type Sink struct {
	Offers  string               // the reply to EHLO, with its line ends
	Content func(content []byte) // is given each content as it was on the wire, its end left out

	Commands int      // heard so far, EHLO and the like too
	Keep     bool     // keep them in Lines, too
	Lines    []string // without their line ends
	Odd      []byte   // the first command that is none

	reply   bytes.Buffer
	line    []byte
	content []byte
	mode    byte // 'd': DATA, 'b': BDAT, 0: a command
	left    int
	greeted bool
	asked   bool // for the response of AUTH PLAIN
}

// Ended reports whether no content is under way.
func (s *Sink) Ended() bool { return s.mode == 0 }

// Write hears what the client says.
func (s *Sink) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		switch s.mode {
		case 'd':
			p = s.data(p)
		case 'b':
			k := min(s.left, len(p))
			s.content = append(s.content, p[:k]...)
			p = p[k:]
			if s.left -= k; s.left == 0 {
				s.end(s.content)
			}
		default:
			i := bytes.IndexByte(p, '\n')
			if i < 0 {
				s.line = append(s.line, p...)
				return n, nil
			}
			s.line = append(s.line, p[:i+1]...)
			p = p[i+1:]
			s.command(s.line)
			s.line = s.line[:0]
		}
	}
	return n, nil
}

var dotEnd = []byte("\r\n.\r\n")

func (s *Sink) data(p []byte) (rest []byte) {
	before := len(s.content)
	s.content = append(s.content, p...)
	// The CRLF of the DATA command stands before the first line.
	if bytes.HasPrefix(s.content, dotEnd[2:]) {
		rest = s.content[3:]
		rest = p[len(p)-len(rest):]
		s.end(nil)
		return rest
	}
	from := max(0, before-len(dotEnd)+1)
	i := bytes.Index(s.content[from:], dotEnd)
	if i < 0 {
		return nil
	}
	end := from + i + len(dotEnd)
	rest = p[len(p)-(len(s.content)-end):]
	s.end(s.content[:from+i+2])
	return rest
}

func (s *Sink) end(content []byte) {
	s.Content(content)
	s.content, s.mode = s.content[:0], 0
	s.reply.WriteString("250 taken\r\n")
}

func (s *Sink) command(line []byte) {
	s.Commands++
	verb, ok := bytes.CutSuffix(line, []byte("\r\n"))
	if s.Keep {
		s.Lines = append(s.Lines, string(verb))
	}
	switch {
	case !ok:
		s.odd(line)
	case bytes.HasPrefix(verb, []byte("EHLO ")):
		s.reply.WriteString(s.Offers)
	case s.asked || bytes.HasPrefix(verb, []byte("AUTH PLAIN ")):
		s.asked = false
		s.reply.WriteString("235 in\r\n")
	case bytes.Equal(verb, []byte("AUTH PLAIN")):
		s.asked = true
		s.reply.WriteString("334 \r\n")
	case bytes.HasPrefix(verb, []byte("MAIL FROM:<")), bytes.HasPrefix(verb, []byte("RCPT TO:<")), bytes.Equal(verb, []byte("RSET")):
		s.reply.WriteString("250 ok\r\n")
	case bytes.Equal(verb, []byte("DATA")):
		s.mode = 'd'
		s.reply.WriteString("354 go on\r\n")
	case bytes.HasPrefix(verb, []byte("BDAT ")) && bytes.HasSuffix(verb, []byte(" LAST")):
		n, err := strconv.Atoi(string(verb[len("BDAT ") : len(verb)-len(" LAST")]))
		if err != nil {
			s.odd(line)
		}
		s.mode, s.left = 'b', n
		if n == 0 {
			s.end(nil)
		}
	case bytes.Equal(verb, []byte("QUIT")):
		s.reply.WriteString("221 bye\r\n")
	default:
		s.odd(line)
	}
}

func (s *Sink) odd(line []byte) {
	if s.Odd == nil {
		s.Odd = bytes.Clone(line)
	}
	s.reply.WriteString("500 what?\r\n")
}

// Read gives the replies. Where there are none the client waits for something that
// will never come: that is the end of the stream.
func (s *Sink) Read(p []byte) (int, error) {
	if !s.greeted {
		s.greeted = true
		return copy(p, "220 sink\r\n"), nil
	}
	if s.reply.Len() == 0 {
		return 0, io.EOF
	}
	return s.reply.Read(p)
}

func (s *Sink) Close() error                     { return nil }
func (s *Sink) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (s *Sink) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (s *Sink) SetDeadline(time.Time) error      { return nil }
func (s *Sink) SetReadDeadline(time.Time) error  { return nil }
func (s *Sink) SetWriteDeadline(time.Time) error { return nil }
