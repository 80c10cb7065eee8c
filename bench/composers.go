package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"strconv"

	gomail "github.com/wneessen/go-mail"
	gomailv2 "gopkg.in/gomail.v2"
)

// The libraries that compose, each used as its own documentation shows and by the
// cheapest way it has for an attachment in memory.

func goMailMessage(l letter, n int) (*gomail.Msg, error) {
	m := gomail.NewMsg()
	if err := m.FromFormat("Accounts", sender); err != nil {
		return nil, err
	}
	if err := m.To(l.to...); err != nil {
		return nil, err
	}
	m.Subject(l.subject(n))
	m.SetDate()
	m.SetMessageID()
	m.SetBodyString(gomail.TypeTextPlain, l.text)
	if l.html != "" {
		m.AddAlternativeString(gomail.TypeTextHTML, l.html)
	}
	switch {
	case l.file != "":
		m.AttachFile(l.file, gomail.WithFileName(attachment))
	case l.attached != nil:
		m.AttachReadSeeker(attachment, bytes.NewReader(l.attached))
	}
	return m, nil
}

func composeGoMail(l letter, n int, w io.Writer) error {
	m, err := goMailMessage(l, n)
	if err != nil {
		return err
	}
	_, err = m.WriteTo(w)
	return err
}

type goMailer struct {
	letter letter
	client *gomail.Client
}

func openGoMail(l letter, addr string) (mailer, error) { return dialGoMail(l, addr) }

func openGoMailBare(l letter, addr string) (mailer, error) {
	return dialGoMail(l, addr, gomail.WithoutNoop(), gomail.WithoutRset())
}

func dialGoMail(l letter, addr string, opts ...gomail.Option) (mailer, error) {
	host, port, err := splitAddr(addr)
	if err != nil {
		return nil, err
	}
	opts = append(opts, gomail.WithPort(port), gomail.WithTLSPolicy(gomail.NoTLS), gomail.WithHELO("localhost"))
	client, err := gomail.NewClient(host, opts...)
	if err != nil {
		return nil, err
	}
	return &goMailer{l, client}, client.DialWithContext(context.Background())
}

func (g *goMailer) send(n int) error {
	m, err := goMailMessage(g.letter, n)
	if err != nil {
		return err
	}
	return g.client.Send(m)
}

func (g *goMailer) close() error { return g.client.Close() }

func gomailMessage(l letter, n int) *gomailv2.Message {
	m := gomailv2.NewMessage()
	m.SetAddressHeader("From", sender, "Accounts")
	m.SetHeader("To", l.to...)
	m.SetHeader("Subject", l.subject(n))
	m.SetBody("text/plain", l.text)
	if l.html != "" {
		m.AddAlternative("text/html", l.html)
	}
	switch {
	case l.file != "":
		m.Attach(l.file, gomailv2.Rename(attachment))
	case l.attached != nil:
		m.Attach(attachment, gomailv2.SetCopyFunc(func(w io.Writer) error {
			_, err := w.Write(l.attached)
			return err
		}))
	}
	return m
}

func composeGomail(l letter, n int, w io.Writer) error {
	_, err := gomailMessage(l, n).WriteTo(w)
	return err
}

type gomailer struct {
	letter letter
	conn   gomailv2.SendCloser
}

func openGomail(l letter, addr string) (mailer, error) {
	host, port, err := splitAddr(addr)
	if err != nil {
		return nil, err
	}
	d := &gomailv2.Dialer{Host: host, Port: port, LocalName: "localhost"}
	conn, err := d.Dial()
	return &gomailer{l, conn}, err
}

func (g *gomailer) send(n int) error { return gomailv2.Send(g.conn, gomailMessage(g.letter, n)) }

func (g *gomailer) close() error { return g.conn.Close() }

func splitAddr(addr string) (host string, port int, err error) {
	host, p, err := net.SplitHostPort(addr)
	if err != nil {
		return "", 0, err
	}
	port, err = strconv.Atoi(p)
	return host, port, err
}
