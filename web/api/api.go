package api

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/parleymail/parley/fault"
	"github.com/parleymail/parley/inbox"
)

// An API answers for a store.
type API struct {
	Inbox     *inbox.Store
	Faults    *fault.Plan
	Forwarder *inbox.Forwarder // nil: nothing is sent on
	Context   context.Context  //nolint:containedctx // ends with the server: what waits for mail ends with it
}

//go:embed openapi.yaml
var openAPI []byte

// A failure is an error that the client hears of.
type failure struct {
	status        int
	code, message string
}

func (f *failure) Error() string { return f.message }

func bad(format string, args ...any) error {
	return &failure{http.StatusBadRequest, "bad_request", fmt.Sprintf(format, args...)}
}

// A route gives what is to be said, as JSON; nil for nothing.
type route func(r *http.Request) (any, error)

// Routes are all that there are, by the pattern of http.ServeMux.
func (a *API) Routes() iter.Seq2[string, http.Handler] {
	plain := map[string]route{
		"GET /api/v1/messages":                a.messages,
		"DELETE /api/v1/messages":             a.deleteMessages,
		"GET /api/v1/messages/{id}":           a.message,
		"PATCH /api/v1/messages/{id}":         a.patchMessage,
		"DELETE /api/v1/messages/{id}":        a.deleteMessage,
		"POST /api/v1/messages/{id}/release":  a.release,
		"GET /api/v1/messages/{id}/releases":  a.releases,
		"GET /api/v1/messages/{id}/structure": a.structure,
		"GET /api/v1/messages/{id}/checks":    a.checks,
		"GET /api/v1/sessions":                a.sessions,
		"DELETE /api/v1/sessions":             a.deleteSessions,
		"GET /api/v1/sessions/{id}":           a.session,
		"DELETE /api/v1/sessions/{id}":        a.deleteSession,
		"GET /api/v1/wait":                    a.wait,
		"GET /api/v1/stats":                   a.stats,
		"GET /api/v1/mailboxes":               a.mailboxes,
		"GET /api/v1/faults":                  a.faults,
		"PUT /api/v1/faults":                  a.replaceFaults,
		"POST /api/v1/faults":                 a.addFault,
		"DELETE /api/v1/faults":               a.clearFaults,
		"DELETE /api/v1/faults/{id}":          a.removeFault,
		"GET /api/v1/personas":                a.personas,
	}
	raw := map[string]http.HandlerFunc{
		"GET /api/v1/messages/{id}/raw":        a.raw,
		"GET /api/v1/messages/{id}/parts/{n}":  a.part,
		"GET /api/v1/sessions/{id}/transcript": a.transcript,
		"GET /api/v1/events":                   a.events,
		"GET /api/v1/openapi.yaml":             serveOpenAPI,
	}
	return func(yield func(string, http.Handler) bool) {
		for pattern, f := range plain {
			if !yield(pattern, answer(f)) {
				return
			}
		}
		for pattern, f := range raw {
			if !yield(pattern, f) {
				return
			}
		}
	}
}

func serveOpenAPI(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/yaml")
	w.Write(openAPI)
}

// answer says what a route gives.
func answer(f route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v, err := f(r)
		switch {
		case err != nil:
			fail(w, err)
		case v == nil:
			w.WriteHeader(http.StatusNoContent)
		default:
			status := http.StatusOK
			if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/faults") {
				status = http.StatusCreated
			}
			say(w, status, v)
		}
	})
}

func say(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(true) // whoever opens it in a browser is shown text
	e.Encode(v)
}

// fail says what went wrong.
func fail(w http.ResponseWriter, err error) {
	f, ok := errors.AsType[*failure](err)
	switch {
	case ok:
	case errors.Is(err, inbox.ErrNotFound):
		f = &failure{http.StatusNotFound, "not_found", "there is no such message or session, or not any more"}
	case errors.Is(err, inbox.ErrClosed), errors.Is(err, context.Canceled):
		f = &failure{http.StatusServiceUnavailable, "closing", "the server is closing"}
	default:
		f = &failure{http.StatusInternalServerError, "internal", err.Error()}
	}
	say(w, f.status, map[string]any{"error": map[string]string{"code": f.code, "message": f.message}})
}

// known refuses parameters that a route does not have: a slip of the pen in a test would make it pass.
// One that cannot be read is refused too: what URL.Query leaves out in silence would be a query that asks for less, and of a DELETE for all.
func known(r *http.Request, names ...string) error {
	all, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return bad("the parameters cannot be read: %v", err)
	}
	for name, values := range all {
		if !slices.Contains(names, name) {
			return bad("there is no parameter %q here; there is %s", name, strings.Join(names, ", "))
		}
		if len(values) > 1 {
			return bad("%s: it stands there twice", name)
		}
		if r.Method == http.MethodDelete && values[0] == "" {
			return bad("%s: it is empty, and without it all would be deleted: leave it out if that is meant", name)
		}
	}
	return nil
}

// body reads a JSON body into v.
func body(r *http.Request, v any) error {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		// A form of another page can be sent as anything but this.
		return &failure{http.StatusUnsupportedMediaType, "content_type", "the body is to be application/json"}
	}
	var read bytes.Buffer // of a body that is bounded, as all are
	d := json.NewDecoder(io.TeeReader(r.Body, &read))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return bad("the body%s", whatIsWrong(err, read.Bytes()))
	}
	if d.More() {
		return bad("the body: something stands behind its end")
	}
	return nil
}

// whatIsWrong words an error of encoding/json without the names of our types, and says where in the body it is.
func whatIsWrong(err error, body []byte) string {
	where := func(offset int64) string {
		before := body[:min(max(offset-1, 0), int64(len(body)))]
		line := bytes.Count(before, []byte("\n"))
		return fmt.Sprintf(", line %d, column %d", line+1, len(before)-bytes.LastIndexByte(before, '\n'))
	}
	if e, ok := errors.AsType[*json.SyntaxError](err); ok {
		return where(e.Offset) + ": " + e.Error()
	}
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		what := "a value"
		if e.Field != "" {
			what = strconv.Quote(e.Field)
		}
		return where(e.Offset) + ": " + what + " cannot be of the type " + e.Value
	}
	switch {
	case errors.Is(err, io.EOF):
		return " is empty"
	case errors.Is(err, io.ErrUnexpectedEOF):
		return " ends too soon"
	}
	return ": " + strings.TrimPrefix(err.Error(), "json: ")
}

// id is that in the path.
func id(r *http.Request) (int64, error) {
	n, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil || n < 1 {
		return 0, inbox.ErrNotFound
	}
	return n, nil
}

func number(r *http.Request, name string) (int64, error) {
	text := r.FormValue(name)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return 0, bad("%s: %q is no number", name, text)
	}
	return n, nil
}

const mostItems = 1000

// query reads what says which messages or sessions are meant.
func query(r *http.Request) (q inbox.Query, err error) {
	if q, err = inbox.ParseQuery(r.FormValue("query")); err != nil {
		return q, bad("query: %v", err)
	}
	if q.Mailbox, err = mailbox(r); err != nil {
		return q, err
	}
	if q.Before, err = number(r, "before"); err != nil {
		return q, err
	}
	if q.After, err = number(r, "after"); err != nil {
		return q, err
	}
	limit, err := number(r, "limit")
	if err != nil {
		return q, err
	}
	if limit > mostItems {
		return q, bad("limit: at most %d", mostItems)
	}
	q.Limit = int(limit)
	if text := r.FormValue("since"); text != "" {
		if q.Since, err = time.Parse(time.RFC3339, text); err != nil {
			return q, bad("since: %q is no time such as 2026-01-02T15:04:05Z", text)
		}
	}
	return q, nil
}

// mailbox is chosen by the parameter or by the header; the two must not differ.
func mailbox(r *http.Request) (string, error) {
	param, header := r.URL.Query().Get("mailbox"), r.Header.Get("Parley-Mailbox")
	if param != "" && header != "" && param != header {
		return "", bad("mailbox: the parameter says %q, and the header Parley-Mailbox %q", param, header)
	}
	if param == "" {
		return header, nil
	}
	return param, nil
}

var listParameters = []string{"query", "mailbox", "before", "after", "limit", "since"}
