package replay_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parleymail/parley/replay"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtptest"
)

// speak says the lines to a server over a connection in memory, each once the one before it was answered, and gives
// what the server said. A line "..." stands for a content with its dot.
func speak(t *testing.T, s *replay.Server, lines ...string) string {
	t.Helper()
	if err := s.Check(); err != nil {
		t.Fatal(err)
	}
	client, server := smtptest.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.ServeConn(server)
	}()
	client.SetDeadline(time.Now().Add(10 * time.Second))
	r := bufio.NewReader(client)
	var said strings.Builder
	hear := func() error {
		for {
			line, err := r.ReadString('\n')
			said.WriteString(strings.ReplaceAll(line, "\r\n", "\n"))
			if err != nil || len(line) < 4 || line[3] != '-' {
				return err
			}
		}
	}
	err := hear()
	for _, line := range lines {
		if err != nil {
			break
		}
		if line == "..." {
			line = "Subject: x\r\n\r\nhello\r\n."
		}
		io.WriteString(client, line+"\r\n")
		err = hear()
	}
	if err != nil {
		what := err.Error()
		switch {
		case errors.Is(err, io.EOF):
			what = "closed"
		case errors.Is(err, syscall.ECONNRESET):
			what = "reset"
		}
		said.WriteString("-- " + what + "\n")
	}
	client.Close()
	<-done
	return said.String()
}

// listening gives a server, and a function that gives what it told.
func listening(t *testing.T, text string) (*replay.Server, func() string) {
	t.Helper()
	var mu sync.Mutex
	var b strings.Builder
	s := &replay.Server{Transcript: parse(t, text), Departed: func(d replay.Departure) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprintf(&b, "%v: %s\n", d.Kind, d.Words.En)
		if d.Words.Zh == "" || strings.Contains(d.Words.Zh, "%") {
			t.Errorf("%v in Chinese: %q", d.Kind, d.Words.Zh)
		}
	}}
	return s, func() string {
		mu.Lock()
		defer mu.Unlock()
		return b.String()
	}
}

const shop = `
-- connected to mx.example:587
S: 220 mx.example ESMTP
C: EHLO shop.example
S: 250-mx.example
S: 250-AUTH PLAIN LOGIN
S: 250 SIZE 1000
C: AUTH PLAIN (secret)
S: 235 2.7.0 welcome
C: MAIL FROM:<shop@example.com> SIZE=5
S: 250 2.1.0 sender ok
C: RCPT TO:<kim@example.net>
S: 250 2.1.5 kim ok
C: RCPT TO:<lee@example.net>
S: 550 5.1.1 lee unknown
C: DATA
S: 354 go on
C: (content, 5 octets)
C: .
S: 250 2.0.0 taken as 1
C: QUIT
S: 221 2.0.0 bye
-- closed
`

// TestAnotherClient: each says something else than the recording, and gets what the real server said to its like.
func TestAnotherClient(t *testing.T) {
	for _, c := range []struct {
		name, text string
		lines      []string
		want, told string
	}{
		{
			"addresses have their own replies, others by their place", shop,
			[]string{"HELO x", "MAIL FROM:<me@example.org>", "RCPT TO:<LEE@example.net>", "RCPT TO:<new@example.net>", "RCPT TO:<kim@example.net>", "RCPT TO:<more@example.net>", "QUIT"},
			"220 mx.example ESMTP\n250 mx.example\n250 2.1.0 sender ok\n550 5.1.1 lee unknown\n550 5.1.1 lee unknown\n250 2.1.5 kim ok\n550 5.1.1 lee unknown\n221 2.0.0 bye\n",
			`other: the client says "HELO x", and in the recording "EHLO shop.example"
other: the client says "MAIL FROM:<me@example.org>", and in the recording "MAIL FROM:<shop@example.com> SIZE=5"
other: the client says "RCPT TO:<new@example.net>", and in the recording "RCPT TO:<lee@example.net>"
more: the recording has no more replies to "RCPT TO:<more@example.net>": its last is said again
unsaid: the client left, and in the recording it went on with "DATA"
`,
		},
		{
			"LOGIN for PLAIN", shop,
			[]string{"EHLO shop.example", "AUTH LOGIN", "dXNlcg==", "cGFzcw==", "MAIL FROM:<shop@example.com>", "RCPT TO:<kim@example.net>", "DATA", "...", "QUIT"},
			"220 mx.example ESMTP\n250-mx.example\n250-AUTH PLAIN LOGIN\n250 SIZE 1000\n334 VXNlcm5hbWU6\n334 UGFzc3dvcmQ6\n235 2.7.0 welcome\n250 2.1.0 sender ok\n250 2.1.5 kim ok\n354 go on\n250 2.0.0 taken as 1\n221 2.0.0 bye\n",
			"mechanism: the client logs in by \"LOGIN\", and in the recording by \"PLAIN\"\n",
		},
		{
			"PLAIN without an initial response, and taken back", shop,
			[]string{"EHLO shop.example", "AUTH PLAIN", "*", "AUTH PLAIN", "AGEAYg==", "NOOP", "RSET"},
			"220 mx.example ESMTP\n250-mx.example\n250-AUTH PLAIN LOGIN\n250 SIZE 1000\n334 \n501 5.7.0 parley replay: the login is taken back\n334 \n235 2.7.0 welcome\n250 2.0.0 ok\n250 2.0.0 ok\n",
			"more: the recording has no more replies to \"AUTH PLAIN\": its last is said again\nunsaid: the client left, and in the recording it went on with \"MAIL FROM:<shop@example.com> SIZE=5\"\n",
		},
		{
			"SCRAM cannot be proved", shop,
			[]string{"EHLO shop.example", "AUTH SCRAM-SHA-256 biwsbj11c2VyLHI9cm9wcm5HZndFYmVSV2diTkVrcU8=", "eD15"},
			"220 mx.example ESMTP\n250-mx.example\n250-AUTH PLAIN LOGIN\n250 SIZE 1000\n334 (secret)\n535 5.7.8 parley replay: by this mechanism the server must prove that it knows the password\n",
			"mechanism: the client logs in by \"SCRAM-SHA-256\", and in the recording by \"PLAIN\"\nunproved: by \"SCRAM-SHA-256\" the server must prove that it knows the password, and it does not: the login fails here, though it did not in the recording\nunsaid: the client left, and in the recording it went on with \"MAIL FROM:<shop@example.com> SIZE=5\"\n",
		},
		{
			"BDAT for DATA", shop,
			[]string{"EHLO shop.example", "MAIL FROM:<shop@example.com>", "RCPT TO:<kim@example.net>", "BDAT 7\r\nhello", "BDAT 0 LAST", "VRFY kim"},
			"220 mx.example ESMTP\n250-mx.example\n250-AUTH PLAIN LOGIN\n250 SIZE 1000\n250 2.1.0 sender ok\n250 2.1.5 kim ok\n250 2.0.0 7 octets\n250 2.0.0 taken as 1\n502 5.5.1 parley replay: the recording has no reply to this\n",
			"unknown: the recording has no reply to \"VRFY kim\"\n",
		},
		{
			"DATA for BDAT", "S: 220 mx\nC: EHLO a\nS: 250 CHUNKING\nC: MAIL FROM:<a@b.c>\nC: RCPT TO:<d@e.f>\nC: BDAT 5 LAST\nC: (content, 5 octets)\nS: 250 one\nS: 250 two\nS: 554 no spam\n",
			[]string{"EHLO a", "MAIL FROM:<a@b.c>", "RCPT TO:<d@e.f>", "DATA", "..."},
			"220 mx\n250 CHUNKING\n250 one\n250 two\n354 go ahead\n554 no spam\n", "",
		},
		{
			"verbs that the recording has not", "S: 220 mx\nC: EHLO a\nS: 250 mx\n",
			[]string{"EHLO a", "MAIL FROM:<a@b.c>", "AUTH PLAIN", "XYZZY", "STARTTLS", "QUIT"},
			"220 mx\n250 mx\n451 4.3.0 parley replay: the recording ends before this\n454 4.7.0 parley replay: the recording has no login\n502 5.5.1 parley replay: the recording has no reply to this\n502 5.5.1 parley replay: the recording has no reply to this\n221 2.0.0 bye\n",
			"unknown: the recording has no reply to \"MAIL FROM:<a@b.c>\"\nunknown: the recording has no reply to \"AUTH PLAIN\"\nunknown: the recording has no reply to \"(secret)\"\nunknown: the recording has no reply to \"STARTTLS\"\n",
		},
		{
			"what a proxy kept from its program", "-- connected from 192.0.2.1:9\n-- TLS 1.3 started, with the provider\nS: 220 mx\nC: EHLO a\nS: 250-mx\nS: 250-SIZE 5\nS: 250-CHUNKING\nS: 250 AUTH PLAIN\n-- the program is not told of AUTH, CHUNKING\nC: QUIT\nS: 221 bye\n",
			[]string{"EHLO a", "QUIT"}, "220 mx\n250-mx\n250 SIZE 5\n221 bye\n", "",
		},
		{
			"LMTP has a verdict for each", "S: 220 mx\nC: LHLO a\nS: 250 mx\nC: MAIL FROM:<a@b.c>\nS: 250 ok\nC: RCPT TO:<d@e.f>\nS: 250 ok\nC: RCPT TO:<g@e.f>\nS: 250 ok\nC: DATA\nS: 354 go\nC: (content)\nC: .\nS: 250 first\nS: 452 second\n",
			[]string{"LHLO a", "MAIL FROM:<a@b.c>", "RCPT TO:<d@e.f>", "DATA", "..."},
			"220 mx\n250 mx\n250 ok\n250 ok\n354 go\n250 first\n", "",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, told := listening(t, c.text)
			s.Users = map[string]string{"somebody": "else"}
			got := speak(t, s, c.lines...)
			got = scramChallenge(got)
			if got != c.want {
				t.Errorf("it said\n%swant\n%s", got, c.want)
			}
			if c.told != "" && told() != c.told {
				t.Errorf("it told\n%swant\n%s", told(), c.told)
			}
		})
	}
}

// scramChallenge takes what is random out of a challenge.
func scramChallenge(said string) string {
	lines := strings.SplitAfter(said, "\n")
	for i, l := range lines {
		if strings.HasPrefix(l, "334 cj") {
			lines[i] = "334 (secret)\n"
		}
	}
	return strings.Join(lines, "")
}

// TestEndings: the server ends as it did.
func TestEndings(t *testing.T) {
	const begin = "-- connected to mx:25\nS: 220 mx\nC: EHLO a\nS: 250 mx\n"
	for _, c := range []struct {
		name, text string
		lines      []string
		want       string
	}{
		{"hangs up in place of a reply", begin + "C: MAIL FROM:<a@b.c>\n-- closed: the server hung up: EOF", []string{"EHLO a", "MAIL FROM:<x@y.z>"}, "220 mx\n250 mx\n-- closed\n"},
		{"cuts the connection", begin + "C: MAIL FROM:<a@b.c>\n-- closed: read tcp: connection reset by peer", []string{"EHLO a", "MAIL FROM:<x@y.z>"}, "220 mx\n250 mx\n-- reset\n"},
		{"says 421 and goes", begin + "C: MAIL FROM:<a@b.c>\nS: 421 4.3.2 later\n-- closed: EOF", []string{"EHLO a", "MAIL FROM:<x@y.z>", "QUIT"}, "220 mx\n250 mx\n421 4.3.2 later\n-- closed\n"},
		{"says 421 unasked", begin + "S: 421 4.4.2 idle\n-- closed: EOF", []string{"EHLO a", "NOOP"}, "220 mx\n250 mx\n421 4.4.2 idle\n"},
		{"refuses at the greeting", "-- connected to mx:25\nS: 554 5.7.1 blocked\n-- closed: EOF", []string{"EHLO a"}, "554 5.7.1 blocked\n-- closed\n"},
		{"hangs up before the greeting", "-- connected to mx:25\n-- closed: the server hung up: EOF", nil, "-- closed\n"},
		{"hangs up in the content", begin + "C: DATA\nS: 354 go\n-- closed: write: broken pipe", []string{"EHLO a", "DATA", "..."}, "220 mx\n250 mx\n354 go\n-- reset\n"},
		{"the client's own end is not played", "-- connected from 192.0.2.1:9\n" + strings.TrimPrefix(begin, "-- connected to mx:25\n") + "-- closed: the client hung up midway", []string{"EHLO a", "NOOP"}, "220 mx\n250 mx\n250 2.0.0 ok\n"},
		{"a script's reset", begin + "-- reset", []string{"EHLO a", "NOOP"}, "220 mx\n250 mx\n-- reset\n"},
		{"the end of a conversation alone", "C: MAIL FROM:<a@b.c>\nS: 550 no\n", []string{"MAIL FROM:<a@b.c>"}, "220 parley replay ESMTP\n550 no\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, _ := listening(t, c.text)
			if got := speak(t, s, c.lines...); got != c.want {
				t.Errorf("it said\n%swant\n%s", got, c.want)
			}
		})
	}
}

// TestSilence: where the server fell silent nothing comes, until the client goes.
func TestSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := listening(t, "S: 220 mx\nC: EHLO a\nS: 250 mx\nC: MAIL FROM:<a@b.c>\n-- closed: read tcp: i/o timeout")
		if err := s.Check(); err != nil {
			t.Fatal(err)
		}
		client, server := smtptest.Pipe()
		go s.ServeConn(server)
		io.WriteString(client, "EHLO a\r\nMAIL FROM:<a@b.c>\r\n")
		client.SetReadDeadline(time.Now().Add(24 * time.Hour))
		began := time.Now()
		got, err := io.ReadAll(client)
		if string(got) != "220 mx\r\n250 mx\r\n" || err == nil || time.Since(began) < 24*time.Hour {
			t.Errorf("%q, %v after %v", got, err, time.Since(began))
		}
		client.Close()
		synctest.Wait()
	})
}

// TestIdleGoodbye: a server that hung up on who was idle gives the next one as much time, where Times are kept.
func TestIdleGoodbye(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := parse(t, "-- connected to mx:25\nS: 220 mx\nC: EHLO a\nS: 250 mx\nS: 421 4.4.2 idle\n-- closed: EOF")
		for i := range tr {
			tr[i].At = time.Now().Add(time.Duration(i) * time.Second)
		}
		tr[4].At = tr[3].At.Add(5 * time.Minute)
		s := &replay.Server{Transcript: tr, Times: true}
		if err := s.Check(); err != nil {
			t.Fatal(err)
		}
		client, server := smtptest.Pipe()
		go s.ServeConn(server)
		io.WriteString(client, "EHLO a\r\n")
		began := time.Now()
		got, err := io.ReadAll(client)
		if string(got) != "220 mx\r\n250 mx\r\n421 4.4.2 idle\r\n" || err != nil || time.Since(began) != 5*time.Minute {
			t.Errorf("%q, %v after %v", got, err, time.Since(began))
		}
	})
}

// TestPauseEnds: a session that takes its time ends with the server, and with its client.
func TestPauseEnds(t *testing.T) {
	for name, end := range map[string]func(*replay.Server, net.Conn){
		"closed":           func(s *replay.Server, _ net.Conn) { s.Close() },
		"the client hangs": func(_ *replay.Server, client net.Conn) { client.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tr := parse(t, "-- connected to mx:25\nS: 220 mx\nC: EHLO a\nS: 250 mx\n")
				tr[3].Took = time.Hour
				s := &replay.Server{Transcript: tr, Times: true}
				if err := s.Check(); err != nil {
					t.Fatal(err)
				}
				client, server := smtptest.Pipe()
				done := make(chan struct{})
				go func() {
					defer close(done)
					s.ServeConn(server)
				}()
				io.WriteString(client, "EHLO a\r\n")
				synctest.Wait()
				began := time.Now()
				end(s, client)
				<-done
				if took := time.Since(began); took > 0 {
					t.Errorf("the session ended after %v", took)
				}
			})
		})
	}
}

// TestStrict: what is not in the recording ends the session, and so does what is not in its order.
func TestStrict(t *testing.T) {
	for _, c := range []struct {
		lines []string
		want  string
	}{
		{[]string{"EHLO other.example", "AUTH PLAIN AGEAYg==", "MAIL FROM:<shop@example.com> SIZE=99", "RCPT TO:<kim@example.net>", "RCPT TO:<lee@example.net>", "DATA", "...", "QUIT"}, "221 2.0.0 bye\n"},
		{[]string{"EHLO shop.example", "MAIL FROM:<shop@example.com>"}, "554 5.5.0 parley replay: the client departed from the recording: the client says \"MAIL FROM:<shop@example.com>\", and in the recording \"AUTH PLAIN (secret)\" came first\n-- closed\n"},
		{[]string{"EHLO shop.example", "AUTH LOGIN"}, "554 5.5.0 parley replay: the client departed from the recording: the client logs in by \"LOGIN\", and in the recording by \"PLAIN\"\n-- closed\n"},
		{[]string{"EHLO shop.example", "NOOP"}, "554 5.5.0 parley replay: the client departed from the recording: the recording has no reply to \"NOOP\"\n-- closed\n"},
	} {
		s, _ := listening(t, shop)
		s.Strict = true
		got := speak(t, s, append(c.lines, "QUIT")...)
		if !strings.HasSuffix(strings.TrimSuffix(got, "-- closed\n"), strings.TrimSuffix(c.want, "-- closed\n")) {
			t.Errorf("%q: it said\n%s", c.lines, got)
		}
	}
}

// TestSessions: the n-th connection plays the n-th session, then they begin anew; with Once that is all.
func TestSessions(t *testing.T) {
	const two = "-- connected to mx:25\nS: 220 first\nC: QUIT\nS: 221 bye\n-- closed\n-- connected to mx:25\nS: 450 second\nC: QUIT\nS: 221 bye\n-- closed\n"
	s, _ := listening(t, two)
	for _, want := range []string{"220 first\n", "450 second\n", "220 first\n"} {
		if got := speak(t, s); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	s, _ = listening(t, two)
	s.Once = true
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	for _, want := range []string{"220 first\r\n", "450 second\r\n"} {
		conn, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		line, err := bufio.NewReader(conn).ReadString('\n')
		if line != want || err != nil {
			t.Errorf("got %q, %v", line, err)
		}
		conn.Close()
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	if s.Close(); s.Sessions() != 2 {
		t.Error(s.Sessions())
	}
}

// TestSecurity: TLS can be had otherwise than it was recorded; what was said within it is said all the same.
func TestSecurity(t *testing.T) {
	const secure = "-- connected to mx:587\nS: 220 mx\nC: EHLO a\nS: 250-mx\nS: 250 STARTTLS\nC: STARTTLS\nS: 220 go\n-- TLS 1.3 started\nC: EHLO a\nS: 250-mx\nS: 250-STARTTLS\nS: 250 AUTH PLAIN\nC: QUIT\nS: 221 bye\n-- closed\n"
	s, _ := listening(t, secure)
	s.Security = smtp.Plaintext
	if got := speak(t, s, "EHLO a", "STARTTLS", "QUIT"); got != "220 mx\n250-mx\n250 AUTH PLAIN\n502 5.5.1 parley replay: TLS is not offered\n221 bye\n" {
		t.Errorf("it said\n%s", got)
	}
	for security, want := range map[smtp.Security]smtp.Security{
		smtp.Automatic: smtp.StartTLS, smtp.ImplicitTLS: smtp.ImplicitTLS, smtp.Plaintext: smtp.Plaintext,
	} {
		p := play(t, &replay.Server{Transcript: parse(t, secure), Security: security})
		client := p.client()
		if p.Speaks() != want {
			t.Errorf("%v: it speaks %v", security, p.Speaks())
		}
		session, err := client.Open(t.Context())
		if err != nil {
			t.Fatalf("%v: %v", security, err)
		}
		if _, ok := session.Extension("AUTH"); !ok {
			t.Errorf("%v: no AUTH", security)
		}
		session.Close()
		client.Close()
	}
}

// TestNothingToPlay: what is no conversation is said at once.
func TestNothingToPlay(t *testing.T) {
	s := &replay.Server{Transcript: parse(t, "C: EHLO a\n-- note\n")}
	if err := s.Check(); !errors.Is(err, replay.ErrNothing) {
		t.Error(err)
	}
}

// TestNoSecretIsTold: what a client says to log in stands in no event and no departure.
func TestNoSecretIsTold(t *testing.T) {
	var mu sync.Mutex
	var told strings.Builder
	trace := func(e smtp.Event) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprintf(&told, "%+v\n", e)
	}
	departed := func(d replay.Departure) { trace(smtp.Event{Line: fmt.Sprintf("%+v", d)}) }
	const password = "AGtpbQBvcGVuc2VzYW1l"
	const refused = "-- connected to mx:25\nS: 220 mx\nC: EHLO a\nS: 250 mx\nC: AUTH LOGIN\nS: 504 5.5.4 no\nC: XLOGIN\nS: 334 VXNlcm5hbWU6\n"
	listen := func(text string, lines ...string) {
		told.Reset()
		speak(t, &replay.Server{Transcript: parse(t, text), Trace: trace, Departed: departed}, lines...)
		if strings.Contains(told.String(), password) {
			t.Errorf("it is told of %q:\n%s", lines, told.String())
		}
	}
	for _, lines := range [][]string{
		{"EHLO a", "AUTH PLAIN " + password}, {"EHLO a", "AUTH PLAIN", password}, {"EHLO a", "AUTH LOGIN", password, password},
		{"EHLO a", "AUTH " + password}, {"EHLO a", "AUTH NTLM " + password, password}, {"EHLO a", "AUTH", password}, {"EHLO a", "AUTH XOAUTH2 " + password, ""},
		// What a client says that runs on: LOGIN's name, and then its password.
		{"EHLO a", "AUTH NTLM", password, password, password}, {"EHLO a", "AUTH PLAIN " + password, password, password},
		{"EHLO a", "AUTH LOGIN", "*", password, password}, {"EHLO a", "\"AUTH PLAIN " + password},
	} {
		for _, text := range []string{shop, refused} {
			listen(text, lines...)
		}
	}
	listen(refused, "EHLO a", "XLOGIN", password, password)
}
