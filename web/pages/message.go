package pages

import (
	"encoding/base64"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/inbox"
	"github.com/parleymail/parley/inbox/view"
	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/mail/entity"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/web/api"
)

// tabs of a message, in their order; each is a page of its own, so that no script is needed.
var tabs = []string{"html", "text", "headers", "structure", "source", "attachments", "checks", "conversation"}

// A messagePage is one message.
type messagePage struct {
	inbox.Message
	Tabs     []string
	Tab      string
	Remote   bool // images from elsewhere are shown
	View     *view.View
	Letter   view.Letter
	Safe     view.Safe
	Envelope mail.Envelope
	Releases []inbox.Release
	Release  bool // there is a server to send it on by
	Session  *inbox.Session

	Conversation *conversation
	Content      string // of Source
	Cut          bool   // Content is not all
	Width        string // of the frame: "", "phone", "tablet"
	Fit          string // classes of the frame: how high what is in it is, on a wide screen and on a phone's

	Older, Newer int64
}

// mostShown is how much of a source is shown.
const mostShown = 1 << 20

func (p *Pages) message(w http.ResponseWriter, r *http.Request) error {
	m, content, err := p.open(r)
	if err != nil {
		return err
	}
	// A page elsewhere that opens this one in a window has not read it.
	if site := r.Header.Get("Sec-Fetch-Site"); !m.Seen && site != "cross-site" && site != "same-site" {
		if err := p.Inbox.MarkSeen(r.Context(), m.ID, true); err != nil {
			return err
		}
	}
	v := p.screen(w, r, "messages")
	page := &messagePage{Message: m, Tabs: tabs, Remote: r.FormValue("remote") == "1", View: view.Open(content, m, view.Limits{}), Release: p.Forwarder != nil}
	page.Letter = page.View.Letter()
	page.Tab = r.FormValue("tab")
	if !slices.Contains(tabs, page.Tab) {
		page.Tab = "html"
		if page.Letter.HTML == nil {
			page.Tab = "text"
		}
	}
	if width := r.FormValue("width"); width == "phone" || width == "tablet" {
		page.Width = width
	}
	if err := p.fill(r, page, content); err != nil {
		return err
	}
	v.Title, v.Body = clean(m.Subject), page
	if m.Subject == "" {
		v.Title = v.T("no-subject")
	}
	return p.render(w, "message", http.StatusOK, v)
}

// open is the message of the path, with its content.
func (p *Pages) open(r *http.Request) (m inbox.Message, content []byte, err error) {
	id, err := idOf(r)
	if err != nil {
		return m, nil, err
	}
	if m, err = p.Inbox.Message(r.Context(), id); err != nil {
		return m, nil, err
	}
	content, err = p.Inbox.Content(r.Context(), id)
	return m, content, err
}

// fill adds what the tab and what stands beside it need.
func (p *Pages) fill(r *http.Request, page *messagePage, content []byte) (err error) {
	ctx := r.Context()
	if page.Envelope, err = p.Inbox.Envelope(ctx, page.ID); err != nil {
		return err
	}
	if page.Releases, err = p.Inbox.Releases(ctx, page.ID); err != nil {
		return err
	}
	if s, err := p.Inbox.Session(ctx, page.Message.Session); err == nil {
		page.Session = &s
		said, err := p.Inbox.Transcript(ctx, s.ID)
		if err != nil {
			return err
		}
		if page.Tab != "conversation" {
			var whole bool
			said, whole = transactionOf(said, page.At)
			page.Conversation = newConversation(said)
			page.Conversation.Part, page.Conversation.Session = !whole, s.ID
		} else {
			page.Conversation = newConversation(said)
		}
	}
	switch page.Tab {
	case "html":
		page.Safe = page.View.HTML(view.HTMLOptions{Remote: page.Remote})
		page.Fit = fit(string(page.Safe.Document), page.Width == "phone")
	case "source":
		page.Content, page.Cut = string(content[:min(len(content), mostShown)]), len(content) > mostShown
		page.Content = smtpText(page.Content)
	}
	page.Older, page.Newer = p.neighbours(r, page.ID)
	return nil
}

// smtpText is a source as a page shows it: what is no UTF-8 and what turns lines around is written out.
func smtpText(s string) string {
	s = strings.ReplaceAll(s, "\r\n", "\n")
	if !strings.ContainsFunc(s, hidden) && strings.ToValidUTF8(s, "") == s {
		return s
	}
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		lines[i] = smtp.Printable(l)
	}
	return strings.Join(lines, "\n")
}

// neighbours are the messages before and after, zero for none.
func (p *Pages) neighbours(r *http.Request, id int64) (older, newer int64) {
	q := inbox.Query{Mailbox: mailboxOf(r), Before: id, Limit: 1}
	if page, err := p.Inbox.Messages(r.Context(), q); err == nil && len(page.Items) > 0 {
		older = page.Items[0].ID
	}
	return older, p.nextNewer(r, id)
}

// nextNewer is the message that came next after one, zero for none. Lists begin with the newest, so it is looked for in a
// window behind the one that grows until something is in it, and then shrinks until nothing else is.
func (p *Pages) nextNewer(r *http.Request, id int64) int64 {
	q := inbox.Query{Mailbox: mailboxOf(r), After: id, Limit: perPage}
	newest, err := p.Inbox.Messages(r.Context(), q)
	if err != nil || len(newest.Items) == 0 {
		return 0
	}
	last := newest.Items[0].ID
	for width := int64(perPage); ; width *= 16 {
		q.Before = min(id+1+width, last+1)
		page, err := p.Inbox.Messages(r.Context(), q)
		for err == nil && page.More {
			q.Before = page.Items[len(page.Items)-1].ID
			page, err = p.Inbox.Messages(r.Context(), q)
		}
		if err != nil {
			return 0
		}
		if len(page.Items) > 0 {
			return page.Items[len(page.Items)-1].ID
		}
		if q.Before > last {
			return 0 // deleted meanwhile
		}
	}
}

// mostInline is how many octets of images are put into a frame's document.
const mostInline = 8 << 20

// frame is the document of the mail's HTML. Its policy lets it load nothing but what it has within it, and, where the person has
// asked for that, images from where the mail says. The images of the mail itself stand in it as data: a sandboxed frame is of no
// origin, and the guard lets nobody else ask.
func (p *Pages) frame(w http.ResponseWriter, r *http.Request) error {
	m, content, err := p.open(r)
	if err != nil {
		return err
	}
	frameOf(w, r, view.Open(content, m, view.Limits{}))
	return nil
}

func frameOf(w http.ResponseWriter, r *http.Request, mv *view.View) {
	remote := r.FormValue("remote") == "1"
	inline := &inlined{of: mv, left: mostInline/3*4 + 100, made: make(map[string]string)}
	safe := mv.HTML(view.HTMLOptions{Remote: remote, CID: func(id string) string {
		if r.Context().Err() != nil {
			return "" // nobody waits for it any more
		}
		return inline.url(id)
	}})
	images := "data:"
	if remote {
		images = "data: http: https:"
	}
	h := w.Header()
	h.Set("Content-Security-Policy", "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; img-src "+images+"; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'; frame-ancestors 'self'")
	h.Set("X-Frame-Options", "SAMEORIGIN")
	h.Set("Content-Type", "text/html; charset=utf-8")
	io.WriteString(w, string(safe.Document))
}

// inlined are the images that HTML shows from within the mail. It may name one a thousand times: each is read once, and each
// time that it is shown counts.
type inlined struct {
	of   *view.View
	left int               // octets that may still be shown
	made map[string]string // by Content-ID; empty for what is no image, or too large
}

func (i *inlined) url(id string) string {
	url, known := i.made[id]
	if !known {
		if part, ok := i.of.ByCID(id); ok && part.Size() <= mostInline {
			if kind, data, ok := imageOf(part, mostInline); ok {
				url = "data:" + kind + ";base64," + base64.StdEncoding.EncodeToString(data)
			}
		}
		i.made[id] = url
	}
	if len(url) > i.left {
		return ""
	}
	i.left -= len(url)
	return url
}

// shown are the types of image that a browser may show from here; none can hold a script.
var shown = []string{"image/png", "image/jpeg", "image/gif", "image/webp"}

// imageOf is a part that is an image by its octets, whatever it is declared as.
func imageOf(part view.Part, most int) (kind string, data []byte, ok bool) {
	kind = part.Sniffed()
	if !slices.Contains(shown, kind) {
		return "", nil, false
	}
	data, err := io.ReadAll(io.LimitReader(part.Open(), int64(most)+1))
	return kind, data, err == nil && len(data) <= most
}

// part is the one of the path.
func (p *Pages) part(r *http.Request) (view.Part, error) {
	m, content, err := p.open(r)
	if err != nil {
		return view.Part{}, err
	}
	part, ok := view.Open(content, m, view.Limits{}).Part(r.PathValue("n"))
	if !ok || r.PathValue("n") == "" {
		return part, inbox.ErrNotFound
	}
	return part, nil
}

// image is an attachment that is shown.
func (p *Pages) image(w http.ResponseWriter, r *http.Request) error {
	part, err := p.part(r)
	if err != nil {
		return err
	}
	return serveImage(w, part)
}

func serveImage(w http.ResponseWriter, part view.Part) error {
	kind, data, ok := imageOf(part, mostInline)
	if !ok {
		return inbox.ErrNotFound
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Security-Policy", "sandbox; default-src 'none'")
	w.Write(data)
	return nil
}

// file is a part to be kept as a file; no browser shows it.
func (p *Pages) file(w http.ResponseWriter, r *http.Request) error {
	part, err := p.part(r)
	if err != nil {
		return err
	}
	api.Download(w, part.Name)
	io.Copy(w, part.Open())
	return nil
}

func (p *Pages) deleteMessage(w http.ResponseWriter, r *http.Request) error {
	id, err := idOf(r)
	if err != nil {
		return err
	}
	older, newer := p.neighbours(r, id)
	if err := p.Inbox.DeleteMessage(r.Context(), id); err != nil {
		return err
	}
	notice(w, "deleted", "1")
	to := "/"
	if older > 0 {
		to = "/messages/" + strconv.FormatInt(older, 10)
	} else if newer > 0 {
		to = "/messages/" + strconv.FormatInt(newer, 10)
	}
	return back(w, r, to)
}

func (p *Pages) unseen(w http.ResponseWriter, r *http.Request) error {
	id, err := idOf(r)
	if err != nil {
		return err
	}
	if err := p.Inbox.MarkSeen(r.Context(), id, false); err != nil {
		return err
	}
	notice(w, "is-unseen", "")
	return back(w, r, "/")
}

// release sends the message on, and tells what became of it.
func (p *Pages) release(w http.ResponseWriter, r *http.Request) error {
	id, err := idOf(r)
	if err != nil {
		return err
	}
	to := "/messages/" + r.PathValue("id")
	if p.Forwarder == nil {
		return &problem{http.StatusConflict, "no-server", ""}
	}
	recipients := strings.FieldsFunc(r.PostFormValue("to"), func(c rune) bool { return c == ',' || c == ' ' || c == ';' || c == '\n' || c == '\r' })
	from := strings.TrimSpace(r.PostFormValue("from"))
	for _, address := range append(slices.Clone(recipients), strings.Fields(from)...) {
		if _, err := mail.ParsePath(address); err != nil {
			notice(w, "not-released", clean(address)+": "+err.Error())
			return back(w, r, to)
		}
	}
	receipt, err := p.Forwarder.Release(r.Context(), id, from, recipients)
	if err != nil {
		d := diagnose.Explain(err)
		lang := langOf(r)
		notice(w, "not-released", smtp.Printable(err.Error())+" "+d.Cause.In(lang)+" "+d.Fix.In(lang))
		return back(w, r, to)
	}
	notice(w, "released", smtp.Printable(receipt.Reply.String()))
	return back(w, r, to)
}

// A row of the tree of entities.
type treeRow struct {
	*entity.Entity
	Depth int
	File  string
	Size  int
}

// Tree are the entities of the message, those within others below them.
func (m *messagePage) Tree() []treeRow {
	var rows []treeRow
	for e := range m.View.Root().All() {
		depth := 0
		for up := e.Parent; up != nil; up = up.Parent {
			depth++
		}
		rows = append(rows, treeRow{Entity: e, Depth: min(depth, 12), File: e.File, Size: e.End - e.BodyStart})
	}
	return rows
}

// IsImage reports whether a part may be shown as one.
func (*messagePage) IsImage(p view.Part) bool { return slices.Contains(shown, p.Sniffed()) }

// Fields are the header, decoded.
func (m *messagePage) Fields() []entity.Field {
	return slices.Collect(m.View.Root().Fields())
}

// ClientNames are the names of mail clients, by their IDs.
func (m *messagePage) ClientNames(ids []string) string {
	names := make([]string, 0, len(ids))
	for _, c := range m.View.Clients().Clients {
		if slices.Contains(ids, c.ID) {
			names = append(names, c.Name)
		}
	}
	return strings.Join(names, ", ")
}

// Doubt is what there is to say against a link; nil for what nothing is known of.
func (*messagePage) Doubt(id string) *view.Finding {
	f, ok := view.WordsOf(id)
	if !ok {
		return nil
	}
	return &f
}
