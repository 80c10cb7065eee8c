package interop_test

import (
	"bytes"
	"crypto/rand"
	"slices"
	"strings"
	"testing"

	"github.com/parleymail/parley/mail"
)

// envelopeIDs are how the servers' reports name an envelope ID of "a+b=c", which is said
// to them as "a+2Bb+3Dc" (xtext, RFC 3461 §4).
var envelopeIDs = map[string]string{
	"postfix":   "Original-Envelope-Id: a+b=c",
	"dovecot":   "Original-Envelope-Id: a+b=c",
	"exim":      "Original-Envelope-ID: a+2Bb+3Dc", // not decoded, against RFC 3464 §2.2.1
	"opensmtpd": "",                                // takes it, and leaves it out
}

// TestDSN asks each server that offers DSN for word of a delivery, and looks for it:
// what stands on MAIL and RCPT was understood as it was meant.
func TestDSN(t *testing.T) {
	each(t, func(t *testing.T, s server, p *peer, inbox maildir) {
		o, err := hear(t.Context(), p.addr("TLS"), implicitTLS, p.tls())
		if err != nil {
			t.Fatal(err)
		}
		if !o.has("DSN") {
			t.Skip("EHLO does not offer DSN")
		}
		client := p.client(implicitTLS, "PLAIN")
		defer client.Close()
		m := features[1].message("dsn")
		m.From.Address = strings.ToLower(rand.Text()) + "@example.net"
		m.Notify, m.Return, m.EnvelopeID = mail.NotifySuccess, mail.ReturnHeader, "a+b=c"
		if _, err := client.Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		var report delivered
		inbox.watch(t, func(d delivered) bool {
			if slices.Contains(d.recipients(), m.From.Address) {
				report = d
			}
			return report.file != ""
		})
		if report.file == "" {
			t.Fatal("no report came")
		}
		for _, want := range []string{envelopeIDs[s.name], "Final-Recipient: rfc822;", "Action: ", "Status: 2."} {
			if !bytes.Contains(report.body, []byte(want)) {
				t.Errorf("the report has no %q: %s", want, report.body)
			}
		}
		if bytes.Contains(report.body, []byte("the last line")) {
			t.Errorf("the report brings the content back, though RET=HDRS was asked for: %s", report.body)
		}
	})
}
