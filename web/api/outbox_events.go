package api

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/relay"
)

// events tells of all that happens, as it does: server-sent events. Each has its number, and who was away goes on behind the last that it
// has heard: none is left out.
func (o *Outbox) events(w http.ResponseWriter, r *http.Request) {
	who, ok := AccountOf(r.Context())
	err := error(errStranger)
	var after int64
	if ok {
		after, err = o.after(r)
	}
	if err != nil {
		o.fail(w, err)
		return
	}
	ctx, stop := context.WithCancel(r.Context())
	defer stop()
	defer context.AfterFunc(o.Context, stop)()
	heard := make(chan outbox.Event)
	go func() {
		defer close(heard)
		for e, err := range o.Box.Events(ctx, after) {
			if err != nil {
				return // who listens comes again
			}
			select {
			case heard <- e:
			case <-ctx.Done():
				return
			}
		}
	}()
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no") // nginx would hold them back
	s := &eventStream{o: o, who: who, said: param(r, "said") == "true", mine: make(map[outbox.ID]bool)}
	out := http.NewResponseController(w)
	const heartbeat = 15 * time.Second
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for text := fmt.Sprintf("retry: 1000\nid: %d\n\n", after); ; {
		if text != "" {
			// A reader that has gone is found out by its writes.
			out.SetWriteDeadline(time.Now().Add(heartbeat)) //nolint:errcheck // where there is no connection there is no deadline
			if _, err := w.Write([]byte(text)); err != nil || out.Flush() != nil {
				return
			}
		}
		select {
		case e, ok := <-heard:
			if !ok {
				return
			}
			if text, err = s.text(ctx, e); err != nil {
				return
			}
		case <-beat.C:
			if !o.Relay.Knows(who) {
				return // it may no longer hear all this; who it is now is asked when it comes again
			}
			text = ": still here\n\n"
		case <-ctx.Done():
			return
		}
	}
}

// after is where who listens wants to begin: behind the event that the header or the parameter names, or with what comes next.
func (o *Outbox) after(r *http.Request) (int64, error) {
	if err := known(r, "after", "said"); err != nil {
		return 0, err
	}
	text := cmp.Or(r.Header.Get("Last-Event-ID"), param(r, "after"))
	if text == "" || text == "now" {
		return o.Box.LastEvent(r.Context())
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return 0, bad("after: %q is no number of an event", text)
	}
	return n, nil
}

// An eventStream is one client's.
type eventStream struct {
	o    *Outbox
	who  relay.Account
	said bool               // conversations too
	mine map[outbox.ID]bool // messages that were asked about
}

// text is an event as it goes over the wire; empty for one that is another user's.
func (s *eventStream) text(ctx context.Context, e outbox.Event) (string, error) {
	if ok, err := s.may(ctx, e.Message); !ok || err != nil {
		return "", err
	}
	if !s.said {
		e.Said = ""
	}
	data, err := json.Marshal(e)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("id: %d\nevent: %s\ndata: %s\n\n", e.Seq, e.What, data), nil
}

// may reports whether who listens may know of a message.
func (s *eventStream) may(ctx context.Context, id outbox.ID) (bool, error) {
	if s.who.Operator {
		return true, nil
	}
	if mine, ok := s.mine[id]; ok {
		return mine, nil
	}
	const many = 10_000
	if len(s.mine) >= many {
		clear(s.mine)
	}
	mine := false
	at := id.Time()
	for i, err := range s.o.Box.Each(ctx, outbox.Query{Origin: s.who.Name, Since: at, Until: at.Add(time.Millisecond)}) {
		if err != nil {
			return false, err
		}
		if mine = i.Message == id; mine {
			break
		}
	}
	s.mine[id] = mine
	return mine, nil
}
