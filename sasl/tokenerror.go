package sasl

import (
	"encoding/json"
	"fmt"
	"strings"
)

// A TokenError is what a server says of a token that it refuses: the JSON of
// RFC 7628 §3.2.2, which XOAUTH2 has too.
type TokenError struct {
	Status string // "invalid_token", "insufficient_scope"; of XOAUTH2 an HTTP status: "401"
	Scope  string // what the token should have been good for; may be empty
	OpenID string // the URL where a client can learn how to get a token; may be empty
	Raw    string // all that the server said, as it said it, but for the token
}

// Error gives status and scope, and where neither can be read what there is.
func (e *TokenError) Error() string {
	const most = 200
	if e.Status == "" {
		return fmt.Sprintf("the server refuses the token: %q", plainWords(e.Raw, most))
	}
	text := "the server refuses the token: " + plainWords(e.Status, most)
	if e.Scope != "" {
		text += ", it should be good for " + plainWords(e.Scope, most)
	}
	return text
}

func readTokenError(challenge []byte, secrets ...secret) *TokenError {
	raw := withoutSecrets(string(challenge), secrets...)
	e := &TokenError{Raw: raw}
	var fields map[string]any
	// QUIRK: some servers say the status as a number, and some say no JSON at all.
	decoder := json.NewDecoder(strings.NewReader(raw))
	decoder.UseNumber()
	if decoder.Decode(&fields) != nil {
		return e
	}
	// JSON can write the token otherwise than it is: "\u0041".
	e.Status = withoutSecrets(jsonText(fields["status"]), secrets...)
	e.Scope = withoutSecrets(jsonText(fields["scope"]), secrets...)
	e.OpenID = withoutSecrets(jsonText(fields["openid-configuration"]), secrets...)
	return e
}

func jsonText(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	}
	return ""
}
