package main

import (
	"fmt"
	"io"
	"net"
	"os"

	gosmtp "github.com/emersion/go-smtp"

	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtpd"
)

const (
	smtpSink     = "smtp-sink"
	parleySMTPD  = "parley smtpd"
	goSMTPServer = "go-smtp server"
)

// serve is a server that takes all mail and keeps none, until standard input ends.
func serve(j job) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	switch j.As {
	case parleySMTPD:
		s := &smtpd.Server{Hostname: "localhost", Data: discard}
		go func() { ended <- s.Serve(l) }()
	case goSMTPServer:
		s := gosmtp.NewServer(gosmtp.BackendFunc(func(*gosmtp.Conn) (gosmtp.Session, error) { return nothing{}, nil }))
		s.Domain = "localhost"
		go func() { ended <- s.Serve(l) }()
	default:
		return fmt.Errorf("there is no server %q", j.As)
	}
	if j.Profile != "" {
		stop, err := startProfile(j.Profile)
		if err != nil {
			return err
		}
		defer stop()
	}
	fmt.Println(l.Addr())
	go func() {
		io.Copy(io.Discard, os.Stdin)
		ended <- nil
	}()
	return <-ended
}

func discard(_ *smtpd.Transaction, content io.Reader) smtp.Reply {
	if _, err := io.Copy(io.Discard, content); err != nil {
		return smtpd.Reply("451 4.3.0 " + err.Error())
	}
	return smtp.Reply{}
}

// nothing is a session of go-smtp that says yes to all.
type nothing struct{}

func (nothing) Reset()                                 {}
func (nothing) Logout() error                          { return nil }
func (nothing) Mail(string, *gosmtp.MailOptions) error { return nil }
func (nothing) Rcpt(string, *gosmtp.RcptOptions) error { return nil }
func (nothing) Data(r io.Reader) error                 { _, err := io.Copy(io.Discard, r); return err }
