package dsn

import (
	"net/mail"
	"strings"
	"time"

	"github.com/parleymail/parley/mail/entity"
	"github.com/parleymail/parley/smtp"
)

// A group is the fields between two empty lines, names in small letters; of several with one name the first counts.
type group map[string]string

// groups reads the body of a message/delivery-status: RFC 3464 §2.1.
func groups(body string) []group {
	var list []group
	var g group
	last := ""
	for line := range strings.Lines(body) {
		line = strings.TrimRight(line, "\r\n")
		switch name, value, ok := strings.Cut(line, ":"); {
		case strings.TrimSpace(line) == "":
			g, last = nil, ""
		case line[0] == ' ' || line[0] == '\t':
			if last != "" && len(g[last]) < mostSaid {
				g[last] += " " + strings.TrimSpace(line)
			}
		case ok && name != "" && !strings.ContainsAny(name, " \t<>@"):
			lower := strings.ToLower(name)
			if _, twice := g[lower]; twice && (lower == "final-recipient" || lower == "original-recipient") {
				g = nil // QUIRK: no empty line between two recipients
			}
			if g == nil {
				if len(list) > mostRecipients {
					return list
				}
				g = group{}
				list = append(list, g)
			}
			last = lower
			if _, twice := g[last]; twice {
				last = "" // and what continues it belongs to none
			} else {
				g[last] = strings.TrimSpace(cut(value, 2*mostSaid))
			}
		default:
			last = ""
		}
	}
	return list
}

// readStatus reads a notification by RFC 3464.
func readStatus(l *incoming, n *Notice) bool {
	for _, part := range l.status {
		body, _ := part.Body(mostStatus)
		n.readGroups(groups(text(body)))
	}
	if len(n.Recipients) == 0 {
		return false
	}
	n.Form, n.Confidence = "rfc3464", 1
	if l.report != "delivery-status" {
		n.Confidence = 0.9 // QUIRK: some send the part without the multipart/report, or without its type
	}
	n.conclude()
	n.listen(l.text())
	return true
}

// conclude settles the kind by what the recipients met with.
func (n *Notice) conclude() {
	n.Kind = Success
	for i := range n.Recipients {
		switch r := &n.Recipients[i]; {
		case r.Action == Failed:
			n.Kind = Failure
		case r.Action == Delayed && n.Kind != Failure:
			n.Kind = Delay
		}
	}
}

// text: what is not UTF-8, though it must be ASCII, is kept in a form that can be shown.
func text(b []byte) string { return strings.ToValidUTF8(string(b), "\ufffd") }

func (n *Notice) readGroups(list []group) {
	var recipient group
	for _, g := range list {
		if g["final-recipient"]+g["original-recipient"]+g["action"] == "" {
			if recipient == nil {
				n.readMessage(g)
			} else { // QUIRK: an empty line within the fields of one recipient
				for name, value := range g {
					if recipient[name] == "" {
						recipient[name] = value
					}
				}
				n.Recipients[len(n.Recipients)-1] = recipient.recipient()
			}
			continue
		}
		if recipient == nil { // QUIRK: no empty line between the mail and its recipient
			n.readMessage(g)
		}
		if len(n.Recipients) >= mostRecipients {
			return
		}
		recipient = g
		n.Recipients = append(n.Recipients, g.recipient())
	}
}

// readMessage reads what is told of the mail: RFC 3464 §2.2.
func (n *Notice) readMessage(g group) {
	set := func(to *string, value string) {
		if *to == "" {
			*to = value
		}
	}
	set(&n.EnvelopeID, unitext(g["original-envelope-id"]))
	set(&n.ReportingMTA, mtaName(g["reporting-mta"]))
	set(&n.ReceivedFrom, mtaName(g["received-from-mta"]))
	if n.ArrivalDate.IsZero() {
		n.ArrivalDate = date(g["arrival-date"])
	}
}

// mtaName is the name behind its type, without a comment.
func mtaName(s string) string {
	if _, name, ok := strings.Cut(s, ";"); ok {
		s = name
	}
	s, _, _ = strings.Cut(strings.TrimSpace(s), " ")
	return cut(strings.TrimSuffix(unitext(s), "."), 255)
}

// date reads one of RFC 5322 §3.3; the zero time, if it is none.
func date(s string) time.Time {
	s, _, _ = strings.Cut(s, " (")
	t, err := mail.ParseDate(strings.TrimSpace(s))
	if err != nil {
		return time.Time{}
	}
	return t
}

// recipient reads what is told of one: RFC 3464 §2.3.
func (g group) recipient() Recipient {
	r := Recipient{LogID: unitext(g["final-log-id"]), RemoteMTA: mtaName(g["remote-mta"])}
	if kind, addr, ok := strings.Cut(g["original-recipient"], ";"); ok {
		kind, addr = strings.TrimSpace(kind), strings.TrimSpace(addr)
		if strings.EqualFold(kind, "utf-8") {
			addr = unitext(addr)
		}
		r.Original = cut(kind+";"+addr, 500)
	}
	r.Final, _ = typedPath(g["final-recipient"])
	r.Status, _, _ = cutStatus(g["status"])
	r.Diagnostic = g["diagnostic-code"]
	kind, said, typed := strings.Cut(r.Diagnostic, ";")
	if !typed || strings.ContainsAny(strings.TrimSpace(kind), " <@") {
		kind, said = "", r.Diagnostic
	}
	said = unitext(strings.TrimSpace(said))
	r.Diagnostic = said
	r.Action = actionOf(g["action"], r.Status)
	// QUIRK: the greeting of a server that then said no stands before that.
	if reply, ok := parseReply(said); ok && !strings.EqualFold(kind, "x-unix") && (reply.Code >= 400 || r.Action >= Delivered) {
		r.Reply, r.Diagnostic = reply, ""
	}
	r.LastAttempt = date(g["last-attempt-date"])
	r.WillRetryUntil = date(g["will-retry-until"])
	return r
}

// actionOf reads an action; where there is none that is known, the status tells.
func actionOf(s string, e smtp.EnhancedCode) Action {
	word, _, _ := strings.Cut(strings.TrimSpace(s), " ") // a comment may stand behind it
	if a, err := ParseAction(word); err == nil {
		return a
	}
	switch e.Class {
	case 2:
		return Delivered
	case 4:
		return Delayed
	}
	return Failed
}

// readFeedback reads a complaint: RFC 5965 §3.
func readFeedback(l *incoming, n *Notice) bool {
	if l.feedback == nil {
		return false
	}
	body, _ := l.feedback.Body(mostStatus)
	n.Kind, n.Form, n.Confidence = Complaint, "rfc5965", 1
	for _, g := range groups(text(body)) {
		if g["feedback-type"] != "" && n.Feedback.Type == "" {
			n.Feedback.Type = strings.ToLower(firstWord(g["feedback-type"]))
			n.Feedback.UserAgent = g["user-agent"]
			n.Feedback.SourceIP = firstWord(g["source-ip"])
			n.Feedback.MailFrom, _ = loosePath(g["original-mail-from"])
			n.EnvelopeID = g["original-envelope-id"]
			n.ReportingMTA = mtaName(g["reporting-mta"])
			n.ArrivalDate = date(g["arrival-date"] + g["received-date"])
			if d := firstWord(g["reported-domain"]); d != "" {
				n.Feedback.Domains = []string{d}
			}
			if p, ok := loosePath(g["original-rcpt-to"]); ok {
				n.Recipients = []Recipient{{Final: p}}
			}
		}
	}
	return true
}

// readDisposition reads a notice that a mail was read, or was not: RFC 8098 §3.
func readDisposition(l *incoming, n *Notice) bool {
	if l.disposition == nil {
		return false
	}
	body, _ := l.disposition.Body(mostStatus)
	n.Kind, n.Form, n.Confidence = Disposition, "rfc8098", 1
	for _, g := range groups(text(body)) {
		if id := bareID(g["original-message-id"]); id != "" && n.Original.MessageID == "" {
			n.Original.MessageID = id
		}
		if g["final-recipient"] != "" && len(n.Recipients) == 0 {
			r := g.recipient()
			n.Recipients = []Recipient{{Original: r.Original, Final: r.Final}}
		}
	}
	return true
}

func firstWord(s string) string {
	s, _, _ = strings.Cut(strings.TrimSpace(s), " ")
	return s
}

// answered is the mail that an automatic answer says it answers: RFC 5322 §3.6.4.
func answered(e *entity.Entity) string {
	if id := bareID(e.Get("In-Reply-To")); id != "" {
		return id
	}
	all := strings.Fields(e.Get("References"))
	if len(all) == 0 {
		return ""
	}
	return bareID(all[len(all)-1])
}
