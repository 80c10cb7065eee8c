//go:build unix && !aix && !solaris

package talk

import (
	"os"

	"golang.org/x/sys/unix"
)

// silence keeps what is typed while no line is asked for from being shown amid what the
// server says; it is not lost, and stands in the next line. It gives what undoes that.
func silence(tty *os.File) (restore func()) {
	fd := int(tty.Fd())
	old, err := unix.IoctlGetTermios(fd, getTermios)
	if err != nil {
		return func() {}
	}
	quiet := *old
	quiet.Lflag &^= unix.ECHO
	if unix.IoctlSetTermios(fd, setTermios, &quiet) != nil {
		return func() {}
	}
	return func() { unix.IoctlSetTermios(fd, setTermios, old) }
}
