package gloss_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/parleymail/parley/gloss"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/transcript"
)

// remarks are those of a conversation, "|" before what was repeated.
func remarks(t *testing.T, text string) []gloss.Line {
	t.Helper()
	tr, err := transcript.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return gloss.Of(tr)
}

const login = `
-- connected to smtp.qq.com:587
S: 220 newxmesmtplogicsvrszc25-0.qq.com XMail Esmtp QQ Mail Server.
C: EHLO shop.example
S: 250-newxmesmtplogicsvrszc25-0.qq.com
S: 250-SIZE 73400320
S: 250-STARTTLS
S: 250 8BITMIME
C: STARTTLS
S: 220 Ready to start TLS
-- TLS 1.3 started, TLS_AES_128_GCM_SHA256, certificate for *.qq.com
C: EHLO shop.example
S: 250-newxmesmtplogicsvrszc25-0.qq.com
S: 250-SIZE 73400320
S: 250-AUTH LOGIN PLAIN XOAUTH XOAUTH2
S: 250 8BITMIME
C: AUTH LOGIN
S: 334 VXNlcm5hbWU6
C: (secret)
S: 334 UGFzc3dvcmQ6
C: (secret)
S: 535 Login fail. Account is abnormal, service is not open, password is incorrect, login frequency limited, or system is busy.
C: QUIT
S: 221 Bye.
-- closed
`

func TestLogin(t *testing.T) {
	lines := remarks(t, login)
	var got strings.Builder
	for _, l := range lines {
		mark := ""
		if l.Repeated {
			mark = "| "
		}
		fmt.Fprintf(&got, "%-28.28s %s%s\n", transcript.Line(l.Event), mark, l.Remark.En)
		if l.Diagnosis != nil {
			fmt.Fprintf(&got, "%-28s %s %s %v\n", "", l.Diagnosis.Kind, l.Diagnosis.Provider, l.Diagnosis.Stage)
		}
	}
	const want = `-- connected to smtp.qq.com: The line is open. The server speaks first.
S: 220 newxmesmtplogicsvrszc The server speaks first: its name, and 220, which means ready.
C: EHLO shop.example         The client says who it is, and asks what the server can do.
S: 250-newxmesmtplogicsvrszc Yes. Below its name stands what it can do, a line each.
S: 250-SIZE 73400320         A mail may have 73,400,320 octets. A larger one is not even begun.
S: 250-STARTTLS              It can go on encrypted.
S: 250 8BITMIME              Text beyond ASCII may go as it is.
C: STARTTLS                  The client asks to go on encrypted.
S: 220 Ready to start TLS    TLS begins with the next octet. What was learnt so far counts no longer.
-- TLS 1.3 started, TLS_AES_ Encrypted from here on: nobody between can read or change anything.
C: EHLO shop.example         Once more: what was said in clear text counts no longer, for anybody could have changed it.
S: 250-newxmesmtplogicsvrszc | Yes. Below its name stands what it can do, a line each.
S: 250-SIZE 73400320         | A mail may have 73,400,320 octets. A larger one is not even begun.
S: 250-AUTH LOGIN PLAIN XOAU The ways to log in.
S: 250 8BITMIME              | Text beyond ASCII may go as it is.
C: AUTH LOGIN                A login. What could give the password away is printed as (secret).
S: 334 VXNlcm5hbWU6          Base64 for "Username:": it asks for the user name.
C: (secret)                  What the server asked for.
S: 334 UGFzc3dvcmQ6          Base64 for "Password:": it asks for the password.
C: (secret)                  | What the server asked for.
S: 535 Login fail. Account i The login is refused.
                             auth-bad-credential qq auth
C: QUIT                      The client has said all.
S: 221 Bye.                  Goodbye: the server hangs up.
-- closed                    The line is closed.
`
	if got.String() != want {
		t.Errorf("got\n%s", got.String())
	}
}

// TestEnds: what the end of a connection means depends on who tells of it, and on what was owed.
func TestEnds(t *testing.T) {
	const from, to = "-- connected from 192.0.2.1:4000\n", "-- connected to mx.example:25\n"
	const begin = "S: 220 mx.example\nC: EHLO me\nS: 250 mx.example\nC: MAIL FROM:<a@example.com>\nS: 250 ok\nC: RCPT TO:<b@example.com>\nS: 250 ok\n"
	for _, c := range []struct{ text, remark, kind string }{
		{to + begin + "-- closed", "The line is closed, without QUIT.", ""},
		{to + begin + "C: QUIT\nS: 221 bye\n-- closed", "The line is closed.", ""},
		{to + begin + "C: DATA\n-- closed: the server hung up: EOF", "The line broke where the reply to DATA was owed.", "connection-lost"},
		{to + begin + "C: DATA\nS: 354 go on\n-- closed: write tcp: connection reset by peer", "The line ended in the midst of the content: the mail was not taken.", "connection-lost"},
		{to + begin + "C: DATA\nS: 354 go on\nC: (content, 5 octets)\nC: .\n-- closed: the server hung up: EOF", "The line broke after all of the content had gone, and before the verdict: nobody can say whether the mail was taken.", "connection-lost"},
		{to + "S: 421 4.3.2 too busy\n-- closed: the server hung up: EOF", "The server had said that it would hang up.", ""},
		{to + "-- closed: the server hung up: EOF", "The line broke before the server said anything.", "wrong-port-or-tls-mode"},
		{from + begin + "-- closed: the client was silent, or too slow", "The client said nothing for too long, and the server hung up.", ""},
		{from + begin + "-- closed: something else", "The line broke where nothing was owed.", ""},
	} {
		lines := remarks(t, c.text)
		last := lines[len(lines)-1]
		kind := ""
		if last.Diagnosis != nil {
			kind = string(last.Diagnosis.Kind)
		}
		if last.Remark.En != c.remark || kind != c.kind || last.Remark.Zh == "" {
			t.Errorf("%s\ngot %q, %q", c.text, last.Remark.En, kind)
		}
	}
}

// TestOddSpeech: what is said by programs that do not speak SMTP, or not in order.
func TestOddSpeech(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"-- connected from 192.0.2.1:4000\nS: 220 mx\nC: GET / HTTP/1.1", "This is HTTP and no SMTP: a browser, or a program with a wrong port."},
		{"-- connected from 192.0.2.1:4000\nS: 220 mx\nC: \\x16\\x03\\x01\\x02", "These are octets of TLS: the client begins encrypted, and the server speaks clear text first here."},
		{"-- connected to mx:25\nS: HTTP/1.1 400 Bad Request", "This is no SMTP reply: what answers here is another kind of server."},
		{"S: 220 mx\nC: EHLO me\nS: 250 mx\nS: 421 4.4.2 idle", "Nobody asked: the server is about to hang up, most often since nothing was said for too long."},
		{"S: 220 mx\nC: EHLO me\nS: 250 mx\nC: AUTH PLAIN (secret)", "A login in clear text: whoever sits between can read the password. It is printed as (secret)."},
		{"S: 220 mx\nC: EHLO me\nS: 250 mx\nC: MAIL FROM:<> SIZE=5", "The envelope begins, without a sender: this is a bounce or a notice, and nothing may come back for it."},
		{"S: 220 mx\nC: EHLO me\nS: 250 mx\nC: MAIL FROM:<a@b.c>\nC: RCPT TO:<d@e.f>\nC: DATA\nS: 250 ok\nS: 252 perhaps", "Taken, without a promise that the mailbox exists."},
		{"S: 220 mx\nC: LHLO me\nS: 250 mx\nC: MAIL FROM:<a@b.c>\nS: 250 ok\nC: RCPT TO:<d@e.f>\nS: 250 ok\nC: RCPT TO:<g@e.f>\nS: 250 ok\nC: DATA\nS: 354 go\nC: (content)\nC: .\nS: 250 one\nS: 250 two", "Taken. From this reply on the server answers for the mail. Keep its number: it finds the mail in the server's log."},
		{"S: 220 mx\nC: EHLO me\nS: 250 mx\nC: BDAT 5 LAST\nC: (content, 5 octets)\nS: 250 ok", "Taken. From this reply on the server answers for the mail. Keep its number: it finds the mail in the server's log."},
		{"S: 220 mx\nC: EHLO me\nS: 250 mx\nC: XYZZY\nS: 250 nothing happens", "Yes."},
	} {
		lines := remarks(t, c.text)
		if got := lines[len(lines)-1].Remark.En; got != c.want {
			t.Errorf("%s\ngot %q", c.text, got)
		}
	}
}

func TestTimes(t *testing.T) {
	at := time.Date(2026, 3, 31, 9, 30, 0, 0, time.UTC)
	var tr transcript.Transcript
	add := func(after time.Duration, e smtp.Event) {
		at = at.Add(after)
		e.At, e.Session = at, 1
		tr = append(tr, e)
	}
	const ms = time.Millisecond
	add(0, smtp.Event{Did: smtp.Connected, Line: "mx.example:25", Took: 40 * ms})
	add(100*ms, smtp.Event{Did: smtp.Answer, Line: "220 mx"})
	add(ms, smtp.Event{Did: smtp.Command, Line: "EHLO me"})
	add(9*ms, smtp.Event{Did: smtp.Answer, Line: "250-mx"})
	add(0, smtp.Event{Did: smtp.Answer, Line: "250 PIPELINING"})
	add(500*ms, smtp.Event{Did: smtp.Command, Line: "MAIL FROM:<a@b.c>"})
	add(0, smtp.Event{Did: smtp.Command, Line: "RCPT TO:<d@e.f>"})
	add(0, smtp.Event{Did: smtp.Command, Line: "DATA"})
	add(20*ms, smtp.Event{Did: smtp.Answer, Line: "250 ok"})
	add(5*ms, smtp.Event{Did: smtp.Answer, Line: "250 ok"})
	add(0, smtp.Event{Did: smtp.Answer, Line: "354 go on"})
	add(70*ms, smtp.Event{Did: smtp.Content, Size: 5})
	add(0, smtp.Event{Did: smtp.Command, Line: "."})
	add(3000*ms, smtp.Event{Did: smtp.Closed, Err: errors.New("EOF")})
	var got []string
	for _, s := range gloss.Times(tr) {
		got = append(got, fmt.Sprintf("%v %v+%v", s.Step, s.Began, s.Took))
	}
	const want = "connect 0s+40ms, greeting 40ms+100ms, hello 140ms+10ms, idle 150ms+500ms, envelope 650ms+25ms, content 675ms+70ms, verdict 745ms+3s"
	if s := strings.Join(got, ", "); s != want {
		t.Errorf("got  %s\nwant %s", s, want)
	}
	text, err := transcript.Parse(tr.String())
	if err != nil || len(gloss.Times(text)) != 0 {
		t.Errorf("a text has no times: %v, %v", gloss.Times(text), err)
	}
}

// TestBothLanguages: what is said in one is said in the other, with the same values, in plain words of the house.
func TestBothLanguages(t *testing.T) {
	n := 0
	for _, name := range []string{"commands.go", "replies.go", "keywords.go", "closed.go"} {
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(source)) {
			_, rest, ok := strings.Cut(line, `En: "`)
			if !ok {
				continue
			}
			en, rest, ok := strings.Cut(rest, `", Zh: "`)
			zh, _, _ := strings.Cut(rest, `"}`)
			n++
			chinese := strings.ContainsFunc(zh, func(r rune) bool { return unicode.Is(unicode.Han, r) })
			if !ok || !chinese || strings.Count(en, "%s") != strings.Count(zh, "%s") || !strings.HasSuffix(en, ".") && !strings.HasSuffix(en, "?") {
				t.Errorf("%s: %s", name, line)
			}
			for _, other := range []string{"答复", "应答", "响应", ",", "你", "您"} {
				if strings.Contains(zh, other) {
					t.Errorf("%s: %q has %s", name, zh, other)
				}
			}
		}
	}
	if n < 90 {
		t.Errorf("only %d texts were found: the walk has lost its way", n)
	}
}

func ExampleOf() {
	conversation, err := transcript.Parse(`
S: 220 mx.example ESMTP
C: EHLO localhost
S: 250 mx.example
C: MAIL FROM:<a@example.com>
S: 550 5.7.1 Relaying denied
`)
	if err != nil {
		fmt.Println(err)
	}
	for _, line := range gloss.Of(conversation) {
		fmt.Printf("%-30s %s\n", transcript.Line(line.Event), line.Remark.En)
		if line.Diagnosis != nil {
			fmt.Println("-> " + line.Diagnosis.Kind)
		}
	}
	// Output:
	// S: 220 mx.example ESMTP        The server speaks first: its name, and 220, which means ready.
	// C: EHLO localhost              The client says who it is, and asks what the server can do.
	// S: 250 mx.example              Yes. Below its name stands what it can do, a line each.
	// C: MAIL FROM:<a@example.com>   The envelope begins: where a bounce would go.
	// S: 550 5.7.1 Relaying denied   No: 5 means that trying again changes nothing.
	// -> relay-denied
}
