package slogtrace_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/transcript/slogtrace"
)

var events = []smtp.Event{
	{Session: 1, Stage: smtp.StageDial, Did: smtp.Connected, Line: "mx.example:587"},
	{Session: 1, Stage: smtp.StageTLS, Did: smtp.StartedTLS, Line: "TLS 1.3", TLS: &tls.ConnectionState{Version: tls.VersionTLS13, CipherSuite: tls.TLS_AES_128_GCM_SHA256}},
	{Session: 1, Stage: smtp.StageAuth, Did: smtp.Command, Line: "AUTH PLAIN (secret)", Hidden: true},
	{Session: 1, Stage: smtp.StageAuth, Did: smtp.Answer, Line: "235 welcome", Took: 3 * time.Millisecond},
	{Session: 1, Stage: smtp.StageContent, Did: smtp.Content, Size: 1234},
	{Session: 1, Stage: smtp.StageEnd, Did: smtp.Answer, Line: "451 4.3.0 \x1b[2J later"},
	{Session: 1, Stage: smtp.StageQuit, Did: smtp.Note, Line: "a note"},
	{Session: 1, Stage: smtp.StageQuit, Did: smtp.Answer, Line: "x"},
	{Session: 1, Stage: smtp.StageQuit, Did: smtp.Closed},
	{Session: 2, Stage: smtp.StageQuit, Did: smtp.Closed, Err: errors.New("connection reset\x07")},
}

const logged = `level=INFO msg="smtp connected" session=1 stage=dial line=mx.example:587
level=INFO msg="smtp TLS started" session=1 stage=tls line="TLS 1.3" tls="TLS 1.3" cipher=TLS_AES_128_GCM_SHA256
level=DEBUG msg="smtp command" session=1 stage=auth line="AUTH PLAIN (secret)"
level=DEBUG msg="smtp answer" session=1 stage=auth line="235 welcome" code=235 took=3ms
level=DEBUG msg="smtp content" session=1 stage=content size=1234
level=WARN msg="smtp answer" session=1 stage=end line="451 4.3.0 \\x1b[2J later" code=451
level=DEBUG msg="smtp note" session=1 stage=quit line="a note"
level=DEBUG msg="smtp answer" session=1 stage=quit line=x
level=INFO msg="smtp closed" session=1 stage=quit
level=WARN msg="smtp closed" session=2 stage=quit error="connection reset\\x07"
`

func TestNew(t *testing.T) {
	var b bytes.Buffer
	trace := slogtrace.New(slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{Level: slog.LevelDebug})))
	for _, e := range events {
		trace(e)
	}
	if b.String() != logged {
		t.Errorf("got\n%s\nwant\n%s", b.String(), logged)
	}
}

// TestLevel: a logger that wants no more than warnings is told of no more.
func TestLevel(t *testing.T) {
	var b bytes.Buffer
	trace := slogtrace.New(slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{Level: slog.LevelWarn})))
	for _, e := range events {
		trace(e)
	}
	if n := bytes.Count(b.Bytes(), []byte("\n")); n != 2 {
		t.Errorf("%d records, want 2:\n%s", n, b.String())
	}
}

func ExampleNew() {
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	}))
	client := &smtp.Client{Addr: "mx.example:587", Trace: slogtrace.New(logger)}
	client.Trace(smtp.Event{Session: 1, Stage: smtp.StageRcpt, Did: smtp.Answer, Line: "550 5.1.1 no such user"})
	// Output: level=WARN msg="smtp answer" session=1 stage=rcpt line="550 5.1.1 no such user" code=550
}
