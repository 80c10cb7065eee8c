package hostile_test

import (
	"bytes"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/parleymail/parley/internal/hostile"
)

// buildCommand builds cmd/parley, as it is used.
func buildCommand(t *testing.T) string {
	name := filepath.Join(t.TempDir(), "parley")
	if out, err := exec.Command("go", "build", "-o", name, "../../cmd/parley").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return name
}

// A door is a server on a socket, and what a command that sends to it shows.
type door struct {
	net.Listener
	over sync.WaitGroup
}

func open(t *testing.T, server *hostile.Server) *door {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := &door{Listener: l}
	d.over.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			d.over.Go(func() { server.Serve(c) })
		}
	})
	return d
}

// run runs the command, and gives all that it says.
func (d *door) run(name, query string, flags ...string) (output string, code int) {
	u := url.URL{Scheme: "smtp", User: url.UserPassword("kim", secret), Host: d.Addr().String(), RawQuery: "tls=none&hello=client.test" + query}
	args := append([]string{"send", "--from", "kim@a.test", "--to", "lee@b.test", "--subject", "Hello", "--text", "Hello.\n"}, flags...)
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "SMTP_URL="+u.String(), "LC_ALL=C.UTF-8")
	var all bytes.Buffer
	cmd.Stdout, cmd.Stderr = &all, &all
	cmd.Run()
	d.Close()
	d.over.Wait()
	return all.String(), cmd.ProcessState.ExitCode()
}

var flagSets = [][]string{nil, {"-v"}, {"--json"}, {"-v", "--json"}}

// The command shows no secret, whatever becomes of AUTH.
func TestCommandShowsNoSecret(t *testing.T) {
	if testing.Short() {
		t.Skip("little runs side by side here: make race has no use for it")
	}
	name := buildCommand(t)
	runs := 0
	for mechanism := range mechanisms {
		auth := "&auth=" + strings.ToLower(mechanism)
		for what, e := range map[string]echo{"success": nil, "nothing": echoes["nothing"], "line": echoes["line"], "several lines": echoes["several lines"], "cut": func(string, string) string { return hostile.HangUp }} {
			for _, flags := range flagSets {
				runs++
				g := newGate(mechanism, e)
				output, code := open(t, &g.server).run(name, auth, flags...)
				if where := g.spills(shown{"output": output}); len(where) > 0 {
					t.Errorf("%s, %s, %q: %s", mechanism, what, flags, where)
				}
				if (e == nil) != (code == 0) || len(g.told) == 0 {
					t.Errorf("%s, %s, %q: exit code %d:\n%s", mechanism, what, flags, code, output)
				}
			}
		}
	}
	t.Logf("%d runs", runs)
}

// Nor does it pass on what would move a cursor, from wherever in the conversation.
func TestCommandPassesOnNoControlCharacters(t *testing.T) {
	if testing.Short() {
		t.Skip("little runs side by side here: make race has no use for it")
	}
	name := buildCommand(t)
	all := strings.Join(controls[:len(controls)-1], " ")
	runs := 0
	for _, p := range points {
		if p.line == "STARTTLS" || p.line == "RSET" || p.line == "BDAT" {
			continue
		}
		for _, reply := range []string{"550-5.1.1 " + all + "\r\n550 5.1.1 " + all, p.code + " " + all, all} {
			for _, flags := range flagSets {
				runs++
				g := newGate("PLAIN", nil)
				g.server.Instead = func(line string) (string, bool) {
					return reply, line == p.line || p.line != "" && strings.HasPrefix(line, p.line)
				}
				output, _ := open(t, &g.server).run(name, "&auth=plain", flags...)
				if bad := unfit(output, true); bad != "" && !strings.Contains(fmt.Sprint(flags), "json") {
					t.Errorf("%s, %.20q, %q: %s", p.stage, reply, flags, bad)
				}
				if strings.ContainsAny(output, "\x1b\x07\r\x00\x08") {
					t.Errorf("%s, %.20q, %q: %q", p.stage, reply, flags, output)
				}
			}
		}
	}
	t.Logf("%d runs", runs)
}
