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
	// Nor is it edited, ended or changed by the terminal: what is typed comes to the line as it
	// was typed. Ctrl-C is a signal all the same.
	quiet.Lflag &^= unix.ECHO | unix.ICANON
	quiet.Iflag &^= unix.ICRNL
	quiet.Cc[unix.VMIN], quiet.Cc[unix.VTIME] = 1, 0
	if unix.IoctlSetTermios(fd, setTermios, &quiet) != nil {
		return func() {}
	}
	return func() { unix.IoctlSetTermios(fd, setTermios, old) }
}
