package smtptest_test

import (
	"context"
	"errors"
	"testing"

	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtptest"
)

// A test is a conversation: this server knows b and not c.
func ExamplePlay() {
	_ = func(t *testing.T) {
		client := smtptest.Play(t, `
A server that has no user c.

S: 220 mx.example ESMTP
C: EHLO localhost
S: 250 mx.example
C: MAIL FROM:<a@example.com>*
S: 250 2.1.0 ok
C: RCPT TO:<c@example.net>
S: 550 5.1.1 no such user
`)
		_, err := client.Send(context.Background(), &letter{from: "a@example.com", to: "c@example.net"})
		e, ok := errors.AsType[*smtp.Error](err)
		if !ok || e.Stage != smtp.StageRcpt || e.Temporary() {
			t.Errorf("got %v, want a refused recipient", err)
		}
	}
}
