package web

import (
	"net/http"
	"sync"
	"time"

	"github.com/parleymail/parley/web/api"
)

const (
	mostStreams = 500 // that wait for mail, or for events, at a time
	mostReading = 32  // that hold a whole mail while it is read
	patience    = 10 * time.Second
)

// limited are routes of which so many are answered at a time; another waits its turn for a while, and then hears 503.
func limited(next http.Handler, turns chan struct{}, wait time.Duration) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case turns <- struct{}{}:
		default:
			late := time.NewTimer(wait)
			defer late.Stop()
			select {
			case turns <- struct{}{}:
			case <-r.Context().Done():
				return
			case <-late.C:
				w.Header().Set("Retry-After", "5")
				refuse(w, r, http.StatusServiceUnavailable, "busy", "too many ask for this at once: come again in a moment")
				return
			}
		}
		defer func() { <-turns }()
		next.ServeHTTP(w, r)
	})
}

// shared are routes of which one user has at most so many: who is slow on purpose keeps nobody else waiting.
func shared(next http.Handler, each int, wait time.Duration) http.Handler {
	var mu sync.Mutex
	own := make(map[string]chan struct{}) // by name: users are as many as the configuration has
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who, ok := api.AccountOf(r.Context())
		if !ok || who.Name == "" {
			next.ServeHTTP(w, r)
			return
		}
		mu.Lock()
		turns := own[who.Name]
		if turns == nil {
			turns = make(chan struct{}, each)
			own[who.Name] = turns
		}
		mu.Unlock()
		limited(next, turns, wait).ServeHTTP(w, r)
	})
}
