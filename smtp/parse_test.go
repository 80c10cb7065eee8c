package smtp

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parleymail/parley/internal/secret"
)

func TestReplyIsKeptWhole(t *testing.T) {
	for _, test := range []struct {
		said string
		want Reply
		err  string
	}{
		{"250 ok\r\n", Reply{Code: 250, Lines: []string{"ok"}}, ""},
		{"250\r\n", Reply{Code: 250, Lines: []string{""}}, ""},
		{"250 \r\n", Reply{Code: 250, Lines: []string{""}}, ""},
		{"250 ok\n", Reply{Code: 250, Lines: []string{"ok"}}, ""},
		{"550-5.1.1 no such\r\n550 5.1.1 user\r\n", Reply{550, EnhancedCode{5, 1, 1}, []string{"no such", "user"}}, ""},
		{"550-\r\n550\r\n", Reply{Code: 550, Lines: []string{"", ""}}, ""},
		{"550 4.1.1 the class is another\r\n", Reply{Code: 550, Lines: []string{"4.1.1 the class is another"}}, ""},
		{"550 5.1.1234 no\r\n", Reply{Code: 550, Lines: []string{"5.1.1234 no"}}, ""},
		{"550 5.1 no\r\n", Reply{Code: 550, Lines: []string{"5.1 no"}}, ""},
		{"550 5.7.1\r\n", Reply{550, EnhancedCode{5, 7, 1}, []string{""}}, ""},
		{"535 \xb5\xc7\xc2\xbc\xca\xa7\xb0\xdc\r\n", Reply{Code: 535, Lines: []string{"\xb5\xc7\xc2\xbc\xca\xa7\xb0\xdc"}}, ""},
		{"250-a\r\n550 b\r\n", Reply{}, "changes its code from 250 to 550"},
		{"hello\r\n", Reply{}, `said "hello", which is no reply`},
		{"199 x\r\n", Reply{}, "which is no reply"},
		{"600 x\r\n", Reply{}, "which is no reply"},
		{"25 x\r\n", Reply{}, "which is no reply"},
		{"250!x\r\n", Reply{}, "a blank or - stands after the code"},
		{"\r\n", Reply{}, `said "", which is no reply`},
		{"250-a\r\n", Reply{}, "hung up"},
		{"250", Reply{}, "hung up"},
		{"", Reply{}, "hung up"},
		{strings.Repeat("250-"+strings.Repeat("x", 100)+"\r\n", 1000), Reply{}, "no end"},
		{strings.Repeat("2", 100000), Reply{}, "no end"},
	} {
		s := hearing(test.said)
		s.expect(StageMail, noPath)
		e := s.hear()
		got := ""
		if e != nil && e.Err != nil {
			got = e.Err.Error()
		}
		if test.err != "" {
			if !strings.Contains(got, test.err) || !s.lost {
				t.Errorf("%.40q: %v, want %q", test.said, e, test.err)
			}
			continue
		}
		r := s.reply.whole()
		if got != "" || r.Code != test.want.Code || r.Enhanced != test.want.Enhanced || !slices.Equal(r.Lines, test.want.Lines) {
			t.Errorf("%.40q: %+v, %v", test.said, r, e)
		}
	}
}

// hearing is a session whose server says just this.
func hearing(said string) *Session {
	s := newSession(new(Client), &canned{Reader: strings.NewReader(said)}, "mx.example:25", "mx.example")
	s.ctx = context.Background()
	return s
}

// A canned connection says what it has, and hears nothing.
type canned struct {
	io.Reader
	net.Conn
	read int
}

func (c *canned) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.read += n
	return n, err
}
func (c *canned) Write(p []byte) (int, error)      { return len(p), nil }
func (c *canned) Close() error                     { return nil }
func (c *canned) SetReadDeadline(time.Time) error  { return nil }
func (c *canned) SetWriteDeadline(time.Time) error { return nil }
func (c *canned) SetDeadline(time.Time) error      { return nil }

func TestExtensions(t *testing.T) {
	x := parseExtensions([]string{"pipelining", "SIZE 1000", "AUTH plain LOGIN", "AUTH=CRAM-MD5 LOGIN", "LIMITS RCPTMAX=5 MAILMAX=7 X=y", "XFOO bar baz", "", " 8BITMIME "})
	if !x.pipelining || !x.eightBit || x.chunking || x.size != 1000 || x.maxRcpt != 5 || x.maxMails != 7 {
		t.Errorf("%+v", x)
	}
	if want := []string{"PLAIN", "LOGIN", "CRAM-MD5", "LOGIN"}; !slices.Equal(x.auth, want) {
		t.Errorf("AUTH %q, want %q", x.auth, want)
	}
	if p, ok := x.lookup("xfoo"); !ok || p != "bar baz" {
		t.Errorf("XFOO %q %v", p, ok)
	}
	for _, size := range []string{"SIZE", "SIZE 0", "SIZE -1", "SIZE x", "SIZE 99999999999999999999"} {
		if x := parseExtensions([]string{size}); x.size != 0 {
			t.Errorf("%s: %d", size, x.size)
		}
	}
}

// Whatever a server says in place of its replies, a session comes to an end,
// reads no more than it may, and its error has nothing that moves a cursor.
func FuzzReply(f *testing.F) {
	for _, s := range []string{"250 ok\r\n", "220 x\r\n250-x\r\n250 PIPELINING\r\n", "550-5.1.1 a\r\n550 5.1.1 b\r\n", "421\r\n", "250-", "\x00\x1b[2J", "250 ok\n250", "334 VXNlcm5hbWU6\r\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, said []byte) {
		conn := &canned{Reader: bytes.NewReader(said)}
		s := newSession(new(Client), conn, "mx.example:25", "mx.example")
		s.ctx = context.Background()
		for range 5 {
			s.expect(StageMail, noPath)
			before := conn.read
			e := s.hear()
			if n := conn.read - before; n > 64<<10 {
				t.Fatalf("read %d octets for one reply", n)
			}
			if e == nil {
				continue
			}
			if text := e.Error(); Printable(text) != text {
				t.Fatalf("the error is not fit to be shown: %q", text)
			}
			if e.Uncertain() {
				t.Fatal("unknown, and nothing was sent")
			}
			if s.lost {
				return
			}
		}
	})
}

func FuzzExtensions(f *testing.F) {
	f.Add("SIZE 1000\nAUTH PLAIN LOGIN\nLIMITS RCPTMAX=1")
	f.Add("AUTH=LOGIN\n=\n \nSIZE -0")
	f.Fuzz(func(t *testing.T, lines string) {
		x := parseExtensions(strings.Split(lines, "\n"))
		if x.size < 0 || x.maxRcpt < 0 || x.maxMails < 0 {
			t.Fatalf("%+v", x)
		}
	})
}

func FuzzPrintable(f *testing.F) {
	f.Add("a\x1b[2Jb\u202ec\xff")
	f.Fuzz(func(t *testing.T, s string) {
		p := Printable(s)
		if Printable(p) != p || strings.ContainsAny(p, "\x00\x07\x1b\r\n\u202e\u2028") {
			t.Fatalf("%q became %q", s, p)
		}
	})
}

func TestRearm(t *testing.T) {
	now := time.Unix(1000, 0)
	var until time.Time
	if !rearm(&until, now, time.Minute) || until.Sub(now) < time.Minute {
		t.Error(until)
	}
	if rearm(&until, now.Add(time.Second/2), time.Minute) {
		t.Error("set anew after half a second")
	}
	if !rearm(&until, now.Add(2*time.Second), time.Minute) || until.Sub(now) < 62*time.Second {
		t.Error("too early by", until)
	}
	if !rearm(&until, now, time.Second) || until.Sub(now) > 2*time.Second {
		t.Error("a shorter wait is not kept to:", until)
	}
}

func TestErrorUnwraps(t *testing.T) {
	s := hearing("")
	s.expect(StageQuit, noPath)
	if e := s.hear(); !errors.Is(e, io.EOF) {
		t.Error(e)
	}
}

// A secret is hidden also where the line broke off in the midst of it.
func TestSecretThatWasCut(t *testing.T) {
	var s secret.List
	s.Add("hush-hush-hush")
	for line, want := range map[string]string{
		"500 what is hush-hush-hush?": "500 what is (secret)?",
		"500 what is hush-hush-":      "500 what is (secret)",
		"500 what is aHVzaC1odXNo":    "500 what is (secret)",
		"500 what is hus":             "500 what is hus",
		"500 what":                    "500 what",
	} {
		if got, _ := s.HideCut([]byte(line)); string(got) != want {
			t.Errorf("%q became %q, want %q", line, got, want)
		}
	}
}
