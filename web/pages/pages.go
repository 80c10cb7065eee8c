// Package pages is what a person sees of what was caught: messages, sessions and faults, server-rendered, in two languages.
//
// Every text of a mail, a client or a file goes through html/template. The one exception is the document of a mail's HTML, which
// inbox/view has made safe, and which stands in a frame of its own, without scripts and with a policy that lets it load nothing.
// Pages work without JavaScript; with it, what comes in appears by itself, and there are keys for everything.
package pages

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"iter"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/parleymail/parley/fault"
	"github.com/parleymail/parley/inbox"
)

// Config is what the pages are of.
type Config struct {
	Inbox     *inbox.Store
	Faults    *fault.Plan
	Forwarder *inbox.Forwarder // nil: nothing is sent on
	SMTP      []string         // addresses that programs send to
	SMTPURL   string           // the same as a program on this machine gives it
	STARTTLS  bool             // is offered there
	Version   string
	Context   context.Context //nolint:containedctx // ends with the server
}

// Pages are the pages.
type Pages struct {
	Config
	*press
}

// A press makes pages of templates, and gives what they are made with.
type press struct {
	templates map[string]*template.Template
	static    map[string][]byte
}

//go:embed templates static
var files embed.FS

// New reads the templates. An error is a mistake in them.
func New(c Config) (*Pages, error) {
	p, err := newPress("page_")
	return &Pages{Config: c, press: p}, err
}

// newPress reads those templates whose names begin so, each with what all have, and with more.
func newPress(prefix string, more ...string) (*press, error) {
	p := &press{templates: make(map[string]*template.Template), static: make(map[string][]byte)}
	names, err := fs.Glob(files, "templates/"+prefix+"*.html")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		with := append([]string{"templates/base.html", "templates/part_*.html"}, more...)
		t, err := template.New(path.Base(name)).ParseFS(files, append(with, name)...)
		if err != nil {
			return nil, fmt.Errorf("pages: %w", err)
		}
		p.templates[strings.TrimSuffix(strings.TrimPrefix(path.Base(name), prefix), ".html")] = t
	}
	entries, err := files.ReadDir("static")
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		data, err := files.ReadFile("static/" + e.Name())
		if err != nil {
			return nil, err
		}
		p.static[e.Name()] = data
	}
	return p, nil
}

// A handler gives a page, or an error, which is shown as one.
type handler func(w http.ResponseWriter, r *http.Request) error

// Routes are all that there are, by the pattern of http.ServeMux.
func (p *Pages) Routes() iter.Seq2[string, http.Handler] {
	all := map[string]handler{
		"GET /{$}":                     p.messages,
		"POST /messages":               p.changeMessages,
		"GET /rows":                    p.rows,
		"GET /messages/{id}":           p.message,
		"GET /messages/{id}/html":      p.frame,
		"GET /messages/{id}/image/{n}": p.image,
		"GET /messages/{id}/file/{n}":  p.file,
		"POST /messages/{id}/delete":   p.deleteMessage,
		"POST /messages/{id}/unseen":   p.unseen,
		"POST /messages/{id}/release":  p.release,
		"GET /sessions":                p.sessions,
		"GET /sessions/{id}":           p.session,
		"POST /sessions/{id}/delete":   p.deleteSession,
		"POST /sessions":               p.changeSessions,
		"GET /faults":                  p.faults,
		"POST /faults":                 p.addFault,
		"POST /faults/clear":           p.clearFaults,
		"POST /faults/{id}/remove":     p.removeFault,
		"GET /settings":                settings,
		"GET /help":                    p.help,
		"GET /static/{name}":           p.serveStatic,
	}
	return func(yield func(string, http.Handler) bool) {
		for pattern, h := range all {
			if !yield(pattern, p.catching(h)) {
				return
			}
		}
	}
}

// A problem is what a person is told in place of a page.
type problem struct {
	status int
	word   string // of words
	detail string
}

// A problemPage is what is shown of it.
type problemPage struct {
	Detail, Query string
	Action        string // of the search box; empty: there is none
	Total         int    // -1: nothing was looked for
}

func (e *problem) Error() string { return e.word + " " + e.detail }

// catching shows the error of a handler as a page.
func (p *Pages) catching(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := h(w, r)
		if err == nil {
			return
		}
		shown, ok := errors.AsType[*problem](err)
		switch {
		case ok:
		case errors.Is(err, inbox.ErrNotFound):
			shown = &problem{http.StatusNotFound, "gone", ""}
		case errors.Is(err, inbox.ErrClosed):
			shown = &problem{http.StatusServiceUnavailable, "closing", ""}
		default:
			shown = &problem{http.StatusInternalServerError, "failed", err.Error()}
		}
		v := p.screen(w, r, "problem")
		page := problemPage{Detail: shown.detail}
		if shown.word == "bad-query" && r.Method == http.MethodGet {
			// What was typed is there to be mended.
			page.Query, page.Action, page.Total = r.FormValue("query"), r.URL.Path, -1
		}
		p.problem(w, v, shown, page)
	})
}

// problem shows one.
func (p *press) problem(w http.ResponseWriter, v *screen, e *problem, page problemPage) {
	v.Title, v.Body = v.T(e.word), page
	if err := p.render(w, "problem", e.status, v); err != nil {
		http.Error(w, "Parley: "+e.Error(), e.status)
	}
}

// render writes a page, or nothing where it fails midway.
func (p *press) render(w http.ResponseWriter, name string, status int, v *screen) error {
	return p.write(w, name, "base", status, v)
}

func (p *press) write(w http.ResponseWriter, page, part string, status int, v *screen) error {
	t := p.templates[page]
	if t == nil {
		return fmt.Errorf("there is no page %q", page)
	}
	var b bytes.Buffer
	if err := t.ExecuteTemplate(&b, part, v); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	w.Write(b.Bytes())
	return nil
}

func (p *press) serveStatic(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("name")
	data, ok := p.static[name]
	if !ok {
		return inbox.ErrNotFound
	}
	w.Header().Set("Cache-Control", "no-cache") // a new version has new ones
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(data))
	return nil
}

// back is where a person goes after a form: to the page that has it. Only a path of ours is taken.
func back(w http.ResponseWriter, r *http.Request, to string) error {
	if from := r.PostFormValue("back"); isOurs(from) {
		to = from
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}
