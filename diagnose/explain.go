package diagnose

import (
	"cmp"
	"errors"
	"net"
	"net/textproto"
	"strconv"
	"strings"

	"github.com/parleymail/parley/smtp"
)

// Explain is [Explain] by these facts.
func (f *Facts) Explain(err error, h Hint) Diagnosis {
	if err == nil {
		d := Diagnosis{}
		f.unknown(&d, &reading{code: 250})
		return d
	}
	e, ok := errors.AsType[*smtp.Error](err)
	if !ok {
		// Package net/smtp's errors: their text quotes, and is not to be parsed.
		if t, ok := errors.AsType[*textproto.Error](err); ok {
			return f.Text(strconv.Itoa(t.Code)+" "+t.Msg, h)
		}
		e = &smtp.Error{Stage: h.Stage, Err: err}
	}
	if h.Server == "" {
		h.Server = serverOf(e)
	}
	if h.Stage == 0 {
		h.Stage = e.Stage
	}
	known := f.condition(e)
	if e.Reply.Code == 0 {
		if known != nil && known.error != "else" {
			return f.filled(known, e, h, 0.95)
		}
		// An error of somebody else's type, perhaps of another process: its words.
		if d := f.Text(err.Error(), h); d.Kind != "unclassified" && d.Kind != "ok" {
			d.fill(e, h)
			return d
		}
		return f.filled(known, e, h, 0.4)
	}
	if e.Uncertain() && known != nil {
		return f.filled(known, e, h, 0.95)
	}
	d := f.Text(wholeReply(e.Reply), f.withBanner(h, e))
	d.Reply, d.Stage = e.Reply, e.Stage
	// What the server said tells more than where; where it says next to nothing, the
	// stage does.
	if known != nil && known.error != "else" && (d.Confidence < 0.5 || d.Confidence < 0.6 && vague(d.Kind)) {
		stage := f.filled(known, e, h, 0.5)
		stage.Evidence = append(stage.Evidence, d.Evidence...)
		return stage
	}
	d.fill(e, h)
	return d
}

// wholeReply is a reply as it was on the line: each line with its codes.
func wholeReply(r smtp.Reply) string {
	var b strings.Builder
	code := strconv.Itoa(r.Code)
	if len(r.Lines) == 0 {
		return code
	}
	for i, line := range r.Lines {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(code)
		if i < len(r.Lines)-1 {
			b.WriteByte('-')
		} else {
			b.WriteByte(' ')
		}
		if r.Enhanced != (smtp.EnhancedCode{}) {
			b.WriteString(r.Enhanced.String() + " ")
		}
		b.WriteString(line)
	}
	return b.String()
}

// serverOf is the address that the conversation was had with.
func serverOf(e *smtp.Error) string {
	for _, said := range e.Said {
		if said.Did == smtp.Connected {
			return said.Line
		}
	}
	if op, ok := errors.AsType[*net.OpError](e.Err); ok && op.Op == "dial" && op.Addr != nil {
		return op.Addr.String()
	}
	return ""
}

// withBanner finds the provider by what the server said of itself, where its
// address does not tell.
func (f *Facts) withBanner(h Hint, e *smtp.Error) Hint {
	if h.Provider != "" || f.provider(h.Server) != nil {
		return h
	}
	for _, said := range e.Said {
		if said.Did == smtp.Answer && said.Stage <= smtp.StageHello {
			if p := f.marked(strings.ToLower(said.Line)); p != nil {
				h.Provider = p.ID
				return h
			}
		}
	}
	return h
}

// condition is the first rule whose condition the error fulfils.
func (f *Facts) condition(e *smtp.Error) *rule {
	for _, r := range f.rules {
		if r.error != "" && conditions[r.error](e) {
			return r
		}
	}
	return nil
}

// filled is a diagnosis by a rule that goes by the type of the error.
func (f *Facts) filled(r *rule, e *smtp.Error, h Hint, confidence float64) Diagnosis {
	d := Diagnosis{Kind: r.kind, Stage: e.Stage, Reply: e.Reply, Text: e.Error(), Confidence: confidence}
	d.Temporary = e.Temporary()
	if r.temporary != nil && e.Reply.Code == 0 {
		d.Temporary = *r.temporary
	}
	d.Cause, d.Fix = f.words(r)
	if p := f.provider(h.Provider); p != nil {
		d.Provider = p.ID
	} else if p := f.provider(h.Server); p != nil {
		d.Provider = p.ID
	}
	d.Evidence = []Evidence{{Rule: r.id, Source: r.source}}
	d.fill(e, h)
	return d
}

// fill puts names in place of {server} and {who}.
func (d *Diagnosis) fill(e *smtp.Error, h Hint) {
	server := h.Server
	if server == "" {
		server = h.Provider
	}
	who := ""
	if !e.Path.IsNull() {
		who = strings.Trim(e.Path.String(), "<>")
	}
	en := strings.NewReplacer("{server}", cmp.Or(server, "the server"), "{who}", cmp.Or(who, "the recipient"))
	// Between Chinese and Latin letters stands a blank, and none between Chinese ones.
	var pairs []string
	for _, name := range []struct{ form, is, none string }{{"{server}", server, "服务器"}, {"{who}", who, "收件人"}} {
		if name.is == "" {
			pairs = append(pairs, " "+name.form+" ", name.none, name.form+" ", name.none, " "+name.form, name.none)
		}
		pairs = append(pairs, name.form, cmp.Or(name.is, name.none))
	}
	zh := strings.NewReplacer(pairs...)
	d.Cause = Words{en.Replace(d.Cause.En), zh.Replace(d.Cause.Zh)}
	d.Fix = Words{en.Replace(d.Fix.En), zh.Replace(d.Fix.Zh)}
}
