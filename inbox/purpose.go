package inbox

import (
	"slices"
	"strings"
	"time"

	"github.com/parleymail/parley/fault"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtpd"
	"github.com/parleymail/parley/transcript"
)

// A Purpose is a rule that made something go wrong in a session, so that nobody takes it for the real thing.
type Purpose struct {
	ID   string `json:"id,omitempty"` // in the plan; empty: the recipient's address is the rule
	Rule string `json:"rule"`         // on one line
}

// What stands in a transcript before what was hit.
const (
	byRule    = "on purpose, by rule "
	byAddress = "on purpose, by the recipient's address: "
)

// hit notes in a session's transcript that a rule makes something go wrong there.
func (s *Server) hit(session *smtpd.Session, at smtp.Stage, r fault.Rule) {
	line := byAddress
	if r.ID != "" {
		line = byRule + r.ID + ": "
	}
	r.ID, r.Note = "", ""
	s.trace(smtp.Event{At: time.Now(), Session: session.Number(), Stage: at, Did: smtp.Note, Line: line + r.String()})
}

// OnPurpose are the rules that were hit in a session, each once.
func OnPurpose(t transcript.Transcript) (list []Purpose) {
	for _, e := range t {
		var p Purpose
		if e.Did != smtp.Note {
			continue
		}
		if rest, ok := strings.CutPrefix(e.Line, byRule); ok {
			p.ID, p.Rule, _ = strings.Cut(rest, ": ")
		} else if p.Rule, ok = strings.CutPrefix(e.Line, byAddress); !ok {
			continue
		}
		if !slices.Contains(list, p) {
			list = append(list, p)
		}
	}
	return list
}
