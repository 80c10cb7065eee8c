// Package oauth makes a [sasl.TokenSource] of one of golang.org/x/oauth2, so that
// only those link that library who use it.
//
//	config := &oauth2.Config{ClientID: id, ClientSecret: key, Endpoint: endpoint}
//	source := oauth.Source(config.TokenSource(ctx, &oauth2.Token{RefreshToken: refresh}))
//	client := &smtp.Client{Addr: "smtp.gmail.com:465", Auth: sasl.Token("kim@gmail.com", source)}
//
// It gets no first token: how a person gives leave is for the program to arrange.
package oauth

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/oauth2"

	"github.com/parleymail/parley/sasl"
)

// Source gives the access tokens of source, which is to keep a token until it
// runs out, as those of oauth2.Config do. A context that ends ends the wait; the
// request under way then goes on by itself, and its token serves the next who asks.
func Source(source oauth2.TokenSource) sasl.TokenSource {
	return sasl.TokenFunc(func(ctx context.Context) (string, error) {
		if source == nil {
			return "", errors.New("there is no oauth2.TokenSource")
		}
		if err := ctx.Err(); err != nil {
			return "", context.Cause(ctx)
		}
		type answer struct {
			token *oauth2.Token
			err   error
		}
		// oauth2's Token knows no context of the caller's.
		got := make(chan answer, 1)
		go func() {
			token, err := source.Token()
			got <- answer{token, err}
		}()
		select {
		case <-ctx.Done():
			return "", context.Cause(ctx)
		case a := <-got:
			if a.err != nil {
				return "", describe(a.err)
			}
			return bearer(a.token)
		}
	})
}

// bearer is the access token, where it is one that can be said to a server.
func bearer(token *oauth2.Token) (string, error) {
	switch {
	case token == nil || token.AccessToken == "":
		return "", errors.New("the authorization server gave no access token")
	case token.Type() != "Bearer":
		return "", fmt.Errorf("the authorization server gave a token of type %q, where Bearer is needed", token.Type())
	}
	return token.AccessToken, nil
}

// describe leaves out the body of the authorization server's reply, which the
// library would repeat whole: what is in it, a token among other things, is not
// known. errors.As still finds the *oauth2.RetrieveError.
func describe(err error) error {
	refused, ok := errors.AsType[*oauth2.RetrieveError](err)
	if !ok {
		return err
	}
	text := "the authorization server says " + fmt.Sprintf("%q", refused.ErrorCode)
	if refused.ErrorCode == "" && refused.Response != nil {
		text = "the authorization server answers " + fmt.Sprintf("%q", refused.Response.Status)
	}
	if refused.ErrorDescription != "" {
		text += fmt.Sprintf(": %.200q", refused.ErrorDescription)
	}
	if refused.ErrorCode == "invalid_grant" {
		text += "; the refresh token has run out or was taken back: leave must be given anew"
	}
	return &retrieveError{text: text, cause: refused}
}

type retrieveError struct {
	text  string
	cause error
}

func (e *retrieveError) Error() string { return e.text }
func (e *retrieveError) Unwrap() error { return e.cause }
