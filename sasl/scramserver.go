package sasl

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/xdg-go/scram"
)

// scramServer is the server's side of SCRAM, once the client has begun.
type scramServer struct {
	talk   *scram.ServerConversation
	known  bool // there is such a user
	proved bool // and it was the right password
}

// serveSCRAM takes the client's two messages, and the empty response to our own
// proof, which SMTP cannot carry within the 235: RFC 4954 §4.
func (x *exchange) serveSCRAM(ctx context.Context, response []byte) (challenge []byte, done bool, err error) {
	switch {
	case x.scram == nil:
		return x.scramFirst(ctx, string(response))
	case x.scram.proved:
		if len(response) > 0 {
			return nil, true, fmt.Errorf("%w: there is nothing to answer to our proof", ErrMalformed)
		}
		return nil, true, nil
	}
	return x.scramFinal(string(response))
}

func (x *exchange) scramFirst(ctx context.Context, message string) (challenge []byte, done bool, err error) {
	flag, _, _ := strings.Cut(message, ",")
	kind, binds := strings.CutPrefix(flag, "p=")
	plus := strings.HasSuffix(x.name, "-PLUS")
	var binding scram.ChannelBinding
	switch {
	case binds != plus:
		// RFC 5802 §6: "p" is what -PLUS means, and nothing else has it.
		return nil, true, fmt.Errorf("%w: the channel binding flag does not fit the mechanism", ErrMalformed)
	case binds:
		if binding, err = x.accounts.binding(x.ch, kind); err != nil {
			return x.refuse(scram.ErrUnsupportedChannelBindingType)
		}
	case flag == "y" && x.accounts.offersPlus(x.ch):
		// RFC 5802 §6: the client did not see what we offered. Somebody took it off
		// the list on the way.
		return x.refuse(scram.ErrServerDoesSupportChannelBinding)
	}
	s := &scramServer{}
	var failure error
	server, err := scramHash(x.name).NewServer(func(user string) (scram.StoredCredentials, error) {
		if failure = x.setUser(s.talk.AuthzID(), user); failure != nil {
			return scram.StoredCredentials{}, failure
		}
		var keys Keys
		keys, s.known, failure = x.accounts.keysOf(ctx, strings.TrimSuffix(x.name, "-PLUS"), user)
		return scram.StoredCredentials{
			KeyFactors: scram.KeyFactors{Salt: string(keys.Salt), Iters: keys.Iterations},
			StoredKey:  keys.StoredKey,
			ServerKey:  keys.ServerKey,
		}, failure
	})
	if err != nil {
		return nil, true, fmt.Errorf("starting %s: %w", x.name, err)
	}
	s.talk = server.NewConversation()
	if binds {
		s.talk = server.NewConversationWithChannelBindingRequired(binding)
	}
	first, err := s.talk.Step(message)
	switch {
	case failure != nil:
		return nil, true, failure
	case err != nil: // it would repeat the message
		return nil, true, fmt.Errorf("%w: the first message of %s cannot be read", ErrMalformed, x.name)
	}
	x.scram = s
	return []byte(first), false, nil
}

func (x *exchange) scramFinal(message string) (challenge []byte, done bool, err error) {
	final, err := x.scram.talk.Step(message)
	switch {
	case err == nil && x.scram.known:
		x.scram.proved = true
		return []byte(final), false, nil
	case err != nil && final == scram.ErrChannelBindingsDontMatch:
		return x.refuse(final)
	case err != nil && final == "":
		return nil, true, fmt.Errorf("%w: the final message of %s cannot be read", ErrMalformed, x.name)
	}
	return nil, true, ErrRefused
}

// keysOf are the keys of a user, and some that nobody's password makes where there
// is no such user: made by the same steps, and told by the same words.
func (a *Accounts) keysOf(ctx context.Context, name, user string) (keys Keys, known bool, err error) {
	if a.SCRAM == nil {
		pass, known, err := a.secretOf(ctx, user)
		if err != nil {
			return Keys{}, false, err
		}
		keys, err = MakeKeys(name, pass, a.salt(name, user), a.iterations())
		return keys, known, err
	}
	keys, err = a.SCRAM(ctx, name, user)
	switch {
	case err == nil:
		return keys, true, keys.check(name)
	case !errors.Is(err, ErrRefused):
		return Keys{}, false, err
	}
	size := scramHash(name)().Size()
	return Keys{
		Salt:       a.salt(name, user),
		Iterations: a.iterations(),
		StoredKey:  a.derive("stored key of "+name, user)[:size],
		ServerKey:  a.derive("server key of "+name, user)[:size],
	}, false, nil
}

// salt is 16 octets, as most that are stored are.
func (a *Accounts) salt(name, user string) []byte { return a.derive("salt of "+name, user)[:16] }

func (a *Accounts) iterations() int { return min(max(a.Iterations, minIterations), maxIterations) }

// binding is what the server binds to, by the type that the client chose: RFC 5802
// §6.1.
func (a *Accounts) binding(ch Channel, kind string) (scram.ChannelBinding, error) {
	if ch.TLS == nil {
		return scram.ChannelBinding{}, errors.New("a channel binding needs TLS")
	}
	if kind == bindEndPoint && a.Certificate != nil {
		return newBinding(ch.TLS, kind, a.Certificate(ch))
	}
	return newBinding(ch.TLS, kind, nil)
}

// canBind reports whether any type can be had on this connection.
func (a *Accounts) canBind(ch Channel) bool {
	if ch.TLS == nil {
		return false
	}
	if _, err := a.binding(ch, defaultBinding(ch.TLS)); err == nil {
		return true
	}
	_, err := a.binding(ch, bindEndPoint)
	return err == nil
}

// offersPlus reports whether a client that can bind had reason to.
func (a *Accounts) offersPlus(ch Channel) bool {
	for _, name := range a.Offer(ch) {
		if strings.HasSuffix(name, "-PLUS") {
			return true
		}
	}
	return false
}
