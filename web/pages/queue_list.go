package pages

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/parleymail/parley/outbox"
)

// filterNames are the parameters of a list of mails, each with a word of queueWords: "filter-lane".
var filterNames = []string{"state", "to", "lane", "class", "topic", "origin", "from", "since"}

// Filters are what a list was asked for.
type filters map[string]string

func filtersOf(r *http.Request, operator bool) filters {
	f := make(filters)
	for _, name := range filterNames {
		if text := strings.TrimSpace(r.FormValue(name)); text != "" && (operator || name != "lane" && name != "origin") {
			f[name] = text
		}
	}
	return f
}

const (
	waitingStates = "queued,deferred,sending"
	endedStates   = "bounced,expired"
)

// query is what they ask of the box.
func (f filters) query(who asker) (q outbox.Query, err error) {
	q = outbox.Query{Lane: f["lane"], Class: f["class"], Topic: f["topic"], Origin: f["origin"], Sender: f["from"]}
	if text := f["state"]; text != "" {
		for word := range strings.SplitSeq(text, ",") {
			state, err := outbox.ParseState(strings.TrimSpace(word))
			if err != nil {
				return q, badFilter(word)
			}
			q.States = append(q.States, state)
		}
	}
	if q.Class != "" {
		if _, err := outbox.ParseClass(q.Class); err != nil {
			return q, badFilter(q.Class)
		}
	}
	if to := f["to"]; strings.HasPrefix(to, "<") && strings.HasSuffix(to, ">") {
		q.MessageID = to
	} else {
		q.Recipient = to
	}
	if text := f["since"]; text != "" {
		if q.Since, err = sinceOf(text, time.Now()); err != nil {
			return q, err
		}
	}
	if !who.Operator {
		q.Origin = who.Name
	}
	return q, nil
}

func badFilter(text string) error {
	return &problem{http.StatusBadRequest, "queue-bad-filter", clean(clip(text, 100))}
}

// sinceOf reads a time: how long ago (90m, 2h, 3d), a day, or a time of a day.
func sinceOf(text string, now time.Time) (time.Time, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n >= 0 && n < 100_000 {
			return now.AddDate(0, 0, -n), nil
		}
	}
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return now.Add(-ago), nil
	}
	for _, form := range []string{"2006-01-02", "2006-01-02 15:04", "2006-01-02T15:04", "2006-01-02T15:04:05"} {
		if t, err := time.ParseInLocation(form, text, now.Location()); err == nil {
			return t, nil
		}
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	return time.Time{}, badFilter(text)
}

// encode is them as parameters.
func (f filters) encode() url.Values {
	values := make(url.Values)
	for name, text := range f {
		values.Set(name, text)
	}
	return values
}

// A queueList is a page of mails.
type queueList struct {
	F       filters
	Items   []queueItem
	Before  bool // it is not the first page
	Next    string
	Live    bool
	Lanes   []string // to choose from
	Classes []string
	Chips   []chip
	Empty   bool // nothing was asked for, and nothing is there
}

// A chip is a choice of states.
type chip struct {
	Word, States string
	N            int // -1: it is not told
	Chosen       bool
}

// A queueItem is a mail in a list, for one recipient.
type queueItem struct {
	outbox.Item
	Why  outbox.Reason
	gone bool // its content: it cannot be tried again
}

// Key names it in a form, and in the address of the next page.
func (i queueItem) Key() string { return keyOfRef(i.Ref) }

func keyOfRef(r outbox.Ref) string { return r.Message.String() + "." + strconv.Itoa(r.Recipient) }

func refOfKey(text string) (outbox.Ref, bool) {
	id, place, ok := strings.Cut(text, ".")
	message, err := outbox.ParseID(id)
	n, err2 := strconv.Atoi(place)
	return outbox.Ref{Message: message, Recipient: n}, ok && err == nil && err2 == nil && n >= 0
}

// More reports whether one of those filters is set that stand behind "more".
func (l *queueList) More() bool {
	return slices.ContainsFunc(filterNames, func(name string) bool { return name != "state" && name != "to" && l.F[name] != "" })
}

// lively is how long a list may take that is asked for again and again.
const lively = 200 * time.Millisecond

func (q *Queue) list(w http.ResponseWriter, r *http.Request, v *screen) error {
	if to, ok := withoutEmpty(r.URL); ok {
		http.Redirect(w, r, to, http.StatusSeeOther)
		return nil
	}
	f := filtersOf(r, v.Asker.Operator)
	if id, err := outbox.ParseID(f["to"]); err == nil && !strings.Contains(f["to"], "@") {
		if _, err := q.find(r, v.Asker, id); err == nil {
			http.Redirect(w, r, "/messages/"+id.String(), http.StatusSeeOther)
			return nil
		}
	}
	query, err := f.query(v.Asker)
	if err != nil {
		return err
	}
	if text := r.FormValue("before"); text != "" {
		ok := false
		if query.Before, ok = refOfKey(text); !ok {
			return badFilter(text)
		}
	}
	began := time.Now()
	query.Limit = perPage + 1
	items, err := q.Box.List(r.Context(), query)
	if err != nil {
		return err
	}
	l := &queueList{F: f, Before: query.Before.Message != 0, Classes: []string{"alert", "normal", "bulk"}}
	l.Live = !l.Before && time.Since(began) < lively
	if len(items) > perPage {
		items = items[:perPage]
		l.Next = keyOfRef(items[perPage-1].Ref)
	}
	t, err := q.tally(r.Context())
	if err != nil {
		return err
	}
	for _, i := range items {
		// What lanes do is for operators; who waits for one is told all the same why.
		l.Items = append(l.Items, queueItem{Item: i, Why: outbox.Why(i, t, began)})
	}
	l.Empty = len(f) == 0 && len(items) == 0 && !l.Before
	if !v.Asker.Operator {
		t = nil
	}
	l.Chips = chips(f["state"], t)
	if t != nil {
		for _, lane := range t.Lanes[:min(len(t.Lanes), mostLanes)] {
			l.Lanes = append(l.Lanes, lane.Name)
		}
	}
	return q.show(w, r, v, "messages", v.T("messages"), l)
}

func chips(chosen string, t *outbox.Tally) []chip {
	list := []chip{
		{Word: "everything"}, {Word: "queue-waiting", States: waitingStates}, {Word: "state-deferred", States: "deferred"}, {Word: "state-held", States: "held"}, {Word: "state-unknown", States: "unknown"},
		{Word: "state-sent", States: "sent"}, {Word: "queue-given-up", States: endedStates}, {Word: "state-cancelled", States: "cancelled"},
	}
	for i := range list {
		c := &list[i]
		c.Chosen, c.N = c.States == chosen, -1
		if t == nil || c.States == "" {
			continue
		}
		c.N = 0
		for word := range strings.SplitSeq(c.States, ",") {
			if s, err := outbox.ParseState(word); err == nil {
				c.N += t.States[s]
			}
		}
	}
	return list
}

// withoutEmpty is an address without the fields of a form that nothing was typed into.
func withoutEmpty(u *url.URL) (string, bool) {
	values := u.Query()
	n := len(values)
	for name := range values {
		if values.Get(name) == "" {
			values.Del(name)
		}
	}
	if len(values) == n {
		return "", false
	}
	return (&url.URL{Path: u.Path, RawQuery: values.Encode()}).String(), true
}

// Chip is the page's own address with other states.
func (v *screen) Chip(states string) string {
	u, err := url.Parse(v.With("state", states))
	if err != nil {
		return "/messages"
	}
	return u.String()
}
