package proxy_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parleymail/parley/proxy"
	"github.com/parleymail/parley/sasl"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtptest"
)

// A badServer is a provider that answers by a function of the line; what it gives is
// said as it is.
func badServer(t *testing.T, answer func(line string) string) *smtp.Client {
	t.Helper()
	l := listen(t)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				io.WriteString(conn, "220 mx\r\n")
				in := bufio.NewReader(conn)
				for {
					line, err := in.ReadString('\n')
					if err != nil {
						return
					}
					io.WriteString(conn, answer(strings.TrimRight(line, "\r\n")))
				}
			}()
		}
	}()
	return &smtp.Client{Addr: l.Addr().String(), Security: smtp.Plaintext}
}

// TestAnEchoIsNoSecretsWayOut: a provider that says the proxy's own login back where a
// reply is expected has it go neither into what is told, nor to the program.
func TestAnEchoIsNoSecretsWayOut(t *testing.T) {
	for _, mechanism := range []string{"PLAIN", "LOGIN"} {
		to := badServer(t, func(line string) string {
			switch {
			case strings.HasPrefix(line, "EHLO"):
				return "250-mx\r\n250 AUTH " + mechanism + "\r\n"
			case line == "AUTH LOGIN":
				return "334 VXNlcm5hbWU6\r\n"
			case line == "a2lt":
				return "334 UGFzc3dvcmQ6\r\n"
			}
			return strings.TrimPrefix(line, "AUTH PLAIN ") + "\r\n"
		})
		to.Auth = sasl.Only(mechanism, sasl.Password("kim", password))
		b := run(t, &proxy.Proxy{To: to})
		h := dial(t, b.addr)
		heard, _ := io.ReadAll(h.in)
		h.conn.Close()
		b.closed(t, 1)
		b.noSecret(t)
		if s := string(heard); strings.Contains(s, plainResponse()[:16]) || strings.Contains(s, base64.StdEncoding.EncodeToString([]byte(password))[:12]) {
			t.Errorf("the program hears %q", s)
		}
	}
}

// TestNoLoginByTheBackDoor: what a lenient provider takes for a login is one here too.
func TestNoLoginByTheBackDoor(t *testing.T) {
	const short = "abcdef" // YWJjZGVm, letters alone: it could be the name of a command
	secret := base64.StdEncoding.EncodeToString([]byte(short))
	var step atomic.Int32
	to := badServer(t, func(line string) string {
		switch upper := strings.ToUpper(strings.TrimSpace(line)); {
		case strings.HasPrefix(upper, "EHLO"):
			return "250-mx\r\n250 AUTH LOGIN\r\n"
		case strings.Contains(upper, "LOGIN"):
			step.Store(1)
			return "334 VXNlcm5hbWU6\r\n"
		case step.Load() == 1:
			step.Store(2)
			return "334 UGFzc3dvcmQ6\r\n"
		case step.Load() == 2:
			step.Store(0)
			return "535 no " + short + "\r\n"
		}
		return "250 ok\r\n"
	})
	for _, login := range []string{"AUTH\tLOGIN", " AUTH LOGIN", "\tauth login", "XLOGIN"} {
		b := run(t, &proxy.Proxy{To: to})
		h := dial(t, b.addr).hears(220).says("EHLO x").hears(250).says(login).hears(334).says("QUFB").hears(334).says(secret).hears(535)
		h.conn.Close()
		b.closed(t, 1)
		if said := b.said(); strings.Contains(said, short) || strings.Contains(said, secret) {
			t.Errorf("after %q:\n%s", login, said)
		}
	}
}

// TestBase64WithoutItsPadding is what some programs send, and some providers take.
func TestBase64WithoutItsPadding(t *testing.T) {
	to := badServer(t, func(line string) string {
		if strings.HasPrefix(line, "EHLO") {
			return "250-mx\r\n250 AUTH PLAIN XOAUTH2\r\n"
		}
		return "535 no kim with geheimnis, or tokentoken\r\n"
	})
	for _, line := range []string{
		"AUTH PLAIN " + base64.RawStdEncoding.EncodeToString([]byte("\x00kim\x00geheimnis")),
		"AUTH PLAIN " + base64.StdEncoding.EncodeToString([]byte("\x00kim\x00geheimnis")) + " ",
		"AUTH XOAUTH2 " + base64.StdEncoding.EncodeToString([]byte("user=kim\x01auth=bearer tokentoken\x01\x01")),
	} {
		b := run(t, &proxy.Proxy{To: to})
		h := dial(t, b.addr).hears(220).says("EHLO x").hears(250).says(line).hears(535)
		h.conn.Close()
		b.closed(t, 1)
		said := b.said()
		if strings.Contains(line, "PLAIN") && strings.Contains(said, "geheimnis") || strings.Contains(line, "XOAUTH2") && strings.Contains(said, "tokentoken") {
			t.Errorf("%s:\n%s", line, said)
		}
	}
}

// TestNoMailByABrowser: a page in a browser on the same machine can have it connect here
// and say what it likes behind the head of a request. Where the proxy logs in, that would
// be mail in somebody's name.
func TestNoMailByABrowser(t *testing.T) {
	for request, want := range map[string]string{
		"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\n\r\n":         "http-request",
		"POST /" + strings.Repeat("a", 100_000) + " HTTP/1.1\r\nHost: localhost\r\n\r\n": "http-request",
		"HEAD / HTTP/1.1\r\n\r\n": "http-request",
		"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 within a ClientHello, as a session ticket\r\n": "tls-on-plain-port",
	} {
		var mails atomic.Int32
		to := badServer(t, func(line string) string {
			switch {
			case strings.HasPrefix(line, "EHLO"):
				return "250-mx\r\n250 AUTH PLAIN\r\n"
			case strings.HasPrefix(line, "AUTH"):
				return "235 in\r\n"
			case strings.HasPrefix(line, "MAIL"):
				mails.Add(1)
				return "250 ok\r\n"
			}
			return "500 what\r\n"
		})
		to.Auth = sasl.Password("kim", password)
		b := run(t, &proxy.Proxy{To: to})
		h := dial(t, b.addr)
		go io.Copy(io.Discard, h.in)
		io.WriteString(h.conn, request+"EHLO x\r\nMAIL FROM:<a@example.com>\r\n")
		h.conn.(*net.TCPConn).CloseWrite()
		b.closed(t, 1)
		if n := mails.Load(); n != 0 {
			t.Errorf("%.20q: %d mails go in kim's name", request, n)
		}
		if got := b.faults(); got != want {
			t.Errorf("%.20q: found %s", request, got)
		}
	}
}

// TestWhoPipelinesALogin is followed, or lost, and never held up.
func TestWhoPipelinesALogin(t *testing.T) {
	server := (&smtptest.Server{Security: smtp.Plaintext, Users: map[string]string{"kim": password}}).Start(t)
	b := run(t, &proxy.Proxy{To: &smtp.Client{Addr: server.Addr(), Security: smtp.Plaintext}})
	h := dial(t, b.addr).hears(220).says("EHLO x").hears(250)
	h.says("AUTH PLAIN "+plainResponse(), "MAIL FROM:<a@example.com>", "RCPT TO:<b@example.net>", "DATA").hears(235, 250, 250, 354)
	h.conn.SetDeadline(time.Now().Add(2 * time.Second))
	h.says("Subject: x", "", "STARTTLS", "BDAT 1000000", "AUTH PLAIN x", ".").hears(250).says("QUIT").hears(221)
	h.conn.Close()
	b.closed(t, 1)
	b.noSecret(t)
}

// TestEverySilenceIsTold, and not only the first.
func TestEverySilenceIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		toProxy, program := smtptest.Pipe()
		provider, server := smtptest.Pipe()
		told := make(map[proxy.Fault]time.Duration)
		begun := time.Now()
		p := &proxy.Proxy{
			To:      &smtp.Client{Addr: "mx.example:25", Security: smtp.Plaintext, DialContext: func(context.Context, string, string) (net.Conn, error) { return provider, nil }},
			Explain: func(f proxy.Finding) { told[f.Fault] = time.Since(begun) },
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			p.ServeConn(toProxy)
		}()
		go io.Copy(io.Discard, program)
		go io.Copy(io.Discard, server)
		io.WriteString(server, "220 mx\r\n")
		time.Sleep(20 * time.Second)
		io.WriteString(program, "EHLO x\r\n")
		time.Sleep(time.Minute)
		p.Close()
		<-done
		if told[proxy.SilentProgram] != 15*time.Second || told[proxy.SilentProvider] == 0 || told[proxy.SilentProvider] > 50*time.Second {
			t.Errorf("told: %v", told)
		}
		program.Close()
		server.Close()
	})
}
