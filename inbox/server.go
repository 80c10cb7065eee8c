package inbox

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/parleymail/parley/fault"
	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/sasl"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtpd"
)

// A Server takes mail into a Store: any login is good unless there are Users. Its
// fields are not changed once it is in use.
type Server struct {
	Store                   *Store
	Faults                  *fault.Plan // nil: none
	Hostname                string
	Users                   map[string]string // nil: any login is taken, and none is needed
	TLS                     *tls.Config       // nil: no STARTTLS
	WithoutSTARTTLS         bool              // TLS is for ServeTLS alone: some clients go on by STARTTLS wherever it is offered, and then do not trust a certificate made here
	RequireTLS, RequireAuth bool
	MailboxBy               MailboxBy
	MaxSize                 int64            // octets of a mail; zero: 100 MiB
	MaxSessions             int              // at once; zero: 20,000
	Trace                   func(smtp.Event) // a session has the number that it has in the store

	once    sync.Once
	smtpd   *smtpd.Server
	records sync.Map // of *record, by the number that smtpd gives a session
	taken   atomic.Int64
}

// ErrServerClosed is what Serve gives once Shutdown or Close was called.
var ErrServerClosed = smtpd.ErrServerClosed

const manySessions = 20_000 // slow ones cost little, and must not keep an honest client waiting

func (s *Server) ready() *smtpd.Server {
	s.once.Do(func() {
		var without []string
		if s.WithoutSTARTTLS {
			without = []string{"STARTTLS"}
		}
		s.smtpd = &smtpd.Server{
			Hostname: s.Hostname, TLS: s.TLS, Without: without, RequireTLS: s.RequireTLS, RequireAuth: s.RequireAuth,
			MaxSize: s.MaxSize, MaxSessions: int(orDefault(int64(s.MaxSessions), manySessions)), MaxSessionsPerIP: -1, MaxErrors: 100,
			Accounts: s.accounts(), Greet: s.greet, Mail: s.mail, Rcpt: s.rcpt, Data: s.data, Trace: s.trace, Closed: s.over,
		}
		if s.Faults != nil {
			s.smtpd.Fault, s.smtpd.Idle = s.Faults.At, s.Faults.Idle
			if s.Faults.Mailboxes == nil {
				s.Faults.Mailboxes = s.mailboxes
			}
			if s.Faults.Hit == nil {
				s.Faults.Hit = s.hit
			}
			if s.Faults.Number == nil {
				s.Faults.Number = s.number
			}
		}
	})
	return s.smtpd
}

func (s *Server) accounts() *sasl.Accounts {
	if s.Users != nil {
		a := sasl.Users(s.Users)
		a.ClearText = true
		return a
	}
	any := func(context.Context, string, string) error { return nil }
	return &sasl.Accounts{Password: any, Token: any, ClearText: true}
}

// Serve takes connections from l until it fails or the server is closed.
func (s *Server) Serve(l net.Listener) error { return s.ready().Serve(l) }

// ServeTLS is Serve for implicit TLS.
func (s *Server) ServeTLS(l net.Listener) error { return s.ready().ServeTLS(l) }

// Shutdown takes no more connections, and waits for the mails that are under way.
func (s *Server) Shutdown(ctx context.Context) error { return s.ready().Shutdown(ctx) }

// Close closes all listeners and connections at once.
func (s *Server) Close() error { return s.ready().Close() }

// trace takes in what is said. What is done first in a session begins its record.
func (s *Server) trace(e smtp.Event) {
	known, ok := s.records.Load(e.Session)
	if !ok {
		known = s.Store.begin()
		s.records.Store(e.Session, known)
	}
	r := known.(*record)
	r.trace(e)
	if s.Trace != nil {
		e.Session = uint64(r.row.ID)
		s.Trace(e)
	}
}

// over ends a session's record.
func (s *Server) over(session *smtpd.Session, _ error) {
	r := s.record(session)
	s.known(session)
	s.records.Delete(session.Number())
	s.Store.end(r)
}

// record is that of a session; nil where there is none, which cannot be.
func (s *Server) record(session *smtpd.Session) *record {
	r, ok := session.Value.(*record)
	if !ok {
		known, _ := s.records.Load(session.Number())
		r, _ = known.(*record)
		session.Value = r
	}
	return r
}

// mailboxes are whose a session is, or the forward-paths. A program may send the mails of several tests in one session:
// whose the last one was says nothing of the next.
func (s *Server) mailboxes(session *smtpd.Session, paths []mail.Path) []string {
	rcpts := make([]mail.Recipient, len(paths))
	for i, p := range paths {
		rcpts[i].Path = p
	}
	return s.MailboxBy.boxes(session.User(), rcpts)
}

// number is that of a session in the store, and on its page.
func (s *Server) number(session *smtpd.Session) uint64 { return uint64(s.record(session).row.ID) }

func (s *Server) greet(session *smtpd.Session) smtp.Reply {
	s.known(session)
	return smtp.Reply{}
}

func (s *Server) mail(t *smtpd.Transaction) smtp.Reply {
	s.known(t.Session)
	return smtp.Reply{}
}

// known notes what the session has said of itself.
func (s *Server) known(session *smtpd.Session) {
	s.Store.learn(s.record(session), func(row *Session) {
		row.Local = session.LocalAddr().String()
		row.User, row.Protocol = smtp.Printable(session.User()), session.Protocol()
		row.Mailbox = cmp.Or(s.MailboxBy.sessionBox(session.User()), row.Mailbox)
	})
}

// rcpt gives a session the mailbox of its first recipient, where recipients have them.
func (s *Server) rcpt(t *smtpd.Transaction, r mail.Recipient) smtp.Reply {
	if s.MailboxBy == ByRecipient || s.MailboxBy == ByToken {
		s.Store.learn(s.record(t.Session), func(row *Session) {
			if row.Mailbox == "" {
				row.Mailbox = s.MailboxBy.box(r.Path)
			}
		})
	}
	return smtp.Reply{}
}

// data keeps a mail.
func (s *Server) data(t *smtpd.Transaction, content io.Reader) smtp.Reply {
	from, ok := content.(io.WriterTo)
	if !ok {
		return smtp.Reply{Code: 451}
	}
	a, err := s.Store.take(from)
	if err != nil {
		return refusal(err)
	}
	a.rec = s.record(t.Session)
	a.mailboxes = s.MailboxBy.boxes(t.Session.User(), t.Recipients)
	a.envelope(t)
	if err = s.Store.keep(a); err != nil {
		return refusal(err)
	}
	s.taken.Add(1)
	// Its number is what the API and the page call it, so that a program can tie what it sent to what is kept.
	return smtpd.Reply("250 2.0.0 ok, taken as #" + strconv.FormatInt(a.id, 10))
}

// Taken is how many mails this server has taken, whatever became of them in the store. One in several mailboxes is one.
func (s *Server) Taken() int64 { return s.taken.Load() }

// refusal is said where a mail cannot be kept. Where the content is to blame the client
// hears that instead.
func refusal(err error) smtp.Reply {
	if errors.Is(err, ErrClosed) {
		return smtpd.Reply("421 4.3.2 the inbox is closed")
	}
	if errors.Is(err, errTooLarge) {
		return smtpd.Reply("552 5.3.4 the mail is larger than this server takes")
	}
	return smtpd.Reply("452 4.3.1 the mail cannot be kept: " + smtp.Printable(err.Error()))
}
