package parley_test

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/sasl"
	"github.com/parleymail/parley/smtptest"
	"github.com/parleymail/parley/transcript"
)

// The README's first screen is what happens: its conversation is played as the
// server, and what the client then prints is the same, line by line.
func TestREADME(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(readme), "```\n-- connected")
	shown, _, ok := strings.Cut(rest, "```")
	if !ok {
		t.Fatal("the README has no conversation")
	}
	shown = "-- connected" + shown

	var printed strings.Builder
	client := smtptest.Play(t, playable(shown))
	client.Addr, client.TLS.ServerName = "smtp.qq.com:465", "localhost"
	client.Auth = sasl.Password("59419979@qq.com", "code-of-sixteen")
	client.Hello = "shop.example"
	client.Trace = transcript.Print(&printed)
	statement := mail.Bytes("对账单.pdf", make([]byte, 101_000))
	date := time.Date(2026, 3, 31, 9, 0, 0, 0, time.UTC)
	_, err = client.Send(context.Background(), &mail.Message{
		From: mail.Address{Name: "财务部", Address: "59419979@qq.com"}, To: mail.To("kim@example.net"),
		Subject: "三月对账单", Text: "见附件。\n",
		Attach: []mail.Part{statement}, Date: date, MessageID: mail.NewMessageID(mail.Address{Address: "59419979@qq.com"}),
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := comparable(printed.String()), comparable(shown); got != want {
		t.Errorf("printed:\n%s\nthe README has:\n%s", got, want)
	}
}

// playable makes of what was printed what can be played: TLS begins with a
// certificate of the test's own.
func playable(shown string) string {
	var b strings.Builder
	for line := range strings.Lines(shown) {
		switch {
		case strings.HasPrefix(line, "-- TLS"):
			line = "-- tls\n"
		case strings.HasPrefix(line, "C: MAIL"):
			line = "C: MAIL FROM:<59419979@qq.com> *\n"
		}
		b.WriteString(line)
	}
	return b.String()
}

// comparable leaves out what differs from run to run: the certificate, and how the
// session was left.
func comparable(s string) string {
	var b strings.Builder
	for line := range strings.Lines(s) {
		switch {
		case strings.HasPrefix(line, "-- TLS"):
			line, _, _ = strings.Cut(line, ",")
			line += "\n"
		case strings.HasPrefix(line, "-- closed"), strings.HasPrefix(line, "C: QUIT"), strings.HasPrefix(line, "S: 221"):
			continue
		}
		b.WriteString(line)
	}
	return b.String()
}
