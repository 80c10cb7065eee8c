package hostile_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/parleymail/parley/internal/hostile"
	"github.com/parleymail/parley/sasl"
	"github.com/parleymail/parley/smtp"
)

const (
	user     = "kim-the-user"
	password = "correct-horse-battery"
)

// A trap is a server that keeps a client from TLS, or speaks it wrongly. Whatever
// is said to it in clear text before or after, it says yes.
type trap struct {
	offer    string                    // the reply to EHLO
	started  string                    // the reply to STARTTLS; "": spring gives it
	spring   func(net.Conn, *buffered) // from then on: is given the connection and, to listen on in clear text, its buffered form
	implicit bool                      // springs at once, and not at STARTTLS
}

// A buffered is a connection whose first octets were read ahead.
type buffered struct {
	net.Conn
	in      *bufio.Reader
	greeted bool
}

func (b *buffered) Read(p []byte) (int, error) { return b.in.Read(p) }

// serve speaks until the trap springs.
func (tr *trap) serve(conn net.Conn) {
	defer conn.Close()
	b := &buffered{Conn: conn, in: bufio.NewReader(conn)}
	if tr.implicit && tr.spring != nil {
		tr.spring(conn, b)
		return
	}
	fmt.Fprint(conn, "220 mx.test\r\n")
	b.greeted = true
	tr.listen(b)
}

func (tr *trap) listen(b *buffered) {
	for {
		line, err := b.in.ReadString('\n')
		switch {
		case err != nil:
			return
		case strings.HasPrefix(line, "EHLO"):
			fmt.Fprint(b, tr.offer)
		case strings.HasPrefix(line, "STARTTLS") && tr.spring != nil:
			fmt.Fprint(b, tr.started)
			tr.spring(b.Conn, b)
			return
		default:
			fmt.Fprint(b, "250 ok\r\n")
		}
	}
}

// goOn is a server in clear text that has no more traps.
func goOn(b *buffered) { (&trap{offer: offersTLS}).listen(b) }

const offersTLS = "250-mx.test\r\n250-AUTH PLAIN\r\n250 STARTTLS\r\n"

// catch lets a client with credentials fall into a trap, and gives what it said
// there and what it made of it.
func catch(client *smtp.Client, tr *trap) (said []byte, dialled int, err error) {
	var lines []*hostile.Conn
	var over sync.WaitGroup
	client.Hello = "client.test"
	client.Auth = sasl.Password(user, password)
	client.DialContext = func(context.Context, string, string) (net.Conn, error) {
		c, s := hostile.Pipe(hostile.Fault{})
		lines = append(lines, c.Keep())
		over.Go(func() { tr.serve(s) })
		return c, nil
	}
	_, err = client.Send(context.Background(), &letter{id: 1, to: []string{"victim"}})
	client.Close()
	over.Wait()
	for _, c := range lines {
		said = append(said, c.Written()...)
		if !c.Closed() {
			err = errors.Join(err, errors.New("the connection is left open"))
		}
	}
	return said, len(lines), err
}

// leaks gives what of a mail or its credentials stands in what was said in clear.
func leaks(said []byte) string {
	plain := "\x00" + user + "\x00" + password
	for _, bad := range []string{"AUTH", "MAIL", "RCPT", "DATA", "BDAT", "Subject", "victim", "from1", user, password,
		base64.StdEncoding.EncodeToString([]byte(plain))[:12], base64.StdEncoding.EncodeToString([]byte(user))[:8], base64.StdEncoding.EncodeToString([]byte(password))[:8]} {
		if bytes.Contains(bytes.ToLower(said), bytes.ToLower([]byte(bad))) {
			return bad
		}
	}
	return ""
}

// injections are what somebody on the way may add to the clear text.
func injections() []string {
	replies := "250-mx.test\r\n250-AUTH PLAIN LOGIN\r\n250 PIPELINING\r\n235 in\r\n250 ok\r\n250 ok\r\n354 go on\r\n250 taken\r\n"
	list := []string{"\n", "\r\n", "\r", "\x00", "2", " ", ".", "\x16", "\x16\x03\x01", "\x16\x03\x01\x00\x05hello", "\x15\x03\x01\x00\x02\x02\x28", "250 ok\r\n", replies}
	for n := 1; n <= 64<<10; n = n*3/2 + 1 {
		list = append(list, strings.Repeat(replies, n/len(replies)+1)[:n])
	}
	return append(list, strings.Repeat("\r\n", 32<<10), strings.Repeat("\x00", 64<<10))
}

// Octets that come with the reply to STARTTLS, or behind it, are never heard as
// what the server says within TLS: CVE-2021-38371.
func TestInjectionAtSTARTTLSClosesTheConnection(t *testing.T) {
	ca, err := hostile.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	cert, err := ca.Issue("mx.test", -10000, 10000)
	if err != nil {
		t.Fatal(err)
	}
	// The last ones end just where a buffer may end.
	replies := []string{"220 go\r\n", "220\r\n", "220-go\r\n220 on\r\n", "220 go\n", "220 " + strings.Repeat("g", 4096-6) + "\r\n", "220 " + strings.Repeat("g", 4096-7) + "\r\n", "220 " + strings.Repeat("g", 4096-5) + "\r\n"}
	count := 0
	for i, injected := range injections() {
		for _, reply := range replies {
			for split := 0; split <= len(reply); split++ {
				if len(reply) > 100 && split > 1 && split < len(reply)-1 {
					continue
				}
				if split > 0 && split < len(reply)-2 && (i+split)%3 != 0 {
					continue
				}
				count++
				security := []smtp.Security{smtp.StartTLS, smtp.Automatic, smtp.Opportunistic}[count%3]
				client := &smtp.Client{Addr: "mx.test:587", Security: security, TLS: &tls.Config{RootCAs: ca.Pool()}}
				synctest.Test(t, func(t *testing.T) { inject(t, client, cert, reply, split, injected) })
			}
		}
	}
	t.Logf("%d injections", count)
	if count < 1000 && !testing.Short() {
		t.Error("that is fewer than 1,000")
	}
}

// inject says the reply to STARTTLS in two segments, the second with the injection.
func inject(t *testing.T, client *smtp.Client, cert tls.Certificate, reply string, split int, injected string) {
	inTLS := ""
	tr := &trap{offer: offersTLS, spring: func(conn net.Conn, _ *buffered) {
		if split > 0 {
			conn.Write([]byte(reply[:split]))
			synctest.Wait() // the client has read that
		}
		if _, err := conn.Write([]byte(reply[split:] + injected)); err != nil {
			return
		}
		secure := tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{cert}})
		line, err := bufio.NewReader(secure).ReadString('\n')
		if err == nil {
			inTLS = line
		}
	}}
	said, dialled, err := catch(client, tr)
	e, ok := errors.AsType[*smtp.Error](err)
	what := fmt.Sprintf("%.20q parted at %d, with %d octets %.20q", reply, split, len(injected), injected)
	switch {
	case ok && (split == len(reply) || len(reply) > 4000) && e.Kind == smtp.Unreachable && strings.HasPrefix(injected, "\x16"):
		// It was not read with the reply, and looks like a handshake that never goes on.
	case !ok || e.Kind != smtp.Insecure || e.Stage != smtp.StageTLS:
		t.Errorf("%s: the error is %v", what, err)
	case split < len(reply) && len(reply) < 4090 && !strings.Contains(err.Error(), "octets follow the reply to STARTTLS in clear text"):
		t.Errorf("%s: the error does not say what it is: %v", what, err)
	case inTLS != "" || dialled != 1:
		t.Errorf("%s: %d connections, and said in TLS: %q", what, dialled, inTLS)
	case leaks(said) != "":
		t.Errorf("%s: %q was said in clear text", what, leaks(said))
	}
}

// speak is a server that speaks TLS with a certificate of a CA's, in some versions;
// where the handshake fails it goes on in clear text.
func speak(t *testing.T, ca *hostile.CA, name string, from, until int, versions ...uint16) trap {
	cert, err := ca.Issue(name, from, until)
	if err != nil {
		t.Fatal(err)
	}
	cfg := &tls.Config{Certificates: []tls.Certificate{cert}}
	if len(versions) > 0 {
		cfg.MinVersion, cfg.MaxVersion = versions[0], versions[1]
	}
	return trap{offer: offersTLS, started: "220 go\r\n", spring: func(conn net.Conn, clear *buffered) {
		secure := tls.Server(conn, cfg)
		if secure.Handshake() == nil {
			within := &trap{offer: "250-mx.test\r\n250 AUTH PLAIN\r\n"}
			if !clear.greeted {
				fmt.Fprint(secure, "220 mx.test\r\n")
			}
			within.listen(&buffered{Conn: secure, in: bufio.NewReader(secure)})
			return
		}
		fmt.Fprint(conn, "250-mx.test\r\n250 AUTH PLAIN\r\n")
		goOn(clear)
	}}
}

// say is a server that says something to STARTTLS, and goes on in clear text.
func say(what string) trap {
	return trap{offer: offersTLS, spring: func(conn net.Conn, clear *buffered) {
		fmt.Fprint(conn, what)
		goOn(clear)
	}}
}

// after is a server that says something in place of its hello of the handshake.
func after(what string) trap {
	return trap{offer: offersTLS, started: "220 go\r\n", spring: func(conn net.Conn, clear *buffered) {
		conn.Read(make([]byte, 4096))
		fmt.Fprint(conn, what)
		goOn(clear)
	}}
}

func silent(_ net.Conn, clear *buffered) { io.Copy(io.Discard, clear) }

// strips are ways to keep a client from TLS, or to have it speak with the wrong one.
func strips(t *testing.T) (all map[string]trap, good trap, roots *x509.CertPool) {
	ca, err := hostile.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	strange, err := hostile.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	all = map[string]trap{
		"no STARTTLS on offer":        {offer: "250-mx.test\r\n250 AUTH PLAIN LOGIN\r\n"},
		"STARTTLS as a parameter":     {offer: "250-mx.test STARTTLS\r\n250-XSTARTTLS\r\n250 AUTH PLAIN STARTTLS\r\n"},
		"no EHLO":                     {offer: "502 what?\r\n"},
		"454 to STARTTLS":             say("454 4.7.0 not now\r\n"),
		"502 to STARTTLS":             say("502 5.5.1 no\r\n"),
		"250 to STARTTLS":             say("250 ok\r\n"),
		"221 to STARTTLS":             say("221 ok\r\n"),
		"hang-up":                     {offer: offersTLS, spring: func(net.Conn, *buffered) {}},
		"garbage":                     say("\x00\xffgo on\r\n"),
		"silence":                     {offer: offersTLS, spring: silent},
		"hang-up in the handshake":    {offer: offersTLS, started: "220 go\r\n", spring: func(c net.Conn, _ *buffered) { c.Read(make([]byte, 4096)) }},
		"silence in the handshake":    {offer: offersTLS, started: "220 go\r\n", spring: silent},
		"plain text in the handshake": after("250-mx.test\r\n250 AUTH PLAIN\r\n"),
		"greeting in the handshake":   after("220 mx.test ESMTP\r\n"),
		"alert in the handshake":      after("\x15\x03\x01\x00\x02\x02\x28220 mx.test\r\n"),
		"wrong name":                  speak(t, ca, "mx.other", -10000, 10000),
		"expired":                     speak(t, ca, "mx.test", -20000, -15000),
		"not yet good":                speak(t, ca, "mx.test", 10000, 15000),
		"self-signed":                 speak(t, nil, "mx.test", -10000, 10000),
		"of a CA that nobody knows":   speak(t, strange, "mx.test", -10000, 10000),
		"TLS 1.0 alone":               speak(t, ca, "mx.test", -10000, 10000, tls.VersionTLS10, tls.VersionTLS10),
		"TLS 1.0 and 1.1 alone":       speak(t, ca, "mx.test", -10000, 10000, tls.VersionTLS10, tls.VersionTLS11),
	}
	return all, speak(t, ca, "mx.test", -10000, 10000), ca.Pool()
}

// A client that has a password and was not told to do without TLS says nothing of
// it, nor of the mail, to a server with which it cannot speak TLS as it should.
func TestStrippedOfTLSNothingIsSaid(t *testing.T) {
	all, good, roots := strips(t)
	securities := map[string]smtp.Security{"StartTLS": smtp.StartTLS, "Automatic": smtp.Automatic, "ImplicitTLS": smtp.ImplicitTLS, "Opportunistic": smtp.Opportunistic}
	for name, security := range securities {
		t.Run(name, func(t *testing.T) {
			for what, tr := range all {
				t.Run(what, func(t *testing.T) { synctest.Test(t, func(t *testing.T) { strip(t, security, tr, roots) }) })
			}
			// That the traps are what keeps it from speaking: without one it does.
			synctest.Test(t, func(t *testing.T) {
				good.implicit = security == smtp.ImplicitTLS
				said, _, err := catch(&smtp.Client{Addr: "mx.test:587", Security: security, TLS: &tls.Config{RootCAs: roots}}, &good)
				if e, ok := errors.AsType[*smtp.Error](err); !ok || e.Stage != smtp.StageAuth || e.Reply.Code != 250 || leaks(said) != "" {
					t.Errorf("a good server: %v, %q", err, leaks(said))
				}
			})
		})
	}
}

func strip(t *testing.T, security smtp.Security, tr trap, roots *x509.CertPool) {
	tr.implicit = security == smtp.ImplicitTLS
	var shown strings.Builder
	client := &smtp.Client{Addr: "mx.test:587", Security: security, TLS: &tls.Config{RootCAs: roots},
		Trace: func(e smtp.Event) { shown.WriteString(e.Line + "\n") }}
	said, dialled, err := catch(client, &tr)
	e, ok := errors.AsType[*smtp.Error](err)
	switch {
	case !ok || e.Uncertain():
		t.Errorf("the error is %v", err)
	case e.Kind == smtp.Refused:
		t.Errorf("the error does not speak of TLS: %v", err)
	case dialled != 1:
		t.Errorf("%d connections were made", dialled)
	}
	if bad := leaks(said); bad != "" {
		t.Errorf("%q was said in clear text: %q", bad, said)
	}
	if strings.Contains(shown.String(), "AUTH PLAIN (secret)") {
		t.Errorf("it went as far as AUTH:\n%s", shown.String())
	}
}
