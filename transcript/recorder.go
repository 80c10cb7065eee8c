package transcript

import (
	"fmt"
	"sync"

	"github.com/parleymail/parley/smtp"
)

// A Recorder keeps what was said last. The zero value is ready; it may be used
// by many goroutines. Its fields are not changed once it is in use.
type Recorder struct {
	Max int // events kept, the oldest are dropped; zero: 10,000

	mu      sync.Mutex
	events  []smtp.Event // a ring once it is full; the oldest at next
	next    int
	dropped int
}

const defaultMax = 10_000

// Trace keeps an event. It is what [smtp.Client.Trace] takes.
func (r *Recorder) Trace(e smtp.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	most := r.Max
	if most <= 0 {
		most = defaultMax
	}
	if len(r.events) < most {
		r.events = append(r.events, e)
		return
	}
	r.events[r.next] = e
	r.next = (r.next + 1) % most
	r.dropped++
}

// Transcript is what was kept, oldest first. Where events were dropped its first
// is a note that says how many.
func (r *Recorder) Transcript() Transcript {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := make(Transcript, 0, len(r.events)+1)
	if r.dropped > 0 {
		first := r.events[r.next]
		t = append(t, smtp.Event{
			At: first.At, Session: first.Session, Did: smtp.Note,
			Line: fmt.Sprintf("%d events before this one were not kept", r.dropped),
		})
	}
	t = append(t, r.events[r.next:]...)
	return append(t, r.events[:r.next]...)
}

// Reset forgets what was kept.
func (r *Recorder) Reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events, r.next, r.dropped = nil, 0, 0
}
