package interop_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/parleymail/parley/mail"
)

// A sample is a mail whose every field is known, to be found again on the other
// side.
type sample struct {
	name   string
	mail   *mail.Message
	attach []file // what mail.Attach is made of
	inline []file // what mail.Inline is made of
	tree   string // of MIME types, as readers expect it
}

// A file is a part, and what it is.
type file struct {
	name, kind, cid string
	data            []byte
}

// samples are 50 mails of different sorts.
func samples() []sample {
	var all []sample
	add := func(name, tree string, change func(*sample)) {
		s := sample{name: name, tree: tree, mail: &mail.Message{
			From:    mail.Address{Name: "Ana", Address: "ana@example.net"},
			To:      mail.To("kim@example.net"),
			Subject: name,
			Date:    time.Date(2026, 3, 31, 23, 59, 58, 0, time.FixedZone("", 8*3600)),
		}}
		change(&s)
		for _, f := range s.attach {
			s.mail.Attach = append(s.mail.Attach, mail.Bytes(f.name, f.data))
		}
		for _, f := range s.inline {
			part := mail.Bytes(f.name, f.data)
			if f.cid != f.name {
				part.ContentID = f.cid
			}
			s.mail.Inline = append(s.mail.Inline, part)
		}
		all = append(all, s)
	}
	addTexts(add)
	addHeaders(add)
	addFiles(add)
	addForms(add)
	return all
}

type adder func(name, tree string, change func(*sample))

// addTexts adds mails of a text alone: what is hard to carry over lines.
func addTexts(add adder) {
	for _, text := range []struct{ name, text string }{
		{"plain", "Hello Kim,\nbye.\n"},
		{"empty", ""},
		{"one line end", "\n"},
		{"blank lines", "\n\n\nin the middle\n\n\n"},
		{"no last line end", "the end"},
		{"dots", ".\n..\n...\n.a\n a.\n.\n\n.\n"},
		{"an end of data", "before\r\n.\r\nafter\r\nQUIT\r\n"},
		{"mixed line ends", "unix\nmac\rdos\r\nend\n"},
		{"trailing blanks", "blank \ntab\t\n two  \n \n\t\n"},
		{"From lines", "From here\n>From there\nFrom\n"},
		{"998", strings.Repeat("x", 998) + "\n"},
		{"999", strings.Repeat("x", 999) + "\n"},
		{"100,000 in one line", strings.Repeat("0123456789", 10000) + "\n"},
		{"quoted-printable look", "=3D=\n=?utf-8?q?no?=\n==\n"},
		{"a boundary look", "--=_abc\n----=_\n--\n"},
		{"control characters", "bell \x07 escape \x1b[31m form feed \f delete \x7f\n"},
		{"Chinese", "尊敬的客户：\n\n您三月的对账单见附件。\n财务部\n"},
		{"Chinese, one line", strings.Repeat("对账单", 2000) + "\n"},
		{"German", "Grüße aus Köln, Straße 5, 20 €\n"},
		{"Japanese and Korean", "お世話になっております。\n안녕하세요.\n"},
		{"right to left", "مرحبا بالعالم\nשלום עולם\n"},
		{"emoji", "👩‍👩‍👧 🇨🇳 e\u0301 \U0001f600\n"},
	} {
		add("text: "+text.name, "text/plain", func(s *sample) { s.mail.Text = text.text })
	}
}

// addHeaders adds mails whose header is hard.
func addHeaders(add adder) {
	for _, subject := range [][2]string{
		{"Chinese", "三月对账单（请查收）"},
		{"long Chinese", strings.Repeat("三月对账单，", 60)},
		{"long token", "https://example.net/" + strings.Repeat("abcdefghij", 80)},
		{"long words", strings.Repeat("statement for March, ", 40) + "end"},
		{"an encoded one", "=?utf-8?b?5LiJ?= is not encoded"},
		{"a mixture", `Re: "März" <三月> (März), =?= 100 % _ok_ 😀`},
	} {
		add("subject: "+subject[0], "text/plain", func(s *sample) { s.mail.Subject, s.mail.Text = subject[1], "x\n" })
	}
	add("names", "text/plain", func(s *sample) {
		s.mail.Text = "x\n"
		s.mail.From = mail.Address{Name: `Müller, Jürgen "JM" (Köln)`, Address: "juergen@example.net"}
		s.mail.Sender = mail.Address{Name: "财务部", Address: "accounts@example.net"}
		s.mail.ReplyTo = []mail.Address{{Name: "O'Neill; <b>", Address: "reply@example.net"}, {Address: "other@example.net"}}
		s.mail.To = []mail.Address{{Name: strings.Repeat("株式会社", 20), Address: "kim@example.net"}, {Name: "J. R. Doe", Address: "j.r+doe@example.net"}}
		s.mail.Cc = []mail.Address{{Name: `back\slash`, Address: "back@example.net"}, {Name: "=?utf-8?q?x?=", Address: "encoded@example.net"}}
	})
	add("sixty recipients", "text/plain", func(s *sample) {
		s.mail.Text, s.mail.To = "x\n", nil
		for i := range 60 {
			s.mail.To = append(s.mail.To, mail.Address{Name: fmt.Sprintf("客户 %d", i), Address: fmt.Sprintf("customer.%d@example.net", i)})
		}
	})
	add("quoted local part", "text/plain", func(s *sample) {
		s.mail.Text, s.mail.To = "x\n", []mail.Address{{Name: "Q", Address: `"john doe, jr"@example.net`}}
	})
	add("SMTPUTF8", "text/plain", func(s *sample) {
		s.mail.Text, s.mail.Subject = "三月\n", "三月对账单"
		s.mail.To = []mail.Address{{Name: "测试", Address: "测试@example.net"}}
		s.mail.Cc = []mail.Address{{Name: "Jürgen, der Große", Address: "jürgen@example.net"}}
	})
	add("thread and list", "text/plain", func(s *sample) {
		s.mail.Text, s.mail.Priority, s.mail.AutoSubmitted = "x\n", mail.High, "auto-generated"
		s.mail.InReplyTo, s.mail.References = "1@example.net", []string{"0@example.net", "1@example.net"}
		s.mail.Unsubscribe = mail.Unsubscribe{URL: "https://example.net/u?t=" + strings.Repeat("a", 100), Mailto: "leave@example.net?subject=leave", OneClick: true}
		s.mail.Header = []mail.Field{{Name: "List-Id", Value: "News <news.example.net>"}, {Name: "X-Kunde", Value: "Größe 42, 客户"}}
	})
}

// addFiles adds mails with attachments.
func addFiles(add adder) {
	noise := rand.NewChaCha8([32]byte{1})
	random := func(n int) []byte {
		b, _ := io.ReadAll(io.LimitReader(noise, int64(n)))
		return b
	}
	pdf := func(name string) file { return file{name: name, kind: "application/pdf", data: random(1000)} }
	for _, name := range []string{
		"対账单 2026年3月.pdf", "見積書（最終版）.pdf", "Übergrößenträger.pdf", "statement.pdf",
		`a "quoted" name; x=y, %41'b'.pdf`, strings.Repeat("很长的文件名", 13) + ".pdf", "résumé 😀.pdf",
	} {
		add("file: "+name, "mixed(text/plain, application/pdf)", func(s *sample) {
			s.mail.Text, s.attach = "See the file.\n", []file{pdf(name)}
		})
	}
	add("sizes", "mixed(text/plain"+strings.Repeat(", application/octet-stream", 9)+")", func(s *sample) {
		s.mail.Text = "x\n"
		for _, size := range []int{0, 1, 2, 3, 56, 57, 58, 4096, 300_000} {
			s.attach = append(s.attach, file{name: fmt.Sprint(size), kind: "application/octet-stream", data: random(size)})
		}
	})
	add("texts as files", "mixed(text/plain, text/plain, text/csv, text/html)", func(s *sample) {
		s.mail.Text = "x\n"
		s.attach = []file{
			{name: "line ends.txt", kind: "text/plain", data: []byte("unix\nmac\rdos\r\n.\n\x00no end")},
			{name: "表.csv", kind: "text/csv", data: []byte("客户,金额\n李,1\n")},
			{name: "seite.html", kind: "text/html", data: []byte("<p>Grüße")},
		}
	})
	add("a file alone", "application/pdf", func(s *sample) { s.attach = []file{pdf("alone.pdf")} })
	add("a mail as a file", "mixed(text/plain, message/rfc822)", func(s *sample) {
		inner := "From: lee@example.net\r\nSubject: inner\r\nDate: Sun, 22 Nov 2026 20:36:01 +0000\r\n\r\n.\r\ninner text\r\n"
		s.mail.Text, s.attach = "x\n", []file{{name: "mail.eml", kind: "message/rfc822", data: []byte(inner)}}
	})
}

const calendar = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Parley//interop//EN\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nUID:1@example.net\r\n" +
	"DTSTAMP:20260331T000000Z\r\nDTSTART:20260401T090000Z\r\nSUMMARY:三月对账\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"

// addForms adds mails whose text has several forms.
func addForms(add adder) {
	png := append([]byte("\x89PNG\r\n\x1a\n"), bytes.Repeat([]byte{0, 1, 0xff}, 500)...)
	html := "<p>三月 <b>对账单</b></p>\n<img src=\"cid:logo.png\">\n" + strings.Repeat("<td>", 500) + "\n"
	logo := file{name: "logo.png", kind: "image/png", cid: "logo.png", data: png}
	add("no text at all", "text/plain", func(s *sample) { s.mail.Subject = "" })
	add("HTML alone", "text/html", func(s *sample) { s.mail.HTML = html })
	add("text and HTML", "alternative(text/plain, text/html)", func(s *sample) { s.mail.Text, s.mail.HTML = "三月\n", html })
	add("HTML and image", "related(text/html, image/png)", func(s *sample) {
		s.mail.HTML, s.inline = html, []file{logo}
	})
	add("invitation", "mixed(alternative(text/plain, text/calendar), application/ics)", func(s *sample) {
		s.mail.Text, s.mail.Invite = "x\n", mail.Invite{Calendar: calendar, File: "invite.ics"}
	})
	add("all", "mixed(related(alternative(text/plain, text/html, text/calendar), image/png, image/png), application/pdf)", func(s *sample) {
		s.mail.Text, s.mail.HTML, s.mail.Invite.Calendar = ".\n三月\n.\n", html, calendar
		s.inline = []file{logo, {name: "签名.png", kind: "image/png", cid: "sign.1@example.net", data: png[:100]}}
		s.attach = []file{{name: "対账单.pdf", kind: "application/pdf", data: []byte("%PDF-1.7\n")}}
	})
}
