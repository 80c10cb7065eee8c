package pages

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/web/api"
)

// An act is something that is done to mails.
type act func(ctx context.Context, refs ...outbox.Ref) (int, error)

// actOf is what a button says.
func (q *Queue) actOf(name, why string, who asker) (act, bool) {
	switch name {
	case "retry":
		if who.Operator {
			return q.Box.RetryNow, true
		}
		return q.Box.Retry, true
	case "release":
		return q.Box.Release, true
	case "hold":
		return func(ctx context.Context, refs ...outbox.Ref) (int, error) { return q.Box.Hold(ctx, why, refs...) }, true
	case "cancel":
		return func(ctx context.Context, refs ...outbox.Ref) (int, error) { return q.Box.Cancel(ctx, why, refs...) }, true
	}
	return nil, false
}

// reason is what is noted in a mail's history, with who gave it.
func reason(r *http.Request, who asker) string {
	text := clip(strings.TrimSpace(r.PostFormValue("why")), 500)
	if who.Name == "" {
		return text
	}
	return strings.TrimSuffix(who.Name+": "+text, ": ")
}

const (
	mostChosen = 1000 // mails of one form
	together   = 200  // of them in one transaction
)

// changeList is the form around the list: what is ticked, or all that the filters fit.
func (q *Queue) changeList(w http.ResponseWriter, r *http.Request, v *screen) error {
	if err := r.ParseForm(); err != nil {
		return &problem{http.StatusBadRequest, "bad-form", ""}
	}
	defer q.forget()
	do := r.PostFormValue("do")
	if name, all := strings.CutPrefix(do, "all-"); all {
		return q.changeFound(w, r, v, name)
	}
	refs, err := q.chosen(r, v.Asker)
	if err != nil {
		return err
	}
	if len(refs) == 0 {
		notice(w, "queue-none-chosen", "")
		return back(w, r, "/messages")
	}
	if do == "purge" {
		n, skipped, err := q.purge(r.Context(), refs)
		if err != nil {
			return err
		}
		tellOf(w, v, "queue-did-purge", api.Changed{Changed: n, Skipped: skipped})
		return back(w, r, "/messages")
	}
	f, ok := q.actOf(do, reason(r, v.Asker), v.Asker)
	if !ok {
		return &problem{http.StatusBadRequest, "bad-form", ""}
	}
	var c api.Changed
	for some := range slices.Chunk(refs, together) {
		if err := c.Act(r.Context(), some, f); err != nil {
			return err
		}
	}
	tellOf(w, v, "queue-did-"+do, c)
	return back(w, r, "/messages")
}

// tellOf tells on the next page what was done.
func tellOf(w http.ResponseWriter, v *screen, word string, c api.Changed) {
	text := strconv.Itoa(c.Changed) + "."
	if c.Skipped > 0 {
		text += " " + v.T("queue-skipped", c.Skipped)
	}
	notice(w, word, text)
}

// chosen are the mails that were ticked, as far as they are for who asks.
func (q *Queue) chosen(r *http.Request, who asker) (refs []outbox.Ref, err error) {
	mine := make(map[outbox.ID]bool)
	for _, text := range r.PostForm["id"] {
		ref, ok := refOfKey(text)
		if !ok || len(refs) >= mostChosen {
			return nil, &problem{http.StatusBadRequest, "bad-form", ""}
		}
		if _, asked := mine[ref.Message]; !asked && !who.Operator {
			_, err := q.find(r, who, ref.Message)
			mine[ref.Message] = err == nil
		}
		if who.Operator || mine[ref.Message] {
			refs = append(refs, ref)
		}
	}
	return refs, nil
}

// purge forgets the messages of some recipients, whole. Those that are being sent stay.
func (q *Queue) purge(ctx context.Context, refs []outbox.Ref) (all, skipped int, err error) {
	ids := make(map[outbox.ID]bool)
	for _, ref := range refs {
		ids[ref.Message] = true
	}
	var c api.Changed
	var messages []outbox.Ref
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		messages = append(messages, outbox.All(id))
	}
	for some := range slices.Chunk(messages, together) {
		err := c.Act(ctx, some, func(ctx context.Context, refs ...outbox.Ref) (int, error) {
			ids := make([]outbox.ID, len(refs))
			for i, ref := range refs {
				ids[i] = ref.Message
			}
			return q.Box.Purge(ctx, ids...)
		})
		if err != nil {
			return c.Changed, c.Skipped, err
		}
	}
	return c.Changed, c.Skipped, nil
}

// changeFound does something to all that the filters fit, of which there must be one.
func (q *Queue) changeFound(w http.ResponseWriter, r *http.Request, v *screen, name string) error {
	f := filtersOf(r, v.Asker.Operator)
	query, err := f.query(v.Asker)
	if err != nil {
		return err
	}
	if len(f) == 0 {
		return &problem{http.StatusBadRequest, "bad-form", ""}
	}
	var c api.Changed
	if name == "purge" {
		c.Changed, err = q.Box.PurgeAll(r.Context(), query)
	} else {
		do, ok := q.actOf(name, reason(r, v.Asker), v.Asker)
		if !ok {
			return &problem{http.StatusBadRequest, "bad-form", ""}
		}
		err = c.ActOnAll(r.Context(), q.Box, query, do)
	}
	if err != nil {
		return err
	}
	tellOf(w, v, "queue-did-"+name, c)
	return back(w, r, "/messages")
}

// changeMessage is the form of one mail, or of one of its recipients.
func (q *Queue) changeMessage(w http.ResponseWriter, r *http.Request, v *screen) error {
	if err := r.ParseForm(); err != nil {
		return &problem{http.StatusBadRequest, "bad-form", ""}
	}
	id, err := outbox.ParseID(r.PathValue("id"))
	if err != nil {
		return outbox.ErrNotFound
	}
	if _, err := q.find(r, v.Asker, id); err != nil {
		return err
	}
	defer q.forget()
	do := r.PostFormValue("do")
	if do == "purge" {
		n, err := q.Box.Purge(r.Context(), id)
		if err != nil {
			return err
		}
		tellOf(w, v, "queue-did-purge", api.Changed{Changed: n})
		return back(w, r, "/messages")
	}
	ref := outbox.All(id)
	if text := r.PostFormValue("recipient"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return &problem{http.StatusBadRequest, "bad-form", ""}
		}
		ref.Recipient = n
	}
	f, ok := q.actOf(do, reason(r, v.Asker), v.Asker)
	if !ok {
		return &problem{http.StatusBadRequest, "bad-form", ""}
	}
	n, err := f(r.Context(), ref)
	if err != nil {
		return err
	}
	tellOf(w, v, "queue-did-"+do, api.Changed{Changed: n})
	return back(w, r, "/messages/"+id.String())
}
