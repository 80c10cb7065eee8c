// Gomail hands mail over to "parley serve" by go-mail and by net/http, and prints a line of JSON for each. What it has in common with
// other programs, and what it is told, stands in serve_programs_test.go.
//
//	gomail '{"ways": [...], "ca": "ca.pem", "http": "https://127.0.0.1:8026", "user": "kim", "password": "…"}'
package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/wneessen/go-mail"
)

// told is what the test tells a program.
type told struct {
	Ways                     []way
	CA, HTTP, User, Password string
	roots                    *x509.CertPool
}

type way struct {
	Name, Mode string
	Port       int
	Login      bool
}

// line is what a program tells of a mail.
type line struct {
	Way       string   `json:"way"`
	Mechanism string   `json:"mechanism,omitempty"`
	Sort      string   `json:"sort"`
	From      string   `json:"from,omitempty"`
	To        []string `json:"to,omitempty"`
	Content   []byte   `json:"content,omitempty"`
	Error     string   `json:"error,omitempty"`
	Status    int      `json:"status,omitempty"`
	Answer    any      `json:"answer,omitempty"`
}

func (l line) tell() {
	b, err := json.Marshal(l)
	if err != nil {
		panic(err)
	}
	fmt.Println(string(b))
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "gomail:", err)
		os.Exit(1)
	}
}

func run() error {
	var at told
	if err := json.Unmarshal([]byte(os.Args[1]), &at); err != nil {
		return err
	}
	pem, err := os.ReadFile(at.CA)
	if err != nil {
		return err
	}
	at.roots = x509.NewCertPool()
	at.roots.AppendCertsFromPEM(pem)
	sorts := []string{"text", "files", "many"}
	for _, w := range at.Ways {
		if !w.Login {
			for _, sort := range sorts {
				at.send(w, "", sort, "")
			}
			continue
		}
		for _, mechanism := range []string{"any", "PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256"} {
			list := sorts[:1]
			if mechanism == "any" {
				list = sorts
			}
			for _, sort := range list {
				at.send(w, mechanism, sort, at.Password)
			}
		}
		at.send(w, "PLAIN", "wrong", "not it")
		at.send(w, "SCRAM-SHA-256", "wrong", "not it")
		at.send(w, "", "stranger", "")
	}
	return at.byHTTP()
}

const text = "Grüße, 三月\r\n.\r\n..\r\n. x\r\n.end"

// letter is a mail of a sort, and who it is for.
func letter(sort, to string) (*mail.Msg, []string) {
	m := mail.NewMsg()
	m.SetDate()
	m.SetMessageIDWithValue(to + "@example.net")
	m.Subject("三月对账单")
	all := []string{to + "@example.net"}
	err := errors.Join(m.FromFormat("财务部", "accounts@example.net"), m.AddToFormat("Kim 李", all[0]))
	switch sort {
	case "text":
		m.SetBodyString(mail.TypeTextPlain, text, mail.WithPartEncoding(mail.NoEncoding))
	case "files":
		m.SetBodyString(mail.TypeTextPlain, text)
		m.AddAlternativeString(mail.TypeTextHTML, "<p>Grüße, <b>三月</b></p>")
		octets := make([]byte, 70_000)
		rand.Read(octets)
		err = errors.Join(err, m.AttachReader("对账单.pdf", bytes.NewReader(octets)), m.AttachReader("note.txt", strings.NewReader(".\r\n..\r\nnote")))
	case "many":
		m.SetBodyString(mail.TypeTextPlain, text)
		more := []string{to + ".2@example.net", to + ".cc@example.net", to + ".bcc@example.net"}
		all = append(all, more...)
		err = errors.Join(err, m.AddTo(more[0]), m.AddCcFormat("李", more[1]), m.AddBcc(more[2]))
	default:
		m.SetBodyString(mail.TypeTextPlain, text)
	}
	if err != nil {
		panic(err)
	}
	return m, all
}

var mechanisms = map[string]mail.SMTPAuthType{
	"any": mail.SMTPAuthAutoDiscover, "PLAIN": mail.SMTPAuthPlain, "LOGIN": mail.SMTPAuthLogin, "CRAM-MD5": mail.SMTPAuthCramMD5, "SCRAM-SHA-256": mail.SMTPAuthSCRAMSHA256,
}

func (at *told) send(w way, mechanism, sort, password string) {
	name := mechanism
	if name == "" {
		name = "none"
	}
	m, to := letter(sort, strings.ToLower("gomail."+w.Name+"."+name+"."+sort))
	with := []mail.Option{mail.WithHELO("localhost"), mail.WithTimeout(20 * time.Second), mail.WithPort(w.Port), mail.WithTLSConfig(&tls.Config{RootCAs: at.roots, ServerName: "localhost"})}
	switch w.Mode {
	case "plain":
		with = append(with, mail.WithTLSPolicy(mail.NoTLS))
	case "STARTTLS":
		with = append(with, mail.WithTLSPolicy(mail.TLSMandatory))
	case "TLS":
		with = append(with, mail.WithSSL())
	}
	if mechanism != "" {
		auth := mechanisms[mechanism]
		if w.Mode == "plain" { // it wants to be asked twice
			switch auth {
			case mail.SMTPAuthPlain:
				auth = mail.SMTPAuthPlainNoEnc
			case mail.SMTPAuthLogin:
				auth = mail.SMTPAuthLoginNoEnc
			}
		}
		with = append(with, mail.WithSMTPAuth(auth), mail.WithUsername(at.User), mail.WithPassword(password))
	}
	l := line{Way: w.Name, Mechanism: mechanism, Sort: sort, From: "accounts@example.net", To: to}
	client, err := mail.NewClient("localhost", with...)
	if err == nil {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		err = client.DialAndSendWithContext(ctx, m)
	}
	if err != nil {
		l.Error = err.Error()
	}
	l.Content = octets(m)
	l.tell()
}

func octets(m *mail.Msg) []byte {
	var b bytes.Buffer
	if _, err := m.WriteTo(&b); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func (at *told) post(kind string, body []byte, key, password string) (status int, answer any, err error) {
	req, err := http.NewRequest(http.MethodPost, at.HTTP+"/api/v1/messages", bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	req.SetBasicAuth(at.User, password)
	req.Header.Set("Content-Type", kind)
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: at.roots}, DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	err = json.NewDecoder(resp.Body).Decode(&answer)
	return resp.StatusCode, answer, err
}

func (at *told) byHTTP() error {
	one := map[string]any{
		"from": "财务部 <accounts@example.net>", "to": []string{`"Kim \"Grüße\" 李" <gomail.http.json@example.net>`, "gomail.http.json.2@example.net"},
		"cc": []any{map[string]string{"name": "李", "address": "gomail.http.json.cc@example.net"}}, "bcc": "gomail.http.json.bcc@example.net",
		"subject": "三月对账单", "text": "Grüße, 三月\n.\n..\n. x\n.end", "html": "<p>Grüße, <b>三月</b></p>",
		"attach": []any{map[string]any{"name": "对账单.bin", "content": bytes.Repeat([]byte("\x00\x01\xff\r\n."), 10_000)}},
		"header": []any{map[string]string{"name": "X-Parley-Cell", "value": "json"}},
	}
	with := func(key string, value any) any {
		other := maps.Clone(one)
		other[key] = value
		return other
	}
	var batch []any
	for n, to := range []string{"gomail.http.batch.0@example.net", "no address", "gomail.http.batch.2@example.net"} {
		batch = append(batch, map[string]any{"from": "accounts@example.net", "to": to, "subject": fmt.Sprint(n), "text": fmt.Sprintf("%d\n", n)})
	}
	many := map[string]any{"messages": batch}
	for _, r := range []struct {
		sort     string
		body     any
		key      string
		password string
	}{
		{"json first", one, "gomail json", at.Password}, {"json again", one, "gomail json", at.Password},
		{"key of another", with("to", "else@example.net"), "gomail json", at.Password},
		{"no such field", with("sbuject", "x"), "", at.Password}, {"wrong password", one, "", "not it"},
		{"wrong sender", with("from", "boss@example.org"), "", at.Password},
		{"batch first", many, "gomail batch", at.Password}, {"batch again", many, "gomail batch", at.Password},
	} {
		body, err := json.Marshal(r.body)
		if err != nil {
			return err
		}
		status, answer, err := at.post("application/json", body, r.key, r.password)
		if err != nil {
			return err
		}
		line{Way: "http", Sort: r.sort, Status: status, Answer: answer}.tell()
	}
	for _, sort := range []string{"text", "files", "many"} {
		m, to := letter(sort, "gomail.http.raw."+sort)
		raw := octets(m)
		if sort == "many" {
			raw = append([]byte("Bcc: "+to[3]+"\r\n"), raw...)
		}
		for _, again := range []string{"", " again"} {
			status, answer, err := at.post("message/rfc822", raw, "gomail raw "+sort, at.Password)
			if err != nil {
				return err
			}
			line{Way: "http", Sort: "raw " + sort + again, From: "accounts@example.net", To: to, Content: raw, Status: status, Answer: answer}.tell()
		}
	}
	return nil
}
