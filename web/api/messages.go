package api

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/parleymail/parley/inbox"
	"github.com/parleymail/parley/mail"
)

func (a *API) messages(r *http.Request) (any, error) {
	if err := known(r, listParameters...); err != nil {
		return nil, err
	}
	q, err := query(r)
	if err != nil {
		return nil, err
	}
	page, err := a.Inbox.Messages(r.Context(), q)
	if err != nil {
		return nil, err
	}
	if page.Items == nil {
		page.Items = []inbox.Message{}
	}
	return page, nil
}

func (a *API) deleteMessages(r *http.Request) (any, error) {
	if err := known(r, "query", "mailbox"); err != nil {
		return nil, err
	}
	q, err := query(r)
	if err != nil {
		return nil, err
	}
	n, err := a.Inbox.DeleteMessages(r.Context(), q)
	if err != nil {
		return nil, err
	}
	return map[string]int{"deleted": n}, nil
}

// find is the message of the path, if it is in the mailbox that was chosen.
func (a *API) find(r *http.Request) (inbox.Message, error) {
	n, err := id(r)
	if err != nil {
		return inbox.Message{}, err
	}
	box, err := mailbox(r)
	if err != nil {
		return inbox.Message{}, err
	}
	m, err := a.Inbox.Message(r.Context(), n)
	if err == nil && box != "" && m.Mailbox != inbox.MailboxName(box) {
		return m, inbox.ErrNotFound
	}
	return m, err
}

func (a *API) message(r *http.Request) (any, error) {
	if err := known(r, "mailbox"); err != nil {
		return nil, err
	}
	m, err := a.find(r)
	if err != nil {
		return nil, err
	}
	return a.detail(r.Context(), m)
}

// content is the octets of a message.
func (a *API) content(ctx context.Context, m inbox.Message) ([]byte, error) {
	return a.Inbox.Content(ctx, m.ID)
}

func (a *API) patchMessage(r *http.Request) (any, error) {
	if err := known(r, "mailbox"); err != nil {
		return nil, err
	}
	m, err := a.find(r)
	if err != nil {
		return nil, err
	}
	var change struct {
		Seen *bool `json:"seen"`
	}
	if err := body(r, &change); err != nil {
		return nil, err
	}
	if change.Seen == nil {
		return nil, bad("the body: it has no seen")
	}
	if err := a.Inbox.MarkSeen(r.Context(), m.ID, *change.Seen); err != nil {
		return nil, err
	}
	return a.Inbox.Message(r.Context(), m.ID)
}

func (a *API) deleteMessage(r *http.Request) (any, error) {
	if err := known(r, "mailbox"); err != nil {
		return nil, err
	}
	m, err := a.find(r)
	if err != nil {
		return nil, err
	}
	return nil, a.Inbox.DeleteMessage(r.Context(), m.ID)
}

// release sends a message on.
func (a *API) release(r *http.Request) (any, error) {
	if err := known(r, "mailbox"); err != nil {
		return nil, err
	}
	if a.Forwarder == nil {
		return nil, &failure{http.StatusConflict, "no_server", "no server was given to send mail on by: start with --release SERVER"}
	}
	m, err := a.find(r)
	if err != nil {
		return nil, err
	}
	var to struct {
		From string   `json:"from"`
		To   []string `json:"to"`
	}
	if err := body(r, &to); err != nil {
		return nil, err
	}
	for _, address := range append(to.To, strings.Fields(to.From)...) {
		if _, err := mail.ParsePath(address); err != nil {
			return nil, bad("%q: %v", address, err)
		}
	}
	receipt, err := a.Forwarder.Release(r.Context(), m.ID, to.From, to.To)
	if err != nil {
		return nil, released(err)
	}
	return map[string]string{"reply": receipt.Reply.String()}, nil
}

func (a *API) releases(r *http.Request) (any, error) {
	if err := known(r, "mailbox"); err != nil {
		return nil, err
	}
	m, err := a.find(r)
	if err != nil {
		return nil, err
	}
	list, err := a.Inbox.Releases(r.Context(), m.ID)
	if err != nil {
		return nil, err
	}
	if list == nil {
		list = []inbox.Release{}
	}
	return map[string]any{"items": list}, nil
}

// raw is the message as it was sent.
func (a *API) raw(w http.ResponseWriter, r *http.Request) {
	m, err := a.found(r)
	if err != nil {
		fail(w, err)
		return
	}
	content, err := a.Inbox.Open(r.Context(), m.ID)
	if err != nil {
		fail(w, err)
		return
	}
	defer content.Close()
	h := w.Header()
	h.Set("Content-Type", "message/rfc822")
	h.Set("Content-Disposition", fmt.Sprintf(`attachment; filename="%d.eml"`, m.ID))
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'")
	http.ServeContent(w, r, "", m.At, content)
}

func (a *API) found(r *http.Request) (inbox.Message, error) {
	if err := known(r, "mailbox"); err != nil {
		return inbox.Message{}, err
	}
	return a.find(r)
}

// part is what stands in one part of the message, decoded. It is never shown by a browser.
func (a *API) part(w http.ResponseWriter, r *http.Request) {
	m, err := a.found(r)
	if err != nil {
		fail(w, err)
		return
	}
	content, err := a.content(r.Context(), m)
	if err != nil {
		fail(w, err)
		return
	}
	data, name, ok := partOf(content, r.PathValue("n"))
	if !ok {
		fail(w, &failure{http.StatusNotFound, "not_found", "the message has no such part"})
		return
	}
	Download(w, name)
	http.ServeContent(w, r, "", m.At, bytes.NewReader(data))
}
