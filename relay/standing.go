package relay

import (
	"slices"
	"strings"
	"time"
)

// A Standing is a user by the configuration that holds now, and what they have sent of late, as far as this process knows: recipients in the
// last minute, hour and day.
type Standing struct {
	User              // without the hash
	LogsIn            bool
	Minute, Hour, Day int
}

// Users gives them all, by name.
func (s *Server) Users() []Standing {
	now := time.Now()
	var list []Standing
	for _, u := range s.state.Load().users.byName {
		one := Standing{User: u.User, LogsIn: !u.Password.IsZero()}
		one.Password, one.Senders = Hash{}, slices.Clone(u.senderPatterns())
		u.usage.mu.Lock()
		for i, n := range []*int{&one.Minute, &one.Hour, &one.Day} {
			*n = u.usage.windows[i].used(now)
		}
		u.usage.mu.Unlock()
		list = append(list, one)
	}
	slices.SortFunc(list, func(a, b Standing) int { return strings.Compare(a.Name, b.Name) })
	return list
}
