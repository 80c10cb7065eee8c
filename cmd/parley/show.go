package main

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/smtp"
)

// show is --dry-run: the envelope to standard error, the content to standard
// output. What is not a terminal gets it octet for octet, so that
// "parley send --dry-run ... > letter.eml" makes a file to keep.
func (u *ui) show(r *result, object mail.Object, asJSON bool) error {
	env, err := object.Envelope()
	if err != nil {
		return &messageError{[]string{err.Error()}}
	}
	content, err := object.Open()
	if err != nil {
		return &messageError{[]string{err.Error()}}
	}
	defer content.Close()
	form, err := fitted(content)
	if err != nil {
		return &messageError{[]string{err.Error()}}
	}
	var b bytes.Buffer
	if _, err := content.WriteTo(&b); err != nil {
		return &messageError{[]string{err.Error()}}
	}
	r.Outcome, r.Octets, r.Envelope = outcomeDry, int64(b.Len()), recordEnvelope(&env)
	if asJSON {
		if r.Content = b.String(); !utf8.Valid(b.Bytes()) {
			r.Content, r.Encoded = "", b.Bytes()
		}
		return nil
	}
	u.tellPlain("MAIL FROM:" + env.ReversePath.String())
	for i := range env.Recipients {
		u.tellPlain("RCPT TO:" + env.Recipients[i].Path.String())
	}
	u.tell(u.say(wordDryRun, b.Len()))
	if form.UTF8 {
		u.tell(u.say(wordNeedsUTF8))
	}
	if !u.terminal {
		_, err := b.WriteTo(u.out)
		return err
	}
	u.showLines(b.String())
	return nil
}

// showLines prints a content to a terminal: nothing in it may move that, and of a
// long run of base64 the begin is enough.
func (u *ui) showLines(s string) {
	const most = 3 // lines of a run
	run := 0
	end := func() {
		if run > most {
			u.print(u.styles.note.Render(u.say(wordMoreLines, run-most)))
		}
		run = 0
	}
	for line := range strings.SplitSeq(strings.TrimSuffix(s, "\r\n"), "\r\n") {
		if isBase64(line) {
			if run++; run > most {
				continue
			}
		} else {
			end()
		}
		u.print(smtp.Printable(line))
	}
	end()
}

func isBase64(line string) bool {
	return len(line) >= 60 && !strings.ContainsFunc(line, func(r rune) bool {
		return (r < '0' || r > '9') && (r|0x20 < 'a' || r|0x20 > 'z') && r != '+' && r != '/' && r != '='
	})
}
