package interop_test

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/smtp"
)

// body has what an end of data is mistaken for, and octets over 127.
const body = "Grüße, 三月\n.\n..\n. x\nFrom here\nthe last line\n"

// A feature is one column of the matrix: an extension, how a mail comes to need it,
// and how one sees that it was truly used.
type feature struct {
	name    string
	keyword string // of EHLO; empty: all servers have it
	need    func(*mail.Message)
	used    func(conversation) error
}

var features = []feature{
	{
		name: "DATA",
		need: func(m *mail.Message) {
			// A content of unknown size, which BDAT cannot announce.
			m.Text = ""
			part := mail.Reader("body.txt", func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(body)), nil })
			part.Type = "text/plain; charset=utf-8"
			m.Attach = []mail.Part{part}
		},
		used: func(c conversation) error { return errors.Join(c.has("DATA", ""), c.hasNot("BDAT")) },
	},
	{
		name: "BDAT", keyword: "CHUNKING",
		used: func(c conversation) error { return errors.Join(c.has("BDAT ", " LAST"), c.hasNot("DATA")) },
	},
	{
		name: "8BITMIME", keyword: "8BITMIME",
		used: func(c conversation) error { return c.has("MAIL ", " BODY=8BITMIME") },
	},
	{
		name: "SMTPUTF8", keyword: "SMTPUTF8",
		need: func(m *mail.Message) { m.Cc = mail.To("测试@example.net") },
		used: func(c conversation) error {
			return errors.Join(c.has("MAIL ", " SMTPUTF8"), c.has("RCPT TO:<测试@example.net>", ""))
		},
	},
	{
		name: "DSN", keyword: "DSN",
		need: func(m *mail.Message) {
			m.Notify, m.Return, m.EnvelopeID = mail.NotifyFailure|mail.NotifyDelay, mail.ReturnHeader, "QQ+314159"
		},
		used: func(c conversation) error {
			return errors.Join(c.has("RCPT ", " NOTIFY="), c.has("MAIL ", " RET=HDRS"), c.has("MAIL ", " ENVID=QQ+2B314159"))
		},
	},
	{
		name: "PIPELINING", keyword: "PIPELINING",
		need: func(m *mail.Message) { m.Cc = mail.To("lee@example.net", "max@example.net") },
		used: func(c conversation) error { return c.pipelined() },
	},
	{
		name: "SIZE", keyword: "SIZE",
		used: func(c conversation) error { return c.has("MAIL ", fmt.Sprintf(" SIZE=%d", c.receipt.Size)) },
	},
}

// message is a mail that needs the feature, and is called name.
func (f feature) message(name string) *mail.Message {
	m := &mail.Message{
		From:    mail.Address{Name: "财务部", Address: "accounts@example.net"},
		To:      mail.To("kim@example.net"),
		Subject: "三月对账单",
		Text:    body,
		Header:  []mail.Field{{Name: cellField, Value: name}},
	}
	if f.need != nil {
		f.need(m)
	}
	return m
}

// deliveries are what must arrive of a mail.
func deliveries(name string, m *mail.Message) []delivery {
	var all []delivery
	for _, to := range append(m.To, m.Cc...) {
		all = append(all, delivery{name, to.Address})
	}
	return all
}

// A conversation is the part of a trace that sent one mail.
type conversation struct {
	events  []smtp.Event
	receipt *smtp.Receipt
}

func (c conversation) commands() []string {
	var lines []string
	for _, e := range c.events {
		if e.Did == smtp.Command {
			lines = append(lines, e.Line)
		}
	}
	return lines
}

// has reports a missing command: one that begins and goes on so.
func (c conversation) has(prefix, part string) error {
	for _, line := range c.commands() {
		if strings.HasPrefix(line, prefix) && strings.Contains(line, part) {
			return nil
		}
	}
	return fmt.Errorf("no command is %q...%q: %q", prefix, part, c.commands())
}

func (c conversation) hasNot(prefix string) error {
	if c.has(prefix, "") == nil {
		return fmt.Errorf("a command is %q: %q", prefix, c.commands())
	}
	return nil
}

// pipelined reports an answer that was waited for before all recipients were named.
func (c conversation) pipelined() error {
	named, before := 0, 0
	open, answered := false, false
	for _, e := range c.events {
		switch {
		case e.Stage == smtp.StageMail && e.Did == smtp.Command:
			open = true
		case open && e.Did == smtp.Answer:
			answered = true
		case e.Stage == smtp.StageRcpt && e.Did == smtp.Command:
			named++
			if !answered {
				before++
			}
		}
	}
	if named < 2 || before < named {
		return fmt.Errorf("%d of %d recipients were named before an answer: %q", before, named, c.commands())
	}
	return nil
}
