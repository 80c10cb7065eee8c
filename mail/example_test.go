package mail_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/parleymail/parley/mail"
)

func ExampleMessage() {
	m := &mail.Message{
		From:      mail.Address{Name: "财务部", Address: "59419979@qq.com"},
		To:        mail.To("Kim <kim@example.net>"),
		Subject:   "三月对账单",
		Text:      "See below.\n",
		Date:      time.Date(2026, 3, 9, 8, 5, 0, 0, time.FixedZone("CST", 8*3600)),
		MessageID: "20260309.1@qq.com",
	}
	print(m)
	// Output:
	// envelope: <59419979@qq.com> to <kim@example.net>
	// Date: Mon, 9 Mar 2026 08:05:00 +0800
	// From: =?utf-8?b?6LSi5Yqh6YOo?= <59419979@qq.com>
	// To: Kim <kim@example.net>
	// Message-ID: <20260309.1@qq.com>
	// Subject: =?utf-8?b?5LiJ5pyI5a+56LSm5Y2V?=
	// MIME-Version: 1.0
	// Content-Type: text/plain; charset=us-ascii
	// Content-Transfer-Encoding: 7bit
	//
	// See below.
}

// print does what a session does with an object.
func print(o mail.Object) {
	env, err := o.Envelope()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("envelope:", env.ReversePath, "to", env.Recipients[0].Path)
	content, err := o.Open()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer content.Close()
	if _, err := content.Fit(mail.Offer{EightBit: true}); err != nil {
		fmt.Println(err)
		return
	}
	var b bytes.Buffer
	if _, err := content.WriteTo(&b); err != nil {
		fmt.Println(err)
	}
	fmt.Println(strings.ReplaceAll(b.String(), "\r\n", "\n"))
}

// An image in the HTML, files from a folder, and a file that a program makes.
func ExamplePart() {
	folder := os.DirFS("statements")
	total := mail.Bytes("total.csv", []byte("month,total\n3,42\n"))
	total.Type = "text/csv; charset=utf-8"
	m := &mail.Message{
		From:   mail.Address{Address: "office@example.com"},
		To:     mail.To("kim@example.net"),
		Text:   "Your statement.\n",
		HTML:   `<img src="cid:logo.png"> Your statement.`,
		Inline: []mail.Part{mail.FS(folder, "logo.png")},
		Attach: []mail.Part{mail.FS(folder, "三月.pdf"), total},
	}
	_, err := m.Open() // as sending does, before the first command
	fmt.Println(err)
	// Output:
	// the message cannot be sent: Inline[0] cannot be read: open logo.png: no such file or directory; Attach[0] cannot be read: open 三月.pdf: no such file or directory
}

func ExampleMessage_Check() {
	m := &mail.Message{
		From:    mail.Address{Name: "Kim\r\nBcc: everybody@example.com", Address: "kim@example.net"},
		To:      mail.To("lee@example.org", "max@example"),
		Cc:      mail.To("nobody"),
		Subject: "Hello",
	}
	err := m.Check()
	if problems, ok := errors.AsType[mail.Problems](err); ok {
		for _, p := range problems {
			fmt.Println(p.Field, "|", p.What)
		}
	}
	// Output:
	// From.Name | holds a CR
	// Cc[0] | is no address: the address "nobody" has no @ and so no domain
}

// A newsletter: it can be left with one click, gets no holiday answers, and bounces
// go to an address of its own.
func ExampleUnsubscribe() {
	m := &mail.Message{
		From:        mail.Address{Name: "News", Address: "news@list.example"},
		To:          mail.To("kim@example.net"),
		Subject:     "News",
		Text:        "News.\n",
		Date:        time.Date(2026, 3, 9, 8, 5, 0, 0, time.UTC),
		MessageID:   "1@list.example",
		Unsubscribe: mail.Unsubscribe{URL: "https://list.example/leave?kim", Mailto: "leave@list.example", OneClick: true},
		Header:      []mail.Field{{Name: "List-Id", Value: "News <news.list.example>"}},

		AutoSubmitted: "auto-generated",
		ReversePath:   &mail.Path{Local: "bounce+kim=example.net", Domain: "list.example"},
	}
	print(m)
	// Output:
	// envelope: <bounce+kim=example.net@list.example> to <kim@example.net>
	// Date: Mon, 9 Mar 2026 08:05:00 +0000
	// From: News <news@list.example>
	// To: kim@example.net
	// Message-ID: <1@list.example>
	// Subject: News
	// Auto-Submitted: auto-generated
	// List-Unsubscribe: <https://list.example/leave?kim>,
	//  <mailto:leave@list.example>
	// List-Unsubscribe-Post: List-Unsubscribe=One-Click
	// List-Id: News <news.list.example>
	// MIME-Version: 1.0
	// Content-Type: text/plain; charset=us-ascii
	// Content-Transfer-Encoding: 7bit
	//
	// News.
}

// What "sendmail -t" does: the header says who the mail is for.
func ExampleRaw_HeaderEnvelope() {
	raw := &mail.Raw{Data: []byte("From: Cron <root@host.example>\nTo: kim@example.net\nBcc: lee@example.org\nSubject: done\n\nAll done.\n")}
	var err error
	if raw.Env, err = raw.HeaderEnvelope(); err != nil {
		fmt.Println(err)
		return
	}
	print(raw)
	// Output:
	// envelope: <root@host.example> to <kim@example.net>
	// From: Cron <root@host.example>
	// To: kim@example.net
	// Subject: done
	//
	// All done.
}

func ExampleDecodeJSON() {
	m, err := mail.DecodeJSON(strings.NewReader(`{
		"from": "Kim <kim@example.net>",
		"to": "lee@example.org, max@example.org",
		"subject": "Your statement",
		"attach": [{"name": "a.txt", "text": "Hello.\n"}]
	}`), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(m.From, len(m.To), m.Subject, m.Attach[0].Name)

	_, err = mail.DecodeJSON(strings.NewReader(`{"from": "kim", "subjct": "x"}`), nil)
	fmt.Println(err)
	// Output:
	// Kim <kim@example.net> 2 Your statement a.txt
	// the message cannot be sent: From is no address: the address "kim" has no @ and so no domain
}

func ExampleParsePath() {
	for _, s := range []string{"<kim@例子.中国>", "<>", `"john doe"@example.org`, "user@good-corp.com(x)evil.com"} {
		p, err := mail.ParsePath(s)
		if err != nil {
			fmt.Println(err)
			continue
		}
		ascii, err := p.ASCII()
		fmt.Println(p, ascii, err)
	}
	// Output:
	// <kim@例子.中国> <kim@xn--fsqu00a.xn--fiqs8s> <nil>
	// <> <> <nil>
	// <"john doe"@example.org> <"john doe"@example.org> <nil>
	// the address "user@good-corp.com(x)evil.com" has a comment in its domain
}
