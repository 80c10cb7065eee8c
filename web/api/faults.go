package api

import (
	"net/http"

	"github.com/parleymail/parley/fault"
)

func (a *API) faults(r *http.Request) (any, error) {
	if err := known(r); err != nil {
		return nil, err
	}
	return map[string]any{"items": a.Faults.Rules()}, nil
}

// rules are what stands in a body: rules, or lines as fault.ParseRule reads them.
type rules struct {
	Faults []fault.Rule `json:"faults"`
	Lines  []string     `json:"lines"`
}

func (b *rules) all() ([]fault.Rule, error) {
	all := b.Faults
	for _, line := range b.Lines {
		r, err := fault.ParseRule(line)
		if err != nil {
			return nil, bad("%v", err)
		}
		all = append(all, r)
	}
	return all, nil
}

func (a *API) replaceFaults(r *http.Request) (any, error) {
	if err := known(r); err != nil {
		return nil, err
	}
	var b rules
	if err := body(r, &b); err != nil {
		return nil, err
	}
	all, err := b.all()
	if err != nil {
		return nil, err
	}
	if err := a.Faults.Replace(all); err != nil {
		return nil, bad("%v", err)
	}
	return map[string]any{"items": a.Faults.Rules()}, nil
}

// addFault takes one rule: its fields, or {"line": "rcpt times=2 ..."}.
func (a *API) addFault(r *http.Request) (any, error) {
	if err := known(r); err != nil {
		return nil, err
	}
	var one struct {
		fault.Rule
		Line string `json:"line"`
	}
	if err := body(r, &one); err != nil {
		return nil, err
	}
	if one.Line != "" {
		if one.Rule != (fault.Rule{}) {
			return nil, bad("the body has a line and other fields: it is one or the other")
		}
		var err error
		if one.Rule, err = fault.ParseRule(one.Line); err != nil {
			return nil, bad("%v", err)
		}
	}
	added, err := a.Faults.Add(one.Rule)
	if err != nil {
		return nil, bad("%v", err)
	}
	return added, nil
}

func (a *API) clearFaults(r *http.Request) (any, error) {
	if err := known(r); err != nil {
		return nil, err
	}
	a.Faults.Clear()
	return nil, nil
}

func (a *API) removeFault(r *http.Request) (any, error) {
	if err := known(r); err != nil {
		return nil, err
	}
	if !a.Faults.Remove(r.PathValue("id")) {
		return nil, &failure{http.StatusNotFound, "not_found", "there is no such fault"}
	}
	return nil, nil
}

func (a *API) personas(r *http.Request) (any, error) {
	if err := known(r); err != nil {
		return nil, err
	}
	return map[string]any{"items": fault.Personas()}, nil
}
