package smtpd_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtpd"
	"github.com/parleymail/parley/smtptest"
)

// from is a connection that seems to come from another address.
type from struct {
	net.Conn
	addr net.Addr
}

func (f from) RemoteAddr() net.Addr { return f.addr }

func connectFrom(t *testing.T, srv *smtpd.Server, addr string) (*client, func()) {
	t.Helper()
	c, theirs := pair()
	done := make(chan struct{})
	go func() {
		defer close(done)
		srv.ServeConn(from{theirs, net.TCPAddrFromAddrPort(netip.MustParseAddrPort(addr))})
	}()
	return c, func() { c.Close(); <-done }
}

func TestSessionsPerIP(t *testing.T) {
	srv, _ := newServer(t)
	srv.MaxSessionsPerIP = 2
	tests := []struct {
		addr string
		code int
	}{
		{"192.0.2.1:1", 220},
		{"192.0.2.1:2", 220},
		{"192.0.2.1:3", 421},
		{"192.0.2.2:1", 220},
		{"[::ffff:192.0.2.1]:4", 421}, // the same address, told otherwise
		{"[2001:db8::1]:1", 220},
		{"[2001:db8::2]:1", 220},
		{"[2001:db8::3]:1", 421}, // the same /64
		{"[2001:db8:0:1::1]:1", 220},
		{"127.0.0.1:1", 220},
		{"127.0.0.1:2", 220},
		{"127.0.0.1:3", 220},
		{"[::1]:1", 220},
	}
	var leave func()
	for _, test := range tests {
		c, done := connectFrom(t, srv, test.addr)
		if code := c.code(); code != test.code {
			t.Errorf("%s: %d, want %d", test.addr, code, test.code)
		}
		if leave == nil {
			leave = done
		} else {
			defer done()
		}
	}
	leave()
	c, done := connectFrom(t, srv, "192.0.2.1:5")
	defer done()
	c.want(t, "220")
}

func TestMaxSessions(t *testing.T) {
	srv, _ := newServer(t)
	srv.MaxSessions = 1
	first := connect(t, srv)
	second := open(t, srv)
	second.want(t, "421 4.3.2 too many sessions")
	second.closed(t)
	first.say("QUIT\r\n")
	first.want(t, "221")
	<-first.why
	connect(t, srv)
}

// TestSlowContent: an octet a second is slower than 500, but is not silence. What
// counts is the time that the client takes, and not what Data takes.
func TestSlowContent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, kept := newServer(t)
		c := hello(t, srv)
		c.startMail(t)
		start := time.Now()
		var drip sync.WaitGroup
		drip.Go(func() {
			for err := error(nil); err == nil; _, err = c.Write([]byte("x")) {
				time.Sleep(time.Second)
			}
		})
		c.want(t, "421 4.4.2")
		if d := time.Since(start); d < 5*time.Minute || d > 6*time.Minute {
			t.Errorf("given up after %v, want a little more than 5 minutes", d)
		}
		c.Close()
		drip.Wait()
		<-c.why
		if _, ok := kept.last(); ok {
			t.Error("half a mail was kept")
		}
	})
}

func TestSlowEnough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, kept := newServer(t)
		take := srv.Data
		srv.Data = func(t *smtpd.Transaction, content io.Reader) smtp.Reply {
			time.Sleep(time.Hour / 2) // a slow disk is not the client's fault
			return take(t, content)
		}
		c := hello(t, srv)
		c.startMail(t)
		line := strings.Repeat("x", 998) + "\r\n"
		const lines = 600
		for range lines { // at 600 octets a second: 17 minutes
			c.say(line)
			time.Sleep(1667 * time.Millisecond)
		}
		c.say(".\r\n")
		c.want(t, "250")
		if content, _ := kept.last(); len(content) != lines*len(line) {
			t.Errorf("kept %d octets of %d", len(content), lines*len(line))
		}
		c.Close()
		<-c.why
	})
}

// TestNobodyReads: a client that reads no replies is not written to for ever.
func TestNobodyReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, _ := newServer(t)
		srv.MaxJunk = -1
		c := hello(t, srv)
		c.SetWriteDeadline(time.Now().Add(time.Hour))
		start := time.Now()
		var err error
		for err == nil {
			_, err = io.WriteString(c, strings.Repeat("NOOP\r\n", 1000))
		}
		if d := time.Since(start); d > 6*time.Minute {
			t.Errorf("given up after %v, want 5 minutes", d)
		}
		if why := <-c.why; why == nil {
			t.Error("closed without a reason")
		}
	})
}

// TestHandshakeTimeout: implicit TLS, and nobody who speaks it.
func TestHandshakeTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, _ := newServer(t, "tls")
		c, theirs := pair()
		start := time.Now()
		err := srv.ServeConn(tls.Server(theirs, srv.TLS))
		if d := time.Since(start); err == nil || d != 30*time.Second {
			t.Errorf("%v after %v, want an error after 30 seconds", err, d)
		}
		c.Close()
	})
}

// TestTooLargeByFar: after as much again as it may have, a content is no longer
// read over.
func TestTooLargeByFar(t *testing.T) {
	srv, kept := newServer(t)
	srv.MaxSize = 1 << 20
	for _, lead := range []string{toData, "MAIL FROM:<a@example.com>\r\nRCPT TO:<kim@example.net>\r\nBDAT 99999999999 LAST\r\n"} {
		c := hello(t, srv)
		c.say(lead)
		c.want(t, "250")
		c.want(t, "250")
		if strings.HasSuffix(lead, "DATA\r\n") {
			c.want(t, "354")
		}
		line := bytes.Repeat([]byte("xxxxxx\r\n"), 512)
		n := 0
		for err := error(nil); err == nil; n += len(line) {
			_, err = c.Write(line)
		}
		if n > 3<<20 {
			t.Errorf("took %d octets for a mail that may have %d", n, srv.MaxSize)
		}
		c.want(t, "552 5.3.4")
		if why := <-c.why; !errors.Is(why, smtpd.ErrTooLarge) {
			t.Errorf("closed for %v", why)
		}
	}
	if _, ok := kept.last(); ok {
		t.Error("it was kept")
	}
}

// endless counts how much of a line without an end is taken.
func endless(c net.Conn) (n int64) {
	chunk := bytes.Repeat([]byte("x"), 64<<10)
	for n < 1<<30 {
		k, err := c.Write(chunk)
		n += int64(k)
		if err != nil {
			break
		}
	}
	return n
}

// TestLineWithoutEnd: up to 1 GiB with no CRLF, at each point where a line is
// awaited. No more than 512 KiB is taken, and memory grows by less than 1 MiB.
func TestLineWithoutEnd(t *testing.T) {
	leads := []string{"", "EHLO c\r\n", "EHLO c\r\nAUTH PLAIN\r\n", "EHLO c\r\n" + strings.TrimSuffix(toData, "DATA\r\n"), "AUTH PLAIN ", "EHLO c\r\nMAIL FROM:<"}
	for _, lead := range leads {
		srv, _ := newServer(t, "accounts", "cleartext")
		l := listen(t)
		go srv.Serve(l)
		conn, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		runtime.GC()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		io.WriteString(conn, lead)
		n := endless(conn)
		runtime.ReadMemStats(&after)
		const sockets = 8 << 20 // what the kernel holds on its way
		if n > sockets {
			t.Errorf("after %q: %d octets of a line were taken", lead, n)
		}
		if grown := int64(after.TotalAlloc) - int64(before.TotalAlloc); grown > 1<<20 {
			t.Errorf("after %q: memory grew by %d octets", lead, grown)
		}
		conn.Close()
		srv.Shutdown(t.Context())
	}
}

func listen(t testing.TB) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// TestContentWithoutEnd: a line of a content may be as long as the content, and
// costs no memory.
func TestContentWithoutEnd(t *testing.T) {
	srv := &smtpd.Server{MaxSize: 64 << 20, Data: func(_ *smtpd.Transaction, content io.Reader) smtp.Reply {
		io.Copy(io.Discard, content)
		return smtp.Reply{}
	}}
	l := listen(t)
	go srv.Serve(l)
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c := &client{Conn: conn, in: bufio.NewReader(conn)}
	c.want(t, "220")
	c.say("HELO c\r\n")
	c.want(t, "250")
	c.startMail(t)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	endless(c)
	runtime.ReadMemStats(&after)
	if grown := int64(after.TotalAlloc) - int64(before.TotalAlloc); grown > 1<<20 {
		t.Errorf("memory grew by %d octets", grown)
	}
	c.want(t, "552 5.3.4")
	c.Close()
	srv.Shutdown(t.Context())
}

// TestManyIdleSessions: 1,000 sessions that say nothing more, each of which has
// sent a mail, cost less than 40 KiB each.
func TestManyIdleSessions(t *testing.T) {
	srv, _ := newServer(t)
	srv.Data = func(_ *smtpd.Transaction, content io.Reader) smtp.Reply {
		io.Copy(io.Discard, content)
		return smtp.Reply{}
	}
	srv.MaxSessions = -1
	l := listen(t)
	go srv.Serve(l)
	before := inUse()
	const n = 1000
	body := strings.Repeat(strings.Repeat("x", 76)+"\r\n", 3000) + ".\r\n"
	conns := make([]net.Conn, n)
	buf := make([]byte, 4096)
	for i := range conns {
		conn, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		conns[i] = conn
		for _, line := range []string{"", "EHLO c\r\n", toData, body} {
			io.WriteString(conn, line)
			if _, err := conn.Read(buf); err != nil {
				t.Fatal(err)
			}
		}
	}
	if each := (inUse() - before) / n; each > 40<<10 {
		t.Errorf("a silent session costs %d octets", each)
	} else {
		t.Logf("a silent session costs %d octets, the client's side included", each)
	}
	for _, conn := range conns {
		conn.Close()
	}
	if err := srv.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

func inUse() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}

// TestShutdownGivesUp: a client that does not end its mail holds Shutdown until
// the context ends, and no longer.
func TestShutdownGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, kept := newServer(t)
		c := hello(t, srv)
		c.startMail(t)
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := srv.Shutdown(ctx); err != context.DeadlineExceeded {
			t.Errorf("Shutdown gave %v", err)
		}
		if why := <-c.why; why != smtpd.ErrServerClosed {
			t.Errorf("ServeConn gave %v", why)
		}
		if _, ok := kept.last(); ok {
			t.Error("half a mail was kept")
		}
		late := open(t, srv)
		late.want(t, "421 4.3.2")
	})
}

func TestServeEnds(t *testing.T) {
	srv, _ := newServer(t)
	served := make(chan error)
	l := listen(t)
	go func() { served <- srv.Serve(l) }()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	io.ReadFull(conn, make([]byte, 4))
	srv.Close()
	if err := <-served; err != smtpd.ErrServerClosed {
		t.Errorf("Serve gave %v", err)
	}
	if err := srv.Serve(listen(t)); err != smtpd.ErrServerClosed {
		t.Errorf("Serve of a closed server gave %v", err)
	}
	if err := srv.ListenAndServe("127.0.0.1:0"); err != smtpd.ErrServerClosed {
		t.Errorf("ListenAndServe of a closed server gave %v", err)
	}
	if err := (&smtpd.Server{}).ListenAndServeTLS("127.0.0.1:0"); err == nil {
		t.Error("implicit TLS without a certificate gave no error")
	}
	if err := (&smtpd.Server{}).ListenAndServe("nowhere"); err == nil {
		t.Error("an address that is none gave no error")
	}
	if err := srv.Shutdown(t.Context()); err != nil {
		t.Errorf("Shutdown of a closed server gave %v", err)
	}
}

// A listener gives what it is told to.
type listener struct{ accept chan any }

func (l listener) Accept() (net.Conn, error) {
	switch v := (<-l.accept).(type) {
	case error:
		return nil, v
	case net.Conn:
		return v, nil
	}
	return nil, net.ErrClosed
}

func (l listener) Close() error   { return nil }
func (l listener) Addr() net.Addr { return &net.TCPAddr{} }

// TestAcceptFails: a server out of file descriptors waits until there are some, and
// a listener that fails for good ends Serve.
func TestAcceptFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, _ := newServer(t)
		l := listener{make(chan any)}
		served := make(chan error)
		go func() { served <- srv.Serve(l) }()
		start := time.Now()
		for range 10 {
			l.accept <- &net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", syscall.EMFILE)}
		}
		c, theirs := pair()
		l.accept <- theirs
		if d := time.Since(start); d < time.Second || d > 10*time.Second {
			t.Errorf("waited %v for file descriptors", d)
		}
		c.want(t, "220")
		broken := errors.New("the network is gone")
		l.accept <- broken
		if err := <-served; err != broken {
			t.Errorf("Serve gave %v", err)
		}
		c.Close()
	})
}

// TestImplicitTLS: over a socket, from the first octet on.
func TestImplicitTLS(t *testing.T) {
	authority := smtptest.NewAuthority(t)
	srv, kept := newServer(t)
	srv.TLS = tlsOf(authority)
	l := listen(t)
	go srv.ServeTLS(l)
	client := &smtp.Client{
		Addr: l.Addr().String(), Security: smtp.ImplicitTLS,
		TLS: &tls.Config{RootCAs: authority.Pool(), ServerName: "mx.example"},
	}
	if _, err := client.Send(t.Context(), letter); err != nil {
		t.Fatal(err)
	}
	client.Close()
	if err := srv.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if got := kept.mails[0].Session.Protocol(); got != "ESMTPS" {
		t.Errorf("the mail came by %s", got)
	}
	if err := srv.ServeTLS(listen(t)); err != smtpd.ErrServerClosed {
		t.Errorf("ServeTLS of a closed server gave %v", err)
	}
}

// TestCloseEndsData: Data hears of it, and its context is over.
func TestCloseEndsData(t *testing.T) {
	read, ended := make(chan error, 1), make(chan struct{})
	srv := &smtpd.Server{Data: func(t *smtpd.Transaction, content io.Reader) smtp.Reply {
		_, err := io.ReadAll(content)
		read <- err
		<-t.Session.Context().Done()
		close(ended)
		return smtp.Reply{}
	}}
	c := hello(t, srv)
	c.startMail(t)
	c.say("half\r\n")
	srv.Close()
	if err := <-read; err == nil {
		t.Error("Data was given half a mail as a whole one")
	}
	<-ended
	if why := <-c.why; why != smtpd.ErrServerClosed {
		t.Errorf("ServeConn gave %v", why)
	}
}
