package talk

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtptest"
	"github.com/parleymail/parley/transcript"
)

// heard keeps the turns of a conversation.
type heard struct {
	mu    sync.Mutex
	turns []Turn
}

func (h *heard) tell(t Turn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.turns = append(h.turns, t)
}

func (h *heard) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var b strings.Builder
	for _, t := range h.turns {
		b.WriteString(transcript.Line(t.Event) + "\n")
	}
	return b.String()
}

// byHand is a conversation whose other side the test plays.
func byHand(t *testing.T, secure bool) (*Conversation, net.Conn, *heard) {
	t.Helper()
	client, server := smtptest.Pipe()
	h := new(heard)
	c, err := Converse(t.Context(), client, secure, Options{Host: "mx.example", Tell: h.tell})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); server.Close() })
	return c, server, h
}

func wait(t *testing.T, c *Conversation, wanted func(*State) bool) State {
	t.Helper()
	s, err := c.Until(t.Context(), wanted)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestInjectionBehindSTARTTLS: octets that come with the 220 in clear text close the
// connection. Nothing of them is heard, and no handshake is begun.
func TestInjectionBehindSTARTTLS(t *testing.T) {
	c, server, h := byHand(t, false)
	go func() {
		io.WriteString(server, "220 mx\r\n")
		got := make([]byte, 10)
		io.ReadFull(server, got)
		io.WriteString(server, "220 go ahead\r\n250 injected\r\n")
	}()
	wait(t, c, Answered)
	c.Say("STARTTLS")
	s := wait(t, c, func(*State) bool { return false })
	e, ok := errors.AsType[*smtp.Error](c.Err())
	if !s.Closed || !ok || e.Kind != smtp.Insecure || e.Stage != smtp.StageTLS || !errors.Is(e.Err, errInjected) {
		t.Errorf("%+v: %v", s, c.Err())
	}
	if strings.Contains(h.String(), "injected") || s.TLS {
		t.Error(h.String())
	}
}

// TestBoundedReply: a reply without end is given up after 64 KiB.
func TestBoundedReply(t *testing.T) {
	for _, endless := range []string{"250-and so on\r\n", "x"} {
		c, server, _ := byHand(t, false)
		sent := 0
		done := make(chan struct{})
		go func() {
			defer close(done)
			for sent < 1<<20 {
				n, err := io.WriteString(server, endless)
				sent += n
				if err != nil {
					return
				}
			}
		}()
		wait(t, c, func(*State) bool { return false })
		if e, ok := errors.AsType[*smtp.Error](c.Err()); !ok || e.Kind != smtp.Garbled {
			t.Errorf("%q: %v", endless, c.Err())
		}
		<-done
		if sent >= 1<<20 {
			t.Errorf("%q: all of it was taken", endless)
		}
	}
}

// TestRepliesAreLaidToTheirCommands, however they come.
func TestRepliesAreLaidToTheirCommands(t *testing.T) {
	c, server, h := byHand(t, false)
	go func() {
		for _, b := range []byte("220 mx\r\n250-mx\r\n250 PIPELINING\r\n250 ok\n550\r\n354\r\n") {
			server.Write([]byte{b})
		}
		io.Copy(io.Discard, server)
	}()
	if err := c.Say("EHLO me", "MAIL FROM:<>", "RCPT TO:<a@b>", "DATA"); err != nil {
		t.Fatal(err)
	}
	s := wait(t, c, Answered)
	if !s.Greeted || s.Hello != "EHLO" || !s.Mail || s.Rcpt != 0 || !s.Data || s.Last.Code != 354 {
		t.Errorf("%+v", s)
	}
	var to []string
	for _, turn := range h.turns {
		if turn.Did == smtp.Answer {
			to = append(to, turn.To)
		}
	}
	if want := []string{greeting, "EHLO", "EHLO", "MAIL", "RCPT", "DATA"}; !slices.Equal(to, want) {
		t.Errorf("%q", to)
	}
}

// TestNoSecretIsTold, typed by whatever way, and though the server says it back.
func TestNoSecretIsTold(t *testing.T) {
	for name, say := range map[string]func(*Conversation){
		"initial":  func(c *Conversation) { c.Say("AUTH PLAIN AGtpbQBvcGVuc2VzYW1l") },
		"spaces":   func(c *Conversation) { c.Say("  auth\tplain   AGtpbQBvcGVuc2VzYW1l  ") },
		"raw":      func(c *Conversation) { c.Raw([]byte("AUTH PLAIN AGtpbQBvcGVuc2VzYW1l\r\n")) },
		"pieces":   func(c *Conversation) { c.Raw([]byte("AUTH PLAIN AGtpbQBvc")); c.Raw([]byte("GVuc2VzYW1l\r\n")) },
		"response": func(c *Conversation) { c.state.Exchange = true; c.Say("b3BlbnNlc2FtZQ==") },
		"rawed": func(c *Conversation) {
			c.state.Exchange = true
			c.Raw([]byte("b3BlbnNl"))
			c.Raw([]byte("c2FtZQ==\r\n"))
		},
	} {
		c, server, h := byHand(t, false)
		go io.Copy(io.Discard, server)
		io.WriteString(server, "220 mx\r\n")
		wait(t, c, Answered)
		say(c)
		io.WriteString(server, "535 5.7.8 no: AUTH PLAIN AGtpbQBvcGVuc2VzYW1l, b3BlbnNlc2FtZQ==, opensesame, and opensesa too\r\n")
		wait(t, c, Answered)
		secrets := []string{"opensesa", "b3Blbn"}
		if name != "response" && name != "rawed" { // there it cannot be known what PLAIN would be
			secrets = append(secrets, "AGtpbQBvc", "BvcGVu")
		}
		for _, secret := range secrets {
			if strings.Contains(h.String(), secret) {
				t.Errorf("%s: %q is in\n%s", name, secret, h.String())
			}
		}
	}
}

// TestChunks: octets that BDAT announced are no commands, and the reply comes behind them.
func TestChunks(t *testing.T) {
	c, server, h := byHand(t, false)
	go io.Copy(io.Discard, server)
	io.WriteString(server, "220 mx\r\n")
	wait(t, c, Answered)
	c.Say("BDAT 12 LAST")
	c.Raw([]byte("VRFY root\r\n\nNOOP\r\n"))
	io.WriteString(server, "250 ok\r\n250 noop\r\n")
	s := wait(t, c, Answered)
	if s.LastTo != "NOOP" || s.Chunk != 0 || !strings.Contains(h.String(), "C: (content, 12 octets)\nC: NOOP\n") {
		t.Errorf("%+v\n%s", s, h.String())
	}
}

// TestSayContent doubles dots, makes line ends CRLF, and never ends what fails midway.
func TestSayContent(t *testing.T) {
	c, server, _ := byHand(t, false)
	got := make(chan []byte, 1)
	go func() {
		io.WriteString(server, "220 mx\r\n")
		all, _ := io.ReadAll(server)
		got <- all
	}()
	wait(t, c, Answered)
	if err := c.SayContent(strings.NewReader("a\n.b\r.\r\n\r\nc")); err != nil {
		t.Error(err)
	}
	c.Close()
	if all := string(<-got); all != "a\r\n..b\r\n..\r\n\r\nc\r\n.\r\n" {
		t.Errorf("%q", all)
	}
	c, server, _ = byHand(t, false)
	go func() {
		all, _ := io.ReadAll(server)
		got <- all
	}()
	err := c.SayContent(io.MultiReader(strings.NewReader("half\n"), errorReader{}))
	if all := string(<-got); err == nil || strings.Contains(all, "\r\n.\r\n") || !c.State().Closed {
		t.Errorf("%v: %q", err, all)
	}
	if err := CheckContent(strings.NewReader("a\x00")); err == nil {
		t.Error("a NUL was let through")
	}
}

type errorReader struct{}

func (errorReader) Read([]byte) (int, error) { return 0, errors.New("the disk is on fire") }

// TestCRLF: however a content is cut, its line ends come out the same.
func FuzzCRLF(f *testing.F) {
	f.Add([]byte("a\r\nb\rc\n\r\r\n"), uint8(3))
	f.Fuzz(func(t *testing.T, content []byte, size uint8) {
		want := strings.NewReplacer("\r\n", "\r\n", "\r", "\r\n", "\n", "\r\n").Replace(string(content))
		var got bytes.Buffer
		if err := copyCRLF(&got, &chunked{content, int(size)%7 + 1}); err != nil || got.String() != want {
			t.Errorf("%q: %q, and not %q: %v", content, got.String(), want, err)
		}
	})
}

// chunked gives its octets a few at a time.
type chunked struct {
	rest []byte
	size int
}

func (c *chunked) Read(p []byte) (int, error) {
	if len(c.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), c.size)], c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

func TestUnescape(t *testing.T) {
	for in, want := range map[string]string{
		``: "", `abc`: "abc", `a\r\n`: "a\r\n", `\x00\xfF\0`: "\x00\xff\x00", `\\r\"\t`: "\\r\"\t",
		`\`: "!", `\x1`: "!", `\xzz`: "!", `\u0041`: "!",
	} {
		got, err := Unescape(in)
		if (err != nil) != (want == "!") || err == nil && string(got) != want {
			t.Errorf("%s: %q, %v", in, got, err)
		}
	}
}

// TestAPersonWaitsAsLongAsTheyLike, and a script as long as it is told to.
func TestAPersonWaitsAsLongAsTheyLike(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		_, err := script(t, "S: 220 mx\nC: DATA\n-- wait 20m\nS: 354 go on\nC: x\nC: .\nS: 250 ok\nC: QUIT\nS: 221 bye\n-- closed\n",
			&typed{live: true, lines: lines("DATA\nx\n.\nQUIT")})
		if err != nil || time.Since(start) < 20*time.Minute {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
	})
	for given, want := range map[time.Duration]time.Duration{0: scriptTime, 10 * time.Second: 10 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			_, err := script(t, "S: 220 mx\nC: NOOP\n-- silence\n", &typed{lines: lines("NOOP\nQUIT")}, func(t *Talk) { t.Timeout = given })
			e, ok := errors.AsType[*smtp.Error](err)
			if waited := time.Since(start); !ok || e.Kind != smtp.Unreachable || waited != want {
				t.Errorf("after %v: %v", waited, err)
			}
		})
	}
}

// TestAPersonIsNotKeptFromTyping by a reply that does not come.
func TestAPersonIsNotKeptFromTyping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := &typed{live: true, lines: []string{"NOOP"}, end: ErrInterrupted}
		start := time.Now()
		_, err := script(t, "S: 220 mx\nC: NOOP\n-- silence\n", in)
		if waited := time.Since(start); err != nil || waited > patience+lastWords || len(in.asked) != 2 {
			t.Errorf("after %v: %v, asked %d times", waited, err, len(in.asked))
		}
	})
}

// TestACancelledScriptSaysGoodbye.
func TestACancelledScriptSaysGoodbye(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := new(shown)
		client := smtptest.Play(t, "S: 220 mx\nC: NOOP\n-- wait 3s\nS: 250 ok\nC: QUIT\nS: 221 bye\n-- closed\n")
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		talk := &Talk{Client: client, In: &typed{lines: lines("NOOP\nVRFY root")}, Print: out}
		e, ok := errors.AsType[*smtp.Error](talk.Run(ctx))
		if !ok || e.Kind != smtp.Interrupted || !strings.Contains(out.String(), "C: QUIT\n") || strings.Contains(out.String(), "VRFY") {
			t.Errorf("%v\n%s", e, out)
		}
	})
}
