package sasl

import (
	"context"
	"crypto/hmac"
	"crypto/md5"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// newCRAMMD5 is the client's side of CRAM-MD5: RFC 2195 §2.
func newCRAMMD5(user string, pass secret) Mechanism {
	asked := false
	m := newMechanism(nameCRAMMD5, func(challenge []byte) ([]byte, error) {
		switch {
		case challenge == nil:
			return nil, nil // the server speaks first
		case asked:
			return nil, errors.New("the server asks twice, and CRAM-MD5 has one challenge")
		case len(challenge) == 0:
			return nil, errors.New("the server's challenge is empty: the answer to it would let in whoever hears it")
		}
		asked = true
		return []byte(user + " " + digestMD5(pass(), challenge)), nil
	}, pass)
	m.guard = true
	return m
}

func digestMD5(pass string, challenge []byte) string {
	mac := hmac.New(md5.New, []byte(pass))
	mac.Write(challenge)
	return hex.EncodeToString(mac.Sum(nil))
}

// serveCRAMMD5 is the server's side.
func (x *exchange) serveCRAMMD5(ctx context.Context, response []byte) (challenge []byte, done bool, err error) {
	if x.challenge == nil {
		if response != nil {
			return nil, true, fmt.Errorf("%w: CRAM-MD5 has no initial response", ErrMalformed)
		}
		// The draft would have host and time in it; all that it must be is never the
		// same, and unknown before it is said.
		x.challenge = []byte("<" + rand.Text() + "@sasl>")
		return x.challenge, false, nil
	}
	// The digest has no blank in it, and a user name may.
	i := strings.LastIndexByte(string(response), ' ')
	if i < 0 {
		return nil, true, fmt.Errorf("%w: CRAM-MD5 is answered by user name, blank and digest", ErrMalformed)
	}
	user, digest := string(response[:i]), string(response[i+1:])
	if err := x.setUser("", user); err != nil {
		return nil, true, err
	}
	pass, known, err := x.accounts.secretOf(ctx, user)
	if err != nil {
		return nil, true, err
	}
	same := hmac.Equal([]byte(digestMD5(pass, x.challenge)), []byte(strings.ToLower(digest)))
	if !same || !known {
		return nil, true, ErrRefused
	}
	return nil, true, nil
}
