package api

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/relay"
)

// filterParameters say which mails are meant.
var filterParameters = []string{"state", "lane", "class", "topic", "origin", "sender", "recipient", "message_id", "since", "until"}

// filters reads them. A user's own mail is all that there is for who is no operator.
func filters(r *http.Request, who relay.Account) (q outbox.Query, err error) {
	q = outbox.Query{
		Lane: param(r, "lane"), Class: param(r, "class"), Topic: param(r, "topic"), Origin: param(r, "origin"),
		Sender: param(r, "sender"), Recipient: param(r, "recipient"), MessageID: param(r, "message_id"),
	}
	if text := param(r, "state"); text != "" {
		for word := range strings.SplitSeq(text, ",") {
			state, err := outbox.ParseState(strings.TrimSpace(word))
			if err != nil {
				return q, bad("state: %v", err)
			}
			q.States = append(q.States, state)
		}
	}
	if q.Class != "" {
		if _, err := outbox.ParseClass(q.Class); err != nil {
			return q, bad("class: %v", err)
		}
	}
	for name, into := range map[string]*time.Time{"since": &q.Since, "until": &q.Until} {
		if text := param(r, name); text != "" {
			if *into, err = time.Parse(time.RFC3339, text); err != nil {
				return q, bad("%s: %q is no time such as 2026-01-02T15:04:05Z", name, text)
			}
		}
	}
	if !who.Operator {
		if q.Origin != "" && q.Origin != who.Name {
			return q, &failure{http.StatusForbidden, "not_allowed", "origin: a user sees their own mail alone"}
		}
		q.Origin = who.Name
	}
	return q, nil
}

// list gives a page of mails, those that were handed over last first.
func (o *Outbox) list(r *http.Request, who relay.Account) (any, error) {
	if err := known(r, append(slices.Clone(filterParameters), "before", "limit")...); err != nil {
		return nil, err
	}
	q, err := filters(r, who)
	if err != nil {
		return nil, err
	}
	if q.Limit, err = limit(r); err != nil {
		return nil, err
	}
	if text := param(r, "before"); text != "" {
		if q.Before, err = refOf(text); err != nil {
			return nil, err
		}
	}
	items, err := o.Box.List(r.Context(), q)
	if err != nil {
		return nil, err
	}
	next := ""
	if len(items) == q.Limit {
		last := items[len(items)-1].Ref
		next = last.Message.String() + "." + strconv.Itoa(last.Recipient)
	}
	return struct {
		Items []outbox.Item `json:"items"`
		Next  string        `json:"next,omitempty"` // for before; empty: there are no more
	}{nonNil(items), next}, nil
}

const usualLimit = 50

func limit(r *http.Request) (int, error) {
	n, err := number(r, "limit")
	switch {
	case err != nil:
		return 0, err
	case n > mostItems:
		return 0, bad("limit: at most %d", mostItems)
	case n == 0:
		return usualLimit, nil
	}
	return int(n), nil
}

// refOf reads what next gives.
func refOf(text string) (outbox.Ref, error) {
	id, place, ok := strings.Cut(text, ".")
	message, err := outbox.ParseID(id)
	n, err2 := strconv.Atoi(place)
	if !ok || err != nil || err2 != nil || n < 0 {
		return outbox.Ref{}, bad("before: %q is not what next gives", text)
	}
	return outbox.Ref{Message: message, Recipient: n}, nil
}

// find is the mail of the path, if who asks may know of it.
func (o *Outbox) find(r *http.Request, who relay.Account) (*outbox.Shown, error) {
	id, err := outbox.ParseID(r.PathValue("id"))
	if err != nil {
		return nil, outbox.ErrNotFound
	}
	s, err := o.Box.Show(r.Context(), id)
	if err != nil {
		return nil, err
	}
	if !who.Operator && (len(s.Recipients) == 0 || s.Recipients[0].Origin != who.Name) {
		return nil, outbox.ErrNotFound
	}
	return s, nil
}

// show gives all that is known of one.
func (o *Outbox) show(r *http.Request, who relay.Account) (any, error) {
	if err := known(r); err != nil {
		return nil, err
	}
	s, err := o.find(r, who)
	if err != nil {
		return nil, err
	}
	// What lanes do is for operators; who waits for one of theirs is told all the same why.
	t, err := o.Box.Tally(r.Context())
	if err != nil {
		return nil, err
	}
	v := &explained{Shown: s, Why: []outbox.Reason{}}
	for _, i := range s.Recipients {
		v.Why = append(v.Why, outbox.Why(i, t, time.Now().UTC()))
	}
	return v, nil
}

// An explained mail is one with why each of its recipients is where it is.
type explained struct {
	*outbox.Shown
	Why []outbox.Reason `json:"why"` // in the order of Recipients
}

// raw is the content as it was handed over, with what was added.
func (o *Outbox) raw(w http.ResponseWriter, r *http.Request) {
	who, ok := AccountOf(r.Context())
	err := error(errStranger)
	if ok {
		err = known(r)
	}
	var s *outbox.Shown
	if err == nil {
		s, err = o.find(r, who)
	}
	var content io.ReadCloser
	if err == nil {
		content, err = o.Box.Content(r.Context(), s.ID)
	}
	if err != nil {
		o.fail(w, err)
		return
	}
	defer content.Close()
	begin := make([]byte, 32<<10)
	n, err := io.ReadFull(content, begin) // what is not as it was written is found out here, most often
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		o.fail(w, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "message/rfc822")
	h.Set("Content-Disposition", fmt.Sprintf(`attachment; filename="%s.eml"`, s.ID))
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'")
	if _, err := w.Write(begin[:n]); err != nil {
		return
	}
	if _, err := io.Copy(w, content); err != nil {
		panic(http.ErrAbortHandler) // a part of a mail is not to look like all of it
	}
}

// lanes tells how many wait where.
func (o *Outbox) lanes(r *http.Request, who relay.Account) (any, error) {
	if err := operators(who); err != nil {
		return nil, err
	}
	if err := known(r); err != nil {
		return nil, err
	}
	t, err := o.Box.Tally(r.Context())
	if err != nil {
		return nil, err
	}
	t.Lanes = nonNil(t.Lanes)
	return t, nil
}

// operators are who alone may know of what is everybody's.
func operators(who relay.Account) error {
	if !who.Operator {
		return &failure{http.StatusForbidden, "not_allowed", "this is for operators alone"}
	}
	return nil
}
