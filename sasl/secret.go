package sasl

import (
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"unicode/utf8"
)

// A secret is a text that no formatting can reach: fmt, encoding/json and the
// printers of tests walk through unexported fields too, and find a function.
type secret func() string

func keep(s string) secret { return func() string { return s } }

// A label is what credentials and mechanisms show of themselves, whoever asks
// and by whatever verb. It is embedded in each of them.
type label string

func (l label) String() string               { return string(l) }
func (l label) GoString() string             { return string(l) }
func (l label) Format(f fmt.State, _ rune)   { _, _ = io.WriteString(f, string(l)) }
func (l label) MarshalText() ([]byte, error) { return []byte(l), nil }
func (l label) LogValue() slog.Value         { return slog.StringValue(string(l)) }

// checkText is what is wrong with a user name or a password, without a word of
// what it says. NUL is what PLAIN parts its fields by (RFC 4616 §2) and 0x01 what
// the bearer mechanisms do (RFC 7628 §3.1). The others are prohibited by SASLprep
// (RFC 4013 §2.3), and nobody types them: they come out of a file or a bad paste.
func checkText(field, text string) error {
	switch {
	case text == "":
		return fmt.Errorf("the %s is empty", field)
	case !utf8.ValidString(text):
		return fmt.Errorf("the %s is not UTF-8", field)
	case strings.ContainsRune(text, 0):
		return fmt.Errorf("the %s holds a NUL", field)
	case strings.HasSuffix(text, "\n") || strings.HasSuffix(text, "\r"):
		return fmt.Errorf("the %s ends in a line break, which is not part of it: cut it off where it is read", field)
	case strings.IndexFunc(text, isControl) >= 0:
		return fmt.Errorf("the %s holds a control character", field)
	}
	return nil
}

// isControl reports the control characters of ASCII and of Latin-1.
func isControl(r rune) bool { return r < 0x20 || 0x7f <= r && r <= 0x9f }

// plainWords is text of the other side's, made fit to stand within one of our
// errors: at most so many octets, no control characters, no secrets.
func plainWords(text string, most int, secrets ...secret) string {
	text = withoutSecrets(text, secrets...)
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "..."
	}
	return strings.Map(func(r rune) rune {
		if isControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
}

// withoutSecrets cuts out of text what the other side said back to us, in base64
// too. What is shorter than a few octets would be found in every word.
func withoutSecrets(text string, secrets ...secret) string {
	const shortest = 4
	for _, s := range secrets {
		if hidden := s(); len(hidden) >= shortest {
			text = strings.ReplaceAll(text, hidden, "(secret)")
			text = strings.ReplaceAll(text, base64.StdEncoding.EncodeToString([]byte(hidden)), "(secret)")
		}
	}
	return text
}
