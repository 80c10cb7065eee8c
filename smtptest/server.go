package smtptest

import (
	"context"
	"crypto/tls"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parleymail/parley/fault"
	"github.com/parleymail/parley/sasl"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtpd"
	"github.com/parleymail/parley/transcript"
)

// A Server takes mail, for a test of a program that sends some: a real one, on
// loopback or in memory, with TLS and AUTH, that keeps what it is given, and fails
// where it is told to. Set the fields, then Start it. The zero value speaks
// STARTTLS with a certificate of its own and wants no AUTH.
type Server struct {
	Users    map[string]string // names to passwords; with it AUTH is wanted before mail. Nil: no AUTH
	Security smtp.Security     // how TLS begins; Automatic is StartTLS, without which no mail is taken. Opportunistic takes it either way
	LMTP     bool              // speak LMTP
	Without  []string          // keywords of extensions not to offer: "STARTTLS", "AUTH", "PIPELINING"...
	MaxSize  int64             // octets of a content, offered as SIZE; zero: 100 MiB

	// Plan, if not nil, is what goes wrong on purpose, besides what Fault and Refuse make. The test may change it at any time.
	Plan *fault.Plan

	// InMemory makes connections in memory, which only Client reaches. They work in
	// the bubbles of testing/synctest.
	InMemory bool

	// Patience is how long Wait and Find wait; zero: 10 seconds.
	Patience time.Duration

	// Trace, if not nil, is told of every line that is said.
	Trace func(smtp.Event)

	t         testing.TB
	authority *Authority
	smtpd     *smtpd.Server
	listener  net.Listener // nil in memory
	faults    faults
	mails     *mails

	mu       sync.Mutex
	said     map[uint64]*transcript.Recorder // by session, until it is closed
	sessions int
	stopped  bool
	wg       sync.WaitGroup
}

// NewServer starts a Server that is the zero value.
func NewServer(t testing.TB) *Server { return new(Server).Start(t) }

// Start starts the server, and gives it. It ends with the test, and what it is
// talking then is cut off.
func (s *Server) Start(t testing.TB) *Server {
	t.Helper()
	if s.t != nil {
		t.Fatal("smtptest: the server is started already")
	}
	s.t, s.mails, s.said = t, newMails(), make(map[uint64]*transcript.Recorder)
	s.smtpd = s.make()
	if !s.InMemory {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatalf("smtptest: %v", err)
		}
		s.listener = l
		s.wg.Go(s.accept)
	}
	t.Cleanup(s.stop)
	return s
}

func (s *Server) accept() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.serve(conn)
	}
}

// serve has a session over conn, in a goroutine of its own.
func (s *Server) serve(conn net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		conn.Close()
		return
	}
	s.sessions++
	s.wg.Go(func() {
		if s.security() == smtp.ImplicitTLS {
			s.smtpd.ServeConnTLS(conn)
		} else {
			s.smtpd.ServeConn(conn)
		}
	})
}

func (s *Server) stop() {
	s.mu.Lock()
	s.stopped = true
	s.mu.Unlock()
	if s.listener != nil {
		s.listener.Close()
	}
	s.smtpd.Close()
	s.wg.Wait()
}

// Addr is where the server is: host:port.
func (s *Server) Addr() string {
	if s.listener == nil {
		return serverAddr().String()
	}
	return s.listener.Addr().String()
}

// Client gives a client for the server: it trusts the server's certificate, has
// the first of the server's users, by name, and prints the conversation to the
// test's output. The test may change its fields before it uses it. It is closed
// when the test ends.
func (s *Server) Client() *smtp.Client {
	c := &smtp.Client{
		Addr: s.Addr(), Hello: "localhost", LMTP: s.LMTP, Security: s.security(),
		Trace: transcript.Print(s.t.Output()),
	}
	if s.authority != nil {
		c.TLS = &tls.Config{RootCAs: s.authority.Pool()}
	}
	if user, password, ok := s.user(); ok {
		c.Auth = sasl.Password(user, password)
	}
	if s.InMemory {
		c.DialContext = s.dial
	}
	s.t.Cleanup(func() { c.Close() })
	return c
}

func (s *Server) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	ours, theirs := Pipe()
	s.serve(theirs)
	return ours, nil
}

func (s *Server) security() smtp.Security {
	if s.Security == smtp.Automatic {
		return smtp.StartTLS
	}
	return s.Security
}

// user is the first of the users.
func (s *Server) user() (name, password string, ok bool) {
	for n := range s.Users {
		if !ok || n < name {
			name, ok = n, true
		}
	}
	return name, s.Users[name], ok
}

// URL is how other programs reach the server, as smtp.ParseURL reads it. The CA's
// certificate is in the file that its parameter ca names, which is gone after the
// test. A server in memory has none.
func (s *Server) URL() string {
	s.t.Helper()
	if s.InMemory {
		s.t.Fatal("smtptest: a server in memory has no URL")
	}
	u := url.URL{Scheme: "smtp", Host: s.Addr()}
	query := url.Values{}
	switch {
	case s.LMTP:
		u.Scheme = "lmtp"
	case s.Security == smtp.ImplicitTLS:
		u.Scheme = "smtps"
	}
	switch s.Security {
	case smtp.Plaintext:
		query.Set("tls", "none")
	case smtp.Opportunistic:
		query.Set("tls", "opportunistic")
	default: // the scheme says it
	}
	if s.authority != nil {
		query.Set("ca", s.CAFile())
	}
	if user, password, ok := s.user(); ok {
		u.User = url.UserPassword(user, password)
	}
	u.RawQuery = query.Encode()
	return u.String()
}

// CAFile is the path of a file with the certificate of the server's CA (PEM). It is
// gone after the test.
func (s *Server) CAFile() string {
	s.t.Helper()
	if s.authority == nil {
		s.t.Fatal("smtptest: a server in clear text has no CA")
	}
	file := filepath.Join(s.t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, s.authority.PEM(), 0o600); err != nil {
		s.t.Fatalf("smtptest: %v", err)
	}
	return file
}

// Sessions is how many connections there have been.
func (s *Server) Sessions() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sessions
}

// Fault makes the server do something otherwise than it should, from now on and
// in all sessions. Of several that fit, the first that was given is hit, until its
// Times are over; then the next.
func (s *Server) Fault(f Fault) {
	s.t.Helper()
	if err := f.check(); err != nil {
		s.t.Fatalf("smtptest: %v", err)
	}
	s.faults.add(f)
}

// Refuse makes the server refuse each command at a stage that is like match,
// which may be empty, with a reply such as "550 5.1.1 no such user".
func (s *Server) Refuse(stage smtp.Stage, match, reply string) {
	s.t.Helper()
	s.Fault(Fault{Stage: stage, Match: match, Say: reply})
}

// Forget takes all faults back, and the mails that were kept out.
func (s *Server) Forget() {
	s.faults.clear()
	s.mails.clear()
}

func (s *Server) patience() time.Duration {
	if s.Patience > 0 {
		return s.Patience
	}
	return 10 * time.Second
}

// offers reports whether a keyword may be offered.
func (s *Server) offers(keyword string) bool {
	return !slices.ContainsFunc(s.Without, func(w string) bool { return strings.EqualFold(w, keyword) })
}

// grease are extensions that nobody knows. A client that stumbles over one would
// stumble over the next that is thought of; so that its test finds that, each
// server has some, always the same in the same test.
func grease(name string) []string {
	h := fnv.New64a()
	h.Write([]byte(name))
	r := rand.New(rand.NewPCG(h.Sum64(), 0))
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	word := func(letters string, n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = letters[r.IntN(len(letters))]
		}
		return string(b)
	}
	list := make([]string, 1+r.IntN(3))
	for i := range list {
		// RFC 5321 §4.1.1.1: letters, digits and hyphens; parameters of any printable
		// characters.
		list[i] = "XGREASE-" + word(letters, 1+r.IntN(8))
		for range r.IntN(3) {
			list[i] += " " + word(letters+"!#$%&'*+-/=?^_{|}~.,:;<>@[]()", 1+r.IntN(12))
		}
		if r.IntN(2) == 0 {
			list[i] = strings.ToLower(list[i])
		}
	}
	return list
}

// make is smtpd as this server wants it.
func (s *Server) make() *smtpd.Server {
	server := &smtpd.Server{
		Hostname: playHost, LMTP: s.LMTP, Without: s.Without, Extra: grease(s.t.Name()), MaxSize: s.MaxSize,
		RequireTLS: s.security() == smtp.StartTLS, RequireAuth: s.Users != nil && s.offers("AUTH"),
		MaxErrors: -1, MaxJunk: -1, // a test may be refused as often as it likes
		MaxSessionsPerIP: -1,
		Data:             s.take,
		Trace:            s.tell,
		Fault: func(session *smtpd.Session, t *smtpd.Transaction, at smtp.Stage, line string) *smtpd.Fault {
			if f := s.faults.at(at, line); f != nil || s.Plan == nil {
				return f.done()
			}
			return s.Plan.At(session, t, at, line)
		},
	}
	if s.Plan != nil {
		server.Idle = s.Plan.Idle
	}
	if s.Security != smtp.Plaintext {
		s.authority = NewAuthority(s.t)
		server.TLS = &tls.Config{Certificates: []tls.Certificate{s.authority.Certificate()}}
		if s.Plan != nil && s.Plan.Issue == nil {
			s.Plan.Issue = s.authority.ca.Issue
		}
	}
	if s.Users != nil {
		server.Accounts = sasl.Users(s.Users)
		server.Accounts.ClearText = s.Security == smtp.Plaintext
	}
	return server
}

// take keeps a mail.
func (s *Server) take(t *smtpd.Transaction, content io.Reader) smtp.Reply {
	m := &Mail{Envelope: t.Envelope, Hello: t.Session.Hello(), User: t.Session.User(), TLS: t.Session.TLS(), At: time.Now()}
	var err error
	if m.Content, err = io.ReadAll(content); err != nil {
		return smtp.Reply{} // the client hears what is wrong with it
	}
	m.said = s.recorder(t.Session.Number())
	s.mails.add(m)
	return smtp.Reply{}
}

// recorder keeps what is said in a session.
func (s *Server) recorder(session uint64) *transcript.Recorder {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.said[session]
	if r == nil {
		r = new(transcript.Recorder)
		s.said[session] = r
	}
	return r
}

// tell keeps an event, and passes it on.
func (s *Server) tell(e smtp.Event) {
	s.recorder(e.Session).Trace(e)
	if e.Did == smtp.Closed {
		s.mu.Lock()
		delete(s.said, e.Session)
		s.mu.Unlock()
	}
	if s.Trace != nil {
		s.Trace(e)
	}
}
