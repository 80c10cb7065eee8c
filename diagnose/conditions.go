package diagnose

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/parleymail/parley/sasl"
	"github.com/parleymail/parley/smtp"
)

// A condition is what a rule of facts/rules/parley.toml names as error: what is
// known of an error by its type, without a look at its words.
type condition func(*smtp.Error) bool

func all(list ...condition) condition {
	return func(e *smtp.Error) bool {
		return !slices.ContainsFunc(list, func(c condition) bool { return !c(e) })
	}
}

func either(list ...condition) condition {
	return func(e *smtp.Error) bool {
		return slices.ContainsFunc(list, func(c condition) bool { return c(e) })
	}
}

func not(c condition) condition { return func(e *smtp.Error) bool { return !c(e) } }

func kind(k smtp.Kind) condition { return func(e *smtp.Error) bool { return e.Kind == k } }

// stage is true for errors of other packages too, of which no stage is known.
func stage(list ...smtp.Stage) condition {
	return func(e *smtp.Error) bool { return slices.Contains(list, e.Stage) }
}

func is(target error) condition { return func(e *smtp.Error) bool { return errors.Is(e.Err, target) } }

func typed[E error](e *smtp.Error) bool {
	_, ok := errors.AsType[E](e.Err)
	return ok
}

func noReply(e *smtp.Error) bool { return e.Reply.Code == 0 }

func noStage(e *smtp.Error) bool { return e.Stage == 0 }

func temporary(e *smtp.Error) bool { return e.Temporary() }

func timeout(e *smtp.Error) bool {
	n, ok := errors.AsType[net.Error](e.Err)
	return ok && n.Timeout() || errors.Is(e.Err, os.ErrDeadlineExceeded) || errors.Is(e.Err, context.DeadlineExceeded)
}

func hungUp(e *smtp.Error) bool {
	return errors.Is(e.Err, io.EOF) || errors.Is(e.Err, io.ErrUnexpectedEOF) || errors.Is(e.Err, syscall.ECONNRESET) || errors.Is(e.Err, syscall.EPIPE)
}

func noHost(e *smtp.Error) bool {
	d, ok := errors.AsType[*net.DNSError](e.Err)
	return ok && d.IsNotFound
}

// dialling: an error of package net knows by itself that no connection was made.
func dialling(e *smtp.Error) bool {
	if e.Stage == smtp.StageDial {
		return true
	}
	op, ok := errors.AsType[*net.OpError](e.Err)
	return e.Stage == 0 && ok && op.Op == "dial"
}

// worded is for errors of package smtp that have no type of their own: words of ours, which
// the goldens of cmd/parley hold.
func worded(words string) condition {
	return func(e *smtp.Error) bool { return e.Err != nil && strings.Contains(e.Err.Error(), words) }
}

// inClear: the server offers STARTTLS, and nobody has started it.
func inClear(e *smtp.Error) bool {
	return slices.ContainsFunc(e.Said, func(said smtp.Event) bool {
		return said.Did == smtp.Answer && said.Stage == smtp.StageHello && len(said.Line) > 4 && strings.EqualFold(said.Line[4:], "STARTTLS")
	}) && !slices.ContainsFunc(e.Said, func(said smtp.Event) bool { return said.Did == smtp.StartedTLS })
}

// chainOf is what the server showed, where it was not believed.
func chainOf(e *smtp.Error) []*x509.Certificate {
	v, _ := errors.AsType[*tls.CertificateVerificationError](e.Err)
	if v == nil {
		return nil
	}
	return v.UnverifiedCertificates
}

func signedByItself(e *smtp.Error) bool {
	chain := chainOf(e)
	return typed[x509.UnknownAuthorityError](e) && len(chain) > 0 && bytes.Equal(chain[0].RawSubject, chain[0].RawIssuer)
}

// sentAlone: who issues for the public says in each certificate where the next one is to
// be had (RFC 5280 §4.2.2.1); a company's own CA hardly ever does.
func sentAlone(e *smtp.Error) bool {
	chain := chainOf(e)
	return typed[x509.UnknownAuthorityError](e) && len(chain) == 1 && len(chain[0].IssuingCertificateURL) > 0
}

func notYetValid(e *smtp.Error) bool {
	c, ok := errors.AsType[x509.CertificateInvalidError](e.Err)
	return ok && c.Reason == x509.Expired && time.Now().Before(c.Cert.NotBefore)
}

// alert: the other side ended the handshake, and said so. crypto/tls has no type for that but
// with QUIC.
func alert(e *smtp.Error) bool {
	op, ok := errors.AsType[*net.OpError](e.Err)
	return typed[tls.AlertError](e) || ok && op.Op == "remote error"
}

func invalidCertificate(reason x509.InvalidReason) condition {
	return func(e *smtp.Error) bool {
		c, ok := errors.AsType[x509.CertificateInvalidError](e.Err)
		return ok && c.Reason == reason
	}
}

// ipWithoutName: the host was given as an address, and the certificate has names only.
func ipWithoutName(e *smtp.Error) bool {
	h, ok := errors.AsType[x509.HostnameError](e.Err)
	return ok && net.ParseIP(strings.Trim(h.Host, "[]")) != nil
}

// portInName: a certificate is never for host:port.
func portInName(e *smtp.Error) bool {
	h, ok := errors.AsType[x509.HostnameError](e.Err)
	if !ok {
		return false
	}
	_, _, err := net.SplitHostPort(h.Host)
	return err == nil
}

// asked reports whether a command was said in the conversation.
func asked(verb string) condition {
	return func(e *smtp.Error) bool {
		return slices.ContainsFunc(e.Said, func(said smtp.Event) bool {
			return said.Did == smtp.Command && strings.HasPrefix(said.Line, verb)
		})
	}
}

// onPort is for what a port number betrays, where the server said nothing.
func onPort(ports ...string) condition {
	return func(e *smtp.Error) bool {
		_, port, err := net.SplitHostPort(serverOf(e))
		return err == nil && slices.Contains(ports, port)
	}
}

// atLoopback: what was dialled is this very machine, or this very container.
func atLoopback(e *smtp.Error) bool {
	op, ok := errors.AsType[*net.OpError](e.Err)
	if !ok || op.Addr == nil {
		return false
	}
	a, ok := op.Addr.(*net.TCPAddr)
	return ok && a.IP.IsLoopback()
}

func offered(mechanisms ...string) condition {
	return func(e *smtp.Error) bool {
		o, ok := errors.AsType[*sasl.OfferError](e.Err)
		return ok && len(o.Offered) > 0 && !slices.ContainsFunc(o.Offered, func(m string) bool { return !slices.Contains(mechanisms, m) })
	}
}

// conditions are all that a rule may name.
var conditions = map[string]condition{
	"uncertain":              (*smtp.Error).Uncertain,
	"interrupted":            all(kind(smtp.Interrupted), not(timeout)),
	"cancelled":              all(noStage, is(context.Canceled)),
	"out of time":            all(kind(smtp.Interrupted), timeout),
	"no host":                noHost,
	"no resolver":            typed[*net.DNSError],
	"refused at loopback":    all(is(syscall.ECONNREFUSED), atLoopback),
	"refused":                is(syscall.ECONNREFUSED),
	"no route":               either(is(syscall.ENETUNREACH), is(syscall.EHOSTUNREACH), is(syscall.EADDRNOTAVAIL)),
	"not permitted":          all(dialling, either(is(syscall.EACCES), is(syscall.EPERM))),
	"no socket":              all(dialling, is(os.ErrNotExist)),
	"no answer":              all(dialling, timeout),
	"bad address":            all(stage(smtp.StageDial), kind(smtp.Invalid)),
	"no connection":          stage(smtp.StageDial),
	"silent on a TLS port":   all(stage(smtp.StageGreeting), noReply, either(timeout, hungUp), onPort("465", "994", "2465", "8465")),
	"silent":                 all(stage(smtp.StageGreeting), noReply, timeout),
	"hung up at once":        all(stage(smtp.StageGreeting), noReply, hungUp),
	"not SMTP":               all(stage(smtp.StageGreeting), kind(smtp.Garbled)),
	"busy greeting":          all(stage(smtp.StageGreeting, smtp.StageHello), temporary, not(noReply)),
	"refused greeting":       all(stage(smtp.StageGreeting), kind(smtp.Refused)),
	"refused hello":          all(stage(smtp.StageHello), kind(smtp.Refused)),
	"bad hello":              all(stage(smtp.StageHello), kind(smtp.Invalid)),
	"plain before TLS":       typed[tls.RecordHeaderError],
	"certificate not begun":  notYetValid,
	"certificate over":       invalidCertificate(x509.Expired),
	"certificate and port":   portInName,
	"certificate and IP":     ipWithoutName,
	"certificate's name":     typed[x509.HostnameError],
	"certificate by itself":  signedByItself,
	"certificate sent alone": sentAlone,
	"certificate's issuer":   typed[x509.UnknownAuthorityError],
	"certificate":            either(typed[x509.CertificateInvalidError], typed[*tls.CertificateVerificationError]),
	"bad fingerprint":        all(stage(smtp.StageTLS), kind(smtp.Invalid)),
	"no STARTTLS":            all(stage(smtp.StageTLS), noReply, not(asked("STARTTLS")), asked("EHLO")),
	"another fingerprint":    all(stage(smtp.StageTLS), worded("the certificate's fingerprint is")),
	"STARTTLS broken":        all(stage(smtp.StageTLS), noReply, asked("STARTTLS"), either(hungUp, timeout)),
	"STARTTLS refused":       all(stage(smtp.StageTLS), not(noReply)),
	"silent to TLS":          all(stage(smtp.StageTLS), either(hungUp, timeout)),
	"old TLS":                all(either(stage(smtp.StageTLS), noStage), worded("protocol version"), either(alert, worded("tls: "))),
	"TLS alert":              alert,
	"TLS":                    stage(smtp.StageTLS),
	"only OAuth":             offered("XOAUTH2", "OAUTHBEARER"),
	"no mechanism":           typed[*sasl.OfferError],
	"token refused":          typed[*sasl.TokenError],
	"AUTH after STARTTLS":    all(stage(smtp.StageAuth), kind(smtp.Unsupported), inClear),
	"no AUTH":                all(stage(smtp.StageAuth), kind(smtp.Unsupported)),
	"untrusted for secrets":  all(stage(smtp.StageAuth), kind(smtp.Insecure)),
	"auth later":             all(stage(smtp.StageAuth), temporary),
	"auth refused":           all(stage(smtp.StageAuth), kind(smtp.Unauthorized)),
	"no SMTPUTF8":            all(kind(smtp.Unsupported), worded("does not offer SMTPUTF8")),
	"too large":              all(kind(smtp.Unsupported), worded("octets and the server takes at most")),
	"not offered":            kind(smtp.Unsupported),
	"bad mail":               kind(smtp.Invalid),
	"rcpt later":             all(stage(smtp.StageRcpt), temporary, not(noReply)),
	"rcpt refused":           all(stage(smtp.StageRcpt), not(noReply)),
	"mail refused":           all(stage(smtp.StageMail), kind(smtp.Refused), not(temporary)),
	"content refused":        all(stage(smtp.StageData, smtp.StageContent, smtp.StageEnd), kind(smtp.Refused), not(temporary)),
	"garbled":                kind(smtp.Garbled),
	"lost somewhere":         all(noStage, either(hungUp, is(net.ErrClosed))),
	"lost":                   kind(smtp.Unreachable),
	"timeout":                timeout,
	"later":                  all(temporary, not(noReply)),
	"else":                   func(*smtp.Error) bool { return true },
}
