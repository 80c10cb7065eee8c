package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// anywhere leaves it to the kernel on which CPU a process runs.
const anywhere = -1

// startOn starts a program on one CPU and nowhere else. A program takes this over
// from the thread that starts it, and a Go program then knows from its first
// moment that it has one CPU.
func startOn(cpu int, cmd *exec.Cmd) error {
	if cpu == anywhere {
		return cmd.Start()
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before, one unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return fmt.Errorf("asking for the CPUs: %w", err)
	}
	one.Set(cpu)
	if err := unix.SchedSetaffinity(0, &one); err != nil {
		return fmt.Errorf("choosing CPU %d: %w", cpu, err)
	}
	err := cmd.Start()
	if e := unix.SchedSetaffinity(0, &before); e != nil {
		return errors.Join(err, fmt.Errorf("giving the CPUs back: %w", e))
	}
	return err
}

// lastCPU is the CPU that contestants and servers share: the last one that we may
// use, for the first has most of the machine's other work.
func lastCPU() (int, error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return 0, fmt.Errorf("asking for the CPUs: %w", err)
	}
	for cpu := len(set)*64 - 1; cpu >= 0; cpu-- {
		if set.IsSet(cpu) {
			return cpu, nil
		}
	}
	return 0, errors.New("there is no CPU to run on")
}

// cpuOf is the user and system time that another process has used, to the
// nanosecond, threads that are gone included. /proc has it in hundredths of a
// second.
func cpuOf(pid int) (time.Duration, error) {
	// clock_getcpuclockid(3): the number of a process's clock is made of its pid.
	const sched = 2
	var t unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|sched), &t); err != nil {
		return 0, fmt.Errorf("reading the CPU clock of process %d: %w", pid, err)
	}
	return time.Duration(t.Nano()), nil
}

// jobLimit ends a job that hangs.
const jobLimit = 2 * time.Minute

// do starts this program again for a job, and gives what it reports.
func do(cpu int, j job) (report, error) {
	cmd, err := childCommand(j)
	if err != nil {
		return report{}, err
	}
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	if err := runOn(cpu, cmd); err != nil {
		return report{}, fmt.Errorf("%s: %w: %s", j.As, err, lastLine(errOut.String()))
	}
	var r report
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		return report{}, fmt.Errorf("%s: its report: %w", j.As, err)
	}
	if r.Error != "" {
		return report{}, fmt.Errorf("%s: %s", j.As, r.Error)
	}
	return r, nil
}

// runOn runs a program to its end, which must come within jobLimit.
func runOn(cpu int, cmd *exec.Cmd) error {
	if err := startOn(cpu, cmd); err != nil {
		return err
	}
	late := time.AfterFunc(jobLimit, func() { cmd.Process.Kill() })
	err := cmd.Wait()
	if !late.Stop() {
		return fmt.Errorf("not over after %v", jobLimit)
	}
	return err
}

func childCommand(j job) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	arg, err := json.Marshal(j)
	if err != nil {
		return nil, err
	}
	return exec.Command(self, "child", string(arg)), nil
}

func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return lines[len(lines)-1]
}
