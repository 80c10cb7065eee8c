package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"

	"github.com/parleymail/parley/check"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtptest"
)

const checkPassword = "correct-horse-battery"

// runCheck runs "parley check" with arguments, in an environment of its own.
func runCheck(t *testing.T, environ []string, args ...string) (exit int, out, err string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	environ = append([]string{"HOME=" + t.TempDir(), "LANG=C.UTF-8", "PATH=" + os.Getenv("PATH")}, environ...)
	exit = run(append([]string{"parley", "check"}, args...), system{in: strings.NewReader(""), out: &stdout, err: &stderr, environ: environ})
	for _, text := range []string{stdout.String(), stderr.String()} {
		if strings.Contains(text, checkPassword) || strings.Contains(text, "Y29ycmVjdC1ob3JzZS1iYXR0ZXJ5") {
			t.Errorf("the password is in %s", text)
		}
	}
	return exit, stdout.String(), stderr.String()
}

// checkMasks are what differs from run to run, and what it is replaced by.
var checkMasks = []struct {
	form *regexp.Regexp
	with string
}{
	{regexp.MustCompile(`127\.0\.0\.1:\d+`), "127.0.0.1:PORT"},
	{regexp.MustCompile(`(?m)( {2,})?\b\d+(?:\.\d+)?(?:µs|ms|s)(\s)`), "  TIME$2"},
	{regexp.MustCompile(`\b\d+\.\d ms\b`), "TIME"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\d(T[0-9:]+Z)?`), "DAY"},
	{regexp.MustCompile(`\b[0-9a-f]{40,64}\b`), "SHA256"},
	{regexp.MustCompile(`ca=\S+ca\.pem`), "ca=CA"},
	{regexp.MustCompile(`/\S+/ca\.pem`), "/CA"},
	{regexp.MustCompile(`(?m)^- parley .*$`), "- parley VERSION"},
	{regexp.MustCompile(`port = \d+|Port = \d+|port: \d+|port=\d+|port \d+`), "PORT"},
	{regexp.MustCompile(`"127\.0\.0\.1", \d+`), `"127.0.0.1", PORT`},
}

func maskCheck(s string) string {
	for _, m := range checkMasks {
		s = m.form.ReplaceAllString(s, m.with)
	}
	return s
}

// goldenCheck holds a text against the one that is kept.
func goldenCheck(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", "check_"+name+".txt")
	got = maskCheck(got)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s: %s", name, diff)
	}
}

func checkServer(t *testing.T, security smtp.Security) *smtptest.Server {
	return (&smtptest.Server{
		Users: map[string]string{"kim@example.com": checkPassword}, Security: security,
	}).Start(t)
}

// TestCheckOutput is what people see, in both languages, wide and narrow.
func TestCheckOutput(t *testing.T) {
	for _, c := range []struct {
		name    string
		prepare func(*smtptest.Server)
		args    []string
		exit    int
	}{
		{"good", nil, nil, exitTaken},
		{"verbose", nil, []string{"-v"}, exitTaken},
		{"refused", func(s *smtptest.Server) {
			s.Refuse(smtp.StageAuth, "", "535 Login Fail. Please enter your authorization code to login. More information in https://service.mail.qq.com/detail/0/53")
		}, nil, exitCredentials},
		{"unknown", func(s *smtptest.Server) { s.Refuse(smtp.StageRcpt, "", "550 5.1.1 no such user") }, []string{"--to", "lee@example.net"}, exitRefused},
		{"greylisted", func(s *smtptest.Server) {
			s.Refuse(smtp.StageRcpt, "", "450 4.2.0 Greylisted, see http://postgrey.schweikert.ch/help/example.net.html")
		}, nil, exitLater},
	} {
		for _, form := range []struct{ name, lang, columns string }{{"en", "en", "100"}, {"zh", "zh", "100"}, {"narrow", "en", "60"}} {
			t.Run(c.name+"_"+form.name, func(t *testing.T) {
				s := checkServer(t, smtp.StartTLS)
				if c.prepare != nil {
					c.prepare(s)
				}
				exit, out, err := runCheck(t, []string{"SMTP_URL=" + s.URL(), "COLUMNS=" + form.columns}, append([]string{"--lang", form.lang}, c.args...)...)
				if exit != c.exit {
					t.Errorf("it ended with %d, and %d was expected", exit, c.exit)
				}
				goldenCheck(t, c.name+"_"+form.name, out+err)
				if c.exit == exitTaken {
					return
				}
				lines := strings.Split(strings.TrimSuffix(err, "\n"), "\n")
				if n := len(lines); n < 2 || !strings.HasPrefix(lines[n-2], "cause: ") || !strings.HasPrefix(lines[n-1], "fix: ") {
					t.Errorf("the last lines are no cause and fix: %s", err)
				}
			})
		}
	}
}

// TestCheckModes is the wrong mode of TLS, and the right one in the fix.
func TestCheckModes(t *testing.T) {
	for _, c := range []struct {
		security    smtp.Security
		wrong, name string
	}{
		{smtp.ImplicitTLS, "smtp://%s", "plain_to_tls"},
		{smtp.StartTLS, "smtps://%s", "tls_to_plain"},
	} {
		s := checkServer(t, c.security)
		exit, out, err := runCheck(t, nil, fmt.Sprintf(c.wrong, s.Addr()), "--timeout", "1s")
		if exit != exitProtocol {
			t.Errorf("%s: exit %d", c.name, exit)
		}
		goldenCheck(t, c.name, out+err)
	}
}

// TestCheckCertificate is one that nobody knows.
func TestCheckCertificate(t *testing.T) {
	s := checkServer(t, smtp.StartTLS)
	exit, out, err := runCheck(t, nil, "smtp://"+s.Addr())
	if exit != exitProtocol {
		t.Errorf("exit %d", exit)
	}
	goldenCheck(t, "certificate", out+err)
}

// TestCheckSends sends only if it is told to.
func TestCheckSends(t *testing.T) {
	s := checkServer(t, smtp.StartTLS)
	env := []string{"SMTP_URL=" + s.URL()}
	if exit, _, err := runCheck(t, env); exit != 0 || len(s.Mails()) != 0 {
		t.Errorf("exit %d, %d mails: %s", exit, len(s.Mails()), err)
	}
	exit, out, _ := runCheck(t, env, "--send", "--to", "lee@example.net")
	if exit != 0 || len(s.Wait(t, 1)) != 1 || !strings.Contains(out, "has taken the mail") {
		t.Errorf("exit %d: %s", exit, out)
	}
}

// TestCheckJSON has an object a step, and the result last.
func TestCheckJSON(t *testing.T) {
	s := checkServer(t, smtp.StartTLS)
	s.Refuse(smtp.StageRcpt, "", "550 5.1.1 no such user")
	_, out, err := runCheck(t, []string{"SMTP_URL=" + s.URL()}, "--json", "--lang", "zh")
	if err != "" {
		t.Errorf("standard error has %s", err)
	}
	var names []string
	var last map[string]any
	for line := range strings.Lines(out) {
		last = nil
		if e := json.Unmarshal([]byte(line), &last); e != nil {
			t.Fatalf("%s: %v", line, e)
		}
		names = append(names, last["step"].(string))
	}
	if got := strings.Join(names, " "); got != "dns tcp greeting hello-clear tls certificate hello auth mail rcpt reset quit versions result" {
		t.Errorf("steps: %s", got)
	}
	if last["exit"] != float64(exitRefused) || last["kind"] != "recipient-unknown" || last["failed"] != "rcpt" || !strings.Contains(last["cause"].(string), "收件人") && !strings.Contains(last["cause"].(string), "邮箱") {
		t.Errorf("the result is %v", last)
	}
	if strings.Contains(out, `"zh":`) {
		t.Error("sentences are not in one language")
	}
}

// changing are the rows of a comparison that are as wide as chance has it.
var changing = regexp.MustCompile(`(?m)^(≠|  ?)( )*(server|time|certificate sha256) .*\n( .*[0-9a-f]{20,} *\n)?|^\d+ of these differ\.\n`)

// TestCheckFiles: what is written hides what it has to.
func TestCheckFiles(t *testing.T) {
	s := checkServer(t, smtp.StartTLS)
	folder := t.TempDir()
	at := func(name string) string { return filepath.Join(folder, name) }
	env := []string{"SMTP_URL=" + s.URL() + "&hello=laptop.kims-shop.example"}
	exit, _, err := runCheck(t, env, "--report", at("report.md"), "--mask", "--keep", at("kept.json"), "--transcript", at("said.txt"), "--to", "lee@shop.example")
	if exit != 0 {
		t.Fatal(err)
	}
	for _, name := range []string{"report.md", "kept.json", "said.txt"} {
		data, err := os.ReadFile(at(name))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(data), checkPassword) {
			t.Errorf("the password is in %s", name)
		}
		for _, private := range []string{"kim@example.com", "lee@", "kims-shop", "mx.example"} {
			if name == "report.md" && strings.Contains(string(data), private) {
				t.Errorf("%s is in the masked report:\n%s", private, data)
			}
		}
		if name == "report.md" {
			goldenCheck(t, "report", string(data))
		}
	}
	exit, out, _ := runCheck(t, env, "--compare", at("kept.json"), at("kept.json"))
	if exit != 0 || !strings.Contains(out, "Both are the same.") {
		t.Errorf("exit %d: %s", exit, out)
	}
	goldenCheck(t, "compare_same", changing.ReplaceAllString(out, ""))
	other := checkServer(t, smtp.ImplicitTLS)
	_, out, _ = runCheck(t, []string{"SMTP_URL="}, "--compare", at("kept.json"), "smtps://"+other.Addr())
	goldenCheck(t, "compare_differ", changing.ReplaceAllString(out, ""))
}

// TestCheckAll finds the mode that works, and tells each program of it, never with a password.
func TestCheckAll(t *testing.T) {
	s := checkServer(t, smtp.StartTLS)
	exit, out, err := runCheck(t, []string{"SMTP_URL=" + s.URL()}, "--all", "--timeout", "2s")
	if exit != 0 {
		t.Fatalf("exit %d: %s", exit, err)
	}
	_, settings, ok := strings.Cut(out, "\nURL\n")
	if !ok {
		t.Fatal(out)
	}
	goldenCheck(t, "settings_starttls", settings)
	_, port, _ := net.SplitHostPort(s.Addr())
	for _, line := range []string{"-     " + port + " TLS", "ok    " + port + " STARTTLS", "-     " + port + " clear text"} {
		if !strings.Contains(out, line) {
			t.Errorf("%q is not in\n%s", line, out)
		}
	}
}

// TestSettings are those of the modes that a check on loopback does not show.
func TestSettings(t *testing.T) {
	var b strings.Builder
	for _, w := range []check.Way{
		{Host: "smtp.example.com", Port: 465, Security: smtp.ImplicitTLS},
		{Host: "relay.example.com", Port: 25, Security: smtp.Plaintext},
	} {
		c := &checked{check: &check.Check{}, user: `o'neil"@example.com`}
		if w.Port == 25 {
			c.user = ""
		}
		for _, s := range c.settings(w) {
			fmt.Fprintf(&b, "%s\n  %s\n", s.title, strings.Join(s.lines, "\n  "))
		}
	}
	goldenCheck(t, "settings", b.String())
}

// TestCheckUsage: what cannot be meant.
func TestCheckUsage(t *testing.T) {
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{}, "no server"},
		{[]string{"a.example", "b.example"}, `"b.example"`},
		{[]string{"--compare", "a.example"}, "--compare wants two"},
		{[]string{"--compare", "--all", "a.example", "b.example"}, "--all"},
		{[]string{"--compare", "--keep", "x", "a.example", "b.example"}, "--keep"},
		{[]string{"--mask", "a.example"}, "--mask is for --report"},
		{[]string{"--timeout", "-1s", "a.example"}, "timeout"},
		{[]string{"--send", "a.example"}, "--send wants --from"},
		{[]string{"--user", "kim", "smtp://lee:x@a.example"}, "--user"},
		{[]string{"ftp://a.example"}, "smtps, smtp or lmtp"},
	} {
		exit, out, err := runCheck(t, nil, c.args...)
		if exit != exitUsage || !strings.Contains(err, c.says) || out != "" {
			t.Errorf("%v: exit %d, %q, %q", c.args, exit, out, err)
		}
	}
	if exit, _, _ := runCheck(t, nil, "--compare", "/etc/hostname", "/etc/hostname"); exit != exitUsage {
		t.Errorf("a file that is no report: exit %d", exit)
	}
}

// TestEveryCheckFlagIsTold holds the flags against what --help says of them.
func TestEveryCheckFlagIsTold(t *testing.T) {
	set := pflag.NewFlagSet("", pflag.ContinueOnError)
	new(checkFlags).define(set)
	told := make(map[string]bool)
	for _, group := range checkWords {
		for _, word := range group.flags {
			told[word.name] = true
			if f := set.Lookup(word.name); f == nil && word.name != "lang" && word.name != "help" {
				t.Errorf("--help tells of --%s, which there is not", word.name)
			} else if f != nil && (f.NoOptDefVal == "") != (word.value != "") {
				t.Errorf("--help has the value %q for --%s", word.value, word.name)
			}
		}
	}
	set.VisitAll(func(f *pflag.Flag) {
		if !told[f.Name] {
			t.Errorf("--help does not tell of --%s", f.Name)
		}
	})
	for name, words := range stepNames {
		if words.en == "" || words.zh == "" {
			t.Errorf("the step %s has no name in a language", name)
		}
	}
}

// TestCheckTellsNoLoopbackApart: a server that is silent, within --timeout.
func TestCheckSilence(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() { io.Copy(io.Discard, conn); conn.Close() }()
		}
	}()
	exit, out, errs := runCheck(t, nil, "smtp://"+l.Addr().String(), "--timeout", "300ms")
	if exit != exitLater {
		t.Errorf("exit %d", exit)
	}
	goldenCheck(t, "silence", out+errs)
}

// TestCheckAllNamed: what a server of the file needs stands in its settings too.
func TestCheckAllNamed(t *testing.T) {
	s := checkServer(t, smtp.StartTLS)
	folder := t.TempDir()
	ca, err := os.ReadFile(s.CAFile())
	if err != nil {
		t.Fatal(err)
	}
	host, port, _ := net.SplitHostPort(s.Addr())
	file := "[server.shop]\nhost = '" + host + "'\nport = " + port + "\nca = 'ca.pem'\nuser = 'kim@example.com'\npassword-env = 'PASS'\n"
	for name, text := range map[string]string{"config.toml": file, "ca.pem": string(ca)} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	env := []string{"PARLEY_CONFIG=" + filepath.Join(folder, "config.toml"), "PASS=" + checkPassword}
	exit, out, stderr := runCheck(t, env, "--all", "--timeout", "2s", "shop")
	if want := "tls_trust_file " + filepath.Join(folder, "ca.pem"); exit != 0 || !strings.Contains(out, want) {
		t.Errorf("exit %d: %q is not in\n%s%s", exit, want, out, stderr)
	}
}
