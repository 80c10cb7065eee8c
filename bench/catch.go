package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// The servers that keep what they take, so that a person can look at it.
const (
	catchMemory = "parley catch, in memory"
	catchFile   = "parley catch, to disk"
	catchWhole  = ", and the indexing" // behind the name: with what is done after the last mail was answered
	mailpit     = "Mailpit"
)

// startCatch starts "parley catch"; file is where it keeps its mails, empty for memory.
func (b *bench) startCatch(cpu int, name, file string, args ...string) (*server, error) {
	args = append([]string{"catch", "--smtp", "127.0.0.1:0", "--http", "127.0.0.1:0", "--json"}, args...)
	if file != "" {
		args = append(args, "--data", file)
	}
	cmd := exec.Command(b.parley, args...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := startOn(cpu, cmd); err != nil {
		return nil, fmt.Errorf("starting parley catch: %w", err)
	}
	s := &server{name: name, cmd: cmd, end: func() {
		cmd.Process.Kill()
		cmd.Wait()
	}}
	line, err := bufio.NewReader(out).ReadBytes('\n')
	var listening struct{ SMTP, HTTP string }
	if err = errors.Join(err, json.Unmarshal(line, &listening)); err != nil {
		s.end()
		return nil, fmt.Errorf("starting parley catch: %w", err)
	}
	s.addr, s.http = listening.SMTP, strings.TrimSuffix(listening.HTTP, "/")
	go io.Copy(io.Discard, out)
	return s, nil
}

// startMailpit starts Mailpit with its store in memory's stead in a file of its own, as it is unless told otherwise.
func (b *bench) startMailpit(cpu int) (*server, error) {
	smtp, err := freeAddr()
	if err != nil {
		return nil, err
	}
	http, err := freeAddr()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(b.mailpit, "--smtp", smtp, "--listen", http, "--database", filepath.Join(b.dir, "mailpit.db"), "--max", "10000", "--disable-version-check", "--quiet")
	if err := startOn(cpu, cmd); err != nil {
		return nil, fmt.Errorf("starting Mailpit: %w", err)
	}
	s := &server{name: mailpit, addr: smtp, http: "http://" + http, cmd: cmd, end: func() {
		cmd.Process.Kill()
		cmd.Wait()
	}}
	return s, s.awaitGreeting()
}

// startKeeper starts a server that keeps mails, or one that throws them away, by name.
func (b *bench) startKeeper(cpu int, name string) (*server, error) {
	switch name {
	case catchMemory:
		return b.startCatch(cpu, name, "")
	case catchFile:
		return b.startCatch(cpu, name, filepath.Join(b.dir, "catch-"+strconv.FormatInt(time.Now().UnixNano(), 36)+".db"))
	case mailpit:
		return b.startMailpit(cpu)
	case smtpSink:
		return b.tools.startSink(cpu)
	}
	return startChild(cpu, name, "")
}

// keepers are those of the names that are there; Mailpit is where -mailpit says so.
func (b *bench) keepers(names ...string) []string {
	var there []string
	for _, name := range b.in(names...) {
		if name != mailpit || b.mailpit != "" {
			there = append(there, name)
		}
	}
	return there
}

// missingMailpit notes in a table why Mailpit has no row.
func (b *bench) missingMailpit(t *table) {
	if b.mailpit == "" && len(b.in(mailpit)) > 0 {
		t.row(mailpit).skipped = "is not here: -mailpit names it"
	}
}

// idle waits until a server does nothing any more, and gives when that began and what CPU it had used by then.
func idle(pid int) (since time.Time, cpu time.Duration, err error) {
	const step, quiet = 20 * time.Millisecond, 12
	last, err := cpuOf(pid)
	if err != nil {
		return since, 0, err
	}
	since = time.Now()
	for still := 0; still < quiet; still++ {
		time.Sleep(step)
		now, err := cpuOf(pid)
		if err != nil {
			return since, 0, err
		}
		if now-last > step/20 {
			since, still = time.Now(), 0
		}
		last = now
	}
	return since, last, nil
}

// resident is a process's resident size, in octets.
func resident(pid int) (int64, error) {
	status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		return 0, err
	}
	_, rest, ok := strings.Cut(string(status), "VmRSS:")
	fields := strings.Fields(rest)
	if !ok || len(fields) == 0 {
		return 0, errors.New("the process has no VmRSS any more")
	}
	kib, err := strconv.ParseInt(fields[0], 10, 64)
	return kib << 10, err
}

// aSecond judges a row's rate, where the machine lets it be judged: a server that does nothing but answer must be a
// quarter faster on it than what is wanted.
func (t *table) aSecond(name string, wanted float64) {
	text := fmt.Sprintf("≥ %.0f/s", wanted)
	if sink := t.median(smtpSink); sink < 1.25*wanted {
		if r := t.find(name); r != nil && r.wanted == "" {
			r.wanted = text + fmt.Sprintf(" (not judged: smtp-sink has %s here)", number(sink))
		}
		return
	}
	t.atLeast(name, text, wanted)
}

// atLeast judges a row whose measure is better where it is more.
func (t *table) atLeast(name, wanted string, limit float64) {
	r := t.find(name)
	if r == nil || len(r.values) == 0 || math.IsNaN(limit) {
		return
	}
	holds := median(r.values) >= limit
	if r.wanted != "" {
		wanted = r.wanted + "; " + wanted
	}
	if r.holds != nil {
		holds = holds && *r.holds
	}
	r.wanted, r.holds = wanted, &holds
}
