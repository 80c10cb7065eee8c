package pages

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/fault"
)

// A faultsPage is what goes wrong on purpose, and the forms to make more of it.
type faultsPage struct {
	Rules    []fault.Rule
	Personas []persona
	Stages   []string
	Thens    []string
	TLS      []string
	Magic    bool
	Wrong    string // why the last form was refused
	Line     string // what it said
}

type persona struct {
	fault.Persona
	Words diagnose.Words
}

// Rule is a rule on one line, without the number that the plan has given it.
func (*screen) Rule(r fault.Rule) string {
	r.ID = ""
	return clean(r.String())
}

func (p *Pages) faultsPage() *faultsPage {
	page := &faultsPage{Rules: p.Faults.Rules(), Stages: fault.Stages(), Thens: fault.Thens(), TLS: fault.TLSFaults(), Magic: p.Faults.Magic}
	for _, one := range fault.Personas() {
		page.Personas = append(page.Personas, persona{one, diagnose.Words{En: one.Title, Zh: one.TitleZh}})
	}
	return page
}

func (p *Pages) faults(w http.ResponseWriter, r *http.Request) error {
	v := p.screen(w, r, "faults")
	v.Title, v.Body = v.T("faults"), p.faultsPage()
	return p.render(w, "faults", http.StatusOK, v)
}

// addFault takes one of the three forms. One that is wrong is shown again, with why.
func (p *Pages) addFault(w http.ResponseWriter, r *http.Request) error {
	v := p.screen(w, r, "faults")
	rule, line, err := ruleOf(r)
	if err == nil {
		rule, err = p.Faults.Add(rule)
	}
	if err == nil {
		word := "fault-added"
		if rule.Stage == "tls" && !p.STARTTLS {
			word = "fault-added-tls"
		}
		notice(w, word, v.Rule(rule))
		return back(w, r, "/faults")
	}
	page := p.faultsPage()
	page.Wrong, page.Line = err.Error(), line
	v.Title, v.Body = v.T("faults"), page
	return p.render(w, "faults", http.StatusUnprocessableEntity, v)
}

// ruleOf reads the form: the line as it was typed, or one made of the fields that have something in them.
func ruleOf(r *http.Request) (rule fault.Rule, line string, err error) {
	if err := r.ParseForm(); err != nil {
		return rule, "", err
	}
	if line = strings.TrimSpace(r.PostFormValue("line")); line != "" {
		rule, err = fault.ParseRule(line)
		return rule, line, err
	}
	var words []string
	if stage := r.PostFormValue("stage"); stage != "" {
		words = append(words, "stage="+strconv.Quote(stage))
	}
	for _, name := range []string{"persona", "match", "recipient", "sender", "user", "times", "skip", "reply", "garbage", "wait", "rate", "then", "tls", "greylist", "limit", "idle"} {
		if value := strings.TrimSpace(r.PostFormValue(name)); value != "" {
			words = append(words, name+"="+quoted(name, value))
		}
	}
	for _, name := range []string{"mute", "lose", "endless"} {
		if slices.Contains(r.PostForm[name], "on") {
			words = append(words, name)
		}
	}
	line = strings.Join(words, " ")
	rule, err = fault.ParseRule(line)
	return rule, line, err
}

// quoted is a value of a form as a rule's line has it. A reply of several lines is written with \n between them.
func quoted(name, value string) string {
	if name == "reply" {
		value = strings.ReplaceAll(value, `\n`, "\n")
	}
	if name == "garbage" { // its escapes are its own
		return `"` + strings.ReplaceAll(value, `"`, `\"`) + `"`
	}
	return strconv.Quote(value)
}

func (p *Pages) clearFaults(w http.ResponseWriter, r *http.Request) error {
	p.Faults.Clear()
	notice(w, "faults-cleared", "")
	return back(w, r, "/faults")
}

func (p *Pages) removeFault(w http.ResponseWriter, r *http.Request) error {
	if !p.Faults.Remove(r.PathValue("id")) {
		return &problem{http.StatusNotFound, "no-fault", ""}
	}
	notice(w, "fault-removed", "")
	return back(w, r, "/faults")
}
