//go:build unix

package testpg

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A server is one that is ours.
type server struct {
	url, dir, bin string
	port          int
	cred          *syscall.Credential
	cmd           *exec.Cmd
}

func newServer(t testing.TB) *server {
	t.Helper()
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	if len(found) == 0 {
		t.Skip("there is no PostgreSQL: apt-get install postgresql, or set " + Server)
	}
	slices.Sort(found)
	s := &server{bin: found[len(found)-1], dir: folder(t)}
	s.asOther(t)
	s.run(t, "initdb", "--no-sync", "-U", "parley", "-A", "trust", "-E", "UTF8", "--locale=C", "-D", s.dir)
	s.port = freePort(t)
	s.url = fmt.Sprintf("postgres://parley@127.0.0.1:%d/postgres", s.port)
	return s
}

// folder is a new folder for the server. Not t.TempDir: the server's user must be let through all that is above.
func folder(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/var/tmp", "parley-pg")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "data")
}

// asOther has the server run as the user postgres where we are root, as which it does not.
func (s *server) asOther(t testing.TB) {
	t.Helper()
	if os.Getuid() != 0 {
		return
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		t.Skip("PostgreSQL does not run as root, and there is no user postgres")
	}
	uid, _ := strconv.ParseUint(u.Uid, 10, 32)
	gid, _ := strconv.ParseUint(u.Gid, 10, 32)
	s.cred = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	if err := os.Chown(filepath.Dir(s.dir), int(uid), int(gid)); err != nil {
		t.Fatal(err)
	}
}

func (s *server) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(s.bin, name), args...)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.cred, Setpgid: true /* Ctrl-C is for the tests */}
	return cmd
}

func (s *server) run(t testing.TB, name string, args ...string) {
	t.Helper()
	if out, err := s.command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
}

func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func (s *server) launch(t testing.TB, args ...string) {
	t.Helper()
	args = append([]string{"-D", s.dir, "-p", strconv.Itoa(s.port), "-h", "127.0.0.1", "-k", filepath.Dir(s.dir), "-c", "max_connections=200"}, args...)
	s.cmd = s.command("postgres", args...)
	var log bytes.Buffer
	s.cmd.Stderr = &log
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("pgx", s.url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	for db.PingContext(ctx) != nil {
		if ctx.Err() != nil {
			s.kill()
			t.Fatalf("PostgreSQL does not come up:\n%s", log.String())
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (s *server) stop() {
	if s.cmd != nil {
		syscall.Kill(s.cmd.Process.Pid, syscall.SIGINT) //nolint:errcheck // it may be over
		s.cmd.Wait()                                    //nolint:errcheck // it was stopped
		s.cmd = nil
	}
}

// kill kills the children too: each is in a session of its own, and as long as one is left no new server begins.
func (s *server) kill() {
	if s.cmd == nil {
		return
	}
	pid := s.cmd.Process.Pid
	children, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid)) // elsewhere they find out by themselves
	syscall.Kill(pid, syscall.SIGKILL)                                             //nolint:errcheck // it may be over
	for _, c := range strings.Fields(string(children)) {
		if child, err := strconv.Atoi(c); err == nil {
			syscall.Kill(child, syscall.SIGKILL) //nolint:errcheck // as well
		}
	}
	s.cmd.Wait() //nolint:errcheck // it was killed
	s.cmd = nil
}
