package proxy

import (
	"bytes"
	"slices"
	"strings"
)

// edits are what is changed in the provider's reply to EHLO: what was asked for, and
// nothing else.
type edits struct {
	without []string // keywords of lines to be left out
	login   bool     // AUTH goes: the proxy has logged in
	accept  bool     // AUTH is offered by the proxy, in place of the provider's
	tls     bool     // STARTTLS is offered by the proxy
}

func (e *edits) any() bool {
	return len(e.without) > 0 || e.login || e.accept || e.tls
}

// acceptLine is what is offered where any login is taken.
const acceptLine = "AUTH PLAIN LOGIN CRAM-MD5 XOAUTH2 OAUTHBEARER"

// edited is a reply to EHLO with what was asked for left out or put in. Each other line
// stays as it is, octet for octet, but for the mark of the last.
func (t *tap) edited(reply []byte) []byte {
	e := &t.rules.edits
	var kept [][]byte
	var out, in []string
	for i, line := range slices.Collect(bytes.Lines(reply)) {
		word := keyword(string(line))
		if i > 0 && t.drops(word) {
			out = append(out, word)
			continue
		}
		if word == "AUTH" && t.remoteTLS {
			if unbound, gone := cutBound(line, t.programTLS); len(gone) > 0 {
				line = unbound
				out = append(out, gone...)
			}
		}
		kept = append(kept, line)
	}
	if e.accept {
		in = append(in, acceptLine)
	}
	if e.tls && !t.programTLS {
		in = append(in, "STARTTLS")
	}
	for _, line := range in {
		kept = append(kept, []byte(string(reply[:3])+" "+line+"\r\n"))
	}
	if len(out) > 0 {
		t.note("the program is not told of " + strings.Join(out, ", "))
	}
	if len(in) > 0 {
		t.note("the program is told of " + strings.Join(in, ", ") + " by the proxy")
	}
	if len(out)+len(in) == 0 {
		return reply
	}
	return marked(kept)
}

// drops reports whether a line of the reply is to be left out.
func (t *tap) drops(word string) bool {
	e := &t.rules.edits
	switch {
	case word == "AUTH" && (e.login || e.accept), word == "STARTTLS" && e.tls:
		return true
	}
	return slices.ContainsFunc(e.without, func(w string) bool { return strings.EqualFold(w, word) })
}

// cutBound takes the mechanisms out of a line of AUTH that bind the login to TLS (RFC 5929), since TLS ends at the proxy
// and they would fail. Over TLS with the program SCRAM without binding goes too: a program that could have bound it says so,
// and the provider then takes us for an attacker, rightly. RFC 5802 §6.
func cutBound(line []byte, programTLS bool) (left []byte, gone []string) {
	text := strings.TrimRight(string(line), "\r\n")
	words := strings.Fields(text)
	drop := func(w string) bool {
		upper := strings.ToUpper(w)
		bound := slices.ContainsFunc(words, func(o string) bool { return strings.EqualFold(o, w+"-PLUS") })
		return strings.HasSuffix(upper, "-PLUS") || programTLS && bound
	}
	for _, w := range words[1:] {
		if drop(w) {
			gone = append(gone, w)
		}
	}
	if len(gone) == 0 {
		return line, nil
	}
	words = slices.DeleteFunc(words, drop)
	return []byte(strings.Join(words, " ") + "\r\n"), gone
}

// marked makes the last line the last, and no other: RFC 5321 §4.2.1.
func marked(lines [][]byte) []byte {
	var b []byte
	for i, line := range lines {
		mark := byte('-')
		if i == len(lines)-1 {
			mark = ' '
		}
		if len(line) > 3 && (line[3] == '-' || line[3] == ' ') {
			b = append(b, line[:3]...)
			b = append(b, mark)
			b = append(b, line[4:]...)
			continue
		}
		b = append(b, line[:min(3, len(line))]...) // a bare "250"
		b = append(b, mark)
		b = append(b, line[min(3, len(line)):]...)
	}
	return b
}
