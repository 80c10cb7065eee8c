package sasl

import (
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"

	"github.com/xdg-go/scram"
)

// Keys are what a server stores in place of a password, for one user and one
// mechanism: RFC 5802 §3. Who has them can pose as the server and guess at the
// password, so they are kept as passwords are: printing them shows none, and
// encoding/json, which is for storing them, shows all.
type Keys struct {
	Salt       []byte // at least 16 random octets
	Iterations int    // 4,096 to 1,000,000
	StoredKey  []byte
	ServerKey  []byte
}

// MakeKeys derives what is to be stored for a user. The mechanism is
// "SCRAM-SHA-256" or "SCRAM-SHA-1", with or without "-PLUS", in any case.
func MakeKeys(mechanism, password string, salt []byte, iterations int) (Keys, error) {
	name := strings.TrimSuffix(strings.ToUpper(mechanism), "-PLUS")
	switch {
	case name != nameSHA1 && name != nameSHA256:
		return Keys{}, fmt.Errorf("making keys: %q is neither SCRAM-SHA-256 nor SCRAM-SHA-1", plainWords(mechanism, 40))
	case len(salt) == 0:
		return Keys{}, fmt.Errorf("making keys for %s: the salt is empty", name)
	case iterations < minIterations || iterations > maxIterations:
		return Keys{}, fmt.Errorf("making keys for %s: %d iterations, not %d to %d", name, iterations, minIterations, maxIterations)
	}
	if err := checkText("password", password); err != nil {
		return Keys{}, fmt.Errorf("making keys for %s: %w", name, err)
	}
	client, err := newSCRAMClient(name, "", password)
	if err != nil {
		return Keys{}, err
	}
	made, err := client.GetStoredCredentialsWithError(scram.KeyFactors{Salt: string(salt), Iters: iterations})
	if err != nil {
		return Keys{}, fmt.Errorf("making keys for %s: %w", name, err)
	}
	return Keys{Salt: slices.Clone(salt), Iterations: iterations, StoredKey: made.StoredKey, ServerKey: made.ServerKey}, nil
}

// check is for keys that come out of a store.
func (k Keys) check(name string) error {
	size := scramHash(name)().Size()
	switch {
	case len(k.Salt) == 0:
		return fmt.Errorf("the stored keys for %s have no salt", name)
	case k.Iterations < 1:
		return fmt.Errorf("the stored keys for %s have no iteration count", name)
	case len(k.StoredKey) != size || len(k.ServerKey) != size:
		return fmt.Errorf("the stored keys for %s have %d and %d octets, not %d", name, len(k.StoredKey), len(k.ServerKey), size)
	}
	return nil
}

const keysText = label("scram keys")

// Format shows nothing of the keys, by any verb.
func (k Keys) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, string(keysText)) }

// LogValue shows nothing of them either.
func (k Keys) LogValue() slog.Value { return keysText.LogValue() }

// newSCRAMClient is the library's client. It prepares user name and password by
// SASLprep (RFC 4013), which knows Unicode 3.2.
//
// QUIRK: what SASLprep refuses, as an emoji or a mixture of Hebrew and digits, is
// taken as it is, for servers do the same and some users have such passwords.
func newSCRAMClient(name, user, pass string) (*scram.Client, error) {
	hash := scramHash(name)
	client, err := hash.NewClient(user, pass, "")
	if err != nil {
		client, err = hash.NewClientUnprepped(user, pass, "")
	}
	if err != nil { // it would repeat the user name
		return nil, fmt.Errorf("%s cannot use this user name and password", name)
	}
	return client, nil
}

// A keyCache keeps the library's clients, which keep what they derived: RFC 5802
// §5.1 has the client do so. It forgets them where a server asks for another salt
// time after time, lest it fill our memory.
type keyCache struct {
	mu      sync.Mutex
	clients map[string]*scram.Client
	factors map[string][]scram.KeyFactors
}

func newKeyCache() *keyCache {
	return &keyCache{clients: map[string]*scram.Client{}, factors: map[string][]scram.KeyFactors{}}
}

func (c *keyCache) client(name, user string, pass secret) (*scram.Client, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if client := c.clients[name]; client != nil {
		return client, nil
	}
	client, err := newSCRAMClient(name, user, pass())
	if err == nil {
		c.clients[name] = client
	}
	return client, err
}

// seen is told of what keys are derived from.
func (c *keyCache) seen(name string, factors scram.KeyFactors) {
	const most = 8
	c.mu.Lock()
	defer c.mu.Unlock()
	if slices.Contains(c.factors[name], factors) {
		return
	}
	if len(c.factors[name]) == most {
		delete(c.clients, name)
		c.factors[name] = nil
	}
	c.factors[name] = append(c.factors[name], factors)
}
