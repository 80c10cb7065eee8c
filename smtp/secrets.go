package smtp

import (
	"bytes"
	"encoding/base64"
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

// hide gives line without the secrets in it; line itself, where there are none.
func (s secrets) hide(line []byte) (shown []byte, hidden bool) {
	for _, secret := range s {
		if bytes.Contains(line, secret) {
			line, hidden = bytes.ReplaceAll(line, secret, hiddenText), true
		}
	}
	return line, hidden
}
