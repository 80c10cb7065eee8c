package interop_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/parleymail/parley/sasl"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtpd"
)

// letter is what the tools send. All four send a file as it is, but each has a
// wish: msmtp, that there are From, Date and Message-ID, else it adds them; swaks,
// that there is no percent sign, which it would replace, and no end of the last line,
// which it adds.
var letter = strings.ReplaceAll(`From: =?utf-8?b?6LSi5Yqh6YOo?= <accounts@example.net>
To: kim@example.net
Subject: =?utf-8?b?5LiJ5pyI5a+56LSm5Y2V?=
Date: Sun, 22 Nov 2026 20:36:01 +0000
Message-ID: <letter@example.net>
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

Grüße, 三月
.
..
. x

From here to the last line, `+strings.Repeat("a long one, ", 75)+`
.end
`, "\n", "\r\n")

// Who may use our server. The password is ASCII, for smtplib can say no other.
const (
	user     = "kim"
	password = "secret, sehr = geheim"
	token    = "ya29.a-token-that-nobody-may-see"
)

// A tool is a program of another house that sends mail.
type tooling struct {
	name       string
	mechanisms []string // that it has, of those that we offer
	// argv is its command line, to send /state/letter over 127.0.0.1:port.
	argv func(mode mode, port, mechanism, secret, to string) []string
}

var toolings = []tooling{
	{"swaks", []string{"PLAIN", "LOGIN", "CRAM-MD5"}, swaks},
	{"msmtp", []string{"PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", "OAUTHBEARER", "XOAUTH2", "EXTERNAL"}, msmtp},
	// Given a token, curl speaks OAUTHBEARER wherever it is on offer, though told to speak XOAUTH2.
	{"curl", []string{"PLAIN", "LOGIN", "CRAM-MD5", "OAUTHBEARER", "EXTERNAL"}, curl},
	{"smtplib", []string{"PLAIN", "LOGIN", "CRAM-MD5"}, smtplib},
}

func swaks(mode mode, port, mechanism, secret, to string) []string {
	argv := []string{"swaks", "--server", "127.0.0.1", "--port", port, "--helo", "localhost", "--from", "accounts@example.net", "--to", to, "--data", "@/state/letter.open"}
	if mode != plain {
		argv = append(argv, [...]string{"", "--tls", "--tls-on-connect"}[mode], "--tls-verify", "--tls-ca-path", "/state/tls/ca.pem")
	}
	if mechanism != "" {
		argv = append(argv, "--auth", mechanism, "--auth-user", user, "--auth-password", secret)
	}
	return argv
}

func msmtp(mode mode, port, mechanism, secret, to string) []string {
	argv := []string{"sh", "-c", `exec msmtp "$@" </state/letter`, "msmtp", "--host=127.0.0.1", "--port=" + port, "--domain=localhost", "--from=accounts@example.net"}
	if mode != plain {
		argv = append(argv, "--tls=on", "--tls-trust-file=/state/tls/ca.pem", "--tls-starttls="+[...]string{"", "on", "off"}[mode])
	}
	if mechanism != "" {
		argv = append(argv, "--auth="+strings.ToLower(mechanism), "--user="+user, "--passwordeval=echo '"+secret+"'")
	}
	if mechanism == "EXTERNAL" {
		argv = append(argv, "--tls-cert-file=/state/tls/cert.pem", "--tls-key-file=/state/tls/key.pem")
	}
	return append(argv, to)
}

func curl(mode mode, port, mechanism, secret, to string) []string {
	argv := []string{
		"curl", "--silent", "--show-error", [...]string{"smtp", "smtp", "smtps"}[mode] + "://127.0.0.1:" + port + "/localhost", "--upload-file", "/state/letter",
		"--mail-from", "accounts@example.net", "--mail-rcpt", to,
	}
	if mode != plain {
		argv = append(argv, "--ssl-reqd", "--cacert", "/state/tls/ca.pem")
	}
	switch mechanism {
	case "":
	case "OAUTHBEARER":
		argv = append(argv, "--user", user, "--oauth2-bearer", secret, "--login-options", "AUTH="+mechanism)
	case "EXTERNAL":
		argv = append(argv, "--user", user+":", "--cert", "/state/tls/cert.pem", "--key", "/state/tls/key.pem", "--login-options", "AUTH=EXTERNAL")
	default:
		argv = append(argv, "--user", user+":"+secret, "--login-options", "AUTH="+mechanism)
	}
	return argv
}

func smtplib(mode mode, port, mechanism, secret, to string) []string {
	return []string{"/usr/bin/python3", "/testdata/incoming/send.py", mode.String(), port, mechanism, user, secret, "accounts@example.net", to, "/state/letter"}
}

// TestIncoming has each tool send to our server, over each mode and by each
// mechanism that it has, and compares what is stored with what was sent, octet for
// octet.
func TestIncoming(t *testing.T) {
	state := toolState(t)
	for _, mode := range []mode{plain, startTLS, implicitTLS} {
		taker := take(t, state, mode)
		for _, tooling := range toolings {
			for _, mechanism := range append([]string{""}, tooling.mechanisms...) {
				if mechanism == "EXTERNAL" && mode == plain {
					continue // there is no client certificate without TLS
				}
				name := strings.ToLower(strings.Join([]string{tooling.name, mode.String(), rowName(mechanism)}, "/"))
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					to := strings.NewReplacer("/", ".", " ", "-").Replace(name) + "@example.net"
					secret := password
					if strings.Contains(mechanism, "OAUTH") {
						secret = token
					}
					if _, err := tool(t, state, "", tooling.argv(mode, taker.port, mechanism, secret, to)...); err != nil {
						t.Fatalf("%v\n%s", err, taker.said(to))
					}
					taker.check(t, to, mechanism)
				})
			}
			t.Run(strings.ToLower(tooling.name+"/"+mode.String()+"/wrong password"), func(t *testing.T) {
				t.Parallel()
				to := "wrong." + tooling.name + "@example.net"
				if _, err := tool(t, state, "", tooling.argv(mode, taker.port, "PLAIN", "not it", to)...); err == nil {
					t.Error("the tool reports that its mail was taken")
				}
				if taker.mail(to) != nil {
					t.Error("the mail was taken")
				}
			})
		}
	}
	t.Run("smtplib/SMTPUTF8", func(t *testing.T) {
		t.Parallel()
		taker := take(t, state, startTLS)
		to := "测试@example.net"
		if _, err := tool(t, state, "", smtplib(startTLS, taker.port, "PLAIN", password, to)...); err != nil {
			t.Fatal(err)
		}
		taker.check(t, to, "PLAIN")
	})
}

// toolState makes a folder for the tools: the letter, and a certificate.
func toolState(t *testing.T) string {
	t.Helper()
	needTools(t)
	state := t.TempDir()
	if err := run("peers/tools.sh", "tls", state); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"letter": letter, "letter.open": strings.TrimSuffix(letter, "\r\n")} {
		if err := os.WriteFile(filepath.Join(state, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return state
}

// A taker is our server, and what it took.
type taker struct {
	mode mode
	port string

	mu     sync.Mutex
	mails  map[string]*taken // by recipient
	traces map[uint64][]string
}

// taken is one mail, and how it came.
type taken struct {
	content []byte
	from    string
	user    string
	session uint64
	secure  bool
}

// take starts our server in one mode, until the test is over.
func take(t *testing.T, state string, mode mode) *taker {
	t.Helper()
	cert, err := tls.LoadX509KeyPair(filepath.Join(state, "tls", "cert.pem"), filepath.Join(state, "tls", "key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	ca, err := os.ReadFile(filepath.Join(state, "tls", "ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	k := &taker{mode: mode, mails: map[string]*taken{}, traces: map[uint64][]string{}}
	server := &smtpd.Server{
		Hostname: "localhost",
		Accounts: accounts(),
		Data:     k.data,
		Trace:    k.trace,
	}
	server.Accounts.ClearText = mode == plain
	server.RequireTLS = mode != plain
	if mode != plain {
		server.TLS = &tls.Config{Certificates: []tls.Certificate{cert}, ClientCAs: roots, ClientAuth: tls.VerifyClientCertIfGiven}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, k.port, _ = net.SplitHostPort(l.Addr().String())
	go func() {
		if mode == implicitTLS {
			server.ServeTLS(l)
		} else {
			server.Serve(l)
		}
	}()
	t.Cleanup(func() { server.Close() })
	return k
}

// accounts know one user, by password, by token and by any certificate of our CA.
func accounts() *sasl.Accounts {
	a := sasl.Users(map[string]string{user: password})
	a.Token = func(_ context.Context, who, what string) error {
		if who != user || what != token {
			return sasl.ErrRefused
		}
		return nil
	}
	a.External = func(_ context.Context, ch sasl.Channel, identity string) (string, error) {
		if len(ch.TLS.VerifiedChains) == 0 || identity != "" && identity != user {
			return "", sasl.ErrRefused
		}
		return user, nil
	}
	return a
}

func (k *taker) data(t *smtpd.Transaction, content io.Reader) smtp.Reply {
	b, err := io.ReadAll(content)
	if err != nil {
		return smtp.Reply{}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, r := range t.Recipients {
		k.mails[r.Path.String()] = &taken{b, t.ReversePath.String(), t.Session.User(), t.Session.Number(), t.Session.TLS() != nil}
	}
	return smtp.Reply{}
}

func (k *taker) trace(e smtp.Event) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.traces[e.Session] = append(k.traces[e.Session], fmt.Sprintf("%v %s", e.Did, e.Line))
}

func (k *taker) mail(to string) *taken {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.mails["<"+to+">"]
}

// said is the conversation that named a recipient.
func (k *taker) said(to string) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, lines := range k.traces {
		if text := strings.Join(lines, "\n"); strings.Contains(text, to) {
			return text
		}
	}
	return "no conversation named " + to
}

// check compares the mail that came for a recipient with the letter.
func (k *taker) check(t *testing.T, to, mechanism string) {
	t.Helper()
	m := k.mail(to)
	if m == nil {
		t.Fatalf("the tool reports that its mail was taken, and it was not")
	}
	if !bytes.Equal(m.content, []byte(letter)) {
		t.Errorf("it arrived changed: %s", difference(string(m.content), letter))
	}
	if m.from != "<accounts@example.net>" {
		t.Errorf("the reverse-path is %s", m.from)
	}
	who := ""
	if mechanism != "" {
		who = user
	}
	if m.secure != (k.mode != plain) {
		t.Errorf("it came over TLS: %v, in mode %v", m.secure, k.mode)
	}
	if m.user != who {
		t.Errorf("it came from %q, not from %q", m.user, who)
	}
	said := k.said(to)
	if mechanism != "" && !strings.Contains(said, "command AUTH "+mechanism) {
		t.Errorf("%s was not spoken:\n%s", mechanism, said)
	}
	if i := slices.IndexFunc([]string{password, token}, func(secret string) bool { return strings.Contains(said, secret) }); i >= 0 {
		t.Errorf("a secret was told:\n%s", said)
	}
}

// difference is where two texts part.
func difference(got, want string) string {
	at := 0
	for at < len(got) && at < len(want) && got[at] == want[at] {
		at++
	}
	from := max(at-20, 0)
	return fmt.Sprintf("at octet %d it is %q, not %q", at, got[from:min(at+40, len(got))], want[from:min(at+40, len(want))])
}
