package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/parleymail/parley/smtptest"
)

// TestStatementPage: what a newcomer reads in docs/statement.md works as it is written.
func TestStatementPage(t *testing.T) {
	if testing.Short() {
		t.Skip("each command is a process of its own")
	}
	text, err := os.ReadFile("../../docs/statement.md")
	if err != nil {
		t.Fatal(err)
	}
	s := smtptest.NewServer(t)
	dir := t.TempDir()
	var script strings.Builder
	script.WriteString("set -e\n")
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		script.WriteString(block[1])
	}
	url := s.URL()
	cmd := exec.Command("sh", "-c", strings.ReplaceAll(script.String(), "'smtp://"+catchesAt+"?tls=none'", "'"+url+"'"))
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "LANG=C.UTF-8", "HOME="+dir)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	seen := map[string]int{}
	for _, m := range s.Mails() {
		seen[m.To()[0]]++
	}
	for _, to := range []string{"me@bank.example", "wang@example.net", "li@example.net", "kim@example.net"} {
		if seen[to] != 1 {
			t.Errorf("%s has %d mails: %s", to, seen[to], out)
		}
	}
	table, err := os.ReadFile(filepath.Join(dir, "failures.csv"))
	if err != nil || !strings.Contains(string(table), "key,address,state,time,reply,cause,fix") {
		t.Errorf("%v: %s", err, table)
	}
}
