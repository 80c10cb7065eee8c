package digest

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"syscall"

	"github.com/parleymail/parley/internal/plain"
)

// inside are networks that are not the public's: what is there answers to people of its own house, and a feed of a stranger's must not have us
// ask it for them. netip knows some; the others are of IANA's registries for special purposes (RFC 6890).
func inside() []netip.Prefix {
	return []netip.Prefix{
		netip.MustParsePrefix("0.0.0.0/8"),       // this network
		netip.MustParsePrefix("100.64.0.0/10"),   // behind a provider's NAT, where clouds have services of theirs: RFC 6598
		netip.MustParsePrefix("192.0.0.0/24"),    // RFC 6890
		netip.MustParsePrefix("192.0.2.0/24"),    // examples: RFC 5737
		netip.MustParsePrefix("192.88.99.0/24"),  // 6to4's relays: RFC 7526
		netip.MustParsePrefix("198.18.0.0/15"),   // measurements: RFC 2544
		netip.MustParsePrefix("198.51.100.0/24"), // examples
		netip.MustParsePrefix("203.0.113.0/24"),  // examples
		netip.MustParsePrefix("240.0.0.0/4"),     // reserved; all of the network's
		netip.MustParsePrefix("2001::/23"),       // Teredo among them, which has an IPv4 address within
		netip.MustParsePrefix("2001:db8::/32"),   // examples: RFC 3849
		netip.MustParsePrefix("2002::/16"),       // 6to4, with an IPv4 address within
		netip.MustParsePrefix("3fff::/20"),       // examples: RFC 9637
	}
}

// A guard knows which addresses may be asked.
type guard struct {
	allow  []netip.Prefix
	inside []netip.Prefix
}

// A refusedError is why nothing was asked of an address.
type refusedError struct{ addr netip.Addr }

func (e *refusedError) Error() string {
	return fmt.Sprintf("%v is on a private network, which feeds may not be in unless it is allowed", e.addr)
}

func (g *guard) check(a netip.Addr) error {
	a = a.Unmap().WithZone("")
	if slices.ContainsFunc(g.allow, func(p netip.Prefix) bool { return p.Contains(a) }) {
		return nil
	}
	if a.Is6() && !netip.MustParsePrefix("2000::/3").Contains(a) {
		return &refusedError{a} // all that was ever given to the public
	}
	if !a.IsGlobalUnicast() || a.IsPrivate() || slices.ContainsFunc(g.inside, func(p netip.Prefix) bool { return p.Contains(a) }) {
		return &refusedError{a}
	}
	return nil
}

// control is asked when a connection is made, with the address that it is made to: what a name meant before, or what an answer led to, does
// not matter.
func (g *guard) control(network, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil || !strings.HasPrefix(network, "tcp") {
		return fmt.Errorf("%s is no address of TCP", plain.Quoted(address))
	}
	return g.check(at.Addr())
}
