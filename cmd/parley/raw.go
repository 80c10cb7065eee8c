package main

import (
	"bytes"
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
	env, err := r.HeaderEnvelope()
	sender := env.ReversePath
	if c.set.Changed("envelope-from") {
		var perr error
		sender, perr = mail.ParsePath(complete(c.f.envelopeFrom))
		c.bad("--envelope-from", perr)
	} else if err != nil && !fromHeader {
		// Who it is from stands in the header all the same, though it may name
		// nobody that it is for.
		sender = fromOf(r.Data)
	}
	env.ReversePath = sender
	if !fromHeader {
		env.Recipients = nil
	} else if err != nil && len(recipients) == 0 {
		c.bad(flag, err)
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

// fromOf is who a content says it is from, the null path if it cannot be told.
func fromOf(data []byte) mail.Path {
	r := &mail.Raw{Data: append([]byte("To: nobody@localhost\r\n"), data...)}
	env, err := r.HeaderEnvelope()
	if err != nil {
		return mail.Path{}
	}
	return env.ReversePath
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
