package view

import (
	netmail "net/mail"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/parleymail/parley/mail"
)

const (
	longSubject = 100 // characters
	dateOff     = 24 * time.Hour
)

// header looks at the fields that every mail should have.
func (c *checkup) header() {
	root := c.v.root()
	fields := make(map[string][]string)
	for f := range root.Fields() {
		name := strings.ToLower(f.Name)
		if len(fields) < 1000 {
			fields[name] = append(fields[name], f.Text())
		}
		if !c.v.message.UTF8 && slices.ContainsFunc(f.Raw, func(b byte) bool { return b >= 0x80 }) {
			c.found("header-8bit", f.Name)
		}
	}
	first := func(name string) string {
		if list := fields[name]; len(list) > 0 {
			return strings.TrimSpace(list[0])
		}
		return ""
	}
	if subject := first("subject"); subject == "" {
		c.found("subject-missing", "")
	} else if utf8.RuneCountInString(subject) > longSubject {
		c.found("subject-long", "")
	}
	c.dates(fields["date"], first("date"))
	switch id := first("message-id"); {
	case id == "":
		c.found("message-id-missing", "")
	case !isMessageID(id):
		c.found("message-id-broken", id)
	}
	c.once(fields)
	if fields["mime-version"] == nil && fields["content-type"] != nil {
		c.found("mime-version-missing", "")
	}
	if fields["bcc"] != nil && first("bcc") != "" {
		c.found("bcc-told", first("bcc"))
	}
	if fields["return-path"] != nil {
		c.found("return-path-told", first("return-path"))
	}
	if fields["dkim-signature"] == nil {
		c.found("dkim-missing", "")
	}
}

// once: RFC 5322 §3.6, RFC 2045 §4 and on: these may stand once.
func (c *checkup) once(fields map[string][]string) {
	for _, name := range []string{"From", "Sender", "Reply-To", "To", "Cc", "Bcc", "Message-ID", "In-Reply-To", "References", "Subject", "Date",
		"MIME-Version", "Content-Type", "Content-Transfer-Encoding", "List-Unsubscribe", "List-Id"} {
		if len(fields[strings.ToLower(name)]) > 1 {
			c.found("field-twice", name)
		}
	}
}

func (c *checkup) dates(all []string, date string) {
	if len(all) == 0 || date == "" {
		c.found("date-missing", "")
		return
	}
	at, err := netmail.ParseDate(date)
	if err != nil {
		c.found("date-broken", date)
		return
	}
	if came := c.v.message.At; !came.IsZero() && came.Sub(at).Abs() > dateOff {
		c.found("date-off", date)
	}
}

// isMessageID: RFC 5322 §3.6.4, as far as others rely on it.
func isMessageID(s string) bool {
	inner, open := strings.CutPrefix(s, "<")
	inner, closed := strings.CutSuffix(inner, ">")
	return open && closed && strings.Count(inner, "@") == 1 && !strings.ContainsAny(inner, " \t<>") && inner[0] != '@' && inner[len(inner)-1] != '@'
}

// addresses looks at who wrote and who is to read, in header and envelope.
func (c *checkup) addresses() {
	root := c.v.root()
	var from []mail.Address
	switch values := c.raw("From"); {
	case len(values) == 0 || strings.TrimSpace(values[0]) == "":
		c.found("from-missing", "")
	default:
		list, err := mail.ParseAddressField(values[0])
		switch {
		case err != nil || len(list) == 0:
			c.found("from-broken", root.Get("From"))
		case len(list) > 1:
			c.found("from-several", root.Get("From"))
		}
		from = list
	}
	if root.Get("To") == "" && root.Get("Cc") == "" && root.Get("Bcc") == "" {
		c.found("to-missing", "")
	}
	c.envelope(from)
}

// raw gives the values of a field as they were sent, unfolded by whoever parses them.
func (c *checkup) raw(name string) []string {
	var list []string
	for f := range c.v.root().Fields() {
		if strings.EqualFold(f.Name, name) {
			list = append(list, string(f.Raw))
		}
	}
	return list
}

// envelope lays the envelope beside the header. Without recipients nothing is known of it.
func (c *checkup) envelope(from []mail.Address) {
	m := c.v.message
	if len(m.Recipients) == 0 {
		return
	}
	named := make(map[string]bool)
	readable := true
	for _, field := range []string{"To", "Cc", "Bcc"} {
		for _, value := range c.raw(field) {
			list, err := mail.ParseAddressField(value)
			readable = readable && err == nil
			for _, a := range list {
				named[strings.ToLower(a.Address)] = true
			}
		}
	}
	if !readable {
		return
	}
	sent := make(map[string]bool)
	for _, r := range m.Recipients {
		sent[strings.ToLower(r)] = true
		if !named[strings.ToLower(r)] {
			c.found("envelope-bcc", r)
		}
	}
	for a := range sortedKeys(named) {
		if !sent[a] {
			c.found("envelope-not-sent", a)
		}
	}
	if m.ReversePath != "" && len(from) == 1 && !sameSite(domainOf(m.ReversePath), domainOf(from[0].Address)) {
		c.found("envelope-from", m.ReversePath)
	}
}

func domainOf(address string) string {
	return strings.ToLower(address[strings.LastIndexByte(address, '@')+1:])
}

// bulk looks at how to leave, where a mail goes to many.
func (c *checkup) bulk() {
	root := c.v.root()
	leave := strings.TrimSpace(root.Get("List-Unsubscribe"))
	precedence := strings.ToLower(strings.TrimSpace(root.Get("Precedence")))
	many := root.Get("List-Id") != "" || precedence == "bulk" || precedence == "list" || root.Get("Feedback-ID") != "" || root.Get("X-Campaign-Id") != ""
	switch {
	case leave == "" && many:
		c.found("unsubscribe-missing", "")
	case leave == "":
	case !strings.HasPrefix(leave, "<") || !strings.Contains(leave, ">"):
		c.found("unsubscribe-broken", leave)
	case !strings.Contains(strings.ToLower(leave), "<https://") || !strings.EqualFold(strings.ReplaceAll(root.Get("List-Unsubscribe-Post"), " ", ""), "List-Unsubscribe=One-Click"):
		c.found("unsubscribe-one-click", "")
	}
}
