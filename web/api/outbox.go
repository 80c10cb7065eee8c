package api

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/relay"
	"github.com/parleymail/parley/smtp"
)

// An Outbox answers for a relay and the box that it keeps mail in: mail is handed over, looked for, held and sent on. Who asks stands in the
// context of each request, by [WithAccount]; without it nobody is answered. A user sees what is theirs, an operator all.
type Outbox struct {
	Box     *outbox.Box
	Relay   *relay.Server
	Context context.Context //nolint:containedctx // ends with the server: what follows events ends with it

	large chan struct{} // holds one for each large body that is being read
	mu    sync.Mutex
	own   map[string]chan struct{} // the same of one user
}

//go:embed openapi-serve.yaml
var openAPIServe []byte

type accountKey struct{}

// WithAccount notes who asks.
func WithAccount(ctx context.Context, a relay.Account) context.Context {
	return context.WithValue(ctx, accountKey{}, a)
}

// AccountOf tells who asks. Without a name there is nobody whose mail could be told from that of others, but for an operator.
func AccountOf(ctx context.Context) (relay.Account, bool) {
	a, ok := ctx.Value(accountKey{}).(relay.Account)
	return a, ok && (a.Operator || a.Name != "")
}

// An asking is a route of an Outbox. It gives what is to be said, as JSON.
type asking func(r *http.Request, who relay.Account) (any, error)

// Routes are all that there are, by the pattern of http.ServeMux.
func (o *Outbox) Routes() iter.Seq2[string, http.Handler] {
	o.large, o.own = make(chan struct{}, mostLarge), make(map[string]chan struct{})
	plain := map[string]asking{
		"GET /api/v1/messages":                  o.list,
		"GET /api/v1/messages/{id}":             o.show,
		"DELETE /api/v1/messages/{id}":          o.purge,
		"POST /api/v1/queue/purge":              o.purgeAll,
		"GET /api/v1/lanes":                     o.lanes,
		"GET /api/v1/suppressions":              o.suppressions,
		"PUT /api/v1/suppressions/{address}":    o.suppress,
		"DELETE /api/v1/suppressions/{address}": o.unsuppress,
	}
	for name, do := range o.actions() {
		plain["POST /api/v1/messages/{id}/"+name] = o.act(do)
		plain["POST /api/v1/queue/"+name] = o.actOnAll(do)
	}
	raw := map[string]http.HandlerFunc{
		"POST " + HandOverPath:          o.handOver,
		"GET /api/v1/messages/{id}/raw": o.raw,
		"GET /api/v1/events":            o.events,
		"GET /api/v1/openapi.yaml":      serveOpenAPIServe,
	}
	return func(yield func(string, http.Handler) bool) {
		for pattern, f := range plain {
			if !yield(pattern, o.answer(f)) {
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

// param is one of the URL's: what a form says in its body is none.
func param(r *http.Request, name string) string { return r.URL.Query().Get(name) }

// answer says what a route gives.
func (o *Outbox) answer(f asking) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who, ok := AccountOf(r.Context())
		if !ok {
			o.fail(w, errStranger)
			return
		}
		v, err := f(r, who)
		switch {
		case err != nil:
			o.fail(w, err)
		case v == nil:
			w.WriteHeader(http.StatusNoContent)
		default:
			say(w, http.StatusOK, v)
		}
	})
}

func serveOpenAPIServe(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/yaml")
	w.Write(openAPIServe)
}

var errStranger = &failure{status: http.StatusUnauthorized, code: "login", message: "log in: a name and a password are wanted (curl --user NAME). If they were given, one of them is wrong"}

// A problem is what is wrong with one field.
type problem struct {
	Field string `json:"field"`
	What  string `json:"what"`
}

// A failed is an error as it is said.
type failed struct {
	Code    string    `json:"code"`
	Message string    `json:"message"`
	Fields  []problem `json:"fields,omitempty"` // of a mail

	status int
	again  time.Time
}

// fail says what went wrong.
func (o *Outbox) fail(w http.ResponseWriter, err error) {
	f := failedOf(err)
	if wait := time.Until(f.again); !f.again.IsZero() {
		w.Header().Set("Retry-After", strconv.Itoa(max(int((wait+time.Second-1)/time.Second), 1)))
	}
	say(w, f.status, map[string]any{"error": f})
}

// failedOf words an error, and keeps to itself what is nobody's business.
func failedOf(err error) *failed {
	if f, ok := errors.AsType[*failure](err); ok {
		return &failed{status: f.status, Code: f.code, Message: f.message}
	}
	soon := time.Now().Add(5 * time.Second)
	if f, ok := errors.AsType[*failed](err); ok {
		return f
	}
	if big, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return &failed{status: http.StatusRequestEntityTooLarge, Code: "too_large", Message: fmt.Sprintf("the request has more than %d octets", big.Limit)}
	}
	if r, ok := errors.AsType[*relay.Refusal](err); ok {
		return refusedAs(r, soon)
	}
	if p, ok := errors.AsType[mail.Problems](err); ok {
		return &failed{status: http.StatusUnprocessableEntity, Code: "invalid", Message: smtp.Printable(p.Error()), Fields: problemsOf(p)}
	}
	switch {
	case errors.Is(err, outbox.ErrNotFound):
		return &failed{status: http.StatusNotFound, Code: "not_found", Message: "there is no such mail, or not any more"}
	case errors.Is(err, outbox.ErrBusy):
		return &failed{status: http.StatusConflict, Code: "busy", Message: "it is being sent now", again: soon}
	case errors.Is(err, outbox.ErrGone):
		return &failed{status: http.StatusConflict, Code: "gone", Message: "its content is no longer kept, so it cannot be sent again"}
	case errors.Is(err, outbox.ErrCorrupt):
		return &failed{status: http.StatusInternalServerError, Code: "corrupt", Message: smtp.Printable(err.Error())}
	case errors.Is(err, outbox.ErrClosed), errors.Is(err, context.Canceled):
		return &failed{status: http.StatusServiceUnavailable, Code: "closing", Message: "the server is closing", again: soon}
	}
	return &failed{status: http.StatusServiceUnavailable, Code: "unavailable", Message: "the database does not answer as it should", again: soon}
}

func (f *failed) Error() string { return f.Message }

func problemsOf(p mail.Problems) []problem {
	list := make([]problem, len(p))
	for i, one := range p {
		list[i] = problem{fieldAsAsked(one.Field), smtp.Printable(one.What)}
	}
	return list
}

// refusals are how a relay's refusals are said by HTTP. What is not here is 422 where the mail would have to be another one, and 503
// where it may come again.
var refusals = []struct {
	code   smtp.EnhancedCode
	status int
	word   string
}{
	{smtp.EnhancedCode{Class: 5, Subject: 3, Detail: 4}, http.StatusRequestEntityTooLarge, "too_large"},
	{smtp.EnhancedCode{Class: 5, Subject: 7, Detail: 0}, http.StatusUnauthorized, "login"},
	{smtp.EnhancedCode{Class: 5, Subject: 7, Detail: 1}, http.StatusForbidden, "not_allowed"},
	{smtp.EnhancedCode{Class: 4, Subject: 3, Detail: 1}, http.StatusInsufficientStorage, "full"},
	{smtp.EnhancedCode{Class: 4, Subject: 3, Detail: 2}, http.StatusServiceUnavailable, "closing"},
}

func refusedAs(r *relay.Refusal, soon time.Time) *failed {
	f := &failed{status: http.StatusUnprocessableEntity, Code: "invalid"}
	for i, line := range r.Reply.Lines {
		if i > 0 {
			f.Message += " "
		}
		f.Message += line
	}
	if big, ok := errors.AsType[*http.MaxBytesError](r.Err); ok {
		return failedOf(big)
	}
	if own, ok := errors.AsType[*failed](r.Err); ok {
		return own
	}
	if p, ok := errors.AsType[mail.Problems](r.Err); ok {
		f.Fields = problemsOf(p)
		return f
	}
	switch {
	case !r.Again.IsZero():
		f.status, f.Code, f.again = http.StatusTooManyRequests, "limit", r.Again
		return f
	case errors.Is(r.Err, outbox.ErrKeyReused):
		f.status, f.Code, f.Message = http.StatusConflict, "key_reused", "the key was used for another mail: a key is for one mail"
		return f
	case r.Err != nil:
		return &failed{status: http.StatusBadRequest, Code: "body", Message: "the mail did not come whole"}
	}
	for _, known := range refusals {
		if known.code == r.Reply.Enhanced {
			f.status, f.Code = known.status, known.word
			if f.status >= 500 {
				f.again = soon
			}
			return f
		}
	}
	if r.Reply.Enhanced.Class == 4 {
		f.status, f.Code, f.again = http.StatusServiceUnavailable, "unavailable", soon
	}
	return f
}
