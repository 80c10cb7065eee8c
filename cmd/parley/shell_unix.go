//go:build !windows

package main

// shell runs a command that a person wrote.
var shell = [...]string{"/bin/sh", "-c"}
