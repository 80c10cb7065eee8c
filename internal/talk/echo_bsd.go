//go:build unix && !linux && !aix && !solaris

package talk

import "golang.org/x/sys/unix"

const getTermios, setTermios = unix.TIOCGETA, unix.TIOCSETA
