package smtp

// A said is the end of a conversation: what an [Error] brings along. It keeps
// what it is told in buffers that it uses again, since nearly every conversation
// ends well and nobody asks.
type said struct {
	ring [maxSaid]struct {
		event Event
		line  []byte
	}
	n int // events ever added
}

const (
	maxSaid     = 64
	maxSaidSize = 8 << 10
	maxSaidLine = 1 << 10
)

func (t *said) add(e Event, line []byte) {
	slot := &t.ring[t.n%maxSaid]
	t.n++
	slot.event = e
	slot.line = append(slot.line[:0], line[:min(len(line), maxSaidLine)]...)
}

// events is the last of them, oldest first.
func (t *said) events(session uint64) []Event { return t.since(0, session) }

// since is the last of them, and none before the n-th.
func (t *said) since(n int, session uint64) []Event {
	first, size := t.n, 0
	for first > n && t.n-first < maxSaid {
		size += len(t.ring[(first-1)%maxSaid].line)
		if size > maxSaidSize {
			break
		}
		first--
	}
	events := make([]Event, 0, t.n-first)
	for i := first; i < t.n; i++ {
		slot := &t.ring[i%maxSaid]
		e := slot.event
		e.Session, e.Line = session, string(slot.line)
		events = append(events, e)
	}
	return events
}
