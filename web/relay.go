package web

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/relay"
	"github.com/parleymail/parley/web/api"
)

// A Relay is what is served by HTTP of a relay: mail is handed over, and the queue is looked at. Its users are the relay's. Where there are
// none, programs of this machine alone are answered.
type Relay struct {
	Relay *relay.Server
	Box   *outbox.Box
	Pages map[string]http.Handler     // what people see, by the pattern of http.ServeMux; api.AccountOf tells who asks. nil: none
	Addr  string                      // where it listens
	Ready func(context.Context) error // whether mail would be taken; nil: Relay.Ready
}

const mostHandingOver = 64 // requests at a time; each may hold some megabytes

// Handler is all of it, behind its guard. The context ends with the server: what follows events then ends.
func (s *Relay) Handler(ctx context.Context) http.Handler {
	mux := http.NewServeMux()
	for pattern, handler := range s.all(ctx) {
		mux.Handle(pattern, handler)
	}
	return &relayGuard{s: s, next: &answering{mux}, host: guard{hosts: hostNames(nil, s.Addr)}}
}

// all are the routes there are, by pattern. A test goes through them.
func (s *Relay) all(ctx context.Context) map[string]http.Handler {
	all := map[string]http.Handler{
		"GET " + pathHealth:  http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { tell(w, http.StatusOK, "ok") }),
		"GET " + pathReady:   http.HandlerFunc(s.ready),
		"GET " + pathMetrics: s.metrics(),
	}
	o := &api.Outbox{Box: s.Box, Relay: s.Relay, Context: ctx}
	maps.Insert(all, o.Routes())
	maps.Insert(all, maps.All(s.Pages))
	// Of what a user may be slow at one has half at most: nobody else is kept waiting by them.
	streams, reading, writing := make(chan struct{}, mostStreams), make(chan struct{}, mostReading), make(chan struct{}, mostHandingOver)
	for pattern, next := range all {
		switch {
		case pattern == "GET /api/v1/events":
			all[pattern] = shared(limited(next, streams, 0), mostStreams/2, 0)
		case strings.HasPrefix(pattern, "GET ") && strings.Contains(pattern, "/messages/{id}"):
			all[pattern] = limited(next, reading, patience)
		case pattern == "POST "+api.HandOverPath:
			all[pattern] = shared(limited(next, writing, patience), mostHandingOver/2, patience)
		}
	}
	return all
}

const (
	pathHealth  = "/healthz"
	pathReady   = "/readyz"
	pathMetrics = "/metrics"
)

// ready is whether mail would be taken. Why it would not stands in the log, and not in an answer that anybody may ask for.
func (s *Relay) ready(w http.ResponseWriter, r *http.Request) {
	ctx, stop := context.WithTimeout(r.Context(), 5*time.Second)
	defer stop()
	ready := s.Ready
	if ready == nil {
		ready = s.Relay.Ready
	}
	if ready(ctx) != nil {
		tell(w, http.StatusServiceUnavailable, "mail cannot be taken")
		return
	}
	tell(w, http.StatusOK, "ok")
}

func tell(w http.ResponseWriter, code int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(code)
	fmt.Fprintln(w, text)
}

// metrics is a registry of our own: whoever uses this package in a program keeps theirs.
func (s *Relay) metrics() http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(s.Relay, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
}

// A relayGuard stands before every route of a relay.
type relayGuard struct {
	s    *Relay
	next http.Handler
	host guard // which knows the names of this machine
}

func (g *relayGuard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	setHeaders(w.Header())
	if r.URL.Path == pathHealth || r.URL.Path == pathReady {
		g.next.ServeHTTP(w, r) // whoever watches has no login, and asks by any name
		return
	}
	if why := crossing(r); why != "" {
		refuse(w, r, http.StatusForbidden, "origin", why)
		return
	}
	who, ok := g.who(w, r)
	if !ok {
		return
	}
	if r.URL.Path == pathMetrics && !who.Operator {
		refuse(w, r, http.StatusForbidden, "not_allowed", "this is told to operators, and to programs of this machine") // names of lanes are accounts
		return
	}
	if handsOver := r.Method == http.MethodPost && r.URL.Path == api.HandOverPath; !handsOver && !takeBody(w, r) {
		return
	}
	g.next.ServeHTTP(w, r.WithContext(api.WithAccount(r.Context(), who)))
}

// who tells who asks, and refuses who may not.
func (g *relayGuard) who(w http.ResponseWriter, r *http.Request) (relay.Account, bool) {
	guest, ok := g.s.Relay.Guest()
	near := isNear(r.RemoteAddr) && g.host.isOurs(r.Host) && !isForwarded(r)
	switch {
	case ok && near:
		return guest, true
	case ok:
		// DNS rebinding: a page of anybody's whose name has come to mean this machine. Or the users were taken away, and the port is still open.
		refuse(w, r, http.StatusMisdirectedRequest, "host", "this is for programs of this machine alone, which call it localhost")
		return guest, false
	case near && r.URL.Path == pathMetrics && r.Header.Get("Authorization") == "":
		return relay.Account{Operator: true}, true
	}
	name, password, ok := r.BasicAuth()
	if !ok {
		g.stranger(w, r)
		return guest, false
	}
	client, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		client = r.RemoteAddr
	}
	who, err := g.s.Relay.LogIn(r.Context(), client, name, password)
	switch {
	case err == nil:
		return who, true
	case errors.Is(err, relay.ErrBusy):
		w.Header().Set("Retry-After", "1")
		refuse(w, r, http.StatusTooManyRequests, "logins", "too many logins are being tried: come again in a moment")
	default:
		g.stranger(w, r)
	}
	return who, false
}

func (g *relayGuard) stranger(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength != 0 {
		w.Header().Set("Connection", "close") // nobody reads what a stranger sends
	}
	w.Header().Set("WWW-Authenticate", `Basic realm="Parley", charset="UTF-8"`)
	why := "log in: a name and a password of a user are wanted (curl --user NAME, a browser asks)"
	if r.Header.Get("Authorization") != "" {
		why = "the name or the password is wrong: say those of a [user.NAME] of the configuration"
	}
	refuse(w, r, http.StatusUnauthorized, "login", why)
}

// isForwarded reports whether a proxy says that it asks for somebody else. One on this machine asks from it, and often by its name, for
// whoever there is (RFC 7239, RFC 9110 §7.6.3).
func isForwarded(r *http.Request) bool {
	for _, name := range []string{"Forwarded", "Via", "X-Forwarded-For", "X-Real-Ip"} {
		if r.Header.Get(name) != "" {
			return true
		}
	}
	return false
}

// isNear reports whether a client is on this machine.
func isNear(remote string) bool {
	at, err := netip.ParseAddrPort(remote)
	return err == nil && at.Addr().Unmap().IsLoopback()
}
