package digest

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/parleymail/parley/internal/plain"
)

// A Daily is a time of the day. The zero Daily is none.
type Daily struct {
	Set          bool // that it is one: midnight is all zeros
	Hour, Minute int
}

// A Weekly is a time of the week.
type Weekly struct {
	Day time.Weekday
	At  Daily
}

func (d Daily) String() string { return fmt.Sprintf("%02d:%02d", d.Hour, d.Minute) }

func (w Weekly) String() string { return strings.ToLower(w.Day.String()) + " " + w.At.String() }

// MarshalText is [Daily.String].
func (d Daily) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads "08:00".
func (d *Daily) UnmarshalText(text []byte) error {
	at, err := time.Parse("15:04", strings.TrimSpace(string(text)))
	if err != nil {
		return fmt.Errorf("%s is no time of the day such as 08:00", plain.Quoted(string(text)))
	}
	*d = Daily{Set: true, Hour: at.Hour(), Minute: at.Minute()}
	return nil
}

// MarshalText is [Weekly.String].
func (w Weekly) MarshalText() ([]byte, error) { return []byte(w.String()), nil }

// UnmarshalText reads "monday 08:00", or "mon 08:00".
func (w *Weekly) UnmarshalText(text []byte) error {
	name, at, _ := strings.Cut(strings.ToLower(strings.TrimSpace(string(text))), " ")
	for day := time.Sunday; day <= time.Saturday; day++ {
		if full := strings.ToLower(day.String()); len(name) >= 3 && strings.HasPrefix(full, name) {
			w.Day = day
			return w.At.UnmarshalText([]byte(at))
		}
	}
	return fmt.Errorf("%s is no time of the week such as monday 08:00", plain.Quoted(string(text)))
}

// never is a time that does not come.
const never = int64(1) << 60

// reschedule has those who wait for a time wait for that of the configuration, which may be another than when they were last written to. Whoever is due stays so.
func (d *Digest) reschedule(ctx context.Context) error {
	now := d.c.clock()
	err := d.s.write(ctx, func(t *tx) error {
		for _, f := range []Frequency{EveryDay, EveryWeek} {
			next := d.c.next(f, now)
			if _, err := t.Exec(ctx, "UPDATE parley_digest_subscribers SET next_at = ? WHERE state = 1 AND frequency = ? AND next_at > ? AND next_at <> ?", next, int64(f), now.UnixMilli(), next); err != nil {
				return err
			}
		}
		return nil
	})
	return failed("putting the times in order", err)
}

// next is when somebody may get mail who was looked at just now. Those who want it at once wait for an article, and not for a time.
//
// On the day on which a clock is put forward over that time, it is an hour later; where it is put back there is but one: time.Date.
func (c *Config) next(f Frequency, now time.Time) int64 {
	at, step := c.Daily, 1
	switch f {
	case AtOnce:
		return never
	case EveryWeek:
		at, step = c.Weekly.At, 7
	case EveryDay:
	}
	local := now.In(c.Zone)
	day := local.Day()
	if f == EveryWeek {
		day += (int(c.Weekly.Day) - int(local.Weekday()) + 7) % 7
	}
	for {
		t := time.Date(local.Year(), local.Month(), day, at.Hour, at.Minute, 0, 0, c.Zone)
		if t.After(now) {
			return t.UnixMilli()
		}
		day += step
	}
}
