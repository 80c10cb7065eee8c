package talk

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// A Plain is an [Input] with a person at it, where lines cannot be edited: on a dumb
// terminal, or where the output goes elsewhere.
type Plain struct {
	In  *os.File
	Out io.Writer // for prompts

	script *Script
}

// Live reports that somebody is there.
func (*Plain) Live() bool { return true }

// Read lets a line be typed. What is secret is not echoed.
func (p *Plain) Read(ctx context.Context, a Ask) (string, error) {
	fmt.Fprint(p.Out, a.Prompt)
	if a.Secret {
		text, err := term.ReadPassword(int(p.In.Fd()))
		fmt.Fprintln(p.Out)
		if errors.Is(err, io.EOF) {
			err = ErrEnded
		}
		return strings.TrimRight(string(text), "\r"), err
	}
	if p.script == nil {
		p.script = &Script{bufio.NewReaderSize(p.In, maxLine)}
	}
	return p.script.Read(ctx, a)
}
