package relay

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"sync"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/parleymail/parley/sasl"
)

// users are those of one configuration.
type users struct {
	byName map[string]*user
	works  []work // what a password is tried by: one of each sort that there is, for every name, known or not
	seed   []byte
	right  *rightOnes
}

// A user is a [User] made ready.
type user struct {
	User
	senders patterns
	usage   *usage
}

// A work is a way to try a password, by how dear it is: who measures how long an answer takes is not to learn
// which names there are. Hash is one that no password has, for those names that have no hash of this sort.
type work struct {
	iterations int // of SCRAM; 0: bcrypt
	cost       int // of bcrypt
	nobody     Hash
}

func workOf(h Hash) (work, error) {
	if h.bcrypt != nil {
		cost, err := bcrypt.Cost(h.bcrypt)
		return work{cost: cost}, err
	}
	return work{iterations: h.keys.Iterations}, nil
}

func (w work) same(o work) bool { return w.iterations == o.iterations && w.cost == o.cost }

// prepare makes the hash that is nobody's.
func (w *work) prepare() (err error) {
	password := []byte(rand.Text())
	if w.iterations == 0 {
		w.nobody.bcrypt, err = bcrypt.GenerateFromPassword(password, w.cost)
		return err
	}
	salt := make([]byte, 16)
	rand.Read(salt)
	w.nobody.keys, err = sasl.MakeKeys(scramMechanism, string(password), salt, w.iterations)
	return err
}

// fits tries a password. It does the same for whatever password.
func (h Hash) fits(password string) bool {
	const longest = 72 // bcrypt looks at no more, and would take anything behind
	if h.bcrypt != nil {
		err := bcrypt.CompareHashAndPassword(h.bcrypt, []byte(password[:min(len(password), longest)]))
		return err == nil && len(password) <= longest
	}
	keys, err := sasl.MakeKeys(scramMechanism, password, h.keys.Salt, h.keys.Iterations)
	if err != nil {
		return false // it cannot be anybody's password: RFC 4013
	}
	return hmac.Equal(keys.StoredKey, h.keys.StoredKey)
}

// newUsers makes them ready. What they have sent so far is kept by name.
func newUsers(list []User, used *usages, right *rightOnes) (*users, error) {
	t := &users{byName: make(map[string]*user), right: right}
	seed := sha256.New()
	for _, u := range slices.SortedFunc(slices.Values(list), func(a, b User) int { return cmp.Compare(a.Name, b.Name) }) {
		one := &user{User: u, senders: newPatterns(u.senderPatterns()), usage: used.of(u)}
		t.byName[u.Name] = one
		if u.Password.IsZero() {
			continue
		}
		w, err := workOf(u.Password)
		if err != nil {
			return nil, fmt.Errorf("user %q: %w", u.Name, err)
		}
		if !slices.ContainsFunc(t.works, w.same) {
			if err := w.prepare(); err != nil {
				return nil, fmt.Errorf("user %q: %w", u.Name, err)
			}
			t.works = append(t.works, w)
		}
		fmt.Fprintf(seed, "%q %x %x\n", u.Name, u.Password.keys.ServerKey, u.Password.bcrypt)
	}
	t.seed = seed.Sum(nil) // a restart does not change it: salts of names that are not known stay what they are
	return t, nil
}

// offerSCRAM reports whether each user can log in by SCRAM. A client takes the strongest that is offered, and does
// not try another where it fails: where one user has a bcrypt hash it must not be offered to any.
func (t *users) offerSCRAM() bool {
	for _, u := range t.byName {
		if u.Password.bcrypt != nil {
			return false
		}
	}
	return true
}

// accounts are for a server that lasts as long as this configuration.
func (t *users) accounts(clear bool) *sasl.Accounts {
	if len(t.works) == 0 {
		return nil // nobody has a password
	}
	a := &sasl.Accounts{Password: t.password, ClearText: clear, Seed: t.seed, Iterations: t.commonIterations(), Without: []string{"SCRAM-SHA-1", "SCRAM-SHA-1-PLUS"}}
	if t.offerSCRAM() {
		a.SCRAM = t.scram
	}
	return a
}

// commonIterations is what most hashes have, for names that are not known.
func (t *users) commonIterations() (most int) {
	count := make(map[int]int)
	for _, u := range t.byName {
		count[u.Password.keys.Iterations]++
	}
	for _, n := range slices.Sorted(maps.Keys(count)) {
		if n > 0 && count[n] > count[most] {
			most = n
		}
	}
	return most
}

func (t *users) scram(_ context.Context, mechanism, name string) (sasl.Keys, error) {
	u := t.byName[name]
	if u == nil || mechanism != scramMechanism || u.Password.keys.Iterations == 0 {
		return sasl.Keys{}, sasl.ErrRefused
	}
	return u.Password.keys, nil
}

// password tries one by each sort of hash that there is, whoever it is.
func (t *users) password(ctx context.Context, name, password string) error {
	var hash Hash
	u := t.byName[name]
	if u != nil {
		hash = u.Password
	}
	if u != nil && hash.IsZero() {
		u = nil
	}
	if u != nil && t.right.has(name, password, hash) {
		return nil
	}
	select {
	case t.right.tries <- struct{}{}:
		defer func() { <-t.right.tries }()
	case <-ctx.Done():
		return ctx.Err()
	}
	fits := false
	for _, w := range t.works {
		against := w.nobody
		of, err := workOf(hash)
		own := u != nil && err == nil && of.same(w)
		if own {
			against = hash
		}
		if against.fits(password) && own {
			fits = true
		}
	}
	if !fits {
		return sasl.ErrRefused
	}
	t.right.add(name, password, hash)
	return nil
}

// rightOnes are passwords that were right of late, as what nobody can turn back: a program that opens a session for each
// mail is not to cost a hash each time.
type rightOnes struct {
	key   []byte
	tries chan struct{} // holds one for each password that is tried: guessing takes no more than half of the processors

	mu    sync.Mutex
	known map[[32]byte]time.Time
}

const (
	mostRight = 10_000
	rightFor  = 10 * time.Minute
)

func newRightOnes() *rightOnes {
	return &rightOnes{key: []byte(rand.Text()), tries: make(chan struct{}, max(runtime.GOMAXPROCS(0)/2, 1)), known: make(map[[32]byte]time.Time)}
}

func (r *rightOnes) sum(name, password string, h Hash) [32]byte {
	mac := hmac.New(sha256.New, r.key)
	fmt.Fprintf(mac, "%q %q %x %x", name, password, h.bcrypt, h.keys.StoredKey)
	return [32]byte(mac.Sum(nil))
}

func (r *rightOnes) has(name, password string, h Hash) bool {
	sum := r.sum(name, password, h)
	r.mu.Lock()
	defer r.mu.Unlock()
	at, right := r.known[sum]
	return right && time.Since(at) < rightFor
}

func (r *rightOnes) add(name, password string, h Hash) {
	sum := r.sum(name, password, h)
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.known) >= mostRight {
		clear(r.known)
	}
	r.known[sum] = time.Now()
}
