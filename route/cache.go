package route

import (
	"container/list"
	"context"
	"sync"
	"time"
)

// A cache keeps what was asked for, the last size of them, each for a while. Who asks for what somebody is
// asking for already waits for the same answer.
type cache[V any] struct {
	size int
	life context.Context // of what is loaded

	// load finds a value, and how long it is to be kept; old is what was known before, or zero.
	load func(ctx context.Context, key string, old V) (v V, keep time.Duration)

	mu     sync.Mutex
	known  map[string]*list.Element
	order  list.List // the one used last is at the front
	closed bool
}

type cached[V any] struct {
	key   string
	value V
	until time.Time
	done  chan struct{} // closed when value is there
}

// get gives a value, and loads it where it is not there. The context is for waiting alone, for what
// is loaded is for others too.
func (c *cache[V]) get(ctx context.Context, key string) (v V, err error) {
	e := c.entry(key)
	if e == nil {
		return v, errClosed
	}
	select {
	case <-e.done:
		return e.value, nil
	default:
	}
	select {
	case <-e.done:
		return e.value, nil
	case <-ctx.Done():
		return v, context.Cause(ctx)
	}
}

// entry gives what is there, or what begins to be loaded; nil once the cache is closed.
func (c *cache[V]) entry(key string) *cached[V] {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil
	}
	e := &cached[V]{key: key, done: make(chan struct{})}
	var old V
	if at := c.known[key]; at != nil {
		was := at.Value.(*cached[V])
		c.order.MoveToFront(at)
		if !was.isOver() {
			return was
		}
		old = was.value
		at.Value = e
	} else {
		if c.known == nil {
			c.known = map[string]*list.Element{}
		}
		c.known[key] = c.order.PushFront(e)
	}
	for c.order.Len() > c.size {
		last := c.order.Back()
		delete(c.known, last.Value.(*cached[V]).key)
		c.order.Remove(last)
	}
	go func() {
		value, keep := c.load(c.life, key, old)
		e.value, e.until = value, time.Now().Add(keep)
		close(e.done)
	}()
	return e
}

// isOver: what is still being loaded is not.
func (e *cached[V]) isOver() bool {
	select {
	case <-e.done:
		return !time.Now().Before(e.until)
	default:
		return false
	}
}

// close keeps anything more from being loaded. Nobody waits for what is: a question to the DNS under way ends with
// its own time, whatever becomes of its context.
func (c *cache[V]) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
}
