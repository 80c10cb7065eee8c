package talk

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtptest"
	"github.com/parleymail/parley/transcript"
)

// typed is an Input that has all it will ever give.
type typed struct {
	live  bool
	lines []string // each what comes at once
	end   error    // what comes after them; nil: ErrEnded
	asked []Ask
}

func (i *typed) Live() bool { return i.live }

func (i *typed) Read(ctx context.Context, a Ask) (string, error) {
	i.asked = append(i.asked, a)
	if len(i.lines) == 0 {
		if i.end != nil {
			return "", i.end
		}
		return "", ErrEnded
	}
	line := i.lines[0]
	i.lines = i.lines[1:]
	return line, nil
}

// shown is a Printer that keeps everything.
type shown struct {
	mu sync.Mutex
	b  strings.Builder
}

func (s *shown) printf(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintf(&s.b, format, args...)
}

func (s *shown) Turn(e smtp.Event, remark string) {
	s.printf("%s\n", transcript.Line(e))
	if remark != "" {
		s.printf("    %s\n", remark)
	}
}
func (s *shown) Trouble(cause, fix string) { s.printf("    cause: %s\n    fix: %s\n", cause, fix) }
func (s *shown) Say(text string)           { s.printf("%s\n", text) }

func (s *shown) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// script has a session with a server that plays its part. It gives all that was shown.
func script(t *testing.T, server string, in *typed, change ...func(*Talk)) (string, error) {
	t.Helper()
	out := new(shown)
	client := smtptest.Play(t, server)
	talk := &Talk{Client: client, In: in, Print: out, Secure: client.Security == smtp.ImplicitTLS}
	for _, f := range change {
		f(talk)
	}
	err := talk.Run(t.Context())
	return out.String(), err
}

func lines(s string) []string { return strings.Split(strings.Trim(s, "\n"), "\n") }

func TestTheArticlesDialogue(t *testing.T) {
	out, err := script(t, `
S: 220 mx.example ESMTP
C: EHLO me.example
S: 250-mx.example
S: 250-SIZE 1000
S: 250 AUTH LOGIN PLAIN
C: AUTH LOGIN
S: 334 VXNlcm5hbWU6
C: a2ltQGV4YW1wbGUuY29t
S: 334 UGFzc3dvcmQ6
C: b3BlbnNlc2FtZQ==
S: 235 2.7.0 welcome
C: MAIL FROM:<kim@example.com>
S: 250 2.1.0 ok
C: RCPT TO:<lee@example.net>
S: 250 2.1.5 ok
C: DATA
S: 354 go on
C: Subject: hi
C: 
C: ..hidden
C: QUIT
C: .
S: 250 2.0.0 queued as 1
C: QUIT
S: 221 bye
-- closed
`, &typed{lines: lines(`
EHLO me.example
# a remark

auth login
kim@example.com
opensesame
/expect 235
MAIL FROM:<kim@example.com>
RCPT TO:<lee@example.net>
DATA
Subject: hi

.hidden
QUIT
.
/expect 250 2.0.0
QUIT`)})
	if err != nil {
		t.Error(err)
	}
	for _, want := range []string{
		"S: 250-SIZE 1000\n    A mail may have 1,000 octets. A larger one is not even begun.\n",
		"S: 334 VXNlcm5hbWU6\n    Base64 for \"Username:\": it asks for the user name.\nC: (secret)\n",
		"C: ..hidden\n", "C: .\n", "-- closed\n    The line is closed.\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
	for _, secret := range []string{"opensesame", "b3BlbnNlc2FtZQ", "a2ltQGV4YW1wbGUuY29t"} {
		if strings.Contains(out, secret) {
			t.Errorf("%q is in\n%s", secret, out)
		}
	}
}

// TestPastedLinesGoTogether: they do where the server allows it, and a content that came
// along waits for the 354.
func TestPastedLinesGoTogether(t *testing.T) {
	paste := "MAIL FROM:<a@b.example>\nRCPT TO:<c@d.example>\nDATA\nhi\n.\nQUIT\n"
	_, err := script(t, `
S: 220 mx
C: EHLO me
S: 250-mx
S: 250 PIPELINING
C: MAIL FROM:<a@b.example>
C: RCPT TO:<c@d.example>
C: DATA
S: 250 ok
S: 250 ok
S: 354 go on
C: hi
C: .
S: 250 ok
C: QUIT
S: 221 bye
-- closed
`, &typed{live: true, lines: []string{"EHLO me", paste}})
	if err != nil {
		t.Error(err)
	}
	out, err := script(t, `
S: 220 mx
C: EHLO me
S: 250-mx
S: 250 PIPELINING
C: MAIL FROM:<a@b.example>
C: RCPT TO:<c@d.example>
C: DATA
S: 250 ok
S: 550 no
S: 503 no
C: QUIT
S: 221 bye
-- closed
`, &typed{live: true, lines: []string{"EHLO me", paste}})
	if err != nil || !strings.Contains(out, "not sent as commands: 1\n") {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestARefusedContentIsNoCommand is the same for a script.
func TestARefusedContentIsNoCommand(t *testing.T) {
	_, err := script(t, `
S: 220 mx
C: DATA
S: 503 no
C: RSET
S: 250 ok
C: QUIT
S: 221 bye
-- closed
`, &typed{lines: lines("DATA\n/expect 503\nSubject: x\nVRFY root\n.\nRSET\nQUIT")})
	if err != nil {
		t.Error(err)
	}
}

func TestExpect(t *testing.T) {
	for reply, want := range map[string]smtp.Kind{"550 5.1.1 no": smtp.Refused, "250 ok": smtp.Garbled, "451 later": smtp.Refused} {
		_, err := script(t, "S: 220 mx\nC: NOOP\nS: "+reply+"\n-- closed\n", &typed{lines: lines("NOOP\n/expect 354")})
		e, ok := errors.AsType[*Error](err)
		if !ok || e.Err.Kind != want || !strings.Contains(e.Error(), reply) {
			t.Errorf("%s: %v", reply, err)
		}
		if temporary := reply[0] == '4'; ok && e.Err.Temporary() != temporary {
			t.Errorf("%s: temporary is %v", reply, !temporary)
		}
	}
}

// TestTheServerSpeaksUnasked: it is shown, and not taken for a reply to what comes next.
func TestTheServerSpeaksUnasked(t *testing.T) {
	out, err := script(t, `
S: 220 mx
C: EHLO me
S: 250 mx
S: 421 4.4.2 idle for too long
-- closed
`, &typed{live: true, lines: []string{"EHLO me", "/wait 60", "MAIL FROM:<>"}, end: ErrInterrupted})
	if err != nil || !strings.Contains(out, "S: 421 4.4.2 idle for too long\n    Nobody asked") || !strings.Contains(out, "The line is closed: /connect") {
		t.Errorf("%v\n%s", err, out)
	}
	if strings.Contains(out, "C: MAIL") {
		t.Errorf("something was said to nobody:\n%s", out)
	}
}

// TestCtrlCInAContentNeverEndsIt: no dot, so that no half of a mail is taken.
func TestCtrlCInAContentNeverEndsIt(t *testing.T) {
	for _, live := range []bool{true, false} {
		out, err := script(t, `
S: 220 mx
C: DATA
S: 354 go on
C: half
`, &typed{live: live, lines: []string{"DATA", "half"}, end: map[bool]error{true: ErrInterrupted}[live]})
		if live != (err == nil) || strings.Contains(out, "C: .\n") || strings.Contains(out, "QUIT") {
			t.Errorf("live %v: %v\n%s", live, err, out)
		}
	}
}

func TestCtrlCSaysGoodbye(t *testing.T) {
	out, err := script(t, "S: 220 mx\nC: QUIT\nS: 221 bye\n-- closed\n", &typed{live: true, end: ErrInterrupted})
	if err != nil || !strings.Contains(out, "S: 221 bye") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestOwnCommands(t *testing.T) {
	out, err := script(t, `
S: 220 mx
C: NOOP
C: NOOP
S: 250 one
S: 250 two
C: QUIT
S: 221 bye
-- closed
`, &typed{live: true, lines: lines(`/help
/base64 open sesame 
/unbase64 b3Blbg==
/unbase64 !
/raw NO
/raw OP\r\nNOOP\x0d\x0a
/raw \q
/expect 250 two
/expect 250 one
/expect
/nothing
/data
/data /no/such/file
/wait x
/auth ntlm
/auth
/connect
QUIT`)})
	if err != nil {
		t.Error(err)
	}
	for _, want := range []string{
		"b3BlbiBzZXNhbWUg\n", "open\n", "that is no base64\n", "-- raw: NO (the line has no end yet)\n",
		`/raw: \q is none of`, "250 one was expected, and this came: 250 two\n", "there is no command /nothing",
		"/data wants the name of a file", "no such file", "x is no number of seconds", "does not know how NTLM goes",
		"offers no login here", "still open", "  EHLO name\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
}

// TestARefusalIsDiagnosed in both languages.
func TestARefusalIsDiagnosed(t *testing.T) {
	for lang, want := range map[Lang]string{diagnose.English: "cause: ", diagnose.Chinese: "。"} {
		in := &typed{live: true, lines: []string{"AUTH PLAIN AGtpbQBvcGVuc2VzYW1l"}, end: ErrInterrupted}
		out, err := script(t, "S: 220 smtp.qq.com\nC: AUTH PLAIN AGtpbQBvcGVuc2VzYW1l\nS: 535 Login Fail. Please enter your authorization code to login.\nC: QUIT\nS: 221 bye\n-- closed\n", in,
			func(t *Talk) { t.Lang = lang })
		if err != nil || !strings.Contains(out, want) || !strings.Contains(out, "fix: ") || strings.Contains(out, "AGtpbQ") {
			t.Errorf("%v\n%s", err, out)
		}
	}
	in := &typed{live: true, lines: []string{"NOOP"}, end: ErrInterrupted}
	out, _ := script(t, "S: 220 mx\nC: NOOP\nS: 500 no\nC: QUIT\nS: 221 bye\n-- closed\n", in, func(t *Talk) { t.NoExplain = true })
	if out != "-- connected to smtptest\nS: 220 mx\nC: NOOP\nS: 500 no\nC: QUIT\nS: 221 bye\n-- closed\n" && strings.Contains(out, "    ") {
		t.Errorf("with NoExplain:\n%s", out)
	}
}

// TestALostLineIsNoEnd: where the server hangs up and owes a reply, a script has failed, and
// a person may still keep what was said.
func TestALostLineIsNoEnd(t *testing.T) {
	server := "S: 220 mx\nC: EHLO me\n-- closed\n"
	out, err := script(t, server, &typed{lines: lines("EHLO me\nQUIT")})
	if e, ok := errors.AsType[*smtp.Error](err); !ok || e.Kind != smtp.Unreachable || e.Stage != smtp.StageHello {
		t.Errorf("%v\n%s", err, out)
	}
	out, err = script(t, server, &typed{live: true, lines: []string{"EHLO me"}})
	if err != nil || !strings.Contains(out, "-- closed: the server hung up") || !strings.Contains(out, "cause: ") {
		t.Errorf("%v\n%s", err, out)
	}
	// One that never greets a person ends it: there was no session.
	if _, err = script(t, "-- closed\n", &typed{live: true}); err == nil {
		t.Error("nobody was there, and it is no error")
	}
}
