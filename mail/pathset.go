package mail

import "strings"

// A pathSet finds recipients that are named twice. Up to 16 they are compared one
// by one, which needs no memory.
type pathSet struct{ seen map[Path]struct{} }

// add reports whether a path is new. list is what was added before.
func (s *pathSet) add(p Path, list []Recipient) bool {
	if len(list) < 16 {
		for i := range list {
			if q := list[i].Path; q.Local == p.Local && strings.EqualFold(q.Domain, p.Domain) {
				return false
			}
		}
		return true
	}
	if s.seen == nil {
		s.seen = make(map[Path]struct{}, 2*len(list))
		for i := range list {
			s.seen[folded(list[i].Path)] = struct{}{}
		}
	}
	p = folded(p)
	if _, ok := s.seen[p]; ok {
		return false
	}
	s.seen[p] = struct{}{}
	return true
}

// folded: domains are the same in whatever case, local parts are not
// (RFC 5321 §2.4).
func folded(p Path) Path {
	return Path{Local: p.Local, Domain: strings.ToLower(p.Domain)}
}
