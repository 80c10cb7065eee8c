package main

import (
	"context"
	"fmt"
	"io"
	"iter"

	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/smtp"
)

func parleyMessage(l letter, n int) *mail.Message {
	m := &mail.Message{
		From:    mail.Address{Name: "Accounts", Address: sender},
		To:      mail.To(l.to...),
		Subject: l.subject(n),
		Text:    l.text,
		HTML:    l.html,
	}
	switch {
	case l.file != "":
		p := mail.File(l.file)
		p.Name = attachment
		m.Attach = []mail.Part{p}
	case l.attached != nil:
		m.Attach = []mail.Part{mail.Bytes(attachment, l.attached)}
	}
	return m
}

func composeParley(l letter, n int, w io.Writer) error {
	m := parleyMessage(l, n)
	if _, err := m.Envelope(); err != nil {
		return err
	}
	content, err := m.Open()
	if err != nil {
		return err
	}
	defer content.Close()
	if _, err := content.Fit(mail.Offer{EightBit: true}); err != nil {
		return err
	}
	_, err = content.WriteTo(w)
	return err
}

// parleyOne sends mail by mail over one session.
type parleyOne struct {
	letter  letter
	session *smtp.Session
}

func openParley(l letter, addr string) (mailer, error) {
	client := &smtp.Client{Addr: addr, Security: smtp.Plaintext, Hello: "localhost"}
	session, err := client.Open(context.Background())
	if err != nil {
		return nil, err
	}
	return &parleyOne{l, session}, nil
}

func (p *parleyOne) send(n int) error {
	_, err := p.session.Send(context.Background(), parleyMessage(p.letter, n))
	return err
}

func (p *parleyOne) close() error { return p.session.Close() }

// parleyPooled sends over the sessions that a client keeps, as a program that has
// one mail to send does.
type parleyPooled struct {
	letter letter
	client *smtp.Client
}

func openParleyPooled(l letter, addr string) (mailer, error) {
	return &parleyPooled{l, &smtp.Client{Addr: addr, Security: smtp.Plaintext, Hello: "localhost"}}, nil
}

func openParleyLast(l letter, addr string) (mailer, error) {
	return &parleyPooled{l, &smtp.Client{Addr: addr, Security: smtp.Plaintext, Hello: "localhost", MaxMessages: 1}}, nil
}

func openParleyPartial(l letter, addr string) (mailer, error) {
	return &parleyPooled{l, &smtp.Client{Addr: addr, Security: smtp.Plaintext, Hello: "localhost", Partial: true}}, nil
}

func (p *parleyPooled) send(n int) error {
	_, err := p.client.Send(context.Background(), parleyMessage(p.letter, n))
	return err
}

func (p *parleyPooled) close() error { return p.client.Close() }

// parleyMany gives all mails to SendAll, over one session too.
type parleyMany struct {
	letter letter
	client *smtp.Client
}

func openParleyAll(l letter, addr string) (mailer, error) {
	return &parleyMany{l, &smtp.Client{Addr: addr, Security: smtp.Plaintext, Hello: "localhost", MaxSessions: 1}}, nil
}

func (p *parleyMany) sendAll(count int, heard func(n int)) error {
	heardOf := 0
	for r := range p.client.SendAll(context.Background(), p.letters(count)) {
		if r.Err != nil {
			return r.Err
		}
		heard(r.Index)
		heardOf++
	}
	if heardOf != count {
		return fmt.Errorf("SendAll was given %d mails and told of %d", count, heardOf)
	}
	return nil
}

// letters makes each mail when it is asked for, as the others have to.
func (p *parleyMany) letters(count int) iter.Seq[mail.Object] {
	return func(yield func(mail.Object) bool) {
		for n := range count {
			if !yield(parleyMessage(p.letter, n)) {
				return
			}
		}
	}
}

func (p *parleyMany) send(n int) error { return p.sendAll(1, func(int) {}) }

func (p *parleyMany) close() error { return p.client.Close() }
