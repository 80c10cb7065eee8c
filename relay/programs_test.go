package relay_test

import (
	"bytes"
	"crypto/tls"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/relay"
	"github.com/parleymail/parley/sasl"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtptest"
)

// withTLS is a relay that listens by STARTTLS and by TLS from the first octet, and its authority.
func withTLS(t *testing.T) (*running, *smtptest.Authority) {
	ca := smtptest.NewAuthority(t)
	r := start(t, func(c *relay.Config) {
		c.TLS = &tls.Config{Certificates: []tls.Certificate{ca.Certificate("localhost", "127.0.0.1")}}
		c.Users = []relay.User{{Name: "shop", Password: hash(t, "opensesame"), Senders: []string{"*@shop.example"}}}
		c.Listeners = []relay.Listener{{Address: "127.0.0.1:0", TLS: relay.STARTTLS}, {Address: "[::1]:0", TLS: relay.ImplicitTLS}}
	})
	return r, ca
}

// TestTLS: both ways in, with the strongest mechanism that is offered.
func TestTLS(t *testing.T) {
	r, ca := withTLS(t)
	for i, security := range []smtp.Security{smtp.StartTLS, smtp.ImplicitTLS} {
		c := &smtp.Client{Addr: r.Addrs()[i].String(), Security: security, Auth: sasl.Password("shop", "opensesame"), TLS: &tls.Config{RootCAs: ca.Pool(), ServerName: "localhost"}}
		defer c.Close()
		if _, err := c.Send(t.Context(), raw("a@shop.example", "kim@example.net", letter)); err != nil {
			t.Fatal(err)
		}
	}
	for _, m := range r.sink.Wait(t, 2) {
		if !strings.Contains(string(m.Content), "with ESMTPSA") {
			t.Errorf("the trace field does not say how it came:\n%s", m.Content)
		}
	}
}

// TestPrograms: programs of others hand mail over.
func TestPrograms(t *testing.T) {
	r, ca := withTLS(t)
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, ca.PEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	_, port, _ := strings.Cut(r.Addrs()[0].String(), ":")
	mail := filepath.Join(t.TempDir(), "mail.eml")
	if err := os.WriteFile(mail, []byte(strings.ReplaceAll(letter, "\n", "\r\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	python := `
import smtplib, ssl, sys
from email.message import EmailMessage
m = EmailMessage()
m["From"], m["To"], m["Subject"] = "a@shop.example", "kim@example.net", "三月对账单"
m["X-Parley-Topic"] = "python"
m.set_content("见附件。\n")
m.add_attachment(b"%PDF" * 20000, maintype="application", subtype="pdf", filename="对账单.pdf")
with smtplib.SMTP("127.0.0.1", int(sys.argv[1])) as s:
    s.starttls(context=ssl.create_default_context(cafile=sys.argv[2]))
    s.login("shop", "opensesame")
    s.send_message(m)
    try:
        s.sendmail("a@else.example", ["kim@example.net"], "From: a@else.example\r\n\r\nx")
    except smtplib.SMTPSenderRefused as e:
        print(e.smtp_code, e.smtp_error.decode())
`
	for _, c := range []struct {
		tool string
		args []string
		said string
	}{
		{"python3", []string{"-c", python, port, file}, "550 5.7.1 the reverse-path <a@else.example> is not one of user shop"},
		{"curl", []string{"-sS", "--ssl-reqd", "--cacert", file, "--url", "smtp://127.0.0.1:" + port + "/program.example", "--user", "shop:opensesame", "--mail-from", "a@shop.example", "--mail-rcpt", "kim@example.net", "-T", mail}, ""},
		{"swaks", []string{"--server", "127.0.0.1", "--port", port, "-tls", "--auth-user", "shop", "--auth-password", "opensesame", "--auth", "PLAIN", "--from", "a@shop.example", "--to", "kim@example.net"}, "250 2.0.0 ok: queued as"},
	} {
		t.Run(c.tool, func(t *testing.T) {
			if _, err := exec.LookPath(c.tool); err != nil {
				t.Skip(err)
			}
			r.sink.Forget()
			var out bytes.Buffer
			cmd := exec.Command(c.tool, c.args...)
			cmd.Stdout, cmd.Stderr = &out, &out
			err := cmd.Run()
			if strings.Contains(out.String(), "requires Net::SSLeay") {
				t.Skip("swaks has no Net::SSLeay here, and so no TLS")
			}
			if err != nil || !strings.Contains(out.String(), c.said) {
				t.Fatalf("%v\n%s", err, out.String())
			}
			r.sink.Wait(t, 1)
		})
	}
	if items, err := r.box.List(t.Context(), outbox.Query{Topic: "python"}); err != nil || len(items) > 1 {
		t.Errorf("%v, %v", items, err)
	}
}
