package mail_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/parleymail/parley/mail"
)

// A drain is what a session is to a content: it takes lines that need no looking
// through.
type drain struct{ n int64 }

func (d *drain) Write(p []byte) (int, error)      { d.n += int64(len(p)); return len(p), nil }
func (d *drain) WriteLines(p []byte) (int, error) { d.n += int64(len(p)); return len(p), nil }

func send(b testing.TB, m mail.Object, w *drain) {
	if _, err := m.Envelope(); err != nil {
		b.Fatal(err)
	}
	c, err := m.Open()
	if err != nil {
		b.Fatal(err)
	}
	form, err := c.Fit(mail.Offer{EightBit: true})
	if err != nil {
		b.Fatal(err)
	}
	w.n = 0
	if n, err := c.WriteTo(w); err != nil || n != w.n || form.Size >= 0 && n != form.Size {
		b.Fatalf("wrote %d of %d, size %d: %v", n, w.n, form.Size, err)
	}
	if err := c.Close(); err != nil {
		b.Fatal(err)
	}
}

func benchmark(b *testing.B, m mail.Object) {
	b.ReportAllocs()
	var w drain
	send(b, m, &w)
	b.SetBytes(w.n)
	for b.Loop() {
		send(b, m, &w)
	}
}

func plainMessage() *mail.Message {
	return &mail.Message{
		From:    mail.Address{Name: "Kim Smith", Address: "kim@example.net"},
		To:      mail.To("lee@example.org"),
		Subject: "Your order has been sent",
		Text:    strings.Repeat("The quick brown fox jumps over the lazy dog, and so on it goes.\n", 16),
	}
}

func BenchmarkComposePlain(b *testing.B) { benchmark(b, plainMessage()) }

func BenchmarkComposeTextHTML(b *testing.B) {
	m := plainMessage()
	m.Subject = "三月对账单"
	m.Text = strings.Repeat("尊敬的客户，您好。见附件。\n", 20)
	m.HTML = strings.Repeat("<p>尊敬的客户，您好。见附件。</p>\n", 20)
	benchmark(b, m)
}

func attach(n int) *mail.Message {
	m := plainMessage()
	m.Attach = []mail.Part{mail.Bytes("a.pdf", bytes.Repeat([]byte("0123456789abcdef"), n/16))}
	return m
}

func BenchmarkComposeAttach100K(b *testing.B) { benchmark(b, attach(100<<10)) }
func BenchmarkComposeAttach10M(b *testing.B)  { benchmark(b, attach(10<<20)) }

func BenchmarkComposeRaw(b *testing.B) {
	var buf bytes.Buffer
	c, err := plainMessage().Open()
	if err != nil {
		b.Fatal(err)
	}
	if _, err = c.Fit(mail.Offer{}); err == nil {
		_, err = c.WriteTo(&buf)
	}
	if err != nil {
		b.Fatal(err)
	}
	env, _ := plainMessage().Envelope()
	benchmark(b, &mail.Raw{Env: env, Data: buf.Bytes()})
}
