package sasl

import (
	"context"
	"crypto/tls"
)

// A Channel is what a mechanism may know of the conversation it is part of.
type Channel struct {
	Host string               // the server, as it was asked for; without port
	Port int                  // 0 where it is not known
	TLS  *tls.ConnectionState // nil in clear text
}

// Credentials choose how to prove who we are, among what a server offers.
// Whatever they are printed with, they show no secret.
type Credentials interface {
	// Choose begins an exchange by the best mechanism that the server offers and
	// these credentials can serve. Where there is none, its error says what was
	// offered.
	Choose(ctx context.Context, offered []string, ch Channel) (Mechanism, error)
}

// A Mechanism is the client's side of one exchange.
type Mechanism interface {
	// Name is the mechanism's name, as in AUTH PLAIN.
	Name() string

	// Next is given what the server said, decoded, and gives what to answer. The
	// first call is given nil, before the server said anything: what it gives is
	// the initial response of RFC 4954 §4, nil where there is none (empty and not
	// nil is "="). An error ends the exchange by "*".
	Next(ctx context.Context, challenge []byte) (response []byte, err error)

	// Outcome is told how the exchange ended. Accepted, it gives an error where the
	// mechanism has cause not to believe the server (SCRAM: a server that never
	// proved itself). Refused, it gives what the server told of the reason within
	// the exchange, or nil.
	Outcome(accepted bool) error

	// Secrets are the texts that nobody may be shown, though the server said them
	// back: password, token, and what is made of them. What is made of them as the
	// exchange goes on is there once Next has given it.
	Secrets() []string
}
