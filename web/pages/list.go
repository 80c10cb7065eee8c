package pages

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/inbox"
)

// A list is a page of messages, or of sessions.
type list[T any] struct {
	Items  []T
	Query  string
	Total  int
	More   bool
	Before int64
	Last   int64 // the oldest that is shown: the next page begins behind it
	Newest int64
	SMTP   []string
	URL    string
}

const perPage = 50

// inLanguage is an error as a person is told of it.
func inLanguage(err error, lang diagnose.Lang) string {
	if q, ok := errors.AsType[*inbox.QueryError](err); ok {
		return q.Words.In(lang)
	}
	return err.Error()
}

// asked is what a list is to show.
func asked(r *http.Request, v *screen) (inbox.Query, error) {
	q, err := inbox.ParseQuery(r.FormValue("query"))
	if err != nil {
		return q, &problem{http.StatusBadRequest, "bad-query", inLanguage(err, langOf(r))}
	}
	q.Mailbox, q.Limit = v.Mailbox, perPage
	for name, to := range map[string]*int64{"before": &q.Before, "after": &q.After} {
		if text := r.FormValue(name); text != "" {
			n, err := strconv.ParseInt(text, 10, 64)
			if err != nil || n < 0 {
				return q, &problem{http.StatusBadRequest, "bad-query", name}
			}
			*to = n
		}
	}
	return q, nil
}

func (p *Pages) messages(w http.ResponseWriter, r *http.Request) error {
	v := p.screen(w, r, "messages")
	l, err := p.messageList(r, v)
	if err != nil {
		return err
	}
	v.Title, v.Body = v.T("messages"), l
	return p.render(w, "messages", http.StatusOK, v)
}

func (p *Pages) messageList(r *http.Request, v *screen) (*list[inbox.Message], error) {
	q, err := asked(r, v)
	if err != nil {
		return nil, err
	}
	page, err := p.Inbox.Messages(r.Context(), q)
	if err != nil {
		return nil, err
	}
	l := &list[inbox.Message]{Items: page.Items, Query: r.FormValue("query"), Total: page.Total, More: page.More, Before: q.Before, SMTP: p.SMTP, URL: p.SMTPURL}
	if n := len(l.Items); n > 0 {
		l.Newest, l.Last = l.Items[0].ID, l.Items[n-1].ID
	}
	return l, nil
}

// rows are the messages that came after the newest that a page shows. The script puts them in.
func (p *Pages) rows(w http.ResponseWriter, r *http.Request) error {
	v := p.screen(w, r, "messages")
	if r.FormValue("of") == "sessions" {
		l, err := p.sessionList(r, v)
		if err != nil {
			return err
		}
		v.Body = l
		more(w, l.More)
		return p.write(w, "sessions", "session-rows", http.StatusOK, v)
	}
	l, err := p.messageList(r, v)
	if err != nil {
		return err
	}
	v.Body = l
	more(w, l.More)
	return p.write(w, "messages", "rows", http.StatusOK, v)
}

// more tells the script that these rows are not all that came.
func more(w http.ResponseWriter, yes bool) {
	if yes {
		w.Header().Set("Parley-More", "1")
	}
}

// changeMessages is the form around the list: what is ticked, or all that the query fits.
func (p *Pages) changeMessages(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return &problem{http.StatusBadRequest, "bad-form", ""}
	}
	switch r.PostFormValue("do") {
	case "delete":
		n := 0
		for _, text := range r.PostForm["id"] {
			id, err := strconv.ParseInt(text, 10, 64)
			if err == nil && p.Inbox.DeleteMessage(r.Context(), id) == nil {
				n++
			}
		}
		notice(w, "deleted", strconv.Itoa(n))
	case "delete-all":
		q, err := inbox.ParseQuery(r.PostFormValue("query"))
		if err != nil {
			return &problem{http.StatusBadRequest, "bad-query", inLanguage(err, langOf(r))}
		}
		q.Mailbox = r.PostFormValue("mailbox") // that of the list that was seen, whatever a cookie says by now
		n, err := p.Inbox.DeleteMessages(r.Context(), q)
		if err != nil {
			return err
		}
		notice(w, "deleted", strconv.Itoa(n))
	default:
		return &problem{http.StatusBadRequest, "bad-form", ""}
	}
	return back(w, r, "/")
}

func (p *Pages) sessions(w http.ResponseWriter, r *http.Request) error {
	v := p.screen(w, r, "sessions")
	l, err := p.sessionList(r, v)
	if err != nil {
		return err
	}
	v.Title, v.Body = v.T("sessions"), l
	return p.render(w, "sessions", http.StatusOK, v)
}

func (p *Pages) sessionList(r *http.Request, v *screen) (*list[sessionRow], error) {
	q, err := asked(r, v)
	if err != nil {
		return nil, err
	}
	page, err := p.Inbox.Sessions(r.Context(), q)
	if err != nil {
		return nil, err
	}
	l := &list[sessionRow]{Query: r.FormValue("query"), Total: page.Total, More: page.More, Before: q.Before, SMTP: p.SMTP, URL: p.SMTPURL}
	for _, s := range page.Items {
		l.Items = append(l.Items, p.rowOf(r, s))
	}
	if n := len(l.Items); n > 0 {
		l.Newest, l.Last = l.Items[0].ID, l.Items[n-1].ID
	}
	return l, nil
}

func (p *Pages) changeSessions(w http.ResponseWriter, r *http.Request) error {
	q, err := inbox.ParseQuery(r.PostFormValue("query"))
	if err != nil {
		return &problem{http.StatusBadRequest, "bad-query", inLanguage(err, langOf(r))}
	}
	q.Mailbox = r.PostFormValue("mailbox")
	n, err := p.Inbox.DeleteSessions(r.Context(), q)
	if err != nil {
		return err
	}
	notice(w, "deleted-sessions", strconv.Itoa(n))
	return back(w, r, "/sessions")
}

func (p *Pages) help(w http.ResponseWriter, r *http.Request) error {
	v := p.screen(w, r, "help")
	v.Title = v.T("help")
	v.Body = &list[inbox.Message]{SMTP: p.SMTP, URL: p.SMTPURL}
	return p.render(w, "help", http.StatusOK, v)
}
