package check

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/parleymail/parley/sasl"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtptest"
)

// TestNames: what a resolver can say.
func TestNames(t *testing.T) {
	run := func(addr string, n names) *Report {
		return (&Check{Client: client(addr, nil, nil), Resolver: n}).Report(t.Context())
	}
	d := failsAt(t, run("mx.example:587", names{}), "dns", "dns-failure")
	says(t, d.Cause, "There is no host mx.example", "主机 mx.example 不存在")
	if d.Temporary {
		t.Error("a name that is not there is not there tomorrow")
	}
	d = failsAt(t, run("mx.example:587", names{fail: errServFail}), "dns", "dns-failure")
	says(t, d.Cause, "resolver failed", "DNS 解析器的问题")
	if !d.Temporary {
		t.Error("a resolver that fails may be mended")
	}
	d = failsAt(t, run("smtp.qq.com:465", names{}), "dns", "dns-failure")
	says(t, d.Cause, "which QQ Mail has had for long", "长期使用的服务器")
	d = failsAt(t, run("qq.com", names{mx: map[string][]string{"qq.com": {"mx1.qq.com", "mx2.qq.com", "mx3.qq.com"}}}), "dns", "config-invalid")
	says(t, d.Cause, "qq.com is a mail domain and no server: it has MX records (mx1.qq.com, mx2.qq.com, ...)", "邮件域")
	says(t, d.Fix, "smtp.qq.com", "smtp.qq.com")
	d = failsAt(t, run("shop.example", names{mx: map[string][]string{"shop.example": {"mail.shop.example"}}}), "dns", "config-invalid")
	says(t, d.Fix, "smtp.shop.example", "mail.shop.example")

	// Half of a lookup that failed stops nobody.
	half := halfNames{mxNames}
	s := smtptest.NewServer(t)
	c := s.Client()
	c.Addr, c.DialContext = "mx.example:587", wires(map[string]string{mxIP + ":587": s.Addr()})
	r := (&Check{Client: c, Resolver: half}).Report(t.Context())
	if r.Failure() != nil || !remarked(r, "lookup-failed") {
		t.Error(told(r))
	}
}

// halfNames fails for IPv6.
type halfNames struct{ names }

func (n halfNames) LookupNetIP(ctx context.Context, network, host string) (ips []netip.Addr, err error) {
	if network == "ip6" {
		return nil, errServFail
	}
	return n.names.LookupNetIP(ctx, network, host)
}

// TestDeadFamily: a dead IPv6 beside a live IPv4, and the other way round.
func TestDeadFamily(t *testing.T) {
	both := names{ips: map[string][]string{"mx.example": {mxIP, "2001:db8::7"}}}
	for _, c := range []struct{ v4, v6, remark, result string }{
		{"", "nowhere", "ipv6-dead", "unreachable"},
		{"nowhere", "", "ipv4-dead", "unreachable"},
		{"", "", "", ""},
	} {
		s := smtptest.NewServer(t)
		to := map[string]string{mxIP + ":587": c.v4, "[2001:db8::7]:587": c.v6}
		for addr, real := range to {
			if real == "" {
				to[addr] = s.Addr()
			}
		}
		cl := s.Client()
		cl.Addr, cl.DialContext = "mx.example:587", wires(to)
		r := (&Check{Client: cl, Resolver: both}).Report(t.Context())
		if r.Failure() != nil || c.remark != "" && !remarked(r, c.remark) {
			t.Error(told(r))
		}
		if c.remark == "" && (remarked(r, "ipv4-dead") || remarked(r, "ipv6-dead")) {
			t.Error(told(r))
		}
	}
}

// TestSilentFamily: an IPv6 that says nothing is not waited for to the end.
func TestSilentFamily(t *testing.T) {
	t.Parallel()
	s := smtptest.NewServer(t)
	cl := s.Client()
	cl.Addr, cl.DialContext = "mx.example:587", wires(map[string]string{mxIP + ":587": s.Addr(), "[2001:db8::7]:587": "silence"})
	r := (&Check{Client: cl, Resolver: names{ips: map[string][]string{"mx.example": {mxIP, "2001:db8::7"}}}, Timeout: time.Minute}).Report(t.Context())
	if a := r.Step("tcp").Facts.Addresses; r.Failure() != nil || !remarked(r, "ipv6-dead") || a[1].Result != resultSilent || a[1].Took > 20*time.Second {
		t.Errorf("%+v\n%s", a, told(r))
	}
}

// TestInterrupted: who gives up is told that it was he.
func TestInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, at := range []string{"silence", "pipe"} {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			dial := wires(map[string]string{mxIP + ":587": at})
			if at == "pipe" {
				dial = func(context.Context, string, string) (net.Conn, error) {
					ours, _ := smtptest.Pipe()
					return ours, nil
				}
			}
			r := (&Check{Client: &smtp.Client{Addr: "mx.example:587", DialContext: dial}, Resolver: mxNames}).Report(ctx)
			if f := r.Failure(); f == nil || f.Err.Kind != smtp.Interrupted {
				t.Error(told(r))
			}
			cancel()
		}
	})
}

// TestSilentNetwork: nothing answers, in the time of a bubble. What other ports answer is in the fix.
func TestSilentNetwork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dial := wires(map[string]string{mxIP + ":25": "silence", mxIP + ":465": "silence", mxIP + ":587": "silence", mxIP + ":2525": "silence"})
		began := time.Now()
		r := (&Check{Client: &smtp.Client{Addr: "mx.example:25", DialContext: dial}, Resolver: mxNames}).Report(t.Context())
		d := failsAt(t, r, "tcp", "network-blocked")
		says(t, d.Cause, "port 25 outwards", "25 端口")
		says(t, d.Fix, "465 or 587", "465 或 587")
		if took := time.Since(began); took != defaultTimeout+3*time.Second {
			t.Errorf("it took %v", took)
		}
		if a := r.Step("tcp").Facts.Addresses[0]; a.Result != resultSilent || a.Took != defaultTimeout {
			t.Errorf("%+v", a)
		}
		r = (&Check{Client: &smtp.Client{Addr: "mx.example:587", DialContext: dial}, Resolver: mxNames, Timeout: time.Second}).Report(t.Context())
		says(t, failsAt(t, r, "tcp", "network-blocked").Cause, "firewall", "防火墙")
	})
}

// TestOtherPortAnswers: the fix of a port that is closed names those that are open.
func TestOtherPortAnswers(t *testing.T) {
	t.Parallel()
	implicit := (&smtptest.Server{Security: smtp.ImplicitTLS}).Start(t)
	starttls := smtptest.NewServer(t)
	to := map[string]string{mxIP + ":465": implicit.Addr(), mxIP + ":2525": starttls.Addr()}
	r := (&Check{Client: client("mx.example:587", nil, to), Resolver: mxNames, Timeout: time.Second}).Report(t.Context())
	d := failsAt(t, r, "tcp", "connection-refused")
	says(t, d.Fix, "use smtps://mx.example, smtp://mx.example:2525", "请用 smtps://mx.example, smtp://mx.example:2525")
	if o := r.Step("tcp").Facts.Other; len(o) != 2 || o[0].Speaks != SMTPS || !o[1].STARTTLS {
		t.Errorf("%+v", o)
	}
}

// TestContainer: localhost within a container is the container.
func TestContainer(t *testing.T) {
	for name, root := range map[string]fstest.MapFS{
		"docker": {".dockerenv": {}},
		"podman": {"run/.containerenv": {}},
		"groups": {"proc/1/cgroup": {Data: []byte("12:pids:/kubepods/burstable/pod1\n")}},
	} {
		c := &Check{Client: &smtp.Client{Addr: "127.0.0.1:1025", DialContext: wires(nil)}, Timeout: time.Second, root: root}
		d := failsAt(t, c.Report(t.Context()), "tcp", "connection-refused")
		says(t, d.Cause, "inside a container", "容器里的 localhost")
		says(t, d.Fix, "host.docker.internal:1025", "host.docker.internal:1025")
		_ = name
	}
	c := &Check{Client: &smtp.Client{Addr: "127.0.0.1:1025", DialContext: wires(nil)}, Timeout: time.Second, root: fstest.MapFS{"proc/1/cgroup": {Data: []byte("0::/\n")}}}
	says(t, failsAt(t, c.Report(t.Context()), "tcp", "connection-refused").Fix, "listens on port 1025", "1025 端口")
}

// TestModes: TLS where clear text is spoken, and clear text where TLS is.
func TestModes(t *testing.T) {
	t.Parallel()
	implicit := (&smtptest.Server{Security: smtp.ImplicitTLS}).Start(t)
	starttls := smtptest.NewServer(t)
	plain := (&smtptest.Server{Security: smtp.Plaintext}).Start(t)
	for _, c := range []struct {
		name     string
		security smtp.Security
		real     string
		step     string
		speaks   Protocol
		en, zh   string
	}{
		{"STARTTLS to implicit TLS", smtp.StartTLS, implicit.Addr(), "greeting", SMTPS, "use smtps://mx.example:2500", "请用 smtps://mx.example:2500"},
		{"clear text to implicit TLS", smtp.Plaintext, implicit.Addr(), "greeting", SMTPS, "use smtps://mx.example:2500", "请用 smtps://mx.example:2500"},
		{"implicit TLS to STARTTLS", smtp.ImplicitTLS, starttls.Addr(), "tls", SMTP, "use smtp://mx.example:2500 (STARTTLS", "请用 smtp://mx.example:2500（STARTTLS"},
		{"implicit TLS to clear text", smtp.ImplicitTLS, plain.Addr(), "tls", SMTP, "smtp://mx.example:2500?tls=none", "smtp://mx.example:2500?tls=none"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cl := client("mx.example:2500", nil, map[string]string{mxIP + ":2500": c.real})
			cl.Security = c.security
			r := (&Check{Client: cl, Resolver: mxNames, Timeout: time.Second}).Report(t.Context())
			d := failsAt(t, r, c.step, "wrong-port-or-tls-mode")
			says(t, d.Fix, c.en, c.zh)
			if f := r.Failure(); f.Facts.Speaks != c.speaks || f.Err.Kind != smtp.Insecure {
				t.Errorf("it speaks %s; %v", f.Facts.Speaks, f.Err)
			}
		})
	}
	cl := client("mx.example:2500", nil, map[string]string{mxIP + ":2500": plain.Addr(), mxIP + ":465": implicit.Addr()})
	r := (&Check{Client: cl, Resolver: mxNames, Timeout: time.Second}).Report(t.Context())
	says(t, failsAt(t, r, "tls", "starttls-unavailable").Fix, "use smtps://mx.example", "请用 smtps://mx.example")
}

// TestNoMailServer: ports that are something else.
func TestNoMailServer(t *testing.T) {
	t.Parallel()
	web := &http.Server{Handler: http.NotFoundHandler()}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan struct{})
	go func() { defer close(served); web.Serve(l) }()
	t.Cleanup(func() { web.Close(); <-served })
	says1 := func(line string) func(net.Conn) {
		return func(c net.Conn) { fmt.Fprintf(c, "%s\r\n", line); io.Copy(io.Discard, c) }
	}
	for _, c := range []struct {
		name   string
		addr   string
		speaks Protocol
		kind   string
	}{
		{"a web server", l.Addr().String(), HTTP, "wrong-port-or-tls-mode"},
		{"one that speaks first", listen(t, says1("HTTP/1.1 400 Bad Request")), HTTP, "wrong-port-or-tls-mode"},
		{"IMAP", listen(t, says1("* OK [CAPABILITY IMAP4rev1] ready")), IMAP, "wrong-port-or-tls-mode"},
		{"POP3", listen(t, says1("+OK ready")), POP3, "wrong-port-or-tls-mode"},
		{"SSH", listen(t, says1("SSH-2.0-OpenSSH_9.2p1")), SSH, "wrong-port-or-tls-mode"},
		{"junk", listen(t, says1("what do you want")), Unknown, "wrong-port-or-tls-mode"},
		{"silence", listen(t, func(c net.Conn) { io.Copy(io.Discard, c) }), Silence, "timeout"},
		{"hangs up", listen(t, func(net.Conn) {}), Closed, ""},
	} {
		for _, security := range []smtp.Security{smtp.StartTLS, smtp.ImplicitTLS} {
			t.Run(fmt.Sprintf("%s/%d", c.name, security), func(t *testing.T) {
				t.Parallel()
				cl := &smtp.Client{Addr: c.addr, Security: security}
				r := (&Check{Client: cl, Timeout: 300 * time.Millisecond}).Report(t.Context())
				f := r.Failure()
				if f == nil || c.kind != "" && security == smtp.StartTLS && string(f.Diagnosis.Kind) != c.kind {
					t.Fatalf("%s%+v", told(r), r.Diagnosis())
				}
				if c.kind == "wrong-port-or-tls-mode" && (f.Facts.Speaks != c.speaks && !(c.name == "a web server")) {
					t.Errorf("it speaks %q:\n%s", f.Facts.Speaks, told(r))
				}
				if f.Diagnosis.Cause.Zh == "" || f.Diagnosis.Fix.Zh == "" {
					t.Errorf("no Chinese: %+v", f.Diagnosis)
				}
			})
		}
	}
}

// TestCertificates: what can be wrong with one, and what was learnt all the same.
func TestCertificates(t *testing.T) {
	t.Parallel()
	root := authority(t, "Root", nil)
	middle := authority(t, "Middle", root)
	other := authority(t, "Somebody Else", nil)
	for _, c := range []struct {
		name    string
		config  *tls.Config
		problem string
		en, zh  string
	}{
		{"expired", issue(t, root, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-25 * time.Hour) }).config(), problemExpired, "expired on", "已于"},
		{"not yet valid", issue(t, root, func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Hour) }).config(), problemEarly, "clock", "时钟"},
		{"wrong name", issue(t, root, func(c *x509.Certificate) { c.DNSNames = []string{"mail.example.org", "*.example.org"} }).config(), problemName, "for mail.example.org, *.example.org, and not for mx.example", "不是给 mx.example"},
		{"self-signed", issue(t, nil, nil).config(), problemSelfSigned, "signed by itself", "自签名"},
		{"unknown", issue(t, other, nil).config(other), problemAuthority, "Somebody Else", "Somebody Else"},
		{"without the intermediate", issue(t, middle, func(c *x509.Certificate) { c.IssuingCertificateURL = []string{"http://ca.example/middle.crt"} }).config(), problemIntermediate, "without the intermediate one by Middle", "缺少签发者"},
	} {
		for _, security := range []smtp.Security{smtp.StartTLS, smtp.Automatic} {
			t.Run(fmt.Sprintf("%s/%d", c.name, security), func(t *testing.T) {
				cl := client("mx.example:587", root, map[string]string{mxIP + ":587": serveTLS(t, c.config)})
				cl.Security, cl.Auth = security, sasl.Password("kim", secret)
				r := (&Check{Client: cl, Resolver: mxNames, Timeout: 5 * time.Second}).Report(t.Context())
				d := failsAt(t, r, "certificate", "certificate")
				says(t, d.Cause, c.en, c.zh)
				cert := r.Failure().Facts.Certificate
				if cert == nil || cert.Problem != c.problem {
					t.Fatalf("%+v", cert)
				}
				if cert.SelfSigned != (c.problem == problemSelfSigned) || (cert.DaysLeft < 0) != (c.problem == problemExpired) {
					t.Errorf("%+v", cert)
				}
				if r.Step("tls").Verdict != Good || r.Step("hello").Verdict != Good || r.Step("auth").Verdict != Skipped {
					t.Error(told(r))
				}
			})
		}
	}
	soon := issue(t, root, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(5*24*time.Hour + time.Hour) })
	r := (&Check{Client: client("mx.example:587", root, map[string]string{mxIP + ":587": serveTLS(t, soon.config())}), Resolver: mxNames}).Report(t.Context())
	if r.Failure() != nil || !remarked(r, "expires-soon") || r.Step("certificate").Facts.Certificate.DaysLeft != 5 {
		t.Error(told(r))
	}
	whole := issue(t, middle, nil)
	cl := client("mx.example:587", root, map[string]string{mxIP + ":587": serveTLS(t, whole.config(middle))})
	if r := (&Check{Client: cl, Resolver: mxNames}).Report(t.Context()); r.Verdict() != Good {
		t.Error(told(r))
	}
	cl.Fingerprint = fmt.Sprintf("%064x", 1)
	d := failsAt(t, (&Check{Client: cl, Resolver: mxNames}).Report(t.Context()), "certificate", "certificate")
	says(t, d.Cause, "not the one that was pinned", "指纹不符")
}

// TestVersions: a server of the last century, and one that still offers what it did then.
func TestVersions(t *testing.T) {
	root := authority(t, "Root", nil)
	cert := issue(t, root, nil)
	for _, c := range []struct {
		lo, hi uint16
		want   string
	}{
		{tls.VersionTLS10, tls.VersionTLS13, "[TLS 1.0 TLS 1.1 TLS 1.2 TLS 1.3]"},
		{tls.VersionTLS12, tls.VersionTLS12, "[TLS 1.2]"},
		{tls.VersionTLS10, tls.VersionTLS11, "[TLS 1.0 TLS 1.1]"},
	} {
		cfg := cert.config()
		cfg.MinVersion, cfg.MaxVersion = c.lo, c.hi
		cl := client("mx.example:587", root, map[string]string{mxIP + ":587": serveTLS(t, cfg)})
		r := (&Check{Client: cl, Resolver: mxNames}).Report(t.Context())
		if got := fmt.Sprint(r.Step("versions").Facts.Versions); got != c.want || remarked(r, "old-tls") != (c.lo == tls.VersionTLS10) {
			t.Errorf("%s, and %s was expected:\n%s", got, c.want, told(r))
		}
		if c.hi == tls.VersionTLS11 {
			says(t, failsAt(t, r, "tls", "tls-handshake").Cause, "nothing newer than TLS 1.1", "TLS 1.1")
		} else if r.Failure() != nil {
			t.Error(told(r))
		}
	}
}

// TestWhatIsOffered: servers that let nobody log in, or not so.
func TestWhatIsOffered(t *testing.T) {
	s := (&smtptest.Server{Users: map[string]string{"kim": secret}}).Start(t)
	c := s.Client()
	c.Security = smtp.Plaintext
	r := (&Check{Client: c}).Report(t.Context())
	says(t, failsAt(t, r, "auth", "tls-required").Fix, "use STARTTLS", "启用 STARTTLS")

	s = smtptest.NewServer(t)
	c = s.Client()
	c.Auth = sasl.Password("kim", secret)
	r = (&Check{Client: c, Timeout: time.Second}).Report(t.Context())
	says(t, failsAt(t, r, "auth", "auth-mechanism").Cause, "lets nobody log in", "不提供登录")

	oauth := listen(t, speak("220 mx", map[string]string{"EHLO": "250-mx\n250-SIZE 1000000\n250 AUTH XOAUTH2", "QUIT": "221 bye"}))
	cl := client("mx.example:587", nil, map[string]string{mxIP + ":587": oauth})
	cl.Security, cl.Auth = smtp.Plaintext, sasl.Password("kim", secret)
	r = (&Check{Client: cl, Resolver: mxNames, Timeout: time.Second}).Report(t.Context())
	failsAt(t, r, "auth", "auth-needs-oauth")
	for _, code := range []string{"only-oauth", "size-small", "clear-text"} {
		if !remarked(r, code) {
			t.Errorf("no remark %s:\n%s", code, told(r))
		}
	}
	early := listen(t, speak("220 mx", map[string]string{"EHLO": "250-mx\n250-STARTTLS\n250 AUTH=LOGIN PLAIN", "QUIT": "221 bye"}))
	cl = client("mx.example:587", nil, map[string]string{mxIP + ":587": early})
	r = (&Check{Client: cl, Resolver: mxNames, Timeout: time.Second}).Report(t.Context())
	if !remarked(r, "auth-in-clear") || fmt.Sprint(r.Step("hello-clear").Facts.Mechanisms) != "[LOGIN PLAIN]" {
		t.Error(told(r))
	}
}
