package main

import (
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtptest"
)

var update = flag.Bool("update", false, "write the goldens in the scripts anew")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"parley": main, "sendmail": main})
}

// TestScripts runs testdata/script. Beside testscript's own commands they have
//
//	server [tls=starttls|implicit|none] [user=NAME:PASSWORD] [lmtp] [without=KEYWORD,...] [max=OCTETS]
//	    starts a server, and sets SMTP_URL, ADDR and CA
//	fault stage=STAGE [match=...] [say=...] [then=hangup|reset|fall] [mute] [wait=DURATION]
//	    makes it do otherwise than it should
//	exits CODE COMMAND...
//	    runs a command, which must end with this code
//	got N FILE
//	    writes its Nth mail, envelope first, into a file, with what differs each time masked
//	mails N
//	    it must have so many
//	octets FILE HEX
//	    makes a file of what does not stand in a script
//	config FILE
//	    puts the server's ADDR, HOST, PORT and CA into a file, which its owner alone can then read
//	masked stdout|stderr|FILE FILE
//	    writes a copy in which what differs each time is masked
func TestScripts(t *testing.T) {
	dir, files := "testdata/script", []string(nil)
	if testing.Short() { // as under the race detector, with which each of a thousand processes takes half a second to begin; what catch does side by side, web's tests do
		dir = ""
		for _, name := range []string{"demo", "send", "serve", "talk"} {
			files = append(files, filepath.Join("testdata", "script", name+".txtar"))
		}
	}
	testscript.Run(t, testscript.Params{
		Dir: dir, Files: files,
		UpdateScripts: *update,
		Setup: func(env *testscript.Env) error {
			env.Values["t"] = env.T().(testing.TB)
			env.Values["server"] = new(*smtptest.Server)
			env.Setenv("LANG", "C.UTF-8")
			env.Setenv("TZ", "UTC")
			env.Setenv("LF", "\n") // no line of a script can hold one
			env.Setenv("ESC", "\x1b")
			env.Setenv("USER", "kim")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"server": scriptServer, "fault": scriptFault, "exits": scriptExits,
			"got": scriptGot, "octets": scriptOctets, "mails": scriptMails, "masked": scriptMasked,
			"config": scriptConfig,
		},
	})
}

// options reads name=value words; a word without = is its own value.
func options(ts *testscript.TestScript, args []string, known ...string) map[string]string {
	values := make(map[string]string)
	for _, arg := range args {
		name, value, ok := strings.Cut(arg, "=")
		if !ok {
			value = name
		}
		found := false
		for _, k := range known {
			found = found || k == name
		}
		if !found {
			ts.Fatalf("there is no option %q here", name)
		}
		values[name] = value
	}
	return values
}

func scriptServer(ts *testscript.TestScript, _ bool, args []string) {
	o := options(ts, args, "tls", "user", "lmtp", "without", "max")
	s := &smtptest.Server{LMTP: o["lmtp"] != "", Security: smtp.Plaintext}
	switch o["tls"] {
	case "starttls":
		s.Security = smtp.StartTLS
	case "implicit":
		s.Security = smtp.ImplicitTLS
	}
	if user, password, ok := strings.Cut(o["user"], ":"); ok {
		s.Users = map[string]string{user: password}
	}
	if o["without"] != "" {
		s.Without = strings.Split(o["without"], ",")
	}
	if o["max"] != "" {
		n, err := strconv.ParseInt(o["max"], 10, 64)
		ts.Check(err)
		s.MaxSize = n
	}
	s.Start(ts.Value("t").(testing.TB))
	ts.Setenv("SMTP_URL", s.URL())
	ts.Setenv("ADDR", s.Addr())
	if s.Security != smtp.Plaintext {
		ts.Setenv("CA", s.CAFile())
	}
	*serverOf(ts) = s
}

// serverOf is the server that a script started last.
func serverOf(ts *testscript.TestScript) **smtptest.Server {
	return ts.Value("server").(**smtptest.Server)
}

func scriptFault(ts *testscript.TestScript, _ bool, args []string) {
	o := options(ts, args, "stage", "match", "say", "then", "mute", "wait")
	f := smtptest.Fault{Match: o["match"], Say: o["say"], Mute: o["mute"] != ""}
	for s := smtp.StageDial; s <= smtp.StageQuit; s++ {
		if s.String() == o["stage"] {
			f.Stage = s
		}
	}
	if o["wait"] != "" {
		d, err := time.ParseDuration(o["wait"])
		ts.Check(err)
		f.Wait = d
	}
	f.Then = map[string]smtptest.Then{"hangup": smtptest.HangUp, "reset": smtptest.Reset, "fall": smtptest.Fall}[o["then"]]
	(*serverOf(ts)).Fault(f)
}

func scriptExits(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		e, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%v", err)
		}
		got = e.ExitCode()
	}
	if got != want {
		ts.Fatalf("it ended with %d, and %d was expected", got, want)
	}
}

func scriptMails(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	if got := len((*serverOf(ts)).Mails()); got != want {
		ts.Fatalf("the server has %d mails, and %d were expected", got, want)
	}
}

func scriptGot(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	m := (*serverOf(ts)).Wait(ts.Value("t").(testing.TB), n)[n-1]
	var b strings.Builder
	fmt.Fprintf(&b, "MAIL FROM:%s", m.ReversePath)
	if m.Return != 0 {
		fmt.Fprintf(&b, " RET=%d", m.Return)
	}
	if m.ID != "" {
		fmt.Fprintf(&b, " ENVID=%s", m.ID)
	}
	if m.RequireTLS {
		b.WriteString(" REQUIRETLS")
	}
	b.WriteString("\n")
	for _, r := range m.Recipients {
		b.WriteString("RCPT TO:" + r.Path.String() + notifyOf(r.Notify) + "\n")
	}
	b.WriteString("\n" + strings.ReplaceAll(string(m.Content), "\r\n", "\n"))
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(mask(b.String())), 0o644))
}

func notifyOf(n mail.Notify) string {
	s := ""
	for i, word := range []string{"NEVER", "SUCCESS", "FAILURE", "DELAY"} {
		if n&(1<<i) != 0 {
			s += " " + word
		}
	}
	return s
}

func scriptMasked(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(mask(ts.ReadFile(args[0]))), 0o644))
}

// masks are what differs from run to run, and what it is replaced by.
var masks = []struct {
	form *regexp.Regexp
	with string
}{
	{regexp.MustCompile(`127\.0\.0\.1:\d+`), "127.0.0.1:PORT"},
	{regexp.MustCompile(`(?m)^Date: .*$`), "Date: DATE"},
	{regexp.MustCompile(`(?mi)^Message-ID: .*$`), "Message-ID: ID"},
	{regexp.MustCompile(`boundary="?[^"\s;]+"?`), "boundary=BOUNDARY"},
	{regexp.MustCompile(`(?m)^--[0-9a-zA-Z=_.'+/?-]{16,}$`), "--BOUNDARY"},
	{regexp.MustCompile(`\b[0-9a-f]{64}\b`), "SHA256"},
	{regexp.MustCompile(`sha256 [0-9a-f]+\n +[0-9a-f]+\b`), "sha256 SHA256"}, // on two lines
	{regexp.MustCompile(`(chart\.png.*  )\d+ `), "${1}SIZE "},
	{regexp.MustCompile(`until \d{4}-\d\d-\d\d`), "until DAY"},
	{regexp.MustCompile(`demo:[A-Z0-9]{12}@`), "demo:PASSWORD@"},
	{regexp.MustCompile(`\d{3},\d{3} (octets|字节)`), "SIZE $1"},
	{regexp.MustCompile(`\d{6} octets`), "SIZE octets"},
	{regexp.MustCompile(`SIZE=\d{6}\b`), "SIZE=SIZE"},
}

func mask(s string) string {
	s = strings.ReplaceAll(s, "\r\n", "\n") // no golden has any
	for _, m := range masks {
		s = m.form.ReplaceAllString(s, m.with)
	}
	return s
}

func scriptOctets(ts *testscript.TestScript, _ bool, args []string) {
	data, err := hex.DecodeString(args[1])
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), data, 0o644))
}
