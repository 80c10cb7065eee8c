package sasl

import (
	"context"
	"fmt"
)

// An Exchange is the server's side of one authentication. What it is told and
// tells is decoded; base64 is the business of the conversation, and so is a client
// that ends it by "*".
type Exchange interface {
	// Next is given the client's response, first of all the initial response, which
	// is nil where there is none. It gives the challenge for a 334, or says that it is
	// done: with a nil error the client is who User says. An error ends the exchange;
	// it is ErrRefused, ErrMalformed, or a failure of the accounts.
	Next(ctx context.Context, response []byte) (challenge []byte, done bool, err error)

	// User is who the client has proved to be; empty before that.
	User() string

	// Claimed is who the client says it is, proved or not: for a log, and nothing
	// else. It may be empty.
	Claimed() string
}

// maxResponse is what 12,288 octets of base64 can hold, the most that RFC 4954 §4
// has a server take.
const maxResponse = 12288 / 4 * 3

type exchange struct {
	label
	accounts *Accounts
	name     string
	ch       Channel

	begun, ended bool
	proved       bool
	claimed      string

	halfway   bool         // LOGIN: the user name is known
	challenge []byte       // CRAM-MD5: what was asked
	scram     *scramServer // SCRAM: since its first message
	refused   bool         // the reason was told: whatever comes next, it is the end
}

func (x *exchange) User() string {
	if !x.proved {
		return ""
	}
	return x.claimed
}

func (x *exchange) Claimed() string { return x.claimed }

func (x *exchange) Next(ctx context.Context, response []byte) (challenge []byte, done bool, err error) {
	switch {
	case x.ended:
		return nil, true, fmt.Errorf("%s has ended already", x.name)
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	case len(response) > maxResponse:
		err = fmt.Errorf("%w: it has %d octets, more than %d", ErrMalformed, len(response), maxResponse)
	case x.refused:
		err = ErrRefused
	default:
		if x.begun && response == nil {
			response = []byte{}
		}
		challenge, done, err = x.step(ctx, response)
		x.begun = true
	}
	if err != nil {
		x.ended = true
		return nil, true, err
	}
	x.ended, x.proved = done, done
	return challenge, done, nil
}

// step leads to the mechanism. Those whose client speaks first ask for that with an
// empty challenge where there was no initial response: RFC 4954 §4.
func (x *exchange) step(ctx context.Context, response []byte) (challenge []byte, done bool, err error) {
	switch x.name {
	case nameLogin:
		return x.serveLogin(ctx, response)
	case nameCRAMMD5:
		return x.serveCRAMMD5(ctx, response)
	}
	if response == nil {
		return []byte{}, false, nil
	}
	switch x.name {
	case namePlain:
		return nil, true, x.servePlain(ctx, response)
	case nameExternal:
		return nil, true, x.serveExternal(ctx, response)
	case nameOAuthBearer, nameXOAuth2:
		return x.serveBearer(ctx, response)
	}
	return x.serveSCRAM(ctx, response)
}

// refuse tells a reason within the exchange. The client answers with something,
// and then hears no.
func (x *exchange) refuse(reason string) (challenge []byte, done bool, err error) {
	x.refused = true
	return []byte(reason), false, nil
}

// setUser is told whom the client wants to act as, and who it says it is.
func (x *exchange) setUser(identity, user string) error {
	if err := checkText("user name", user); err != nil {
		return fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	x.claimed = user
	if identity != "" && identity != user {
		return fmt.Errorf("%w: to act as another user is not for anybody", ErrRefused)
	}
	return nil
}
