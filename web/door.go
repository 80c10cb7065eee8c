package web

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"time"

	"golang.org/x/net/netutil"
)

// A Door is how pages and an API are reached.
type Door struct {
	Addr    string      // host and port
	Login   bool        // who comes in has to say who they are
	TLS     *tls.Config // nil: clear text
	Proxied bool        // a proxy stands before it, and speaks TLS
}

// ErrOpen is why a door is not opened to other machines where nobody has to say who they are.
var ErrOpen = errors.New("other machines can reach it, and nobody would have to say who they are: give users, or an address of this machine alone, such as 127.0.0.1:8025")

// ErrClear is why a door is not opened to other machines without TLS: RFC 7617 §4 has passwords in each request, readable by anybody on the way.
var ErrClear = errors.New("other machines can reach it, and passwords and mail would come and go in clear text: have it speak TLS, or say that a proxy before it does")

// mostConnections are open at a time; more wait to be taken. A browser has six, a test that waits has one.
const mostConnections = 1000

// Listen opens the port. One that other machines reach is opened with a login and over TLS alone.
func (d Door) Listen() (net.Listener, error) {
	l, err := net.Listen("tcp", d.Addr)
	if err != nil {
		return nil, err
	}
	tcp, ok := l.Addr().(*net.TCPAddr)
	switch far := !ok || !tcp.IP.IsLoopback(); {
	case far && !d.Login:
		err = ErrOpen
	case far && d.TLS == nil && !d.Proxied:
		err = ErrClear
	}
	if err != nil {
		l.Close()
		return nil, err
	}
	steady := steadyListener{netutil.LimitListener(l, mostConnections)}
	if d.TLS == nil {
		return steady, nil
	}
	c := d.TLS.Clone()
	c.NextProtos = []string{"http/1.1"} // time limits are those of one connection for one request
	return tls.NewListener(steady, c), nil
}

// HTTPServer is an http.Server with the limits that a server has need of: on headers, and on how long a client may take to ask. How
// long it may take to read is limited by the connections of a [Door]: what waits for mail, and events, take as long as they do.
func HTTPServer(handler http.Handler) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       time.Minute,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
	}
}

// A steadyListener gives connections whose clients must read.
type steadyListener struct{ net.Listener }

func (l steadyListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &steadyConn{c}, nil
}

// A steadyConn gives up on a client that does not take a piece of the answer in time. The answer is held until it is read, a mail of
// many megabytes, so that a few hundred that ask and never read would have all the memory there is. A whole answer has no limit: it
// may be large, and the line slow.
type steadyConn struct{ net.Conn }

const (
	steadyPiece = 64 << 10
	steadyTime  = 30 * time.Second
)

func (c *steadyConn) Write(b []byte) (n int, err error) {
	for {
		piece := b[n:min(n+steadyPiece, len(b))]
		if err := c.SetWriteDeadline(time.Now().Add(steadyTime)); err != nil {
			return n, err
		}
		m, err := c.Conn.Write(piece)
		if n += m; err != nil || n == len(b) {
			return n, err
		}
	}
}
