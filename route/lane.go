package route

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strings"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/smtp"
)

// A lane is an outbox's, with what was learnt of its server.
type lane struct {
	outbox.Lane
}

const defaultSessions = 20 // as outbox.Limits has it

var unknownSite = Limits{Sessions: 10, Mails: 100}

// serverLane is the lane of a server of the table. Its client is made fit for what the outbox does with it.
func (r *Router) serverLane(s *Server) *lane {
	facts := r.table.facts()
	provider := providerOf(facts, s)
	limits := s.Limits.or(r.limits.account(provider))
	s.Client.Partial = true // one refused recipient does not hold the others up
	if s.Client.MaxSessions <= 0 {
		s.Client.MaxSessions = defaultSessions
		if limits.Sessions > 0 {
			s.Client.MaxSessions = limits.Sessions
		}
	} else if limits.Sessions <= 0 || limits.Sessions > s.Client.MaxSessions {
		limits.Sessions = s.Client.MaxSessions // more would only wait for one
	}
	if s.Client.MaxMessages <= 0 {
		s.Client.MaxMessages = max(limits.Mails, 0)
	}
	name := s.Name
	if s.Account != "" {
		name += "/" + s.Account
	}
	j := &judge{facts: facts, rules: knownReplies(), provider: provider, server: s.Client.Addr, place: account}
	return &lane{outbox.Lane{
		Name: name, Transport: &watched{s.Client, j}, Limits: limits.outbox(), Judge: j.judge,
	}}
}

// providerOf is the provider of a server, empty if it is nobody's that is known. Some have private and
// companies' accounts on one host, with other limits: there the account's domain tells.
func providerOf(facts *diagnose.Facts, s *Server) string {
	found, ok := facts.Provider(cmp.Or(s.Provider, s.Client.Addr))
	if !ok {
		return ""
	}
	_, domain, has := strings.Cut(strings.ToLower(s.Account), "@")
	if s.Provider != "" || !has || slices.Contains(found.Domains, domain) {
		return found.ID
	}
	host, _, err := net.SplitHostPort(s.Client.Addr)
	if err != nil {
		host = s.Client.Addr
	}
	companies := found.ID
	for _, p := range facts.Providers() {
		switch {
		case !slices.ContainsFunc(p.Hosts, func(h diagnose.Host) bool { return strings.EqualFold(h.Name, host) }):
		case slices.Contains(p.Domains, domain):
			return p.ID
		case len(p.Domains) == 0 && companies == found.ID:
			companies = p.ID // any domain may be of a company's
		}
	}
	return companies
}

// siteLane is the lane to a site. Whatever the name, there is one: the hosts are found by
// the recipients' domains, and the name only tells which limits are shared.
func (r *Router) siteLane(name, site string) *lane {
	limits, provider := r.table.MX.Limits.or(unknownSite), ""
	if s := r.limits.site(site); s != nil {
		limits, provider = s.or(limits), s.Provider
	}
	j := &judge{facts: r.table.facts(), rules: knownReplies(), provider: provider, server: site, place: mailHosts}
	return &lane{outbox.Lane{
		Name: name, Transport: &watched{siteTransport{r}, j}, Limits: limits.outbox(), Judge: j.judge,
	}}
}

// watched tells a lane's judge of what went well.
type watched struct {
	outbox.Transport
	judge *judge
}

func (w *watched) Send(ctx context.Context, object mail.Object) (*smtp.Receipt, error) {
	receipt, err := w.Transport.Send(ctx, object)
	if err == nil {
		w.judge.went()
	}
	return receipt, err
}

// discardLane takes mail and sends it nowhere.
func discardLane() *lane {
	return &lane{outbox.Lane{Name: discardName, Transport: discard{}}}
}

type discard struct{}

// Send opens and reads the mail, so that one that could not have been sent is told here too.
func (discard) Send(_ context.Context, object mail.Object) (*smtp.Receipt, error) {
	if _, err := object.Envelope(); err != nil {
		return nil, &smtp.Error{Kind: smtp.Invalid, Stage: smtp.StageMail, Err: err}
	}
	content, err := object.Open()
	if err != nil {
		return nil, &smtp.Error{Kind: smtp.Invalid, Stage: smtp.StageContent, Err: err}
	}
	defer content.Close()
	if _, err = content.Fit(mail.Offer{EightBit: true, UTF8: true}); err != nil {
		return nil, &smtp.Error{Kind: smtp.Invalid, Stage: smtp.StageContent, Err: err}
	}
	size, err := content.WriteTo(io.Discard)
	if err != nil {
		return nil, &smtp.Error{Kind: smtp.Invalid, Stage: smtp.StageContent, Err: err}
	}
	reply := smtp.Reply{Code: 250, Enhanced: smtp.EnhancedCode{Class: 2}, Lines: []string{"discarded by a rule, and sent nowhere"}}
	return &smtp.Receipt{Reply: reply, Size: size}, nil
}

// smtpError is an error of a transport; what is none of smtp's own is what nobody expected.
func smtpError(err error) *smtp.Error {
	if e, ok := errors.AsType[*smtp.Error](err); ok {
		return e
	}
	return &smtp.Error{Kind: smtp.Unreachable, Stage: smtp.StageDial, Err: err}
}

// refused is the verdict that a server would have given, had there been one to ask: "550 5.1.2 text".
func refused(reply string, path mail.Path) *smtp.Error {
	var r smtp.Reply
	code, text, _ := strings.Cut(reply, " ")
	for _, c := range code {
		r.Code = r.Code*10 + int(c-'0')
	}
	enhanced, words, _ := strings.Cut(text, " ")
	var digits [3]int
	for i, part := range strings.SplitN(enhanced, ".", 3) {
		for _, c := range part {
			digits[i] = digits[i]*10 + int(c-'0')
		}
	}
	r.Enhanced = smtp.EnhancedCode{Class: digits[0], Subject: digits[1], Detail: digits[2]}
	r.Lines = []string{words}
	return &smtp.Error{Kind: smtp.Refused, Stage: smtp.StageRcpt, Path: path, Reply: r}
}
