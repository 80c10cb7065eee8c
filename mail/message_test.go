package mail_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parleymail/parley/mail"
)

// TestCheck: each way to be wrong, and the field that is told of.
func TestCheck(t *testing.T) {
	long := strings.Repeat("x", 901)
	for _, c := range []struct {
		field, wrong string
		spoil        func(m *mail.Message)
	}{
		{"From", "is missing", func(m *mail.Message) { m.From = mail.Address{} }},
		{"From", "has no local@domain", func(m *mail.Message) { m.From.Address = "" }},
		{"From", "no domain", func(m *mail.Message) { m.From.Address = "kim" }},
		{"From.Name", "CR", func(m *mail.Message) { m.From.Name = "a\r\nBcc: x@y" }},
		{"From.Name", "a tab", func(m *mail.Message) { m.From.Name = "a\tb" }},
		{"Sender", "comment", func(m *mail.Message) { m.Sender.Address = "a@b(c)" }},
		{"ReplyTo[1]", "CR", func(m *mail.Message) { m.ReplyTo = mail.To("a@b", "c@d\r\n") }},
		{"To", "nobody", func(m *mail.Message) { m.To = nil }},
		{"To[0]", "brackets", func(m *mail.Message) { m.To = mail.To("a@1.2.3.4") }},
		{"Cc[0]", "@", func(m *mail.Message) { m.Cc = mail.To("nobody") }},
		{"Bcc[0].Name", "NUL", func(m *mail.Message) { m.Bcc = []mail.Address{{Name: "\x00", Address: "a@b"}} }},
		{"Subject", "LF", func(m *mail.Message) { m.Subject = "a\nb" }},
		{"Subject", "U+2028", func(m *mail.Message) { m.Subject = "a\u2028b" }},
		{"Subject", "not UTF-8", func(m *mail.Message) { m.Subject = "\xff" }},
		{"Text", "NUL", func(m *mail.Message) { m.Text = "a\x00" }},
		{"Text", "not UTF-8", func(m *mail.Message) { m.Text = "M\xfcller" }},
		{"HTML", "NUL", func(m *mail.Message) { m.HTML = "\x00" }},
		{"Date", "year", func(m *mail.Message) { m.Date = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) }},
		{"Date", "zone", func(m *mail.Message) { m.Date = someDay.In(time.FixedZone("x", 100*3600)) }},
		{"MessageID", "one @", func(m *mail.Message) { m.MessageID = "abc" }},
		{"MessageID", `">"`, func(m *mail.Message) { m.MessageID = "a@b>\r\nX: y" }},
		{"MessageID", "longer than 900", func(m *mail.Message) { m.MessageID = long + "@b" }},
		{"InReplyTo", "LF", func(m *mail.Message) { m.InReplyTo = "a\nb" }},
		{"References[1]", "longer than 900", func(m *mail.Message) { m.References = []string{"a@b", long} }},
		{"References[0]", "is empty", func(m *mail.Message) { m.References = []string{"<>"} }},
		{"Priority", "neither", func(m *mail.Message) { m.Priority = 9 }},
		{"AutoSubmitted", "one word", func(m *mail.Message) { m.AutoSubmitted = "auto generated" }},
		{"Unsubscribe.URL", "no http or https", func(m *mail.Message) { m.Unsubscribe.URL = "javascript:x" }},
		{"Unsubscribe.URL", "must be https", func(m *mail.Message) { m.Unsubscribe = mail.Unsubscribe{URL: "http://a.example/", OneClick: true} }},
		{"Unsubscribe.URL", "comma", func(m *mail.Message) { m.Unsubscribe.URL = "https://a.example/?a,b" }},
		{"Unsubscribe.URL", "percent", func(m *mail.Message) { m.Unsubscribe.URL = "https://例子.中国/" }},
		{"Unsubscribe.URL", "longer than 900", func(m *mail.Message) { m.Unsubscribe.URL = "https://a.example/" + long }},
		{"Unsubscribe.OneClick", "needs URL", func(m *mail.Message) { m.Unsubscribe = mail.Unsubscribe{Mailto: "a@b", OneClick: true} }},
		{"Unsubscribe.Mailto", "no mailto", func(m *mail.Message) { m.Unsubscribe.Mailto = "leave" }},
		{"Header[0].Name", "no name", func(m *mail.Message) { m.Header = []mail.Field{{Name: "X Y", Value: "z"}} }},
		{"Header[0].Name", "CR", func(m *mail.Message) { m.Header = []mail.Field{{Name: "X\r\nY", Value: "z"}} }},
		{"Header[0].Name", "is empty", func(m *mail.Message) { m.Header = []mail.Field{{}} }},
		{"Header[0].Name", "76", func(m *mail.Message) { m.Header = []mail.Field{{Name: long}} }},
		{"Header[1].Value", "CR", func(m *mail.Message) { m.Header = []mail.Field{{Name: "X"}, {Name: "Y", Value: "\r\n\r\nbody"}} }},
		{"Header[0]", "the field Subject", func(m *mail.Message) { m.Header = []mail.Field{{Name: "subject", Value: "z"}} }},
		{"Header[0]", "not the message's", func(m *mail.Message) { m.Header = []mail.Field{{Name: "Content-Type", Value: "z"}} }},
		{"Header[0]", "not the message's", func(m *mail.Message) { m.Header = []mail.Field{{Name: "Received", Value: "z"}} }},
		{"ReversePath", "CR", func(m *mail.Message) { m.ReversePath = &mail.Path{Local: "a\r", Domain: "b"} }},
		{"Notify", "NotifyNever", func(m *mail.Message) { m.Notify = mail.NotifyNever | mail.NotifyDelay }},
		{"Return", "neither", func(m *mail.Message) { m.Return = 3 }},
		{"EnvelopeID", "100", func(m *mail.Message) { m.EnvelopeID = strings.Repeat("+", 34) }},
		{"EnvelopeID", "LF", func(m *mail.Message) { m.EnvelopeID = "a\n" }},
		{"Invite.Calendar", "is empty", func(m *mail.Message) { m.Invite.Method = "REQUEST" }},
		{"Invite.Calendar", "BEGIN:VCALENDAR", func(m *mail.Message) { m.Invite.Calendar = "METHOD:REQUEST" }},
		{"Invite.Method", "no METHOD", func(m *mail.Message) { m.Invite.Calendar = "BEGIN:VCALENDAR\r\n" }},
		{"Invite.Method", "CR", func(m *mail.Message) { m.Invite = mail.Invite{Calendar: "BEGIN:VCALENDAR\n", Method: "X\r\nY"} }},
		{"Invite.Method", `which is "REQUEST"`, func(m *mail.Message) {
			m.Invite = mail.Invite{Calendar: "BEGIN:VCALENDAR\nMETHOD:REQUEST\n", Method: "CANCEL"}
		}},
		{"Invite.File", "slash", func(m *mail.Message) {
			m.Invite = mail.Invite{Calendar: "BEGIN:VCALENDAR\nMETHOD:A\n", File: "a/b.ics"}
		}},
		{"Inline", "needs HTML", func(m *mail.Message) { m.HTML = ""; m.Inline = []mail.Part{mail.Bytes("a.png", nil)} }},
		{"Inline[1].ContentID", "Inline[0]", func(m *mail.Message) { m.Inline = []mail.Part{mail.Bytes("a.png", nil), mail.Bytes("a.png", nil)} }},
		{"Inline[0].ContentID", "cannot stand", func(m *mail.Message) { m.Inline = []mail.Part{mail.Bytes("a b.png", nil)} }},
		{"Attach[0]", "has no content", func(m *mail.Message) { m.Attach = []mail.Part{{Name: "a"}} }},
		{"Attach[0].Name", "is empty", func(m *mail.Message) { m.Attach = []mail.Part{mail.Bytes("", nil)} }},
		{"Attach[0].Name", "slash", func(m *mail.Message) { m.Attach = []mail.Part{mail.Bytes("../a", nil)} }},
		{"Attach[0].Name", "slash", func(m *mail.Message) { m.Attach = []mail.Part{mail.Bytes(`..\a`, nil)} }},
		{"Attach[0].Name", `".."`, func(m *mail.Message) { m.Attach = []mail.Part{mail.Bytes("..", nil)} }},
		{"Attach[0].Name", "CR", func(m *mail.Message) { m.Attach = []mail.Part{mail.Bytes("a\r\nX: y", nil)} }},
		{"Attach[0].Name", "turns", func(m *mail.Message) { m.Attach = []mail.Part{mail.Bytes("a\u202efdp.exe", nil)} }},
		{"Attach[0].Name", "255", func(m *mail.Message) { m.Attach = []mail.Part{mail.Bytes(long, nil)} }},
		{"Attach[0].Type", "CR", func(m *mail.Message) { m.Attach = []mail.Part{typed("text/plain\r\nX: y")} }},
		{"Attach[0].Type", "no content type", func(m *mail.Message) { m.Attach = []mail.Part{typed("text")} }},
		{"Attach[0].Type", "no content type", func(m *mail.Message) { m.Attach = []mail.Part{typed("text/plain; a")} }},
		{"Attach[0].Type", "multipart", func(m *mail.Message) { m.Attach = []mail.Part{typed("multipart/mixed; boundary=a")} }},
		{"Attach[0].Type", "rfc822", func(m *mail.Message) { m.Attach = []mail.Part{typed("message/partial")} }},
		{"Attach[0].ContentID", "LF", func(m *mail.Message) { p := mail.Bytes("a", nil); p.ContentID = "a\nb"; m.Attach = []mail.Part{p} }},
		{"Attach[0].Size", "negative", func(m *mail.Message) { p := mail.Bytes("a", nil); p.Size = -1; m.Attach = []mail.Part{p} }},
	} {
		m := base()
		m.HTML = "x"
		c.spoil(m)
		checkErr := m.Check()
		_, openErr := m.Open()
		_, envErr := m.Envelope()
		if c.field == "Text" || c.field == "HTML" {
			envErr = openErr // looked at once
		}
		for _, err := range []error{checkErr, openErr, envErr} {
			p, ok := errors.AsType[mail.Problems](err)
			if !ok || len(p) != 1 || p[0].Field != c.field || !strings.Contains(p[0].What, c.wrong) {
				t.Errorf("want %s %q, got %v", c.field, c.wrong, err)
			}
			if one, ok := errors.AsType[mail.FieldError](err); ok && one.Field != c.field {
				t.Errorf("%s is not found within %v", c.field, err)
			}
		}
	}
}

func typed(kind string) mail.Part {
	p := mail.Bytes("a", nil)
	p.Type = kind
	return p
}

// TestCheckTellsAll: not the first fault alone.
func TestCheckTellsAll(t *testing.T) {
	m := &mail.Message{Subject: "a\r", To: mail.To("a", "b@c", "d@"), Text: "\x00"}
	want := `the message cannot be sent: From is missing; To[0] is no address: the address "a" has no @ and so no domain; ` +
		`To[2] is no address: the address "d@" has no domain; Subject holds a CR; Text holds a NUL`
	if err := m.Check(); fmt.Sprint(err) != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	if _, err := m.Envelope(); fmt.Sprint(err) != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	if err := base().Check(); err != nil {
		t.Error(err)
	}
}

func TestEnvelope(t *testing.T) {
	m := base()
	m.Cc = mail.To("Max <max@Example.org>", "lee@EXAMPLE.org")
	m.Bcc = mail.To("kim@例子.中国", "金@例子.中国", "max@example.org", "Max@example.org")
	m.Notify, m.Return, m.EnvelopeID, m.RequireTLS = mail.NotifyFailure, mail.ReturnHeader, "42", true
	e, err := m.Envelope()
	if err != nil {
		t.Fatal(err)
	}
	got := e.ReversePath.String()
	for _, r := range e.Recipients {
		got += " " + r.Path.String()
		if r.Notify != mail.NotifyFailure {
			t.Errorf("%s has notify %d", r.Path, r.Notify)
		}
	}
	// A domain has A-labels where the local part does not need SMTPUTF8 anyway.
	want := "<kim@example.net> <lee@example.org> <max@Example.org> <kim@xn--fsqu00a.xn--fiqs8s> <金@例子.中国> <Max@example.org>"
	if got != want || e.Return != mail.ReturnHeader || e.ID != "42" || !e.RequireTLS {
		t.Errorf("got %s, %+v", got, e)
	}

	for want, change := range map[string]func(m *mail.Message){
		"<kim@example.net>":    func(*mail.Message) {},
		"<office@example.net>": func(m *mail.Message) { m.Sender.Address = "office@example.net" },
		"<bounce@example.net>": func(m *mail.Message) {
			m.Sender.Address = "office@example.net"
			m.ReversePath = &mail.Path{Local: "bounce", Domain: "example.net"}
		},
		"<>": func(m *mail.Message) { m.ReversePath = &mail.Path{} },
	} {
		m := base()
		change(m)
		if e, err := m.Envelope(); err != nil || e.ReversePath.String() != want {
			t.Errorf("got %s, %v; want %s", e.ReversePath, err, want)
		}
	}
}

// TestEnvelopeMany: doubles are found among many too.
func TestEnvelopeMany(t *testing.T) {
	m := base()
	m.To = nil
	for i := range 1000 {
		m.To = append(m.To, mail.Address{Address: fmt.Sprintf("n%d@Example.org", i%300)})
		m.Bcc = append(m.Bcc, mail.Address{Address: fmt.Sprintf("n%d@example.ORG", i%400)})
	}
	e, err := m.Envelope()
	if err != nil || len(e.Recipients) != 400 {
		t.Errorf("%d recipients, %v", len(e.Recipients), err)
	}
}

// TestBccIsNowhere: not in the header in any form.
func TestBccIsNowhere(t *testing.T) {
	m := base()
	m.Bcc = []mail.Address{{Name: "Secret Person", Address: "secret@example.org"}}
	got, _ := compose(t, m, eightBit)
	if s := strings.ToLower(string(got)); strings.Contains(s, "bcc") || strings.Contains(s, "secret") {
		t.Errorf("%s", got)
	}
}

func TestSMTPUTF8(t *testing.T) {
	m := base()
	m.Cc = mail.To("金@例子.中国")
	if _, _, err := tryCompose(m, eightBit); err == nil || !strings.Contains(err.Error(), "SMTPUTF8") || !strings.Contains(err.Error(), "金@例子.中国") {
		t.Errorf("without SMTPUTF8: %v", err)
	}
	got, form := compose(t, m, allOffer)
	if !form.UTF8 || !form.EightBit || !strings.Contains(string(got), "Cc: 金@例子.中国\r\n") {
		t.Errorf("%+v\n%s", form, got)
	}
	// In the envelope alone it is not the header's matter.
	m.Cc, m.Bcc = nil, m.Cc
	if _, form := compose(t, m, eightBit); form.UTF8 || form.EightBit {
		t.Errorf("%+v", form)
	}
}

// TestIdentity: each sending has an identifier of its own, in the domain of From,
// unless the message says one.
func TestIdentity(t *testing.T) {
	seen := make(map[string]bool)
	m := base()
	for range 100 {
		got, _ := compose(t, m, sevenBit)
		_, rest, _ := strings.Cut(string(got), "\r\nMessage-ID: <")
		id, _, _ := strings.Cut(rest, "@example.net>\r\n")
		if len(id) != 26 || seen[id] {
			t.Fatalf("identifier %q", id)
		}
		seen[id] = true
	}
	if id := mail.NewMessageID(m.From); !strings.HasSuffix(id, "@example.net") || len(id) != 26+len("@example.net") || seen[id] {
		t.Error(id)
	}
	m.MessageID = mail.NewMessageID(mail.Address{Address: "kim@[192.0.2.1]"})
	if got, _ := compose(t, m, sevenBit); !strings.Contains(string(got), "\r\nMessage-ID: <"+m.MessageID+">\r\n") {
		t.Errorf("%s", got)
	}
}

// TestContentOnce: a content is written once and closed for good; then its memory
// may be another's.
func TestContentOnce(t *testing.T) {
	c, err := base().Open()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.WriteTo(new(drain)); err == nil {
		t.Error("it was written before Fit")
	}
	for range 2 { // Fit may be asked again
		if _, err := c.Fit(sevenBit); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.WriteTo(new(drain)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.WriteTo(new(drain)); err == nil {
		t.Error("it was written twice")
	}
	for range 2 {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := c.Fit(sevenBit); err == nil {
		t.Error("it was used after Close")
	}
	if _, err := c.WriteTo(new(drain)); err == nil {
		t.Error("it was written after Close")
	}
}

func TestObjects(t *testing.T) {
	list := []*mail.Message{base(), base(), base()}
	n := 0
	for o := range mail.Objects(list) {
		if o != mail.Object(list[n]) {
			t.Errorf("%d is another", n)
		}
		if n++; n == 2 {
			break
		}
	}
	if n != 2 {
		t.Errorf("%d", n)
	}
}

// TestConcurrent: one message sent by many at once is the same for all.
func TestConcurrent(t *testing.T) {
	m := full()
	m.Attach = append(m.Attach, mail.Bytes("big.bin", make([]byte, 200_000)))
	want, _ := compose(t, m, eightBit)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				got, _, err := tryCompose(m, eightBit)
				if err != nil || len(got) != len(want) {
					t.Errorf("%d octets and not %d, %v", len(got), len(want), err)
				}
			}
		})
	}
	wg.Wait()
}
