package transcript_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/transcript"
)

func parse(t testing.TB, text string) transcript.Transcript {
	t.Helper()
	tr, err := transcript.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// good is a conversation, and goodLater the same by another client at another time through another server of the same
// provider, which offers its extensions in another order; its client waits for each reply.
const good = `
-- connected to smtp.example.com:587
S: 220 mx1.example.com ESMTP ready at Tue, 31 Mar 2026 09:30:00 +0000
C: EHLO shop.example.com
S: 250-mx1.example.com at your service, [192.0.2.7]
S: 250-SIZE 35882577
S: 250-8BITMIME
S: 250-STARTTLS
S: 250 PIPELINING
C: STARTTLS
S: 220 2.0.0 Ready to start TLS
-- TLS 1.3 started, TLS_AES_128_GCM_SHA256, certificate for mx1.example.com
C: EHLO shop.example.com
S: 250-mx1.example.com at your service, [192.0.2.7]
S: 250-SIZE 35882577
S: 250-AUTH LOGIN PLAIN
S: 250 PIPELINING
C: AUTH PLAIN (secret)
S: 235 2.7.0 Accepted
C: MAIL FROM:<shop@example.com> SIZE=1234
C: RCPT TO:<kim@example.net>
C: DATA
S: 250 2.1.0 OK d9443c01a7336-29d9b1f0c3asm123456.7 - gsmtp
S: 250 2.1.5 OK d9443c01a7336-29d9b1f0c3asm123456.7 - gsmtp
S: 354 Go ahead d9443c01a7336-29d9b1f0c3asm123456.7 - gsmtp
C: (content, 1234 octets)
C: .
S: 250 2.0.0 OK 1774949400 d9443c01a7336-29d9b1f0c3asm123456.7 - gsmtp
C: QUIT
S: 221 2.0.0 closing connection
-- closed
`

const goodLater = `
-- connected to smtp.example.com:587
-- the name resolves to two addresses
S: 220 mx27.example.com ESMTP ready at Wed, 1 Apr 2026 10:31:02 +0000
C: EHLO other.example.org
S: 250-mx27.example.com at your service, [198.51.100.20]
S: 250-STARTTLS
S: 250-PIPELINING
S: 250-8BITMIME
S: 250 SIZE 157286400
C: STARTTLS
S: 220 2.0.0 Ready to start TLS
-- TLS 1.3 started, TLS_AES_256_GCM_SHA384, certificate for mx27.example.com
C: EHLO other.example.org
S: 250-mx27.example.com at your service, [198.51.100.20]
S: 250-SIZE 157286400
S: 250-PIPELINING
S: 250 AUTH PLAIN LOGIN
C: AUTH PLAIN (secret)
S: 235 2.7.0 Accepted
C: MAIL FROM:<shop@example.com> SIZE=99
S: 250 2.1.0 OK 41be03b00d2f7-b6a0f2e4bb9sm7654321.12 - gsmtp
C: RCPT TO:<kim@example.net>
S: 250 2.1.5 OK 41be03b00d2f7-b6a0f2e4bb9sm7654321.12 - gsmtp
C: DATA
S: 354 Go ahead 41be03b00d2f7-b6a0f2e4bb9sm7654321.12 - gsmtp
C: (content, 99 octets)
C: .
S: 250 2.0.0 OK 1775039462 41be03b00d2f7-b6a0f2e4bb9sm7654321.12 - gsmtp
C: QUIT
S: 221 2.0.0 closing connection
-- closed
`

func TestDiffSame(t *testing.T) {
	c := transcript.Diff(parse(t, good), parse(t, goodLater))
	if d := c.First(); d != nil {
		t.Errorf("%v %v: %q, %q", d.Stage, d.What, d.A, d.B)
	}
	if n := len(c.Differences(transcript.Passing)); n < 8 {
		t.Errorf("only %d differences are shown", n)
	}
}

// TestDiffFirst: one thing is changed, and is the first difference that is named.
func TestDiffFirst(t *testing.T) {
	for _, c := range []struct{ old, new, want string }{
		{"S: 250-AUTH LOGIN PLAIN", "S: 250-AUTH LOGIN", `hello extension real "AUTH PLAIN" ""`},
		{"S: 250-8BITMIME\n", "", `hello extension real "8BITMIME" ""`},
		{"S: 250-SIZE 35882577\nS: 250-AUTH", "S: 250-SIZE 0\nS: 250-AUTH", `hello parameter real "SIZE 35882577" "SIZE 0"`},
		{"S: 235 2.7.0 Accepted", "S: 535 5.7.8 Username and Password not accepted", `auth code real "235 2.7.0 Accepted" "535 5.7.8 Username and Password not accepted"`},
		{"C: AUTH PLAIN (secret)", "C: AUTH XOAUTH2 (secret)", `auth command real "C: AUTH PLAIN (secret)" "C: AUTH XOAUTH2 (secret)"`},
		{"MAIL FROM:<shop@example.com>", "MAIL FROM:<me@example.com>", `mail command real "C: MAIL FROM:<shop@example.com> SIZE=1234" "C: MAIL FROM:<me@example.com> SIZE=1234"`},
		{"SIZE=1234", "SIZE=1234 BODY=8BITMIME", `mail command real "C: MAIL FROM:<shop@example.com> SIZE=1234" "C: MAIL FROM:<shop@example.com> SIZE=1234 BODY=8BITMIME"`},
		{"-- TLS 1.3 started", "-- TLS 1.2 started", `tls tls real "TLS 1.3" "TLS 1.2"`},
		{"EHLO shop.example.com", "EHLO shop", `hello command real "C: EHLO shop.example.com" "C: EHLO shop"`},
		{"S: 221 2.0.0 closing connection", "S: 221 2.0.0 see you", `quit text wording "221 2.0.0 closing connection" "221 2.0.0 see you"`},
		{"C: QUIT\nS: 221 2.0.0 closing connection\n-- closed", "-- closed: the server hung up: EOF", `quit missing real "C: QUIT" ""`},
		{"S: 250 2.0.0 OK 1774949400 d9443c01a7336-29d9b1f0c3asm123456.7 - gsmtp\nC: QUIT\nS: 221 2.0.0 closing connection\n-- closed", "-- closed: the server hung up: EOF", `end silence real "250 2.0.0 OK 1774949400 d9443c01a7336-29d9b1f0c3asm123456.7 - gsmtp" ""`},
		{"C: RCPT TO:<kim@example.net>\n", "C: RCPT TO:<kim@example.net>\nC: RCPT TO:<lee@example.net>\n", `rcpt missing real "" "C: RCPT TO:<lee@example.net>"`},
	} {
		changed := strings.ReplaceAll(good, c.old, c.new)
		if changed == good {
			t.Fatalf("%q is not there", c.old)
		}
		d := transcript.Diff(parse(t, good), parse(t, changed)).First()
		if d == nil {
			t.Errorf("%q for %q is no difference", c.new, c.old)
			continue
		}
		weight := map[transcript.Weight]string{transcript.Real: "real", transcript.Wording: "wording"}[d.Weight]
		if got := fmt.Sprintf("%v %v %s %q %q", d.Stage, d.What, weight, d.A, d.B); got != c.want {
			t.Errorf("%q for %q:\ngot  %s\nwant %s", c.new, c.old, got, c.want)
		}
	}
}

// TestDiffText: which words of a refusal are its own, and which belong to the day.
func TestDiffText(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"550 5.7.1 blocked, see http://www.spamhaus.org/query/bl?ip=192.0.2.1", "550 5.7.1 blocked, see http://www.spamhaus.org/query/bl?ip=198.51.100.7", true},
		{"550 [d16a3a8a] user unknown", "550 [e29b0f11] user unknown", true},
		{"550 user unknown", "550 mailbox full", false},
		{"550 5.1.1 user unknown", "550 5.2.2 user unknown", false},
		{"450 4.2.0 greylisted, try again in 300 seconds", "450 4.2.0 greylisted, try again in 60 seconds", true},
		{"550 <kim@example.net> unknown", "550 <lee@example.net> unknown", false},
		{"550 DT:SPM 163 smtp10,DsCowADHBk1, 1774949400", "550 DT:SPM 163 smtp14,EMCowECZ2Xz, 1774949499", true},
		{"535 5.7.139 Authentication unsuccessful [SG2PR01CA0115.apcprd01.prod.exchangelabs.com 2026-03-31T09:30:00.123Z 08DE6B]", "535 5.7.139 Authentication unsuccessful [TY0PR02CA0001.apcprd02.prod.exchangelabs.com 2026-04-01T10:00:00.999Z 08DEAA]", true},
		{"421 4.7.0 Message-ID <20260331.1234@a.example> is odd", "421 4.7.0 Message-ID <20260401.99812@b.example> is odd", true},
	} {
		text := func(reply string) string { return "S: 220 mx\nC: MAIL FROM:<a@b.c>\nS: " + reply + "\n" }
		d := transcript.Diff(parse(t, text(c.a)), parse(t, text(c.b)))
		if d.Same() != c.same {
			t.Errorf("%s\n%s\nsame: %v", c.a, c.b, d.Same())
		}
	}
}

func TestDiffTimes(t *testing.T) {
	at := func(took time.Duration) transcript.Transcript {
		return transcript.Transcript{{Did: smtp.Command, Line: "NOOP"}, {Did: smtp.Answer, Line: "250 ok", Took: took}}
	}
	for _, c := range []struct {
		a, b time.Duration
		n    int
	}{{time.Second, 3 * time.Second, 1}, {30 * time.Millisecond, 90 * time.Millisecond, 0}, {time.Second, 1900 * time.Millisecond, 0}, {0, time.Hour, 0}} {
		d := transcript.Diff(at(c.a), at(c.b))
		if n := len(d.Differences(transcript.Timing)); n != c.n || !d.Same() {
			t.Errorf("%v, %v: %d, same %v", c.a, c.b, n, d.Same())
		}
	}
}

// TestDiffSessions: connections are compared with their like, and one more is a difference.
func TestDiffSessions(t *testing.T) {
	d := transcript.Diff(parse(t, good+goodLater), parse(t, goodLater+good))
	if d.First() != nil {
		t.Errorf("%+v", d.First())
	}
	d = transcript.Diff(parse(t, good), parse(t, goodLater+good))
	if f := d.First(); f == nil || f.What != transcript.Missing || f.Pair.B.Connection != 2 {
		t.Errorf("%+v", f)
	}
}

// TestDiffOfAnything: whatever the two are, every turn of each is in the comparison once, a conversation is the same
// as itself, and what differs one way differs the other.
func TestDiffOfAnything(t *testing.T) {
	lines := rapid.SampledFrom([]string{
		"S: 220 mx", "C: EHLO me", "S: 250-mx", "S: 250 STARTTLS", "C: MAIL FROM:<a@b.c>", "S: 250 ok", "C: RCPT TO:<d@e.f>",
		"S: 550 no", "C: DATA", "S: 354 go", "C: (content, 5 octets)", "C: .", "C: QUIT", "S: 221 bye", "-- closed", "-- connected to mx:25",
		"-- TLS 1.3 started", "-- closed: EOF", "S: garbage", "2 C: EHLO me", "2 S: 250 ok", "C: BDAT 5 LAST", "C: LHLO me", "C: AUTH PLAIN (secret)", "-- listening", "2 -- a remark",
	})
	rapid.Check(t, func(rt *rapid.T) {
		draw := func(name string) transcript.Transcript {
			return parse(t, strings.Join(rapid.SliceOfN(lines, 0, 25).Draw(rt, name), "\n"))
		}
		a, b := draw("a"), draw("b")
		there, back := transcript.Diff(a, b), transcript.Diff(b, a)
		n := 0
		for _, p := range there.Pairs {
			for _, turn := range []*transcript.Turn{p.A, p.B} {
				if turn != nil {
					n += len(turn.Answers)
					if turn.Command != nil || turn.Done != nil {
						n++
					}
				}
			}
		}
		if n != len(a)+len(b) {
			rt.Fatalf("%d events of %d are compared", n, len(a)+len(b))
		}
		if there.Same() != back.Same() || !transcript.Diff(a, a).Same() {
			rt.Fatalf("same: %v, and the other way %v", there.Same(), back.Same())
		}
	})
}

func ExampleDiff() {
	worked, _ := transcript.Parse("S: 220 mx1.example ESMTP\nC: MAIL FROM:<a@example.com>\nS: 250 2.1.0 ok 4F8D02C1\n")
	failed, _ := transcript.Parse("S: 220 mx2.example ESMTP\nC: MAIL FROM:<a@example.com>\nS: 530 5.7.0 Authentication required\n")
	d := transcript.Diff(worked, failed).First()
	fmt.Printf("%v: %q, and %q\n", d.Stage, d.A, d.B)
	// Output: mail: "250 2.1.0 ok 4F8D02C1", and "530 5.7.0 Authentication required"
}
