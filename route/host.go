package route

import (
	"cmp"
	"container/list"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/smtp"
)

// A hostPool is the mail hosts that we speak with, each with its sessions. Those not used for longest are let go.
type hostPool struct {
	r    *Router
	most int

	mu     sync.Mutex
	known  map[string]*list.Element
	order  list.List
	closed bool
}

// A mailHost has a client that takes TLS where it is had, and one for when what calls itself TLS there fails.
type mailHost struct {
	name      string
	tls       *smtp.Client
	plain     *smtp.Client
	brokenTLS time.Time // until when TLS is not tried again
	users     int
}

const (
	mostHosts     = 1000
	forgetBroken  = 6 * time.Hour
	mailHostIdle  = 3 * time.Second // of a session without a mail: it counts at the host, and many hosts allow few
	mailHostSlots = 100             // sessions with one host; how many there are is the lane's matter
)

func (p *hostPool) init(r *Router) { p.r, p.most, p.known = r, mostHosts, map[string]*list.Element{} }

func (r *Router) port() string { return strconv.Itoa(cmp.Or(max(r.table.MX.Port, 0), 25)) }

// joinPort joins a host or an address, perhaps in brackets, with a port.
func joinPort(host, port string) string { return net.JoinHostPort(strings.Trim(host, "[]"), port) }

// take gives a host, to be given back.
func (p *hostPool) take(name string) (*mailHost, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, errClosed
	}
	if at := p.known[name]; at != nil {
		p.order.MoveToFront(at)
		h := at.Value.(*mailHost)
		h.users++
		return h, nil
	}
	h := &mailHost{name: name, tls: p.client(name, smtp.Opportunistic), plain: p.client(name, smtp.Plaintext), users: 1}
	p.known[name] = p.order.PushFront(h)
	p.trim()
	return h, nil
}

func (p *hostPool) give(h *mailHost) {
	p.mu.Lock()
	defer p.mu.Unlock()
	h.users--
	p.trim()
}

// trim lets go what is too much, but for what is in use.
func (p *hostPool) trim() {
	for at := p.order.Back(); at != nil && p.order.Len() > p.most; {
		last := at.Value.(*mailHost)
		before := at.Prev()
		if last.users == 0 {
			p.order.Remove(at)
			delete(p.known, last.name)
			go last.close()
		}
		at = before
	}
}

func (h *mailHost) close() {
	h.tls.Close()
	h.plain.Close()
}

func (p *hostPool) close() {
	p.mu.Lock()
	p.closed = true
	all := p.known
	p.known = nil
	p.order.Init()
	p.mu.Unlock()
	var wg sync.WaitGroup
	for _, at := range all {
		wg.Go(at.Value.(*mailHost).close)
	}
	wg.Wait()
}

func (p *hostPool) client(host string, security smtp.Security) *smtp.Client {
	mx := &p.r.table.MX
	mails := cmp.Or(mx.Limits.Mails, 100)
	if s := p.r.limits.siteFact([]exchange{{host: host}}); s != nil && s.Mails > 0 {
		mails = s.Mails
	}
	c := &smtp.Client{
		Addr: joinPort(host, p.r.port()), Security: security, TLS: mx.TLS, Hello: mx.Hello, Partial: true, Timeout: time.Duration(mx.Timeout),
		MaxSessions: mailHostSlots, MaxMessages: max(mails, 0), MaxIdle: mailHostIdle,
	}
	c.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) { return p.r.dial(ctx, network, host) }
	if trace := p.r.table.Trace; trace != nil {
		c.Trace = func(e smtp.Event) { trace(host, e) }
	}
	return c
}

// send brings a mail to one host. RFC 7435: TLS that does not come about is no worse than none, for whoever could
// break it could have hidden STARTTLS as well; but a mail that must have TLS is not sent without.
func (p *hostPool) send(ctx context.Context, host string, object mail.Object, requireTLS bool) (*smtp.Receipt, *smtp.Error) {
	h, err := p.take(host)
	if err != nil {
		return nil, smtpError(err)
	}
	defer p.give(h)
	known := p.isBroken(h)
	if requireTLS || !known {
		receipt, err := h.tls.Send(ctx, object)
		if err == nil {
			return receipt, nil
		}
		e := smtpError(err)
		if requireTLS || e.Stage != smtp.StageTLS || e.Kind == smtp.Interrupted || e.Kind == smtp.Invalid || ctx.Err() != nil {
			return nil, e
		}
	}
	receipt, err := h.plain.Send(ctx, object)
	if err != nil {
		return nil, smtpError(err)
	}
	if !known {
		p.mu.Lock()
		h.brokenTLS = time.Now().Add(forgetBroken)
		p.mu.Unlock()
	}
	return receipt, nil
}

func (p *hostPool) isBroken(h *mailHost) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return time.Now().Before(h.brokenTLS)
}

// addresses are what a mail host's name leads to.
type addresses struct {
	ips []netip.Addr
	err error
	at  time.Time
}

// loadAddresses asks the DNS for a host. What it knew is used on while nobody answers.
func (r *Router) loadAddresses(ctx context.Context, host string, old *addresses) (*addresses, time.Duration) {
	keep := cmp.Or(max(time.Duration(r.table.MX.Keep), 0), keepAnswer)
	if ip, ok := parseLiteral(host); ok {
		return &addresses{ips: []netip.Addr{ip}}, keep
	}
	ctx, cancel := context.WithTimeout(ctx, lookupTime)
	defer cancel()
	a := &addresses{at: time.Now()}
	a.ips, a.err = r.lookupIP(ctx, host)
	switch {
	case len(a.ips) > 0:
		a.err = nil
		return a, keep
	case a.err == nil || isNotFound(a.err):
		return a, max(keep/5, time.Second)
	case old != nil && len(old.ips) > 0 && time.Since(old.at) < keepStale:
		return old, min(keep, keepTrouble)
	}
	return a, min(keep, keepTrouble)
}

// addressesOf are those of a host that mail may be brought to.
func (r *Router) addressesOf(ctx context.Context, host string) ([]netip.Addr, error) {
	a, err := r.addresses.get(ctx, host)
	if err == nil {
		err = a.err
	}
	if err != nil {
		return nil, err
	}
	var ips []netip.Addr
	for _, ip := range a.ips {
		if r.table.MX.Loopback || !(ip.IsLoopback() || ip.IsUnspecified() || ip.IsMulticast() || ip == broadcast) {
			ips = append(ips, ip)
		}
	}
	if len(ips) == 0 && len(a.ips) > 0 {
		return nil, errNotTheirs
	}
	return ips, nil
}

var (
	broadcast    = netip.AddrFrom4([4]byte{255, 255, 255, 255})
	errNotTheirs = errors.New("its addresses are none that a host of another can have")
)

// reachable tells why a host cannot be reached at all; nil where it may.
func (r *Router) reachable(ctx context.Context, host string) *smtp.Error {
	ips, err := r.addressesOf(ctx, host)
	switch {
	case ctx.Err() != nil:
		return &smtp.Error{Kind: smtp.Interrupted, Stage: smtp.StageDial, Err: context.Cause(ctx)}
	case errors.Is(err, errNotTheirs):
		return refused(fmt.Sprintf("550 5.4.4 the mail host %s has no address that a host of another can have", host), mail.Path{})
	case err == nil && len(ips) == 0 || err != nil && isNotFound(err):
		return refused(fmt.Sprintf("550 5.4.4 the mail host %s has no address", host), mail.Path{})
	case err != nil:
		return &smtp.Error{Kind: smtp.Unreachable, Stage: smtp.StageRcpt, Err: fmt.Errorf("looking up the mail host %s: %w", host, err)}
	}
	return nil
}

// dial tries a host's addresses in the order in which the resolver gives them (RFC 6724): RFC 5321 §5.1 wants two of them at least.
func (r *Router) dial(ctx context.Context, network, host string) (net.Conn, error) {
	ips, err := r.addressesOf(ctx, host)
	if err != nil {
		return nil, err
	}
	var first error
	for i, ip := range ips {
		conn, err := r.dialOne(ctx, network, ip, len(ips)-i)
		if err == nil {
			return conn, nil
		}
		if first == nil {
			first = err
		}
		if ctx.Err() != nil {
			break
		}
	}
	if first == nil {
		first = &net.DNSError{Err: "no address", Name: host, IsNotFound: true}
	}
	return nil, first
}

// dialOne gives one of several addresses its part of the time that is left.
func (r *Router) dialOne(ctx context.Context, network string, ip netip.Addr, left int) (net.Conn, error) {
	if end, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, max(time.Until(end)/time.Duration(left), 2*time.Second))
		defer cancel()
	}
	d := net.Dialer{LocalAddr: r.table.MX.LocalAddr}
	return d.DialContext(ctx, network, net.JoinHostPort(ip.String(), r.port()))
}
