package oteltrace_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/transcript"
	"github.com/parleymail/parley/transcript/oteltrace"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
)

// stageOf knows the stage of a line of the tests' conversations, as a client does.
func stageOf(text string) smtp.Stage {
	for stage, words := range map[smtp.Stage]string{
		smtp.StageGreeting: "220", smtp.StageHello: "EHLO hello", smtp.StageAuth: "AUTH auth", smtp.StageMail: "MAIL mail",
		smtp.StageRcpt: "RCPT rcpt", smtp.StageContent: "BDAT (content", smtp.StageEnd: "end .", smtp.StageReset: "RSET reset",
		smtp.StageQuit: "QUIT quit", smtp.StageData: "DATA data",
	} {
		for word := range strings.FieldsSeq(words) {
			if strings.HasPrefix(text, word) || strings.HasSuffix(text, word) {
				return stage
			}
		}
	}
	return 0
}

// spans plays a conversation, an event a millisecond, and gives the spans as an
// indented list.
func spans(t *testing.T, script string) string {
	t.Helper()
	events, err := transcript.Parse(script)
	if err != nil {
		t.Fatal(err)
	}
	recorder := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))
	ctx, root := provider.Tracer("test").Start(t.Context(), "root")
	trace := oteltrace.New(ctx, provider.Tracer("test"))
	start := time.Unix(0, 0)
	for i, e := range events {
		e.Stage = stageOf(strings.TrimSpace(transcript.Line(e)[2:]))
		e.At = start.Add(time.Duration(i) * time.Millisecond)
		if e.Did == smtp.StartedTLS {
			e.TLS = &tls.ConnectionState{Version: tls.VersionTLS13}
		}
		trace(e)
	}
	root.End()
	if n := len(recorder.Started()) - len(recorder.Ended()); n != 0 {
		t.Errorf("%d spans never ended", n)
	}
	return tree(recorder.Ended(), root.SpanContext().SpanID(), "", start)
}

func tree(all []sdktrace.ReadOnlySpan, parent trace.SpanID, indent string, start time.Time) string {
	var b strings.Builder
	var children []sdktrace.ReadOnlySpan
	for _, s := range all {
		if s.Parent().SpanID() == parent {
			children = append(children, s)
		}
	}
	slices.SortStableFunc(children, func(a, b sdktrace.ReadOnlySpan) int { return a.StartTime().Compare(b.StartTime()) })
	for _, s := range children {
		fmt.Fprintf(&b, "%s%s %d-%d", indent, s.Name(), s.StartTime().Sub(start).Milliseconds(), s.EndTime().Sub(start).Milliseconds())
		for _, a := range s.Attributes() {
			if a.Key == "smtp.reply.code" || a.Key == "smtp.content.size" || a.Key == "tls.protocol.version" || a.Key == "network.peer.address" {
				fmt.Fprintf(&b, " %s=%s", a.Key[strings.LastIndexByte(string(a.Key), '.')+1:], a.Value.String())
			}
		}
		for range s.Events() {
			b.WriteString(" +")
		}
		if s.Status().Code == codes.Error {
			fmt.Fprintf(&b, " error: %s", s.Status().Description)
		}
		b.WriteString("\n")
		b.WriteString(tree(all, s.SpanContext().SpanID(), indent+"  ", start))
	}
	return b.String()
}

func TestSpans(t *testing.T) {
	for _, tt := range []struct{ name, script, want string }{
		{"one mail", `
-- connected to mx.example:25
S: 220 mx
C: EHLO localhost
S: 250-hello
S: 250 hello
C: MAIL FROM:<a@example.com>
S: 250 mail
C: RCPT TO:<b@example.net>
S: 250 rcpt
C: RCPT TO:<c@example.net>
S: 550 5.1.1 rcpt
C: DATA
S: 354 data
C: (content, 12 octets)
C: .
S: 250 end
C: QUIT
S: 221 quit
-- closed
`, `
smtp session 0-18 address=mx.example:25 code=221
  smtp greeting 1-1 code=220
  smtp hello 2-4 code=250
  smtp transaction 5-15 size=12
    smtp mail 5-6 code=250
    smtp rcpt 7-10 code=550 + error: 550 5.1.1 rcpt
    smtp data 11-12 code=354
    smtp content 13-13
    smtp end 14-15 code=250
`},
		{"two mails, the second rides with the first", `
-- connected to mx.example:25
C: MAIL FROM:<a@example.com>
C: RCPT TO:<b@example.net>
C: BDAT 12 LAST
C: (content, 12 octets)
C: MAIL FROM:<a@example.com>
C: RCPT TO:<b@example.net>
C: BDAT 13 LAST
C: (content, 13 octets)
S: 250 mail
S: 250 rcpt
S: 250 end
S: 250 mail
S: 250 rcpt
S: 552 end
-- closed
`, `
smtp session 0-15 address=mx.example:25
  smtp transaction 1-11 size=12
    smtp mail 1-9 code=250
    smtp rcpt 2-10 code=250
    smtp content 3-4
    smtp end 11-11 code=250
  smtp transaction 5-14 size=13 error: the mail was not taken
    smtp mail 5-12 code=250
    smtp rcpt 6-13 code=250
    smtp content 7-8
    smtp end 14-14 code=552 + error: 552 end
`},
		{"lost, and LMTP", `
-- connected to mx.example:25
-- TLS 1.3 started, x
C: AUTH PLAIN (secret)
S: 535 \x1bno auth
C: MAIL FROM:<a@example.com>
S: 250 mail
C: .
S: 250 end
S: 450 end
C: RSET
S: 250 reset
-- a note
C: MAIL FROM:<a@example.com>
-- closed: connection reset
`, `
smtp session 0-13 address=mx.example:25 version=TLS 1.3 + error: connection reset
  smtp auth 2-3 code=535 + error: 535 \x1bno auth
  smtp transaction 4-8
    smtp mail 4-5 code=250
    smtp end 6-8 code=450 + error: 450 end
  smtp reset 9-10 code=250
  smtp transaction 12-13 error: the mail was not taken
    smtp mail 12-12
`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := spans(t, tt.script); got != tt.want[1:] {
				t.Errorf("got\n%s\nwant%s", got, tt.want)
			}
		})
	}
}

// TestGarbage: whatever a server says, and wherever, it is traced.
func TestGarbage(t *testing.T) {
	provider := sdktrace.NewTracerProvider()
	trace := oteltrace.New(context.Background(), provider.Tracer("test"))
	for _, line := range []string{"", "x", "99", "999", "\x00\x00\x00-", "250"} {
		for stage := smtp.Stage(0); stage <= smtp.StageQuit+1; stage++ {
			trace(smtp.Event{Session: 1, Stage: stage, Did: smtp.Answer, Line: line})
		}
	}
	trace(smtp.Event{Session: 1, Did: smtp.Closed, Err: errors.New("x")})
}
