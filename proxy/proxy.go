package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/parleymail/parley/smtp"
)

// A Proxy says how conversations are passed on. To must be set. Its fields are not
// changed once it is in use; it may then be used by many goroutines.
type Proxy struct {
	// To is how the provider is reached: its Addr, Security, TLS, Fingerprint, Auth, Hello, LMTP,
	// Timeout, LocalAddr, Proxy and DialContext count, and nothing else does. Plaintext
	// passes on what the program says, STARTTLS too; with any other Security the proxy
	// speaks TLS with the provider before the program is greeted. With Auth it logs in
	// then, and offers no AUTH to the program.
	To *smtp.Client

	TLS         *tls.Config // for the program's side; nil: with a certificate of its own making, see Certificate
	Implicit    bool        // speak TLS with the program from the first octet
	OfferTLS    bool        // offer STARTTLS to the program, whatever the provider does
	AcceptLogin bool        // offer AUTH to the program, and accept whatever it says
	Blind       bool        // where the program says STARTTLS, pass TLS through unseen
	Without     []string    // keywords of service extensions that are left out of the provider's offer

	// AllowNetwork lets a proxy that logs in listen where other machines reach it.
	// Whoever does can then send mail in the name of Auth.
	AllowNetwork bool

	Timeout     time.Duration // how long neither side may say anything; zero: 11 minutes, more than any wait of RFC 5321 §4.5.3.2
	Patience    time.Duration // how long the one whose turn it is may be silent until that is told; zero: 15 seconds
	MaxSessions int           // at once, more are told 421; zero: 100; negative: no limit

	// Trace, if not nil, is told of every line said, as it is said, by many
	// goroutines at once. Explain, if not nil, is told of what goes wrong, after the
	// event that shows it. They must neither block long nor call the Proxy.
	Trace   func(smtp.Event)
	Explain func(Finding)

	number   atomic.Uint64
	stopping atomic.Bool

	own       sync.Once
	ownConfig *tls.Config
	ownError  error

	mu        sync.Mutex
	listeners map[net.Listener]struct{}
	sessions  map[*session]struct{}
	busy      sync.WaitGroup // a session each
}

// ErrClosed is what Serve gives once Shutdown or Close was called.
var ErrClosed = errors.New("proxy: closed")

// ErrOpenRelay is what Serve gives where a proxy that logs in would take mail from
// other machines, and that was not allowed.
var ErrOpenRelay = errors.New("proxy: it logs in at the provider, and other machines could connect: whoever does could send mail in your name")

// Format writes a proxy as where it leads, by whatever verb: To may hold a password.
func (p *Proxy) Format(f fmt.State, _ rune) {
	addr := "nowhere"
	if p.To != nil {
		addr = p.To.Addr
	}
	fmt.Fprintf(f, "proxy to %s", addr)
}

// ListenAddr is addr with what is left out of it: ":2525" is 127.0.0.1:2525, for
// other machines are let in only where it is said aloud.
func ListenAddr(addr string) string {
	if strings.HasPrefix(addr, ":") {
		return "127.0.0.1" + addr
	}
	return addr
}

// IsLoopback reports whether only this machine reaches an address that is listened
// at.
func IsLoopback(addr net.Addr) bool {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok {
		return addr.Network() == "unix"
	}
	ip, ok := netip.AddrFromSlice(tcp.IP)
	return ok && ip.Unmap().IsLoopback()
}

// ListenAndServe takes connections at an address: see ListenAddr and Serve.
func (p *Proxy) ListenAndServe(addr string) error {
	l, err := net.Listen("tcp", ListenAddr(addr))
	if err != nil {
		return err
	}
	return p.Serve(l)
}

// Serve takes connections from l, each in a goroutine of its own, until l fails or
// the proxy is closed. It then closes l, and gives the reason: ErrClosed for the
// latter.
func (p *Proxy) Serve(l net.Listener) error {
	defer l.Close()
	if err := p.check(l.Addr()); err != nil {
		return err
	}
	if !p.track(l) {
		return ErrClosed
	}
	defer p.untrack(l)
	for {
		conn, err := l.Accept()
		switch {
		case err == nil:
			go p.ServeConn(conn)
		case p.stopping.Load():
			return ErrClosed
		case isTemporary(err):
			// Out of file descriptors, most often: some will come free.
			time.Sleep(100 * time.Millisecond)
		default:
			return err
		}
	}
}

func isTemporary(err error) bool {
	e, ok := errors.AsType[net.Error](err)
	return ok && e.Temporary() //nolint:staticcheck // accept(2) is what the method is still for
}

// check finds what cannot be, before anybody connects.
func (p *Proxy) check(addr net.Addr) error {
	if p.To == nil {
		return errors.New("proxy: no provider: set Proxy.To")
	}
	if _, err := p.route(); err != nil {
		return fmt.Errorf("proxy: %w", err)
	}
	if p.To.Auth != nil && !p.AllowNetwork && !IsLoopback(addr) {
		return ErrOpenRelay
	}
	if p.Implicit || p.OfferTLS {
		_, err := p.tlsConfig()
		return err
	}
	return nil
}

// ServeConn has one session over conn, and closes it. It returns when the session is
// over. Whether conn may be from the network is its caller's to know: AllowNetwork is
// asked by Serve alone.
func (p *Proxy) ServeConn(conn net.Conn) {
	s := newSession(p, conn)
	switch p.admit(s) {
	case admitted:
		defer p.leave(s)
		s.serve()
	case full:
		s.turnAway("too many sessions at once", "421 4.3.2 parley proxy: too many sessions at once")
	case stopped:
		s.turnAway("the proxy is shutting down", "421 4.3.2 parley proxy: shutting down")
	}
}

type admission uint8

const (
	admitted admission = iota
	full
	stopped
)

func (p *Proxy) admit(s *session) admission {
	p.mu.Lock()
	defer p.mu.Unlock()
	most := p.MaxSessions
	if most == 0 {
		most = 100
	}
	switch {
	case p.stopping.Load():
		return stopped
	case most > 0 && len(p.sessions) >= most:
		return full
	}
	if p.sessions == nil {
		p.sessions = make(map[*session]struct{})
	}
	p.sessions[s] = struct{}{}
	p.busy.Add(1)
	return admitted
}

func (p *Proxy) leave(s *session) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.sessions, s)
	p.busy.Done()
}

func (p *Proxy) track(l net.Listener) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopping.Load() {
		return false
	}
	if p.listeners == nil {
		p.listeners = make(map[net.Listener]struct{})
	}
	p.listeners[l] = struct{}{}
	return true
}

func (p *Proxy) untrack(l net.Listener) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.listeners, l)
}

// Shutdown takes no more connections, ends the sessions that are between two mails
// (421), lets those that are in the midst of one bring it to its end, and returns
// when all have gone. If the context ends before that it is Close, and gives the
// context's error.
func (p *Proxy) Shutdown(ctx context.Context) error {
	for _, s := range p.stop() {
		s.goIfIdle()
	}
	gone := make(chan struct{})
	go func() {
		p.busy.Wait()
		close(gone)
	}()
	select {
	case <-gone:
		return nil
	case <-ctx.Done():
		p.Close()
		<-gone
		return ctx.Err()
	}
}

// Close closes all listeners and all connections at once. It gives nil always.
func (p *Proxy) Close() error {
	for _, s := range p.stop() {
		s.cut(ErrClosed)
	}
	return nil
}

// stop closes the listeners, and gives the sessions that are there.
func (p *Proxy) stop() []*session {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopping.Store(true)
	for l := range p.listeners {
		l.Close()
	}
	list := make([]*session, 0, len(p.sessions))
	for s := range p.sessions {
		list = append(list, s)
	}
	return list
}

func (p *Proxy) timeout() time.Duration {
	if p.Timeout > 0 {
		return p.Timeout
	}
	return 11 * time.Minute
}

func (p *Proxy) patience() time.Duration {
	if p.Patience > 0 {
		return p.Patience
	}
	return 15 * time.Second
}
