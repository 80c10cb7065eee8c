package smtpd_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/synctest"
)

var update = flag.Bool("update", false, "write the golden files anew")

// states are the points of a session at which a command can come, and what leads
// there.
var states = []struct{ name, options, say string }{
	{"new", "", ""},
	{"refused", "greet 554 5.7.1 no", ""},
	{"hello", "", "EHLO c\r\n"},
	{"HELO", "", "HELO c\r\n"},
	{"mail", "", "EHLO c\r\nMAIL FROM:<a@example.com>\r\n"},
	{"rcpt", "", "EHLO c\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<kim@example.net>\r\n"},
	{"chunk", "", "EHLO c\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<kim@example.net>\r\nBDAT 3\r\na\r\n"},
	{"auth", "", "EHLO c\r\nAUTH PLAIN\r\n"},
	{"user", "", "EHLO c\r\nAUTH PLAIN AGtpbQB0dWxpcC10dWxpcA==\r\n"},
	{"mustTLS", "require-tls", "EHLO c\r\n"},
	{"mustAuth", "require-auth", "EHLO c\r\n"},
	{"LMTP", "lmtp", "LHLO c\r\n"},
}

// commandsOfStates are said in each of them. DATA's content comes behind 354.
var commandsOfStates = []string{
	"EHLO c", "EHLO", "HELO c", "LHLO c", "MAIL FROM:<b@example.com>", "MAIL FROM:<spam@example.com>", "MAIL b", "MAIL FROM:<b@example.com> SIZE=1",
	"RCPT TO:<ann@example.net>", "RCPT TO:<nobody@example.net>", "RCPT TO:<>", "DATA", "DATA x", "BDAT 3", "BDAT 3 LAST", "BDAT x",
	"RSET", "RSET x", "NOOP", "NOOP x", "VRFY kim", "HELP", "STARTTLS", "STARTTLS x", "AUTH PLAIN AGtpbQB0dWxpcC10dWxpcA==",
	"AUTH PLAIN AGtpbQB4", "AUTH PLAIN", "AUTH X", "*", "QUIT", "QUIT x", "EXPN x", "", "X",
}

// TestEveryCommandInEveryState says each command in each state, and holds the codes
// of the replies against testdata/states.golden. "!" is a session that is then over;
// every other one still answers NOOP, with 250 or, in the midst of something, with
// what stands behind the slash. A cell with no reply fails the test whatever the
// golden file says.
func TestEveryCommandInEveryState(t *testing.T) {
	var b strings.Builder
	fmt.Fprintf(&b, "%-42s", "")
	for _, s := range states {
		fmt.Fprintf(&b, " %-9s", s.name)
	}
	b.WriteString("\n")
	for _, command := range commandsOfStates {
		fmt.Fprintf(&b, "%-42s", strings.ReplaceAll(command, "AGtpbQB0dWxpcC10dWxpcA==", "(right)"))
		for _, s := range states {
			synctest.Test(t, func(t *testing.T) { fmt.Fprintf(&b, " %-9s", cell(t, s.options, s.say, command)) })
		}
		b.WriteString("\n")
	}
	compare(t, "testdata/states.golden", trimLines(b.String()))
}

// compare holds got against a golden file, or writes it anew.
func compare(t *testing.T, golden, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	wants := strings.Split(string(want), "\n")
	gots := strings.Split(got, "\n")
	for i, line := range gots {
		if i >= len(wants) || line != wants[i] {
			t.Errorf("%s: line %d is now\n%s", golden, i+1, line)
		}
	}
	if len(gots) < len(wants) {
		t.Errorf("%s: %d lines of %d", golden, len(gots), len(wants))
	}
}

func trimLines(s string) string {
	var b strings.Builder
	for line := range strings.Lines(s) {
		b.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
	return b.String()
}

// cell is what a command gets in a state.
func cell(t *testing.T, options, lead, command string) string {
	all := []string{"tls", "accounts", "cleartext"}
	if options != "" {
		all = append(all, options)
	}
	srv, _ := newServer(t, all...)
	c := open(t, srv)
	c.code()
	for line := range strings.Lines(lead) {
		if c.say(line); !strings.HasPrefix(line, "BDAT") {
			c.code()
		}
	}
	c.say(command + "\r\n")
	if strings.HasPrefix(command, "BDAT 3") {
		c.say("b\r\n")
	}
	code := c.code()
	if code == 354 {
		c.say("b\r\n.\r\n")
		code = c.code()
	}
	if code == 0 {
		t.Errorf("%q after %q: no reply", command, lead)
	}
	result := fmt.Sprint(code)
	if code == 220 {
		c.Close()
		<-c.why
		return result
	}
	c.say("NOOP\r\n")
	switch next := c.code(); next {
	case 250:
	case 0:
		result += "!"
	default:
		result += fmt.Sprint("/", next)
	}
	c.Close()
	<-c.why
	return result
}
