package pages

import (
	"cmp"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/smtp"
)

// states in the order in which pages have them.
var states = []outbox.State{
	outbox.Queued, outbox.Deferred, outbox.Sending, outbox.Held, outbox.Unknown, outbox.Sent, outbox.Bounced, outbox.Expired, outbox.Cancelled,
}

// A lanesPage is the queue as a whole.
type lanesPage struct {
	States    []stateCount
	Lanes     []laneRow
	More      int // lanes that are not shown
	Workers   int // that are at work
	Unrouted  int // recipients that no lane was asked for yet
	Empty     bool
	Addresses []string
	At        time.Time
}

type stateCount struct {
	State outbox.State
	N     int
}

// A laneRow is a lane.
type laneRow struct {
	outbox.LaneTally
	Suspended bool
	Slowed    bool
	Means     *diagnose.Diagnosis // what it is suspended or slow for
}

// mostLanes are shown; where mail goes to the hosts of domains there is one for each.
const mostLanes = 200

// home is the queue, for those who may see all of it, and else a user's own mail.
func (q *Queue) home(w http.ResponseWriter, r *http.Request, v *screen) error {
	if !v.Asker.Operator {
		http.Redirect(w, r, "/messages", http.StatusSeeOther)
		return nil
	}
	t, err := q.tally(r.Context())
	if err != nil {
		return err
	}
	page := &lanesPage{At: time.Now(), Addresses: q.addresses(), Workers: t.Workers}
	all := 0
	for _, s := range states {
		page.States = append(page.States, stateCount{s, t.States[s]})
		all += t.States[s]
	}
	page.Empty = all == 0 && len(t.Lanes) == 0
	page.Unrouted = t.States[outbox.Queued] + t.States[outbox.Deferred]
	for _, l := range t.Lanes {
		page.Unrouted -= l.Waiting
		page.Lanes = append(page.Lanes, rowOfLane(l, page.At))
	}
	page.Unrouted = max(page.Unrouted, 0)
	if page.More = len(page.Lanes) - mostLanes; page.More > 0 {
		page.Lanes = foremost(page.Lanes)
	}
	return q.show(w, r, v, "lanes", v.T("queue"), page)
}

// foremost are those lanes that are worth a look: suspended or slow, and then those with the most to do. They stay in their order.
func foremost(lanes []laneRow) []laneRow {
	worth := func(l laneRow) int {
		if l.Suspended || l.Slowed {
			return math.MaxInt
		}
		return l.Waiting + l.Sending
	}
	best := slices.Clone(lanes)
	slices.SortStableFunc(best, func(a, b laneRow) int { return cmp.Compare(worth(b), worth(a)) })
	best = best[:min(len(best), mostLanes)]
	slices.SortFunc(best, func(a, b laneRow) int { return strings.Compare(a.Name, b.Name) })
	return best
}

func rowOfLane(l outbox.LaneTally, now time.Time) laneRow {
	row := laneRow{LaneTally: l, Suspended: l.Open.After(now), Slowed: l.SlowTo.After(now)}
	if (row.Suspended || row.Slowed) && l.Why != "" {
		row.Means = meaningOf(l.Why)
	}
	return row
}

// meaningOf is what a reply of a server, on one line, means; nil where no more is known than it says itself.
func meaningOf(reply string) *diagnose.Diagnosis {
	d := diagnose.Reply("", 0, reply)
	if d.Kind == "unclassified" || d.Cause == (diagnose.Words{}) {
		return nil
	}
	return &d
}

// LaneLink is the list of what waits in a lane.
func (*screen) LaneLink(name string) string {
	return "/messages?" + url.Values{"lane": {name}, "state": {waitingStates}}.Encode()
}

// Until is a time that is to come, and how long that is.
func (v *screen) Until(t time.Time) string {
	left := time.Until(t).Round(time.Second)
	if left <= 0 {
		return v.Time(t)
	}
	return v.T("queue-until", v.Time(t), v.Span(left))
}

// Ago is how long ago a time was.
func (v *screen) Ago(t time.Time) string {
	return v.T("queue-ago", v.Span(max(time.Since(t).Round(time.Second), 0)))
}

// Span is a stretch of time, roughly.
func (v *screen) Span(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return v.T("queue-seconds", int(d.Seconds()))
	case d < 2*time.Hour:
		return v.T("queue-minutes", int(d.Minutes()))
	case d < 48*time.Hour:
		return v.T("queue-hours", int(d.Hours()))
	}
	return v.T("queue-days", int(d.Hours()/24))
}

// Said is a text of a server's, fit to be shown.
func (*screen) Said(s string) string { return smtp.Printable(strings.TrimSpace(s)) }
