//go:build unix && !aix && !solaris

package main

import "golang.org/x/sys/unix"

// hide has a terminal show no longer what is typed, and gives what undoes that.
func hide(fd int) (show func(), ok bool) {
	before, err := unix.IoctlGetTermios(fd, getTermios)
	if err != nil {
		return func() {}, false
	}
	hidden := *before
	hidden.Lflag &^= unix.ECHO
	if unix.IoctlSetTermios(fd, setTermios, &hidden) != nil {
		return func() {}, false
	}
	return func() { unix.IoctlSetTermios(fd, setTermios, before) }, true
}
