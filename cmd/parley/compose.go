package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	netmail "net/mail"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/parleymail/parley/mail"
)

// A compose makes a message of flags. It goes on past what is wrong, so that all
// of it is told at once.
type compose struct {
	u     *ui
	f     *sendFlags
	set   *pflag.FlagSet
	stdin *stdin
	wrong []string
}

// stdin is standard input, which can be read only once.
type stdin struct {
	r     io.Reader
	taken string // by which flag
}

func (in *stdin) read(flag string) ([]byte, error) {
	if in.taken != "" {
		return nil, fmt.Errorf("standard input was read for %s already", in.taken)
	}
	in.taken = flag
	return io.ReadAll(in.r)
}

// file is the bytes of a file, or of standard input for "-".
func (in *stdin) file(flag, name string) ([]byte, error) {
	if name == "-" {
		return in.read(flag)
	}
	return os.ReadFile(name)
}

// bad notes what is wrong with a flag.
func (c *compose) bad(flag string, err error) {
	problems := problemsOf(err)
	for _, p := range problems {
		c.wrong = append(c.wrong, flag+": "+p.Error())
	}
	if err != nil && len(problems) == 0 {
		c.wrong = append(c.wrong, flag+": "+err.Error())
	}
}

func (c *compose) badText(flag string, t text, args ...any) {
	c.bad(flag, errors.New(c.u.say(t, args...)))
}

// message is the message that the flags describe, checked. Its error is a
// messageError.
func (c *compose) message(defaultFrom string) (*mail.Message, error) {
	m := new(mail.Message)
	if c.f.jsonMessage != "" {
		read, err := c.json()
		c.bad("--json-message", err)
		if err == nil {
			m = read
		}
	}
	c.people(m)
	c.body(m)
	c.thread(m)
	c.extras(m)
	c.envelope(m)
	if m.From == (mail.Address{}) && c.f.from == "" {
		if a, err := mail.ParseAddress(defaultFrom); err == nil {
			m.From = a
		}
	}
	if len(c.wrong) == 0 {
		c.check(m)
	}
	if len(c.wrong) > 0 {
		return nil, &messageError{c.wrong}
	}
	if m.Subject == "" && m.Text == "" && m.HTML == "" && len(m.Attach)+len(m.Inline) == 0 && c.f.invite == "" {
		c.u.warn(wordEmptyMail)
	}
	return m, nil
}

// check has the mail package look the message through, attachments too.
func (c *compose) check(m *mail.Message) {
	err := m.Check()
	if err == nil {
		var content mail.Content
		if content, err = m.Open(); err == nil {
			content.Close()
		}
	}
	if err == nil {
		return
	}
	problems := problemsOf(err)
	if len(problems) == 0 {
		c.wrong = append(c.wrong, err.Error())
	}
	for _, p := range problems {
		what := p.What
		if p.Err != nil {
			what += ": " + p.Err.Error()
		}
		c.wrong = append(c.wrong, c.nameOf(p.Field)+" "+what)
	}
}

// flagOf are the flags for fields of mail.Message whose names are not the flags'.
var flagOf = map[string]string{
	"ReplyTo": "reply-to", "MessageID": "message-id", "InReplyTo": "in-reply-to", "AutoSubmitted": "auto-submitted",
	"ReversePath": "envelope-from", "EnvelopeID": "envelope-id", "RequireTLS": "require-tls",
}

// nameOf is how the person gave what a field of mail.Message has: "To[1]" is the
// second --to. Where the message came as JSON it is the field.
func (c *compose) nameOf(field string) string {
	if c.f.jsonMessage != "" {
		return field
	}
	name, rest, more := strings.Cut(field, "[")
	if !more {
		name, rest, _ = strings.Cut(field, ".")
	}
	flag, ok := flagOf[name]
	if !ok {
		flag = strings.ToLower(name)
	}
	if !more || len(rest) == 0 {
		return "--" + flag
	}
	index, _, _ := strings.Cut(rest, "]")
	n := 0
	fmt.Sscan(index, &n)
	return fmt.Sprintf("--%s (%d)", flag, n+1)
}

// json reads --json-message. The files that it names are looked for beside it, and
// nowhere else: whoever wrote it need not be whoever runs us.
func (c *compose) json() (*mail.Message, error) {
	data, err := c.stdin.file("--json-message", c.f.jsonMessage)
	if err != nil {
		return nil, err
	}
	folder := "."
	if c.f.jsonMessage != "-" {
		folder = filepath.Dir(c.f.jsonMessage)
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, err
	}
	// It stays open: attachments are opened when the message is sent.
	return mail.DecodeJSON(bytes.NewReader(data), root.FS())
}

func (c *compose) people(m *mail.Message) {
	f := c.f
	for _, one := range []struct {
		flag, value string
		to          *mail.Address
	}{{"--from", f.from, &m.From}, {"--sender", f.sender, &m.Sender}} {
		if one.value == "" {
			continue
		}
		a, err := mail.ParseAddress(one.value)
		c.bad(one.flag, err)
		*one.to = a
	}
	for _, many := range []struct {
		flag   string
		values []string
		to     *[]mail.Address
	}{{"--to", f.to, &m.To}, {"--cc", f.cc, &m.Cc}, {"--bcc", f.bcc, &m.Bcc}, {"--reply-to", f.replyTo, &m.ReplyTo}} {
		for _, value := range many.values {
			list, err := mail.ParseAddresses(value)
			c.bad(many.flag, err)
			*many.to = append(*many.to, list...)
		}
	}
}

func (c *compose) body(m *mail.Message) {
	if c.set.Changed("subject") {
		m.Subject = c.f.subject
	}
	c.textOf("--text", c.f.text, &m.Text)
	c.textOf("--html", c.f.html, &m.HTML)
	for _, value := range c.f.attach {
		if p, ok := c.part("--attach", value); ok {
			m.Attach = append(m.Attach, p)
		}
	}
	for _, value := range c.f.inline {
		if p, ok := c.part("--inline", value); ok {
			m.Inline = append(m.Inline, p)
		}
	}
	if c.f.invite != "" {
		calendar, err := os.ReadFile(c.f.invite)
		c.bad("--invite", err)
		m.Invite = mail.Invite{Calendar: string(calendar), File: filepath.Base(c.f.invite)}
	}
}

// textOf reads a text: itself, @FILE, - for standard input, @@ for an @.
func (c *compose) textOf(flag, value string, to *string) {
	switch {
	case value == "":
		return
	case strings.HasPrefix(value, "@@"):
		*to = value[1:]
		return
	case value != "-" && value[0] != '@':
		*to = value
		return
	}
	data, err := c.stdin.file(flag, strings.TrimPrefix(value, "@"))
	c.bad(flag, err)
	// Some editors begin a file with a mark that is no part of the text.
	*to = string(bytes.TrimPrefix(data, []byte("\ufeff")))
}

// part reads FILE;name=NAME;type=TYPE;cid=ID.
func (c *compose) part(flag, value string) (mail.Part, bool) {
	file, options := cutOptions(value)
	var p mail.Part
	if file == "-" {
		data, err := c.stdin.read(flag)
		c.bad(flag, err)
		p = mail.Bytes("", data)
		if options["name"] == "" {
			c.badText(flag, wordStdinWantsName)
			return p, false
		}
	} else {
		info, err := os.Stat(file)
		if err == nil && !info.Mode().IsRegular() {
			err = errors.New(c.u.say(wordNoFile, file))
		}
		if err != nil {
			c.bad(flag, err)
			return p, false
		}
		p = mail.File(file)
	}
	if name := options["name"]; name != "" {
		p.Name = name
	}
	p.Type, p.ContentID = options["type"], options["cid"]
	return p, true
}

// cutOptions takes ;name=, ;type= and ;cid= off the end of a file's name, which
// may hold semicolons of its own.
func cutOptions(value string) (file string, options map[string]string) {
	options = make(map[string]string)
	for {
		i := strings.LastIndexByte(value, ';')
		if i < 0 {
			return value, options
		}
		name, option, ok := strings.Cut(value[i+1:], "=")
		if !ok || name != "name" && name != "type" && name != "cid" {
			return value, options
		}
		options[name] = option
		value = value[:i]
	}
}

func (c *compose) thread(m *mail.Message) {
	f := c.f
	if f.date != "" {
		date, err := parseDate(f.date)
		if err != nil {
			c.badText("--date", wordNoDate, f.date)
		}
		m.Date = date
	}
	setText(&m.MessageID, f.messageID)
	setText(&m.InReplyTo, f.inReplyTo)
	for _, ids := range f.references {
		m.References = append(m.References, strings.Fields(ids)...)
	}
}

func setText(to *string, value string) {
	if value != "" {
		*to = value
	}
}

// parseDate takes what people and headers write. Without a zone it is this
// machine's.
func parseDate(s string) (time.Time, error) {
	for _, form := range []string{time.RFC3339, "2006-01-02 15:04:05 -0700"} {
		if t, err := time.Parse(form, s); err == nil {
			return t, nil
		}
	}
	for _, form := range []string{"2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02"} {
		if t, err := time.ParseInLocation(form, s, time.Local); err == nil {
			return t, nil
		}
	}
	return netmail.ParseDate(s)
}

func (c *compose) extras(m *mail.Message) {
	f := c.f
	for _, field := range f.header {
		name, value, ok := strings.Cut(field, ":")
		if !ok {
			c.badText("--header", wordNoHeader, field)
			continue
		}
		m.Header = append(m.Header, mail.Field{Name: name, Value: strings.TrimLeft(value, " ")})
	}
	switch f.priority {
	case "":
	case "high":
		m.Priority = mail.High
	case "normal":
		m.Priority = 0
	case "low":
		m.Priority = mail.Low
	default:
		c.badText("--priority", wordNoneOf, f.priority, "high, normal, low")
	}
	setText(&m.AutoSubmitted, f.autoSubmitted)
	for _, url := range f.unsubscribe {
		to := &m.Unsubscribe.URL
		if strings.HasPrefix(strings.ToLower(url), "mailto:") {
			to = &m.Unsubscribe.Mailto
		}
		if *to != "" {
			c.badText("--unsubscribe", wordOneOfEach)
		}
		*to = url
	}
	if f.oneClick {
		m.Unsubscribe.OneClick = true
	}
}

// envelope adds what the server is told and the header does not show.
func (c *compose) envelope(m *mail.Message) {
	f := c.f
	if c.set.Changed("envelope-from") {
		path, err := mail.ParsePath(f.envelopeFrom)
		c.bad("--envelope-from", err)
		m.ReversePath = &path
	}
	if f.notify != "" {
		m.Notify = c.notify()
	}
	if f.returned != "" {
		m.Return = c.returned()
	}
	setText(&m.EnvelopeID, f.envelopeID)
	if f.requireTLS {
		m.RequireTLS = true
	}
}

func (c *compose) notify() (n mail.Notify) {
	for word := range strings.SplitSeq(strings.ToLower(c.f.notify), ",") {
		switch strings.TrimSpace(word) {
		case "never":
			n |= mail.NotifyNever
		case "success":
			n |= mail.NotifySuccess
		case "failure":
			n |= mail.NotifyFailure
		case "delay":
			n |= mail.NotifyDelay
		default:
			c.badText("--notify", wordNoneOf, word, "never, success, failure, delay")
			return 0
		}
	}
	if n&mail.NotifyNever != 0 && n != mail.NotifyNever {
		c.badText("--notify", wordNeverAlone)
	}
	return n
}

func (c *compose) returned() mail.Return {
	switch strings.ToLower(c.f.returned) {
	case "full":
		return mail.ReturnFull
	case "headers", "hdrs":
		return mail.ReturnHeader
	}
	c.badText("--return", wordNoneOf, c.f.returned, "full, headers")
	return 0
}
