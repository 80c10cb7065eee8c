package mail

import (
	"net/url"
	"strings"
	"time"
	"unicode/utf8"
)

// check notes all that is wrong with the message but for checkBodies, and adds to
// paths those of From, Sender if there is one, ReplyTo, To, Cc and Bcc, in this
// order. It is run before the envelope is given and again before the content is
// made, so that nothing unchecked is written, whoever calls what.
func (m *Message) check(p *Problems, paths []Path) []Path {
	paths = m.checkAddresses(p, paths)
	if m.Subject != "" {
		p.add("Subject", badText(m.Subject, true))
	}
	m.checkIdentity(p)
	m.checkEnvelope(p)
	for i := range m.Header {
		m.Header[i].check(p, i)
	}
	if m.Invite != (Invite{}) {
		m.Invite.check(p)
	}
	if m.Unsubscribe != (Unsubscribe{}) {
		m.Unsubscribe.check(p)
	}
	if len(m.Inline)+len(m.Attach) > 0 {
		m.checkParts(p)
	}
	return paths
}

func (m *Message) checkAddresses(p *Problems, paths []Path) []Path {
	if m.From == (Address{}) {
		p.add("From", "is missing")
	} else {
		paths = checkAddress(p, paths, "From", -1, m.From)
	}
	if m.hasSender() {
		paths = checkAddress(p, paths, "Sender", -1, m.Sender)
	}
	for i := range m.ReplyTo {
		paths = checkAddress(p, paths, "ReplyTo", i, m.ReplyTo[i])
	}
	if len(m.To)+len(m.Cc)+len(m.Bcc) == 0 {
		p.add("To", "is empty, and so are Cc and Bcc: nobody would get the message")
	}
	for i := range m.To {
		paths = checkAddress(p, paths, "To", i, m.To[i])
	}
	for i := range m.Cc {
		paths = checkAddress(p, paths, "Cc", i, m.Cc[i])
	}
	for i := range m.Bcc {
		paths = checkAddress(p, paths, "Bcc", i, m.Bcc[i])
	}
	return paths
}

func checkAddress(p *Problems, paths []Path, field string, i int, a Address) []Path {
	name := badText(a.Name, false)
	path, err := a.Path()
	if name == "" && err == nil {
		return append(paths, path)
	}
	if i >= 0 {
		field = at(field, i)
	}
	if name != "" {
		p.add(field+".Name", name)
	}
	if err != nil {
		p.add(field, "is no address: "+err.Error())
	}
	return append(paths, path)
}

// checkBodies notes what is wrong with the texts to read. It takes longer than all
// the rest, so it is done once in sending: by Open.
func (m *Message) checkBodies(p *Problems) {
	p.add("Text", badBody(m.Text))
	p.add("HTML", badBody(m.HTML))
	if m.Invite.Calendar != "" {
		p.add("Invite.Calendar", badBody(m.Invite.Calendar))
	}
}

// badBody says what a text to read may not hold, and s holds.
func badBody(s string) string {
	switch {
	case strings.IndexByte(s, 0) >= 0:
		return "holds a NUL"
	case !isASCII(s) && !utf8.ValidString(s):
		return "is not UTF-8"
	}
	return ""
}

func (m *Message) checkIdentity(p *Problems) {
	if !m.Date.IsZero() {
		// RFC 5322 §3.3; and a zone is four digits.
		if y := m.Date.Year(); y < 1900 || y > 9999 {
			p.add("Date", "has a year that no header can bear")
		} else if _, zone := m.Date.Zone(); zone <= -100*3600 || zone >= 100*3600 {
			p.add("Date", "has a zone that no header can bear")
		}
	}
	if m.MessageID != "" {
		what := badID(m.MessageID)
		if what == "" && strings.Count(m.MessageID, "@") != 1 {
			what = "must have one @, as in 8f3a@example.net"
		}
		p.add("MessageID", what)
	}
	if m.InReplyTo != "" {
		p.add("InReplyTo", badID(m.InReplyTo))
	}
	for i, id := range m.References {
		p.addAt("References", i, "", badID(id))
	}
	if m.Priority > Low {
		p.add("Priority", "is neither High nor Low")
	}
	if m.AutoSubmitted != "" {
		p.add("AutoSubmitted", badToken(m.AutoSubmitted))
	}
}

// badID says what is wrong with a message identifier. Those of others are not
// always as RFC 5322 §3.6.4 has them; what cannot do harm is let through.
func badID(id string) string {
	id = bareID(id)
	switch {
	case id == "":
		return "is empty"
	case len(id) > maxToken:
		return "is longer than 900 octets, and cannot be parted over lines"
	case !isASCII(id):
		return "is not ASCII"
	}
	for i := 0; i < len(id); i++ {
		switch c := id[i]; {
		case class[c]&isControl != 0:
			return controlName(rune(c))
		case c == ' ' || c == '<' || c == '>':
			return "holds " + quote(string(rune(c)))
		}
	}
	return ""
}

// badToken says what is wrong with a MIME token: RFC 2045 §5.1.
func badToken(s string) string {
	switch {
	case s == "":
		return "is empty"
	case len(s) > 64:
		return "is longer than 64 octets"
	}
	if bad := badText(s, false); bad != "" {
		return bad
	}
	if !all(s, isToken) {
		return "is not one word of ASCII letters, digits and hyphens"
	}
	return ""
}

func (m *Message) checkEnvelope(p *Problems) {
	if m.ReversePath != nil {
		if err := m.ReversePath.Check(); err != nil {
			p.add("ReversePath", "is no path: "+err.Error())
		}
	}
	if badNotify(m.Notify) {
		p.add("Notify", badNotifyText)
	}
	if m.Return > ReturnHeader {
		p.add("Return", "is neither ReturnFull nor ReturnHeader")
	}
	if m.EnvelopeID != "" {
		p.add("EnvelopeID", badEnvelopeID(m.EnvelopeID))
	}
}

const badNotifyText = "has NotifyNever beside others, or what is none of them" // RFC 3461 §4.1

func badNotify(n Notify) bool {
	return n >= NotifyDelay<<1 || n&NotifyNever != 0 && n != NotifyNever
}

// badOriginal: RFC 3461 §4.2, the kind of address, a semicolon and the address. As
// an ORCPT it may have 500 characters.
func badOriginal(s string) string {
	kind, addr, ok := strings.Cut(s, ";")
	switch {
	case !ok || kind == "" || addr == "" || !all(kind, isToken):
		return "is not a kind and an address, as in rfc822;kim@example.net"
	case len(s) > 500:
		return "is longer than 500 octets"
	}
	return badText(s, false)
}

// badEnvelopeID: RFC 3461 §4.4, at most 100 characters of printable ASCII once
// they are written as xtext.
func badEnvelopeID(s string) string {
	if bad := badText(s, false); bad != "" {
		return bad
	}
	if !isASCII(s) {
		return "is not ASCII"
	}
	if len(s)+2*(strings.Count(s, "+")+strings.Count(s, "=")+strings.Count(s, " ")) > 100 {
		return "is longer than 100 characters, of which +, = and a blank count as three"
	}
	return ""
}

// ownFields are those that Message writes, or that only servers may write.
var ownFields = map[string]string{
	"from": "From", "sender": "Sender", "reply-to": "ReplyTo", "to": "To", "cc": "Cc", "bcc": "Bcc",
	"subject": "Subject", "date": "Date", "message-id": "MessageID", "in-reply-to": "InReplyTo",
	"references": "References", "importance": "Priority", "x-priority": "Priority", "auto-submitted": "AutoSubmitted",
	"list-unsubscribe": "Unsubscribe", "list-unsubscribe-post": "Unsubscribe",
	"mime-version": "", "return-path": "", "received": "",
}

func (f Field) check(p *Problems, i int) {
	switch {
	case f.Name == "":
		p.addAt("Header", i, ".Name", "is empty")
	case badText(f.Name, false) != "":
		p.addAt("Header", i, ".Name", badText(f.Name, false))
	case !all(f.Name, isToken):
		// RFC 5322 §3.6.8 has more, but then some readers take the whole mail for
		// broken: Go's net/mail does.
		p.addAt("Header", i, ".Name", "is no name of a field: letters, digits and hyphens")
	case len(f.Name) > 76:
		p.addAt("Header", i, ".Name", "is longer than 76 octets")
	default:
		name := strings.ToLower(f.Name)
		if own, ok := ownFields[name]; ok && own != "" {
			p.addAt("Header", i, "", "is "+quote(f.Name)+", for which there is the field "+own)
		} else if ok || strings.HasPrefix(name, "content-") {
			p.addAt("Header", i, "", "is "+quote(f.Name)+", which is not the message's to set")
		}
	}
	if f.Value != "" {
		p.addAt("Header", i, ".Value", badText(f.Value, true))
	}
}

func (u Unsubscribe) check(p *Problems) {
	if u.URL != "" {
		what := badURL(u.URL)
		if what == "" {
			what = u.badScheme()
		}
		p.add("Unsubscribe.URL", what)
	} else if u.OneClick {
		p.add("Unsubscribe.OneClick", "needs URL, and an https one: RFC 8058 §3.1")
	}
	if u.Mailto != "" {
		p.add("Unsubscribe.Mailto", u.badMailto())
	}
}

func (u Unsubscribe) badScheme() string {
	parsed, err := url.Parse(u.URL)
	switch {
	case err != nil || parsed.Host == "" || parsed.Scheme != "https" && parsed.Scheme != "http":
		return "is no http or https URL"
	case u.OneClick && parsed.Scheme != "https":
		return "must be https for OneClick: RFC 8058 §3.1"
	}
	return ""
}

func (u Unsubscribe) badMailto() string {
	if bad := badURL(u.Mailto); bad != "" {
		return bad
	}
	to, _, _ := strings.Cut(strings.TrimPrefix(u.Mailto, "mailto:"), "?")
	to, err := url.PathUnescape(to)
	if err == nil {
		_, err = Address{Address: to}.Path()
	}
	if err != nil {
		return "is no mailto URL: " + err.Error()
	}
	return ""
}

// badURL: what stands between < and > in a field (RFC 2369 §2) is ASCII without
// blanks, and it is not parted.
func badURL(s string) string {
	if bad := badText(s, false); bad != "" {
		return bad
	}
	switch {
	case len(s) > maxToken:
		return "is longer than 900 octets, and cannot be parted over lines"
	case !isASCII(s):
		return "is not ASCII: percent-encode it"
	case strings.ContainsAny(s, " <>\",\\"):
		// A comma would be read as the end of the URL by many: RFC 2369 §2.
		return "holds a blank, a comma, quotes, a backslash or brackets: percent-encode them"
	}
	return ""
}

// dateOf is the date the header bears.
func (m *Message) dateOf() time.Time {
	if m.Date.IsZero() {
		return time.Now()
	}
	return m.Date
}
