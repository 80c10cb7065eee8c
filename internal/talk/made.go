package talk

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/parleymail/parley/internal/secret"
	"github.com/parleymail/parley/sasl"
)

// meant is what was typed at a prompt of LOGIN or PLAIN. Whoever knows their dialogue by
// hand types base64, or has a script that does; to make base64 of that once more would have
// the server refuse it, and nobody see why. So what is base64 of text goes over as it is,
// and is remarked upon.
func (t *Talk) meant(mechanism, typed string) string {
	if mechanism != "LOGIN" && mechanism != "PLAIN" {
		return typed
	}
	// Strict, and with its padding: what is made of it again is then what was typed.
	plain, err := base64.StdEncoding.Strict().DecodeString(typed)
	text := string(plain)
	if err != nil || !isText(text) && (mechanism != "PLAIN" || !isWhole(text)) {
		return typed
	}
	t.Print.Say(wordBase64.in(t.Lang))
	return text
}

// isText reports whether s could be a name or a password: that base64 of it was typed by
// chance is then as good as out of the question.
func isText(s string) bool {
	return s != "" && utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}

// isWhole reports whether s is a response of PLAIN: RFC 4616 §2.
func isWhole(s string) bool {
	parts := strings.Split(s, "\x00")
	return len(parts) == 3 && (parts[0] == "" || isText(parts[0])) && isText(parts[1]) && isText(parts[2])
}

// A wholePlain is a response of PLAIN that the person has made. It may be for another
// identity, which [sasl.Password] has no place for.
type wholePlain string

func (w wholePlain) Choose(context.Context, []string, sasl.Channel) (sasl.Mechanism, error) {
	return w, nil
}
func (wholePlain) Name() string                                   { return "PLAIN" }
func (w wholePlain) Next(context.Context, []byte) ([]byte, error) { return []byte(w), nil }
func (wholePlain) Outcome(bool) error                             { return nil }
func (w wholePlain) Secrets() []string {
	return []string{string(w), string(w[strings.LastIndexByte(string(w), 0)+1:])}
}

// Format writes no secret, by whatever verb.
func (wholePlain) Format(f fmt.State, _ rune) { io.WriteString(f, secret.Mark) }
