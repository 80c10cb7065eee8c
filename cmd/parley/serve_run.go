package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/outbox/oteltrace"
	"github.com/parleymail/parley/relay"
	"github.com/parleymail/parley/route"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/transcript"
)

// A serving is one run of "parley serve": the box, the relay over it, and what is asked by HTTP.
type serving struct {
	u       *ui
	flags   *serveFlags
	file    *relay.File // nil: the flags say all
	box     *outbox.Box
	relay   *relay.Server
	web     net.Listener               // nil: none
	pages   map[string]http.Handler    // what people see there
	tls     atomic.Pointer[tls.Config] // of the configuration that holds; nil: none
	scheme  string                     // of HTTP
	servers []route.Server             // that mail goes to
	trace   func(smtp.Event)
	spans   trace.Tracer // nil: none are made
	out     locked

	life atomic.Int32 // of the process: 0 starting, 1 at work, 2 ending
}

// run serves until the context ends.
func (s *serving) run(ctx context.Context) error {
	c, err := s.configuration(ctx)
	if err != nil {
		return err
	}
	if s.flags.verbose {
		s.trace = transcript.Print(s.u.err)
	}
	s.out.w = s.u.out
	spans, end, err := s.tracing(ctx)
	if err != nil {
		return err
	}
	defer end()
	s.spans = spans
	s.listenTo(&c)
	if err := s.open(ctx); err != nil {
		return err
	}
	if s.relay, err = relay.New(s.box, c); err != nil {
		return err
	}
	s.tls.Store(c.TLS)
	s.servers = c.Routes.Servers
	if err := s.relay.Listen(); err != nil {
		if s.flags.config != "" {
			return &usageError{s.flags.config + ", [[listen]]: " + err.Error()}
		}
		return s.u.portError("--smtp", s.flags.smtp, err)
	}
	if err := s.listenHTTP(); err != nil {
		return err
	}
	return s.work(ctx)
}

// open opens the box.
func (s *serving) open(ctx context.Context) error {
	database, err := s.databaseOf()
	if err != nil {
		return err
	}
	o := outbox.Options{}
	if s.file != nil {
		o = s.file.Options
	}
	o.Log = s.log()
	if s.box, err = relay.Open(ctx, database, o); err != nil {
		return s.u.databaseError(database, err)
	}
	return nil
}

// work has all that goes on at once, until the context ends.
func (s *serving) work(ctx context.Context) error {
	var tasks sync.WaitGroup
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	var server *http.Server
	if s.web != nil {
		server = s.httpServer(background)
		tasks.Go(func() { server.Serve(s.web) }) //nolint:errcheck // it ends when it is closed
	}
	tasks.Go(func() { s.reloads(background) })
	s.started()
	tasks.Go(func() { s.doubt(background, s.servers) })
	context.AfterFunc(ctx, func() {
		s.life.Store(2)
		notify("STOPPING=1")
	})
	err := s.relay.Run(ctx)
	stop()
	if server != nil {
		endHTTP(server, httpPatience)
	}
	tasks.Wait()
	if err == nil {
		s.stopped()
	}
	return err
}

// reloads reads the configuration anew whenever it is asked to.
func (s *serving) reloads(ctx context.Context) {
	asked := make(chan os.Signal, 1)
	if len(reloadSignals) == 0 {
		return
	}
	signal.Notify(asked, reloadSignals...)
	defer signal.Stop(asked)
	for {
		select {
		case <-ctx.Done():
			return
		case <-asked:
		}
		notify(reloading())
		err := s.reload(ctx)
		notify("READY=1")
		s.reloaded(err)
	}
}

// reload takes what the file says now. Where anything is wrong with it all stays as it is.
func (s *serving) reload(ctx context.Context) error {
	file := s.file
	c, err := s.configuration(ctx)
	if err == nil {
		s.listenTo(&c)
		err = s.relay.Reload(c)
	}
	if err == nil {
		s.tls.Store(c.TLS)
	}
	if err != nil {
		s.file = file
	}
	return err
}

// listenTo has us told of what happens.
func (s *serving) listenTo(c *relay.Config) {
	c.Log, c.Trace = s.log(), s.trace
	if s.spans != nil {
		c.Around, c.Worker.Around = oteltrace.Taking(s.spans), oteltrace.Around(s.spans)
	}
	if !s.flags.json {
		return
	}
	c.Taken = func(t relay.Taken) {
		s.line(takenLine{"taken", t.ID, smtp.Printable(t.User), t.Class, t.ReversePath.String(), t.Recipients, t.Remote})
	}
	c.Refused = func(r relay.Refused) {
		s.line(refusedLine{"refused", smtp.Printable(r.User), r.ReversePath.String(), r.Remote, recordReply(r.Reply)})
	}
	c.Logs = append(c.Logs, relay.EventLog{Name: "stdout-" + hostname(), Writer: historyLines{&s.out}})
}

// What --json prints, besides the history of mails, as [outbox.Event] has it with the event "history".
type (
	listeningLine struct {
		Event    string   `json:"event"`
		SMTP     []string `json:"smtp"`
		HTTP     string   `json:"http,omitempty"`
		Database string   `json:"database"`
		Version  string   `json:"version"`
	}
	takenLine struct {
		Event       string       `json:"event"`
		ID          outbox.ID    `json:"id"`
		User        string       `json:"user,omitempty"`
		Class       outbox.Class `json:"class"`
		ReversePath string       `json:"reverse_path"`
		Recipients  int          `json:"recipients"`
		Remote      string       `json:"remote"`
	}
	refusedLine struct {
		Event       string       `json:"event"`
		User        string       `json:"user,omitempty"`
		ReversePath string       `json:"reverse_path"`
		Remote      string       `json:"remote"`
		Reply       *replyRecord `json:"reply"`
	}
	reloadedLine struct {
		Event string `json:"event"`
		OK    bool   `json:"ok"`
		Error string `json:"error,omitempty"`
	}
	stoppedLine struct {
		Event   string `json:"event"`
		Waiting int    `json:"waiting"` // recipients
	}
)

// line prints an object, whole, whoever else prints.
func (s *serving) line(v any) {
	s.out.Write(s.u.encodeJSON(v)) //nolint:errcheck // nobody is left to tell
}

// locked is a writer that many write to.
type locked struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

// historyLines gives the lines of an event log the first word that all our lines have.
type historyLines struct{ w io.Writer }

func (h historyLines) Write(p []byte) (int, error) {
	_, err := h.w.Write(bytes.ReplaceAll(append([]byte("\n"), p[:max(len(p)-1, 0)]...), []byte("\n{"), []byte("\n{\"event\":\"history\","))[1:])
	if err == nil {
		_, err = h.w.Write([]byte("\n"))
	}
	return len(p), err
}

// log is where that goes which can be said to nobody: standard error, a line each.
func (s *serving) log() *slog.Logger {
	if s.flags.json {
		return slog.New(slog.NewJSONHandler(s.u.err, nil))
	}
	return slog.New(slog.NewTextHandler(s.u.err, &slog.HandlerOptions{ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if len(groups) == 0 && a.Key == slog.TimeKey && s.u.env("JOURNAL_STREAM") != "" {
			return slog.Attr{} // the journal has its own
		}
		return a
	}}))
}

// started tells where we are.
func (s *serving) started() {
	s.life.Store(1)
	notify("READY=1")
	u := s.u
	database, err := s.databaseOf()
	if err != nil {
		return // it was opened
	}
	addrs := []string{}
	for _, a := range s.relay.Addrs() {
		addrs = append(addrs, a.String())
	}
	page := ""
	if s.web != nil {
		page = cmp.Or(s.scheme, "http://") + reachableBy(s.web)
	}
	if s.flags.json {
		s.line(listeningLine{"listening", addrs, page, withoutPassword(database), version()})
		return
	}
	u.print(u.styles.title.Render(u.say(wordServeTitle)))
	for _, a := range addrs {
		u.print("  " + pad(u.say(wordServeSMTP), 10) + a)
	}
	if page != "" {
		u.print("  " + pad(u.say(wordServeHTTP), 10) + page)
	}
	u.print("  " + pad(u.say(wordServeKept), 10) + smtp.Printable(withoutPassword(database)))
	u.print(u.say(wordServeRunning))
}

// withoutPassword is a database's URL as it may be shown.
func withoutPassword(database string) string {
	before, info, after := splitURL(database)
	if user, _, ok := bytes.Cut([]byte(info), []byte(":")); ok {
		return before + string(user) + "@" + after
	}
	if info != "" {
		return before + info + "@" + after
	}
	return database
}

func (s *serving) reloaded(err error) {
	u := s.u
	if s.flags.json {
		line := reloadedLine{Event: "reloaded", OK: err == nil}
		if err != nil {
			line.Error = err.Error()
		}
		s.line(line)
		return
	}
	if err != nil {
		u.tell(u.serveError(err).Error())
		u.tell(u.say(wordServeNotReloaded))
		return
	}
	u.print(u.say(wordServeReloaded))
}

// stopped tells that all was written down, and what is left to do.
func (s *serving) stopped() {
	ctx, stop := context.WithTimeout(context.Background(), 2*time.Second)
	defer stop()
	waiting := 0
	if t, err := s.box.Tally(ctx); err == nil {
		for state, n := range t.States {
			if !state.Final() {
				waiting += n
			}
		}
	}
	if s.flags.json {
		s.line(stoppedLine{"stopped", waiting})
		return
	}
	s.u.print(s.u.say(wordServeStopped, waiting))
}

func (s *serving) close() {
	if s.web != nil {
		s.web.Close()
	}
	if s.box != nil {
		if err := s.box.Close(); err != nil && !errors.Is(err, outbox.ErrClosed) {
			s.u.tell(err.Error())
		}
	}
}
