package outbox

import "sync"

// wakes are those in this process who wait for something.
type wakes struct {
	mu   sync.Mutex
	list map[chan struct{}]struct{}
}

// wake tells them that there may be something. It waits for nobody.
func (w *wakes) wake() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.list {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

// waker gives a channel that holds one as soon as there may be something. Other processes wake nobody here: whoever waits
// also looks from time to time.
func (w *wakes) waker() (woken <-chan struct{}, stop func()) {
	c := make(chan struct{}, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.list == nil {
		w.list = make(map[chan struct{}]struct{})
	}
	w.list[c] = struct{}{}
	return c, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.list, c)
	}
}

// wake tells those who work that there may be work.
func (b *Box) wake() {
	for i := range b.woken {
		b.woken[i].wake()
	}
}

// wakeFor tells of work of one class: the others need not look.
func (b *Box) wakeFor(c Class) { b.woken[c.rank()].wake() }

// waker is for those who work.
func (b *Box) waker(rank int64) (woken <-chan struct{}, stop func()) { return b.woken[rank].waker() }
