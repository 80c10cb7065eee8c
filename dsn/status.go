package dsn

import (
	"strings"

	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/smtp"
)

// needsUTF8 reports whether an address cannot be said in ASCII: RFC 6533 §4.1.
func (r *Report) needsUTF8() bool {
	for i := range r.Recipients {
		if p, ok := typedPath(r.Recipients[i].Original); ok && p.UTF8() || r.Recipients[i].Final.UTF8() {
			return true
		}
	}
	return false
}

// status is the body of the part for programs: RFC 3464 §2.1.
func (r *Report) status(utf8 bool) []byte {
	f := &fields{utf8: utf8}
	f.text("Original-Envelope-Id", r.EnvelopeID)
	f.host("Reporting-MTA", r.ReportingMTA)
	f.host("Received-From-MTA", r.ReceivedFrom)
	f.date("Arrival-Date", r.ArrivalDate)
	for i := range r.Recipients {
		f.end()
		f.recipient(&r.Recipients[i])
	}
	return f.b
}

// host adds the name of one: RFC 3461 §6.3 (b).
func (f *fields) host(name, host string) {
	host = strings.Join(strings.Fields(strings.Map(noLine, host)), "")
	if host == "" {
		return
	}
	kind := "dns"
	if !strings.Contains(host, ".") && !strings.HasPrefix(host, "[") {
		kind = "x-local-hostname"
	}
	f.text(name, kind+"; "+host)
}

// recipient adds one, in the order of RFC 3464 §2.3.
func (f *fields) recipient(r *Recipient) {
	f.original(r.Original)
	f.final(r.Final)
	f.text("Action", r.Action.String())
	f.text("Status", r.status().String())
	f.host("Remote-MTA", r.RemoteMTA)
	if r.Reply.Code != 0 {
		lines := strings.Split(replyText(spoken(r)), "\n")
		lines[0] = "smtp; " + lines[0]
		f.lines("Diagnostic-Code", lines)
	} else if r.Diagnostic != "" {
		f.text("Diagnostic-Code", "x-parley; "+r.Diagnostic)
	}
	f.date("Last-Attempt-Date", r.LastAttempt)
	f.text("Final-Log-ID", r.LogID)
	if r.Action == Delayed { // RFC 3464 §2.3.9
		f.date("Will-Retry-Until", r.WillRetryUntil)
	}
}

// spoken is the reply as text: one in GBK was decoded when it was explained.
func spoken(r *Recipient) smtp.Reply {
	reply := r.Reply
	if d := r.Why.Reply; d.Code == reply.Code && len(d.Lines) > 0 && strings.ToValidUTF8(reply.Text(), "") != reply.Text() {
		reply.Lines = d.Lines
	}
	return reply
}

// original adds what ORCPT said, in the form that the part can bear: RFC 6533 §3.
func (f *fields) original(orcpt string) {
	kind, addr, ok := strings.Cut(orcpt, ";")
	if !ok {
		return
	}
	if strings.EqualFold(kind, "utf-8") {
		addr = unitext(addr)
		if !f.utf8 {
			addr = asUnitext(addr, true)
		}
	}
	f.address("Original-Recipient", kind, addr)
}

func (f *fields) final(p mail.Path) {
	s, ascii := spec(p)
	switch {
	case ascii:
		f.address("Final-Recipient", "rfc822", s)
	case f.utf8:
		f.address("Final-Recipient", "utf-8", s)
	default:
		f.address("Final-Recipient", "utf-8", asUnitext(s, true))
	}
}
