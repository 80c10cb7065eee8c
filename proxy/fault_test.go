package proxy_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/proxy"
	"github.com/parleymail/parley/sasl"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtptest"
)

// A hand is a program, by hand.
type hand struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

func dial(t *testing.T, addr string) *hand {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	return &hand{t, conn, bufio.NewReader(conn)}
}

// says says each of the lines, with CRLF, in one write.
func (h *hand) says(lines ...string) *hand {
	io.WriteString(h.conn, strings.Join(lines, "\r\n")+"\r\n")
	return h
}

// hears reads replies, which must have these codes; 0 is the end.
func (h *hand) hears(codes ...int) *hand {
	h.t.Helper()
	for _, want := range codes {
		if got := h.reply(); got != want {
			h.t.Fatalf("the reply is %d, and %d was expected", got, want)
		}
	}
	return h
}

func (h *hand) reply() (code int) {
	for {
		line, err := h.in.ReadString('\n')
		if err != nil {
			return 0
		}
		fmt.Sscanf(line, "%d", &code)
		if len(line) < 4 || line[3] != '-' {
			return code
		}
	}
}

// mail brings the conversation to 354.
func (h *hand) mail() *hand {
	h.t.Helper()
	return h.hears(220).says("EHLO x").hears(250).says("MAIL FROM:<a@example.com>").hears(250).
		says("RCPT TO:<b@example.net>").hears(250).says("DATA").hears(354)
}

// faultTests makes each fault of a program's.
var faultTests = []struct {
	name   string
	server *served
	change func(*proxy.Proxy)
	do     func(t *testing.T, h *hand)
	want   string
	shown  string // in the conversation
	hidden string // not there
}{
	{name: "all well", do: func(t *testing.T, h *hand) {
		h.mail().says("Subject: x", "", "..x", ".").hears(250).says("QUIT").hears(221, 0)
	}, shown: "C: (content, 18 octets)\nC: .\n"},
	{name: "TLS on the plain port", want: "tls-on-plain-port", do: func(t *testing.T, h *hand) {
		tls.Client(h.conn, &tls.Config{InsecureSkipVerify: true}).Handshake()
	}, shown: "lost track"},
	{name: "HTTP", want: "http-request", do: func(t *testing.T, h *hand) {
		h.says("GET /?token=geheim HTTP/1.1", "Cookie: geheim", "").hears(220)
	}, hidden: "geheim"},
	{name: "plain on the TLS port", want: "plain-on-tls-port", change: func(p *proxy.Proxy) { p.Implicit = true }, do: func(t *testing.T, h *hand) {
		h.says("EHLO x").reply()
	}},
	{name: "plain on the TLS port, waiting", want: "plain-on-tls-port",
		change: func(p *proxy.Proxy) {
			p.Implicit = true
			p.Patience = 20 * time.Millisecond
			p.Timeout = 100 * time.Millisecond
		},
		do: func(t *testing.T, h *hand) { h.hears(0) }},
	{name: "distrusted", want: "certificate-not-trusted", change: func(p *proxy.Proxy) { p.Implicit = true }, do: func(t *testing.T, h *hand) {
		if err := tls.Client(h.conn, &tls.Config{ServerName: "localhost"}).Handshake(); err == nil {
			t.Error("it is trusted")
		}
	}},
	{name: "distrusted, by TLS 1.2", want: "certificate-not-trusted", change: func(p *proxy.Proxy) { p.Implicit = true }, do: func(t *testing.T, h *hand) {
		tls.Client(h.conn, &tls.Config{ServerName: "localhost", MaxVersion: tls.VersionTLS12}).Handshake()
	}},
	{name: "distrusted without a word", want: "certificate-not-trusted", change: func(p *proxy.Proxy) { p.OfferTLS = true }, do: func(t *testing.T, h *hand) {
		h.hears(220).says("EHLO x").hears(250).says("STARTTLS").hears(220)
		tls.Client(h.conn, &tls.Config{InsecureSkipVerify: true}).Handshake()
	}},
	{name: "no TLS that both know", want: "tls-handshake", change: func(p *proxy.Proxy) { p.Implicit = true }, do: func(t *testing.T, h *hand) {
		tls.Client(h.conn, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}).Handshake()
	}},
	{name: "login before STARTTLS", want: "auth-before-starttls tls-required", server: &served{Users: map[string]string{"kim": password}}, do: func(t *testing.T, h *hand) {
		h.hears(220).says("EHLO x").hears(250).says("AUTH PLAIN " + plainResponse()).hears(530).says("QUIT").hears(221)
	}},
	{name: "login twice", want: "auth-not-needed", server: &served{Security: smtp.Plaintext, Users: map[string]string{"kim": password}},
		change: func(p *proxy.Proxy) { p.To.Auth = sasl.Password("kim", password) }, do: func(t *testing.T, h *hand) {
			h.hears(220).says("EHLO x").hears(250).says("AUTH PLAIN " + plainResponse()).hears(503).says("QUIT").hears(221)
		}},
	{name: "STARTTLS twice", want: "starttls-not-needed", server: &served{Security: smtp.ImplicitTLS}, do: func(t *testing.T, h *hand) {
		h.hears(220).says("EHLO x").hears(250).says("STARTTLS").reply()
		h.says("QUIT").hears(221)
	}},
	{name: "talks before the greeting", want: "spoke-before-greeting", change: slow, do: func(t *testing.T, h *hand) {
		h.says("EHLO x").hears(220, 250).says("QUIT").hears(221)
	}},
	{name: "does not wait", want: "pipelining-not-offered", change: slow, server: &served{Security: smtp.Plaintext, Without: []string{"PIPELINING"}}, do: func(t *testing.T, h *hand) {
		h.hears(220).says("EHLO x").hears(250).says("MAIL FROM:<a@example.com>", "RCPT TO:<b@example.net>").hears(250, 250).says("QUIT").hears(221)
	}},
	{name: "behind STARTTLS", want: "octets-behind-starttls", server: &served{}, do: func(t *testing.T, h *hand) {
		h.hears(220).says("EHLO x").hears(250).says("STARTTLS", "RSET").hears(0)
	}},
	{name: "behind STARTTLS here", want: "octets-behind-starttls", change: func(p *proxy.Proxy) { p.OfferTLS = true }, do: func(t *testing.T, h *hand) {
		h.hears(220).says("EHLO x").hears(250).says("STARTTLS", "RSET").hears(554, 0)
	}},
	{name: "bare LF in a command", want: "bare-lf-in-command", do: func(t *testing.T, h *hand) {
		h.hears(220)
		io.WriteString(h.conn, "EHLO x\n")
		h.reply()
	}},
	{name: "bare LF, bare CR, long line, single dot", want: "bare-lf-in-content bare-cr-in-content dot-not-doubled line-too-long bare-lf", do: func(t *testing.T, h *hand) {
		h.mail().says("Subject: x\n", "\rx", ".x", strings.Repeat("y", 999), ".").hears(554)
	}},
	{name: "eight bits", want: "eight-bit-not-declared", server: &served{Security: smtp.Plaintext, Without: []string{"8BITMIME"}}, do: func(t *testing.T, h *hand) {
		h.mail().says("Subject: 三月", "", ".").hears(250).says("QUIT").hears(221)
	}},
	{name: "no QUIT", want: "no-quit", do: func(t *testing.T, h *hand) {
		h.mail().says("Subject: x", "", ".").hears(250).conn.Close()
	}},
	{name: "finds no login", want: "went-after-ehlo", server: &served{Security: smtp.Plaintext, Users: map[string]string{"kim": password}},
		change: func(p *proxy.Proxy) { p.To.Auth = sasl.Password("kim", password) }, do: func(t *testing.T, h *hand) {
			h.hears(220).says("EHLO x").hears(250).says("QUIT").hears(221)
		}},
	{name: "finds nothing", want: "went-after-ehlo", do: func(t *testing.T, h *hand) {
		h.hears(220).says("EHLO x").hears(250).conn.Close()
	}},
	{name: "not a word", want: "nothing-said", do: func(t *testing.T, h *hand) { h.hears(220).conn.Close() }},
	{name: "gives up in the content", want: "hung-up-in-content", do: func(t *testing.T, h *hand) {
		h.mail().says("Subject: x").conn.Close()
	}, shown: "C: (content, 12 octets)"},
	{name: "silence", want: "program-silent", change: func(p *proxy.Proxy) { p.Patience = 20 * time.Millisecond; p.Timeout = 200 * time.Millisecond },
		do: func(t *testing.T, h *hand) { h.hears(220, 0) }, shown: "neither side said anything"},
	{name: "a refusal", want: "recipient-unknown", do: func(t *testing.T, h *hand) {
		h.hears(220).says("EHLO x").hears(250).says("MAIL FROM:<a@example.com>").hears(250).says("RCPT TO:<nobody@example.net>").hears(550).says("QUIT").hears(221)
	}},
	{name: "other protocols' passwords", do: func(t *testing.T, h *hand) {
		h.hears(220).says("USER kim").hears(500).says("PASS geheim").hears(500).says("a1 LOGIN kim geheim").hears(500).says("geheim:geheim").hears(500).says("QUIT").hears(221)
	}, want: "*", hidden: "geheim", shown: "C: PASS (secret)"},
}

// TestFaults makes each fault, and sees that it is found, alone.
func TestFaults(t *testing.T) {
	for _, test := range faultTests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if test.server == nil {
				test.server = &served{Security: smtp.Plaintext}
			}
			server := test.server.start(t)
			server.Refuse(smtp.StageRcpt, "*nobody*", "550 5.1.1 <nobody@example.net>: Recipient address rejected: User unknown")
			p := &proxy.Proxy{To: provider(server)}
			p.To.Auth = nil
			if test.server.Security != smtp.ImplicitTLS {
				p.To.Security = smtp.Plaintext
			}
			if test.change != nil {
				test.change(p)
			}
			b := run(t, p)
			h := dial(t, b.addr)
			test.do(t, h)
			h.conn.Close()
			b.closed(t, 1)
			if got := b.faults(); !sameFaults(got, test.want) {
				t.Errorf("found: %s; expected: %s", got, test.want)
			}
			said := b.said()
			if !strings.Contains(said, test.shown) {
				t.Errorf("%q is not told", test.shown)
			}
			if test.hidden != "" && strings.Contains(said, test.hidden) {
				t.Errorf("%q is told", test.hidden)
			}
		})
	}
}

// slow makes the provider's answers come late, so that who does not wait is seen.
func slow(p *proxy.Proxy) {
	p.To.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, addr)
		return &late{conn}, err
	}
}

type late struct{ net.Conn }

func (l *late) Read(p []byte) (int, error) {
	n, err := l.Conn.Read(p)
	time.Sleep(30 * time.Millisecond)
	return n, err
}

func plainResponse() string {
	return base64.StdEncoding.EncodeToString([]byte("\x00kim\x00" + password))
}

// sameFaults compares, whatever the order; the last word wanted may be the begin of
// what the provider's own words mean.
func sameFaults(got, want string) bool {
	if want == "*" {
		return true // it is told elsewhere what a provider's words mean
	}
	g, w := strings.Fields(got), strings.Fields(want)
	slices.Sort(g)
	slices.Sort(w)
	return slices.EqualFunc(g, w, strings.HasPrefix)
}

// TestProviderFaults has a provider that is none, or goes.
func TestProviderFaults(t *testing.T) {
	for _, test := range []struct {
		name    string
		says    string // the provider, at once
		program func(h *hand)
		want    string
		shown   string
		stays   bool // the provider does, and says nothing more
	}{
		{name: "another protocol", says: "+OK POP3 ready\r\n", want: "provider-not-smtp", shown: "lost track",
			program: func(h *hand) { h.in.ReadString('\n') }},
		{name: "goes after the greeting", says: "220 mx\r\n", want: "provider-hung-up",
			program: func(h *hand) { h.hears(220, 0) }},
		{name: "says 421 and goes", says: "220 mx\r\n421 4.4.2 idle for too long\r\n", want: "timeout",
			program: func(h *hand) { h.hears(220, 421, 0) }, shown: "of its own accord"},
		{name: "refuses the connection", says: "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org\r\n", want: "ip-reputation",
			program: func(h *hand) { h.hears(554, 0) }},
		{name: "says nothing", stays: true, want: "provider-silent",
			program: func(h *hand) { h.hears(0) }, shown: "neither side said anything"},
		{name: "takes a loose dot for the end", says: "220 mx\r\n250 hi\r\n250 ok\r\n250 ok\r\n354 go\r\n", stays: true, want: "bare-lf-in-content content-ended-loosely no-quit",
			program: func(h *hand) {
				h.mail()
				io.WriteString(h.conn, "Subject: x\n\n.\n")
				h.hears(250)
			}, shown: "S: 250 taken\n"},
		{name: "does not wait for the verdict", says: "220 mx\r\n250 hi\r\n250 ok\r\n250 ok\r\n354 go\r\n", stays: true, want: "hung-up-before-verdict",
			program: func(h *hand) {
				h.mail().says("Subject: x", "", ".")
				time.Sleep(20 * time.Millisecond)
			}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			go stooge(l, test.says, test.stays)
			p := &proxy.Proxy{To: &smtp.Client{Addr: l.Addr().String(), Security: smtp.Plaintext}}
			if test.says == "" {
				p.Patience, p.Timeout = 50*time.Millisecond, 300*time.Millisecond
			}
			b := run(t, p)
			h := dial(t, b.addr)
			test.program(h)
			h.conn.Close()
			b.closed(t, 1)
			if got := b.faults(); !sameFaults(got, test.want) {
				t.Errorf("found: %s; expected: %s", got, test.want)
			}
			if !strings.Contains(b.said(), test.shown) {
				t.Errorf("%q is not told", test.shown)
			}
		})
	}
}

// stooge says a reply to each line it hears, of those it has; and 250 to a loose
// dot.
func stooge(l net.Listener, says string, stays bool) {
	conn, err := l.Accept()
	if err != nil {
		return
	}
	defer conn.Close()
	in := bufio.NewReader(conn)
	for i, line := range slices.Collect(strings.Lines(says)) {
		if i > 0 && !strings.HasPrefix(line, "421") {
			if _, err := in.ReadString('\n'); err != nil {
				return
			}
		}
		io.WriteString(conn, line)
	}
	for stays {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		if line == ".\n" {
			io.WriteString(conn, "250 taken\r\n")
		}
	}
}

// TestNoProvider: the program hears 421 and why, and the person cause and fix.
func TestNoProvider(t *testing.T) {
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone.Close()
	bad := (&smtptest.Server{Users: map[string]string{"kim": password}}).Start(t)
	noTLS := (&smtptest.Server{Security: smtp.Plaintext}).Start(t)
	refusing := (&smtptest.Server{}).Start(t)
	refusing.Refuse(smtp.StageGreeting, "", "554 5.7.1 not you")
	for name, test := range map[string]struct {
		to   *smtp.Client
		code int
		kind string
	}{
		"refused port":     {&smtp.Client{Addr: gone.Addr().String()}, 421, "connection-refused"},
		"no such host":     {&smtp.Client{Addr: "nowhere.invalid:25"}, 421, "dns-failure"},
		"no STARTTLS":      {&smtp.Client{Addr: noTLS.Addr()}, 421, "starttls-unavailable"},
		"TLS on plain":     {&smtp.Client{Addr: noTLS.Addr(), Security: smtp.ImplicitTLS}, 421, "wrong-port-or-tls-mode"},
		"bad certificate":  {&smtp.Client{Addr: bad.Addr()}, 421, "certificate"},
		"wrong password":   {&smtp.Client{Addr: bad.Addr(), TLS: bad.Client().TLS, Auth: sasl.Password("kim", "wrong")}, 421, "auth-bad-credential"},
		"refused greeting": {&smtp.Client{Addr: refusing.Addr()}, 554, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := run(t, &proxy.Proxy{To: test.to})
			h := dial(t, b.addr).hears(test.code, 0)
			h.conn.Close()
			b.closed(t, 1)
			b.mu.Lock()
			defer b.mu.Unlock()
			if len(b.findings) != 1 {
				t.Fatalf("%d findings", len(b.findings))
			}
			f := b.findings[0]
			if f.Fault != proxy.NoProvider || test.kind != "" && f.Diagnosis.Kind != diagnose.Kind(test.kind) {
				t.Errorf("%s, %s", f.Fault, f.Diagnosis.Kind)
			}
			if f.Diagnosis.Cause.En == "" || f.Diagnosis.Fix.En == "" {
				t.Error("no cause, or no fix")
			}
		})
	}
}

// TestNothingShowsASecret greps all that is told, of every mechanism, whoever
// logs in and however it ends, for the password and what is made of it.
func TestNothingShowsASecret(t *testing.T) {
	server := (&smtptest.Server{Security: smtp.Plaintext, Users: map[string]string{"kim": password}}).Start(t)
	parrot := (&smtptest.Server{Security: smtp.Plaintext, Users: map[string]string{"kim": password}}).Start(t)
	parrot.Fault(smtptest.Fault{Stage: smtp.StageAuth, Say: "535 5.7.8 no: " + plainResponse() + " " + password + " " + base64.StdEncoding.EncodeToString([]byte(password))})
	parrot.Fault(smtptest.Fault{Stage: smtp.StageMail, Say: "550 5.7.1 you said AUTH PLAIN " + plainResponse()[:20]})
	for _, to := range []*smtptest.Server{server, parrot} {
		for _, mechanism := range []string{"PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256", "SCRAM-SHA-1"} {
			for _, who := range []string{"program", "proxy", "both"} {
				if to == parrot && who == "program" && mechanism != "PLAIN" {
					continue // the password was not said, and nobody but the provider knows it
				}
				t.Run(mechanism+" by "+who, func(t *testing.T) {
					t.Parallel()
					creds := sasl.Only(mechanism, sasl.Password("kim", password))
					p := &proxy.Proxy{To: provider(to)}
					c := &smtp.Client{Security: smtp.Plaintext, Hello: "localhost"}
					if p.To.Auth = nil; who != "program" {
						p.To.Auth = creds
					}
					if who != "proxy" {
						c.Auth = creds
					}
					p.AcceptLogin = who == "both"
					b := run(t, p)
					c.Addr = b.addr
					c.Send(t.Context(), letter())
					c.Close()
					b.closed(t, 1)
					b.noSecret(t)
				})
			}
		}
	}
	t.Run("by hand", func(t *testing.T) {
		secret := base64.StdEncoding.EncodeToString([]byte(password))
		for _, lines := range [][]string{
			{"AUTH LOGIN", "a2lt", secret}, {"AUTH LOGIN", "", "", secret}, {"AUTH " + secret}, {"auth\tplain " + secret}, {" AUTH PLAIN " + secret},
			{"AUTH PLAIN", secret}, {"AUTH PLAIN " + password}, {"AUTH XYZ " + secret, secret}, {"AUTH LOGIN kim", secret, "RSET", secret},
			{password}, {secret}, {"LOGIN kim " + password}, {"XAUTH " + secret}, {"PASS " + password, password}, {"NOOP", "AUTH PLAIN", "*", secret},
		} {
			b := run(t, &proxy.Proxy{To: &smtp.Client{Addr: server.Addr(), Security: smtp.Plaintext}})
			h := dial(t, b.addr).hears(220).says("EHLO x").hears(250)
			for _, line := range lines {
				h.says(line).reply()
			}
			h.conn.Close()
			b.closed(t, 1)
			b.noSecret(t)
		}
	})
}

// noSecret looks for the password in all that was told.
func (b *bench) noSecret(t *testing.T) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	var all bytes.Buffer
	fmt.Fprintf(&all, "%s\n%+v\n%v\n%+v\n", b.events, b.events, b.proxy, b.proxy)
	for _, f := range b.findings {
		fmt.Fprintf(&all, "%+v\n", f)
	}
	for _, secret := range []string{
		password, plainResponse(), plainResponse()[:16], base64.StdEncoding.EncodeToString([]byte(password)), base64.StdEncoding.EncodeToString([]byte(password))[:12],
	} {
		if strings.Contains(all.String(), secret) {
			t.Errorf("%q is told", secret)
		}
	}
}
