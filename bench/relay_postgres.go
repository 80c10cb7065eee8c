package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"
)

// errNoPostgres is that there is nothing to measure over.
var errNoPostgres = errors.New("PostgreSQL is not installed")

// A postgres is a PostgreSQL of Debian's package as it comes, with data of its own.
type postgres struct {
	bin, dir string
	host     string
	port     string
	cred     *syscall.Credential // nil: our own
	cmd      *exec.Cmd
	made     int // databases
}

// startPostgres starts one whose data is in a new folder of base.
func startPostgres(base string) (*postgres, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	if len(found) == 0 {
		return nil, errNoPostgres
	}
	slices.Sort(found)
	p := &postgres{bin: found[len(found)-1]}
	dir, err := os.MkdirTemp(base, "parley-bench-postgres")
	if err != nil {
		return nil, err
	}
	p.dir = dir
	if err := p.start(); err != nil {
		p.end()
		return nil, fmt.Errorf("starting PostgreSQL: %w", err)
	}
	return p, nil
}

func (p *postgres) start() error {
	if err := p.asOther(); err != nil {
		return err
	}
	addr, err := freeAddr()
	if err != nil {
		return err
	}
	if p.host, p.port, err = net.SplitHostPort(addr); err != nil {
		return err
	}
	data := filepath.Join(p.dir, "data")
	if err := p.run("initdb", "-U", "parley", "-A", "trust", "-E", "UTF8", "--locale=C", "-D", data); err != nil {
		return err
	}
	p.cmd = p.command("postgres", "-D", data, "-h", p.host, "-p", p.port, "-k", p.dir)
	var said bytes.Buffer
	p.cmd.Stderr = &said
	if err := p.cmd.Start(); err != nil {
		return err
	}
	for until := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		err := p.run("pg_isready", "-q", "-h", p.host, "-p", p.port)
		if err == nil || time.Now().After(until) {
			return err
		}
	}
}

// asOther has it run as the user postgres where we are root, for as root it does not.
func (p *postgres) asOther() error {
	if os.Geteuid() != 0 {
		return nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return err
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return err
	}
	gid, err := strconv.Atoi(u.Gid)
	if err != nil {
		return err
	}
	p.cred = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return os.Chown(p.dir, uid, gid)
}

func (p *postgres) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(p.bin, name), args...)
	cmd.Dir = p.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: p.cred}
	return cmd
}

func (p *postgres) run(name string, args ...string) error {
	if out, err := p.command(name, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, lastLine(string(out)))
	}
	return nil
}

// database makes a new one, and gives its URL.
func (p *postgres) database() (url, name string, err error) {
	p.made++
	name = "bench" + strconv.Itoa(p.made)
	return "postgres://parley@" + net.JoinHostPort(p.host, p.port) + "/" + name, name, p.run("createdb", "-h", p.host, "-p", p.port, "-U", "parley", name)
}

func (p *postgres) drop(name string) error {
	return p.run("dropdb", "--force", "-h", p.host, "-p", p.port, "-U", "parley", name)
}

func (p *postgres) end() {
	if p.cmd != nil && p.cmd.Process != nil {
		p.cmd.Process.Signal(syscall.SIGINT)
		p.cmd.Wait()
	}
	os.RemoveAll(p.dir)
}
