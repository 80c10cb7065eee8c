package main

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"maps"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtptest"
)

// A world is what the client of a scenario meets. All in it ends with the test.
type world struct {
	t *testing.T
}

// A persona is a server that behaves as somebody's does, word for word, where smtpd would
// say what smtpd says. The zero value takes every mail.
type persona struct {
	greeting string            // "220 ..."
	clear    []string          // what EHLO offers in clear text
	secure   []string          // and within TLS
	say      map[string]string // by verb what it answers, "\n" for CRLF; "AUTH" is its verdict, "." that on the content
	tls      *tls.Config       // nil: none
	implicit bool              // TLS from the first octet
	patience time.Duration     // with which it waits for a handshake; zero: for ever
}

// What a persona does in place of an answer.
const (
	hangsUp = "(hangs up)"
	resets  = "(resets)"
	silent  = "(silent)"
)

// usual is what a persona answers where nothing else is said.
var usual = map[string]string{
	"": "500 5.5.1 Unrecognized command", "EHLO": "mail.example", "HELO": "250 mail.example", "STARTTLS": "220 2.0.0 Ready to start TLS",
	"AUTH": "235 2.7.0 Accepted", "MAIL": "250 2.1.0 OK", "RCPT": "250 2.1.5 OK", "DATA": "354 Go ahead", ".": "250 2.0.0 OK",
	"RSET": "250 2.0.0 OK", "NOOP": "250 2.0.0 OK", "QUIT": "221 2.0.0 Bye",
}

// with is the persona that says something else to a verb.
func (p persona) with(verb, says string) persona {
	p.say = maps.Clone(p.say)
	if p.say == nil {
		p.say = map[string]string{}
	}
	p.say[verb] = says
	return p
}

// secured is the persona with a certificate that nobody is asked to trust.
func (w *world) secured(p persona) persona {
	p.tls = w.issuer("Example Root CA", nil).config(leaf{})
	return p
}

// url starts a persona with a certificate that the URL trusts.
func (w *world) url(p persona, user string) string {
	ca := w.issuer("Example Root CA", nil)
	p.tls = ca.config(leaf{})
	scheme := "smtp://"
	if p.implicit {
		scheme = "smtps://"
	}
	if user != "" {
		user += "@"
	}
	return scheme + user + p.start(w) + "?" + ca.file()
}

// faulty is a server of package smtptest with a fault.
func (w *world) faulty(f smtptest.Fault) string {
	s := &smtptest.Server{Security: smtp.Plaintext}
	s.Start(w.t)
	s.Fault(f)
	return s.URL()
}

// start gives the persona's address.
func (p persona) start(w *world) string {
	if p.greeting == "" {
		p.greeting = "220 mail.example ESMTP"
	}
	say := maps.Clone(usual)
	maps.Copy(say, p.say)
	p.say = say
	return w.listen(p.serve)
}

// listen has a conversation with each client, until the test ends.
func (w *world) listen(serve func(net.Conn)) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	var mu sync.Mutex
	conns := map[net.Conn]bool{}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns[conn] = true
			mu.Unlock()
			wg.Go(func() {
				serve(conn)
				conn.Close()
			})
		}
	})
	w.t.Cleanup(func() {
		l.Close()
		mu.Lock()
		for conn := range conns {
			conn.Close()
		}
		mu.Unlock()
		wg.Wait()
	})
	return l.Addr().String()
}

// A visit is one client's session with a persona.
type visit struct {
	persona
	raw  net.Conn
	conn net.Conn // raw, or TLS over it
	in   *bufio.Reader
	tls  bool
}

func (p persona) serve(conn net.Conn) {
	v := &visit{persona: p, raw: conn, conn: conn, in: bufio.NewReader(conn)}
	if p.implicit && !v.startTLS() || !v.answer(p.greeting) {
		return
	}
	for {
		line, err := v.in.ReadString('\n')
		if err != nil {
			return
		}
		if !v.obey(strings.TrimRight(line, "\r\n")) {
			return
		}
	}
}

func (v *visit) startTLS() bool {
	if v.patience > 0 {
		v.raw.SetDeadline(time.Now().Add(v.patience))
	}
	conn := tls.Server(v.raw, v.persona.tls)
	if conn.Handshake() != nil {
		v.leave()
		return false
	}
	v.raw.SetDeadline(time.Time{})
	v.conn, v.in, v.tls = conn, bufio.NewReader(conn), true
	return true
}

// obey answers a line, and reports whether the session goes on.
func (v *visit) obey(line string) bool {
	verb, rest, _ := strings.Cut(line, " ")
	verb = strings.ToUpper(verb)
	said := v.say[verb]
	switch {
	case verb == "EHLO" && !strings.HasPrefix(said, "5") && !strings.HasPrefix(said, "("):
		offer := v.clear
		if v.tls {
			offer = v.secure
		}
		said = reply250(append([]string{said}, offer...))
	case verb == "STARTTLS" && strings.HasPrefix(said, "220"):
		return v.answer(said) && v.startTLS()
	case verb == "AUTH" && !v.hearCredentials(rest):
		return false
	case verb == "DATA" && strings.HasPrefix(said, "354"):
		if !v.answer(said) || !v.hearContent() {
			return false
		}
		said = v.say["."]
	case said == "":
		said = v.say[""]
	}
	return v.answer(said) && verb != "QUIT"
}

// hearCredentials goes through PLAIN or LOGIN, up to the verdict.
func (v *visit) hearCredentials(args string) bool {
	mechanism, initial, _ := strings.Cut(args, " ")
	challenges := []string{"334 "}
	if strings.EqualFold(mechanism, "LOGIN") {
		challenges = []string{"334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6"}
	}
	if initial != "" {
		challenges = challenges[1:]
	}
	for _, c := range challenges {
		if !v.answer(c) {
			return false
		}
		if _, err := v.in.ReadString('\n'); err != nil {
			return false
		}
	}
	return true
}

func (v *visit) hearContent() bool {
	for {
		line, err := v.in.ReadString('\n')
		if err != nil {
			return false
		}
		if line == ".\r\n" {
			return true
		}
	}
}

// answer says a reply, or does what stands in place of one. After 421 there is nothing more.
func (v *visit) answer(said string) bool {
	switch said {
	case hangsUp:
		v.leave()
		return false
	case resets:
		v.raw.(*net.TCPConn).SetLinger(0) // Close then sends RST
		v.raw.Close()
		return false
	case silent:
		io.Copy(io.Discard, v.in)
		return false
	}
	_, err := io.WriteString(v.conn, strings.ReplaceAll(said, "\n", "\r\n")+"\r\n")
	if strings.HasPrefix(said, "421") {
		v.leave()
		return false
	}
	return err == nil
}

// leave hangs up, and hears what the client still says: else the system would answer that
// with a reset, sometimes.
func (v *visit) leave() {
	if conn, ok := v.conn.(interface{ CloseWrite() error }); ok {
		conn.CloseWrite()
	}
	v.raw.SetReadDeadline(time.Now().Add(time.Second))
	io.Copy(io.Discard, v.in)
}

// reply250 writes lines as a reply: RFC 5321 §4.2.1.
func reply250(lines []string) string {
	var b strings.Builder
	for i, line := range lines {
		mark := "-"
		if i == len(lines)-1 {
			mark = " "
		}
		b.WriteString("\n250" + mark + line)
	}
	return b.String()[1:]
}

// blackhole is an address that never answers: a socket whose queue is full, for which
// the kernel drops what comes.
func (w *world) blackhole() string {
	w.t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		w.t.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		w.t.Fatal(err)
	}
	sa, err := syscall.Getsockname(fd)
	if err != nil {
		w.t.Fatal(err)
	}
	addr := (&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: sa.(*syscall.SockaddrInet4).Port}).String()
	for range 4 {
		conn, err := net.DialTimeout("tcp", addr, 200*time.Millisecond)
		if err != nil {
			return addr
		}
		w.t.Cleanup(func() { conn.Close() })
	}
	w.t.Skip("this system answers for a socket whose queue is full")
	return ""
}

// nobody is an address where nothing listens.
func (w *world) nobody() string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// An issuer is a CA, or one below it.
type issuer struct {
	w    *world
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// dates that a certificate is good between, in days from now.
type dates struct{ from, until int }

// A leaf is what a server's certificate is like.
type leaf struct {
	names   []string // and IP addresses; nil: 127.0.0.1 and localhost
	dates   dates    // zero: good
	public  bool     // it says where its issuer's certificate is to be had
	lonely  bool     // the server sends it without its issuer's
	bySelf  bool
	version [2]uint16 // of TLS, least and most; zero: today's
}

func (w *world) issuer(name string, by *issuer) *issuer {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
		NotBefore: time.Now().AddDate(-1, 0, 0), NotAfter: time.Now().AddDate(1, 0, 0),
	}
	is := &issuer{w: w, key: w.key()}
	is.cert = w.sign(template, by, is.key)
	return is
}

func (w *world) key() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		w.t.Fatal(err)
	}
	return key
}

// sign makes a certificate; by nobody else, if by is nil.
func (w *world) sign(template *x509.Certificate, by *issuer, key *ecdsa.PrivateKey) *x509.Certificate {
	parent, signer := template, key
	if by != nil {
		parent, signer = by.cert, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		w.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		w.t.Fatal(err)
	}
	return cert
}

// config is that of a server with such a certificate.
func (is *issuer) config(l leaf) *tls.Config {
	if l.names == nil {
		l.names = []string{"mail.example", "localhost", "127.0.0.1"}
	}
	if l.dates == (dates{}) {
		l.dates = dates{-30, 60}
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: l.names[0]}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		NotBefore:   time.Now().AddDate(0, 0, l.dates.from), NotAfter: time.Now().AddDate(0, 0, l.dates.until).Add(12 * time.Hour),
	}
	for _, name := range l.names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	if l.public {
		template.IssuingCertificateURL = []string{"http://ca.example/issuer.crt"}
	}
	key := is.w.key()
	c := tls.Certificate{PrivateKey: key}
	if l.bySelf {
		c.Certificate = [][]byte{is.w.sign(template, nil, key).Raw}
	} else {
		c.Certificate = [][]byte{is.w.sign(template, is, key).Raw}
	}
	if !l.lonely && !l.bySelf {
		c.Certificate = append(c.Certificate, is.cert.Raw)
	}
	return &tls.Config{Certificates: []tls.Certificate{c}, MinVersion: l.version[0], MaxVersion: l.version[1]} //nolint:gosec // old versions are what is tested
}

// pool trusts this issuer alone.
func (is *issuer) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(is.cert)
	return pool
}

// file is the parameter of a URL that trusts this issuer.
func (is *issuer) file() string {
	name := filepath.Join(is.w.t.TempDir(), "ca.pem")
	data := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: is.cert.Raw})
	if err := os.WriteFile(name, data, 0o600); err != nil {
		is.w.t.Fatal(err)
	}
	return "ca=" + name
}
