package route

import (
	"crypto/tls"
	"fmt"
	"net"
	"time"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/internal/plain"
	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/smtp"
)

// A Table says which server takes a mail. Its fields are plain, to be read from TOML or
// JSON; what a file cannot hold, such as a client, is put in by the program.
type Table struct {
	Servers []Server `toml:"server" json:"servers,omitempty"`
	Rules   []Rule   `toml:"rule" json:"rules,omitempty"` // the first that fits counts

	// Default is where mail goes that no rule is about, as in [Rule.Servers]. Empty: the
	// only server, where there is but one, and an error otherwise, unless the last rule
	// fits everything.
	Default []string `toml:"default" json:"default,omitempty"`

	MX MX `toml:"mx" json:"mx,omitzero"`

	// Self is what this machine is known by, where it takes mail: names, addresses, and
	// either of them with a port, which is then meant alone. A server of the table that is among
	// them is an error, and an MX that is, is not delivered to (RFC 5321 §5.1).
	Self []string `toml:"self" json:"self,omitempty"`

	Facts *diagnose.Facts `toml:"-" json:"-"` // what replies mean, and whose a server is; nil: diagnose.Default

	// Trace, if not nil, is told of every line said in sessions with MX hosts. Those with
	// servers have their client's.
	Trace func(lane string, e smtp.Event) `toml:"-" json:"-"`
}

// A Server is one that mail is handed to, in most cases an account at a provider.
type Server struct {
	Name string `toml:"name" json:"name"` // "qq"; of letters, digits, - _ and .; not "mx" or "discard"

	// Client speaks with it, and is the table's from then on: Partial is set, and
	// MaxSessions and MaxMessages where they are zero.
	Client *smtp.Client `toml:"-" json:"-"`

	// Account is what the limits are counted for: what we log in as. It stands in the lane's
	// name, "qq/59419979@qq.com". Empty: the lane is named as the server.
	Account string `toml:"account" json:"account,omitempty"`

	// Provider is its id in package diagnose. Empty: found by the address of the client.
	Provider string `toml:"provider" json:"provider,omitempty"`

	Limits Limits `toml:"limits" json:"limits,omitzero"` // zero fields: what is known of the provider
}

// Limits are what a server allows. A field that is zero is left to what is known of
// the provider; one below zero means that there is no limit, or for sessions and
// recipients the one that [outbox.Limits] has where there is none.
type Limits struct {
	Sessions   int `toml:"sessions" json:"sessions,omitempty"`                   // at once
	Mails      int `toml:"mails_per_session" json:"mails_per_session,omitempty"` // then another session is opened
	Recipients int `toml:"recipients" json:"recipients,omitempty"`               // of one transaction
	PerMinute  int `toml:"per_minute" json:"per_minute,omitempty"`               // recipients
	PerHour    int `toml:"per_hour" json:"per_hour,omitempty"`
	PerDay     int `toml:"per_day" json:"per_day,omitempty"`
}

// A Rule is about mail that fits each of its fields that is not empty; where a field
// has several patterns, one of them is enough. A * in a pattern stands for
// anything, and case does not count.
type Rule struct {
	Name string `toml:"name" json:"name,omitempty"` // to be shown

	// From and To are patterns of the reverse-path and of the recipient. With an @ they are of
	// whole addresses ("kim@example.net", "*@example.net"), without of domains ("example.net",
	// "*.example.net"). Domains may be written in their own script. "<>" is the null reverse-path.
	From []string `toml:"from" json:"from,omitempty"`
	To   []string `toml:"to" json:"to,omitempty"`

	Class  []string `toml:"class" json:"class,omitempty"`   // alert, normal, bulk
	Origin []string `toml:"origin" json:"origin,omitempty"` // who handed it over
	Topic  []string `toml:"topic" json:"topic,omitempty"`

	// Servers are names of servers, or "mx" for the domain's own hosts, each for when those before cannot be had. One
	// place may hold several, which share what comes there: "ses:3 sendgrid:1" gives three of four messages
	// to ses, and the rest to sendgrid; either takes the other's where it cannot be had.
	Servers []string `toml:"servers" json:"servers,omitempty"`

	Refuse  string `toml:"refuse" json:"refuse,omitempty"`   // bounce it, with these words, which may begin with codes: "550 5.7.1 not from here"
	Discard bool   `toml:"discard" json:"discard,omitempty"` // take it as sent, and send it nowhere
}

// MX says how mail is brought to the hosts that a domain names. The zero value is
// good for a machine that may connect to port 25.
type MX struct {
	Hello   string   `toml:"hello" json:"hello,omitempty"`     // as smtp.Client.Hello
	Port    int      `toml:"port" json:"port,omitempty"`       // zero: 25
	Limits  Limits   `toml:"limits" json:"limits,omitzero"`    // of sites, as far as nothing is known of them; zero: 10 sessions of 100 mails
	Timeout Duration `toml:"timeout" json:"timeout,omitempty"` // as smtp.Client.Timeout
	Keep    Duration `toml:"keep" json:"keep,omitempty"`       // how long an answer of the DNS is used; zero: 5 minutes; a no for a fifth of it
	Hosts   int      `toml:"hosts" json:"hosts,omitempty"`     // of one domain that are tried in one attempt; zero: 5
	Lookups int      `toml:"lookups" json:"lookups,omitempty"` // questions to the DNS at once; zero: 100

	// Loopback lets mail go to addresses that no host of another can have: 127.0.0.1, ::1 and the like. Domains
	// name them to be left alone, and what listens there is most likely we.
	Loopback bool `toml:"loopback" json:"loopback,omitempty"`

	LocalAddr net.Addr    `toml:"-" json:"-"` // that connections are made from; nil: the system chooses
	TLS       *tls.Config `toml:"-" json:"-"` // what certificates are judged by, which counts for REQUIRETLS alone
	Resolver  Resolver    `toml:"-" json:"-"` // nil: net.DefaultResolver
}

// A Duration is one that files hold as "5m" or "1h30m".
type Duration time.Duration

// MarshalText gives "5m0s".
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText is [time.ParseDuration], of what is not below zero.
func (d *Duration) UnmarshalText(text []byte) error {
	t, err := time.ParseDuration(string(text))
	if err != nil || t < 0 {
		return fmt.Errorf("%s is no time such as 5m or 1h30m", plain.Quoted(string(text)))
	}
	*d = Duration(t)
	return nil
}

// or gives limits whose zero fields are taken from others.
func (l Limits) or(others Limits) Limits {
	for _, f := range []struct{ ours, theirs *int }{
		{&l.Sessions, &others.Sessions}, {&l.Mails, &others.Mails}, {&l.Recipients, &others.Recipients},
		{&l.PerMinute, &others.PerMinute}, {&l.PerHour, &others.PerHour}, {&l.PerDay, &others.PerDay},
	} {
		if *f.ours == 0 {
			*f.ours = *f.theirs
		}
	}
	return l
}

// outbox is what of the limits the outbox keeps; the mails of a session are kept by the client.
func (l Limits) outbox() outbox.Limits {
	return outbox.Limits{
		Sessions: max(l.Sessions, 0), Recipients: max(l.Recipients, 0),
		PerMinute: max(l.PerMinute, 0), PerHour: max(l.PerHour, 0), PerDay: max(l.PerDay, 0),
	}
}
