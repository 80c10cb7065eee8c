package hostile

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// room is how much each direction holds that is not read yet: as a socket's
// buffers do, so that a side that only writes comes to a stand.
const room = 64 << 10

// Pipe gives the two ends of a line in memory. Within a synctest bubble it waits
// by the bubble's clock.
func Pipe(f Fault) (client, server *Conn) {
	l := &link{fault: f}
	l.moved.L = &l.mu
	up := &lane{fault: f.Kind != None && f.To == ToServer}
	down := &lane{fault: f.Kind != None && f.To == ToClient}
	l.lanes = [2]*lane{down, up}
	client = &Conn{link: l, in: down, out: up, local: addr("192.0.2.1:49152"), remote: addr("192.0.2.25:25")}
	server = &Conn{link: l, in: up, out: down, local: client.remote, remote: client.local}
	l.mu.Lock()
	defer l.mu.Unlock()
	if f.At <= 0 && f.Kind != None {
		l.strike(l.lanes[f.To])
	}
	return client, server
}

func addr(s string) net.Addr {
	a, _ := net.ResolveTCPAddr("tcp", s)
	return a
}

// A link is what the two ends share.
type link struct {
	mu    sync.Mutex
	moved sync.Cond
	fault Fault
	lanes [2]*lane // by the side that they lead to
}

// A lane is one direction.
type lane struct {
	buf     []byte // what is not read yet, somewhere in store
	store   []byte
	passed  int64 // octets that went in
	read    int64 // octets that came out
	fault   bool  // the fault is in this lane, and has not struck yet
	struck  Break // what has struck in this lane
	held    time.Time
	eof     bool  // nothing more will go in
	lost    bool  // what goes in is lost
	grace   bool  // one write more is taken, and lost, as a kernel does before it knows
	readErr error // what the reader gets, in place of what is in buf
	sendErr error // what the writer gets
}

// strike makes the fault happen.
func (l *link) strike(a *lane) {
	a.fault, a.struck = false, l.fault.Kind
	switch l.fault.Kind {
	case Cut, Short:
		for _, a := range l.lanes {
			a.eof, a.sendErr, a.grace = true, syscall.EPIPE, l.fault.Kind == Cut
		}
	case Reset:
		for _, a := range l.lanes {
			a.readErr, a.sendErr, a.grace, a.buf = syscall.ECONNRESET, syscall.ECONNRESET, false, nil
		}
	case HalfClose:
		a.eof, a.lost = true, true
	case Delay:
		a.held = time.Now().Add(l.fault.For)
		l.wakeAt(a.held)
	}
	l.moved.Broadcast()
}

// wakeAt wakes those who wait when it is time to look again.
func (l *link) wakeAt(t time.Time) {
	time.AfterFunc(time.Until(t), func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.moved.Broadcast()
	})
}

// ready is how many octets of a lane may be read now.
func (l *link) ready(a *lane) int {
	switch a.struck {
	case Stall:
		return int(min(int64(len(a.buf)), l.fault.At-a.read))
	case Delay, Dribble:
		if before := l.fault.At - a.read; before > 0 {
			return int(min(int64(len(a.buf)), before))
		}
		if l.fault.Times > 0 && a.read > l.fault.At+l.fault.Times {
			return len(a.buf)
		}
		if time.Now().Before(a.held) {
			return 0
		}
		if a.struck == Dribble {
			return min(len(a.buf), 1)
		}
	}
	return len(a.buf)
}

// A Conn is one end of a line in memory. It counts, and it keeps what it is told
// to keep.
type Conn struct {
	link          *link
	in, out       *lane
	local, remote net.Addr
	closed        bool
	until         [2]deadline // of reading, of writing
	keep          bool
	written       []byte
}

type deadline struct {
	at    time.Time
	timer *time.Timer
}

func (d *deadline) over() bool { return !d.at.IsZero() && !time.Now().Before(d.at) }

// Keep makes the end remember all that is written to it. It gives the end back.
func (c *Conn) Keep() *Conn {
	c.keep = true
	return c
}

// Written is what was written to a Conn that keeps it: all that a Write has said
// it took. It is valid until the next Write.
func (c *Conn) Written() []byte {
	c.link.mu.Lock()
	defer c.link.mu.Unlock()
	return c.written
}

// Count is how many octets were read from this end and written to it.
func (c *Conn) Count() (read, written int64) {
	c.link.mu.Lock()
	defer c.link.mu.Unlock()
	return c.in.read, c.out.passed
}

// Closed reports whether this end was closed by its owner.
func (c *Conn) Closed() bool {
	c.link.mu.Lock()
	defer c.link.mu.Unlock()
	return c.closed
}

// Read implements net.Conn.
func (c *Conn) Read(p []byte) (int, error) {
	l := c.link
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		n := min(l.ready(c.in), len(p))
		switch {
		case c.closed:
			return 0, c.failed("read", net.ErrClosed)
		case c.in.readErr != nil:
			return 0, c.failed("read", c.in.readErr)
		case c.until[0].over():
			return 0, c.failed("read", os.ErrDeadlineExceeded)
		case n > 0:
			copy(p, c.in.buf[:n])
			c.in.buf = c.in.buf[n:]
			c.in.read += int64(n)
			if c.in.struck == Dribble {
				c.in.held = time.Now().Add(l.fault.For)
				l.wakeAt(c.in.held)
			}
			l.moved.Broadcast()
			return n, nil
		case c.in.eof && c.in.struck != Stall && len(c.in.buf) == 0:
			return 0, io.EOF
		case len(p) == 0:
			return 0, nil
		}
		l.moved.Wait()
	}
}

// Write implements net.Conn.
func (c *Conn) Write(p []byte) (n int, err error) {
	l := c.link
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		switch {
		case n == len(p):
			return n, nil
		case c.closed:
			return n, c.failed("write", net.ErrClosed)
		case c.until[1].over():
			return n, c.failed("write", os.ErrDeadlineExceeded)
		case c.out.lost || c.out.grace && c.out.sendErr != nil:
			c.out.grace = false
			c.took(p[n:])
			return len(p), nil
		case c.out.sendErr != nil:
			return n, c.failed("write", c.out.sendErr)
		}
		n += c.put(p[n:])
		if n < len(p) && len(c.out.buf) >= room && c.out.sendErr == nil && !c.out.lost {
			l.moved.Wait()
		}
	}
}

// put lets as much of p go in as there is room for, up to the fault.
func (c *Conn) put(p []byte) int {
	a, l := c.out, c.link
	p = p[:min(len(p), room-len(a.buf))]
	if a.fault {
		p = p[:min(int64(len(p)), l.fault.At-a.passed)]
	}
	if len(p) == 0 {
		return 0
	}
	a.append(p)
	a.passed += int64(len(p))
	c.took(p)
	if a.fault && a.passed >= l.fault.At {
		l.strike(a)
	}
	l.moved.Broadcast()
	return len(p)
}

// append is append, in the same memory for as long as it lasts: what a test
// measures is to be the client's.
func (a *lane) append(p []byte) {
	if cap(a.buf)-len(a.buf) < len(p) {
		if cap(a.store) < len(a.buf)+len(p) {
			a.store = make([]byte, max(1<<10, min(room, 2*(len(a.buf)+len(p)))))
		}
		a.buf = a.store[:copy(a.store[:cap(a.store)], a.buf)]
	}
	a.buf = append(a.buf, p...)
}

func (c *Conn) took(p []byte) {
	if c.keep {
		c.written = append(c.written, p...)
	}
}

func (c *Conn) failed(op string, err error) error {
	return &net.OpError{Op: op, Net: "tcp", Source: c.local, Addr: c.remote, Err: err}
}

// Close implements net.Conn.
func (c *Conn) Close() error {
	c.link.mu.Lock()
	defer c.link.mu.Unlock()
	if c.closed {
		return c.failed("close", net.ErrClosed)
	}
	c.closed = true
	c.out.eof = true
	if c.in.sendErr == nil {
		c.in.sendErr, c.in.grace = syscall.EPIPE, true
	}
	for i := range c.until {
		c.until[i].set(c.link, time.Time{})
	}
	c.link.moved.Broadcast()
	return nil
}

// Reset closes this end, and lets the other have an error for all that is on its
// way.
func (c *Conn) Reset() {
	l := c.link
	l.mu.Lock()
	for _, a := range l.lanes {
		a.readErr, a.sendErr, a.grace, a.buf = syscall.ECONNRESET, syscall.ECONNRESET, false, nil
	}
	l.mu.Unlock()
	c.Close()
}

func (d *deadline) set(l *link, t time.Time) {
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	d.at = t
	if !t.IsZero() && time.Now().Before(t) {
		d.timer = time.AfterFunc(time.Until(t), func() {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.moved.Broadcast()
		})
	}
	l.moved.Broadcast()
}

func (c *Conn) setDeadline(which int, t time.Time) error {
	c.link.mu.Lock()
	defer c.link.mu.Unlock()
	if c.closed {
		return c.failed("set", net.ErrClosed)
	}
	c.until[which].set(c.link, t)
	return nil
}

// SetReadDeadline implements net.Conn.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.setDeadline(0, t) }

// SetWriteDeadline implements net.Conn.
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.setDeadline(1, t) }

// SetDeadline implements net.Conn.
func (c *Conn) SetDeadline(t time.Time) error {
	c.setDeadline(0, t)
	return c.setDeadline(1, t)
}

// LocalAddr implements net.Conn.
func (c *Conn) LocalAddr() net.Addr { return c.local }

// RemoteAddr implements net.Conn.
func (c *Conn) RemoteAddr() net.Addr { return c.remote }
