//go:build linux

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtptest"
)

// parleyOn runs the command on a terminal, with a home of its own and no keyring.
func parleyOn(t *testing.T, width int, home string, env []string, args ...string) *screen {
	t.Helper()
	parley, err := exec.LookPath("parley") // testscript.Main has put it there
	if err != nil {
		parley = filepath.Join(t.TempDir(), "parley")
		if err := os.Symlink(os.Args[0], parley); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(parley, args...)
	cmd.Env = append([]string{"HOME=" + home, "PATH=" + os.Getenv("PATH"), "TERM=xterm-256color", "LANG=C.UTF-8", "XDG_CONFIG_DIRS=" + home}, env...)
	return newScreen(t, width, cmd)
}

// TestInitOnATerminal types an address that is none and one that is, a password that is
// wrong and one that is right, and looks at what is on the screen.
func TestInitOnATerminal(t *testing.T) {
	server := (&smtptest.Server{Security: smtp.StartTLS, Users: map[string]string{"kim@example.com": "opensesame"}}).Start(t)
	home := t.TempDir()
	s := parleyOn(t, 100, home, []string{"SSL_CERT_FILE=" + server.CAFile()}, "init", "--server", "smtp://"+server.Addr())
	s.until("your mail address:")
	s.typing("kim\r")
	s.until(`parley: "kim" is no mail address`)
	s.until("no domain\nyour mail address:")
	s.typing("kim@example.com\r")
	s.until("password or code of kim@example.com (not shown):")
	s.typing("notsesame\r")
	s.until("cause: ")
	s.until("fix: ")
	s.until("parley: try again, or give up by an empty line\npassword or code of kim@example.com (not shown):")
	s.typing("opensesame\r")
	s.until("parley: kim@example.com is logged in")
	s.until("parley send --to kim@example.com")
	if code := s.end(); code != 0 {
		t.Errorf("it ended with %d\n%s", code, s)
	}
	if shown := s.String(); strings.Contains(shown, "sesame") {
		t.Errorf("the password stands on the screen:\n%s", shown)
	}
	text, err := os.ReadFile(filepath.Join(home, ".config/parley/config.toml"))
	if err != nil || strings.Contains(string(text), "sesame") {
		t.Errorf("%v\n%s", err, text)
	}
}

// TestInitExplains looks at what a person is told of a provider, in both languages, on a
// narrow terminal too; and that giving up leaves nothing behind.
func TestInitExplains(t *testing.T) {
	for _, c := range []struct {
		lang  string
		width int
		want  []string
	}{
		{"en", 120, []string{"QQ Mail", "smtps://kim@qq.com@smtp.qq.com", "authorization code", "How to get it:", "1. open mail.qq.com in a browser, and log in", "2. Settings", "(not shown):"}},
		{"zh", 60, []string{"smtps://kim@qq.com@smtp.qq.com", "授权码", "取得办法：", "1. 用浏览器打开 mail.qq.com 并登录", "2. 设置", "（不显示）："}},
	} {
		home := t.TempDir()
		s := parleyOn(t, c.width, home, nil, "init", "--lang", c.lang, "kim@qq.com")
		for _, want := range c.want {
			s.until(want)
		}
		s.typing("\r")
		if code := s.end(); code != exitUsage {
			t.Errorf("%s: it ended with %d\n%s", c.lang, code, s)
		}
		if _, err := os.Stat(filepath.Join(home, ".config")); err == nil {
			t.Errorf("%s: something was written", c.lang)
		}
		t.Logf("\n%s", s)
	}
}

// TestInitOnceMore: where nobody is reached, no other password is asked for.
func TestInitOnceMore(t *testing.T) {
	s := parleyOn(t, 100, t.TempDir(), nil, "init", "--server", "smtp://127.0.0.1:1", "kim@example.com")
	s.until("(not shown):")
	s.typing("opensesame\r")
	s.until("fix: ")
	s.until("Enter tries once more, q gives up:")
	s.typing("\r")
	s.until("gives up:\nparley: logging in to smtp://127.0.0.1:1\n")
	s.until("refused")
	s.typing("q\r")
	s.until("parley: given up: nothing was written")
	if code := s.end(); code != exitUsage {
		t.Errorf("it ended with %d\n%s", code, s)
	}
}

// TestInterruptedTerminal looks at the terminal of one who pressed Ctrl-C while a password
// was to be typed: what is typed next must be seen.
func TestInterruptedTerminal(t *testing.T) {
	s := parleyOn(t, 100, t.TempDir(), nil, "init", "--no-try", "kim@qq.com")
	s.until("(not shown):")
	if echoes(t, s.tty) {
		t.Error("what is typed for a password is shown")
	}
	s.typing("opense\x03")
	s.until("parley: given up: nothing was written")
	s.end()
	if !echoes(t, s.tty) {
		t.Error("the terminal is left without an echo")
	}
	if strings.Contains(s.String(), "opense") {
		t.Error("what was typed is shown")
	}
}

func echoes(t *testing.T, tty *os.File) bool {
	t.Helper()
	state, err := unix.IoctlGetTermios(int(tty.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return state.Lflag&unix.ECHO != 0
}
