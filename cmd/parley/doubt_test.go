package main

import (
	"bufio"
	"bytes"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestServePortTaken: whose port is taken already is told by which flag to name another.
func TestServePortTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var out bytes.Buffer
	code := run([]string{"parley", "serve", "--to", "smtp://127.0.0.1:1?tls=none", "--smtp", l.Addr().String(), "--database", "sqlite:" + filepath.Join(t.TempDir(), "a.db")}, system{in: strings.NewReader(""), out: &out, err: &out})
	if code != exitUsage || !strings.Contains(out.String(), "--smtp") || !strings.Contains(out.String(), "address already in use") {
		t.Errorf("%d: %s", code, out.String())
	}
}

// TestServeDoubts: a server that cannot be had as parley serve begins is told of, with the cause and the fix, and mail is taken all the same.
func TestServeDoubts(t *testing.T) {
	for _, test := range []struct {
		lang string
		args []string
		want []string
	}{
		{"en", nil, []string{"parley: the server 127.0.0.1:1 cannot be had now: ", "cause: ", "fix: ", "parley: Mail is taken all the same"}},
		{"zh", nil, []string{"parley: 服务器 127.0.0.1:1 目前无法使用：", "cause: ", "fix: ", "parley: 邮件照常接收"}},
		{"en", []string{"--json"}, []string{`"msg":"the server cannot be had now","server":"to","address":"127.0.0.1:1"`}},
	} {
		cmd := exec.Command("parley", append([]string{"serve", "--lang", test.lang, "--to", "smtp://127.0.0.1:1?tls=none", "--smtp", "127.0.0.1:0", "--database", "sqlite:" + filepath.Join(t.TempDir(), "a.db")}, test.args...)...)
		said, err := cmd.StderrPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(said)
		for _, want := range test.want {
			if !lines.Scan() || !strings.Contains(lines.Text(), want) {
				t.Errorf("%s: %q is said, and %q is wanted", test.lang, lines.Text(), want)
			}
		}
		cmd.Process.Kill()
		cmd.Wait() //nolint:errcheck // it was killed
	}
}
