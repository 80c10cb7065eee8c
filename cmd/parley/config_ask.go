package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/parleymail/parley/smtp"
)

// An asker asks the person, if there is one: if standard input is a terminal. What it
// asks goes to standard error.
type asker struct {
	u     *ui
	stdin *os.File // nil: no terminal
	lines *bufio.Reader
}

// errGaveUp is that the person ended it.
var errGaveUp = errors.New("given up")

func (u *ui) asker() *asker {
	a := &asker{u: u, lines: bufio.NewReader(u.in)}
	if f, ok := u.in.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		a.stdin = f
	}
	return a
}

// person reports whether there is one who can be asked.
func (a *asker) person() bool { return a.stdin != nil }

// line asks for a line that may be seen. Its end, Ctrl-C and Ctrl-D, gives it up.
func (a *asker) line(ctx context.Context, prompt string) (string, error) {
	io.WriteString(a.u.err, smtp.Printable(prompt)+" ")
	return a.wait(ctx, func() (string, error) {
		line, err := a.lines.ReadString('\n')
		if errors.Is(err, io.EOF) && line != "" {
			err = nil
		}
		return strings.TrimSpace(line), err
	})
}

// secret asks for a line that is not shown while it is typed, from before the question
// is there to be answered. Who interrupts it is not left with a terminal that shows
// nothing: that is why term.ReadPassword, which hides when it begins to read, perhaps
// after we are gone, is taken only where there is nothing else.
func (a *asker) secret(ctx context.Context, prompt string) (string, error) {
	fd := int(a.stdin.Fd())
	read := func() (string, error) {
		line, err := a.lines.ReadString('\n')
		return strings.TrimRight(line, "\r\n"), err
	}
	show, hidden := hide(fd)
	if !hidden {
		read = func() (string, error) {
			secret, err := term.ReadPassword(fd)
			return string(secret), err
		}
	}
	io.WriteString(a.u.err, smtp.Printable(prompt)+" ")
	secret, err := a.wait(ctx, read)
	show()
	io.WriteString(a.u.err, "\n") // the one that was typed was not shown either
	return secret, err
}

// wait ends with the context too: nothing else ends a read from a terminal.
func (a *asker) wait(ctx context.Context, read func() (string, error)) (string, error) {
	type answer struct {
		text string
		err  error
	}
	done := make(chan answer, 1)
	go func() {
		text, err := read()
		done <- answer{text, err}
	}()
	select {
	case got := <-done:
		if errors.Is(got.err, io.EOF) {
			got.err = errGaveUp
		}
		return got.text, got.err
	case <-ctx.Done():
		return "", errGaveUp
	}
}

// password reads a secret: from a file, from the person, or from standard input's first
// line, in this order.
func (a *asker) password(ctx context.Context, file, prompt string) (string, error) {
	in := &stdin{r: a.lines}
	switch {
	case file != "":
		data, err := in.file("--password-file", file)
		return a.u.firstWord("--password-file", data, err)
	case a.person():
		return a.secret(ctx, prompt)
	}
	line, err := a.lines.ReadString('\n')
	if line = strings.TrimRight(line, "\r\n"); line == "" {
		if err != nil && !errors.Is(err, io.EOF) {
			return "", err
		}
		return "", &usageError{a.u.say(wordNoPasswordRead)}
	}
	return line, nil
}
