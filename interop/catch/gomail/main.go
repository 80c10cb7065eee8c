// Gomail sends by go-mail to a server, in each way that programs use it, and prints for each mail a line of JSON: what was to
// arrive, octet for octet, and what go-mail told its caller.
//
//	gomail '{"port": 1025, "tls": 1465, "ca": "ca.pem", "user": "kim", "password": "…"}'
package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/wneessen/go-mail"
)

// where is the server, and who may use it.
type where struct {
	Port, TLS          int
	CA, User, Password string
}

// told is one mail.
type told struct {
	Case    string `json:"case"`
	To      string `json:"to"`
	Content []byte `json:"content"`
	Error   string `json:"error,omitempty"`
	Code    int    `json:"code,omitempty"`
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "gomail:", err)
		os.Exit(1)
	}
}

func run() error {
	var at where
	if err := json.Unmarshal([]byte(os.Args[1]), &at); err != nil {
		return err
	}
	pem, err := os.ReadFile(at.CA)
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	secured := mail.WithTLSConfig(&tls.Config{RootCAs: roots, ServerName: "localhost"})
	login := []mail.Option{mail.WithUsername(at.User), mail.WithPassword(at.Password)}
	modes := []struct {
		name string
		with []mail.Option
	}{
		{"plain", []mail.Option{mail.WithPort(at.Port), mail.WithTLSPolicy(mail.NoTLS)}},
		{"starttls", []mail.Option{mail.WithPort(at.Port), mail.WithTLSPolicy(mail.TLSMandatory), secured}},
		{"tls", []mail.Option{mail.WithPort(at.TLS), mail.WithSSL(), secured}},
	}
	for _, mode := range modes {
		send(mode.name, mode.with, letters(mode.name)...)
		for _, auth := range []mail.SMTPAuthType{mail.SMTPAuthPlain, mail.SMTPAuthLogin, mail.SMTPAuthCramMD5, mail.SMTPAuthSCRAMSHA256} {
			if auth == mail.SMTPAuthPlain && mode.name == "plain" {
				auth = mail.SMTPAuthPlainNoEnc
			}
			if auth == mail.SMTPAuthLogin && mode.name == "plain" {
				auth = mail.SMTPAuthLoginNoEnc
			}
			name := strings.ToLower(mode.name + "-" + strings.TrimSuffix(string(auth), "-NOENC"))
			with := append(append([]mail.Option{mail.WithSMTPAuth(auth)}, login...), mode.with...)
			send(name, with, letter("auth."+name))
			send("wrong password, "+name, append(with, mail.WithPassword("not it")), letter("wrong."+name))
		}
	}
	dsn := append([]mail.Option{mail.WithDSN(), mail.WithDSNMailReturnType(mail.DSNMailReturnHeadersOnly), mail.WithDSNRcptNotifyType(mail.DSNRcptNotifyFailure)}, modes[0].with...)
	send("dsn", dsn, letter("dsn"))
	var many []*mail.Msg
	for n := range 50 {
		many = append(many, letter(fmt.Sprintf("many.%d", n)))
	}
	send("fifty over one connection", modes[0].with, many...)
	return nil
}

// letters are mails of each sort.
func letters(mode string) []*mail.Msg {
	html := letter("html." + mode)
	html.AddAlternativeString(mail.TypeTextHTML, "<p>Grüße, <b>三月</b></p>")
	files := letter("files." + mode)
	attach := func(name string, content []byte) {
		if err := files.AttachReader(name, bytes.NewReader(content)); err != nil {
			panic(err)
		}
	}
	attach("对账单.bin", bytes.Repeat([]byte{0, 1, 2, 250, '\r', '\n', '.'}, 10_000))
	attach("note.txt", []byte(".\r\n..\r\nnote"))
	utf8 := letter("utf8." + mode)
	utf8.SetBodyString(mail.TypeTextPlain, "8 bits: Grüße\r\n.\r\n", mail.WithPartEncoding(mail.NoEncoding))
	return []*mail.Msg{letter("text." + mode), html, files, utf8}
}

func letter(to string) *mail.Msg {
	m := mail.NewMsg(mail.WithBoundary("parley-interop-boundary"))
	m.SetDateWithValue(time.Date(2026, 11, 22, 20, 36, 1, 0, time.UTC))
	m.SetMessageIDWithValue(to + "@example.net")
	m.Subject("三月对账单")
	m.SetBodyString(mail.TypeTextPlain, "Grüße\r\n.\r\n..\r\n. x\r\n")
	if err := errors.Join(m.FromFormat("财务部", "accounts@example.net"), m.To("gomail."+to+"@example.net")); err != nil {
		panic(err)
	}
	return m
}

// send opens a connection, sends over it, and tells of each mail.
func send(name string, with []mail.Option, letters ...*mail.Msg) {
	client, err := mail.NewClient("localhost", append([]mail.Option{mail.WithHELO("localhost"), mail.WithTimeout(20 * time.Second)}, with...)...)
	if err == nil {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		err = client.DialAndSendWithContext(ctx, letters...)
	}
	for _, m := range letters {
		var content bytes.Buffer
		if _, e := m.WriteTo(&content); e != nil {
			err = errors.Join(err, e)
		}
		t := told{Case: name, To: strings.Trim(m.GetToString()[0], "<>"), Content: content.Bytes()}
		if err != nil {
			t.Error = err.Error()
			var sent *mail.SendError
			if errors.As(err, &sent) {
				t.Code = sent.ErrorCode()
			} else if strings.Contains(t.Error, "AUTH failed: 535") {
				t.Code = 535 // go-mail has the code of a refused login in its text alone
			}
		}
		line, _ := json.Marshal(t)
		fmt.Println(string(line))
	}
}
