package dsn

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/mail/entity"
)

// Limits of what is read. A mail that comes back whole stands behind what is said of it.
const (
	mostRead       = 1 << 20
	mostStatus     = 256 << 10
	mostText       = 64 << 10
	mostShown      = 16 << 10
	mostRecipients = 1000
)

// Read reads a mail that came in. No mail is refused: one that tells of no other is [Other]. Its
// error is the reader's, or that there is no mail at all. Of a long mail it reads 1 MiB.
func Read(r io.Reader) (*Notice, error) {
	content, err := io.ReadAll(io.LimitReader(r, mostRead+1))
	if err != nil {
		return nil, fmt.Errorf("reading the notice: %w", err)
	}
	if len(strings.TrimSpace(string(content[:min(len(content), 100)]))) == 0 {
		return nil, errors.New("dsn: there is no mail to be read")
	}
	n := &Notice{Cut: len(content) > mostRead}
	content = content[:min(len(content), mostRead)]
	l := newIncoming(entity.Parse(content, entity.Limits{Depth: 12, Parts: 200}))
	n.To = l.to()
	n.Text = cut(l.text(), mostShown)
	n.Original = l.original()
	for _, way := range []func(*incoming, *Notice) bool{readStatus, readFeedback, readDisposition, readForms, readAutoReply} {
		if way(l, n) {
			break
		}
	}
	l.findOriginal(n)
	for i := range n.Recipients {
		if r := &n.Recipients[i]; r.Action == Failed || r.Action == Delayed {
			r.Why = r.explained()
		}
	}
	return n, nil
}

// cut is the begin of a text, in whole characters.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "")
}

// An incoming is a mail that is read, and what of its parts matters here.
type incoming struct {
	root        *entity.Entity
	status      []*entity.Entity // message/delivery-status
	feedback    *entity.Entity
	disposition *entity.Entity
	returned    *entity.Entity   // the mail that came back, or its header
	texts       []*entity.Entity // what it says itself
	report      string           // the report-type of the multipart/report

	said    string // of texts
	hasSaid bool
	quoted  string // the mail that came back, where it stands in the text
}

func newIncoming(root *entity.Entity) *incoming {
	l := &incoming{root: root}
	l.look(root)
	return l
}

// look sorts the parts. It does not go into a mail that came back: a bounce that is told of within one is
// another's.
func (l *incoming) look(e *entity.Entity) {
	switch e.Type {
	case "multipart/report":
		if l.report == "" {
			l.report = strings.ToLower(e.Params["report-type"])
		}
	case "message/delivery-status", "message/global-delivery-status":
		l.status = append(l.status, e)
	case "message/feedback-report":
		first(&l.feedback, e)
	case "message/disposition-notification", "message/global-disposition-notification":
		first(&l.disposition, e)
	case "message/rfc822", "message/global", "text/rfc822-headers", "message/global-headers", "text/rfc822-header":
		first(&l.returned, e)
		return
	case "text/plain", "text/html":
		if e.Disposition != "attachment" {
			l.texts = append(l.texts, e)
		}
	}
	if e.IsMultipart() && len(e.Parts) == 0 {
		l.texts = append(l.texts, e) // QUIRK: its boundary never comes
	}
	for _, p := range e.Parts {
		l.look(p)
	}
}

func first(to **entity.Entity, e *entity.Entity) {
	if *to == nil {
		*to = e
	}
}

// to is whom the mail was sent to: by what delivered it, before what its writer says.
func (l *incoming) to() []mail.Path {
	var list []mail.Path
	for _, name := range []string{"Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To", "To"} {
		for _, v := range l.root.Values(name) {
			addresses, err := mail.ParseAddressField(cut(v, 4<<10))
			if err != nil {
				if p, ok := loosePath(v); ok {
					list = addPath(list, p)
				}
				continue
			}
			for _, a := range addresses {
				if p, err := a.Path(); err == nil && !p.IsNull() && len(list) < 16 {
					list = addPath(list, p)
				}
			}
		}
	}
	return list
}

func addPath(list []mail.Path, p mail.Path) []mail.Path {
	for _, q := range list {
		if p == q {
			return list
		}
	}
	return append(list, p)
}

// original is the header that came back.
func (l *incoming) original() Original {
	if l.returned == nil {
		return Original{}
	}
	if len(l.returned.Parts) > 0 {
		return originalOf(l.returned.Parts[0])
	}
	body, _ := l.returned.Body(mostHeader)
	return originalOf(entity.Parse(body, entity.Limits{Depth: 1, Parts: 1}))
}

// findOriginal looks in other places for what no part has told of the mail.
func (l *incoming) findOriginal(n *Notice) {
	if n.Kind == Other {
		n.Original = Original{} // a mail that is only passed on
	}
	if n.Kind == Other || n.Original.MessageID != "" {
		return
	}
	if l.quoted != "" {
		o := quotedOriginal(l.quoted)
		if o.Subject == "" {
			o.Subject = n.Original.Subject
		}
		n.Original = o
	}
	if n.Original.MessageID == "" {
		n.Original.MessageID = answered(l.root) // Exchange and Gmail answer the mail that failed
	}
}
