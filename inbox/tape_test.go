package inbox

import (
	"crypto/tls"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/parleymail/parley/smtp"
)

// event is the i-th of a long session.
func event(i int) smtp.Event {
	return smtp.Event{At: time.Unix(1_700_000_000+int64(i), 0), Did: smtp.Command, Line: fmt.Sprint("NOOP ", i)}
}

func numberOf(line string) int {
	n, _ := strconv.Atoi(strings.TrimPrefix(line, "NOOP "))
	return n
}

// What is put on a tape comes off it as it was.
func TestTape(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		var tp tape
		events := rapid.SliceOfN(rapid.Custom(drawEvent), 0, 50).Draw(r, "events")
		for _, e := range events {
			tp.add(e)
		}
		got, err := tp.transcript(7)
		if err != nil || len(got) != len(events) {
			r.Fatalf("%d of %d, %v", len(got), len(events), err)
		}
		for i, e := range events {
			e.Session = 7
			if same(e) != same(got[i]) {
				r.Fatalf("%s\n%s", same(e), same(got[i]))
			}
		}
	})
}

func same(e smtp.Event) string {
	state := "none"
	if e.TLS != nil {
		state = fmt.Sprint(e.TLS.Version, e.TLS.CipherSuite, e.TLS.ServerName, e.TLS.NegotiatedProtocol, e.TLS.DidResume)
	}
	return fmt.Sprintf("%d %d %v %v %q %t %d %v %v %s", e.At.UnixNano(), e.Session, e.Stage, e.Did, e.Line, e.Hidden, e.Size, e.Took, e.Err, state)
}

func drawEvent(r *rapid.T) smtp.Event {
	e := smtp.Event{
		At:    time.Unix(0, rapid.Int64Range(0, 1<<62).Draw(r, "at")),
		Stage: smtp.Stage(rapid.IntRange(0, int(smtp.StageQuit)).Draw(r, "stage")), Did: smtp.Did(rapid.IntRange(1, int(smtp.Closed)).Draw(r, "did")),
		Line: string(rapid.SliceOf(rapid.Byte()).Draw(r, "line")), Hidden: rapid.Bool().Draw(r, "hidden"), Took: time.Duration(rapid.Int64().Draw(r, "took")),
	}
	switch e.Did {
	case smtp.Content:
		e.Size = rapid.Int64().Draw(r, "size")
	case smtp.StartedTLS:
		e.TLS = &tls.ConnectionState{Version: tls.VersionTLS13, CipherSuite: tls.TLS_AES_128_GCM_SHA256, ServerName: rapid.String().Draw(r, "name"), DidResume: rapid.Bool().Draw(r, "resumed")}
	case smtp.Closed:
		e.Err = errors.New(rapid.String().Draw(r, "why"))
	default:
	}
	return e
}

// A tape that was written by nobody knows whom is an error, and no panic.
func FuzzTape(f *testing.F) {
	var tp tape
	for i := range 3 {
		tp.add(event(i))
	}
	tp.add(smtp.Event{At: time.Now(), Did: smtp.Closed, Err: errors.New("why")})
	f.Add(tp.head.data)
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, data []byte) {
		said, err := readTape(1, data, data, 3)
		if err != nil && said != nil {
			t.Error("an error, and something besides")
		}
	})
}
