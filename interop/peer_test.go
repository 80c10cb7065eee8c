// Package interop_test tries Parley on real peers: it sends to the mail servers
// that Debian has, and takes what Debian's mail programs send.
//
// The peers are run by peers/*.sh, which say how. run.sh fetches them and then runs
// these tests with PARLEY_REQUIRE_PEERS=1: a peer that is missing is then a failure.
// Otherwise it is skipped by name.
package interop_test

import (
	"bufio"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// peers are the servers that are running, for all tests of one run.
var peers = struct {
	sync.Mutex
	dir     string // their states: short, for there are unix sockets in it
	running map[string]*peer
	missing map[string]string
}{running: map[string]*peer{}, missing: map[string]string{}}

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "parley")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	peers.dir = dir
	code := m.Run()
	for _, p := range peers.running {
		p.stop()
	}
	os.RemoveAll(dir)
	os.Exit(code)
}

// A peer is a server of another house, running.
type peer struct {
	name  string
	state string            // its folder: mail/ and its logs
	vars  map[string]string // what it said when it started: PLAIN=2525, USER=kim
	roots *x509.CertPool    // its own throwaway CA

	process *exec.Cmd
	hold    io.Closer // its standard input: it lives as long as this is open
}

// start gives the peer of that name, started by whoever asks first.
func start(t *testing.T, name string, env ...string) *peer {
	t.Helper()
	notShort(t)
	peers.Lock()
	defer peers.Unlock()
	if p := peers.running[name]; p != nil {
		return p
	}
	if why, ok := peers.missing[name]; ok {
		missing(t, name, why)
	}
	p := &peer{name: name, state: filepath.Join(peers.dir, name)}
	if err := p.start(env); err != nil {
		why := err.Error()
		if !errors.Is(err, errMissing) {
			t.Fatalf("%s does not start: %s", name, why)
		}
		peers.missing[name] = why
		missing(t, name, why)
	}
	peers.running[name] = p
	return p
}

// startOwn gives a peer of that name that is this test's alone, and ends with it.
func startOwn(t *testing.T, name string, env ...string) *peer {
	t.Helper()
	notShort(t)
	p := &peer{name: name, state: t.TempDir()}
	if err := p.start(env); errors.Is(err, errMissing) {
		missing(t, name, err.Error())
	} else if err != nil {
		t.Fatalf("%s does not start: %v", name, err)
	}
	t.Cleanup(func() { p.stop() }) //nolint:errcheck // it was told to
	return p
}

func notShort(t *testing.T) {
	t.Helper()
	if testing.Short() || os.Getenv("PARLEY_REQUIRE_PEERS") != "1" {
		t.Skip("real peers take minutes: make interop runs them")
	}
}

// missing skips by name, but where all peers are required.
func missing(t *testing.T, name, why string) {
	t.Helper()
	if os.Getenv("PARLEY_REQUIRE_PEERS") == "1" {
		t.Fatalf("%s is missing, and PARLEY_REQUIRE_PEERS=1: %s", name, why)
	}
	t.Skipf("%s is missing: %s", name, why)
}

var errMissing = errors.New("cannot be run here")

// start runs peers/name.sh until it says that all its ports are listened on.
func (p *peer) start(env []string) error {
	p.process = exec.Command("peers/"+p.name+".sh", "start", p.state)
	p.process.Env = append(os.Environ(), env...)
	var said strings.Builder
	p.process.Stderr = &said
	p.process.WaitDelay = 5 * time.Second
	stdout, err := p.process.StdoutPipe()
	if err != nil {
		return err
	}
	if p.hold, err = p.process.StdinPipe(); err != nil {
		return err
	}
	if err := p.process.Start(); err != nil {
		return fmt.Errorf("%w: %w", errMissing, err)
	}
	p.vars = map[string]string{}
	lines := bufio.NewScanner(stdout)
	for p.vars["READY"] == "" && lines.Scan() {
		key, value, _ := strings.Cut(lines.Text(), "=")
		p.vars[key] = value
	}
	if p.vars["READY"] == "" {
		err := p.stop()
		var exit *exec.ExitError
		if errors.As(err, &exit) && exit.ExitCode() == 77 {
			return fmt.Errorf("%w: %s", errMissing, strings.TrimSpace(said.String()))
		}
		return fmt.Errorf("%w: %s", err, strings.TrimSpace(said.String()))
	}
	pem, err := os.ReadFile(filepath.Join(p.state, "tls", "ca.pem"))
	if err != nil {
		p.stop()
		return err
	}
	p.roots = x509.NewCertPool()
	p.roots.AppendCertsFromPEM(pem)
	return nil
}

// stop ends the peer by closing its standard input: its namespace goes, and with it
// every process in it. One that does not heed that is killed, by its pid.
func (p *peer) stop() error {
	p.hold.Close()
	timer := time.AfterFunc(5*time.Second, func() { p.process.Process.Kill() })
	defer timer.Stop()
	return p.process.Wait()
}

// addr is host:port of one of the peer's ports.
func (p *peer) addr(port string) string { return "127.0.0.1:" + p.vars[port] }

func (p *peer) tls() *tls.Config { return &tls.Config{RootCAs: p.roots} }

// tool runs a command of the tools peer, with state as its /state, and gives what it
// wrote. An error has its standard error too.
func tool(t *testing.T, state string, stdin string, command ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "peers/tools.sh", append([]string{"run", state}, command...)...)
	cmd.Stdin = strings.NewReader(stdin)
	cmd.WaitDelay = 5 * time.Second
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if err != nil {
		err = fmt.Errorf("%s: %w: %s", command[0], err, cmp.Or(stderr.String(), stdout.String()))
	}
	return stdout.String(), err
}

// run runs a command; its error has all that it wrote.
func run(command ...string) error {
	if out, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(command, " "), err, out)
	}
	return nil
}

// needTools skips where the tools are missing.
func needTools(t *testing.T) {
	t.Helper()
	notShort(t)
	if _, err := tool(t, t.TempDir(), "", "true"); err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) && exit.ExitCode() != 77 {
			t.Fatal(err)
		}
		missing(t, "tools", err.Error())
	}
}
