package main

import (
	"context"
	"errors"
	"net"
	"strings"

	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/smtp"
)

// Exit codes, as sysexits.h has them and as those who call sendmail(8) expect.
const (
	exitTaken       = 0  // everybody's mail was taken
	exitUsage       = 64 // EX_USAGE: flags, arguments, the server's URL
	exitMessage     = 65 // EX_DATAERR: the message itself cannot be sent
	exitNoHost      = 68 // EX_NOHOST: there is no host of the server's name
	exitRefused     = 69 // EX_UNAVAILABLE: refused for good, or this server cannot do it
	exitLater       = 75 // EX_TEMPFAIL: try later, and unknown outcomes
	exitProtocol    = 76 // EX_PROTOCOL: not SMTP, or trouble with TLS
	exitCredentials = 77 // EX_NOPERM: who we are was not believed, or not asked
)

// A usageError is something about flags, arguments or the environment.
type usageError struct{ what string }

func (e *usageError) Error() string { return e.what }

// A messageError is something about the message that the person gave. Each of its
// lines names a flag or a field.
type messageError struct{ lines []string }

func (e *messageError) Error() string { return strings.Join(e.lines, "; ") }

// A partialError is a mail that some have and others were refused. It is never
// "try later": the same mail again would reach those who have it twice.
type partialError struct{ refused []*smtp.Error }

func (e *partialError) Error() string { return "refused for some of the recipients" }

// A differsError is the demo's: what arrived is not what was sent.
type differsError struct{}

func (differsError) Error() string { return "what arrived is not what was sent" }

// exitCode is the code for an error.
func exitCode(err error) int {
	if err == nil {
		return exitTaken
	}
	if e, ok := errors.AsType[*smtp.Error](err); ok {
		return exitCodeOf(e)
	}
	if e, ok := errors.AsType[*adviceError](err); ok {
		return e.exit
	}
	if _, ok := errors.AsType[*messageError](err); ok {
		return exitMessage
	}
	if _, ok := errors.AsType[*partialError](err); ok {
		return exitRefused
	}
	if _, ok := errors.AsType[differsError](err); ok {
		return exitRefused
	}
	return exitUsage
}

// exitCodeOf is the code for a mail that was not sent, or perhaps was.
func exitCodeOf(e *smtp.Error) int {
	switch {
	case e.Uncertain():
		// Nobody can say whether it was taken. Zero would lose it if it was not, and
		// the codes for good would have it bounced; whoever keeps mail to try again
		// has to choose between a loss and a double, and keeps it.
		return exitLater
	case noHost(e):
		return exitNoHost
	case e.Kind == smtp.Invalid && e.Stage < smtp.StageMail:
		return exitUsage // the address, the fingerprint, the name we go by
	case e.Kind == smtp.Invalid:
		return exitMessage
	case e.Temporary():
		return exitLater
	case e.Kind == smtp.Unauthorized, e.Stage == smtp.StageAuth && e.Kind == smtp.Unsupported, wantsAuth(e.Reply):
		return exitCredentials
	case e.Kind == smtp.Insecure, e.Kind == smtp.Garbled, wantsTLS(e.Reply):
		return exitProtocol
	}
	return exitRefused
}

func noHost(e *smtp.Error) bool {
	dns, ok := errors.AsType[*net.DNSError](e.Err)
	return ok && dns.IsNotFound
}

// wantsAuth: RFC 4954 §6 has 530 for a command that wants AUTH first.
func wantsAuth(r smtp.Reply) bool { return r.Code == 530 && !wantsTLS(r) }

// wantsTLS: RFC 3207 §4 has 530 too, for a command that wants STARTTLS first, and
// RFC 4954 §6 has 538. 5.7.10 is "encryption needed": RFC 5248 §2.4's registry.
func wantsTLS(r smtp.Reply) bool {
	return r.Code == 538 || r.Enhanced == smtp.EnhancedCode{Class: 5, Subject: 7, Detail: 10} ||
		r.Code == 530 && strings.Contains(strings.ToUpper(r.Text()), "STARTTLS")
}

// interrupted reports whether it was the person who ended it, or --timeout.
func interrupted(e *smtp.Error) bool {
	return errors.Is(e.Err, context.Canceled) || errors.Is(e.Err, context.DeadlineExceeded)
}

// problemsOf is all that is wrong with a message, where that is what went wrong.
func problemsOf(err error) mail.Problems {
	p, _ := errors.AsType[mail.Problems](err)
	return p
}
