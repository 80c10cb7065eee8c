package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestAlertDocs: the commands of docs/alert.md do what it says, tried as a newcomer would.
func TestAlertDocs(t *testing.T) {
	for _, tool := range []string{"bash", "curl", "sed"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is missing", tool)
		}
	}
	page, err := os.ReadFile("../../docs/alert.md")
	if err != nil {
		t.Fatal(err)
	}
	tutorial, _, _ := strings.Cut(string(page), "## Who tells it")
	dir := t.TempDir()
	parley := filepath.Join(dir, "bin", "parley")
	if out, err := exec.Command("go", "build", "-o", parley, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	door, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	hooks := door.Addr().String()
	door.Close()
	smtp, catch := alertBackground(t, dir, parley, "catch", "--smtp", "127.0.0.1:0", "--http", "127.0.0.1:0", "--json")
	script := ""
	sections := strings.Split(tutorial, "```sh\n")[1:]
	for _, s := range sections {
		block, _, _ := strings.Cut(s, "```")
		block = strings.NewReplacer(catchesAt, smtp, "127.0.0.1:8028", hooks).Replace(block)
		switch {
		case strings.HasPrefix(block, "parley catch"):
			continue
		case strings.HasPrefix(block, "parley alert serve"):
			alertBackground(t, dir, parley, "alert", "serve", "--json", "--http", hooks)
			continue
		}
		script = block
		cmd := exec.Command("bash", "-ec", block)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "PATH="+filepath.Dir(parley)+":"+os.Getenv("PATH"), "LC_ALL=C.UTF-8")
		out, err := cmd.CombinedOutput()
		if strings.Contains(block, "exit 3") != (cmd.ProcessState.ExitCode() == 3) || err != nil && cmd.ProcessState.ExitCode() != 3 {
			t.Fatalf("%s\n%v: %s", block, err, out)
		}
	}
	if !strings.Contains(script, "status") {
		t.Error("not all of the page was tried")
	}
	for _, want := range []string{"[NOTE] The backup has failed", "[NOTE] The import has failed", "[FIRING] The disk of db1 is full", "[RESOLVED] The disk of db1 is full", "[FIRING] backup has failed with exit code 3", "[NOTE] A test of Parley"} {
		alertSubject(t, catch, want)
	}
}

// alertBackground starts a command that serves, until the test is over, and gives where.
func alertBackground(t *testing.T, dir, name string, args ...string) (smtp, http string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.WaitDelay = dir, time.Second
	said := new(bytes.Buffer)
	cmd.Stderr = said
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill() //nolint:errcheck // it ends
		cmd.Wait()         //nolint:errcheck // it was killed
	})
	line, err := bufio.NewReader(out).ReadBytes('\n')
	var listening struct{ Event, SMTP, HTTP string }
	if err != nil || json.Unmarshal(line, &listening) != nil || listening.Event != "listening" {
		t.Fatalf("%v does not say where it listens: %s %v: %s", args, line, err, said)
	}
	return listening.SMTP, strings.TrimSuffix(listening.HTTP, "/")
}

// alertSubject waits for a mail.
func alertSubject(t *testing.T, catch, subject string) {
	t.Helper()
	var page struct {
		Items []struct{ Subject string }
	}
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		r, err := http.Get(catch + "/api/v1/messages")
		if err != nil {
			t.Fatal(err)
		}
		err = json.NewDecoder(r.Body).Decode(&page)
		r.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range page.Items {
			if m.Subject == subject {
				return
			}
		}
	}
	t.Errorf("no mail has the subject %q: %s", subject, fmt.Sprint(page.Items))
}
