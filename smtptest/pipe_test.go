package smtptest

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/nettest"
)

// TestPipe: a connection in memory is one, in all that net.Conn promises.
func TestPipe(t *testing.T) {
	nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
		a, b := pipe(clientAddr(1), serverAddr())
		return a, b, func() { a.Close(); b.Close() }, nil
	})
}

// TestPipeWindow: what is written waits for nobody while it fits, and is read
// after the writer has hung up; what does not fit waits, with a deadline.
func TestPipeWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := pipe(clientAddr(1), serverAddr())
		a.SetWriteDeadline(time.Now().Add(time.Minute))
		start := time.Now()
		n, err := a.Write(make([]byte, window+1))
		if n != window || !os.IsTimeout(err) || time.Since(start) != time.Minute {
			t.Errorf("wrote %d, %v, after %v", n, err, time.Since(start))
		}
		a.Close()
		if all, err := io.ReadAll(b); len(all) != window || err != nil {
			t.Errorf("read %d, %v", len(all), err)
		}
		if _, err := b.Write([]byte("x")); err == nil || err.Error() != "write tcp 127.0.0.1:1025->127.0.0.1:40001: write: broken pipe" {
			t.Error(err)
		}
	})
}

// TestPipeReset: what was on its way is lost.
func TestPipeReset(t *testing.T) {
	a, b := pipe(clientAddr(1), serverAddr())
	a.Write([]byte("x"))
	a.Reset()
	if _, err := b.Read(make([]byte, 1)); !isErrno(err, syscall.ECONNRESET) {
		t.Error(err)
	}
	if _, err := b.Write([]byte("x")); !isErrno(err, syscall.ECONNRESET) {
		t.Error(err)
	}
}

func isErrno(err error, want syscall.Errno) bool {
	return errors.Is(err, want)
}
