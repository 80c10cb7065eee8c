package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/smtp"
)

// TestFailuresForReal has each of the failures that people meet happen for real, on loopback: with
// the library, with parley send and with parley check. What they say of it stands in
// testdata/failures, in both languages; -update writes it anew.
func TestFailuresForReal(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("what the system says of connections is Linux's, in the goldens")
	}
	seen := map[string]bool{}
	for _, s := range scenarios() {
		if seen[s.name] {
			t.Fatalf("there are two scenarios %s", s.name)
		}
		seen[s.name] = true
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			w := &world{t: t}
			g := &ordeal{t: t, name: s.name}
			url := s.serve(w)
			g.port = regexp.MustCompile(`:(\d{5})|$`).FindStringSubmatch(url)[1]
			s.library(g, url)
			s.commands(g, url)
			g.compare()
		})
	}
}

const secret = "correct-horse-battery"

// withPassword is a URL as a program has it.
func withPassword(url string) string {
	scheme, rest, _ := strings.Cut(url, "://")
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		return scheme + "://" + rest[:at] + ":" + secret + rest[at:]
	}
	return url
}

func (s *scenario) paths() (from, to string) {
	if from, to = s.from, s.to; from == "" {
		from = "shop@example.com"
	}
	if to == "" {
		to = "kim@example.net"
	}
	return from, to
}

func (s *scenario) text() string {
	if s.large {
		return strings.Repeat("It is on its way, and a long one.\n", 512<<10)
	}
	return "It is on its way.\n"
}

// library sends a mail as a program does, and asks what the error means, knowing nothing else.
func (s *scenario) library(g *ordeal, url string) {
	client, err := smtp.ParseURL(withPassword(url))
	if err != nil {
		g.t.Fatal(err)
	}
	defer client.Close()
	from, to := s.paths()
	ctx, cancel := context.WithTimeout(g.t.Context(), 20*time.Second)
	defer cancel()
	_, err = client.Send(ctx, &mail.Message{From: mail.Address{Address: from}, To: mail.To(to), Subject: "Order 7", Text: s.text()})
	if err == nil {
		g.t.Fatal("the mail was taken")
	}
	d := diagnose.Explain(err)
	s.expect(g.t, "the library", d.Kind, d.Temporary)
	g.add("library", diagnosed(err.Error(), &d))
}

func (s *scenario) expect(t *testing.T, who string, kind diagnose.Kind, temporary bool) {
	t.Helper()
	if kind != s.kind || temporary != s.temporary {
		t.Errorf("%s: %s, temporary: %v; expected %s, %v", who, kind, temporary, s.kind, s.temporary)
	}
}

func diagnosed(text string, d *diagnose.Diagnosis) string {
	var b strings.Builder
	fmt.Fprintf(&b, "error: %s\n", text)
	fmt.Fprintf(&b, "kind: %s\ntemporary: %v\nconfidence: %.2f\nprovider: %s\n", d.Kind, d.Temporary, d.Confidence, d.Provider)
	fmt.Fprintf(&b, "cause: %s\nfix: %s\n", d.Cause.En, d.Fix.En)
	fmt.Fprintf(&b, "原因：%s\n办法：%s\n", d.Cause.Zh, d.Fix.Zh)
	return b.String()
}

// commands are parley send and parley check, in both languages.
func (s *scenario) commands(g *ordeal, url string) {
	from, to := s.paths()
	send := []string{"send", "--server", url, "--from", from, "--to", to, "--subject", "Order 7", "--text", s.text()}
	check := []string{"check", url, "--from", from, "--to", to}
	if s.content {
		check = append(check, "--send")
	}
	var sent struct {
		Result struct{ Error failure }
	}
	g.runJSON(&sent, send...)
	// Whether the server's word is for now or for good is smtp's to say there.
	s.expect(g.t, "parley send", sent.Result.Error.Means, s.temporary)
	for _, lang := range []string{"en", "zh"} {
		g.add("send "+lang, g.run(append(send, "--lang", lang)...))
	}
	if s.large {
		return
	}
	if s.searching && usualPortsAnswer() {
		g.t.Log("left out: parley check, which would find the mail server of this machine")
		return
	}
	var checked checkResult
	g.runJSON(&checked, check...)
	want := *s
	if s.checked != "" {
		want.kind, want.temporary = s.checked, s.checkedThen
	}
	want.expect(g.t, "parley check", checked.Kind, checked.Temporary)
	for _, lang := range []string{"en", "zh"} {
		g.add(s.checkPart()+" "+lang, g.run(append(check, "--lang", lang)...))
	}
}

// checkPart is the name of the part of a golden that has what parley check says. Of a
// server at localhost it says more in a container.
func (s *scenario) checkPart() string {
	if s.atLocalhost && inContainer() {
		return "check in a container"
	}
	return "check"
}

// inContainer asks as package check does, whose golden it is.
func inContainer() bool {
	for _, name := range []string{"/.dockerenv", "/run/.containerenv"} {
		if _, err := os.Stat(name); err == nil {
			return true
		}
	}
	groups, _ := os.ReadFile("/proc/1/cgroup")
	return regexp.MustCompile("docker|kubepods|containerd|/lxc/|libpod").Match(groups)
}

// usualPortsAnswer reports whether this machine has a mail server of its own: parley check
// would find it, and say so.
func usualPortsAnswer() bool {
	for _, port := range []string{"25", "465", "587", "2525"} {
		if conn, err := net.DialTimeout("tcp", "127.0.0.1:"+port, time.Second); err == nil {
			conn.Close()
			return true
		}
	}
	return false
}

// An ordeal is what was said of a failure, part by part.
type ordeal struct {
	t     *testing.T
	name  string
	port  string // of the server, another one each time
	parts []txtar.File
}

// run gives what a person sees, and the exit code.
func (g *ordeal) run(args ...string) string {
	var screen bytes.Buffer
	exit := g.command(&screen, &screen, args)
	return fmt.Sprintf("%sexit: %d\n", &screen, exit)
}

// runJSON reads the last line that a program is given.
func (g *ordeal) runJSON(v any, args ...string) {
	g.t.Helper()
	var out, errs bytes.Buffer
	g.command(&out, &errs, append(args, "--json"))
	lines := bytes.Split(bytes.TrimSpace(out.Bytes()), []byte("\n"))
	if err := json.Unmarshal(lines[len(lines)-1], v); err != nil {
		g.t.Fatalf("%v: %v\n%s%s", args, err, &out, &errs)
	}
}

func (g *ordeal) command(out, errs io.Writer, args []string) int {
	home := g.t.TempDir()
	return run(append([]string{"parley"}, args...), system{in: strings.NewReader(""), out: out, err: errs, environ: []string{
		"LANG=C.UTF-8", "PARLEY_PASSWORD=" + secret, "HOME=" + home, "XDG_CONFIG_HOME=" + home,
	}})
}

func (g *ordeal) add(part, text string) {
	if g.port != "" {
		text = regexp.MustCompile(`\b`+g.port+`\b`).ReplaceAllString(text, "PORT") // and not where it is a part of another number
	}
	for _, m := range failureMasks {
		text = m.form.ReplaceAllString(text, m.with)
	}
	text = stepTime.ReplaceAllStringFunc(mask(text), func(s string) string {
		head := strings.TrimRight(s, " ")
		return strings.Repeat(" ", max(1, len([]rune(head))-len("TIME"))) + "TIME" + s[len(head):]
	})
	g.parts = append(g.parts, txtar.File{Name: part, Data: []byte(text)})
}

// failureMasks are what differs from run to run and from machine to machine, beside the masks
// of the scripts.
var failureMasks = []struct {
	form *regexp.Regexp
	with string
}{
	{regexp.MustCompile(`(127\.0\.0\.1|localhost):\d+`), "$1:PORT"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\d(T[0-9:.]+Z)?`), "DAY"},
	// The cut finds us writing or reading.
	{regexp.MustCompile(`(sending the content: .*?)(?:read|write) tcp (\S+) (?:read|write): (?:connection reset by peer|broken pipe)`), "${1}write tcp $2 write: broken pipe"},
	{regexp.MustCompile(`localhost is [0-9a-f:., ]+\b`), "localhost is 127.0.0.1"},
}

// stepTime is how long a step took, where parley check prints it.
var stepTime = regexp.MustCompile(`(?m) +\d+(\.\d+)?(ns|µs|ms|s)(?:$|(?:  ))`)

var (
	advised = regexp.MustCompile(`(?m)^(cause|fix): .*$`)
	han     = regexp.MustCompile(`\p{Han}`)
)

// compare holds what was said against the golden, or writes it.
func (g *ordeal) compare() {
	file := filepath.Join("testdata", "failures", g.name+".txtar")
	kept, err := txtar.ParseFile(file)
	if err != nil && !(*update && errors.Is(err, fs.ErrNotExist)) {
		g.t.Fatal(err)
	}
	if kept == nil {
		kept = new(txtar.Archive)
	}
	for _, part := range g.parts {
		if bytes.Contains(part.Data, []byte("unclassified")) || bytes.Contains(part.Data, []byte(secret)) {
			g.t.Errorf("%s: unclassified, or a secret is shown:\n%s", part.Name, part.Data)
		}
		if strings.HasSuffix(part.Name, "zh") {
			for _, line := range advised.FindAllString(string(part.Data), -1) {
				if !han.MatchString(line) {
					g.t.Errorf("%s: %q is not Chinese", part.Name, line)
				}
			}
		}
		i := slices.IndexFunc(kept.Files, func(f txtar.File) bool { return f.Name == part.Name })
		switch {
		case *update && i < 0:
			kept.Files = append(kept.Files, part)
		case *update:
			kept.Files[i] = part
		case i < 0:
			g.t.Errorf("%s has no part %q", file, part.Name)
		case !bytes.Equal(kept.Files[i].Data, part.Data):
			g.t.Errorf("%s, %s: it says\n%s\nand the golden has\n%s", file, part.Name, part.Data, kept.Files[i].Data)
		}
	}
	if *update {
		if err := os.WriteFile(file, txtar.Format(kept), 0o644); err != nil {
			g.t.Fatal(err)
		}
	}
}
