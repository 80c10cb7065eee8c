package route

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/internal/plain"
	"github.com/parleymail/parley/outbox"
)

// A Router knows which server takes a mail, by a [Table]. It is an [outbox.Router], and
// safe for use by several goroutines at once.
type Router struct {
	table    Table
	rules    []rule
	limits   *limitFacts
	provider map[string]string // of servers, by name
	servers  map[string]string // names of lanes, by names of servers
	usesMX   bool
	asking   chan struct{} // holds one for each question to the DNS
	end_     context.CancelFunc

	domains   cache[*answer]
	addresses cache[*addresses]
	hosts     hostPool

	mu    sync.Mutex
	lanes map[string]*lane
}

var errClosed = errors.New("the router is closed")

const (
	keptDomains = 1 << 17 // answers that are kept; a hundred octets or two each
	keptHosts   = 1 << 14
	keptLanes   = 1 << 16 // of sites
)

// New looks through a table and gives its router. The error is of type [Faults], and tells all that is wrong with it.
func New(t Table) (*Router, error) {
	t.Rules, t.Servers = slices.Clone(t.Rules), slices.Clone(t.Servers)
	rules, faults := t.look()
	if len(faults) > 0 {
		return nil, faults
	}
	life, end := context.WithCancel(context.Background())
	lookups := 100
	if t.MX.Lookups > 0 {
		lookups = t.MX.Lookups
	}
	r := &Router{
		table: t, rules: rules, limits: knownFacts(), end_: end,
		asking: make(chan struct{}, lookups), servers: map[string]string{}, lanes: map[string]*lane{},
	}
	r.domains.size, r.domains.life, r.domains.load = keptDomains, life, r.loadDomain
	r.addresses.size, r.addresses.life, r.addresses.load = keptHosts, life, r.loadAddresses
	r.hosts.init(r)
	for i := range t.Servers {
		l := r.serverLane(&r.table.Servers[i])
		r.servers[t.Servers[i].Name], r.lanes[l.Name] = l.Name, l
	}
	r.lanes[discardName] = discardLane()
	for _, rule := range rules {
		for _, s := range rule.steps {
			r.usesMX = r.usesMX || slices.ContainsFunc(s, func(s share) bool { return s.server == mxName })
		}
	}
	return r, nil
}

// Close ends what goes on in the background and closes all sessions: those in use as they become free.
func (r *Router) Close() error {
	r.end_()
	r.domains.close()
	r.addresses.close()
	var wg sync.WaitGroup
	for i := range r.table.Servers {
		wg.Go(func() { r.table.Servers[i].Client.Close() })
	}
	r.hosts.close()
	wg.Wait()
	return nil
}

// Lanes gives the names of the lanes that can take the mail for one recipient, the best first.
func (r *Router) Lanes(ctx context.Context, rec outbox.Recipient) ([]string, error) {
	from, to := asciiDomain(rec.ReversePath.Domain), asciiDomain(rec.Path.Domain)
	for i := range r.rules {
		rule := &r.rules[i]
		if !rule.fits(&rec, from, to) {
			continue
		}
		switch {
		case rule.refuse != "":
			return nil, &outbox.Refusal{Reply: rule.refuse}
		case rule.discard:
			return []string{discardName}, nil
		}
		return r.lanesOf(ctx, rule, rec.Message, to)
	}
	return nil, errors.New("route: no rule is about the mail") // New has seen that there is a default
}

// lanesOf gives the lanes of a rule's servers. Where the domain has no hosts, or the DNS does not answer, the
// other servers of the rule are left, if there are any.
func (r *Router) lanesOf(ctx context.Context, rule *rule, id outbox.ID, domain string) (lanes []string, err error) {
	for _, s := range rule.steps {
		for _, name := range s.order(id) {
			if name != mxName {
				lanes = append(lanes, r.servers[name])
				continue
			}
			site, e := r.site(ctx, domain)
			if e != nil {
				err = e
				continue
			}
			lanes = append(lanes, mxName+"/"+site)
		}
	}
	if len(lanes) > 0 {
		return lanes, nil
	}
	return nil, err
}

func (r *Router) site(ctx context.Context, domain string) (string, error) {
	a, err := r.answer(ctx, domain)
	switch {
	case err != nil:
		return "", err
	case a.refusal != nil:
		return "", a.refusal
	case a.err != nil:
		return "", fmt.Errorf("route: looking up the mail hosts of %s: %w", domain, a.err)
	}
	return a.site, nil
}

// Warm asks the DNS for the domains of many recipients at once, so that Lanes need not wait for each of them. It
// returns when all are known or the context ends.
func (r *Router) Warm(ctx context.Context, recs []outbox.Recipient) {
	if !r.usesMX {
		return
	}
	var all []*cached[*answer]
	seen := map[string]bool{}
	for i := range recs {
		domain := asciiDomain(recs[i].Path.Domain)
		if domain == "" || domain[0] == '[' || seen[domain] {
			continue
		}
		seen[domain] = true
		if e := r.domains.entry(domain); e != nil {
			all = append(all, e)
		}
	}
	for _, e := range all {
		select {
		case <-e.done:
		case <-ctx.Done():
			return
		}
	}
}

// Lane gives a lane by its name, which may be one that another machine has given.
func (r *Router) Lane(_ context.Context, name string) (*outbox.Lane, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if l := r.lanes[name]; l != nil {
		return &l.Lane, nil
	}
	site, ok := strings.CutPrefix(name, mxName+"/")
	if !ok || site == "" || !r.usesMX {
		return nil, fmt.Errorf("route: there is no lane %s in this table", plain.Quoted(name))
	}
	if len(r.lanes) >= keptLanes {
		for old := range r.lanes { // any: what a lane knows of its last failures is soon learnt again
			if strings.HasPrefix(old, mxName+"/") {
				delete(r.lanes, old)
				break
			}
		}
	}
	l := r.siteLane(name, site)
	r.lanes[name] = l
	return &l.Lane, nil
}

func (t *Table) facts() *diagnose.Facts {
	if t.Facts != nil {
		return t.Facts
	}
	return diagnose.Default()
}

// isOurs reports whether a host is this machine itself, by its name or one of its addresses.
func (r *Router) isOurs(host string, ips []netip.Addr) bool {
	port := r.port()
	return r.table.isSelf(joinPort(host, port)) || slices.ContainsFunc(ips, func(ip netip.Addr) bool { return r.table.isSelf(joinPort(ip.String(), port)) })
}
