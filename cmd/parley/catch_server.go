package main

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/parleymail/parley/fault"
	"github.com/parleymail/parley/inbox"
	"github.com/parleymail/parley/internal/throwaway"
	"github.com/parleymail/parley/proxy"
)

// A catcher is one run of "parley catch": the store, the server that fills it, and its
// pages.
type catcher struct {
	u         *ui
	flags     *catchFlags
	store     *inbox.Store
	faults    *fault.Plan
	server    *inbox.Server
	forwarder *inbox.Forwarder

	view *catchView

	plain, implicit, pages net.Listener // nil: none
	pageServer             *http.Server
	webUsers               map[string]string
	made                   []byte // the certificate that was made, for programs to trust; nil: it was given
}

// prepare settles what the flags mean, and opens what they name. The ports come first: where a run that goes on has them,
// this one is to touch nothing.
func (c *catcher) prepare(ctx context.Context) error {
	for _, step := range []func() error{
		c.plan, c.serving, func() error { return c.onward(ctx) }, c.readWebUsers, c.listen, c.saveCertificate,
		func() error { return c.open(ctx) }, func() error { return c.serveWeb(ctx) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

const mib = 1 << 20

// serving is how mail is taken.
func (c *catcher) serving() error {
	f, u := c.flags, c.u
	by, ok := mailboxesBy[f.mailboxes]
	if !ok {
		return &usageError{u.say(wordCatchMailboxes, f.mailboxes)}
	}
	users, err := u.catchUsers(f)
	if err != nil {
		return err
	}
	config, err := c.certificate()
	if err != nil {
		return err
	}
	c.view = newCatchView(c)
	c.server = &inbox.Server{
		Faults: c.faults, Users: users, TLS: config, WithoutSTARTTLS: !c.offersSTARTTLS(), MailboxBy: by,
		RequireTLS: f.requireTLS, RequireAuth: f.requireLogin, MaxSize: f.messageSize * mib, Trace: c.view.trace(),
	}
	return nil
}

// offersSTARTTLS reports whether the plain port does: where it was asked for, or something else that was makes no sense without.
// Many libraries go on by STARTTLS wherever it is offered, and verify: with a certificate made just now they fail.
func (c *catcher) offersSTARTTLS() bool {
	f := c.flags
	return f.starttls || f.requireTLS || f.saveCert != "" || f.cert != "" ||
		slices.ContainsFunc(c.faults.Rules(), func(r fault.Rule) bool { return r.Stage == "tls" })
}

// open opens the store.
func (c *catcher) open(ctx context.Context) (err error) {
	f := c.flags
	c.store, err = inbox.Open(inbox.Options{Path: f.data, MaxMessages: f.keep, MaxAge: f.maxAge, MaxBytes: f.maxSize * mib})
	if err != nil {
		return &usageError{"--data: " + err.Error()}
	}
	c.server.Store = c.store
	if c.forwarder != nil {
		c.forwarder.Store = c.store
	}
	if c.forwards() {
		return c.forwarder.Begin(ctx) // before anybody is let in
	}
	return nil
}

// mailboxesBy are the values of --mailboxes.
var mailboxesBy = map[string]inbox.MailboxBy{"one": inbox.OneMailbox, "login": inbox.ByLogin, "recipient": inbox.ByRecipient, "token": inbox.ByToken}

// plan is what is to go wrong from the start.
func (c *catcher) plan() error {
	f := c.flags
	c.faults.Magic = !f.noMagic
	if f.faults != "" {
		file, err := os.Open(f.faults)
		if err != nil {
			return &usageError{"--faults: " + err.Error()}
		}
		defer file.Close()
		rules, err := fault.Read(file)
		if err == nil {
			err = c.faults.Replace(rules)
		}
		if err != nil {
			return &usageError{"--faults: " + err.Error()}
		}
	}
	for _, text := range f.fault {
		rule, err := fault.ParseRule(text)
		if err == nil {
			_, err = c.faults.Add(rule)
		}
		if err != nil {
			return &usageError{"--fault: " + err.Error()}
		}
	}
	for _, name := range f.persona {
		if _, err := c.faults.Add(fault.Rule{Persona: name}); err != nil {
			return &usageError{"--persona: " + err.Error()}
		}
	}
	return nil
}

// catchUsers are those who may log in; nil for anybody.
func (u *ui) catchUsers(f *catchFlags) (map[string]string, error) {
	if f.users == "" {
		return nil, nil
	}
	data, err := os.ReadFile(f.users)
	if err != nil {
		return nil, &usageError{"--users: " + err.Error()}
	}
	users := make(map[string]string)
	n := 0
	for line := range strings.Lines(string(data)) {
		n++
		if is := strings.TrimSpace(line); is == "" || strings.HasPrefix(is, "#") {
			continue
		}
		// A password may end with a blank.
		name, password, ok := strings.Cut(strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r"), ":")
		if name = strings.TrimSpace(name); !ok || name == "" || password == "" {
			return nil, &usageError{u.say(wordCatchUserLine, f.users, n)} // without the line: it may be a password
		}
		users[name] = password
	}
	if len(users) == 0 {
		return nil, &usageError{u.say(wordCatchNoUsers, f.users)}
	}
	return users, nil
}

// certificate is the one that was given, or one made just now.
func (c *catcher) certificate() (*tls.Config, error) {
	f, u := c.flags, c.u
	var pair tls.Certificate
	var err error
	switch {
	case (f.cert == "") != (f.key == ""):
		return nil, &usageError{u.say(wordProxyCertAndKey)}
	case f.cert != "" && f.saveCert != "":
		return nil, &usageError{u.say(wordProxyBoth, "--save-cert", "--cert")}
	case f.cert != "":
		if pair, err = tls.LoadX509KeyPair(f.cert, f.key); err != nil {
			return nil, &usageError{"--cert, --key: " + err.Error()}
		}
	default:
		const life = 30 * 24 * time.Hour
		ca, err := throwaway.NewAuthority("parley catch", life)
		if err != nil {
			return nil, err
		}
		if pair, err = ca.Issue(time.Now().Add(life), append([]string{"localhost", "127.0.0.1", "::1"}, f.host...)...); err != nil {
			return nil, err
		}
		c.faults.Issue, c.made = ca.Issue, ca.PEM()
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}}, nil
}

// saveCertificate is --save-cert.
func (c *catcher) saveCertificate() error {
	if c.flags.saveCert == "" {
		return nil
	}
	if err := os.WriteFile(c.flags.saveCert, c.made, 0o644); err != nil {
		return &usageError{"--save-cert: " + err.Error()}
	}
	return nil
}

// onward is where mails are passed on to, if anywhere.
func (c *catcher) onward(ctx context.Context) error {
	f := c.flags
	if f.release == "" && len(f.forward) > 0 {
		return &usageError{c.u.say(wordCatchForwardAlone)}
	}
	if f.release != "" {
		s, err := c.u.resolve(ctx, wanted{text: f.release, flag: "--release"})
		if err != nil {
			return err
		}
		c.forwarder = &inbox.Forwarder{Client: s.client}
		for _, query := range f.forward {
			if _, err := inbox.ParseQuery(query); err != nil {
				return &usageError{"--forward: " + err.Error()}
			}
			c.forwarder.Rules = append(c.forwarder.Rules, inbox.Rule{Query: query})
		}
	}
	return nil
}

// listen opens the ports. A port of SMTP that other machines reach is warned of; pages
// that they reach want users.
func (c *catcher) listen() (err error) {
	f, u := c.flags, c.u
	open := func(flag, addr string) net.Listener {
		if addr == "" || err != nil {
			return nil
		}
		l, failed := net.Listen("tcp", proxy.ListenAddr(addr))
		if failed != nil {
			err = u.portError(flag, addr, failed)
			return nil
		}
		return l
	}
	c.plain, c.implicit = open("--smtp", f.smtp), open("--smtps", f.smtps)
	if err != nil {
		return err
	}
	for _, l := range []net.Listener{c.plain, c.implicit} {
		if l != nil && !proxy.IsLoopback(l.Addr()) && c.server.Users == nil {
			u.warn(wordCatchNetwork, l.Addr())
		}
	}
	if c.plain == nil && c.implicit == nil {
		return &usageError{u.say(wordCatchNoPort)}
	}
	return c.listenWeb()
}

// portError says why a port cannot be had, and what else to try where somebody has it: most often an older run.
func (u *ui) portError(flag, addr string, err error) error {
	text := flag + ": " + err.Error()
	host, port, bad := net.SplitHostPort(proxy.ListenAddr(addr))
	if n, no := strconv.Atoi(port); bad == nil && no == nil && n > 0 && isTaken(err) {
		text += "; " + u.say(wordCatchPortTaken, flag, net.JoinHostPort(host, strconv.Itoa(n+1)))
	}
	return &usageError{text}
}

// isTaken reports whether an error of net.Listen says that somebody else listens there. Windows has a number of its own for it.
func isTaken(err error) bool {
	const windows = syscall.Errno(10048) // WSAEADDRINUSE
	return errors.Is(err, syscall.EADDRINUSE) || runtime.GOOS == "windows" && errors.Is(err, windows)
}

// forwards reports whether there are rules by which mails are passed on.
func (c *catcher) forwards() bool { return c.forwarder != nil && len(c.forwarder.Rules) > 0 }

// serve takes mail and shows pages until the context ends.
func (c *catcher) serve(ctx context.Context) error {
	events, stop := c.view.begin(ctx)
	// What was taken last is shown and passed on after the context has ended.
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	ended := make(chan error, 4)
	var wg sync.WaitGroup
	start := func(run func() error) { wg.Go(func() { ended <- run() }) }
	if c.plain != nil {
		start(func() error { return c.server.Serve(c.plain) })
	}
	if c.implicit != nil {
		start(func() error { return c.server.ServeTLS(c.implicit) })
	}
	if c.pages != nil {
		start(func() error { return c.pageServer.Serve(c.pages) })
	}
	if c.forwards() {
		start(func() error { return c.forwarder.Run(running, c.view.forwarded) })
	}
	wg.Go(func() { c.view.watch(context.WithoutCancel(ctx), events) })
	var err error
	select {
	case err = <-ended:
	case <-ctx.Done():
	}
	c.finish()
	if c.pageServer != nil {
		// Pages that watch never end by themselves.
		c.pageServer.Close()
	}
	stop()
	cancel()
	wg.Wait()
	return err
}

// How long mails that are under way may take, in and out.
const (
	inGrace  = 2 * time.Second
	outGrace = 10 * time.Second
)

// finish takes no more connections. A mail that is under way may still come in, and what came in is passed on.
func (c *catcher) finish() {
	grace, cancel := context.WithTimeout(context.Background(), inGrace)
	defer cancel()
	c.server.Shutdown(grace)
	if !c.forwards() {
		return
	}
	grace, cancel = context.WithTimeout(context.Background(), outGrace)
	defer cancel()
	c.forwarder.Finish(grace)
}

func (c *catcher) close() {
	for _, l := range []net.Listener{c.plain, c.implicit, c.pages} {
		if l != nil {
			l.Close()
		}
	}
	if c.store == nil {
		return
	}
	if err := c.store.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		c.u.tell(err.Error())
	}
}
