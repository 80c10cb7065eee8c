package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/parleymail/parley/inbox"
	"github.com/parleymail/parley/smtp"
)

// A catchView shows what comes in, as it comes.
type catchView struct {
	c      *catcher
	mu     sync.Mutex // one at a time prints
	talk   *explainer // nil: conversations are not shown
	silent bool       // the command that runs has the terminal
	newest int64      // ID of the last message that was shown
	held   []string   // lines for when the command has ended
}

func newCatchView(c *catcher) *catchView {
	v := &catchView{c: c}
	if c.flags.verbose && !c.flags.json {
		v.talk = newExplainer(c.u)
		v.talk.anew = true
	}
	return v
}

// quiet keeps what comes in from the terminal, which is another program's now.
func (v *catchView) quiet() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.silent = !v.c.flags.verbose
}

// trace is what is told of each line; nil where nobody looks.
func (v *catchView) trace() func(smtp.Event) {
	if v.talk == nil {
		return nil
	}
	return func(e smtp.Event) {
		v.mu.Lock()
		defer v.mu.Unlock()
		if !v.silent {
			v.talk.trace(e)
		}
	}
}

// A catchRecord is a line of --json.
type catchRecord struct {
	Event     string          `json:"event"` // listening, message, session, forwarded
	SMTP      string          `json:"smtp,omitempty"`
	SMTPS     string          `json:"smtps,omitempty"`
	HTTP      string          `json:"http,omitempty"`
	SMTPURL   string          `json:"smtp_url,omitempty"`
	Message   *inbox.Message  `json:"message,omitempty"`
	Session   *inbox.Session  `json:"session,omitempty"`
	Diagnosis *explanation    `json:"diagnosis,omitempty"`
	OnPurpose []inbox.Purpose `json:"on_purpose,omitempty"`
	Error     string          `json:"error,omitempty"`
}

// title says how a program is pointed here.
func (c *catcher) title() {
	u := c.u
	if c.flags.json {
		// Programs read from the first line where it listens.
		u.printJSON(catchRecord{Event: "listening", SMTP: addrOf(c.plain), SMTPS: addrOf(c.implicit), HTTP: c.pageURL(), SMTPURL: c.smtpURL()})
		return
	}
	u.print(u.styles.title.Render("Parley catch"))
	u.print("")
	u.paragraph(u.say(c.introWord()))
	u.heading(u.say(wordProxyPoint))
	if c.plain != nil {
		c.row(wordCatchSMTP, c.plain.Addr().String()+"  "+u.say(c.tlsWord()))
	}
	if c.implicit != nil {
		c.row(wordCatchSMTPS, c.implicit.Addr().String()+"  "+u.say(wordProxyInTLS))
	}
	c.row(wordProxyLogin, u.say(c.loginWord()))
	if c.flags.saveCert != "" {
		c.row(wordCatchCertificate, u.say(wordCatchToTrust, c.flags.saveCert))
	}
	if c.pages != nil {
		c.row(wordCatchPage, c.pageURL())
	}
	c.row(wordCatchKept, c.keptWord())
	c.onwardRows()
	for _, r := range c.faults.Rules() {
		c.row(wordCatchFault, r.String())
	}
	u.heading(u.say(wordProxyTry))
	u.print("  export SMTP_URL='" + c.smtpURL() + "'")
	if c.server.Users != nil && c.flags.requireLogin {
		u.print("  export PARLEY_PASSWORD=" + quoteShell(u.say(wordCatchPasswordOf, smtp.Printable(c.login().Username()))))
	}
	u.print("  " + ourCommand() + " send --from me@example.com --to kim@example.net --subject " +
		quoteShell(u.say(wordHelloYou)) + " --text " + quoteShell(u.say(wordHelloText)))
	u.print("")
	u.print(u.say(wordCatchWaiting))
}

// introWord says what becomes of what is sent here.
func (c *catcher) introWord() text {
	switch {
	case c.forwards():
		return wordCatchIntroForward
	case c.forwarder != nil:
		return wordCatchIntroRelease
	}
	return wordCatchIntro
}

// onwardRows are how mails are parted, and whom they are passed on to or told of.
func (c *catcher) onwardRows() {
	f := c.flags
	if f.mailboxes != "one" {
		c.row(wordCatchBoxes, c.u.say(wordCatchBoxesBy, f.mailboxes))
	}
	if c.forwarder != nil {
		c.row(wordCatchRelease, c.u.say(wordCatchReleaseBy, c.forwarder.Client.Addr))
	}
	for _, query := range f.forward {
		c.row(wordCatchForward, query)
	}
	for _, target := range f.webhook {
		if at, err := url.Parse(target); err == nil {
			c.row(wordCatchWebhook, at.Redacted())
		}
	}
}

func (c *catcher) row(label text, s string) {
	c.u.indented(pad(c.u.say(label), 14), s)
}

func (c *catcher) tlsWord() text {
	switch {
	case c.flags.requireTLS:
		return wordCatchOnlySTARTTLS
	case c.server.WithoutSTARTTLS:
		return wordCatchClear
	}
	return wordProxyInSTARTTLS
}

func (c *catcher) loginWord() text {
	switch {
	case c.server.Users != nil && c.flags.requireLogin:
		return wordCatchLoginUsers
	case c.server.Users != nil:
		return wordCatchLoginSome
	case c.flags.requireLogin:
		return wordCatchLoginAnyMust
	}
	return wordCatchLoginAny
}

func (c *catcher) keptWord() string {
	if c.flags.data == "" {
		return c.u.say(wordCatchInMemory)
	}
	stats, err := c.store.Stats(context.Background())
	if err != nil {
		return c.flags.data
	}
	return c.u.say(wordCatchInFile, c.flags.data, stats.Messages, stats.Sessions)
}

// addrOf is where a listener is; empty for none.
func addrOf(l net.Listener) string {
	if l == nil {
		return ""
	}
	return l.Addr().String()
}

// reachableBy is how a program on this machine reaches a listener.
func reachableBy(l net.Listener) string { return net.JoinHostPort(reachable(l.Addr())) }

// login is one by which mail is taken; nil where none is needed.
func (c *catcher) login() *url.Userinfo {
	if !c.flags.requireLogin {
		return nil
	}
	users := c.server.Users
	if users == nil {
		return url.UserPassword("me", "anything")
	}
	first := slices.Min(slices.Collect(maps.Keys(users)))
	return url.UserPassword(first, users[first])
}

// smtpURL is what a program on this machine gives as SMTP_URL. It has no password of a user of ours: it is shown.
func (c *catcher) smtpURL() string {
	user := c.login()
	if user != nil && c.server.Users != nil {
		user = url.User(user.Username())
	}
	return c.smtpURLFor(user)
}

func (c *catcher) smtpURLFor(user *url.Userinfo) string {
	u := url.URL{Scheme: "smtp", User: user, RawQuery: "tls=none"}
	switch {
	case c.plain != nil && !c.flags.requireTLS:
		u.Host = reachableBy(c.plain)
	case c.plain != nil:
		u.Host, u.RawQuery = reachableBy(c.plain), c.pin()
	default:
		u.Scheme, u.Host, u.RawQuery = "smtps", reachableBy(c.implicit), c.pin()
	}
	return u.String()
}

// pin names our certificate, which nobody trusts otherwise.
func (c *catcher) pin() string {
	sum := sha256.Sum256(c.server.TLS.Certificates[0].Certificate[0])
	return "fingerprint=" + hex.EncodeToString(sum[:])
}

// begin has all that comes from here on told.
func (v *catchView) begin(ctx context.Context) (events <-chan inbox.Event, stop func()) {
	if page, err := v.c.store.Messages(ctx, inbox.Query{Limit: 1}); err == nil && len(page.Items) > 0 {
		v.newest = page.Items[0].ID
	}
	return v.c.store.Watch()
}

// watch shows what the store tells of, until it tells of nothing more.
func (v *catchView) watch(ctx context.Context, events <-chan inbox.Event) {
	const pause = 50 * time.Millisecond // what comes within it is asked for at once: to ask for each costs as much as to take it
	var waiting []inbox.Event
	var due <-chan time.Time
	for {
		select {
		case e, ok := <-events:
			if !ok {
				v.show(ctx, waiting)
				return
			}
			if waiting = append(waiting, e); due == nil {
				due = time.After(pause)
			}
		case <-due:
			v.show(ctx, waiting)
			waiting, due = waiting[:0], nil
		}
	}
}

// mostShown is how many mails and sessions are shown of what came at once; of the others a person is told how many.
const mostShown = 200

// show prints messages that came, and then sessions that went wrong.
func (v *catchView) show(ctx context.Context, events []inbox.Event) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.silent {
		return
	}
	came, ended := v.idsOf(ctx, events)
	most := max(len(came), len(ended))
	if !v.c.flags.json {
		most = mostShown
	}
	more := max(0, len(came)-most)
	v.messages(ctx, came[:len(came)-more])
	shown := 0
	sessions, _ := v.c.store.SessionsByID(ctx, ended)
	for i := range slices.Backward(sessions) {
		switch {
		case !v.c.flags.json && !sessions[i].Failed:
		case shown == most:
			more++
		default:
			shown++
			v.session(ctx, &sessions[i])
		}
	}
	if more > 0 {
		v.c.u.print(v.c.u.styles.note.Render(v.c.u.say(wordCatchMore, more)))
	}
}

func (v *catchView) messages(ctx context.Context, ids []int64) {
	if messages, err := v.c.store.MessagesByID(ctx, ids); err == nil {
		for i := range messages {
			v.message(&messages[i])
		}
	}
}

// upTo gives the IDs of the messages that were not shown, up to this one, and takes them for shown.
func (v *catchView) upTo(id int64) (ids []int64) {
	if v.newest == 0 { // nothing was there, and IDs may have been given before
		v.newest = id - 1
	}
	for ; v.newest < id; v.newest++ {
		ids = append(ids, v.newest+1)
	}
	return ids
}

// idsOf gives the IDs of the messages that came and of the sessions that ended. Where more came than we could follow, the
// messages are asked of the store, which has them all.
func (v *catchView) idsOf(ctx context.Context, events []inbox.Event) (came, ended []int64) {
	for _, e := range events {
		switch e.What {
		case "message":
			came = append(came, v.upTo(e.ID)...)
		case "session-ended":
			ended = append(ended, e.ID)
		case "missed":
			if page, err := v.c.store.Messages(ctx, inbox.Query{Limit: 1}); err == nil && len(page.Items) > 0 {
				came = append(came, v.upTo(page.Items[0].ID)...)
			}
		}
	}
	return came, ended
}

func (v *catchView) message(m *inbox.Message) {
	if v.c.flags.json {
		v.c.u.printJSON(catchRecord{Event: "message", Message: m})
		return
	}
	v.c.u.printMessage(m)
}

// printMessage is a line or two on a mail that was kept.
func (u *ui) printMessage(m *inbox.Message) {
	from := m.ReversePath
	if from == "" {
		from = "<>"
	}
	u.lead(u.styles.good, u.say(wordCatchCame, m.ID, from, strings.Join(m.Recipients, ", "), thousands(int(m.Size))))
	u.print("  " + smtp.Printable(cmp.Or(m.Subject, u.say(wordCatchNoSubject))))
}

// forwarded tells what became of a mail that a rule passed on.
func (v *catchView) forwarded(m inbox.Message, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case v.c.flags.json:
		r := catchRecord{Event: "forwarded"}
		if m.ID != 0 {
			r.Message = &m
		}
		if err != nil {
			r.Error = err.Error()
		}
		v.c.u.printJSON(r)
	case m.ID == 0:
		v.c.u.warn(wordCatchForwardWaits, err)
	case err != nil:
		v.c.u.warn(wordCatchNotForwarded, m.ID, err)
	default:
		v.passedOn(m.ID)
	}
}

// passedOn says where a mail went and what was said to it: below the mail itself, which a person is to have seen before.
func (v *catchView) passedOn(id int64) {
	ctx := context.Background()
	line := v.c.u.say(wordCatchForwarded, id, v.c.forwarder.Client.Addr)
	if list, err := v.c.store.Releases(ctx, id); err == nil && len(list) > 0 {
		last := list[len(list)-1]
		line = v.c.u.say(wordCatchForwardedTo, id, v.c.forwarder.Client.Addr, strings.Join(last.Recipients, ", "), last.Reply)
	}
	if line = smtp.Printable(line); v.silent {
		v.held = append(v.held, line)
		return
	}
	if missing := id - v.newest; missing > 0 && missing <= mostShown {
		v.messages(ctx, v.upTo(id))
	}
	v.c.u.print(line)
}

// release gives the lines that were held back while another program had the terminal.
func (v *catchView) release() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	held := v.held
	v.held = nil
	return held
}
