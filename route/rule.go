package route

import (
	"cmp"
	"hash/fnv"
	"math"
	"slices"
	"strings"

	"github.com/parleymail/parley/outbox"
)

const (
	mxName      = "mx"      // in Servers, and the first part of lanes of sites
	discardName = "discard" // the lane of mail that goes nowhere
)

// A rule is a [Rule] made ready.
type rule struct {
	from, to      []pathGlob
	class         []outbox.Class
	origin, topic globs
	steps         []step
	refuse        string // a whole reply
	discard       bool
}

// A step is one place of Rule.Servers: one server, or several that share.
type step []share

type share struct {
	server string
	weight float64
}

// fits reports whether the rule is about a recipient, of which the domains are given as the DNS has them.
func (r *rule) fits(rec *outbox.Recipient, fromDomain, toDomain string) bool {
	switch {
	case len(r.class) > 0 && !slices.Contains(r.class, rec.Class):
	case !r.origin.match(rec.Origin) || !r.topic.match(rec.Topic):
	case len(r.from) > 0 && !slices.ContainsFunc(r.from, func(p pathGlob) bool { return p.match(rec.ReversePath, fromDomain) }):
	case len(r.to) > 0 && !slices.ContainsFunc(r.to, func(p pathGlob) bool { return p.match(rec.Path, toDomain) }):
	default:
		return true
	}
	return false
}

// order gives the servers of a step, the one that this message goes to first. A message has
// the same order whoever asks and whenever: its retries go where it was tried, and
// its recipients go together.
func (s step) order(id outbox.ID) []string {
	if len(s) == 1 {
		return []string{s[0].server}
	}
	type ranked struct {
		name string
		rank float64
	}
	all := make([]ranked, len(s))
	for i, sh := range s {
		h := fnv.New64a()
		h.Write([]byte(id.String() + " " + sh.server))
		// Of exponential variables with rates of w each is the least with a chance of its w in
		// the sum of all.
		u := (float64(mix(h.Sum64())>>11) + 0.5) / (1 << 53)
		all[i] = ranked{sh.server, -math.Log(u) / sh.weight}
	}
	slices.SortFunc(all, func(a, b ranked) int { return cmp.Compare(a.rank, b.rank) })
	names := make([]string, len(all))
	for i, a := range all {
		names[i] = a.name
	}
	return names
}

// mix spreads what little two sums of nearly equal texts differ by over all bits (the
// finalizer of MurmurHash3).
func mix(h uint64) uint64 {
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	h = (h ^ h>>33) * 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}

// refusal makes a whole reply of a rule's words, which may begin with codes.
func refusal(words string) string {
	words = strings.TrimSpace(words)
	code, rest, _ := strings.Cut(words, " ")
	if len(code) != 3 || code[0] != '5' || strings.Trim(code, "0123456789") != "" {
		return "550 5.7.1 " + words // RFC 3463 §3.8: delivery not authorized
	}
	if enhanced, _, _ := strings.Cut(rest, " "); strings.HasPrefix(enhanced, "5.") && strings.Count(enhanced, ".") == 2 && strings.Trim(enhanced, "0123456789.") == "" {
		return words
	}
	return code + " 5.7.1 " + rest
}
