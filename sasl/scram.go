package sasl

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/xdg-go/scram"
)

// The iterations of PBKDF2 that are agreed to. Fewer than RFC 5802 §5.1 and RFC
// 7677 §3 ask for would let whoever poses as the server guess the password cheaply;
// many more are a way to keep our processor busy: a million take about a second.
const (
	minIterations = 4096
	maxIterations = 1_000_000
)

// scramHash is the hash that a mechanism of this family is named by.
func scramHash(name string) scram.HashGeneratorFcn {
	if strings.HasPrefix(name, nameSHA256) {
		return scram.SHA256
	}
	return scram.SHA1
}

// newSCRAM is the client's side of SCRAM: RFC 5802, RFC 7677.
func newSCRAM(name string, p *passwordCredentials, t terms) (Mechanism, error) {
	base := strings.TrimSuffix(name, "-PLUS")
	client, err := p.keys().client(base, p.user, p.pass)
	if err != nil {
		return nil, err
	}
	binding, err := clientBinding(t.ch.TLS, t.binding)
	bound := err == nil
	var talk *scram.ClientConversation
	switch {
	case name != base:
		if !bound {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		talk = client.NewConversationWithChannelBinding(binding)
	case bound && !slices.Contains(t.offered, name+"-PLUS"):
		// RFC 5802 §6: the flag "y" says that we would have bound had it been offered.
		// A server that did offer it learns by this that somebody took it off the list.
		talk = client.NewConversationAdvertisingChannelBinding()
	default:
		talk = client.NewConversation()
	}
	return newSCRAMTalk(name, talk, p.pass, func(f scram.KeyFactors) { p.keys().seen(base, f) }), nil
}

// scramTalk is one exchange.
type scramTalk struct {
	name    string
	talk    *scram.ClientConversation
	pass    secret
	seen    func(scram.KeyFactors) // told what keys are about to be derived from
	first   string                 // what we said first
	round   int                    // how many challenges there were
	refusal error                  // what the server told of its reason
}

func newSCRAMTalk(name string, talk *scram.ClientConversation, pass secret, seen func(scram.KeyFactors)) *mechanism {
	s := &scramTalk{name: name, talk: talk, pass: pass, seen: seen}
	m := newMechanism(name, s.answer, pass)
	m.guard, m.verdict = true, s.verdict
	return m
}

func (s *scramTalk) answer(challenge []byte) (response []byte, err error) {
	if challenge == nil {
		s.first, err = s.talk.Step("")
		return []byte(s.first), err
	}
	s.round++
	// RFC 5802 §5.1: a server may say why it refuses. Its verdict is yet to come, so
	// that there is nothing left to say.
	if reason, is := strings.CutPrefix(string(challenge), "e="); is && s.refusal == nil {
		s.refusal = fmt.Errorf("%s: the server says %q", s.name, plainWords(reason, 100, s.pass))
		s.round = 2
		return []byte{}, nil
	}
	switch s.round {
	case 1:
		return s.prove(string(challenge))
	case 2:
		return s.believe(string(challenge))
	}
	return nil, fmt.Errorf("the server asks for more than %s has to say", s.name)
}

// prove answers the server's first message. What the library says of a message
// that it cannot read repeats the message; it is not ours to show.
func (s *scramTalk) prove(challenge string) ([]byte, error) {
	factors, err := s.checkFirst(challenge)
	if err != nil {
		return nil, err
	}
	s.seen(factors)
	final, err := s.talk.Step(challenge)
	if err != nil {
		return nil, fmt.Errorf("the server's first message of %s is malformed", s.name)
	}
	return []byte(final), nil
}

// checkFirst refuses what would cost too much or prove too little, before any of
// it is worked out.
func (s *scramTalk) checkFirst(challenge string) (factors scram.KeyFactors, err error) {
	if strings.HasPrefix(challenge, "m=") { // RFC 5802 §5.1: it means that we must fail
		return factors, fmt.Errorf("the server asks for an extension of %s that there is none of", s.name)
	}
	fields := strings.Split(challenge, ",")
	if len(fields) < 3 {
		return factors, fmt.Errorf("the server's first message of %s is malformed: it has %d of 3 fields", s.name, len(fields))
	}
	_, ours, _ := strings.Cut(s.first, ",r=")
	nonce, isNonce := strings.CutPrefix(fields[0], "r=")
	if !isNonce || !strings.HasPrefix(nonce, ours) || len(nonce) == len(ours) {
		return factors, fmt.Errorf("the server's nonce does not extend ours, as in %s it must", s.name)
	}
	count, isCount := strings.CutPrefix(fields[2], "i=")
	factors.Iters, err = strconv.Atoi(count)
	if !isCount || err != nil && !errors.Is(err, strconv.ErrRange) {
		return factors, fmt.Errorf("the server's first message of %s is malformed: it has no iteration count", s.name)
	}
	switch {
	case err != nil || factors.Iters > maxIterations:
		return factors, fmt.Errorf("the server asks for more than %d iterations of %s, which would only keep us busy", maxIterations, s.name)
	case factors.Iters < minIterations:
		return factors, fmt.Errorf("the server asks for %d iterations of %s: fewer than %d let it guess the password", factors.Iters, s.name, minIterations)
	}
	factors.Salt = fields[1]
	return factors, nil
}

// believe looks at the server's proof that it knows the password too.
func (s *scramTalk) believe(challenge string) ([]byte, error) {
	if _, err := s.talk.Step(challenge); err != nil {
		return nil, fmt.Errorf("%s: the server's proof is wrong: it does not know the password, and is not who it says", s.name)
	}
	return []byte{}, nil
}

// verdict does not take yes for an answer from a server that has not proved itself:
// RFC 5802 §5.
func (s *scramTalk) verdict(accepted bool) error {
	switch {
	case !accepted:
		return s.refusal
	case !s.talk.Valid():
		return fmt.Errorf("%s: the server accepts without having proved that it knows the password", s.name)
	}
	return nil
}
