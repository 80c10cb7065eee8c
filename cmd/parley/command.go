package main

import (
	"context"
	"io"
	"net"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// runCommand runs a command that is to send somewhere, with where in its environment, and gives its exit code: 128 and
// the signal's number where one ended it, as a shell has it. An error is that it could not be run at all.
func (u *ui) runCommand(ctx context.Context, command []string, stdout io.Writer, at net.Addr, environ ...string) (code int, err error) {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, stdout, u.err
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 5 * time.Second
	host, port := reachable(at)
	cmd.Env = append(append(u.environ[:len(u.environ):len(u.environ)], "SMTP_HOST="+host, "SMTP_PORT="+port), environ...)
	err = cmd.Run()
	if cmd.ProcessState == nil {
		return 0, &usageError{command[0] + ": " + err.Error()}
	}
	// It has run, and what else there may be to say, that it was interrupted, or has left a child that holds its output
	// open, is none of its exit code.
	return exitCodeOfProcess(cmd.ProcessState), nil
}

func exitCodeOfProcess(p *os.ProcessState) int {
	const signals = 128
	if status, ok := p.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return signals + int(status.Signal())
	}
	return p.ExitCode()
}

// reachable is the host and port by which a program on this machine gets to an address that is listened at, which may be
// all addresses.
func reachable(at net.Addr) (host, port string) {
	host, port, _ = net.SplitHostPort(at.String())
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return host, port
}
