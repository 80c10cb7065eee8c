package api

import (
	"net/http"
	"time"

	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/relay"
)

// suppressions are a page of the addresses that nothing is sent to.
func (o *Outbox) suppressions(r *http.Request, who relay.Account) (any, error) {
	if err := operators(who); err != nil {
		return nil, err
	}
	if err := known(r, "after", "limit"); err != nil {
		return nil, err
	}
	n, err := limit(r)
	if err != nil {
		return nil, err
	}
	list, err := o.Box.Suppressions(r.Context(), param(r, "after"), n)
	if err != nil {
		return nil, err
	}
	next := ""
	if len(list) == n {
		next = list[n-1].Address
	}
	return struct {
		Items []outbox.Suppression `json:"items"`
		Next  string               `json:"next,omitempty"` // for after; empty: there are no more
	}{nonNil(list), next}, nil
}

// suppress puts an address on the list, in place of what stood there.
func (o *Outbox) suppress(r *http.Request, who relay.Account) (any, error) {
	if err := operators(who); err != nil {
		return nil, err
	}
	if err := known(r); err != nil {
		return nil, err
	}
	address := r.PathValue("address")
	if _, err := mail.ParsePath("<" + address + ">"); err != nil {
		return nil, &failure{http.StatusUnprocessableEntity, "invalid", "the address: " + err.Error()}
	}
	said := struct {
		Reason string    `json:"reason"`
		Detail string    `json:"detail"`
		Until  time.Time `json:"until"`
	}{Reason: "manual"}
	if err := body(r, &said); err != nil {
		return nil, err
	}
	err := o.Box.Suppress(r.Context(), outbox.Suppression{Address: address, Reason: said.Reason, Detail: said.Detail, Until: said.Until})
	if err != nil {
		return nil, err
	}
	s, err := o.Box.Suppressed(r.Context(), address)
	if err == nil && s == nil {
		return nil, &failure{http.StatusUnprocessableEntity, "invalid", "until: it is over"}
	}
	return s, err
}

// unsuppress takes an address off the list.
func (o *Outbox) unsuppress(r *http.Request, who relay.Account) (any, error) {
	if err := operators(who); err != nil {
		return nil, err
	}
	if err := known(r); err != nil {
		return nil, err
	}
	return nil, o.Box.Unsuppress(r.Context(), r.PathValue("address"))
}
