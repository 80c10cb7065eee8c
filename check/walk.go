package check

import (
	"context"
	"crypto/tls"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/smtp"
)

// A walk is one run of a Check.
type walk struct {
	check   *Check
	ctx     context.Context
	cancel  context.CancelFunc
	yield   func(Step) bool
	timeout time.Duration

	// Where it leads.
	network  string // tcp or unix
	addr     string // host:port, or a socket's path
	host     string
	port     int
	bare     bool // no port was given
	direct   bool // we can make connections of our own
	brief    bool // no probes
	named    bool // the host's name is ours to look up
	security smtp.Security
	provider *diagnose.Provider // nil if not known

	plan    []string // the steps that are to come
	stopped bool     // nobody listens any more
	failed  bool

	at     time.Time // when the last step ended
	events []smtp.Event
	ips    []netip.Addr
	way    string // the address that answered, which all go by

	// What the session has learnt.
	hello    string // what it called itself
	lines    []string
	clear    []string // keywords offered in clear text, before STARTTLS
	keywords []string // offered last
	state    *tls.ConnectionState
	asked    time.Time // when AUTH began
	mech     string
	versions []string
	undone   *Step // reset, until what it undid is told
	goodbye  *Step // quit, until the connection is closed
	leaving  bool  // QUIT was said last
}

// run is the order of a walk.
func (w *walk) run() {
	if !w.begin() {
		return
	}
	if w.lookup() && w.connect() {
		w.session()
		if !w.brief {
			w.askVersions()
		}
	}
	for len(w.plan) > 0 && !w.stopped {
		w.give(Step{Name: w.plan[0], Verdict: Skipped, Found: foundNotReached()})
	}
}

// begin finds out where it is to lead; what is wrong with the Client, the Client
// says itself.
func (w *walk) begin() bool {
	c := w.check.Client
	if c == nil {
		e := &smtp.Error{Kind: smtp.Invalid, Stage: smtp.StageDial, Err: errNoClient}
		w.fail("dns", e, nil)
		return false
	}
	if !w.target(c) {
		_, err := w.newClient(nil).Open(w.ctx) // ends before anybody is dialled
		w.plan = []string{"dns"}
		w.fail("dns", asError(err, smtp.StageDial), nil)
		return false
	}
	w.brief = w.check.brief
	w.direct = c.Proxy == "" || c.DialContext != nil || w.network == "unix"
	_, err := netip.ParseAddr(w.host)
	w.named = err != nil && w.network == "tcp" && (c.DialContext == nil && c.Proxy == "" || w.check.Resolver != nil)
	// On this machine may be anything: 127.0.0.1 is some provider's too, by its bridge.
	if p, ok := w.check.facts().Provider(w.host); ok && !w.local() {
		w.provider = p
	}
	w.planSteps(c)
	return true
}

// local reports whether the server is this machine, by its name.
func (w *walk) local() bool {
	ip, err := netip.ParseAddr(w.host)
	return w.network == "unix" || strings.EqualFold(w.host, "localhost") || err == nil && ip.IsLoopback()
}

// target reads the Client's Addr as the Client will.
func (w *walk) target(c *smtp.Client) bool {
	w.addr = c.Addr
	if strings.HasPrefix(c.Addr, "/") {
		w.network, w.host = "unix", "localhost"
		w.security = settle(c.Security, w.network, 0)
		return true
	}
	w.network = "tcp"
	host, port, err := net.SplitHostPort(c.Addr)
	if err != nil {
		host = strings.Trim(c.Addr, "[]")
		port, w.bare = "587", true
		if c.Security == smtp.ImplicitTLS {
			port = "465"
		}
		if c.LMTP || strings.Contains(host, ":") && !strings.HasPrefix(c.Addr, "[") {
			return false
		}
	}
	w.host = host
	w.port, err = strconv.Atoi(port)
	w.addr = net.JoinHostPort(host, port)
	w.security = settle(c.Security, w.network, w.port)
	return err == nil && w.port > 0 && w.port < 65536 && host != "" &&
		!strings.ContainsFunc(host, func(r rune) bool { return r <= ' ' || r >= 0x7f })
}

// settle is what Automatic means: see [smtp.Automatic].
func settle(s smtp.Security, network string, port int) smtp.Security {
	switch {
	case s != smtp.Automatic:
		return s
	case network == "unix":
		return smtp.Plaintext
	case port == 465:
		return smtp.ImplicitTLS
	}
	return smtp.StartTLS
}

// planSteps notes which steps there are to be, so that those that are never come to
// can be told of.
func (w *walk) planSteps(c *smtp.Client) {
	w.plan = []string{"dns", "tcp"}
	switch w.security {
	case smtp.ImplicitTLS:
		w.plan = append(w.plan, "tls", "certificate", "greeting", "hello")
	case smtp.Plaintext:
		w.plan = append(w.plan, "greeting", "hello")
	default:
		w.plan = append(w.plan, "greeting", "hello-clear", "tls", "certificate", "hello")
	}
	if c.Auth != nil {
		w.plan = append(w.plan, "auth")
	}
	switch {
	case w.check.From != "" && w.check.Send:
		w.plan = append(w.plan, "mail", "rcpt", "send")
	case w.check.From != "":
		w.plan = append(w.plan, "mail", "rcpt", "reset")
	}
	w.plan = append(w.plan, "quit")
	if w.security != smtp.Plaintext {
		w.plan = append(w.plan, "versions")
	}
}

// give hands a step over.
func (w *walk) give(s Step) {
	now := time.Now()
	if s.At.IsZero() {
		s.At = now.Add(-s.Took)
	}
	if len(s.Remarks) > 0 && s.Verdict == Good {
		s.Verdict = Warning
	}
	if s.Said == nil {
		s.Said = w.events
		w.events = nil
	}
	w.failed = w.failed || s.Verdict == Failed
	w.drop(s.Name)
	if w.stopped {
		return
	}
	if !w.yield(s) {
		w.stopped = true
		w.cancel()
	}
}

// drop takes a step out of the plan.
func (w *walk) drop(name string) {
	w.plan = slices.DeleteFunc(w.plan, func(n string) bool { return n == name })
}

// fail gives a step that failed. d is nil where nothing is known but the error.
func (w *walk) fail(name string, e *smtp.Error, d *diagnose.Diagnosis, more ...func(*Step)) {
	if d == nil {
		d = w.explain(e)
	}
	s := Step{Name: name, Verdict: Failed, Err: e, Diagnosis: d, Found: foundError(e)}
	if e.Reply.Code != 0 {
		s.Facts.Reply = e.Reply.String()
	}
	for _, f := range more {
		f(&s)
	}
	w.give(s)
}

// explain asks package diagnose.
func (w *walk) explain(e *smtp.Error) *diagnose.Diagnosis {
	h := diagnose.Hint{Server: w.addr, Stage: e.Stage}
	if w.local() {
		h.Server = ""
	}
	if w.provider != nil {
		h.Provider = w.provider.ID
	}
	d := w.check.facts().Explain(e, h)
	if w.local() && w.provider == nil {
		d.Provider = ""
	}
	return &d
}

// known is a diagnosis by what was tried, and not by what was said.
func (w *walk) known(stage smtp.Stage, kind diagnose.Kind, temporary bool, cause, fix diagnose.Words) *diagnose.Diagnosis {
	d := &diagnose.Diagnosis{Kind: kind, Temporary: temporary, Cause: sentence(cause), Fix: sentence(fix), Confidence: 0.95, Stage: stage}
	if w.provider != nil {
		d.Provider = w.provider.ID
	}
	return d
}

// newClient is one like the Check's, by the way that answered.
func (w *walk) newClient(trace func(smtp.Event)) *smtp.Client {
	own := like(w.check.Client, w.addr)
	own.Timeout, own.Trace = w.timeout, trace
	if w.direct {
		own.DialContext = w.dial
	}
	return own
}

// like is a Client with the same settings and no sessions.
func like(c *smtp.Client, addr string) *smtp.Client {
	return &smtp.Client{
		Addr: addr, Auth: c.Auth, Security: c.Security, TLS: c.TLS, Fingerprint: c.Fingerprint,
		Hello: c.Hello, LMTP: c.LMTP, LocalAddr: c.LocalAddr, Proxy: c.Proxy, DialContext: c.DialContext,
	}
}

// dial makes a connection to the address that answered.
func (w *walk) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	return w.dialTo(ctx, network, w.way)
}

func (w *walk) dialTo(ctx context.Context, network, addr string) (net.Conn, error) {
	if dial := w.check.Client.DialContext; dial != nil {
		return dial(ctx, network, addr)
	}
	d := net.Dialer{LocalAddr: w.check.Client.LocalAddr}
	return d.DialContext(ctx, network, addr)
}

// short is how long a probe waits that is made to learn more of a failure.
func (w *walk) short() time.Duration { return min(w.timeout, 3*time.Second) }
