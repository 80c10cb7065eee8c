// Package secret keeps what must not be told out of what is told: both sides of a conversation, the proxy between and
// the session by hand hide the same things by it.
//
// A [List] has the texts that are known to be secret, for some servers repeat a command that they do not know. What a server
// says in SCRAM is hidden by itself (see [TestsPasswords]).
package secret

import (
	"bytes"
	"encoding/base64"
	"slices"
)

// Mark stands where a secret stood.
const Mark = "(secret)"

// Min is the shortest text that is looked for. A shorter one would hide half of every reply, and is no secret.
const Min = 4

// MinPiece is how much of a secret is hidden too where it is said back while somebody logs in: servers cut short what they
// repeat.
const MinPiece = 8

// A List has the texts that no trace and no error may hold.
type List [][]byte

// Remember takes in a text as it is, once.
func (l *List) Remember(text string) {
	if len(text) >= Min && !l.Has(text) {
		*l = append(*l, []byte(text))
	}
}

// Add takes in a text, and what it looks like in base64.
func (l *List) Add(text string) {
	if len(text) < Min {
		return
	}
	l.Remember(text)
	l.Remember(base64.StdEncoding.EncodeToString([]byte(text)))
}

// AddAll is Add for each, as what a mechanism of AUTH names.
func (l *List) AddAll(texts []string) {
	for _, text := range texts {
		l.Add(text)
	}
}

// Has reports whether a text is known.
func (l List) Has(text string) bool {
	return slices.ContainsFunc(l, func(known []byte) bool { return string(known) == text })
}

// Hide gives a line without the secrets in it; the line itself, where there are none.
func (l List) Hide(line []byte) (shown []byte, hidden bool) {
	if TestsPasswords(line) {
		return slices.Concat(line[:codeSize], []byte(Mark)), true
	}
	for _, secret := range l {
		if bytes.Contains(line, secret) {
			line, hidden = bytes.ReplaceAll(line, secret, []byte(Mark)), true
		}
	}
	return line, hidden
}

// HidePieces is Hide for what may hold a part of a secret.
func (l List) HidePieces(line []byte) (shown []byte, hidden bool) {
	line, hidden = l.Hide(line)
	shown, pieces := l.Pieces(line)
	return shown, hidden || pieces
}

// Pieces hides parts of secrets alone, in a line that Hide has seen.
func (l List) Pieces(line []byte) (shown []byte, hidden bool) {
	for _, secret := range l {
		for i := 0; i+MinPiece <= len(line); i++ {
			if !bytes.Contains(secret, line[i:i+MinPiece]) {
				continue
			}
			end := i + MinPiece
			for end < len(line) && bytes.Contains(secret, line[i:end+1]) {
				end++
			}
			line, hidden = slices.Concat(line[:i], []byte(Mark), line[end:]), true
			i += len(Mark) - 1
		}
	}
	return line, hidden
}

// HideCut is Hide for a line that broke off, maybe in the midst of a secret.
func (l List) HideCut(line []byte) (shown []byte, hidden bool) {
	line, hidden = l.Hide(line)
	for _, secret := range l {
		for n := min(len(secret), len(line)); n >= Min; n-- {
			if bytes.HasSuffix(line, secret[:n]) {
				return append(bytes.Clone(line[:len(line)-n]), Mark...), true
			}
		}
	}
	return line, hidden
}
