package interop_test

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parleymail/parley/check"
	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/transcript"
)

// A situation is a server set up in some way, and what "parley check" has to say of it.
type situation struct {
	name string
	at   string // the URL: smtp://kim@GOOD?tls=none. Its host is one of the peer's ports; kim logs in
	args string // what else the command is told
	want string // "rcpt relay-denied for-good 69": the step that fails, kind, temporary or not, exit code; "good"; "warning"

	password string                                 // in place of the right one
	before   func(*testing.T, *checking, situation) // makes the server what it has to be
	once     bool                                   // it is another server the next time
	await    bool                                   // it is to become so within half a minute
	fault    string                                 // what it says instead, until a known fault is mended
}

// A checking is a peer whose situations are being looked at.
type checking struct {
	peer *peer
	host string
}

// checkAll looks at each situation, and keeps what was said in testdata/check/name.txt. Most of a check is
// waiting, and so some run side by side: but those that change the server.
func checkAll(t *testing.T, c *checking, name string, list []situation) {
	t.Helper()
	told := make([]string, len(list))
	seen := map[string]bool{} // which failures are looked at as JSON too
	look := func(i int, asJSON bool) {
		t.Run(strings.ReplaceAll(list[i].name, " ", "-"), func(t *testing.T) { told[i] = c.look(t, list[i], asJSON) })
	}
	var others []func()
	var side sync.WaitGroup
	slots := make(chan struct{}, 4)
	for i, s := range list {
		asJSON := !s.once && !seen[s.want]
		seen[s.want] = seen[s.want] || asJSON
		if s.before != nil || s.once || s.await {
			others = append(others, func() { look(i, asJSON) })
			continue
		}
		side.Go(func() {
			slots <- struct{}{}
			look(i, asJSON)
			<-slots
		})
	}
	side.Wait()
	for _, look := range others {
		look()
	}
	c.compare(t, name, strings.Join(told, ""))
}

// compare holds what was told against what is kept.
func (c *checking) compare(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", "check", name+".txt")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	kept, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(kept) {
		t.Errorf("%s says otherwise (-update writes it anew):\n%s", file, differing(string(kept), got))
	}
}

// differing shows the situations that are told otherwise than they were.
func differing(kept, got string) string {
	const mark = "\n== "
	old := map[string]bool{}
	for part := range strings.SplitSeq("\n"+kept, mark) {
		old[strings.TrimSpace(part)] = true
	}
	var b strings.Builder
	for part := range strings.SplitSeq("\n"+got, mark) {
		if part = strings.TrimSpace(part); !old[part] {
			b.WriteString("== " + part + "\n")
		}
	}
	return cmp.Or(b.String(), "some are missing")
}

// look runs the command in Chinese words, with the run kept; and as JSON in English. Both have to say the
// same, and no secret. It gives what testdata keeps.
func (c *checking) look(t *testing.T, s situation, asJSON bool) string {
	if s.before != nil {
		s.before(t, c, s)
	}
	file := filepath.Join(t.TempDir(), "run.json")
	words, exit := c.run(t, s, "--lang", "zh", "--keep", file)
	for end := time.Now().Add(30 * time.Second); s.await && exit != 0 && time.Now().Before(end); {
		words, exit = c.run(t, s, "--lang", "zh", "--keep", file)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v: %s", err, words)
	}
	r := new(check.Report)
	if err := json.Unmarshal(data, r); err != nil {
		t.Fatal(err)
	}
	switch got := told(r, exit); {
	case s.fault != "" && got == s.want:
		t.Error("a known fault is mended: take it out of the situation")
	case got != cmp.Or(s.fault, s.want):
		t.Errorf("it says %q, want %q\n%s", got, s.want, words)
	}
	if d := r.Diagnosis(); d != nil {
		for _, line := range []string{"cause: " + d.Cause.In(diagnose.Chinese), "fix: " + d.Fix.In(diagnose.Chinese)} {
			if !strings.Contains(words, "\n"+line) {
				t.Errorf("the words do not have %q:\n%s", line, words)
			}
		}
	}
	if asJSON {
		c.sameAsJSON(t, s, r, exit)
	}
	return c.record(s, r)
}

// told is what a run says, as situation.want has it.
func told(r *check.Report, exit int) string {
	f, d := r.Failure(), r.Diagnosis()
	if f == nil || d == nil {
		if f != nil || exit != 0 {
			return fmt.Sprintf("%v, and no diagnosis, exit %d", r.Verdict(), exit)
		}
		return r.Verdict().String()
	}
	lasts := "for-good"
	if d.Temporary {
		lasts = "for-now"
	}
	return fmt.Sprint(f.Name, " ", d.Kind, " ", lasts, " ", exit)
}

// sameAsJSON runs it as JSON, an object a line.
func (c *checking) sameAsJSON(t *testing.T, s situation, r *check.Report, exit int) {
	out, code := c.run(t, s, "--lang", "en", "--json")
	if code != exit {
		t.Errorf("it ended with %d, and with --json with %d", exit, code)
	}
	for line := range strings.Lines(out) {
		var o struct {
			Step, Verdict string
			Diagnosis     *struct {
				Kind       string
				Temporary  bool
				Cause, Fix string
			}
		}
		if err := json.Unmarshal([]byte(line), &o); err != nil {
			t.Fatalf("%v: %q", err, line)
		}
		step := r.Step(o.Step)
		if o.Step == "" || o.Diagnosis == nil {
			continue // the last line has the whole
		}
		d := o.Diagnosis
		if step == nil || step.Diagnosis == nil || step.Verdict.String() != o.Verdict || string(step.Diagnosis.Kind) != d.Kind ||
			step.Diagnosis.Temporary != d.Temporary || c.mask(step.Diagnosis.Cause.In(diagnose.English)) != c.mask(d.Cause) || c.mask(step.Diagnosis.Fix.In(diagnose.English)) != c.mask(d.Fix) {
			t.Errorf("--json says %s", line)
		}
	}
}

// record is what the server said at the step that failed, and what it was taken for.
func (c *checking) record(s situation, r *check.Report) string {
	var b strings.Builder
	fmt.Fprintf(&b, "== %s\n%s\n%s\n", s.name, strings.TrimSpace(s.at+" "+s.args), cmp.Or(s.fault, s.want))
	for i := range r.Steps {
		for _, remark := range r.Steps[i].Remarks {
			fmt.Fprintf(&b, "! %s %s\n", r.Steps[i].Name, remark.Code)
		}
	}
	if f := r.Failure(); f != nil {
		b.WriteString(c.mask(refusal(f)))
	}
	if d := r.Diagnosis(); d != nil {
		for _, lang := range []diagnose.Lang{diagnose.English, diagnose.Chinese} {
			b.WriteString(c.mask(fmt.Sprintf("cause: %s\nfix: %s\n", d.Cause.In(lang), d.Fix.In(lang))))
		}
	}
	b.WriteByte('\n')
	return b.String()
}

// refusal is the reply that says no, line by line; where nobody said no, what was found.
func refusal(f *check.Step) string {
	var said transcript.Transcript
	for _, e := range f.Said {
		if e.Did != smtp.Answer || e.Line < "4" {
			continue
		}
		if said = append(said, e); len(e.Line) < 4 || e.Line[3] != '-' {
			return said.String()
		}
	}
	return "-- " + f.Found.In(diagnose.English) + "\n"
}

var (
	aPort        = regexp.MustCompile(`//((?:\w+@)?)([A-Z]+)`)
	aBreak       = regexp.MustCompile(`(?m)^-- (read tcp .*|write tcp .*|EOF)$`) // which of them, is the kernel's to say
	anEphemeral  = regexp.MustCompile(`127\.0\.0\.[12]:\d+->`)
	aFingerprint = regexp.MustCompile(`[0-9a-f]{64}`)
	aDate        = regexp.MustCompile(`\w{3}, \d\d \w{3} 20\d\d [0-9:]+ \+0000`)
	anEnd        = regexp.MustCompile(`until 20\d\d-\d\d-\d\d`) // of a certificate made today
	aWait        = regexp.MustCompile(`in \d+ seconds|delayed for \d+`)
)

// mask replaces what is not the same in each run.
func (c *checking) mask(s string) string {
	for key, value := range c.peer.vars {
		if len(value) >= 4 {
			s = strings.ReplaceAll(s, ":"+value, ":"+key)
		}
	}
	s = aBreak.ReplaceAllString(s, "-- the connection broke")
	s = anEphemeral.ReplaceAllString(s, "CLIENT->")
	s = aDate.ReplaceAllString(s, "DATE")
	s = anEnd.ReplaceAllString(s, "until DATE")
	s = aFingerprint.ReplaceAllString(s, "SHA256")
	return aWait.ReplaceAllString(s, "WAIT")
}

// command is the situation's URL, and the rest.
func (c *checking) command(s situation) []string {
	at := aPort.ReplaceAllStringFunc(s.at, func(m string) string {
		user, port, _ := strings.Cut(strings.TrimPrefix(m, "//"), "@")
		if port == "" {
			return "//" + c.host + ":" + c.peer.vars[user]
		}
		return "//" + user + "%40example.net@" + c.host + ":" + c.peer.vars[port]
	})
	join := "?"
	if strings.Contains(at, "?") {
		join = "&"
	}
	at += join + "ca=" + url.QueryEscape(filepath.Join(c.peer.state, "tls", "trusted.pem"))
	args := append([]string{"check", at}, strings.Fields(s.args)...)
	if !strings.Contains(s.args, "--from") {
		args = append(args, "--from", "kim@example.net")
	}
	if !strings.Contains(s.args, "--to") {
		args = append(args, "--to", "lee@example.net")
	}
	return args
}

// run runs parley, and gives all that it wrote.
func (c *checking) run(t *testing.T, s situation, more ...string) (string, int) {
	t.Helper()
	binary, err := parley()
	if err != nil {
		t.Fatal(err)
	}
	password := cmp.Or(s.password, c.peer.vars["PASSWORD"])
	cmd := exec.CommandContext(t.Context(), binary, append(c.command(s), more...)...)
	cmd.Env = []string{"HOME=" + t.TempDir(), "PATH=" + os.Getenv("PATH"), "PARLEY_PASSWORD=" + password}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err = cmd.Run()
	if _, ended := errors.AsType[*exec.ExitError](err); err != nil && !ended {
		t.Fatal(err)
	}
	out := stdout.String() + stderr.String()
	for _, secret := range []string{password, base64.StdEncoding.EncodeToString([]byte(password)), base64.StdEncoding.EncodeToString([]byte("\x00kim@example.net\x00" + password))} {
		if strings.Contains(out, secret) {
			t.Errorf("the password is told: %s", out)
		}
	}
	return out, cmd.ProcessState.ExitCode()
}

// parley is the command, built once.
var parley = sync.OnceValues(func() (string, error) {
	binary := filepath.Join(peers.dir, "parley-command")
	return binary, run(cmp.Or(os.Getenv("GO"), "go"), "build", "-o", binary, "../cmd/parley")
})

// nothingCame fails where the server's inbox has a mail, or its log tells of one.
func (c *checking) nothingCame(t *testing.T, log, mark string) {
	t.Helper()
	if mails, _ := filepath.Glob(filepath.Join(c.peer.state, "mail", "inbox", "new", "*")); len(mails) > 0 {
		t.Errorf("%d mails were sent by checks that send none", len(mails))
	}
	data, err := os.ReadFile(filepath.Join(c.peer.state, log))
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(data, []byte(mark)); n > 0 {
		t.Errorf("%s tells %d times of a mail: %s", log, n, mark)
	}
}

// oneCame sends one mail, which has to come, and to be in the log: what nothingCame looks for is truly there when
// a mail is sent.
func (c *checking) oneCame(t *testing.T, log, mark string) {
	t.Helper()
	c.nothingCame(t, log, mark)
	if out, exit := c.run(t, situation{at: "smtp://kim@GOOD", args: "--send"}); exit != 0 {
		t.Fatalf("exit %d: %s", exit, out)
	}
	n := 0
	maildir(filepath.Join(c.peer.state, "mail", "inbox")).watch(t, func(d delivered) bool {
		n++
		if got := d.header.Get("Subject"); got != "Parley check" {
			t.Errorf("a mail with the subject %q came", got)
		}
		return true
	})
	data, err := os.ReadFile(filepath.Join(c.peer.state, log))
	if err != nil {
		t.Fatal(err)
	}
	if n != 1 || bytes.Count(data, []byte(mark)) != 1 {
		t.Errorf("%d mails came, and %s tells %d times of one", n, log, bytes.Count(data, []byte(mark)))
	}
}
