package check

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtpd"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// names is a Resolver that knows what it was told.
type names struct {
	ips  map[string][]string // with "" for the family that fails
	mx   map[string][]string
	fail error // for names that are not known; nil: they do not exist
}

func (n names) LookupNetIP(_ context.Context, network, host string) (ips []netip.Addr, err error) {
	for _, s := range n.ips[host] {
		if ip := netip.MustParseAddr(s); ip.Is4() == (network == "ip4") {
			ips = append(ips, ip)
		}
	}
	switch {
	case len(ips) > 0:
		return ips, nil
	case n.fail != nil:
		return nil, n.fail
	}
	return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
}

func (n names) LookupMX(_ context.Context, name string) (list []*net.MX, err error) {
	for _, host := range n.mx[name] {
		list = append(list, &net.MX{Host: host + "."})
	}
	if list == nil {
		return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
	}
	return list, nil
}

// wires is a DialContext that leads each address somewhere on this machine. An address that is not
// there refuses.
func wires(to map[string]string) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		real, ok := to[addr]
		switch {
		case !ok:
			return nil, &net.OpError{Op: "dial", Net: network, Err: syscall.ECONNREFUSED}
		case real == "silence":
			<-ctx.Done()
			return nil, &net.OpError{Op: "dial", Net: network, Err: ctx.Err()}
		case real == "nowhere":
			return nil, &net.OpError{Op: "dial", Net: network, Err: syscall.ENETUNREACH}
		}
		return new(net.Dialer).DialContext(ctx, network, real)
	}
}

// listen is a server that does with each connection as it is told.
func listen(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer conn.Close()
				serve(conn)
			})
		}
	})
	t.Cleanup(func() { l.Close(); wg.Wait() })
	return l.Addr().String()
}

// speak is a server that says a greeting, and to each command what is written for its verb.
func speak(greeting string, replies map[string]string) func(net.Conn) {
	return func(conn net.Conn) {
		fmt.Fprintf(conn, "%s\r\n", greeting)
		buf := make([]byte, 4096)
		for {
			n, err := conn.Read(buf)
			if err != nil {
				return
			}
			verb, _, _ := strings.Cut(strings.TrimRight(string(buf[:n]), "\r\n"), " ")
			reply, ok := replies[strings.ToUpper(verb)]
			if !ok {
				reply = "502 5.5.1 no"
			}
			fmt.Fprintf(conn, "%s\r\n", strings.ReplaceAll(reply, "\n", "\r\n"))
		}
	}
}

// serveTLS is a whole server by a TLS configuration of its own.
func serveTLS(t *testing.T, cfg *tls.Config) string {
	t.Helper()
	s := &smtpd.Server{Hostname: "mx.example", TLS: cfg}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { defer close(done); s.Serve(l) }()
	t.Cleanup(func() { s.Close(); <-done })
	return l.Addr().String()
}

// A made certificate, and what it takes to sign with it.
type made struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// issue makes a certificate, by by or by itself.
func issue(t *testing.T, by *made, change func(*x509.Certificate)) *made {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "mx.example"}, DNSNames: []string{"mx.example"},
		NotBefore: time.Now().Add(-100 * 24 * time.Hour), NotAfter: time.Now().Add(90*24*time.Hour + time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
	}
	if change != nil {
		change(template)
	}
	parent, signer := template, key
	if by != nil {
		parent, signer = by.cert, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &made{cert, key}
}

func authority(t *testing.T, name string, by *made) *made {
	return issue(t, by, func(c *x509.Certificate) {
		c.Subject.CommonName, c.DNSNames, c.IsCA, c.ExtKeyUsage = name, nil, true, nil
	})
}

// config is a server's, with a certificate and what is sent along with it.
func (m *made) config(more ...*made) *tls.Config {
	c := tls.Certificate{Certificate: [][]byte{m.cert.Raw}, PrivateKey: m.key}
	for _, also := range more {
		c.Certificate = append(c.Certificate, also.cert.Raw)
	}
	return &tls.Config{Certificates: []tls.Certificate{c}}
}

// client goes to mx.example by the wires, and believes what ca signed.
func client(addr string, ca *made, to map[string]string) *smtp.Client {
	c := &smtp.Client{Addr: addr, Hello: "client.example", DialContext: wires(to)}
	if ca != nil {
		pool := x509.NewCertPool()
		pool.AddCert(ca.cert)
		c.TLS = &tls.Config{RootCAs: pool}
	}
	return c
}

const mxIP = "192.0.2.7"

var mxNames = names{ips: map[string][]string{"mx.example": {mxIP}}}

// told is a report in lines: what a person would see, without times.
func told(r *Report) string {
	var b strings.Builder
	for _, s := range r.Steps {
		fmt.Fprintf(&b, "%s %s: %s\n", s.Name, s.Verdict, s.Found.En)
		for _, m := range s.Remarks {
			fmt.Fprintf(&b, "  ! %s\n", m.Code)
		}
	}
	return b.String()
}

// failsAt holds a report against the step and kind of its failure, and gives the diagnosis.
func failsAt(t *testing.T, r *Report, step string, kind diagnose.Kind) *diagnose.Diagnosis {
	t.Helper()
	f := r.Failure()
	if f == nil {
		t.Fatalf("nothing failed:\n%s", told(r))
	}
	d := f.Diagnosis
	if f.Name != step || d == nil || d.Kind != kind {
		t.Fatalf("it failed at %s with %+v, and %s with %s was expected:\n%s", f.Name, d, step, kind, told(r))
	}
	if f.Err == nil {
		t.Errorf("the failure has no error")
	}
	for _, w := range []diagnose.Words{d.Cause, d.Fix} {
		if w.En == "" || w.Zh == "" {
			t.Errorf("a language is missing: %+v", w)
		}
	}
	return d
}

func says(t *testing.T, w diagnose.Words, en, zh string) {
	t.Helper()
	if !strings.Contains(strings.ToLower(w.En), strings.ToLower(en)) || !strings.Contains(w.Zh, zh) {
		t.Errorf("%q / %q: %q / %q was expected in it", w.En, w.Zh, en, zh)
	}
}

func remarked(r *Report, code string) bool {
	for _, s := range r.Steps {
		for _, m := range s.Remarks {
			if m.Code == code {
				return true
			}
		}
	}
	return false
}

var errServFail = &net.DNSError{Err: "server misbehaving", Name: "mx.example", Server: "192.0.2.53:53", IsTemporary: true}
