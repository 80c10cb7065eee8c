package outbox

import (
	"context"
	"crypto/tls"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/transcript"
)

// judge settles what became of those recipients that were sent to: at is which of s.to they are.
func (w *work) judge(s *sending, at []int, receipt *smtp.Receipt, err error, took time.Duration) {
	switch {
	case err == nil && receipt != nil:
		w.taken(s, at, receipt, took)
	case errors.Is(err, errLeaseLost) || errors.Is(err, errEnded):
		if e, ok := errors.AsType[*smtp.Error](err); ok && e.Uncertain() {
			w.failed(s, at, e, took)
		}
	case errors.Is(err, ErrCorrupt):
		w.holdAll(s, err)
	default:
		e, ok := errors.AsType[*smtp.Error](err)
		if !ok {
			e = &smtp.Error{Kind: smtp.Unreachable, Stage: smtp.StageMail, Err: err}
			if err == nil {
				e.Err = errors.New("the transport gave neither a receipt nor an error")
			}
		}
		w.failed(s, at, e, took)
	}
}

// taken is a mail that a server has taken, for all but those that are in Refused.
func (w *work) taken(s *sending, at []int, receipt *smtp.Receipt, took time.Duration) {
	s.well = true
	if receipt.Took > 0 {
		took = receipt.Took
	}
	refused := make(map[mail.Path]*smtp.Error, len(receipt.Refused))
	for i, e := range receipt.Refused {
		refused[e.Path] = e
		if i < mostJudged {
			w.ofLane(s, e)
		}
	}
	sent := len(at) - len(receipt.Refused)
	said := conversation(receipt.Said)
	refusal := said // without KeepSaid there is what the first of those refused has
	if len(receipt.Refused) > 0 && said == "" {
		refusal = conversation(ofLast(receipt.Refused[0]))
	}
	for k, i := range at {
		if e := refused[w.pathOf(s, i)]; e != nil {
			s.outcomes[i] = w.failure(s, i, e, took, sent)
			if k < mostSaidEach && s.outcomes[i].what != 0 {
				s.outcomes[i].event.Said = refusal
			}
			continue
		}
		o := w.outcome(s, i, WasSent, Sent)
		o.reply, o.tells = receipt.Reply, receipt.DSN
		o.event.Reply, o.event.Took = receipt.Reply.String(), took
		o.event.Remote, o.event.TLS = receipt.Remote, version(receipt.TLS)
		if k < mostSaidEach {
			o.event.Said = said
		}
		s.outcomes[i] = o
	}
}

const (
	mostJudged   = 20 // of those refused in one transaction that a lane is judged by: the others were told the same
	mostSaidEach = 5  // recipients of one transaction that have its conversation in their history
)

func (w *work) pathOf(s *sending, i int) mail.Path {
	p, _ := parsePath(s.to[i].path) // it was read before
	return p
}

// failed is a mail that a server has taken for nobody, or of which nobody knows.
func (w *work) failed(s *sending, at []int, e *smtp.Error, took time.Duration) {
	w.ofLane(s, e)
	own := make(map[mail.Path]*smtp.Error, 1+len(e.Also))
	for i, o := range append([]*smtp.Error{e}, e.Also...) {
		if !o.Path.IsNull() {
			own[o.Path] = o
		}
		if i > 0 && i < mostJudged {
			w.ofLane(s, o)
		}
	}
	named := slices.ContainsFunc(at, func(i int) bool { return own[w.pathOf(s, i)] != nil })
	for k, i := range at {
		o := own[w.pathOf(s, i)]
		switch {
		case o != nil:
		case named && !e.Uncertain():
			continue // another was refused, and with it all: this one is put back
		default:
			o = e
		}
		s.outcomes[i] = w.failure(s, i, o, took, 0)
		if k < mostSaidEach && s.outcomes[i].event.Said == "" && s.outcomes[i].what != 0 {
			s.outcomes[i].event.Said = conversation(ofLast(e))
		}
	}
}

// ofLane takes in what an error means for the lane.
func (w *work) ofLane(s *sending, e *smtp.Error) {
	if e.Kind == smtp.Interrupted || e.Kind == smtp.Invalid && e.Stage > smtp.StageAuth {
		return
	}
	if s.lane.Judge != nil {
		v := s.lane.Judge(e)
		if v.Suspend > s.verdict.Suspend || v.Suspend == s.verdict.Suspend && v.Slow > s.verdict.Slow {
			s.verdict = v
		}
	}
	t := w.troubleOf(e)
	if t == noTrouble {
		s.well = s.well || e.Stage >= smtp.StageMail && e.Reply.Code != 0
	} else if s.trouble != wrong {
		s.trouble, s.why = t, words(e)
	}
}

// troubleOf tells what is about us, or about the way to the server, from what is about a mail.
func (w *work) troubleOf(e *smtp.Error) trouble {
	switch {
	case e.Uncertain():
		return noTrouble
	case e.Kind == smtp.Insecure || e.Kind == smtp.Unauthorized && !e.Temporary():
		return wrong
	case e.Stage < smtp.StageMail && (e.Kind == smtp.Unsupported || e.Kind == smtp.Invalid):
		return wrong
	case e.Stage < smtp.StageMail || e.Reply.Code == 421 || e.Reply.Enhanced == smtp.EnhancedCode{Class: 4, Subject: 3, Detail: 2}:
		return full
	case e.Reply.Code == 0:
		return noTrouble
	}
	switch w.explain(e).Kind {
	case "auth-required", "tls-required", "account-restricted", "auth-bad-credential", "auth-blocked":
		return wrong // said only behind MAIL, by servers that let anybody in so far
	}
	return noTrouble
}

func (w *work) explain(e *smtp.Error) diagnose.Diagnosis {
	return w.Facts.Explain(e, diagnose.Hint{Server: e.Remote, Stage: e.Stage})
}

// failure is what an error means for a recipient; sent is how many others of the transaction the server has taken.
func (w *work) failure(s *sending, i int, e *smtp.Error, took time.Duration, sent int) *outcome {
	d := w.explain(e)
	o := w.outcome(s, i, WasDeferred, Deferred)
	o.reply = e.Reply
	o.event.Remote, o.event.TLS, o.event.Took = e.Remote, version(e.TLS), took
	o.event.Stage, o.event.Kind, o.event.Reply = e.Stage, d.Kind, words(e)
	again := func(what What) { o.what, o.event.What = what, what }
	to := &s.to[i]
	switch t := w.troubleOf(e); {
	case e.Uncertain():
		again(WasUnknown)
		o.unknown, o.next = true, w.nextTry(s, i, e, d.Kind)
		if s.msg.Unknown == Hold {
			o.state, o.next = Unknown, w.now()
		}
	case e.Kind == smtp.Interrupted:
		return w.back(s, i)
	case errors.As(e.Err, new(ownError)):
		o.next = w.nextTry(s, i, e, d.Kind)
	case t != noTrouble && e.Stage < smtp.StageMail || t == wrong:
		// Nothing was said of this mail: it stays where it stands, and the lane waits for all of them.
		o.next, o.uncounted = to.next, true
		if to.attempts == 1 {
			o.state = Queued
		}
	case e.Kind == smtp.Unsupported && e.Stage == smtp.StageRcpt && len(s.to) > 1, d.Kind == "too-many-recipients" && e.Stage == smtp.StageRcpt && sent > 0:
		s.lane.halve(max(len(s.to), 2*sent)) // RFC 5321 §4.5.3.1.10: the others go in the next transaction
		return w.back(s, i)
	case e.Kind == smtp.Unsupported || e.Kind == smtp.Invalid:
		if next := w.nextLane(s, i); e.Kind == smtp.Unsupported && next != "" {
			again(WasMoved)
			o.lane, o.next, o.uncounted = next, to.next, true
			break
		}
		o.state = Bounced
		again(WasBounced)
	case e.Reply.Code >= 500 && !d.Temporary && s.verdict.Suspend == 0:
		o.state = Bounced
		again(WasBounced)
	default:
		o.next = w.nextTry(s, i, e, d.Kind)
	}
	return o
}

// nextTry is when a recipient is tried again.
func (w *work) nextTry(s *sending, i int, e *smtp.Error, kind diagnose.Kind) int64 {
	retry := w.Retry
	if s.class == Alert {
		retry = w.AlertRetry
	}
	seed := jitter(w.seed, s.message, s.to[i].attempts)
	wait := retry.after(s.to[i].attempts, seed)
	if e.Reply.Temporary() {
		if wished := wish(e.Reply.Text(), kind); wished > 0 {
			wait = wished + time.Second + time.Duration(seed%1024)*(wished/10)/1024
		}
	}
	return w.now() + wait.Milliseconds()
}

// nextLane is the one that the router names behind the recipient's own; empty: none.
func (w *work) nextLane(s *sending, i int) string {
	ctx, stop := context.WithTimeout(begun, 5*time.Second)
	defer stop()
	lanes, err := w.Router.Lanes(ctx, recipientOf(s.msg, w.pathOf(s, i), s.to[i].attempts))
	if at := slices.Index(lanes, s.lane.Name); err == nil && at >= 0 && at+1 < len(lanes) {
		return lanes[at+1]
	}
	return ""
}

func recipientOf(m *stored, path mail.Path, attempts int) Recipient {
	return Recipient{
		Message: m.ID, Origin: m.Origin, Topic: m.Topic, Class: m.Class, ReversePath: m.Env.ReversePath, Path: path, Size: m.Form.Size, Attempts: attempts,
	}
}

// words are what a failure is told by on one line: the server's, else ours.
func words(e *smtp.Error) string {
	if s := e.Reply.String(); s != "" && !e.Uncertain() {
		return s
	}
	return strings.TrimPrefix(e.Error(), "smtp: ")
}

func version(t *tls.ConnectionState) string {
	if t == nil {
		return ""
	}
	return tls.VersionName(t.Version)
}

func conversation(events []smtp.Event) string {
	if len(events) == 0 {
		return ""
	}
	return transcript.Transcript(events).String()
}

// ofLast is that part of an error's conversation that is about its own mail: a session may have had others before, whose
// recipients are nobody's business here.
func ofLast(e *smtp.Error) []smtp.Event {
	last, mails := -1, 0
	for i, said := range e.Said {
		if said.Did == smtp.Command && said.Stage == smtp.StageMail {
			last = i
			mails++
		}
	}
	opened := len(e.Said) > 0 && e.Said[0].Did == smtp.Connected
	switch {
	case opened && (mails == 0 || mails == 1 && e.Stage >= smtp.StageMail):
		return e.Said
	case e.Kind == smtp.Unsupported || e.Kind == smtp.Invalid && e.Stage < smtp.StageContent || last < 0:
		return nil // not a word was said of it
	}
	if last > 0 && e.Said[last-1].Did == smtp.Command && e.Said[last-1].Stage == smtp.StageReset {
		last-- // it went out along with MAIL, so that its reply stands behind MAIL: without it all replies would seem to be to the command after theirs
	}
	return e.Said[last:]
}
