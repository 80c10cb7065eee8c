package hostile_test

import (
	"context"
	"errors"
	"net"
	"os"
	"runtime/debug"
	"testing"
)

// Most of these tests are very many short conversations: with the usual GOGC a third
// of their time would go into collecting what is left of them.
//
// And no name is looked up: some of them dial what an attacker would have dialled.
func TestMain(m *testing.M) {
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		return nil, errors.New("no names are looked up in this test")
	}}
	debug.SetGCPercent(800)
	os.Exit(m.Run())
}
