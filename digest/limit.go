package digest

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// What the page lets one network ask for, and all together.
const (
	askEvery = 15 * time.Second
	askBurst = 8
	allBurst = 200
	mostNets = 20_000 // that are remembered
)

// limits keep anybody from having mails sent to many.
type limits struct {
	clock   func() time.Time
	proxied bool
	all     *rate.Limiter

	mu   sync.Mutex
	nets map[netip.Prefix]*rate.Limiter
}

func newLimits(clock func() time.Time, proxied bool) *limits {
	return &limits{clock: clock, proxied: proxied, all: rate.NewLimiter(20, allBurst), nets: make(map[netip.Prefix]*rate.Limiter)}
}

// allows reports whether who asks may.
func (l *limits) allows(r *http.Request) bool {
	now := l.clock()
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.network(r)
	one := l.nets[n]
	if one == nil {
		if len(l.nets) >= mostNets {
			for k, v := range l.nets {
				if v.TokensAt(now) >= askBurst {
					delete(l.nets, k) // it has not asked for long
				}
			}
		}
		if len(l.nets) >= mostNets {
			return false
		}
		one = rate.NewLimiter(rate.Every(askEvery), askBurst)
		l.nets[n] = one
	}
	return one.AllowN(now, 1) && l.all.AllowN(now, 1)
}

// network is where a request comes from: an address, or of IPv6 the network that one subscriber of a provider's has.
func (l *limits) network(r *http.Request) netip.Prefix {
	text := r.RemoteAddr
	if l.proxied {
		// The last is the one that our proxy has written; those before it anybody may have.
		if all := r.Header.Values("X-Forwarded-For"); len(all) > 0 {
			list := strings.Split(all[len(all)-1], ",")
			text = strings.TrimSpace(list[len(list)-1])
		}
	}
	if host, _, err := net.SplitHostPort(text); err == nil {
		text = host
	}
	a, err := netip.ParseAddr(strings.Trim(text, "[]"))
	if err != nil {
		return netip.Prefix{}
	}
	a = a.Unmap().WithZone("")
	bits := 32
	if a.Is6() {
		bits = 64
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}
