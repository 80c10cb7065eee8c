package talk

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/parleymail/parley/internal/wire"
	"github.com/parleymail/parley/smtp"
)

// SayContentLine sends a line of the content, with its dot doubled where it begins with
// one: RFC 5321 §4.5.2. It gives the line as it went over.
func (c *Conversation) SayContentLine(line string) (sent string, err error) {
	if err := checkLine(line); err != nil {
		return "", err
	}
	if strings.HasPrefix(line, ".") {
		line = "." + line
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	c.mu.Lock()
	c.tell(Turn{Event: smtp.Event{Did: smtp.Command, Stage: smtp.StageContent, Line: line}})
	c.mu.Unlock()
	return line, c.write([]byte(line + "\r\n"))
}

// checkLine refuses what no content may hold.
func checkLine(line string) error {
	_, err := (&wire.ContentWriter{W: io.Discard}).Write([]byte(line + "\r\n"))
	return err
}

// EndContent says the dot.
func (c *Conversation) EndContent() error {
	c.writing.Lock()
	defer c.writing.Unlock()
	c.mu.Lock()
	c.tell(Turn{Event: smtp.Event{Did: smtp.Command, Stage: smtp.StageEnd, Line: "."}})
	c.ended()
	c.mu.Unlock()
	return c.write([]byte(".\r\n"))
}

// CheckContent reads a content to its end, and says what of it may not travel once its
// line ends are CRLF.
func CheckContent(r io.Reader) error {
	w := &wire.ContentWriter{W: io.Discard}
	return copyCRLF(w, r)
}

// SayContent sends a content with its line ends made CRLF and its dots doubled, and the
// end of it. If it fails midway the connection is closed: half a mail is never ended.
func (c *Conversation) SayContent(r io.Reader) error {
	c.writing.Lock()
	out := bufio.NewWriterSize(patient{c}, 32<<10)
	w := &wire.ContentWriter{W: out}
	err := copyCRLF(w, r)
	if err == nil {
		err = w.End()
	}
	if err == nil {
		c.mu.Lock()
		c.tell(Turn{Event: smtp.Event{Did: smtp.Content, Stage: smtp.StageContent, Size: w.N}})
		c.tell(Turn{Event: smtp.Event{Did: smtp.Command, Stage: smtp.StageEnd, Line: "."}})
		c.ended()
		c.mu.Unlock()
		err = out.Flush()
	}
	c.writing.Unlock()
	if err != nil {
		err = fmt.Errorf("the content broke off, and the connection with it, so that no half of it is taken: %w", err)
		c.end(&smtp.Error{Kind: smtp.Invalid, Stage: smtp.StageContent, Err: err})
	}
	return err
}

// copyCRLF copies with every line end, CR, LF or CRLF, made CRLF.
func copyCRLF(w io.Writer, r io.Reader) error {
	in := bufio.NewReaderSize(r, 32<<10)
	cr := false
	for {
		chunk, err := in.Peek(1)
		if len(chunk) > 0 {
			chunk, _ = in.Peek(in.Buffered())
			fixed, ends := crlf(chunk, cr)
			cr = ends
			n := len(chunk)
			if _, err := w.Write(fixed); err != nil {
				return err
			}
			if _, err := in.Discard(n); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// crlf makes the line ends of p CRLF. after is that a CR stood before p, and was made one
// already; the same is told of p's end.
func crlf(p []byte, after bool) (fixed []byte, ends bool) {
	if after && p[0] == '\n' {
		p = p[1:]
	}
	ends = bytes.HasSuffix(p, []byte("\r"))
	if bytes.IndexByte(p, '\r') < 0 && bytes.IndexByte(p, '\n') < 0 {
		return p, false
	}
	p = bytes.ReplaceAll(p, []byte("\r\n"), []byte("\n"))
	p = bytes.ReplaceAll(p, []byte("\r"), []byte("\n"))
	return bytes.ReplaceAll(p, []byte("\n"), []byte("\r\n")), ends
}
