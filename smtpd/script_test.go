package smtpd_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/sasl"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtpd"
	"github.com/parleymail/parley/smtptest"
	"github.com/parleymail/parley/transcript"
)

// A script is one conversation of testdata. The client of the test says its C: lines
// and the server must say its S: lines, where "*" stands for any text. C: lines that
// follow one another go out in one write. Beside these there are:
//
//	-- ehlo, -- helo     the greeting is heard, if it was not, and hello is said
//	-- raw text          octets, with no CRLF behind them
//	-- tls               the client's half of a TLS handshake
//	-- wait 5m           the client takes its time
//	-- shutdown          Server.Shutdown begins
//	-- hang up           the client closes the connection
//	-- closed            the server has closed it
//	-- why text          what ServeConn gave; "nil" for nothing
//	-- kept "text"       the content that Data kept last, as Go writes it
//	-- kept nothing      there is none
//
// A line with "==" begins a conversation: its title, and what its server is like,
// see options.
type script struct {
	title   string
	options []string
	lines   []string
	first   int // the number of the line that begins it
}

func readScripts(t testing.TB, file string) []script {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var all []script
	n := 0
	for line := range strings.Lines(string(data)) {
		n++
		line = strings.TrimRight(line, "\n")
		if title, ok := strings.CutPrefix(line, "== "); ok {
			words := strings.Split(title, "; ")
			all = append(all, script{title: words[0], options: words[1:], first: n})
		} else if len(all) > 0 {
			s := &all[len(all)-1]
			s.lines = append(s.lines, line)
		}
	}
	return all
}

// A keeper is what the servers of the tests keep their mail in.
type keeper struct {
	mu       sync.Mutex
	contents []string
	mails    []*smtpd.Transaction
	pool     *x509.CertPool // of the server's certificate
}

func (k *keeper) data(t *smtpd.Transaction, content io.Reader) smtp.Reply {
	text, err := io.ReadAll(content)
	if err != nil {
		return smtpd.Reply("451 4.3.0 this is never said")
	}
	for i, r := range t.Recipients {
		if r.Path.Local == "full" {
			t.Answer(i, smtpd.Reply("452 4.2.2 the mailbox is full"))
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.contents = append(k.contents, string(text))
	k.mails = append(k.mails, t)
	return smtp.Reply{}
}

func (k *keeper) last() (string, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.contents) == 0 {
		return "", false
	}
	return k.contents[len(k.contents)-1], true
}

// newServer is the server of the tests, as the options have it.
func newServer(t *testing.T, options ...string) (*smtpd.Server, *keeper) {
	t.Helper()
	k := &keeper{}
	srv := &smtpd.Server{
		Hostname: "mx.example",
		Mail: func(t *smtpd.Transaction) smtp.Reply {
			if t.ReversePath.Local == "spam" {
				return smtpd.Reply("550 5.7.1 not from you")
			}
			return smtp.Reply{}
		},
		Rcpt: func(_ *smtpd.Transaction, r mail.Recipient) smtp.Reply {
			switch r.Path.Local {
			case "nobody":
				return smtpd.Reply("550 5.1.1 no such user")
			case "later":
				return smtp.Reply{Code: 450}
			case "wrong":
				return smtp.Reply{Code: 354}
			}
			return smtp.Reply{}
		},
		Data: k.data,
	}
	for _, o := range options {
		name, value, _ := strings.Cut(o, " ")
		if name == "tls" {
			// Made here and now: within testing/synctest it is the year 2000.
			authority := smtptest.NewAuthority(t)
			srv.TLS = &tls.Config{Certificates: []tls.Certificate{authority.Certificate("mx.example")}}
			k.pool = authority.Pool()
			continue
		}
		set, ok := serverOptions[name]
		if !ok {
			t.Fatalf("there is no option %q", o)
		}
		set(srv, value)
	}
	return srv, k
}

var serverOptions = map[string]func(srv *smtpd.Server, value string){
	"lmtp": func(srv *smtpd.Server, _ string) { srv.LMTP = true },
	"accounts": func(srv *smtpd.Server, _ string) {
		srv.Accounts = sasl.Users(map[string]string{"kim": "tulip-tulip"})
	},
	"cleartext":    func(srv *smtpd.Server, _ string) { srv.Accounts.ClearText = true },
	"require-tls":  func(srv *smtpd.Server, _ string) { srv.RequireTLS = true },
	"require-auth": func(srv *smtpd.Server, _ string) { srv.RequireAuth = true },
	"no-data":      func(srv *smtpd.Server, _ string) { srv.Data = nil },
	"without":      func(srv *smtpd.Server, value string) { srv.Without = append(srv.Without, value) },
	"greet": func(srv *smtpd.Server, value string) {
		srv.Greet = func(*smtpd.Session) smtp.Reply { return smtpd.Reply(value) }
	},
	"early": func(srv *smtpd.Server, value string) { // Data reads nothing, and answers
		srv.Data = func(*smtpd.Transaction, io.Reader) smtp.Reply { return smtpd.Reply(value) }
	},
	"broken-accounts": func(srv *smtpd.Server, _ string) {
		srv.Accounts = &sasl.Accounts{ClearText: true, Password: func(context.Context, string, string) error { return errors.New("the database is away") }}
	},
	"max-size":       func(srv *smtpd.Server, value string) { srv.MaxSize, _ = strconv.ParseInt(value, 10, 64) },
	"max-text-line":  func(srv *smtpd.Server, value string) { srv.MaxTextLine, _ = strconv.Atoi(value) },
	"max-recipients": func(srv *smtpd.Server, value string) { srv.MaxRecipients, _ = strconv.Atoi(value) },
	"max-messages":   func(srv *smtpd.Server, value string) { srv.MaxMessages, _ = strconv.Atoi(value) },
	"max-line":       func(srv *smtpd.Server, value string) { srv.MaxLine, _ = strconv.Atoi(value) },
	"max-errors":     func(srv *smtpd.Server, value string) { srv.MaxErrors, _ = strconv.Atoi(value) },
	"max-junk":       func(srv *smtpd.Server, value string) { srv.MaxJunk, _ = strconv.Atoi(value) },
}

// octets is all that the client says.
func (s script) octets() []byte {
	var b []byte
	for _, line := range s.lines {
		if raw, ok := strings.CutPrefix(line, "-- raw "); ok {
			b = append(b, unescape(raw)...)
		} else if e, ok, _ := transcript.ParseLine(line); ok && e.Did == smtp.Command {
			b = append(b, e.Line+"\r\n"...)
		}
	}
	return b
}

// unescape reads text as Go writes it, without the quotes around it.
func unescape(text string) string {
	octets, err := strconv.Unquote(`"` + strings.ReplaceAll(text, `"`, `\"`) + `"`)
	if err != nil {
		panic(err)
	}
	return octets
}

// TestScripts plays each conversation of testdata.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, file := range files {
		for _, s := range readScripts(t, file) {
			t.Run(strings.TrimSuffix(filepath.Base(file), ".txt")+"/"+s.title, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { s.play(t, file) })
			})
		}
	}
}

// A player plays the client of a script.
type player struct {
	t    *testing.T
	at   string // file and line
	srv  *smtpd.Server
	kept *keeper
	conn net.Conn
	in   *bufio.Reader
	out  []byte

	greeted bool
	why     chan error
	done    bool // ServeConn has returned, and why is read
	err     error
}

func (s script) play(t *testing.T, file string) {
	srv, kept := newServer(t, s.options...)
	client, server := smtptest.Pipe()
	p := &player{t: t, srv: srv, kept: kept, conn: client, in: bufio.NewReader(client), why: make(chan error, 1)}
	go func() { p.why <- srv.ServeConn(server) }()
	for i, line := range s.lines {
		p.at = fmt.Sprintf("%s:%d", file, s.first+1+i)
		p.turn(line)
	}
	p.flush()
	p.conn.SetReadDeadline(time.Now().Add(time.Second))
	if rest, _ := p.in.ReadString('\n'); rest != "" {
		t.Errorf("%s: the server says %q, which is not in the script", p.at, rest)
	}
	p.conn.Close()
	p.over()
	if err := srv.Shutdown(t.Context()); err != nil {
		t.Errorf("%s: Shutdown: %v", p.at, err)
	}
}

func (p *player) turn(line string) {
	p.t.Helper()
	if text, ok := strings.CutPrefix(line, "-- "); ok {
		p.act(text)
		return
	}
	e, ok, err := transcript.ParseLine(line)
	switch {
	case err != nil:
		p.t.Fatalf("%s: %v", p.at, err)
	case !ok: // a remark
	case e.Did == smtp.Command:
		p.out = append(p.out, e.Line+"\r\n"...)
	case e.Did == smtp.Answer:
		p.flush()
		p.hear(e.Line)
	default:
		p.t.Fatalf("%s: no client can do that", p.at)
	}
}

func (p *player) act(text string) {
	p.t.Helper()
	verb, arg, _ := strings.Cut(text, " ")
	if verb == "raw" {
		p.out = append(p.out, unescape(arg)...)
		return
	}
	p.flush()
	switch verb {
	case "ehlo", "helo":
		if !p.greeted {
			p.hear("220 *")
		}
		p.out = append(p.out, verb+" client.example\r\n"...)
		p.flush()
		for p.hear("250*")[3] == '-' {
		}
	case "tls":
		conn := tls.Client(p.conn, &tls.Config{ServerName: "mx.example", RootCAs: p.kept.pool})
		conn.SetDeadline(time.Now().Add(time.Minute))
		if err := conn.Handshake(); err != nil {
			p.t.Fatalf("%s: %v", p.at, err)
		}
		conn.SetDeadline(time.Time{})
		p.conn, p.in = conn, bufio.NewReader(conn)
	case "wait":
		d, err := time.ParseDuration(arg)
		if err != nil {
			p.t.Fatalf("%s: %v", p.at, err)
		}
		time.Sleep(d)
	case "shutdown":
		synctest.Wait()
		go p.srv.Shutdown(p.t.Context())
	case "hang":
		p.conn.Close()
	case "closed":
		p.conn.SetReadDeadline(time.Now().Add(time.Hour))
		if line, err := p.in.ReadString('\n'); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			p.t.Fatalf("%s: got %q and %v, want the connection closed", p.at, line, err)
		}
	case "why":
		if p.over(); fmt.Sprint(p.err) != strings.ReplaceAll(arg, "nil", "<nil>") {
			p.t.Errorf("%s: ServeConn gave %v", p.at, p.err)
		}
	case "kept":
		synctest.Wait()
		content, ok := p.kept.last()
		if got := strconv.Quote(content); ok && got != arg || !ok && arg != "nothing" {
			p.t.Errorf("%s: kept %s", p.at, got)
		}
	default:
		p.t.Fatalf("%s: what is %q?", p.at, text)
	}
}

func (p *player) flush() {
	if len(p.out) > 0 {
		p.conn.Write(p.out) // a server that has closed is found out by what it says
		p.out = p.out[:0]
	}
}

// hear hears a line, and gives it.
func (p *player) hear(want string) string {
	p.t.Helper()
	p.greeted = true
	p.conn.SetReadDeadline(time.Now().Add(time.Hour))
	got, err := p.in.ReadString('\n')
	if err != nil {
		p.t.Fatalf("%s: got %q and %v, want %q", p.at, got, err, want)
	}
	text, ok := strings.CutSuffix(got, "\r\n")
	if !ok || !matches(want, text) {
		p.t.Fatalf("%s: the server said %q, want %q", p.at, got, want)
	}
	return text
}

// matches reports whether text is as the pattern has it, where "*" is any text.
func matches(pattern, text string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == text
	}
	if !strings.HasPrefix(text, parts[0]) {
		return false
	}
	text = text[len(parts[0]):]
	for _, part := range parts[1 : len(parts)-1] {
		i := strings.Index(text, part)
		if i < 0 {
			return false
		}
		text = text[i+len(part):]
	}
	return strings.HasSuffix(text, parts[len(parts)-1])
}

// over waits for the end of the session.
func (p *player) over() {
	if !p.done {
		p.err, p.done = <-p.why, true
	}
}
