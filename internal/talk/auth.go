package talk

import (
	"context"
	"encoding/base64"
	"errors"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/parleymail/parley/sasl"
	"github.com/parleymail/parley/smtp"
)

// passwordMechanisms and tokenMechanisms are those whose dialogue is done for the person.
var (
	passwordMechanisms = []string{"PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"}
	tokenMechanisms    = []string{"XOAUTH2", "OAUTHBEARER"}
)

// speaks reports whether we know how a mechanism goes.
func speaks(mechanism string) bool {
	mechanism = strings.ToUpper(mechanism)
	return slices.Contains(passwordMechanisms, mechanism) || slices.Contains(tokenMechanisms, mechanism)
}

// login has the dialogue of AUTH: the person says user and password, and no base64. The
// mechanism may be empty, for the best that is offered; the user too, for the one that the
// server is known with.
func (t *Talk) login(ctx context.Context, mechanism, user string) error {
	state := t.c.State()
	switch {
	case state.Closed:
		return t.overAlready("AUTH " + mechanism)
	case mechanism != "" && !speaks(mechanism):
		return t.complain(wordNoMechanism, mechanism)
	case mechanism == "" && len(state.Mechanisms) == 0:
		return t.complain(wordNoAuth)
	}
	offered := state.Mechanisms
	if mechanism != "" {
		offered = []string{mechanism} // whether the server offers it or not
	}
	creds, err := t.credentials(ctx, mechanism, user)
	if t.In.Live() && (errors.Is(err, ErrInterrupted) || errors.Is(err, ErrEnded)) {
		t.Print.Say(wordNoLogin.in(t.Lang))
		return nil
	}
	if err != nil {
		return err
	}
	m, err := creds.Choose(ctx, offered, t.channel())
	if err != nil {
		return t.complain(wordCannot, err.Error())
	}
	return t.exchange(ctx, m)
}

// credentials are those that the server is known with, or what the person types.
func (t *Talk) credentials(ctx context.Context, mechanism, user string) (sasl.Credentials, error) {
	if t.Client.Auth != nil && (user == "" || user == t.User) {
		if t.User != "" {
			t.Print.Say(strings.Replace(wordAs.in(t.Lang), "%s", smtp.Printable(t.User), 1))
		}
		if mechanism == "" {
			return t.Client.Auth, nil
		}
		return sasl.Only(mechanism, t.Client.Auth), nil
	}
	if t.c.TLS() == nil {
		t.Print.Say(wordInClear.in(t.Lang))
	}
	if user == "" {
		user = t.User
	}
	if user == "" {
		typed, err := t.next(ctx, Ask{Prompt: wordAskUser.in(t.Lang), Hint: constant(wordHintUser.in(t.Lang))})
		if err != nil {
			return nil, err
		}
		user = t.meant(mechanism, typed)
	}
	if isWhole(user) {
		return wholePlain(user), nil
	}
	prompt, hint := wordAskPass, wordHintPass
	if slices.Contains(tokenMechanisms, mechanism) {
		prompt, hint = wordAskToken, wordHintToken
	}
	pass, err := t.next(ctx, Ask{Prompt: prompt.in(t.Lang), Secret: true, Hint: constant(hint.in(t.Lang))})
	if err != nil {
		return nil, err
	}
	if slices.Contains(tokenMechanisms, mechanism) {
		return sasl.Token(user, sasl.FixedToken(pass)), nil
	}
	if pass = t.meant(mechanism, pass); isWhole(pass) {
		return wholePlain(pass), nil
	}
	return sasl.Password(user, pass), nil
}

func constant(s string) func(string) string { return func(string) string { return s } }

// exchange answers the server's challenges until it has made up its mind: RFC 4954 §4.
func (t *Talk) exchange(ctx context.Context, m sasl.Mechanism) error {
	initial, err := m.Next(ctx, nil)
	t.c.hide(m.Secrets())
	if err != nil {
		return t.complain(wordCannot, err.Error())
	}
	line := "AUTH " + m.Name()
	switch {
	case initial == nil:
	case len(initial) == 0:
		line += " =" // RFC 4954 §4: empty, and not absent
	default:
		line += " " + base64.StdEncoding.EncodeToString(initial)
	}
	for range maxChallenges {
		if err := t.c.say(false, line); err != nil {
			return t.settle(ctx, true)
		}
		if err := t.settle(ctx, true); err != nil {
			return err
		}
		state := t.c.State()
		if state.Closed || !state.Exchange {
			t.outcome(m, state.User)
			return nil
		}
		answer, err := m.Next(ctx, t.c.asksFor())
		t.c.hide(m.Secrets())
		if err != nil {
			t.complain(wordCannot, err.Error())
			return t.say(ctx, "*")
		}
		line = base64.StdEncoding.EncodeToString(answer)
	}
	return t.say(ctx, "*")
}

// maxChallenges is far more than any mechanism has; a hostile server has more.
const maxChallenges = 16

// outcome tells what the mechanism itself found: a server that did not prove who it is, or
// a reason that was told within the exchange.
func (t *Talk) outcome(m sasl.Mechanism, taken bool) {
	if err := m.Outcome(taken); err != nil {
		t.complain(wordCannot, err.Error())
	}
}

// asksFor is what the server wants an answer to; never nil.
//
// QUIRK: some servers ask for the user name of LOGIN in plain text, "334 Username:".
func (c *Conversation) asksFor() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return decoded(c.challenge)
}

func decoded(text string) []byte {
	plain, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil {
		return []byte(text)
	}
	return append([]byte{}, plain...)
}

// asksUser reports whether a challenge is for a name, which is no secret.
func asksUser(challenge string) bool {
	return strings.Contains(strings.ToLower(string(decoded(challenge))), "user")
}

func (t *Talk) channel() sasl.Channel {
	ch := sasl.Channel{Host: t.Client.Addr, TLS: t.c.TLS()}
	if host, port, err := net.SplitHostPort(t.Client.Addr); err == nil {
		ch.Host = host
		ch.Port, _ = strconv.Atoi(port)
	}
	return ch
}

// hide remembers what the server is not to say back.
func (c *Conversation) hide(secrets []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range secrets {
		c.secrets.encoded(s)
	}
}
