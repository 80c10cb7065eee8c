package sasl

import "context"

// Password proves who we are by user name and password. It chooses the strongest
// mechanism on offer:
//
//	over TLS:       SCRAM-SHA-256-PLUS, SCRAM-SHA-256, SCRAM-SHA-1-PLUS, SCRAM-SHA-1, PLAIN, LOGIN, CRAM-MD5
//	in clear text:  SCRAM-SHA-256, SCRAM-SHA-1, CRAM-MD5, PLAIN, LOGIN
//
// Whether a password may be said in clear text at all is not asked here: the
// caller has settled that by getting so far without TLS. The package comment
// says why the order is as it is; [Only] holds it to one of them.
//
// User and password are UTF-8, not empty, and without control characters, or
// Choose is an error. Keys that SCRAM derives from the password are kept, so that
// the next exchange with the same server costs no time.
func Password(user, password string) Credentials {
	keys := newKeyCache()
	return &passwordCredentials{
		label: label("password of " + plainWords(user, 100)),
		user:  user,
		pass:  keep(password),
		keys:  func() *keyCache { return keys },
	}
}

type passwordCredentials struct {
	label
	user string
	pass secret
	keys func() *keyCache // behind a function as the password is, for it has it too
}

func (p *passwordCredentials) Choose(ctx context.Context, offered []string, ch Channel) (Mechanism, error) {
	return p.choose(ctx, newTerms(offered, ch))
}

func (p *passwordCredentials) choose(_ context.Context, t terms) (Mechanism, error) {
	if err := checkText("user name", p.user); err != nil {
		return nil, err
	}
	if err := checkText("password", p.pass()); err != nil {
		return nil, err
	}
	if err := checkBinding(t.binding); err != nil {
		return nil, err
	}
	name, err := t.pick(passwordRanks(t.ch.TLS != nil))
	if err != nil {
		return nil, err
	}
	switch name {
	case namePlain:
		return newPlain(p.user, p.pass), nil
	case nameLogin:
		return newLogin(p.user, p.pass), nil
	case nameCRAMMD5:
		return newCRAMMD5(p.user, p.pass), nil
	}
	return newSCRAM(name, p, t)
}

// passwordRanks are the mechanisms that a password can serve, best first.
func passwordRanks(overTLS bool) []string {
	ranks := []string{nameSHA256Plus, nameSHA256, nameSHA1Plus, nameSHA1}
	if overTLS {
		// CRAM-MD5 comes last where nobody can listen: it shields the password from
		// nobody there, and it fails with every server that keeps passwords hashed,
		// though the server may offer it.
		return append(ranks, namePlain, nameLogin, nameCRAMMD5)
	}
	return append(ranks, nameCRAMMD5, namePlain, nameLogin)
}
