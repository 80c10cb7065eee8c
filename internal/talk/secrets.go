package talk

import (
	"bytes"
	"encoding/base64"
	"slices"
	"strings"

	"github.com/parleymail/parley/sasl"
	"github.com/parleymail/parley/smtp"
)

// secret stands wherever a secret stood.
const secret = "(secret)"

// Shown is a typed line as it may be shown and kept: an AUTH command with an
// initial response is without that, after /raw too.
func Shown(line string) string {
	if at := initialResponse(line); at >= 0 {
		return line[:at] + secret
	}
	return line
}

// initialResponse finds where the response of an AUTH command begins; -1 where
// there is none. All of what follows it is taken for a part of it.
func initialResponse(line string) int {
	at := 0
	word := func() string {
		for at < len(line) && (line[at] == ' ' || line[at] == '\t') {
			at++
		}
		from := at
		for at < len(line) && line[at] != ' ' && line[at] != '\t' {
			at++
		}
		return line[from:at]
	}
	verb := word()
	if strings.EqualFold(verb, "/raw") {
		verb = word()
	}
	if !strings.EqualFold(verb, "AUTH") {
		return -1
	}
	word() // the mechanism
	rest := strings.TrimLeft(line[at:], " \t")
	// What /raw ends a line with is no response.
	if rest == "" || strings.HasPrefix(rest, `\r`) || strings.HasPrefix(rest, `\n`) {
		return -1
	}
	return len(line) - len(rest)
}

// A vault has the secrets that were said, so that a server which says them back
// does not show them.
type vault [][]byte

// minSecret is the shortest text that is looked for: a shorter one would hide half
// of every reply.
const minSecret = 4

// minPiece is how much of a secret is hidden too: servers cut short what they repeat.
const minPiece = 8

// add remembers a secret as it was typed, and what is in it, should it be base64.
func (v *vault) add(text string) {
	v.remember(text)
	// Some servers take it without its padding, and say back what is in it.
	if plain, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(text, "=")); err == nil {
		v.remember(string(plain))
		if fields := bytes.Split(plain, []byte{0}); len(fields) == 3 { // PLAIN, RFC 4616 §2
			v.remember(string(fields[2]))
			v.remember(base64.StdEncoding.EncodeToString(fields[2]))
		}
	}
	v.remember(base64.StdEncoding.EncodeToString([]byte(text)))
}

func (v *vault) remember(text string) {
	known := func(s []byte) bool { return string(s) == text }
	if len(text) >= minSecret && !slices.ContainsFunc(*v, known) {
		*v = append(*v, []byte(text))
	}
}

// hide gives line without the secrets in it, and without pieces of them where the
// server answers to a login.
func (v vault) hide(line []byte, stage smtp.Stage) (shown []byte, hidden bool) {
	if sasl.TestsPasswords(line) {
		return slices.Concat(line[:4], []byte(secret)), true
	}
	for _, s := range v {
		if bytes.Contains(line, s) {
			line, hidden = bytes.ReplaceAll(line, s, []byte(secret)), true
		}
	}
	if stage != smtp.StageAuth {
		return line, hidden
	}
	for _, s := range v {
		for i := 0; i+minPiece <= len(line); i++ {
			if !bytes.Contains(s, line[i:i+minPiece]) {
				continue
			}
			end := i + minPiece
			for end < len(line) && bytes.Contains(s, line[i:end+1]) {
				end++
			}
			line, hidden = slices.Concat(line[:i], []byte(secret), line[end:]), true
			i += len(secret) - 1
		}
	}
	return line, hidden
}
