package interop_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parleymail/parley/fault"
	"github.com/parleymail/parley/inbox"
)

// built is the command, built once for all tests of one run.
var built struct {
	sync.Once
	path string
	err  error
}

func buildParley(t *testing.T) string {
	t.Helper()
	built.Do(func() {
		if built.path = os.Getenv("PARLEY_COMMAND"); built.path != "" {
			return // one that was built before
		}
		built.path = filepath.Join(peers.dir, "parley")
		built.err = run("go", "build", "-o", built.path, "../cmd/parley")
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return built.path
}

// A catching is a "parley catch" that runs.
type catching struct {
	smtp, smtps, http string
	cmd               *exec.Cmd
	stderr            *bytes.Buffer
}

// catch starts "parley catch" on free ports, until the test is over.
func catch(t *testing.T, args ...string) *catching {
	t.Helper()
	c, err := startCatch(buildParley(t), args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.kill)
	return c
}

func startCatch(parley string, args ...string) (*catching, error) {
	c := &catching{stderr: new(bytes.Buffer)}
	c.cmd = exec.Command(parley, append([]string{"catch", "--smtp", "127.0.0.1:0", "--http", "127.0.0.1:0", "--json"}, args...)...)
	c.cmd.Stderr = c.stderr
	c.cmd.WaitDelay = time.Second
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	r := bufio.NewReader(out)
	line, err := r.ReadBytes('\n')
	if err != nil {
		c.kill()
		return nil, fmt.Errorf("parley catch ended before it listened: %w: %s", err, c.stderr)
	}
	var listening struct{ Event, SMTP, SMTPS, HTTP string }
	if err := json.Unmarshal(line, &listening); err != nil || listening.Event != "listening" {
		c.kill()
		return nil, fmt.Errorf("parley catch does not say where it listens: %s: %w", line, err)
	}
	c.smtp, c.smtps, c.http = listening.SMTP, listening.SMTPS, strings.TrimSuffix(listening.HTTP, "/")
	go io.Copy(io.Discard, r)
	return c, nil
}

// kill ends it as a power cut would.
func (c *catching) kill() {
	c.cmd.Process.Kill()
	c.cmd.Wait()
}

func (c *catching) port() string { return portOf(c.smtp) }

func (c *catching) tlsPort() string { return portOf(c.smtps) }

func portOf(addr string) string {
	_, port, _ := net.SplitHostPort(addr)
	return port
}

// ask asks the API, and reads its answer into v: octets, or what JSON says.
func (c *catching) ask(ctx context.Context, method, path string, body, v any) error {
	var said io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return err
		}
		said = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.http+"/api/v1"+path, said)
	if err != nil {
		return err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("%s %s: %s: %s", method, path, resp.Status, b)
	}
	switch v := v.(type) {
	case nil:
		return nil
	case *[]byte:
		*v = b
		return nil
	default:
		return json.Unmarshal(b, v)
	}
}

// must is ask, or the end of the test.
func (c *catching) must(t *testing.T, method, path string, body, v any) {
	t.Helper()
	if err := c.ask(t.Context(), method, path, body, v); err != nil {
		t.Fatal(err)
	}
}

// messages are those that a query fits, oldest first.
func (c *catching) messages(t *testing.T, query string) []inbox.Message {
	t.Helper()
	var all []inbox.Message
	for before := int64(0); ; {
		var page inbox.Page[inbox.Message]
		c.must(t, "GET", fmt.Sprintf("/messages?limit=100&before=%d&query=%s", before, url.QueryEscape(query)), nil, &page)
		all = append(all, page.Items...)
		if len(page.Items) == 0 || !page.More {
			break
		}
		before = page.Items[len(page.Items)-1].ID
	}
	slices.Reverse(all)
	return all
}

func (c *catching) raw(t *testing.T, id int64) []byte {
	t.Helper()
	var content []byte
	c.must(t, "GET", fmt.Sprintf("/messages/%d/raw", id), nil, &content)
	return content
}

func (c *catching) session(t *testing.T, id int64) inbox.Session {
	t.Helper()
	var s inbox.Session
	c.must(t, "GET", fmt.Sprintf("/sessions/%d", id), nil, &s)
	return s
}

// said is all that was said in the newest session, or in that of the ID.
func (c *catching) said(t *testing.T, id int64) string {
	t.Helper()
	if id == 0 {
		var page inbox.Page[inbox.Session]
		c.must(t, "GET", "/sessions?limit=1", nil, &page)
		if len(page.Items) == 0 {
			return ""
		}
		id = page.Items[0].ID
	}
	var text []byte
	c.must(t, "GET", fmt.Sprintf("/sessions/%d/transcript", id), nil, &text)
	return string(text)
}

// faults puts these rules in place of all.
func (c *catching) faults(t *testing.T, rules ...fault.Rule) {
	t.Helper()
	c.must(t, "DELETE", "/faults", nil, nil)
	for _, r := range rules {
		c.must(t, "POST", "/faults", r, nil)
	}
}

// kept waits for the one mail that came for a recipient.
func (c *catching) kept(t *testing.T, to string) inbox.Message {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var m inbox.Message
	if err := c.ask(ctx, "GET", "/wait?timeout=10s&to="+url.QueryEscape(to), nil, &m); err != nil {
		t.Fatalf("no mail for %s was kept: %v", to, err)
	}
	return m
}

// holds compares a kept mail with what was sent, octet for octet.
func (c *catching) holds(t *testing.T, m inbox.Message, want []byte) {
	t.Helper()
	if got := c.raw(t, m.ID); !bytes.Equal(got, want) {
		t.Errorf("it was kept changed: %s", difference(string(got), string(want)))
	}
	if m.Size != int64(len(want)) {
		t.Errorf("its size is said to be %d, not %d", m.Size, len(want))
	}
}

// crlf is a text as SMTP carries it: CRLF at each line's end, the last one's too.
func crlf(content []byte) []byte {
	content = bytes.ReplaceAll(bytes.ReplaceAll(content, []byte("\r\n"), []byte("\n")), []byte("\n"), []byte("\r\n"))
	if !bytes.HasSuffix(content, []byte("\r\n")) {
		content = append(content, "\r\n"...)
	}
	return content
}

// exitCode is what a program ended with; -1 where it did not end by itself.
func exitCode(err error) int {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.ExitCode()
	}
	return -1
}

// writeUsers writes a file for --users.
func writeUsers(t *testing.T, users map[string]string) string {
	t.Helper()
	var b strings.Builder
	for name, password := range users {
		fmt.Fprintf(&b, "%s:%s\n", name, password)
	}
	path := filepath.Join(t.TempDir(), "users")
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// golden compares a table with the file that keeps it, or writes that with -update.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	have := strings.Split(string(want), "\n")
	for _, line := range strings.Split(got, "\n") {
		if !slices.Contains(have, line) {
			t.Errorf("%s does not have: %s", file, line)
		}
	}
	if !t.Failed() && got != string(want) {
		t.Errorf("%s has lines that came no more; -update writes it anew", file)
	}
}
