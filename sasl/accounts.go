package sasl

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
)

// What the server's side fails with. Any other error is a failure of the accounts
// themselves, of which the client is to be told nothing but to try later: 454.
var (
	// ErrRefused is a wrong user, password, token or certificate, without saying
	// which: 535.
	ErrRefused = errors.New("the credentials are refused")

	// ErrMalformed is a response that is not what the mechanism has at this place: 501.
	ErrMalformed = errors.New("the response is malformed")

	// ErrUnsupported is a mechanism that is not on offer: 504.
	ErrUnsupported = errors.New("the mechanism is not offered")

	// ErrEncryption is a mechanism that is on offer only over TLS: 538.
	ErrEncryption = errors.New("the mechanism needs TLS")
)

// Accounts are those who may use a server, asked by functions. A nil function is a
// set of mechanisms that is not offered; the zero Accounts offer none. The
// functions may be called by many goroutines at once. They give an error that is
// [ErrRefused] for a wrong user as for a wrong password; any other error is a
// temporary failure. User names come to them as the client said them, in UTF-8, not
// empty and without control characters.
//
// Accounts are not copied nor changed once they are in use.
type Accounts struct {
	// Password checks a password: PLAIN, LOGIN. It should take as long for a user
	// that it does not know as for one that it does.
	Password func(ctx context.Context, user, password string) error

	// Secret gives the password itself, for CRAM-MD5 and, where SCRAM is nil, for
	// SCRAM too.
	Secret func(ctx context.Context, user string) (password string, err error)

	// SCRAM gives what is stored for a user: see [MakeKeys]. The mechanism is
	// "SCRAM-SHA-256" or "SCRAM-SHA-1". Where it knows only one of them it gives
	// ErrRefused for the other, or Without leaves that off the list.
	SCRAM func(ctx context.Context, mechanism, user string) (Keys, error)

	// Token checks that an OAuth 2.0 access token is good and belongs to the user:
	// OAUTHBEARER, XOAUTH2.
	Token func(ctx context.Context, user, token string) error

	// External reads the user from the client certificate, which was verified:
	// ch.TLS.VerifiedChains. The identity is whom the client asks to act as; empty,
	// it leaves that to the certificate. Whether it may is for this function to say.
	External func(ctx context.Context, ch Channel, identity string) (user string, err error)

	// Certificate is the server's own on a connection, for the channel binding
	// tls-server-end-point. Nil: only tls-exporter and tls-unique are taken.
	Certificate func(ch Channel) *x509.Certificate

	Without   []string // mechanisms not to offer, in any case
	ClearText bool     // take passwords and tokens without TLS; whoever listens has them

	// Iterations is the count that SCRAM asks for where it is made of Secret, and
	// of a user that SCRAM does not know. Zero: 4,096, which is also the least; the
	// most is 1,000,000. Where stored keys have another, set it to theirs, lest it
	// tells which users there are.
	Iterations int

	// Seed makes the salts that SCRAM tells of users without one of their own, those
	// that do not exist among them, so that they are the same each time. Empty: a
	// random one, which a restart changes, and so tells who has none.
	Seed []byte

	once sync.Once
	seed []byte
}

// Users are accounts that are given here and now, for tests and demonstrations:
// user names to passwords, by all mechanisms that take a password.
func Users(passwords map[string]string) *Accounts {
	passwords = maps.Clone(passwords)
	nobody := rand.Text()
	find := func(user string) (password string, known bool) {
		if password = passwords[user]; password == "" {
			return nobody, false
		}
		return password, true
	}
	return &Accounts{
		Password: func(_ context.Context, user, password string) error {
			right, known := find(user)
			if !sameText(right, password) || !known {
				return ErrRefused
			}
			return nil
		},
		Secret: func(_ context.Context, user string) (string, error) {
			password, known := find(user)
			if !known {
				return "", ErrRefused
			}
			return password, nil
		},
	}
}

// Anyone are accounts that take any user name with any password or token, for
// servers that mail is caught by and none is delivered from. SCRAM and CRAM-MD5 are
// not offered: there the server has to know the password itself.
func Anyone() *Accounts {
	take := func(context.Context, string, string) error { return nil }
	return &Accounts{Password: take, Token: take}
}

// sameText takes as long whatever the texts are like, but for their length.
func sameText(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return hmac.Equal(x[:], y[:])
}

// Offer is the list of mechanisms for AUTH in the reply to EHLO, best first. Over
// a channel without TLS it has only those that give no password away, unless
// ClearText; EXTERNAL is there once a client certificate was shown and verified,
// and -PLUS where there is something to bind to.
func (a *Accounts) Offer(ch Channel) []string { return a.offer(ch, ch.TLS != nil || a.ClearText) }

// offer is the list where what is said is shielded from listeners, or is not.
func (a *Accounts) offer(ch Channel, shielded bool) []string {
	var names []string
	add := func(on bool, all ...string) {
		for _, name := range all {
			if on && !slices.ContainsFunc(a.Without, func(s string) bool { return strings.EqualFold(s, name) }) {
				names = append(names, name)
			}
		}
	}
	scrams := a.SCRAM != nil || a.Secret != nil
	bound := scrams && a.canBind(ch)
	add(a.External != nil && ch.TLS != nil && len(ch.TLS.VerifiedChains) > 0, nameExternal)
	add(bound, nameSHA256Plus)
	add(scrams, nameSHA256)
	add(bound, nameSHA1Plus)
	add(scrams, nameSHA1)
	add(a.Token != nil && shielded, nameOAuthBearer, nameXOAuth2)
	add(a.Secret != nil, nameCRAMMD5)
	add(a.Password != nil && shielded, namePlain, nameLogin)
	return names
}

// Start begins an exchange by the mechanism that the client named, in any case.
// Its error is [ErrUnsupported] or [ErrEncryption].
func (a *Accounts) Start(mechanism string, ch Channel) (Exchange, error) {
	name := strings.ToUpper(mechanism)
	switch {
	case slices.Contains(a.Offer(ch), name):
	case slices.Contains(a.offer(ch, true), name):
		return nil, ErrEncryption
	default:
		return nil, ErrUnsupported
	}
	return &exchange{label: label(name), accounts: a, name: name, ch: ch}, nil
}

// secretOf is the password of a user, and one that nobody has where there is no
// such user, so that the same is done with it.
func (a *Accounts) secretOf(ctx context.Context, user string) (password string, known bool, err error) {
	password, err = a.Secret(ctx, user)
	switch {
	case err != nil && !errors.Is(err, ErrRefused):
		return "", false, err
	case err != nil || password == "":
		return hex.EncodeToString(a.derive("password", user)), false, nil
	}
	return password, true, nil
}

// derive gives 32 octets that are always the same for the same words, and known to
// nobody without the seed.
func (a *Accounts) derive(what, user string) []byte {
	a.once.Do(func() {
		if a.seed = a.Seed; len(a.seed) == 0 {
			a.seed = []byte(rand.Text())
		}
	})
	mac := hmac.New(sha256.New, a.seed)
	mac.Write([]byte(what + "\x00" + user))
	return mac.Sum(nil)
}
