package relay

import (
	"context"
	"errors"
	"sync"
	"time"
)

// An Account is who asks, otherwise than by SMTP.
type Account struct {
	Name     string // empty: a program of this machine, where there are no users
	Operator bool   // sees and moves the mail of all
}

// Errors of [Server.LogIn].
var (
	ErrLogin = errors.New("relay: the name or the password is wrong")
	ErrBusy  = errors.New("relay: too many passwords are being tried")
)

// Guest is who asks where there are no users: a program of this machine, which its caller has to know that it is. ok is false where
// there are, and who asks must log in.
func (s *Server) Guest() (a Account, ok bool) {
	ok = len(s.state.Load().users.byName) == 0
	return Account{Operator: ok}, ok
}

// Knows reports whether an account is one by the configuration that holds now, with what it may: a request may last longer than a
// configuration.
func (s *Server) Knows(a Account) bool {
	if guest, ok := s.Guest(); ok || a.Name == "" {
		return ok && a == guest
	}
	u := s.state.Load().users.byName[a.Name]
	return u != nil && u.Operator == a.Operator
}

const (
	mostTries     = 64 // passwords that are being tried, or wait for it
	mostTriesFrom = 4  // of them by one client, so that who guesses does not keep others waiting
)

// tries are passwords that are being tried for clients otherwise than by SMTP, where sessions are limited. Those who ask for the same at
// the same time wait for one try.
type tries struct {
	mu    sync.Mutex
	under map[[32]byte]*try
	from  map[string]int
}

type try struct {
	over  chan struct{} // closed then
	right bool
}

// LogIn tells whose a name and a password are; client is where they come from, so that nobody keeps others from being asked. A wrong password
// costs what a right one does, whether there is such a user or not, and one that was right is right for a while at no cost.
func (s *Server) LogIn(ctx context.Context, client, name, password string) (Account, error) {
	t := s.state.Load().users
	if len(t.works) == 0 {
		return Account{}, ErrLogin // nobody has a password
	}
	var hash Hash
	u := t.byName[name]
	if u != nil {
		hash = u.Password
	}
	if u != nil && !hash.IsZero() && t.right.has(name, password, hash) {
		return Account{Name: u.Name, Operator: u.Operator}, nil
	}
	one := s.tries.begin(t.right.sum(name, password, hash), client, func() bool {
		ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), longestTry) // others may wait for it, though this client has gone
		defer stop()
		return t.password(ctx, name, password) == nil
	})
	if one == nil {
		return Account{}, ErrBusy
	}
	select {
	case <-one.over:
	case <-ctx.Done():
		return Account{}, ctx.Err()
	}
	if !one.right {
		s.unauthorized(client, "HTTP", name)
		return Account{}, ErrLogin
	}
	return Account{Name: u.Name, Operator: u.Operator}, nil
}

// unauthorized counts a login that was refused, and tells of it: the client hears no more than that it was, and programs that shut out who guesses
// read this line. A name that is nobody's is left out: people type their password there.
func (s *Server) unauthorized(remote, mechanism, name string) {
	s.counts.unauthorized.Add(1)
	st := s.state.Load()
	if st.users.byName[name] == nil {
		name = "(unknown)"
	}
	st.log().Warn("relay: a login was refused", "remote", remote, "mechanism", mechanism, "user", name)
}

const longestTry = 30 * time.Second

// begin gives the try of a password, a new one or one that is under way; nil where there are too many.
func (t *tries) begin(sum [32]byte, client string, fits func() bool) *try {
	t.mu.Lock()
	defer t.mu.Unlock()
	if one := t.under[sum]; one != nil {
		return one
	}
	if len(t.under) >= mostTries || t.from[client] >= mostTriesFrom {
		return nil
	}
	if t.under == nil {
		t.under, t.from = make(map[[32]byte]*try), make(map[string]int)
	}
	one := &try{over: make(chan struct{})}
	t.under[sum] = one
	t.from[client]++
	go func() {
		right := fits()
		t.mu.Lock()
		defer t.mu.Unlock()
		one.right = right
		close(one.over)
		delete(t.under, sum)
		if t.from[client]--; t.from[client] == 0 {
			delete(t.from, client)
		}
	}()
	return one
}
