//go:build linux

package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"charm.land/lipgloss/v2"
	"github.com/creack/pty"
)

// A screen is a terminal with a program on it: as much of one as a line editor needs. It
// answers when it is asked where the cursor is.
type screen struct {
	t     *testing.T
	tty   *os.File // the side that the program does not see
	cmd   *exec.Cmd
	ended chan struct{}

	mu            sync.Mutex
	rows          [][]rune // 0 stands behind a character that takes two columns
	x, y          int
	width, height int
	past          []string // rows that have left at the top
	raw           strings.Builder
	changed       chan struct{}
}

// newScreen runs a command on a terminal of so many columns.
func newScreen(t *testing.T, width int, cmd *exec.Cmd) *screen {
	t.Helper()
	s := &screen{t: t, cmd: cmd, width: width, height: 50, changed: make(chan struct{}), ended: make(chan struct{})}
	for range s.height {
		s.rows = append(s.rows, make([]rune, width))
	}
	tty, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: uint16(s.height), Cols: uint16(width)})
	if err != nil {
		t.Skipf("no terminal can be had: %v", err)
	}
	s.tty = tty
	go s.run()
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGKILL)
		<-s.ended
		tty.Close()
	})
	return s
}

// run shows what the program writes until it ends.
func (s *screen) run() {
	defer close(s.ended)
	var held []byte
	buf := make([]byte, 4096)
	for {
		n, err := s.tty.Read(buf)
		held = append(held, buf[:n]...)
		s.mu.Lock()
		s.raw.Write(buf[:n])
		held = s.show(held)
		close(s.changed)
		s.changed = make(chan struct{})
		s.mu.Unlock()
		if err != nil {
			s.cmd.Wait()
			return
		}
	}
}

// show obeys what was written, and gives what is not whole yet.
func (s *screen) show(b []byte) []byte {
	for len(b) > 0 {
		switch {
		case b[0] == '\x1b':
			n := s.escape(b)
			if n == 0 {
				return b
			}
			b = b[n:]
		case b[0] == '\r':
			s.x, b = 0, b[1:]
		case b[0] == '\n':
			s.down()
			b = b[1:]
		case b[0] == '\b':
			s.x, b = max(s.x-1, 0), b[1:]
		case b[0] < ' ':
			b = b[1:]
		case !utf8.FullRune(b):
			return b
		default:
			r, n := utf8.DecodeRune(b)
			s.put(r)
			b = b[n:]
		}
	}
	return nil
}

func (s *screen) put(r rune) {
	w := lipgloss.Width(string(r))
	if s.x+w > s.width { // the last column was written, and the line goes on below
		s.x = 0
		s.down()
	}
	if w == 0 {
		return
	}
	s.rows[s.y][s.x] = r
	for i := 1; i < w; i++ {
		s.rows[s.y][s.x+i] = 0
	}
	s.x += w
}

func (s *screen) down() {
	if s.y+1 < s.height {
		s.y++
		return
	}
	s.past = append(s.past, rowText(s.rows[0]))
	s.rows = append(s.rows[1:], make([]rune, s.width))
}

func rowText(row []rune) string {
	var b strings.Builder
	for i, r := range row {
		switch {
		case r != 0:
			b.WriteRune(r)
		case i > 0 && lipgloss.Width(string(row[i-1])) == 2:
		default:
			b.WriteByte(' ')
		}
	}
	return strings.TrimRight(b.String(), " ")
}

// escape obeys one sequence, and gives its length; 0, if it has not come whole.
func (s *screen) escape(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	if b[1] != '[' {
		return 2
	}
	end := 2
	for end < len(b) && (b[end] < '@' || b[end] > '~') {
		end++
	}
	if end == len(b) {
		return 0
	}
	params := string(b[2:end])
	n, _ := strconv.Atoi(params)
	by := max(n, 1)
	switch b[end] {
	case 'A':
		s.y = max(s.y-by, 0)
	case 'B':
		s.y = min(s.y+by, s.height-1)
	case 'C':
		s.x = min(s.x+by, s.width-1)
	case 'D':
		s.x = max(min(s.x, s.width-1)-by, 0)
	case 'G':
		s.x = by - 1
	case 'H':
		s.x, s.y = 0, 0
	case 'J':
		clear(s.rows[s.y][min(s.x, s.width):])
		for i := s.y + 1; i < s.height; i++ {
			clear(s.rows[i])
		}
	case 'K':
		switch from, to := min(s.x, s.width), s.width; n {
		case 1:
			clear(s.rows[s.y][:from])
		case 2:
			clear(s.rows[s.y])
		default:
			clear(s.rows[s.y][from:to])
		}
	case 'n':
		fmt.Fprintf(s.tty, "\x1b[%d;%dR", s.y+1, min(s.x, s.width-1)+1)
	}
	return end + 1
}

// String is all that was ever on the screen.
func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.string()
}

func (s *screen) string() string {
	lines := append([]string{}, s.past...)
	for _, row := range s.rows {
		lines = append(lines, rowText(row))
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n") + "\n"
}

// until waits until something stands on the screen.
func (s *screen) until(want string) {
	s.t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		s.mu.Lock()
		all, changed := s.string(), s.changed
		s.mu.Unlock()
		if strings.Contains(all, want) {
			return
		}
		select {
		case <-changed:
		case <-s.ended:
			s.t.Fatalf("it ended, and %q never stood on\n%s", want, s)
		case <-deadline:
			s.t.Fatalf("%q does not stand on\n%s", want, s)
		}
	}
}

// typing presses keys.
func (s *screen) typing(keys string) {
	s.t.Helper()
	if _, err := io.WriteString(s.tty, keys); err != nil {
		s.t.Fatal(err)
	}
}

// end waits until the program has ended, and gives its exit code.
func (s *screen) end() int {
	s.t.Helper()
	select {
	case <-s.ended:
	case <-time.After(20 * time.Second):
		s.t.Fatalf("it does not end:\n%s", s)
	}
	return s.cmd.ProcessState.ExitCode()
}
