package talk

import (
	"bytes"
	"context"
	"encoding/base64"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtptest"
)

// TestHistoryKeepsNoPastedLogin, nor one that goes raw.
func TestHistoryKeepsNoPastedLogin(t *testing.T) {
	for _, typed := range []string{
		"AUTH LOGIN\nkim\nc2VzYW1l", "auth login\r\nc2VzYW1l", "/auth plain kim\nc2VzYW1l", "AUTH NTLM\nc2VzYW1l\nc2VzYW1l",
		`/raw NOOP\r\nAUTH PLAIN c2VzYW1l\r\n`, `/raw AUTH LOGIN\r\na2lt\r\nc2VzYW1l\r\n`, `/raw AUTH\x20PLAIN\x20c2VzYW1l\r\n`, "/raw AUTH LOGIN\\r\\n\nc2VzYW1l",
	} {
		h := openHistory(filepath.Join(t.TempDir(), "history"))
		h.add(typed)
		if all := strings.Join(h.lines, "\n"); strings.Contains(all, "c2VzYW1l") {
			t.Errorf("%q: %q", typed, all)
		}
	}
	h := openHistory("")
	h.add("EHLO me\nMAIL FROM:<a@b>")
	h.add(`/raw AUTH LOGIN\r\n`)
	if want := []string{"EHLO me", "MAIL FROM:<a@b>", `/raw AUTH LOGIN\r\n`}; !slices.Equal(h.lines, want) {
		t.Errorf("%q", h.lines)
	}
}

// TestWhoIsAheadOfALogin: lines that are said before the server asked for them, or though
// it said no, are secrets all the same.
func TestWhoIsAheadOfALogin(t *testing.T) {
	for name, say := range map[string]func(*Conversation, io.Writer){
		"raw": func(c *Conversation, server io.Writer) {
			c.Raw([]byte("AUTH LOGIN\r\na2lt\r\nb3BlbnNlc2FtZQ==\r\n"))
			io.WriteString(server, "334 VXNlcm5hbWU6\r\n334 UGFzc3dvcmQ6\r\n")
		},
		"together": func(c *Conversation, server io.Writer) {
			c.Say("AUTH LOGIN", "a2lt", "b3BlbnNlc2FtZQ==")
			io.WriteString(server, "334 VXNlcm5hbWU6\r\n334 UGFzc3dvcmQ6\r\n")
		},
		"refused": func(c *Conversation, server io.Writer) {
			c.Say("AUTH DIGEST-MD5")
			io.WriteString(server, "504 no\r\n")
			c.Until(context.Background(), Answered)
			c.Say("b3BlbnNlc2FtZQ==")
		},
		"unpadded": func(c *Conversation, server io.Writer) { c.Say("AUTH PLAIN AG9wZW5zZXNhbWUAb3BlbnNlc2FtZQ") },
	} {
		c, server, h := byHand(t, false)
		go io.Copy(io.Discard, server)
		io.WriteString(server, "220 mx\r\n")
		wait(t, c, Answered)
		say(c, server)
		io.WriteString(server, "535 5.7.8 no: b3BlbnNlc2FtZQ==, opensesame, b3BlbnNlc2F\r\n")
		wait(t, c, Answered)
		if all := h.String(); strings.Contains(all, "opensesa") || strings.Contains(all, "b3BlbnNl") {
			t.Errorf("%s:\n%s", name, all)
		}
	}
}

// TestABase64LoginGoesAsItIs: the article's, where the person has made the base64.
func TestABase64LoginGoesAsItIs(t *testing.T) {
	b64 := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	server := func(exchange ...string) string {
		return "S: 220 mx\nC: EHLO me\nS: 250-mx\nS: 250 AUTH LOGIN PLAIN\n" + strings.Join(exchange, "\n") + "\nS: 235 in\nC: QUIT\nS: 221 bye\n-- closed\n"
	}
	byLogin := func(user, pass string) string {
		return server("C: AUTH LOGIN", "S: 334 VXNlcm5hbWU6", "C: "+b64(user), "S: 334 UGFzc3dvcmQ6", "C: "+b64(pass))
	}
	byPlain := func(response string) string { return server("C: AUTH PLAIN " + b64(response)) }
	for name, test := range map[string]struct {
		typed, server string
		remark        bool
	}{
		"plain text":         {"AUTH LOGIN\nkim@example.com\nopensesame", byLogin("kim@example.com", "opensesame"), false},
		"base64":             {"AUTH LOGIN\na2ltQGV4YW1wbGUuY29t\nb3BlbnNlc2FtZQ==", byLogin("kim@example.com", "opensesame"), true},
		"of Chinese":         {"AUTH LOGIN\n" + b64("张三") + "\n" + b64("密码"), byLogin("张三", "密码"), true},
		"without padding":    {"AUTH LOGIN\nkim\nb3BlbnNlc2FtZQ", byLogin("kim", "b3BlbnNlc2FtZQ"), false},
		"of no text":         {"AUTH LOGIN\nkim\nabcdefgh", byLogin("kim", "abcdefgh"), false},
		"of control":         {"AUTH LOGIN\nkim\nAAAA", byLogin("kim", "AAAA"), false},
		"with NULs":          {"AUTH LOGIN\nkim\nAGtpbQBwYXNz", byLogin("kim", "AGtpbQBwYXNz"), false},
		"PLAIN, in text":     {"AUTH PLAIN\nkim\nopensesame", byPlain("\x00kim\x00opensesame"), false},
		"PLAIN, in one":      {"AUTH PLAIN\n" + b64("\x00kim\x00opensesame"), byPlain("\x00kim\x00opensesame"), true},
		"PLAIN, for another": {"AUTH PLAIN\n" + b64("lee\x00kim\x00opensesame"), byPlain("lee\x00kim\x00opensesame"), true},
		"PLAIN, each":        {"AUTH PLAIN\n" + b64("kim") + "\n" + b64("opensesame"), byPlain("\x00kim\x00opensesame"), true},
		"by our own command": {"/auth login\na2lt\nb3BlbnNlc2FtZQ==", byLogin("kim", "opensesame"), true},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := script(t, test.server, &typed{lines: lines("EHLO me\n" + test.typed + "\n/expect 235\nQUIT")})
			if err != nil {
				t.Errorf("%v\n%s", err, out)
			}
			if got := strings.Contains(out, "base64 already"); got != test.remark {
				t.Errorf("the remark is there: %v\n%s", got, out)
			}
			for _, secret := range []string{"opensesame", "b3BlbnNlc2FtZQ", "AGtpbQBvcGVuc2VzYW1l"} {
				if strings.Contains(out, secret) {
					t.Errorf("%q is in\n%s", secret, out)
				}
			}
		})
	}
}

// TestRawDATA: what is typed after a DATA that went raw is content too.
func TestRawDATA(t *testing.T) {
	for _, live := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			out, err := script(t, "S: 220 mx\nC: DATA\nS: 354 go\nC: Subject: x\nC: \nC: QUIT\nC: .\nS: 250 ok\nC: QUIT\nS: 221 bye\n-- closed\n",
				&typed{live: live, lines: lines("/raw DATA\\r\\n\nSubject: x\n\nQUIT\n.\nQUIT")})
			if err != nil || strings.Contains(out, "dropped") {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// TestAServerThatDoesNotListen: one who reads nothing holds up neither a script nor the end
// of a session.
func TestAServerThatDoesNotListen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, server, _ := byHand(t, false)
		io.WriteString(server, "220 mx\r\n")
		wait(t, c, Answered)
		begun := time.Now()
		if err := c.SayContent(strings.NewReader(strings.Repeat("x\n", 1<<20))); err == nil || time.Since(begun) != writeTime || !c.State().Closed {
			t.Errorf("after %v: %v", time.Since(begun), err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		client, server := smtptest.Pipe()
		go io.WriteString(server, "220 mx\r\n354 go\r\n")
		big := filepath.Join(t.TempDir(), "big")
		if err := os.WriteFile(big, bytes.Repeat([]byte("x\n"), 1<<20), 0o600); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		begun := time.Now()
		talk := &Talk{In: &typed{live: true, lines: []string{"/data " + big}}, Print: new(shown), Client: &smtp.Client{Addr: "mx.example:25",
			DialContext: func(context.Context, string, string) (net.Conn, error) { return client, nil }}}
		talk.Run(ctx)
		if waited := time.Since(begun); waited > time.Minute+4*lastWords {
			t.Errorf("Ctrl-C in the midst of a content ends it after %v", waited)
		}
		server.Close()
	})
}

// TestNoErrorHoldsASecret: a response that comes too late, for the server has gone, is not in
// the error that says so.
func TestNoErrorHoldsASecret(t *testing.T) {
	out, err := script(t, "S: 220 mx\nC: AUTH NTLM\nS: 421 not now\n-- closed\n", &typed{lines: lines("AUTH NTLM\n/wait 5\nb3BlbnNlc2FtZQ==")})
	if err == nil || strings.Contains(err.Error()+out, "b3BlbnNl") {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestChunksThatAreTyped: what is typed behind BDAT is octets, with the CRLF, and no command.
func TestChunksThatAreTyped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := smtptest.Pipe()
		got := make(chan string, 1)
		go func() {
			io.WriteString(server, "220 mx\r\n")
			defer server.Close()
			said := make([]byte, len("BDAT 15 LAST\r\nNOOP\r\n# hello\r\n"))
			io.ReadFull(server, said)
			io.WriteString(server, "250 taken\r\n")
			quit := make([]byte, len("QUIT\r\n"))
			io.ReadFull(server, quit)
			io.WriteString(server, "221 bye\r\n")
			got <- string(said) + string(quit)
		}()
		out := new(shown)
		talk := &Talk{In: &typed{lines: lines("BDAT 15 LAST\nNOOP\n# hello\nQUIT")}, Print: out, Client: &smtp.Client{Addr: "mx.example:25",
			DialContext: func(context.Context, string, string) (net.Conn, error) { return client, nil }}}
		if err := talk.Run(t.Context()); err != nil {
			t.Error(err)
		}
		if said := <-got; said != "BDAT 15 LAST\r\nNOOP\r\n# hello\r\nQUIT\r\n" || strings.Contains(out.String(), "C: NOOP") {
			t.Errorf("%q\n%s", said, out)
		}
	})
}
