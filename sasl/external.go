package sasl

import (
	"context"
	"fmt"
)

// External proves who we are by what was shown outside of SASL, which is the
// client certificate of the TLS connection: EXTERNAL, RFC 4422 Appendix A. The
// identity is whom to act as; empty leaves it to the server to read it from the
// certificate.
func External(identity string) Credentials {
	text := label("external")
	if identity != "" {
		text += label(" as " + plainWords(identity, 100))
	}
	return &externalCredentials{label: text, identity: identity}
}

type externalCredentials struct {
	label
	identity string
}

func (e *externalCredentials) Choose(ctx context.Context, offered []string, ch Channel) (Mechanism, error) {
	return e.choose(ctx, newTerms(offered, ch))
}

func (e *externalCredentials) choose(_ context.Context, t terms) (Mechanism, error) {
	if e.identity != "" {
		if err := checkText("identity", e.identity); err != nil {
			return nil, err
		}
	}
	if _, err := t.pick([]string{nameExternal}); err != nil {
		return nil, err
	}
	return newMechanism(nameExternal, single(nameExternal, e.identity)), nil
}

// serveExternal is the server's side. What the certificate says is for the
// accounts to judge; here it is known that one was shown and verified.
func (x *exchange) serveExternal(ctx context.Context, response []byte) error {
	identity := string(response)
	if identity != "" {
		if err := checkText("identity", identity); err != nil {
			return fmt.Errorf("%w: %w", ErrMalformed, err)
		}
	}
	user, err := x.accounts.External(ctx, x.ch, identity)
	if err != nil {
		return err
	}
	if user == "" {
		return ErrRefused
	}
	x.claimed = user
	return nil
}
