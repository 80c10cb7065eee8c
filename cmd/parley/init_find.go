package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/internal/config"
	"github.com/parleymail/parley/smtp"
)

// A names looks names up. A *net.Resolver is one.
type names interface {
	LookupMX(ctx context.Context, name string) ([]*net.MX, error)
	LookupSRV(ctx context.Context, service, proto, name string) (string, []*net.SRV, error)
}

// where finds the server: it is given, or the provider's, or looked for.
func (s *setup) where(ctx context.Context) error {
	u := s.u
	if s.f.server != "" {
		return s.given()
	}
	p, ok := diagnose.Default().Provider(s.address.Address)
	if ok && s.take(p) {
		return nil
	}
	domain := s.domain()
	u.tell(u.say(wordLookingFor, domain))
	hosts, err := s.mailHosts(ctx, domain)
	if err != nil {
		return err
	}
	for _, host := range hosts {
		if p, ok := diagnose.Default().Provider(config.ProviderOfMX(host)); ok && s.take(p) {
			u.tell(u.say(wordFoundByMX, domain, host, p.Name))
			return s.agreed(ctx)
		}
	}
	if len(hosts) > 0 {
		u.tell(u.say(wordMXUnknown, domain, strings.Join(hosts, ", ")))
	}
	return s.probe(ctx, domain, hosts)
}

func (s *setup) domain() string {
	_, domain, _ := strings.Cut(s.address.Address, "@")
	return domain
}

// given takes the server of --server: a URL, or a host.
func (s *setup) given() error {
	u, text := s.u, s.f.server
	if !strings.Contains(text, "://") {
		scheme := "smtp://"
		if _, port, err := net.SplitHostPort(text); err == nil && port == "465" {
			scheme = "smtps://"
		}
		text = scheme + text
	}
	before, info, after := splitURL(text)
	name, password, _ := strings.Cut(info, ":")
	if password != "" {
		return &usageError{"--server: " + u.say(wordPasswordNotHere)}
	}
	user := cmp.Or(userOf(name), s.f.user, s.address.Address)
	client, err := smtp.ParseURL(before + after)
	if err != nil {
		return &usageError{"--server: " + err.Error()}
	}
	s.provider, _ = diagnose.Default().Provider(hostOf(client.Addr))
	s.ways = []string{before + config.EscapeUser(user) + "@" + after}
	return nil
}

// take has a provider's ways, if it has any for its users.
func (s *setup) take(p *diagnose.Provider) bool {
	s.ways = nil
	user := cmp.Or(s.f.user, loginOf(p, s.address.Address))
	for _, w := range waysOf(p) {
		if w.port.Number == 25 {
			continue // for servers; most networks let nobody out to it
		}
		both := w.port.Implicit && w.port.STARTTLS
		if both { // as other servers do on such a port
			s.ways = append(s.ways, portURL(user, w.host, diagnose.Port{Number: w.port.Number, STARTTLS: true}))
		}
		s.ways = append(s.ways, portURL(user, w.host, w.port))
	}
	if len(s.ways) == 0 {
		return false
	}
	s.provider = p
	return true
}

// agreed asks whether what was found is right.
func (s *setup) agreed(ctx context.Context) error {
	if s.f.yes || !s.ask.person() {
		return nil
	}
	answer, err := s.ask.line(ctx, s.u.say(wordAskRight, s.ways[0]))
	if err != nil {
		return err
	}
	switch strings.ToLower(answer) {
	case "", "y", "yes", "是", "好":
		return nil
	}
	return &usageError{s.u.say(wordGiveServer, s.address.Address)}
}

// mailHosts are those that take a domain's mail.
func (s *setup) mailHosts(ctx context.Context, domain string) (hosts []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, lookupTime)
	defer cancel()
	list, err := s.net.LookupMX(ctx, domain)
	if dns, ok := errors.AsType[*net.DNSError](err); ok && !dns.IsNotFound {
		return nil, &smtp.Error{Kind: smtp.Unreachable, Stage: smtp.StageDial, Err: err}
	}
	for _, mx := range list {
		if host := strings.TrimSuffix(mx.Host, "."); host != "" { // RFC 7505 §3: "." takes no mail
			hosts = append(hosts, strings.ToLower(host))
		}
	}
	return hosts, nil
}

const (
	lookupTime = 10 * time.Second
	probeTime  = 15 * time.Second
)

// A candidate is a place where a server may be.
type candidate struct {
	host     string
	port     int
	implicit bool
}

func (c candidate) url(user string) string {
	return portURL(user, c.host, diagnose.Port{Number: c.port, Implicit: c.implicit, STARTTLS: !c.implicit})
}

// probe tries the places where a domain's server usually is, all at once, and takes
// the best that answers with TLS and a certificate in order.
func (s *setup) probe(ctx context.Context, domain string, mx []string) error {
	u := s.u
	list := s.candidates(ctx, domain, mx)
	errs := make([]error, len(list))
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	var wg sync.WaitGroup
	for i, c := range list {
		wg.Go(func() { errs[i] = s.greets(ctx, c) })
	}
	wg.Wait()
	found := -1
	for i, c := range list {
		where := c.host + ":" + strconv.Itoa(c.port)
		switch {
		case errs[i] != nil:
			u.tell(u.say(wordTried, where, wordsOfProbe(errs[i])))
		case found < 0:
			found = i
			u.tell(u.say(wordTriedGood, where))
		default:
			u.tell(u.say(wordTriedGood, where))
		}
	}
	if found < 0 {
		return &usageError{u.say(wordNothingFound, domain, s.address.Address)}
	}
	s.ways = []string{list[found].url(cmp.Or(s.f.user, s.address.Address))}
	return s.agreed(ctx)
}

// candidates are what the domain says of itself (RFC 6186 §3.1, RFC 8314 §5.1), and else what people
// usually call such a server.
func (s *setup) candidates(ctx context.Context, domain string, mx []string) (list []candidate) {
	ctx, cancel := context.WithTimeout(ctx, lookupTime)
	defer cancel()
	for _, service := range []string{"submissions", "submission"} {
		_, srv, _ := s.net.LookupSRV(ctx, service, "tcp", domain) // that there is none is no failure
		for _, r := range srv {
			if host := strings.TrimSuffix(r.Target, "."); host != "" {
				list = append(list, candidate{host, int(r.Port), service == "submissions"})
			}
		}
	}
	hosts := []string{"smtp." + domain, "mail." + domain}
	for _, host := range mx { // a small site's one server does both
		if strings.HasSuffix(host, "."+domain) && host != hosts[0] && host != hosts[1] && len(hosts) < 4 {
			hosts = append(hosts, host)
		}
	}
	for _, host := range hosts {
		list = append(list, candidate{host, 465, true}, candidate{host, 587, false})
	}
	return list
}

// greets reports whether a server is there that we may trust with a password.
func (s *setup) greets(ctx context.Context, c candidate) error {
	client, err := smtp.ParseURL(c.url(""))
	if err != nil {
		return err
	}
	session, err := s.dial(client, ctx)
	if err != nil {
		return err
	}
	defer session.Close()
	if _, ok := session.Extension("AUTH"); !ok {
		return errNoAuth
	}
	return nil
}

var errNoAuth = errors.New("it offers no AUTH")

// wordsOfProbe is a failure on one short line.
func wordsOfProbe(err error) string {
	if dns, ok := errors.AsType[*net.DNSError](err); ok && dns.IsNotFound {
		return "no such host"
	}
	if cert, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return cert.Error()
	}
	if e, ok := errors.AsType[*smtp.Error](err); ok {
		return wordsOf(e)
	}
	return err.Error()
}

// userOf is a user name as it stands in a URL, read; empty if that cannot be done.
func userOf(info string) string {
	if user, err := url.PathUnescape(info); err == nil {
		return user
	}
	return ""
}
