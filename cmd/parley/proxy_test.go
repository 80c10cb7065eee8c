package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/parleymail/parley/sasl"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtptest"
	"github.com/parleymail/parley/transcript"
)

const proxyPassword = "opensesame-密码"

// A proxyRun is the command, running.
type proxyRun struct {
	t     *testing.T
	addr  string
	err   bytes.Buffer
	end   context.CancelFunc
	ended chan int

	mu      sync.Mutex
	printed *sync.Cond
	out     bytes.Buffer
}

// Write keeps what is printed.
func (r *proxyRun) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	defer r.printed.Broadcast()
	return r.out.Write(p)
}

// until waits until something was printed, and gives it.
func (r *proxyRun) until(form string) string {
	r.t.Helper()
	late := false
	defer time.AfterFunc(20*time.Second, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		late = true
		r.printed.Broadcast()
	}).Stop()
	r.mu.Lock()
	defer r.mu.Unlock()
	for want := regexp.MustCompile(form); ; r.printed.Wait() {
		if found := want.FindString(r.out.String()); found != "" {
			return found
		}
		if late {
			r.t.Fatalf("%s did not come:\n%s%s", form, &r.out, &r.err)
		}
	}
}

// runProxy starts the command before a server, and waits until it listens.
func runProxy(t *testing.T, lang lang, to string, args ...string) *proxyRun {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	run := &proxyRun{t: t, end: cancel, ended: make(chan int, 1)}
	run.printed = sync.NewCond(&run.mu)
	f := new(proxyFlags)
	set := pflag.NewFlagSet("proxy", pflag.ContinueOnError)
	f.define(set)
	if err := set.Parse(append(args, "--listen", "127.0.0.1:0", "--to", to)); err != nil {
		t.Fatal(err)
	}
	u := newUI(system{in: strings.NewReader(""), out: run, err: &run.err, environ: []string{"COLUMNS=90", "PARLEY_PASSWORD=" + proxyPassword}}, "parley", lang)
	go func() { run.ended <- u.proxy(ctx, f) }()
	t.Cleanup(cancel)
	run.addr = strings.TrimRight(run.until(`127\.0\.0\.1:\d+[^0-9]`), " \",")
	return run
}

// over ends it, and gives all that it printed.
func (r *proxyRun) over() string {
	r.t.Helper()
	r.end() // the sessions are over, or soon will be: it waits for them
	if code := <-r.ended; code != 0 {
		r.t.Errorf("it ended with %d: %s", code, &r.err)
	}
	return r.out.String()
}

// proxyServer is a provider that knows one user and refuses one recipient.
func proxyServer(t *testing.T) *smtptest.Server {
	s := (&smtptest.Server{Users: map[string]string{"kim": proxyPassword}, Without: []string{"SCRAM"}}).Start(t)
	s.Refuse(smtp.StageRcpt, "*nobody*", "550 5.1.1 <nobody@example.net>: Recipient address rejected: User unknown in local recipient table")
	return s
}

// urlOf is the server's, without its password: that is in the environment.
func urlOf(s *smtptest.Server) string {
	before, info, after := splitURL(s.URL())
	name, _, _ := strings.Cut(info, ":")
	return before + name + "@" + after
}

// proxyMasks are what differs each time.
var proxyMasks = []struct {
	form *regexp.Regexp
	with string
}{
	{regexp.MustCompile(`127\.0\.0\.1:\d+`), "127.0.0.1:PORT"},
	{regexp.MustCompile(`(?m)^(  (?:port|端口) +)\d+$`), "${1}PORT"},
	{regexp.MustCompile(`\d\d:\d\d:\d\d`), "TIME"},
	{regexp.MustCompile(`until \d{4}-\d\d-\d\d`), "until DATE"},
	{regexp.MustCompile(`(?m)^  \S*parley\S* send`), "  parley send"},
	{regexp.MustCompile(`(?m)^.*xgrease.*\n|^.*XGREASE.*\n`), ""},
	{regexp.MustCompile(`(?m)(\S+\.test) send --server`), "parley send --server"},
}

// TestProxyShows is the command on a mail that is taken, one that is refused, and a
// program that speaks TLS where plain text is spoken, held by a golden in each
// language.
func TestProxyShows(t *testing.T) {
	for _, lang := range []lang{english, chinese} {
		name := [...]string{"proxy_en.txt", "proxy_zh.txt"}[lang]
		t.Run(name, func(t *testing.T) {
			server := proxyServer(t)
			dir := filepath.Join(t.TempDir(), "kept")
			p := runProxy(t, lang, urlOf(server), "--transcript", dir)
			for i, lines := range [][]string{
				{"EHLO shop.example", "MAIL FROM:<me@example.com>", "RCPT TO:<kim@example.net>", "DATA", "Subject: hi\r\n\r\nhi\r\n.", "QUIT"},
				{"EHLO shop.example", "MAIL FROM:<me@example.com>", "RCPT TO:<nobody@example.net>", "QUIT"},
				{"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00"},
			} {
				say(t, p.addr, lines...)
				p.until(strings.Repeat(`(?s)-- closed.*`, i+1))
			}
			got := p.over()
			for _, m := range proxyMasks {
				got = m.form.ReplaceAllString(got, m.with)
			}
			proxyGolden(t, filepath.Join("testdata", name), got)
			if len(server.Mails()) != 1 {
				t.Errorf("%d mails arrived", len(server.Mails()))
			}
			checkKept(t, dir)
			p.noSecret(dir)
		})
	}
}

// say says each of the lines when the one before is answered.
func say(t *testing.T, addr string, lines ...string) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	answer := func() {
		var b []byte
		for one := make([]byte, 1); ; {
			if _, err := conn.Read(one); err != nil {
				return
			}
			b = append(b, one[0])
			if line := bytes.Split(b, []byte("\r\n")); one[0] == '\n' && len(line) > 1 && line[len(line)-2][3] == ' ' {
				return
			}
		}
	}
	answer()
	for _, line := range lines {
		io.WriteString(conn, line+"\r\n")
		answer()
	}
	conn.(*net.TCPConn).CloseWrite()
	io.Copy(io.Discard, conn)
}

func proxyGolden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("it prints:\n%s", got)
	}
}

// checkKept reads the transcripts that were kept.
func checkKept(t *testing.T, dir string) {
	t.Helper()
	files, _ := filepath.Glob(filepath.Join(dir, "*.txt"))
	if len(files) != 3 {
		t.Fatalf("%d files were kept", len(files))
	}
	for i, file := range files {
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", file, info.Mode(), err)
		}
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		kept, err := transcript.Read(f)
		f.Close()
		if err != nil || kept[0].Did != smtp.Connected || kept[len(kept)-1].Did != smtp.Closed {
			t.Errorf("%s cannot be read back: %v\n%s", file, err, kept)
		}
		text, _ := os.ReadFile(file)
		if explained := bytes.Contains(text, []byte("   cause: ")); explained != (i > 0) {
			t.Errorf("%s has a cause: %v", file, explained)
		}
	}
}

// noSecret looks for the password in all that was printed and kept.
func (r *proxyRun) noSecret(dir string) {
	r.t.Helper()
	all := r.out.String() + r.err.String()
	if dir != "" {
		files, _ := filepath.Glob(filepath.Join(dir, "*"))
		for _, file := range files {
			text, _ := os.ReadFile(file)
			all += string(text)
		}
	}
	for _, secret := range []string{
		proxyPassword, base64.StdEncoding.EncodeToString([]byte(proxyPassword)), base64.StdEncoding.EncodeToString([]byte("\x00kim\x00" + proxyPassword)), escape(proxyPassword),
	} {
		if strings.Contains(all, secret) {
			r.t.Errorf("%q is told", secret)
		}
	}
}

// TestProxyJSON: an object a line, all of it a transcript; those with a finding say
// what goes wrong. The program logs in itself here.
func TestProxyJSON(t *testing.T) {
	server := proxyServer(t)
	p := runProxy(t, english, urlOf(server), "--json", "--no-login")
	c := &smtp.Client{Addr: p.addr, Security: smtp.Plaintext, Auth: sasl.Only("PLAIN", sasl.Password("kim", proxyPassword))}
	go func() {
		say(t, p.addr, "EHLO shop.example", "RCPT TO:<x@example.net>", "QUIT")
		s, err := c.Open(t.Context())
		if err != nil {
			t.Error(err)
		} else {
			s.Close()
		}
	}()
	p.until(`"session":2.*"did":"closed"`)
	p.over()
	p.noSecret("")
	all, err := transcript.Read(&p.out)
	if err != nil || len(all) < 10 {
		t.Errorf("%d events: %v", len(all), err)
	}
}

// TestProxyFindings: what --json says of a refusal has names that stay.
func TestProxyFindings(t *testing.T) {
	server := proxyServer(t)
	p := runProxy(t, english, urlOf(server), "--json")
	say(t, p.addr, "EHLO shop.example", "MAIL FROM:<me@example.com>", "RCPT TO:<nobody@example.net>", "QUIT")
	for line := range strings.Lines(p.over()) {
		var o struct {
			Session uint64
			Did     string
			Finding *findingRecord
		}
		if err := json.Unmarshal([]byte(line), &o); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if o.Finding == nil {
			continue
		}
		if f := o.Finding; o.Session != 1 || f.Kind != "recipient-unknown" || f.Side != "provider" || f.Temporary || f.Cause == "" || f.Fix == "" {
			t.Errorf("%s", line)
		}
		return
	}
	t.Error("nothing was found")
}

// TestProxyFlags is what is refused before anything listens.
func TestProxyFlags(t *testing.T) {
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{}, "no provider"},
		{[]string{"--to", "smtp://kim:pass@mx.example", "--listen", "0.0.0.0:0"}, "--allow-network"},
		{[]string{"--to", "smtp://mx.example", "--accept-login"}, "--accept-login"},
		{[]string{"--to", "smtp://mx.example", "--cert", "x"}, "--key"},
		{[]string{"--to", "smtp://mx.example", "--blind", "--starttls"}, "--blind"},
		{[]string{"--to", "smtp://mx.example", "--implicit", "--starttls"}, "--implicit"},
		{[]string{"--to", "smtp://mx.example", "--listen", "nonsense"}, "--listen"},
		{[]string{"--to", "smtp://mx.example", "--transcript", "/dev/null/x"}, "--transcript"},
	} {
		f := new(proxyFlags)
		set := pflag.NewFlagSet("proxy", pflag.ContinueOnError)
		f.define(set)
		if err := set.Parse(test.args); err != nil {
			t.Fatal(err)
		}
		var out, errs bytes.Buffer
		u := newUI(system{in: strings.NewReader(""), out: &out, err: &errs, environ: []string{"PARLEY_CONFIG=/nowhere"}}, "parley", english)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if code := u.proxy(ctx, f); code != exitUsage || !strings.Contains(errs.String(), test.want) || strings.Contains(errs.String(), "pass@") {
			t.Errorf("%v: %d, %s", test.args, code, &errs)
		}
	}
	told := map[string]bool{}
	set := pflag.NewFlagSet("proxy", pflag.ContinueOnError)
	new(proxyFlags).define(set)
	for _, group := range proxyWords {
		for _, word := range group.flags {
			told[word.name] = true
			if f := set.Lookup(word.name); f != nil && (f.NoOptDefVal == "") != (word.value != "") {
				t.Errorf("--help has the value %q for --%s", word.value, word.name)
			}
		}
	}
	set.VisitAll(func(f *pflag.Flag) {
		if !told[f.Name] {
			t.Errorf("--help does not tell of --%s", f.Name)
		}
	})
}
