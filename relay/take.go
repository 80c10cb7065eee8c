package relay

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/smtp"
)

// A taking is a mail that is being handed over, by whatever way it comes.
type taking struct {
	user     *user
	env      mail.Envelope
	asked    bool      // SMTP asked for the reverse-path, and for each recipient
	sender   bool      // the reverse-path is the header's to say
	utf8     bool      // the header may have octets over 127
	content  io.Reader // lines end with CRLF
	most     int64     // octets; zero: no limit
	people   int       // recipients, where SMTP did not ask
	said     Wishes
	trace    string
	received func(id string, at time.Time) string // the trace field
	remote   string

	broken error // what reading the content gave, once it did
}

// take takes a mail. It is on stable storage when take returns no refusal.
func (s *Server) take(ctx context.Context, k *taking) (outbox.ID, *Refusal) {
	u := k.user
	now := time.Now()
	m, in, err := k.letter(now)
	if err != nil {
		if k.broken != nil {
			return 0, notWhole(k.broken)
		}
		return 0, s.trouble(err)
	}
	n := len(in.env.Recipients)
	if full := u.usage.has(n, now); full != nil && n > full.most { // SMTP asks at each recipient, and never comes to this
		return 0, refuse("550 5.5.3 the mail has %d recipients, and user %s may send to %d %s", n, u.Name, full.most, full.spans())
	}
	if full := u.usage.take(n, now); full != nil {
		return 0, noRoom("452 4.7.1", u, full)
	}
	id, err := s.put(ctx, m)
	if err != nil {
		u.usage.giveBack(n, now)
		if in.lost != nil {
			return 0, notWhole(in.lost)
		}
		return 0, s.trouble(err)
	}
	s.trouble(nil)
	if !in.read {
		// Its key was known: it was taken before, and counted then. A program that heard no answer and asks again loses nothing by it.
		u.usage.giveBack(n, now)
		return id, nil
	}
	s.counts.taken.Add(1)
	s.counts.recipients.Add(int64(n))
	if told := s.state.Load().config.Taken; told != nil {
		told(Taken{ID: id, User: u.Name, Class: m.Class, ReversePath: in.env.ReversePath, Recipients: n, Remote: k.remote})
	}
	return id, nil
}

// put writes a mail down.
func (s *Server) put(ctx context.Context, m *outbox.Mail) (outbox.ID, error) {
	around := s.state.Load().config.Around
	if around == nil {
		return s.box.Put(ctx, nil, m)
	}
	ctx, within, over := around(ctx, m.Trace)
	m.Trace = within
	id, err := s.box.Put(ctx, nil, m)
	over(id, err)
	return id, err
}

// notWhole is a content that failed on its client's side. By SMTP the client hears what package smtpd says of it.
func notWhole(err error) *Refusal {
	return refuse("451 4.3.0 the mail did not come whole: %s", smtp.Printable(err.Error())).because(err)
}

func closing() *Refusal {
	return refuse("421 4.3.2 this server is shutting down, try again later")
}

// refused counts what was not taken, and tells of it.
func (s *Server) refused(user string, from mail.Path, remote string, r *Refusal) {
	s.counts.refused.Add(1)
	if told := s.state.Load().config.Refused; told != nil {
		told(Refused{User: user, ReversePath: from, Remote: remote, Reply: r.Reply})
	}
}

// letter reads the header, and makes of the rest what the outbox reads as it comes.
func (k *taking) letter(now time.Time) (*outbox.Mail, *incoming, error) {
	u := k.user
	h, rest, err := readHeader(k.content)
	if err != nil {
		if _, ok := errors.AsType[*Refusal](err); !ok {
			k.broken = err
		}
		return nil, nil, err
	}
	if err := h.check(k.utf8); err != nil {
		return nil, nil, err
	}
	from, err := h.from()
	if err != nil {
		return nil, nil, err
	}
	for _, a := range from {
		path, err := a.Path()
		if err != nil {
			return nil, nil, refuse("554 5.6.0 the field From has no address that can be read")
		}
		if !u.mayBe(path) {
			return nil, nil, u.notYours("the address " + path.String() + " of the field From")
		}
	}
	in := &incoming{env: k.env, rest: rest, body: k.content, most: least(u.MaxSize, k.most), utf8: h.eight}
	if !k.asked {
		if in.env, err = k.envelope(h); err != nil {
			return nil, nil, err
		}
	}
	m := &outbox.Mail{Object: in, Origin: u.Name, Trace: k.trace}
	if err := h.wishes(m, u, k.said, now); err != nil {
		return nil, nil, err
	}
	if m.Key != "" {
		m.Print = h.print(&in.env)
	}
	in.head = h.written(k.received("", now), from[0], now)
	return m, in, nil
}

// envelope is that of a mail that came without MAIL and RCPT, with what they would have been asked.
func (k *taking) envelope(h *header) (mail.Envelope, error) {
	env := k.env
	if k.sender || len(env.Recipients) == 0 {
		said, err := (&mail.Raw{Data: h.whole()}).HeaderEnvelope()
		if err != nil && len(env.Recipients) > 0 {
			said.ReversePath, err = h.sender()
		}
		if err != nil {
			return env, refuse("554 5.6.0 %v", err)
		}
		if k.sender {
			env.ReversePath = said.ReversePath
		}
		if len(env.Recipients) == 0 {
			env.Recipients = said.Recipients
		}
	}
	if refused := k.user.maySend(env.ReversePath, 0); refused != nil {
		return env, refused
	}
	if len(env.Recipients) > k.people {
		return env, refuse("550 5.5.3 the mail has %d recipients, and may have %d", len(env.Recipients), k.people)
	}
	for i := range env.Recipients {
		if refused := mayGet(env.Recipients[i].Path); refused != nil {
			return env, refused
		}
	}
	return env, nil
}

// least is the smaller of two limits, of which zero is none.
func least(a, b int64) int64 {
	if a <= 0 || b > 0 && b < a {
		return b
	}
	return a
}

// maySend asks whether a user may send as a reverse-path, and as much as was said.
func (u *user) maySend(from mail.Path, size int64) *Refusal {
	switch {
	case u.MaxSize > 0 && size > u.MaxSize:
		return refuse("552 5.3.4 the mail has %d octets, and user %s may send %d", size, u.Name, u.MaxSize)
	case !u.mayBe(from):
		return u.notYours("the reverse-path " + from.String())
	}
	return nil
}

// mayGet asks whether mail can be brought to a recipient at all.
func mayGet(to mail.Path) *Refusal {
	if to.Domain == "" {
		return refuse("550 5.1.3 %s has no domain", to)
	}
	return nil
}

// notYours tells who may send as whom, and what to do.
func (u *user) notYours(what string) *Refusal {
	return refuse("550 5.7.1 %s is not one of user %s: use one of %s, or have it added to the user's senders", what, u.Name, strings.Join(u.senderPatterns(), ", "))
}

// userOf is a user by the configuration that holds now, whose limits know what they have sent.
func (s *Server) userOf(ctx context.Context, st *state, name string) (*user, *Refusal) {
	u := st.users.byName[name]
	switch {
	case u != nil:
		s.countOnce(ctx, u)
		return u, nil
	case name != "":
		return nil, refuse("550 5.7.1 user %s is no longer one here", name)
	case len(st.users.byName) > 0:
		return nil, refuse("530 5.7.0 authenticate first")
	}
	return st.guest, nil
}

// spans are how limits are spoken of.
func (f *fullWindow) spans() string {
	return map[time.Duration]string{time.Minute: "a minute", time.Hour: "an hour", 24 * time.Hour: "a day"}[f.span]
}

func noRoom(codes string, u *user, full *fullWindow) *Refusal {
	r := refuse("%s user %s may send to %d recipients %s, and has sent to %d: try again after %s", codes, u.Name, full.most, full.spans(), full.used, full.open.UTC().Format(time.RFC3339))
	r.Again = full.open
	return r
}

// print tells whether two mails with one key are the same. A program that makes its mail anew for a second try gives it another
// date, boundary and Message-ID: these do not count.
func (h *header) print(env *mail.Envelope) []byte {
	sum := sha256.New()
	fmt.Fprintf(sum, "%q\n", env.ReversePath.String())
	for i := range env.Recipients {
		fmt.Fprintf(sum, "%q\n", env.Recipients[i].Path.String())
	}
	for _, name := range []string{"from", "to", "cc", "subject"} {
		for _, f := range h.all(name) {
			fmt.Fprintf(sum, "%s %q\n", name, f.text())
		}
	}
	return sum.Sum(nil)
}
