package proxy_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/proxy"
	"github.com/parleymail/parley/sasl"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtptest"
	"github.com/parleymail/parley/transcript"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A bench is a proxy that runs, and all that it tells.
type bench struct {
	addr  string
	proxy *proxy.Proxy

	mu       sync.Mutex
	events   transcript.Transcript
	findings []proxy.Finding
}

// listen takes a free port.
func listen(t testing.TB) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// run starts a proxy before a test's server.
func run(t *testing.T, p *proxy.Proxy) *bench {
	t.Helper()
	b := &bench{proxy: p}
	l := listen(t)
	b.addr = l.Addr().String()
	print := transcript.Print(t.Output())
	p.Trace = func(e smtp.Event) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.events = append(b.events, e)
		print(e)
	}
	p.Explain = func(f proxy.Finding) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.findings = append(b.findings, f)
		fmt.Fprintf(t.Output(), "   cause: %s\n   fix: %s\n", f.Diagnosis.Cause.En, f.Diagnosis.Fix.En)
	}
	served := make(chan error, 1)
	go func() { served <- p.Serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := p.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if err := <-served; err != proxy.ErrClosed {
			t.Errorf("Serve: %v", err)
		}
	})
	return b
}

// said is the conversation so far.
func (b *bench) said() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.events.String()
}

// closed waits until so many sessions are over.
func (b *bench) closed(t *testing.T, n int) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		if strings.Count(b.said(), "-- closed") >= n {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("the session does not end:\n%s", b.said())
		}
	}
}

func (b *bench) faults() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var list []string
	for _, f := range b.findings {
		if f.Fault == "" {
			list = append(list, string(f.Diagnosis.Kind))
			continue
		}
		list = append(list, string(f.Fault))
	}
	return strings.Join(list, " ")
}

// provider is how the proxy reaches a test's server.
func provider(s *smtptest.Server) *smtp.Client {
	c := s.Client()
	c.Trace = nil
	return c
}

func letter() *mail.Message {
	return &mail.Message{
		From: mail.Address{Address: "accounts@example.com"}, To: mail.To("kim@example.net"),
		Subject: "三月对账单", Text: "见附件。\n.dot\n..dots\n" + strings.Repeat("x", 900) + "\n",
		Attach: []mail.Part{mail.Bytes("statement.bin", []byte(strings.Repeat("\x00\xff\r\n.\n", 5000)))},
	}
}

const password = "Geheim, süß = 密码"

// A served is what is asked of a test's server.
type served struct {
	Security smtp.Security
	Users    map[string]string
	Without  []string
}

func (s *served) start(t *testing.T) *smtptest.Server {
	return (&smtptest.Server{Security: s.Security, Users: s.Users, Without: s.Without}).Start(t)
}

// modes are the ways of being between.
var modes = []struct {
	name    string
	server  *served
	change  func(*proxy.Proxy)
	program func(*smtp.Client)
	wants   []string
	without []string
}{
	{name: "plain to plain", server: &served{Security: smtp.Plaintext, Users: map[string]string{"kim": password}},
		program: login, wants: []string{"C: AUTH SCRAM-SHA-256 (secret)", "-- closed, 1 mail was taken, 4"}},
	{name: "plain to STARTTLS", server: &served{Users: map[string]string{"kim": password}},
		program: login, wants: []string{"TLS 1.3 started"}, without: []string{"C: STARTTLS", "S: 250-STARTTLS"}},
	{name: "plain to TLS", server: &served{Security: smtp.ImplicitTLS, Users: map[string]string{"kim": password}},
		program: login, wants: []string{"TLS 1.3 started"}},
	{name: "STARTTLS through both", server: &served{Users: map[string]string{"kim": password}},
		change:  func(p *proxy.Proxy) { p.To.Security = smtp.Plaintext },
		program: func(c *smtp.Client) { login(c); c.Security = smtp.StartTLS },
		wants:   []string{"C: STARTTLS", "with the provider", "with the program", "C: AUTH"}},
	{name: "STARTTLS blind", server: &served{Users: map[string]string{"kim": password}},
		change:  func(p *proxy.Proxy) { p.To.Security = smtp.Plaintext; p.Blind = true },
		program: func(c *smtp.Client) { login(c); c.Security = smtp.StartTLS },
		wants:   []string{"C: STARTTLS", "lost track"}, without: []string{"C: AUTH"}},
	{name: "STARTTLS offered by the proxy", server: &served{Security: smtp.ImplicitTLS, Users: map[string]string{"kim": password}},
		change:  func(p *proxy.Proxy) { p.OfferTLS = true },
		program: func(c *smtp.Client) { login(c); c.Security = smtp.StartTLS },
		wants:   []string{"C: STARTTLS", "with the program", "S: 220 2.0.0 ready"}},
	{name: "TLS to TLS", server: &served{Users: map[string]string{"kim": password}},
		change:  func(p *proxy.Proxy) { p.Implicit = true },
		program: func(c *smtp.Client) { login(c); c.Security = smtp.ImplicitTLS }},
	{name: "TLS to plain", server: &served{Security: smtp.Plaintext},
		change:  func(p *proxy.Proxy) { p.Implicit = true },
		program: func(c *smtp.Client) { c.Security = smtp.ImplicitTLS }},
	{name: "login by the proxy", server: &served{Users: map[string]string{"kim": password}},
		change: func(p *proxy.Proxy) { p.To.Auth = sasl.Password("kim", password) },
		wants:  []string{"logged in at the provider", "not told of AUTH"}, without: []string{"C: AUTH"}},
	{name: "any login", server: &served{Users: map[string]string{"kim": password}},
		change:  func(p *proxy.Proxy) { p.To.Auth = sasl.Password("kim", password); p.AcceptLogin = true },
		program: func(c *smtp.Client) { c.Auth = sasl.Only("PLAIN", sasl.Password("whoever", "a wrong password")) },
		wants:   []string{"C: AUTH PLAIN (secret)", "answered by the proxy"}},
	{name: "any login, in two steps", server: &served{Users: map[string]string{"kim": password}},
		change:  func(p *proxy.Proxy) { p.To.Auth = sasl.Password("kim", password); p.AcceptLogin = true },
		program: func(c *smtp.Client) { c.Auth = sasl.Only("LOGIN", sasl.Password("whoever", "a wrong password")) },
		wants:   []string{"C: AUTH LOGIN", "S: 334 UGFzc3dvcmQ6"}},
	{name: "without CHUNKING and PIPELINING", server: &served{Security: smtp.Plaintext},
		change: func(p *proxy.Proxy) { p.Without = []string{"chunking", "PIPELINING"} },
		wants:  []string{"C: DATA", "C: ."}, without: []string{"C: BDAT"}},
}

// TestModes sends through each way of being between, and compares what arrives.
func TestModes(t *testing.T) {
	for _, test := range modes {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			server := test.server.start(t)
			p := &proxy.Proxy{To: provider(server)}
			p.To.Auth = nil
			if test.change != nil {
				test.change(p)
			}
			b := run(t, p)
			c := &smtp.Client{Addr: b.addr, Security: smtp.Plaintext, Hello: "localhost", TLS: trusts(t, p)}
			if test.program != nil {
				test.program(c)
			}
			if p.Blind {
				c.TLS = provider(server).TLS
			}
			m := letter()
			if _, err := c.Send(t.Context(), m); err != nil {
				t.Fatal(err)
			}
			c.Close()
			b.closed(t, 1)
			got := server.Mails()
			if len(got) != 1 || got[0].ReversePath.String() != "<accounts@example.com>" {
				t.Fatalf("%d mails arrived", len(got))
			}
			said := b.said()
			for _, want := range append(test.wants, "-- connected from 127.0.0.1", "-- closed") {
				if !strings.Contains(said, want) {
					t.Errorf("%q is not told", want)
				}
			}
			for _, without := range test.without {
				if strings.Contains(said, without) {
					t.Errorf("%q is told", without)
				}
			}
			if f := b.faults(); f != "" {
				t.Errorf("found: %s", f)
			}
		})
	}
}

func login(c *smtp.Client) { c.Auth = sasl.Password("kim", password) }

// trusts is what a program believes that was given the proxy's certificate.
func trusts(t *testing.T, p *proxy.Proxy) *tls.Config {
	t.Helper()
	cert, err := p.Certificate()
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(cert)
	return &tls.Config{RootCAs: roots}
}
