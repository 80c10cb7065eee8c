package smtp_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parleymail/parley/smtp"
)

// listen makes the fake listen for real, and gives its address.
func (f *fake) listen(t *testing.T, network, addr string) string {
	t.Helper()
	l, err := net.Listen(network, addr)
	if err != nil {
		t.Skipf("no %s here: %v", network, err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			f.mu.Lock()
			n := len(f.sessions)
			f.sessions = append(f.sessions, nil)
			f.mu.Unlock()
			if f.implicit {
				conn = tls.Server(conn, f.tls)
			}
			go f.serve(conn, n)
		}
	}()
	return l.Addr().String()
}

func TestDialsWhatAddrSays(t *testing.T) {
	for _, test := range []struct{ network, listen string }{
		{"tcp", "127.0.0.1:0"}, {"tcp", "[::1]:0"}, {"unix", filepath.Join(t.TempDir(), "lmtp.sock")},
	} {
		f := new(fake)
		c := &smtp.Client{Addr: f.listen(t, test.network, test.listen), LMTP: test.network == "unix"}
		if test.network == "tcp" {
			c.Security = smtp.Plaintext
		}
		if _, err := c.Send(ctx, letter("b@example.net")); err != nil {
			t.Errorf("%v: %v", test, err)
		}
		c.Close()
		verb := map[string]string{"tcp": "EHLO", "unix": "LHLO"}[test.network]
		if said := f.said(0); !strings.HasPrefix(said[0], verb+" ") || strings.Contains(said[0], "localhost") && test.network == "tcp" {
			t.Errorf("%v: said %q", test, said[0])
		}
	}
}

func TestAddrThatIsNone(t *testing.T) {
	for addr, text := range map[string]string{
		"": "no address", "mx.example:smtp": "not a number from 1 to 65535", "mx.example:0": "not a number",
		"a:b:c": "not host:port", ":25": "names no host", "mx.example\r\nX:25": "control character", "mx.example:99999": "not a number",
	} {
		_, err := (&smtp.Client{Addr: addr}).Send(ctx, letter("b@example.net"))
		wantErr(t, err, smtp.Invalid, smtp.StageDial, text)
	}
	_, err := (&smtp.Client{Addr: "mx.example", LMTP: true}).Send(ctx, letter("b@example.net"))
	wantErr(t, err, smtp.Invalid, smtp.StageDial, "LMTP has no usual one")
}

func TestUsualPorts(t *testing.T) {
	for _, test := range []struct {
		security smtp.Security
		addr     string
	}{{smtp.Automatic, "mx.example:587"}, {smtp.StartTLS, "mx.example:587"}, {smtp.ImplicitTLS, "mx.example:465"}} {
		c := &smtp.Client{Addr: "mx.example", Security: test.security}
		got := ""
		c.DialContext = func(_ context.Context, network, addr string) (net.Conn, error) {
			got = addr
			return nil, io.EOF
		}
		_, err := c.Send(ctx, letter("b@example.net"))
		wantErr(t, err, smtp.Unreachable, smtp.StageDial, "EOF")
		if got != test.addr {
			t.Errorf("dialled %s, want %s", got, test.addr)
		}
	}
}

func TestLocalAddr(t *testing.T) {
	f := new(fake)
	from := make(chan string, 1)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	f.sessions = append(f.sessions, nil)
	go func() {
		if conn, err := l.Accept(); err == nil {
			from <- conn.RemoteAddr().String()
			f.serve(conn, 0)
		}
	}()
	c := &smtp.Client{Addr: l.Addr().String(), Security: smtp.Plaintext, LocalAddr: &net.TCPAddr{IP: net.ParseIP("127.0.0.3")}}
	defer c.Close()
	if _, err := c.Send(ctx, letter("b@example.net")); err != nil {
		t.Skipf("this system lets nobody send from 127.0.0.3: %v", err)
	}
	if got := <-from; !strings.HasPrefix(got, "127.0.0.3:") {
		t.Errorf("came from %s", got)
	}
	if said := f.said(0); said[0] != "EHLO [127.0.0.3]" && strings.Contains(said[0], "[") {
		t.Errorf("said %q", said[0])
	}
}

// proxies: an HTTP one that sends the server's first words in the same packet as
// its own, and a SOCKS5 one with a password.
func TestProxies(t *testing.T) {
	f := new(fake)
	addr := f.listen(t, "tcp", "127.0.0.1:0")
	for scheme, serve := range map[string]func(net.Conn) (string, error){"http": acceptCONNECT, "socks5": acceptSOCKS5} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		go func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				go func() {
					target, err := serve(conn)
					if err != nil {
						conn.Close()
						return
					}
					server, err := net.Dial("tcp", target)
					if err != nil {
						conn.Close()
						return
					}
					if scheme == "http" {
						greeting := make([]byte, 100)
						n, _ := server.Read(greeting)
						io.WriteString(conn, "HTTP/1.1 200 OK\r\nX-Proxy: yes\r\n\r\n"+string(greeting[:n]))
					}
					go copyAndClose(server, conn)
					copyAndClose(conn, server)
				}()
			}
		}()
		c := &smtp.Client{Addr: addr, Security: smtp.Plaintext, Proxy: scheme + "://shop:hush@" + l.Addr().String(), Timeout: 5 * time.Second}
		if _, err := c.Send(ctx, letter("b@example.net")); err != nil {
			t.Errorf("%s: %v", scheme, err)
		}
		c.Close()
		c = &smtp.Client{Addr: addr, Security: smtp.Plaintext, Proxy: scheme + "://shop:wrong@" + l.Addr().String(), Timeout: 5 * time.Second}
		_, err = c.Send(ctx, letter("b@example.net"))
		if err == nil || strings.Contains(err.Error(), "wrong") {
			t.Errorf("%s with a wrong password: %v", scheme, err)
		}
	}
	for proxy, text := range map[string]string{"ftp://h:1": "is not socks5://", "://": "is not socks5://", "socks5://u:se%cret@h": "is not socks5://"} {
		_, err := (&smtp.Client{Addr: addr, Security: smtp.Plaintext, Proxy: proxy}).Send(ctx, letter("b@example.net"))
		wantErr(t, err, smtp.Invalid, smtp.StageDial, text)
	}
}

func acceptCONNECT(conn net.Conn) (string, error) {
	req, err := http.ReadRequest(bufio.NewReader(conn))
	if err != nil {
		return "", err
	}
	if req.Method != http.MethodConnect || req.Header.Get("Proxy-Authorization") != "Basic c2hvcDpodXNo" {
		io.WriteString(conn, "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
		return "", io.EOF
	}
	return req.Host, nil
}

// acceptSOCKS5 is RFC 1928 and RFC 1929, as far as this test needs them.
func acceptSOCKS5(conn net.Conn) (string, error) {
	b := make([]byte, 256)
	if _, err := io.ReadFull(conn, b[:2]); err != nil {
		return "", err
	}
	io.ReadFull(conn, b[:b[1]])
	conn.Write([]byte{5, 2})
	io.ReadFull(conn, b[:2])
	user := make([]byte, b[1])
	io.ReadFull(conn, user)
	io.ReadFull(conn, b[:1])
	password := make([]byte, b[0])
	io.ReadFull(conn, password)
	if string(user) != "shop" || string(password) != "hush" {
		conn.Write([]byte{1, 1})
		return "", io.EOF
	}
	conn.Write([]byte{1, 0})
	if _, err := io.ReadFull(conn, b[:10]); err != nil {
		return "", err
	}
	conn.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
	return fmt.Sprintf("%d.%d.%d.%d:%d", b[4], b[5], b[6], b[7], int(b[8])<<8|int(b[9])), nil
}
