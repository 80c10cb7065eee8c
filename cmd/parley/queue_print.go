package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"charm.land/lipgloss/v2"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/gloss"
	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/transcript"
)

// queueList lists recipients, those that were put last first, and why each is where it is.
func (u *ui) queueList(ctx context.Context, s queueStore, f *queueFlags, _ []string) error {
	q, err := u.queueQuery(f)
	if err != nil {
		return err
	}
	if f.limit < 1 {
		return &usageError{u.say(wordQueueLimit)}
	}
	var items []outbox.Item
	for len(items) < f.limit {
		q.Limit = min(f.limit-len(items), queuePage)
		page, err := s.list(ctx, q)
		if err != nil {
			return err
		}
		items = append(items, page...)
		if len(page) < q.Limit {
			break
		}
		q.Before = page[len(page)-1].Ref
	}
	if f.json {
		u.printJSON(struct {
			Items []outbox.Item `json:"items"`
		}{items})
		return nil
	}
	if len(items) == 0 {
		u.print(u.say(wordQueueEmpty))
		return nil
	}
	tally := u.tallyOf(ctx, s)
	for i := range items {
		u.printItem(&items[i], tally)
	}
	if len(items) == f.limit {
		u.print(u.styles.note.Render(u.say(wordQueueMore, f.limit)))
	}
	return nil
}

// tallyOf is nil where who asks may not know of lanes: reasons are told without them then.
func (*ui) tallyOf(ctx context.Context, s queueStore) *outbox.Tally {
	t, err := s.tally(ctx)
	if err != nil {
		return nil
	}
	return t
}

func (u *ui) stateStyle(s outbox.State) lipgloss.Style {
	switch s {
	case outbox.Sent:
		return u.styles.good
	case outbox.Bounced, outbox.Expired, outbox.Unknown, outbox.Held:
		return u.styles.bad
	default:
		return u.styles.title
	}
}

// refText is a recipient as commands take it.
func refText(r outbox.Ref) string { return fmt.Sprintf("%s/%d", r.Message, r.Recipient) }

func (u *ui) printItem(i *outbox.Item, t *outbox.Tally) {
	u.lead(u.stateStyle(i.State), u.say(wordQueueItem, refText(i.Ref), u.say(stateWords[i.State]), i.Path, i.Subject))
	u.indented("", outbox.Why(*i, t, time.Now()).Cause.In(diagnose.Lang(u.lang)))
}

// queueShow prints all that is known of a mail, with each conversation explained.
func (u *ui) queueShow(ctx context.Context, s queueStore, f *queueFlags, args []string) error {
	ref, err := u.queueRef(args[0])
	if err != nil {
		return err
	}
	m, err := s.show(ctx, ref.Message)
	if err != nil {
		return err
	}
	if f.json {
		u.printJSON(m)
		return nil
	}
	u.print(u.styles.title.Render(smtp.Printable(m.ID.String())))
	if len(m.Recipients) > 0 {
		i := &m.Recipients[0]
		for _, row := range []struct {
			label text
			value string
		}{
			{wordQueueFrom, i.From}, {wordQueueSender, "<" + i.Sender + ">"}, {wordQueueSubject, i.Subject}, {wordQueueSize, u.say(wordQueueOctets, thousands(int(i.Size)))},
			{wordQueuePut, i.Put.Local().Format(time.DateTime)}, {wordQueueExpires, i.Expires.Local().Format(time.DateTime)}, {wordQueueClass, i.Class.String()}, {wordQueueTopic, i.Topic}, {wordQueueOrigin, i.Origin}, {wordQueueKey, m.Key},
		} {
			if row.value != "" {
				u.indented(pad(u.say(row.label), 12), row.value)
			}
		}
	}
	if m.Problem != "" {
		u.indented("", m.Problem)
	}
	u.heading(u.say(wordQueueRecipients))
	tally := u.tallyOf(ctx, s)
	for i := range m.Recipients {
		u.printItem(&m.Recipients[i], tally)
	}
	u.heading(u.say(wordQueueHistory))
	u.printEvents(m.History)
	return nil
}

// printEvents prints a history; what happened several times in a row alike stands once.
func (u *ui) printEvents(list []outbox.Event) {
	for i := 0; i < len(list); {
		times := 1
		for i+times < len(list) && list[i+times].Repeats(&list[i]) {
			times++
		}
		u.printHistory(&list[i], times)
		i += times
	}
}

// printHistory prints an event that happened so many times, and what was said.
func (u *ui) printHistory(e *outbox.Event, times int) {
	line := e.At.Local().Format(time.DateTime) + "  " + u.say(whatWords[e.What])
	for _, part := range []string{e.Path, e.Lane, e.Reply} {
		if part != "" {
			line += "  " + part
		}
	}
	if times > 1 {
		line += "  ×" + strconv.Itoa(times)
	}
	style := u.styles.server
	if e.What == outbox.WasDeferred || e.What == outbox.WasBounced || e.What == outbox.WasExpired || e.What == outbox.WasUnknown || e.What == outbox.WasReturned {
		style = u.styles.bad
	}
	u.lead(style, line)
	if e.Said == "" {
		return
	}
	said, err := transcript.Parse(e.Said)
	if err != nil {
		return // it is shown elsewhere as it is
	}
	x := newExplainer(u)
	for _, l := range gloss.Of(said) {
		remark := ""
		if !l.Repeated {
			remark = l.Remark.In(diagnose.Lang(u.lang))
		}
		u.row("  "+transcript.Line(l.Event), x.style(l.Event), remark)
	}
}

// queueWhy tells why each recipient of a mail is where it is, and what can be done.
func (u *ui) queueWhy(ctx context.Context, s queueStore, f *queueFlags, args []string) error {
	ref, err := u.queueRef(args[0])
	if err != nil {
		return err
	}
	m, err := s.show(ctx, ref.Message)
	if err != nil {
		return err
	}
	tally := u.tallyOf(ctx, s)
	type why struct {
		outbox.Item
		Why outbox.Reason `json:"why"`
	}
	list := []why{}
	for _, i := range m.Recipients {
		if ref.Recipient < 0 || i.Recipient == ref.Recipient {
			list = append(list, why{i, outbox.Why(i, tally, time.Now())})
		}
	}
	if len(list) == 0 {
		return outbox.ErrNotFound
	}
	if f.json {
		u.printJSON(struct {
			Items []why `json:"items"`
		}{list})
		return nil
	}
	for i := range list {
		w, lang := &list[i], diagnose.Lang(u.lang)
		u.lead(u.stateStyle(w.State), refText(w.Ref)+"  "+w.Path)
		u.indented("", w.Why.Cause.In(lang))
		if fix := w.Why.Fix.In(lang); fix != "" {
			u.indented(u.say(wordCatchFix), fix)
		}
	}
	return nil
}

// queueLanes prints how many are where, and what is known of each lane.
func (u *ui) queueLanes(ctx context.Context, s queueStore, f *queueFlags, _ []string) error {
	t, err := s.tally(ctx)
	if err != nil {
		return err
	}
	if f.json {
		u.printJSON(t)
		return nil
	}
	var states []string
	for state := outbox.Queued; state <= outbox.Cancelled; state++ {
		if n := t.States[state]; n > 0 {
			states = append(states, u.say(stateWords[state])+" "+thousands(n))
		}
	}
	if len(states) == 0 {
		states = []string{u.say(wordQueueEmpty)}
	}
	u.indented(pad(u.say(wordQueueAll), 10), strings.Join(states, ", "))
	u.indented(pad(u.say(wordQueueWorkers), 10), fmt.Sprint(t.Workers))
	slices.SortFunc(t.Lanes, func(a, b outbox.LaneTally) int { return strings.Compare(a.Name, b.Name) })
	for i := range t.Lanes {
		l := &t.Lanes[i]
		style, now := u.styles.title, time.Now()
		name := l.Name
		if name == "" {
			name = u.say(wordQueueNoLane)
		}
		if l.Open.After(now) {
			style = u.styles.bad
		}
		u.lead(style, u.say(wordQueueLane, name, thousands(l.Waiting), thousands(l.Sending)))
		u.indented("", u.say(wordQueueTried, l.Minute, l.Hour, l.Day))
		if l.Open.After(now) {
			u.indented("", u.say(wordQueueSuspended, l.Open.Local().Format(time.DateTime), l.Why))
		}
		if l.SlowTo.After(now) {
			u.indented("", u.say(wordQueueSlowed, fmt.Sprint(l.Rate), l.SlowTo.Local().Format(time.DateTime), l.Why))
		}
	}
	return nil
}

// queueSuppressed lists the addresses that nothing is sent to.
func (u *ui) queueSuppressed(ctx context.Context, s queueStore, f *queueFlags, _ []string) error {
	all := []outbox.Suppression{}
	for after := ""; ; {
		page, err := s.suppressions(ctx, after)
		if err != nil {
			return err
		}
		all = append(all, page...)
		if len(page) < queuePage {
			break
		}
		after = page[len(page)-1].Address
	}
	if f.json {
		u.printJSON(struct {
			Items []outbox.Suppression `json:"items"`
		}{all})
		return nil
	}
	for i := range all {
		until := u.say(wordQueueForGood)
		if !all[i].Until.IsZero() {
			until = all[i].Until.Local().Format(time.DateTime)
		}
		u.lead(u.styles.title, u.say(wordQueueSuppression, all[i].Address, all[i].Reason, until))
		if all[i].Detail != "" {
			u.indented("", all[i].Detail)
		}
	}
	if len(all) == 0 {
		u.print(u.say(wordQueueEmpty))
	}
	return nil
}

// queueDone tells how many were changed.
func (u *ui) queueDone(f *queueFlags, changed, skipped int) {
	switch {
	case f.json:
		u.printJSON(struct {
			Changed int `json:"changed"`
			Skipped int `json:"skipped,omitempty"`
		}{changed, skipped})
	case skipped > 0:
		u.print(u.say(wordQueueChangedSome, changed, skipped))
	default:
		u.print(u.say(wordQueueChanged, changed))
	}
}
