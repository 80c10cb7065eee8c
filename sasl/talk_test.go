package sasl_test

import (
	"context"
	"errors"
	"testing"

	"github.com/parleymail/parley/sasl"
)

// outcome is what both sides think of an exchange.
type outcome struct {
	client error // of Next, or of Outcome
	server error
	user   string   // whom the server takes the client for
	said   []string // by either side, in turn
}

// talk has a client and a server speak as SMTP has them: an initial response,
// challenges and responses, a verdict. What the server says may be changed on its
// way by tamper.
func talk(t testing.TB, m sasl.Mechanism, x sasl.Exchange, tamper func(round int, challenge []byte) []byte) outcome {
	t.Helper()
	ctx := context.Background()
	var o outcome
	response, err := m.Next(ctx, nil)
	for round := 1; ; round++ {
		if err != nil {
			o.client = err
			return o
		}
		if round > 8 {
			t.Fatal("the exchange has no end")
		}
		o.said = append(o.said, string(response))
		challenge, done, refusal := x.Next(ctx, response)
		if refusal != nil {
			o.server, o.client, o.user = refusal, m.Outcome(false), x.User()
			return o
		}
		if done {
			o.client, o.user = m.Outcome(true), x.User()
			return o
		}
		if challenge == nil {
			t.Fatal("neither a challenge nor a verdict")
		}
		if tamper != nil {
			challenge = tamper(round, challenge)
		}
		o.said = append(o.said, string(challenge))
		response, err = m.Next(ctx, challenge)
	}
}

// begin is both sides of an exchange, by the mechanism that the client chooses.
func begin(t testing.TB, creds sasl.Credentials, accounts *sasl.Accounts, client, server sasl.Channel) (sasl.Mechanism, sasl.Exchange) {
	t.Helper()
	m, err := creds.Choose(context.Background(), accounts.Offer(server), client)
	if err != nil {
		t.Fatal(err)
	}
	x, err := accounts.Start(m.Name(), server)
	if err != nil {
		t.Fatalf("%s: %v", m.Name(), err)
	}
	return m, x
}

const (
	rightUser     = "kim@example.org"
	rightPassword = "tr0ub4dor, &=3"
	rightToken    = "ya29.vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29t"
)

// everybody are accounts with every mechanism there is.
func everybody(l line) *sasl.Accounts {
	a := sasl.Users(map[string]string{rightUser: rightPassword})
	a.Token = func(_ context.Context, user, token string) error {
		if user != rightUser || token != rightToken {
			return sasl.ErrRefused
		}
		return nil
	}
	a.External = func(_ context.Context, ch sasl.Channel, identity string) (string, error) {
		if len(ch.TLS.VerifiedChains) == 0 {
			return "", errors.New("EXTERNAL without a certificate")
		}
		if identity != "" && identity != rightUser {
			return "", sasl.ErrRefused
		}
		return rightUser, nil
	}
	return a
}

var passwordMechanisms = []string{
	"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-1", "CRAM-MD5", "PLAIN", "LOGIN",
}
