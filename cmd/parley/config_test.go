package main

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func scriptConfig(ts *testscript.TestScript, _ bool, args []string) {
	addr := ts.Getenv("ADDR")
	host, port, err := net.SplitHostPort(addr)
	ts.Check(err)
	text := strings.NewReplacer("ADDR", addr, "HOST", host, "PORT", port, "CAFILE", ts.Getenv("CA")).Replace(ts.ReadFile(args[0]))
	path := ts.MkAbs(args[0])
	ts.Check(os.WriteFile(path, []byte(text), 0o600))
	ts.Check(os.Chmod(path, 0o600))
}

// TestPasswordIsNotLeftBehind: where the file cannot be changed, no secret stays that nothing
// leads to; one that the file does lead to stays.
func TestPasswordIsNotLeftBehind(t *testing.T) {
	for secret, left := range map[string]bool{`password = "old"`: false, `password-file = "a.password"`: true} {
		folder := t.TempDir()
		file := filepath.Join(folder, "config.toml")
		if err := os.WriteFile(file, []byte("[server]\na = {host = 'a.example', user = 'kim', "+secret+"}\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		var out, stderr bytes.Buffer
		exit := run([]string{"parley", "config", "set-password", "--file", "a"}, system{
			in: strings.NewReader("sesame\n"), out: &out, err: &stderr, environ: []string{"PARLEY_CONFIG=" + file, "LANG=C.UTF-8"},
		})
		_, err := os.Stat(filepath.Join(folder, "a.password"))
		if exit != exitUsage || (err == nil) != left || strings.Contains(out.String()+stderr.String(), "sesame") {
			t.Errorf("%s: exit %d, left behind: %v\n%s", secret, exit, err == nil, stderr.String())
		}
	}
}
