package smtpd_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtpd"
	"github.com/parleymail/parley/smtptest"
	"github.com/parleymail/parley/transcript"
)

// TestTransaction: all that a client says of a mail is there for Data.
func TestTransaction(t *testing.T) {
	authority := smtptest.NewAuthority(t)
	srv, kept := newServer(t, "accounts")
	srv.TLS = tlsOf(authority)
	client := dial(t, srv, authority)
	client.Auth = password("tulip-tulip")
	client.Hello = "client.example"
	sent := &mail.Raw{
		Env: mail.Envelope{
			ReversePath: mail.Path{Local: "会计", Domain: "例子.中国"},
			Recipients: []mail.Recipient{
				{Path: mail.Path{Local: "ann b", Domain: "example.net"}, Notify: mail.NotifySuccess | mail.NotifyDelay, Original: "rfc822;Ann+b=c@example.net"},
				{Path: mail.Path{Local: "bob", Domain: "[IPv6:2001:db8::1]"}, Notify: mail.NotifyNever},
			},
			Return: mail.ReturnHeader, ID: "QQ+314 =", RequireTLS: true,
		},
		Data: []byte("Subject: 对账单\r\n\r\n你好\r\n"),
	}
	if _, err := client.Send(t.Context(), sent); err != nil {
		t.Fatal(err)
	}
	got := kept.mails[0]
	if fmt.Sprintf("%+v", got.Envelope) != fmt.Sprintf("%+v", sent.Env) {
		t.Errorf("the envelope is\n%+v, want\n%+v", got.Envelope, sent.Env)
	}
	if !got.EightBit || !got.UTF8 || got.Size != int64(len(sent.Data)) {
		t.Errorf("EightBit %v, UTF8 %v, Size %d", got.EightBit, got.UTF8, got.Size)
	}
	s := got.Session
	if s.Hello() != "client.example" || s.User() != "kim" || s.TLS() == nil || s.Number() != 1 || s.Protocol() != "ESMTPSA" {
		t.Errorf("hello %q, user %q, number %d, protocol %q", s.Hello(), s.User(), s.Number(), s.Protocol())
	}
	if s.RemoteAddr().String() == s.LocalAddr().String() {
		t.Error("both ends have the same address")
	}
	if content, _ := kept.last(); content != string(sent.Data) {
		t.Errorf("kept %q", content)
	}
	want := "Received: from client.example ([127.0.0.1])\r\n\tby mx.example with UTF8SMTPSA id 42\r\n;\r\n\tSun, 22 Nov 2026 10:00:00 +0800\r\n"
	want = strings.Replace(want, "\r\n;", ";", 1)
	at := time.Date(2026, 11, 22, 10, 0, 0, 0, time.FixedZone("", 8*3600))
	if got := got.Received("42", at); got != want {
		t.Errorf("Received is\n%q, want\n%q", got, want)
	}
}

// TestSubmitter: AUTH= is believed of a client that is known, and of no other.
func TestSubmitter(t *testing.T) {
	for _, known := range []bool{false, true} {
		srv, kept := newServer(t, "accounts", "cleartext")
		c := hello(t, srv)
		if known {
			c.say("AUTH PLAIN AGtpbQB0dWxpcC10dWxpcA==\r\n")
			c.want(t, "235")
		}
		c.say("MAIL FROM:<a@example.com> AUTH=e+3Dmc2@example.com\r\nRCPT TO:<kim@example.net>\r\nBDAT 0 LAST\r\n")
		for range 3 {
			c.want(t, "250")
		}
		want := mail.Path{}
		if known {
			want = mail.Path{Local: "e=mc2", Domain: "example.com"}
		}
		if got := kept.mails[0].Submitter; got != want {
			t.Errorf("known %v: the submitter is %v", known, got)
		}
	}
}

// TestReceived: whatever the client says it is called, the field stays one field.
func TestReceived(t *testing.T) {
	tests := []struct{ hello, addr, rcpts, want string }{
		{"HELO a", "192.0.2.1:25", "<kim@example.net>", "from a ([192.0.2.1])\r\n\tby mx.example with SMTP\r\n\tfor <kim@example.net>;"},
		{"EHLO (b)", "[2001:db8::1]:25", "<kim@example.net> <ann@example.net>", "from ?b? ([IPv6:2001:db8::1])\r\n\tby mx.example with ESMTP;"},
		{"EHLO 财务", "[::ffff:192.0.2.1]:25", `<"a b"@example.net>`, "from ?? ([192.0.2.1])\r\n\tby mx.example with ESMTP\r\n\tfor <\"a b\"@example.net>;"},
	}
	for _, test := range tests {
		srv, kept := newServer(t)
		c, theirs := pair()
		go func() {
			c.why <- srv.ServeConn(from{theirs, net.TCPAddrFromAddrPort(netip.MustParseAddrPort(test.addr))})
		}()
		c.want(t, "220")
		lines := []string{test.hello, "MAIL FROM:<a@example.com>"}
		for r := range strings.SplitSeq(strings.ReplaceAll(test.rcpts, "> <", ">|<"), "|") {
			lines = append(lines, "RCPT TO:"+r)
		}
		for _, line := range append(lines, "DATA") {
			c.say(line + "\r\n")
			c.code()
		}
		c.say(".\r\n")
		c.want(t, "250")
		got := kept.mails[0].Received("", time.Unix(0, 0).UTC())
		if want := "Received: " + test.want + "\r\n\tThu, 1 Jan 1970 00:00:00 +0000\r\n"; got != want {
			t.Errorf("got  %q\nwant %q", got, want)
		}
		c.Close()
	}
}

// TestContentReader: the reader that Data is given, by either of its methods and
// in any pieces, over chunks too.
func TestContentReader(t *testing.T) {
	reads := map[string]func(io.Reader) (string, error){
		"ReadAll": func(r io.Reader) (string, error) { b, err := io.ReadAll(r); return string(b), err },
		"WriteTo": func(r io.Reader) (string, error) {
			var b strings.Builder
			n, err := r.(io.WriterTo).WriteTo(&b)
			if n != int64(b.Len()) {
				return "", fmt.Errorf("WriteTo counted %d of %d octets", n, b.Len())
			}
			return b.String(), err
		},
		"octets": func(r io.Reader) (string, error) {
			var b []byte
			for p := make([]byte, 1); ; {
				n, err := r.Read(p)
				b = append(b, p[:n]...)
				if err == io.EOF {
					return string(b), nil
				}
				if err != nil {
					return "", err
				}
			}
		},
	}
	content := strings.Repeat("a line\r\n.and a dot\r\n", 20000)
	stuffed := strings.ReplaceAll(content, "\r\n.", "\r\n..") + ".\r\n"
	half := len(content) / 2
	chunks := fmt.Sprintf("BDAT %d\r\n%sBDAT 0\r\nNOOP\r\nBDAT %d LAST\r\n%s", half, content[:half], len(content)-half, content[half:])
	for name, read := range reads {
		for _, chunked := range []bool{false, true} {
			var got string
			var late io.Reader
			srv := &smtpd.Server{Data: func(_ *smtpd.Transaction, r io.Reader) smtp.Reply {
				var err error
				if got, err = read(r); err != nil {
					t.Error(err)
				}
				late = r
				return smtp.Reply{}
			}}
			c := hello(t, srv)
			if chunked {
				c.say("MAIL FROM:<a@example.com>\r\nRCPT TO:<kim@example.net>\r\n" + chunks)
				for range 5 {
					c.want(t, "250")
				}
			} else {
				c.startMail(t)
				c.say(stuffed)
			}
			c.want(t, "250")
			if got != content {
				t.Errorf("%s, chunked %v: got %d octets of %d", name, chunked, len(got), len(content))
			}
			if _, err := late.Read(make([]byte, 1)); err == nil || err == io.EOF || errors.Is(err, smtpd.ErrAborted) {
				t.Errorf("%s: read after Data has returned: %v", name, err)
			}
		}
	}
}

// TestDataWriteFails: what Data writes to fails, and Data says so; the content is
// read over all the same.
func TestDataWriteFails(t *testing.T) {
	full := errors.New("the disk is full")
	srv := &smtpd.Server{Data: func(_ *smtpd.Transaction, r io.Reader) smtp.Reply {
		if _, err := io.Copy(failing{full}, r); err == full {
			return smtpd.Reply("452 4.3.1 " + err.Error())
		}
		return smtp.Reply{}
	}}
	c := hello(t, srv)
	c.startMail(t)
	c.say(strings.Repeat("QUIT\r\n", 50000) + ".\r\nNOOP\r\n")
	c.want(t, "452 4.3.1 the disk is full")
	c.want(t, "250")
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// TestAnswersToBadContent: what is bad is refused for each, though Data has taken
// it for some.
func TestAnswersToBadContent(t *testing.T) {
	srv := &smtpd.Server{LMTP: true, Data: func(t *smtpd.Transaction, _ io.Reader) smtp.Reply {
		t.Answer(0, smtpd.Reply("250 2.0.0 taken"))
		return smtp.Reply{}
	}}
	c := connect(t, srv)
	c.say("LHLO c\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<a@example.net>\r\nRCPT TO:<b@example.net>\r\nBDAT 3 LAST\r\na\nb")
	for range 4 {
		c.want(t, "250")
	}
	c.want(t, "554 5.6.0")
	c.want(t, "554 5.6.0")
	c.closed(t)
}

// TestDataTakesItsTime: the client need not wait for what Data does before it reads.
func TestDataTakesItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		heard := make(chan bool)
		srv := &smtpd.Server{Data: func(*smtpd.Transaction, io.Reader) smtp.Reply {
			<-heard
			return smtp.Reply{}
		}}
		c := hello(t, srv)
		c.startMail(t)
		close(heard)
		c.say(".\r\n")
		c.want(t, "250")
		c.Close()
		<-c.why
	})
}

// TestDataHears: why a content is not to be kept.
func TestDataHears(t *testing.T) {
	tests := map[string]error{
		"BDAT 3\r\na\r\nRSET\r\n":                    smtpd.ErrAborted,
		"BDAT 3\r\na\r\nEHLO x\r\n":                  smtpd.ErrAborted,
		"BDAT 3\r\na\r\nQUIT\r\n":                    io.ErrUnexpectedEOF,
		"BDAT 300\r\na\r\n":                          io.ErrUnexpectedEOF,
		"BDAT 12 LAST\r\n1234567890\r\n":             smtpd.ErrTooLarge,
		"BDAT 5 LAST\r\n123\r\nBDAT 0 LAST\r\nX\r\n": nil,
	}
	for said, want := range tests {
		var heard, again error
		srv := &smtpd.Server{MaxSize: 10, Data: func(_ *smtpd.Transaction, r io.Reader) smtp.Reply {
			_, heard = io.ReadAll(r)
			_, again = r.Read(make([]byte, 1))
			return smtp.Reply{}
		}}
		c := hello(t, srv)
		c.say("MAIL FROM:<a@example.com>\r\nRCPT TO:<kim@example.net>\r\n" + said)
		c.want(t, "250")
		c.want(t, "250")
		c.Close()
		<-c.why
		if !errors.Is(heard, want) || want != nil && !errors.Is(again, want) {
			t.Errorf("%q: Data heard %v and then %v, want %v", said, heard, again, want)
		}
	}
}

// TestClient: what package smtp sends, in each way that it has, arrives as it was.
func TestClient(t *testing.T) {
	authority := smtptest.NewAuthority(t)
	var letters []mail.Object
	var want []string
	for i := range 60 {
		text := fmt.Sprintf("Subject: %d\r\n\r\n%s.\r\n..\r\n", i, strings.Repeat("a line\r\n", i*i*10))
		want = append(want, text)
		letters = append(letters, &mail.Raw{Env: letter.Env, Data: []byte(text)})
	}
	for _, without := range [][]string{nil, {"CHUNKING"}, {"PIPELINING"}, {"CHUNKING", "PIPELINING", "SIZE"}, {"8BITMIME", "ENHANCEDSTATUSCODES"}} {
		for _, lmtp := range []bool{false, true} {
			srv, kept := newServer(t)
			srv.Without, srv.LMTP, srv.TLS = without, lmtp, tlsOf(authority)
			client := dial(t, srv, authority)
			client.LMTP = lmtp
			client.MaxSessions = 1
			for r := range client.SendAll(t.Context(), func(yield func(mail.Object) bool) {
				for _, l := range letters {
					if !yield(l) {
						return
					}
				}
			}) {
				if r.Err != nil {
					t.Fatalf("without %v: %v", without, r.Err)
				}
			}
			if got := kept.contents; strings.Join(got, "|") != strings.Join(want, "|") {
				t.Errorf("without %v: %d mails of %d are as they were sent", without, len(got), len(want))
			}
			if client.Close(); !t.Failed() {
				srv.Shutdown(t.Context())
			}
		}
	}
}

// TestTrace: what the server tells of a session, as it is printed.
func TestTrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, _ := newServer(t, "tls", "accounts", "cleartext")
		var b bytes.Buffer
		srv.Trace = transcript.Print(&b)
		c := hello(t, srv)
		for _, line := range []string{
			"AUTH LOGIN\r\n", "a2lt\r\n", "dHVsaXAtdHVsaXA=\r\n",
			"MAIL FROM:<a@example.com>\r\n", "RCPT TO:<nobody@example.net>\r\n", "RCPT TO:<kim@example.net>\r\n", "DATA\r\n", "one\r\n.\r\n",
			"MAIL FROM:<a@example.com>\r\n", "RCPT TO:<kim@example.net>\r\n", "BDAT 5\r\none\r\n", "BDAT 5 LAST\r\ntwo\r\n",
			"VRFY \x1b[31m\r\n", "STARTTLS\r\nX\r\n",
		} {
			c.say(line)
			c.hear()
		}
		c.closed(t)
		<-c.why
		compare(t, "testdata/trace.golden", b.String())
	})
}
