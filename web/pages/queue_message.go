package pages

import (
	"cmp"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/inbox"
	"github.com/parleymail/parley/inbox/view"
	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/transcript"
	"github.com/parleymail/parley/web/api"
)

// queueTabs of a mail, in their order; each is a page of its own.
var queueTabs = []string{"history", "html", "text", "headers", "structure", "source", "attachments"}

// A queueMessage is a mail of the queue. What is shown of its content is what the page of a message that was caught shows.
type queueMessage struct {
	*messagePage
	outbox.Shown
	ID         outbox.ID
	Head       outbox.Item // of its first recipient: what is the same for all
	Recipients []queueItem
	More       int // recipients that are not shown
	History    []happened
	Earlier    int // events that are not shown
	Can        acts
	Live       bool
	TooLarge   bool // to be shown here
	Broken     string
}

// Acts are what can be done to a mail, or to a recipient.
type acts struct{ Retry, Hold, Release, Cancel bool }

func actsOf(s outbox.State) acts {
	switch s {
	case outbox.Queued, outbox.Deferred:
		return acts{Retry: true, Hold: true, Cancel: true}
	case outbox.Sending:
		return acts{Hold: true, Cancel: true}
	case outbox.Held, outbox.Unknown:
		return acts{Release: true, Cancel: true}
	case outbox.Bounced, outbox.Expired:
		return acts{Retry: true}
	default:
		return acts{}
	}
}

// Can is what can be done to a recipient.
func (i queueItem) Can() acts { return actsOf(i.State).with(!i.gone) }

// with leaves out what wants the content.
func (a acts) with(content bool) acts {
	a.Retry = a.Retry && content
	return a
}

// Any reports whether there is something.
func (a acts) Any() bool { return a != acts{} }

// A happened is an event of a mail's history.
type happened struct {
	outbox.Event
	Times        int                 // the same, one after another
	Conversation *conversation       // what was said; nil: it was not kept
	Means        *diagnose.Diagnosis // of a failure that no conversation explains
	Open         bool                // its conversation is shown at once
}

const (
	mostRecipients = 100 // of a mail, on its page
	mostHappened   = 200
	mostOpened     = 32 << 20 // octets of a content that is shown
)

// find is a mail, if who asks may know of it.
func (q *Queue) find(r *http.Request, who asker, id outbox.ID) (*outbox.Shown, error) {
	s, err := q.Box.Show(r.Context(), id)
	if err != nil {
		return nil, err
	}
	if !who.Operator && (len(s.Recipients) == 0 || s.Recipients[0].Origin != who.Name) {
		return nil, outbox.ErrNotFound
	}
	return s, nil
}

// asked is the mail of the path.
func (q *Queue) asked(r *http.Request, who asker) (*outbox.Shown, error) {
	id, err := outbox.ParseID(r.PathValue("id"))
	if err != nil {
		return nil, outbox.ErrNotFound
	}
	return q.find(r, who, id)
}

func (q *Queue) message(w http.ResponseWriter, r *http.Request, v *screen) error {
	s, err := q.asked(r, v.Asker)
	if err != nil {
		return err
	}
	t, err := q.tally(r.Context())
	if err != nil {
		return err
	}
	page := &queueMessage{messagePage: new(messagePage), Shown: *s, ID: s.ID}
	page.Tabs, page.Tab = queueTabs, r.FormValue("tab")
	if !slices.Contains(queueTabs, page.Tab) {
		page.Tab = queueTabs[0]
	}
	page.Remote = r.FormValue("remote") == "1"
	if width := r.FormValue("width"); width == "phone" || width == "tablet" {
		page.Width = width
	}
	page.fillRecipients(t)
	if page.Tab == "history" {
		page.fillHistory(v.Asker.Operator)
	} else if err := q.fillContent(r, page); err != nil {
		return err
	}
	title := clean(page.Head.Subject)
	return q.show(w, r, v, "message", cmp.Or(title, v.T("no-subject")), page)
}

// fillRecipients has those first that something may still become of, and those that no server took.
func (m *queueMessage) fillRecipients(t *outbox.Tally) {
	now := time.Now()
	list := slices.Clone(m.Shown.Recipients)
	if len(list) > 0 {
		m.Head = list[0]
	}
	if len(list) > mostRecipients {
		slices.SortStableFunc(list, func(a, b outbox.Item) int { return cmp.Compare(weight(a.State), weight(b.State)) })
	}
	for _, i := range list {
		one := actsOf(i.State).with(m.Kept)
		m.Can = acts{m.Can.Retry || one.Retry, m.Can.Hold || one.Hold, m.Can.Release || one.Release, m.Can.Cancel || one.Cancel}
		m.Live = m.Live || i.State <= outbox.Sending
	}
	m.More = max(len(list)-mostRecipients, 0)
	for _, i := range list[:len(list)-m.More] {
		m.Recipients = append(m.Recipients, queueItem{Item: i, Why: outbox.Why(i, t, now), gone: !m.Kept})
	}
}

// weight is how much a state matters where not all are shown: the least first.
func weight(s outbox.State) int {
	switch s {
	case outbox.Held, outbox.Unknown:
		return 0
	case outbox.Bounced, outbox.Expired:
		return 1
	case outbox.Sent:
		return 3
	default:
		return 2
	}
}

// fillHistory has each attempt with what was said.
func (m *queueMessage) fillHistory(operator bool) {
	list := m.Shown.History
	if m.Earlier = len(list) - mostHappened; m.Earlier > 0 {
		list = list[m.Earlier:]
	}
	last := -1
	for i, e := range list {
		if i > 0 && e.Repeats(&list[i-1]) {
			m.History[len(m.History)-1].Times++
			continue
		}
		h := happened{Event: e, Times: 1}
		if !operator {
			h.Lane = ""
		}
		if e.Said != "" {
			h.Conversation = conversationOf(e.Said)
		}
		failed := e.What == outbox.WasDeferred || e.What == outbox.WasBounced || e.What == outbox.WasReturned || e.What == outbox.WasUnknown
		if failed && !h.explained() {
			h.Means = meaningOfEvent(e)
		}
		if h.Conversation != nil {
			last = len(m.History)
		}
		m.History = append(m.History, h)
	}
	if last >= 0 {
		m.History[last].Open = true
	}
}

// explained reports whether the conversation has a word on what went wrong.
func (h happened) explained() bool {
	return h.Conversation != nil && slices.ContainsFunc(h.Conversation.Turns, func(t turn) bool { return t.Bad != nil })
}

// conversationOf reads one as it was kept. What was cut off at its end is left out; nil for what is none.
func conversationOf(said string) *conversation {
	t, err := transcript.Read(strings.NewReader(said))
	if err != nil {
		i := strings.LastIndexByte(strings.TrimRight(said, "\n"), '\n')
		if i < 0 {
			return nil
		}
		if t, err = transcript.Read(strings.NewReader(said[:i+1])); err != nil {
			return nil
		}
	}
	if len(t) == 0 {
		return nil
	}
	return newConversation(t)
}

// meaningOfEvent is what a failure means, by its reply or else by its kind.
func meaningOfEvent(e outbox.Event) *diagnose.Diagnosis {
	if d := meaningOf(e.Reply); d != nil && (e.Kind == "" || d.Kind == e.Kind) {
		return d
	}
	cause, fix := diagnose.Default().Meaning(e.Kind)
	if cause == (diagnose.Words{}) || e.Kind == "unclassified" {
		return nil
	}
	return &diagnose.Diagnosis{Kind: e.Kind, Cause: cause, Fix: fix}
}

// fillContent opens the content for the tab.
func (q *Queue) fillContent(r *http.Request, page *queueMessage) error {
	if !page.Kept {
		return nil
	}
	content, err := q.content(r, &page.Shown)
	if err != nil {
		if tooLarge(err) {
			page.TooLarge = true
			return nil
		}
		return err
	}
	m := page.messagePage
	m.View = view.Open(content, inbox.Message{Size: int64(len(content))}, view.Limits{})
	m.Letter = m.View.Letter()
	switch page.Tab {
	case "html":
		m.Safe = m.View.HTML(view.HTMLOptions{Remote: m.Remote})
		m.Fit = fit(string(m.Safe.Document), m.Width == "phone")
	case "source":
		m.Content, m.Cut = smtpText(string(content[:min(len(content), mostShown)])), len(content) > mostShown
	}
	return nil
}

// Filled reports whether there is a content to show.
func (m *queueMessage) Filled() bool { return m.View != nil }

func tooLarge(err error) bool {
	p, ok := err.(*problem) //nolint:errorlint // it is ours, and nothing is around it
	return ok && p.word == "queue-too-large"
}

// content reads it. One that is very large is for a mail client.
func (q *Queue) content(r *http.Request, s *outbox.Shown) ([]byte, error) {
	if len(s.Recipients) > 0 && s.Recipients[0].Size > mostOpened {
		return nil, &problem{http.StatusRequestEntityTooLarge, "queue-too-large", ""}
	}
	in, err := q.Box.Content(r.Context(), s.ID)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	return io.ReadAll(io.LimitReader(in, mostOpened+1))
}

// view opens the mail of the path.
func (q *Queue) view(r *http.Request, v *screen) (*view.View, error) {
	s, err := q.asked(r, v.Asker)
	if err != nil {
		return nil, err
	}
	content, err := q.content(r, s)
	if err != nil {
		return nil, err
	}
	return view.Open(content, inbox.Message{Size: int64(len(content))}, view.Limits{}), nil
}

// frame is the document of the mail's HTML, with a policy of its own.
func (q *Queue) frame(w http.ResponseWriter, r *http.Request, v *screen) error {
	mv, err := q.view(r, v)
	if err != nil {
		return err
	}
	frameOf(w, r, mv)
	return nil
}

func (q *Queue) part(r *http.Request, v *screen) (view.Part, error) {
	mv, err := q.view(r, v)
	if err != nil {
		return view.Part{}, err
	}
	part, ok := mv.Part(r.PathValue("n"))
	if !ok || r.PathValue("n") == "" {
		return part, outbox.ErrNotFound
	}
	return part, nil
}

// image is an attachment that is shown.
func (q *Queue) image(w http.ResponseWriter, r *http.Request, v *screen) error {
	part, err := q.part(r, v)
	if err != nil {
		return err
	}
	return serveImage(w, part)
}

// file is a part to be kept as a file; no browser shows it.
func (q *Queue) file(w http.ResponseWriter, r *http.Request, v *screen) error {
	part, err := q.part(r, v)
	if err != nil {
		return err
	}
	api.Download(w, part.Name)
	io.Copy(w, part.Open())
	return nil
}

// Buttons are what can be done, for the template of them.
type buttons struct {
	V     *screen
	Names []string
	Of    string // the recipient; empty: all of them
}

// Acts is for the template of buttons.
func (v *screen) Acts(a acts, of string) buttons {
	b := buttons{V: v, Of: of}
	for _, one := range []struct {
		name string
		can  bool
	}{{"retry", a.Retry}, {"hold", a.Hold}, {"release", a.Release}, {"cancel", a.Cancel}} {
		if one.can {
			b.Names = append(b.Names, one.name)
		}
	}
	return b
}
