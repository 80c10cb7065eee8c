package relay

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/route"
	"github.com/parleymail/parley/smtp"
)

// A Config says how a relay works. The zero value of each field is safe; Routes must lead somewhere.
type Config struct {
	Hostname  string // the name it goes by; empty: this host's
	Listeners []Listener
	TLS       *tls.Config // its certificate; nil: no TLS, and no listener that other machines reach
	Users     []User      // none: listeners are for this machine alone, and for all programs on it
	HTTP      string      // where mail is handed over by HTTP too, which package web does: it is looked through as a listener is; empty: nowhere

	Routes route.Table // which server takes a mail
	Keys   []Key       // that mail is signed by

	Bounces  *Bounces // those that come in; nil: none do
	Suppress Suppress
	Webhooks []Webhook
	Logs     []EventLog

	Limits Limits
	Grace  time.Duration // how long what was begun may take when the server is to stop; zero: 20 seconds

	// Worker says how the outbox is worked off. Its Router, Around and Grace are the server's own. It counts as it is given to
	// New: Reload does not change it.
	Worker outbox.Worker

	// Around, if not nil, is called before a mail is written down, with the W3C traceparent that its program gave, and what it gives
	// after it; within is the traceparent that Worker.Around hears when the mail is sent.
	Around func(ctx context.Context, traceparent string) (_ context.Context, within string, over func(outbox.ID, error))

	Log     *slog.Logger     // what goes wrong and can be said to nobody; nil: slog.Default
	Trace   func(smtp.Event) // of all sessions with programs; nil: nobody listens
	Taken   func(Taken)      // a mail was taken; nil: nobody is told
	Refused func(Refused)    // a mail, or a recipient, was not

	file *File // that it is from; nil: none
}

// Limits are what one listener takes. Zero is what [smtpd.Server] has for zero.
type Limits struct {
	MaxSize          int64 // octets of a mail
	MaxRecipients    int   // of one
	MaxSessions      int   // at once
	MaxSessionsPerIP int
	Timeout          time.Duration
}

// A Listener is where mail comes in.
type Listener struct {
	// Address is host:port, or the path of a unix socket. Without a host it is 127.0.0.1: that other machines may connect
	// has to be said, as 0.0.0.0 or [::].
	Address string
	TLS     TLS
	Role    Role
	User    string // whose mail it is that comes without a login, for programs of this machine; empty: where there are users, nobody's
}

// TLS is how a listener speaks it.
type TLS uint8

const (
	AutoTLS     TLS = iota // implicit on port 465, STARTTLS on others, where there is a certificate
	STARTTLS               // RFC 3207
	ImplicitTLS            // from the first octet: RFC 8314 §3
	NoTLS                  // none; for this machine alone
)

// Role is what a listener is for.
type Role uint8

const (
	Submission    Role = iota // users hand mail over
	BounceReports             // anybody reports on mails of ours: see [Bounces]
)

// Suppress says which addresses are no longer sent to. The zero value leaves that to people.
type Suppress struct {
	Bounces    bool          // those that a server says do not exist, or are closed for good
	Complaints bool          // those whose owner called a mail spam
	For        time.Duration // how long; zero: for good
}

// A Taken tells of a mail that was taken.
type Taken struct {
	ID          outbox.ID
	User        string // empty: a program of this machine
	Class       outbox.Class
	ReversePath mail.Path
	Recipients  int
	Remote      string
}

// A Refused tells of one that was not.
type Refused struct {
	User        string
	ReversePath mail.Path
	Remote      string
	Reply       smtp.Reply
}

// address is Address with its host.
func (l *Listener) address() string {
	if strings.HasPrefix(l.Address, ":") {
		return "127.0.0.1" + l.Address
	}
	return l.Address
}

// local reports whether only this machine reaches it.
func (l *Listener) local() bool {
	if strings.HasPrefix(l.Address, "/") {
		return true
	}
	host, _, err := net.SplitHostPort(l.address())
	ip, failed := netip.ParseAddr(host)
	return err == nil && (host == "localhost" || failed == nil && ip.Unmap().IsLoopback())
}

// keyOf names the port of a listener: its address, and of several with any port which of them it is.
func (c *Config) keyOf(i int) string {
	addr, n := c.Listeners[i].address(), 0
	for k := range i {
		if c.Listeners[k].address() == addr {
			n++
		}
	}
	if n > 0 {
		return fmt.Sprintf("%s#%d", addr, n)
	}
	return addr
}

// implicit reports whether TLS comes first.
func (l *Listener) implicit(c *Config) bool {
	_, port, _ := net.SplitHostPort(l.address())
	return l.TLS == ImplicitTLS || l.TLS == AutoTLS && port == "465" && c.TLS != nil
}

// A Fault is one thing that is wrong with a configuration.
type Fault struct {
	Path  string         // of the file; empty: there is none
	Line  int            // 0: it is about no line
	Words diagnose.Words // what is wrong, and what to do; never a secret
	Err   error          // what the system said, if it did

	at string // what of a file it is about: "listen.0.address"
}

// In is the fault in one language: where it is, and what.
func (f *Fault) In(l diagnose.Lang) string {
	s := ""
	if f.Path != "" && f.Line > 0 {
		s = fmt.Sprintf("%s:%d: ", f.Path, f.Line)
	} else if f.Path != "" {
		s = f.Path + ": "
	}
	s += f.Words.In(l)
	if f.Err == nil {
		return s
	}
	if l == diagnose.Chinese {
		return s + "：" + f.Err.Error()
	}
	return s + ": " + f.Err.Error()
}

func (f *Fault) Error() string { return f.In(diagnose.English) }
func (f *Fault) Unwrap() error { return f.Err }

// Faults are all that is wrong with one.
type Faults []*Fault

// In is all of them in one language, a line each.
func (f Faults) In(l diagnose.Lang) string {
	lines := make([]string, len(f))
	for i, one := range f {
		lines[i] = one.In(l)
	}
	return strings.Join(lines, "\n")
}

func (f Faults) Error() string { return strings.ReplaceAll(f.In(diagnose.English), "\n", "; ") }

func (f Faults) Unwrap() []error {
	list := make([]error, len(f))
	for i, one := range f {
		list[i] = one
	}
	return list
}

// fill puts values into a sentence of both languages.
func fill(w diagnose.Words, args ...any) diagnose.Words {
	return diagnose.Words{En: fmt.Sprintf(w.En, args...), Zh: fmt.Sprintf(w.Zh, args...)}
}

// check tells all that is wrong with a configuration, but for its routes.
func (c *Config) check() error {
	var faults Faults
	wrong := func(at string, w diagnose.Words, args ...any) {
		faults = append(faults, &Fault{Words: fill(w, args...), at: at})
	}
	if len(c.Listeners) == 0 {
		wrong("listen", wordNoListener)
	}
	names, logins := map[string]bool{}, false
	for i := range c.Users {
		u := &c.Users[i]
		switch {
		case u.Name == "" || len(u.Name) > outbox.MaxOrigin || strings.ContainsFunc(u.Name, func(r rune) bool { return r < ' ' || r == 0x7f }):
			wrong("user."+u.Name, wordUserName, u.Name)
		case names[u.Name]:
			wrong("user."+u.Name, wordUserTwice, u.Name)
		case u.Password.IsZero() && !slices.ContainsFunc(c.Listeners, func(l Listener) bool { return l.User == u.Name }):
			wrong("user."+u.Name, wordUserPassword, u.Name)
		}
		logins = logins || !u.Password.IsZero()
		names[u.Name] = true
		for _, w := range u.check() {
			wrong("user."+u.Name, w)
		}
	}
	for i := range c.Listeners {
		at := fmt.Sprintf("listen.%d", i)
		for _, w := range c.Listeners[i].check(c, names, logins) {
			wrong(at, w)
		}
		if key := c.keyOf(i); strings.Contains(key, "#") && !strings.Contains(key, ":0#") {
			wrong(at, wordListenTwice, c.Listeners[i].Address)
		}
	}
	for _, w := range c.checkHTTP(logins) {
		wrong("http", w)
	}
	faults = append(faults, c.checkKeys()...)
	faults = append(faults, c.checkReaders()...)
	if c.Bounces != nil {
		for _, w := range c.Bounces.check() {
			wrong("bounces", w)
		}
	}
	if len(faults) > 0 {
		return faults
	}
	return nil
}

func (u *User) check() (list []diagnose.Words) {
	for _, s := range u.Senders {
		if err := checkPattern(s); err != nil {
			list = append(list, fill(wordUserPattern, u.Name, s))
		}
	}
	if _, err := mail.ParsePath("<" + u.Name + ">"); len(u.Senders) == 0 && (err != nil || !strings.Contains(u.Name, "@")) {
		list = append(list, fill(wordUserSenders, u.Name))
	}
	if len(u.Classes) > 0 && !slices.Contains(u.Classes, u.Class) {
		list = append(list, fill(wordUserClass, u.Name, u.Class))
	}
	return list
}

// check keeps a listener from being open to anybody.
func (l *Listener) check(c *Config, users map[string]bool, logins bool) (list []diagnose.Words) {
	add := func(w diagnose.Words, args ...any) { list = append(list, fill(w, args...)) }
	if _, _, err := net.SplitHostPort(l.address()); err != nil && !strings.HasPrefix(l.Address, "/") {
		add(wordAddress, l.Address)
		return list
	}
	if c.TLS == nil && (l.TLS == STARTTLS || l.TLS == ImplicitTLS) {
		add(wordNoCertificate, l.Address)
	}
	if l.Role == BounceReports {
		if c.Bounces == nil {
			add(wordNoBounces, l.Address)
		}
		if l.User != "" {
			add(wordBouncesUser, l.Address)
		}
		return list
	}
	switch {
	case l.local() && l.User == "" && len(users) > 0 && !logins:
		add(wordNobody, l.Address)
	case l.local():
	case !logins:
		add(wordOpen, l.Address)
	case l.User != "":
		add(wordOpenUser, l.Address, l.User)
	case c.TLS == nil || l.TLS == NoTLS:
		add(wordClear, l.Address)
	}
	if l.User != "" && !users[l.User] {
		add(wordNoUser, l.Address, l.User)
	}
	return list
}

// checkHTTP keeps HTTP from being open to anybody.
func (c *Config) checkHTTP(logins bool) (list []diagnose.Words) {
	if c.HTTP == "" {
		return nil
	}
	l := Listener{Address: c.HTTP}
	_, _, err := net.SplitHostPort(l.address())
	switch {
	case err != nil:
		list = append(list, fill(wordAddress, c.HTTP))
	case l.local():
	case !logins:
		list = append(list, fill(wordOpen, c.HTTP))
	case c.TLS == nil:
		list = append(list, fill(wordClear, c.HTTP))
	}
	return list
}

var errNotLocal = errors.New("the address is another machine's to reach, and was meant for this one alone")
