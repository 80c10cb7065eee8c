package dsn

import (
	"bytes"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/mail/entity"
	"github.com/parleymail/parley/smtp"
)

// hostile are texts that would be more than a text, if they were let.
var hostile = []string{
	"no\r\nAction: delivered\r\n\r\nFinal-Recipient: rfc822; other@example.org\r\nAction: failed\r\nStatus: 5.1.1",
	"no\n\n--=_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\nContent-Type: text/html\n\n<b>",
	"no\r\n--=_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa--\r\n",
	"no\rAction: delivered", "no\x00yes", "no\x1b[2Jyes", "\u202egnp.exe", "no\u2028Action: delivered\u0085Action: delivered",
	"\xff\xfe\r\n.\r\nQUIT", ".\r\n", strings.Repeat("x", 5000), strings.Repeat("长", 2000), strings.Repeat(" ", 3000) + "x",
	"; rfc822; (comment\\) \"quoted\r\n", "\r\n\r\n\r\n", "=?utf-8?q?=0D=0AAction:_delivered?=", "\t\r\n\tAction: delivered",
}

// spoiled puts a text into every field of a letter that may be somebody else's word.
func spoiled(t testing.TB, s string) *Letter {
	l := examples(t)["failed"]
	r := unknownUser(t)
	r.Reply.Lines = []string{s, s}
	r.RemoteMTA, r.LogID, r.Original = s, s, "rfc822;"+s
	r.Final = mail.Path{Local: s, Domain: s}
	d := Recipient{Final: path(t, "lee@example.com"), Action: Delayed, Diagnostic: s, Original: s + ";" + s, RemoteMTA: "a.b" + s}
	l.Recipients = []Recipient{r, d}
	l.EnvelopeID, l.ReceivedFrom = s, s
	l.Original = Original{MessageID: s, Subject: s, From: s, To: s, Date: s}
	return l
}

func TestInjection(t *testing.T) {
	for _, s := range hostile {
		l := spoiled(t, s)
		b, _ := write(t, l, mail.Offer{})
		travels7(t, s, b)
		whole(t, s, b)
		n, err := Read(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(n.Text) {
			if line = strings.TrimSuffix(line, "\n"); line != smtp.Printable(line) {
				t.Errorf("%.40q: people are told %.100q", s, line)
			}
		}
	}
}

// TestInjectionIntoWhatComesBack: the content of the mail that came back makes no part either.
func TestInjectionIntoWhatComesBack(t *testing.T) {
	for _, s := range hostile {
		for _, body := range []string{"Subject: " + s + "\nX: y\n\n" + s, "Subject: x\n\n" + s, s} {
			l := examples(t)["failed"]
			l.random = nil // the boundary is made after the content, and cannot be known in it
			l.Content = from(body)
			b, _ := write(t, l, mail.Offer{})
			travels7(t, s, b)
			root := entity.Parse(b, entity.Limits{})
			if n := len(root.Parts); n != 3 && (n != 2 || len(l.Recipients) != 1) {
				t.Errorf("%.40q makes %d parts", s, n)
			}
		}
	}
}

// whole: the letter has the parts and fields of an honest one.
func whole(t testing.TB, s string, b []byte) {
	t.Helper()
	root := entity.Parse(b, entity.Limits{})
	if len(root.Parts) != 3 || root.Type != "multipart/report" || len(root.Odd) > 0 {
		t.Errorf("%.40q: %d parts of a %s, odd: %v", s, len(root.Parts), root.Type, root.Odd)
		return
	}
	names := map[string]int{}
	for f := range root.Fields() {
		names[f.Name]++
	}
	for _, name := range []string{"From", "To", "Subject", "Auto-Submitted", "Message-ID", "Content-Type"} {
		if names[name] != 1 {
			t.Errorf("%.40q: %d fields %s", s, names[name], name)
		}
	}
	for name := range names {
		if !strings.Contains(" From To Subject Date Message-ID In-Reply-To References Auto-Submitted MIME-Version Content-Type ", " "+name+" ") {
			t.Errorf("%.40q: a field %s", s, name)
		}
	}
	body, _ := root.Parts[1].Body(1 << 20)
	blocks := strings.Split(strings.TrimSpace(strings.ReplaceAll(string(body), "\r\n", "\n")), "\n\n")
	if len(blocks) != 3 {
		t.Errorf("%.40q: %d groups of fields", s, len(blocks))
	}
	for i, block := range blocks {
		fields := map[string]int{}
		for line := range strings.Lines(block) {
			if line[0] == ' ' {
				continue
			}
			name, _, ok := strings.Cut(line, ":")
			if fields[name]++; !ok || fields[name] > 1 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-") != "" {
				t.Errorf("%.40q: group %d has the line %.80q", s, i, line)
			}
		}
		if i > 0 && (fields["Action"] != 1 || fields["Final-Recipient"] != 1 || fields["Status"] != 1) {
			t.Errorf("%.40q: group %d has %v", s, i, fields)
		}
	}
	n, err := Read(bytes.NewReader(b))
	if err != nil || len(n.Recipients) != 2 || n.Recipients[0].Action != Failed || n.Recipients[1].Action != Delayed {
		t.Errorf("%.40q: read as %+v, %v", s, n, err)
	}
}

// texts are replies as servers may give them, and nothing that ours would read as another line of the reply.
func texts() *rapid.Generator[string] {
	word := rapid.StringMatching(`[a-zA-Z<>@.,:;()\[\]"'!#$%&*+/=?^_{|}~-]{1,40}|[一-龥]{1,30}|[äöüßéñ]{1,10}`)
	return rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(word, 1, 30).Draw(t, "words"), " ")
	})
}

// TestAnyReportIsReadBack: what is written is read back the same.
func TestAnyReportIsReadBack(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		local := rapid.SampledFrom([]string{"kim", "a.b+c=d", "\"", "a b", "金", "o'neil", "x;y", "a\\b", strings.Repeat("l", 64), "(c)"})
		domain := rapid.SampledFrom([]string{"example.com", "xn--fsqu00a.xn--fiqs8s", "[192.0.2.1]", "a.b.c.d.example", "例子.中国"})
		host := rapid.StringMatching(`([a-z][a-z0-9-]{0,20}\.){1,4}[a-z]{2,6}|\[192\.0\.2\.[1-9]\]|[a-z]{1,20}`)
		class := rapid.SampledFrom([]int{4, 5})
		l := examples(t)["failed"]
		l.Recipients = nil
		l.ReportingMTA, l.ReceivedFrom = host.Draw(rt, "mta"), host.Draw(rt, "from")
		l.EnvelopeID = rapid.StringMatching(`[!-~]{0,100}`).Draw(rt, "envid")
		for range rapid.IntRange(1, 5).Draw(rt, "n") {
			c := class.Draw(rt, "class")
			r := Recipient{
				Final:     mail.Path{Local: local.Draw(rt, "local"), Domain: domain.Draw(rt, "domain")},
				Action:    rapid.SampledFrom([]Action{Failed, Delayed}).Draw(rt, "action"),
				Status:    smtp.EnhancedCode{Class: c, Subject: rapid.IntRange(0, 999).Draw(rt, "subject"), Detail: rapid.IntRange(0, 999).Draw(rt, "detail")},
				RemoteMTA: host.Draw(rt, "remote"),
			}
			r.Reply = smtp.Reply{Code: c*100 + rapid.IntRange(0, 99).Draw(rt, "code"), Lines: rapid.SliceOfN(texts(), 1, 4).Draw(rt, "lines")}
			if rapid.Bool().Draw(rt, "enhanced") {
				r.Reply.Enhanced = r.Status
			}
			if rapid.Bool().Draw(rt, "orcpt") {
				r.Original = "rfc822;" + rapid.StringMatching(`[a-z+=]{1,20}@[a-z]{1,20}\.example`).Draw(rt, "original")
			}
			l.Recipients = append(l.Recipients, r)
		}
		b, _ := write(t, l, mail.Offer{})
		n, err := Read(bytes.NewReader(b))
		if err != nil {
			rt.Fatal(err)
		}
		want := l.Report
		want.Recipients = append([]Recipient(nil), want.Recipients...)
		for i := range want.Recipients { // a domain is said in A-labels where the address needs no UTF-8
			if p, err := want.Recipients[i].Final.ASCII(); err == nil {
				want.Recipients[i].Final = p
			}
			if p, err := n.Recipients[i].Final.ASCII(); err == nil {
				n.Recipients[i].Final = p
			}
		}
		same(rt2{t, rt}, "", want, n.Report)
		travels7(t, "", b)
	})
}

// rt2 tells rapid of failures.
type rt2 struct {
	testing.TB
	rt *rapid.T
}

func (r rt2) Helper()                      {}
func (r rt2) Errorf(f string, args ...any) { r.rt.Errorf(f, args...) }
