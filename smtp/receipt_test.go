package smtp_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"

	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtptest"
)

// A receipt tells whom it is from, and on demand what was said: of its own mail, and of no other.
func TestReceiptTellsItsConversation(t *testing.T) {
	server := smtptest.NewServer(t)
	client := server.Client()
	client.KeepSaid, client.MaxSessions = true, 1
	for i, to := range []string{"kim@example.net", "lee@example.net"} {
		receipt, err := client.Send(t.Context(), letterTo(to))
		if err != nil {
			t.Fatal(err)
		}
		if receipt.Remote != server.Addr() || receipt.TLS == nil || receipt.Took <= 0 {
			t.Errorf("from %q, TLS %v, took %v", receipt.Remote, receipt.TLS != nil, receipt.Took)
		}
		var said strings.Builder
		for _, e := range receipt.Said {
			said.WriteString(e.Line + "\n")
		}
		if opened := strings.Contains(said.String(), "EHLO"); opened != (i == 0) {
			t.Errorf("mail %d: its conversation begins wrongly:\n%s", i, &said)
		}
		if !strings.Contains(said.String(), to) || strings.Count(said.String(), "RCPT TO") != 1 {
			t.Errorf("mail %d: not its own conversation, or not alone:\n%s", i, &said)
		}
	}
}

func TestReceiptIsShortUnlessAsked(t *testing.T) {
	server := smtptest.NewServer(t)
	receipt, err := server.Client().Send(t.Context(), letterTo("kim@example.net"))
	if err != nil || receipt.Said != nil {
		t.Errorf("%v, %d events", err, len(receipt.Said))
	}
}

// An error tells whom it was spoken with, and nobody where there was no connection.
func TestErrorTellsItsPeer(t *testing.T) {
	server := smtptest.NewServer(t)
	server.Refuse(smtp.StageRcpt, "*kim*", "550 5.1.1 no such user")
	_, err := server.Client().Send(t.Context(), letterTo("kim@example.net"))
	if e, ok := errors.AsType[*smtp.Error](err); !ok || e.Remote != server.Addr() || e.TLS == nil {
		t.Errorf("%v", err)
	}
	nobody := &smtp.Client{Addr: "192.0.2.1:25", DialContext: func(context.Context, string, string) (net.Conn, error) { return nil, net.ErrClosed }}
	_, err = nobody.Send(t.Context(), letterTo("kim@example.net"))
	if e, ok := errors.AsType[*smtp.Error](err); !ok || e.Remote != "" || e.TLS != nil {
		t.Errorf("%v", err)
	}
}

// Where nobody is taken, what was said of the recipients is the error, and not what was said to the DATA behind them.
func TestAllRefusedTellsWhy(t *testing.T) {
	for _, partial := range []bool{true, false} {
		server := (&smtptest.Server{Without: []string{"CHUNKING"}}).Start(t)
		server.Refuse(smtp.StageRcpt, "", "550 5.1.1 no such user")
		client := server.Client()
		client.Partial = partial
		_, err := client.Send(t.Context(), letterTo("kim@example.net"))
		if e, ok := errors.AsType[*smtp.Error](err); !ok || e.Stage != smtp.StageRcpt || e.Reply.Code != 550 || e.Path.Local != "kim" {
			t.Errorf("partial %v: %v", partial, err)
		}
	}
}

func letterTo(to string) *mail.Raw {
	path, err := mail.ParsePath(to)
	if err != nil {
		panic(err)
	}
	return &mail.Raw{
		Env:  mail.Envelope{ReversePath: mail.Path{Local: "shop", Domain: "example.com"}, Recipients: []mail.Recipient{{Path: path}}},
		Data: []byte("Subject: hello\r\n\r\nhello\r\n"),
	}
}
