package smtpd_test

import (
	"io"
	"strings"
	"testing"

	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtpd"
)

type looped struct {
	tape
	parts []string
	i, n  int
	head  []string
}

func (l *looped) Write(p []byte) (int, error) { return len(p), nil }
func (l *looped) Read(p []byte) (int, error) {
	if len(l.head) > 0 {
		n := copy(p, l.head[0])
		l.head = l.head[1:]
		return n, nil
	}
	if l.n == 0 {
		return 0, io.EOF
	}
	s := l.parts[l.i]
	l.i++
	if l.i == len(l.parts) {
		l.i = 0
		l.n--
	}
	return copy(p, s), nil
}

func BenchmarkHot(b *testing.B) {
	srv := &smtpd.Server{Hostname: "mx.example", Data: func(_ *smtpd.Transaction, content io.Reader) smtp.Reply {
		content.(io.WriterTo).WriteTo(io.Discard)
		return smtp.Reply{}
	}}
	content := strings.Repeat(strings.Repeat("x", 76)+"\r\n", 13)
	b.ReportAllocs()
	srv.ServeConn(&looped{n: b.N, head: []string{"EHLO client.example\r\n"}, parts: []string{"MAIL FROM:<sender@example.com>\r\n", "RCPT TO:<recipient@example.net>\r\n", "DATA\r\n", content + ".\r\n"}})
}
