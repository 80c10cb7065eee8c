package view

import (
	"sync"

	"github.com/parleymail/parley/inbox"
	"github.com/parleymail/parley/mail/entity"
)

// Limits bound what is read of a content.
type Limits struct {
	Entity entity.Limits
	HTML   int // octets of HTML; zero: 1 MiB
	Text   int // octets of text; zero: 1 MiB
	Links  int // zero: 2,000
}

func (l Limits) orDefault() Limits {
	if l.HTML <= 0 {
		l.HTML = 1 << 20
	}
	if l.Text <= 0 {
		l.Text = 1 << 20
	}
	if l.Links <= 0 {
		l.Links = 2000
	}
	return l
}

// A View is what is shown of one mail.
type View struct {
	content []byte
	message inbox.Message
	limits  Limits

	root    func() *entity.Entity
	letter  func() Letter
	named   func() map[string]Part
	source  func() entity.Text // of the HTML
	words   func() string      // of the HTML, without where links lead
	text    func() Text
	links   func() []Link
	codes   func() []Code
	checks  func() []Finding
	clients func() Clients
}

// Open makes a view of a content, which must not be changed while the view is in use. Of the message its envelope counts: the recipients, the
// reverse-path, whether it came as 8BITMIME and SMTPUTF8. Without one its zero value does.
func Open(content []byte, m inbox.Message, l Limits) *View {
	v := &View{content: content, message: m, limits: l.orDefault()}
	v.root = sync.OnceValue(func() *entity.Entity { return entity.Parse(content, v.limits.Entity) })
	v.letter = sync.OnceValue(v.makeLetter)
	v.named = sync.OnceValue(func() map[string]Part { return v.letter().named() })
	v.source = sync.OnceValue(v.makeSource)
	v.words = sync.OnceValue(func() string { return toText(v.source().Text, false) })
	v.text = sync.OnceValue(v.makeText)
	v.links = sync.OnceValue(v.makeLinks)
	v.codes = sync.OnceValue(v.makeCodes)
	v.checks = sync.OnceValue(v.makeChecks)
	v.clients = sync.OnceValue(v.makeClients)
	return v
}

// Root is the tree of entities.
func (v *View) Root() *entity.Entity { return v.root() }

// Letter is what a person reads, and the attachments.
func (v *View) Letter() Letter { return v.letter() }

// HTML gives the mail's HTML made safe. A mail without HTML has an empty document.
func (v *View) HTML(o HTMLOptions) Safe {
	if v.letter().HTML == nil {
		return Safe{}
	}
	source := v.source()
	safe := makeSafe(source.Text, o, func(id string) bool { _, ok := v.ByCID(id); return ok })
	safe.Cut = source.Cut
	return safe
}

// Source is the mail's HTML as it was sent, decoded, and whether that is all.
func (v *View) Source() (html string, cut bool) {
	t := v.source()
	return t.Text, t.Cut
}

func (v *View) makeSource() entity.Text {
	if h := v.letter().HTML; h != nil {
		return h.e.Text(v.limits.HTML)
	}
	return entity.Text{}
}

// Text is the mail as text.
func (v *View) Text() Text { return v.text() }

// Links are the links of HTML and text, in the order in which they stand.
func (v *View) Links() []Link { return v.links() }

// Codes are what looks like a code to be typed in, the likeliest first.
func (v *View) Codes() []Code { return v.codes() }

// Checks is what was found when the mail was looked over, the worst first.
func (v *View) Checks() []Finding { return v.checks() }

// Clients says what mail clients will not show of the mail's HTML.
func (v *View) Clients() Clients { return v.clients() }
