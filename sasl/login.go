package sasl

import (
	"context"
	"errors"
	"strings"
)

// newLogin is the client's side of LOGIN, of which there is no RFC; the draft
// (draft-murchison-sasl-login-00) says that the server asks for the user name,
// then for the password.
//
// QUIRK: servers ask in every wording and language: "Username:", "User Name\x00",
// "用户名:", or nothing at all. So the order decides, and the wording only where
// the first question clearly is for the password.
func newLogin(user string, pass secret) Mechanism {
	asked, passwordFirst := 0, false
	return newMechanism(nameLogin, func(challenge []byte) ([]byte, error) {
		if challenge == nil {
			return nil, nil // the server speaks first
		}
		asked++
		switch {
		case asked == 1:
			passwordFirst = asksForPassword(challenge)
		case asked > 2:
			return nil, errors.New("the server asks for more than user name and password")
		}
		if (asked == 1) == passwordFirst {
			return []byte(pass()), nil
		}
		return []byte(user), nil
	}, pass)
}

// asksForPassword reports a question with "pass" in it and nothing of a user.
func asksForPassword(challenge []byte) bool {
	prompt := strings.ToLower(string(challenge))
	return strings.Contains(prompt, "pass") && !strings.Contains(prompt, "user") && !strings.Contains(prompt, "name")
}

// serveLogin is the server's side. Every client knows these two questions.
func (x *exchange) serveLogin(ctx context.Context, response []byte) (challenge []byte, done bool, err error) {
	// Some clients say the user name in the AUTH command, as if there were an
	// initial response; the first question is then answered already.
	if response == nil {
		return []byte("Username:"), false, nil
	}
	if !x.halfway {
		if err := x.setUser("", string(response)); err != nil {
			return nil, true, err
		}
		x.halfway = true
		return []byte("Password:"), false, nil
	}
	return nil, true, x.checkPassword(ctx, "", x.claimed, string(response))
}
