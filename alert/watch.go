package alert

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/adhocore/gronx"

	"github.com/parleymail/parley/internal/pause"
	"github.com/parleymail/parley/internal/plain"
	"github.com/parleymail/parley/smtp"
)

// A Watch is something that is looked at from time to time.
type Watch struct {
	Name     string
	Kind     Kind
	Target   string        // a URL of HTTP or SMTP; host:port of TCP and TLS; a path of the disk
	Command  []string      // the program and what it is told, where Kind is Command
	Every    time.Duration // zero: a minute, if there is no Cron
	Cron     string        // "*/5 8-18 * * 1-5", in the time zone of Config
	Failures int           // in a row, before it is an alert; zero: 3, and 1 of what is looked at less than every ten minutes, or by Cron
	Timeout  time.Duration // of one look; zero: 10 seconds
	Receiver string        // who is told; empty: the first of [Config].Receivers
	Severity string        // empty: critical
	Status   int           // of HTTP; zero: 200 to 399
	Contains string        // of HTTP: what its page must hold
	Days     int           // of TLS: what the certificate must be good for; zero: 14
	Free     float64       // of the disk, in percent: what must be free; zero: 10
}

// A Kind is how something is looked at.
type Kind string

// The kinds of watches.
const (
	HTTP    Kind = "http"    // a page answers
	TCP     Kind = "tcp"     // a port is open
	SMTP    Kind = "smtp"    // a mail server greets, answers EHLO, and speaks TLS if its URL says so
	TLS     Kind = "tls"     // a certificate is good, and will be for some days
	Disk    Kind = "disk"    // a disk has room
	Command Kind = "command" // a program ends with exit code 0
)

func (c *Config) checkWatches() error {
	var errs []error
	seen := map[string]bool{}
	for i := range c.Watches {
		w := &c.Watches[i]
		if err := w.check(c); err != nil {
			errs = append(errs, fmt.Errorf("alert: watch %s: %w", plain.Quoted(w.Name), err))
		}
		if seen[w.Name] {
			errs = append(errs, fmt.Errorf("alert: watch %s: there are two of this name", plain.Quoted(w.Name)))
		}
		seen[w.Name] = true
	}
	return errors.Join(errs...)
}

func (w *Watch) check(c *Config) error {
	if w.Name == "" || plain.OneLine(w.Name, 100) != w.Name {
		return errors.New("this is no name")
	}
	if _, err := c.receiver(w.Receiver); err != nil && len(c.Receivers) > 0 {
		return fmt.Errorf("there is no receiver %s", plain.Quoted(w.Receiver))
	}
	if w.Cron != "" && !gronx.IsValid(w.Cron) {
		return fmt.Errorf("cron: %s is no schedule such as */5 8-18 * * 1-5", plain.Quoted(w.Cron))
	}
	if w.Cron != "" && w.Every > 0 || w.Every < 0 {
		return errors.New("every and cron are not for both")
	}
	switch w.Kind {
	case HTTP:
		if safeURL(w.Target) == "" {
			return errors.New("target: it is no URL of HTTP without a name and a password")
		}
	case SMTP:
		if _, err := smtp.ParseURL(w.Target); err != nil {
			return fmt.Errorf("target: %w", err)
		}
	case TCP, TLS, Disk:
		if w.Target == "" {
			return errors.New("target: it is missing")
		}
	case Command:
		if len(w.Command) == 0 {
			return errors.New("command: it is missing")
		}
	default:
		return fmt.Errorf("kind: %s is none of http, tcp, smtp, tls, disk, command", plain.Quoted(string(w.Kind)))
	}
	return nil
}

// with is a watch with what its zero fields mean.
func (w Watch) with() Watch {
	if w.Every == 0 && w.Cron == "" {
		w.Every = time.Minute
	}
	if w.Failures <= 0 {
		w.Failures = 3
		if w.Cron != "" || w.Every > 10*time.Minute {
			w.Failures = 1 // three days of a daily look are too long not to be told
		}
	}
	if w.Timeout <= 0 {
		w.Timeout = 10 * time.Second
	}
	if w.Severity == "" {
		w.Severity = "critical"
	}
	if w.Days <= 0 {
		w.Days = 14
	}
	if w.Free <= 0 {
		w.Free = 10
	}
	return w
}

// next is when a watch is looked at again.
func (w *Watch) next(now time.Time, zone *time.Location) time.Time {
	if w.Cron == "" {
		return now.Add(w.Every)
	}
	at, err := gronx.NextTickAfter(w.Cron, now.In(zone), false)
	if err != nil {
		return now.Add(24 * time.Hour) // it has no next time
	}
	return at
}

// unwatch resolves what fired of a watch that there is no longer: nobody looks whether it is well again.
func (a *Alerts) unwatch(ctx context.Context) error {
	now := a.c.clock()
	return failed("ending watches", a.s.write(ctx, func(t *tx) error {
		var gone []string
		err := t.Each(ctx, "SELECT name FROM parley_alert_watches", nil, func(scan func(...any) error) error {
			var name string
			err := scan(&name)
			if !slices.ContainsFunc(a.c.Watches, func(w Watch) bool { return w.Name == name }) {
				gone = append(gone, name)
			}
			return err
		})
		for _, name := range gone {
			if err == nil {
				_, err = t.Exec(ctx, "DELETE FROM parley_alert_watches WHERE name = ?", name)
			}
			if err == nil {
				err = t.resolveAll(ctx, &a.c, (&Alert{Fingerprint: "watch/" + name}).print(), now)
			}
		}
		return err
	}))
}

// resolveAll resolves an alert wherever it fires.
func (t *tx) resolveAll(ctx context.Context, c *Config, print string, now time.Time) error {
	var list []row
	err := t.Each(ctx, "SELECT "+rowColumns+" FROM parley_alert_alerts WHERE state = 0 AND print = ?", []any{print}, func(scan func(...any) error) error {
		r, err := scanRow(scan)
		list = append(list, r)
		return err
	})
	for i := range list {
		if err == nil {
			list[i].Ends = now
			err = t.ended(ctx, c, &list[i], now)
		}
	}
	return err
}

// watch looks at all that is watched, each at its own times.
func (a *Alerts) watch(ctx context.Context, tasks *sync.WaitGroup) {
	for _, w := range a.c.Watches {
		w = w.with()
		l := &looker{probe: w.probe, timeout: w.Timeout}
		tasks.Go(func() {
			if w.Cron != "" && !pause.For(ctx, time.Until(w.next(time.Now(), a.c.Zone))) {
				return
			}
			for ctx.Err() == nil {
				a.complain(ctx, a.look(ctx, &w, l))
				if !pause.For(ctx, time.Until(w.next(time.Now(), a.c.Zone))) {
					return
				}
			}
		})
	}
}

// look looks once, and notes what it saw.
func (a *Alerts) look(ctx context.Context, w *Watch, l *looker) error {
	value, err := l.look(ctx)
	if ctx.Err() != nil {
		return nil // it was we who ended
	}
	return a.saw(ctx, w, value, err)
}

// saw notes what was seen: in a chart, and as an alert once it has failed so many times in a row.
func (a *Alerts) saw(ctx context.Context, w *Watch, value float64, seen error) error {
	now := a.c.clock()
	problem := ""
	if seen != nil {
		if problem = plain.ManyLines(seen.Error(), MaxText); problem == "" {
			problem = "it failed"
		}
	}
	receiver, err := a.c.receiver(w.Receiver)
	if err != nil {
		return err
	}
	err = a.s.write(ctx, func(t *tx) error {
		if _, err := t.Exec(ctx, "INSERT INTO parley_alert_watches (name, failures, firing, looked, error) VALUES (?, 0, 0, 0, '') ON CONFLICT DO NOTHING", w.Name); err != nil {
			return err
		}
		var failures, firing int
		if err := t.Row(ctx, "SELECT failures, firing FROM parley_alert_watches WHERE name = ?", []any{w.Name}, &failures, &firing); err != nil {
			return err
		}
		if failures++; seen == nil {
			failures = 0
		}
		was := firing
		firing = truth(seen != nil && (firing > 0 || failures >= w.Failures))
		if err := t.sample(ctx, "watch/"+w.Name, now, value, truth(seen != nil)); err != nil {
			return err
		}
		if _, err := t.Exec(ctx, "UPDATE parley_alert_watches SET failures = ?, firing = ?, looked = ?, error = ? WHERE name = ?", failures, firing, now.UnixMilli(), problem, w.Name); err != nil {
			return err
		}
		if firing == 0 && was == 0 {
			return nil
		}
		one := Alert{
			Fingerprint: "watch/" + w.Name, Group: "watch " + w.Name, Title: w.Name, Text: problem, Severity: w.Severity,
			Labels: map[string]string{"watch": w.Name, "source": "parley watch", "kind": string(w.Kind)},
		}
		if firing == 0 {
			one.State = Resolved
		}
		if err := one.clean(now); err != nil {
			return err
		}
		group, err := t.take(ctx, receiver, &one, now)
		if err != nil || group == "" {
			return err
		}
		return t.sampleGroup(ctx, group, now)
	})
	a.poke()
	return failed("noting what was seen", err)
}
