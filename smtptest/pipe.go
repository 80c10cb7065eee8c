package smtptest

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// window is how much a connection in memory holds on its way, as a socket does.
// net.Pipe holds nothing: there two sides that write at once stand still, which
// over a network they would not, and what was written before hanging up is lost.
const window = 64 << 10

// Pipe gives both ends of a connection in memory, for a test that plays its server
// by hand. It holds 64 KiB each way, what is written before Close is read after it,
// and all that waits in it waits durably in the sense of testing/synctest.
func Pipe() (client, server net.Conn) { return pipe(clientAddr(0), serverAddr()) }

func pipe(client, server net.Addr) (clientEnd, serverEnd *conn) {
	up, down := newHalf(), newHalf()
	return &conn{in: down, out: up, local: client, remote: server},
		&conn{in: up, out: down, local: server, remote: client}
}

// A conn is one end.
type conn struct {
	in, out       *half
	local, remote net.Addr
}

// A half is one direction.
type half struct {
	mu      sync.Mutex
	moved   *sync.Cond
	buf     []byte
	ended   bool  // whoever writes has hung up
	gone    bool  // whoever reads has
	reset   bool  // it was cut
	readBy  limit // deadlines
	writeBy limit
}

type limit struct {
	at    time.Time
	timer *time.Timer
}

func newHalf() *half {
	h := new(half)
	h.moved = sync.NewCond(&h.mu)
	return h
}

func (l *limit) passed() bool { return !l.at.IsZero() && !time.Now().Before(l.at) }

// set moves a deadline, and wakes who waits.
func (h *half) set(l *limit, at time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if l.timer != nil {
		l.timer.Stop()
		l.timer = nil
	}
	l.at = at
	if left := time.Until(at); !at.IsZero() && left > 0 {
		l.timer = time.AfterFunc(left, h.wake)
	}
	h.moved.Broadcast()
}

func (h *half) wake() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.moved.Broadcast()
}

func (h *half) read(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for {
		switch {
		case h.gone:
			return 0, net.ErrClosed
		case h.readBy.passed():
			return 0, os.ErrDeadlineExceeded
		case h.reset:
			return 0, os.NewSyscallError("read", syscall.ECONNRESET)
		case len(h.buf) > 0:
			n := copy(p, h.buf)
			h.buf = h.buf[n:]
			h.moved.Broadcast()
			return n, nil
		case h.ended:
			return 0, io.EOF
		case len(p) == 0:
			return 0, nil
		}
		h.moved.Wait()
	}
}

func (h *half) write(p []byte) (n int, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for {
		switch {
		case h.ended:
			return n, net.ErrClosed
		case h.writeBy.passed():
			return n, os.ErrDeadlineExceeded
		case h.reset:
			return n, os.NewSyscallError("write", syscall.ECONNRESET)
		case h.gone:
			return n, os.NewSyscallError("write", syscall.EPIPE)
		}
		if room := min(window-len(h.buf), len(p)-n); room > 0 {
			h.buf = append(h.buf, p[n:n+room]...)
			n += room
			h.moved.Broadcast()
		}
		if n == len(p) {
			return n, nil
		}
		h.moved.Wait()
	}
}

// shut ends a half: for its writer, who has said all, or for its reader, who no
// longer listens, or for both at once.
func (h *half) shut(change func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	change()
	h.moved.Broadcast()
}

func (c *conn) Read(p []byte) (int, error) {
	n, err := c.in.read(p)
	return n, c.failed("read", err)
}

func (c *conn) Write(p []byte) (int, error) {
	n, err := c.out.write(p)
	return n, c.failed("write", err)
}

func (c *conn) failed(op string, err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	return &net.OpError{Op: op, Net: "tcp", Source: c.local, Addr: c.remote, Err: err}
}

// Close hangs up. What was written before is read all the same.
func (c *conn) Close() error {
	c.in.set(&c.in.readBy, time.Time{}) // timers would keep all of it until they are due
	c.out.set(&c.out.writeBy, time.Time{})
	c.out.shut(func() { c.out.ended = true })
	c.in.shut(func() { c.in.gone, c.in.buf = true, nil })
	return nil
}

// Reset cuts the connection: what is on its way is lost.
func (c *conn) Reset() {
	for _, h := range []*half{c.in, c.out} {
		h.shut(func() { h.reset, h.buf = true, nil })
	}
	c.Close()
}

// pending is how many octets the other side has sent that were not read.
func (c *conn) pending() int {
	c.in.mu.Lock()
	defer c.in.mu.Unlock()
	return len(c.in.buf)
}

func (c *conn) LocalAddr() net.Addr  { return c.local }
func (c *conn) RemoteAddr() net.Addr { return c.remote }

func (c *conn) SetReadDeadline(t time.Time) error {
	c.in.set(&c.in.readBy, t)
	return nil
}

func (c *conn) SetWriteDeadline(t time.Time) error {
	c.out.set(&c.out.writeBy, t)
	return nil
}

func (c *conn) SetDeadline(t time.Time) error {
	c.SetReadDeadline(t)
	return c.SetWriteDeadline(t)
}

// Addresses of connections in memory. 1025 is no port that anybody listens at
// there; it is what the addresses of a test look like.
func clientAddr(n int) net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 40000 + n} }
func serverAddr() net.Addr      { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1025} }

// waitGone waits until the other side has hung up, and hears nothing of what it
// says.
func (c *conn) waitGone() {
	c.in.mu.Lock()
	defer c.in.mu.Unlock()
	for !c.in.ended && !c.in.reset && !c.in.gone {
		c.in.moved.Wait()
	}
}

// waitUntil waits until a time, and reports whether the other side hung up
// before. Somebody must wake c.in then.
func (c *conn) waitUntil(t time.Time) (gone bool) {
	c.in.mu.Lock()
	defer c.in.mu.Unlock()
	for time.Now().Before(t) {
		if c.in.ended || c.in.reset || c.in.gone {
			return true
		}
		c.in.moved.Wait()
	}
	return false
}
