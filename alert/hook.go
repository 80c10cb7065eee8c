package alert

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/parleymail/parley/internal/plain"
	"github.com/parleymail/parley/smtp"
)

// A Format is how the body of a webhook is read.
type Format string

// The formats of webhooks.
const (
	Generic      Format = "generic"      // title, text, status, severity, fingerprint, labels, url; and what Uptime Kuma sends
	Alertmanager Format = "alertmanager" // version 4
	Grafana      Format = "grafana"      // unified alerting
	Sentry       Format = "sentry"       // issues, events and metrics
	Heartbeat    Format = "heartbeat"    // a sign of life: when none comes for Hook.Every, that is an alert
)

// A Hook is where one program tells of alerts: POST /hook/NAME.
type Hook struct {
	Name      string
	Format    Format // empty: Generic
	Receiver  string // who is told; empty: the first of [Config].Receivers
	Secret    string // at least 16 characters: as a bearer token, or as the password of Basic; with Signature, the key of an HMAC
	Signature string // a header that holds the HMAC-SHA256 of the body in hex, such as Sentry-Hook-Signature; empty: the secret itself is sent
	Every     time.Duration
}

const (
	leastSecret  = 16
	mostBody     = 4 << 20
	mostAlerts   = 10_000 // of one request
	mostRequests = 16     // at once
)

func (c *Config) checkHooks() error {
	var errs []error
	seen := map[string]bool{}
	for i := range c.Hooks {
		h := &c.Hooks[i]
		note := func(format string, args ...any) {
			errs = append(errs, fmt.Errorf("alert: hook %s: %s", plain.Quoted(h.Name), fmt.Sprintf(format, args...)))
		}
		if h.Name == "" || strings.Trim(strings.ToLower(h.Name), "abcdefghijklmnopqrstuvwxyz0123456789-_.") != "" {
			note("its name is not of letters, digits, - _ and .")
		}
		if seen[h.Name] {
			note("there are two of this name")
		}
		seen[h.Name] = true
		switch h.Format {
		case "", Generic, Alertmanager, Grafana, Sentry:
		case Heartbeat:
			if h.Every <= 0 {
				note("every: it is missing")
			}
		default:
			note("%s is no format", plain.Quoted(string(h.Format)))
		}
		if len(h.Secret) < leastSecret {
			note("its secret has less than %d characters", leastSecret)
		}
		if _, err := c.receiver(h.Receiver); err != nil && len(c.Receivers) > 0 {
			note("there is no receiver %s", plain.Quoted(h.Receiver))
		}
	}
	return errors.Join(errs...)
}

// Handler takes the webhooks. 200 means that the alerts are on stable storage.
func (a *Alerts) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /hook/{name}", a.serveHook)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) {
		var n int64
		if err := a.s.reader().Row(r.Context(), "SELECT number FROM parley_alert_state WHERE name = 'turn'", nil, &n); err != nil {
			answer(w, http.StatusServiceUnavailable, "the database cannot be read")
			return
		}
		answer(w, http.StatusOK, "")
	})
	return mux
}

func (a *Alerts) serveHook(w http.ResponseWriter, r *http.Request) {
	h := a.c.hook(r.PathValue("name"))
	if h != nil && h.Signature == "" && !h.opens(r) || h == nil {
		answer(w, http.StatusUnauthorized, "there is no such hook, or its secret is another")
		return
	}
	if !a.enter(h.Signature == "") {
		w.Header().Set("Retry-After", "5")
		answer(w, http.StatusServiceUnavailable, "too many requests at once")
		return
	}
	defer a.leave(h.Signature == "")
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, mostBody))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		answer(w, http.StatusRequestEntityTooLarge, fmt.Sprintf("the body has more than %d octets", mostBody))
		return
	}
	if err != nil {
		answer(w, http.StatusBadRequest, "the body ends too early")
		return
	}
	if h.Signature != "" && !h.signed(r, body) {
		answer(w, http.StatusUnauthorized, "there is no such hook, or its secret is another")
		return
	}
	a.takeHook(w, r, h, body)
}

func (a *Alerts) takeHook(w http.ResponseWriter, r *http.Request, h *Hook, body []byte) {
	if h.Format == Heartbeat {
		if err := a.Beat(r.Context(), h.Name, h.Receiver, h.Every); err != nil {
			a.complain(r.Context(), err)
			answer(w, http.StatusServiceUnavailable, "it could not be stored")
			return
		}
		answer(w, http.StatusOK, "")
		return
	}
	list, err := h.read(body)
	if err != nil {
		answer(w, http.StatusBadRequest, err.Error())
		return
	}
	if len(list) > mostAlerts {
		answer(w, http.StatusRequestEntityTooLarge, fmt.Sprintf("there are more than %d alerts", mostAlerts))
		return
	}
	for i := range list {
		list[i].Receiver = h.Receiver
	}
	if err := a.Take(r.Context(), list...); err != nil {
		a.complain(r.Context(), err)
		w.Header().Set("Retry-After", "5")
		answer(w, http.StatusServiceUnavailable, "they could not be stored")
		return
	}
	answer(w, http.StatusOK, "")
}

func answer(w http.ResponseWriter, code int, problem string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	if code == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	w.WriteHeader(code)
	json.NewEncoder(w).Encode(struct { //nolint:errcheck // who asked is gone
		Taken   bool   `json:"taken"`
		Problem string `json:"problem,omitempty"`
	}{code == http.StatusOK, smtp.Printable(problem)})
}

// enter is asked before a body is read. Who asks is known by its secret, or is not known before the body has been read: strangers can fill the room of these,
// and not of those.
func (a *Alerts) enter(known bool) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := a.room(known)
	if *n >= mostRequests {
		return false
	}
	*n++
	return true
}

func (a *Alerts) leave(known bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	*a.room(known)--
}

func (a *Alerts) room(known bool) *int {
	if known {
		return &a.requests
	}
	return &a.strangers
}

func (c *Config) hook(name string) *Hook {
	for i := range c.Hooks {
		if c.Hooks[i].Name == name {
			return &c.Hooks[i]
		}
	}
	return nil
}

// opens reports whether a request has the hook's secret. How long that takes tells nothing of it.
func (h *Hook) opens(r *http.Request) bool {
	given := ""
	if scheme, rest, _ := strings.Cut(r.Header.Get("Authorization"), " "); strings.EqualFold(scheme, "Bearer") {
		given = strings.TrimSpace(rest)
	}
	if _, password, ok := r.BasicAuth(); ok {
		given = password
	}
	want, have := sha256.Sum256([]byte(h.Secret)), sha256.Sum256([]byte(given))
	return hmac.Equal(want[:], have[:])
}

// signed reports whether a body has the hook's signature.
func (h *Hook) signed(r *http.Request, body []byte) bool {
	given, err := hex.DecodeString(strings.TrimPrefix(strings.TrimSpace(r.Header.Get(h.Signature)), "sha256="))
	if err != nil {
		return false
	}
	mac := hmac.New(sha256.New, []byte(h.Secret))
	mac.Write(body)
	return hmac.Equal(mac.Sum(nil), given)
}
