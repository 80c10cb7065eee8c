package pages

import (
	"net/http"
	"time"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/inbox"
)

// A sessionRow is a session in a list.
type sessionRow struct {
	inbox.Session
	Outcome string // a word of words
	Means   *diagnose.Diagnosis
	Purpose []inbox.Purpose // faults that were hit
}

// Lasted is how long it took, or takes already.
func (s sessionRow) Lasted() time.Duration {
	if s.Ended == nil {
		return time.Since(s.Begun)
	}
	return s.Ended.Sub(s.Begun)
}

// Raw is what was said, or what a library says, of what went wrong; empty where nothing did.
func (s sessionRow) Raw() string {
	switch {
	case s.Broke():
		return s.Why
	case s.LastBad != "":
		return s.LastBad
	}
	return s.Why
}

// Broke reports whether it is why the session ended that is explained, rather than what was refused in it. A library's words for that are
// for who has read the cause; a reply is read before it.
func (s sessionRow) Broke() bool {
	return s.Means != nil && s.Why != "" && s.Means.Reply.Code == 0
}

func (p *Pages) rowOf(r *http.Request, s inbox.Session) sessionRow {
	row := sessionRow{Session: s, Outcome: outcome(s)}
	if s.Failed {
		if said, err := p.Inbox.Transcript(r.Context(), s.ID); err == nil {
			row.Means, row.Purpose = inbox.Diagnosis(s, said), inbox.OnPurpose(said)
		}
	}
	return row
}

func outcome(s inbox.Session) string {
	switch {
	case s.Ended == nil:
		return "outcome-open"
	case s.Why != "":
		return "outcome-broken"
	case s.Failed:
		return "outcome-refused"
	}
	return "outcome-well"
}

// A sessionPage is one session.
type sessionPage struct {
	sessionRow
	Conversation *conversation
	Messages     []inbox.Message
}

func (p *Pages) session(w http.ResponseWriter, r *http.Request) error {
	id, err := idOf(r)
	if err != nil {
		return err
	}
	s, err := p.Inbox.Session(r.Context(), id)
	if err != nil {
		return err
	}
	said, err := p.Inbox.Transcript(r.Context(), id)
	if err != nil {
		return err
	}
	v := p.screen(w, r, "sessions")
	page := &sessionPage{sessionRow: sessionRow{Session: s, Outcome: outcome(s), Means: inbox.Diagnosis(s, said), Purpose: inbox.OnPurpose(said)}, Conversation: newConversation(said)}
	q, err := inbox.ParseQuery("session:" + v.ID(id))
	if err != nil {
		return err
	}
	messages, err := p.Inbox.Messages(r.Context(), q)
	if err != nil {
		return err
	}
	page.Messages = messages.Items
	v.Title, v.Body = v.T("session", id), page
	return p.render(w, "session", http.StatusOK, v)
}

func (p *Pages) deleteSession(w http.ResponseWriter, r *http.Request) error {
	id, err := idOf(r)
	if err != nil {
		return err
	}
	if err := p.Inbox.DeleteSession(r.Context(), id); err != nil {
		return err
	}
	notice(w, "deleted-session", "")
	return back(w, r, "/sessions")
}
