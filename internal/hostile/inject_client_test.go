package hostile_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/parleymail/parley/internal/hostile"
	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/sasl"
	"github.com/parleymail/parley/smtp"
)

// sober is every line that a client says to send one plain mail, as it should be.
var sober = []*regexp.Regexp{
	regexp.MustCompile(`^EHLO [!-~]+$`),
	regexp.MustCompile(`^AUTH PLAIN [A-Za-z0-9+/]+=*$`),
	regexp.MustCompile(`^MAIL FROM:<lee@a\.test>$`),
	regexp.MustCompile(`^RCPT TO:<kim@b\.test>$`),
	regexp.MustCompile(`^BDAT 11 LAST$`),
}

// drunk gives what is not sober in what was said; auth says whether AUTH belongs to
// it. A conversation may end early.
func drunk(lines []string, auth bool) string {
	i := 0
	// A response that is too long for the line of AUTH comes on one of its own.
	if k := slices.Index(lines, "AUTH PLAIN"); k >= 0 && k+1 < len(lines) {
		lines = slices.Replace(slices.Clone(lines), k, k+2, "AUTH PLAIN "+lines[k+1])
	}
	for j, line := range lines {
		if line == "QUIT" && j == len(lines)-1 {
			return ""
		}
		if i == 1 && !auth {
			i++
		}
		if i == len(sober) || !sober[i].MatchString(line) {
			return line
		}
		if i++; i == 2 && auth {
			plain, err := base64.StdEncoding.DecodeString(line[len("AUTH PLAIN "):])
			if err != nil || strings.Count(string(plain), "\x00") != 2 {
				return line
			}
		}
	}
	return ""
}

const offersAuth = "250-sink\r\n250-CHUNKING\r\n250 AUTH PLAIN\r\n"

// sendOver sends one plain mail by a client, to a sink, and gives what was said.
func sendOver(client *smtp.Client) (lines []string, err error) {
	var sink *hostile.Sink
	client.DialContext = func(context.Context, string, string) (net.Conn, error) {
		sink = &hostile.Sink{Offers: offersAuth, Keep: true, Content: func([]byte) {}}
		return sink, nil
	}
	_, err = client.Send(context.Background(), plain())
	client.Close()
	if sink == nil {
		return nil, err
	}
	if sink.Odd != nil {
		err = errors.Join(err, fmt.Errorf("%q was heard", sink.Odd))
	}
	return sink.Lines, err
}

func plain() mail.Object { return &Stranger{Env: envelope} }

// tame reports whether an error is fit to be shown, and what it should be.
func tame(err error) bool {
	e, ok := errors.AsType[*smtp.Error](err)
	return ok && e.Stage != 0 && !strings.ContainsFunc(err.Error(), func(r rune) bool {
		return r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == 0x2028 || r == 0x202e
	})
}

// Whatever stands in the fields of a Client, no command is added.
func TestInjectionIntoAClient(t *testing.T) {
	fresh := func() *smtp.Client {
		return &smtp.Client{Addr: "mx.test:25", Hello: "client.test", Security: smtp.Plaintext, Fingerprint: strings.Repeat("ab", 32), Proxy: "socks5://kim:secret@127.0.0.1:1080"}
	}
	fields, missing := hostile.Fields(module, fresh())
	if len(missing) > 0 || len(fields) != 4 {
		t.Fatalf("%d fields, nothing in %q: say here what each is tried with", len(fields), missing)
	}
	tried := 0
	for i := range fields {
		for _, payload := range hostile.Payloads() {
			for _, value := range hostile.Placed(fields[i].Get(), payload) {
				tried++
				client := fresh()
				f, _ := hostile.Fields(module, client)
				f[i].Set(value)
				lines, err := sendOver(client)
				if line := drunk(lines, false); line != "" {
					t.Errorf("%s = %q: %q was said", f[i].Path, value, line)
				}
				if err != nil && (!tame(err) || len(lines) > 1) {
					t.Errorf("%s = %q: the error is %q, after %q", f[i].Path, value, err, lines)
				}
			}
		}
	}
	t.Logf("%d fields, %d values", len(fields), tried)
}

// Nor by an SMTP URL, wherever in it the payload stands, as it is or escaped.
func TestInjectionIntoAURL(t *testing.T) {
	const base = "smtp://kim:secret@mx.test:25?tls=none&hello=client.test&timeout=30s"
	tried, good := 0, 0
	try := func(s string) {
		tried++
		client, err := smtp.ParseURL(s)
		if err != nil {
			if strings.ContainsFunc(err.Error(), func(r rune) bool { return r < ' ' || r == 0x7f }) || strings.Contains(err.Error(), "secret") {
				t.Errorf("%q: the error is %q", s, err)
			}
			return
		}
		good++
		if client.Security != smtp.Plaintext {
			client.Security = smtp.Plaintext // the sink speaks no TLS
		}
		client.Proxy = "" // see TestInjectionIntoAProxy
		lines, err := sendOver(client)
		if line := drunk(lines, client.Auth != nil); line != "" {
			t.Errorf("%q: %q was said", s, line)
		}
		if err != nil && !tame(err) {
			t.Errorf("%q: the error is %q", s, err)
		}
	}
	for i, payload := range hostile.Payloads() {
		for at := 0; at <= len(base); at++ {
			if testing.Short() && (i+at)%7 != 0 {
				continue
			}
			try(base[:at] + payload + base[at:])
			try(base[:at] + url.QueryEscape(payload) + base[at:])
			try(base[:at] + url.PathEscape(payload) + base[at:])
		}
	}
	t.Logf("%d URLs, %d of them good", tried, good)
}

// A front is a proxy that writes down what it is asked.
type front struct {
	net.Listener
	mu    sync.Mutex
	asked []string       // each request as it was, up to its end
	lines []string       // the SMTP commands that came through
	over  sync.WaitGroup // who accepts
	busy  int            // connections
	calm  *sync.Cond     // told when there are none
}

func newFront(t *testing.T) *front {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &front{Listener: l}
	f.calm = sync.NewCond(&f.mu)
	f.over.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			f.mu.Lock()
			f.busy++
			f.mu.Unlock()
			go func() {
				f.serve(c)
				f.mu.Lock()
				defer f.mu.Unlock()
				f.busy--
				f.calm.Broadcast()
			}()
		}
	})
	t.Cleanup(func() {
		l.Close()
		f.over.Wait()
		f.take()
	})
	return f
}

func (f *front) serve(c net.Conn) {
	defer c.Close()
	in := bufio.NewReader(c)
	first, err := in.Peek(1)
	switch {
	case err != nil:
		return
	case first[0] == 5:
		err = f.socks(in, c)
	default:
		err = f.http(in, c)
	}
	if err != nil {
		return
	}
	server := &hostile.Server{Offers: []string{"CHUNKING", "AUTH PLAIN"}}
	server.Serve(&buffered{Conn: c, in: in})
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range server.Said() {
		f.lines = append(f.lines, s...)
	}
	f.lines = append(f.lines, server.Dirty()...)
}

func (f *front) http(in *bufio.Reader, c net.Conn) error {
	var b strings.Builder
	for !strings.HasSuffix(b.String(), "\r\n\r\n") {
		octet, err := in.ReadByte()
		if err != nil {
			return err
		}
		b.WriteByte(octet)
	}
	f.note(b.String())
	_, err := io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
	return err
}

// socks is RFC 1928 and RFC 1929, as far as it is needed.
func (f *front) socks(in *bufio.Reader, c net.Conn) error {
	read := func(n int) []byte {
		b := make([]byte, n)
		if _, err := io.ReadFull(in, b); err != nil {
			return make([]byte, n)
		}
		return b
	}
	methods := read(int(read(2)[1]))
	if slices.Contains(methods, 2) {
		c.Write([]byte{5, 2})
		user := read(int(read(2)[1]))
		password := read(int(read(1)[0]))
		f.note(fmt.Sprintf("login %q %q", user, password))
		c.Write([]byte{1, 0})
	} else {
		c.Write([]byte{5, 0})
	}
	head := read(4)
	if head[3] != 3 {
		return errors.New("not a name")
	}
	f.note(fmt.Sprintf("connect %q", read(int(read(1)[0]))))
	read(2)
	_, err := c.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
	return err
}

func (f *front) note(what string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, what)
}

// take gives what was written down since the last time.
func (f *front) take() (asked, lines []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for f.busy > 0 {
		f.calm.Wait()
	}
	asked, lines = f.asked, f.lines
	f.asked, f.lines = nil, nil
	return asked, lines
}

var tunnel = regexp.MustCompile(`^CONNECT [!-~]+ HTTP/1\.1\r\nHost: [!-~]+\r\n(Proxy-Authorization: Basic [A-Za-z0-9+/]+=*\r\n)?\r\n$`)

// A proxied sends through a front, with payloads here and there.
type proxied struct {
	*testing.T
	*front
	scheme         string
	tried, reached int
}

// try sends, and looks at what the proxy was asked and what came through it.
func (p *proxied) try(client *smtp.Client, what, value string) {
	p.tried++
	client.Hello, client.Security = "client.test", smtp.Plaintext
	_, err := client.Send(p.Context(), plain())
	client.Close()
	asked, lines := p.take()
	if len(asked) > 0 {
		p.reached++
	}
	for _, a := range asked {
		if p.scheme == "http" && !tunnel.MatchString(a) {
			p.Errorf("%s, %s = %q: the proxy was asked %q", p.scheme, what, value, a)
		}
	}
	if line := drunk(lines, false); line != "" || len(asked) > 2 {
		p.Errorf("%s, %s = %q: %q was said, after %q", p.scheme, what, value, line, asked)
	}
	if err != nil && !tame(err) {
		p.Errorf("%s, %s = %q: the error is %q", p.scheme, what, value, err)
	}
}

// A proxy is asked for one tunnel and nothing else, whatever stands in its URL and
// in the address.
func TestInjectionIntoAProxy(t *testing.T) {
	for _, scheme := range []string{"http", "socks5"} {
		p := &proxied{T: t, front: newFront(t), scheme: scheme}
		host := p.Addr().String()
		proxy := scheme + "://kim:secret@" + host
		p.try(&smtp.Client{Addr: "mx.test:25", Proxy: proxy}, "nothing", "")
		if p.reached == 0 {
			t.Fatal("the proxy is not reached at all")
		}
		for i, payload := range hostile.Payloads() {
			if testing.Short() && i%5 != 0 {
				continue
			}
			for _, value := range hostile.Placed("mx.test:25", payload) {
				p.try(&smtp.Client{Addr: value, Proxy: proxy}, "Addr", value)
			}
			for _, value := range hostile.Placed("kim", payload) {
				p.try(&smtp.Client{Addr: "mx.test:25", Proxy: scheme + "://" + value + ":secret@" + host}, "user", value)
				escaped := url.URL{Scheme: scheme, User: url.UserPassword(value, value), Host: host}
				p.try(&smtp.Client{Addr: "mx.test:25", Proxy: escaped.String()}, "escaped user", value)
			}
			for _, value := range hostile.Placed(proxy, payload) {
				p.try(&smtp.Client{Addr: "mx.test:25", Proxy: value}, "Proxy", value)
			}
		}
		t.Logf("%s: %d values, %d reached the proxy", scheme, p.tried, p.reached)
	}
}

// speakers are all makers of credentials with strings, one string at a time, and
// the mechanism that says it.
var speakers = []struct {
	what, mechanism string
	value           string
	make            func(string) sasl.Credentials
}{
	{"Password user", "PLAIN", "kim", func(s string) sasl.Credentials { return sasl.Password(s, "secret") }},
	{"Password password", "PLAIN", "secret", func(s string) sasl.Credentials { return sasl.Password("kim", s) }},
	{"Password user", "LOGIN", "kim", func(s string) sasl.Credentials { return sasl.Password(s, "secret") }},
	{"Password password", "LOGIN", "secret", func(s string) sasl.Credentials { return sasl.Password("kim", s) }},
	{"Password user", "CRAM-MD5", "kim", func(s string) sasl.Credentials { return sasl.Password(s, "secret") }},
	{"Password password", "CRAM-MD5", "secret", func(s string) sasl.Credentials { return sasl.Password("kim", s) }},
	{"Password user", "SCRAM-SHA-1", "kim", func(s string) sasl.Credentials { return sasl.Password(s, "secret") }},
	{"Password password", "SCRAM-SHA-1", "secret", func(s string) sasl.Credentials { return sasl.Password("kim", s) }},
	{"Password user", "SCRAM-SHA-256", "kim", func(s string) sasl.Credentials { return sasl.Password(s, "secret") }},
	{"Password password", "SCRAM-SHA-256", "secret", func(s string) sasl.Credentials { return sasl.Password("kim", s) }},
	{"Token user", "XOAUTH2", "kim", func(s string) sasl.Credentials { return sasl.Token(s, sasl.FixedToken("token")) }},
	{"FixedToken token", "XOAUTH2", "token", func(s string) sasl.Credentials { return sasl.Token("kim", sasl.FixedToken(s)) }},
	{"Token user", "OAUTHBEARER", "kim", func(s string) sasl.Credentials { return sasl.Token(s, sasl.FixedToken("token")) }},
	{"FixedToken token", "OAUTHBEARER", "token", func(s string) sasl.Credentials { return sasl.Token("kim", sasl.FixedToken(s)) }},
	{"External identity", "EXTERNAL", "kim", sasl.External},
	{"Only mechanism", "PLAIN", "PLAIN", func(s string) sasl.Credentials { return sasl.Only(s, sasl.Password("kim", "secret")) }},
	{"Bind binding", "SCRAM-SHA-1", "tls-unique", func(s string) sasl.Credentials { return sasl.Bind(s, sasl.Password("kim", "secret")) }},
}

// What AUTH says has the same structure whatever stands in its strings: the same
// lines, and in each as many of what parts its fields.
func TestInjectionIntoCredentials(t *testing.T) {
	if testing.Short() {
		t.Skip("little runs side by side here: make race has no use for it")
	}
	tried, said := 0, 0
	for _, sp := range speakers {
		clean, err := authenticate(sp.mechanism, sp.make(sp.value))
		if err != nil || len(clean) == 0 {
			t.Fatalf("%s, %s: %v", sp.what, sp.mechanism, err)
		}
		for _, payload := range hostile.Payloads() {
			for _, value := range hostile.Placed(sp.value, payload) {
				tried++
				got, err := authenticate(sp.mechanism, sp.make(value))
				if err != nil && !tame(err) {
					t.Errorf("%s, %s = %q: the error is %q", sp.mechanism, sp.what, value, err)
				}
				if len(got) == 0 {
					continue
				}
				said++
				if wrong := parted(sp.mechanism, got, clean); wrong != "" {
					t.Errorf("%s, %s = %q: %s: %q in place of %q", sp.mechanism, sp.what, value, wrong, got, clean)
				}
			}
		}
	}
	t.Logf("%d values, %d of them said", tried, said)
}

// authenticate gives what a client says by a mechanism, decoded: the name first.
func authenticate(mechanism string, creds sasl.Credentials) (said []string, err error) {
	server := &hostile.Server{Offers: []string{"AUTH " + mechanism}}
	accounts := sasl.Users(map[string]string{"kim": "secret"})
	accounts.ClearText = true
	server.Auth = func(name string, initial []byte, ask func([]byte) ([]byte, error)) string {
		said = append(said, name)
		response := initial
		exchange, _ := accounts.Start(name, sasl.Channel{})
		for {
			if response != nil {
				said = append(said, string(response))
			}
			var err error
			var challenge []byte
			done := response != nil
			if exchange != nil { // of the others one response is all that there is
				challenge, done, err = exchange.Next(context.Background(), response)
				if err != nil {
					return "535 no"
				}
			}
			if done {
				return "235 in"
			}
			if response, err = ask(challenge); err != nil {
				return "501 no"
			}
		}
	}
	client := &smtp.Client{Addr: "mx.test:25", Hello: "client.test", Security: smtp.Plaintext, Auth: creds}
	var over sync.WaitGroup
	client.DialContext = func(context.Context, string, string) (net.Conn, error) {
		c, s := hostile.Pipe(hostile.Fault{})
		over.Go(func() { server.Serve(s) })
		return c, nil
	}
	_, err = client.Send(context.Background(), plain())
	client.Close()
	over.Wait()
	for _, lines := range server.Said() {
		for _, line := range lines {
			if strings.Contains(line, hostile.Evil) {
				err = errors.Join(err, fmt.Errorf("%q was heard", line))
			}
		}
	}
	return said, err
}

// parted holds the messages of a mechanism against those of a clean run.
func parted(mechanism string, got, want []string) string {
	if got[0] != mechanism {
		return "another mechanism"
	}
	if len(got) > len(want) {
		return "more messages"
	}
	between := map[string]string{"PLAIN": "\x00", "XOAUTH2": "\x01", "OAUTHBEARER": "\x01,", "SCRAM-SHA-1": ",", "SCRAM-SHA-256": ","}[mechanism]
	for i := range got[1:] {
		for _, sep := range between + "\r\n" {
			if strings.Count(got[i+1], string(sep)) != strings.Count(want[i+1], string(sep)) {
				return fmt.Sprintf("message %d has more or fewer of %q", i+1, sep)
			}
		}
	}
	return ""
}
