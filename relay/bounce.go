package relay

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/dsn"
	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtpd"
)

// Bounces say how those that come in are known. A [Listener] of the role [BounceReports] takes them.
type Bounces struct {
	Mailbox mail.Path // bounces@example.net; its domain's MX is the listener
	Key     []byte    // 16 octets at least, and nobody else's: reverse-paths are signed by it
	Old     [][]byte  // keys of before

	// Servers are the names of those that mail goes by with a reverse-path made from Mailbox, one for each recipient: "mx", or servers that
	// let an account use any. Each recipient is a transaction then.
	Servers []string

	// Also are addresses that take reports too, such as one that complaints are sent to. What comes there is matched by what the
	// report says, which anybody could have written: it suppresses nobody, but for a complaint of a mail that is told by its Message-ID.
	Also []mail.Path

	// Keep says that senders are not told: for programs that look at events. Otherwise a report goes on to the reverse-path that the mail
	// came with: of a failure, and of a delivery or a delay where it was asked for (RFC 3461 §4.1).
	Keep bool
}

// hashOctets are those of a recipient in a token.
const hashOctets = 5

var lowerBase32 = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// tokenOf names a recipient of a message, in small letters and digits.
func tokenOf(id outbox.ID, path mail.Path) string {
	sum := sha256.Sum256([]byte(strings.ToLower(path.String())))
	return id.String() + lowerBase32.EncodeToString(sum[:hashOctets])
}

const idLength = 13 // of outbox.ID.String

// cutToken is the reverse, as far as it can be: of the recipient it gives the hash.
func cutToken(s string) (id outbox.ID, hash string, ok bool) {
	if len(s) <= idLength {
		return 0, "", false
	}
	id, err := outbox.ParseID(s[:idLength])
	return id, s[idLength:], err == nil
}

func (b *Bounces) signer() *dsn.Signer { return &dsn.Signer{Key: b.Key, Old: b.Old} }

func (b *Bounces) check() (list []diagnose.Words) {
	const leastKey = 16
	if len(b.Key) < leastKey {
		return append(list, fill(wordBounceKey))
	}
	longest := tokenOf(0, mail.Path{Local: "x", Domain: "example.net"})
	if _, err := b.signer().Path(b.Mailbox, longest); err != nil {
		list = append(list, fill(wordBouncePath, b.Mailbox.String()))
	}
	return list
}

// A bounceTaker is a listener's server that takes reports.
type bounceTaker struct {
	server *Server
	l      *Listener
}

const (
	mostReport  = 1 << 20 // octets of a report that are read, and go on to the sender
	largeReport = 50 << 20
)

func (p *bounceTaker) smtpd(st *state) *smtpd.Server {
	c := &st.config
	s := &smtpd.Server{
		Hostname: c.Hostname, TLS: c.TLS, Mail: p.mail, Rcpt: p.rcpt, Data: p.data, MaxSize: largeReport,
		MaxSessions: c.Limits.MaxSessions, MaxSessionsPerIP: c.Limits.MaxSessionsPerIP, Timeout: c.Limits.Timeout, MaxRecipients: 100,
		Closed: p.server.closed, Trace: c.Trace, Without: []string{"SMTPUTF8"},
	}
	if p.l.TLS == NoTLS {
		s.Without = append(s.Without, "STARTTLS")
	}
	return s
}

func (p *bounceTaker) mail(*smtpd.Transaction) smtp.Reply {
	if p.server.stopping.Load() {
		return smtpd.Reply("421 4.3.2 this server is shutting down, try again later")
	}
	return smtp.Reply{}
}

// rcpt takes mail for those addresses alone that we have made, or that were named: this listener relays nothing.
func (p *bounceTaker) rcpt(_ *smtpd.Transaction, r mail.Recipient) smtp.Reply {
	if b := p.server.state.Load().config.Bounces; b != nil {
		if _, ok := b.signer().Token(b.Mailbox, r.Path); ok || b.known(r.Path) {
			return smtp.Reply{}
		}
	}
	return smtpd.Reply("550 5.7.1 this port takes reports on mail of ours alone, and this is no address of one")
}

// known reports whether an address is one that was named.
func (b *Bounces) known(path mail.Path) bool {
	for _, p := range append([]mail.Path{b.Mailbox}, b.Also...) {
		if strings.EqualFold(p.Local, path.Local) && domainKey(p.Domain) == domainKey(path.Domain) {
			return true
		}
	}
	return false
}

func (p *bounceTaker) data(t *smtpd.Transaction, content io.Reader) smtp.Reply {
	var head bytes.Buffer
	_, err := io.Copy(&head, io.LimitReader(content, mostReport))
	if err == nil {
		_, err = io.Copy(io.Discard, content)
	}
	if err != nil {
		return smtpd.Reply("451 4.3.0 the mail did not come whole")
	}
	n, err := dsn.Read(bytes.NewReader(head.Bytes()))
	if err != nil {
		return smtpd.Reply("554 5.6.0 there is no mail to be read")
	}
	if n.Kind == dsn.Other && !t.ReversePath.IsNull() {
		return smtpd.Reply("550 5.7.1 nobody reads what comes here: this address takes reports on mail alone")
	}
	r := &report{server: p.server, bounces: p.server.state.Load().config.Bounces, notice: n, content: head.Bytes()}
	for i := range t.Recipients {
		if err := r.take(t.Session.Context(), t.Recipients[i].Path); err != nil {
			return p.server.trouble(err).Reply
		}
	}
	return smtp.Reply{}
}

// A report is a notice that came in.
type report struct {
	server  *Server
	bounces *Bounces
	notice  *dsn.Notice
	content []byte
}

// leastConfidence is below what nothing is done by a report alone.
const leastConfidence = 0.5

// take lays the report to its mail. An error is that the database could not be asked, or written to. What cannot be laid to a
// mail is logged, and nobody is told: to answer a report is how mail goes round.
func (r *report) take(ctx context.Context, to mail.Path) error {
	n := r.notice
	if r.bounces == nil || n.Kind == dsn.Other || n.Kind == dsn.AutoReply || n.Kind == dsn.Disposition {
		r.log("no report of a failure, a delay or a delivery", to)
		return nil
	}
	if n.Confidence < leastConfidence {
		r.log("it is not sure what the report says", to)
		return nil
	}
	token, signed := r.bounces.signer().Token(r.bounces.Mailbox, to)
	found, err := r.find(ctx, token, signed)
	if err != nil {
		return err
	}
	if len(found) == 0 {
		r.log("no mail is known that the report is of", to)
		return nil
	}
	for _, f := range found {
		if err := r.note(ctx, f); err != nil && !errors.Is(err, outbox.ErrNotFound) {
			return err
		}
	}
	return nil
}

func (r *report) log(why string, to mail.Path) {
	r.server.counts.unmatched.Add(1)
	n := r.notice
	r.server.log().Warn("relay: a report is not laid to a mail", "why", why, "kind", n.Kind, "to", to.String(), "message_id", smtp.Printable(n.Original.MessageID), "envelope_id", smtp.Printable(n.EnvelopeID))
}

// A found recipient is whom a report is of.
type found struct {
	item   outbox.Item
	about  *dsn.Recipient // what it says of them; nil: of a complaint, or of nobody by name
	signed bool           // nobody else could have made the address that it came to
}

// find looks by what is surest first: the address that the report came to, the envelope's ID that we gave, and what the
// report says of the mail.
func (r *report) find(ctx context.Context, token string, signed bool) ([]found, error) {
	if !signed {
		if path, err := mail.ParsePath("<" + r.notice.EnvelopeID + ">"); err == nil {
			token, signed = r.bounces.signer().Token(r.bounces.Mailbox, path)
		}
	}
	if signed {
		return r.bySignature(ctx, token)
	}
	return r.byMessageID(ctx)
}

func (r *report) bySignature(ctx context.Context, token string) ([]found, error) {
	id, hash, ok := cutToken(token)
	if !ok {
		return nil, nil
	}
	m, err := r.server.box.Show(ctx, id)
	if errors.Is(err, outbox.ErrNotFound) {
		return nil, nil // it is no longer kept
	}
	if err != nil {
		return nil, err
	}
	for _, item := range m.Recipients {
		path, err := mail.ParsePath("<" + item.Path + ">")
		if err != nil {
			continue
		}
		if strings.HasSuffix(tokenOf(id, path), hash) {
			return []found{{item, r.about(path), true}}, nil
		}
	}
	return nil, nil
}

// about is what the report says of a recipient. Where it names another, the mail was passed on by one of its servers; where
// it names several, those that it is not sure of are left alone.
func (r *report) about(path mail.Path) *dsn.Recipient {
	list := r.notice.Recipients
	for i := range list {
		if sameAddress(list[i].Address(), path) || sameAddress(list[i].Final, path) {
			return &list[i]
		}
	}
	if len(list) > 0 {
		return &list[0]
	}
	return nil
}

func sameAddress(a, b mail.Path) bool {
	return strings.EqualFold(a.Local, b.Local) && domainKey(a.Domain) == domainKey(b.Domain)
}

// How far back a mail is looked for that a report tells by its Message-ID, and how long that may take: there is no index by it.
const (
	reportsOf   = 14 * 24 * time.Hour
	lookingTime = 10 * time.Second
)

func (r *report) byMessageID(ctx context.Context) ([]found, error) {
	n := r.notice
	if n.Original.MessageID == "" {
		return nil, nil
	}
	select {
	case r.server.looking <- struct{}{}: // one at a time, for anybody may send such a report
		defer func() { <-r.server.looking }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	looking, stop := context.WithTimeout(ctx, lookingTime)
	defer stop()
	var list []found
	for item, err := range r.server.box.Each(looking, outbox.Query{MessageID: "<" + n.Original.MessageID + ">", Since: time.Now().Add(-reportsOf)}) {
		if err != nil && looking.Err() != nil && ctx.Err() == nil {
			return nil, nil // it would take too long
		}
		if err != nil {
			return nil, err
		}
		path, err := mail.ParsePath("<" + item.Path + ">")
		if err != nil {
			continue
		}
		for i := range n.Recipients {
			if one := &n.Recipients[i]; sameAddress(one.Address(), path) || sameAddress(one.Final, path) {
				list = append(list, found{item, one, false})
				break
			}
		}
	}
	return list, nil
}

// note writes down what the report says of one recipient.
func (r *report) note(ctx context.Context, f found) error {
	e := outbox.Event{What: r.what(f.about)}
	if f.about != nil {
		e.Reply, e.Kind, e.Remote = said(f.about), f.about.Why.Kind, smtp.Printable(cmp.Or(f.about.RemoteMTA, r.notice.ReportingMTA))
	}
	if r.notice.Kind == dsn.Complaint {
		return r.complaint(ctx, f)
	}
	if e.What == 0 {
		return nil
	}
	var s *outbox.Suppression
	policy := r.server.state.Load().config.Suppress
	if policy.Bounces && f.signed && e.What == outbox.WasReturned && isHard(e.Kind) {
		s = policy.of(f.item.Path, "bounce", e.Reply, f.item.Message)
	}
	if r.wanted(f, e.What) {
		// Before it is written down: if that fails the report comes again, and this is put once.
		if err := r.pass(ctx, f, e.What); err != nil {
			return err
		}
	}
	changed, err := r.server.box.Returned(ctx, f.item.Ref, e, s)
	if err == nil && changed {
		r.server.counts.returned.Add(1)
	}
	return err
}

// what is the event that a report makes.
func (r *report) what(about *dsn.Recipient) outbox.What {
	action := dsn.Action(0)
	if about != nil {
		action = about.Action
	}
	switch {
	case action == dsn.Failed, action == 0 && r.notice.Kind == dsn.Failure:
		return outbox.WasReturned
	case action == dsn.Delayed, action == 0 && r.notice.Kind == dsn.Delay:
		return outbox.WasDelayed
	case action == dsn.Delivered, action == dsn.Relayed, action == dsn.Expanded, action == 0 && r.notice.Kind == dsn.Success:
		return outbox.WasDelivered
	}
	return 0
}

// said is what the other side said, on one line.
func said(about *dsn.Recipient) string {
	switch {
	case about.Reply.Code != 0:
		return smtp.Printable(about.Reply.String())
	case about.Diagnostic != "":
		return smtp.Printable(about.Diagnostic)
	}
	return about.Status.String()
}

// complaint is a mail that its reader called spam: who says so is not written to again. That it was said stands on the list.
func (r *report) complaint(ctx context.Context, f found) error {
	policy := r.server.state.Load().config.Suppress
	r.server.log().Warn("relay: a mail was called spam", "message", f.item.Message, "recipient", f.item.Path, "type", smtp.Printable(r.notice.Feedback.Type))
	if !policy.Complaints {
		return nil
	}
	return r.server.box.Suppress(ctx, *policy.of(f.item.Path, "complaint", cmp.Or(smtp.Printable(r.notice.Feedback.Type), "abuse"), f.item.Message))
}

func (s Suppress) of(address, reason, detail string, id outbox.ID) *outbox.Suppression {
	one := &outbox.Suppression{Address: address, Reason: reason, Detail: detail, Message: id, At: time.Now()}
	if s.For > 0 {
		one.Until = one.At.Add(s.For)
	}
	return one
}

// isHard reports whether a failure is of an address that will never be good: not of a full mailbox, a policy or a content.
func isHard(k diagnose.Kind) bool {
	switch k {
	case "recipient-unknown", "recipient-disabled", "recipient-domain", "recipient-invalid":
		return true
	}
	return false
}

// wanted reports whether the sender of a mail is to have a report: RFC 3461 §4.1. It came to us because the reverse-path is ours, and who asked
// to be told of a delivery would never hear of it. What nobody vouches for is passed on where it is of a failure alone.
func (r *report) wanted(f found, what outbox.What) bool {
	n := f.item.Notify
	return what == outbox.WasReturned && (n == 0 || n&mail.NotifyFailure != 0) ||
		what == outbox.WasDelivered && f.signed && n&mail.NotifySuccess != 0 ||
		what == outbox.WasDelayed && f.signed && n&mail.NotifyDelay != 0
}

// pass has the report go on to who sent the mail. It comes from nobody, so that nothing ever comes back: RFC 5321 §6.1.
func (r *report) pass(ctx context.Context, f found, what outbox.What) error {
	if r.bounces.Keep || f.item.Sender == "" {
		return nil
	}
	to, err := mail.ParsePath("<" + f.item.Sender + ">")
	if err != nil || r.bounces.known(to) {
		return nil
	}
	m := &outbox.Mail{
		Object: &mail.Raw{Env: mail.Envelope{Recipients: []mail.Recipient{{Path: to}}}, Data: r.content},
		Topic:  "bounce", Key: what.String() + " " + f.item.Message.String() + " " + f.item.Path,
	}
	if len(m.Key) > outbox.MaxKey {
		m.Key = m.Key[:outbox.MaxKey]
	}
	_, err = r.server.box.Put(ctx, nil, m)
	if _, broken := errors.AsType[mail.Problems](err); broken || errors.Is(err, outbox.ErrTooLarge) || errors.Is(err, outbox.ErrKeyReused) {
		r.server.log().Error("relay: a report does not go on to its sender", "message", f.item.Message, "error", err)
		return nil
	}
	return err
}
