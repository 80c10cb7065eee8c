package smtpd

import (
	"encoding/base64"
	"errors"
	"strings"

	"github.com/parleymail/parley/sasl"
	"github.com/parleymail/parley/smtp"
)

// mostAuths is how often a client may be wrong about who it is: then it is
// guessing, and has to connect again for more.
const mostAuths = 3

// auth begins to authenticate the client: RFC 4954 §4.
func (s *Session) auth(args []byte) smtp.Reply {
	switch {
	case !s.offers(extAuth):
		return notOffered
	case s.user != "":
		return twiceAuth
	}
	mechanism, initial := cutWord(args)
	x, err := s.server.Accounts.Start(string(mechanism), s.channel())
	switch {
	case errors.Is(err, sasl.ErrEncryption):
		return mechanismTLS
	case err != nil:
		return noMechanism
	}
	response, ok := decodeResponse(initial)
	if !ok {
		return badBase64
	}
	s.exchange, s.named = x, strings.ToUpper(string(mechanism))
	return s.pretended(s.step(response))
}

// decodeResponse decodes an initial response: nil where there is none, and "="
// where there is one and it is empty.
func decodeResponse(initial []byte) (response []byte, ok bool) {
	switch string(initial) {
	case "":
		return nil, true
	case "=":
		return []byte{}, true
	}
	return decodeBase64(initial)
}

func decodeBase64(text []byte) ([]byte, bool) {
	response := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
	n, err := base64.StdEncoding.Strict().Decode(response, text)
	return response[:n], err == nil
}

// respond takes a line that is a response and no command.
func (s *Session) respond(line []byte) smtp.Reply {
	s.traceSecret()
	if r, refused := s.meet(smtp.StageAuth, line); refused {
		s.exchange = nil
		return r
	}
	response, ok := decodeBase64(line)
	switch {
	case string(line) == "*":
		s.exchange = nil
		return cancelled
	case !ok:
		s.exchange = nil
		return badBase64
	}
	return s.pretended(s.step(response))
}

// step is one step of the exchange.
func (s *Session) step(response []byte) smtp.Reply {
	challenge, done, err := s.exchange.Next(s.ctx, response)
	if err == nil && !done {
		return smtp.Reply{Code: 334, Lines: []string{base64.StdEncoding.EncodeToString(challenge)}}
	}
	if err == nil {
		s.user, s.method = s.exchange.User(), s.named
		s.exchange = nil
		return okAuth
	}
	name := s.exchange.Claimed()
	s.exchange = nil
	switch {
	case errors.Is(err, sasl.ErrRefused):
		if told := s.server.Unauthorized; told != nil {
			told(s, s.named, name)
		}
		if s.attempts++; s.attempts >= mostAuths {
			return tooManyAuths
		}
		return badCredentials
	case errors.Is(err, sasl.ErrMalformed):
		return badResponse
	}
	return authFault
}
