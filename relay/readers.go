package relay

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/internal/pause"
	"github.com/parleymail/parley/outbox"
)

// A reader follows the events under a name: it tells of some of them at a time, in their order, and goes on behind those that it
// has told of, wherever it was killed. Of several processes over one database one tells.
type reader struct {
	server *Server
	name   string
	wants  func(*outbox.Event) bool
	tell   func(ctx context.Context, events []outbox.Event) error
	patience
}

// patience is how long a reader tries to tell of events.
type patience struct {
	first, most time.Duration // between two tries, doubling
	lasts       time.Duration // then it goes on to the next; zero: never
}

const (
	mostTold   = 100 // events at a time
	leadFor    = 30 * time.Second
	leadAgain  = 10 * time.Second
	noteAtMost = time.Second // how often the position is noted while nothing is told
)

// run follows until the context ends.
func (r *reader) run(ctx context.Context) {
	who := rand.Text()
	for ctx.Err() == nil {
		leads, err := r.server.box.Lead(ctx, r.name, who, leadFor)
		if err != nil || !leads {
			r.complain(ctx, err)
			pause.For(ctx, leadAgain)
			continue
		}
		r.lead(ctx, who)
	}
	// Whoever is next need not wait.
	r.server.box.Lead(context.WithoutCancel(ctx), r.name, who, 0) //nolint:errcheck // it is over by itself
}

// lead tells of events for as long as it is this process's part.
func (r *reader) lead(ctx context.Context, who string) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer stop()
		for pause.For(ctx, leadAgain) {
			if leads, err := r.server.box.Lead(ctx, r.name, who, leadFor); err != nil || !leads {
				r.complain(ctx, err)
				return
			}
		}
	}()
	r.complain(ctx, r.follow(ctx))
	stop()
	<-done
}

func (r *reader) complain(ctx context.Context, err error) {
	if err != nil && ctx.Err() == nil {
		r.server.log().Error("relay: events cannot be followed", "reader", r.name, "error", err)
		pause.For(ctx, time.Second)
	}
}

// follow tells of what comes, as many at a time as wait.
func (r *reader) follow(ctx context.Context) error {
	at, err := r.server.box.ReaderPosition(ctx, r.name)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	come := make(chan outbox.Event, mostTold)
	failed := make(chan error, 1)
	go func() {
		defer close(come)
		for e, err := range r.server.box.Events(ctx, at.Position) {
			if err != nil {
				failed <- err
				return
			}
			select {
			case come <- e:
			case <-ctx.Done():
				return
			}
		}
	}()
	noted := time.Now()
	for e := range come {
		batch := r.gather([]outbox.Event{e}, come)
		last := batch[len(batch)-1].Seq
		batch = slices.DeleteFunc(batch, func(e outbox.Event) bool { return !r.wants(&e) })
		if len(batch) > 0 {
			if err := r.deliver(ctx, &at, batch); err != nil {
				return err
			}
		}
		at.Position, at.Failures, at.Error = last, 0, ""
		if len(batch) > 0 || time.Since(noted) > noteAtMost {
			noted = time.Now()
			if err := r.server.box.NoteReader(context.WithoutCancel(ctx), at); err != nil {
				return err
			}
		}
	}
	select {
	case err := <-failed:
		return err
	default:
		return ctx.Err()
	}
}

func (r *reader) gather(batch []outbox.Event, come <-chan outbox.Event) []outbox.Event {
	for len(batch) < mostTold {
		select {
		case e, ok := <-come:
			if !ok {
				return batch
			}
			batch = append(batch, e)
		default:
			return batch
		}
	}
	return batch
}

// deliver tells of events until they are taken. What keeps them is noted, for people to see.
func (r *reader) deliver(ctx context.Context, at *outbox.Reader, batch []outbox.Event) error {
	begun := time.Now()
	for wait := r.first; ; wait = min(2*wait, r.most) {
		err := r.tell(ctx, batch)
		if err == nil {
			r.server.counts.told.Add(int64(len(batch)))
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		r.server.counts.untold.Add(1)
		at.Failures++
		at.Error = err.Error()
		if at.Failures == 1 || wait == r.most {
			r.server.log().Warn("relay: events are not taken, and told again", "reader", r.name, "events", len(batch), "again", wait, "error", err)
		}
		if r.lasts > 0 && time.Since(begun) > r.lasts {
			r.server.log().Error("relay: events are given up that were not taken for too long", "reader", r.name, "first", batch[0].Seq, "events", len(batch), "error", err)
			r.server.counts.lost.Add(int64(len(batch)))
			return nil
		}
		if err := r.server.box.NoteReader(context.WithoutCancel(ctx), *at); err != nil {
			return err
		}
		if !pause.For(ctx, wait) {
			return ctx.Err()
		}
	}
}

// wanted makes a filter of names of events; none is all.
func wanted(list []outbox.What) func(*outbox.Event) bool {
	return func(e *outbox.Event) bool { return len(list) == 0 || slices.Contains(list, e.What) }
}

// checkReaders: two of one name would tell each half of what there is.
func (c *Config) checkReaders() (list Faults) {
	seen := map[string]bool{}
	wrong := func(at string, w diagnose.Words, args ...any) {
		list = append(list, &Fault{Words: fill(w, args...), at: at})
	}
	name := func(kind string, i int, s string) string {
		at := fmt.Sprintf("%s.%d", kind, i)
		bad := s == "" || strings.ContainsFunc(s, func(r rune) bool {
			return !(r >= '0' && r <= '9' || r|0x20 >= 'a' && r|0x20 <= 'z' || r == '-' || r == '_')
		})
		if bad || seen[kind+s] {
			wrong(at, wordReaderName, s)
		}
		seen[kind+s] = true
		return at
	}
	for i, w := range c.Webhooks {
		at := name("webhook", i, w.Name)
		if u, err := url.Parse(w.URL); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			wrong(at, wordWebhookURL, w.Name)
		}
	}
	for i, l := range c.Logs {
		name("log", i, l.Name)
	}
	return list
}

// readers are those that a configuration asks for.
func (s *Server) readers(st *state) (list []*reader) {
	c := &st.config
	for i := range c.Webhooks {
		list = append(list, c.Webhooks[i].reader(s))
	}
	for i := range c.Logs {
		list = append(list, c.Logs[i].reader(s))
	}
	if c.Suppress.Bounces {
		list = append(list, s.suppressor(c.Suppress))
	}
	return list
}

// suppressor puts addresses on the suppression list that a server refused for good, as a mail was sent to them. Those of reports
// that come in are put there with the report.
func (s *Server) suppressor(policy Suppress) *reader {
	return &reader{
		server: s, name: "suppress", patience: patience{first: time.Second, most: time.Minute},
		wants: func(e *outbox.Event) bool {
			return e.What == outbox.WasBounced && e.Path != "" && strings.HasPrefix(e.Reply, "5") && isHard(e.Kind)
		},
		tell: func(ctx context.Context, events []outbox.Event) error {
			for _, e := range events {
				if policy.For > 0 && time.Since(e.At) > policy.For {
					continue
				}
				if err := s.box.Suppress(ctx, *policy.of(e.Path, "bounce", e.Reply, e.Message)); err != nil {
					return err
				}
			}
			return nil
		},
	}
}
