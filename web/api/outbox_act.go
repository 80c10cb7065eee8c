package api

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/relay"
)

// A Changed is what came of something that was done to mails.
type Changed struct {
	Changed int `json:"changed"`           // recipients; of a purge, mails
	Skipped int `json:"skipped,omitempty"` // recipients that were fit and could not be: being sent just now, or without a content
}

// An action is done to mails by somebody; why is for those that note one.
type action func(ctx context.Context, who relay.Account, why string, refs ...outbox.Ref) (int, error)

func (do action) by(who relay.Account, why string) func(context.Context, ...outbox.Ref) (int, error) {
	return func(ctx context.Context, refs ...outbox.Ref) (int, error) { return do(ctx, who, why, refs...) }
}

func (o *Outbox) actions() map[string]action {
	return map[string]action{
		"retry": func(ctx context.Context, who relay.Account, _ string, refs ...outbox.Ref) (int, error) {
			if who.Operator {
				return o.Box.RetryNow(ctx, refs...)
			}
			return o.Box.Retry(ctx, refs...)
		},
		"hold": func(ctx context.Context, _ relay.Account, why string, refs ...outbox.Ref) (int, error) {
			return o.Box.Hold(ctx, why, refs...)
		},
		"release": func(ctx context.Context, _ relay.Account, _ string, refs ...outbox.Ref) (int, error) {
			return o.Box.Release(ctx, refs...)
		},
		"cancel": func(ctx context.Context, _ relay.Account, why string, refs ...outbox.Ref) (int, error) {
			return o.Box.Cancel(ctx, why, refs...)
		},
	}
}

// why is the reason that is noted, with who gave it.
func why(r *http.Request, who relay.Account) string {
	text := param(r, "why")
	if who.Name == "" {
		return text
	}
	return strings.TrimSuffix(who.Name+": "+text, ": ")
}

// act does something to one mail, or to one of its recipients.
func (o *Outbox) act(do action) asking {
	return func(r *http.Request, who relay.Account) (any, error) {
		if err := known(r, "recipient", "why"); err != nil {
			return nil, err
		}
		s, err := o.find(r, who)
		if err != nil {
			return nil, err
		}
		ref := outbox.All(s.ID)
		if text := param(r, "recipient"); text != "" {
			if ref.Recipient, err = strconv.Atoi(text); err != nil || ref.Recipient < 0 {
				return nil, bad("recipient: %q is no place in the envelope, from 0", text)
			}
		}
		n, err := do(r.Context(), who, why(r, who), ref)
		return Changed{Changed: n}, err
	}
}

// purge forgets a mail.
func (o *Outbox) purge(r *http.Request, who relay.Account) (any, error) {
	if err := known(r); err != nil {
		return nil, err
	}
	s, err := o.find(r, who)
	if err != nil {
		return nil, err
	}
	n, err := o.Box.Purge(r.Context(), s.ID)
	return Changed{Changed: n}, err
}

// chosen reads which mails are meant, and has something be said of it.
func chosen(r *http.Request, who relay.Account) (outbox.Query, error) {
	if err := known(r, append(slices.Clone(filterParameters), "why")...); err != nil {
		return outbox.Query{}, err
	}
	if !slices.ContainsFunc(filterParameters, func(name string) bool { return param(r, name) != "" }) {
		return outbox.Query{}, bad("say which mails are meant, by one of %s", strings.Join(filterParameters, ", "))
	}
	return filters(r, who)
}

// actOnAll does something to all mails that a query fits.
func (o *Outbox) actOnAll(do action) asking {
	return func(r *http.Request, who relay.Account) (any, error) {
		q, err := chosen(r, who)
		if err != nil {
			return nil, err
		}
		var all Changed
		return &all, all.ActOnAll(r.Context(), o.Box, q, do.by(who, why(r, who)))
	}
}

// ActOnAll does something, such as [outbox.Box.Retry], to all mails that a query fits.
func (c *Changed) ActOnAll(ctx context.Context, box *outbox.Box, q outbox.Query, do func(context.Context, ...outbox.Ref) (int, error)) error {
	const together = 200
	refs := make([]outbox.Ref, 0, together)
	for i, err := range box.Each(ctx, q) {
		if err != nil {
			return err
		}
		if refs = append(refs, i.Ref); len(refs) == together {
			if err := c.Act(ctx, refs, do); err != nil {
				return err
			}
			refs = refs[:0]
		}
	}
	return c.Act(ctx, refs, do)
}

// Act does it to some together, and where one of them cannot be to each by itself.
func (c *Changed) Act(ctx context.Context, refs []outbox.Ref, do func(context.Context, ...outbox.Ref) (int, error)) error {
	n, err := do(ctx, refs...)
	if err == nil {
		c.Changed += n
		return nil
	}
	for _, ref := range refs {
		n, err := do(ctx, ref)
		switch {
		case err == nil:
			c.Changed += n
		case errors.Is(err, outbox.ErrBusy), errors.Is(err, outbox.ErrGone), errors.Is(err, outbox.ErrNotFound), errors.Is(err, outbox.ErrCorrupt):
			c.Skipped++
		default:
			return err
		}
	}
	return nil
}

// purgeAll forgets those mails of which all recipients fit.
func (o *Outbox) purgeAll(r *http.Request, who relay.Account) (any, error) {
	q, err := chosen(r, who)
	if err != nil {
		return nil, err
	}
	n, err := o.Box.PurgeAll(r.Context(), q)
	return Changed{Changed: n}, err
}
