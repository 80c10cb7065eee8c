package smtpd

import (
	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/smtp"
)

// mail begins a mail: RFC 5321 §4.1.1.2.
func (s *Session) mail(args []byte) smtp.Reply {
	if s.mails >= s.server.limits.mails {
		return tooManyMails
	}
	path, params, what := cutPath("FROM:", args)
	if what != "" {
		return Reply("501 5.5.4 " + what)
	}
	from, err := mail.ParsePath(path)
	if err != nil {
		return Reply("501 5.1.7 " + err.Error())
	}
	if from.Domain == "" && !from.IsNull() {
		return Reply("501 5.1.7 a reverse-path has a domain")
	}
	t := &Transaction{Session: s}
	if s.server.Fault != nil {
		s.mailed = "MAIL " + string(args)
	}
	t.ReversePath = from
	t.Recipients = t.first[:0]
	t.body.t = t
	if r := setParameters(s, params, mailParameters, t); r.Code != 0 {
		return r
	}
	if !isASCII(path) && !t.UTF8 {
		return needUTF8
	}
	var r smtp.Reply
	if s.server.Mail != nil {
		r = s.server.Mail(t)
	}
	if r = complete(r, okMail); r.Positive() {
		s.t = t
	}
	return r
}

// rcpt adds a recipient: RFC 5321 §4.1.1.3.
func (s *Session) rcpt(args []byte) smtp.Reply {
	t := s.t
	if t.begun {
		return nested
	}
	if len(t.Recipients) >= s.server.limits.recipients {
		return tooManyRcpts
	}
	path, params, what := cutPath("TO:", args)
	if what != "" {
		return Reply("501 5.5.4 " + what)
	}
	to, err := mail.ParsePath(path)
	if err != nil {
		return Reply("501 5.1.3 " + err.Error())
	}
	if to.IsNull() {
		return Reply("501 5.1.3 <> is nobody's address")
	}
	if !isASCII(path) && !t.UTF8 {
		return needUTF8
	}
	rcpt := mail.Recipient{Path: to}
	if len(params) > 0 {
		with := rcpt // on the heap, as rcpt need not be
		if r := setParameters(s, params, rcptParameters, &with); r.Code != 0 {
			return r
		}
		rcpt = with
	}
	var r smtp.Reply
	if s.server.Rcpt != nil {
		r = s.server.Rcpt(t, rcpt)
	}
	if r = complete(r, okRcpt); r.Positive() {
		t.Recipients = append(t.Recipients, rcpt)
	}
	return r
}
