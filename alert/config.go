package alert

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/internal/plain"
	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/outbox"
)

// A Config is how alerts are told. Its zero fields are what each says.
type Config struct {
	From      mail.Address   // whom mails are from; required
	Receivers []Receiver     // at least one
	Lang      diagnose.Lang  // of the mails; zero: English
	Zone      *time.Location // of times in mails; nil: this machine's
	Worker    outbox.Worker  // who sends; without a Router another process over the same database does. See [Worker]
	Stall     time.Duration  // a mail that waits for so long cannot leave, and makes room for one that tells of all; zero: 30 seconds
	MaxAge    time.Duration  // how long a mail is tried before it is written anew; zero: 5 days
	Hooks     []Hook         // where others tell of alerts by HTTP
	Watches   []Watch        // what is looked at
	Log       *slog.Logger   // what goes on in the background; nil: slog.Default

	clock func() time.Time
}

// A Receiver is some people, and how they want to be told.
type Receiver struct {
	Name          string
	To            []mail.Address // at least one
	GroupBy       []string       // labels; empty: as those who tell of alerts group them
	GroupWait     time.Duration  // how long the first mail waits for further alerts; zero: half a second
	GroupInterval time.Duration  // what lies at least between two mails of a group; zero: 5 minutes; negative: nothing
	Repeat        time.Duration  // how often what still fires is told of again; zero: 4 hours; negative: never
	Quiet         []Quiet        // when nothing is mailed but what cannot wait
	Escalate      Escalate
	Most          int // mails within an hour; what is more becomes a summary every 15 minutes; zero: 60; negative: no limit
}

// Quiet are hours in which nothing is mailed. From 22:00 to 07:00 is a night.
type Quiet struct {
	From, To time.Duration  // since midnight
	Days     []time.Weekday // on which they begin; empty: all
	Zone     *time.Location // nil: this machine's
	Except   []string       // severities that are mailed nevertheless; nil: critical
}

// An Escalate is who is told too of what fires for long.
type Escalate struct {
	After time.Duration // zero: nobody
	To    []mail.Address
}

func (c *Config) check() error {
	var errs []error
	if c.From.Address == "" {
		errs = append(errs, errors.New("alert: from: it is missing"))
	} else if _, err := c.From.Path(); err != nil {
		errs = append(errs, fmt.Errorf("alert: from: %w", err))
	}
	if len(c.Receivers) == 0 {
		errs = append(errs, errors.New("alert: receiver: there is none"))
	}
	c.Receivers = slices.Clone(c.Receivers)
	seen := map[string]bool{}
	for i := range c.Receivers {
		r := &c.Receivers[i]
		errs = append(errs, r.check(seen))
	}
	c.Zone = cmp.Or(c.Zone, time.Local)
	c.Stall = cmp.Or(c.Stall, 30*time.Second)
	c.MaxAge = cmp.Or(c.MaxAge, 5*24*time.Hour)
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.clock == nil {
		c.clock = time.Now
	}
	errs = append(errs, c.checkHooks(), c.checkWatches())
	return errors.Join(errs...)
}

func (r *Receiver) check(seen map[string]bool) error {
	var errs []error
	if r.Name == "" || plain.OneLine(r.Name, 100) != r.Name {
		errs = append(errs, fmt.Errorf("alert: receiver: %s is no name", plain.Quoted(r.Name)))
	}
	if seen[r.Name] {
		errs = append(errs, fmt.Errorf("alert: receiver: there are two of the name %s", plain.Quoted(r.Name)))
	}
	seen[r.Name] = true
	if len(r.To) == 0 {
		errs = append(errs, fmt.Errorf("alert: receiver %s: to: it is missing", plain.Quoted(r.Name)))
	}
	for _, a := range append(slices.Clone(r.To), r.Escalate.To...) {
		// A mail to what is none could never be written, and with it nothing to all the others.
		if _, err := a.Path(); err != nil {
			errs = append(errs, fmt.Errorf("alert: receiver %s: %w", plain.Quoted(r.Name), err))
		}
	}
	if r.Escalate.After > 0 && len(r.Escalate.To) == 0 {
		errs = append(errs, fmt.Errorf("alert: receiver %s: escalate: to: it is missing", plain.Quoted(r.Name)))
	}
	r.GroupWait = cmp.Or(r.GroupWait, 500*time.Millisecond)
	r.GroupInterval = cmp.Or(r.GroupInterval, 5*time.Minute)
	r.Repeat = cmp.Or(r.Repeat, 4*time.Hour)
	r.Most = cmp.Or(r.Most, 60)
	r.Quiet = slices.Clone(r.Quiet)
	for i := range r.Quiet {
		q := &r.Quiet[i]
		const day = 24 * time.Hour
		if q.From < 0 || q.To < 0 || q.From >= day || q.To > day || q.From == q.To {
			errs = append(errs, fmt.Errorf("alert: receiver %s: quiet: from %v to %v are no hours", plain.Quoted(r.Name), q.From, q.To))
		}
		q.Zone = cmp.Or(q.Zone, time.Local)
		if q.Except == nil {
			q.Except = []string{"critical"}
		}
	}
	return errors.Join(errs...)
}

// receiver finds one by its name.
func (c *Config) receiver(name string) (*Receiver, error) {
	if name == "" {
		return &c.Receivers[0], nil
	}
	for i := range c.Receivers {
		if c.Receivers[i].Name == name {
			return &c.Receivers[i], nil
		}
	}
	return nil, fmt.Errorf("alert: there is no receiver %s", plain.Quoted(name))
}

// until is when quiet hours end that hold now; zero: it is none.
func (q *Quiet) until(now time.Time) time.Time {
	local := now.In(q.Zone)
	for back := range 2 { // those of yesterday may last until today
		day := local.AddDate(0, 0, -back)
		if len(q.Days) > 0 && !slices.Contains(q.Days, day.Weekday()) {
			continue
		}
		from, to := on(day, q.From), on(day, q.To)
		if q.To <= q.From {
			to = on(day.AddDate(0, 0, 1), q.To)
		}
		if !local.Before(from) && local.Before(to) {
			return to
		}
	}
	return time.Time{}
}

// on is a time of a day, by its clock: the day on which it is put forward or back has it too.
func on(day time.Time, at time.Duration) time.Time {
	return time.Date(day.Year(), day.Month(), day.Day(), int(at/time.Hour), int(at%time.Hour/time.Minute), 0, 0, day.Location())
}

// quiet is until when alerts of these severities wait; zero: they do not.
func (r *Receiver) quiet(now time.Time, severities []string) (until time.Time) {
	for i := range r.Quiet {
		q := &r.Quiet[i]
		if slices.ContainsFunc(severities, func(s string) bool {
			return slices.ContainsFunc(q.Except, func(e string) bool { return strings.EqualFold(e, s) })
		}) {
			continue
		}
		if at := q.until(now); at.After(until) {
			until = at
		}
	}
	return until
}
