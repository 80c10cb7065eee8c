package api

import (
	"context"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/inbox"
	"github.com/parleymail/parley/inbox/view"
	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/smtp"
)

// A messageDetail is a message with what stands in it.
type messageDetail struct {
	inbox.Message
	Envelope    envelope     `json:"envelope"`
	Headers     []header     `json:"headers"`
	Text        string       `json:"text"`
	HTML        string       `json:"html,omitempty"` // made safe: no script, nothing from elsewhere
	Blocked     view.Blocked `json:"blocked"`
	Attachments []view.Part  `json:"parts"`
	Links       []view.Link  `json:"links"`
	Codes       []view.Code  `json:"codes"`
}

// A header is a field, decoded.
type header struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

// An envelope is what MAIL and RCPT said.
type envelope struct {
	ReversePath string      `json:"reverse_path"`
	ID          string      `json:"id,omitempty"`     // ENVID
	Return      string      `json:"return,omitempty"` // RET
	RequireTLS  bool        `json:"require_tls,omitempty"`
	Recipients  []recipient `json:"recipients"`
}

type recipient struct {
	Path     string `json:"path"`
	Notify   string `json:"notify,omitempty"`
	Original string `json:"original,omitempty"` // ORCPT
}

const mostHeaders = 1000

// detail is all that is told of a message.
func (a *API) detail(ctx context.Context, m inbox.Message) (*messageDetail, error) {
	content, err := a.content(ctx, m)
	if err != nil {
		return nil, err
	}
	env, err := a.Inbox.Envelope(ctx, m.ID)
	if err != nil {
		return nil, err
	}
	v := view.Open(content, m, view.Limits{})
	prefix := "/api/v1/messages/" + strconv.FormatInt(m.ID, 10) + "/parts/"
	safe := v.HTML(view.HTMLOptions{CID: func(id string) string {
		if p, ok := v.ByCID(id); ok && p.Path != "" {
			return prefix + url.PathEscape(p.Path)
		}
		return ""
	}})
	d := &messageDetail{
		Message: m, Envelope: envelopeOf(env), Headers: headersOf(v), Text: v.Text().Text, HTML: string(safe.Document), Blocked: safe.Blocked,
		Attachments: v.Letter().Attachments, Links: v.Links(), Codes: v.Codes(),
	}
	return d.filled(), nil
}

// filled has empty lists in place of none, so that a program need not ask.
func (d *messageDetail) filled() *messageDetail {
	if d.Attachments == nil {
		d.Attachments = []view.Part{}
	}
	if d.Links == nil {
		d.Links = []view.Link{}
	}
	if d.Codes == nil {
		d.Codes = []view.Code{}
	}
	return d
}

func envelopeOf(e mail.Envelope) envelope {
	out := envelope{ReversePath: e.ReversePath.String(), ID: e.ID, Return: returns[e.Return], RequireTLS: e.RequireTLS, Recipients: make([]recipient, len(e.Recipients))}
	for i, r := range e.Recipients {
		out.Recipients[i] = recipient{Path: r.Path.String(), Notify: notifyOf(r.Notify), Original: r.Original}
	}
	return out
}

// returns are the words of RET: RFC 3461 §4.3.
var returns = map[mail.Return]string{mail.ReturnFull: "FULL", mail.ReturnHeader: "HDRS"}

// notifyOf is NOTIFY as it is said: RFC 3461 §4.1.
func notifyOf(n mail.Notify) string {
	var words []string
	for _, x := range []struct {
		bit  mail.Notify
		word string
	}{{mail.NotifyNever, "NEVER"}, {mail.NotifySuccess, "SUCCESS"}, {mail.NotifyFailure, "FAILURE"}, {mail.NotifyDelay, "DELAY"}} {
		if n&x.bit != 0 {
			words = append(words, x.word)
		}
	}
	return strings.Join(words, ",")
}

func headersOf(v *view.View) []header {
	list := []header{}
	for f := range v.Root().Fields() {
		if len(list) == mostHeaders {
			break
		}
		list = append(list, header{Name: f.Name, Text: f.Text()})
	}
	return list
}

// view is that of the message in the path.
func (a *API) view(r *http.Request) (*view.View, error) {
	m, err := a.found(r)
	if err != nil {
		return nil, err
	}
	content, err := a.content(r.Context(), m)
	if err != nil {
		return nil, err
	}
	return view.Open(content, m, view.Limits{}), nil
}

func (a *API) structure(r *http.Request) (any, error) {
	v, err := a.view(r)
	if err != nil {
		return nil, err
	}
	return v.Structure(), nil
}

func (a *API) checks(r *http.Request) (any, error) {
	v, err := a.view(r)
	if err != nil {
		return nil, err
	}
	findings := v.Checks()
	if findings == nil {
		findings = []view.Finding{}
	}
	return map[string]any{"items": findings, "clients": v.Clients()}, nil
}

// mostPart is how much of a part is given, in octets.
const mostPart = 100 << 20

// partOf is the body of a part, decoded, and the name of its file.
func partOf(content []byte, path string) (data []byte, name string, ok bool) {
	v := view.Open(content, inbox.Message{}, view.Limits{})
	p, ok := v.Part(path)
	if !ok || path == "" {
		return nil, "", false
	}
	data, err := io.ReadAll(io.LimitReader(p.Open(), mostPart))
	return data, p.Name, err == nil
}

// Download makes an answer one that no browser shows, whatever is in it.
func Download(w http.ResponseWriter, name string) {
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'")
}

// released is why a mail was not sent on, with its cause and fix.
func released(err error) error {
	e, ok := err.(*smtp.Error) //nolint:errorlint // what Release gives is not wrapped
	if !ok {
		return err
	}
	d := diagnose.Explain(e)
	return &failure{http.StatusBadGateway, "not_released", e.Error() + ". " + d.Cause.En + " " + d.Fix.En}
}
