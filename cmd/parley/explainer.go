package main

import (
	"strconv"
	"sync"

	"charm.land/lipgloss/v2"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/gloss"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/transcript"
)

// An explainer prints conversations with a word beside each step. What it has said once it does not say again.
type explainer struct {
	u     *ui
	anew  bool // each session is explained, and each refusal: who looks at one has not seen the first
	mu    sync.Mutex
	open  map[uint64]talking // the sessions that are
	gloss gloss.Glosser
}

// A talking is a session that goes on.
type talking struct {
	label uint64 // what stands before its lines: 0 is nothing
	gloss *gloss.Glosser
}

func newExplainer(u *ui) *explainer {
	return &explainer{u: u, open: make(map[uint64]talking)}
}

// trace prints one event. It may be called by many goroutines.
func (x *explainer) trace(e smtp.Event) {
	x.mu.Lock()
	defer x.mu.Unlock()
	s, known := x.open[e.Session]
	if !known {
		if s.gloss = &x.gloss; x.anew {
			s.gloss = new(gloss.Glosser)
		}
		if len(x.open) > 0 {
			s.label = e.Session
		}
		x.open[e.Session] = s
	}
	line := transcript.Line(e)
	if s.label > 0 {
		line = strconv.FormatUint(s.label, 10) + " " + line
	}
	remark := ""
	if l := s.gloss.Line(e); !l.Repeated || x.anew && l.Diagnosis != nil {
		remark = l.Remark.In(diagnose.Lang(x.u.lang))
	}
	x.u.row(line, x.style(e), remark)
	if e.Did == smtp.Closed {
		delete(x.open, e.Session)
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
