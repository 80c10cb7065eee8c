package web

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/parleymail/parley/fault"
	"github.com/parleymail/parley/inbox"
	"github.com/parleymail/parley/internal/webhook"
	"github.com/parleymail/parley/web/api"
	"github.com/parleymail/parley/web/pages"
)

// A Server is the pages and the API of what was caught. Its fields are not changed once Handler was called.
type Server struct {
	Inbox     *inbox.Store
	Faults    *fault.Plan
	Forwarder *inbox.Forwarder  // nil: nothing is sent on
	Users     map[string]string // names to bcrypt hashes: see ReadUsers; nil: nobody has to say who they are
	Hosts     []string          // names by which browsers may reach it, besides localhost
	Addr      string            // where it listens
	SMTP      []string          // where programs send to: for the pages
	SMTPURL   string
	STARTTLS  bool // what is offered there
	Version   string
	Webhooks  []Webhook
	Log       *slog.Logger // nil: slog.Default
}

// Handler is all of it, behind its guard. The context ends with the server: what waits for mail then stops waiting.
func (s *Server) Handler(ctx context.Context) (http.Handler, error) {
	mux, err := s.routes(ctx)
	if err != nil {
		return nil, err
	}
	g := &guard{next: &answering{mux}, hosts: hostNames(s.Hosts, s.Addr)}
	if s.Users != nil {
		if g.users, err = newUsers(s.Users); err != nil {
			return nil, fmt.Errorf("web: %w", err)
		}
	}
	return g, nil
}

// routes has each route at its pattern.
func (s *Server) routes(ctx context.Context) (*http.ServeMux, error) {
	all, err := s.all(ctx)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	for pattern, handler := range all {
		mux.Handle(pattern, handler)
	}
	return mux, nil
}

// all are the routes there are, by pattern. A test goes through them.
func (s *Server) all(ctx context.Context) (map[string]http.Handler, error) {
	h := &hooks{store: s.Inbox, list: s.Webhooks, client: webhook.Client(), log: s.Log}
	if h.log == nil {
		h.log = slog.Default()
	}
	h.begin(ctx)
	all := map[string]http.Handler{
		"GET /metrics": promhttp.HandlerFor(newMetrics(s.Inbox, s.Faults, h), promhttp.HandlerOpts{}),
		"GET /healthz": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") }),
		"GET /readyz":  http.HandlerFunc(s.ready),
	}
	a := &api.API{Inbox: s.Inbox, Faults: s.Faults, Forwarder: s.Forwarder, Context: ctx}
	maps.Insert(all, a.Routes())
	p, err := pages.New(pages.Config{
		Inbox: s.Inbox, Faults: s.Faults, Forwarder: s.Forwarder, SMTP: s.SMTP, SMTPURL: s.SMTPURL, STARTTLS: s.STARTTLS, Version: s.Version, Context: ctx,
	})
	if err != nil {
		return nil, fmt.Errorf("web: %w", err)
	}
	maps.Insert(all, p.Routes())
	streams, reading := make(chan struct{}, mostStreams), make(chan struct{}, mostReading)
	for pattern, next := range all {
		switch {
		case pattern == "GET /api/v1/events" || pattern == "GET /api/v1/wait":
			all[pattern] = limited(next, streams, 0)
		case strings.HasPrefix(pattern, "GET ") && strings.Contains(pattern, "/messages/{id}"):
			all[pattern] = limited(next, reading, patience)
		}
	}
	return all, nil
}

// ready asks the store.
func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 5*time.Second)
	defer cancel()
	if _, err := s.Inbox.Stats(ctx); err != nil {
		http.Error(w, "the store does not answer", http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ok")
}

// answering is the mux, with words for what it does not have.
type answering struct{ mux *http.ServeMux }

func (a *answering) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if _, pattern := a.mux.Handler(r); pattern != "" {
		a.mux.ServeHTTP(w, r)
		return
	}
	tried := &probe{header: make(http.Header)}
	a.mux.ServeHTTP(tried, r)
	if allow := tried.header.Get("Allow"); allow != "" {
		w.Header().Set("Allow", allow)
		refuse(w, r, http.StatusMethodNotAllowed, "method", r.Method+" is not for this; there is "+allow)
		return
	}
	if tried.status >= 300 && tried.status < 400 {
		a.mux.ServeHTTP(w, r) // another spelling of a path
		return
	}
	refuse(w, r, http.StatusNotFound, "not_found", "there is nothing here")
}

// A probe hears what the mux would have said.
type probe struct {
	header http.Header
	status int
}

func (p *probe) Header() http.Header         { return p.header }
func (p *probe) Write(b []byte) (int, error) { return len(b), nil }
func (p *probe) WriteHeader(status int)      { p.status = status }

// refuse says why not: in JSON to a program, in a line to a person.
func refuse(w http.ResponseWriter, r *http.Request, status int, code, message string) {
	if strings.HasPrefix(r.URL.Path, "/api/") {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		json.NewEncoder(w).Encode(map[string]any{"error": map[string]string{"code": code, "message": message}})
		return
	}
	http.Error(w, "Parley: "+message, status)
}
