package route

import (
	"cmp"
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/smtp"
)

// A judge says what failures mean for a lane as a whole, and remembers those that come again and again: each
// time in a row that nothing else came of a suspension, the next is longer.
type judge struct {
	facts    *diagnose.Facts
	rules    []*replyFact
	provider string // its id; empty: not known
	server   string
	place    place

	mu   sync.Mutex
	seen map[*replyFact]*row
}

// A row is how often the same thing was said in a row.
type row struct {
	times int
	until time.Time // when the last suspension ends
}

// judge is outbox.Lane's Judge.
func (j *judge) judge(e *smtp.Error) (v outbox.Verdict) {
	if e == nil {
		return v
	}
	v = j.one(e)
	for _, also := range e.Also[:min(len(e.Also), maxAlso)] {
		v = heavier(v, j.one(also))
	}
	return v
}

const maxAlso = 20 // recipients of one transaction that are looked at; the others were told the same

// heavier is of two verdicts the one that stops a lane for longer.
func heavier(a, b outbox.Verdict) outbox.Verdict {
	if cmp.Or(cmp.Compare(b.Suspend, a.Suspend), cmp.Compare(b.Slow, a.Slow)) > 0 {
		return b
	}
	return a
}

// one judges one error by the first fact that fits.
func (j *judge) one(e *smtp.Error) (v outbox.Verdict) {
	if e.Kind == smtp.Invalid || e.Kind == smtp.Interrupted || e.Uncertain() {
		return v
	}
	if e.Reply.Code == 0 && (e.Stage == smtp.StageDial || e.Stage >= smtp.StageMail) {
		return v // no connection is seen by the outbox itself, and one that is lost says nothing of the lane
	}
	names, text := j.names(), strings.ToLower(e.Reply.String())
	kind := j.facts.Explain(e, diagnose.Hint{Provider: j.provider}).Kind
	for _, f := range j.rules {
		if f.fits(e, j.place, names, text, kind) {
			return j.verdict(f, e)
		}
	}
	return v
}

// names are what facts may call the lane's provider by.
func (j *judge) names() []string {
	p, ok := j.facts.Provider(j.provider)
	if j.provider == "" || !ok {
		return nil
	}
	return append([]string{p.ID}, p.Groups...)
}

// verdict is what a fact says, the n-th time.
func (j *judge) verdict(f *replyFact, e *smtp.Error) (v outbox.Verdict) {
	if f.Nothing {
		return v
	}
	v.Why = smtp.Printable(cmp.Or(e.Reply.String(), e.Error()))
	if f.slow > 0 {
		v.Slow, v.Rate = f.slow, f.Rate
	}
	if len(f.suspend) == 0 {
		return v
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	now := time.Now()
	if j.seen == nil {
		j.seen = map[*replyFact]*row{}
	}
	r := j.seen[f]
	switch {
	case r == nil:
		r = &row{}
		j.seen[f] = r
	case now.Before(r.until):
		// Sessions that were under way hear the same: it is not said anew.
		v.Suspend = r.until.Sub(now)
		if f.slow > 0 {
			v.Slow += v.Suspend
		}
		return v
	}
	v.Suspend = f.suspend[min(r.times, len(f.suspend)-1)]
	r.times++
	r.until = now.Add(v.Suspend)
	if v.Slow > 0 {
		v.Slow += v.Suspend
	}
	return v
}

// went is told that a mail was taken: what was said before is over. What was said just now is not, for the
// mail may have been under way beside it.
func (j *judge) went() {
	j.mu.Lock()
	defer j.mu.Unlock()
	now := time.Now()
	maps.DeleteFunc(j.seen, func(_ *replyFact, r *row) bool { return !now.Before(r.until) })
}
