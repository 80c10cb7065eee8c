package interop_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtptest"
)

// A digesting is parley digest as it is used: its pages over TLS, and a parley serve over the same database that signs and sends.
type digesting struct {
	t           *testing.T
	dir, parley string
	sink        *smtptest.Server
	record      string
}

func newDigesting(t *testing.T) *digesting {
	d := &digesting{t: t, dir: t.TempDir(), parley: buildParley(t), sink: &smtptest.Server{Security: smtp.Plaintext}}
	d.sink.Start(t)
	feed := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `<rss version="2.0"><channel><title>博客</title><item><title>第一篇</title><guid>1</guid><link>https://b.example/1</link><description>正文</description></item></channel></rss>`)
	}))
	t.Cleanup(feed.Close)
	d.certificate()
	d.key()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := l.Addr().String()
	l.Close() // the program opens it
	d.file("digest.toml", fmt.Sprintf("name = \"Kim's notes\"\nfrom = \"Kim <news@shop.example>\"\nurl = \"https://%s/list\"\nlist_id = \"notes.shop.example\"\ndatabase = \"sqlite:digest.db\"\nsend = false\nhttp = %q\n"+
		"allow = [\"127.0.0.1\"]\nfrequency = \"once\"\n[tls]\ncertificate = \"cert.pem\"\nkey = \"cert-key.pem\"\n", at, at))
	d.file("serve.toml", fmt.Sprintf("hostname = \"relay.shop.example\"\ndatabase = \"sqlite:digest.db\"\n[[listen]]\naddress = \"127.0.0.1:0\"\n[server.sink]\nurl = \"smtp://%s?tls=none\"\n[[dkim]]\ndomain = \"shop.example\"\nselector = \"r\"\nkey = \"dkim.pem\"\n", d.sink.Addr()))
	d.run("digest", "subscribe", "kim@example.net", "--confirmed")
	d.run("digest", "add", feed.URL+"/f")
	return d
}

func (d *digesting) file(name, text string) {
	d.t.Helper()
	if err := os.WriteFile(filepath.Join(d.dir, name), []byte(text), 0o600); err != nil {
		d.t.Fatal(err)
	}
}

func (d *digesting) pem(name, kind string, der []byte, err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
	d.file(name, string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})))
}

// certificate makes one for 127.0.0.1 that is its own CA.
func (d *digesting) certificate() {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		d.t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	d.pem("cert.pem", "CERTIFICATE", der, err)
	der, err = x509.MarshalPKCS8PrivateKey(key)
	d.pem("cert-key.pem", "PRIVATE KEY", der, err)
}

// key makes one that mail is signed by.
func (d *digesting) key() {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		d.t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	d.pem("dkim.pem", "PRIVATE KEY", der, err)
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		d.t.Fatal(err)
	}
	record, err := json.Marshal(map[string]string{"r._domainkey.shop.example": "v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(public)})
	if err != nil {
		d.t.Fatal(err)
	}
	d.file("dns.json", string(record))
}

// run runs a command that ends.
func (d *digesting) run(args ...string) string {
	d.t.Helper()
	cmd := exec.CommandContext(d.t.Context(), d.parley, args...)
	cmd.Dir = d.dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		d.t.Fatalf("parley %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// start starts a command that stays, and waits until it says that it is there.
func (d *digesting) start(args ...string) {
	d.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, d.parley, append(args, "--json")...)
	cmd.Dir, cmd.Stderr = d.dir, os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	out, err := cmd.StdoutPipe()
	if err != nil {
		d.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	r := bufio.NewReader(out)
	line, err := r.ReadString('\n')
	go io.Copy(io.Discard, r) //nolint:errcheck // it is not to wait for us
	d.t.Cleanup(func() { stop(); cmd.Wait() })
	if err != nil || !strings.Contains(line, `"listening"`) {
		d.t.Fatalf("parley %s says %q: %v", strings.Join(args, " "), line, err)
	}
}

// TestDigestOneClick: a program that goes by RFC 8058 finds nothing wrong with what arrives from parley digest by parley serve, and its button unsubscribes.
func TestDigestOneClick(t *testing.T) {
	if err := exec.Command("/usr/bin/python3", "-c", "import dkim").Run(); err != nil {
		missing(t, "python3-dkim", err.Error())
	}
	script, err := filepath.Abs("testdata/digest/one_click.py")
	if err != nil {
		t.Fatal(err)
	}
	d := newDigesting(t)
	d.start("digest", "serve")
	d.start("serve", "--config", "serve.toml")
	m := d.sink.Wait(t, 1)[0]
	d.file("mail.eml", string(m.Content))
	status := func() string { return d.run("digest", "export", "subscribers") }

	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	cmd := exec.CommandContext(ctx, "/usr/bin/python3", script, "mail.eml", "dns.json", "cert.pem")
	cmd.Dir, cmd.Stderr = d.dir, os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := false
	for lines := bufio.NewScanner(out); lines.Scan(); {
		switch line := lines.Text(); {
		case line == "looked":
			if s := status(); !strings.Contains(s, "kim@example.net,subscribed") {
				t.Errorf("§6: to look at the link was to leave:\n%s", s)
			}
			fmt.Fprintln(in, "go on")
		case line == "done":
			done = true
		default:
			t.Error(line)
		}
	}
	if err := cmd.Wait(); err != nil || !done {
		t.Errorf("it did not come to its end: %v", err)
	}
	if s := status(); !strings.Contains(s, "kim@example.net,unsubscribed") {
		t.Errorf("they are not unsubscribed:\n%s", s)
	}
}
