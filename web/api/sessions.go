package api

import (
	"context"
	"net/http"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/inbox"
	"github.com/parleymail/parley/transcript"
)

func (a *API) sessions(r *http.Request) (any, error) {
	if err := known(r, listParameters...); err != nil {
		return nil, err
	}
	q, err := query(r)
	if err != nil {
		return nil, err
	}
	page, err := a.Inbox.Sessions(r.Context(), q)
	if err != nil {
		return nil, err
	}
	if page.Items == nil {
		page.Items = []inbox.Session{}
	}
	return page, nil
}

func (a *API) deleteSessions(r *http.Request) (any, error) {
	if err := known(r, "query", "mailbox"); err != nil {
		return nil, err
	}
	q, err := query(r)
	if err != nil {
		return nil, err
	}
	n, err := a.Inbox.DeleteSessions(r.Context(), q)
	if err != nil {
		return nil, err
	}
	return map[string]int{"deleted": n}, nil
}

// findSession is the session of the path, if it is of the mailbox that was chosen.
func (a *API) findSession(r *http.Request) (inbox.Session, error) {
	if err := known(r, "mailbox"); err != nil {
		return inbox.Session{}, err
	}
	n, err := id(r)
	if err != nil {
		return inbox.Session{}, err
	}
	box, err := mailbox(r)
	if err != nil {
		return inbox.Session{}, err
	}
	return a.Inbox.SessionOf(r.Context(), n, box)
}

// A sessionDetail is a session with all that was said.
type sessionDetail struct {
	inbox.Session
	Transcript transcript.Transcript `json:"transcript"`
	Diagnosis  *Diagnosis            `json:"diagnosis,omitempty"`
	OnPurpose  []inbox.Purpose       `json:"on_purpose,omitempty"` // faults that were hit; the diagnosis is what a real one would mean
}

// A Diagnosis is what a failure means, in both languages.
type Diagnosis struct {
	Kind       diagnose.Kind  `json:"kind"`
	Temporary  bool           `json:"temporary"`
	Cause      diagnose.Words `json:"cause"`
	Fix        diagnose.Words `json:"fix"`
	Confidence float64        `json:"confidence"`
}

// DiagnosisOf is nil for nil.
func DiagnosisOf(d *diagnose.Diagnosis) *Diagnosis {
	if d == nil {
		return nil
	}
	return &Diagnosis{Kind: d.Kind, Temporary: d.Temporary, Cause: d.Cause, Fix: d.Fix, Confidence: d.Confidence}
}

func (a *API) session(r *http.Request) (any, error) {
	s, err := a.findSession(r)
	if err != nil {
		return nil, err
	}
	said, err := a.said(r.Context(), s)
	if err != nil {
		return nil, err
	}
	return sessionDetail{Session: s, Transcript: said, Diagnosis: DiagnosisOf(inbox.Diagnosis(s, said)), OnPurpose: inbox.OnPurpose(said)}, nil
}

func (a *API) said(ctx context.Context, s inbox.Session) (transcript.Transcript, error) {
	return a.Inbox.Transcript(ctx, s.ID)
}

func (a *API) deleteSession(r *http.Request) (any, error) {
	s, err := a.findSession(r)
	if err != nil {
		return nil, err
	}
	box, err := mailbox(r)
	if err != nil {
		return nil, err
	}
	return nil, a.Inbox.DeleteSessionOf(r.Context(), s.ID, box)
}

// transcript is the conversation as text, which parley replay and smtptest.Play read.
func (a *API) transcript(w http.ResponseWriter, r *http.Request) {
	s, err := a.findSession(r)
	if err != nil {
		fail(w, err)
		return
	}
	said, err := a.said(r.Context(), s)
	if err != nil {
		fail(w, err)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	said.WriteTo(w)
}

func (a *API) stats(r *http.Request) (any, error) {
	if err := known(r); err != nil {
		return nil, err
	}
	return a.Inbox.Stats(r.Context())
}

func (a *API) mailboxes(r *http.Request) (any, error) {
	if err := known(r); err != nil {
		return nil, err
	}
	stats, err := a.Inbox.Stats(r.Context())
	if err != nil {
		return nil, err
	}
	if stats.Mailboxes == nil {
		stats.Mailboxes = []inbox.MailboxStats{}
	}
	return map[string]any{"items": stats.Mailboxes}, nil
}
