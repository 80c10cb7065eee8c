package smtp

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"time"

	"github.com/parleymail/parley/sasl"
)

// A Client says how mail is brought to one server, and keeps the sessions that
// are open to it. The zero value of every field is safe; Addr must be set. Its
// fields are not changed once it is in use; it may then be used by many
// goroutines. Close it when no more mail is to go.
type Client struct {
	// Addr is host:port, or the path of a unix socket, which begins with "/".
	// Without a port it is 465 for ImplicitTLS, 587 otherwise, and there is no
	// default for LMTP.
	Addr string

	Auth     sasl.Credentials // nil: none. With it, a server that offers no AUTH is an error.
	Security Security         // zero: TLS or no mail, see Automatic

	// TLS is where certificates are judged by; nil: the system's roots, TLS 1.2 or
	// better. ServerName is the host of Addr where it is empty. A client
	// certificate goes into Certificates, an own CA into RootCAs.
	TLS *tls.Config

	// Fingerprint, if not empty, is the SHA-256 of the server's certificate (DER),
	// in hex with or without colons. It is then all that the certificate is judged
	// by: no name, no date, no CA.
	Fingerprint string

	Hello   string // the name we go by; if empty this host's full name, else the address literal of our end: RFC 5321 §4.1.4
	LMTP    bool   // speak LMTP (RFC 2033): LHLO, and a reply for each recipient
	Partial bool   // send to those who are taken, though others are refused; they then stand in Receipt.Refused

	// Timeout, if positive, is the longest that any stage waits for the server to
	// go on. Zero: the times of RFC 5321 §4.5.3.2, from 2 to 10 minutes. It is
	// idle time and never a budget for a whole mail; for that there is the context.
	Timeout time.Duration

	MaxSessions int           // sessions open at once, more wait; zero: 4
	MaxMessages int           // mails per session, then it is replaced; zero: no limit but the server's (LIMITS)
	MaxAge      time.Duration // a session older than this is replaced before its next mail; zero: 10 minutes
	MaxIdle     time.Duration // a session unused for this long is closed; zero: 8 seconds, since some providers hang up after 10
	Rate        float64       // mails per second, all sessions together; zero: no limit

	// Ahead is how many mails SendAll may have under way on one session before the
	// first of them is answered, where the server offers CHUNKING and PIPELINING.
	// If the line is cut then, all of them may be uncertain. Zero: 16; 1: one by one.
	Ahead int

	LocalAddr net.Addr // the address that connections are made from; nil: the system chooses
	Proxy     string   // socks5://[user:pass@]host:port or http://[user:pass@]host:port (CONNECT); empty: none

	// DialContext makes the connection; if nil a net.Dialer's, dual-stack
	// (RFC 8305), from LocalAddr and through Proxy.
	DialContext func(ctx context.Context, network, addr string) (net.Conn, error)

	// Trace, if not nil, is told of every line said, as it is said: by Send and by
	// everything else, from whatever goroutine is at it. It must not block long.
	Trace func(Event)

	// KeepSaid has each Receipt of Send bring along what was said, as each Error does.
	// It costs some twenty allocations a mail.
	KeepSaid bool

	pool pool
}

// Format writes a client as its address, by whatever verb: Proxy may hold a password,
// and its sessions are not to be read without their lock.
func (c *Client) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "client of %s", c.Addr) }

// Security says when a Client speaks TLS.
type Security uint8

const (
	// Automatic is ImplicitTLS on port 465, nothing on a unix socket, and StartTLS
	// anywhere else.
	Automatic Security = iota

	ImplicitTLS // TLS from the first byte: RFC 8314 §3
	StartTLS    // STARTTLS or no mail: RFC 3207

	// Opportunistic takes STARTTLS where it is offered, whatever the certificate
	// says, and goes on in clear text where it is not. Whoever sits between can
	// read all. With Auth it is an error to end up without a verified certificate.
	Opportunistic

	// Plaintext never speaks TLS: all, a password too, can be read on the way.
	Plaintext
)

// A Receipt is a server's word that it has taken a mail upon itself: RFC 5321
// §6.1.
type Receipt struct {
	Reply   Reply    // to the end of the content; it often names the mail in the server's queue
	Refused []*Error // recipients not taken; empty unless Client.Partial
	Size    int64    // octets of the content, CRLF counted as two, as RFC 1870 counts
	DSN     bool     // the server tells of delivery what the envelope asks to be told, or passes that on: RFC 3461
	Peer

	// Took is from the first command of the mail to the verdict. Zero from SendAll, where mails overlap.
	Took time.Duration

	// Said is the end of the conversation, from the first command of this mail, or from the beginning of
	// its session where it was the first; nil unless Client.KeepSaid, and from SendAll.
	Said []Event
}

// A Peer is with whom a mail was spoken of. What is not known, for there was no
// connection, is zero.
type Peer struct {
	Remote string               // its address: "192.0.2.1:25", or the path of a socket
	TLS    *tls.ConnectionState // nil in clear text
}
