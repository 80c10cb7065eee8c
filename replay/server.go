package replay

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/parleymail/parley/internal/throwaway"
	"github.com/parleymail/parley/sasl"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/transcript"
)

// A Server plays a recording. Transcript must be set; the zero value of every other field is what one wants. Its
// fields are not changed once it is in use. It is used by many goroutines at once, and may serve several listeners.
type Server struct {
	Transcript transcript.Transcript // what is played: as transcript.Read gives it, or a Recorder

	// Security is how TLS begins: as in the recording; with ImplicitTLS and Plaintext so, whatever the recording has.
	// Then STARTTLS is not offered, and what was said within TLS is said.
	Security smtp.Security

	// Certificate is what TLS is spoken with; nil: one for this host, made on the spot by a CA that is forgotten
	// with the Server. See PEM and Fingerprint.
	Certificate *tls.Certificate

	// Users are names and passwords for which a login by SCRAM can be played. All other mechanisms end as those of the
	// recording did, whoever logs in.
	Users map[string]string

	Strict bool // end a session where the client departs from the recording, with 554
	Times  bool // take as long for each reply as the real server did, where the recording has it
	Once   bool // play each session of the recording once: then Serve returns, and connections are closed

	// Trace, if not nil, is told of every line that is said, and Departed of all that is said otherwise than the
	// recording. They may be called by several goroutines at once.
	Trace    func(smtp.Event)
	Departed func(Departure)

	once     sync.Once
	ctx      context.Context // ends with Close
	cancel   context.CancelFunc
	err      error // of making it ready
	tapes    []*tape
	accounts *sasl.Accounts
	config   *tls.Config
	pem      []byte
	leaf     []byte // DER

	mu        sync.Mutex
	played    int // connections so far
	listeners []net.Listener
	conns     map[net.Conn]bool
	closed    bool
	wg        sync.WaitGroup
}

// ErrNothing is a recording in which no server says anything.
var ErrNothing = errors.New("replay: the recording has nothing that a server said")

// ErrClosed is what Serve gives after Close.
var ErrClosed = errors.New("replay: the server is closed")

// Check makes the server ready, and tells what is wrong with its fields: [ErrNothing]. Everything else does so too.
func (s *Server) Check() error {
	s.once.Do(func() { s.err = s.prepare() })
	return s.err
}

func (s *Server) prepare() error {
	s.ctx, s.cancel = context.WithCancel(context.Background())
	if !slices.ContainsFunc(s.Transcript, func(e smtp.Event) bool { return e.Did == smtp.Answer || e.Did == smtp.Connected }) {
		return ErrNothing
	}
	s.tapes = load(s.Transcript)
	s.conns = make(map[net.Conn]bool)
	s.accounts = sasl.Users(s.Users)
	s.accounts.ClearText = true
	return s.certify()
}

// life is how long a certificate of ours is good for.
const life = 7 * 24 * time.Hour

func (s *Server) certify() error {
	cert := s.Certificate
	if cert == nil {
		ca, err := throwaway.NewAuthority("parley replay", life)
		if err != nil {
			return fmt.Errorf("replay: %w", err)
		}
		made, err := ca.Issue(time.Now().Add(life), s.names()...)
		if err != nil {
			return fmt.Errorf("replay: %w", err)
		}
		cert, s.pem = &made, ca.PEM()
	}
	if len(cert.Certificate) == 0 {
		return errors.New("replay: the certificate is empty")
	}
	s.leaf = cert.Certificate[0]
	if s.pem == nil {
		s.pem = throwaway.PEM(s.leaf)
	}
	s.config = &tls.Config{Certificates: []tls.Certificate{*cert}}
	return nil
}

// names are what a certificate of ours is for: this host, and whoever the client of the recording was connected to.
func (s *Server) names() []string {
	names := []string{"localhost", "127.0.0.1", "::1"}
	for _, e := range s.Transcript {
		host, _, err := net.SplitHostPort(e.Line)
		if e.Did == smtp.Connected && err == nil && !strings.ContainsAny(host, " \t/%") && host != "" && !slices.Contains(names, host) && len(names) < 20 {
			names = append(names, host)
		}
	}
	return names
}

// PEM is the certificate of the CA that made ours, for programs that want a file; of one that was given, itself.
func (s *Server) PEM() []byte {
	s.Check()
	return s.pem
}

// Fingerprint is the SHA-256 of the server's certificate in hex, as smtp.Client.Fingerprint has it.
func (s *Server) Fingerprint() string {
	s.Check()
	sum := sha256.Sum256(s.leaf)
	return hex.EncodeToString(sum[:])
}

// Sessions is how many sessions the recording has.
func (s *Server) Sessions() int {
	s.Check()
	return len(s.tapes)
}

// Notes are what of the recording is not played as it was.
func (s *Server) Notes() []Note {
	s.Check()
	var all []Note
	for _, t := range s.tapes {
		all = append(all, t.notes...)
	}
	return all
}

// Speaks is how a client must begin TLS: ImplicitTLS, StartTLS where the recording has it, or Plaintext.
func (s *Server) Speaks() smtp.Security {
	s.Check()
	if s.Security == smtp.ImplicitTLS || s.Security == smtp.Plaintext {
		return s.Security
	}
	security := smtp.Plaintext
	for _, t := range s.tapes {
		switch {
		case t.implicit:
			return smtp.ImplicitTLS
		case len(t.by["STARTTLS"]) > 0 && t.offers("STARTTLS"): // whatever came of it
			security = smtp.StartTLS
		}
	}
	return security
}

// LogsIn reports whether a client of the recording logs in.
func (s *Server) LogsIn() bool {
	s.Check()
	return slices.ContainsFunc(s.tapes, func(t *tape) bool { return len(t.by["AUTH"]) > 0 })
}

// LMTP reports whether the recording is of LMTP.
func (s *Server) LMTP() bool {
	s.Check()
	return slices.ContainsFunc(s.tapes, func(t *tape) bool { return t.lmtp })
}

// Serve takes connections from a listener until Close, which it tells by ErrClosed, or, with Once, until all is
// played: then it gives nil. It closes the listener.
func (s *Server) Serve(l net.Listener) error {
	defer l.Close()
	if err := s.Check(); err != nil {
		return err
	}
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return ErrClosed
	}
	s.listeners = append(s.listeners, l)
	s.mu.Unlock()
	for {
		conn, err := l.Accept()
		if err != nil {
			return s.accepted(err)
		}
		last := s.begin(conn)
		if last {
			l.Close()
			s.wg.Wait()
			return nil
		}
	}
}

// accepted is why no more connections are taken.
func (s *Server) accepted(err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	return fmt.Errorf("replay: taking connections: %w", err)
}

// begin has a session over conn in a goroutine of its own, and reports whether it is the last one.
func (s *Server) begin(conn net.Conn) (last bool) {
	p, number, last := s.next(conn)
	if p == nil {
		conn.Close()
		return last
	}
	go func() {
		defer s.wg.Done()
		s.play(conn, p, number)
	}()
	return last
}

// ServeConn plays the next session of the recording over conn, and closes it.
func (s *Server) ServeConn(conn net.Conn) {
	p, number, _ := s.next(conn)
	if p == nil {
		conn.Close()
		return
	}
	defer s.wg.Done()
	s.play(conn, p, number)
}

// next is the tape that is played next, which counts as begun; nil, where there is none.
func (s *Server) next(conn net.Conn) (p *tape, number uint64, last bool) {
	if s.Check() != nil {
		return nil, 0, true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.Once && s.played >= len(s.tapes) {
		return nil, 0, true
	}
	p = s.tapes[s.played%len(s.tapes)]
	s.played++
	s.conns[conn] = true
	s.wg.Add(1)
	return p, uint64(s.played), s.Once && s.played == len(s.tapes)
}

func (s *Server) play(conn net.Conn, p *tape, number uint64) {
	newSession(s.ctx, s, conn, p, number).run()
	conn.Close()
	s.mu.Lock()
	delete(s.conns, conn)
	s.mu.Unlock()
}

// Close ends all sessions, and all that Serve. It waits until they have ended.
func (s *Server) Close() error {
	s.Check() // so that there is a context to end
	s.cancel()
	s.mu.Lock()
	s.closed = true
	for _, l := range s.listeners {
		l.Close()
	}
	for conn := range s.conns {
		conn.Close()
	}
	s.mu.Unlock()
	s.wg.Wait()
	return nil
}
