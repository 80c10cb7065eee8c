package proxy

import (
	"bytes"
	"encoding/base64"
	"slices"
	"strings"

	"github.com/parleymail/parley/internal/secret"
)

// secrets are the texts that no event may hold, though either side said them again
// in another place: some servers repeat a command that they do not know, and some
// programs say a password where a command is expected.
type secrets struct{ secret.List }

// heard remembers what is secret in a response of the program's, as it was said.
// nth counts the responses from 1, and the initial one is the first.
func (s *secrets) heard(mechanism string, nth int, response string) {
	if response == "*" || response == "=" {
		return
	}
	s.Remember(response)
	if _, err := base64.StdEncoding.DecodeString(response); err != nil {
		s.Add(response) // a program that forgot about base64
	}
	// Some providers take it without its padding, and with blanks behind it.
	decoded, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(response, "= \t"))
	if err != nil {
		return
	}
	switch text := string(decoded); mechanism {
	case "PLAIN": // RFC 4616: authzid NUL authcid NUL password
		s.Add(text[strings.LastIndexByte(text, 0)+1:])
	case "LOGIN":
		if nth > 1 {
			s.Add(text) // the first is a name, and shown wherever mail goes
		}
	case "XOAUTH2", "OAUTHBEARER":
		const scheme = "bearer " // in whatever letters: RFC 9110 §11.1
		if i := strings.Index(strings.ToLower(text), scheme); i >= 0 && len(text) >= i+len(scheme) {
			token, _, _ := strings.Cut(text[i+len(scheme):], "\x01")
			s.Add(token)
		}
	default:
		s.Add(text)
	}
}

// hide gives line without the secrets in it. With pieces, parts of them are hidden
// too.
func (s secrets) hide(line []byte, pieces bool) (shown []byte, found bool) {
	line, found = s.Hide(line)
	if !pieces {
		return line, found
	}
	line, found = s.hideEncoded(line, found)
	shown, some := s.Pieces(line)
	return shown, found || some
}

// hideEncoded hides what is base64 of something with a secret in it: AUTH PLAIN has
// user and password in one.
func (s secrets) hideEncoded(line []byte, already bool) (shown []byte, found bool) {
	found = already
	for i := 0; i < len(line); {
		end := i
		for end < len(line) && isBase64(line[end]) {
			end++
		}
		if n := (end - i) &^ 3; n >= secret.MinPiece && s.inBase64(line[i:i+n]) {
			line, found = slices.Concat(line[:i], []byte(secret.Mark), line[end:]), true
			end = i + len(secret.Mark)
		}
		i = end + 1
	}
	return line, found
}

func (s secrets) inBase64(text []byte) bool {
	decoded, err := base64.StdEncoding.DecodeString(string(text))
	if err != nil {
		return false
	}
	for _, known := range s.List {
		n := min(len(known), secret.MinPiece)
		for i := 0; i+n <= len(decoded); i++ {
			if bytes.Contains(known, decoded[i:i+n]) {
				return true
			}
		}
	}
	return false
}

func isBase64(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' || c == '+' || c == '/' || c == '='
}
