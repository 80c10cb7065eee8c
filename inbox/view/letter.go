package view

import (
	"slices"
	"strings"

	"github.com/parleymail/parley/mail/entity"
)

// A Letter is what a person reads of a mail.
type Letter struct {
	HTML        *Part  `json:"html,omitempty"` // nil: there is none
	Plain       *Part  `json:"plain,omitempty"`
	Further     []Part `json:"further,omitempty"`     // texts that clients show below: a mailing list's footer
	Inline      []Part `json:"inline,omitempty"`      // what HTML may show, by Content-ID
	Attachments []Part `json:"attachments,omitempty"` // in the order in which they stand
	Signed      string `json:"signed,omitempty"`      // "pgp" or "smime"
	Encrypted   string `json:"encrypted,omitempty"`
}

// named are the parts that HTML may show, by Content-ID (RFC 2392) or location (RFC 2557); of two of one name the first.
func (l Letter) named() map[string]Part {
	all := make(map[string]Part, len(l.Inline))
	add := func(name string, p Part) {
		if _, is := all[name]; name != "" && !is {
			all[name] = p
		}
	}
	for _, p := range l.Inline {
		add(p.ContentID, p)
		add(p.e.Location, p)
	}
	for _, p := range l.Attachments {
		add(p.ContentID, p) // QUIRK: Outlook and others say "attachment" of images that the HTML shows.
	}
	return all
}

// ByCID gives the part that cid:id in the HTML names.
func (v *View) ByCID(id string) (Part, bool) {
	p, ok := v.named()[id]
	return p, ok
}

// Part gives any entity by its path.
func (v *View) Part(path string) (Part, bool) {
	e := v.root().At(path)
	if e == nil {
		return Part{}, false
	}
	return newPart(e), true
}

func (v *View) makeLetter() Letter {
	var l Letter
	l.take(v.root())
	return l
}

// take goes through an entity as clients do. It goes no deeper than entity.Limits.Depth.
func (l *Letter) take(e *entity.Entity) {
	switch {
	case e.IsMultipart() && len(e.Parts) > 0:
		l.multipart(e)
	case e.Type == "text/html" && l.HTML == nil && !e.IsAttachment():
		p := newPart(e)
		l.HTML = &p
	case e.Type == "text/plain" && l.Plain == nil && !e.IsAttachment():
		p := newPart(e)
		l.Plain = &p
	case e.Type == "text/plain" && !e.IsAttachment(), e.Type == "text/html" && !e.IsAttachment():
		l.Further = append(l.Further, newPart(e))
	case e.IsAttachment():
		l.Attachments = append(l.Attachments, newPart(e))
	default:
		l.Inline = append(l.Inline, newPart(e))
	}
}

func (l *Letter) multipart(e *entity.Entity) {
	switch e.Type {
	case "multipart/alternative":
		l.alternative(e)
		return
	case "multipart/signed": // RFC 1847 §2.1: the first is what is signed, the second the signature
		l.Signed = crypto(e.Params["protocol"])
	case "multipart/encrypted":
		l.Encrypted = crypto(e.Params["protocol"])
	case "multipart/related":
		if root := relatedRoot(e); root != nil { // RFC 2387 §3.2
			l.take(root)
			for _, p := range e.Parts {
				if p != root {
					l.take(p)
				}
			}
			return
		}
	}
	for _, p := range e.Parts {
		l.take(p)
	}
}

func crypto(protocol string) string {
	if strings.Contains(strings.ToLower(protocol), "pgp") {
		return "pgp"
	}
	return "smime"
}

func relatedRoot(e *entity.Entity) *entity.Entity {
	if start := strings.Trim(e.Params["start"], "<> "); start != "" {
		for _, p := range e.Parts {
			if p.ContentID == start {
				return p
			}
		}
	}
	return nil
}

// alternative: RFC 2046 §5.1.4: the last that can be shown is the one meant. HTML and text are both kept, for a page has a tab for each;
// of several of one kind the last counts.
func (l *Letter) alternative(e *entity.Entity) {
	html, plain := l.HTML, l.Plain
	for _, p := range slices.Backward(e.Parts) {
		switch {
		case html == nil && l.HTML != nil && p.Type == "text/html", plain == nil && l.Plain != nil && p.Type == "text/plain":
			continue // an alternative that is not chosen
		case p.Type == "text/x-amp-html", p.Type == "text/watch-html", p.Type == "text/enriched", p.Type == "text/richtext":
			l.Inline = append(l.Inline, newPart(p))
		default:
			l.take(p)
		}
	}
}
