//go:build linux

package main

import (
	"encoding/base64"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/parleymail/parley/smtp"
)

// onScreen runs "parley talk" on a terminal, with a home of its own.
func onScreen(t *testing.T, width int, home string, args ...string) *screen {
	t.Helper()
	parley, err := exec.LookPath("parley") // testscript.Main has put it there
	if err != nil {
		parley = filepath.Join(t.TempDir(), "parley")
		if err := os.Symlink(os.Args[0], parley); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(parley, append([]string{"talk"}, args...)...)
	cmd.Env = append(os.Environ(), "HOME="+home, "XDG_STATE_HOME=", "XDG_CONFIG_HOME="+home, "TERM=xterm-256color", "LANG=C.UTF-8", "LC_ALL=", "INPUTRC=/dev/null", "SMTP_URL=", "COLUMNS=")
	return newScreen(t, width, cmd)
}

func startedDemo(t *testing.T) *demoServer {
	t.Helper()
	server := newDemoServer(func(smtp.Event) {})
	if err := server.start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.close)
	return server
}

// TestTalkOnATerminal is the article's dialogue, over TLS with AUTH LOGIN, with the server of
// "parley demo": typed on a real terminal, with completion and history.
func TestTalkOnATerminal(t *testing.T) {
	server := startedDemo(t)
	home := t.TempDir()
	kept := filepath.Join(home, "kept.txt")
	_, pinned, _ := strings.Cut(server.url(), "?")
	s := onScreen(t, 120, home, "--transcript", kept, "smtp://"+server.addr+"?"+pinned)

	s.until("next: EHLO name: say who you are")
	s.typing("eh\t") // what is typed in small letters is completed as it is called
	s.until("\nC: EHLO\n")
	s.typing("me.example\r")
	s.until("S: 250-STARTTLS                                          It can go on encrypted.")
	s.until("next: STARTTLS")
	s.typing("\t") // a list, and what each is for
	s.until("say goodbye; the server hangs up")
	s.typing("st\t\r")
	s.until("-- TLS 1.3 started")
	s.until("-- certificate good: it is the one that was pinned")
	s.until("next: EHLO name")
	s.typing("\x1b[A\x1b[A") // up, and up again
	s.until("\nC: EHLO me.example\nEHLO name: say who")
	s.typing("\r")
	s.until("next: AUTH mechanism")
	s.typing("auth login\r")
	s.until("user name:\n")
	s.typing(demoUser + "\r")
	s.until("password:\n")
	s.typing(server.password)
	s.until("password: ************\n")
	s.typing("\r")
	s.until("\nC: (secret)\nS: 334 UGFzc3dvcmQ6")
	s.until("S: 235 2.7.0 welcome                                     Logged in.")
	s.typing("ma\tkim@example.com> \t") // parameters that the server offers
	s.until("how many octets the content has")
	s.typing("\x7f\r")
	s.until("The sender is taken.")
	s.typing("rc\tlee@example.net>\rDATA\r")
	s.until("S: 354")
	s.typing("Subject: 你好\r\r.hidden\r/quit\r")
	s.until("\nC: ..hidden\n")
	s.typing(".\r")
	s.until("S: 250 2.0.0 taken, queued as demo-1")
	s.typing("quit\r")
	s.until("S: 221 2.0.0 goodbye")
	if code := s.end(); code != 0 {
		t.Errorf("it ended with %d", code)
	}
	noSecrets(t, s, server.password, kept, filepath.Join(home, ".local", "state", "parley", "talk_history"))
	got, ok := server.taken(1)
	if content := "Subject: 你好\r\n\r\n.hidden\r\n/quit\r\n"; !ok || string(got.content) != content {
		t.Errorf("%q arrived", got.content)
	}
}

// noSecrets looks for a password everywhere that it could have gone.
func noSecrets(t *testing.T, s *screen, password string, files ...string) {
	t.Helper()
	places := map[string]string{"the screen": s.String(), "what the terminal was sent": s.raw.String()}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		places[name] = string(data)
	}
	encoded := base64.StdEncoding.EncodeToString([]byte(password))
	for place, all := range places {
		if strings.Contains(all, password) || strings.Contains(all, encoded) {
			t.Errorf("the password is in %s:\n%s", place, all)
		}
	}
}

// TestTalkRemembers: what was typed in one session can be had back in the next, and no
// secret with it.
func TestTalkRemembers(t *testing.T) {
	server := startedDemo(t)
	home := t.TempDir()
	_, pinned, _ := strings.Cut(server.url(), "?")
	first := onScreen(t, 60, home, "--lang", "zh", "smtp://"+server.addr+"?"+pinned)
	first.until("接下来：EHLO name")
	first.typing("AUTH PLAIN AGRlbW8Ac2VzYW1lc2VzYW1l\r")
	first.until("C: AUTH PLAIN (secret)\n")
	first.until("\nC:\n接下来：EHLO name")
	first.typing("/base64 sesamesesame\r")
	first.until("\nc2VzYW1lc2VzYW1l\n")
	first.typing("\x03")
	first.until("S: 221")
	if code := first.end(); code != 0 {
		t.Errorf("it ended with %d:\n%s", code, first)
	}
	again := onScreen(t, 60, home, "smtp://"+server.addr+"?"+pinned)
	again.until("next: EHLO name")
	again.typing("\x1b[A")
	again.until("\nC: AUTH PLAIN (secret)\n")
	again.typing("\r")
	again.until("the secret was not kept")
	again.typing("\x04")
	if code := again.end(); code != 0 {
		t.Errorf("it ended with %d:\n%s", code, again)
	}
	if history, _ := os.ReadFile(filepath.Join(home, ".local", "state", "parley", "talk_history")); strings.Contains(string(history), "esame") || strings.Contains(string(history), "c2Vz") {
		t.Errorf("the history has\n%s", history)
	}
}

// TestTheServerSpeaksWhileAPersonTypes: what it says stands above the line that is being
// typed, and that is not lost.
func TestTheServerSpeaksWhileAPersonTypes(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	conns := make(chan net.Conn, 1)
	go func() {
		if conn, err := l.Accept(); err == nil {
			conns <- conn
		}
	}()
	s := onScreen(t, 100, t.TempDir(), l.Addr().String())
	conn := <-conns
	defer conn.Close()
	s.until("waiting for the greeting")
	s.typing("mail from:<k")
	s.until("\nC: mail from:<k\n")
	conn.Write([]byte("220-mx.example\r\n220 ready\r\n"))
	s.until("\nS: 220 ready\nC: mail from:<k\nMAIL FROM:<address>")
	s.typing("im@example")
	s.until("\nC: mail from:<kim@example\n")
	conn.Write([]byte("421 4.4.2 idle for too long\r\n"))
	s.until("Nobody asked")
	conn.Close()
	s.until("\nC: mail from:<kim@example\nthe line is closed: /connect")
	s.typing(".com>\r")
	s.until("The line is closed: /connect begins again")
	s.typing("/save " + filepath.Join(t.TempDir(), "kept") + "\r")
	s.until("kept in ")
	s.typing("\x03")
	if code := s.end(); code != 0 {
		t.Errorf("it ended with %d:\n%s", code, s)
	}
	if all := s.String(); strings.Count(all, "S: 220 ready") != 1 || strings.Contains(all, "C: mail from:<kim@example.com>") {
		t.Errorf("it does not look right:\n%s", all)
	}
}

// TestPasteOnATerminal: lines that are pasted go together, and what they are stands there
// once.
func TestPasteOnATerminal(t *testing.T) {
	server := startedDemo(t)
	server.server.RequireTLS, server.server.RequireAuth = false, false
	s := onScreen(t, 80, t.TempDir(), "smtp://"+server.addr)
	s.until("next: EHLO name")
	s.typing("\x1b[200~EHLO me\rMAIL FROM:<a@b.example>\rRCPT TO:<c@d.example>\rDATA\rSubject: x\r\rpasted\r.\rQUIT\x1b[201~")
	s.until("QUIT")
	s.typing("\r")
	s.until("S: 221")
	if code := s.end(); code != 0 {
		t.Errorf("it ended with %d:\n%s", code, s)
	}
	if all := s.String(); !strings.Contains(all, "\nC: RCPT TO:<c@d.example>\nC: DATA\nS: 250") || strings.Count(all, "pasted") != 1 {
		t.Errorf("it does not look right:\n%s", all)
	}
	if got, ok := server.taken(1); !ok || string(got.content) != "Subject: x\r\n\r\npasted\r\n" {
		t.Errorf("%q arrived", got.content)
	}
}

// TestTalkFlagsAreTold holds the flags against what --help says of them.
func TestTalkFlagsAreTold(t *testing.T) {
	set := pflag.NewFlagSet("", pflag.ContinueOnError)
	new(talkFlags).define(set)
	told := make(map[string]bool)
	for _, word := range talkWords[0].flags {
		told[word.name] = true
		if f := set.Lookup(word.name); f == nil && word.name != "lang" && word.name != "help" {
			t.Errorf("--help tells of --%s, which there is not", word.name)
		} else if f != nil && (f.NoOptDefVal == "") != (word.value != "") {
			t.Errorf("--help has the value %q for --%s", word.value, word.name)
		}
	}
	set.VisitAll(func(f *pflag.Flag) {
		if !told[f.Name] {
			t.Errorf("--help does not tell of --%s", f.Name)
		}
	})
}
