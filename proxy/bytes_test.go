package proxy_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/proxy"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtptest"
)

// pieces are what streams are made of: what the tap looks for, whole and broken.
var pieces = []string{
	"EHLO x\r\n", "ehlo y\n", "HELO\r\n", "LHLO z\r\n", "MAIL FROM:<a@b.example> BODY=8BITMIME\r\n", "RCPT TO:<c@d.example>\r\n",
	"DATA\r\n", "BDAT 5\r\n", "BDAT 3 LAST\r\n", "BDAT 0 LAST\r\n", "BDAT 99999999999999999999\r\n", "BDAT -1\r\n", "BDAT\r\n",
	"AUTH PLAIN AGEAYg==\r\n", "AUTH LOGIN\r\n", "AUTH\r\n", "*\r\n", "RSET\r\n", "QUIT\r\n", "NOOP\r\n", "XYZZY \x00\xff\r\n",
	".\r\n", "\r\n.\r\n", "\n.\n", "\n.\r\n", "\r\n.\n", "..\r\n", ".x\r\n", "\r", "\n", "\r\n", "\r\r\n", "\x00", "\xe4\xb8\x89\xe6\x9c\x88",
	"220 mx\r\n", "250 ok\r\n", "250-mx\r\n", "250-AUTH PLAIN\r\n", "250 STARTTLS\r\n", "354 go\r\n", "334 \r\n", "235 in\r\n", "535 no\r\n", "421 bye\r\n",
	"221 bye\r\n", "250", "250-", "250\r\n", "999 what\r\n", "+OK pop\r\n", "\x16\x03\x01\x00\x05hello", "GET / HTTP/1.1\r\n", "a", ":", " ",
}

// stream makes what one side says, and how it is cut.
func stream(without ...string) *rapid.Generator[[]byte] {
	return rapid.Custom(func(t *rapid.T) []byte {
		var b []byte
		for range rapid.IntRange(0, 40).Draw(t, "n") {
			piece := rapid.SampledFrom(pieces).Draw(t, "piece")
			if rapid.IntRange(0, 30).Draw(t, "long") == 0 {
				piece = strings.Repeat(piece, rapid.IntRange(1, 3000).Draw(t, "times"))
			}
			for _, w := range without {
				piece = strings.ReplaceAll(piece, w, "")
			}
			b = append(b, piece...)
		}
		for _, w := range without {
			b = bytes.ReplaceAll(b, []byte(w), nil)
		}
		return b
	})
}

// say writes b in pieces, and says that nothing more comes.
func say(conn net.Conn, b []byte, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 1))
	for len(b) > 0 {
		n := 1 + r.IntN(1+r.IntN(1+len(b)))
		n = min(n, len(b))
		conn.Write(b[:n])
		b = b[n:]
		if r.IntN(8) == 0 {
			time.Sleep(time.Duration(r.IntN(200)) * time.Microsecond) // so that reads part elsewhere
		}
	}
	conn.(*net.TCPConn).CloseWrite()
}

// TestEveryOctetPasses: whatever either side says, and however it is cut, the other
// hears the same, octet for octet. Most of it is no SMTP at all.
func TestEveryOctetPasses(t *testing.T) {
	provider, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer provider.Close()
	to := &smtp.Client{Addr: provider.Addr().String(), Security: smtp.Plaintext}
	for name, mode := range map[string]struct {
		p       *proxy.Proxy
		without []string // what would stop a program that does not wait, as it should
		answers []string
	}{
		"transparent":    {p: &proxy.Proxy{To: to}},
		"blind":          {p: &proxy.Proxy{To: to, Blind: true}},
		"whole commands": {p: &proxy.Proxy{To: to, OfferTLS: true}, without: []string{"DATA"}, answers: []string{"250"}},
		"without":        {p: &proxy.Proxy{To: to, Without: []string{"CHUNKING"}}, answers: []string{"250"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := quiet(t, mode.p)
			rapid.Check(t, func(t *rapid.T) {
				up := stream(append(mode.without, "STARTTLS")...).Draw(t, "up")
				down := stream(mode.answers...).Draw(t, "down")
				gotUp, gotDown := exchange(t, b, provider, up, down)
				if !bytes.Equal(gotUp, up) {
					t.Fatalf("the provider heard %q", gotUp)
				}
				if !bytes.Equal(gotDown, down) {
					t.Fatalf("the program heard %q", gotDown)
				}
			})
		})
	}
}

// exchange has both sides say what they have, through a proxy, and gives what each
// heard.
func exchange(t *rapid.T, addr string, provider net.Listener, up, down []byte) (gotUp, gotDown []byte) {
	program, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer program.Close()
	server, err := provider.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	seed := rapid.Uint64().Draw(t, "cuts")
	for _, conn := range []net.Conn{program, server} {
		conn.SetDeadline(time.Now().Add(5 * time.Second))
	}
	heard := make(chan []byte)
	go func() {
		b, _ := io.ReadAll(server)
		heard <- b
	}()
	go say(server, down, seed)
	go say(program, up, seed+1)
	gotDown, _ = io.ReadAll(program)
	return <-heard, gotDown
}

// quiet runs a proxy that is told of nothing, and gives its address.
func quiet(t *testing.T, p *proxy.Proxy) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.Trace = func(smtp.Event) {}
	p.Explain = func(proxy.Finding) {}
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.Serve(l)
	}()
	t.Cleanup(func() {
		p.Close()
		<-done
	})
	return l.Addr().String()
}

// A choppy connection writes and reads in odd pieces.
type choppy struct {
	net.Conn
	r *rand.Rand
}

func (c *choppy) Write(p []byte) (n int, err error) {
	for len(p) > 0 {
		k := 1 + c.r.IntN(len(p))
		if len(p) > 4096 && c.r.IntN(4) > 0 {
			k = len(p)
		}
		m, err := c.Conn.Write(p[:k])
		if n += m; err != nil {
			return n, err
		}
		p = p[k:]
	}
	return n, nil
}

func (c *choppy) Read(p []byte) (int, error) { return c.Conn.Read(p[:1+c.r.IntN(len(p))]) }

// TestContentsArriveAsTheyAre sends contents that are hard to carry, by DATA and by
// BDAT, in odd pieces, through each sort of proxy to a real server.
func TestContentsArriveAsTheyAre(t *testing.T) {
	server := (&smtptest.Server{Security: smtp.StartTLS}).Start(t)
	plain := (&smtptest.Server{Security: smtp.Plaintext}).Start(t)
	for name, p := range map[string]*proxy.Proxy{
		"plain":          {To: provider(plain)},
		"TLS":            {To: provider(server)},
		"whole commands": {To: provider(server), OfferTLS: true},
		"without":        {To: provider(plain), Without: []string{"CHUNKING", "PIPELINING"}},
	} {
		to := plain
		if p.To.Addr == server.Addr() {
			to = server
		}
		addr := quiet(t, p)
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				content := lines().Draw(t, "content")
				seed := rapid.Uint64().Draw(t, "cuts")
				c := &smtp.Client{Addr: addr, Security: smtp.Plaintext, Hello: "localhost"}
				defer c.Close()
				c.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
					conn, err := new(net.Dialer).DialContext(ctx, network, addr)
					return &choppy{conn, rand.New(rand.NewPCG(seed, 2))}, err
				}
				to.Forget()
				_, err := c.Send(context.Background(), raw(content))
				if err != nil {
					t.Fatal(err)
				}
				if got := to.Mails(); len(got) != 1 || !bytes.Equal(got[0].Content, content) {
					t.Fatalf("%d mails arrived, or the content is not the same", len(got))
				}
			})
		})
	}
}

// lines makes a content that SMTP can carry: lines that end by CRLF.
func lines() *rapid.Generator[[]byte] {
	return rapid.Custom(func(t *rapid.T) []byte {
		b := []byte("Subject: x\r\n\r\n")
		for range rapid.IntRange(0, 60).Draw(t, "lines") {
			line := rapid.SampledFrom([]string{
				"", ".", "..", ".x", "...", "三月对账单", "QUIT", "DATA", "BDAT 3 LAST", "250 ok", "AUTH PLAIN x", strings.Repeat("y", 998), "\t", "a\tb",
			}).Draw(t, "line")
			b = fmt.Appendf(b, "%s\r\n", line)
		}
		return b
	})
}

func raw(content []byte) mail.Object {
	to := mail.Recipient{Path: mail.Path{Local: "b", Domain: "example.net"}}
	return &mail.Raw{
		Env:  mail.Envelope{ReversePath: mail.Path{Local: "a", Domain: "example.com"}, Recipients: []mail.Recipient{to}},
		Data: content,
	}
}
