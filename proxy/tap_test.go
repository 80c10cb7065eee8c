package proxy

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/transcript"
)

// TestFaultFacts walks the faults: each has a row, and each row all that is said.
func TestFaultFacts(t *testing.T) {
	seen := map[Fault]bool{}
	for _, f := range faultFacts {
		if seen[f.fault] {
			t.Errorf("%s stands twice", f.fault)
		}
		seen[f.fault] = true
		v := reflect.ValueOf(f)
		for i := range v.NumField() {
			if v.Field(i).IsZero() {
				t.Errorf("%s has no %s", f.fault, v.Type().Field(i).Name)
			}
		}
		for _, words := range []string{f.cause.En, f.cause.Zh, f.fix.En, f.fix.Zh} {
			if words == "" || strings.HasSuffix(words, ".") || strings.HasSuffix(words, "。") {
				t.Errorf("%s: %q", f.fault, words)
			}
		}
	}
	source, err := os.ReadFile("fault.go")
	if err != nil {
		t.Fatal(err)
	}
	constants := regexp.MustCompile(`(?m)^\t\w+ +Fault = "([a-z-]+)"`).FindAllSubmatch(source, -1)
	for _, c := range constants {
		if !seen[Fault(c[1])] {
			t.Errorf("%s has no row", c[1])
		}
	}
	if len(constants) != len(seen) {
		t.Errorf("%d faults, and %d rows", len(constants), len(seen))
	}
	if d := factsOf(BareLF).diagnosis(smtp.StageContent); d.Kind != "bare-lf" || d.Cause.En == "" {
		t.Errorf("%+v", d)
	}
}

// A turn is what one side says before the other does.
type turn struct {
	from Side
	text string
}

// conversations are followed as they come, and in every pieces.
var conversations = map[string]struct {
	rules rules
	turns []turn
	want  string // the transcript
}{
	"a mail": {
		turns: []turn{
			{Provider, "220 mx\r\n"}, {Program, "EHLO x\r\n"}, {Provider, "250-mx\r\n250-PIPELINING\r\n250 STARTTLS\r\n"},
			{Program, "MAIL FROM:<a@b.c>\r\nRCPT TO:<d@e.f>\r\nDATA\r\n"}, {Provider, "250 ok\r\n250 ok\r\n354 go\r\n"},
			{Program, "Subject: x\r\n\r\n..x\r\n.\r\n"}, {Provider, "250 taken\r\n"}, {Program, "QUIT\r\n"}, {Provider, "221 bye\r\n"},
		},
		want: "S: 220 mx\nC: EHLO x\nS: 250-mx\nS: 250-PIPELINING\nS: 250 STARTTLS\nC: MAIL FROM:<a@b.c>\nC: RCPT TO:<d@e.f>\nC: DATA\nS: 250 ok\nS: 250 ok\nS: 354 go\n" +
			"C: (content, 18 octets)\nC: .\nS: 250 taken\nC: QUIT\nS: 221 bye\n",
	},
	"in chunks": {
		turns: []turn{
			{Provider, "220\r\n"}, {Program, "EHLO x\r\n"}, {Provider, "250-mx\r\n250-CHUNKING\r\n250 PIPELINING\r\n"},
			{Program, "MAIL FROM:<> BODY=BINARYMIME\r\nRCPT TO:<d@e.f>\r\nBDAT 5\r\nQU\nIT"}, {Provider, "250 ok\r\n250 ok\r\n250 5 octets\r\n"},
			{Program, "BDAT 3 LAST\r\n\r\n.BDAT 0 LAST\r\n"}, {Provider, "250 taken\r\n503 what\r\n"},
		},
		want: "S: 220\nC: EHLO x\nS: 250-mx\nS: 250-CHUNKING\nS: 250 PIPELINING\nC: MAIL FROM:<> BODY=BINARYMIME\nC: RCPT TO:<d@e.f>\nC: BDAT 5\nC: (content, 5 octets)\nS: 250 ok\nS: 250 ok\nS: 250 5 octets\n" +
			"C: BDAT 3 LAST\nC: (content, 3 octets)\nC: BDAT 0 LAST\nC: (content, 0 octets)\nS: 250 taken\nS: 503 what\n",
	},
	"logins": {
		turns: []turn{
			{Provider, "220 mx\r\n"}, {Program, "EHLO x\r\n"}, {Provider, "250-mx\r\n250 AUTH LOGIN\r\n"}, {Program, "auth login\r\n"}, {Provider, "334 VXNlcm5hbWU6\r\n"},
			{Program, "a2lt\r\n"}, {Provider, "334 UGFzc3dvcmQ6\r\n"}, {Program, "Z2VoZWlt\r\n"}, {Provider, "535 not by Z2VoZWlt, geheim\r\n"},
			{Program, "Z2VoZWlt\r\n"}, {Provider, "500 Z2VoZWlt?\r\n"}, {Program, "AUTH PLAIN AGtpbQBnZWhlaW0=\r\n"}, {Provider, "235 in\r\n"}, {Program, "NOOP geheim\r\n"}, {Provider, "250\r\n"},
		},
		want: "S: 220 mx\nC: EHLO x\nS: 250-mx\nS: 250 AUTH LOGIN\nC: auth login\nS: 334 VXNlcm5hbWU6\nC: (secret)\nS: 334 UGFzc3dvcmQ6\nC: (secret)\nS: 535 not by (secret), (secret)\n" +
			"C: (secret)\nS: 500 (secret)?\nC: AUTH PLAIN (secret)\nS: 235 in\nC: NOOP (secret)\nS: 250\n",
	},
	"LMTP": {
		turns: []turn{
			{Provider, "220 mx\r\n"}, {Program, "LHLO x\r\n"}, {Provider, "250-mx\r\n250 PIPELINING\r\n"},
			{Program, "MAIL FROM:<a@b.c>\r\nRCPT TO:<d@e.f>\r\nRCPT TO:<g@e.f>\r\nRCPT TO:<h@e.f>\r\nDATA\r\n"}, {Provider, "250 ok\r\n250 ok\r\n550 no\r\n250 ok\r\n354 go\r\n"},
			{Program, "x\r\n.\r\n"}, {Provider, "250 d\r\n452 h\r\n"}, {Program, "QUIT\r\n"}, {Provider, "221 bye\r\n"},
		},
		want: "S: 220 mx\nC: LHLO x\nS: 250-mx\nS: 250 PIPELINING\nC: MAIL FROM:<a@b.c>\nC: RCPT TO:<d@e.f>\nC: RCPT TO:<g@e.f>\nC: RCPT TO:<h@e.f>\nC: DATA\nS: 250 ok\nS: 250 ok\nS: 550 no\nS: 250 ok\nS: 354 go\n" +
			"C: (content, 3 octets)\nC: .\nS: 250 d\nS: 452 h\nC: QUIT\nS: 221 bye\n",
	},
	"LMTP in chunks, all at once": {
		turns: []turn{
			{Provider, "220 mx\r\n"}, {Program, "LHLO x\r\n"}, {Provider, "250-mx\r\n250-PIPELINING\r\n250 CHUNKING\r\n"},
			{Program, "MAIL FROM:<a@b.c>\r\nRCPT TO:<d@e.f>\r\nRCPT TO:<g@e.f>\r\nRCPT TO:<h@e.f>\r\nBDAT 3 LAST\r\nx\r\n"},
			{Provider, "250 ok\r\n250 ok\r\n550 no\r\n250 ok\r\n250 d\r\n452 h\r\n"}, {Program, "QUIT\r\n"}, {Provider, "221 bye\r\n"},
		},
		want: "S: 220 mx\nC: LHLO x\nS: 250-mx\nS: 250-PIPELINING\nS: 250 CHUNKING\nC: MAIL FROM:<a@b.c>\nC: RCPT TO:<d@e.f>\nC: RCPT TO:<g@e.f>\nC: RCPT TO:<h@e.f>\nC: BDAT 3 LAST\nC: (content, 3 octets)\n" +
			"S: 250 ok\nS: 250 ok\nS: 550 no\nS: 250 ok\nS: 250 d\nS: 452 h\nC: QUIT\nS: 221 bye\n",
	},
	"content without DATA's reply": {
		turns: []turn{
			{Provider, "220 mx\r\n"}, {Program, "EHLO x\r\n"}, {Provider, "250-mx\r\n250 PIPELINING\r\n"},
			{Program, "DATA\r\nNOOP\r\n.\r\nQUIT\r\n"}, {Provider, "354 go\r\n250 taken\r\n221 bye\r\n"},
		},
		want: "S: 220 mx\nC: EHLO x\nS: 250-mx\nS: 250 PIPELINING\nC: DATA\nS: 354 go\nC: (content, 6 octets)\nC: .\nC: QUIT\nS: 250 taken\nS: 221 bye\n",
	},
	"no DATA after all": {
		turns: []turn{
			{Provider, "220 mx\r\n"}, {Program, "EHLO x\r\n"}, {Provider, "250-mx\r\n250 PIPELINING\r\n"},
			{Program, "DATA\r\nNOOP\r\nDATA\r\nQUIT\r\n"}, {Provider, "503 no\r\n250 ok\r\n503 no\r\n221 bye\r\n"},
		},
		want: "S: 220 mx\nC: EHLO x\nS: 250-mx\nS: 250 PIPELINING\nC: DATA\nS: 503 no\nC: NOOP\nC: DATA\nS: 250 ok\nS: 503 no\nC: QUIT\nS: 221 bye\n",
	},
	"edited": {
		rules: rules{edits: edits{without: []string{"size"}, login: true}},
		turns: []turn{
			{Provider, "220 mx\r\n"}, {Program, "EHLO x\r\n"}, {Provider, "250-mx\r\n250-AUTH=LOGIN\r\n250-HELP\r\n250-AUTH LOGIN\r\n250 SIZE 5\r\n"}, {Program, "QUIT\r\n"},
		},
		want: "S: 220 mx\nC: EHLO x\nS: 250-mx\nS: 250-AUTH=LOGIN\nS: 250-HELP\nS: 250-AUTH LOGIN\nS: 250 SIZE 5\n-- the program is not told of AUTH, AUTH, SIZE\nC: QUIT\n",
	},
	"adrift": {
		turns: []turn{{Provider, "220 mx\r\n"}, {Program, "EHLO x\r\n"}, {Provider, "what?\r\n"}, {Program, "AUTH PLAIN x\r\n"}, {Provider, "250 ok\r\n"}},
		want:  "S: 220 mx\nC: EHLO x\nS: what?\n-- lost track: what the provider says is no reply; all is passed on, and no more of it is shown\n",
	},
}

// TestTapSeesTheSameHoweverItIsCut: the conversation is what it is, and nothing of it is
// lost or added, in whatever pieces it comes.
func TestTapSeesTheSameHoweverItIsCut(t *testing.T) {
	for name, c := range conversations {
		for seed := range uint64(60) {
			t.Run(fmt.Sprint(name, "/", seed), func(t *testing.T) {
				r := rand.New(rand.NewPCG(seed, 0))
				var events transcript.Transcript
				tap := newTap(c.rules)
				tap.trace = func(e smtp.Event) { events = append(events, e) }
				for _, turn := range c.turns {
					on := feed(t, tap, turn, r, seed)
					if !c.rules.edits.any() && string(on) != turn.text {
						t.Fatalf("%q went on of %q", on, turn.text)
					}
					if c.rules.edits.any() && strings.Contains(turn.text, "AUTH") && string(on) != "250-mx\r\n250 HELP\r\n" {
						t.Fatalf("%q went on", on)
					}
				}
				var told transcript.Transcript
				for _, e := range events {
					if _, noted := noteOf(e); !noted {
						told = append(told, e)
					}
				}
				if got := told.String(); got != c.want {
					t.Errorf("it is told so:\n%s", got)
				}
			})
		}
	}
}

// noteOf is the fault that a note tells of.
func noteOf(e smtp.Event) (Fault, bool) {
	for _, f := range faultFacts {
		if e.Did == smtp.Note && e.Line == f.note {
			return f.fault, true
		}
	}
	return "", false
}

// feed gives the tap a turn, whole or in pieces.
func feed(t *testing.T, tap *tap, turn turn, r *rand.Rand, seed uint64) (on []byte) {
	rest := []byte(turn.text)
	for len(rest) > 0 {
		n := len(rest)
		if seed > 0 {
			n = 1 + r.IntN(min(n, int(seed)))
		}
		give := tap.program
		if turn.from == Provider {
			give = tap.provider
		}
		out, left, act := give(rest[:n], nil)
		if act != goOn || len(left) > 0 {
			t.Fatalf("action %d, %q left", act, left)
		}
		on, rest = append(on, out...), rest[n:]
	}
	return on
}

// FuzzTap: no octets make the tap fail, hold back for ever or change anything.
func FuzzTap(f *testing.F) {
	for _, c := range conversations {
		var up, down string
		for _, turn := range c.turns {
			if turn.from == Program {
				up += turn.text
			} else {
				down += turn.text
			}
		}
		f.Add([]byte(up), []byte(down), uint64(1))
	}
	f.Add([]byte("STARTTLS\r\nx"), []byte("220\r\n220\r\n"), uint64(2))
	f.Fuzz(func(t *testing.T, up, down []byte, seed uint64) {
		r := rand.New(rand.NewPCG(seed, 3))
		tap := newTap(rules{})
		tap.trace = func(e smtp.Event) { transcript.Line(e) }
		tap.find = func(Finding) {}
		var gotUp, gotDown []byte
		allUp, allDown := up, down
		for len(up)+len(down) > 0 {
			side, rest, got := tap.program, &up, &gotUp
			if r.IntN(2) == 0 {
				side, rest, got = tap.provider, &down, &gotDown
			}
			n := min(len(*rest), 1+r.IntN(20))
			out, left, act := side((*rest)[:n], nil)
			*got = append(*got, out...)
			*rest = (*rest)[n-len(left):]
			if act == startBothTLS || act == awaitTLS && len(down) == 0 {
				return // TLS follows, or an end
			}
		}
		gotDown = append(gotDown, tap.leftOver(Provider)...)
		if !bytes.Equal(gotUp, allUp) || !bytes.Equal(gotDown, allDown) {
			t.Fatalf("%q and %q went on", gotUp, gotDown)
		}
	})
}

// TestAReplyWithoutEnd is not gathered, though its lines are of the right form and the reply
// is held until it is whole.
func TestAReplyWithoutEnd(t *testing.T) {
	tap := newTap(rules{edits: edits{login: true}})
	tap.provider([]byte("220 mx\r\n"), nil)
	tap.program([]byte("EHLO x\r\n"), nil)
	line, said, heard := []byte("250-"+strings.Repeat("x", 1000)+"\r\n"), 0, 0
	for range 1000 {
		on, _, _ := tap.provider(line, nil)
		said, heard = said+len(line), heard+len(on)
		if said-heard > maxReply+len(line) {
			t.Fatalf("%d octets are held", said-heard)
		}
	}
	if heard != said || tap.state != adrift || tap.reply.lines != nil {
		t.Errorf("%d of %d octets went on", heard, said)
	}
}

// TestEnoughIsExplained: a provider that refuses for ever is not explained for ever.
func TestEnoughIsExplained(t *testing.T) {
	tap := newTap(rules{})
	explained, events := 0, transcript.Transcript{}
	tap.find = func(Finding) { explained++ }
	tap.trace = func(e smtp.Event) { events = append(events, e) }
	for range 2 * maxFindings {
		tap.provider([]byte("550 5.1.1 no such user\r\n421 bye\r\n"), nil)
	}
	if explained != maxFindings || strings.Count(events.String(), "no more of it is explained") != 1 {
		t.Errorf("%d were explained", explained)
	}
}
