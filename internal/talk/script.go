package talk

import (
	"bufio"
	"context"
	"errors"
	"io"
	"strings"
)

// maxLine is the longest line of a script.
const maxLine = 64 << 10

// A Script is an [Input] that nobody sits at.
type Script struct{ in *bufio.Reader }

type scriptLine struct {
	text string
	err  error
}

// NewScript reads a script.
func NewScript(r io.Reader) *Script { return &Script{bufio.NewReaderSize(r, maxLine)} }

// Live reports that nobody is there.
func (*Script) Live() bool { return false }

// Read gives the next line. It is read by a goroutine of its own, since nothing else
// can be left waiting for a pipe.
func (s *Script) Read(ctx context.Context, _ Ask) (string, error) {
	got := make(chan scriptLine, 1)
	go func() {
		line, err := s.readLine()
		got <- scriptLine{line, err}
	}()
	select {
	case l := <-got:
		return l.text, l.err
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

func (s *Script) readLine() (string, error) {
	line, err := s.in.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return "", errors.New("a line of the script has more than 64 KiB")
	case errors.Is(err, io.EOF) && len(line) > 0:
	case errors.Is(err, io.EOF):
		return "", ErrEnded
	case err != nil:
		return "", err
	}
	return strings.TrimSuffix(strings.TrimSuffix(string(line), "\n"), "\r"), nil
}
