package sasl

import (
	"bytes"
	"context"
	"fmt"
)

// newPlain is the client's side of PLAIN. There is no authorization identity: we
// are who we say.
func newPlain(user string, pass secret) Mechanism {
	message := "\x00" + user + "\x00" + pass() // RFC 4616 §2
	return newMechanism(namePlain, single(namePlain, message), pass, keep(message))
}

// servePlain is the server's side of it.
func (x *exchange) servePlain(ctx context.Context, response []byte) error {
	fields := bytes.Split(response, []byte{0})
	if len(fields) != 3 {
		return fmt.Errorf("%w: PLAIN has two NULs, this has %d", ErrMalformed, len(fields)-1)
	}
	identity, user, pass := string(fields[0]), string(fields[1]), string(fields[2])
	return x.checkPassword(ctx, identity, user, pass)
}

// checkPassword is where PLAIN and LOGIN come to. Who may act for another is
// nothing we are told of, so that an identity other than the user's own is
// refused, and before the password is looked at: to take it and log in as it is
// CVE-2023-27582.
func (x *exchange) checkPassword(ctx context.Context, identity, user, pass string) error {
	if err := x.setUser(identity, user); err != nil {
		return err
	}
	if err := checkText("password", pass); err != nil {
		return fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return x.accounts.Password(ctx, user, pass)
}
