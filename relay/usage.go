package relay

import (
	"sync"
	"time"
)

// usages are what users have sent of late, by name. They outlive a configuration.
type usages struct {
	mu     sync.Mutex
	byName map[string]*usage
}

func newUsages() *usages { return &usages{byName: make(map[string]*usage)} }

// of is a user's, with the limits that hold now.
func (all *usages) of(u User) *usage {
	all.mu.Lock()
	defer all.mu.Unlock()
	one := all.byName[u.Name]
	if one == nil {
		one = &usage{}
		for i, span := range []time.Duration{time.Minute, time.Hour, 24 * time.Hour} {
			one.windows[i].span = span
		}
		all.byName[u.Name] = one
	}
	one.mu.Lock()
	defer one.mu.Unlock()
	for i, most := range []int{u.PerMinute, u.PerHour, u.PerDay} {
		one.windows[i].most = most
	}
	return one
}

// A usage is how many recipients a user has sent to in the last minute, hour and day.
type usage struct {
	mu      sync.Mutex
	counted bool // what stands in the outbox was counted
	windows [3]window
}

// take counts recipients, if there is room for all of them. Else it gives the limit that has none, and when it has
// some again.
func (u *usage) take(n int, now time.Time) (full *fullWindow) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if full = u.room(n, now); full == nil {
		u.add(n, now)
	}
	return full
}

// has is take without counting.
func (u *usage) has(n int, now time.Time) *fullWindow {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.room(n, now)
}

// giveBack is for a mail that was not taken after all.
func (u *usage) giveBack(n int, now time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.add(-n, now)
}

func (u *usage) room(n int, now time.Time) *fullWindow {
	for i := range u.windows {
		w := &u.windows[i]
		if w.most <= 0 {
			continue
		}
		if used := w.used(now); used+n > w.most {
			return &fullWindow{span: w.span, most: w.most, used: used, open: w.opens(n, now)}
		}
	}
	return nil
}

func (u *usage) add(n int, now time.Time) {
	for i := range u.windows {
		u.windows[i].add(n, now)
	}
}

// A fullWindow is a limit that was reached.
type fullWindow struct {
	span       time.Duration
	most, used int
	open       time.Time
}

const slots = 60

// A window counts in a time that ends now, in slots: it forgets a sixtieth at a time.
type window struct {
	span time.Duration
	most int
	n    [slots]int
	last int64 // the slot that was counted in last, in all of time
}

func (w *window) slot(now time.Time) int64 { return now.UnixNano() / int64(w.span/slots) }

// turn forgets what is too old.
func (w *window) turn(now time.Time) int64 {
	at := w.slot(now)
	for s := max(w.last+1, at-slots+1); s <= at; s++ {
		w.n[s%slots] = 0
	}
	w.last = max(w.last, at)
	return w.last
}

func (w *window) used(now time.Time) (sum int) {
	w.turn(now)
	for _, n := range w.n {
		sum += n
	}
	return sum
}

func (w *window) add(n int, now time.Time) {
	at := w.turn(now)
	w.n[at%slots] = max(w.n[at%slots]+n, 0)
}

// addAt counts what was at another time.
func (w *window) addAt(n int, at, now time.Time) {
	last := w.turn(now)
	if s := w.slot(at); s > last-slots && s <= last {
		w.n[s%slots] += n
	}
}

// opens is when there is room for n.
func (w *window) opens(n int, now time.Time) time.Time {
	free := w.most - w.used(now)
	for s := w.last - slots + 1; s <= w.last; s++ {
		if free += w.n[s%slots]; free >= min(n, w.most) {
			return time.Unix(0, (s+slots)*int64(w.span/slots))
		}
	}
	return now.Add(w.span)
}
