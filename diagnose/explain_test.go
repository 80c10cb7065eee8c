package diagnose_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/sasl"
	"github.com/parleymail/parley/smtp"
)

func fault(kind smtp.Kind, stage smtp.Stage, reply string, err error, said ...smtp.Event) *smtp.Error {
	e := &smtp.Error{Kind: kind, Stage: stage, Err: err, Said: said}
	if reply != "" {
		fmt.Sscanf(reply, "%d", &e.Reply.Code)
		e.Reply.Lines = []string{reply[4:]}
	}
	if stage == smtp.StageRcpt {
		e.Path = mail.Path{Local: "kim", Domain: "example.net"}
	}
	return e
}

func dialled(err error, ip string) error {
	return &net.OpError{Op: "dial", Net: "tcp", Addr: &net.TCPAddr{IP: net.ParseIP(ip), Port: 25}, Err: os.NewSyscallError("connect", err)}
}

var (
	on465    = smtp.Event{Did: smtp.Connected, Line: "192.0.2.1:465"}
	ehlo     = smtp.Event{Did: smtp.Command, Line: "EHLO shop.example"}
	starttls = smtp.Event{Did: smtp.Command, Line: "STARTTLS"}
	offer    = smtp.Event{Did: smtp.Answer, Stage: smtp.StageHello, Line: "250 STARTTLS"}
	cert     = new(x509.Certificate)
	early    = &x509.Certificate{NotBefore: time.Now().Add(time.Hour)}
)

// unbelieved is a certificate that nobody vouches for.
func unbelieved(c *x509.Certificate) error {
	return &tls.CertificateVerificationError{UnverifiedCertificates: []*x509.Certificate{c}, Err: x509.UnknownAuthorityError{Cert: c}}
}

// errorsByType is a row for each rule of facts/rules/parley.toml: an error that only its type
// tells, the condition's rule, and the kind.
var errorsByType = []struct {
	err  error
	rule string
	kind diagnose.Kind
}{
	{fault(smtp.Interrupted, smtp.StageMail, "", context.DeadlineExceeded), "out of time", "timeout"},
	{fault(smtp.Interrupted, smtp.StageDial, "", context.Canceled), "interrupted", "timeout"},
	{context.Canceled, "cancelled", "timeout"},
	{fault(smtp.Unreachable, smtp.StageDial, "", &net.DNSError{Err: "no such host", IsNotFound: true}), "no host", "dns-failure"},
	{&net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", IsNotFound: true}}, "no host", "dns-failure"},
	{fault(smtp.Unreachable, smtp.StageDial, "", &net.DNSError{Err: "server misbehaving", IsTemporary: true}), "no resolver", "dns-failure"},
	{fault(smtp.Unreachable, smtp.StageDial, "", dialled(syscall.ECONNREFUSED, "127.0.0.1")), "refused at loopback", "connection-refused"},
	{fault(smtp.Unreachable, smtp.StageDial, "", dialled(syscall.ECONNREFUSED, "192.0.2.1")), "refused", "connection-refused"},
	{dialled(syscall.ECONNREFUSED, "192.0.2.1"), "refused", "connection-refused"},
	{fault(smtp.Unreachable, smtp.StageDial, "", dialled(syscall.EHOSTUNREACH, "192.0.2.1")), "no route", "network-blocked"},
	{fault(smtp.Unreachable, smtp.StageDial, "", dialled(syscall.EPERM, "192.0.2.1")), "not permitted", "network-blocked"},
	{fault(smtp.Unreachable, smtp.StageDial, "", dialled(syscall.ENOENT, "")), "no socket", "config-invalid"},
	{fault(smtp.Unreachable, smtp.StageDial, "", os.ErrDeadlineExceeded), "no answer", "network-blocked"},
	{fault(smtp.Invalid, smtp.StageDial, "", errors.New("what")), "bad address", "config-invalid"},
	{fault(smtp.Unreachable, smtp.StageDial, "", errors.New("the moon is full")), "no connection", "connection-refused"},
	{fault(smtp.Unreachable, smtp.StageGreeting, "", os.ErrDeadlineExceeded, on465), "silent on a TLS port", "wrong-port-or-tls-mode"},
	{fault(smtp.Unreachable, smtp.StageGreeting, "", os.ErrDeadlineExceeded), "silent", "wrong-port-or-tls-mode"},
	{fault(smtp.Unreachable, smtp.StageGreeting, "", io.EOF), "hung up at once", "wrong-port-or-tls-mode"},
	{fault(smtp.Garbled, smtp.StageGreeting, "", errors.New("what")), "not SMTP", "protocol-error"},
	{fault(smtp.Refused, smtp.StageGreeting, "421 no", nil), "busy greeting", "temporary-server"},
	{fault(smtp.Refused, smtp.StageGreeting, "554 no", nil), "refused greeting", "ip-reputation"},
	{fault(smtp.Refused, smtp.StageHello, "550 no", nil), "refused hello", "helo-rejected"},
	{fault(smtp.Invalid, smtp.StageHello, "", errors.New("blank")), "bad hello", "config-invalid"},
	{fault(smtp.Insecure, smtp.StageTLS, "", tls.RecordHeaderError{Msg: "what"}), "plain before TLS", "wrong-port-or-tls-mode"},
	{tls.RecordHeaderError{Msg: "what"}, "plain before TLS", "wrong-port-or-tls-mode"},
	{fault(smtp.Insecure, smtp.StageTLS, "", x509.CertificateInvalidError{Reason: x509.Expired, Cert: early}), "certificate not begun", "certificate"},
	{fault(smtp.Insecure, smtp.StageTLS, "", x509.CertificateInvalidError{Reason: x509.Expired, Cert: cert}), "certificate over", "certificate"},
	{fault(smtp.Insecure, smtp.StageTLS, "", x509.HostnameError{Certificate: cert, Host: "mx.example.net:465"}), "certificate and port", "config-invalid"},
	{fault(smtp.Insecure, smtp.StageTLS, "", x509.HostnameError{Certificate: cert, Host: "192.0.2.1"}), "certificate and IP", "certificate"},
	{fault(smtp.Insecure, smtp.StageTLS, "", x509.HostnameError{Certificate: cert, Host: "mx"}), "certificate's name", "certificate"},
	{fault(smtp.Insecure, smtp.StageTLS, "", unbelieved(cert)), "certificate by itself", "certificate"},
	{unbelieved(&x509.Certificate{RawSubject: []byte("mx"), IssuingCertificateURL: []string{"http://ca.example"}}), "certificate sent alone", "certificate"},
	{unbelieved(&x509.Certificate{RawSubject: []byte("mx")}), "certificate's issuer", "certificate"},
	{x509.UnknownAuthorityError{}, "certificate's issuer", "certificate"},
	{fault(smtp.Insecure, smtp.StageTLS, "", x509.CertificateInvalidError{Reason: x509.TooManyIntermediates, Cert: cert}), "certificate", "certificate"},
	{fault(smtp.Invalid, smtp.StageTLS, "", errors.New("not hex")), "bad fingerprint", "config-invalid"},
	{fault(smtp.Insecure, smtp.StageTLS, "", errors.New("what"), ehlo), "no STARTTLS", "starttls-unavailable"},
	{fault(smtp.Insecure, smtp.StageTLS, "502 no", nil), "STARTTLS refused", "starttls-unavailable"},
	{fault(smtp.Insecure, smtp.StageTLS, "", errors.New("the certificate's fingerprint is 00")), "another fingerprint", "certificate"},
	{fault(smtp.Insecure, smtp.StageTLS, "", io.EOF, ehlo, starttls), "STARTTLS broken", "tls-handshake"},
	{fault(smtp.Insecure, smtp.StageTLS, "", io.EOF), "silent to TLS", "wrong-port-or-tls-mode"},
	{&net.OpError{Op: "remote error", Err: errors.New("tls: protocol version not supported")}, "old TLS", "tls-handshake"},
	{&net.OpError{Op: "remote error", Err: errors.New("tls: handshake failure")}, "TLS alert", "tls-handshake"},
	{tls.AlertError(40), "TLS alert", "tls-handshake"},
	{fault(smtp.Insecure, smtp.StageTLS, "", errors.New("what")), "TLS", "tls-handshake"},
	{fault(smtp.Unsupported, smtp.StageAuth, "", &sasl.OfferError{Offered: []string{"XOAUTH2"}}), "only OAuth", "auth-needs-oauth"},
	{fault(smtp.Unsupported, smtp.StageAuth, "", &sasl.OfferError{Offered: []string{"GSSAPI"}}), "no mechanism", "auth-mechanism"},
	{fault(smtp.Unauthorized, smtp.StageAuth, "", &sasl.TokenError{Status: "401"}), "token refused", "auth-bad-credential"},
	{fault(smtp.Unsupported, smtp.StageAuth, "", errors.New("what"), ehlo, offer), "AUTH after STARTTLS", "tls-required"},
	{fault(smtp.Unsupported, smtp.StageAuth, "", errors.New("what")), "no AUTH", "auth-mechanism"},
	{fault(smtp.Insecure, smtp.StageAuth, "", errors.New("no proof")), "untrusted for secrets", "tls-required"},
	{fault(smtp.Unauthorized, smtp.StageAuth, "421 no", nil), "auth later", "auth-temporary"},
	{fault(smtp.Unauthorized, smtp.StageAuth, "550 no", nil), "auth refused", "auth-bad-credential"},
	{fault(smtp.Unsupported, smtp.StageMail, "", errors.New("the server does not offer SMTPUTF8")), "no SMTPUTF8", "utf8-unsupported"},
	{fault(smtp.Unsupported, smtp.StageMail, "", errors.New("the mail has 2 octets and the server takes at most 1")), "too large", "message-too-big"},
	{fault(smtp.Unsupported, smtp.StageMail, "", errors.New("what")), "not offered", "protocol-error"},
	{fault(smtp.Invalid, smtp.StageContent, "", errors.New("no file")), "bad mail", "malformed-message"},
	{fault(smtp.Refused, smtp.StageRcpt, "499 no", nil), "rcpt later", "temporary-server"},
	{fault(smtp.Refused, smtp.StageRcpt, "550 no", nil), "rcpt refused", "recipient-refused"},
	{fault(smtp.Refused, smtp.StageMail, "550 no", nil), "mail refused", "sender-mismatch"},
	{fault(smtp.Refused, smtp.StageEnd, "550 no", nil), "content refused", "policy-rejected"},
	{fault(smtp.Garbled, smtp.StageMail, "", errors.New("what")), "garbled", "protocol-error"},
	{fault(smtp.Unreachable, smtp.StageContent, "", syscall.ECONNRESET), "lost", "connection-lost"},
	{&net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}, "lost somewhere", "connection-lost"},
	{io.EOF, "lost somewhere", "connection-lost"},
	{&net.OpError{Op: "read", Net: "tcp", Err: os.ErrDeadlineExceeded}, "timeout", "timeout"},
	{fault(smtp.Refused, smtp.StageMail, "400 no", nil), "later", "temporary-server"},
	{errors.New("the moon is full"), "else", "unclassified"},
}

func TestErrorsAreJudgedByTheirType(t *testing.T) {
	reached := map[string]bool{}
	for _, c := range errorsByType {
		for _, err := range []error{c.err, fmt.Errorf("sending the statement: %w", c.err)} {
			d := diagnose.Explain(err)
			if d.Kind != c.kind || len(d.Evidence) == 0 || diagnose.Condition(d.Evidence[0].Rule) != c.rule {
				t.Errorf("%v: %s by %v, not %s by %q", err, d.Kind, d.Evidence, c.kind, c.rule)
			}
			for _, w := range []diagnose.Words{d.Cause, d.Fix} {
				if w.En == "" || w.Zh == "" || strings.ContainsAny(w.En+w.Zh, "{}") {
					t.Errorf("%v: %q", err, w)
				}
			}
		}
		reached[c.rule] = true
	}
	for _, name := range diagnose.Conditions() {
		// The outcome that is not known cannot be made from outside of package smtp: its
		// own tests have it.
		if !reached[name] && name != "uncertain" {
			t.Errorf("no error reaches %q", name)
		}
	}
}

// TestCodeOfOthers: an error of net/smtp is judged by its code and text, not by its quoted words.
func TestCodeOfOthers(t *testing.T) {
	err := fmt.Errorf("send: %w", &textproto.Error{Code: 535, Msg: "5.7.8 Username and Password not accepted. For more information, go to\n5.7.8  https://support.google.com/mail/?p=BadCredentials - gsmtp"})
	d := diagnose.Explain(err)
	if d.Kind != "auth-needs-app-password" || d.Provider != "gmail" || d.Temporary || d.Reply.Code != 535 {
		t.Errorf("%+v", d)
	}
}

// TestProviderIsFound: by the address that was spoken to, or by what the server says of itself.
func TestProviderIsFound(t *testing.T) {
	e := fault(smtp.Unauthorized, smtp.StageAuth, "535 Error: authentication failed", nil,
		smtp.Event{Did: smtp.Connected, Line: "192.0.2.1:465"},
		smtp.Event{Did: smtp.Answer, Stage: smtp.StageGreeting, Line: "220 newxmesmtplogicsvrszc5-2.qq.com XMail Esmtp QQ Mail Server."})
	if d := diagnose.Explain(e); d.Provider != "qq" || d.Kind != "auth-needs-app-password" {
		t.Errorf("by its greeting: %+v", d)
	}
	for _, c := range []struct{ name, id string }{
		{"kim@foxmail.com", "qq"}, {"smtp.exmail.qq.com:465", "exmail"}, {"163.com", "netease-163"}, {"EMAIL-SMTP.eu-west-1.amazonaws.com", "ses"},
		{"gmail", "gmail"}, {"kim@example.net", ""}, {"smtp.office365.com.", "microsoft365"},
	} {
		p, ok := diagnose.Default().Provider(c.name)
		if ok != (c.id != "") || ok && p.ID != c.id {
			t.Errorf("%s: %v, %v", c.name, p, ok)
		}
	}
}

// FuzzText: whatever is pasted, the answer is a kind that there is, with words in both languages.
func FuzzText(f *testing.F) {
	for _, s := range []string{"", "535", "550-5.7.1 a\n550 5.7.1 b", "(535, b'\\xc7\\xeb')", "\\u12", "=?gb2312?B?/w==?=", "eyJzdGF0dXMiOiI0MDAifQ==", "dial tcp: EOF", "\xff\xfe550 x", "ÇëÊ¹"} {
		f.Add(s)
	}
	kinds := diagnose.Default().Kinds()
	f.Fuzz(func(t *testing.T, s string) {
		d := diagnose.Text(s, diagnose.Hint{})
		if !slices.Contains(kinds, d.Kind) || d.Cause.En == "" || d.Fix.En == "" || d.Confidence < 0 || d.Confidence > 1 || !utf8.ValidString(d.Text) {
			t.Errorf("%q: %+v", s, d)
		}
	})
}
