package smtpd

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/sasl"
	"github.com/parleymail/parley/smtp"
)

// A Server says how mail is taken. The zero value takes sessions and refuses all
// mail, for there is no Data to give it to. Its fields are not changed once it is in
// use.
//
// A limit that is zero has the default told beside it; one that is negative is none.
type Server struct {
	Hostname string         // the name it goes by, in the greeting and in Received; empty: this host's
	LMTP     bool           // speak LMTP: LHLO, and a reply for each recipient
	TLS      *tls.Config    // its certificate; nil: no STARTTLS
	Accounts *sasl.Accounts // who may authenticate, and how; nil: no AUTH
	Extra    []string       // lines of EHLO's reply besides our own, such as "XFOO BAR"
	Without  []string       // keywords of service extensions not to offer, such as "CHUNKING"

	RequireTLS  bool // refuse mail and AUTH before TLS: 530
	RequireAuth bool // refuse mail before AUTH: 530

	// Greet is asked when a client has connected, before it is greeted. A refusal of
	// 421 closes the connection; any other leaves the client to say QUIT.
	Greet func(*Session) smtp.Reply

	// Mail is asked about a reverse-path. The transaction has no recipients yet.
	Mail func(*Transaction) smtp.Reply

	// Rcpt is asked about a forward-path; if the answer is yes it is added to the
	// transaction's Recipients.
	Rcpt func(*Transaction, mail.Recipient) smtp.Reply

	// Data is given the content, with CRLF at each line's end and no dots doubled. It
	// reads as much of it as it likes while the client is still sending it. An error of
	// the reader other than io.EOF means that the content is not to be kept: it is
	// bad, too large, or broken off. The client then hears what is wrong with it,
	// whatever Data says.
	//
	// The reader is an io.WriterTo too, which gives large pieces without copying
	// them. It is of no use once Data has returned.
	//
	// If nil, there is no mail for this server: 554.
	Data func(t *Transaction, content io.Reader) smtp.Reply

	Timeout time.Duration // how long a client may be silent, or take for one line; zero: 5 minutes, RFC 5321 §4.5.3.2.7
	MinRate int           // octets a second that a content must come with, on average after Timeout; zero: 500

	MaxSize          int64 // octets of a content, told by SIZE; zero: 100 MiB
	MaxTextLine      int   // octets of a line of a content, CRLF not counted; zero: no limit
	MaxRecipients    int   // of one mail, told by LIMITS; zero: 1,000
	MaxMessages      int   // mails of one session, told by LIMITS; zero: no limit
	MaxLine          int   // octets of a command, CRLF included, AUTH aside, which may have 12,288; zero: 2,048
	MaxErrors        int   // refusals in a session with no mail taken between them, those aside that tell of our own troubles; from the half on they are slow; zero: 20
	MaxJunk          int   // NOOP, RSET, VRFY, HELP and EHLO, the same way; more are errors; zero: 100
	MaxSessions      int   // sessions at once; zero: 1,000
	MaxSessionsPerIP int   // sessions at once of one IPv4 address or IPv6 /64, loopback aside; zero: 50

	// Fault, if not nil, is asked at every step whether it is to go otherwise than it should; nil for no. It is for servers that
	// clients are tested with (see package fault). The transaction is nil between two mails. The line is the command, without what
	// AUTH says that is secret; it is AUTH's at each of its responses, MAIL's at StageContent and StageEnd, and empty for the greeting
	// and for the handshake of implicit TLS. The first BDAT of a mail is asked about at StageData. Commands that have no stage, such as
	// NOOP, come with 0.
	Fault func(s *Session, t *Transaction, at smtp.Stage, line string) *Fault

	// Idle, if not nil, is asked while the next command is waited for how long the client may be silent, and what is said to it
	// then before the connection is closed: "421 4.4.2 ...". Zero, or more than Timeout, is as usual. It is for tests, as Fault is.
	Idle func(s *Session) (after time.Duration, say string)

	// Closed, if not nil, is told of each session's end, and of why if its client did not mean it. It is the last that is heard
	// of a session.
	Closed func(s *Session, why error)

	// Unauthorized, if not nil, is told of each attempt to authenticate that was refused, for whoever watches for those that
	// guess. The name is what the client said it was, of which nothing is true; empty where it broke off before it said one.
	Unauthorized func(s *Session, mechanism, name string)

	// Trace, if not nil, is told of every line said, as it is said, by many
	// goroutines at once. It must not block long.
	Trace func(smtp.Event)

	once     sync.Once
	host     string
	commands []command
	offered  extension
	limits   limits
	buffers  sync.Pool // of *[largeBuffer]byte

	number   atomic.Uint64
	stopping atomic.Bool
	stopped  chan struct{} // closed when it is

	mu        sync.Mutex
	closed    bool
	listeners map[net.Listener]struct{}
	sessions  map[*Session]struct{}
	perIP     map[netip.Addr]int
	busy      sync.WaitGroup // a session each
}

// ErrServerClosed is what Serve gives once Shutdown or Close was called.
var ErrServerClosed = errors.New("smtpd: the server is closed")

// limits are those of a Server with the zeros filled in.
type limits struct {
	timeout                          time.Duration
	rate, size                       int64
	textLine, recipients, mails      int
	line, errors, junk, total, perIP int
}

const noLimit = 1 << 30

func orDefault[T int | int64](n, zero, none T) T {
	switch {
	case n < 0:
		return none
	case n == 0:
		return zero
	}
	return n
}

// ready settles what the fields mean. It is called at the begin of every session.
func (srv *Server) ready() { srv.once.Do(srv.settle) }

func (srv *Server) settle() {
	if srv.host = srv.Hostname; srv.host == "" {
		srv.host, _ = os.Hostname()
	}
	if srv.host == "" {
		srv.host = "localhost"
	}
	srv.commands = commandTable(srv.LMTP)
	srv.offered = srv.offer()
	srv.limits = limits{
		timeout:    time.Duration(orDefault(int64(srv.Timeout), int64(5*time.Minute), int64(noTimeout))),
		rate:       orDefault(int64(srv.MinRate), 500, 0),
		size:       orDefault(srv.MaxSize, 100<<20, 0),
		textLine:   orDefault(srv.MaxTextLine, 0, 0),
		recipients: orDefault(srv.MaxRecipients, 1000, noLimit),
		mails:      orDefault(srv.MaxMessages, noLimit, noLimit),
		line:       orDefault(srv.MaxLine, 2048, longestLine),
		errors:     orDefault(srv.MaxErrors, 20, noLimit),
		junk:       orDefault(srv.MaxJunk, 100, noLimit),
		total:      orDefault(srv.MaxSessions, 1000, noLimit),
		perIP:      orDefault(srv.MaxSessionsPerIP, 50, noLimit),
	}
	srv.stopped = make(chan struct{})
	srv.buffers.New = func() any { return new([largeBuffer]byte) }
}

// ListenAndServe takes connections at a TCP address, or at a unix socket if it
// begins with "/". It gives an error always: see Serve.
func (srv *Server) ListenAndServe(addr string) error {
	l, err := listen(addr)
	if err != nil {
		return err
	}
	return srv.Serve(l)
}

// ListenAndServeTLS is ListenAndServe for implicit TLS: RFC 8314 §3.
func (srv *Server) ListenAndServeTLS(addr string) error {
	l, err := listen(addr)
	if err != nil {
		return err
	}
	return srv.ServeTLS(l)
}

func listen(addr string) (net.Listener, error) {
	if addr != "" && addr[0] == '/' {
		return net.Listen("unix", addr)
	}
	return net.Listen("tcp", addr)
}

// Serve takes connections from l, each in a goroutine of its own, until l fails or
// the server is closed. It then closes l, and gives the reason: ErrServerClosed
// for the latter.
func (srv *Server) Serve(l net.Listener) error {
	return srv.serve(l, false)
}

// ServeTLS is Serve for implicit TLS: RFC 8314 §3.
func (srv *Server) ServeTLS(l net.Listener) error {
	if srv.TLS == nil {
		l.Close()
		return errors.New("smtpd: implicit TLS needs Server.TLS")
	}
	return srv.serve(l, true)
}

func (srv *Server) serve(l net.Listener, implicit bool) error {
	defer l.Close()
	if !srv.track(l) {
		return ErrServerClosed
	}
	defer srv.untrack(l)
	const longestPause = time.Second
	for pause := time.Duration(0); ; {
		conn, err := l.Accept()
		switch {
		case err == nil:
			pause = 0
			go srv.converse(conn, implicit)
		case srv.stopping.Load():
			return ErrServerClosed
		case isTemporary(err):
			// Out of file descriptors, most often: some will come free.
			pause = min(max(2*pause, 5*time.Millisecond), longestPause)
			time.Sleep(pause)
		default:
			return err
		}
	}
}

func isTemporary(err error) bool {
	e, ok := errors.AsType[net.Error](err)
	return ok && e.Temporary() //nolint:staticcheck // accept(2) is what the method is still for
}

// ServeConn has one session over conn, which may be a *tls.Conn, and closes it. It
// returns when the session is over, with the reason if that was not meant: nil
// where the client said QUIT, or hung up between two mails.
func (srv *Server) ServeConn(conn net.Conn) error { return srv.converse(conn, false) }

// ServeConnTLS is ServeConn for implicit TLS over a connection that has none yet.
func (srv *Server) ServeConnTLS(conn net.Conn) error { return srv.converse(conn, true) }

func (srv *Server) converse(conn net.Conn, implicit bool) error {
	srv.ready()
	s := newSession(srv, conn)
	s.implicit = implicit
	refusal := srv.admit(s)
	if refusal.Code == 0 {
		defer srv.leave(s)
	}
	s.serve(refusal)
	return s.why
}

// admit counts a session in, or says why there is no room for it.
func (srv *Server) admit(s *Session) smtp.Reply {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	if srv.stopping.Load() {
		return shuttingDown
	}
	if len(srv.sessions) >= srv.limits.total {
		return tooManySessions
	}
	if s.ip.IsValid() {
		if srv.perIP[s.ip] >= srv.limits.perIP {
			return tooManyPerIP
		}
		if srv.perIP == nil {
			srv.perIP = make(map[netip.Addr]int)
		}
		srv.perIP[s.ip]++
	}
	if srv.sessions == nil {
		srv.sessions = make(map[*Session]struct{})
	}
	srv.sessions[s] = struct{}{}
	srv.busy.Add(1)
	return smtp.Reply{}
}

func (srv *Server) leave(s *Session) {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	delete(srv.sessions, s)
	if s.ip.IsValid() {
		if srv.perIP[s.ip]--; srv.perIP[s.ip] == 0 {
			delete(srv.perIP, s.ip)
		}
	}
	srv.busy.Done()
}

// countedIP is the address that a connection counts for, none for loopback and for
// what is not TCP: all that comes through a proxy of one's own comes from there.
func countedIP(addr net.Addr) netip.Addr {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	ip := tcp.AddrPort().Addr().Unmap()
	switch {
	case ip.IsLoopback():
		return netip.Addr{}
	case ip.Is6():
		// Who has one address of a /64 has them all.
		p, _ := ip.WithZone("").Prefix(64)
		return p.Addr()
	}
	return ip
}

func (srv *Server) track(l net.Listener) bool {
	srv.ready()
	srv.mu.Lock()
	defer srv.mu.Unlock()
	if srv.stopping.Load() {
		return false
	}
	if srv.listeners == nil {
		srv.listeners = make(map[net.Listener]struct{})
	}
	srv.listeners[l] = struct{}{}
	return true
}

func (srv *Server) untrack(l net.Listener) {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	delete(srv.listeners, l)
}

// Shutdown takes no more connections, tells the clients that are between two mails
// to go (421), lets those that are in the midst of one bring it to its end, and
// returns when all have gone. If the context ends before that it is Close, and
// gives the context's error.
func (srv *Server) Shutdown(ctx context.Context) error {
	srv.stop(func(s *Session) { s.poke() })
	gone := make(chan struct{})
	go func() {
		srv.busy.Wait()
		close(gone)
	}()
	select {
	case <-gone:
		return nil
	case <-ctx.Done():
		srv.Close()
		return ctx.Err()
	}
}

// Close closes all listeners and all connections at once. It gives nil always.
func (srv *Server) Close() error {
	srv.stop(func(s *Session) { s.cut() })
	return nil
}

// stop closes the listeners, and does what is told to each session.
func (srv *Server) stop(each func(*Session)) {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	srv.ready()
	if !srv.stopping.Swap(true) {
		close(srv.stopped)
	}
	for l := range srv.listeners {
		l.Close()
	}
	for s := range srv.sessions {
		each(s)
	}
}
