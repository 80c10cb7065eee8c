package smtpd_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"time"

	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/sasl"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtpd"
)

// A server of a dozen lines, and a mail to it.
func Example() {
	server := &smtpd.Server{
		Hostname: "mx.example",
		Rcpt: func(t *smtpd.Transaction, r mail.Recipient) smtp.Reply {
			if r.Path.Domain != "example.net" {
				return smtpd.Reply("550 5.7.1 mail for " + r.Path.Domain + " is not taken here")
			}
			return smtp.Reply{}
		},
		Data: func(t *smtpd.Transaction, content io.Reader) smtp.Reply {
			text, err := io.ReadAll(content)
			if err != nil {
				return smtp.Reply{Code: 451} // the client hears what is wrong with it
			}
			fmt.Printf("from %v to %v: %q\n", t.ReversePath, t.Recipients[0].Path, text)
			return smtpd.Reply("250 2.0.0 taken as 42")
		},
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	go server.Serve(listener)
	defer server.Shutdown(context.Background())

	client := &smtp.Client{Addr: listener.Addr().String(), Security: smtp.Plaintext}
	defer client.Close()
	for _, to := range []string{"kim@example.net", "kim@example.org"} {
		path, _ := mail.ParsePath(to)
		receipt, err := client.Send(context.Background(), &mail.Raw{
			Env: mail.Envelope{
				ReversePath: mail.Path{Local: "shop", Domain: "example.com"},
				Recipients:  []mail.Recipient{{Path: path}},
			},
			Data: []byte("Subject: Hello\r\n\r\nHello.\r\n"),
		})
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(receipt.Reply)
	}
	// Output:
	// from <shop@example.com> to <kim@example.net>: "Subject: Hello\r\n\r\nHello.\r\n"
	// 250 2.0.0 taken as 42
	// smtp: giving a forward-path <kim@example.org>: 550 5.7.1 mail for example.org is not taken here
}

// A server for submission: TLS or nothing, and only for those who are known.
func ExampleServer_submission() {
	certificate, err := tls.LoadX509KeyPair("mail.example.pem", "mail.example.key")
	if err != nil {
		log.Fatal(err)
	}
	server := &smtpd.Server{
		Hostname:    "mail.example",
		TLS:         &tls.Config{Certificates: []tls.Certificate{certificate}},
		Accounts:    sasl.Users(map[string]string{"kim": "a long password"}),
		RequireTLS:  true,
		RequireAuth: true,
		Mail: func(t *smtpd.Transaction) smtp.Reply {
			if t.ReversePath.Local != t.Session.User() {
				return smtpd.Reply("553 5.7.1 that is not your address")
			}
			return smtp.Reply{}
		},
		Data: func(t *smtpd.Transaction, content io.Reader) smtp.Reply {
			file, err := os.CreateTemp("/var/spool/submission", "*.eml")
			if err != nil {
				return smtp.Reply{Code: 451}
			}
			defer file.Close()
			_, err1 := io.WriteString(file, t.Received("", time.Now()))
			_, err2 := io.Copy(file, content)
			if err := errors.Join(err1, err2, file.Sync()); err != nil {
				os.Remove(file.Name())
				return smtp.Reply{Code: 451}
			}
			return smtp.Reply{}
		},
	}
	log.Fatal(server.ListenAndServe(":587"))
}
