//go:build unix

package main

import (
	"os"
	"syscall"
)

// signalOf is the signal that ended a process.
func signalOf(s *os.ProcessState) int {
	if w, ok := s.Sys().(syscall.WaitStatus); ok && w.Signaled() {
		return int(w.Signal())
	}
	return 0
}
