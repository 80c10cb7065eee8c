package talk

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"

	"github.com/reeflective/readline"
	"github.com/reeflective/readline/inputrc"
	"golang.org/x/term"
)

// A Terminal is an [Input] with a person at it. What is to be shown while a line is
// typed goes through it too, so that it comes to stand above that line.
type Terminal struct {
	History string // the file that history is kept in; empty: it is not
	Styles  Styles

	once   sync.Once
	undo   func() // of silence
	typed  *history
	editor *readline.Shell // for what is not secret

	mu      sync.Mutex
	reading *reader      // what is being typed now; nil: nothing
	unshown bytes.Buffer // what came meanwhile
}

// Styles are how a terminal is written to. Nil: as it is.
type Styles struct {
	Prompt, Hint func(string) string
	Wrap         func(s string, width int) []string // parts a hint into lines
}

// IsTerminal reports whether standard input and output are one that lines can be edited
// on.
func IsTerminal() bool {
	name := os.Getenv("TERM")
	return term.IsTerminal(int(os.Stdin.Fd())) && term.IsTerminal(int(os.Stdout.Fd())) && name != "dumb"
}

// Close leaves the terminal as it was.
func (t *Terminal) Close() {
	t.once.Do(func() { t.undo = func() {} })
	t.undo()
}

// Live reports that somebody is there.
func (*Terminal) Live() bool { return true }

// Write shows something. While a line is typed that is done above it.
func (t *Terminal) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.reading == nil {
		return os.Stdout.Write(p)
	}
	t.unshown.Write(p)
	t.reading.shell.Keys.RequestRefresh()
	return len(p), nil
}

// Read lets a line be typed.
func (t *Terminal) Read(ctx context.Context, a Ask) (string, error) {
	t.once.Do(func() {
		t.undo = silence(os.Stdin)
		t.typed = openHistory(t.History)
		t.editor = newShell()
		t.editor.History.Add("parley talk", t.typed)
	})
	r := &reader{t: t, ctx: ctx, ask: a, shell: t.editor}
	t.typed.hidden = !a.Keep
	if a.Secret {
		// What an editor keeps to be yanked, undone or gone back to is gone when it is.
		r.shell = newShell()
		r.shell.History.Delete()
		passOn(t.editor, r.shell)
		defer passOn(r.shell, t.editor)
	}
	return r.read()
}

// passOn gives what was typed ahead, and read already, to another editor.
func passOn(from, to *readline.Shell) {
	var keys []byte
	for {
		key, empty := from.Keys.Pop()
		if empty {
			break
		}
		keys = append(keys, key)
	}
	to.Keys.Feed(false, []rune(string(keys))...)
}

// spare is how many rows there always are below the one where typing begins.
const spare = 4

// room makes room below the cursor, which stands at the begin of a row, and stays there.
func room() string { return strings.Repeat("\n", spare) + "\x1b[" + strconv.Itoa(spare) + "A" }

func newShell() *readline.Shell {
	shell := readline.NewShell(inputrc.WithName("Parley"))
	for name, value := range map[string]any{
		"enable-bracketed-paste":       true,
		"completion-ignore-case":       true,
		"menu-complete-display-prefix": true, // list first, and take one only when asked again
		"usage-hint-always":            false,
		"history-autosuggest":          false,
		"autocomplete":                 false,
		"prompt-transient":             false,
		"show-mode-in-prompt":          false,

		// It asks the terminal where the cursor is, and what is typed while that answers is
		// lost. Where it does not ask it must have room below: see room.
		"cursor-position-probe": false,
	} {
		shell.Config.Set(name, value)
	}
	return shell
}

// A reader is one line being typed.
type reader struct {
	t        *Terminal
	ctx      context.Context
	ask      Ask
	shell    *readline.Shell
	accepted bool
	line     string
}

// flushKey is a key that nobody types. The editor's own goroutine presses it when there
// is something to show: it is the only one that may touch the screen while a line is
// typed.
const flushKey = '\x1c'

func (r *reader) read() (string, error) {
	r.prepare()
	t := r.t
	t.mu.Lock()
	io.WriteString(os.Stdout, room())
	t.reading = r
	t.mu.Unlock()
	stop := context.AfterFunc(r.ctx, r.shell.Keys.RequestRefresh)
	line, err := r.shell.Readline()
	stop()
	t.mu.Lock()
	t.reading = nil
	os.Stdout.Write(t.unshown.Bytes())
	t.unshown.Reset()
	t.mu.Unlock()
	if r.accepted {
		line = r.line
	}
	switch {
	case r.ctx.Err() != nil:
		return "", context.Cause(r.ctx)
	case errors.Is(err, readline.ErrInterrupt):
		return "", ErrInterrupted
	case errors.Is(err, io.EOF):
		return "", ErrEnded
	case err != nil:
		return "", err
	}
	if r.ask.Keep && !r.ask.Secret {
		t.typed.wary = r.ask.Wary
		t.typed.add(line)
	}
	return line, nil
}

// prepare tells the editor what is asked.
func (r *reader) prepare() {
	s := r.shell
	s.Prompt.Primary(func() string { return style(r.t.Styles.Prompt, r.ask.Prompt) })
	s.Hint.SetProvider(r.hint)
	s.SyntaxHighlighter = nil
	if r.ask.Secret {
		s.SyntaxHighlighter = func(line []rune) string { return strings.Repeat("*", len(line)) }
	}
	s.Completer = r.complete
	s.Keymap.Register(map[string]func(){"accept-line": r.accept, "parley-flush": r.flush})
	for _, binds := range s.Config.Binds {
		binds[string(flushKey)] = inputrc.Bind{Action: "parley-flush"}
	}
}

func style(f func(string) string, s string) string {
	if f == nil {
		return s
	}
	return f(s)
}

// hint is asked by the editor's goroutine whenever it draws. That is where it learns that
// there is something to show.
func (r *reader) hint(line []rune, _ int) []rune {
	r.t.mu.Lock()
	waits := r.t.unshown.Len() > 0
	r.t.mu.Unlock()
	if waits || r.ctx.Err() != nil {
		r.shell.Keys.Feed(false, flushKey)
	}
	if r.ask.Hint == nil || r.accepted {
		return nil
	}
	text := r.ask.Hint(string(line))
	if text == "" {
		return nil
	}
	lines := []string{text}
	if wrap := r.t.Styles.Wrap; wrap != nil {
		lines = wrap(text, r.t.width()-1)
	}
	for i, l := range lines {
		lines[i] = style(r.t.Styles.Hint, l)
	}
	return []rune(strings.Join(lines, "\n"))
}

// width is that of the terminal, now.
func (t *Terminal) width() int {
	if w, _, err := term.GetSize(int(os.Stdout.Fd())); err == nil && w > 0 {
		return w
	}
	return 80
}

// flush shows what came while the line was typed, above it.
func (r *reader) flush() {
	r.t.mu.Lock()
	text := r.t.unshown.String()
	r.t.unshown.Reset()
	r.t.mu.Unlock()
	if text != "" {
		// The editor ends it with a line end, and then draws what is typed.
		r.shell.PrintTransientf("%s\n%s\x1b[1A", strings.TrimSuffix(text, "\n"), room())
	}
	if r.ctx.Err() != nil {
		r.erase()
		r.shell.History.Accept(false, false, readline.ErrInterrupt)
	}
}

// accept takes the line, and takes it off the screen: what of it went over the line is
// then shown as that.
func (r *reader) accept() {
	r.line, r.accepted = string(*r.shell.Line()), true
	r.erase()
	r.shell.History.Accept(false, false, nil)
}

func (r *reader) erase() {
	r.shell.Display.CursorToLineStart()
	io.WriteString(os.Stdout, "\r\x1b[0J")
}

// complete is asked for by Tab.
func (r *reader) complete(line []rune, cursor int) readline.Completions {
	if r.ask.Complete == nil {
		return readline.Completions{}
	}
	cursor = min(cursor, len(line))
	before := string(line[:cursor])
	var list []readline.Completion
	for _, c := range r.ask.Complete(before) {
		// What was typed in small letters becomes what it is called: the editor itself
		// only adds to it.
		if typed := c.Line[:len(before)]; typed != before {
			r.shell.Line().Set(append([]rune(typed), line[cursor:]...)...)
			before = typed
		}
		list = append(list, readline.Completion{Value: c.Line, Display: c.Show, Description: c.Why})
	}
	comps := readline.CompleteRaw(list).NoSort()
	comps.PREFIX = before
	return comps
}
