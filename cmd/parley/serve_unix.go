//go:build unix

package main

import (
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// reloadSignals have the configuration read anew.
var reloadSignals = []os.Signal{syscall.SIGHUP}

// sinceBoot is CLOCK_MONOTONIC; 0 where it cannot be had.
func sinceBoot() time.Duration {
	var t unix.Timespec
	if unix.ClockGettime(unix.CLOCK_MONOTONIC, &t) != nil {
		return 0
	}
	return time.Duration(t.Nano())
}
