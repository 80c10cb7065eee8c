package route

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/parleymail/parley/internal/plain"
	"github.com/parleymail/parley/outbox"
)

// A Resolver looks names up. A *net.Resolver is one.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
	LookupMX(ctx context.Context, name string) ([]*net.MX, error)
}

// An exchange is a host that takes a domain's mail.
type exchange struct {
	host string // as the DNS has it, in lower case, without a dot at its end; or an address in brackets
	pref uint16
}

// An answer is what is known of a domain: hosts, or why there are none.
type answer struct {
	hosts   []exchange // by preference, then by name
	site    string
	refusal *outbox.Refusal // it takes no mail at all
	err     error           // nobody could tell
	at      time.Time       // when it was learnt
}

const (
	keepAnswer  = 5 * time.Minute
	keepTrouble = 15 * time.Second // after which a DNS that did not answer is asked again
	keepStale   = time.Hour        // for which what was known is still used, while the DNS does not answer
	lookupTime  = 30 * time.Second // of all questions about one domain
	maxHosts    = 100              // of a domain that are looked at; more are somebody's joke
)

func refuse(format string, args ...any) *outbox.Refusal {
	return &outbox.Refusal{Reply: fmt.Sprintf(format, args...)}
}

// answer gives what is known of the domain of a path, given as asciiDomain gives it.
func (r *Router) answer(ctx context.Context, domain string) (*answer, error) {
	switch {
	case domain == "":
		return &answer{refusal: refuse("550 5.1.3 an address without a domain is nobody's here")}, nil
	case domain[0] == '[':
		return r.literal(domain), nil
	case !isHostName(domain):
		return &answer{refusal: refuse("550 5.1.3 %s is no domain", plain.Quoted(domain))}, nil
	}
	a, err := r.domains.get(ctx, domain)
	if err != nil {
		return nil, fmt.Errorf("route: looking up the mail hosts of %s: %w", domain, err)
	}
	return a, nil
}

// literal is an address in place of a domain: RFC 5321 §4.1.3. There is nothing to look up.
func (r *Router) literal(domain string) *answer {
	ip, ok := parseLiteral(domain)
	if !ok {
		return &answer{refusal: refuse("550 5.1.3 %s is no address that mail can be brought to", domain)}
	}
	host := "[" + ip.String() + "]"
	if r.isOurs(host, []netip.Addr{ip}) {
		return &answer{refusal: loops(domain)}
	}
	return &answer{hosts: []exchange{{host: host}}, site: host}
}

func parseLiteral(domain string) (netip.Addr, bool) {
	inner, ok := strings.CutPrefix(domain, "[")
	inner, closed := strings.CutSuffix(inner, "]")
	inner = strings.TrimPrefix(inner, "ipv6:")
	ip, err := netip.ParseAddr(inner)
	return ip.Unmap(), ok && closed && err == nil && ip.Zone() == ""
}

func loops(domain string) *outbox.Refusal {
	// RFC 5321 §5.1: no host is left that is nearer to the recipient than we are.
	return refuse("554 5.4.6 mail for %s comes back to this machine, which does not keep it", domain)
}

// loadDomain asks the DNS for a domain. What it knew is used on while nobody answers.
func (r *Router) loadDomain(ctx context.Context, domain string, old *answer) (*answer, time.Duration) {
	keep := cmp.Or(max(time.Duration(r.table.MX.Keep), 0), keepAnswer)
	ctx, cancel := context.WithTimeout(ctx, lookupTime)
	defer cancel()
	a := r.ask(ctx, domain)
	a.at = time.Now()
	switch {
	case a.err == nil && a.refusal == nil:
		a.site = r.limits.siteOf(a.hosts)
		return a, keep
	case a.refusal != nil:
		return a, max(keep/5, time.Second)
	case old != nil && old.err == nil && old.refusal == nil && time.Since(old.at) < keepStale:
		return old, min(keep, keepTrouble)
	}
	return a, min(keep, keepTrouble)
}

// ask is RFC 5321 §5.1, as far as it needs a domain's MX alone.
func (r *Router) ask(ctx context.Context, domain string) *answer {
	list, err := r.lookupMX(ctx, domain)
	if len(list) == 0 && err != nil && !isNotFound(err) {
		return &answer{err: err}
	}
	if len(list) == 0 {
		return r.implicit(ctx, domain)
	}
	hosts, null := tidy(list)
	switch {
	case len(hosts) == 0 && null:
		return &answer{refusal: refuse("556 5.1.10 %s takes no mail: it has a null MX", domain)} // RFC 7505 §4.1
	case len(hosts) == 0:
		return &answer{refusal: refuse("550 5.4.4 %s has no MX that is a host's name", domain)}
	}
	// RFC 5321 §5.1: where we are among them, only those that are better than we are count, or
	// two hosts that do not know a recipient send him to each other for ever.
	i := slices.IndexFunc(hosts, func(x exchange) bool { return r.isOurs(x.host, nil) })
	if i >= 0 {
		hosts = better(hosts, hosts[i].pref)
	}
	if len(hosts) == 0 {
		return &answer{refusal: loops(domain)}
	}
	return &answer{hosts: hosts}
}

func better(hosts []exchange, pref uint16) []exchange {
	return slices.DeleteFunc(slices.Clone(hosts), func(x exchange) bool { return x.pref >= pref })
}

// implicit is the domain as its own mail host: RFC 5321 §5.1, where it has no MX at all.
func (r *Router) implicit(ctx context.Context, domain string) *answer {
	ips, err := r.lookupIP(ctx, domain)
	switch {
	case len(ips) > 0:
		if r.isOurs(domain, ips) {
			return &answer{refusal: loops(domain)}
		}
		return &answer{hosts: []exchange{{host: domain}}}
	case err == nil || isNotFound(err):
		return &answer{refusal: refuse("550 5.1.2 there is no domain %s that takes mail: it has neither MX nor address", domain)}
	}
	return &answer{err: err}
}

// tidy puts what the DNS said in order, by preference and name; null tells that there was a null MX.
func tidy(list []*net.MX) (hosts []exchange, null bool) {
	list = slices.SortedStableFunc(slices.Values(list), func(a, b *net.MX) int { return cmp.Compare(a.Pref, b.Pref) })
	for _, mx := range list[:min(len(list), maxHosts)] {
		host := strings.ToLower(strings.TrimSuffix(mx.Host, "."))
		if host == "" {
			null = true // RFC 7505 §3; beside others it means nothing
			continue
		}
		if !isHostName(host) {
			continue // RFC 5321 §2.3.5: an address is no name, and what else is none would be no name of a lane either
		}
		hosts = append(hosts, exchange{host, mx.Pref})
	}
	slices.SortFunc(hosts, func(a, b exchange) int { return cmp.Or(cmp.Compare(a.pref, b.pref), cmp.Compare(a.host, b.host)) })
	seen := map[string]bool{}
	hosts = slices.DeleteFunc(hosts, func(x exchange) bool {
		twice := seen[x.host]
		seen[x.host] = true
		return twice
	})
	return hosts, null
}

func isHostName(s string) bool {
	if len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || strings.ContainsFunc(label, func(c rune) bool { return c == '.' || isNoName(c) }) {
			return false
		}
	}
	_, err := netip.ParseAddr(s)
	return err != nil
}

// inOrder gives hosts as they are tried: by preference, and by chance among those of one preference, so that
// what is sent by many is shared by all of them (RFC 5321 §5.1).
func inOrder(hosts []exchange) []exchange {
	hosts = slices.Clone(hosts)
	rand.Shuffle(len(hosts), func(i, j int) { hosts[i], hosts[j] = hosts[j], hosts[i] })
	slices.SortStableFunc(hosts, func(a, b exchange) int { return cmp.Compare(a.pref, b.pref) })
	return hosts
}

func isNotFound(err error) bool {
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return dns.IsNotFound && !dns.IsTemporary && !dns.IsTimeout
	}
	_, ok := errors.AsType[*net.AddrError](err) // a name from /etc/hosts that has no address of this family
	return ok
}

// lookupMX asks for MX; the dot at the end keeps the resolver from trying the name below domains of ours.
func (r *Router) lookupMX(ctx context.Context, domain string) ([]*net.MX, error) {
	if err := r.begin(ctx); err != nil {
		return nil, err
	}
	defer r.end()
	return r.resolver().LookupMX(ctx, domain+".")
}

func (r *Router) lookupIP(ctx context.Context, host string) ([]netip.Addr, error) {
	if err := r.begin(ctx); err != nil {
		return nil, err
	}
	defer r.end()
	ips, err := r.resolver().LookupNetIP(ctx, "ip", host+".")
	for i := range ips {
		ips[i] = ips[i].Unmap()
	}
	return ips, err
}

// begin waits until another question may be asked.
func (r *Router) begin(ctx context.Context) error {
	select {
	case r.asking <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (r *Router) end() { <-r.asking }

func (r *Router) resolver() Resolver {
	if r.table.MX.Resolver != nil {
		return r.table.MX.Resolver
	}
	return net.DefaultResolver
}
