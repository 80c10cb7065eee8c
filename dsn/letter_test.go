package dsn

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/smtp"
)

var update = flag.Bool("update", false, "write the goldens anew")

var at = time.Date(2026, 11, 23, 9, 30, 0, 0, time.FixedZone("", 8*3600))

func path(t testing.TB, s string) mail.Path {
	t.Helper()
	p, err := mail.ParsePath(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func from(s string) func() (io.ReadCloser, error) {
	s = strings.ReplaceAll(s, "\n", "\r\n")
	return func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(s)), nil }
}

const statement = `From: Accounts <accounts@example.net>
To: Kim <kim@example.com>
Bcc: audit@example.net
Subject: =?utf-8?b?5LiJ5pyI5a+56LSm5Y2V?=
Date: Mon, 23 Nov 2026 09:00:00 +0800
Message-ID: <statement-1@example.net>

Your statement.
`

func unknownUser(t testing.TB) Recipient {
	return Recipient{
		Original: "rfc822;kim@example.com", Final: path(t, "kim@mail.example.com"), Action: Failed,
		RemoteMTA: "mx.example.com", LastAttempt: at.Add(-time.Minute), LogID: "q1",
		Reply: smtp.Reply{Code: 550, Enhanced: smtp.EnhancedCode{Class: 5, Subject: 1, Detail: 1}, Lines: []string{"no such user", "see https://example.com/bounces"}},
	}
}

// examples are those of the goldens.
func examples(t testing.TB) map[string]*Letter {
	base := func() *Letter {
		return &Letter{
			Report: Report{ReportingMTA: "mx.example.net", ArrivalDate: at.Add(-time.Hour), EnvelopeID: "0rkq3vj8c1m2t", Recipients: []Recipient{unknownUser(t)}},
			To:     path(t, "accounts@example.net"), Content: from(statement),
			Date: at, MessageID: "bounce-1@mx.example.net", random: make([]byte, 20),
		}
	}
	all := map[string]*Letter{"failed": base()}
	l := base()
	l.Lang, l.Return = diagnose.Chinese, mail.ReturnHeader
	l.Recipients = []Recipient{{
		Final: path(t, "59419979@qq.com"), Action: Failed, RemoteMTA: "mx3.qq.com",
		Reply: smtp.Reply{Code: 550, Lines: []string{"Mail content denied. http://service.mail.qq.com/cgi-bin/help?subtype=1&&id=20022&&no=1000726"}},
	}}
	all["chinese"] = l

	l = base()
	l.ReceivedFrom = "app.example.net"
	l.Recipients = []Recipient{
		{Final: path(t, "kim@example.com"), Action: Delayed, Diagnostic: "connecting to mx.example.com: connection refused", LastAttempt: at, WillRetryUntil: at.Add(96 * time.Hour)},
		{Final: path(t, "lee@example.com"), Action: Delayed, RemoteMTA: "mx.example.com", Reply: smtp.Reply{Code: 450, Enhanced: smtp.EnhancedCode{Class: 4, Subject: 2}, Lines: []string{"greylisted, come back later"}}},
	}
	all["delayed"] = l

	l = base()
	l.Recipients = []Recipient{
		{Final: path(t, "kim@example.com"), Action: Delivered, RemoteMTA: "mx.example.com", Reply: smtp.Reply{Code: 250, Enhanced: smtp.EnhancedCode{Class: 2}, Lines: []string{"taken"}}},
		{Final: path(t, "lee@example.com"), Action: Relayed, RemoteMTA: "mx.example.com"},
		{Final: path(t, "team@example.com"), Action: Expanded},
	}
	all["delivered"] = l

	l = base()
	l.Content = from("From: 账务 <账务@例子.中国>\nSubject: 三月对账单\nMessage-ID: <u@example.net>\n\n见附件。\n")
	l.Recipients = []Recipient{{
		Original: "utf-8;金@例子.中国", Final: path(t, "金@例子.中国"), Action: Failed, RemoteMTA: "mx.example.com",
		Reply: smtp.Reply{Code: 550, Enhanced: smtp.EnhancedCode{Class: 5, Subject: 1, Detail: 1}, Lines: []string{"没有这个用户"}},
	}}
	all["utf8"] = l

	l = base()
	l.Recipients[0].Reply = smtp.Reply{Code: 550, Lines: []string{"\xd3\xc3\xbb\xa7\xb2\xbb\xb4\xe6\xd4\xda"}} // 用户不存在, in GBK
	all["gbk"] = l

	l = base()
	l.Content = from(strings.Replace(statement, "Your statement.\n", strings.Repeat("Your statement is long.\n", 5000), 1))
	all["large"] = l
	return all
}

func write(t testing.TB, o mail.Object, offer mail.Offer) ([]byte, mail.Form) {
	t.Helper()
	c, err := o.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	form, err := c.Fit(offer)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	n, err := c.WriteTo(&b)
	if err != nil {
		t.Fatal(err)
	}
	if n != int64(b.Len()) || form.Size != n {
		t.Errorf("wrote %d octets, said %d, announced %d", b.Len(), n, form.Size)
	}
	return b.Bytes(), form
}

func TestGoldens(t *testing.T) {
	for name, l := range examples(t) {
		got, form := write(t, l, mail.Offer{})
		if form.EightBit || form.UTF8 {
			t.Errorf("%s is %+v, to a server that takes seven bits", name, form)
		}
		travels7(t, name, got)
		file := filepath.Join("testdata", "letters", name+".eml")
		if *update {
			if err := os.WriteFile(file, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(string(want), string(got)); d != "" {
			t.Errorf("%s:\n%s", name, d)
		}
	}
}

// travels7: what any server takes.
func travels7(t testing.TB, name string, b []byte) {
	t.Helper()
	for line := range bytes.Lines(b) {
		if !bytes.HasSuffix(line, []byte("\r\n")) || bytes.ContainsAny(line[:len(line)-2], "\r\n\x00") || len(line) > 1000 || !ascii(line) {
			t.Errorf("%.40q: a line that may not travel: %.100q", name, line)
		}
	}
}

// TestWrittenIsRead: every field comes back as it was given.
func TestWrittenIsRead(t *testing.T) {
	for name, l := range examples(t) {
		b, _ := write(t, l, mail.Offer{})
		n, err := Read(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		if n.Form != "rfc3464" || n.Confidence != 1 {
			t.Errorf("%s: read as %s, %g", name, n.Form, n.Confidence)
		}
		same(t, name, l.Report, n.Report)
		if n.Original.MessageID == "" || n.Original.Subject != "三月对账单" {
			t.Errorf("%s: the original is %+v", name, n.Original)
		}
		if len(n.To) != 1 || n.To[0] != l.To {
			t.Errorf("%s: sent to %v", name, n.To)
		}
	}
}

// same compares what was written with what was read.
func same(t testing.TB, name string, wrote, read Report) {
	t.Helper()
	tidy := func(r Report) Report {
		r.Original = Original{}
		r.ArrivalDate = r.ArrivalDate.UTC()
		r.Recipients = append([]Recipient(nil), r.Recipients...)
		for i := range r.Recipients {
			p := &r.Recipients[i]
			p.Status = p.status()
			p.Why = diagnose.Diagnosis{}
			p.LastAttempt, p.WillRetryUntil = p.LastAttempt.UTC(), p.WillRetryUntil.UTC()
			if s := p.Reply.Lines; len(s) > 0 && s[0] == "\xd3\xc3\xbb\xa7\xb2\xbb\xb4\xe6\xd4\xda" {
				p.Reply.Lines = []string{"用户不存在"}
			}
		}
		return r
	}
	if d := cmp.Diff(tidy(wrote), tidy(read)); d != "" {
		t.Errorf("%s:\n%s", name, d)
	}
}

// TestPython: the standard library's parser sees the same letter.
func TestPython(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is missing")
	}
	for name, l := range examples(t) {
		b, _ := write(t, l, mail.Offer{EightBit: true})
		cmd := exec.CommandContext(t.Context(), python, "testdata/read.py")
		cmd.Stdin = bytes.NewReader(b)
		out, err := cmd.Output()
		if err != nil {
			var e *exec.ExitError
			if errors.As(err, &e) {
				t.Fatalf("%s: %s", name, e.Stderr)
			}
			t.Fatal(err)
		}
		var got struct {
			Type, ReportType, Auto string
			Parts                  []string
			Groups                 [][][2]string
			Human                  string
			Defects                []string
			Returned               string
		}
		if err := json.Unmarshal(out, &got); err != nil {
			t.Fatal(err)
		}
		if got.Type != "multipart/report" || got.ReportType != "delivery-status" || got.Auto != "auto-replied" || len(got.Parts) != 3 {
			t.Errorf("%s: %+v", name, got)
		}
		// Python takes a message/global-delivery-status for a mail, whatever its encoding.
		if len(got.Defects) > 0 && name != "utf8" {
			t.Errorf("%s: Python finds %q", name, got.Defects)
		}
		if len(got.Groups) != 1+len(l.Recipients) {
			t.Errorf("%s: %d groups of fields for %d recipients", name, len(got.Groups), len(l.Recipients))
		}
		for _, want := range []string{"mx.example.net", "这里是邮件系统", "This is the mail system"} {
			if !strings.Contains(got.Human, want) {
				t.Errorf("%s: the part for people has no %q", name, want)
			}
		}
		if !strings.Contains(got.Returned, "三月对账单") {
			t.Errorf("%s: came back: %q", name, got.Returned)
		}
	}
}

func TestEnvelope(t *testing.T) {
	e, err := examples(t)["failed"].Envelope()
	if err != nil {
		t.Fatal(err)
	}
	want := mail.Envelope{Recipients: []mail.Recipient{{Path: path(t, "accounts@example.net"), Notify: mail.NotifyNever}}}
	if d := cmp.Diff(want, e); d != "" {
		t.Error(d)
	}
}

func TestWhatIsWrongIsTold(t *testing.T) {
	_, err := (&Letter{Report: Report{Recipients: []Recipient{{}}}}).Envelope()
	var p mail.Problems
	if !errors.As(err, &p) {
		t.Fatal(err)
	}
	var fields []string
	for _, f := range p {
		fields = append(fields, f.Field)
	}
	if d := cmp.Diff([]string{"To", "ReportingMTA", "Recipients[0].Final", "Recipients[0].Action"}, fields); d != "" {
		t.Error(d)
	}
	if _, err := (&Letter{}).Open(); err == nil {
		t.Error("an empty letter opens")
	}
}

// TestUntil: RFC 3464 §2.3.9 has that field for what is delayed alone.
func TestUntil(t *testing.T) {
	l := examples(t)["failed"]
	l.Recipients[0].WillRetryUntil = at
	if b, _ := write(t, l, mail.Offer{}); bytes.Contains(b, []byte("Will-Retry-Until")) {
		t.Error("what has failed is to be tried further")
	}
}

// TestReturned: how much comes back, and as what.
func TestReturned(t *testing.T) {
	const whole, head = "message/rfc822", "text/rfc822-headers"
	eight := strings.Replace(statement, "Your statement.", "Ihre Auszüge.", 1)
	for _, c := range []struct {
		name, content string
		change        func(*Letter)
		offer         mail.Offer
		want          string
	}{
		{"failed", statement, nil, mail.Offer{}, whole},
		{"RET=FULL", statement, func(l *Letter) { l.Return = mail.ReturnFull }, mail.Offer{}, whole},
		{"RET=HDRS", statement, func(l *Letter) { l.Return = mail.ReturnHeader }, mail.Offer{}, head},
		{"delayed", statement, func(l *Letter) { l.Recipients[0].Action = Delayed }, mail.Offer{}, head},
		{"at the limit", statement, func(l *Letter) { l.Most = int64(len(statement) + strings.Count(statement, "\n")) }, mail.Offer{}, whole},
		{"over it", statement, func(l *Letter) { l.Most = int64(len(statement)+strings.Count(statement, "\n")) - 1 }, mail.Offer{}, head},
		{"eight bits, taken", eight, nil, mail.Offer{EightBit: true}, whole},
		{"eight bits, not taken", eight, nil, mail.Offer{}, head},
		{"a NUL", statement + "\x00\n", nil, mail.Offer{EightBit: true}, head},
		{"a long line", statement + strings.Repeat("x", 2000) + "\n", nil, mail.Offer{}, head},
		{"UTF-8 in the header", "Subject: 三月\n\nx\n", nil, mail.Offer{}, "message/global"},
		{"a header that is none", "no header\n\nx\n", nil, mail.Offer{}, ""},
		{"nothing", "", func(l *Letter) { l.Content = nil }, mail.Offer{}, ""},
	} {
		l := examples(t)["failed"]
		l.Content = from(c.content)
		if c.change != nil {
			c.change(l)
		}
		b, form := write(t, l, c.offer)
		if form.EightBit && !c.offer.EightBit {
			t.Errorf("%s: eight bits, where they are not taken", c.name)
		}
		kind := ""
		if parts := strings.SplitAfter(string(b), "Content-Type: "); len(parts) == 5 {
			kind, _, _ = strings.Cut(parts[4], "\r\n")
		}
		if c.want == whole || c.want == head {
			if strings.Contains(string(b), "audit@") {
				t.Errorf("%s: Bcc came back", c.name)
			}
		}
		if !strings.HasPrefix(kind, c.want) || c.want == "" && kind != "" {
			t.Errorf("%s: came back as %q, not as %q", c.name, kind, c.want)
		}
	}
}

func TestContentThatCannotBeHad(t *testing.T) {
	l := examples(t)["failed"]
	gone := errors.New("gone")
	l.Content = func() (io.ReadCloser, error) { return nil, gone }
	if _, err := l.Open(); !errors.Is(err, gone) {
		t.Error(err)
	}
	l.Content = func() (io.ReadCloser, error) {
		return io.NopCloser(io.MultiReader(strings.NewReader("Subject: x\r\n"), failing{})), nil
	}
	if _, err := l.Open(); !errors.Is(err, errBroken) {
		t.Error(err)
	}
}

var errBroken = errors.New("broken")

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errBroken }

func TestContentIsWrittenOnce(t *testing.T) {
	c, err := examples(t)["failed"].Open()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.WriteTo(io.Discard); err == nil {
		t.Error("it was written before it was fitted")
	}
	if _, err := c.Fit(mail.Offer{}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.WriteTo(io.Discard); err != nil {
		t.Fatal(err)
	}
	if _, err := c.WriteTo(io.Discard); err == nil {
		t.Error("it was written twice")
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}
