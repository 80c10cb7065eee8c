package proxy_test

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parleymail/parley/proxy"
	"github.com/parleymail/parley/sasl"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtptest"
)

// TestNoOpenRelay: what logs in is not reached from elsewhere, unless that is said.
func TestNoOpenRelay(t *testing.T) {
	to := &smtp.Client{Addr: "mx.example:587", Auth: sasl.Password("kim", password)}
	everywhere, err := net.Listen("tcp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := (&proxy.Proxy{To: to}).Serve(everywhere); !errors.Is(err, proxy.ErrOpenRelay) {
		t.Errorf("it says %v", err)
	}
	if _, err := everywhere.Accept(); err == nil {
		t.Error("the listener is still open")
	}
	for _, p := range []*proxy.Proxy{{To: to, AllowNetwork: true}, {To: &smtp.Client{Addr: "mx.example:587"}}} {
		l, err := net.Listen("tcp", "0.0.0.0:0")
		if err != nil {
			t.Fatal(err)
		}
		served := make(chan error)
		go func() { served <- p.Serve(l) }()
		if conn, err := net.Dial("tcp", l.Addr().String()); err == nil {
			conn.Close()
		}
		p.Close()
		if err := <-served; err != proxy.ErrClosed {
			t.Errorf("it says %v", err)
		}
	}
	if got := proxy.ListenAddr(":2525"); got != "127.0.0.1:2525" {
		t.Errorf("by itself it listens at %s", got)
	}
	if got := proxy.ListenAddr("0.0.0.0:2525"); got != "0.0.0.0:2525" {
		t.Errorf("it listens at %s", got)
	}
	var zero proxy.Proxy
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := zero.Serve(l); err == nil {
		t.Error("it serves to nowhere")
	}
}

// TestTooManySessions: who is one too many hears 421, and who goes makes room.
func TestTooManySessions(t *testing.T) {
	server := (&smtptest.Server{Security: smtp.Plaintext}).Start(t)
	b := run(t, &proxy.Proxy{To: provider(server), MaxSessions: 1})
	first := dial(t, b.addr).hears(220)
	dial(t, b.addr).hears(421, 0)
	first.says("QUIT").hears(221, 0)
	first.conn.Close()
	b.closed(t, 2)
	dial(t, b.addr).hears(220).says("QUIT").hears(221)
}

// TestShutdown: who is between two mails hears 421, and who is in the midst of one
// brings it to its end.
func TestShutdown(t *testing.T) {
	server := (&smtptest.Server{Security: smtp.Plaintext}).Start(t)
	p := &proxy.Proxy{To: provider(server)}
	b := run(t, p)
	idle := dial(t, b.addr).hears(220).says("EHLO x").hears(250)
	busy := dial(t, b.addr).mail()
	done := make(chan error)
	go func() { done <- p.Shutdown(context.Background()) }()
	idle.hears(421, 0)
	if conn, err := net.Dial("tcp", b.addr); err == nil {
		conn.SetDeadline(time.Now().Add(5 * time.Second))
		if _, err := io.ReadAll(conn); err != nil {
			t.Logf("a late one: %v", err)
		}
	}
	select {
	case err := <-done:
		t.Fatalf("it does not wait: %v", err)
	default:
	}
	busy.says("Subject: x", "", ".").hears(250, 421, 0)
	if err := <-done; err != nil {
		t.Error(err)
	}
	if len(server.Mails()) != 1 {
		t.Error("the mail was not brought to its end")
	}
}

// TestShutdownInTime: who does not end is cut off when the context ends.
func TestShutdownInTime(t *testing.T) {
	server := (&smtptest.Server{Security: smtp.Plaintext}).Start(t)
	p := &proxy.Proxy{To: provider(server)}
	b := run(t, p)
	busy := dial(t, b.addr).mail()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := p.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("it says %v", err)
	}
	busy.hears(0)
	b.closed(t, 1)
}

// TestSilence: by the defaults who is silent is told of after 15 seconds, and the
// session ends after 11 minutes.
func TestSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		toProxy, program := smtptest.Pipe()
		provider, server := smtptest.Pipe()
		var told []string
		begun := time.Now()
		p := &proxy.Proxy{
			To: &smtp.Client{Addr: "mx.example:25", Security: smtp.Plaintext, DialContext: func(context.Context, string, string) (net.Conn, error) { return provider, nil }},
			Explain: func(f proxy.Finding) {
				told = append(told, string(f.Fault)+" "+time.Since(begun).String())
			},
		}
		go io.Copy(io.Discard, program)
		go io.Copy(io.Discard, server)
		p.ServeConn(toProxy)
		if len(told) != 1 || told[0] != "provider-silent 15s" {
			t.Errorf("told: %q", told)
		}
		if d := time.Since(begun); d != 11*time.Minute {
			t.Errorf("it ended after %v", d)
		}
		program.Close()
		server.Close()
	})
}

// TestBackpressure: a provider that does not read holds the program up; nothing is
// gathered in between.
func TestBackpressure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		toProxy, program := smtptest.Pipe()
		provider, server := smtptest.Pipe()
		p := &proxy.Proxy{
			To: &smtp.Client{Addr: "mx.example:25", Security: smtp.Plaintext, DialContext: func(context.Context, string, string) (net.Conn, error) { return provider, nil }},
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			p.ServeConn(toProxy)
		}()
		taken := 0
		program.SetWriteDeadline(time.Now().Add(time.Minute))
		for {
			n, err := program.Write(make([]byte, 4096))
			if taken += n; err != nil {
				break
			}
		}
		if taken > 300<<10 {
			t.Errorf("%d octets were taken that nobody reads", taken)
		}
		p.Close()
		<-done
		program.Close()
		server.Close()
	})
}
