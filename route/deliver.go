package route

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/smtp"
)

// siteTransport brings mail to the hosts of its recipients' domains.
type siteTransport struct{ r *Router }

// A part is those recipients of a mail whose domains have the same hosts, or none.
type part struct {
	to    []mail.Recipient
	hosts []exchange
	error *smtp.Error // why they cannot be reached
}

// Send gives a receipt if a host has taken the mail for anybody. All who have it not are then among those refused, though it
// may be that their hosts could not be had, or that nobody knows: each error tells its own.
func (t siteTransport) Send(ctx context.Context, object mail.Object) (*smtp.Receipt, error) {
	if object == nil {
		return nil, &smtp.Error{Kind: smtp.Invalid, Stage: smtp.StageMail, Err: errors.New("no mail was given")}
	}
	env, err := object.Envelope()
	if err != nil {
		return nil, &smtp.Error{Kind: smtp.Invalid, Stage: smtp.StageMail, Err: err}
	}
	parts := t.r.parts(ctx, env.Recipients)
	if len(parts) == 1 && parts[0].error == nil {
		receipt, e := t.r.bring(ctx, object, env.RequireTLS, parts[0].hosts)
		if e != nil {
			return nil, e
		}
		return receipt, nil
	}
	var taken *smtp.Receipt
	var missed []*smtp.Error
	for _, p := range parts {
		sub := env
		sub.Recipients = p.to
		receipt, e := (*smtp.Receipt)(nil), p.error
		if e == nil {
			receipt, e = t.r.bring(ctx, partial{object, sub}, env.RequireTLS, p.hosts)
		}
		switch {
		case e != nil:
			missed = append(missed, each(e, p.to)...)
		case taken == nil:
			taken, missed = receipt, append(missed, receipt.Refused...)
		default:
			missed = append(missed, receipt.Refused...)
		}
	}
	if taken != nil {
		return &smtp.Receipt{Reply: taken.Reply, Refused: missed, Size: taken.Size}, nil
	}
	if len(missed) == 0 {
		return nil, &smtp.Error{Kind: smtp.Invalid, Stage: smtp.StageMail, Err: errors.New("the envelope has no recipient")}
	}
	first := *missed[0]
	first.Also = missed[1:]
	return nil, &first
}

// partial is a mail for some of its recipients.
type partial struct {
	mail.Object
	env mail.Envelope
}

func (p partial) Envelope() (mail.Envelope, error) { return p.env, nil }

// each lays an error to each of the recipients that it is about, as those of one transaction are told.
func each(e *smtp.Error, to []mail.Recipient) (list []*smtp.Error) {
	own := map[mail.Path]*smtp.Error{}
	for _, o := range append([]*smtp.Error{e}, e.Also...) {
		if !o.Path.IsNull() {
			own[o.Path] = o
		}
	}
	for _, r := range to {
		one := *e
		if o := own[r.Path]; o != nil {
			one = *o
		}
		one.Path, one.Also = r.Path, nil
		list = append(list, &one)
	}
	return list
}

// parts sorts recipients by the hosts of their domains, in the order in which they come.
func (r *Router) parts(ctx context.Context, to []mail.Recipient) (parts []part) {
	answers := r.answers(ctx, to)
	at := map[string]int{}
	for _, rec := range to {
		a := answers[asciiDomain(rec.Path.Domain)]
		p := part{to: []mail.Recipient{rec}}
		switch {
		case a.refusal != nil:
			p.error = refused(a.refusal.Reply, rec.Path)
		case a.err != nil:
			p.error = &smtp.Error{Kind: smtp.Unreachable, Stage: smtp.StageRcpt, Path: rec.Path, Err: fmt.Errorf("looking up the mail hosts of %s: %w", rec.Path.Domain, a.err)}
			if ctx.Err() != nil {
				p.error.Kind = smtp.Interrupted
			}
		default:
			key := fmt.Sprint(a.hosts)
			if i, ok := at[key]; ok {
				parts[i].to = append(parts[i].to, rec)
				continue
			}
			at[key] = len(parts)
			p.hosts = a.hosts
		}
		parts = append(parts, p)
	}
	return parts
}

// answers asks for all domains at once.
func (r *Router) answers(ctx context.Context, to []mail.Recipient) map[string]*answer {
	all := map[string]*answer{}
	for _, rec := range to {
		all[asciiDomain(rec.Path.Domain)] = &answer{}
	}
	var wg sync.WaitGroup
	for domain, into := range all {
		wg.Go(func() {
			a, err := r.answer(ctx, domain)
			if err != nil {
				a = &answer{err: err}
			}
			*into = *a
		})
	}
	wg.Wait()
	return all
}

// bring tries a domain's hosts in their order until one of them is there: RFC 5321 §5.1. What it then says is the
// verdict; only a host that has not begun to take the mail leaves it to the next.
func (r *Router) bring(ctx context.Context, object mail.Object, requireTLS bool, hosts []exchange) (*smtp.Receipt, *smtp.Error) {
	best := hosts[0].host
	hosts = r.withoutUs(ctx, hosts)
	if len(hosts) == 0 {
		return nil, refused("554 5.4.6 the mail host "+best+" is this machine itself, which does not keep the mail", mail.Path{})
	}
	most := 5
	if r.table.MX.Hosts > 0 {
		most = r.table.MX.Hosts
	}
	var failed *smtp.Error
	for _, x := range inOrder(hosts) {
		if most == 0 || ctx.Err() != nil {
			break
		}
		e := r.reachable(ctx, x.host)
		if e == nil {
			most--
			var receipt *smtp.Receipt
			if receipt, e = r.hosts.send(ctx, x.host, object, requireTLS); e == nil {
				return receipt, nil
			}
			if !nextHost(e) {
				return nil, e
			}
		}
		failed = weightier(failed, e)
	}
	if failed == nil {
		failed = &smtp.Error{Kind: smtp.Interrupted, Stage: smtp.StageDial, Err: context.Cause(ctx)}
	}
	return nil, failed
}

// nextHost reports whether an error leaves the mail to another host: nothing was said of it yet, or the
// session came to its end before the first word was answered.
func nextHost(e *smtp.Error) bool {
	switch {
	case e.Uncertain() || e.Kind == smtp.Invalid || e.Kind == smtp.Interrupted:
		return false
	case e.Stage < smtp.StageMail:
		return true
	}
	return e.Stage == smtp.StageMail && (e.Reply.Code == 421 || e.Reply.Code == 0 && e.Kind == smtp.Unreachable)
}

// weightier is which of two hosts' failures is told: one that may pass, for then the mail is not to come back;
// of these one that said something; else the first.
func weightier(a, b *smtp.Error) *smtp.Error {
	switch {
	case a == nil:
		return b
	case a.Temporary() != b.Temporary():
		if b.Temporary() {
			return b
		}
		return a
	case a.Reply.Code == 0 && b.Reply.Code != 0:
		return b
	}
	return a
}

// withoutUs leaves out what is we ourselves by an address, with those that are no better: RFC 5321 §5.1.
func (r *Router) withoutUs(ctx context.Context, hosts []exchange) []exchange {
	if len(r.table.Self) == 0 {
		return hosts
	}
	var wg sync.WaitGroup
	ours := make([]bool, len(hosts))
	for i, x := range hosts {
		wg.Go(func() {
			if a, err := r.addresses.get(ctx, x.host); err == nil {
				ours[i] = r.isOurs(x.host, a.ips)
			}
		})
	}
	wg.Wait()
	if i := slices.Index(ours, true); i >= 0 {
		return better(hosts, hosts[i].pref)
	}
	return hosts
}
