package smtp_test

import (
	"errors"
	"testing"

	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtptest"
)

func envelope(from string, to ...string) mail.Envelope {
	var env mail.Envelope
	env.ReversePath, _ = mail.ParsePath(from)
	for _, s := range to {
		p, _ := mail.ParsePath(s)
		env.Recipients = append(env.Recipients, mail.Recipient{Path: p})
	}
	return env
}

// TestVerify asks, takes the question back, and sends over the same session.
func TestVerify(t *testing.T) {
	client := smtptest.Play(t, `
S: 220 mx.example ESMTP
C: EHLO localhost
S: 250-mx.example
S: 250 SIZE 1000
C: MAIL FROM:<a@example.com>
S: 250 2.1.0 ok
C: RCPT TO:<b@example.net>
S: 250 2.1.5 ok
C: RSET
S: 250 2.0.0 forgotten
C: MAIL FROM:<a@example.com>
S: 250 2.1.0 ok
C: RCPT TO:<nobody@example.net>
S: 550 5.1.1 no such user
C: RSET
S: 250 2.0.0 forgotten
C: MAIL FROM:<a@example.com> SIZE=*
S: 250 2.1.0 ok
C: RCPT TO:<b@example.net>
S: 250 2.1.5 ok
C: DATA
S: 354 go on
C: (content)
S: 250 2.0.0 taken
C: QUIT
S: 221 2.0.0 bye
`)
	session, err := client.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := session.Verify(t.Context(), envelope("a@example.com", "b@example.net")); err != nil {
		t.Errorf("taken: %v", err)
	}
	err = session.Verify(t.Context(), envelope("a@example.com", "nobody@example.net"))
	if e, ok := errors.AsType[*smtp.Error](err); !ok || e.Stage != smtp.StageRcpt || e.Reply.Code != 550 || e.Path.Local != "nobody" || e.Uncertain() {
		t.Errorf("refused: %v", err)
	}
	if _, err := session.Send(t.Context(), &mail.Message{From: mail.Address{Address: "a@example.com"}, To: mail.To("b@example.net"), Text: "hi\n"}); err != nil {
		t.Errorf("sending after it: %v", err)
	}
	if err := session.Close(); err != nil {
		t.Error(err)
	}
	if err := session.Verify(t.Context(), envelope("a@example.com", "b@example.net")); err == nil {
		t.Error("a closed session was asked")
	}
}

// TestVerifyIsNeverAddedTo: a server that refuses RSET keeps what it took. The next mail
// must not go to those who were only asked for.
func TestVerifyIsNeverAddedTo(t *testing.T) {
	client := smtptest.Play(t, `
S: 220 mx.example ESMTP
C: EHLO localhost
S: 250 mx.example
C: MAIL FROM:<a@example.com>
S: 250 ok
C: RCPT TO:<secret@example.net>
S: 250 ok
C: RSET
S: 502 not implemented
C: RSET
S: 502 not implemented
`)
	session, err := client.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	if err := session.Verify(t.Context(), envelope("a@example.com", "secret@example.net")); err != nil {
		t.Errorf("taken: %v", err)
	}
	if _, err := session.Send(t.Context(), &mail.Message{From: mail.Address{Address: "a@example.com"}, To: mail.To("b@example.net"), Text: "hi\n"}); err == nil {
		t.Error("a mail went behind an envelope that the server still had")
	}
}
