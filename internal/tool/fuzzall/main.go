// Command fuzzall runs every fuzz target of the module for a while, one after
// the other: go test takes one at a time.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

func main() {
	each := flag.Duration("time", 10*time.Second, "how long each target runs")
	total := flag.Duration("total", 0, "how long all of them run together; overrides -time")
	without := flag.String("without", "", "leave out what links this module: to build SQLite for fuzzing takes minutes")
	flag.Parse()
	if err := run(*each, *total, *without); err != nil {
		fmt.Fprintln(os.Stderr, "fuzzall:", err)
		os.Exit(1)
	}
}

type target struct{ pkg, name string }

func run(each, total time.Duration, without string) error {
	targets, err := list(without)
	if err != nil {
		return err
	}
	if len(targets) == 0 {
		return fmt.Errorf("there is no fuzz target")
	}
	if total > 0 {
		each = max(total/time.Duration(len(targets)), time.Second)
	}
	for _, t := range targets {
		fmt.Printf("%s %s for %v\n", t.pkg, t.name, each)
		cmd := exec.Command("go", "test", "-run=^$", "-fuzz=^"+t.name+"$", "-fuzztime="+each.String(), t.pkg)
		out, err := cmd.CombinedOutput()
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		// The fuzzer of Go sometimes reports its own time limit as a failure
		// when a machine is busy: a fault that it found has its input written down.
		ownEnd := strings.Contains(string(out), "context deadline exceeded") && !strings.Contains(string(out), "Failing input written")
		if err != nil && !ownEnd {
			return fmt.Errorf("%s %s: %w\n%s", t.pkg, t.name, err, out)
		}
		fmt.Println("  " + lines[max(0, len(lines)-3)])
	}
	fmt.Printf("%d fuzz targets, %v each\n", len(targets), each)
	return nil
}

func list(without string) ([]target, error) {
	out, err := exec.Command("go", "list", "./...").Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	var targets []target
	for _, pkg := range strings.Fields(string(out)) {
		if without != "" {
			deps, err := exec.Command("go", "list", "-deps", "-test", pkg).Output()
			if err != nil {
				return nil, fmt.Errorf("go list -deps %s: %w", pkg, err)
			}
			if strings.Contains(string(deps), "\n"+without) {
				continue
			}
		}
		names, err := exec.Command("go", "test", "-list=^Fuzz", pkg).Output()
		if err != nil {
			return nil, fmt.Errorf("go test -list %s: %w", pkg, err)
		}
		for _, name := range strings.Fields(string(names)) {
			if strings.HasPrefix(name, "Fuzz") {
				targets = append(targets, target{pkg, name})
			}
		}
	}
	return targets, nil
}
