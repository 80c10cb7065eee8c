package interop_test

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parleymail/parley/inbox"
)

// A swaksCase is a row of the matrix of swaks' options.
type swaksCase struct {
	name string
	args []string
	exit int // as swaks' manual has it

	tls       bool
	mechanism string
	mails     int      // that are kept
	to        []string // their envelope; nil: as everywhere
	from      string   // "-": the null reverse-path
	protocol  string   // of the session; empty: "ESMTP", with S and A as the case has them
	bare      bool     // it does not say the letter, but what swaks composes
}

var swaksCases = []swaksCase{
	{name: "plain", mails: 1},
	{name: "tls", args: []string{"--tls"}, mails: 1, tls: true},
	{name: "tls verified", args: []string{"--tls", "--tls-verify", "--tls-ca-path", "/state/catch.pem", "--tls-sni", "localhost"}, mails: 1, tls: true},
	{name: "tls optional", args: []string{"--tls-optional"}, mails: 1, tls: true},
	{name: "tls optional strict", args: []string{"--tls-optional-strict"}, mails: 1, tls: true},
	{name: "tls on connect", args: []string{"--tls-on-connect"}, mails: 1, tls: true},
	{name: "TLS 1.2", args: []string{"--tls", "--tls-protocol", "tlsv1_2"}, mails: 1, tls: true},
	{name: "auth plain", args: []string{"--auth", "PLAIN"}, mails: 1, mechanism: "PLAIN"},
	{name: "auth login", args: []string{"--auth", "LOGIN"}, mails: 1, mechanism: "LOGIN"},
	{name: "auth cram-md5", args: []string{"--auth", "CRAM-MD5"}, mails: 1, mechanism: "CRAM-MD5"},
	{name: "auth of any kind", args: []string{"--auth"}, mails: 1, mechanism: "CRAM-MD5"},
	{name: "auth plain over tls", args: []string{"--auth", "PLAIN", "--tls"}, mails: 1, mechanism: "PLAIN", tls: true},
	{name: "auth login over tls on connect", args: []string{"--auth", "LOGIN", "--tls-on-connect"}, mails: 1, mechanism: "LOGIN", tls: true},
	{name: "auth optional", args: []string{"--auth-optional", "LOGIN"}, mails: 1, mechanism: "LOGIN"},
	{name: "auth not on offer", args: []string{"--auth", "DIGEST-MD5"}, exit: 28},
	{name: "wrong password", args: []string{"--auth", "PLAIN", "--auth-password", "not it"}, exit: 28},
	{name: "wrong password, optional", args: []string{"--auth-optional", "PLAIN", "--auth-password", "not it"}, mails: 1},
	{name: "pipelining", args: []string{"--pipeline"}, mails: 1},
	{name: "pipelining over tls", args: []string{"--pipeline", "--tls", "--auth", "PLAIN"}, mails: 1, tls: true, mechanism: "PLAIN"},
	{name: "HELO", args: []string{"--protocol", "SMTP"}, mails: 1, protocol: "SMTP"},
	{name: "ESMTPA", args: []string{"--protocol", "ESMTPA"}, mails: 1, mechanism: "CRAM-MD5"},
	{name: "ESMTPS", args: []string{"--protocol", "ESMTPS"}, mails: 1, tls: true},
	{name: "SSMTP", args: []string{"--protocol", "SSMTP"}, mails: 1, tls: true},
	{name: "LMTP is not spoken here", args: []string{"--protocol", "LMTP"}, exit: 22},
	{name: "several recipients", args: []string{"--to", "a@example.net,b@example.org,\"c d\"@example.net"}, mails: 1, to: []string{"a@example.net", "b@example.org", `"c d"@example.net`}},
	{name: "null reverse-path", args: []string{"--from", "<>"}, mails: 1, from: "-"},
	{name: "another reverse-path", args: []string{"--from", "o'neil+x@example.net"}, mails: 1, from: "o'neil+x@example.net"},
	{name: "no domain", args: []string{"--to", "kim"}, exit: 24},
	{name: "attachments", args: []string{"--body", "text\n.\n", "--attach-type", "text/csv", "--attach", "@/state/letter", "--attach-name", "b.bin", "--attach", "@/state/octets"}, mails: 1, bare: true},
	{name: "headers", args: []string{"--h-Subject", "三月", "--add-header", "X-Long: " + strings.Repeat("x", 900), "--header", "X-Mailer: none"}, mails: 1, bare: true},
	{name: "a body of dots", args: []string{"--body", ".\n..\n...\n.x\n\n."}, mails: 1, bare: true},
	{name: "a line of 10,000 octets", args: []string{"--body", strings.Repeat("long ", 2000)}, mails: 1, bare: true},
	{name: "quit after connect", args: []string{"--quit-after", "CONNECT"}},
	{name: "quit after EHLO", args: []string{"--quit-after", "EHLO"}},
	{name: "quit after tls", args: []string{"--quit-after", "TLS", "--tls"}, tls: true},
	{name: "quit after auth", args: []string{"--quit-after", "AUTH", "--auth", "PLAIN"}, mechanism: "PLAIN"},
	{name: "quit after MAIL", args: []string{"--quit-after", "MAIL"}},
	{name: "quit after RCPT", args: []string{"--quit-after", "RCPT"}},
	{name: "drop after MAIL", args: []string{"--drop-after", "MAIL"}},
	{name: "drop after DATA", args: []string{"--drop-after", "DATA"}},
	{name: "drop after sending RCPT", args: []string{"--drop-after-send", "RCPT"}},
	{name: "drop after sending the dot", args: []string{"--drop-after-send", "DOT"}, mails: 1},
}

// TestCatchSwaks has swaks send with each of its options that a server notices. What swaks shows of the conversation is what
// was kept of it, and the mail is octet for octet what swaks shows that it sent.
func TestCatchSwaks(t *testing.T) {
	state := toolState(t)
	if err := os.WriteFile(filepath.Join(state, "octets"), bytes.Repeat([]byte{0, 200, '\n', '.'}, 3000), 0o644); err != nil {
		t.Fatal(err)
	}
	users := writeUsers(t, map[string]string{user: password})
	c := catch(t, "--smtps", "127.0.0.1:0", "--users", users, "--save-cert", filepath.Join(state, "catch.pem"))
	for _, row := range swaksCases {
		t.Run(row.name, func(t *testing.T) {
			last := c.newest(t)
			out, exit := runSwaks(t, time.Minute, state, row.argv(c)...)
			if exit != row.exit {
				t.Errorf("swaks ends with %d, not with %d\n%s", exit, row.exit, out)
			}
			s := c.next(t, last)
			row.checkSession(t, s)
			checkSaid(t, c.said(t, s.ID), out, strings.HasPrefix(row.name, "drop"))
			row.checkMails(t, c, s, out)
		})
	}
}

// runSwaks gives all that swaks wrote, and what it ended with.
func runSwaks(t *testing.T, limit time.Duration, state string, argv ...string) (string, int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, "peers/tools.sh", append([]string{"run", state}, argv...)...)
	cmd.WaitDelay = 5 * time.Second
	out, err := cmd.CombinedOutput()
	return string(out), exitCode(err)
}

func (row swaksCase) argv(c *catching) []string {
	port := c.port()
	if row.tls && (slices.Contains(row.args, "--tls-on-connect") || slices.Contains(row.args, "SSMTP")) {
		port = c.tlsPort()
	}
	argv := []string{"swaks", "--server", "127.0.0.1", "--port", port, "--helo", "localhost", "--from", "accounts@example.net", "--to", "kim@example.net", "--auth-user", user, "--auth-password", password}
	if !row.bare {
		argv = append(argv, "--data", "@/state/letter.open")
	}
	if row.mechanism == "" && !strings.Contains(row.name, "auth") && !strings.Contains(row.name, "password") {
		argv = argv[:len(argv):len(argv)]
		i := slices.Index(argv, "--auth-user")
		argv = slices.Delete(argv, i, i+4)
	}
	return append(argv, row.args...)
}

// newest is the ID of the newest session.
func (c *catching) newest(t *testing.T) int64 {
	t.Helper()
	var page inbox.Page[inbox.Session]
	c.must(t, "GET", "/sessions?limit=1", nil, &page)
	if len(page.Items) == 0 {
		return 0
	}
	return page.Items[0].ID
}

// next waits until a session that is newer has ended.
func (c *catching) next(t *testing.T, last int64) inbox.Session {
	t.Helper()
	for until := time.Now().Add(20 * time.Second); time.Now().Before(until); time.Sleep(5 * time.Millisecond) {
		if id := c.newest(t); id > last {
			if s := c.session(t, id); s.Ended != nil {
				return s
			}
		}
	}
	t.Fatalf("no session ended that is newer than %d", last)
	return inbox.Session{}
}

func (row swaksCase) wrong() bool { return strings.HasPrefix(row.name, "wrong password") }

func (row swaksCase) checkSession(t *testing.T, s inbox.Session) {
	t.Helper()
	if row.wrong() {
		row.mechanism = ""
		if s.Mechanism != "PLAIN" || s.LastStage != "auth" || !strings.HasPrefix(s.LastBad, "535 ") {
			t.Errorf("of the refused login is told: %+v", s)
		}
	} else if row.mechanism != s.Mechanism {
		t.Errorf("the mechanism is told as %s", s.Mechanism)
	}
	if row.tls != (s.TLS != "") || (row.mechanism != "") != (s.User == user) {
		t.Errorf("the session is told as %+v", s)
	}
	if row.protocol == "" && s.Hello != "" {
		row.protocol = "ESMTP"
		if row.tls {
			row.protocol += "S"
		}
		if row.mechanism != "" {
			row.protocol += "A"
		}
	}
	if s.Hello != "" && s.Protocol != row.protocol {
		t.Errorf("the protocol is told as %s, not %s", s.Protocol, row.protocol)
	}
	refused := row.exit != 0 && row.name != "auth not on offer" || row.wrong() || strings.HasPrefix(row.name, "drop") && row.mails == 0
	if row.name == "drop after sending the dot" {
		refused = s.Failed // as the reply finds the connection: closed, or closing
	}
	if s.Messages != row.mails || s.Failed != refused {
		t.Errorf("%d mails, failed: %v, %+v", s.Messages, s.Failed, s)
	}
}

// shown is what swaks shows of one side: "->" and "~>" before its own lines, "<-", "<~" and "<**" before the server's.
func shown(out string, marks ...string) []string {
	var lines []string
	for line := range strings.Lines(out) {
		if mark, rest, ok := strings.Cut(strings.TrimPrefix(strings.TrimRight(line, "\r\n"), " "), " "); ok && slices.Contains(marks, mark) {
			lines = append(lines, strings.TrimPrefix(rest, map[bool]string{true: " "}[mark[0] == '<' && mark != "<**"]))
		}
	}
	return lines
}

// checkSaid compares what swaks shows of the conversation with what was kept of it. What is secret, nobody kept; and a
// content is told by its size.
func checkSaid(t *testing.T, kept, out string, dropped bool) {
	t.Helper()
	var theirs, ours [2][]string
	theirs[0], theirs[1] = shown(out, "->", "~>"), shown(out, "<-", "<~", "<**", "<~*")
	for line := range strings.Lines(kept) {
		line = strings.TrimSuffix(line, "\n")
		if rest, ok := strings.CutPrefix(line, "C: "); ok {
			ours[0] = append(ours[0], rest)
		} else if rest, ok := strings.CutPrefix(line, "S: "); ok {
			ours[1] = append(ours[1], rest)
		}
	}
	theirs[0], ours[0] = withoutContent(theirs[0]), withoutContent(ours[0])
	for side, name := range []string{"client", "server"} {
		if n := len(theirs[side]); dropped && n < len(ours[side]) {
			ours[side] = ours[side][:n] // the server may have said more, which swaks was not there to hear
		}
		if !slices.EqualFunc(theirs[side], ours[side], sameLine) {
			t.Errorf("of what the %s said, swaks shows\n%s\nand this was kept:\n%s", name, strings.Join(theirs[side], "\n"), strings.Join(ours[side], "\n"))
		}
	}
}

// sameLine tells whether a line is the one that was kept, where "(secret)" may stand for a word or for all.
func sameLine(theirs, ours string) bool {
	before, _, hidden := strings.Cut(ours, "(secret)")
	return theirs == ours || hidden && strings.HasPrefix(theirs, before)
}

// withoutContent is one side of a conversation without the lines between DATA and the dot.
func withoutContent(lines []string) []string {
	begin := slices.Index(lines, "DATA")
	if begin < 0 {
		return lines
	}
	end := slices.Index(lines[begin:], ".")
	if end < 0 {
		return lines[:begin+1]
	}
	return append(slices.Clone(lines[:begin+1]), lines[begin+end:]...)
}

func (row swaksCase) checkMails(t *testing.T, c *catching, s inbox.Session, out string) {
	t.Helper()
	mails := c.messages(t, fmt.Sprintf("session:%d", s.ID))
	if len(mails) != row.mails {
		t.Fatalf("%d mails are kept, not %d", len(mails), row.mails)
	}
	for _, m := range mails {
		want := []byte(letter)
		if row.bare {
			want = sentBySwaks(out)
		}
		c.holds(t, m, want)
		from, to := cmp.Or(row.from, "accounts@example.net"), row.to
		if to == nil {
			to = []string{"kim@example.net"}
		}
		if m.ReversePath != strings.TrimPrefix(from, "-") || !slices.Equal(m.Recipients, to) {
			t.Errorf("the envelope is from %q for %q", m.ReversePath, m.Recipients)
		}
	}
}

// sentBySwaks is the content that swaks shows, its dots taken back.
func sentBySwaks(out string) []byte {
	lines := shown(out, "->", "~>")
	begin := slices.Index(lines, "DATA") + 1
	end := len(lines) - 1
	for end > begin && lines[end] != "." {
		end--
	}
	var b bytes.Buffer
	for _, line := range lines[begin:end] {
		b.WriteString(strings.TrimPrefix(line, ".") + "\r\n")
	}
	return b.Bytes()
}
