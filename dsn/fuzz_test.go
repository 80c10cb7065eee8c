package dsn

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/parleymail/parley/mail"
)

// FuzzRead: no mail makes Read fail, grow or tell what cannot be. What it tells can be written again.
func FuzzRead(f *testing.F) {
	files, err := filepath.Glob("testdata/*/*.eml")
	if err != nil || len(files) == 0 {
		f.Fatal(files, err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		n, err := Read(bytes.NewReader(b))
		if err != nil {
			return
		}
		possible(t, n)
		l := &Letter{Report: n.Report, To: mail.Path{Local: "a", Domain: "example.net"}, Content: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil }}
		if l.ReportingMTA == "" {
			l.ReportingMTA = "mx.example.net"
		}
		if l.check() != nil {
			return
		}
		out, _ := write(t, l, mail.Offer{})
		travels7(t, "written again", out)
		again, err := Read(bytes.NewReader(out))
		if err != nil || len(again.Recipients) != len(n.Recipients) {
			t.Errorf("%d recipients were written, and %d read: %v", len(n.Recipients), len(again.Recipients), err)
		}
	})
}

// possible: what a notice tells keeps to its own rules.
func possible(t testing.TB, n *Notice) {
	t.Helper()
	if (n.Kind == Other) != (n.Form == "") || n.Confidence < 0 || n.Confidence > 1 || n.Kind > Disposition {
		t.Errorf("%s by %q, %g", n.Kind, n.Form, n.Confidence)
	}
	if len(n.Recipients) > mostRecipients || len(n.Text) > mostShown || len(n.To) > 16 {
		t.Errorf("%d recipients, %d octets of text, sent to %d", len(n.Recipients), len(n.Text), len(n.To))
	}
	for i := range n.Recipients {
		r := &n.Recipients[i]
		if err := r.Final.Check(); err != nil {
			t.Error(err)
		}
		if r.Action > Expanded || n.Kind <= Success && n.Kind != Other && r.Action == 0 {
			t.Errorf("action %d of a %s", r.Action, n.Kind)
		}
	}
}

// bombs are mails that cost much, if they can.
func bombs() map[string]string {
	const size = 1 << 20
	fill := func(before, s, behind string) string {
		return before + strings.Repeat(s, (size-len(before)-len(behind))/len(s)) + behind
	}
	from := "From: MAILER-DAEMON@example.com\nTo: a@example.net\nSubject: Undeliverable\n"
	status := from + "Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; x\n\n"
	recipient := "Final-Recipient: rfc822; kim@example.com\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 "
	return map[string]string{
		"recipients":        fill(status, recipient+"no such user\n\n", ""),
		"words":             fill(status, recipient+strings.Repeat("blocked by policy, user unknown, ", 30)+"\n\n", ""),
		"one field":         fill(status+recipient, "550-5.1.1 x ", "\n"),
		"folded":            fill(status+recipient, "x\n ", "\n"),
		"fields":            fill(status, "X: y\n", ""),
		"groups":            fill(status, "X: y\n\n", ""),
		"no replies":        fill(status+"Final-Recipient: rfc822; kim@example.com\nAction: failed\n\n--b\nContent-Type: text/plain\n\n", "kim@example.com ", ""),
		"many and no reply": fill(status+strings.Repeat("Final-Recipient: rfc822; kim@example.com\nAction: failed\n\n", 1000)+"--b\nContent-Type: text/plain\n\n", "kim@example.com 55 ", ""),
		"parts":             fill(from+"Content-Type: multipart/mixed; boundary=b\n\n", "--b\n\nx\n", ""),
		"status parts":      fill(from+"Content-Type: multipart/mixed; boundary=b\n\n", "--b\nContent-Type: message/delivery-status\n\nFinal-Recipient: rfc822; kim@example.com\nAction: failed\n\n", ""),
		"header":            fill(from, "X-Failed-Recipients: kim@example.com\n", "\nx\n"),
		"one header":        fill(from+"X-Failed-Recipients: ", "kim@example.com,", "\n\nx\n"),
		"to":                fill("To: ", "kim@example.com,", "\nFrom: MAILER-DAEMON\n\nx\n"),
		"words in header":   fill("Subject: ", "=?utf-8?q?x?= ", "\n\nx\n"),
		"html":              fill(from+"Content-Type: text/html\n\n", "<p>", ""),
		"html open":         fill(from+"Content-Type: text/html\n\n<a href=\"", "x", ""),
		"exim":              fill(from+"\nThis message was created automatically by mail delivery software\n", " kim@example.com\n    x\n", ""),
		"exim lines":        fill(from+"\nThis message was created automatically by mail delivery software\n", " kim@example.com\n", ""),
		"at":                fill(from+"\nThis message was created automatically by mail delivery software\n", "@", ""),
		"locals":            fill(from+"\nThis is the mail system at host x\n<", "k@", ""),
		"qmail":             fill(from+"\nHi. This is the qmail-send program\n", "<kim@example.com>:\n550 x\n", ""),
		"qq":                fill(from+"\n很抱歉您发送的邮件被退回\n", "无法发送到 kim@example.com ", ""),
		"netease":           fill(from+"\n抱歉，您的邮件被退回来了\n", "收件人 kim@example.com 退信原因 ", ""),
		"blanks":            fill(from+"\n", " ", "x"),
		"lines":             fill(from+"\n", "\n", "x"),
		"codes":             fill(from+"\nTo: kim@example.com\n", "550 ", ""),
		"dashes":            fill(from+"\n", "-----", ""),
	}
}

// TestBombs: memory and time are in proportion to the limits, whatever comes.
func TestBombs(t *testing.T) {
	if testing.Short() {
		t.Skip("little runs side by side here: make race has no use for it")
	}
	for name, s := range bombs() {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		start := time.Now()
		n, err := Read(strings.NewReader(s))
		took := time.Since(start)
		runtime.ReadMemStats(&after)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		possible(t, n)
		if mb := (after.TotalAlloc - before.TotalAlloc) >> 20; mb > 64*slower {
			t.Errorf("%s took %d MB", name, mb)
		}
		if took > 3*time.Second*slower {
			t.Errorf("%s took %v", name, took)
		}
		t.Logf("%-18s %8v %5d MB: %s, %d recipients", name, took.Round(time.Millisecond), (after.TotalAlloc-before.TotalAlloc)>>20, n.Kind, len(n.Recipients))
	}
}

// TestLongMailIsCut: what stands behind 1 MiB is not read, and the reader is not asked for it.
func TestLongMailIsCut(t *testing.T) {
	r := &endless{head: strings.NewReader("From: MAILER-DAEMON@example.com\nSubject: Undeliverable\n\n")}
	n, err := Read(r)
	if err != nil || !n.Cut {
		t.Errorf("%+v, %v", n, err)
	}
	if r.gave > 1<<20+64<<10 {
		t.Errorf("%d octets were read", r.gave)
	}
}

type endless struct {
	head *strings.Reader
	gave int
}

func (e *endless) Read(p []byte) (int, error) {
	n, _ := e.head.Read(p)
	for ; n < len(p); n++ {
		p[n] = 'x'
	}
	e.gave += n
	return n, nil
}
