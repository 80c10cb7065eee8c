package talk

import (
	"bytes"
	"encoding/base64"
	"strings"

	"github.com/parleymail/parley/internal/secret"
	"github.com/parleymail/parley/smtp"
)

// Shown is a typed line as it may be shown and kept: an AUTH command with an
// initial response is without that, after /raw too.
func Shown(line string) string {
	if at := initialResponse(line); at >= 0 {
		return line[:at] + secret.Mark
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
	mechanism := word()
	if name, _, _ := strings.Cut(mechanism, `\`); name != "" && !secret.IsMechanism(name) { // /raw ends a line with \r\n
		return at - len(mechanism) // a password that was put in the wrong place, perhaps
	}
	rest := strings.TrimLeft(line[at:], " \t")
	// What /raw ends a line with is no response.
	if rest == "" || strings.HasPrefix(rest, `\r`) || strings.HasPrefix(rest, `\n`) {
		return -1
	}
	return len(line) - len(rest)
}

// A vault has the secrets that were said, so that a server which says them back
// does not show them.
type vault struct{ secret.List }

// learn remembers a secret as it was typed, and what is in it, should it be base64.
func (v *vault) learn(text string) {
	v.Remember(text)
	// Some servers take it without its padding, and say back what is in it.
	if plain, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(text, "=")); err == nil {
		v.Remember(string(plain))
		if fields := bytes.Split(plain, []byte{0}); len(fields) == 3 { // PLAIN, RFC 4616 §2
			v.encoded(string(fields[2]))
		}
	}
	v.encoded(text)
}

// encoded remembers a text and its base64, however short the text itself is.
func (v *vault) encoded(text string) {
	v.Remember(text)
	v.Remember(base64.StdEncoding.EncodeToString([]byte(text)))
}

// hide gives line without the secrets in it, and without pieces of them where the
// server answers to a login.
func (v vault) hide(line []byte, stage smtp.Stage) (shown []byte, hidden bool) {
	if stage == smtp.StageAuth {
		return v.HidePieces(line)
	}
	return v.Hide(line)
}
