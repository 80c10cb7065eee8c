package alert

import (
	"context"
	"fmt"
	"time"
)

// A looker looks at one thing again and again, and waits no longer for what it sees than that may take: asking for the room of a disk whose server is gone
// never comes back, and neither would its alert.
type looker struct {
	probe   func(context.Context) (float64, error)
	timeout time.Duration
	under   chan seen // what the look under way will tell; nil: there is none
	begun   time.Time // when that began
}

type seen struct {
	value float64
	err   error
}

// lookGrace is what a look may take beyond its timeout, by which it ends itself where it can.
const lookGrace = 5 * time.Second

// look looks once. Where the last look has not come back, that is what is wrong, and no further one is begun beside it.
func (l *looker) look(ctx context.Context) (value float64, err error) {
	select {
	case <-l.under: // it came back after all, and what it saw is old
		l.under = nil
	default:
	}
	if l.under == nil {
		came := make(chan seen, 1)
		l.under, l.begun = came, time.Now()
		go func() {
			within, stop := context.WithTimeout(ctx, l.timeout)
			defer stop()
			value, err := l.probe(within)
			came <- seen{value, err}
		}()
	}
	patience := time.NewTimer(time.Until(l.begun.Add(l.timeout + lookGrace)))
	defer patience.Stop()
	select {
	case s := <-l.under:
		l.under = nil
		return s.value, s.err
	case <-patience.C:
		return 0, fmt.Errorf("it has not come back for %v", time.Since(l.begun).Round(time.Second))
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}
