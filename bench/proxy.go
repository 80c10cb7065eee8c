package main

import (
	"errors"
	"net"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// A distance is a proxy that stands for a long line: what is sent comes out at
// the other end after a delay, at whatever rate it was sent. A connection itself
// takes one delay to reach the server; that the kernel's own handshake with the
// proxy takes none is in everybody's favour alike.
type distance struct {
	listener net.Listener
	server   string
	delay    time.Duration
}

// startDistance gives a proxy to server; each direction takes delay.
func startDistance(server string, delay time.Duration) (*distance, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	d := &distance{l, server, delay}
	go d.accept()
	return d, nil
}

func (d *distance) addr() string { return d.listener.Addr().String() }

func (d *distance) close() error { return d.listener.Close() }

func (d *distance) accept() {
	for {
		client, err := d.listener.Accept()
		if err != nil {
			if !errors.Is(err, net.ErrClosed) {
				panic(err)
			}
			return
		}
		go d.carry(client.(*net.TCPConn))
	}
}

func (d *distance) carry(client *net.TCPConn) {
	defer client.Close()
	at := time.Now().Add(d.delay)
	conn, err := net.Dial("tcp", d.server)
	if err != nil {
		return
	}
	defer conn.Close()
	server := conn.(*net.TCPConn)
	var wg sync.WaitGroup
	wg.Go(func() { d.flow(server, client, at) })
	wg.Go(func() { d.flow(client, server, at) })
	wg.Wait()
}

// A chunk is what came in at once.
type chunk struct {
	bytes []byte
	due   time.Time // when it comes out
}

// flow carries one direction. Nothing comes out before the connection itself has
// arrived, and then a delay after it went in.
func (d *distance) flow(to, from *net.TCPConn, arrived time.Time) {
	// 4,096 reads under way are more than any conversation here has: reading never
	// waits for writing, as on a line of any length.
	chunks := make(chan chunk, 4096)
	go func() {
		defer close(chunks)
		for {
			buf := make([]byte, 64<<10)
			n, err := from.Read(buf)
			now := time.Now()
			if now.Before(arrived) {
				now = arrived
			}
			if n > 0 {
				chunks <- chunk{buf[:n], now.Add(d.delay)}
			}
			if err != nil {
				return
			}
		}
	}()
	for c := range chunks {
		sleepUntil(c.due)
		if _, err := to.Write(c.bytes); err != nil {
			from.Close()
			break
		}
	}
	for range chunks {
	}
	to.CloseWrite()
}

// sleepUntil sleeps by nanosleep(2). time.Sleep, in a process that is otherwise
// idle, wakes at whole milliseconds, and up to one too late each way.
func sleepUntil(t time.Time) {
	for left := time.Until(t); left > 0; left = time.Until(t) {
		ts := unix.NsecToTimespec(int64(left))
		if err := unix.Nanosleep(&ts, nil); err != nil && err != unix.EINTR {
			time.Sleep(left)
		}
	}
}
