package sasl

import (
	"context"
	"errors"
	"fmt"
)

// The mechanisms, as they are called on the wire.
const (
	nameExternal    = "EXTERNAL"
	namePlain       = "PLAIN"
	nameLogin       = "LOGIN"
	nameCRAMMD5     = "CRAM-MD5"
	nameSHA1        = "SCRAM-SHA-1"
	nameSHA1Plus    = "SCRAM-SHA-1-PLUS"
	nameSHA256      = "SCRAM-SHA-256"
	nameSHA256Plus  = "SCRAM-SHA-256-PLUS"
	nameXOAuth2     = "XOAUTH2"
	nameOAuthBearer = "OAUTHBEARER"
)

// A mechanism is what the client's side of all of them has in common: a name,
// what it has said, and how it answers.
type mechanism struct {
	label
	name   string
	hidden []secret
	guard  bool // each response is a secret too: it can be tried against a dictionary

	// answer is given the server's challenge; nil, before there was one.
	answer func(challenge []byte) ([]byte, error)

	// verdict, if not nil, is Outcome.
	verdict func(accepted bool) error

	initial secret // the initial response, where there is one
	turn    turn
	failed  bool
}

// turn says how far an exchange is, from the client's side.
type turn uint8

const (
	atStart turn = iota // nothing was said
	waiting             // the initial response was said, or there is none
	again               // it was said twice
	midway              // the server has sent a challenge
)

func newMechanism(name string, answer func([]byte) ([]byte, error), hidden ...secret) *mechanism {
	return &mechanism{label: label(name), name: name, answer: answer, hidden: hidden}
}

func (m *mechanism) Name() string { return m.name }

func (m *mechanism) Next(ctx context.Context, challenge []byte) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	if m.failed {
		return nil, fmt.Errorf("%s has ended already", m.name)
	}
	response, err := m.next(challenge)
	if err != nil {
		m.failed = true
		return nil, err
	}
	if m.guard && len(response) > 0 {
		m.hidden = append(m.hidden, keep(string(response)))
	}
	return response, nil
}

func (m *mechanism) next(challenge []byte) (response []byte, err error) {
	switch {
	case m.turn == atStart && challenge != nil:
		return nil, errors.New("a challenge before the exchange began")
	case m.turn != atStart && challenge == nil:
		return nil, errors.New("the exchange has begun already")
	case m.turn == atStart:
		m.turn = waiting
		if response, err = m.answer(nil); response != nil {
			m.initial = keep(string(response))
		}
		return response, err
	case m.turn == waiting && len(challenge) == 0 && m.initial != nil:
		// QUIRK: a server may overlook the initial response and ask for it by an
		// empty challenge, as if the client had kept it back (RFC 4954 §4). It is told
		// once more, and not a third time.
		m.turn = again
		return []byte(m.initial()), nil
	}
	m.turn = midway
	return m.answer(challenge)
}

func (m *mechanism) Outcome(accepted bool) error {
	if m.verdict == nil {
		return nil
	}
	return m.verdict(accepted)
}

func (m *mechanism) Secrets() []string {
	texts := make([]string, 0, len(m.hidden))
	for _, s := range m.hidden {
		if text := s(); text != "" {
			texts = append(texts, text)
		}
	}
	return texts
}

// single answers for a mechanism that says all it has to say at once.
func single(name, message string) func([]byte) ([]byte, error) {
	return func(challenge []byte) ([]byte, error) {
		if challenge != nil {
			return nil, fmt.Errorf("the server asks for more than %s has to say", name)
		}
		return []byte(message), nil
	}
}
