package smtp_test

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/parleymail/parley/internal/hostile"
	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/smtp"
)

// What internal/hostile found, and what became of it: each as small as it can be.

// An errant is a mail whose content fails when it is to be written, as a file does
// that somebody took away.
type errant struct{ fails bool }

var errTakenAway = errors.New("taken away")

func (errant) Envelope() (mail.Envelope, error) {
	return mail.Envelope{Recipients: []mail.Recipient{{Path: mail.Path{Local: "kim", Domain: "b.test"}}}}, nil
}
func (e errant) Open() (mail.Content, error)     { return e, nil }
func (errant) Fit(mail.Offer) (mail.Form, error) { return mail.Form{Size: 3}, nil }
func (errant) Close() error                      { return nil }
func (e errant) WriteTo(w io.Writer) (int64, error) {
	if e.fails {
		return 0, errTakenAway
	}
	n, err := io.WriteString(w, "a\r\n")
	return int64(n), err
}

func hostileClient(server *hostile.Server) *smtp.Client {
	return &smtp.Client{Addr: "mx.test:25", Hello: "client.test", Security: smtp.Plaintext,
		DialContext: func(context.Context, string, string) (net.Conn, error) {
			c, s := hostile.Pipe(hostile.Fault{})
			go server.Serve(s)
			return c, nil
		}}
}

// It was a panic: the count of what waits for a reply was taken before it began
// anew.
func TestHostileContentFailsOnASessionUsedBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &hostile.Server{Offers: []string{"PIPELINING", "CHUNKING"}}
		client := hostileClient(server)
		session, err := client.Open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, fails := range []bool{false, true, true, false} {
			_, err := session.Send(t.Context(), errant{fails})
			if fails != errors.Is(err, errTakenAway) || !fails && err != nil {
				t.Errorf("fails %v: %v", fails, err)
			}
		}
		session.Close()
		synctest.Wait()
		if n := len(server.Taken()); n != 2 || len(server.Said()) != 1 {
			t.Errorf("%d mails taken: %q", n, server.Said())
		}
	})
}

// It was Insecure, and so no failure that passes: a line that was cut, or a context
// that ended, while the reply to STARTTLS was waited for.
func TestHostileEndWhileSTARTTLSIsAsked(t *testing.T) {
	for what, kind := range map[string]smtp.Kind{hostile.HangUp: smtp.Unreachable, hostile.Silence: smtp.Interrupted, "454 no": smtp.Insecure, "what?": smtp.Insecure} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			client := hostileClient(&hostile.Server{Offers: []string{"STARTTLS"}, Instead: func(line string) (string, bool) {
				if line == "STARTTLS" && what == hostile.Silence {
					cancel()
				}
				return what, line == "STARTTLS"
			}})
			client.Security = smtp.StartTLS
			_, err := client.Send(ctx, errant{})
			e, ok := errors.AsType[*smtp.Error](err)
			if !ok || e.Kind != kind || e.Stage != smtp.StageTLS || e.Temporary() != (what != "what?") {
				t.Errorf("%s: %v", what, err)
			}
			cancel()
			synctest.Wait()
		})
	}
}

// The kind of an original recipient was said as it stood: an Object that is not the
// mail package's own could add commands by it.
func TestHostileOriginalRecipient(t *testing.T) {
	for _, original := range []string{"rfc822\r\nRCPT TO:<evil@evil.test>;a", "rfc822 NOTIFY=NEVER;a", "rfc822\x00;a", "r\u0122;a", "evil@evil.test"} {
		server := &hostile.Server{Offers: []string{"DSN"}}
		_, err := hostileClient(server).Send(t.Context(), originally{original: original})
		e, ok := errors.AsType[*smtp.Error](err)
		if !ok || e.Kind != smtp.Invalid || len(server.Said()) != 0 {
			t.Errorf("%q: %v, %q", original, err, server.Said())
		}
	}
}

type originally struct {
	errant
	original string
}

func (o originally) Envelope() (mail.Envelope, error) {
	e, err := o.errant.Envelope()
	e.Recipients[0].Original = o.original
	return e, err
}

// A blank in the address stood in what an HTTP proxy is asked, "CONNECT a b:25
// HTTP/1.1", and so did control characters.
func TestHostileAddress(t *testing.T) {
	for _, addr := range []string{"a HTTP/1.1:25", "a\tb:25", "a\x1b[2J:25", "a\x7f:25", "a\u2028b:25", "例子.中国:25"} {
		client := &smtp.Client{Addr: addr, Security: smtp.Plaintext, DialContext: func(context.Context, string, string) (net.Conn, error) {
			t.Errorf("%q is dialled", addr)
			return nil, io.EOF
		}}
		_, err := client.Send(t.Context(), errant{})
		if e, ok := errors.AsType[*smtp.Error](err); !ok || e.Kind != smtp.Invalid || e.Stage != smtp.StageDial {
			t.Errorf("%q: %v", addr, err)
		}
	}
}

// TestForeignNotify: an envelope of somebody else's making asks for what there is not.
func TestForeignNotify(t *testing.T) {
	for _, n := range []mail.Notify{16, mail.NotifyNever | mail.NotifyDelay, 255} {
		client := &smtp.Client{Addr: "127.0.0.1:1", Security: smtp.Plaintext}
		_, err := client.Send(t.Context(), &mail.Raw{Env: mail.Envelope{Recipients: []mail.Recipient{{Path: mail.Path{Local: "a", Domain: "example.net"}, Notify: n}}}, Data: []byte("Subject: a\r\n\r\nb\r\n")})
		e, ok := errors.AsType[*smtp.Error](err)
		if !ok || e.Kind != smtp.Invalid || !strings.Contains(err.Error(), "Notify") {
			t.Errorf("Notify %d: %v", n, err)
		}
	}
}
