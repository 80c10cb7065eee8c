package smtptest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtptest"
	"github.com/parleymail/parley/transcript"
)

// A letter is a mail with a content that is always the same.
type letter struct {
	from, to, content string
}

func newLetter() *letter {
	return &letter{"a@example.com", "b@example.net", "Subject: x\r\n\r\n.hello\r\n"}
}

func (l *letter) Envelope() (mail.Envelope, error) {
	path := func(s string) mail.Path {
		local, domain, _ := strings.Cut(s, "@")
		return mail.Path{Local: local, Domain: domain}
	}
	return mail.Envelope{ReversePath: path(l.from), Recipients: []mail.Recipient{{Path: path(l.to)}}}, nil
}

func (l *letter) Open() (mail.Content, error) { return l, nil }
func (l *letter) Close() error                { return nil }

func (l *letter) Fit(mail.Offer) (mail.Form, error) {
	return mail.Form{Size: int64(len(l.content))}, nil
}

func (l *letter) WriteTo(w io.Writer) (int64, error) {
	n, err := io.WriteString(w, l.content)
	return int64(n), err
}

// A watcher is a test that is expected to fail.
type watcher struct {
	testing.TB
	errors   []string
	cleanups []func()
}

func (w *watcher) Errorf(format string, args ...any) {
	w.errors = append(w.errors, fmt.Sprintf(format, args...))
}

func (w *watcher) Fatalf(format string, args ...any) {
	w.Errorf(format, args...)
	panic(w)
}

func (w *watcher) Cleanup(f func())  { w.cleanups = append(w.cleanups, f) }
func (w *watcher) Output() io.Writer { return io.Discard }

// watch gives what a test that does so would be told.
func watch(t *testing.T, test func(t testing.TB)) string {
	w := &watcher{TB: t}
	func() {
		defer func() {
			if r := recover(); r != nil && r != any(w) {
				panic(r)
			}
		}()
		test(w)
	}()
	for i := len(w.cleanups) - 1; i >= 0; i-- {
		w.cleanups[i]()
	}
	return strings.Join(w.errors, "\n")
}

const good = `
One mail, without extensions.

S: 220 mx.example ESMTP
C: EHLO localhost
S: 250 mx.example
C: MAIL FROM:<a@example.com>
S: 250 2.1.0 ok
C: RCPT TO:<b@example.net>
S: 250 2.1.5 ok
C: DATA
S: 354 go on
C: .
S: 250 2.0.0 queued as 42
C: QUIT
S: 221 2.0.0 bye
`

func send(t testing.TB, script string) error {
	t.Helper()
	_, err := smtptest.Play(t, script).Send(context.Background(), newLetter())
	return err
}

// TestPlay: scripts that the client keeps to.
func TestPlay(t *testing.T) {
	for name, script := range map[string]string{
		"plain":                  good,
		"without QUIT":           strings.TrimSuffix(good, "C: QUIT\nS: 221 2.0.0 bye\n"),
		"any content":            strings.Replace(good, "C: .\n", "C: (content, 99 octets)\nC: .\n", 1),
		"any content, no dot":    strings.Replace(good, "C: .\n", "C: (content)\n", 1),
		"this content":           strings.Replace(good, "C: .\n", "C: Subject: x\nC:\nC: ..hello\nC: .\n", 1),
		"some of the content":    strings.Replace(good, "C: .\n", "C: Sub*\nC: (content)\nC: .\n", 1),
		"wildcards":              strings.NewReplacer("FROM:<a@example.com>", "FROM:*", "<b@example.net>", "<*@*.net>*", "DATA", "*").Replace(good),
		"many lines":             strings.Replace(good, "S: 250 mx.example\n", "S: 250-mx.example\nS: 250-X-ONE\nS: 250 X-TWO with a parameter\n", 1),
		"windows":                strings.ReplaceAll(good, "\n", "\r\n"),
		"octet by octet":         strings.Replace(good, "S: 220 mx.example ESMTP\n", "-- raw 2\n-- raw 20\n-- raw \\x20m\n-- wait 1ms\n-- raw x\\x0d\n-- raw \\x0a\n", 1),
		"numbered":               strings.NewReplacer("C:", "3 C:", "S:", "3 S:").Replace(good),
		"remarks of a program":   strings.Replace(good, "C: MAIL", "-- the server offers no STARTTLS: going on in clear text\nC: MAIL", 1),
		"closed after QUIT":      good + "-- closed\n",
		"pipelined":              pipelined,
		"chunked":                chunked,
		"chunked, not mentioned": strings.Replace(chunked, "C: (content, 22 octets)\n", "", 1),
	} {
		t.Run(name, func(t *testing.T) {
			if err := send(t, script); err != nil {
				t.Error(err)
			}
		})
	}
}

const pipelined = `
S: 220 mx
C: EHLO localhost
S: 250-mx
S: 250 PIPELINING
C: MAIL FROM:<a@example.com>
C: RCPT TO:<b@example.net>
C: DATA
S: 250 ok
S: 250 ok
S: 354 go on
C: (content)
S: 250 taken
`

const chunked = `
S: 220 mx
C: EHLO localhost
S: 250-mx
S: 250 CHUNKING
C: MAIL FROM:<a@example.com>
S: 250 ok
C: RCPT TO:<b@example.net>
S: 250 ok
C: BDAT 22 LAST
C: (content, 22 octets)
S: 250 taken
`

// TestPlayFails: what the client does otherwise is told, with the script's line.
func TestPlayFails(t *testing.T) {
	for _, tt := range []struct{ name, script, want string }{
		{"another line", strings.Replace(good, "C: RCPT TO:<b@", "C: RCPT TO:<c@", 1),
			`smtptest: script line 9: wanted "C: RCPT TO:<c@example.net>", got "C: RCPT TO:<b@example.net>"`},
		{"another wildcard", strings.Replace(good, "C: MAIL FROM:<a@example.com>", "C: MAIL*<*@*.net>", 1),
			`smtptest: script line 7: wanted "C: MAIL*<*@*.net>", got "C: MAIL FROM:<a@example.com>"`},
		{"another content", strings.Replace(good, "C: .\n", "C: Subject: y\nC: .\n", 1),
			`smtptest: script line 13: wanted "C: Subject: y", got "C: Subject: x"`},
		{"nothing more", strings.Replace(good, "C: DATA\n", "", 1)[:strings.Index(good, "C: DATA")],
			`smtptest: after script line 10: wanted nothing more, got "C: DATA"`},
		{"too much", good + "C: NOOP\n",
			`smtptest: script line 17: wanted "C: NOOP", but the client hung up (EOF)`},
		{"another connection", "S: 220 mx\nC: EHLO localhost\nS: 554 no\n-- closed\nS: 220 mx\n",
			"smtptest: script line 5: the client never opened this connection"},
		{"no connection", "",
			"smtptest: the client opened connection 1, and the script has 0"},
		{"a content out of place", "S: 220 mx\nC: EHLO localhost\nC: (content)\n",
			"smtptest: script line 3: a content stands in the script where none is asked for: neither 354 nor BDAT goes before it"},
		{"no pipelining", strings.Replace(strings.ReplaceAll(pipelined, "S: 250-mx\nS: 250 PIPELINING", "S: 250-mx\nS: 250-PIPELINING\nS: 250 CHUNKING"), "C: RCPT TO:<b@example.net>\nC: DATA\nS: 250 ok\n", "S: 250 ok\nC: RCPT*\nC: QUIT\n", 1),
			`smtptest: script line 10: wanted "C: QUIT", got "C: BDAT 22 LAST"`},
		{"a slip of the pen", "S:220 mx\n", "smtptest: script line 1: a blank is missing after S:"},
		{"no duration", "\n-- wait long\n", `smtptest: script line 2: -- wait is followed by "long" and not by a duration such as 1m30s`},
		{"no such fault", "-- tls broken\n", `smtptest: script line 1: -- tls is followed by "broken" and not by expired, misnamed or untrusted`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := watch(t, func(t testing.TB) { send(t, tt.script) }); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// TestPlayPipeliner: a client that runs ahead is found out.
func TestPlayPipeliner(t *testing.T) {
	for _, tt := range []struct{ script, says, want string }{
		{"S: 220 mx\nC: EHLO x\nS: 250 mx\nC: MAIL\nS: 250 ok\nC: RCPT\n", "EHLO x\r\nMAIL\r\nRCPT\r\n",
			`smtptest: script line 3: the client did not wait for "S: 250 mx": it said more after EHLO`},
		{"S: 220 mx\nC: NO\nS: 250 mx\nC: MAIL\nS: 250 ok\nC: RCPT\n", "NO\r\nMAIL\r\nRCPT\r\n",
			`smtptest: script line 3: the client did not wait for "S: 250 mx" after "NO", though PIPELINING was not offered`},
		{"S: 220 mx\nC: MAIL\n", "MAIL\n", `smtptest: script line 2: wanted "C: MAIL", but the client ended "C: MAIL" by a bare LF`},
		{"S: 220 mx\nC: MAIL\n", "MA", `smtptest: script line 2: wanted "C: MAIL", but the client hung up in the midst of "C: MA" (EOF)`},
		{"S: 220 mx\nC: BDAT 5 LAST\nC: (content)\n", "BDAT 5 LAST\r\nabc", `smtptest: script line 3: wanted a chunk of 5 octets, but the client hung up within it (EOF)`},
		{"S: 220 mx\nC: STARTTLS\nS: 220 go\n-- tls\nC: x\n", "STARTTLS\r\nEHLO",
			`smtptest: script line 3: the client did not wait for "S: 220 go": it said more after STARTTLS`},
	} {
		got := watch(t, func(t testing.TB) {
			client := smtptest.Play(t, tt.script)
			conn, err := client.DialContext(context.Background(), "tcp", "mx.example:25")
			if err != nil {
				t.Fatalf("%v", err)
			}
			io.WriteString(conn, tt.says)
			conn.Close()
		})
		if got != tt.want {
			t.Errorf("%q:\ngot  %s\nwant %s", tt.says, got, tt.want)
		}
	}
}

// TestPlayFaults: what a server can do wrong, and how it looks to the client.
func TestPlayFaults(t *testing.T) {
	opening := "S: 220 mx\nC: EHLO localhost\n"
	for _, tt := range []struct {
		script string
		kind   smtp.Kind
		stage  smtp.Stage
		after  time.Duration
	}{
		{"-- refused\n", smtp.Unreachable, smtp.StageDial, 0},
		{"-- closed\n", smtp.Unreachable, smtp.StageGreeting, 0},
		{"-- reset\n", smtp.Unreachable, smtp.StageGreeting, 0},
		{"-- silence\n", smtp.Unreachable, smtp.StageGreeting, 5 * time.Minute},
		{"-- deaf\n", smtp.Unreachable, smtp.StageGreeting, 5 * time.Minute},
		{"-- closed: read tcp: i/o timeout\n", smtp.Unreachable, smtp.StageGreeting, 5 * time.Minute},
		{"-- wait 4m\nS: 554 no\n", smtp.Refused, smtp.StageGreeting, 4 * time.Minute},
		{"-- wait 6m\nS: 554 no\n", smtp.Unreachable, smtp.StageGreeting, 5 * time.Minute},
		{opening + "-- raw 250 half a l\n-- closed\n", smtp.Unreachable, smtp.StageHello, 0},
		{opening + "S: \\x00\\xff\n", smtp.Garbled, smtp.StageHello, 0},
		{opening + "S: 421 4.7.0 too many\n-- closed\n", smtp.Refused, smtp.StageHello, 0},
	} {
		t.Run(tt.script, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				err := send(t, tt.script)
				e, ok := errors.AsType[*smtp.Error](err)
				if !ok || e.Kind != tt.kind || e.Stage != tt.stage {
					t.Errorf("got %v, want %v at %v", err, tt.kind, tt.stage)
				}
				if took := time.Since(start); took < tt.after || took > tt.after+time.Minute {
					t.Errorf("took %v, want %v", took, tt.after)
				}
			})
		})
	}
}

const startTLS = `
S: 220 mx
C: EHLO localhost
S: 250-mx
S: 250 STARTTLS
C: STARTTLS
S: 220 go on
-- tls
C: EHLO localhost
S: 250 mx
C: MAIL FROM:<a@example.com>
S: 250 ok
C: RCPT TO:<b@example.net>
S: 250 ok
C: DATA
S: 354 go on
C: .
S: 250 taken
`

func TestPlayTLS(t *testing.T) {
	for name, script := range map[string]string{
		"STARTTLS":  startTLS,
		"recorded":  strings.Replace(startTLS, "-- tls", "-- TLS 1.3 started, TLS_AES_128_GCM_SHA256, certificate for mx.example until 2000-01-02", 1),
		"implicit":  "-- connected to mx.example:465\n-- tls\n" + good,
		"in bubble": "",
	} {
		t.Run(name, func(t *testing.T) {
			if script != "" {
				if err := send(t, script); err != nil {
					t.Error(err)
				}
				return
			}
			synctest.Test(t, func(t *testing.T) {
				if err := send(t, startTLS); err != nil {
					t.Error(err)
				}
			})
		})
	}
	for _, fault := range []string{"expired", "misnamed", "untrusted"} {
		t.Run(fault, func(t *testing.T) {
			e, ok := errors.AsType[*smtp.Error](send(t, "-- tls "+fault+"\n"))
			if !ok || e.Kind != smtp.Insecure || e.Stage != smtp.StageTLS {
				t.Errorf("got %v", e)
			}
			t.Log(e)
		})
	}
}

// TestPlaySeveral: two connections, one after the other and both at once.
func TestPlaySeveral(t *testing.T) {
	t.Run("in turn", func(t *testing.T) {
		client := smtptest.Play(t, good+"-- connected\n"+good)
		client.MaxMessages = 1
		for range 2 {
			if _, err := client.Send(t.Context(), newLetter()); err != nil {
				t.Error(err)
			}
		}
	})
	t.Run("at once", func(t *testing.T) {
		client := smtptest.Play(t, good+strings.NewReplacer("C:", "2 C:", "S:", "2 S:").Replace(good))
		one, err := client.Open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer one.Close()
		two, err := client.Open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer two.Close()
		for _, s := range []*smtp.Session{two, one} {
			if _, err := s.Send(t.Context(), newLetter()); err != nil {
				t.Error(err)
			}
		}
	})
}

// TestPlayTranscript: what a client printed is a script.
func TestPlayTranscript(t *testing.T) {
	var b strings.Builder
	client := smtptest.Play(t, startTLS)
	print := client.Trace
	record := transcript.Print(&b)
	client.Trace = func(e smtp.Event) { print(e); record(e) }
	if _, err := client.Send(t.Context(), newLetter()); err != nil {
		t.Fatal(err)
	}
	client.Close()
	if err := send(t, b.String()); err != nil {
		t.Errorf("%v\n%s", err, b.String())
	}
}
