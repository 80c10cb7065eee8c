package main

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/parleymail/parley/inbox"
	"github.com/parleymail/parley/smtp"
)

// TestCatchVerbose: each session is explained, whatever the ones before it said; a kind of line once in it, but each refusal.
func TestCatchVerbose(t *testing.T) {
	for tongue, want := range map[lang]string{
		english: "The envelope begins",
		chinese: "信封",
	} {
		var out bytes.Buffer
		c := &catcher{u: newUI(system{out: &out, err: io.Discard, environ: []string{"COLUMNS=300"}}, "parley", tongue), flags: &catchFlags{verbose: true}}
		trace := newCatchView(c).trace()
		say := func(session uint64, did smtp.Did, stage smtp.Stage, line string) string {
			out.Reset()
			trace(smtp.Event{Session: session, Did: did, Stage: stage, Line: line})
			_, remark, _ := strings.Cut(strings.TrimSpace(out.String()), "  ")
			return strings.TrimSpace(remark)
		}
		first := make(map[string]string)
		for session := range uint64(3) {
			for _, e := range []smtp.Event{
				{Did: smtp.Connected, Line: "from 127.0.0.1:50000"},
				{Did: smtp.Answer, Stage: smtp.StageGreeting, Line: "220 mx"},
				{Did: smtp.Command, Stage: smtp.StageMail, Line: "MAIL FROM:<a@example.com>"},
				{Did: smtp.Command, Stage: smtp.StageRcpt, Line: "RCPT TO:<b@example.com>"},
				{Did: smtp.Answer, Stage: smtp.StageRcpt, Line: "550 5.1.1 no such user"},
			} {
				remark := say(session+1, e.Did, e.Stage, e.Line)
				if remark == "" {
					t.Errorf("%v, session %d: nothing is said of %q", tongue, session+1, e.Line)
				}
				if session == 0 {
					first[e.Line] = remark
				} else if remark != first[e.Line] {
					t.Errorf("%v, session %d: %q: %q, and in the first %q", tongue, session+1, e.Line, remark, first[e.Line])
				}
			}
			if again := say(session+1, smtp.Command, smtp.StageRcpt, "RCPT TO:<c@example.com>"); again != "" {
				t.Errorf("%v: it is said twice: %q", tongue, again)
			}
			if again := say(session+1, smtp.Answer, smtp.StageRcpt, "550 5.1.1 no such user"); again != first["550 5.1.1 no such user"] {
				t.Errorf("%v: of the second refusal it says %q", tongue, again)
			}
			say(session+1, smtp.Closed, smtp.StageQuit, "")
		}
		if got := first["MAIL FROM:<a@example.com>"]; !strings.Contains(got, want) {
			t.Errorf("%v: %q", tongue, got)
		}
	}
}

// TestCatchBrokenTLS: where a session breaks off for a reason that a library words, the cause comes first and its words last.
func TestCatchBrokenTLS(t *testing.T) {
	const raw = "the TLS handshake: remote error: tls: unknown certificate authority"
	ended := time.Now()
	s := &inbox.Session{ID: 7, Remote: "127.0.0.1:50000", Ended: &ended, Failed: true, Why: raw}
	for tongue, want := range map[lang][]string{
		english: {"session 7 from 127.0.0.1:50000: it broke off", "does not know who issued", raw},
		chinese: {"会话 7，来自 127.0.0.1:50000：会话中断", "不认识本服务器证书的签发者", raw},
	} {
		for _, bad := range []string{"", "454 4.7.0 later"} {
			var out bytes.Buffer
			u := newUI(system{out: &out, err: io.Discard, environ: []string{"COLUMNS=300"}}, "parley", tongue)
			s.LastBad = bad
			u.printFailedSession(s, mishapOf(s, nil), "")
			rest := out.String()
			for _, part := range want {
				_, after, ok := strings.Cut(rest, part)
				if !ok {
					t.Fatalf("%q does not stand where it should in\n%s", part, out.String())
				}
				rest = after
			}
		}
	}
	// A reply is what went wrong, and stands first.
	var out bytes.Buffer
	u := newUI(system{out: &out, err: io.Discard, environ: []string{"COLUMNS=300"}}, "parley", english)
	s.Why, s.LastBad = "", "550 5.1.1 no such user"
	u.printFailedSession(s, mishapOf(s, nil), "")
	if !strings.HasPrefix(out.String(), "session 7 from 127.0.0.1:50000: 550 5.1.1 no such user\n") {
		t.Errorf("%s", out.String())
	}
}
