package main

import (
	"fmt"
	"net"
	"os"
	"time"
)

// notify tells systemd how we are (sd_notify(3)), where it wants to know.
func notify(state string) {
	socket := os.Getenv("NOTIFY_SOCKET")
	if socket == "" {
		return
	}
	if socket[0] == '@' {
		socket = "\x00" + socket[1:] // an abstract one
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		return
	}
	defer conn.Close()
	conn.Write([]byte(state)) //nolint:errcheck // it is no matter of the mail's
}

// reloading is what is said before READY=1 is said again. The clock is that of the machine since it was started.
func reloading() string {
	if at := sinceBoot(); at > 0 {
		return fmt.Sprintf("RELOADING=1\nMONOTONIC_USEC=%d", at/time.Microsecond)
	}
	return "RELOADING=1"
}
