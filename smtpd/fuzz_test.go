package smtpd_test

import (
	"bytes"
	"io"
	"net"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/sasl"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtpd"
)

// A tape is a connection whose client has said all that it will ever say. It comes
// by reads of at most so many octets.
type tape struct {
	said io.Reader
	most int
	out  bytes.Buffer
}

func (c *tape) Read(p []byte) (int, error)       { return c.said.Read(p[:min(len(p), c.most)]) }
func (c *tape) Write(p []byte) (int, error)      { return c.out.Write(p) }
func (c *tape) Close() error                     { return nil }
func (c *tape) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (c *tape) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (c *tape) SetDeadline(time.Time) error      { return nil }
func (c *tape) SetReadDeadline(time.Time) error  { return nil }
func (c *tape) SetWriteDeadline(time.Time) error { return nil }

// replies are what a server may say, whatever it is told.
var replies = regexp.MustCompile(`^(([2-5][0-9][0-9])-[^\r\n\x00]*\r\n|([2-5][0-9][0-9]) [^\r\n\x00]*\r\n)*$`)

// FuzzSession says anything to a server: it comes to an end, each of its replies is
// one, and nothing is kept that has a bare CR, LF or NUL, nor anything that was
// refused.
func FuzzSession(f *testing.F) {
	f.Add([]byte("EHLO a\r\n"+toData+"a\r\n..\r\n.\r\nRSET\r\nQUIT\r\n"), uint8(0), uint8(7))
	f.Add([]byte("EHLO a\r\nMAIL FROM:<a@b> SIZE=3\r\nRCPT TO:<a@b> NOTIFY=NEVER\r\nBDAT 3\r\na\r\nNOOP\r\nBDAT 1\r\nxBDAT 0 LAST\r\n"), uint8(1), uint8(255))
	f.Add([]byte("LHLO a\r\n"+toData+"a\n.\r\n"), uint8(2), uint8(1))
	f.Add([]byte("EHLO a\r\nAUTH PLAIN\r\nAGtpbQB0dWxpcC10dWxpcA==\r\nAUTH LOGIN\r\n*\r\nSTARTTLS\r\n"), uint8(5), uint8(9))
	files, _ := filepath.Glob("testdata/*.txt")
	for _, file := range files {
		for i, s := range readScripts(f, file) {
			f.Add(append([]byte("EHLO a\r\n"), s.octets()...), uint8(i), uint8(7*i))
		}
	}
	f.Fuzz(func(t *testing.T, said []byte, options, most uint8) {
		k := &keeper{}
		srv := &smtpd.Server{
			Hostname: "mx.example", Data: k.data, MaxErrors: -1, MaxSize: 1000,
			LMTP: options&2 != 0, RequireAuth: options&8 != 0,
			Trace: func(e smtp.Event) {
				if e.Session != 1 || e.Did == 0 {
					t.Errorf("an event has no session, or nothing was done: %+v", e)
				}
			},
		}
		if options&4 != 0 {
			srv.Accounts = sasl.Users(map[string]string{"kim": "tulip-tulip"})
			srv.Accounts.ClearText = true
		}
		conn := &tape{said: bytes.NewReader(said), most: int(most) + 1}
		srv.ServeConn(conn)
		if !replies.Match(conn.out.Bytes()) {
			t.Errorf("the server said %q", conn.out.String())
		}
		for _, content := range k.contents {
			if !clean(content) || len(content) > 1000 {
				t.Errorf("kept %q", content)
			}
		}
		if taken := strings.Count(conn.out.String(), okTaken); taken != len(k.contents) && !srv.LMTP {
			t.Errorf("%d mails were taken and %d kept", taken, len(k.contents))
		}
	})
}

const okTaken = "250 2.0.0 ok, taken\r\n"

// FuzzPathParams says anything behind MAIL FROM: and RCPT TO:. What is taken is a
// path that can be written, and read again as the same one; what goes into a header
// of ours stays on its line.
func FuzzPathParams(f *testing.F) {
	f.Add("<a@example.com> SIZE=10 BODY=8BITMIME SMTPUTF8 RET=FULL ENVID=a+2Bb", "<kim@example.net> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;kim+40example.net")
	f.Add("<>", "<Postmaster>")
	f.Add("  <@a,@b:\"c\\\"> d\"@example.com> AUTH=<>", "<@[IPv6:::1]:a@b>")
	f.Add("<例@例子.中国> SMTPUTF8", "<例@例子.中国> ORCPT=utf-8;例@例子.中国")
	f.Fuzz(func(t *testing.T, from, to string) {
		if strings.ContainsAny(from+to, "\r\n\x00") {
			return
		}
		k := &keeper{}
		srv := &smtpd.Server{Hostname: "mx.example", Data: k.data}
		conn := &tape{most: 4096, said: strings.NewReader("EHLO a\r\nMAIL FROM:" + from + "\r\nRCPT TO:" + to + "\r\nBDAT 0 LAST\r\n")}
		srv.ServeConn(conn)
		if !replies.Match(conn.out.Bytes()) {
			t.Errorf("the server said %q", conn.out.String())
		}
		for _, m := range k.mails {
			paths := []mail.Path{m.ReversePath, m.Recipients[0].Path}
			for _, p := range paths {
				if again, err := mail.ParsePath(p.String()); err != nil || again != p {
					t.Errorf("%#v is written %s, and read as %#v, %v", p, p, again, err)
				}
			}
			if paths[1].IsNull() {
				t.Error("a recipient is nobody")
			}
			if !m.UTF8 && strings.ContainsFunc(paths[0].String()+paths[1].String(), func(r rune) bool { return r > unicode.MaxASCII }) {
				t.Errorf("%v are not ASCII, and there was no SMTPUTF8", paths)
			}
			if strings.ContainsFunc(m.ID+m.Recipients[0].Original, unicode.IsControl) {
				t.Errorf("a control character in %q or %q", m.ID, m.Recipients[0].Original)
			}
			field := strings.ReplaceAll(m.Received("", time.Now()), "\r\n\t", " ")
			if strings.Count(field, "\n") != 1 || strings.Count(field, "\r") != 1 {
				t.Errorf("Received is more than one field: %q", field)
			}
		}
	})
}
