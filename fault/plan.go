package fault

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtpd"
)

// A Plan is a list of rules with their counts. Its zero value has none, and costs next to nothing. It may be used by many goroutines;
// its fields are set before it is.
type Plan struct {
	// Magic gives recipients such as rcpt+451-greylist@example.com a meaning of their own: see [ParseMagic].
	Magic bool

	// Mailboxes, if not nil, tells whose a session is, for rules of one mailbox: for these forward-paths, which are the one that
	// is asked for at RCPT, later those that were taken, and none before.
	Mailboxes func(s *smtpd.Session, paths []mail.Path) []string

	// Number, if not nil, is what a session is called where people see it, for rules of one session; nil: smtpd's own number.
	Number func(*smtpd.Session) uint64

	// Hit, if not nil, is told of each rule that is hit, before anything goes wrong by it. One that has no ID is the recipient's
	// address. Of idleness nothing is told.
	Hit func(s *smtpd.Session, at smtp.Stage, r Rule)

	// Issue, if not nil, makes a certificate of the CA that clients were told to trust, so that one that has expired is
	// found to have expired, and not to be of a CA that nobody knows.
	Issue func(until time.Time, names ...string) (tls.Certificate, error)

	certificates certificates
	any, idle    atomic.Bool // there are rules; and among them some of idleness

	mu    sync.Mutex
	rules []*held
	given int // IDs
}

// A held rule is one of a plan, with what it must remember.
type held struct {
	Rule
	stage  smtp.Stage
	banner string
	seen   map[string]time.Time   // greylist: when first
	mails  map[string][]time.Time // limit: when, by client
}

// mostRemembered is how many clients a rule keeps in mind; then it begins anew.
const mostRemembered = 100_000

// Add puts a rule at the end, and gives it with its ID. A rule that can never be is an error, which names its field.
func (p *Plan) Add(r Rule) (Rule, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.rules) >= mostRules {
		return r, fmt.Errorf("a plan has at most %d rules", mostRules)
	}
	h, err := p.hold(r, p.rules)
	if err != nil {
		return r, err
	}
	p.take(append(p.rules, h))
	return h.Rule, nil
}

// Replace takes these rules in place of all. If one of them can never be, nothing is changed.
func (p *Plan) Replace(rules []Rule) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(rules) > mostRules {
		return fmt.Errorf("a plan has at most %d rules", mostRules)
	}
	var all []*held
	for i, r := range rules {
		h, err := p.hold(r, all)
		if err != nil {
			return fmt.Errorf("fault %d: %w", i+1, err)
		}
		all = append(all, h)
	}
	p.take(all)
	return nil
}

// hold settles a rule.
func (p *Plan) hold(r Rule, others []*held) (*held, error) {
	r.Met, r.Hit = 0, 0
	if err := r.settle(); err != nil {
		return nil, err
	}
	has := func(id string) bool { return slices.ContainsFunc(others, func(h *held) bool { return h.ID == id }) }
	if r.ID != "" && has(r.ID) {
		return nil, fmt.Errorf("id: there is a rule %q already", r.ID)
	}
	for r.ID == "" || has(r.ID) {
		p.given++
		r.ID = strconv.Itoa(p.given)
	}
	h := &held{Rule: r, stage: stageOf(r.Stage)}
	if persona, ok := personaNamed(r.Persona); ok {
		h.banner = persona.Banner
	}
	return h, nil
}

func (p *Plan) take(rules []*held) {
	p.rules = rules
	p.any.Store(len(rules) > 0)
	p.idle.Store(slices.ContainsFunc(rules, func(h *held) bool { return h.Idle > 0 }))
}

// Remove takes a rule back, and reports whether there was one.
func (p *Plan) Remove(id string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	before := len(p.rules)
	p.take(slices.DeleteFunc(slices.Clone(p.rules), func(h *held) bool { return h.ID == id }))
	return len(p.rules) < before
}

// Clear takes all back.
func (p *Plan) Clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.take(nil)
}

// Rules are those of the plan, in order, with their counts.
func (p *Plan) Rules() []Rule {
	p.mu.Lock()
	defer p.mu.Unlock()
	rules := make([]Rule, len(p.rules))
	for i, h := range p.rules {
		rules[i] = h.Rule
	}
	return rules
}

// At is what goes wrong at a step: what [smtpd.Server.Fault] is set to. Of several rules that fit, the first that is due is hit; those
// after it have not seen it.
func (p *Plan) At(s *smtpd.Session, t *smtpd.Transaction, at smtp.Stage, line string) *smtpd.Fault {
	if p.any.Load() {
		m := &moment{plan: p, session: s, transaction: t, stage: at, line: line}
		f := p.planned(m)
		m.tell()
		if f != nil {
			return f
		}
	}
	if p.Magic {
		f, r := magicAt(t, at, line)
		if f != nil && p.Hit != nil {
			p.Hit(s, at, r)
		}
		return f
	}
	return nil
}

// tell tells of the rule that was hit, if one was.
func (m *moment) tell() {
	if m.hit != nil && m.plan.Hit != nil {
		m.plan.Hit(m.session, m.stage, *m.hit)
	}
}

func (p *Plan) planned(m *moment) *smtpd.Fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	f, banner := p.first(m), p.banner(m)
	switch {
	case banner == "":
	case f == nil:
		f = &smtpd.Fault{Say: banner}
	case f.Say == "" && !f.Mute:
		f.Say = banner // what goes wrong there is something else than the words
	}
	return f
}

// first is what the first rule does that is due.
func (p *Plan) first(m *moment) *smtpd.Fault {
	if m.stage == smtp.StageAuth && m.session.Authenticating() {
		return nil // a response is a part of its AUTH, and no login of its own
	}
	for _, h := range p.rules {
		if h.stage != m.stage || h.Idle > 0 || !h.isFor(m) {
			continue
		}
		if m.stage == smtp.StageContent && h.Octets > 0 {
			if h.Times > 0 && h.Hit >= h.Times {
				continue
			}
			// Whether so many come is not known yet: only what has them is met, and hit.
			f := h.fault(m)
			f.Due = func() bool {
				defer m.tell() // once the plan is free again
				p.mu.Lock()
				defer p.mu.Unlock()
				return h.hit(m)
			}
			return f
		}
		if h.hit(m) {
			return h.fault(m)
		}
	}
	return nil
}

// hit counts that a conversation came by, and reports whether it is hit.
func (h *held) hit(m *moment) bool {
	h.Met++
	if h.Met <= h.Skip || h.Times > 0 && h.Hit >= h.Times || !h.due(m) {
		return false
	}
	h.Hit++
	rule := h.Rule
	m.hit = &rule
	return true
}

// banner is what a provider greets with whose persona is met later in the session; empty for none.
func (p *Plan) banner(m *moment) string {
	if m.stage != smtp.StageGreeting {
		return ""
	}
	for _, h := range p.rules {
		if h.banner != "" && h.stage != smtp.StageGreeting && h.Times == 0 && h.isFor(m) {
			return h.banner
		}
	}
	return ""
}

// Idle is how long a session's client may be silent: what [smtpd.Server.Idle] is set to.
func (p *Plan) Idle(s *smtpd.Session) (after time.Duration, say string) {
	if !p.idle.Load() {
		return 0, ""
	}
	m := &moment{plan: p, session: s}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, h := range p.rules {
		if h.Idle > 0 && h.isFor(m) {
			say = h.Reply
			if say == "" {
				say = "421 4.4.2 idle for too long"
			}
			return time.Duration(h.Idle), say
		}
	}
	return 0, ""
}

// A moment is a step of a conversation that rules are held against.
type moment struct {
	plan        *Plan
	session     *smtpd.Session
	transaction *smtpd.Transaction // nil before MAIL
	stage       smtp.Stage
	line        string
	hit         *Rule // by it; nil: none was
}

// isFor reports whether a rule is about this session and mail.
func (h *held) isFor(m *moment) bool {
	switch {
	case h.Session != 0 && h.Session != m.number():
	case h.User != "" && !Like(h.User, m.session.User()):
	case h.Match != "" && !Like(h.Match, m.line):
	case h.Sender != "" && !Like(h.Sender, m.sender()):
	case h.Recipient != "" && !slices.ContainsFunc(m.recipients(), func(r string) bool { return Like(h.Recipient, r) }):
	case h.Mailbox != "" && !slices.ContainsFunc(m.mailboxes(), func(box string) bool { return Like(h.Mailbox, box) }):
	default:
		return true
	}
	return false
}

// sender is the reverse-path, without its brackets.
func (m *moment) sender() string {
	if m.transaction != nil {
		return bare(m.transaction.ReversePath)
	}
	return pathIn(m.line)
}

// number is what a rule calls the session.
func (m *moment) number() uint64 {
	if m.plan.Number != nil {
		return m.plan.Number(m.session)
	}
	return m.session.Number()
}

// mailboxes are those of the session, or of the forward-paths that this is about.
func (m *moment) mailboxes() []string {
	if m.plan.Mailboxes == nil {
		return nil
	}
	var paths []mail.Path
	switch {
	case m.stage == smtp.StageRcpt:
		if p, err := mail.ParsePath(pathIn(m.line)); err == nil {
			paths = []mail.Path{p}
		}
	case m.transaction != nil:
		for _, r := range m.transaction.Recipients {
			paths = append(paths, r.Path)
		}
	}
	return m.plan.Mailboxes(m.session, paths)
}

// recipients are the forward-path that is asked for, or else all that were taken.
func (m *moment) recipients() []string {
	if m.stage == smtp.StageRcpt {
		return []string{pathIn(m.line)}
	}
	if m.transaction == nil {
		return nil
	}
	list := make([]string, len(m.transaction.Recipients))
	for i, r := range m.transaction.Recipients {
		list[i] = bare(r.Path)
	}
	return list
}

// bare is a path without its brackets.
func bare(p mail.Path) string {
	s := p.String()
	return s[1 : len(s)-1]
}

// pathIn is the path that stands in a command; empty for none.
func pathIn(line string) string {
	_, rest, ok := strings.Cut(line, "<")
	if !ok {
		return ""
	}
	path, _, _ := strings.Cut(rest, ">")
	return path
}

// client is the address that a session comes from.
func (m *moment) client() string {
	addr := m.session.RemoteAddr().String()
	if host, _, err := net.SplitHostPort(addr); err == nil {
		return host
	}
	return addr
}

// due reports whether a rule that counts time is to be hit.
func (h *held) due(m *moment) bool {
	now := time.Now()
	switch {
	case h.Greylist > 0:
		key := m.client() + "\n" + m.sender() + "\n" + pathIn(m.line)
		first, known := h.seen[key]
		if known {
			return now.Sub(first) < time.Duration(h.Greylist)
		}
		if h.seen == nil || len(h.seen) >= mostRemembered {
			h.seen = make(map[string]time.Time)
		}
		h.seen[key] = now
		return true
	case h.Limit != Limit{}:
		return h.overLimit(m.client(), now)
	}
	return true
}

// overLimit counts a mail, unless it is one too many.
func (h *held) overLimit(client string, now time.Time) bool {
	if h.mails == nil || len(h.mails) >= mostRemembered {
		h.mails = make(map[string][]time.Time)
	}
	recent := slices.DeleteFunc(h.mails[client], func(at time.Time) bool { return now.Sub(at) >= time.Duration(h.Limit.Per) })
	over := len(recent) >= h.Limit.Mails
	if !over {
		recent = append(recent, now)
	}
	h.mails[client] = recent
	return over
}

// fault is what smtpd is to do.
func (h *held) fault(m *moment) *smtpd.Fault {
	f := &smtpd.Fault{
		Wait: time.Duration(h.Wait), Say: h.Reply, Endless: h.Endless, Mute: h.Mute, Pause: time.Duration(h.Pause), More: h.More,
		Rate: h.Rate, Octets: h.Octets, Lose: h.Lose,
	}
	if persona, ok := personaNamed(h.Persona); ok {
		f.Say = persona.Reply
	}
	if h.Garbage != "" {
		f.Say, _ = h.garbage() // it was read when the rule was made
		f.Raw = true
	}
	for _, t := range thens {
		if t.name == h.Then {
			f.Then = t.then
		}
	}
	usual := ""
	switch {
	case h.TLS == "refused" && m.line == "": // implicit TLS, in which there is nothing to be said before
		f.Mute, f.Then = true, smtpd.HangUp
	case h.TLS == "refused":
		usual = startTLSRefused
	case h.TLS != "":
		f.TLS = m.plan.certificates.config(h.TLS, m.plan.Issue)
	case h.Greylist > 0:
		usual = fmt.Sprintf("450 4.2.0 <%s>: Recipient address rejected: Greylisted, try again in %d seconds", pathIn(m.line), int(time.Duration(h.Greylist).Seconds()))
	case h.Limit != Limit{}:
		usual = "450 4.7.1 Error: too much mail from " + m.client()
	}
	if f.Say == "" && !f.Mute {
		f.Say = usual
	}
	if strings.HasPrefix(f.Say, "421") && f.Then == smtpd.GoOn {
		f.Then = smtpd.HangUp // RFC 5321 §3.8: whoever says 421 closes
	}
	return f
}

// ErrNoRule is what a caller may say of an ID that no rule has.
var ErrNoRule = errors.New("there is no such fault")
