package main

import (
	"bytes"
	"slices"
	"strings"
	"time"

	"github.com/parleymail/parley/mail"
)

// eml is a message that exists already and is sent as it is.
func (c *compose) eml(recipients []string) (*mail.Raw, error) {
	data, err := c.stdin.file("--eml", c.f.eml)
	if err != nil {
		return nil, &messageError{[]string{"--eml: " + err.Error()}}
	}
	r := &mail.Raw{Data: data}
	c.addressed(r, "--eml", recipients, len(recipients) == 0, func(s string) string { return s })
	return r, c.rawError(r)
}

// submitted is a message that a program gave us on standard input as it would give
// it to sendmail: with line ends of any sort, perhaps without half of its header.
func (c *compose) submitted(recipients []string) (*mail.Raw, error) {
	const flag = "standard input"
	data, err := c.stdin.read(flag)
	if err != nil {
		return nil, &messageError{[]string{flag + ": " + err.Error()}}
	}
	domain := mailName()
	l := readLetter(data, !c.f.ignoreDots)
	l.qualify(domain)
	sender := c.f.envelopeFrom
	if path, err := mail.ParsePath(qualified(sender, domain)); err != nil || path.IsNull() {
		sender = c.u.userName()
	}
	l.complete(mail.Address{Name: c.f.fullName, Address: qualified(sender, domain)}, time.Now())
	r := &mail.Raw{Data: l.bytes()}
	c.addressed(r, flag, recipients, c.f.readRecipients, func(s string) string { return qualified(s, domain) })
	return r, c.rawError(r)
}

// addressed gives r its envelope: from the arguments, and from its header where
// that is asked for.
func (c *compose) addressed(r *mail.Raw, flag string, recipients []string, fromHeader bool, complete func(string) string) {
	var env mail.Envelope
	var err error
	if c.set.Changed("envelope-from") {
		env.ReversePath, err = mail.ParsePath(complete(c.f.envelopeFrom))
		c.bad("--envelope-from", err)
	} else {
		env.ReversePath, err = reversePathOf(r.Data)
		c.bad(flag, err)
	}
	if fromHeader {
		env.Recipients, err = recipientsOf(r.Data)
		c.bad(flag, err)
		if err == nil && len(env.Recipients)+len(recipients) == 0 {
			c.badText(flag, wordHeaderNamesNobody)
		}
	}
	for _, arg := range recipients {
		list, err := mail.ParseAddressField(complete(arg))
		c.bad(c.u.say(wordRecipient), err)
		for _, a := range list {
			path, err := a.Path()
			c.bad(c.u.say(wordRecipient), err)
			env.Recipients = addRecipient(env.Recipients, path)
		}
	}
	if c.f.notify != "" {
		notify := c.notify()
		for i := range env.Recipients {
			env.Recipients[i].Notify = notify
		}
	}
	if c.f.returned != "" {
		env.Return = c.returned()
	}
	env.ID, env.RequireTLS = c.f.envelopeID, c.f.requireTLS
	r.Env = env
}

// addRecipient adds who is not there yet.
func addRecipient(list []mail.Recipient, path mail.Path) []mail.Recipient {
	for _, r := range list {
		if r.Path == path {
			return list
		}
	}
	return append(list, mail.Recipient{Path: path})
}

// nobody stands where the mail package wants an address, and we ask about others.
const nobody = "nobody@parley.invalid"

// reversePathOf is who a content says it is from, whoever it is for.
func reversePathOf(data []byte) (mail.Path, error) {
	l, resent := only(data, "from", "sender")
	l.add(resent + "To: " + nobody)
	env, err := (&mail.Raw{Data: l.bytes()}).HeaderEnvelope()
	return env.ReversePath, err
}

// recipientsOf are those that a content says it is for, whoever it is from.
func recipientsOf(data []byte) ([]mail.Recipient, error) {
	l, resent := only(data, "to", "cc", "bcc")
	l.add(resent + "From: " + nobody)
	for _, name := range []string{"To", "Cc", "Bcc"} {
		if !l.has(strings.ToLower(resent + name)) {
			l.add(resent + name + ": " + nobody)
			break
		}
	}
	env, err := (&mail.Raw{Data: l.bytes()}).HeaderEnvelope()
	return slices.DeleteFunc(env.Recipients, func(r mail.Recipient) bool {
		return strings.Trim(r.Path.String(), "<>") == nobody
	}), err
}

// only is what a header has of some fields: of the Resent- ones, where there are
// any such, for they then say who it is from and for (RFC 5322 §3.6.6).
func only(data []byte, names ...string) (l *letter, resent string) {
	all := readLetter(data, false)
	for _, field := range all.fields {
		if strings.HasPrefix(fieldName(field), "resent-") {
			resent = "Resent-"
		}
	}
	l = new(letter)
	for _, field := range all.fields {
		for _, name := range names {
			if fieldName(field) == strings.ToLower(resent)+name {
				l.fields = append(l.fields, field)
			}
		}
	}
	return l, resent
}

// rawError is all that is wrong with r.
func (c *compose) rawError(r *mail.Raw) error {
	if len(c.wrong) == 0 {
		_, err := r.Envelope()
		if err == nil {
			var content mail.Content
			if content, err = r.Open(); err == nil {
				content.Close()
			}
		}
		for _, p := range problemsOf(err) {
			if p.Field == "Env.Recipients" {
				c.wrong = append(c.wrong, c.u.say(wordNobody))
			} else {
				c.wrong = append(c.wrong, p.Error())
			}
		}
		if err != nil && len(problemsOf(err)) == 0 {
			c.wrong = append(c.wrong, c.u.say(wordMessage)+" "+err.Error())
		}
	}
	if len(c.wrong) > 0 {
		return &messageError{c.wrong}
	}
	return nil
}

// A letter is a message in parts that can be changed: its header by fields, each
// with its line end, and its body.
type letter struct {
	fields [][]byte
	body   []byte
}

// readLetter takes a message apart. A header may be missing: what does not look
// like one is the body. Where dots end it, so does a line with nothing but one.
func readLetter(data []byte, dots bool) *letter {
	l := new(letter)
	if bytes.HasPrefix(data, []byte("From ")) || bytes.HasPrefix(data, []byte(">From ")) {
		// What mailx and mbox files begin with; it is no field.
		_, data, _ = bytes.Cut(data, []byte("\n"))
	}
	for len(data) > 0 {
		line, rest := firstLine(data)
		text := bytes.TrimRight(line, "\r\n")
		line = append(bytes.Clone(text), "\r\n"...)
		if len(text) == 0 {
			data = rest
			break
		}
		if n := len(l.fields); n > 0 && (text[0] == ' ' || text[0] == '\t') {
			l.fields[n-1] = append(l.fields[n-1], line...)
		} else if fieldName(text) != "" {
			l.fields = append(l.fields, line)
		} else {
			break
		}
		data = rest
	}
	l.body = data
	if dots {
		l.body = untilDot(data)
	}
	return l
}

func firstLine(data []byte) (line, rest []byte) {
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		return data[:i+1], data[i+1:]
	}
	return data, nil
}

// untilDot is what stands before a line with nothing but a dot.
func untilDot(body []byte) []byte {
	for rest := body; len(rest) > 0; {
		var line []byte
		at := len(body) - len(rest)
		line, rest = firstLine(rest)
		if string(bytes.TrimRight(line, "\r\n")) == "." {
			return body[:at]
		}
	}
	return body
}

// fieldName is the name of a field, in lower case; empty where a line is none.
func fieldName(line []byte) string {
	name, _, ok := bytes.Cut(line, []byte(":"))
	name = bytes.TrimRight(name, " \t")
	if !ok || len(name) == 0 || bytes.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return ""
	}
	return strings.ToLower(string(name))
}

func (l *letter) has(names ...string) bool {
	for _, field := range l.fields {
		for _, name := range names {
			if fieldName(field) == name {
				return true
			}
		}
	}
	return false
}

func (l *letter) add(field string) { l.fields = append(l.fields, []byte(field+"\r\n")) }

func (l *letter) bytes() []byte {
	return append(append(bytes.Join(l.fields, nil), "\r\n"...), l.body...)
}
