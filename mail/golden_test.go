package mail_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/parleymail/parley/mail"
)

var update = flag.Bool("update", false, "write the goldens anew")

// compose gives the content as one server gets it.
func compose(t testing.TB, o mail.Object, offer mail.Offer) ([]byte, mail.Form) {
	t.Helper()
	b, form, err := tryCompose(o, offer)
	if err != nil {
		t.Fatal(err)
	}
	return b, form
}

func tryCompose(o mail.Object, offer mail.Offer) ([]byte, mail.Form, error) {
	if _, err := o.Envelope(); err != nil {
		return nil, mail.Form{}, err
	}
	return composeOnly(o, offer)
}

func composeOnly(o mail.Object, offer mail.Offer) ([]byte, mail.Form, error) {
	c, err := o.Open()
	if err != nil {
		return nil, mail.Form{}, err
	}
	defer c.Close()
	form, err := c.Fit(offer)
	if err != nil {
		return nil, form, err
	}
	var b bytes.Buffer
	_, err = c.WriteTo(&b)
	return b.Bytes(), form, err
}

var (
	sevenBit = mail.Offer{}
	eightBit = mail.Offer{EightBit: true}
	allOffer = mail.Offer{EightBit: true, UTF8: true}
	someDay  = time.Date(2026, 3, 9, 8, 5, 0, 0, time.FixedZone("CST", 8*3600))
)

// base is a message with what every golden has.
func base() *mail.Message {
	return &mail.Message{
		From: mail.Address{Name: "Kim Smith", Address: "kim@example.net"},
		To:   mail.To("lee@example.org"),
		Date: someDay,
	}
}

var pdf = []byte("%PDF-1.4\n" + strings.Repeat("a page of it, more or less\n", 9))

var goldens = []struct {
	name  string
	offer mail.Offer
	make  func(m *mail.Message)
}{
	{"plain", sevenBit, func(m *mail.Message) {
		m.Subject = "Your order has been sent"
		m.Text = "Hello,\n.dots\rare\r\nleft alone.\n"
	}},
	{"everything", sevenBit, func(m *mail.Message) {
		m.Sender = mail.Address{Name: "Smith, Kim (office)", Address: "office@example.net"}
		m.ReplyTo = mail.To("desk@example.net", "Desk 2 <desk2@example.net>")
		m.Cc = mail.To("a.very.long.name.for.a.mailbox@a.rather.long.domain.example", "another.long.name@a.rather.long.domain.example", `"john doe"@example.org`)
		m.Bcc = mail.To("nobody.sees@example.org")
		m.Subject = "All of it"
		m.Text = "Hello.\n"
		m.MessageID = "<1@example.net>"
		m.InReplyTo = "0@example.net"
		m.References = []string{"<a@example.net>", "b@example.net", strings.Repeat("c", 60) + "@example.net"}
		m.Priority = mail.High
		m.AutoSubmitted = "auto-generated"
		m.Unsubscribe = mail.Unsubscribe{URL: "https://list.example/leave?u=123", Mailto: "leave@list.example?subject=leave", OneClick: true}
		m.Header = []mail.Field{{Name: "List-Id", Value: "News <news.list.example>"}, {Name: "X-Empty"}, {Name: "X-Umlaut", Value: "Grüße"}}
	}},
	{"bcc-only", sevenBit, func(m *mail.Message) {
		m.To, m.Bcc = nil, m.To
		m.Text = "Hello.\n"
	}},
	{"statement", eightBit, func(m *mail.Message) {
		m.From = mail.Address{Name: "财务部", Address: "59419979@qq.com"}
		m.Subject = "三月对账单"
		m.Text = "尊敬的客户，您好。\n见附件。\n"
		m.HTML = "<p>尊敬的客户，您好。</p>\n<p>见附件。</p>\n"
		m.Attach = []mail.Part{mail.Bytes("对账单.pdf", pdf)}
	}},
	{"statement-7bit", sevenBit, func(m *mail.Message) {
		m.From = mail.Address{Name: "财务部", Address: "59419979@qq.com"}
		m.Subject = "三月对账单"
		m.Text = "尊敬的客户，您好。\n见附件。\n"
		m.HTML = "<p style=\"color: red\">Sehr geehrte Kundin, Grüße und so weiter bis die Zeile länger ist als 76.</p> \n.\nFrom here\n"
	}},
	{"inline", sevenBit, func(m *mail.Message) {
		m.Subject = "With a logo"
		m.Text = "Hello.\n"
		m.HTML = "<img src=\"cid:logo.png\"><img src=\"cid:sign@example.net\">\n"
		sign := mail.Bytes("", []byte("GIF89a..."))
		sign.ContentID = "<sign@example.net>"
		m.Inline = []mail.Part{mail.Bytes("logo.png", []byte("\x89PNG\r\n\x1a\n...")), sign}
		m.Attach = []mail.Part{mail.Bytes("a.csv", []byte("a,b\n1,2\n"))}
	}},
	{"attachment-alone", sevenBit, func(m *mail.Message) {
		m.Subject = "A file"
		m.Attach = []mail.Part{mail.Bytes("unknown", pdf)}
	}},
	{"invite", sevenBit, func(m *mail.Message) {
		m.Subject = "Lunch"
		m.Text = "Lunch?\n"
		m.Invite = mail.Invite{Calendar: "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nMETHOD:REQUEST\r\nEND:VCALENDAR\r\n", File: "invite.ics"}
	}},
	{"forwarded", eightBit, func(m *mail.Message) {
		m.Text = "See below.\n"
		m.Attach = []mail.Part{mail.Bytes("old.eml", []byte("From: a@example.net\nSubject: old\n\nGrüße\n"))}
	}},
	{"long-subject", sevenBit, func(m *mail.Message) {
		m.Subject = strings.Repeat("This subject is long and has  double blanks now and then, ", 4) + "and ends"
	}},
	{"long-subject-umlaut", sevenBit, func(m *mail.Message) {
		m.Subject = strings.Repeat("Überweisung für die Prüfung ", 6)
	}},
	{"long-token", sevenBit, func(m *mail.Message) {
		m.Subject = strings.Repeat("x", 1500)
		m.Header = []mail.Field{{Name: "X-Token", Value: strings.Repeat("y", 1500)}}
		m.From.Name = strings.Repeat("z", 1500)
	}},
	{"long-line", sevenBit, func(m *mail.Message) { m.Text = strings.Repeat("word ", 600) + "\n" }},
	{"literal-encoded-word", sevenBit, func(m *mail.Message) {
		m.Subject = "what =?utf-8?q?this?= means"
		m.From.Name = "=?utf-8?q?x?="
	}},
	{"file-names", sevenBit, func(m *mail.Message) {
		m.Text = "Files.\n"
		for _, name := range []string{
			"請求書（三月分）.pdf", "Übersicht Größe.pdf", `a "quoted" name.pdf`, "a b;c=d.pdf",
			"四半期報告書の付属資料および添付書類の一覧表と説明の全文を含むとても長い名前のファイル.pdf",
			strings.Repeat("long", 50) + ".pdf", "'%*.pdf",
		} {
			m.Attach = append(m.Attach, mail.Bytes(name, []byte("%PDF-")))
		}
		m.Attach[0].Type = `application/pdf; x="a b"; name="ü"`
	}},
	{"idn", sevenBit, func(m *mail.Message) {
		m.From = mail.Address{Name: "例", Address: "kim@例子.中国"}
		m.Text = "An ASCII local part needs no SMTPUTF8.\n"
	}},
	{"eai", allOffer, func(m *mail.Message) {
		m.From = mail.Address{Name: "金", Address: "金@例子.中国"}
		m.To = mail.To("kim@bücher.example")
		m.Subject = "三月对账单 and a long subject that has to be folded somewhere in the midst of it, doesn't it"
		m.Text = "您好\n"
	}},
}

func TestGolden(t *testing.T) {
	for _, g := range goldens {
		t.Run(g.name, func(t *testing.T) {
			m := base()
			g.make(m)
			mail.Fix(m)
			got, form := compose(t, m, g.offer)
			if form.Size != int64(len(got)) {
				t.Errorf("the size was said to be %d and is %d", form.Size, len(got))
			}
			keepsRules(t, got)
			name := filepath.Join("testdata", "golden", g.name+".eml")
			if *update {
				if err := os.WriteFile(name, got, 0o666); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(string(got), "\n")); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

// keepsRules: no bare CR or LF, no NUL, no line over 998, the last line ended.
func keepsRules(t interface{ Errorf(string, ...any) }, b []byte) {
	rest := string(b)
	for n := 1; rest != ""; n++ {
		line, after, ok := strings.Cut(rest, "\r\n")
		if !ok {
			t.Errorf("line %d is not ended by CRLF: %.80q", n, line)
		}
		if len(line) > 998 {
			t.Errorf("line %d has %d octets: %.80q", n, len(line), line)
		}
		if strings.ContainsAny(line, "\r\n\x00") {
			t.Errorf("line %d has a bare CR, LF or a NUL: %.80q", n, line)
		}
		rest = after
	}
}
