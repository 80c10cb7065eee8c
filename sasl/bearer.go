package sasl

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// A TokenSource gives an access token that is good now: it asks for a new one
// when the old one has run out. It is asked for each exchange, and may be asked
// by many goroutines at once. A context that ends should end the wait.
//
// The package sasl/oauth makes one of a golang.org/x/oauth2 TokenSource.
type TokenSource interface {
	Token(ctx context.Context) (string, error)
}

// TokenFunc is a function as a [TokenSource].
type TokenFunc func(ctx context.Context) (string, error)

// Token calls the function.
func (f TokenFunc) Token(ctx context.Context) (string, error) { return f(ctx) }

// FixedToken is a source of one token that somebody else refreshes, or nobody.
func FixedToken(token string) TokenSource {
	return &fixedToken{label: "token", token: keep(token)}
}

type fixedToken struct {
	label
	token secret
}

func (f *fixedToken) Token(context.Context) (string, error) { return f.token(), nil }

// Token proves who we are by an OAuth 2.0 access token, by OAUTHBEARER (RFC 7628)
// where the server offers it and by XOAUTH2, which is what there was before it,
// where not. The source is asked once a mechanism is chosen, not before. What a
// server tells of a refusal is a [*TokenError].
//
// A token is as good as a password to whoever hears it. As with [Password],
// whether it may be said in clear text is not asked here.
func Token(user string, source TokenSource) Credentials {
	return &tokenCredentials{label: label("token of " + plainWords(user, 100)), user: user, source: source}
}

type tokenCredentials struct {
	label
	user   string
	source TokenSource
}

func (c *tokenCredentials) Choose(ctx context.Context, offered []string, ch Channel) (Mechanism, error) {
	return c.choose(ctx, newTerms(offered, ch))
}

func (c *tokenCredentials) choose(ctx context.Context, t terms) (Mechanism, error) {
	if err := checkText("user name", c.user); err != nil {
		return nil, err
	}
	if c.source == nil {
		return nil, errors.New("there is no source of tokens")
	}
	name, err := t.pick([]string{nameOAuthBearer, nameXOAuth2})
	if err != nil {
		return nil, err
	}
	text, err := c.source.Token(ctx)
	if err != nil {
		return nil, fmt.Errorf("getting an access token: %w", err)
	}
	if err := checkToken(text); err != nil {
		return nil, err
	}
	return newBearer(name, c.user, text, t.ch), nil
}

// checkToken is what is wrong with a token: RFC 6750 §2.1, in which not even a
// blank can be; what more it forbids, providers may have in theirs.
func checkToken(text string) error {
	if text == "" {
		return errors.New("the access token is empty")
	}
	for i := range len(text) {
		if text[i] <= ' ' || text[i] >= 0x7f {
			return errors.New("the access token holds a blank, a control character or one that is not ASCII")
		}
	}
	return nil
}

// newBearer is the client's side of both. They differ in what goes before the
// token, and in the answer to a refusal.
func newBearer(name, user, text string, ch Channel) *mechanism {
	token := keep(text)
	message, farewell := "user="+user+"\x01auth=Bearer "+text+"\x01\x01", ""
	if name == nameOAuthBearer {
		message = bearerHeader(user, ch) + "auth=Bearer " + text + "\x01\x01"
		farewell = "\x01" // RFC 7628 §3.2.3
	}
	var refusal *TokenError
	m := newMechanism(name, func(challenge []byte) ([]byte, error) {
		switch {
		case challenge == nil:
			return []byte(message), nil
		case refusal != nil:
			return nil, fmt.Errorf("the server asks for more than %s has to say", name)
		}
		// Whatever it is, it is no success. The server waits for one more word of ours
		// before it says so: RFC 7628 §3.2.3.
		refusal = readTokenError(challenge, token, keep(message))
		return []byte(farewell), nil
	}, token, keep(message))
	m.verdict = func(accepted bool) error {
		if refusal == nil || accepted {
			return nil
		}
		return refusal
	}
	return m
}

// bearerHeader is what OAUTHBEARER says before the token: RFC 7628 §3.1. Host and
// port are left out where they are not known, or cannot be written in ASCII.
func bearerHeader(user string, ch Channel) string {
	var b strings.Builder
	b.WriteString("n,a=" + escapeName(user) + ",\x01")
	if ch.Host != "" && strings.IndexFunc(ch.Host, func(r rune) bool { return r <= ' ' || r >= 0x7f }) < 0 {
		b.WriteString("host=" + ch.Host + "\x01")
	}
	if ch.Port > 0 {
		b.WriteString("port=" + strconv.Itoa(ch.Port) + "\x01")
	}
	return b.String()
}

// escapeName writes a saslname: RFC 5801 §4.
func escapeName(name string) string {
	return strings.NewReplacer("=", "=3D", ",", "=2C").Replace(name)
}
