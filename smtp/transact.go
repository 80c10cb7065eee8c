package smtp

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/parleymail/parley/mail"
)

// A transaction is one mail on its way: RFC 5321 §3.3.
type transaction struct {
	object  mail.Object
	env     mail.Envelope
	content mail.Content
	form    mail.Form
	index   int // among the mails of SendAll
	tries   int // sessions that it was tried on and that turned out to be over

	reset    bool  // the envelope begins with RSET
	step     int   // the next of its commands to say
	steps    int   // how many there are
	heard    int   // how many have their reply
	bdat     bool  // the content goes by BDAT, and not by DATA
	whole    bool  // content and envelope go together, unheard
	said     bool  // all of it is said
	endAt    int64 // what the session has written when the last octet of it is
	accepted []mail.Path
	refused  []*Error
	err      *Error // the first thing that went wrong with the envelope
	size     int64  // octets of the content, once it is said
}

// Send is one mail transaction. An error that is not nil means that nobody has
// the mail, unless it is Uncertain; it is an [*Error]. The session goes on after
// a refusal; after anything worse it is over, and every Send says so.
func (s *Session) Send(ctx context.Context, object mail.Object) (*Receipt, error) {
	t, e := prepare(object)
	if e != nil {
		return nil, e
	}
	defer t.close()
	receipt, e := s.send(ctx, t)
	if e != nil {
		return nil, e
	}
	return receipt, nil
}

// send is the order of a transaction. SendAll has the same, for several at once.
func (s *Session) send(ctx context.Context, t *transaction) (*Receipt, *Error) {
	if s.conn == nil || s.lost || s.broken != nil {
		return nil, s.fail(Unreachable, StageMail, errors.New("the session is over"))
	}
	if ctx.Err() != nil {
		return nil, s.fail(Interrupted, StageMail, context.Cause(ctx))
	}
	done := s.within(ctx)
	defer done()
	first := s.said.n
	if s.mails == 0 {
		first = 0 // the opening belongs to the first mail
	}
	if e := s.begin(t); e != nil {
		return nil, e
	}
	began := s.now
	if e := s.hearEnvelope(t); e != nil {
		return nil, e
	}
	if !t.said {
		if e := s.sayContent(t); e != nil {
			return nil, e
		}
	}
	receipt, e := s.hearEnd(t)
	if e == nil {
		receipt.Took = s.now.Sub(began)
		if s.client.KeepSaid {
			receipt.Said = s.said.since(first, s.number)
		}
	}
	return receipt, e
}

// prepare does all that can be done before anything is said: what is wrong with
// a mail itself is found here.
func prepare(object mail.Object) (*transaction, *Error) {
	if object == nil {
		return nil, &Error{Kind: Invalid, Stage: StageMail, Err: errors.New("no mail was given")}
	}
	env, err := object.Envelope()
	if err == nil {
		err = checkEnvelope(&env)
	}
	if err != nil {
		return nil, &Error{Kind: Invalid, Stage: StageMail, Err: err}
	}
	t := &transaction{object: object, env: env}
	if e := t.open(); e != nil {
		return nil, e
	}
	return t, nil
}

// open makes the content ready, anew for each session that it is tried on.
func (t *transaction) open() *Error {
	t.close()
	content, err := t.object.Open()
	if err != nil {
		return &Error{Kind: Invalid, Stage: StageContent, Err: err}
	}
	*t = transaction{object: t.object, env: t.env, content: content, index: t.index, tries: t.tries}
	return nil
}

func (t *transaction) close() {
	if t.content != nil {
		t.content.Close()
		t.content = nil
	}
}

// checkEnvelope guards against an Object that is not the mail package's own: what
// stands in an envelope is said to the server as it is.
func checkEnvelope(env *mail.Envelope) error {
	if len(env.Recipients) == 0 {
		return errors.New("the envelope has no recipient")
	}
	if err := env.ReversePath.Check(); err != nil && !env.ReversePath.IsNull() {
		return fmt.Errorf("the reverse-path: %w", err)
	}
	for i := range env.Recipients {
		r := &env.Recipients[i]
		if r.Path.IsNull() {
			return fmt.Errorf("recipient %d is the null path", i+1)
		}
		if err := r.Path.Check(); err != nil {
			return fmt.Errorf("recipient %d: %w", i+1, err)
		}
		if r.Notify >= mail.NotifyDelay<<1 || r.Notify&mail.NotifyNever != 0 && r.Notify != mail.NotifyNever {
			return fmt.Errorf("recipient %d: Notify has NotifyNever beside others, or what is none of them", i+1) // RFC 3461 §4.1
		}
		if len(r.Original) > 500 {
			return fmt.Errorf("recipient %d: the original recipient is over 500 characters", i+1)
		}
		if kind, _, _ := strings.Cut(r.Original, ";"); strings.ContainsFunc(kind, isNoAddrType) {
			return fmt.Errorf("recipient %d: the original recipient %q is not a kind and an address, as in rfc822;kim@example.net", i+1, r.Original)
		}
	}
	if len(env.ID) > 100 || !isPrinted(env.ID) {
		return errors.New("the envelope's ID is not printable ASCII of at most 100 characters") // RFC 3461 §4.4
	}
	return nil
}

func isPrinted(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r >= 0x7f })
}

// isNoAddrType: what no addr-type of RFC 3461 §4.2 holds. It is said as it is; the
// address after it is written as xtext.
func isNoAddrType(r rune) bool {
	return r != '-' && (r < '0' || r > '9') && (r|0x20 < 'a' || r|0x20 > 'z')
}

// begin settles how the mail is sent through this session, or finds that it
// cannot be; and says as much of it as may be said now.
func (s *Session) begin(t *transaction) *Error {
	if s.waiting() == 0 {
		s.now = time.Now()
	}
	if e := s.outOfTurn(); e != nil {
		return e
	}
	if e := s.fit(t); e != nil {
		return e
	}
	s.mails++
	t.reset = s.dirty
	t.steps = 1 + len(t.env.Recipients)
	if t.reset {
		t.steps++
	}
	if !t.bdat {
		t.steps++
	}
	if t.whole {
		return s.sayWhole(t)
	}
	s.sayMore(t)
	return nil
}

// sayWhole says envelope and content at once. While nothing of it is written, a
// content that fails is taken back.
func (s *Session) sayWhole(t *transaction) *Error {
	if len(s.out) > outSize/4 && s.flush() != nil {
		return s.fail(Unreachable, StageMail, s.broken)
	}
	out, waiting, written, dirty, current := len(s.out), s.waiting(), s.written, s.dirty, s.current
	for t.step < t.steps {
		s.sayStep(t)
	}
	if len(s.out)+int(t.form.Size) > outSize {
		s.flush() // a failure is found by whoever hears
	}
	e := s.sayContent(t)
	if e != nil && s.written == written && s.broken == nil {
		for _, a := range s.pending[s.head+waiting:] {
			s.ahead -= a.size
		}
		s.out, s.pending, s.dirty, s.current, s.lost = s.out[:out], s.pending[:s.head+waiting], dirty, current, false
		s.tell(Event{Stage: StageContent, Did: Note}, []byte("taken back: the content failed, and nothing of this mail was sent"))
	}
	return e
}

// maxWhole is the most recipients of a mail that is said whole.
const maxWhole = 16

// fit holds the mail against what the server offers.
func (s *Session) fit(t *transaction) *Error {
	x := &s.exts
	form, err := t.content.Fit(mail.Offer{EightBit: x.eightBit, UTF8: x.utf8})
	if err != nil {
		return s.fail(Unsupported, StageMail, err)
	}
	if e := s.fitEnvelope(t, &form); e != nil {
		return e
	}
	if x.size > 0 && form.Size > x.size {
		// RFC 1870 §6.1: it would be refused anyway, after all of it was sent.
		return s.fail(Unsupported, StageMail, fmt.Errorf("the mail has %d octets and the server takes at most %d", form.Size, x.size))
	}
	t.form = form
	t.bdat = x.chunking && form.Size >= 0
	// Content and envelope together cannot be taken back. They may go so where one
	// refused recipient refuses all, or where the others are to have the mail; and
	// not on a session that was idle, for if the server has hung up meanwhile, all
	// of the mail is written, nothing is answered, and nobody knows what became of it.
	n := len(t.env.Recipients)
	t.whole = t.bdat && x.pipelining && !s.reused && !s.client.LMTP && form.Size <= outSize/2 && (n == 1 || s.client.Partial && n <= maxWhole)
	return nil
}

func (s *Session) fitEnvelope(t *transaction, form *mail.Form) *Error {
	x, env := &s.exts, &t.env
	n := len(env.Recipients)
	if x.maxRcpt > 0 && n > x.maxRcpt {
		return s.fail(Unsupported, StageRcpt, fmt.Errorf("the mail has %d recipients and the server takes at most %d in one (LIMITS RCPTMAX)", n, x.maxRcpt))
	}
	if s.client.LMTP && n > 1 && !s.client.Partial {
		return s.fail(Unsupported, StageRcpt, errors.New("LMTP answers for each recipient apart, so that some may have the mail and others not: set Client.Partial, or send to one"))
	}
	if env.RequireTLS && (s.tls == nil || !s.verified || !x.offers("REQUIRETLS")) {
		return s.fail(Unsupported, StageMail, errors.New("the mail asks for REQUIRETLS, and the server does not offer it over TLS with a good certificate")) // RFC 8689 §4.2.1
	}
	if env.ReversePath.UTF8() {
		form.UTF8 = true
	}
	for i := range env.Recipients {
		if env.Recipients[i].Path.UTF8() {
			form.UTF8 = true
		}
	}
	if form.UTF8 && !x.utf8 {
		return s.fail(Unsupported, StageMail, errors.New("an address of the mail is not ASCII, and the server does not offer SMTPUTF8"))
	}
	if form.EightBit && !x.eightBit {
		return s.fail(Unsupported, StageMail, errors.New("the content has octets over 127, and the server does not offer 8BITMIME"))
	}
	return nil
}

// outOfTurn hears what a server says that nobody asked: 421, before it hangs up.
func (s *Session) outOfTurn() *Error {
	if len(s.out) > 0 || s.waiting() > 0 || len(s.in.Buffered()) == 0 {
		return nil
	}
	s.expect(StageMail, noPath)
	e := s.hear()
	if e == nil || e.Reply.Code != 421 {
		s.lost, s.spoke = true, true
		return s.fail(Garbled, StageMail, errOutOfTurn)
	}
	return e
}

// sayMore says as many commands of the envelope as may be said before the next
// reply: all that the window holds where the server offers PIPELINING, else one.
func (s *Session) sayMore(t *transaction) {
	for t.step < t.steps && (s.waiting() == 0 || s.exts.pipelining && s.ahead < window && !s.dataWaits(t)) {
		s.sayStep(t)
	}
}

// dataWaits reports whether the next command is a DATA that is better not said
// before all recipients are known: if one of them is refused and 354 is heard, the
// session is lost. The pool gets itself another; a session that is its caller's
// own goes on.
func (s *Session) dataWaits(t *transaction) bool {
	return !t.bdat && t.step == t.steps-1 && len(t.env.Recipients) > 1 && !s.pooled && !s.client.Partial
}

// sayStep says the next command of the envelope.
func (s *Session) sayStep(t *transaction) {
	i := t.step
	t.step++
	if t.reset {
		i--
	}
	switch n := len(t.env.Recipients); {
	case i < 0:
		// What is left of the last transaction must not be added to: RFC 5321 §4.1.1.5.
		s.say(StageReset, "RSET")
	case i == 0:
		s.dirty, s.current = true, t
		s.sayMail(t)
	case i <= n:
		s.sayRcpt(t, &t.env.Recipients[i-1])
	default:
		s.say(StageData, "DATA")
	}
}

func (s *Session) sayMail(t *transaction) {
	from := len(s.out)
	s.out = append(s.out, "MAIL FROM:"...)
	s.out = t.appendPath(s.out, t.env.ReversePath)
	if t.form.Size >= 0 && s.exts.offers("SIZE") {
		s.out = append(s.out, " SIZE="...)
		s.out = strconv.AppendInt(s.out, t.form.Size, 10)
	}
	if t.form.EightBit {
		s.out = append(s.out, " BODY=8BITMIME"...)
	}
	if t.form.UTF8 {
		s.out = append(s.out, " SMTPUTF8"...)
	}
	if t.env.RequireTLS {
		s.out = append(s.out, " REQUIRETLS"...)
	}
	if s.exts.dsn {
		switch t.env.Return {
		case mail.ReturnFull:
			s.out = append(s.out, " RET=FULL"...)
		case mail.ReturnHeader:
			s.out = append(s.out, " RET=HDRS"...)
		}
		if t.env.ID != "" {
			s.out = appendXtext(append(s.out, " ENVID="...), t.env.ID)
		}
	}
	s.saidSince(StageMail, noPath, from, "")
}

func (s *Session) sayRcpt(t *transaction, r *mail.Recipient) {
	from := len(s.out)
	s.out = append(s.out, "RCPT TO:"...)
	s.out = t.appendPath(s.out, r.Path)
	if s.exts.dsn {
		s.out = appendNotify(s.out, r.Notify)
		if kind, addr, ok := strings.Cut(r.Original, ";"); ok {
			s.out = append(append(s.out, " ORCPT="...), kind...)
			s.out = appendXtext(append(s.out, ';'), addr)
		}
	}
	s.saidSince(StageRcpt, r.Path, from, "")
}

// appendPath writes a path, in ASCII unless the mail goes by SMTPUTF8. That it
// can be was found by checkEnvelope.
func (t *transaction) appendPath(b []byte, p mail.Path) []byte {
	if !t.form.UTF8 {
		if ascii, err := p.ASCII(); err == nil {
			p = ascii
		}
	}
	return p.AppendTo(b)
}

// appendNotify writes NOTIFY: RFC 3461 §4.1.
func appendNotify(b []byte, n mail.Notify) []byte {
	if n == 0 {
		return b
	}
	b = append(b, " NOTIFY="...)
	if n == mail.NotifyNever {
		return append(b, "NEVER"...)
	}
	comma := false
	for _, word := range notifyWords {
		if n&word.bit != 0 {
			if comma {
				b = append(b, ',')
			}
			b = append(b, word.name...)
			comma = true
		}
	}
	return b
}

var notifyWords = [...]struct {
	bit  mail.Notify
	name string
}{{mail.NotifySuccess, "SUCCESS"}, {mail.NotifyFailure, "FAILURE"}, {mail.NotifyDelay, "DELAY"}}

// appendXtext writes what may hold anything as RFC 3461 §4 has it: "+" and
// "=", and all that is not printable ASCII, as +XX.
func appendXtext(b []byte, s string) []byte {
	const hex = "0123456789ABCDEF"
	for i := 0; i < len(s); i++ {
		if c := s[i]; c > ' ' && c < 0x7f && c != '+' && c != '=' {
			b = append(b, c)
		} else {
			b = append(b, '+', hex[c>>4], hex[c&15])
		}
	}
	return b
}

// Verify asks whether the server would take a mail with this envelope, by MAIL and
// RCPT, and takes the question back by RSET: RFC 5321 §4.1.1.5. No content is sent. nil
// means that each path was taken, now; the content may be refused all the same. An error
// is an [*Error] as Send's, and the session goes on after a refusal.
func (s *Session) Verify(ctx context.Context, env mail.Envelope) error {
	if err := checkEnvelope(&env); err != nil {
		return &Error{Kind: Invalid, Stage: StageMail, Err: err}
	}
	if s.conn == nil || s.lost || s.broken != nil {
		return s.fail(Unreachable, StageMail, errors.New("the session is over"))
	}
	if ctx.Err() != nil {
		return s.fail(Interrupted, StageMail, context.Cause(ctx))
	}
	done := s.within(ctx)
	defer done()
	if e := s.verify(&transaction{env: env, form: mail.Form{Size: -1}}); e != nil {
		return e
	}
	return nil
}

func (s *Session) verify(t *transaction) *Error {
	if e := s.outOfTurn(); e != nil {
		return e
	}
	if e := s.fitEnvelope(t, &t.form); e != nil {
		return e
	}
	s.mails++
	t.bdat = true // as BDAT's, the envelope ends with its last recipient
	t.reset = s.dirty
	t.steps = 1 + len(t.env.Recipients)
	if t.reset {
		t.steps++
	}
	e := s.hearEnvelope(t)
	if s.lost {
		return e
	}
	// The paths that were taken must not be added to: whoever refuses this RSET and
	// the next one is left.
	s.failed = true
	if s.ask(StageReset, "RSET") == nil {
		s.dirty = false
	}
	return e
}
