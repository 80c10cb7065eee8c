package proxy

import (
	"bytes"
	"encoding/base64"
	"slices"
	"strings"

	"github.com/parleymail/parley/sasl"
)

// secrets are the texts that no event may hold, though either side said them again
// in another place: some servers repeat a command that they do not know, and some
// programs say a password where a command is expected.
type secrets [][]byte

const (
	hidden = "(secret)"

	// minSecret is the shortest text that is looked for. A shorter one would hide
	// half of every reply, and is no secret.
	minSecret = 4

	// minPiece is how much of a secret is hidden too, where it is said back during
	// a login: servers cut short what they repeat.
	minPiece = 8
)

// add remembers a text, and what it looks like in base64.
func (s *secrets) add(secret string) {
	if len(secret) < minSecret || s.knows(secret) {
		return
	}
	*s = append(*s, []byte(secret), []byte(base64.StdEncoding.EncodeToString([]byte(secret))))
}

func (s *secrets) knows(secret string) bool {
	return slices.ContainsFunc(*s, func(known []byte) bool { return string(known) == secret })
}

// addAll remembers what a mechanism names.
func (s *secrets) addAll(mech sasl.Mechanism) {
	for _, secret := range mech.Secrets() {
		s.add(secret)
	}
}

// heard remembers what is secret in a response of the program's, as it was said.
// nth counts the responses from 1, and the initial one is the first.
func (s *secrets) heard(mechanism string, nth int, response string) {
	if response == "*" || response == "=" {
		return
	}
	if len(response) >= minSecret && !s.knows(response) {
		*s = append(*s, []byte(response))
	}
	if _, err := base64.StdEncoding.DecodeString(response); err != nil {
		s.add(response) // a program that forgot about base64
	}
	// Some providers take it without its padding, and with blanks behind it.
	decoded, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(response, "= \t"))
	if err != nil {
		return
	}
	switch text := string(decoded); mechanism {
	case "PLAIN": // RFC 4616: authzid NUL authcid NUL password
		s.add(text[strings.LastIndexByte(text, 0)+1:])
	case "LOGIN":
		if nth > 1 {
			s.add(text) // the first is a name, and shown wherever mail goes
		}
	case "XOAUTH2", "OAUTHBEARER":
		const scheme = "bearer " // in whatever letters: RFC 9110 §11.1
		if i := strings.Index(strings.ToLower(text), scheme); i >= 0 && len(text) >= i+len(scheme) {
			token, _, _ := strings.Cut(text[i+len(scheme):], "\x01")
			s.add(token)
		}
	default:
		s.add(text)
	}
}

// hide gives line without the secrets in it. With pieces, parts of them are hidden
// too.
func (s secrets) hide(line []byte, pieces bool) (shown []byte, found bool) {
	if sasl.TestsPasswords(line) {
		return slices.Concat(line[:4], []byte(hidden)), true
	}
	for _, secret := range s {
		if bytes.Contains(line, secret) {
			line, found = bytes.ReplaceAll(line, secret, []byte(hidden)), true
		}
	}
	if !pieces {
		return line, found
	}
	line, found = s.hideEncoded(line, found)
	for _, secret := range s {
		for i := 0; i+minPiece <= len(line); i++ {
			if !bytes.Contains(secret, line[i:i+minPiece]) {
				continue
			}
			end := i + minPiece
			for end < len(line) && bytes.Contains(secret, line[i:end+1]) {
				end++
			}
			line, found = slices.Concat(line[:i], []byte(hidden), line[end:]), true
			i += len(hidden) - 1
		}
	}
	return line, found
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
		if n := (end - i) &^ 3; n >= minPiece && s.inBase64(line[i:i+n]) {
			line, found = slices.Concat(line[:i], []byte(hidden), line[end:]), true
			end = i + len(hidden)
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
	for _, secret := range s {
		n := min(len(secret), minPiece)
		for i := 0; i+n <= len(decoded); i++ {
			if bytes.Contains(secret, decoded[i:i+n]) {
				return true
			}
		}
	}
	return false
}

func isBase64(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' || c == '+' || c == '/' || c == '='
}
