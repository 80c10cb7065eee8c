package relay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/route"
	"github.com/parleymail/parley/smtpd"
)

// A Server is a relay at work.
type Server struct {
	box    *outbox.Box
	worker outbox.Worker

	state    atomic.Pointer[state]
	usages   *usages
	right    *rightOnes
	looking  chan struct{}
	stopping atomic.Bool
	tries    tries
	ending   atEnd
	counts   counts
	ill      struct {
		mu   sync.Mutex
		err  error
		told time.Time
	}

	mu      sync.Mutex // of all that Reload changes
	ports   map[string]*port
	running context.Context // nil: Run was not called yet
	follow  func()          // ends the readers of this configuration
	tasks   sync.WaitGroup
}

// A state is a configuration that holds, made ready.
type state struct {
	config Config
	users  *users
	guest  *user // who hands over without a login
	keys   keyring
	routes *route.Router
}

const usualGrace = 20 * time.Second

// New looks through a configuration, and makes a relay that takes mail into a box. The box stays its caller's to close. An
// error is of type [Faults], [route.Faults], or the system's.
func New(box *outbox.Box, c Config) (*Server, error) {
	s := &Server{box: box, worker: c.Worker, usages: newUsages(), right: newRightOnes(), looking: make(chan struct{}, 1), ports: make(map[string]*port)}
	st, err := s.newState(c)
	if err != nil {
		return nil, err
	}
	s.state.Store(st)
	return s, nil
}

// Check looks through a configuration as New does, and keeps nothing.
func Check(c Config) error {
	s := &Server{usages: newUsages(), right: newRightOnes()}
	st, err := s.newState(c)
	if err == nil {
		err = st.routes.Close()
	}
	return err
}

// newState makes a configuration ready. What is wrong with one from a file has its line there.
func (s *Server) newState(c Config) (*state, error) {
	st, err := s.makeState(c)
	if err != nil && c.file != nil {
		err = c.file.locate(err)
	}
	return st, err
}

func (s *Server) makeState(c Config) (*state, error) {
	if c.Hostname == "" {
		c.Hostname, _ = os.Hostname()
		c.Hostname = cmp.Or(c.Hostname, "localhost")
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	c.Grace = cmp.Or(c.Grace, usualGrace)
	if err := c.check(); err != nil {
		return nil, err
	}
	users, err := newUsers(c.Users, s.usages, s.right)
	if err != nil {
		return nil, err
	}
	if len(c.Routes.Self) == 0 {
		c.Routes.Self = c.self()
	}
	c.introduce()
	routes, err := route.New(c.Routes)
	if err != nil {
		return nil, err
	}
	guest := &user{User: User{Senders: []string{"*"}}, senders: newPatterns([]string{"*"}), usage: s.usages.of(User{})}
	return &state{config: c, users: users, guest: guest, keys: newKeyring(c.Keys), routes: routes}, nil
}

func (st *state) log() *slog.Logger { return st.config.Log }

func (s *Server) log() *slog.Logger { return s.state.Load().log() }

// wantsLogin reports whether a listener takes no mail before AUTH.
func (st *state) wantsLogin(l *Listener) bool { return l.User == "" && len(st.users.byName) > 0 }

// Run opens the ports, takes mail and sends it, until the context ends. Then no more sessions are begun; mails under way, both
// ways, have the time of Config.Grace to come to their end. Nil is that all was written down.
func (s *Server) Run(ctx context.Context) error {
	if err := s.Listen(); err != nil {
		return err
	}
	working, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	s.mu.Lock()
	s.running = working
	st := s.state.Load()
	s.start(st)
	s.mu.Unlock()

	w := s.worker
	w.Router, w.Around, w.Grace = router{s}, s.around, st.config.Grace
	w.Bounces.Host = cmp.Or(w.Bounces.Host, st.config.Hostname)
	ended := make(chan error, 1)
	go func() { ended <- s.box.Work(working, w) }()
	var err error
	select {
	case err = <-ended:
		ended <- nil
	case <-ctx.Done():
	}
	s.stopping.Store(true)
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), st.config.Grace)
	defer cancel()
	stop() // what came in last is sent at the next start, if not by another process
	s.shutdown(grace)
	if failed := <-ended; err == nil {
		err = failed
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		err = nil // it had not begun to work
	}
	s.mu.Lock()
	s.follow()
	s.running = nil
	s.mu.Unlock()
	s.tasks.Wait()
	s.ending.run()
	s.state.Load().routes.Close()
	return err
}

// start begins to follow the events as a configuration says.
func (s *Server) start(st *state) {
	if s.follow != nil {
		s.follow()
	}
	ctx, stop := context.WithCancel(s.running)
	s.follow = stop
	for _, r := range s.readers(st) {
		s.tasks.Go(func() { r.run(ctx) })
	}
}

// Reload takes another configuration: users, rules, servers, keys, certificates, listeners. Sessions go on as they are, and the next
// mail of each is taken by the new one. Servers that are suspended for what a configuration may mend, such as a password, are tried at
// once. Where anything is wrong nothing changes, and the error tells what.
func (s *Server) Reload(c Config) error {
	st, err := s.newState(c)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping.Load() {
		st.routes.Close()
		return errors.New("the server is shutting down")
	}
	opened, err := s.open(st)
	if err != nil {
		st.routes.Close()
		return err
	}
	old := s.state.Swap(st)
	s.turn(st, opened)
	if s.running != nil {
		s.start(st)
	}
	s.retire(old.routes)
	s.reopen(st)
	return nil
}

// countOnce has a user's limits count what they handed over before this process began.
func (s *Server) countOnce(ctx context.Context, u *user) {
	most := max(u.PerMinute, u.PerHour, u.PerDay)
	if most == 0 {
		return
	}
	u.usage.mu.Lock()
	defer u.usage.mu.Unlock()
	if u.usage.counted {
		return
	}
	u.usage.counted = true
	ctx, stop := context.WithTimeout(ctx, mostCounting)
	defer stop()
	now, n := time.Now(), 0
	for item, err := range s.box.Each(ctx, outbox.Query{Origin: u.Name, Since: now.Add(-24 * time.Hour)}) {
		if err != nil {
			s.log().Warn("relay: what a user has sent before cannot be counted", "user", u.Name, "error", err)
			return
		}
		for i := range u.usage.windows {
			u.usage.windows[i].addAt(1, item.Put, now)
		}
		if n++; n >= most {
			return // those before it are no matter: one of the limits is reached
		}
	}
}

// mostCounting is how long the first mail of a user may wait for what was handed over before.
const mostCounting = 5 * time.Second

// atEnd is what is to be done when the server ends, if it was not done before.
type atEnd struct {
	mu   sync.Mutex
	list []func()
}

func (e *atEnd) add(f func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.list = append(e.list, f)
}

func (e *atEnd) run() {
	e.mu.Lock()
	list := e.list
	e.list = nil
	e.mu.Unlock()
	for _, f := range slices.Backward(list) {
		f()
	}
}

// closed is told of each session's end.
func (s *Server) closed(_ *smtpd.Session, why error) {
	if why != nil {
		s.counts.broken.Add(1)
	}
}

// errPort is that a port could not be opened.
func errPort(addr string, err error) error { return fmt.Errorf("listening at %s: %w", addr, err) }
