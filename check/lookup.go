package check

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/smtp"
)

// lookup is the step dns.
func (w *walk) lookup() bool {
	switch {
	case w.network == "unix":
		w.give(Step{Name: "dns", Verdict: Skipped, Found: foundSocket(w.addr)})
		return true
	case !w.named:
		ip, err := netip.ParseAddr(w.host)
		if err != nil {
			w.give(Step{Name: "dns", Verdict: Skipped, Found: foundNotOurs(w.host)})
			return true
		}
		w.ips = []netip.Addr{ip}
		w.give(Step{Name: "dns", Verdict: Skipped, Found: foundLiteral(w.host)})
		return true
	}
	began := time.Now()
	a := w.ask()
	s := Step{Name: "dns", Verdict: Good, At: began, Took: time.Since(began)}
	s.Facts = Facts{Host: w.host, MX: a.mx}
	w.ips = append(a.v4, a.v6...)
	for _, ip := range w.ips {
		s.Facts.Addresses = append(s.Facts.Addresses, Address{IP: ip})
	}
	if len(w.ips) == 0 {
		w.noAddress(a, s)
		return false
	}
	s.Found = foundAddresses(w.host, w.ips)
	for _, err := range []error{a.err4, a.err6} {
		if err != nil && !notFound(err) {
			s.Remarks = append(s.Remarks, remarkLookup(err))
			break
		}
	}
	if len(a.mx) > 0 {
		s.Remarks = append(s.Remarks, w.remarkMX(a.mx))
	}
	w.give(s)
	return true
}

// answers are what the resolver said.
type answers struct {
	v4, v6     []netip.Addr
	err4, err6 error
	mx         []string
}

// ask asks for A and AAAA at once, and for MX where the name may be a mail domain's.
func (w *walk) ask() (a answers) {
	ctx, cancel := context.WithTimeout(w.ctx, w.timeout)
	defer cancel()
	r := w.check.resolver()
	var wg sync.WaitGroup
	wg.Go(func() { a.v4, a.err4 = r.LookupNetIP(ctx, "ip4", w.host) })
	wg.Go(func() { a.v6, a.err6 = r.LookupNetIP(ctx, "ip6", w.host) })
	if w.bare {
		wg.Go(func() {
			list, _ := r.LookupMX(ctx, w.host) // that there is none is no failure
			for _, mx := range list {
				a.mx = append(a.mx, trimDot(mx.Host))
			}
		})
	}
	wg.Wait()
	for i := range a.v4 {
		a.v4[i] = a.v4[i].Unmap()
	}
	return a
}

// noAddress is a name that leads nowhere.
func (w *walk) noAddress(a answers, s Step) {
	err := a.err4
	if err == nil || notFound(err) && a.err6 != nil {
		err = a.err6
	}
	if err == nil {
		err = &net.DNSError{Err: "no address", Name: w.host, IsNotFound: true}
	}
	e := &smtp.Error{Kind: smtp.Unreachable, Stage: smtp.StageDial, Err: err}
	if w.ctx.Err() != nil {
		e.Kind, e.Err = smtp.Interrupted, context.Cause(w.ctx)
	}
	var d *diagnose.Diagnosis
	switch {
	case w.ctx.Err() != nil:
	case len(a.mx) > 0:
		d = w.known(smtp.StageDial, "config-invalid", false, causeOnlyMX(w.host, a.mx), w.fixOnlyMX(a.mx))
	case notFound(err) && w.wellKnown():
		d = w.known(smtp.StageDial, "dns-failure", true, causeWellKnown(w.host, w.provider.Name), fixNoDNS(w.host))
	case notFound(err):
		d = w.known(smtp.StageDial, "dns-failure", false, causeNoName(w.host), fixNoName(w.host, w.likely()))
	default:
		d = w.known(smtp.StageDial, "dns-failure", true, causeNoDNS(err), fixNoDNS(w.host))
	}
	w.fail("dns", e, d, func(f *Step) {
		f.At, f.Took, f.Facts = s.At, s.Took, s.Facts
		if notFound(err) {
			f.Found = foundNoName(w.host)
		}
	})
}

func notFound(err error) bool {
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return dns.IsNotFound
	}
	_, ok := errors.AsType[*net.AddrError](err) // a name from /etc/hosts that has no address of this family
	return ok
}

func trimDot(s string) string {
	if n := len(s); n > 1 && s[n-1] == '.' {
		return s[:n-1]
	}
	return s
}

// likely is the provider's server that a name may have been meant to be; empty if none is known.
func (w *walk) likely() string {
	if w.provider == nil || len(w.provider.Hosts) == 0 || w.provider.Hosts[0].Name == w.host {
		return ""
	}
	return w.provider.Hosts[0].Name
}

// wellKnown reports whether the host is one that a provider is known to have.
func (w *walk) wellKnown() bool {
	return w.provider != nil && slices.ContainsFunc(w.provider.Hosts, func(h diagnose.Host) bool { return strings.EqualFold(h.Name, w.host) })
}

// mxProvider is whose servers take a domain's mail, and so likely send its too.
func (w *walk) mxProvider(mx []string) (*diagnose.Provider, bool) {
	if w.provider != nil {
		return w.provider, true
	}
	for _, host := range mx {
		if p, ok := w.check.facts().Provider(host); ok && len(p.Hosts) > 0 {
			return p, true
		}
	}
	return nil, false
}
