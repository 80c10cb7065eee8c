package smtp_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parleymail/parley/sasl"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtptest"
	"github.com/parleymail/parley/transcript"
)

// TestWords are the faults that every library of the field words as "EOF", and what
// they are called here.
func TestWords(t *testing.T) {
	const opening = "S: 220 mx.example ESMTP\nC: EHLO localhost\n"
	const envelope = "C: MAIL*\nS: 250 ok\nC: RCPT*\nS: 250 ok\nC: DATA\nS: 354 go on\nC: .\n"
	for _, tt := range []struct{ name, script, want string }{
		{
			"421 to EHLO, then closed", opening + "S: 421-4.7.0 Try again later, closing connection. (EHLO)\nS: 421 4.7.0 https://support.example/121905\n-- closed\n",
			"smtp: saying EHLO: 421 4.7.0 Try again later, closing connection. (EHLO) / https://support.example/121905",
		},
		{"554 for a greeting", "S: 554 5.7.1 your address is listed\n", "smtp: waiting for the greeting: 554 5.7.1 your address is listed"},
		{
			"535 of two lines", opening + "S: 250-mx\nS: 250 AUTH PLAIN\nC: AUTH PLAIN (secret)\nS: 535-5.7.8 Username and Password not accepted. For more information, go to\nS: 535 5.7.8  https://support.example/BadCredentials gsmtp\n",
			"smtp: authenticating: 535 5.7.8 Username and Password not accepted. For more information, go to /  https://support.example/BadCredentials gsmtp",
		},
		{"one recipient refused", opening + "S: 250 mx\nC: MAIL*\nS: 250 ok\nC: RCPT*\nS: 550 5.1.1 no such user\n", "smtp: giving a forward-path <b@example.net>: 550 5.1.1 no such user"},
		{
			"dropped after the dot", opening + "S: 250 mx\n" + envelope + "-- closed\n",
			"smtp: ending the content (the mail may have been taken): the server hung up: EOF",
		},
		{
			"silent after the dot", opening + "S: 250 mx\n" + envelope + "-- silence\n",
			"smtp: ending the content (the mail may have been taken): the server said nothing for 10m0s: read tcp 127.0.0.1:40001->127.0.0.1:1025: i/o timeout",
		},
		{"no STARTTLS", "TLS\n" + opening + "S: 250 mx\n", "smtp: starting TLS: the server offers no STARTTLS, and without TLS nothing is sent"},
		{
			"implicit TLS, to a port in clear text", "implicit TLS\nS: 220 mx.example ESMTP\n-- silence\n",
			`smtp: starting TLS: the server speaks plain text here, not TLS; it began with "220 m": tls: first record does not look like a TLS handshake`,
		},
		{
			"clear text, to a port of TLS", "-- silence\n",
			"smtp: waiting for the greeting: the server said nothing for 5m0s: read tcp 127.0.0.1:40001->127.0.0.1:1025: i/o timeout",
		},
		{"closed at once", "-- closed\n", "smtp: waiting for the greeting: the server hung up: EOF"},
		{"refused", "-- refused\n", "smtp: connecting: dial tcp 127.0.0.1:1025: connect: connection refused"},
		{"another protocol", "S: HTTP/1.1 400 Bad Request\n", `smtp: waiting for the greeting: the server said "HTTP/1.1 400 Bad Request", which is no reply`},
		{
			"control bytes", opening + "S: 550 \\x1b[2J\\x07\n",
			`smtp: saying EHLO: 550 \x1b[2J\x07`,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client := smtptest.Play(t, tt.script)
				switch {
				case strings.HasPrefix(tt.script, "TLS"):
					client.Security = smtp.StartTLS
				case strings.HasPrefix(tt.script, "implicit"):
					client.Security = smtp.ImplicitTLS
				}
				if strings.Contains(tt.script, "AUTH") {
					client.Auth = sasl.Password("shop", "hush")
				}
				_, err := client.Send(context.Background(), aMail())
				if err == nil || err.Error() != tt.want {
					t.Errorf("got  %v\nwant %s", err, tt.want)
				}
				if e := asError(t, err); e.Stage != smtp.StageDial && !strings.Contains(transcript.Of(e).String(), "-- connected to mx.example:25\n") {
					t.Errorf("the error brings along\n%s", transcript.Of(e))
				}
			})
		})
	}
}

// TestIdleSessionThatDied: 421 while a session was idle, and a cut: the next mail
// goes over a new session, and nobody is told.
func TestIdleSessionThatDied(t *testing.T) {
	const mailed = "S: 220 mx\nC: EHLO localhost\nS: 250 mx\nC: MAIL*\nS: 250 ok\nC: RCPT*\nS: 250 ok\nC: DATA\nS: 354 go on\nC: .\nS: 250 taken\n"
	for _, end := range []string{"-- wait 1s\nS: 421 4.4.2 idle for too long\n-- closed\n", "-- wait 1s\n-- closed\n", "-- wait 1s\n-- reset\n", "C: MAIL*\nS: 421 4.4.2 idle\n-- closed\n", "C: MAIL*\n-- closed\n"} {
		synctest.Test(t, func(t *testing.T) {
			client := smtptest.Play(t, mailed+end+"-- connected\n"+mailed)
			for range 2 {
				if _, err := client.Send(context.Background(), aMail()); err != nil {
					t.Errorf("%q: %v", end, err)
				}
				time.Sleep(5 * time.Second)
			}
		})
	}
}
