package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// A bench is one run of the benchmark.
type bench struct {
	tools   toolbox
	dir     string // for files, removed in the end
	cpu     int    // the one that contestant and server share
	rounds  int
	size    float64 // how many mails, against a full run
	quick   bool
	who     *regexp.Regexp // contestants whose name it does not match are left out; nil: none
	profile string         // folder for CPU profiles; empty: none
	parley  string         // the command, for "parley catch"
	mailpit string         // Mailpit's command; empty: it is not here
	out     io.Writer
	tables  []*table
}

// A part measures one thing that is promised.
type part struct {
	name  string
	about string
	run   func(*bench) error
}

func parts() []part {
	return []part{
		{"check", "every contestant's mail arrives whole", (*bench).check},
		{"text", "1 KiB text over one connection", (*bench).text},
		{"attachment", "100 KiB attachment over one connection", (*bench).attachment},
		{"memory", "peak memory with a 50 MiB attachment", (*bench).memory},
		{"distance", "a server 50 ms away", (*bench).distance},
		{"taking", "CPU of servers", (*bench).taking},
		{"composing", "composing alone", (*bench).composing},
		{"catch-rate", "mails that are kept, by the second", (*bench).catchRate},
		{"catch-cpu", "CPU of servers that keep mails", (*bench).catchCPU},
		{"catch-kept", "lists and searches over many mails", (*bench).catchKept},
		{"catch-memory", "memory over very many mails", (*bench).catchMemoryFlat},
		{"relay-accept", "mails that are taken to be kept until they are delivered", (*bench).relayAccept},
		{"relay-through", "mails from hand-over to delivery", (*bench).relayThrough},
		{"relay-workers", "what further processes over one database add", (*bench).relayWorkers},
		{"relay-queued", "starting with very many mails in the queue", (*bench).relayQueued},
	}
}

// count scales a number of mails.
func (b *bench) count(full int) int { return max(1, int(float64(full)*b.size)) }

// in is those of the contestants that are asked for.
func (b *bench) in(names ...string) []string {
	return slices.DeleteFunc(names, func(n string) bool { return b.who != nil && !b.who.MatchString(n) })
}

// alternate lets each contestant have its turn in each round, the first one
// another each time: what disturbs the machine for a while, disturbs all.
func (b *bench) alternate(rounds int, names []string, turn func(round int, name string) error) error {
	for round := range rounds {
		for i := range names {
			name := names[(i+round)%len(names)]
			if err := turn(round, name); err != nil {
				return err
			}
		}
	}
	return nil
}

// add shows a table that is complete.
func (b *bench) add(t *table) {
	b.tables = append(b.tables, t)
	t.print(b.out)
}

// profileOf is where a contestant's profile goes, in the first round alone.
func (b *bench) profileOf(round int, part, name string) string {
	if b.profile == "" || round > 0 {
		return ""
	}
	return filepath.Join(b.profile, strings.NewReplacer(" ", "-", "/", "-", ",", "").Replace(part+"-"+name)+".prof")
}

// runSource runs smtp-source, and gives what more than one mail cost: a run of one
// is taken off, for its start is not what is measured.
func (b *bench) runSource(addr, kind string, sessions, count int) (report, error) {
	run := func(count int) (cpu, wall time.Duration, err error) {
		cmd := b.tools.source(addr, filepath.Join(b.dir, fileFor(kind)), sessions, count, 1)
		var said strings.Builder
		cmd.Stderr = &said
		began := time.Now()
		if err := runOn(b.cpu, cmd); err != nil {
			return 0, 0, fmt.Errorf("smtp-source: %w: %s", err, lastLine(said.String()))
		}
		return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), time.Since(began), nil
	}
	cpu1, wall1, err := run(1)
	if err != nil {
		return report{}, err
	}
	cpu, wall, err := run(count + 1)
	return report{CPU: cpu - cpu1, Wall: wall - wall1}, err
}

// writePage puts the tables on a page, between the two marks of that name; a page
// without them is added to.
func (b *bench) writePage(path, mark, head string) error {
	begin, end := "<!-- "+mark+": begin -->\n", "<!-- "+mark+": end -->\n"
	var text strings.Builder
	text.WriteString(begin + head + "\n")
	for _, t := range b.tables {
		t.markdown(&text)
	}
	text.WriteString(end)
	page, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	before, rest, found := strings.Cut(string(page), begin)
	_, after, _ := strings.Cut(rest, end)
	if !found && before != "" {
		before = strings.TrimRight(before, "\n") + "\n\n"
	}
	return os.WriteFile(path, []byte(before+text.String()+after), 0o644)
}
