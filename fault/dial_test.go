package fault_test

import (
	"context"
	"net"

	"github.com/parleymail/parley/smtpd"
	"github.com/parleymail/parley/smtptest"
)

// dialer reaches a server in memory.
func dialer(server *smtpd.Server) func(context.Context, string, string) (net.Conn, error) {
	return func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := smtptest.Pipe()
		go server.ServeConn(theirs)
		return ours, nil
	}
}
