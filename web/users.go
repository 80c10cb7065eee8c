package web

import (
	"bufio"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/bcrypt"
)

// ReadUsers reads lines of NAME:HASH, as "htpasswd -B" writes them: bcrypt alone is taken. Empty lines and those that begin with
// "#" are passed over. Errors name the line by its number, and never what stands in it.
func ReadUsers(r io.Reader) (map[string]string, error) {
	found := make(map[string]string)
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		name, hash, ok := strings.Cut(line, ":")
		if !ok || name == "" {
			return nil, fmt.Errorf("line %d is not NAME:HASH", n)
		}
		if _, err := bcrypt.Cost([]byte(hash)); err != nil {
			return nil, fmt.Errorf("line %d has no bcrypt hash: make one with htpasswd -nB %s", n, name)
		}
		found[name] = hash
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, errors.New("it names nobody")
	}
	return found, nil
}

// users know who may see the pages.
type users struct {
	hashes map[string]string // bcrypt, by name
	nobody map[int]string    // by cost, a hash that no password has
	key    []byte

	mu    sync.Mutex
	known map[[32]byte]time.Time // who was right, so that not every image of a page costs a bcrypt
	tried map[[32]byte]*try      // under way: a browser asks for a page and its images at once, all by the same words
	from  map[string]int         // tries under way, by who asks
	turns chan struct{}          // one at a time: guessing is slow, and takes no more than a core
}

// A try is a password that is being looked at.
type try struct {
	over  chan struct{} // closed then
	right bool
}

const (
	knownFor  = 10 * time.Minute
	mostKnown = 1000
	mostTries = 16 // under way or waiting
	mostFrom  = 2  // of them by one client, so that who guesses does not keep others waiting
)

// An answer of users.
type answerOfUsers uint8

const (
	stranger answerOfUsers = iota
	friend
	tooMany // are being tried
)

func newUsers(hashes map[string]string) (*users, error) {
	u := &users{
		hashes: maps.Clone(hashes), nobody: make(map[int]string), key: []byte(rand.Text()), turns: make(chan struct{}, 1),
		known: make(map[[32]byte]time.Time), tried: make(map[[32]byte]*try), from: make(map[string]int),
	}
	for _, hash := range hashes {
		cost, err := bcrypt.Cost([]byte(hash))
		if err != nil {
			return nil, err
		}
		if u.nobody[cost] != "" {
			continue
		}
		h, err := bcrypt.GenerateFromPassword([]byte(rand.Text()), cost)
		if err != nil {
			return nil, err
		}
		u.nobody[cost] = string(h)
	}
	return u, nil
}

// know tells whether a request is by one of the users: RFC 7617.
func (u *users) know(r *http.Request) answerOfUsers {
	name, password, ok := r.BasicAuth()
	const longest = 72 // of a password: bcrypt looks at no more
	if !ok || len(password) > longest {
		return stranger
	}
	mac := hmac.New(sha256.New, u.key)
	fmt.Fprintf(mac, "%d:%s:%s", len(name), name, password)
	sum := [32]byte(mac.Sum(nil))
	client, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		client = r.RemoteAddr
	}
	t, mine, answer := u.begin(sum, client)
	if t == nil {
		return answer
	}
	if mine {
		go u.finish(t, sum, client, name, password) // others may wait for it, though this client has gone
	}
	select {
	case <-t.over:
	case <-r.Context().Done():
		return stranger
	}
	if t.right {
		return friend
	}
	return stranger
}

// begin gives the try of a name and password, and whether it is a new one; none where the answer is known, or too many are under way.
func (u *users) begin(sum [32]byte, client string) (t *try, mine bool, answer answerOfUsers) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if at, right := u.known[sum]; right && time.Since(at) < knownFor {
		return nil, false, friend
	}
	if t = u.tried[sum]; t != nil {
		return t, false, stranger
	}
	if len(u.tried) >= mostTries || u.from[client] >= mostFrom {
		return nil, false, tooMany
	}
	t = &try{over: make(chan struct{})}
	u.tried[sum] = t
	u.from[client]++
	return t, true, stranger
}

// finish looks at a password in its turn.
func (u *users) finish(t *try, sum [32]byte, client, name, password string) {
	u.turns <- struct{}{}
	t.right = u.compare(name, password)
	<-u.turns
	u.mu.Lock()
	delete(u.tried, sum)
	if u.from[client]--; u.from[client] == 0 {
		delete(u.from, client)
	}
	if t.right {
		if len(u.known) >= mostKnown {
			clear(u.known)
		}
		u.known[sum] = time.Now()
	}
	u.mu.Unlock()
	close(t.over)
}

// compare costs the same for every name, known or not: one bcrypt of each cost that there is. Who measures how long an answer takes
// is not to learn which names there are.
func (u *users) compare(name, password string) (right bool) {
	hash, is := u.hashes[name]
	mine := 0
	if is {
		mine, _ = bcrypt.Cost([]byte(hash)) //nolint:errcheck // newUsers has looked
	}
	for cost, nobody := range u.nobody {
		tried := nobody
		if is && cost == mine {
			tried = hash
		}
		if bcrypt.CompareHashAndPassword([]byte(tried), []byte(password)) == nil && tried == hash {
			right = true
		}
	}
	return right
}
