package sasl

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// serveBearer is the server's side of OAUTHBEARER and XOAUTH2.
func (x *exchange) serveBearer(ctx context.Context, response []byte) (challenge []byte, done bool, err error) {
	user, token, err := "", "", error(nil)
	if x.name == nameOAuthBearer {
		user, token, err = parseOAuthBearer(string(response))
	} else {
		user, token, err = parseXOAuth2(string(response))
	}
	if err != nil {
		return nil, true, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if err := x.setUser("", user); err != nil {
		return nil, true, err
	}
	// An empty token is how a client asks what the token should be: RFC 7628 §4.3.
	err = ErrRefused
	if token != "" {
		err = x.accounts.Token(ctx, user, token)
	}
	switch {
	case err == nil:
		return nil, true, nil
	case !errors.Is(err, ErrRefused):
		return nil, true, err
	case x.name == nameOAuthBearer:
		return x.refuse(`{"status":"invalid_token","schemes":"bearer"}`) // RFC 7628 §3.2.2
	}
	return x.refuse(`{"status":"401","schemes":"bearer"}`)
}

// parseOAuthBearer reads a client's message: RFC 7628 §3.1. Host and port are what
// the client thinks it is connected to; a proxy may make them anything.
func parseOAuthBearer(message string) (user, token string, err error) {
	header, pairs, ok := strings.Cut(message, "\x01")
	flag, rest, _ := strings.Cut(header, ",")
	name, isName := strings.CutPrefix(rest, "a=")
	name, ends := strings.CutSuffix(name, ",")
	switch {
	case !ok || !isName || !ends || strings.Contains(name, ","):
		return "", "", errors.New("OAUTHBEARER begins with n,a=user, and 0x01")
	case flag != "n" && flag != "y":
		return "", "", errors.New("OAUTHBEARER has no channel binding")
	}
	if user, ok = unescapeName(name); !ok {
		return "", "", errors.New("an equals sign in the user name is written =3D")
	}
	token, err = parsePairs(pairs)
	return user, token, err
}

// parseXOAuth2 reads what is no RFC's, but Google's and Microsoft's: the same
// without the header.
func parseXOAuth2(message string) (user, token string, err error) {
	first, pairs, ok := strings.Cut(message, "\x01")
	user, isUser := strings.CutPrefix(first, "user=")
	if !ok || !isUser {
		return "", "", errors.New("XOAUTH2 begins with user= and 0x01")
	}
	token, err = parsePairs(pairs)
	return user, token, err
}

// parsePairs reads key=value pairs, each ended by 0x01 and all of them by one more.
func parsePairs(pairs string) (token string, err error) {
	pairs, ok := strings.CutSuffix(pairs, "\x01\x01")
	if !ok {
		return "", errors.New("it does not end with 0x01 twice")
	}
	found := false
	for pair := range strings.SplitSeq(pairs, "\x01") {
		key, value, _ := strings.Cut(pair, "=")
		if key != "auth" {
			continue
		}
		if found {
			return "", errors.New("it has two tokens")
		}
		found = true
		if value == "" {
			continue
		}
		scheme, rest, _ := strings.Cut(value, " ")
		if token = strings.TrimLeft(rest, " "); !strings.EqualFold(scheme, "Bearer") || token == "" {
			return "", errors.New("its auth is not a bearer token")
		}
		if checkToken(token) != nil {
			return "", errors.New("its token holds a blank or a control character")
		}
	}
	if !found {
		return "", errors.New("it has no auth")
	}
	return token, nil
}

// unescapeName reads a saslname: RFC 5801 §4.
func unescapeName(name string) (string, bool) {
	plain := strings.NewReplacer("=2C", ",", "=3D", "=").Replace(name)
	return plain, escapeName(plain) == name
}
