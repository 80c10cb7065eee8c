package smtp

import (
	"bytes"
	"encoding/base64"
	"slices"

	"github.com/parleymail/parley/sasl"
)

// secrets are the texts that no trace and no error may hold, though the server
// said them back: some servers repeat a command that they do not know.
type secrets [][]byte

// minSecret is the shortest text that is looked for. A shorter one would hide
// half of every reply, and is no secret.
const minSecret = 4

// add remembers a secret, and what it looks like in base64.
func (s *secrets) add(secret string) {
	if len(secret) < minSecret {
		return
	}
	*s = append(*s, []byte(secret), []byte(base64.StdEncoding.EncodeToString([]byte(secret))))
}

var hiddenText = []byte("(secret)")

// addAll remembers what a mechanism names, each once.
func (s *secrets) addAll(mech sasl.Mechanism) {
	for _, secret := range mech.Secrets() {
		if !slices.ContainsFunc(*s, func(known []byte) bool { return string(known) == secret }) {
			s.add(secret)
		}
	}
}

// hideCut is hide for a line that broke off, maybe in the midst of a secret.
func (s secrets) hideCut(line []byte) (shown []byte, hidden bool) {
	line, hidden = s.hide(line)
	for _, secret := range s {
		for n := min(len(secret), len(line)); n >= minSecret; n-- {
			if bytes.HasSuffix(line, secret[:n]) {
				return append(bytes.Clone(line[:len(line)-n]), hiddenText...), true
			}
		}
	}
	return line, hidden
}

// minPiece is how much of a secret is hidden too where it is said back while we
// authenticate: servers cut short what they repeat.
const minPiece = 8

// hidePieces is hide for what may hold a part of a secret.
func (s secrets) hidePieces(line []byte) (shown []byte, hidden bool) {
	line, hidden = s.hide(line)
	for _, secret := range s {
		for i := 0; i+minPiece <= len(line); i++ {
			if !bytes.Contains(secret, line[i:i+minPiece]) {
				continue
			}
			end := i + minPiece
			for end < len(line) && bytes.Contains(secret, line[i:end+1]) {
				end++
			}
			line, hidden = slices.Concat(line[:i], hiddenText, line[end:]), true
			i += len(hiddenText) - 1
		}
	}
	return line, hidden
}

// hide gives line without the secrets in it; line itself, where there are none.
func (s secrets) hide(line []byte) (shown []byte, hidden bool) {
	for _, secret := range s {
		if bytes.Contains(line, secret) {
			line, hidden = bytes.ReplaceAll(line, secret, hiddenText), true
		}
	}
	return line, hidden
}
