package main

import (
	"io"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestCatchOnPortsThatAreTaken: a run that cannot have its ports leaves alone what the one that has them may be writing.
func TestCatchOnPortsThatAreTaken(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, port := range []string{"--smtp", "--smtps", "--http"} {
		dir := t.TempDir()
		args := []string{"parley", "catch", "--smtp", "127.0.0.1:0", "--http", "127.0.0.1:0", "--data", filepath.Join(dir, "mail.db"), "--save-cert", filepath.Join(dir, "ca.pem")}
		var said strings.Builder
		if code := run(append(args, port, taken.Addr().String()), system{in: strings.NewReader(""), out: io.Discard, err: &said}); code != exitUsage {
			t.Errorf("%s: it ended with %d", port, code)
		}
		if !strings.Contains(said.String(), "perhaps a parley catch runs already; "+port+" 127.0.0.1:") {
			t.Errorf("%s: it said %q", port, said.String())
		}
		files, err := os.ReadDir(dir)
		if err != nil || len(files) > 0 {
			t.Errorf("%s: it made %v, %v", port, files, err)
		}
	}
}

// TestCatchLeftAChild: a command that has ended has, though a child of its own still holds its output.
func TestCatchLeftAChild(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("there is no sh")
	}
	file := filepath.Join(t.TempDir(), "said.txt")
	if err := os.WriteFile(file, []byte("S: 220 mx\nC: QUIT\nS: 221 bye\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"parley", "catch", "--"}, {"parley", "replay", file, "--"}} {
		var out, said strings.Builder
		code := run(append(args, "sh", "-c", "sleep 20 & exit 0"), system{in: strings.NewReader(""), out: &out, err: &said, environ: os.Environ()})
		if code != 0 || args[1] == "catch" && !strings.Contains(out.String(), "Messages caught: 0") {
			t.Errorf("%s ended with %d, and said\n%s\n%s", args[1], code, out.String(), said.String())
		}
	}
}

// TestCatchUsers: each line is read whole, for any octet may belong to a password.
func TestCatchUsers(t *testing.T) {
	u := newUI(system{out: io.Discard, err: io.Discard}, "parley", english)
	long := strings.Repeat("long", 50_000)
	for text, want := range map[string]map[string]string{
		"kim:tulip\nlee:a b \r\n\n  # note\n  ann :x:y\nlong:" + long: {"kim": "tulip", "lee": "a b ", "ann": "x:y", "long": long},
		"kim:\n": nil, "kim\n": nil, " :x\n": nil, "# nobody\n": nil,
	} {
		file := filepath.Join(t.TempDir(), "users")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		users, err := u.catchUsers(&catchFlags{users: file})
		if !maps.Equal(users, want) || (err == nil) != (want != nil) {
			t.Errorf("%.40q: %.80v, %v", text, users, err)
		}
		if err != nil && strings.Contains(err.Error(), "tulip") {
			t.Errorf("a password is told: %v", err)
		}
	}
}
