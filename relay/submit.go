package relay

import (
	"cmp"
	"io"
	"net"
	"time"

	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtpd"
)

// A submission is a listener's server of one configuration: RFC 6409.
type submission struct {
	server *Server
	l      *Listener
}

// A handed mail is what the steps of a transaction keep.
type handed struct{ user *user }

func (p *submission) smtpd(st *state) *smtpd.Server {
	c := &st.config
	s := &smtpd.Server{
		Hostname: c.Hostname, TLS: c.TLS, Accounts: st.users.accounts(p.l.local()),
		RequireTLS: c.TLS != nil && !p.l.local(), RequireAuth: st.wantsLogin(p.l),
		Greet: p.greet, Mail: p.mail, Rcpt: p.rcpt, Data: p.data,
		MaxSize: c.Limits.MaxSize, MaxTextLine: textLine, MaxRecipients: c.Limits.MaxRecipients,
		MaxSessions: c.Limits.MaxSessions, MaxSessionsPerIP: c.Limits.MaxSessionsPerIP, Timeout: c.Limits.Timeout,
		Closed: p.server.closed, Trace: c.Trace,
		Unauthorized: func(session *smtpd.Session, mechanism, name string) {
			p.server.unauthorized(session.RemoteAddr().String(), mechanism, name)
		},
	}
	if p.l.TLS == NoTLS {
		s.Without = []string{"STARTTLS"}
	}
	return s
}

const textLine = 998 // RFC 5321 §4.5.3.1.6, RFC 5322 §2.1.1: nobody has to take more

// greet keeps a listener that wants no login from other machines, whatever way they came.
func (p *submission) greet(s *smtpd.Session) smtp.Reply {
	p.server.counts.sessions.Add(1)
	if !p.server.state.Load().wantsLogin(p.l) && !isLocal(s.RemoteAddr()) {
		return smtpd.Reply("554 5.7.1 this port is for programs of this machine alone")
	}
	return smtp.Reply{}
}

// isLocal reports whether a client is on this machine.
func isLocal(addr net.Addr) bool {
	if tcp, ok := addr.(*net.TCPAddr); ok {
		return tcp.IP.IsLoopback()
	}
	return addr.Network() == "unix"
}

// mail asks whether the user may send as the reverse-path: RFC 6409 §6.1.
func (p *submission) mail(t *smtpd.Transaction) smtp.Reply {
	u, refused := p.userOf(t.Session)
	if refused == nil && p.server.stopping.Load() {
		return closing().Reply
	}
	if refused == nil {
		refused = u.maySend(t.ReversePath, t.Size)
	}
	if full := (*fullWindow)(nil); refused == nil {
		if full = u.usage.has(1, time.Now()); full != nil {
			refused = noRoom("450 4.7.1", u, full)
		}
	}
	if refused != nil {
		return p.refused(t, refused)
	}
	t.Value = &handed{user: u}
	return smtp.Reply{}
}

// userOf is who a session is, by the configuration that holds now.
func (p *submission) userOf(s *smtpd.Session) (*user, *Refusal) {
	st := p.server.state.Load()
	name := cmp.Or(s.User(), p.l.User)
	if name == "" && !st.wantsLogin(p.l) {
		return st.guest, nil
	}
	return p.server.userOf(s.Context(), st, name) // the users may have come while the session was open
}

func (p *submission) rcpt(t *smtpd.Transaction, r mail.Recipient) smtp.Reply {
	u := t.Value.(*handed).user
	if refused := mayGet(r.Path); refused != nil {
		return p.refused(t, refused)
	}
	if full := u.usage.has(len(t.Recipients)+1, time.Now()); full != nil {
		if len(t.Recipients) > 0 {
			// RFC 5321 §4.5.3.1.10: the client sends to the others later, and does not call it an error.
			return p.refused(t, noRoom("452 4.5.3", u, full))
		}
		return p.refused(t, noRoom("450 4.7.1", u, full))
	}
	return smtp.Reply{}
}

// data takes a mail. 250 is said when it is on stable storage: RFC 5321 §6.1.
func (p *submission) data(t *smtpd.Transaction, content io.Reader) smtp.Reply {
	k := &taking{user: t.Value.(*handed).user, env: t.Envelope, asked: true, utf8: t.UTF8, content: content, received: t.Received, remote: t.Session.RemoteAddr().String()}
	id, refused := p.server.take(t.Session.Context(), k)
	if refused != nil {
		return p.refused(t, refused)
	}
	return smtp.Reply{Code: 250, Enhanced: smtp.EnhancedCode{Class: 2}, Lines: []string{"ok: queued as " + id.String()}}
}

// refused counts what was not taken, and tells of it.
func (p *submission) refused(t *smtpd.Transaction, r *Refusal) smtp.Reply {
	p.server.refused(t.Session.User(), t.ReversePath, t.Session.RemoteAddr().String(), r)
	return r.Reply
}
