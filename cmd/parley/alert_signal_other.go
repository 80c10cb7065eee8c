//go:build !unix

package main

import "os"

// signalOf is the signal that ended a process: here there are none.
func signalOf(*os.ProcessState) int { return 0 }
