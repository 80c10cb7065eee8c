package interop_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parleymail/parley/proxy"
	"github.com/parleymail/parley/sasl"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/transcript"
)

// passing are the ways in which the proxy stands between a program and Postfix.
var passing = []struct {
	name   string
	inside mode   // how the program speaks
	port   string // of Postfix
	change func(*proxy.Proxy)
	login  bool // the program logs in itself
	lies   bool // by a password that is not the one
}{
	{name: "transparent", inside: plain, port: "PLAIN", login: true},
	{name: "TLS for the program", inside: plain, port: "TLS", change: secured(smtp.ImplicitTLS), login: true},
	{name: "STARTTLS and a login for the program", inside: plain, port: "STARTTLS", change: func(p *proxy.Proxy) {
		p.To.Security = smtp.StartTLS
		p.To.Auth = sasl.Password(peerUser, peerPassword)
	}},
	{name: "any login", inside: plain, port: "STARTTLS", login: true, lies: true, change: func(p *proxy.Proxy) {
		p.To.Security = smtp.StartTLS
		p.To.Auth = sasl.Password(peerUser, peerPassword)
		p.AcceptLogin = true
	}},
	{name: "STARTTLS on both sides", inside: startTLS, port: "STARTTLS", login: true},
	{name: "STARTTLS offered by the proxy", inside: startTLS, port: "TLS", login: true, change: func(p *proxy.Proxy) {
		p.To.Security = smtp.ImplicitTLS
		p.OfferTLS = true
	}},
	{name: "TLS on both sides", inside: implicitTLS, port: "TLS", login: true, change: func(p *proxy.Proxy) {
		p.To.Security = smtp.ImplicitTLS
		p.Implicit = true
	}},
}

func secured(s smtp.Security) func(*proxy.Proxy) {
	return func(p *proxy.Proxy) { p.To.Security = s }
}

// Who may use the peers; peers/lib.sh has it too.
const (
	peerUser     = "kim"
	peerPassword = "Geheim, süß = 密码"
)

// programs are what speaks through the proxy. Each gives what it means to send.
var programs = []struct {
	name string
	send func(t *testing.T, state string, mode mode, port, user, password, to string) (sent string, err error)
}{
	{"swaks", byTool(swaks, "LOGIN")}, {"msmtp", byTool(msmtp, "PLAIN")}, {"curl", byTool(curl, "PLAIN")}, {"smtplib", byTool(smtplib, "LOGIN")}, {"phpmailer", byPHPMailer},
}

// byTool sends the letter by one of the tools.
func byTool(argv func(mode mode, port, mechanism, secret, to string) []string, mechanism string) func(*testing.T, string, mode, string, string, string, string) (string, error) {
	return func(t *testing.T, state string, mode mode, port, user, password, to string) (string, error) {
		m := mechanism
		if user == "" {
			m = ""
		}
		_, err := tool(t, state, "", argv(mode, port, m, password, to)...)
		return letter, err
	}
}

// byPHPMailer sends a mail of PHPMailer's own making.
func byPHPMailer(t *testing.T, state string, mode mode, port, user, password, to string) (string, error) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "peers/php.sh", "run", state, "php.default", "/peers/phpmailer.php", mode.String(), port, user, password, "accounts@example.net", to, "/state/sent-"+to)
	cmd.WaitDelay = 5 * time.Second
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("php: %w: %s", err, out)
	}
	sent, err := os.ReadFile(filepath.Join(state, "sent-"+to))
	return string(sent), err
}

func needPHP(t *testing.T) {
	t.Helper()
	if out, err := exec.Command("peers/php.sh", "run", t.TempDir(), "php.default", "-r", "exit(0);").CombinedOutput(); err != nil {
		missing(t, "php", string(out))
	}
}

// TestProxy has real programs send through the proxy to a real Postfix, in each way of
// being between. In clear text all octets that went over are compared at both ends,
// both ways; and always what was delivered with what was sent.
func TestProxy(t *testing.T) {
	needTools(t)
	needPHP(t)
	postfix := start(t, "postfix")
	inbox := maildir(postfix.state + "/mail/inbox")
	state := toolState(t)
	for i, way := range passing {
		for _, program := range programs {
			t.Run(way.name+"/"+program.name, func(t *testing.T) {
				t.Parallel()
				b := between(t, state, postfix, way.port, way.change)
				to := fmt.Sprintf("proxy.%d.%s@example.net", i, program.name)
				user, password := peerUser, peerPassword
				switch {
				case way.lies:
					password = "not the password"
				case !way.login, program.name == "smtplib": // it can say no password that is not ASCII
					user = ""
				}
				sent, err := program.send(t, state, way.inside, b.port, user, password, to)
				if err != nil {
					t.Fatalf("%v\n%s", err, b.said())
				}
				b.proxy.Close()
				if way.inside == plain && way.port == "PLAIN" {
					b.same(t)
				}
				b.noSecret(t)
				cameThrough(t, inbox, to, sent)
			})
		}
	}
}

// cameThrough compares what was delivered to somebody with what was sent. Postfix adds to
// the header, and keeps mail with LF.
func cameThrough(t *testing.T, inbox maildir, to, sent string) {
	t.Helper()
	var got string
	inbox.watch(t, func(d delivered) bool {
		if d.recipients()[0] != to {
			return false
		}
		content, err := os.ReadFile(d.file)
		if err != nil {
			t.Fatal(err)
		}
		got = string(content)
		return true
	})
	want := strings.TrimRight(strings.ReplaceAll(sent, "\r\n", "\n"), "\n")
	begin, _, _ := strings.Cut(want, "\n")
	at := strings.Index(got, begin)
	if got == "" || at < 0 {
		t.Fatalf("what was sent did not arrive: %d octets did", len(got))
	}
	if got := strings.TrimRight(got[at:], "\n"); got != want {
		t.Errorf("it arrived changed: %s", difference(got, want))
	}
}

// A standing is a proxy that stands before Postfix.
type standing struct {
	proxy *proxy.Proxy
	port  string

	mu       sync.Mutex
	events   transcript.Transcript
	findings []proxy.Finding
	ends     [4]bytes.Buffer // octets: from and to the program, from and to the provider
}

const (
	fromProgram = iota
	toProgram
	fromProvider
	toProvider
)

// between starts a proxy.
func between(t *testing.T, state string, postfix *peer, port string, change func(*proxy.Proxy)) *standing {
	t.Helper()
	cert, err := tls.LoadX509KeyPair(filepath.Join(state, "tls", "cert.pem"), filepath.Join(state, "tls", "key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	b := new(standing)
	b.proxy = &proxy.Proxy{
		To: &smtp.Client{
			Addr: postfix.addr(port), Security: smtp.Plaintext, TLS: &tls.Config{RootCAs: postfix.roots}, Hello: "localhost",
			DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
				conn, err := new(net.Dialer).DialContext(ctx, network, addr)
				return &heard{Conn: conn, b: b, in: fromProvider, out: toProvider}, err
			},
		},
		TLS:     &tls.Config{Certificates: []tls.Certificate{cert}},
		Trace:   b.trace,
		Explain: b.explain,
	}
	if change != nil {
		change(b.proxy)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, b.port, _ = net.SplitHostPort(l.Addr().String())
	done := make(chan struct{})
	go func() {
		defer close(done)
		b.proxy.Serve(&hearing{l, b})
	}()
	t.Cleanup(func() {
		b.proxy.Close()
		<-done
	})
	return b
}

// hearing keeps what goes over its connections.
type hearing struct {
	net.Listener
	b *standing
}

func (l *hearing) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &heard{Conn: conn, b: l.b, in: fromProgram, out: toProgram}, nil
}

type heard struct {
	net.Conn
	b       *standing
	in, out int
}

func (h *heard) Read(p []byte) (int, error) {
	n, err := h.Conn.Read(p)
	h.b.keep(h.in, p[:n])
	return n, err
}

func (h *heard) Write(p []byte) (int, error) {
	n, err := h.Conn.Write(p)
	h.b.keep(h.out, p[:n])
	return n, err
}

func (h *heard) CloseWrite() error { return h.Conn.(*net.TCPConn).CloseWrite() }

func (b *standing) keep(end int, p []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ends[end].Write(p)
}

func (b *standing) trace(e smtp.Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.events = append(b.events, e)
}

func (b *standing) explain(f proxy.Finding) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.findings = append(b.findings, f)
}

func (b *standing) said() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.events.String()
}

// same compares what went over both ends, octet for octet.
func (b *standing) same(t *testing.T) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, way := range [][2]int{{fromProgram, toProvider}, {fromProvider, toProgram}} {
		said, passed := b.ends[way[0]].String(), b.ends[way[1]].String()
		if said == "" || said != passed {
			t.Errorf("%d octets were said, %d passed on: %s", len(said), len(passed), difference(passed, said))
		}
	}
}

// noSecret looks for the password in all that was told, and sees that something was.
func (b *standing) noSecret(t *testing.T) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	all := fmt.Sprintf("%s%+v%+v", b.events, b.events, b.findings)
	if !strings.Contains(all, "MAIL FROM:<accounts@example.net>") && !strings.Contains(all, "mail FROM:<accounts@example.net>") {
		t.Errorf("the conversation was not seen:\n%s", b.events)
	}
	for _, secret := range []string{
		peerPassword, base64.StdEncoding.EncodeToString([]byte(peerPassword)),
		base64.StdEncoding.EncodeToString([]byte("\x00" + peerUser + "\x00" + peerPassword)),
	} {
		if strings.Contains(all, secret) {
			t.Errorf("a secret is told:\n%s", b.events)
		}
	}
	for _, f := range b.findings {
		t.Logf("found: %v %s %s", f.Side, f.Fault, f.Diagnosis.Cause.En)
	}
}
