// Bench measures what sending and taking mail costs, against other programs: their
// ratios are what is promised. It runs on Linux, over loopback alone, and needs
// smtp-sink and smtp-source of Postfix, which peers.sh fetches.
//
// # How it measures
//
// Every contestant runs in a process of its own, round by round, each having its
// turn in every round; what is told is the median of the rounds. CPU is user and
// system time of the one process that is looked at. It is the measure, since the
// clock on the wall tells more of the machine than of the program.
//
// Where CPU is measured, client and server run on one and the same CPU. On two, a
// single wait costs some ten times as much, for it puts a CPU to sleep: the figures
// would tell how often that happened to be so.
//
// A contestant that composes makes every mail anew, as a program does that writes
// to many. One that does not is given the bytes. Before anything is measured, a
// mail of each is caught and compared.
//
// # What it does not do
//
// It measures no TLS, no AUTH and no network card, and the disk in the parts relay-
// alone. Ratios hold for one run on one machine; absolute figures are not to be
// compared between runs.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

func main() {
	if len(os.Args) == 3 && os.Args[1] == "child" {
		if err := runChild(os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		return
	}
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// options are what the command line says.
type options struct {
	postfix, parts, who, markdown, profile string
	parley, mailpit                        string
	quick, strict                          bool
	rounds                                 int
	times                                  float64
}

func parseOptions(args []string) (options, error) {
	var o options
	fs := flag.NewFlagSet("bench", flag.ContinueOnError)
	fs.StringVar(&o.postfix, "postfix", os.Getenv("PARLEY_BENCH_POSTFIX"), "folder that Debian's postfix is unpacked in (peers.sh prints it)")
	fs.StringVar(&o.parts, "parts", "", "only these, with commas between: check, text, attachment, memory, distance, taking, composing, catch-rate, catch-cpu, catch-kept, catch-memory, relay-accept, relay-through, relay-workers, relay-queued")
	fs.StringVar(&o.parley, "parley", os.Getenv("PARLEY_BENCH_PARLEY"), "the command parley, whose catch and serve are measured (run.sh builds it)")
	fs.StringVar(&o.mailpit, "mailpit", os.Getenv("PARLEY_BENCH_MAILPIT"), "the command mailpit, where there is one")
	fs.StringVar(&o.who, "who", "", "only contestants whose name this regular expression matches")
	fs.StringVar(&o.markdown, "markdown", "", "put the tables on this page too")
	fs.StringVar(&o.profile, "cpuprofile", "", "put CPU profiles of Go contestants into this folder, those of the first round")
	fs.BoolVar(&o.quick, "quick", false, "few rounds of few mails: shows that all of it runs")
	fs.BoolVar(&o.strict, "strict", false, "fail where something wanted does not hold")
	fs.IntVar(&o.rounds, "rounds", 5, "rounds of each cell")
	fs.Float64Var(&o.times, "times", 1, "mails a round, against the usual number")
	if err := fs.Parse(args); err != nil {
		return o, err
	}
	if fs.NArg() > 0 {
		return o, fmt.Errorf("unexpected %q", fs.Arg(0))
	}
	if o.postfix == "" {
		return o, fmt.Errorf("-postfix is missing: run bench/run.sh, which fetches it")
	}
	if o.quick {
		o.rounds, o.times = 2, o.times/10 // CI waits for it
	}
	return o, nil
}

// mark names the place on a page where the tables go. Those of "parley catch" alone have one of their own, and those of "parley serve".
func (o options) mark() string {
	mark := ""
	for _, name := range strings.Split(o.parts, ",") {
		kind, _, _ := strings.Cut(name, "-")
		if mark != "" && mark != kind {
			return "bench"
		}
		mark = kind
	}
	if mark == "catch" || mark == "relay" {
		return "bench-" + mark
	}
	return "bench"
}

func run(args []string, out io.Writer) error {
	o, err := parseOptions(args)
	if err != nil {
		return err
	}
	b := &bench{tools: toolbox{o.postfix}, rounds: max(1, o.rounds), size: o.times, quick: o.quick, profile: o.profile, parley: o.parley, mailpit: o.mailpit, out: out}
	if b.cpu, err = lastCPU(); err != nil {
		return err
	}
	if o.who != "" {
		if b.who, err = regexp.Compile(o.who); err != nil {
			return err
		}
	}
	if b.dir, err = os.MkdirTemp("", "parley-bench"); err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	if err := writeFiles(b.dir); err != nil {
		return err
	}
	head := b.describe()
	fmt.Fprint(out, head)
	began := time.Now()
	if err := b.runParts(o.parts); err != nil {
		return err
	}
	fmt.Fprintf(out, "\n%d tables in %v.\n", len(b.tables), time.Since(began).Round(time.Second))
	if o.markdown != "" {
		if err := b.writePage(o.markdown, o.mark(), head); err != nil {
			return err
		}
	}
	return b.verdict(o.strict)
}

func (b *bench) runParts(names string) error {
	only := strings.Split(names, ",")
	for _, name := range only {
		if name != "" && !slices.ContainsFunc(parts(), func(p part) bool { return p.name == name }) {
			return fmt.Errorf("there is no part %q", name)
		}
	}
	for _, p := range parts() {
		if names != "" && !slices.Contains(only, p.name) {
			continue
		}
		if err := p.run(b); err != nil {
			return fmt.Errorf("%s: %w", p.about, err)
		}
	}
	return nil
}

// verdict tells what was wanted and does not hold.
func (b *bench) verdict(strict bool) error {
	failed := 0
	for _, t := range b.tables {
		for _, f := range t.failures() {
			fmt.Fprintln(b.out, "does not hold:", f)
			failed++
		}
	}
	switch {
	case failed == 0:
		fmt.Fprintln(b.out, "All that is wanted holds.")
	case strict:
		return fmt.Errorf("%d of what is wanted does not hold", failed)
	}
	return nil
}

// describe tells what the figures are of.
func (b *bench) describe() string {
	var versions []string
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, name := range []string{"github.com/wneessen/go-mail", "gopkg.in/gomail.v2", "github.com/emersion/go-smtp"} {
			for _, d := range info.Deps {
				if d.Path == name {
					versions = append(versions, filepath.Base(name)+" "+d.Version)
				}
			}
		}
	}
	return fmt.Sprintf("%s; %d CPUs (%s), %s; Postfix %s; %s.\nMedians of %d rounds, contestants alternating.\n",
		time.Now().UTC().Format("2006-01-02"), runtime.NumCPU(), cpuModel(), runtime.Version(), b.tools.version(), strings.Join(versions, ", "), b.rounds)
}

func cpuModel() string {
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown"
	}
	_, rest, _ := strings.Cut(string(info), "model name")
	line, _, _ := strings.Cut(rest, "\n")
	return strings.TrimSpace(strings.TrimLeft(line, " \t:"))
}
