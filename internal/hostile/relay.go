package hostile

import (
	"io"
	"net"
	"sync"
)

// A Relay stands between a client and a server on real sockets, and breaks the
// first connection where its fault says; those after it hold. Of the ways to
// break it knows Cut, Reset, Stall and HalfClose.
type Relay struct {
	l     net.Listener
	to    string
	fault Fault

	mu    sync.Mutex
	first bool
	open  []*net.TCPConn
	over  sync.WaitGroup
}

// NewRelay listens on the loopback, and goes on to an address.
func NewRelay(to string, f Fault) (*Relay, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &Relay{l: l, to: to, fault: f, first: true}
	r.over.Go(r.accept)
	return r, nil
}

// Addr is where it listens.
func (r *Relay) Addr() string { return r.l.Addr().String() }

// Close ends it and all its connections.
func (r *Relay) Close() {
	r.l.Close()
	r.mu.Lock()
	for _, c := range r.open {
		c.Close()
	}
	r.mu.Unlock()
	r.over.Wait()
}

func (r *Relay) accept() {
	for {
		c, err := r.l.Accept()
		if err != nil {
			return
		}
		s, err := net.Dial("tcp", r.to)
		if err != nil {
			c.Close()
			return
		}
		client, server := c.(*net.TCPConn), s.(*net.TCPConn)
		r.mu.Lock()
		f := r.fault
		if !r.first {
			f = Fault{}
		}
		r.first = false
		r.open = append(r.open, client, server)
		r.mu.Unlock()
		r.over.Go(func() { pump(server, client, f, ToServer) })
		r.over.Go(func() { pump(client, server, f, ToClient) })
	}
}

// pump passes octets on from one side to the other, until the fault or the end.
func pump(dst, src *net.TCPConn, f Fault, to Side) {
	if f.Kind == None || f.To != to {
		io.Copy(dst, src)
		dst.CloseWrite()
		return
	}
	if _, err := io.CopyN(dst, src, f.At); err != nil {
		dst.CloseWrite()
		return
	}
	switch f.Kind {
	case Cut:
		dst.Close()
		src.Close()
	case Reset:
		dst.SetLinger(0)
		src.SetLinger(0)
		dst.Close()
		src.Close()
	case HalfClose:
		dst.CloseWrite()
		io.Copy(io.Discard, src)
	case Stall: // until Close
	}
}
