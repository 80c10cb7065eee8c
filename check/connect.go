package check

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/smtp"
)

// Results of a connection.
const (
	resultConnected   = "connected"
	resultRefused     = "refused"     // the host says that nothing listens
	resultSilent      = "silent"      // no answer at all
	resultUnreachable = "unreachable" // no route
	resultFailed      = "failed"      // anything else
)

// connect is the step tcp: each address, all at once.
func (w *walk) connect() bool {
	w.way = w.addr
	if !w.direct {
		w.give(Step{Name: "tcp", Verdict: Skipped, Found: foundProxy()})
		return true
	}
	targets := []string{w.addr}
	if len(w.ips) > 0 {
		targets = targets[:0]
		for _, ip := range w.ips {
			targets = append(targets, net.JoinHostPort(ip.String(), strconv.Itoa(w.port)))
		}
	}
	began := time.Now()
	list, errs := w.tryAll(targets)
	s := Step{Name: "tcp", Verdict: Good, At: began, Took: time.Since(began), Facts: Facts{Port: w.port}}
	for i, a := range list {
		if i < len(w.ips) {
			a.IP = w.ips[i]
		}
		s.Facts.Addresses = append(s.Facts.Addresses, a)
	}
	for i, a := range list {
		if a.Result == resultConnected {
			w.way, s.Took = targets[i], a.Took
			s.Found = foundConnected(s.Facts.Addresses, w.addr)
			s.Remarks = append(s.Remarks, w.deadFamily(s.Facts.Addresses)...)
			w.give(s)
			return true
		}
	}
	w.noConnection(s, errs[0])
	return false
}

// patience is how long the other addresses are waited for once one has answered: an IPv6 that is
// dead is not to hold up who has an IPv4.
const patience = 2 * time.Second

// tryAll connects to each of the addresses, and hangs up.
func (w *walk) tryAll(targets []string) ([]Address, []error) {
	list, errs := make([]Address, len(targets)), make([]error, len(targets))
	ctx, cancel := context.WithTimeout(w.ctx, w.timeout)
	defer cancel()
	var wg sync.WaitGroup
	for i, target := range targets {
		wg.Go(func() {
			began := time.Now()
			conn, err := w.dialTo(ctx, w.network, target)
			list[i] = Address{Result: resultOf(err), Took: time.Since(began)}
			list[i].TookMS = milliseconds(list[i].Took)
			if errs[i] = err; err == nil {
				conn.Close()
				time.AfterFunc(patience, cancel)
			}
		})
	}
	wg.Wait()
	return list, errs
}

func resultOf(err error) string {
	var timeout net.Error
	switch {
	case err == nil:
		return resultConnected
	case errors.Is(err, syscall.ECONNREFUSED):
		return resultRefused
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.EADDRNOTAVAIL):
		return resultUnreachable
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled), errors.As(err, &timeout) && timeout.Timeout():
		return resultSilent
	}
	return resultFailed
}

// deadFamily tells of a dead IPv6 beside a live IPv4, or the other way round: some programs
// try the one first, and wait for it.
func (w *walk) deadFamily(list []Address) []Remark {
	var has, alive [2]int // IPv4, IPv6
	for _, a := range list {
		family := 0
		if a.IP.Is6() {
			family = 1
		}
		has[family]++
		if a.Result == resultConnected {
			alive[family]++
		}
	}
	switch {
	case has[1] > 0 && alive[1] == 0 && alive[0] > 0:
		return []Remark{remarkDead("ipv6-dead", "IPv6", "IPv4")}
	case has[0] > 0 && alive[0] == 0 && alive[1] > 0:
		return []Remark{remarkDead("ipv4-dead", "IPv4", "IPv6")}
	}
	return nil
}

// noConnection is a server that no connection can be made to. Other ports of it are tried
// before it is told, so that the fix can name one.
func (w *walk) noConnection(s Step, err error) {
	e := &smtp.Error{Kind: smtp.Unreachable, Stage: smtp.StageDial, Err: err}
	if w.ctx.Err() != nil {
		e.Kind, e.Err = smtp.Interrupted, context.Cause(w.ctx)
		w.fail("tcp", e, nil, func(f *Step) { f.At, f.Took, f.Facts = s.At, s.Took, s.Facts })
		return
	}
	if w.network == "tcp" {
		s.Facts.Other = w.otherPorts()
	}
	result := resultOf(err)
	var d *diagnose.Diagnosis
	switch {
	case result == resultRefused && isLoopback(w.host, w.ips) && inContainer(w.check.files()):
		d = w.known(smtp.StageDial, "connection-refused", false, causeContainer(w.addr), fixContainer(w.port))
	case result == resultRefused:
		d = w.known(smtp.StageDial, "connection-refused", true, causeRefused(w.addr), w.fixPorts(s.Facts.Other, fixRefused(w.port)))
	case result == resultSilent:
		d = w.known(smtp.StageDial, "network-blocked", false, causeSilent(w.addr, w.port), w.fixPorts(s.Facts.Other, fixSilent(w.port)))
	case result == resultUnreachable:
		d = w.known(smtp.StageDial, "network-blocked", false, causeUnreachable(w.addr), fixUnreachable())
	default:
		d = w.explain(e)
	}
	w.fail("tcp", e, d, func(f *Step) {
		f.At, f.Took, f.Facts = s.At, s.Took, s.Facts
		f.Found = foundNotConnected(s.Facts.Addresses, w.addr, err)
	})
}

func isLoopback(host string, ips []netip.Addr) bool {
	for _, ip := range ips {
		if ip.IsLoopback() {
			return true
		}
	}
	return strings.EqualFold(host, "localhost")
}

// inContainer reports whether this machine is a container: localhost is then the container, and
// not the machine that it runs on.
func inContainer(root fs.FS) bool {
	for _, name := range []string{".dockerenv", "run/.containerenv"} { // Docker; Podman
		if _, err := fs.Stat(root, name); err == nil {
			return true
		}
	}
	groups, err := fs.ReadFile(root, "proc/1/cgroup")
	if err != nil {
		return false
	}
	for _, word := range []string{"docker", "kubepods", "containerd", "/lxc/", "libpod"} {
		if strings.Contains(string(groups), word) {
			return true
		}
	}
	return false
}

func milliseconds(d time.Duration) float64 {
	return float64(d.Round(10*time.Microsecond)) / float64(time.Millisecond)
}
