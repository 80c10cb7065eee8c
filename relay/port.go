package relay

import (
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/parleymail/parley/smtpd"
)

// A port is open from one configuration to the next. Each has a server of its own there, and a session stays with the one that
// it began with.
type port struct {
	l    net.Listener
	over chan struct{} // closed when it takes no more

	mu  sync.Mutex
	now *generation
	old map[*generation]bool // that still have sessions
}

// A generation is a port's server of one configuration.
type generation struct {
	smtpd    *smtpd.Server
	implicit bool
	sessions sync.WaitGroup
}

// Listen opens the ports. Run does it too; who calls it before knows what [Server.Addrs] gives.
func (s *Server) Listen() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.ports) > 0 {
		return nil
	}
	st := s.state.Load()
	opened, err := s.open(st)
	if err != nil {
		return err
	}
	s.turn(st, opened)
	return nil
}

// open opens those ports of a configuration that are not open yet.
func (s *Server) open(st *state) (opened map[string]*port, err error) {
	opened = make(map[string]*port)
	for i := range st.config.Listeners {
		l, key := &st.config.Listeners[i], st.config.keyOf(i)
		if s.ports[key] != nil {
			continue
		}
		p, err := openPort(l)
		if err != nil {
			for _, one := range opened {
				one.l.Close()
			}
			return nil, errPort(l.address(), err)
		}
		opened[key] = p
	}
	return opened, nil
}

func openPort(l *Listener) (*port, error) {
	network := "tcp"
	if strings.HasPrefix(l.Address, "/") {
		network = "unix"
		if info, err := os.Stat(l.Address); err == nil && info.Mode()&os.ModeSocket != 0 {
			if c, err := net.Dial("unix", l.Address); err == nil {
				c.Close()
				return nil, errors.New("another process listens there")
			}
			os.Remove(l.Address) //nolint:errcheck // Listen tells
		}
	}
	listener, err := net.Listen(network, l.address())
	if err != nil {
		return nil, err
	}
	if l.local() && !isLocal(listener.Addr()) {
		listener.Close()
		return nil, errNotLocal // "localhost" can be anything
	}
	return &port{l: listener, over: make(chan struct{}), old: make(map[*generation]bool)}, nil
}

// turn has each port go on with a configuration's server, and closes those that it has not.
func (s *Server) turn(st *state, opened map[string]*port) {
	wanted := make(map[string]bool)
	for i := range st.config.Listeners {
		l, key := &st.config.Listeners[i], st.config.keyOf(i)
		wanted[key] = true
		g := &generation{implicit: l.implicit(&st.config)}
		if l.Role == BounceReports {
			g.smtpd = (&bounceTaker{s, l}).smtpd(st)
		} else {
			g.smtpd = (&submission{s, l}).smtpd(st)
		}
		p := s.ports[key]
		if p == nil {
			p = opened[key]
			s.ports[key] = p
			p.turn(g)
			go p.accept(s)
			continue
		}
		p.turn(g)
	}
	for addr, p := range s.ports {
		if !wanted[addr] {
			p.close()
			delete(s.ports, addr)
			s.ending.add(func() { p.each(func(srv *smtpd.Server) { srv.Close() }) })
		}
	}
}

// turn makes another generation the one that new sessions are of.
func (p *port) turn(g *generation) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if old := p.now; old != nil {
		p.old[old] = true
		go func() {
			old.sessions.Wait()
			p.mu.Lock()
			defer p.mu.Unlock()
			delete(p.old, old)
		}()
	}
	p.now = g
}

// accept takes connections until the port is closed.
func (p *port) accept(s *Server) {
	const longest = time.Second
	for pause := time.Duration(0); ; {
		conn, err := p.l.Accept()
		if err == nil {
			pause = 0
			p.serve(conn)
			continue
		}
		select {
		case <-p.over:
			return
		default:
		}
		if errors.Is(err, net.ErrClosed) {
			return
		}
		// Out of file descriptors, most often: some will come free.
		if pause == 0 {
			s.log().Error("relay: no connection can be taken", "address", p.l.Addr().String(), "error", err)
		}
		pause = min(max(2*pause, 5*time.Millisecond), longest)
		time.Sleep(pause)
	}
}

func (p *port) serve(conn net.Conn) {
	p.mu.Lock()
	g := p.now
	g.sessions.Add(1)
	p.mu.Unlock()
	go func() {
		defer g.sessions.Done()
		if g.implicit {
			g.smtpd.ServeConnTLS(conn) //nolint:errcheck // Closed was told
		} else {
			g.smtpd.ServeConn(conn) //nolint:errcheck // Closed was told
		}
	}()
}

// close takes no more connections.
func (p *port) close() {
	close(p.over)
	p.l.Close()
}

// each is for all servers of a port.
func (p *port) each(f func(*smtpd.Server)) {
	p.mu.Lock()
	list := []*generation{p.now}
	for g := range p.old {
		list = append(list, g)
	}
	p.mu.Unlock()
	var all sync.WaitGroup
	for _, g := range list {
		all.Go(func() { f(g.smtpd) })
	}
	all.Wait()
}

// shutdown takes no more connections, and waits for the mails that are under way, as long as the context lets it.
func (s *Server) shutdown(ctx context.Context) {
	s.mu.Lock()
	ports := s.ports
	s.ports = make(map[string]*port)
	s.mu.Unlock()
	var all sync.WaitGroup
	for _, p := range ports {
		p.close()
		all.Go(func() { p.each(func(srv *smtpd.Server) { srv.Shutdown(ctx) }) }) //nolint:errcheck // its time is over then
	}
	all.Wait()
}

func (s *Server) listening() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.ports) > 0
}

// Addrs are where the listeners are, in their order, once the ports are open: a port of 0 has become a real one.
func (s *Server) Addrs() []net.Addr {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []net.Addr
	st := s.state.Load()
	for i := range st.config.Listeners {
		if p := s.ports[st.config.keyOf(i)]; p != nil {
			list = append(list, p.l.Addr())
		}
	}
	return list
}

// self is what this machine is known by: its listeners, so that no mail comes round.
func (c *Config) self() (list []string) {
	for i := range c.Listeners {
		host, number, err := net.SplitHostPort(c.Listeners[i].address())
		if err != nil || number == "0" {
			continue
		}
		if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
			list = append(list, net.JoinHostPort("127.0.0.1", number), net.JoinHostPort("::1", number))
		} else {
			list = append(list, net.JoinHostPort(host, number))
		}
		list = append(list, net.JoinHostPort(c.Hostname, number))
	}
	return list
}
