package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/sasl"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtpd"
)

// failures is a row for each answer: what can go wrong, its exit code, and a word
// of the cause that it must be given.
var failures = []struct {
	name  string
	err   *smtp.Error
	exit  int
	cause string
}{
	{"no host", faultAt(smtp.Unreachable, smtp.StageDial, "", &net.DNSError{Err: "no such host", IsNotFound: true}), 68, "no host"},
	{"no DNS", faultAt(smtp.Unreachable, smtp.StageDial, "", &net.DNSError{Err: "server misbehaving", IsTemporary: true}), 75, "looked up"},
	{"refused connection", faultAt(smtp.Unreachable, smtp.StageDial, "", dialError(syscall.ECONNREFUSED)), 75, "nothing listens"},
	{"no route", faultAt(smtp.Unreachable, smtp.StageDial, "", dialError(syscall.EHOSTUNREACH)), 75, "no way"},
	{"no socket", faultAt(smtp.Unreachable, smtp.StageDial, "", dialError(syscall.ENOENT)), 75, "no socket"},
	{"dropped", faultAt(smtp.Unreachable, smtp.StageDial, "", os.ErrDeadlineExceeded), 75, "firewall"},
	{"dial, else", faultAt(smtp.Unreachable, smtp.StageDial, "", errors.New("proxy said no")), 75, "no connection"},
	{"bad address", faultAt(smtp.Invalid, smtp.StageDial, "", errors.New("no port")), 64, "address"},
	{"silent greeting", faultAt(smtp.Unreachable, smtp.StageGreeting, "", os.ErrDeadlineExceeded), 75, "said nothing"},
	{"hung up", faultAt(smtp.Unreachable, smtp.StageGreeting, "", io.EOF), 75, "without a greeting"},
	{"a web server", faultAt(smtp.Garbled, smtp.StageGreeting, "", errors.New("HTTP/1.1")), 76, "not an SMTP server"},
	{"not wanted", faultAt(smtp.Refused, smtp.StageGreeting, "554 5.7.1 blocked", nil), 69, "does not want to speak"},
	{"busy", faultAt(smtp.Refused, smtp.StageGreeting, "421 4.3.2 busy", nil), 75, "no mail from us now"},
	{"bad name", faultAt(smtp.Refused, smtp.StageHello, "550 5.5.2 helo", nil), 69, "EHLO"},
	{"no name", faultAt(smtp.Invalid, smtp.StageHello, "", errors.New("blank")), 64, "name that we go by"},
	{"plain text", faultAt(smtp.Insecure, smtp.StageTLS, "", tls.RecordHeaderError{Msg: "not TLS"}), 76, "plain text"},
	{"expired", faultAt(smtp.Insecure, smtp.StageTLS, "", x509.CertificateInvalidError{Reason: x509.Expired, Cert: new(x509.Certificate)}), 76, "not valid now"},
	{"other name", faultAt(smtp.Insecure, smtp.StageTLS, "", x509.HostnameError{Certificate: new(x509.Certificate), Host: "mx"}), 76, "another name"},
	{"unknown CA", faultAt(smtp.Insecure, smtp.StageTLS, "", x509.UnknownAuthorityError{}), 76, "not issued by anybody"},
	{"no STARTTLS", saidEHLO(faultAt(smtp.Insecure, smtp.StageTLS, "", errors.New("not offered"))), 76, "offers no STARTTLS"},
	{"STARTTLS refused", faultAt(smtp.Insecure, smtp.StageTLS, "502 5.5.1 no", nil), 76, "refused it"},
	{"TLS cut", faultAt(smtp.Insecure, smtp.StageTLS, "", io.EOF), 76, "did not answer to TLS"},
	{"TLS, else", faultAt(smtp.Insecure, smtp.StageTLS, "", errors.New("protocol version")), 76, "agreed upon"},
	{"fingerprint", faultAt(smtp.Invalid, smtp.StageTLS, "", errors.New("not hex")), 64, "fingerprint"},
	{"no AUTH", faultAt(smtp.Unsupported, smtp.StageAuth, "", errors.New("no AUTH")), 77, "asks nobody"},
	{"no mechanism", faultAt(smtp.Unsupported, smtp.StageAuth, "", &sasl.OfferError{Offered: []string{"XOAUTH2"}}), 77, "tokens alone"},
	{"wrong password", faultAt(smtp.Unauthorized, smtp.StageAuth, "535 5.7.8 no", nil), 77, "Login data invalid"},
	{"too weak", faultAt(smtp.Unauthorized, smtp.StageAuth, "534 5.7.9 no", nil), 77, "too weak"},
	{"AUTH later", faultAt(smtp.Unauthorized, smtp.StageAuth, "454 4.7.0 later", nil), 75, "cannot check the password"},
	{"AUTH in clear", faultAt(smtp.Unauthorized, smtp.StageAuth, "538 5.7.11 TLS", nil), 77, "Encryption required"},
	{"unproven", faultAt(smtp.Insecure, smtp.StageAuth, "", errors.New("no proof")), 76, "could not be trusted"},
	{"AUTH first", faultAt(smtp.Refused, smtp.StageMail, "530 5.7.0 authentication required", nil), 77, "login first"},
	{"TLS first", faultAt(smtp.Refused, smtp.StageMail, "530 5.7.0 Must issue a STARTTLS command first", nil), 76, "TLS is required"},
	{"relay", faultAt(smtp.Refused, smtp.StageRcpt, "554 5.7.1 <k@x>: Relay access denied", nil), 69, "no login"},
	{"sender", faultAt(smtp.Refused, smtp.StageMail, "553 5.7.1 not yours", nil), 69, "send from this address"},
	{"sender later", faultAt(smtp.Refused, smtp.StageMail, "451 4.3.0 later", nil), 75, "cannot take the mail now"},
	{"too large", faultAt(smtp.Unsupported, smtp.StageMail, "", errors.New("SIZE")), 69, "does not offer"},
	{"bad message", faultAt(smtp.Invalid, smtp.StageContent, "", errors.New("no file")), 65, "as it is"},
	{"no mailbox", faultAt(smtp.Refused, smtp.StageRcpt, "550 5.1.1 no such user", nil), 69, "No such mailbox"},
	{"full", faultAt(smtp.Refused, smtp.StageRcpt, "452 4.2.2 full", nil), 75, "Mailbox full"},
	{"no domain", faultAt(smtp.Refused, smtp.StageRcpt, "550 5.1.2 no such domain", nil), 69, "domain does not exist"},
	{"greylisted", faultAt(smtp.Refused, smtp.StageRcpt, "450 4.7.1 Greylisted", nil), 75, "Greylisting"},
	{"recipient later", faultAt(smtp.Refused, smtp.StageRcpt, "450 4.2.1 locked", nil), 75, "disabled"},
	{"recipient, else", faultAt(smtp.Refused, smtp.StageRcpt, "550 5.7.1 no", nil), 69, "refused kim@example.net"},
	{"content too large", faultAt(smtp.Refused, smtp.StageEnd, "552 5.3.4 large", nil), 69, "too big"},
	{"content", faultAt(smtp.Refused, smtp.StageEnd, "554 5.7.1 spam", nil), 69, "Judged spam"},
	{"garbled", faultAt(smtp.Garbled, smtp.StageMail, "", errors.New("what")), 76, "not SMTP"},
	{"lost", faultAt(smtp.Unreachable, smtp.StageContent, "", syscall.ECONNRESET), 75, "lost in the midst"},
	{"timeout", faultAt(smtp.Interrupted, smtp.StageMail, "", context.DeadlineExceeded), 75, "--timeout"},
	{"Ctrl-C", faultAt(smtp.Interrupted, smtp.StageDial, "", context.Canceled), 75, "interrupted"},
	{"reset", faultAt(smtp.Refused, smtp.StageReset, "500 what", nil), 69, "not recognised"},
}

func faultAt(kind smtp.Kind, stage smtp.Stage, reply string, err error) *smtp.Error {
	e := &smtp.Error{Kind: kind, Stage: stage, Err: err}
	if reply != "" {
		e.Reply = smtpd.Reply(reply)
	}
	if stage == smtp.StageRcpt {
		e.Path = mail.Path{Local: "kim", Domain: "example.net"}
	}
	return e
}

func dialError(err error) error { return &net.OpError{Op: "dial", Net: "tcp", Err: err} }

func saidEHLO(e *smtp.Error) *smtp.Error {
	e.Said = []smtp.Event{{Did: smtp.Command, Line: "EHLO shop.example"}}
	return e
}

func advice(e *smtp.Error, server string, l lang) (cause, fix string) {
	f := (&ui{lang: l}).record(e, server)
	return f.Cause, f.Fix
}

func TestFailures(t *testing.T) {
	for _, c := range failures {
		if got := exitCode(c.err); got != c.exit {
			t.Errorf("%s: exit code %d, not %d", c.name, got, c.exit)
		}
		for _, l := range []lang{english, chinese} {
			cause, fix := advice(c.err, "mx.example:587", l)
			if cause == "" || fix == "" || strings.ContainsAny(cause+fix, "{}") {
				t.Errorf("%s: cause %q, fix %q", c.name, cause, fix)
			}
			if l == english && !strings.Contains(cause, c.cause) {
				t.Errorf("%s: cause %q does not say %q", c.name, cause, c.cause)
			}
		}
	}
}

// TestEveryKindAtEveryStage has an exit code that is not 0, a cause and a fix.
func TestEveryKindAtEveryStage(t *testing.T) {
	for kind := smtp.Invalid; kind <= smtp.Interrupted; kind++ {
		for stage := smtp.StageDial; stage <= smtp.StageQuit; stage++ {
			for _, reply := range []string{"", "421 4.3.0 x", "450 4.0.0 x", "550 5.0.0 x"} {
				e := faultAt(kind, stage, reply, nil)
				cause, fix := advice(e, "mx.example:25", english)
				if exitCode(e) == 0 || cause == "" || fix == "" {
					t.Errorf("%v at %v, %q: %d, %q, %q", kind, stage, reply, exitCode(e), cause, fix)
				}
			}
		}
	}
}
