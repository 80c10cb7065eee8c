package transcript_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/transcript"
	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, name, got string) {
	t.Helper()
	name = "testdata/" + name
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
	}
}

// conversation is one of each sort, two sessions of it at once, and what a
// hostile or careless server may say.
func conversation() transcript.Transcript {
	at := time.Date(2026, 3, 31, 9, 30, 0, 123456789, time.UTC)
	var t transcript.Transcript
	add := func(e smtp.Event) {
		e.At = at
		at = at.Add(7 * time.Millisecond)
		t = append(t, e)
	}
	state := &tls.ConnectionState{Version: tls.VersionTLS13, CipherSuite: tls.TLS_AES_128_GCM_SHA256, ServerName: "mx.example"}
	add(smtp.Event{Session: 1, Stage: smtp.StageDial, Did: smtp.Connected, Line: "192.0.2.1:587"})
	add(smtp.Event{Session: 1, Stage: smtp.StageGreeting, Did: smtp.Answer, Line: "220 mx.example ESMTP", Took: 28 * time.Millisecond})
	add(smtp.Event{Session: 1, Stage: smtp.StageHello, Did: smtp.Command, Line: "EHLO localhost"})
	add(smtp.Event{Session: 1, Stage: smtp.StageHello, Did: smtp.Answer, Line: "250-mx.example"})
	add(smtp.Event{Session: 1, Stage: smtp.StageHello, Did: smtp.Answer, Line: "250 STARTTLS", Took: 1234567 * time.Nanosecond})
	add(smtp.Event{Session: 1, Stage: smtp.StageTLS, Did: smtp.StartedTLS, Line: "TLS 1.3, TLS_AES_128_GCM_SHA256, mx.example", TLS: state})
	add(smtp.Event{Session: 1, Stage: smtp.StageAuth, Did: smtp.Command, Line: "AUTH PLAIN (secret)", Hidden: true})
	add(smtp.Event{Session: 2, Stage: smtp.StageDial, Did: smtp.Connected, Line: "192.0.2.1:587"})
	add(smtp.Event{Session: 1, Stage: smtp.StageAuth, Did: smtp.Answer, Line: "535 \xd3\xc3\xbb\xa7 \x1b[2J\u202egnp.exe"})
	add(smtp.Event{Session: 2, Stage: smtp.StageGreeting, Did: smtp.Answer, Line: "220 a line\r\nC: QUIT\nS: 250 forged "})
	add(smtp.Event{Session: 1, Stage: smtp.StageEnd, Did: smtp.Content, Size: 1234})
	add(smtp.Event{Session: 1, Stage: smtp.StageEnd, Did: smtp.Command, Line: "."})
	add(smtp.Event{Session: 1, Stage: smtp.StageEnd, Did: smtp.Answer, Line: `250 C:\temp \x41 (secret) 财务部`})
	add(smtp.Event{Session: 1, Did: smtp.Note, Line: "waiting for a session"})
	add(smtp.Event{Session: 1, Stage: smtp.StageQuit, Did: smtp.Closed})
	add(smtp.Event{Session: 2, Stage: smtp.StageQuit, Did: smtp.Closed, Err: errors.New("read tcp: connection reset by peer")})
	add(smtp.Event{Session: 3, Stage: smtp.StageDial, Did: smtp.Connected, Line: "/run/lmtp.sock"})
	add(smtp.Event{Session: 3, Stage: smtp.StageQuit, Did: smtp.Closed})
	return t
}

func TestGolden(t *testing.T) {
	var plain, timed, objects strings.Builder
	print, full, toJSON := transcript.Print(&plain), transcript.Printer{W: &timed, Times: true, Took: true}, transcript.JSON(&objects)
	for _, e := range conversation() {
		print(e)
		full.Trace(e)
		toJSON(e)
	}
	golden(t, "conversation.txt", plain.String())
	golden(t, "conversation-times.txt", timed.String())
	golden(t, "conversation.jsonl", objects.String())
	if s := conversation().String(); s != plain.String() {
		t.Errorf("String and Print differ:\n%s", s)
	}
	for _, text := range []string{plain.String(), timed.String()} {
		read, err := transcript.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := read.String(); got != plain.String() {
			t.Errorf("read back:\n%s", got)
		}
	}
	for _, text := range []string{plain.String(), timed.String(), objects.String()} {
		for _, c := range []byte(text) {
			if c != '\n' && (c < ' ' || c == 0x7f) {
				t.Errorf("%q has a control byte %#x", text, c)
			}
		}
	}
}

func TestJSONReadBack(t *testing.T) {
	want := conversation()
	var b bytes.Buffer
	trace := transcript.JSON(&b)
	for _, e := range want {
		trace(e)
	}
	lines, err := transcript.Read(&b)
	if err != nil {
		t.Fatal(err)
	}
	data, err := want.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	var array transcript.Transcript
	if err := array.UnmarshalJSON(data); err != nil {
		t.Fatal(err)
	}
	for _, got := range []transcript.Transcript{lines, array} {
		if len(got) != len(want) {
			t.Fatalf("got %d events, want %d", len(got), len(want))
		}
		for i := range want {
			if g, w := describe(got[i]), describe(want[i]); g != w {
				t.Errorf("event %d: got\n%s\nwant\n%s", i, g, w)
			}
		}
	}
}

// describe is all of an event that JSON keeps.
func describe(e smtp.Event) string {
	s := fmt.Sprint(e.At.UTC().Format(time.RFC3339Nano), " ", e.Session, e.Stage, e.Did, e.Hidden, e.Size, e.Took, " ")
	s += fmt.Sprintf("%q %q", e.Line, fmt.Sprint(e.Err))
	if e.TLS != nil {
		s += fmt.Sprint(e.TLS.Version, e.TLS.CipherSuite, e.TLS.ServerName, e.TLS.DidResume, e.TLS.NegotiatedProtocol)
	}
	return s
}

// kept is an event as the text keeps it.
func kept(e smtp.Event) string {
	return fmt.Sprintf("%d %d %q %v %d %q", e.Session, e.Did, e.Line, e.Hidden, e.Size, fmt.Sprint(e.Err))
}

// anyLine gives lines that are like those of a conversation, or like the
// notation, or like nothing at all.
func anyLine() *rapid.Generator[string] {
	pieces := rapid.SampledFrom([]string{
		`\`, `x`, `u`, `1b`, `202e`, " ", "\n", "\r", "\x00", "\x1b", "\xd3\xc3", "财", "\u202e", "\u2028", "\x85", "\u0085", "\ufeff", "\U000e0001",
		"C: ", "S: ", "-- ", "2 C: ", ":", ", ", "(secret)", "(content", "(content)", "(content, 5 octets)", "note: ", "connected", " to ", " from ", "closed", "TLS ", "TLS started", " started", "*", ".",
	})
	return rapid.Custom(func(t *rapid.T) string {
		if rapid.Bool().Draw(t, "bytes") {
			return string(rapid.SliceOfN(rapid.Byte(), 0, 12).Draw(t, "octets"))
		}
		return strings.Join(rapid.SliceOfN(pieces, 0, 6).Draw(t, "pieces"), "")
	})
}

func anyEvent() *rapid.Generator[smtp.Event] {
	return rapid.Custom(func(t *rapid.T) smtp.Event {
		e := smtp.Event{
			Session: rapid.Uint64Range(0, 4).Draw(t, "session"),
			Did:     smtp.Did(rapid.IntRange(int(smtp.Connected), int(smtp.Closed)).Draw(t, "did")),
		}
		if e.Did == smtp.Content {
			e.Size = rapid.Int64Min(-1).Draw(t, "size")
			return e
		}
		e.Line = anyLine().Draw(t, "line")
		if e.Did == smtp.Command || e.Did == smtp.Answer {
			e.Hidden = strings.Contains(e.Line, "(secret)") && rapid.Bool().Draw(t, "hidden")
		}
		if e.Did == smtp.Closed && rapid.Bool().Draw(t, "failed") {
			e.Err = errors.New(anyLine().Draw(t, "err"))
		}
		return e
	})
}

// TestRoundTrip: whatever was said, the text holds it all, on one line, and gives
// it back.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := anyEvent().Draw(t, "event")
		line := transcript.Line(e)
		if smtp.Printable(line) != line {
			t.Fatalf("%q is not fit for a terminal", line)
		}
		got, ok, err := transcript.ParseLine(line)
		e.Session = 0
		if !ok || err != nil || kept(got) != kept(e) {
			t.Fatalf("%s was written %q and read %s, %v, %v", kept(e), line, kept(got), ok, err)
		}
	})
}

// TestRoundTripSessions: a whole conversation comes back, and its sessions are
// told apart where they overlap.
func TestRoundTripSessions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := transcript.Transcript(rapid.SliceOfN(anyEvent(), 0, 20).Draw(t, "events"))
		text := events.String()
		read, err := transcript.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if len(read) != len(events) {
			t.Fatalf("%d events became %d", len(events), len(read))
		}
		if again := read.String(); again != text {
			t.Fatalf("written\n%sread and written\n%s", text, again)
		}
		for i := range events {
			events[i].Session = read[i].Session
			if kept(events[i]) != kept(read[i]) {
				t.Fatalf("%s became %s", kept(events[i]), kept(read[i]))
			}
		}
	})
}

func TestParse(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"S: 220 mx\nC: EHLO x\n", "S: 220 mx\nC: EHLO x\n"},
		{"S: 220 mx\r\nC: EHLO x\r\n", "S: 220 mx\nC: EHLO x\n"},
		{"A remark.\n\n  S: 220 mx\n\tC: EHLO x", "S: 220 mx\nC: EHLO x\n"},
		{"----\n--help\n-- closed\n--\n", "-- closed\n--\n"},
		{"C:\nC: \nS:  two blanks\n", "C:\nC:\nS:  two blanks\n"},
		{"09:30:00.123 S: 220 mx\n09:30:00.151     +28.0ms S: 250 x\n 1 +1ms S: x\n", "S: 220 mx\nS: 250 x\n1 S: x\n"},
		{"7 things to know\n12:00 noon\n", ""},
		{"C: (content)\nC: (content, 5 octets)\nC: (contents)\n", "C: (content)\nC: (content, 5 octets)\nC: \\x28contents)\n"},
		{"-- silence\n-- note: closed\n", "-- silence\n-- note: closed\n"},
		{`S: 250 \x41\u8d22\\x`, "S: 250 A财\\\\x\n"},
	} {
		got, err := transcript.Parse(tt.text)
		if err != nil || got.String() != tt.want {
			t.Errorf("%q: got %q, %v, want %q", tt.text, got, err, tt.want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"S: 220 mx\nC:EHLO x\n", "transcript: line 2: a blank is missing after C:"},
		{`S: 250 \x4`, `transcript: line 1: \x is followed by "4" and not by 2 hexadecimal digits (a backslash is written \\ there)`},
		{`C: \u12g4`, `transcript: line 1: \u is followed by "12g4" and not by 4 hexadecimal digits (a backslash is written \\ there)`},
		{"-- \\x", `transcript: line 1: \x is followed by "" and not by 2 hexadecimal digits (a backslash is written \\ there)`},
		{"99999999999999999999 C: x", "transcript: line 1: the session's number 99999999999999999999 is too large"},
		{`{"did":"said"}`, `transcript: line 1: did is "said", which is nothing that is done in a conversation`},
		{"\n{\"did\":\"note\"}\n{\"did\":\"note\",\"stage\":\"x\"}", `transcript: line 3: stage is "x", which is no stage of a conversation`},
		{`{"did":"note","took_ms":1e300}`, `transcript: line 1: took_ms is 1e+300, which is too long`},
		{`{"did":`, "transcript: line 1: unexpected end of JSON input"},
	} {
		if got, err := transcript.Read(strings.NewReader(tt.text)); err == nil || err.Error() != tt.want {
			t.Errorf("%q: got %v, %v, want %s", tt.text, got, err, tt.want)
		}
	}
}

// TestReadFinds: events that stand in something else.
func TestReadFinds(t *testing.T) {
	const step = `{"step":"greeting","said":[{"did":"answer","line":"220 mx"}]}`
	for _, text := range []string{
		step, "\n{\"what\":\"result\"}\n" + step, `{"did":"answer","line":"220 mx"}` + "\n{}\n",
		`{"server":"mx","steps":[{"step":"DNS"},` + step + `]}`, "{\n  \"steps\": [\n" + step + "\n]\n}\n", "\n [{\"did\":\"answer\",\"line\":\"220 mx\"}]\n",
	} {
		if got, err := transcript.Read(strings.NewReader(text)); err != nil || got.String() != "S: 220 mx\n" {
			t.Errorf("%q: got %q, %v", text, got, err)
		}
	}
}

func TestReadIsBounded(t *testing.T) {
	endless := io.LimitReader(zeros{}, 1<<40)
	if _, err := transcript.Read(endless); err == nil || err.Error() != "transcript: more than 64 MiB" {
		t.Error(err)
	}
	broken := io.MultiReader(strings.NewReader("C: x"), errReader{})
	if _, err := transcript.Read(broken); !errors.Is(err, os.ErrClosed) {
		t.Error(err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

type errReader struct{}

func (errReader) Read([]byte) (int, error) { return 0, os.ErrClosed }

func TestOf(t *testing.T) {
	if got := transcript.Of(nil); len(got) != 0 {
		t.Error(got)
	}
	err := &smtp.Error{Said: []smtp.Event{{Session: 9, Did: smtp.Command, Line: "QUIT"}}}
	if got := transcript.Of(err).String(); got != "C: QUIT\n" {
		t.Error(got)
	}
}

func TestSession(t *testing.T) {
	if got := conversation().Session(3).String(); got != "-- connected to /run/lmtp.sock\n-- closed\n" {
		t.Error(got)
	}
}

func TestRecorder(t *testing.T) {
	r := transcript.Recorder{Max: 3}
	for i := range 5 {
		r.Trace(smtp.Event{Session: 1, Did: smtp.Command, Line: fmt.Sprint(i)})
	}
	const want = "-- 2 events before this one were not kept\nC: 2\nC: 3\nC: 4\n"
	if got := r.Transcript().String(); got != want {
		t.Errorf("got\n%s", got)
	}
	r.Reset()
	if got := r.Transcript(); len(got) != 0 {
		t.Error(got)
	}
}

// TestTogether is for the race detector: many sessions at one sink.
func TestTogether(t *testing.T) {
	var b bytes.Buffer
	var r transcript.Recorder
	print, toJSON := transcript.Print(&b), transcript.JSON(io.Discard)
	var wg sync.WaitGroup
	for session := range uint64(8) {
		wg.Go(func() {
			for _, e := range conversation() {
				e.Session = session + 1
				print(e)
				toJSON(e)
				r.Trace(e)
				r.Transcript()
			}
		})
	}
	wg.Wait()
	got, err := transcript.Parse(b.String())
	if n := 8 * len(conversation()); err != nil || len(got) != n || len(r.Transcript()) != n {
		t.Errorf("%d events printed, %d recorded, want %d each (%v)", len(got), len(r.Transcript()), n, err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(conversation().String())
	f.Add("2 C: x\nS: y\n2 -- closed\n3 C: z\n")
	f.Add("C: (secret) \\x28secret)\n-- closed, a: b\n-- TLS 1.3 started, x\n-- note: note: x\n")
	f.Fuzz(func(t *testing.T, text string) {
		read, err := transcript.Parse(text)
		if err != nil {
			return
		}
		written := read.String()
		again, err := transcript.Parse(written)
		if err != nil {
			t.Fatalf("what was written is not read: %v\n%s", err, written)
		}
		if len(again) != len(read) {
			t.Fatalf("%d events became %d:\n%s", len(read), len(again), written)
		}
		for i := range read {
			if kept(read[i]) != kept(again[i]) {
				t.Errorf("event %d: %s became %s", i, kept(read[i]), kept(again[i]))
			}
		}
	})
}

func FuzzJSON(f *testing.F) {
	var b bytes.Buffer
	trace := transcript.JSON(&b)
	for _, e := range conversation() {
		trace(e)
	}
	f.Add(b.Bytes())
	f.Add([]byte(`{"did":"tls","tls":{"version":"TLS 1.2","cipher":"x","certificate":null}}`))
	f.Add([]byte(`{"did":"content","size":-5,"took_ms":-0.000001,"at":"2026-03-31T09:30:00.1+08:00"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		read, err := transcript.Read(bytes.NewReader(append([]byte("{}\n")[:0], data...)))
		if err != nil {
			return
		}
		var b bytes.Buffer
		trace := transcript.JSON(&b)
		for _, e := range read {
			trace(e)
		}
		if s := b.String(); smtp.Printable(strings.ReplaceAll(s, "\n", "")) != strings.ReplaceAll(s, "\n", "") {
			t.Fatalf("%q is not fit for a terminal", s)
		}
		again, err := transcript.Read(&b)
		if err != nil || len(again) != len(read) {
			t.Fatalf("%d events became %d: %v", len(read), len(again), err)
		}
		for i := range read {
			if describe(read[i]) != describe(again[i]) {
				t.Errorf("event %d: %s became %s", i, describe(read[i]), describe(again[i]))
			}
		}
	})
}
