package interop_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/parleymail/parley/inbox"
)

// A sending is what a program says of one mail that it sent: see catch/nodemailer/send.js and catch/gomail.
type sending struct {
	Case     string
	To       string
	Content  []byte // as it was to arrive
	Error    string
	Message  string
	Code     int
	Response string
	Accepted []string
	OK       bool
}

func (s sending) String() string {
	return fmt.Sprintf("%s for %s: error %q, code %d, %s %s", s.Case, s.To, s.Error, s.Code, s.Response, s.Message)
}

// secured is a catch with TLS of both kinds, that knows one user and takes any other mail without.
func securedCatch(t *testing.T) (c *catching, ca string) {
	t.Helper()
	ca = filepath.Join(t.TempDir(), "catch.pem")
	return catch(t, "--smtps", "127.0.0.1:0", "--save-cert", ca, "--users", writeUsers(t, map[string]string{user: password})), ca
}

// ran are the sendings of a program, which is told where the server is.
func ran(t *testing.T, c *catching, ca string, command ...string) []sending {
	t.Helper()
	port, err := strconv.Atoi(c.port())
	if err != nil {
		t.Fatal(err)
	}
	tlsPort, err := strconv.Atoi(c.tlsPort())
	if err != nil {
		t.Fatal(err)
	}
	where, err := json.Marshal(map[string]any{"port": port, "tls": tlsPort, "ca": ca, "user": user, "password": password})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, command[0], append(command[1:], string(where))...)
	cmd.WaitDelay = 5 * time.Second
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if exitCode(err) == 77 {
		missing(t, command[0], said.String())
	}
	if err != nil {
		t.Fatalf("%s: %v: %s\n%s", command[0], err, said.String(), out)
	}
	var all []sending
	for line := range strings.Lines(string(out)) {
		var s sending
		if err := json.Unmarshal([]byte(line), &s); err != nil {
			t.Fatalf("%s says %q: %v", command[0], line, err)
		}
		all = append(all, s)
	}
	return all
}

// checkSendings compares what a program says that it sent with what was kept.
func checkSendings(t *testing.T, c *catching, all []sending) {
	t.Helper()
	kept := map[string]inbox.Message{}
	for _, m := range c.messages(t, "") {
		for _, r := range m.Recipients {
			kept[r] = m
		}
	}
	for _, s := range all {
		t.Run(s.Case+"/"+s.To[:min(len(s.To), 40)], func(t *testing.T) {
			if s.To == "" {
				if !s.OK {
					t.Errorf("it says %v", s)
				}
				return
			}
			to, _, _ := strings.Cut(s.To, ",")
			m, ok := kept[domainForm(to)]
			if strings.HasPrefix(s.Case, "wrong password") {
				if ok || s.Code != 535 {
					t.Errorf("a wrong password: the mail was taken: %v; the program says %v", ok, s)
				}
				return
			}
			if s.Error != "" || !ok {
				t.Fatalf("not taken: %s %s", s.Error, s.Message)
			}
			c.holds(t, m, crlf(s.Content))
			checkSession(t, c.session(t, m.Session), s.Case)
		})
	}
}

// domainForm is an address as it is said in the envelope.
func domainForm(addr string) string {
	return strings.Replace(strings.TrimSpace(addr), "bücher.example", "xn--bcher-kva.example", 1)
}

// checkSession sees that the session's facts are those of the case.
func checkSession(t *testing.T, s inbox.Session, name string) {
	t.Helper()
	name = strings.ToLower(name)
	if secured := strings.Contains(name, "tls"); secured != (s.TLS != "") {
		t.Errorf("over TLS: %v; the session is told as %+v", secured, s)
	}
	if s.TLS != "" && (!strings.HasPrefix(s.TLS, "TLS 1.") || s.Cipher == "" || s.SNI != "localhost") {
		t.Errorf("the session's TLS is told as %q, %q, %q", s.TLS, s.Cipher, s.SNI)
	}
	for _, mechanism := range []string{"plain", "login", "cram-md5", "scram-sha-256"} {
		_, auth, found := strings.Cut(name, "-")
		if strings.HasPrefix(name, "auth "+mechanism) || found && auth == mechanism {
			if s.User != user || !strings.EqualFold(s.Mechanism, mechanism) {
				t.Errorf("by AUTH %s of %s; the session is told as %+v", mechanism, user, s)
			}
		}
	}
	if s.Failed || s.Hello != "localhost" || s.Ended == nil {
		t.Errorf("nothing failed, and the session is told as %+v", s)
	}
}

// TestCatchNodemailer has nodemailer send in each way that programs use it.
func TestCatchNodemailer(t *testing.T) {
	notShort(t)
	c, ca := securedCatch(t)
	checkSendings(t, c, ran(t, c, ca, "peers/nodemailer.sh", "run", ".", "send.js"))
	checkEnvelopes(t, c)
}

// TestCatchNodemailerByURL: a library that goes on by STARTTLS wherever it is offered, and verifies, sends to what SMTP_URL says.
func TestCatchNodemailerByURL(t *testing.T) {
	notShort(t)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	for name, c := range map[string]struct {
		flags []string
		fails string
	}{
		"as it is":              {},
		"a login":               {flags: []string{"--require-login"}},
		"a user":                {flags: []string{"--require-login", "--users", writeUsers(t, map[string]string{user: password})}},
		"STARTTLS, not trusted": {flags: []string{"--starttls"}, fails: "self-signed certificate"},
		"STARTTLS, trusted":     {flags: []string{"--require-tls", "--save-cert", ca}},
		"implicit TLS, trusted": {flags: []string{"--smtp", "", "--smtps", "127.0.0.1:0", "--save-cert", ca}},
	} {
		cmd := exec.CommandContext(t.Context(), buildParley(t), append(append([]string{"catch", "--expect", "1"}, c.flags...), "--", "peers/nodemailer.sh", "run", ".", "url.js")...)
		cmd.Env = append(cmd.Environ(), "NODE_EXTRA_CA_CERTS="+ca)
		out, err := cmd.CombinedOutput()
		if exitCode(err) == 77 {
			missing(t, "nodemailer", string(out))
		}
		if (err != nil) != (c.fails != "") || !strings.Contains(string(out), c.fails) {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}

// checkEnvelopes looks at what only the envelope tells.
func checkEnvelopes(t *testing.T, c *catching) {
	t.Helper()
	if m := c.kept(t, "bounce@example.net"); m.ReversePath != "" {
		t.Errorf("the null reverse-path is kept as %q", m.ReversePath)
	}
	if m := c.kept(t, "unseen@example.net"); len(m.Recipients) != 3 || strings.Contains(strings.ToLower(string(c.raw(t, m.ID))), "unseen") {
		t.Errorf("Bcc: the recipients are %s", m.Recipients)
	}
	if m := c.kept(t, "many-99@example.net"); len(m.Recipients) != 100 {
		t.Errorf("of 100 recipients, %d were kept", len(m.Recipients))
	}
	if m := c.kept(t, "测试@example.net"); !m.UTF8 {
		t.Errorf("SMTPUTF8 is not told: %+v", m)
	}
	dsn := c.said(t, c.kept(t, "dsn@example.net").Session)
	for _, want := range []string{"RET=HDRS", "ENVID=ENV-1", "NOTIFY=FAILURE,DELAY", "ORCPT=rfc822;dsn@example.net"} {
		if !strings.Contains(dsn, want) {
			t.Errorf("DSN: %s is not in the conversation:\n%s", want, dsn)
		}
	}
}

// TestCatchGoMail has a Go program send by go-mail.
func TestCatchGoMail(t *testing.T) {
	notShort(t)
	program := filepath.Join(t.TempDir(), "gomail")
	build := exec.Command("go", "build", "-o", program, ".")
	build.Dir = "catch/gomail"
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building: %v: %s", err, out)
	}
	c, ca := securedCatch(t)
	all := ran(t, c, ca, program)
	checkSendings(t, c, all)
	if m := c.kept(t, "gomail.dsn@example.net"); !strings.Contains(c.said(t, m.Session), "RET=HDRS") {
		t.Error("DSN: RET=HDRS is not in the conversation")
	}
	if n := len(c.messages(t, "subject:三月对账单")); n == 0 || n < len(all)/2 {
		t.Errorf("a search for the subject finds %d mails", n)
	}
	fmt.Fprintf(t.Output(), "%d mails\n", len(all))
}
