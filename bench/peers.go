package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// A toolbox is a Postfix package, unpacked into a folder.
type toolbox struct{ dir string }

func (t toolbox) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(t.dir, "usr/sbin", name), args...)
	cmd.Env = append(os.Environ(), "LD_LIBRARY_PATH="+t.libraries())
	return cmd
}

// libraries is where the package's own libraries are, and those unpacked beside
// it.
func (t toolbox) libraries() string {
	arch := map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[runtime.GOARCH] + "-linux-gnu"
	dirs := []string{filepath.Join(t.dir, "usr/lib/postfix"), filepath.Join(t.dir, "usr/lib", arch), filepath.Join(t.dir, "lib", arch)}
	return strings.Join(dirs, ":")
}

// version is that of the package's changelog, for the page that tells of figures.
func (t toolbox) version() string {
	data, err := exec.Command("sh", "-c", `zcat "$0" | head -1`, filepath.Join(t.dir, "usr/share/doc/postfix/changelog.Debian.gz")).Output()
	if err != nil {
		return "of unknown version"
	}
	_, rest, _ := strings.Cut(string(data), "(")
	v, _, _ := strings.Cut(rest, ")")
	return v
}

// source is smtp-source, sending over sessions that it keeps.
func (t toolbox) source(addr, file string, sessions, count, recipients int) *exec.Cmd {
	return t.command("smtp-source", "-d", "-s", strconv.Itoa(sessions), "-m", strconv.Itoa(count), "-r", strconv.Itoa(recipients),
		"-f", sender, "-t", "customer0@example.org", "-M", "localhost", "-F", file, addr)
}

// A server is one that runs as a process of its own.
type server struct {
	name string
	addr string
	http string // of one that keeps mails: its API
	dir  string // of Postfix: its queue
	cmd  *exec.Cmd
	end  func() // ends it
}

func (s *server) pid() int { return s.cmd.Process.Pid }

// startSink starts smtp-sink, which takes all and keeps nothing.
func (t toolbox) startSink(cpu int) (*server, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	args := []string{"-4", addr, "128"}
	if os.Geteuid() == 0 {
		args = append([]string{"-u", "nobody"}, args...) // as root it insists on becoming another
	}
	s := &server{name: smtpSink, addr: addr, cmd: t.command("smtp-sink", args...)}
	s.cmd.Stderr = os.Stderr
	if err := startOn(cpu, s.cmd); err != nil {
		return nil, fmt.Errorf("starting smtp-sink: %w", err)
	}
	s.end = func() {
		s.cmd.Process.Kill()
		s.cmd.Wait()
	}
	return s, s.awaitGreeting()
}

// startChild starts one of the servers of servers.go.
func startChild(cpu int, name, profile string) (*server, error) {
	cmd, err := childCommand(job{Do: doServe, As: name, Profile: profile})
	if err != nil {
		return nil, err
	}
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := startOn(cpu, cmd); err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	s := &server{name: name, cmd: cmd, end: func() {
		in.Close()
		io.Copy(io.Discard, out)
		cmd.Wait()
	}}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		s.end()
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	s.addr = strings.TrimSpace(line)
	return s, nil
}

// freeAddr is an address that nobody listens at, for programs that cannot choose
// one themselves.
func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// awaitGreeting waits until the server greets.
func (s *server) awaitGreeting() error {
	var err error
	for until := time.Now().Add(10 * time.Second); time.Now().Before(until); time.Sleep(10 * time.Millisecond) {
		if err = greets(s.addr); err == nil {
			return nil
		}
	}
	s.end()
	return fmt.Errorf("%s does not greet: %w", s.name, err)
}

func greets(addr string) error {
	conn, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(time.Second))
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		return err
	}
	if !strings.HasPrefix(line, "220") {
		return errors.New(strings.TrimSpace(line))
	}
	_, err = io.WriteString(conn, "QUIT\r\n")
	return err
}
