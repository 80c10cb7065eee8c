package sasl

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// An OfferError is the error of [Credentials] that find nothing on offer that they
// can serve.
type OfferError struct {
	Offered []string // by the server, in capitals, as they came
	Wanted  []string // what would have been taken, best first
}

// Error names both lists.
func (e *OfferError) Error() string {
	offered := "offers no mechanism"
	if len(e.Offered) > 0 {
		offered = "offers " + nameList(e.Offered)
	}
	return "the server " + offered + "; these credentials need " + nameList(e.Wanted)
}

// nameList is fit to be shown, however long and odd the server's words are.
func nameList(names []string) string {
	const most, longest = 20, 40
	shown := make([]string, 0, most)
	for _, name := range names[:min(len(names), most)] {
		shown = append(shown, plainWords(name, longest))
	}
	list := strings.Join(shown, ", ")
	if more := len(names) - most; more > 0 {
		list += fmt.Sprintf(" and %d more", more)
	}
	return list
}

// terms are what a choice is made by.
type terms struct {
	offered []string // in capitals, each once
	only    []string // where it is not nil, nothing else will do
	binding string   // the channel binding that was asked for by name; empty: the best
	ch      Channel
}

// A chooser is one of our own Credentials, to whom Only and Bind can pass on what
// Choose has no words for.
type chooser interface {
	choose(context.Context, terms) (Mechanism, error)
}

func newTerms(offered []string, ch Channel) terms {
	t := terms{ch: ch}
	for _, name := range offered {
		// RFC 4954 §3 has them in any case.
		if name = strings.ToUpper(name); name != "" && !slices.Contains(t.offered, name) {
			t.offered = append(t.offered, name)
		}
	}
	return t
}

// pick gives the first of ranked that is offered. A mechanism of the -PLUS sort is
// passed over where this connection has nothing to bind it to.
func (t terms) pick(ranked []string) (string, error) {
	wanted := ranked
	if t.only != nil {
		wanted = nil
		for _, name := range ranked {
			if slices.Contains(t.only, name) {
				wanted = append(wanted, name)
			}
		}
		if len(t.only) == 0 {
			return "", errors.New("these credentials are held to two mechanisms at once, so that none is left")
		}
		if len(wanted) == 0 {
			return "", fmt.Errorf("%s is not what these credentials can speak: they have %s", nameList(t.only), nameList(ranked))
		}
	}
	var unbound error
	for _, name := range wanted {
		if !slices.Contains(t.offered, name) {
			continue
		}
		if strings.HasSuffix(name, "-PLUS") {
			if _, err := clientBinding(t.ch.TLS, t.binding); err != nil {
				unbound = fmt.Errorf("%s is offered and cannot be used: %w", name, err)
				continue
			}
		}
		return name, nil
	}
	if unbound != nil {
		return "", unbound
	}
	return "", &OfferError{Offered: t.offered, Wanted: wanted}
}

// Only is creds held to one mechanism, by its name in any case: what a server
// offers beside it is left alone. A name that creds cannot speak is an error of
// Choose, and so is one that the server does not offer.
func Only(mechanism string, creds Credentials) Credentials {
	name := strings.ToUpper(mechanism)
	return &restricted{
		label: label(describe(creds) + ", by " + name + " only"),
		creds: creds,
		narrow: func(t *terms) {
			if t.only == nil || slices.Contains(t.only, name) {
				t.only = []string{name}
			} else {
				t.only = []string{}
			}
		},
	}
}

// Bind is creds with the channel binding named, where SCRAM is spoken over TLS:
// "tls-exporter" (RFC 9266), "tls-unique" or "tls-server-end-point" (RFC 5929).
// Without it, it is tls-exporter over TLS 1.3 and tls-unique before. It is for
// servers that know no other, which their refusal usually says; it does not make
// -PLUS a must: Only does that.
func Bind(binding string, creds Credentials) Credentials {
	return &restricted{
		label:  label(describe(creds) + ", bound by " + binding),
		creds:  creds,
		narrow: func(t *terms) { t.binding = binding },
	}
}

// restricted are credentials of which not all may be used.
type restricted struct {
	label
	creds  Credentials
	narrow func(*terms)
}

// describe leaves credentials that are not ours unprinted: they may say too much.
func describe(creds Credentials) string {
	if _, ours := creds.(chooser); ours {
		return fmt.Sprint(creds)
	}
	return "credentials"
}

func (r *restricted) Choose(ctx context.Context, offered []string, ch Channel) (Mechanism, error) {
	return r.choose(ctx, newTerms(offered, ch))
}

func (r *restricted) choose(ctx context.Context, t terms) (Mechanism, error) {
	r.narrow(&t)
	if r.creds == nil {
		return nil, errors.New("there are no credentials to choose for")
	}
	if c, ok := r.creds.(chooser); ok {
		return c.choose(ctx, t)
	}
	offered := t.offered
	if t.only != nil {
		offered = nil
		for _, name := range t.offered {
			if slices.Contains(t.only, name) {
				offered = append(offered, name)
			}
		}
		if len(offered) == 0 {
			return nil, &OfferError{Offered: t.offered, Wanted: t.only}
		}
	}
	return r.creds.Choose(ctx, offered, t.ch)
}
