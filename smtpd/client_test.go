package smtpd_test

import (
	"bufio"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/parleymail/parley/smtpd"
	"github.com/parleymail/parley/smtptest"
)

// A client is the other side of a session, at its simplest: it says octets, and
// hears whole replies.
type client struct {
	net.Conn
	in  *bufio.Reader
	why chan error // what ServeConn gives
}

// pair is a client, and the server's end of its connection.
func pair() (*client, net.Conn) {
	ours, theirs := smtptest.Pipe()
	return &client{Conn: ours, in: bufio.NewReader(ours), why: make(chan error, 1)}, theirs
}

// open begins a session in memory.
func open(t testing.TB, srv *smtpd.Server) *client {
	c, theirs := pair()
	go func() { c.why <- srv.ServeConn(theirs) }()
	t.Cleanup(func() { c.Close() })
	return c
}

// connect is open, and hears the greeting.
func connect(t testing.TB, srv *smtpd.Server) *client {
	t.Helper()
	c := open(t, srv)
	c.want(t, "220")
	return c
}

// hello is connect, and EHLO.
func hello(t testing.TB, srv *smtpd.Server) *client {
	t.Helper()
	c := connect(t, srv)
	c.say("EHLO client.example\r\n")
	c.want(t, "250")
	return c
}

func (c *client) say(octets string) { io.WriteString(c, octets) }

// hear gives the next reply, "" if there is none any more.
func (c *client) hear() string {
	c.SetReadDeadline(time.Now().Add(time.Hour))
	var reply strings.Builder
	for {
		line, err := c.in.ReadString('\n')
		reply.WriteString(line)
		if err != nil || len(line) < 4 || line[3] != '-' {
			return reply.String()
		}
	}
}

// code is the code of the next reply, 0 if there is none any more.
func (c *client) code() int {
	reply := c.hear()
	n, _ := strconv.Atoi(reply[:min(3, len(reply))])
	return n
}

func (c *client) want(t testing.TB, begin string) {
	t.Helper()
	if reply := c.hear(); !strings.HasPrefix(reply, begin) {
		t.Fatalf("the server said %q, want %s", reply, begin)
	}
}

// closed fails the test unless nothing more comes.
func (c *client) closed(t testing.TB) {
	t.Helper()
	if reply := c.hear(); reply != "" {
		t.Fatalf("the server said %q, want the connection closed", reply)
	}
}

const toData = "MAIL FROM:<a@example.com>\r\nRCPT TO:<kim@example.net>\r\nDATA\r\n"

// startMail brings the session to where a content is awaited.
func (c *client) startMail(t testing.TB) {
	t.Helper()
	c.say(toData)
	c.want(t, "250 2.1.0")
	c.want(t, "250 2.1.5")
	c.want(t, "354")
}
