package pages

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/parleymail/parley/inbox"
	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/relay"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/web/api"
)

// QueueConfig is what the queue's pages are of.
type QueueConfig struct {
	Box   *outbox.Box
	Relay *relay.Server // whose users are shown, and where mail is handed over; nil: that is not told

	// Who tells who asks. An operator sees and moves the mail of all, others their own; who has no name and is no operator sees nothing.
	// Nil: as api.AccountOf says.
	Who func(*http.Request) (name string, operator bool)

	Version string
}

// A Queue is what a person sees of an outbox and its relay: the lanes, the mail with its history, what happens in an hour, and those who are
// not written to. Its pages look, and are written, as those of what was caught.
type Queue struct {
	QueueConfig
	*press
	counted counted
	flows   flows
}

// NewQueue reads the templates. An error is a mistake in them.
func NewQueue(c QueueConfig) (*Queue, error) {
	p, err := newPress("queue_page_", "templates/page_message.html", "templates/queue_nav.html")
	return &Queue{QueueConfig: c, press: p}, err
}

// An asker is who looks at the queue.
type asker struct {
	Name     string // empty: a program or a person of this machine
	Operator bool   // sees the mail of all
	Waiting  int    // in all of the queue; told to operators
	Stuck    int    // held, or unknown: they wait for a person
}

// A queueHandler gives a page, or an error, which is shown as one.
type queueHandler func(w http.ResponseWriter, r *http.Request, v *screen) error

// Routes are all that there are, by the pattern of http.ServeMux.
func (q *Queue) Routes() map[string]http.Handler {
	routes := map[string]http.Handler{
		"GET /settings":      q.answer(func(w http.ResponseWriter, r *http.Request, _ *screen) error { return settings(w, r) }, false),
		"GET /static/{name}": q.answer(func(w http.ResponseWriter, r *http.Request, _ *screen) error { return q.serveStatic(w, r) }, false),
	}
	for pattern, h := range map[string]queueHandler{
		"GET /{$}":                     q.home,
		"GET /messages":                q.list,
		"POST /messages":               q.changeList,
		"GET /messages/{id}":           q.message,
		"POST /messages/{id}":          q.changeMessage,
		"GET /messages/{id}/html":      q.frame,
		"GET /messages/{id}/image/{n}": q.image,
		"GET /messages/{id}/file/{n}":  q.file,
		"GET /help":                    q.help,
	} {
		routes[pattern] = q.answer(h, false)
	}
	for pattern, h := range map[string]queueHandler{
		"GET /rates":         q.rates,
		"GET /suppressions":  q.suppressions,
		"POST /suppressions": q.changeSuppressions,
		"GET /users":         q.users,
	} {
		routes[pattern] = q.answer(h, true)
	}
	return routes
}

// patience is how long a page may take to be looked up.
const patience = 20 * time.Second

// answer shows a page to those who may see it, and an error as one.
func (q *Queue) answer(h queueHandler, operators bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who, known := q.who(r)
		v := &screen{Lang: langOf(r), Theme: themeOf(r), Here: r.URL.RequestURI(), Version: q.Version, Asker: who}
		w.Header().Set("Vary", "Accept-Language, Cookie")
		var err error
		switch {
		case !known:
			err = &problem{http.StatusForbidden, "queue-stranger", ""}
		case operators && !who.Operator:
			err = &problem{http.StatusForbidden, "queue-operators", ""}
		default:
			if r.Method == http.MethodGet {
				ctx, stop := context.WithTimeout(r.Context(), patience)
				defer stop()
				r = r.WithContext(ctx)
			}
			err = h(w, r, v)
			if err != nil && r.Context().Err() != nil {
				err = r.Context().Err() // a driver has words of its own for that
			}
		}
		if err != nil {
			v.Page = "queue-problem"
			q.countWaiting(r.Context(), v)
			shown := q.problemOf(err, who)
			q.problem(w, v, shown, problemPage{Detail: shown.detail})
		}
	})
}

func (q *Queue) who(r *http.Request) (asker, bool) {
	var who asker
	if q.Who != nil {
		who.Name, who.Operator = q.Who(r)
		return who, who.Operator || who.Name != ""
	}
	a, ok := api.AccountOf(r.Context())
	who.Name, who.Operator = a.Name, a.Operator
	return who, ok && (a.Operator || a.Name != "") // an empty name would be that of everybody
}

// problemOf words an error. What a database says is for operators.
func (q *Queue) problemOf(err error, who asker) *problem {
	if p, ok := errors.AsType[*problem](err); ok {
		return p
	}
	switch {
	case errors.Is(err, outbox.ErrNotFound), errors.Is(err, inbox.ErrNotFound):
		return &problem{http.StatusNotFound, "queue-gone", ""}
	case errors.Is(err, outbox.ErrBusy):
		return &problem{http.StatusConflict, "queue-busy", ""}
	case errors.Is(err, outbox.ErrGone):
		return &problem{http.StatusConflict, "queue-no-content", ""}
	case errors.Is(err, outbox.ErrClosed), errors.Is(err, context.Canceled):
		return &problem{http.StatusServiceUnavailable, "closing", ""}
	case errors.Is(err, context.DeadlineExceeded):
		return &problem{http.StatusServiceUnavailable, "queue-slow", ""}
	}
	p := &problem{http.StatusInternalServerError, "failed", ""}
	if _, broken := errors.AsType[net.Error](err); broken {
		p = &problem{http.StatusServiceUnavailable, "queue-database", ""}
	}
	if who.Operator {
		p.detail = smtp.Printable(err.Error())
	}
	return p
}

// show writes a page of the queue.
func (q *Queue) show(w http.ResponseWriter, r *http.Request, v *screen, name, title string, body any) error {
	if r.Header.Get("Parley-Live") == "" { // what a form did is told to the person, not to the script that asks again
		v.Notice = takeNotice(w, r, v)
	}
	q.countWaiting(r.Context(), v)
	v.Page, v.Title, v.Body = "queue-"+name, title, body
	return q.render(w, name, http.StatusOK, v)
}

// countWaiting has an operator see on each page, one of a problem too, how much waits.
func (q *Queue) countWaiting(ctx context.Context, v *screen) {
	if !v.Asker.Operator {
		return
	}
	if t, err := q.tally(ctx); err == nil {
		v.Asker.Waiting = t.States[outbox.Queued] + t.States[outbox.Deferred]
		v.Asker.Stuck = t.States[outbox.Held] + t.States[outbox.Unknown]
	}
}

// counted is the last tally. Of a million mails it takes a while: however many look, no more than a tenth of the time is spent on it.
type counted struct {
	mu    sync.Mutex
	tally *outbox.Tally
	at    time.Time
	took  time.Duration
}

func (q *Queue) tally(ctx context.Context) (*outbox.Tally, error) {
	c := &q.counted
	c.mu.Lock()
	defer c.mu.Unlock()
	const least, share = 500 * time.Millisecond, 10
	if c.tally != nil && time.Since(c.at) < max(least, share*c.took) {
		return c.tally, nil
	}
	began := time.Now()
	t, err := q.Box.Tally(ctx)
	if err != nil {
		return nil, err
	}
	c.tally, c.at, c.took = t, time.Now(), time.Since(began)
	return t, nil
}

// forget has the next page count anew: something was changed.
func (q *Queue) forget() {
	q.counted.mu.Lock()
	defer q.counted.mu.Unlock()
	q.counted.tally = nil
}

// help tells of keys, and how mail is handed over.
func (q *Queue) help(w http.ResponseWriter, r *http.Request, v *screen) error {
	page := &queueHelp{Addresses: q.addresses(), URL: "http://" + clip(r.Host, 200)}
	page.Login = q.Relay != nil && len(q.Relay.Users()) > 0
	if r.TLS != nil {
		page.URL = "https://" + clip(r.Host, 200)
	}
	return q.show(w, r, v, "help", v.T("help"), page)
}

// A queueHelp is the page of help: where mail is handed over.
type queueHelp struct {
	Addresses []string
	URL       string // of this server, as the reader has it
	Login     bool   // a name and a password are wanted
}

// addresses are where programs hand mail over.
func (q *Queue) addresses() (list []string) {
	if q.Relay == nil {
		return nil
	}
	for _, a := range q.Relay.Addrs() {
		if a != nil {
			list = append(list, a.String())
		}
	}
	return list
}

// States are all of them.
func (*screen) States() []outbox.State { return states }
