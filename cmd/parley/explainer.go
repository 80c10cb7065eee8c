package main

import (
	"strconv"
	"strings"
	"sync"

	"charm.land/lipgloss/v2"

	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/transcript"
)

// An explainer prints conversations with a word beside each step. What it has said
// once it does not say again.
type explainer struct {
	u     *ui
	mu    sync.Mutex
	by    map[uint64]*talk // by session, until it is closed
	spent map[*remark]bool
}

// A talk is what must be known of a session.
type talk struct {
	label uint64 // before its lines, where others go on beside it
	tls   bool
}

func newExplainer(u *ui) *explainer {
	return &explainer{u: u, by: make(map[uint64]*talk), spent: make(map[*remark]bool)}
}

// trace prints one event. It may be called by many goroutines.
func (x *explainer) trace(e smtp.Event) {
	x.mu.Lock()
	defer x.mu.Unlock()
	t := x.by[e.Session]
	if t == nil {
		t = new(talk)
		if len(x.by) > 0 {
			t.label = e.Session
		}
		x.by[e.Session] = t
	}
	line := transcript.Line(e)
	if t.label > 0 {
		line = strconv.FormatUint(t.label, 10) + " " + line
	}
	x.u.row(line, x.style(e), x.remark(t, e))
	if e.Did == smtp.StartedTLS {
		t.tls = true
	}
	if e.Did == smtp.Closed {
		delete(x.by, e.Session)
	}
}

func (x *explainer) style(e smtp.Event) lipgloss.Style {
	s := &x.u.styles
	switch e.Did {
	case smtp.Command, smtp.Content:
		return s.client
	case smtp.Answer:
		if len(e.Line) > 0 && e.Line[0] >= '4' {
			return s.bad
		}
		return s.server
	default:
		return s.done
	}
}

// remark is the word beside an event.
func (x *explainer) remark(t *talk, e smtp.Event) string {
	for i := range remarks {
		r := &remarks[i]
		if !r.is(t, e) {
			continue
		}
		if x.spent[r] {
			return ""
		}
		x.spent[r] = true
		return x.u.say(r.text)
	}
	return ""
}

// A remark is what is said of events of one sort.
type remark struct {
	did    smtp.Did
	stage  smtp.Stage // zero: any
	begins string     // of the line; for an answer, of what stands behind its code
	code   string     // of an answer: its first digits
	tls    bool       // only once TLS was started
	text   text
}

func (r *remark) is(t *talk, e smtp.Event) bool {
	line := strings.ToUpper(e.Line)
	if e.Did == smtp.Answer {
		if !strings.HasPrefix(line, r.code) {
			return false
		}
		line = line[min(4, len(line)):]
	}
	return r.did == e.Did && (r.stage == 0 || r.stage == e.Stage) && strings.HasPrefix(line, r.begins) && (!r.tls || t.tls)
}
