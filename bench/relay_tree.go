package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// A process as /proc has it.
type process struct {
	pid, parent int
	waited      time.Duration // the CPU of its children that are over
}

// ticks is how many of the units of /proc make a second: USER_HZ is 100 on all machines that Go runs on.
const ticks = 100

// processes are all that there are.
func processes() ([]process, error) {
	names, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	var list []process
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			continue // it is over
		}
		// Its name stands in brackets, and may hold anything.
		pid, rest, _ := strings.Cut(string(text), " ")
		fields := strings.Fields(rest[strings.LastIndexByte(rest, ')')+1:])
		if len(fields) < 15 {
			return nil, fmt.Errorf("%s is not as proc(5) has it", name)
		}
		var p process
		var user, system int64
		for _, f := range []struct {
			text string
			into *int64
		}{{fields[13], &user}, {fields[14], &system}} {
			if *f.into, err = strconv.ParseInt(f.text, 10, 64); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
		}
		p.pid, _ = strconv.Atoi(pid) // the pattern has digits alone
		if p.parent, err = strconv.Atoi(fields[1]); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		p.waited = time.Duration(user+system) * time.Second / ticks
		list = append(list, p)
	}
	return list, nil
}

// treeCPU is the user and system time that processes have used with all that they have started, and these, those that are over
// included. Of the latter it knows hundredths of a second.
func treeCPU(roots ...int) (time.Duration, error) {
	all, err := processes()
	if err != nil {
		return 0, err
	}
	ours := make(map[int]bool)
	for _, pid := range roots {
		ours[pid] = true
	}
	for more := true; more; {
		more = false
		for _, p := range all {
			if ours[p.parent] && !ours[p.pid] {
				ours[p.pid], more = true, true
			}
		}
	}
	var sum time.Duration
	for _, p := range all {
		if !ours[p.pid] {
			continue
		}
		if used, err := cpuOf(p.pid); err == nil { // or else it has just ended, and its parent has its time when it is asked again
			sum += used
		}
		sum += p.waited
	}
	return sum, nil
}

// settled waits until processes do next to nothing any more, and gives what CPU they had used by then. Relays look after their
// queue from time to time, and so it does not wait for ever.
func settled(roots ...int) (time.Duration, error) {
	const step, quiet, most = 20 * time.Millisecond, 8, time.Second
	last, err := treeCPU(roots...)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	for still := 0; still < quiet && time.Since(began) < most; still++ {
		time.Sleep(step)
		now, err := treeCPU(roots...)
		if err != nil {
			return 0, err
		}
		if now-last > step/10 {
			still = 0
		}
		last = now
	}
	return last, nil
}
